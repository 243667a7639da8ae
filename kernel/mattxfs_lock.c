// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks on files of MattXFS are locks at home, where they count for
 * everybody.  The local ones beside them only remind the kernel to give them
 * back.
 */
#include <linux/filelock.h>
#include <linux/hash.h>
#include <linux/pagemap.h>

#include "mattxfs.h"

/*
 * Taking a lock means: show me what others have written, and under which names.
 * @asked: mattxfs_changes before home was asked for it.
 */
static void mattxfs_lock_taken(struct inode *inode, const struct mattx_tree_reply *reply,
			       u64 asked)
{
	mattx_tree_lock_taken();
	mattxfs_stale(inode);
	if (reply->flags & MATTX_REPLY_NODE)
		mattxfs_apply(inode, &reply->node, false, asked);
	mattxfs_refresh(inode);
}

static s64 mattxfs_lock_ask(struct file *file, int command, struct file_lock *lock,
			    struct mattx_tree_lock *wire, struct mattx_tree_reply *reply)
{
	struct mattxfs_file *open = file->private_data;
	struct mattx_tree_request request = {
		.op = MATTX_TREE_LOCK,
		.other = open->opened,
		.arguments = {
			(unsigned long)lock->c.flc_owner,
			command | (lock->c.flc_flags & FL_OFDLCK ? MATTX_LOCK_OF_FILE : 0),
		},
	};
	struct inode *inode = file_inode(file);
	struct mattx_frame *answer;
	u8 data[MATTX_TREE_LOCK_SIZE];
	struct mattx_cursor c;
	s64 result;

	mattx_cursor_init(&c, data, sizeof(data));
	mattx_tree_lock_encode(&c, wire);
	result = command == F_SETLKW ?
		 mattxfs_call_waiting(inode, &request, data, sizeof(data), reply, &answer) :
		 mattxfs_call(inode, &request, data, sizeof(data), reply, &answer);
	if (!result && command == F_GETLK) {
		mattx_cursor_init(&c, (void *)reply->data, reply->length);
		if (mattx_tree_lock_decode(&c, wire))
			result = -EIO;
	}
	mattx_frame_free(answer);
	return result;
}

int mattxfs_lock(struct file *file, int command, struct file_lock *lock)
{
	struct mattx_tree_lock wire = {
		.type = lock->c.flc_type,
		.start = lock->fl_start,
		.end = lock->fl_end,
		.pid = current->tgid,
	};
	u64 asked = atomic64_read(&mattxfs_changes);
	struct inode *inode = file_inode(file);
	struct mattx_tree_reply reply;
	s64 result;

	if (!(lock->c.flc_flags & FL_POSIX))
		return -ENOLCK;
	/* What was written under it is home before others may look. */
	if (lock->c.flc_type == F_UNLCK && S_ISREG(inode->i_mode))
		filemap_write_and_wait(inode->i_mapping);
	result = mattxfs_lock_ask(file, command, lock, &wire, &reply);
	if (command == F_GETLK) {
		if (!result) {
			lock->c.flc_type = wire.type;
			lock->fl_start = wire.start;
			lock->fl_end = wire.end;
			lock->c.flc_pid = wire.pid;
		}
		return result;
	}
	/* A home that is gone holds none of our locks any more. */
	if (result && lock->c.flc_type != F_UNLCK)
		return result;
	locks_lock_file_wait(file, lock);
	if (lock->c.flc_type != F_UNLCK)
		mattxfs_lock_taken(inode, &reply, asked);
	return result;
}

int mattxfs_flock(struct file *file, int command, struct file_lock *lock)
{
	struct mattxfs_file *open = file->private_data;
	struct mattx_tree_request request = {
		.op = MATTX_TREE_FLOCK,
		.other = open->opened,
		.arguments = { 0, command, lock->c.flc_type },
	};
	u64 asked = atomic64_read(&mattxfs_changes);
	struct inode *inode = file_inode(file);
	struct mattx_tree_reply reply;
	s64 result;

	if (!(lock->c.flc_flags & FL_FLOCK))
		return -ENOLCK;
	if (lock->c.flc_type == F_UNLCK && S_ISREG(inode->i_mode))
		filemap_write_and_wait(inode->i_mapping);
	result = mattxfs_call_waiting(inode, &request, NULL, 0, &reply, NULL);
	if (result && lock->c.flc_type != F_UNLCK)
		return result;
	locks_lock_file_wait(file, lock);
	if (lock->c.flc_type != F_UNLCK)
		mattxfs_lock_taken(inode, &reply, asked);
	return result;
}
