// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Held threads.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/unistd.h>
#include <asm/syscall.h>

#include "capture.h"
#include "compat.h"
#include "regs.h"
#include "threads.h"

/* Threads that do not stand pinned by then are stopped. */
#define MATTX_PIN_DEADLINE	(5 * HZ)
#define MATTX_SYSCALL_LENGTH	2	/* bytes of the instruction */

/* All held threads, for those that come back from a stop.  Nests in a threads' lock. */
static DEFINE_SPINLOCK(mattx_helds_lock);
static LIST_HEAD(mattx_helds);

struct mattx_threads *mattx_threads_create(bool away)
{
	struct mattx_threads *threads = kzalloc_obj(*threads);

	if (!threads)
		return NULL;
	/* Called from inside of the module; each held thread leaves it by way of a put. */
	__module_get(THIS_MODULE);
	refcount_set(&threads->references, 1);
	threads->away = away;
	spin_lock_init(&threads->lock);
	INIT_LIST_HEAD(&threads->list);
	init_waitqueue_head(&threads->wake_held);
	init_waitqueue_head(&threads->wake_main);
	return threads;
}

struct mattx_threads *mattx_threads_hold(struct mattx_threads *threads)
{
	refcount_inc(&threads->references);
	return threads;
}

void mattx_threads_put(struct mattx_threads *threads)
{
	if (!threads || !refcount_dec_and_test(&threads->references))
		return;
	kfree(threads);
	module_put(THIS_MODULE);
}

static struct mattx_held *mattx_held_create(struct mattx_threads *threads)
{
	struct mattx_held *held = kzalloc_obj(*held);

	if (held)
		held->threads = mattx_threads_hold(threads);
	return held;
}

/* It is @task from here on, in its place by tid. */
static void mattx_held_list(struct mattx_held *held, struct task_struct *task)
{
	struct mattx_threads *threads = held->threads;
	struct mattx_held *other;

	held->task = get_task_struct(task);
	held->tid = task_pid_nr_ns(task, task_active_pid_ns(current));
	spin_lock(&threads->lock);
	list_for_each_entry(other, &threads->list, list)
		if (other->tid > held->tid)
			break;
	list_add_tail(&held->list, &other->list);
	threads->count++;
	spin_lock(&mattx_helds_lock);
	list_add_tail(&held->all, &mattx_helds);
	spin_unlock(&mattx_helds_lock);
	spin_unlock(&threads->lock);
}

/* It leaves, or never came. */
static void mattx_held_free(struct mattx_held *held)
{
	struct mattx_threads *threads = held->threads;

	spin_lock(&threads->lock);
	list_del(&held->list);
	threads->count--;
	spin_lock(&mattx_helds_lock);
	list_del(&held->all);
	spin_unlock(&mattx_helds_lock);
	spin_unlock(&threads->lock);
	wake_up_all(&threads->wake_main);
	kvfree(held->xstate);
	kvfree(held->signals);
	kvfree(held->next);
	put_task_struct(held->task);
	kfree(held);
	mattx_threads_put(threads);
}

static void mattx_held_set_stand(struct mattx_held *held, enum mattx_stand stand)
{
	spin_lock(&held->threads->lock);
	held->stand = stand;
	spin_unlock(&held->threads->lock);
	wake_up_all(&held->threads->wake_main);
}

static enum mattx_order mattx_held_order(struct mattx_held *held)
{
	return READ_ONCE(held->order);
}

static bool mattx_held_forward(struct mattx_held *held)
{
	struct mattx_threads *threads = held->threads;
	struct mattx_threads_duty duty;
	bool done, last;

	spin_lock(&threads->lock);
	duty = threads->duty;
	threads->at_duty += !!duty.context;
	spin_unlock(&threads->lock);
	if (!duty.context)
		return false;
	done = duty.forward(duty.context, held->tid);
	spin_lock(&threads->lock);
	last = !--threads->at_duty;
	spin_unlock(&threads->lock);
	if (last)
		wake_up_all(&threads->wake_main);
	return done;
}

