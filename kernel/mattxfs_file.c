// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Open files of MattXFS: regular files through the page cache, written through
 * to their home; all else (devices and FIFOs of home, files of /proc and
 * /sys) by one request for each call.
 */
#include <linux/mm.h>
#include <linux/falloc.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uio.h>

#include "homeward.h"
#include "mattxfs.h"

int mattxfs_file_attach(struct inode *inode, struct file *file, u64 opened)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct mattxfs_file *open;

	open = kzalloc_obj(*open);
	if (!open)
		return -ENOMEM;
	open->opened = opened;
	mutex_init(&open->mutex);
	INIT_LIST_HEAD(&open->writer);
	if (file->f_mode & FMODE_WRITE) {
		spin_lock(&mi->lock);
		list_add(&open->writer, &mi->writers);
		spin_unlock(&mi->lock);
	}
	file->private_data = open;
	return 0;
}

int mattxfs_open(struct inode *inode, struct file *file)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct dentry *dentry = file->f_path.dentry, *folder = NULL;
	struct mattx_tree_request request = {
		.op = MATTX_TREE_OPEN,
		.node = mi->number,
		.arguments = {
			file->f_flags & ~(O_CREAT | O_EXCL | O_TRUNC),
			!!(file->f_flags & __FMODE_EXEC),
		},
	};
	u64 asked = atomic64_read(&mattxfs_changes);
	struct mattx_tree_reply reply;
	struct name_snapshot name;
	s64 result;

	if (S_ISSOCK(inode->i_mode))
		return -ENXIO;
	/*
	 * A name that was looked up a moment ago may be another file's by now.
	 * One that is known to be gone was not the way here.
	 */
	if (mi->number != MATTX_TREE_ROOT && !d_unhashed(dentry)) {
		take_dentry_name_snapshot(&name, dentry);
		folder = dget_parent(dentry);
		request.node = mattxfs_inode(d_inode(folder))->number;
		request.other = mi->number;
		mattxfs_name(&request, &name.name);
	}
	/* A FIFO waits for its other end. */
	result = mattxfs_call_waiting(inode, &request, NULL, 0, &reply, NULL);
	if (folder) {
		dput(folder);
		release_dentry_name_snapshot(&name);
		/* Home has another file under that name, or none: the VFS tries again, and finds it. */
		if (result == -ESTALE)
			d_drop(dentry);
	}
	if (result < 0)
		return result;
	if (reply.flags & MATTX_REPLY_NODE)
		mattxfs_apply(inode, &reply.node, false, asked);
	if (reply.node.traits & MATTX_NODE_STREAM && !S_ISDIR(inode->i_mode))
		stream_open(inode, file);
	result = mattxfs_file_attach(inode, file, reply.opened);
	if (result)
		mattx_tree_tell(mi->home, mi->serial, MATTX_TREE_RELEASE, reply.opened, 0);
	return result;
}

int mattxfs_release(struct inode *inode, struct file *file)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct mattxfs_file *open = file->private_data;

	/* What a mapping wrote: its file is this one. */
	if (file->f_mode & FMODE_WRITE && S_ISREG(inode->i_mode))
		filemap_write_and_wait(inode->i_mapping);
	spin_lock(&mi->lock);
	list_del(&open->writer);
	spin_unlock(&mi->lock);
	mattx_tree_tell(mi->home, mattxfs_serial(inode), MATTX_TREE_RELEASE, open->opened, 0);
	mattx_frame_free(open->entries);
	kfree(open);
	return 0;
}

static int mattxfs_flush(struct file *file, fl_owner_t owner)
{
	if (!(file->f_mode & FMODE_WRITE) ||
	    !mapping_tagged(file->f_mapping, PAGECACHE_TAG_DIRTY))
		return 0;
	return filemap_write_and_wait(file->f_mapping);
}

static bool mattxfs_is_uncached(const struct file *file)
{
	return READ_ONCE(mattxfs_inode(file_inode(file))->traits) & MATTX_NODE_UNCACHED ||
	       file->f_flags & O_DIRECT;
}

