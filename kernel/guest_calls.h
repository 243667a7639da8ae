/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_GUEST_CALLS_H
#define _MATTX_GUEST_CALLS_H
/*
 * What some system calls of guests do instead, redirected (see hook.h) or on
 * the way to user mode (see homeward.h).  In the caller's context, with what
 * the kernel's own function gets and returns.
 */
#include <linux/types.h>

struct pt_regs;

long mattx_guest_clone(const struct pt_regs *regs);
long mattx_guest_exit_thread(const struct pt_regs *regs);
/* Timers of this clock (clockid_t) are those of home; others the process makes when it is there. */
bool mattx_guest_timer_is_asked_for(u64 clock);
long mattx_guest_timer_create(const struct pt_regs *regs);
long mattx_guest_timer_settime(const struct pt_regs *regs);
long mattx_guest_timer_gettime(const struct pt_regs *regs);
long mattx_guest_timer_getoverrun(const struct pt_regs *regs);
long mattx_guest_timer_delete(const struct pt_regs *regs);
long mattx_guest_mremap(const struct pt_regs *regs);
/* madvise() with MADV_GUARD_INSTALL or MADV_GUARD_REMOVE. */
long mattx_guest_guard(const struct pt_regs *regs);

#endif /* _MATTX_GUEST_CALLS_H */
