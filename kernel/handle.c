// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables of handles: the open files of processes that are away, at home.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "compat.h"
#include "handle_private.h"
#include "link.h"

/* Open tables by number.  A reference each. */
static DEFINE_XARRAY(mattx_handle_tables);
static DEFINE_SPINLOCK(mattx_handle_tables_lock);

struct mattx_handle *mattx_handle_hold(struct mattx_handle *handle)
{
	refcount_inc(&handle->references);
	return handle;
}

void mattx_handle_put(struct mattx_handle *handle)
{
	if (!refcount_dec_and_test(&handle->references))
		return;
	/* Now, not when this thread happens to have time. */
	__fput_sync(handle->file);
	kfree(handle);
}

struct mattx_handle *mattx_handle_get(struct mattx_handles *handles, u32 number)
{
	struct mattx_handle *handle;

	xa_lock(&handles->table);
	handle = xa_load(&handles->table, number);
	if (handle)
		mattx_handle_hold(handle);
	xa_unlock(&handles->table);
	return handle;
}

int mattx_handles_add(struct mattx_handles *handles, struct file *file,
		      enum mattx_handle_kind kind)
{
	struct mattx_handle *handle;
	int error;

	handle = kzalloc_obj(*handle);
	if (!handle)
		return -ENOMEM;
	refcount_set(&handle->references, 1);
	handle->handles = handles;
	handle->number = handles->handle_count;
	handle->kind = kind;
	handle->file = file;
	mattx_handle_init_wait(handle);
	error = xa_insert(&handles->table, handle->number, handle, GFP_KERNEL);
	if (error) {
		kfree(handle);
		return error;
	}
	get_file(file);
	handles->handle_count++;
	return 0;
}

void mattx_handle_dismantle(struct mattx_handle *handle)
{
	mattx_handle_disarm(handle);
	mattx_handle_stop_threads(handle);
	mattx_descriptors_close(handle->handles->task, handle->file);
}

void mattx_handles_put(struct mattx_handles *handles)
{
	struct mattx_handle *handle;
	unsigned long number;

	if (!refcount_dec_and_test(&handles->references))
		return;
	xa_for_each(&handles->table, number, handle)
		mattx_handle_put(handle);
	xa_destroy(&handles->table);
	kvfree(handles->descriptors);
	kfree(handles->folder);
	if (handles->user)
		mattx_link_put(handles->user);
	put_cred(handles->cred);
	put_task_struct(handles->task);
	kfree(handles);
}

struct mattx_handles *mattx_handles_find(u64 number, const struct mattx_link *link)
{
	struct mattx_handles *handles;

	spin_lock(&mattx_handle_tables_lock);
	handles = xa_load(&mattx_handle_tables, number);
	if (handles)
		refcount_inc(&handles->references);
	spin_unlock(&mattx_handle_tables_lock);
	if (!handles)
		return NULL;
	/* Other peers have no business with the files of this guest. */
	if (READ_ONCE(handles->link) != link) {
		mattx_handles_put(handles);
		return NULL;
	}
	return handles;
}

/* Of the process and the handle only, and without locks: so another open file can take its place. */
static bool mattx_handle_is_alone(const struct mattx_handle *handle)
{
	struct file *file = handle->file;
	const struct file_lock_context *locks = locks_inode_context(file_inode(file));

	return handle->kind == MATTX_KIND_STORAGE && !(file->f_mode & FMODE_PATH) &&
	       file_count(file) == handle->descriptors + 1ul &&
	       (!locks || (list_empty_careful(&locks->flc_posix) &&
			   list_empty_careful(&locks->flc_flock) &&
			   list_empty_careful(&locks->flc_lease)));
}

static u32 mattx_handle_traits(const struct mattx_handle *handle)
{
	struct file *file = handle->file;
	u32 traits = 0;

	if (file->f_mode & FMODE_STREAM || !(file->f_mode & FMODE_LSEEK))
		traits |= MATTX_HANDLE_STREAM;
	if (handle->kind != MATTX_KIND_STORAGE)
		traits |= MATTX_HANDLE_PIPELIKE;
	if (file->f_mode & FMODE_PATH)
		traits |= MATTX_HANDLE_PLACE;
	if (handle->kind >= MATTX_KIND_HOME)
		traits |= MATTX_HANDLE_HOME;
	if (handle->kind != MATTX_KIND_STORAGE && handle->kind != MATTX_KIND_SELF &&
	    file_can_poll(file))
		traits |= MATTX_HANDLE_POLLED;
	if (mattx_handle_is_alone(handle))
		traits |= MATTX_HANDLE_ALONE;
	return traits;
}

size_t mattx_handles_wire_size(const struct mattx_handles *handles)
{
	return MATTX_FILE_TABLE_SIZE + MATTX_PATH_SIZE +
	       handles->handle_count * (size_t)(MATTX_HANDLE_INFO_SIZE + MATTX_PATH_SIZE) +
	       handles->descriptor_count * (size_t)MATTX_DESCRIPTOR_SIZE;
}