/* Sleeps until there is something to do.  STAND: the kernel wants the task, see deputy.c. */
static enum mattx_order mattx_held_wait(struct mattx_held *held)
{
	struct wait_queue_head *signals = &mattx_own_sighand()->signalfd_wqh;
	struct mattx_threads *threads = held->threads;
	DECLARE_WAITQUEUE(for_order, current);
	DECLARE_WAITQUEUE(for_signal, current);
	enum mattx_order order;
	bool stops;

	add_wait_queue(&threads->wake_held, &for_order);
	add_wait_queue(signals, &for_signal);
	for (;;) {
		stops = READ_ONCE(threads->duty.context) && threads->duty.syscall_instruction;
		set_current_state(stops ? TASK_INTERRUPTIBLE : TASK_KILLABLE);
		order = mattx_held_order(held);
		if (fatal_signal_pending(current)) {
			order = MATTX_ORDER_DISMISS;
			break;
		}
		/* Before any order but the last ones: taking over must not be disturbed. */
		if (stops && signal_pending(current) && order < MATTX_ORDER_RUN) {
			order = MATTX_ORDER_STAND;
			break;
		}
		if (order != MATTX_ORDER_STAND)
			break;
		if (mattx_held_forward(held))
			continue;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(signals, &for_signal);
	remove_wait_queue(&threads->wake_held, &for_order);
	return order;
}

/* Registers are set by others now; whoever pins a thread also gives it another order. */
static void mattx_held_pinned(struct mattx_held *held)
{
	mattx_held_set_stand(held, MATTX_STAND_PINNED);
	wait_event(held->threads->wake_held, mattx_held_order(held) != MATTX_ORDER_PIN);
}

static void mattx_held_take(struct mattx_held *held)
{
	struct mattx_threads *threads = held->threads;

	/* Before it takes over the priority that it shall have. */
	mattx_haste_end(&held->haste, current);
	held->error = mattx_capture_apply_thread(threads->print, held->next, threads->away);
	mattx_held_set_stand(held, MATTX_STAND_TAKEN);
	wait_event_killable(threads->wake_held,
			    mattx_held_order(held) != MATTX_ORDER_TAKE);
}

static void mattx_held_resume(struct mattx_held *held)
{
	*task_pt_regs(current) = held->regs;
	current->restart_block = held->restart;
	if (held->paused)
		mattx_capture_rseq_go_on(&held->thread);
	mattx_signals_unblock(&held->masks);
	mattx_signals_return(held->signals, held->signal_count);
	/* A restart code in the registers is looked at in another round. */
	set_thread_flag(TIF_NOTIFY_SIGNAL);
}

/* It ended elsewhere, where what an exit leaves behind in memory has been done. */
static void mattx_held_exit(struct mattx_held *held)
{
	struct pt_regs *regs = task_pt_regs(current);

	mattx_robust_list(current) = NULL;
	current->clear_child_tid = NULL;
	regs->ip = held->threads->duty.syscall_instruction;
	regs->ax = __NR_exit;
	regs->orig_ax = -1;
	regs->di = 0;
}

static void mattx_held_work(struct callback_head *work);

/* Continuation of the restart_syscall that a stop interrupted: it is a system call here. */
static long mattx_held_restart(struct restart_block *block)
{
	struct mattx_held *held, *found = NULL;

	spin_lock(&mattx_helds_lock);
	list_for_each_entry(held, &mattx_helds, all)
		if (held->task == current)
			found = held;
	spin_unlock(&mattx_helds_lock);
	/* Only it can take itself off the list. */
	if (found) {
		init_task_work(&found->work, mattx_held_work);
		task_work_add(current, &found->work, TWA_SIGNAL);
	}
	return -EINTR;
}

/* The rest of its stay, from the moment it stands. */
static void mattx_held_stay(struct mattx_held *held)
{
	struct pt_regs *regs = task_pt_regs(current);

	for (;;) {
		switch (mattx_held_wait(held)) {
		case MATTX_ORDER_STAND:
			/* As the deputy: into a restart_syscall that is interrupted. */
			regs->ip = held->threads->duty.syscall_instruction +
				   MATTX_SYSCALL_LENGTH;
			regs->orig_ax = __NR_restart_syscall;
			regs->ax = -ERESTART_RESTARTBLOCK;
			current->restart_block.fn = mattx_held_restart;
			current->restart_block.arch_data = 0;
			return;
		case MATTX_ORDER_PIN:
			mattx_held_pinned(held);
			continue;
		case MATTX_ORDER_TAKE:
			mattx_held_take(held);
			continue;
		case MATTX_ORDER_RUN:
			/* Its registers may hold an interrupted system call. */
			set_thread_flag(TIF_NOTIFY_SIGNAL);
			break;
		case MATTX_ORDER_RESUME:
			if (held->twin)
				mattx_held_exit(held);
			else
				mattx_held_resume(held);
			break;
		case MATTX_ORDER_EXIT:
			mattx_held_exit(held);
			break;
		case MATTX_ORDER_DISMISS:
			break;
		}
		mattx_haste_end(&held->haste, current);
		mattx_held_free(held);
		return;
	}
}

static int mattx_held_capture(struct mattx_held *held)
{
	struct pt_regs *regs = task_pt_regs(current);
	int error;

	/* Inside of a system call, whose end is not decided yet. */
	if ((long)regs->ax == -ENOSYS && syscall_get_nr(current, regs) >= 0)
		return -EBUSY;
	error = mattx_regs_capture(&held->thread, &held->xstate);
	if (error)
		return error;
	mattx_capture_thread(&held->thread);
	held->thread.nice = mattx_haste_nice(&held->haste, current);
	if (held->threads->away)
		error = mattx_signals_take(&held->signals, &held->signal_count, true);
	return error;
}

/* It ended before it was captured. */
static void mattx_held_lost(struct callback_head *work)
{
	mattx_held_free(container_of(work, struct mattx_held, work));
}

/* Task work: in the thread's own context, at the border to user mode or in its exit. */
static void mattx_held_work(struct callback_head *work)
{
	struct mattx_held *held = container_of(work, struct mattx_held, work);
	struct mattx_threads *threads = held->threads;
	bool wanted;

	if (current->flags & PF_EXITING || fatal_signal_pending(current) || !current->mm) {
		mattx_held_free(held);
		return;
	}
	/* It was here before and comes back from a stop. */
	if (held->stand != MATTX_STAND_CALLED) {
		mattx_held_stay(held);
		return;
	}
	spin_lock(&threads->lock);
	wanted = !threads->dismissed;
	spin_unlock(&threads->lock);
	if (!wanted) {
		mattx_haste_end(&held->haste, current);
		mattx_held_free(held);
		return;
	}
	if (mattx_border_again(&held->border, work, mattx_held_lost))
		return;
	mattx_border_undo();
	held->error = mattx_held_capture(held);
	held->regs = *task_pt_regs(current);
	held->restart = current->restart_block;
	held->paused = !held->error;
	if (held->paused)
		mattx_capture_rseq_pause();
	mattx_signals_block(&held->masks);
	mattx_haste_end(&held->haste, current);
	mattx_held_set_stand(held, MATTX_STAND_HELD);
	mattx_held_stay(held);
}

/* The same for a thread that was made to be held, and has nothing to capture. */
static void mattx_held_join_work(struct callback_head *work)
{
	struct mattx_held *held = container_of(work, struct mattx_held, work);

	if (current->flags & PF_EXITING || fatal_signal_pending(current)) {
		mattx_held_free(held);
		return;
	}
	mattx_held_set_stand(held, MATTX_STAND_HELD);
	mattx_held_stay(held);
}

static struct mattx_held *mattx_held_of(struct mattx_threads *threads,
					const struct task_struct *task)
{
	struct mattx_held *held;

	list_for_each_entry(held, &threads->list, list)
		if (held->task == task)
			return held;
	return NULL;
}

/* The next thread that was not called yet, with a reference; NULL. */
static struct task_struct *mattx_threads_next(struct mattx_threads *threads)
{
	struct task_struct *thread, *found = NULL;