/* One request; returns the bytes that arrived in @to. */
static ssize_t mattxfs_read_once(struct file *file, struct iov_iter *to, loff_t position)
{
	struct mattxfs_file *open = file->private_data;
	struct mattx_tree_request request = {
		.op = MATTX_TREE_READ,
		.other = open->opened,
		.arguments = { position, min_t(size_t, iov_iter_count(to), MATTX_TREE_CHUNK) },
	};
	struct mattx_tree_reply reply;
	struct mattx_frame *answer;
	s64 result;

	result = mattxfs_call_waiting(file_inode(file), &request, NULL, 0, &reply, &answer);
	if (result > 0) {
		if (result != reply.length || result > iov_iter_count(to))
			result = -EIO;
		else if (copy_to_iter(reply.data, result, to) != result)
			result = -EFAULT;
	}
	mattx_frame_free(answer);
	return result;
}

static ssize_t mattxfs_read_direct(struct kiocb *kiocb, struct iov_iter *to)
{
	bool stream = kiocb->ki_filp->f_mode & FMODE_STREAM;
	ssize_t result = 0, done = 0;
	size_t wanted;

	while ((wanted = iov_iter_count(to))) {
		result = mattxfs_read_once(kiocb->ki_filp, to, kiocb->ki_pos);
		if (result <= 0)
			break;
		done += result;
		if (!stream)
			kiocb->ki_pos += result;
		if (stream || result < min_t(size_t, wanted, MATTX_TREE_CHUNK))
			break;
	}
	return done ?: result;
}

static ssize_t mattxfs_read_iter(struct kiocb *kiocb, struct iov_iter *to)
{
	struct file *file = kiocb->ki_filp;
	int error;

	if (!iov_iter_count(to))
		return 0;
	if (mattxfs_is_uncached(file))
		return mattxfs_read_direct(kiocb, to);
	error = mattxfs_refresh(file_inode(file));
	return error ?: generic_file_read_iter(kiocb, to);
}

/* One request; returns the bytes that home took. What it did not take is back in @from. */
static ssize_t mattxfs_write_once(struct kiocb *kiocb, struct iov_iter *from)
{
	struct file *file = kiocb->ki_filp;
	struct inode *inode = file_inode(file);
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct mattxfs_file *open = file->private_data;
	u32 length = min_t(size_t, iov_iter_count(from), MATTX_TREE_CHUNK);
	struct mattx_tree_request request = {
		.op = MATTX_TREE_WRITE,
		.other = open->opened,
		.arguments = { kiocb->ki_pos, file->f_flags },
	};
	struct mattx_tree_reply reply;
	struct mattx_frame *frame;
	u64 serial = mi->serial;
	s64 result;

	frame = mattx_tree_request(&request, length);
	if (!frame)
		return -ENOMEM;
	if (copy_from_iter(frame->payload + frame->length, length, from) != length) {
		mattx_frame_free(frame);
		return -EFAULT;
	}
	frame->length += length;
	result = mattx_tree_execute(mi->home, &serial, frame, file->f_mode & FMODE_STREAM,
				    &reply, NULL);
	if (result > length)
		result = -EIO;
	iov_iter_revert(from, length - max_t(s64, result, 0));
	if (result < 0)
		return result;
	if (!(file->f_mode & FMODE_STREAM))
		kiocb->ki_pos = reply.opened;
	if (reply.flags & MATTX_REPLY_NODE && S_ISREG(inode->i_mode))
		mattxfs_apply(inode, &reply.node, true, 0);
	return result;
}

static ssize_t mattxfs_write_special(struct kiocb *kiocb, struct iov_iter *from)
{
	ssize_t result = 0, done = 0;

	while (iov_iter_count(from)) {
		result = mattxfs_write_once(kiocb, from);
		if (result <= 0)
			break;
		done += result;
	}
	/* Home's kernel thread was not to be told; the writer is. */
	if (result == -EPIPE && !done && !(kiocb->ki_flags & IOCB_NOWAIT))
		send_sig(SIGPIPE, current, 0);
	return done ?: result;
}

