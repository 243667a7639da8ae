// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks on proxy files, which are locks of the process at its home, and
 * changes of their attributes.  The local locks beside them only remind the
 * kernel to give them back.
 */
#include <linux/filelock.h>
#include <linux/fs.h>

#include "compat.h"
#include "proxy_private.h"
#include "tree.h"

static s64 mattx_proxy_lock_ask(struct file *file, u32 command, struct mattx_tree_lock *wire)
{
	struct mattx_proxy *proxy = file->private_data;
	struct mattx_frame *request, *answer = NULL;
	struct mattx_file_reply reply;
	struct mattx_cursor c;
	s64 result;

	request = mattx_proxy_request(proxy, file, MATTX_FILE_LOCK, command, 0, 0,
				      MATTX_TREE_LOCK_SIZE);
	if (!request)
		return -ENOMEM;
	mattx_cursor_init(&c, request->payload + request->length, MATTX_TREE_LOCK_SIZE);
	mattx_tree_lock_encode(&c, wire);
	request->length += MATTX_TREE_LOCK_SIZE;
	result = mattx_proxy_execute_waiting(proxy, request, &reply, &answer);
	if (result < 0)
		return result;
	if ((command & ~MATTX_LOCK_OF_FILE) == F_GETLK) {
		mattx_cursor_init(&c, (void *)reply.data, reply.length);
		if (mattx_tree_lock_decode(&c, wire))
			result = -EIO;
	}
	mattx_frame_free(answer);
	return result;
}

/* What home has said about a lock that was to be taken or given back. */
static void mattx_proxy_lock_settle(struct file *file, struct file_lock *lock, s64 result)
{
	bool gives_back = lock->c.flc_type == F_UNLCK;

	if (!result && !gives_back)
		mattx_tree_lock_taken();
	if (!result || gives_back)
		locks_lock_file_wait(file, lock);
}

int mattx_proxy_lock(struct file *file, int command, struct file_lock *lock)
{
	struct mattx_tree_lock wire = {
		.type = lock->c.flc_type,
		.start = lock->fl_start,
		.end = lock->fl_end,
		.pid = current->tgid,
	};
	s64 result;

	if (!(lock->c.flc_flags & FL_POSIX))
		return -ENOLCK;
	result = mattx_proxy_lock_ask(file, command | (lock->c.flc_flags & FL_OFDLCK ?
						       MATTX_LOCK_OF_FILE : 0), &wire);
	if (command == F_GETLK) {
		if (!result) {
			lock->c.flc_type = wire.type;
			lock->fl_start = wire.start;
			lock->fl_end = wire.end;
			lock->c.flc_pid = wire.pid;
		}
		return result;
	}
	mattx_proxy_lock_settle(file, lock, result);
	return result;
}

int mattx_proxy_flock(struct file *file, int command, struct file_lock *lock)
{
	struct mattx_proxy *proxy = file->private_data;
	struct mattx_frame *request;
	s64 result;

	if (!(lock->c.flc_flags & FL_FLOCK))
		return -ENOLCK;
	request = mattx_proxy_request(proxy, file, MATTX_FILE_FLOCK, command, lock->c.flc_type, 0,
				      0);
	if (!request)
		return -ENOMEM;
	result = mattx_proxy_execute_waiting(proxy, request, NULL, NULL);
	mattx_proxy_lock_settle(file, lock, result);
	return result;
}

int mattx_proxy_change(struct mattx_proxy *proxy, const struct iattr *change)
{
	struct mattx_tree_change wire = {};
	struct mattx_frame *request;
	struct mattx_cursor c;

	mattx_tree_change_fill(&wire, change);
	request = mattx_proxy_request(proxy, NULL, MATTX_FILE_CHANGE, 0, 0, 0,
				      MATTX_TREE_CHANGE_SIZE);
	if (!request)
		return -ENOMEM;
	mattx_cursor_init(&c, request->payload + request->length, MATTX_TREE_CHANGE_SIZE);
	mattx_tree_change_encode(&c, &wire);
	request->length += MATTX_TREE_CHANGE_SIZE;
	return mattx_proxy_execute(proxy, request, NULL, NULL);
}
