// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The descriptor table of a deputy: what the guest closes is closed here too,
 * and at recall it becomes what the guest's has become.
 */
#include <linux/bitmap.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "compat.h"
#include "descriptor.h"
#include "handle_private.h"
#include "tree.h"

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

/* The file that a descriptor of the guest is at home, with a reference; NULL: none. */
static struct file *mattx_handles_file(struct mattx_handles *handles,
				       const struct mattx_descriptor *descriptor)
{
	struct mattx_handle *handle;
	struct file *file = NULL;

	if (descriptor->opened)
		return handles->user ? mattx_tree_opened(handles->user, descriptor->opened) : NULL;
	handle = mattx_handle_get(handles, descriptor->handle);
	if (handle) {
		file = get_file(handle->file);
		mattx_handle_put(handle);
	}
	return file;
}

/*
 * Decodes the next descriptor of @table; they ascend, and each leads to a file
 * of ours or has a name (*@file: NULL).
 */
static int mattx_handles_next(struct mattx_handles *handles, struct mattx_cursor *table,
			      s64 *previous, struct mattx_descriptor *descriptor,
			      struct file **file)
{
	if (mattx_descriptor_decode(table, descriptor) || (s64)descriptor->fd <= *previous)
		return -EBADMSG;
	*previous = descriptor->fd;
	*file = descriptor->name_length ? NULL : mattx_handles_file(handles, descriptor);
	return *file || descriptor->name_length ? 0 : -EBADMSG;
}

/* NULL: it is not there any more. */
static struct file *mattx_handles_open_name(const struct mattx_descriptor *descriptor)
{
	char *name = kmemdup_nul(descriptor->name, descriptor->name_length, GFP_KERNEL);
	u32 flags = descriptor->open_flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY);
	struct file *file;

	if (!name)
		return NULL;
	/* The name is that of the file itself, also where it is a link. */
	if (flags & O_PATH)
		flags |= O_NOFOLLOW;
	file = filp_open(name, flags | O_NOCTTY, 0);
	if (IS_ERR(file))
		pr_debug("%s is not there any more (error %ld)\n", name, -PTR_ERR(file));
	kfree(name);
	return IS_ERR(file) ? NULL : file;
}

/* What precedes the descriptors: umask, the working directory, and their number. */
static int mattx_handles_head(struct mattx_cursor *table, u16 *umask, const u8 **folder,
			      u16 *length, u32 *count)
{
	*umask = mattx_take_u16(table);
	*length = mattx_take_u16(table);
	if (*length >= MATTX_PATH_SIZE || *umask > 0777)
		return -EBADMSG;
	*folder = mattx_take_view(table, *length);
	*count = mattx_take_u32(table);
	if (table->bad || *count > (size_t)(table->end - table->at) / MATTX_DESCRIPTOR_SIZE)
		return -EBADMSG;
	return 0;
}

int mattx_handles_check(struct mattx_handles *handles, struct mattx_cursor *table)
{
	struct mattx_descriptor descriptor;
	const u8 *folder;
	struct file *file;
	s64 previous = -1;
	u16 umask, length;
	u32 count;
	int error;

	error = mattx_handles_head(table, &umask, &folder, &length, &count);
	if (error)
		return error;
	while (count--) {
		error = mattx_handles_next(handles, table, &previous, &descriptor, &file);
		if (error)
			return error;
		if (file)
			fput(file);
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
	struct mattx_descriptor descriptor;
	const u8 *folder;
	struct file *file;
	s64 previous = -1;
	u16 umask, length;
	u32 count;
	int error;

	error = mattx_handles_head(table, &umask, &folder, &length, &count);
	if (error)
		return error;
	current->fs->umask = umask;
	mattx_folder_enter(folder, length);
	while (count-- && !error) {
		s64 gap = previous + 1;

		error = mattx_handles_next(handles, table, &previous, &descriptor, &file);
		if (error)
			break;
		mattx_descriptors_close_range(gap, previous);
		/* A duplicate shares the offset; opened anew it would not. */
		if (!file && descriptor.handle && descriptor.handle <= descriptor.fd)
			file = fget_raw(descriptor.handle - 1);
		if (!file)
			file = mattx_handles_open_name(&descriptor);
		if (!file) {
			close_fd(descriptor.fd);
			continue;
		}
		/* The guest kept the offset of what it opened. */
		if ((descriptor.opened || descriptor.name_length) &&
		    !(file->f_mode & (FMODE_STREAM | FMODE_PATH)))
			file->f_pos = descriptor.position;
		if (!(file->f_mode & FMODE_PATH))
			mattx_handle_set_flags(file, descriptor.open_flags);
		if (mattx_descriptor_fits(descriptor.fd, file, descriptor.close_on_exec)) {
			fput(file);
		} else {
			close_fd(descriptor.fd);
			error = mattx_descriptor_install(descriptor.fd, file,
							 descriptor.close_on_exec);
		}
	}
	mattx_descriptors_close_range(previous + 1, S64_MAX);
	return error;
}

void mattx_handles_adopt(struct mattx_handles *handles, struct mattx_cursor *table)
{
	struct mattx_descriptor descriptor;
	const u8 *folder;
	u16 umask, length;
	u32 count;

	if (!handles->user || mattx_handles_head(table, &umask, &folder, &length, &count))
		return;
	while (count-- && !mattx_descriptor_decode(table, &descriptor))
		if (descriptor.opened)
			mattx_tree_adopted(handles->user, descriptor.opened);
}