	rcu_read_lock();
	spin_lock(&threads->lock);
	for_each_thread(current, thread) {
		if (thread == current || thread->flags & PF_EXITING ||
		    mattx_held_of(threads, thread))
			continue;
		found = get_task_struct(thread);
		break;
	}
	spin_unlock(&threads->lock);
	rcu_read_unlock();
	return found;
}

/* Threads of kernel code, of io_uring for instance, have no border to user mode. */
static int mattx_threads_call(struct mattx_threads *threads, struct task_struct *task,
			      struct mattx_refusal *refusal)
{
	struct mattx_held *held;

	int error;

	/* Our own setter takes a moment to vanish; others stay. */
	if (task->flags & (PF_IO_WORKER | PF_USER_WORKER))
		return -EAGAIN;
	if (threads->count >= MATTX_THREADS_LIMIT - 1)
		return mattx_refuse(refusal, MATTX_REASON_THREADS);
	/* A guest was looked at when it left home. */
	error = threads->away ? 0 : mattx_refuse_thread(task, refusal);
	if (error)
		return error;
	held = mattx_held_create(threads);
	if (!held)
		return -ENOMEM;
	init_task_work(&held->work, mattx_held_work);
	mattx_held_list(held, task);
	mattx_haste_begin(&held->haste, task);
	/* It ends: nobody will come. */
	if (task_work_add(task, &held->work, TWA_SIGNAL))
		mattx_held_free(held);
	return 0;
}

/* None is still on its way to @stand; beyond HELD that is for those that go on. */
static bool mattx_threads_stand(struct mattx_threads *threads, enum mattx_stand stand)
{
	struct mattx_held *held;
	bool all = true;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list)
		all = all && (held->stand >= stand || (stand > MATTX_STAND_HELD && !held->next));
	spin_unlock(&threads->lock);
	return all;
}

