// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The descriptor table of a deputy: what the guest closes is closed here too,
 * and at recall it becomes what the guest's has become.
 */
#include <linux/bitmap.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "compat.h"
#include "descriptor.h"
#include "handle_private.h"

/*
 * Takes the first descriptor that leads to @file out of the table.  The task
 * sleeps in the kernel and shares the table with nobody, so that no system
 * call of its own is using the descriptor; others that look (/proc) take
 * references.  Returns the owner for filp_close(), NULL when there is none.
 */
static fl_owner_t mattx_descriptor_take(struct task_struct *task, const struct file *file)
{
	struct files_struct *files;
	fl_owner_t owner = NULL;
	struct fdtable *fdt;
	unsigned int fd;

	task_lock(task);
	files = task->files;
	if (!files)
		goto unlock_task;
	spin_lock(&files->file_lock);
	fdt = files_fdtable(files);
	for (fd = 0; fd < fdt->max_fds; fd++) {
		if (files_lookup_fd_locked(files, fd) != file)
			continue;
		rcu_assign_pointer(fdt->fd[fd], NULL);
		__clear_bit(fd, fdt->close_on_exec);
		__clear_bit(fd, fdt->open_fds);
		__clear_bit(fd / BITS_PER_LONG, fdt->full_fds_bits);
		files->next_fd = min(files->next_fd, fd);
		owner = files;
		break;
	}
	spin_unlock(&files->file_lock);
unlock_task:
	task_unlock(task);
	return owner;
}

void mattx_descriptors_close(struct task_struct *task, struct file *file)
{
	fl_owner_t owner;

	/* The owner only names whose locks end, it is not looked into. */
	while ((owner = mattx_descriptor_take(task, file)))
		filp_close(file, owner);
}

/* Decodes the next descriptor of @table; they ascend, and each leads to a handle of ours. */
static int mattx_handles_next(struct mattx_handles *handles, struct mattx_cursor *table,
			      s64 *previous, struct mattx_descriptor *descriptor,
			      struct mattx_handle **handle)
{
	if (mattx_descriptor_decode(table, descriptor) || (s64)descriptor->fd <= *previous)
		return -EBADMSG;
	*previous = descriptor->fd;
	*handle = mattx_handle_get(handles, descriptor->handle);
	return *handle ? 0 : -EBADMSG;
}

int mattx_handles_check(struct mattx_handles *handles, struct mattx_cursor *table)
{
	u32 count = mattx_take_u32(table);
	struct mattx_descriptor descriptor;
	struct mattx_handle *handle;
	s64 previous = -1;

	if (table->bad || count > (size_t)(table->end - table->at) / MATTX_DESCRIPTOR_SIZE)
		return -EBADMSG;
	while (count--) {
		int error = mattx_handles_next(handles, table, &previous, &descriptor, &handle);

		if (error)
			return error;
		mattx_handle_put(handle);
		if (descriptor.fd >= MATTX_MAX_HANDLES)
			return -EBADMSG;
	}
	return 0;
}

/* The descriptor as it should be is left alone, so that most recalls change nothing. */
static bool mattx_descriptor_fits(unsigned int fd, const struct file *file, bool close_on_exec)
{
	struct files_struct *files = current->files;
	bool fits;

	spin_lock(&files->file_lock);
	fits = fd < files_fdtable(files)->max_fds && files_lookup_fd_locked(files, fd) == file;
	if (fits) {
		if (close_on_exec)
			__set_bit(fd, files_fdtable(files)->close_on_exec);
		else
			__clear_bit(fd, files_fdtable(files)->close_on_exec);
	}
	spin_unlock(&files->file_lock);
	return fits;
}

int mattx_handles_apply(struct mattx_handles *handles, struct mattx_cursor *table)
{
	u32 count = mattx_take_u32(table);
	struct mattx_descriptor descriptor;
	struct mattx_handle *handle;
	s64 previous = -1;
	int error = 0;

	while (count-- && !error) {
		s64 gap = previous + 1;

		error = mattx_handles_next(handles, table, &previous, &descriptor, &handle);
		if (error)
			break;
		mattx_descriptors_close_range(gap, previous);
		if (!mattx_descriptor_fits(descriptor.fd, handle->file, descriptor.close_on_exec)) {
			close_fd(descriptor.fd);
			error = mattx_descriptor_install(descriptor.fd, get_file(handle->file),
							 descriptor.close_on_exec);
		}
		mattx_handle_set_flags(handle->file, descriptor.open_flags);
		mattx_handle_put(handle);
	}
	mattx_descriptors_close_range(previous + 1, S64_MAX);
	return error;
}
