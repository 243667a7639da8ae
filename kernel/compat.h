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

#ifndef S_ANON_INODE
#define S_ANON_INODE	0
#endif

#endif /* _MATTX_COMPAT_H */
