// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * POSIX timers of guests.
 *
 * They are timers of the process at home, where they go on whatever becomes of
 * the guest, and their signals come from there as all others do.  That is for
 * clocks that are the same on both nodes: what counts processor time counts
 * where it is spent.
 */
#include <linux/posix-timers.h>
#include <linux/ptrace.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <uapi/asm-generic/siginfo.h>

#include "guest_calls.h"
#include "guest_private.h"
#include "home_call.h"
#include "hook.h"

static_assert(sizeof(struct sigevent) <= MATTX_CALL_BYTES);

/* @answer is @size bytes long when it succeeds, unless @size is 0. */
static long mattx_timer_call(struct mattx_guest *guest, const struct mattx_home_call *call,
			     struct mattx_home_answer *answer, u32 size)
{
	int error = signal_pending(current) ? -EAGAIN : mattx_home_call(guest, call, answer);

	if (error)
		return error == -EAGAIN ? mattx_home_call_again() : error;
	if (answer->result < 0)
		return answer->result >= -MAX_ERRNO ? answer->result : -EIO;
	return answer->size == size ? answer->result : -EIO;
}

/* What the guest reads from its clocks: a deadline was computed from them. */
static void mattx_timer_clocks(const struct mattx_guest *guest, struct mattx_home_call *call)
{
	call->numbers[MATTX_CALL_REALTIME] = ktime_get_real_ns();
	call->numbers[MATTX_CALL_MONOTONIC] = ktime_get_ns() + guest->monotonic_ahead;
	call->numbers[MATTX_CALL_BOOTTIME] = ktime_get_boottime_ns() + guest->boottime_ahead;
	call->numbers[MATTX_CALL_TAI] = ktime_get_clocktai_ns();
}

bool mattx_guest_timer_is_asked_for(u64 clock)
{
	switch ((clockid_t)clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return true;
	}
	return false;
}

long mattx_guest_timer_create(const struct pt_regs *regs)
{
	struct mattx_home_call call = { .kind = MATTX_CALL_TIMER_CREATE, .numbers = { regs->di } };
	timer_t __user *id = (timer_t __user *)regs->dx;
	struct mattx_guest *guest = mattx_guest_calling();
	struct mattx_home_answer answer;
	long result = -EFAULT;

	if (!guest)
		return mattx_hook_original(MATTX_HOOK_TIMER_CREATE, regs);
	if (regs->si) {
		call.numbers[1] = 1;
		call.size = sizeof(struct sigevent);
		if (copy_from_user(call.bytes, (void __user *)regs->si, call.size))
			goto out;
	}
	/* Before there is a timer that nobody knows how to call. */
	if (put_user(0, id))
		goto out;
	result = mattx_timer_call(guest, &call, &answer, sizeof(timer_t));
	if (!result && copy_to_user(id, answer.bytes, sizeof(timer_t)))
		result = -EFAULT;
out:
	mattx_guest_put(guest);
	return result;
}

long mattx_guest_timer_settime(const struct pt_regs *regs)
{
	struct mattx_home_call call = {
		.kind = MATTX_CALL_TIMER_SETTIME,
		.numbers = { regs->di, regs->si },
		.size = sizeof(struct __kernel_itimerspec),
	};
	struct mattx_guest *guest = mattx_guest_calling();
	struct mattx_home_answer answer;
	long result = -EINVAL;

	if (!guest)
		return mattx_hook_original(MATTX_HOOK_TIMER_SETTIME, regs);
	if (!regs->dx)
		goto out;
	result = -EFAULT;
	if (copy_from_user(call.bytes, (void __user *)regs->dx, call.size))
		goto out;
	mattx_timer_clocks(guest, &call);
	result = mattx_timer_call(guest, &call, &answer, sizeof(struct __kernel_itimerspec));
	if (!result && regs->r10 &&
	    copy_to_user((void __user *)regs->r10, answer.bytes, answer.size))
		result = -EFAULT;
out:
	mattx_guest_put(guest);
	return result;
}

long mattx_guest_timer_gettime(const struct pt_regs *regs)
{
	const struct mattx_home_call call = {
		.kind = MATTX_CALL_TIMER_GETTIME,
		.numbers = { regs->di },
	};
	struct mattx_guest *guest = mattx_guest_calling();
	struct mattx_home_answer answer;
	long result;

	if (!guest)
		return mattx_hook_original(MATTX_HOOK_TIMER_GETTIME, regs);
	result = mattx_timer_call(guest, &call, &answer, sizeof(struct __kernel_itimerspec));
	if (!result && copy_to_user((void __user *)regs->si, answer.bytes, answer.size))
		result = -EFAULT;
	mattx_guest_put(guest);
	return result;
}

/* Those that are told nothing but a number. */
static long mattx_guest_timer_plain(const struct pt_regs *regs, enum mattx_hook hook, u32 kind)
{
	const struct mattx_home_call call = { .kind = kind, .numbers = { regs->di } };
	struct mattx_guest *guest = mattx_guest_calling();
	struct mattx_home_answer answer;
	long result;

	if (!guest)
		return mattx_hook_original(hook, regs);
	result = mattx_timer_call(guest, &call, &answer, 0);
	mattx_guest_put(guest);
	return result;
}

long mattx_guest_timer_getoverrun(const struct pt_regs *regs)
{
	return mattx_guest_timer_plain(regs, MATTX_HOOK_TIMER_GETOVERRUN,
				       MATTX_CALL_TIMER_GETOVERRUN);
}

long mattx_guest_timer_delete(const struct pt_regs *regs)
{
	return mattx_guest_timer_plain(regs, MATTX_HOOK_TIMER_DELETE, MATTX_CALL_TIMER_DELETE);
}
