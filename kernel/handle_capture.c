// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which open files a process has, and whether each can be used from another
 * node.
 */
#include <linux/cred.h>
#include <linux/magic.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "compat.h"
#include "descriptor.h"
#include "handle_private.h"
#include "partner.h"

#define MATTX_DESCRIPTORS_MIN	64u	/* room at first */

static atomic64_t mattx_handles_last = ATOMIC64_INIT(0);

/* Files without an inode of their own, known by name. */
static const struct {
	const char		*name;
	const char		*what;	/* NULL: can be used */
	enum mattx_handle_kind	kind;
} mattx_anonymous_files[] = {
	{ "[eventfd]", NULL, MATTX_KIND_NONBLOCKING },
	{ "[timerfd]", NULL, MATTX_KIND_BLOCKING },
	{ "[eventpoll]", NULL, MATTX_KIND_HOME },
	{ "inotify", NULL, MATTX_KIND_HOME },
	{ "[fanotify]", NULL, MATTX_KIND_HOME },
	/* It has the signals of whoever looks. */
	{ "[signalfd]", NULL, MATTX_KIND_SELF },
	{ "[io_uring]", "an io_uring" },
	{ "[userfaultfd]", "a userfaultfd" },
	{ "[perf_event]", "a performance counter" },
};

static int mattx_anonymous_classify(const struct file *file, enum mattx_handle_kind *kind,
				    const char **what)
{
	const unsigned char *name = file->f_path.dentry->d_name.name;
	size_t i;

	*what = "a file of an unknown anonymous kind";
	for (i = 0; i < ARRAY_SIZE(mattx_anonymous_files); i++) {
		if (strcmp(name, mattx_anonymous_files[i].name))
			continue;
		*kind = mattx_anonymous_files[i].kind;
		*what = mattx_anonymous_files[i].what;
		break;
	}
	return *what ? -EOPNOTSUPP : 0;
}

/* @what: the reason of a refusal, as the end of "descriptor 3 is". */
static int mattx_file_classify(struct file *file, enum mattx_handle_kind *kind,
			       const char **what)
{
	const struct inode *inode = file_inode(file);

	*what = NULL;
	if (file->f_flags & FASYNC)
		*what = "a file that sends signals (O_ASYNC)";
	else if (S_ISSOCK(inode->i_mode))
		*what = "a socket";
	if (*what)
		return -EOPNOTSUPP;
	if (inode->i_sb->s_magic == ANON_INODE_FS_MAGIC)
		return mattx_anonymous_classify(file, kind, what);
	*kind = MATTX_KIND_STORAGE;
	if (S_ISDIR(inode->i_mode) || file->f_mode & FMODE_PATH)
		return 0;
	if ((file->f_mode & FMODE_READ && !file->f_op->read_iter) ||
	    (file->f_mode & FMODE_WRITE && !file->f_op->write_iter)) {
		/* Only for memory of its own process: many files of /proc, some devices. */
		*kind = MATTX_KIND_HOME;
		return 0;
	}
	/* What nobody can wait for (null, zero) makes nobody wait. */
	if (S_ISREG(inode->i_mode) || S_ISBLK(inode->i_mode) || !file_can_poll(file))
		return 0;
	*kind = file->f_mode & FMODE_NOWAIT ? MATTX_KIND_NONBLOCKING : MATTX_KIND_BLOCKING;
	return 0;
}

static u32 mattx_descriptor_close_on_exec(struct task_struct *task, unsigned int fd)
{
	struct files_struct *files;
	bool set = false;

	task_lock(task);
	files = task->files;
	if (files) {
		spin_lock(&files->file_lock);
		if (fd < files_fdtable(files)->max_fds)
			set = close_on_exec(fd, files);
		spin_unlock(&files->file_lock);
	}
	task_unlock(task);
	return set;
}