void mattx_handles_encode(const struct mattx_handles *handles, struct mattx_cursor *c)
{
	const struct mattx_file_table table = {
		.number = handles->number,
		.handles = handles->handle_count,
		.descriptors = handles->descriptor_count,
		.folder = (u8 *)handles->folder,
		.folder_length = handles->folder ? strlen(handles->folder) : 0,
	};
	struct mattx_handle *handle;
	unsigned long number;
	char *buffer, *path;
	u32 i;

	/* Without it the names are missing, which only readlink on /proc shows. */
	buffer = kmalloc(MATTX_PATH_SIZE, GFP_KERNEL);
	mattx_file_table_encode(c, &table);
	xa_for_each(&((struct mattx_handles *)handles)->table, number, handle) {
		struct mattx_handle_info info = {
			.number = handle->number,
			.open_flags = handle->file->f_flags,
			.traits = mattx_handle_traits(handle),
			.position = S_ISDIR(file_inode(handle->file)->i_mode) ?
				    max_t(loff_t, handle->file->f_pos, 0) : 0,
		};
		struct kstat stat = { };

		mattx_handle_stamp(handle, &info.sequence, &info.ready);
		if (!vfs_getattr(&handle->file->f_path, &stat, STATX_BASIC_STATS, 0))
			mattx_attributes_from_stat(&info.attributes, &stat);
		/* What kind of file it is must be right whatever its file system answers. */
		info.attributes.mode = file_inode(handle->file)->i_mode;
		path = buffer ? d_path(&handle->file->f_path, buffer, MATTX_PATH_SIZE) : NULL;
		if (!IS_ERR_OR_NULL(path)) {
			info.path = (u8 *)path;
			info.path_length = strlen(path);
		}
		mattx_handle_info_encode(c, &info);
	}
	for (i = 0; i < handles->descriptor_count; i++)
		mattx_descriptor_encode(c, &handles->descriptors[i]);
	kfree(buffer);
}

int mattx_handles_open(struct mattx_handles *handles, struct mattx_link *link)
{
	struct mattx_handle *handle;
	unsigned long number;
	int error;

	if (WARN_ON_ONCE(handles->link))
		return -EBUSY;
	xa_for_each(&handles->table, number, handle) {
		error = mattx_handle_start_threads(handle);
		if (error)
			goto stop;
	}
	WRITE_ONCE(handles->touched, false);
	WRITE_ONCE(handles->link, mattx_link_hold(link));
	if (handles->user)
		mattx_link_put(handles->user);
	handles->user = mattx_link_hold(link);
	/* Armed before the peer finds the table and can release what is being armed. */
	xa_for_each(&handles->table, number, handle)
		mattx_handle_arm(handle);
	refcount_inc(&handles->references);
	error = xa_insert(&mattx_handle_tables, handles->number, handles, GFP_KERNEL);
	if (error) {
		refcount_dec(&handles->references);
		WRITE_ONCE(handles->link, NULL);
		xa_for_each(&handles->table, number, handle)
			mattx_handle_disarm(handle);
		mattx_link_put(link);
		goto stop;
	}
	return 0;

stop:
	xa_for_each(&handles->table, number, handle)
		mattx_handle_stop_threads(handle);
	return error;
}

void mattx_handles_touch(u64 number, const struct mattx_link *link)
{
	struct mattx_handles *handles = mattx_handles_find(number, link);

	if (!handles)
		return;
	WRITE_ONCE(handles->touched, true);
	mattx_handles_put(handles);
}

struct task_struct *mattx_handles_task(const struct mattx_handles *handles)
{
	return handles->task;
}

bool mattx_handles_touched(const struct mattx_handles *handles)
{
	return READ_ONCE(handles->touched);
}

static bool mattx_handles_idle(struct mattx_handles *handles)
{
	bool idle;

	spin_lock(&handles->lock);
	idle = list_empty(&handles->requests);
	spin_unlock(&handles->lock);
	return idle;
}

void mattx_handles_close(struct mattx_handles *handles)
{
	struct mattx_handle *handle;
	struct mattx_link *link;
	unsigned long number;

	spin_lock(&mattx_handle_tables_lock);
	if (xa_load(&mattx_handle_tables, handles->number) != handles) {
		spin_unlock(&mattx_handle_tables_lock);
		return;
	}
	xa_erase(&mattx_handle_tables, handles->number);
	spin_unlock(&mattx_handle_tables_lock);

	spin_lock(&handles->lock);
	link = handles->link;
	WRITE_ONCE(handles->link, NULL);
	spin_unlock(&handles->lock);

	/* No request begins without a link; with the last one gone the table is ours alone. */
	mattx_file_jobs_cancel(handles, NULL);
	wait_event(handles->idle, mattx_handles_idle(handles));
	xa_for_each(&handles->table, number, handle) {
		mattx_handle_disarm(handle);
		mattx_handle_stop_threads(handle);
	}
	mattx_link_put(link);
	mattx_handles_put(handles);
}

void mattx_handles_free(struct mattx_handles *handles)
{
	mattx_handles_close(handles);
	mattx_handles_put(handles);
}

int mattx_handle_init(void)
{
	return 0;
}

void mattx_handle_exit(void)
{
	WARN_ON(!xa_empty(&mattx_handle_tables));
	xa_destroy(&mattx_handle_tables);
}