static ssize_t mattxfs_write_iter(struct kiocb *kiocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(kiocb->ki_filp);
	ssize_t result, done = 0;
	loff_t begin;

	inode_lock(inode);
	if (kiocb->ki_flags & IOCB_APPEND) {
		result = mattxfs_refresh(inode);
		if (result)
			goto unlock;
	}
	result = generic_write_checks(kiocb, from);
	if (result > 0 && mapping_tagged(inode->i_mapping, PAGECACHE_TAG_DIRTY))
		/* In the order in which it was written. */
		result = filemap_write_and_wait(inode->i_mapping) ?: result;
	while (result > 0 && iov_iter_count(from)) {
		result = mattxfs_write_once(kiocb, from);
		if (result <= 0)
			break;
		done += result;
		/* Home says where it went: another may have appended meanwhile. */
		begin = kiocb->ki_pos - result;
		if (inode->i_mapping->nrpages)
			invalidate_inode_pages2_range(inode->i_mapping, begin >> PAGE_SHIFT,
						      (kiocb->ki_pos - 1) >> PAGE_SHIFT);
	}
unlock:
	inode_unlock(inode);
	if (done > 0)
		done = generic_write_sync(kiocb, done);
	return done ?: result;
}

int mattxfs_fsync(struct file *file, loff_t start, loff_t end, int data_only)
{
	struct mattxfs_file *open = file->private_data;
	struct mattx_tree_request request = {
		.op = MATTX_TREE_FSYNC,
		.other = open->opened,
		.arguments = { start, end, data_only },
	};
	struct mattx_tree_reply reply;
	int error = 0;

	if (S_ISREG(file_inode(file)->i_mode))
		error = file_write_and_wait_range(file, start, end);
	return error ?: mattxfs_call(file_inode(file), &request, NULL, 0, &reply, NULL);
}

static loff_t mattxfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);
	struct mattxfs_file *open = file->private_data;
	struct mattx_tree_request request = {
		.op = MATTX_TREE_SEEK,
		.other = open->opened,
		.arguments = { offset, whence },
	};
	struct mattx_tree_reply reply;
	s64 result;
	int error;

	switch (whence) {
	case SEEK_SET:
	case SEEK_CUR:
		return generic_file_llseek(file, offset, whence);
	case SEEK_END:
		error = mattxfs_refresh(inode);
		return error ?: generic_file_llseek(file, offset, whence);
	default:
		/* Where data and holes are. */
		error = filemap_write_and_wait(inode->i_mapping);
		result = error ?: mattxfs_call(inode, &request, NULL, 0, &reply, NULL);
		return result < 0 ? result : vfs_setpos(file, result, inode->i_sb->s_maxbytes);
	}
}

static long mattxfs_fallocate(struct file *file, int mode, loff_t offset, loff_t length)
{
	struct inode *inode = file_inode(file);
	struct mattxfs_file *open = file->private_data;
	struct mattx_tree_request request = {
		.op = MATTX_TREE_ALLOCATE,
		.other = open->opened,
		.arguments = { mode, offset, length },
	};
	struct mattx_tree_reply reply;
	s64 result;

	result = inode_newsize_ok(inode, offset + length);
	if (result && !(mode & FALLOC_FL_KEEP_SIZE))
		return result;
	inode_lock(inode);
	result = filemap_write_and_wait(inode->i_mapping);
	if (!result)
		result = mattxfs_call(inode, &request, NULL, 0, &reply, NULL);
	if (!result) {
		mattxfs_apply(inode, &reply.node, true, 0);
		invalidate_inode_pages2(inode->i_mapping);
	}
	inode_unlock(inode);
	return result;
}

static ssize_t mattxfs_copy_file_range(struct file *from, loff_t from_position, struct file *to,
				       loff_t to_position, size_t length, unsigned int flags)
{
	struct inode *source = file_inode(from), *target = file_inode(to);
	struct mattxfs_file *from_open = from->private_data, *to_open = to->private_data;
	struct mattx_tree_request request = {
		.op = MATTX_TREE_COPY,
		.node = from_open->opened,
		.other = to_open->opened,
		.arguments = { from_position, to_position, length },
	};
	struct mattx_tree_reply reply;
	s64 result;

	if (from->f_op != &mattxfs_file_fops || to->f_op != &mattxfs_file_fops ||
	    mattxfs_inode(source)->home != mattxfs_inode(target)->home)
		return splice_copy_file_range(from, from_position, to, to_position, length);
	result = filemap_write_and_wait(source->i_mapping);
	if (result)
		return result;
	inode_lock(target);
	result = filemap_write_and_wait(target->i_mapping);
	if (!result)
		result = mattxfs_call(target, &request, NULL, 0, &reply, NULL);
	if (result > 0) {
		invalidate_inode_pages2(target->i_mapping);
		atomic64_inc(&mattxfs_changes);
		mattxfs_stale(target);
	}
	inode_unlock(target);
	if (result == -EOPNOTSUPP || result == -EXDEV)
		return splice_copy_file_range(from, from_position, to, to_position, length);
	return result;
}

