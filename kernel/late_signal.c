// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals that came after the state of a guest was captured: the home's side.
 */
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/spinlock.h>

#include "export_private.h"
#include "late_signal.h"
#include "signal.h"

/* Exports that came home last.  A surrogate ends milliseconds after its process came home. */
#define MATTX_RETURNED	32

struct mattx_returned {
	struct mattx_move_key	key;
	u32			node;
	struct pid		*pid;	/* a reference; NULL: free */
};

static DEFINE_SPINLOCK(mattx_returned_lock);	/* nothing nests in it */
static struct mattx_returned mattx_returned[MATTX_RETURNED];
static u32 mattx_returned_next;

void mattx_late_signals_expect(struct mattx_export *export)
{
	struct mattx_returned new = {
		.node = READ_ONCE(export->node),
		.pid = get_pid(task_tgid(export->task)),
	};
	struct pid *old;

	mattx_export_key(export, &new.key);
	spin_lock(&mattx_returned_lock);
	old = mattx_returned[mattx_returned_next].pid;
	mattx_returned[mattx_returned_next] = new;
	mattx_returned_next = (mattx_returned_next + 1) % MATTX_RETURNED;
	spin_unlock(&mattx_returned_lock);
	put_pid(old);
}

/* The process that came home from @node under that name; a reference, NULL. */
static struct task_struct *mattx_returned_find(u32 node, const struct mattx_move_key *key)
{
	struct task_struct *task = NULL;
	struct mattx_returned *entry;
	struct pid *pid = NULL;
	u32 i;

	spin_lock(&mattx_returned_lock);
	for (i = 0; i < MATTX_RETURNED; i++) {
		entry = &mattx_returned[i];
		if (entry->pid && entry->node == node && entry->key.export == key->export &&
		    entry->key.generation == key->generation)
			pid = get_pid(entry->pid);
	}
	spin_unlock(&mattx_returned_lock);
	if (pid)
		task = get_pid_task(pid, PIDTYPE_TGID);
	put_pid(pid);
	return task;
}

void mattx_late_stop(struct mattx_export *export)
{
	bool stop;

	spin_lock(&export->lock);
	stop = export->stop_late;
	export->stop_late = false;
	spin_unlock(&export->lock);
	if (stop)
		send_sig(SIGSTOP, export->task, 1);
}

/* A deputy that is stopped could not take the state over: it has to wait for that. */
static bool mattx_late_stop_waits(struct mattx_export *export, const struct mattx_signal *signal)
{
	bool waits;

	spin_lock(&export->lock);
	waits = export->state == MATTX_EXPORT_RECALLING &&
		(signal->number == SIGSTOP || signal->number == SIGCONT);
	/* The last one counts. */
	if (waits)
		export->stop_late = signal->number == SIGSTOP;
	waits = waits && signal->number == SIGSTOP;
	spin_unlock(&export->lock);
	return waits;
}

void mattx_export_receive_late_signal(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_export *export;
	struct task_struct *task = NULL;
	struct mattx_signal signal;
	struct mattx_move_key key;
	struct mattx_cursor c;

	mattx_frame_reader(frame, &c);
	mattx_move_key_take(&c, &key);
	mattx_signal_take(&c, &signal);
	mattx_frame_free(frame);
	if (c.bad)
		return;
	/* The deputy keeps it until it is the process again, or sends it back. */
	export = mattx_export_find(link, &key);
	if (export) {
		if (!mattx_late_stop_waits(export, &signal))
			task = get_task_struct(export->task);
		mattx_export_put(export);
	} else {
		task = mattx_returned_find(mattx_link_node(link), &key);
	}
	if (!task)
		return;
	mattx_signal_deliver(task, &signal);
	put_task_struct(task);
}

void mattx_late_signals_exit(void)
{
	u32 i;

	for (i = 0; i < MATTX_RETURNED; i++)
		put_pid(mattx_returned[i].pid);
}
