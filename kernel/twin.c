// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Twins.
 *
 * The deputy calls the kernel's clone() itself, from inside of the module.  Its
 * new thread would come back to user mode as a copy of the deputy's registers,
 * which mean nothing; but the tracepoint for new tasks is passed before the
 * thread runs for the first time, and gives it task work to do on its way there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "export_private.h"
#include "hook.h"
#include "threads.h"
#include "twin.h"

#define MATTX_TWIN_FLAGS	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | \
				 CLONE_THREAD | CLONE_SYSVSEM)

/* Serializes the registration. */
static DEFINE_MUTEX(mattx_twin_mutex);
static struct tracepoint *mattx_fork_tracepoint;	/* set once; NULL: not registered */
/* Deputies inside of clone(); other forks of the node only look at this. */
static atomic_t mattx_twins_expected = ATOMIC_INIT(0);

/* In the context of the parent, preemption off, before the child runs. */
static void mattx_twin_born(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct mattx_export *export;

	if (likely(!atomic_read(&mattx_twins_expected)))
		return;
	export = mattx_export_of(parent);
	if (!export)
		return;
	/* The parent's own field: it is inside of clone(). */
	if (export->twin)
		mattx_threads_adopt(export->twin, child);
	export->twin = NULL;
	mattx_export_put(export);
}

static void mattx_twin_find(struct tracepoint *tracepoint, void *found)
{
	if (!strcmp(tracepoint->name, "sched_process_fork"))
		*(struct tracepoint **)found = tracepoint;
}

static int mattx_twin_watch(void)
{
	struct tracepoint *found = NULL;
	int error = 0;

	mutex_lock(&mattx_twin_mutex);
	if (!mattx_fork_tracepoint) {
		for_each_kernel_tracepoint(mattx_twin_find, &found);
		error = found ? tracepoint_probe_register(found, mattx_twin_born, NULL) : -ENOENT;
		if (!error)
			mattx_fork_tracepoint = found;
	}
	mutex_unlock(&mattx_twin_mutex);
	return error;
}

long mattx_twin_make(struct mattx_export *export)
{
	struct pt_regs arguments = { .di = MATTX_TWIN_FLAGS };
	struct mattx_held *twin;
	long result;

	if (mattx_hooks_find() || mattx_twin_watch())
		return -EOPNOTSUPP;
	twin = mattx_threads_expect(export->threads);
	if (IS_ERR(twin))
		return PTR_ERR(twin);
	export->twin = twin;
	atomic_inc(&mattx_twins_expected);
	result = mattx_hook_original(MATTX_HOOK_CLONE, &arguments);
	atomic_dec(&mattx_twins_expected);
	/* Nobody was born: it is still there. */
	if (export->twin) {
		export->twin = NULL;
		mattx_threads_forget(twin);
	}
	return result;
}

void mattx_twin_exit(void)
{
	if (!mattx_fork_tracepoint)
		return;
	tracepoint_probe_unregister(mattx_fork_tracepoint, mattx_twin_born, NULL);
	tracepoint_synchronize_unregister();
}
