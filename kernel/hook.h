/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_HOOK_H
#define _MATTX_HOOK_H
/*
 * System calls that mean something else in a guest, or that a deputy makes.
 *
 * Those that a guest begins and ends threads with are redirected by ftrace,
 * and only for guests: other processes pay some dozens of instructions in those
 * calls, which take thousands, and nothing in all others.  Nothing is
 * redirected before the first guest comes.
 *
 * These functions are not exported.  Their addresses are those in the table of
 * system calls, so that their beginning is a valid target of an indirect call
 * even where the processor checks that (IBT); the rest of the kernel's own
 * functions have lost that and must never be called by address.
 */
#include <linux/types.h>

struct pt_regs;

typedef long (*mattx_system_call)(const struct pt_regs *regs);

enum mattx_hook {
	MATTX_HOOK_CLONE,
	MATTX_HOOK_EXIT,
	MATTX_HOOK_MREMAP,
	MATTX_HOOKS_REDIRECTED,
	/* Called by their addresses only. */
	MATTX_HOOK_TIMER_CREATE = MATTX_HOOKS_REDIRECTED,
	MATTX_HOOK_TIMER_SETTIME,
	MATTX_HOOK_TIMER_GETTIME,
	MATTX_HOOK_TIMER_GETOVERRUN,
	MATTX_HOOK_TIMER_DELETE,
	MATTX_HOOK_MADVISE,
	MATTX_HOOKS
};

/*
 * The kernel's own function; NULL before mattx_hooks_find() succeeded.  Call
 * it through mattx_hook_original(), which is not redirected again.
 */
mattx_system_call mattx_hook_function(enum mattx_hook hook);
/* In the context of the caller of the system call, with its registers or prepared ones. */
long mattx_hook_original(enum mattx_hook hook, const struct pt_regs *regs);

/* Looks the functions up, once.  May sleep; -ENOENT: not all of them can be called. */
int mattx_hooks_find(void);
/* Redirects them from here on until the module goes.  May sleep. */
int mattx_hooks_start(void);
/* No guest is left. */
void mattx_hooks_exit(void);

#endif /* _MATTX_HOOK_H */