static int mattx_descriptors_grow(struct mattx_handles *handles, u32 *room)
{
	struct mattx_descriptor *larger;
	u32 more = max(MATTX_DESCRIPTORS_MIN, *room * 2);

	larger = kvmalloc_array(more, sizeof(*larger), GFP_KERNEL);
	if (!larger)
		return -ENOMEM;
	if (*room)
		memcpy(larger, handles->descriptors, *room * sizeof(*larger));
	kvfree(handles->descriptors);
	handles->descriptors = larger;
	*room = more;
	return 0;
}

static int mattx_handles_collect_one(struct mattx_handles *handles, struct xarray *seen,
				     unsigned int fd, struct file *file, char *why,
				     size_t why_size)
{
	enum mattx_handle_kind kind = MATTX_KIND_STORAGE;
	struct mattx_handle *handle;
	const char *what;
	void *number;
	int error;

	number = xa_load(seen, (unsigned long)file);
	if (!number) {
		error = mattx_file_classify(file, &kind, &what);
		if (error) {
			snprintf(why, why_size,
				 "descriptor %u is %s, which cannot be used from another node",
				 fd, what);
			return error;
		}
		number = xa_mk_value(handles->handle_count);
		error = xa_err(xa_store(seen, (unsigned long)file, number, GFP_KERNEL));
		if (error)
			return error;
		error = mattx_handles_add(handles, file, kind);
		if (error)
			return error;
	}
	handle = xa_load(&handles->table, xa_to_value(number));
	handle->descriptors++;
	/* All of it: the room was not cleared, and what is not named here is sent as zero. */
	handles->descriptors[handles->descriptor_count++] = (struct mattx_descriptor){
		.fd = fd,
		.close_on_exec = mattx_descriptor_close_on_exec(handles->task, fd),
		.handle = xa_to_value(number),
		.open_flags = file->f_flags,
	};
	return 0;
}

static int mattx_handles_collect(struct mattx_handles *handles, char *why, size_t why_size)
{
	struct xarray seen;	/* file to handle number: duplicated descriptors share one */
	unsigned int fd = 0;
	struct file *file;
	u32 room = 0;
	int error = 0;

	/* Not DEFINE_XARRAY(): a lock on the stack gets its lockdep class when it runs. */
	xa_init(&seen);
	while (!error && (file = fget_task_next(handles->task, &fd))) {
		if (handles->descriptor_count == room)
			error = mattx_descriptors_grow(handles, &room);
		if (!error)
			error = mattx_handles_collect_one(handles, &seen, fd, file, why, why_size);
		fput(file);
		fd++;
	}
	xa_destroy(&seen);
	return error;
}

static int mattx_handles_note_folder(struct mattx_handles *handles)
{
	char *buffer = kmalloc(MATTX_PATH_SIZE, GFP_KERNEL);
	const char *path;

	if (!buffer)
		return -ENOMEM;
	path = handles->task == current ? mattx_folder_path(buffer) : NULL;
	if (path)
		handles->folder = kstrdup(path, GFP_KERNEL);
	kfree(buffer);
	return path && !handles->folder ? -ENOMEM : 0;
}

int mattx_handles_capture(struct task_struct *task, struct mattx_handles **result, char *why,
			  size_t why_size)
{
	struct mattx_handles *handles;
	int error;

	if (mattx_partner_in_files(task)) {
		strscpy(why, "it shares its descriptor table with another process", why_size);
		return -EOPNOTSUPP;
	}
	strscpy(why, "not enough memory for its open files", why_size);
	handles = kzalloc_obj(*handles);
	if (!handles)
		return -ENOMEM;
	refcount_set(&handles->references, 1);
	handles->number = atomic64_inc_return(&mattx_handles_last);
	handles->task = get_task_struct(task);
	handles->cred = get_task_cred(task);
	xa_init(&handles->table);
	spin_lock_init(&handles->lock);
	INIT_LIST_HEAD(&handles->requests);
	init_waitqueue_head(&handles->idle);

	error = mattx_handles_collect(handles, why, why_size);
	if (!error)
		error = mattx_handles_note_folder(handles);
	if (error) {
		mattx_handles_put(handles);
		return error;
	}
	*result = handles;
	return 0;
}
