/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_COMPAT_H
#define _MATTX_COMPAT_H
/*
 * All differences between kernel versions.  The code is written for the
 * newest one; here older ones learn its names.  No other file asks for
 * LINUX_VERSION_CODE.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
/* The file behind the first descriptor from *@fd on, which moves there. */
static inline struct file *fget_task_next(struct task_struct *task, unsigned int *fd)
{
	struct file *file;

	rcu_read_lock();
	file = task_lookup_next_fdget_rcu(task, fd);
	rcu_read_unlock();
	return file;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define kthread_run_worker kthread_create_worker
#endif

/* The program's registered area for restartable sequences. */
struct mattx_rseq {
	unsigned long	address;	/* 0: none */
	u32		length;
	u32		signature;
};

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
static inline void mattx_rseq_get(struct mattx_rseq *rseq)
{
	rseq->address = (unsigned long)current->rseq;
	rseq->length = current->rseq_len;
	rseq->signature = current->rseq_sig;
}

static inline void mattx_rseq_set(const struct mattx_rseq *rseq)
{
	current->rseq = (struct rseq __user *)rseq->address;
	current->rseq_len = rseq->length;
	current->rseq_sig = rseq->signature;
	if (rseq->address)
		set_thread_flag(TIF_NOTIFY_RESUME);
}
#else
static inline void mattx_rseq_get(struct mattx_rseq *rseq)
{
	rseq->address = (unsigned long)current->rseq.usrptr;
	rseq->length = current->rseq.len;
	rseq->signature = current->rseq.sig;
}

static inline void mattx_rseq_set(const struct mattx_rseq *rseq)
{
	current->rseq.usrptr = (struct rseq __user *)rseq->address;
	current->rseq.len = rseq->length;
	current->rseq.sig = rseq->signature;
	/* The first layout of the area, which all C libraries can live with. */
	current->rseq.event.has_rseq = rseq->address ? 1 : 0;
	rseq_force_update();
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
#define mattx_robust_list(task)	((task)->robust_list)
#else
#define mattx_robust_list(task)	((task)->futex.robust_list)
#endif

/* Timers made with timer_create(). */
static inline bool mattx_has_posix_timers(const struct signal_struct *signal)
{
	return !hlist_empty(&signal->posix_timers);
}

#ifndef kzalloc_obj
#define kzalloc_obj(object) kzalloc(sizeof(object), GFP_KERNEL)
#endif

#ifndef S_ANON_INODE
#define S_ANON_INODE	0
#endif

#endif /* _MATTX_COMPAT_H */
