// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on files of this node that others have opened.
 */
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/sizes.h>
#include <linux/splice.h>
#include <linux/uio.h>

#include "compat.h"
#include "handle_private.h"
#include "tree_private.h"

/* Like kernel_read() and kernel_write(), but also for what only user space reads else. */
static s64 mattx_tree_transfer(struct file *file, bool write, void *data, size_t length,
			       loff_t *position)
{
	struct kvec vector = { .iov_base = data, .iov_len = length };
	struct iov_iter iter;
	struct kiocb kiocb;
	s64 result;

	init_sync_kiocb(&kiocb, file);
	/* Our buffer need not be aligned as direct transfers want it. */
	kiocb.ki_flags &= ~IOCB_DIRECT;
	kiocb.ki_pos = file->f_mode & FMODE_STREAM ? 0 : *position;
	iov_iter_kvec(&iter, write ? ITER_SOURCE : ITER_DEST, &vector, 1, length);
	result = write ? vfs_iocb_iter_write(file, &kiocb, &iter) :
			 vfs_iocb_iter_read(file, &kiocb, &iter);
	*position = kiocb.ki_pos;
	return result;
}

static s64 mattx_tree_read(struct file *file, const struct mattx_tree_request *request,
			   struct mattx_tree_answer *answer)
{
	loff_t position = request->arguments[0];
	s64 result;

	if (S_ISDIR(file_inode(file)->i_mode))
		return -EISDIR;
	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	result = mattx_tree_transfer(file, false, answer->data, answer->room, &position);
	answer->length = max_t(s64, result, 0);
	return result;
}

static s64 mattx_tree_write(struct file *file, const struct mattx_tree_request *request,
			    struct mattx_tree_answer *answer)
{
	loff_t position = request->arguments[0];
	s64 result;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	answer->reply.node.before = mattx_tree_change_of(file_dentry(file));
	mattx_handle_set_flags(file, request->arguments[1]);
	result = mattx_tree_transfer(file, true, (void *)request->data, request->length,
				     &position);
	if (result < 0)
		return result;
	answer->reply.opened = position;
	/* The bytes are written whatever this says. */
	mattx_tree_describe(&file->f_path, &answer->reply);
	return result;
}

struct mattx_tree_lister {
	struct dir_context	context;
	struct mattx_cursor	c;
	/* The one before: only the next tells where it ends. */
	struct mattx_tree_entry	entry;
	char			name[MATTX_NAME_MAX];
	bool			held;
	bool			full;
	bool			moving;		/* since it was last cleared */
};

static void mattx_tree_list_flush(struct mattx_tree_lister *lister, u64 next)
{
	if (!lister->held)
		return;
	lister->entry.next = next;
	mattx_tree_entry_encode(&lister->c, &lister->entry);
	lister->held = false;
}

static bool mattx_tree_list_one(struct dir_context *context, const char *name, int length,
				loff_t position, u64 inode, unsigned int type)
{
	struct mattx_tree_lister *lister = container_of(context, struct mattx_tree_lister, context);
	/* Room for the one that is held and this one. */
	size_t room = 2 * MATTX_TREE_ENTRY_SIZE + lister->entry.name_length + length;

	lister->moving = true;
	if (length > MATTX_NAME_MAX)
		return true;
	if (room > (size_t)(lister->c.end - lister->c.at)) {
		mattx_tree_list_flush(lister, position);
		lister->full = true;
		return false;
	}
	mattx_tree_list_flush(lister, position);
	memcpy(lister->name, name, length);
	lister->entry.inode = inode;
	lister->entry.type = type & 15;
	lister->entry.name = lister->name;
	lister->entry.name_length = length;
	lister->held = true;
	return true;
}

static s64 mattx_tree_readdir(struct mattx_tree_file *entry,
			      const struct mattx_tree_request *request,
			      struct mattx_tree_answer *answer)
{
	struct mattx_tree_lister lister = { .context.actor = mattx_tree_list_one };
	struct file *file = entry->file;
	loff_t position;
	int error = 0;

	if (!S_ISDIR(file_inode(file)->i_mode))
		return -ENOTDIR;
	mattx_cursor_init(&lister.c, answer->data, answer->room);
	mutex_lock(&entry->position);
	if (file->f_pos != request->arguments[0]) {
		position = vfs_llseek(file, request->arguments[0], SEEK_SET);
		error = position < 0 ? position : 0;
	}
	/* Some file systems tell a part at a time: the end is where there is no more. */
	do {
		lister.moving = false;
		if (!error)
			error = iterate_dir(file, &lister.context);
	} while (!error && lister.moving && !lister.full);
	if (!lister.full)
		mattx_tree_list_flush(&lister, file->f_pos);
	mutex_unlock(&entry->position);
	answer->length = lister.c.at - answer->data;
	return error ?: !lister.full;
}

static s64 mattx_tree_copy(struct mattx_tree_session *session, struct file *to,
			   const struct mattx_tree_request *request)
{
	struct mattx_tree_file *from;
	s64 result;

	from = mattx_tree_file_get(session, request->node);
	if (!from)
		return -ESTALE;
	result = vfs_copy_file_range(from->file, request->arguments[0], to, request->arguments[1],
				     min_t(u64, request->arguments[2], SZ_1G), 0);
	mattx_tree_file_put(from);
	return result;
}

s64 mattx_tree_operate_file(struct mattx_tree_session *session,
			    const struct mattx_tree_request *request,
			    struct mattx_tree_answer *answer)
{
	const u64 *arguments = request->arguments;
	struct mattx_tree_file *entry;
	struct file *file;
	s64 result;

	entry = mattx_tree_file_get(session, request->other);
	if (!entry)
		return -ESTALE;
	file = entry->file;
	switch (request->op) {
	case MATTX_TREE_READ:
		result = mattx_tree_read(file, request, answer);
		break;
	case MATTX_TREE_WRITE:
		result = mattx_tree_write(file, request, answer);
		break;
	case MATTX_TREE_SEEK:
		result = arguments[1] > SEEK_MAX ? -EINVAL :
			 vfs_llseek(file, arguments[0], arguments[1]);
		break;
	case MATTX_TREE_FSYNC:
		result = vfs_fsync_range(file, arguments[0], arguments[1], !!arguments[2]);
		break;
	case MATTX_TREE_ALLOCATE:
		answer->reply.node.before = mattx_tree_change_of(file_dentry(file));
		result = arguments[0] > INT_MAX ? -EINVAL :
			 vfs_fallocate(file, arguments[0], arguments[1], arguments[2]);
		if (!result)
			result = mattx_tree_describe(&file->f_path, &answer->reply);
		break;
	case MATTX_TREE_COPY:
		result = mattx_tree_copy(session, file, request);
		break;
	case MATTX_TREE_READDIR:
		result = mattx_tree_readdir(entry, request, answer);
		break;
	case MATTX_TREE_LOCK:
		result = mattx_tree_lock(session, entry, request, answer);
		break;
	case MATTX_TREE_FLOCK:
		result = mattx_tree_flock(file, arguments[1], arguments[2]);
		break;
	default:
		result = -EOPNOTSUPP;
	}
	/* Who has a lock wants to know what others have written.  It is held whatever this says. */
	if (!result && (request->op == MATTX_TREE_LOCK || request->op == MATTX_TREE_FLOCK))
		mattx_tree_describe(&file->f_path, &answer->reply);
	mattx_tree_file_put(entry);
	return result;
}
