// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operations that a guest asks for, on the real file.  They run in a
 * kernel thread with the credentials of the process.
 */
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/uio.h>

#include "handle_private.h"
#include "tree_private.h"

/* Flags that F_SETFL may change and that mean something to the file at home. */
#define MATTX_SETTABLE_FLAGS	(O_APPEND | O_NONBLOCK | O_NOATIME)

void mattx_attributes_from_stat(struct mattx_file_attributes *a, const struct kstat *stat)
{
	a->mode = stat->mode;
	a->links = stat->nlink;
	a->uid = from_kuid_munged(&init_user_ns, stat->uid);
	a->gid = from_kgid_munged(&init_user_ns, stat->gid);
	a->device_major = MAJOR(stat->dev);
	a->device_minor = MINOR(stat->dev);
	a->special_major = MAJOR(stat->rdev);
	a->special_minor = MINOR(stat->rdev);
	a->block_size = stat->blksize;
	a->inode = stat->ino;
	a->size = stat->size;
	a->blocks = stat->blocks;
	a->access_s = stat->atime.tv_sec;
	a->access_ns = stat->atime.tv_nsec;
	a->modify_s = stat->mtime.tv_sec;
	a->modify_ns = stat->mtime.tv_nsec;
	a->change_s = stat->ctime.tv_sec;
	a->change_ns = stat->ctime.tv_nsec;
}

u32 mattx_handle_answer_size(const struct mattx_file_request *request)
{
	switch (request->op) {
	case MATTX_FILE_READ:
		return min_t(u64, request->arguments[1], MATTX_FILE_CHUNK);
	case MATTX_FILE_IOCTL:
		return min_t(u64, request->arguments[2], MATTX_IOCTL_DATA);
	case MATTX_FILE_STAT:
		return MATTX_ATTRIBUTES_SIZE;
	case MATTX_FILE_LOCK:
		return MATTX_TREE_LOCK_SIZE;
	default:
		return 0;
	}
}

void mattx_handle_set_flags(struct file *file, u32 flags)
{
	spin_lock(&file->f_lock);
	file->f_flags = (file->f_flags & ~MATTX_SETTABLE_FLAGS) | (flags & MATTX_SETTABLE_FLAGS);
	spin_unlock(&file->f_lock);
}

/* Would the transfer wait?  Asked of files that cannot be told not to. */
static bool mattx_handle_waits(struct file *file, bool write)
{
	__poll_t ready = vfs_poll(file, NULL);

	return !(ready & (write ? EPOLLOUT | EPOLLERR : EPOLLIN | EPOLLHUP | EPOLLERR));
}

static s64 mattx_handle_transfer(struct mattx_handle *handle, bool write, u64 position,
				 void *data, size_t length)
{
	struct file *file = handle->file;
	bool at_home = position >= MATTX_POSITION_HOME && !(file->f_mode & FMODE_STREAM);
	bool locked = at_home && file->f_mode & FMODE_ATOMIC_POS;
	struct kvec vector = { .iov_base = data, .iov_len = length };
	struct iov_iter iter;
	struct kiocb kiocb;
	s64 result;

	if (S_ISDIR(file_inode(file)->i_mode))
		return -EISDIR;
	if (handle->kind == MATTX_KIND_BLOCKING && mattx_handle_waits(file, write))
		return -EAGAIN;
	init_sync_kiocb(&kiocb, file);
	/* Our buffer need not be aligned as direct transfers want it. */
	kiocb.ki_flags &= ~IOCB_DIRECT;
	if (handle->kind == MATTX_KIND_NONBLOCKING && file->f_mode & FMODE_NOWAIT)
		kiocb.ki_flags |= IOCB_NOWAIT;
	iov_iter_kvec(&iter, write ? ITER_SOURCE : ITER_DEST, &vector, 1, length);

	if (locked)
		mutex_lock(&file->f_pos_lock);
	kiocb.ki_pos = at_home ? file->f_pos : file->f_mode & FMODE_STREAM ? 0 : position;
	result = write ? vfs_iocb_iter_write(file, &kiocb, &iter) :
			 vfs_iocb_iter_read(file, &kiocb, &iter);
	if (at_home && result >= 0)
		file->f_pos = kiocb.ki_pos;
	if (locked)
		mutex_unlock(&file->f_pos_lock);
	return result;
}

static s64 mattx_handle_seek(struct file *file, s64 offset, u64 whence)
{
	bool locked = file->f_mode & FMODE_ATOMIC_POS;
	s64 result;

	if (whence > SEEK_MAX)
		return -EINVAL;
	if (locked)
		mutex_lock(&file->f_pos_lock);
	result = vfs_llseek(file, offset, whence);
	if (locked)
		mutex_unlock(&file->f_pos_lock);
	return result;
}

