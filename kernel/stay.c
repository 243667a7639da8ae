// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks, and the switches that keep processes here.
 */
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "compat.h"
#include "guest.h"
#include "refuse.h"
#include "settings.h"
#include "stay.h"

#define MATTX_LOCKS_MAX		4096

/* A process is its struct pid: the number alone may have passed to another one. */
struct mattx_process_lock {
	struct list_head	list;
	struct pid		*pid;	/* with a reference */
};

static DEFINE_MUTEX(mattx_locks_mutex);
static LIST_HEAD(mattx_locks);			/* the mutex */
static unsigned int mattx_locks_count;		/* the mutex */

static void mattx_lock_drop(struct mattx_process_lock *lock)
{
	lockdep_assert_held(&mattx_locks_mutex);
	list_del(&lock->list);
	mattx_locks_count--;
	put_pid(lock->pid);
	kfree(lock);
}

static struct mattx_process_lock *mattx_lock_find(const struct pid *pid)
{
	struct mattx_process_lock *lock;

	lockdep_assert_held(&mattx_locks_mutex);
	list_for_each_entry(lock, &mattx_locks, list)
		if (lock->pid == pid)
			return lock;
	return NULL;
}

/* Forgets processes that have ended. */
static void mattx_locks_tidy(void)
{
	struct mattx_process_lock *lock, *next;

	lockdep_assert_held(&mattx_locks_mutex);
	list_for_each_entry_safe(lock, next, &mattx_locks, list) {
		bool alive;

		rcu_read_lock();
		alive = pid_task(lock->pid, PIDTYPE_TGID);
		rcu_read_unlock();
		if (!alive)
			mattx_lock_drop(lock);
	}
}

/* Takes over the reference of @pid when it returns 0. */
static int mattx_lock_add(struct pid *pid)
{
	struct mattx_process_lock *lock;

	mattx_locks_tidy();
	if (mattx_locks_count >= MATTX_LOCKS_MAX)
		return -ENOSPC;
	lock = kzalloc_obj(*lock);
	if (!lock)
		return -ENOMEM;
	lock->pid = pid;
	list_add_tail(&lock->list, &mattx_locks);
	mattx_locks_count++;
	return 0;
}

int mattx_lock(pid_t number, bool locked)
{
	struct pid *pid = find_get_pid(number);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	struct mattx_process_lock *lock;
	bool taken = false;
	int error = 0;

	if (!task) {
		error = -ESRCH;
		goto out;
	}
	if (mattx_guest_is(task))
		error = -EOPNOTSUPP;
	put_task_struct(task);
	if (error)
		goto out;
	mutex_lock(&mattx_locks_mutex);
	lock = mattx_lock_find(pid);
	if (locked && !lock) {
		error = mattx_lock_add(pid);
		taken = !error;
	} else if (!locked && lock) {
		mattx_lock_drop(lock);
	}
	mutex_unlock(&mattx_locks_mutex);
out:
	if (!taken)
		put_pid(pid);
	return error;
}

bool mattx_is_locked(struct task_struct *task)
{
	struct pid *pid = get_task_pid(task, PIDTYPE_TGID);
	bool locked;

	mutex_lock(&mattx_locks_mutex);
	locked = mattx_lock_find(pid);
	mutex_unlock(&mattx_locks_mutex);
	put_pid(pid);
	return locked;
}

int mattx_refuse_stay(struct task_struct *task, struct mattx_refusal *refusal)
{
	struct pid *pid;
	bool locked;

	if (READ_ONCE(mattx_settings.stay) || READ_ONCE(mattx_settings.stay_local))
		return mattx_refuse(refusal, MATTX_REASON_STAY);
	pid = get_task_pid(task, PIDTYPE_TGID);
	mutex_lock(&mattx_locks_mutex);
	locked = mattx_lock_find(pid);
	mutex_unlock(&mattx_locks_mutex);
	put_pid(pid);
	return locked ? mattx_refuse(refusal, MATTX_REASON_LOCKED) : 0;
}

void mattx_locks_show(struct seq_file *m)
{
	struct mattx_process_lock *lock;

	mutex_lock(&mattx_locks_mutex);
	mattx_locks_tidy();
	list_for_each_entry(lock, &mattx_locks, list)
		seq_printf(m, " %d", pid_nr(lock->pid));
	mutex_unlock(&mattx_locks_mutex);
}

void mattx_locks_exit(void)
{
	struct mattx_process_lock *lock, *next;

	mutex_lock(&mattx_locks_mutex);
	list_for_each_entry_safe(lock, next, &mattx_locks, list)
		mattx_lock_drop(lock);
	mutex_unlock(&mattx_locks_mutex);
}
