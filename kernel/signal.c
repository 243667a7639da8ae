// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals.
 */
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "capture.h"
#include "signal.h"

/* A process with more pending signals than this keeps the rest for later. */
#define MATTX_SIGNALS_LIMIT	4096

void mattx_signals_kernel(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGKILL);
	sigaddset(set, SIGSTOP);
}

void mattx_signals_capture(struct mattx_blueprint *print)
{
	int i;

	BUILD_BUG_ON(_NSIG != MATTX_SIGNALS);
	BUILD_BUG_ON(sizeof(sigset_t) != sizeof(u64));
	spin_lock_irq(&mattx_own_sighand()->siglock);
	for (i = 0; i < MATTX_SIGNALS; i++) {
		const struct sigaction *action = &mattx_own_sighand()->action[i].sa;

		print->actions[i].handler = (unsigned long)action->sa_handler;
		print->actions[i].flags = action->sa_flags;
		print->actions[i].restorer = (unsigned long)action->sa_restorer;
		print->actions[i].mask = action->sa_mask.sig[0];
	}
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

void mattx_signals_capture_masks(struct mattx_thread *thread)
{
	spin_lock_irq(&mattx_own_sighand()->siglock);
	thread->blocked = current->blocked.sig[0];
	thread->saved_mask = current->saved_sigmask.sig[0];
	thread->restore_mask = test_restore_sigmask();
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

void mattx_signals_apply_masks(const struct mattx_thread *thread)
{
	struct mattx_signal_masks masks = {
		.blocked.sig[0] = thread->blocked,
		.saved.sig[0] = thread->saved_mask,
		.restore = thread->restore_mask,
	};

	mattx_signals_unblock(&masks);
}

void mattx_signals_apply(const struct mattx_blueprint *print)
{
	int i;

	spin_lock_irq(&mattx_own_sighand()->siglock);
	for (i = 0; i < MATTX_SIGNALS; i++) {
		struct sigaction *action = &mattx_own_sighand()->action[i].sa;

		/* Nobody catches these two, whatever a peer says. */
		if (sig_kernel_only(i + 1))
			continue;
		action->sa_handler = (__sighandler_t)(unsigned long)print->actions[i].handler;
		action->sa_flags = print->actions[i].flags & UAPI_SA_FLAGS;
		action->sa_restorer = (__sigrestore_t)(unsigned long)print->actions[i].restorer;
		action->sa_mask.sig[0] = print->actions[i].mask;
	}
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

void mattx_signals_block(struct mattx_signal_masks *masks)
{
	sigset_t open;

	mattx_signals_kernel(&open);
	spin_lock_irq(&mattx_own_sighand()->siglock);
	masks->blocked = current->blocked;
	masks->saved = current->saved_sigmask;
	masks->restore = test_restore_sigmask();
	sigfillset(&current->blocked);
	sigandnsets(&current->blocked, &current->blocked, &open);
	clear_restore_sigmask();
	recalc_sigpending();
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

void mattx_signals_unblock(const struct mattx_signal_masks *masks)
{
	sigset_t open;

	mattx_signals_kernel(&open);
	spin_lock_irq(&mattx_own_sighand()->siglock);
	sigandnsets(&current->blocked, &masks->blocked, &open);
	current->saved_sigmask = masks->saved;
	if (masks->restore)
		set_restore_sigmask();
	else
		clear_restore_sigmask();
	recalc_sigpending();
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

/* Something else than the kernel's own business was sent to this very thread. */
static bool mattx_signal_is_own(const sigset_t *kernel)
{
	sigset_t own;

	sigandnsets(&own, &current->pending.signal, kernel);
	return !sigisemptyset(&own);
}

/* One that is not in @but. */
static bool mattx_signal_take_off(struct mattx_signal *signal, sigset_t *but, bool own)
{
	enum pid_type type = PIDTYPE_TGID;
	kernel_siginfo_t info;
	int number = 0;

	BUILD_BUG_ON(sizeof(info._sifields) != MATTX_SIGNAL_FIELDS);
	clear_siginfo(&info);
	spin_lock_irq(&mattx_own_sighand()->siglock);
	/* The thread's own come first. */
	if (!own || mattx_signal_is_own(but))
		number = dequeue_signal(but, &info, &type);
	recalc_sigpending();
	spin_unlock_irq(&mattx_own_sighand()->siglock);
	if (!number)
		return false;
	signal->number = number;
	signal->error = info.si_errno;
	signal->code = info.si_code;
	signal->tid = type == PIDTYPE_PID ? task_pid_vnr(current) : 0;
	memcpy(signal->fields, &info._sifields, sizeof(signal->fields));
	return true;
}

bool mattx_signal_dequeue(struct mattx_signal *signal, bool own)
{
	sigset_t kernel;

	mattx_signals_kernel(&kernel);
	return mattx_signal_take_off(signal, &kernel, own);
}

bool mattx_signal_dequeue_stop(struct mattx_signal *signal)
{
	sigset_t others;

	sigfillset(&others);
	sigdelset(&others, SIGSTOP);
	return mattx_signal_take_off(signal, &others, false);
}

/* The thread of @task's process that is called @tid in its own pid namespace; a reference, NULL. */
static struct task_struct *mattx_signal_thread(struct task_struct *task, u32 tid)
{
	struct task_struct *thread, *found = NULL;

	rcu_read_lock();
	for_each_thread(task, thread)
		if (task_pid_nr_ns(thread, task_active_pid_ns(task)) == tid)
			found = get_task_struct(thread);
	rcu_read_unlock();
	return found;
}

/* One that would take the signal now, as the kernel chooses it; a reference. */
static struct task_struct *mattx_signal_taker(struct task_struct *task, int number)
{
	struct task_struct *thread, *found = NULL;

	rcu_read_lock();
	for_each_thread(task, thread) {
		if (thread->flags & PF_EXITING)
			continue;
		if (!sigismember(&thread->blocked, number)) {
			found = thread;
			break;
		}
		found = found ?: thread;
	}
	found = get_task_struct(found ?: task);
	rcu_read_unlock();
	return found;
}

/*
 * No function that is exported sends a signal with its information to a
 * process; only to a thread.  From there it is moved to where the process's
 * are, unless the thread has it by now: it comes after those that wait there,
 * and whoever lets it through first shall have it, should the thread block it
 * meanwhile.  @first: before them.
 */
static void mattx_signal_share(struct task_struct *task, int number, bool first)
{
	struct sigpending *shared = &task->signal->shared_pending;
	struct sigqueue *queued, *last = NULL;
	struct sighand_struct *sighand;
	struct task_struct *thread;
	unsigned long flags;
	bool more = false;

	/* Where nobody else could take it, its own queue keeps the order by itself. */
	if (!first && thread_group_empty(task))
		return;
	rcu_read_lock();
	sighand = rcu_dereference(task->sighand);
	if (!sighand)
		goto out;
	spin_lock_irqsave(&sighand->siglock, flags);
	if (rcu_access_pointer(task->sighand) != sighand ||
	    !sigismember(&task->pending.signal, number))
		goto unlock;
	/* Of an ordinary number there is one. */
	if (number < SIGRTMIN && sigismember(&shared->signal, number))
		goto unlock;
	/* The last one; others of the number were sent to the thread alone. */
	list_for_each_entry(queued, &task->pending.list, list) {
		if (queued->info.si_signo != number)
			continue;
		more = last;
		last = queued;
	}
	if (last && first)
		list_move(&last->list, &shared->list);
	else if (last)
		list_move_tail(&last->list, &shared->list);
	if (!more)
		sigdelset(&task->pending.signal, number);
	sigaddset(&shared->signal, number);
	/* It was woken to take it. */
	if (!sigismember(&task->blocked, number) && !(task->flags & PF_EXITING))
		goto unlock;
	/* One that let it through meanwhile has looked before it was there. */
	for_each_thread(task, thread) {
		if (sigismember(&thread->blocked, number) || thread->flags & PF_EXITING)
			continue;
		set_tsk_thread_flag(thread, TIF_SIGPENDING);
		wake_up_process(thread);
	}
unlock:
	spin_unlock_irqrestore(&sighand->siglock, flags);
out:
	rcu_read_unlock();
}

/* In a queue of signals; the siglock is held. */
static struct sigqueue *mattx_signal_of_timer(struct sigpending *pending,
					      const kernel_siginfo_t *info)
{
	struct sigqueue *queued;

	list_for_each_entry(queued, &pending->list, list)
		if (queued->info.si_signo == info->si_signo && queued->info.si_code == SI_TIMER &&
		    queued->info.si_tid == info->si_tid)
			return queued;
	return NULL;
}

/*
 * A timer has at most one signal on its way: what it would send besides is
 * counted in it.  At home the next one may be sent as soon as this one was
 * forwarded.  true: it is counted.
 */
static bool mattx_signal_overrun(struct task_struct *task, const kernel_siginfo_t *info)
{
	struct sighand_struct *sighand;
	struct sigqueue *queued = NULL;
	unsigned long flags;
	s64 overrun;

	if (info->si_code != SI_TIMER)
		return false;
	rcu_read_lock();
	sighand = rcu_dereference(task->sighand);
	if (!sighand)
		goto out;
	spin_lock_irqsave(&sighand->siglock, flags);
	if (rcu_access_pointer(task->sighand) == sighand) {
		queued = mattx_signal_of_timer(&task->pending, info) ?:
			 mattx_signal_of_timer(&task->signal->shared_pending, info);
		if (queued) {
			overrun = (s64)queued->info.si_overrun + info->si_overrun + 1;
			queued->info.si_overrun = min_t(s64, overrun, INT_MAX);
		}
	}
	spin_unlock_irqrestore(&sighand->siglock, flags);
out:
	rcu_read_unlock();
	return queued;
}

static int mattx_signal_send(struct task_struct *task, const struct mattx_signal *signal,
			     bool first)
{
	struct task_struct *taker;
	kernel_siginfo_t info;
	int error;

	clear_siginfo(&info);
	info.si_signo = signal->number;
	info.si_errno = signal->error;
	info.si_code = signal->code;
	memcpy(&info._sifields, signal->fields, sizeof(signal->fields));
	taker = signal->tid ? mattx_signal_thread(task, signal->tid) :
			      mattx_signal_taker(task, signal->number);
	if (!taker)
		return -ESRCH;
	error = 0;
	if (!mattx_signal_overrun(taker, &info)) {
		error = send_sig_info(signal->number, &info, taker);
		if (!signal->tid)
			mattx_signal_share(taker, signal->number, first);
	}
	put_task_struct(taker);
	return error;
}

int mattx_signal_deliver(struct task_struct *task, const struct mattx_signal *signal)
{
	return mattx_signal_send(task, signal, false);
}

/* Of the process's own number there is one that is newer, and counts for both. */
static bool mattx_signal_is_pending(int number)
{
	bool pending;

	spin_lock_irq(&mattx_own_sighand()->siglock);
	pending = sigismember(&current->signal->shared_pending.signal, number);
	spin_unlock_irq(&mattx_own_sighand()->siglock);
	return pending;
}

/*
 * Pending ones come (back) before those that were sent meanwhile.  Those for
 * single threads go in their order, those for the process from the last one
 * on, each before all others.
 */
static void mattx_signal_resend(const struct mattx_signal *signal)
{
	if (signal->tid)
		mattx_signal_send(current, signal, false);
	else if (signal->number >= SIGRTMIN || !mattx_signal_is_pending(signal->number))
		mattx_signal_send(current, signal, true);
}

void mattx_signals_apply_pending(const struct mattx_blueprint *print)
{
	u32 i, count = print->signals.count;
	struct mattx_signal signal;

	for (i = 0; i < count; i++)
		if (!mattx_signal_get(&print->signals, i, &signal) && signal.tid)
			mattx_signal_resend(&signal);
	for (i = count; i > 0; i--)
		if (!mattx_signal_get(&print->signals, i - 1, &signal) && !signal.tid)
			mattx_signal_resend(&signal);
}

void mattx_signals_return(const struct mattx_signal *signals, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (signals[i].tid)
			mattx_signal_resend(&signals[i]);
	for (i = count; i > 0; i--)
		if (!signals[i - 1].tid)
			mattx_signal_resend(&signals[i - 1]);
}

int mattx_signals_take(struct mattx_signal **signals, u32 *count, bool own)
{
	struct mattx_signal signal;
	u32 room = 0, wanted;

	while (*count < MATTX_SIGNALS_LIMIT) {
		if (*count == room) {
			struct mattx_signal *longer;

			wanted = room ? room * 2 : 16;
			longer = kvmalloc_array(wanted, sizeof(*longer), GFP_KERNEL);
			if (!longer)
				return -ENOMEM;
			if (room)
				memcpy(longer, *signals, room * sizeof(*longer));
			kvfree(*signals);
			*signals = longer;
			room = wanted;
		}
		if (!mattx_signal_dequeue(&signal, own))
			break;
		(*signals)[(*count)++] = signal;
	}
	return 0;
}