static s64 mattx_handle_stat(struct file *file, u32 mask, u8 *answer, u32 *length)
{
	struct mattx_file_attributes attributes = { };
	struct mattx_cursor c;
	struct kstat stat;
	int error;

	error = vfs_getattr(&file->f_path, &stat, mask, 0);
	if (error)
		return error;
	mattx_attributes_from_stat(&attributes, &stat);
	mattx_cursor_init(&c, answer, MATTX_ATTRIBUTES_SIZE);
	mattx_attributes_encode(&c, &attributes);
	*length = MATTX_ATTRIBUTES_SIZE;
	return 0;
}

static s64 mattx_handle_truncate(struct file *file, s64 size)
{
	struct dentry *dentry = file_dentry(file);
	struct inode *inode = d_inode(dentry);
	struct iattr change = {
		.ia_valid = ATTR_SIZE | ATTR_MTIME | ATTR_CTIME | ATTR_FILE,
		.ia_size = size,
		.ia_file = file,
	};
	int error;

	if (size < 0 || !S_ISREG(inode->i_mode) || !(file->f_mode & FMODE_WRITE))
		return -EINVAL;
	if (IS_APPEND(inode))
		return -EPERM;
	error = inode_newsize_ok(inode, size);
	if (error)
		return error;
	sb_start_write(inode->i_sb);
	inode_lock(inode);
	error = notify_change(file_mnt_idmap(file), dentry, &change, NULL);
	inode_unlock(inode);
	sb_end_write(inode->i_sb);
	return error;
}

static s64 mattx_handle_allocate(struct file *file, u64 mode, s64 offset, s64 length)
{
	if (mode > INT_MAX)
		return -EINVAL;
	return vfs_fallocate(file, mode, offset, length);
}

static s64 mattx_handle_change(struct file *file, const struct mattx_file_request *request)
{
	struct mattx_tree_change change;
	struct mattx_cursor c;

	mattx_cursor_init(&c, (void *)request->data, request->length);
	if (mattx_tree_change_decode(&c, &change))
		return -EBADMSG;
	/* The size has a message of its own. */
	if (change.valid & MATTX_CHANGE_SIZE)
		return -EINVAL;
	return mattx_tree_change(&file->f_path, file, &change);
}

/* The locks of the process are its own, also while it computes elsewhere. */
static s64 mattx_handle_lock(struct mattx_handle *handle, const struct mattx_file_request *request,
			     u8 *answer, u32 *length)
{
	struct task_struct *task = handle->handles->task;
	u64 command = request->arguments[0];
	struct mattx_tree_lock wish;
	struct mattx_cursor c;
	s64 result;

	mattx_cursor_init(&c, (void *)request->data, request->length);
	if (mattx_tree_lock_decode(&c, &wish))
		return -EBADMSG;
	result = mattx_tree_lock_file(handle->file, (fl_owner_t)task->files, task->tgid, command,
				      &wish);
	if (!result && (command & ~MATTX_LOCK_OF_FILE) == F_GETLK) {
		mattx_cursor_init(&c, answer, MATTX_TREE_LOCK_SIZE);
		mattx_tree_lock_encode(&c, &wish);
		*length = MATTX_TREE_LOCK_SIZE;
	}
	return result;
}

s64 mattx_handle_operate(struct mattx_handle *handle, const struct mattx_file_request *request,
			 u8 *answer, u32 *length)
{
	const u64 *arguments = request->arguments;
	struct file *file = handle->file;
	s64 result;

	if (request->has_flags)
		mattx_handle_set_flags(file, request->open_flags);
	if (handle->kind >= MATTX_KIND_HOME && request->op <= MATTX_FILE_IOCTL &&
	    request->op != MATTX_FILE_SEEK)
		return -EOPNOTSUPP;
	switch (request->op) {
	case MATTX_FILE_READ:
		result = mattx_handle_transfer(handle, false, arguments[0], answer,
					       mattx_handle_answer_size(request));
		*length = max_t(s64, result, 0);
		return result;
	case MATTX_FILE_WRITE:
		return mattx_handle_transfer(handle, true, arguments[0], (void *)request->data,
					     request->length);
	case MATTX_FILE_SEEK:
		return mattx_handle_seek(file, arguments[0], arguments[1]);
	case MATTX_FILE_IOCTL:
		return mattx_handle_ioctl(handle, request, answer, length);
	case MATTX_FILE_FSYNC:
		return vfs_fsync_range(file, arguments[0], arguments[1], !!arguments[2]);
	case MATTX_FILE_STAT:
		return mattx_handle_stat(file, arguments[0], answer, length);
	case MATTX_FILE_TRUNCATE:
		return mattx_handle_truncate(file, arguments[0]);
	case MATTX_FILE_ALLOCATE:
		return mattx_handle_allocate(file, arguments[0], arguments[1], arguments[2]);
	case MATTX_FILE_CHANGE:
		return mattx_handle_change(file, request);
	case MATTX_FILE_LOCK:
		return mattx_handle_lock(handle, request, answer, length);
	case MATTX_FILE_FLOCK:
		return mattx_tree_flock(file, arguments[0], arguments[1]);
	default:
		return -EOPNOTSUPP;
	}
}
