// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Redirected system calls.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>

#include "guest.h"
#include "guest_calls.h"
#include "hook.h"

/* With ENDBR at its beginning, the traced site is that much behind it. */
#define MATTX_ENDBR		0xfa1e0ff3
#define MATTX_ENDBR_LENGTH	4

static const struct {
	const char		*name;
	mattx_system_call	replacement;
} mattx_hooks[MATTX_HOOKS] = {
	[MATTX_HOOK_CLONE]	= { "__x64_sys_clone", mattx_guest_clone },
	[MATTX_HOOK_EXIT]	= { "__x64_sys_exit", mattx_guest_exit_thread },
	[MATTX_HOOK_MREMAP]	= { "__x64_sys_mremap", mattx_guest_mremap },
	[MATTX_HOOK_TIMER_CREATE] = { .name = "__x64_sys_timer_create" },
	[MATTX_HOOK_TIMER_SETTIME] = { .name = "__x64_sys_timer_settime" },
	[MATTX_HOOK_TIMER_GETTIME] = { .name = "__x64_sys_timer_gettime" },
	[MATTX_HOOK_TIMER_GETOVERRUN] = { .name = "__x64_sys_timer_getoverrun" },
	[MATTX_HOOK_TIMER_DELETE] = { .name = "__x64_sys_timer_delete" },
	[MATTX_HOOK_MADVISE]	= { .name = "__x64_sys_madvise" },
};

/* Serializes finding and starting; held while text is patched. */
static DEFINE_MUTEX(mattx_hooks_mutex);
static unsigned long mattx_hook_addresses[MATTX_HOOKS];	/* set once */
static bool mattx_hooks_found, mattx_hooks_started;	/* the mutex */

mattx_system_call mattx_hook_function(enum mattx_hook hook)
{
	return (mattx_system_call)READ_ONCE(mattx_hook_addresses[hook]);
}

noinline long mattx_hook_original(enum mattx_hook hook, const struct pt_regs *regs)
{
	long result = mattx_hook_function(hook)(regs);

	/* A call, not a jump: who called is how the redirection knows its own. */
	barrier();
	return result;
}

/* 0: there is no such function, or it cannot be called by its address here. */
static unsigned long mattx_hook_find(const char *name)
{
	struct kprobe probe = { .symbol_name = name, .flags = KPROBE_FLAG_DISABLED };
	unsigned long address;
	u32 begin;

	/* Never armed; the way for modules to learn an address. */
	if (register_kprobe(&probe))
		return 0;
	address = (unsigned long)probe.addr - probe.offset;
	unregister_kprobe(&probe);
	if (get_kernel_nofault(begin, (u32 *)address))
		return 0;
	if (begin != MATTX_ENDBR &&
	    !get_kernel_nofault(begin, (u32 *)(address - MATTX_ENDBR_LENGTH)) &&
	    begin == MATTX_ENDBR)
		return address - MATTX_ENDBR_LENGTH;
	if (begin != MATTX_ENDBR && cpu_feature_enabled(X86_FEATURE_IBT))
		return 0;
	return address;
}

int mattx_hooks_find(void)
{
	unsigned long addresses[MATTX_HOOKS];
	int i, error = 0;

	mutex_lock(&mattx_hooks_mutex);
	for (i = 0; i < MATTX_HOOKS && !mattx_hooks_found && !error; i++) {
		addresses[i] = mattx_hook_find(mattx_hooks[i].name);
		if (!addresses[i]) {
			pr_warn("%s cannot be redirected on this kernel: it takes no guests\n",
				mattx_hooks[i].name);
			error = -ENOENT;
		}
	}
	if (!mattx_hooks_found && !error) {
		for (i = 0; i < MATTX_HOOKS; i++)
			WRITE_ONCE(mattx_hook_addresses[i], addresses[i]);
		mattx_hooks_found = true;
	}
	mutex_unlock(&mattx_hooks_mutex);
	return error;
}

/* At the beginning of one of the functions, in the context of its caller; may not sleep. */
static void notrace mattx_hook_enter(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	int i;

	/* Each guest has the stub's filter, and most of the others have none. */
	if (current->seccomp.mode == SECCOMP_MODE_DISABLED ||
	    !mattx_guest_is(current->group_leader) || within_module(parent_ip, THIS_MODULE))
		return;
	for (i = 0; i < MATTX_HOOKS_REDIRECTED; i++)
		if (ip - mattx_hook_addresses[i] <= MATTX_ENDBR_LENGTH)
			ftrace_regs_set_instruction_pointer(fregs, (unsigned long)
							    mattx_hooks[i].replacement);
}

static struct ftrace_ops mattx_hook_ops = {
	.func	= mattx_hook_enter,
	.flags	= FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

int mattx_hooks_start(void)
{
	int error = mattx_hooks_find();

	if (error)
		return error;
	mutex_lock(&mattx_hooks_mutex);
	if (!mattx_hooks_started) {
		error = ftrace_set_filter_ips(&mattx_hook_ops, mattx_hook_addresses,
					      MATTX_HOOKS_REDIRECTED, 0, 1);
		if (!error)
			error = register_ftrace_function(&mattx_hook_ops);
		if (error) {
			ftrace_free_filter(&mattx_hook_ops);
			pr_warn("system calls of guests cannot be redirected (error %d): this node takes none\n",
				-error);
		}
		mattx_hooks_started = !error;
	}
	mutex_unlock(&mattx_hooks_mutex);
	return error;
}

void mattx_hooks_exit(void)
{
	if (!mattx_hooks_started)
		return;
	/* Also waits for those that are just being redirected, of which there can be none. */
	unregister_ftrace_function(&mattx_hook_ops);
	ftrace_free_filter(&mattx_hook_ops);
}
