// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Partners.
 */
#include <linux/fdtable.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "partner.h"

/* What a task has now; the pointers are compared and never followed. */
struct mattx_shared {
	const struct mm_struct		*mm;
	const struct sighand_struct	*sighand;
	const struct files_struct	*files;
};

static bool mattx_shares(struct task_struct *task, const struct mattx_shared *shared)
{
	const struct mm_struct *mm = READ_ONCE(task->mm);
	const struct files_struct *files = READ_ONCE(task->files);

	/* What a vfork() has begun goes on to an exec() soon, and its parent is waited for. */
	if (mm && mm == shared->mm && !READ_ONCE(task->vfork_done))
		return true;
	return (files && files == shared->files) ||
	       (shared->sighand && rcu_access_pointer(task->sighand) == shared->sighand);
}

static bool mattx_partner_exists(struct task_struct *task, const struct mattx_shared *shared)
{
	struct task_struct *process, *thread;
	bool found = false;

	rcu_read_lock();
	for_each_process_thread(process, thread)
		/* Threads of the kernel borrow address spaces. */
		found = found || (!same_thread_group(thread, task) &&
				  !(thread->flags & PF_KTHREAD) && mattx_shares(thread, shared));
	rcu_read_unlock();
	return found;
}

bool mattx_partner_in_memory(struct task_struct *task)
{
	struct mattx_shared shared = {};
	struct sighand_struct *sighand;
	bool alone;

	task_lock(task);
	shared.mm = task->mm;
	alone = !shared.mm || atomic_read(&task->mm->mm_users) == 1;
	task_unlock(task);
	rcu_read_lock();
	sighand = rcu_dereference(task->sighand);
	alone = alone && (!sighand || refcount_read(&sighand->count) == 1);
	rcu_read_unlock();
	shared.sighand = sighand;
	return !alone && mattx_partner_exists(task, &shared);
}

bool mattx_partner_in_files(struct task_struct *task)
{
	struct mattx_shared shared = {};
	bool alone;

	task_lock(task);
	shared.files = task->files;
	alone = !shared.files || atomic_read(&task->files->count) == 1;
	task_unlock(task);
	return !alone && mattx_partner_exists(task, &shared);
}
