// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptors with given numbers.  The kernel hands out the lowest free one,
 * so those below are taken for a moment.
 */
#include <linux/bitmap.h>
#include <linux/dcache.h>
#include <linux/fs_struct.h>
#include <linux/namei.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "compat.h"
#include "descriptor.h"
#include "wire_file.h"

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

const char *mattx_folder_path(char *buffer)
{
	struct path folder;
	const char *path;

	get_fs_pwd(current->fs, &folder);
	path = d_unlinked(folder.dentry) ? NULL : d_path(&folder, buffer, MATTX_PATH_SIZE);
	path_put(&folder);
	/* Outside of its root it has no name. */
	return IS_ERR_OR_NULL(path) || path[0] != '/' ? NULL : path;
}

void mattx_folder_enter(const u8 *path, u16 length)
{
	char *name = kmemdup_nul(path, length, GFP_KERNEL);
	struct path folder;

	if (!name)
		return;
	if (length && !kern_path(name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &folder)) {
		mattx_fs_set_pwd(current->fs, &folder);
		path_put(&folder);
	} else {
		pr_debug("there is no folder %s\n", name);
	}
	kfree(name);
}
