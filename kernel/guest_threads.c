// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that a guest begins and ends.
 *
 * Each has a twin at home, made before it, whose tid becomes its own.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/idr.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "guest_calls.h"
#include "guest_private.h"
#include "home_call.h"
#include "hook.h"

/* A tid of home may be in use here, by the init process of the namespace for instance. */
#define MATTX_TWIN_TRIES	16

static void mattx_put_tid(struct mattx_cursor *c, const void *what)
{
	mattx_put_u32(c, *(const u32 *)what);
}

/* Its twin ends too. */
static void mattx_guest_thread_ended(struct mattx_guest *guest, u32 tid)
{
	mattx_guest_send(guest, MATTX_WIRE_THREAD_END, mattx_put_tid, &tid);
}

static bool mattx_tid_is_free(u32 tid)
{
	bool is_free;

	rcu_read_lock();
	is_free = !find_pid_ns(tid, task_active_pid_ns(current));
	rcu_read_unlock();
	return is_free;
}

/* The tid of a new twin; 0: there are no twins; -errno as clone() has it, -EAGAIN: try again. */
static long mattx_guest_twin(struct mattx_guest *guest)
{
	const struct mattx_home_call call = { .kind = MATTX_CALL_THREAD };
	struct mattx_home_answer answer;
	int error, tries;

	for (tries = 0; tries < MATTX_TWIN_TRIES; tries++) {
		error = mattx_home_call(guest, &call, &answer);
		if (error)
			return error == -EAGAIN ? mattx_home_call_again() : error;
		if (answer.result == -EOPNOTSUPP)
			return 0;
		if (answer.result < 0 && answer.result >= -MAX_ERRNO)
			return answer.result;
		if (answer.result <= 0 || answer.result > PID_MAX_LIMIT)
			return -EAGAIN;
		if (mattx_tid_is_free(answer.result))
			return answer.result;
		mattx_guest_thread_ended(guest, answer.result);
	}
	return -EAGAIN;
}

static long mattx_guest_begin_thread(struct mattx_guest *guest, const struct pt_regs *regs)
{
	long tid, result;

	/* As clone() itself would; also the way to the border for who wants us there. */
	if (signal_pending(current) || mutex_lock_interruptible(&guest->thread_mutex))
		return mattx_home_call_again();
	tid = mattx_guest_twin(guest);
	result = tid;
	if (tid > 0)
		/* The next one that is given, as nobody else is made in this namespace now. */
		idr_set_cursor(&task_active_pid_ns(current)->idr, tid);
	if (tid >= 0)
		result = mattx_hook_original(MATTX_HOOK_CLONE, regs);
	mutex_unlock(&guest->thread_mutex);
	if (tid > 0 && result != tid) {
		mattx_guest_thread_ended(guest, tid);
		if (result > 0)
			pr_warn_ratelimited("guest %s of node %u: a thread has tid %ld instead of %ld and keeps it from going home\n",
					    guest->comm, guest->home, result, tid);
	}
	return result;
}

/* Guests have no other call that makes a thread: clone3 is not there for them, see the stub. */
long mattx_guest_clone(const struct pt_regs *regs)
{
	struct mattx_guest *guest = regs->di & CLONE_THREAD ? mattx_guest_calling() : NULL;
	long result;

	if (!guest)
		return mattx_hook_original(MATTX_HOOK_CLONE, regs);
	result = mattx_guest_begin_thread(guest, regs);
	mattx_guest_put(guest);
	return result;
}

long mattx_guest_exit_thread(const struct pt_regs *regs)
{
	struct mattx_guest *guest = thread_group_leader(current) ? NULL : mattx_guest_calling();

	if (guest) {
		mattx_guest_thread_ended(guest, task_pid_vnr(current));
		mattx_guest_put(guest);
	}
	return mattx_hook_original(MATTX_HOOK_EXIT, regs);
}