static u32 mattx_threads_standing(struct mattx_threads *threads)
{
	struct mattx_held *held;
	u32 count = 0;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list)
		count += held->stand >= MATTX_STAND_HELD;
	spin_unlock(&threads->lock);
	return count;
}

/* Until all stand, as long as some come; as wait_event_killable_timeout(). */
static long mattx_threads_wait(struct mattx_threads *threads, unsigned long deadline)
{
	u32 standing;
	long left;

	do {
		standing = mattx_threads_standing(threads);
		left = wait_event_killable_timeout(threads->wake_main,
						   mattx_threads_stand(threads, MATTX_STAND_HELD),
						   deadline);
	} while (!left && mattx_threads_standing(threads) != standing);
	return left;
}

/* The first error of a capture, or of taking over. */
static int mattx_threads_error(struct mattx_threads *threads)
{
	struct mattx_held *held;
	int error = 0;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list)
		error = error ?: held->error;
	spin_unlock(&threads->lock);
	return error;
}

int mattx_threads_gather(struct mattx_threads *threads, unsigned long deadline,
			 struct mattx_refusal *refusal)
{
	unsigned long until = jiffies + deadline;
	struct task_struct *task;
	bool found;
	long left;
	int error;

	/* Those that come while others are called are found by another round. */
	do {
		found = false;
		while ((task = mattx_threads_next(threads))) {
			found = true;
			error = mattx_threads_call(threads, task, refusal);
			put_task_struct(task);
			if (error == -EAGAIN && time_before(jiffies, until)) {
				schedule_timeout_killable(1);
				if (fatal_signal_pending(current))
					return -EINTR;
				continue;
			}
			if (error == -EAGAIN)
				return mattx_refuse(refusal, MATTX_REASON_IO_URING);
			if (error)
				return error;
		}
		left = mattx_threads_wait(threads, deadline);
		if (left < 0)
			return -EINTR;
		if (!left)
			return mattx_refuse_words(refusal, MATTX_REASON_MOVING, -ETIMEDOUT,
						  "one of its threads did not stand still in time");
	} while (found);
	error = mattx_threads_error(threads);
	if (error == -EBUSY)
		return mattx_refuse_words(refusal, MATTX_REASON_IO_URING, error,
					  "a thread is in the middle of a system call; try again");
	return error;
}

