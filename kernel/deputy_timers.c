// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Timer calls of a guest, made by its deputy: the kernel's own system calls on
 * a page of user memory that is there for the moment.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/posix-timers.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <uapi/asm-generic/siginfo.h>

#include "deputy_timers.h"
#include "hook.h"

/* In the page: what goes in, and what comes out. */
#define MATTX_TIMER_IN		0
#define MATTX_TIMER_OUT		MATTX_CALL_BYTES

struct mattx_timer_call {
	enum mattx_hook	hook;
	u32		in;	/* bytes that the call must bring */
	u32		out;	/* bytes of the answer */
};

static const struct mattx_timer_call mattx_timer_calls[MATTX_CALL_KINDS] = {
	[MATTX_CALL_TIMER_CREATE] = { MATTX_HOOK_TIMER_CREATE, 0, sizeof(timer_t) },
	[MATTX_CALL_TIMER_SETTIME] = { MATTX_HOOK_TIMER_SETTIME,
				       sizeof(struct __kernel_itimerspec),
				       sizeof(struct __kernel_itimerspec) },
	[MATTX_CALL_TIMER_GETTIME] = { MATTX_HOOK_TIMER_GETTIME, 0,
				       sizeof(struct __kernel_itimerspec) },
	[MATTX_CALL_TIMER_GETOVERRUN] = { MATTX_HOOK_TIMER_GETOVERRUN },
	[MATTX_CALL_TIMER_DELETE] = { MATTX_HOOK_TIMER_DELETE },
};

/* Its registers, with pointers into the page. */
static void mattx_timer_registers(const struct mattx_home_call *call, unsigned long page,
				  struct pt_regs *regs)
{
	memset(regs, 0, sizeof(*regs));
	regs->di = call->numbers[0];
	switch (call->kind) {
	case MATTX_CALL_TIMER_CREATE:
		regs->si = call->numbers[1] ? page + MATTX_TIMER_IN : 0;
		regs->dx = page + MATTX_TIMER_OUT;
		break;
	case MATTX_CALL_TIMER_SETTIME:
		regs->si = call->numbers[1];
		regs->dx = page + MATTX_TIMER_IN;
		regs->r10 = page + MATTX_TIMER_OUT;
		break;
	case MATTX_CALL_TIMER_GETTIME:
		regs->si = page + MATTX_TIMER_OUT;
		break;
	}
}

/* The clock of one of our timers, -1: there is no such timer. */
static clockid_t mattx_timer_clock(timer_t id)
{
	/* Ours is there as long as we are. */
	struct sighand_struct *sighand = rcu_dereference_protected(current->sighand, true);
	struct k_itimer *timer;
	clockid_t clock = -1;

	/* They come and go with it held. */
	spin_lock_irq(&sighand->siglock);
	hlist_for_each_entry(timer, &current->signal->posix_timers, list)
		if (timer->it_id == id)
			clock = timer->it_clock;
	spin_unlock_irq(&sighand->siglock);
	return clock;
}

/* How far our clock is ahead of the guest's, ns; what the call took included: no timer is early. */
static s64 mattx_timer_ahead(const struct mattx_home_call *call)
{
	switch (mattx_timer_clock((timer_t)call->numbers[0])) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
		return ktime_get_real_ns() - call->numbers[MATTX_CALL_REALTIME];
	case CLOCK_MONOTONIC:
		return ktime_get_ns() - call->numbers[MATTX_CALL_MONOTONIC];
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return ktime_get_boottime_ns() - call->numbers[MATTX_CALL_BOOTTIME];
	case CLOCK_TAI:
		return ktime_get_clocktai_ns() - call->numbers[MATTX_CALL_TAI];
	}
	return 0;
}

/*
 * A deadline by the clock of the guest's host becomes one by ours.  What is no
 * deadline stays what it is: 0 disarms, and the kernel refuses what is invalid.
 */
static void mattx_timer_deadline(struct mattx_home_call *call)
{
	struct __kernel_itimerspec setting;
	struct timespec64 deadline;
	s64 there;

	memcpy(&setting, call->bytes, sizeof(setting));
	deadline.tv_sec = setting.it_value.tv_sec;
	deadline.tv_nsec = setting.it_value.tv_nsec;
	if (!timespec64_valid(&deadline) || !(deadline.tv_sec || deadline.tv_nsec))
		return;
	there = timespec64_to_ns(&deadline);
	/* One that far away is never reached by either clock. */
	if (there >= KTIME_MAX / 2)
		return;
	deadline = ns_to_timespec64(max_t(s64, there + clamp_t(s64, mattx_timer_ahead(call),
							       -KTIME_MAX / 2, KTIME_MAX / 2), 1));
	setting.it_value.tv_sec = deadline.tv_sec;
	setting.it_value.tv_nsec = deadline.tv_nsec;
	memcpy(call->bytes, &setting, sizeof(setting));
}

void mattx_deputy_timer_call(struct mattx_home_call *call, struct mattx_home_answer *answer)
{
	const struct mattx_timer_call *how = &mattx_timer_calls[call->kind];
	u32 in = call->kind == MATTX_CALL_TIMER_CREATE && call->numbers[1] ?
		 sizeof(struct sigevent) : how->in;
	struct pt_regs regs;
	unsigned long page;

	answer->result = -EINVAL;
	if (call->size != in)
		return;
	if (call->kind == MATTX_CALL_TIMER_SETTIME && call->numbers[1] & TIMER_ABSTIME)
		mattx_timer_deadline(call);
	answer->result = -EOPNOTSUPP;
	if (mattx_hooks_find())
		return;
	/* Where the guest may have something else: it does not stay. */
	page = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	answer->result = -ENOMEM;
	if (IS_ERR_VALUE(page))
		return;
	mattx_timer_registers(call, page, &regs);
	answer->result = -EFAULT;
	if (copy_to_user((void __user *)(page + MATTX_TIMER_IN), call->bytes, in))
		goto unmap;
	answer->result = mattx_hook_original(how->hook, &regs);
	if (answer->result < 0)
		goto unmap;
	answer->size = how->out;
	if (copy_from_user(answer->bytes, (void __user *)(page + MATTX_TIMER_OUT), how->out)) {
		answer->size = 0;
		answer->result = -EFAULT;
	}
unmap:
	vm_munmap(page, PAGE_SIZE);
}
