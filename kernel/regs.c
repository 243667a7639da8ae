// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers.
 */
#include <linux/delay.h>
#include <linux/elf.h>
#include <linux/regset.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/sched/vhost_task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "regs.h"

/* A task that asked for its registers to be set is off its processor within this time. */
#define MATTX_OFF_CPU_TRIES	1000	/* of a millisecond */

static const struct user_regset *mattx_regset(struct task_struct *task, unsigned int type)
{
	const struct user_regset_view *view = task_user_regset_view(task);
	unsigned int i;

	for (i = 0; i < view->n; i++)
		if (view->regsets[i].core_note_type == type)
			return &view->regsets[i];
	return NULL;
}

int mattx_regs_capture(struct mattx_thread *thread, void **xstate)
{
	const struct user_regset *general = mattx_regset(current, NT_PRSTATUS);
	const struct user_regset *extended = mattx_regset(current, NT_X86_XSTATE);
	int size;

	BUILD_BUG_ON(sizeof(struct user_regs_struct) != sizeof(thread->general));
	if (!general || !extended)
		return -EOPNOTSUPP;
	size = regset_get(current, general, sizeof(thread->general), thread->general);
	if (size < 0)
		return size;
	size = regset_get_alloc(current, extended, extended->n * extended->size, xstate);
	if (size < 0)
		return size;
	thread->xstate = *xstate;
	thread->xstate_size = size;
	return 0;
}

u32 mattx_regs_xstate_size(void)
{
	const struct user_regset *extended = mattx_regset(current, NT_X86_XSTATE);

	return extended ? extended->n * extended->size : 0;
}

/* What wait_task_inactive() is for, which is not exported. */
static bool mattx_off_cpu(struct task_struct *task)
{
	if (READ_ONCE(task->__state) == TASK_RUNNING)
		return false;
	/*
	 * A sleeper that was preempted on its way is still queued; it may stay
	 * queued for fairness only.
	 */
	if (READ_ONCE(task->on_rq) && !READ_ONCE(task->se.sched_delayed))
		return false;
	/* Pairs with the scheduler's release in finish_task(): its registers are saved. */
	return !smp_load_acquire(&task->on_cpu);
}

static int mattx_setter_set(struct task_struct *task, const struct mattx_thread *thread)
{
	const struct user_regset *general, *extended;
	int tries, error;

	for (tries = 0; !mattx_off_cpu(task); tries++) {
		if (tries == MATTX_OFF_CPU_TRIES)
			return -EBUSY;
		if (tries < 10)
			cond_resched();
		else
			usleep_range(1000, 2000);
	}
	general = mattx_regset(task, NT_PRSTATUS);
	extended = mattx_regset(task, NT_X86_XSTATE);
	if (!general || !extended)
		return -EOPNOTSUPP;
	error = extended->set(task, extended, 0, thread->xstate_size, thread->xstate, NULL);
	if (error)
		return error;
	return general->set(task, general, 0, sizeof(thread->general), thread->general, NULL);
}

/* Runs in the worker, again and again; false: nothing to do, sleep. */
static bool mattx_setter_work(void *data)
{
	struct mattx_setter *setter = data;

	/* Pairs with the release in mattx_setter_apply(): the thread is there. */
	if (!smp_load_acquire(&setter->asked))
		return false;
	__set_current_state(TASK_RUNNING);
	setter->error = mattx_setter_set(setter->target, setter->thread);
	WRITE_ONCE(setter->asked, false);
	complete(&setter->done);
	return true;
}

/* Runs in the worker, last, when the whole process is killed. */
static void mattx_setter_killed(void *data)
{
	struct mattx_setter *setter = data;

	setter->error = -EINTR;
	WRITE_ONCE(setter->killed, true);
	/* Pairs with the barrier in mattx_setter_apply(). */
	smp_mb();
	complete(&setter->done);
}

int mattx_setter_start(struct mattx_setter *setter)
{
	struct rlimit *limit = &current->signal->rlim[RLIMIT_NPROC];
	struct vhost_task *worker;
	unsigned long current_limit;

	memset(setter, 0, sizeof(*setter));
	init_completion(&setter->done);

	/* The user's limit on processes is about processes, not about this moment. */
	task_lock(current->group_leader);
	current_limit = limit->rlim_cur;
	limit->rlim_cur = RLIM_INFINITY;
	task_unlock(current->group_leader);
	worker = vhost_task_create(mattx_setter_work, mattx_setter_killed, setter, current->comm);
	task_lock(current->group_leader);
	limit->rlim_cur = current_limit;
	task_unlock(current->group_leader);

	/* Older kernels say NULL, newer ones why. */
	if (!worker)
		return signal_pending(current) ? -EINTR : -EAGAIN;
	if (IS_ERR(worker))
		return worker == ERR_PTR(-ERESTARTNOINTR) ? -EINTR : PTR_ERR(worker);
	setter->worker = worker;
	vhost_task_start(worker);
	return 0;
}

int mattx_setter_apply(struct mattx_setter *setter, struct task_struct *target,
		       const struct mattx_thread *thread)
{
	reinit_completion(&setter->done);
	/* Pairs with the barrier in mattx_setter_killed(): seen here, or it completes later. */
	smp_mb();
	if (READ_ONCE(setter->killed))
		return -EINTR;
	setter->target = target;
	setter->thread = thread;
	/* Pairs with the acquire in mattx_setter_work(). */
	smp_store_release(&setter->asked, true);
	vhost_task_wake(setter->worker);
	/* Ends soon: the worker does its work, or is killed with us and says so. */
	wait_for_completion(&setter->done);
	return setter->error;
}

void mattx_setter_stop(struct mattx_setter *setter)
{
	if (setter->worker)
		vhost_task_stop(setter->worker);
	setter->worker = NULL;
}
