// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptors with given numbers.  The kernel hands out the lowest free one,
 * so those below are taken for a moment.
 */
#include <linux/bitmap.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "compat.h"
#include "descriptor.h"

void mattx_descriptors_close_range(s64 first, s64 end)
{
	s64 fd, size;

	rcu_read_lock();
	size = files_fdtable(current->files)->max_fds;
	rcu_read_unlock();
	for (fd = first; fd < min(end, size); fd++)
		close_fd(fd);
}

/* The soft limit of open files, which is where numbers end; returns what it was. */
static unsigned long mattx_descriptor_limit(unsigned long limit)
{
	struct rlimit *files = &current->signal->rlim[RLIMIT_NOFILE];
	unsigned long before;

	task_lock(current->group_leader);
	before = files->rlim_cur;
	files->rlim_cur = limit;
	task_unlock(current->group_leader);
	return before;
}

/* Takes numbers until it is @fd's turn; those below are given back. */
static int mattx_descriptor_reserve(unsigned int fd, bool close_on_exec)
{
	unsigned long *fillers;
	int got = -ENOMEM;
	unsigned int i;

	fillers = bitmap_zalloc(fd + 1, GFP_KERNEL);
	if (!fillers)
		return -ENOMEM;
	do {
		got = get_unused_fd_flags(close_on_exec ? O_CLOEXEC : 0);
		if (got >= 0 && got < fd)
			__set_bit(got, fillers);
	} while (got >= 0 && got < fd);
	for_each_set_bit(i, fillers, fd)
		put_unused_fd(i);
	bitmap_free(fillers);
	if (got > (int)fd) {
		put_unused_fd(got);
		return -EBUSY;
	}
	return got < 0 ? got : 0;
}

int mattx_descriptor_install(unsigned int fd, struct file *file, bool close_on_exec)
{
	unsigned long limit;
	int error;

	limit = mattx_descriptor_limit(max_t(unsigned long, rlimit(RLIMIT_NOFILE), fd + 1ul));
	error = mattx_descriptor_reserve(fd, close_on_exec);
	mattx_descriptor_limit(limit);
	if (error) {
		fput(file);
		return error;
	}
	fd_install(fd, file);
	return 0;
}
