// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupted sleeps.
 *
 * A restart block holds the address of a function of its kernel that is not
 * exported.  The one that continues a sleep is learnt from the first process
 * that is captured in one.  Until then guests, which end before the module can,
 * continue with a function of our own.  At home such an address must not be
 * left in a task, as restart_syscall would still call it when the module is
 * gone: there a sleep that began away begins anew until the kernel's is known.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/ptrace.h>
#include <linux/restart_block.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/time.h>
#include <linux/timekeeping.h>
#include <linux/unistd.h>
#include <asm/syscall.h>

#include "restart.h"

typedef long (*mattx_restart_function)(struct restart_block *block);

/* This kernel's continuation of nanosleep; NULL until it was seen. */
static mattx_restart_function mattx_sleep_restart;

/* Continuation of nanosleep for guests. */
static long mattx_sleep_continue(struct restart_block *block)
{
	ktime_t expires = block->nanosleep.expires;
	struct timespec64 left;
	s64 nanoseconds;

	set_current_state(TASK_INTERRUPTIBLE);
	if (!schedule_hrtimeout(&expires, HRTIMER_MODE_ABS))
		return 0;
	nanoseconds = block->nanosleep.expires - ktime_get_ns();
	if (nanoseconds <= 0)
		return 0;
	if (block->nanosleep.type == TT_NATIVE) {
		left = ns_to_timespec64(nanoseconds);
		if (put_timespec64(&left, block->nanosleep.rmtp))
			return -EFAULT;
	}
	return -ERESTART_RESTARTBLOCK;
}

void mattx_restart_capture(struct mattx_thread *thread)
{
	const struct pt_regs *regs = task_pt_regs(current);
	const struct restart_block *block = &current->restart_block;
	bool sleeps = regs->orig_ax == __NR_nanosleep || regs->orig_ax == __NR_clock_nanosleep;
	s64 left;

	thread->restart = MATTX_RESTART_NONE;
	if ((long)regs->ax != -ERESTART_RESTARTBLOCK)
		return;
	thread->restart = MATTX_RESTART_AGAIN;
	/* Restarted before: the number is restart_syscall's, the function tells what it was. */
	if (regs->orig_ax == __NR_restart_syscall)
		sleeps = block->fn == mattx_sleep_continue ||
			 (block->fn && block->fn == READ_ONCE(mattx_sleep_restart));
	if (!sleeps || block->nanosleep.clockid != CLOCK_MONOTONIC ||
	    block->nanosleep.type == TT_COMPAT)
		return;
	if (block->fn != mattx_sleep_continue)
		WRITE_ONCE(mattx_sleep_restart, block->fn);
	left = block->nanosleep.expires - ktime_get_ns();
	thread->restart = MATTX_RESTART_SLEEP;
	thread->restart_clock = block->nanosleep.clockid;
	thread->restart_left = max_t(s64, left, 0);
	if (block->nanosleep.type == TT_NATIVE)
		thread->restart_rmtp = (unsigned long)block->nanosleep.rmtp;
}

void mattx_restart_apply(const struct mattx_thread *thread, bool away)
{
	mattx_restart_function restart = READ_ONCE(mattx_sleep_restart);
	struct restart_block *block = &current->restart_block;
	struct pt_regs *regs = task_pt_regs(current);

	if (thread->restart == MATTX_RESTART_NONE)
		return;
	if (!restart && away)
		restart = mattx_sleep_continue;
	if (thread->restart == MATTX_RESTART_SLEEP && restart) {
		block->nanosleep.clockid = CLOCK_MONOTONIC;
		block->nanosleep.type = thread->restart_rmtp ? TT_NATIVE : TT_NONE;
		block->nanosleep.rmtp =
			(struct __kernel_timespec __user *)(unsigned long)thread->restart_rmtp;
		block->nanosleep.expires = ktime_get_ns() + thread->restart_left;
		block->arch_data = 0;
		block->fn = restart;
		return;
	}
	/*
	 * Called again with the arguments that are still in its registers.  A call
	 * that was already restarted once has lost its number, and ends early.
	 */
	regs->ax = regs->orig_ax == __NR_restart_syscall ? -EINTR : -ERESTARTNOINTR;
}