int mattx_threads_join(struct mattx_threads *threads)
{
	struct mattx_held *held = mattx_held_create(threads);
	int error;

	if (!held)
		return -ENOMEM;
	init_task_work(&held->work, mattx_held_join_work);
	mattx_held_list(held, current);
	error = task_work_add(current, &held->work, TWA_SIGNAL);
	if (error)
		mattx_held_free(held);
	return error;
}

struct mattx_held *mattx_threads_expect(struct mattx_threads *threads)
{
	struct mattx_held *held;

	if (READ_ONCE(threads->count) >= MATTX_THREADS_LIMIT - 1)
		return ERR_PTR(-EAGAIN);
	held = mattx_held_create(threads);
	if (!held)
		return ERR_PTR(-ENOMEM);
	held->twin = true;
	init_task_work(&held->work, mattx_held_join_work);
	return held;
}

void mattx_threads_adopt(struct mattx_held *held, struct task_struct *task)
{
	mattx_held_list(held, task);
	/* It has not run yet: it takes work, and looks for it on its way to user mode. */
	WARN_ON_ONCE(task_work_add(task, &held->work, TWA_RESUME));
}

void mattx_threads_forget(struct mattx_held *held)
{
	struct mattx_threads *threads = held->threads;

	kfree(held);
	mattx_threads_put(threads);
}

void mattx_threads_end(struct mattx_threads *threads, u32 tid)
{
	struct mattx_held *held;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list)
		/* Whatever else is under way has an order for it already. */
		if (held->tid == tid && held->twin && held->order == MATTX_ORDER_STAND)
			WRITE_ONCE(held->order, MATTX_ORDER_EXIT);
	spin_unlock(&threads->lock);
	wake_up_all(&threads->wake_held);
}

static bool mattx_threads_complete(struct mattx_threads *threads, u32 count)
{
	return READ_ONCE(threads->count) >= count &&
	       mattx_threads_stand(threads, MATTX_STAND_HELD);
}

int mattx_threads_await(struct mattx_threads *threads, u32 count, unsigned long deadline)
{
	long left = wait_event_killable_timeout(threads->wake_main,
						mattx_threads_complete(threads, count), deadline);

	return left < 0 ? -EINTR : left ? 0 : -ETIMEDOUT;
}

void mattx_threads_assign(struct mattx_threads *threads, const struct mattx_threads_duty *duty)
{
	spin_lock(&threads->lock);
	if (duty)
		threads->duty = *duty;
	else
		WRITE_ONCE(threads->duty.context, NULL);
	spin_unlock(&threads->lock);
	wake_up_all(&threads->wake_held);
	if (!duty)
		wait_event(threads->wake_main, !READ_ONCE(threads->at_duty));
}

void mattx_threads_wake(struct mattx_threads *threads)
{
	wake_up_all(&threads->wake_held);
}

void mattx_threads_order(struct mattx_threads *threads, enum mattx_order order)
{
	struct mattx_held *held;

	spin_lock(&threads->lock);
	if (order >= MATTX_ORDER_RUN)
		threads->dismissed = true;
	list_for_each_entry(held, &threads->list, list) {
		/* One that ended elsewhere has nothing to take over. */
		if (order == MATTX_ORDER_TAKE && !held->next)
			continue;
		WRITE_ONCE(held->order, order == MATTX_ORDER_RUN && !held->next ?
					MATTX_ORDER_EXIT : order);
	}
	spin_unlock(&threads->lock);
	wake_up_all(&threads->wake_held);
}

u32 mattx_threads_count(struct mattx_threads *threads)
{
	return READ_ONCE(threads->count);
}

u32 mattx_threads_signal_count(struct mattx_threads *threads)
{
	struct mattx_held *held;
	u32 count = 0;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list)
		count += held->signal_count;
	spin_unlock(&threads->lock);
	return count;
}