/* A device, or a file whose contents change by themselves: what can be mapped is mapped at home. */
static int mattxfs_mmap_special(struct file *file, struct vm_area_struct *area)
{
	return !S_ISFIFO(file_inode(file)->i_mode) && mattx_homeward_instead() ? -ERESTARTNOINTR :
										 -ENODEV;
}

static int mattxfs_mmap(struct file *file, struct vm_area_struct *area)
{
	int error;

	if (READ_ONCE(mattxfs_inode(file_inode(file))->traits) & MATTX_NODE_UNCACHED)
		return mattxfs_mmap_special(file, area);
	/* Stores that others see at once are possible on one node only. */
	if (area->vm_flags & VM_SHARED && area->vm_flags & VM_MAYWRITE && mattx_homeward_instead())
		return -ERESTARTNOINTR;
	error = mattxfs_refresh(file_inode(file));
	return error ?: generic_file_mmap(file, area);
}

/* What is no terminal says so; all other questions a guest asks at home. */
static long mattxfs_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	if (_IOC_TYPE(command) == 'T' && !S_ISCHR(file_inode(file)->i_mode))
		return -ENOTTY;
	return mattx_homeward_instead() ? -ERESTARTNOINTR : -ENOTTY;
}

static ssize_t mattxfs_splice_read(struct file *file, loff_t *position,
				   struct pipe_inode_info *pipe, size_t length,
				   unsigned int flags)
{
	int error;

	if (mattxfs_is_uncached(file))
		return copy_splice_read(file, position, pipe, length, flags);
	error = mattxfs_refresh(file_inode(file));
	return error ?: filemap_splice_read(file, position, pipe, length, flags);
}

const struct inode_operations mattxfs_file_iops = {
	.permission	= mattxfs_permission,
	.getattr	= mattxfs_getattr,
	.setattr	= mattxfs_setattr,
	.listxattr	= mattxfs_listxattr,
	.get_acl	= mattxfs_get_acl,
	.get_inode_acl	= mattxfs_get_inode_acl,
	.set_acl	= mattxfs_set_acl,
};

const struct file_operations mattxfs_file_fops = {
	.owner		= THIS_MODULE,
	.open		= mattxfs_open,
	.release	= mattxfs_release,
	.flush		= mattxfs_flush,
	.llseek		= mattxfs_llseek,
	.read_iter	= mattxfs_read_iter,
	.write_iter	= mattxfs_write_iter,
	.mmap		= mattxfs_mmap,
	.unlocked_ioctl	= mattxfs_ioctl,
	.fsync		= mattxfs_fsync,
	.fallocate	= mattxfs_fallocate,
	.copy_file_range = mattxfs_copy_file_range,
	.splice_read	= mattxfs_splice_read,
	.splice_write	= iter_file_splice_write,
	.lock		= mattxfs_lock,
	.flock		= mattxfs_flock,
};

/* Devices and FIFOs: one request for each call. */
const struct file_operations mattxfs_special_fops = {
	.owner		= THIS_MODULE,
	.open		= mattxfs_open,
	.release	= mattxfs_release,
	.llseek		= noop_llseek,
	.unlocked_ioctl	= mattxfs_ioctl,
	.mmap		= mattxfs_mmap_special,
	.read_iter	= mattxfs_read_direct,
	.write_iter	= mattxfs_write_special,
	.fsync		= mattxfs_fsync,
	.splice_read	= copy_splice_read,
	.splice_write	= iter_file_splice_write,
};