void mattx_threads_encode_signals(struct mattx_threads *threads, struct mattx_cursor *c)
{
	struct mattx_held *held;
	u32 i;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list)
		for (i = 0; i < held->signal_count; i++)
			mattx_signal_put(c, &held->signals[i]);
	spin_unlock(&threads->lock);
}

void mattx_threads_encode(struct mattx_threads *threads, u32 xstate_size,
			  struct mattx_cursor *c)
{
	struct mattx_held *held;

	/* One that is killed takes itself off: the blueprint is of no use then. */
	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list) {
		if (held->thread.xstate_size != xstate_size)
			c->bad = true;
		mattx_thread_put(c, &held->thread);
	}
	spin_unlock(&threads->lock);
}

struct mattx_held *mattx_threads_find(struct mattx_threads *threads, u32 tid)
{
	struct mattx_held *held, *found = NULL;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list)
		if (held->tid == tid)
			found = held;
	spin_unlock(&threads->lock);
	return found;
}

int mattx_threads_prepare(struct mattx_threads *threads, const struct mattx_blueprint *print)
{
	struct mattx_thread *thread;
	struct mattx_held *held;
	int error = 0;
	u32 i;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list) {
		/* Of an earlier attempt. */
		kvfree(held->next);
		held->next = NULL;
	}
	spin_unlock(&threads->lock);
	for (i = 0; i < print->threads.count && !error; i++) {
		thread = kvmalloc(sizeof(*thread), GFP_KERNEL);
		if (!thread)
			return -ENOMEM;
		error = mattx_thread_get(print, i, thread);
		held = error ? NULL : mattx_threads_find(threads, thread->tid);
		if (held)
			held->next = thread;
		else
			kvfree(thread);
		if (!held && !error)
			error = -ESRCH;
	}
	threads->print = print;
	return error;
}

/* Pins all that go on. */
static int mattx_threads_pin(struct mattx_threads *threads)
{
	struct mattx_held *held;
	long left;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list)
		if (held->next) {
			mattx_haste_begin(&held->haste, held->task);
			WRITE_ONCE(held->order, MATTX_ORDER_PIN);
		}
	spin_unlock(&threads->lock);
	wake_up_all(&threads->wake_held);
	left = wait_event_killable_timeout(threads->wake_main,
					   mattx_threads_stand(threads, MATTX_STAND_PINNED),
					   MATTX_PIN_DEADLINE);
	return left < 0 ? -EINTR : left ? 0 : -EBUSY;
}

/* Nothing was set yet: they stand as before. */
static void mattx_threads_unpin(struct mattx_threads *threads)
{
	struct mattx_held *held;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list) {
		WRITE_ONCE(held->order, MATTX_ORDER_STAND);
		mattx_haste_end(&held->haste, held->task);
		if (held->stand == MATTX_STAND_PINNED)
			held->stand = MATTX_STAND_HELD;
	}
	spin_unlock(&threads->lock);
	wake_up_all(&threads->wake_held);
}

static struct mattx_held *mattx_threads_pinned(struct mattx_threads *threads)
{
	struct mattx_held *held, *found = NULL;

	spin_lock(&threads->lock);
	list_for_each_entry(held, &threads->list, list)
		if (held->stand == MATTX_STAND_PINNED)
			found = held;
	spin_unlock(&threads->lock);
	return found;
}

int mattx_threads_take(struct mattx_threads *threads, struct mattx_setter *setter)
{
	struct mattx_held *held;
	int error;

	error = mattx_threads_pin(threads);
	if (error) {
		mattx_threads_unpin(threads);
		return error;
	}
	/* Pinned threads stay on the list until they get another order. */
	while (!error && (held = mattx_threads_pinned(threads))) {
		error = mattx_setter_apply(setter, held->task, held->next);
		held->stand = MATTX_STAND_SET;
	}
	mattx_threads_order(threads, error ? MATTX_ORDER_DISMISS : MATTX_ORDER_TAKE);
	if (error)
		return error;
	wait_event(threads->wake_main, mattx_threads_stand(threads, MATTX_STAND_TAKEN));
	return mattx_threads_error(threads);
}
