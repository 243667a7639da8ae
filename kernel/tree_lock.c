// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks that others hold on files of this node.  To the lock code of the
 * kernel an owner is an address and nothing else; ours stand for the owners
 * over there.
 */
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "compat.h"
#include "handle.h"
#include "node.h"
#include "tree_private.h"

struct mattx_tree_owner {
	struct list_head	list;	/* of file->owners; session->lock */
	u64			key;	/* over there */
};

/*
 * The same for all open files of one inode in the session, so that a process
 * that opened a file twice does not lock itself out.
 */
static struct mattx_tree_owner *mattx_tree_owner_find(struct mattx_tree_session *session,
						      const struct inode *inode, u64 key)
{
	struct mattx_tree_owner *owner;
	struct mattx_tree_file *file;
	unsigned long number;

	lockdep_assert_held(&session->lock);
	xa_for_each(&session->files, number, file) {
		if (file_inode(file->file) != inode)
			continue;
		list_for_each_entry(owner, &file->owners, list)
			if (owner->key == key)
				return owner;
	}
	return NULL;
}

static struct mattx_tree_owner *mattx_tree_owner_get(struct mattx_tree_session *session,
						     struct mattx_tree_file *file, u64 key)
{
	struct mattx_tree_owner *owner, *fresh;

	fresh = kzalloc_obj(*fresh);
	if (!fresh)
		return NULL;
	fresh->key = key;
	spin_lock(&session->lock);
	owner = mattx_tree_owner_find(session, file_inode(file->file), key);
	if (!owner) {
		owner = fresh;
		list_add(&owner->list, &file->owners);
		fresh = NULL;
	}
	spin_unlock(&session->lock);
	kfree(fresh);
	return owner;
}

void mattx_tree_lock_owners_free(struct mattx_tree_file *file)
{
	struct mattx_tree_owner *owner, *next;

	list_for_each_entry_safe(owner, next, &file->owners, list) {
		/* Of a peer that is gone, or has not said that they end. */
		locks_remove_posix(file->file, owner);
		kfree(owner);
	}
}

s64 mattx_tree_lock_file(struct file *file, fl_owner_t owner, pid_t pid, u64 command,
			 struct mattx_tree_lock *wish)
{
	bool of_file = command & MATTX_LOCK_OF_FILE;
	struct file_lock *lock;
	s64 result;

	lock = locks_alloc_lock();
	if (!lock)
		return -ENOLCK;
	lock->c.flc_owner = of_file ? (fl_owner_t)file : owner;
	lock->c.flc_pid = of_file ? -1 : pid;
	lock->c.flc_file = file;
	lock->c.flc_flags = of_file ? FL_POSIX | FL_OFDLCK : FL_POSIX;
	lock->c.flc_type = wish->type;
	lock->fl_start = wish->start;
	lock->fl_end = wish->end;
	switch (command & ~MATTX_LOCK_OF_FILE) {
	case F_GETLK:
		result = vfs_test_lock(file, lock);
		wish->type = lock->c.flc_type;
		wish->start = lock->fl_start;
		wish->end = lock->fl_end;
		wish->pid = max(lock->c.flc_pid, 0);
		break;
	case F_SETLKW:
		lock->c.flc_flags |= FL_SLEEP;
		result = locks_lock_file_wait(file, lock);
		break;
	case F_SETLK:
		result = vfs_lock_file(file, F_SETLK, lock, NULL);
		break;
	default:
		result = -EINVAL;
	}
	locks_free_lock(lock);
	return result;
}

/* A guest of this node that asks; NULL: somebody else. */
static struct mattx_handles *mattx_tree_guest(struct mattx_tree_session *session,
					      const struct mattx_tree_caller *caller)
{
	if (!session->link || !caller->table || caller->home != mattx_node_local())
		return NULL;
	return mattx_handles_find(caller->table, session->link);
}

/* The locks of a guest are those of its process, so that it has them wherever it is. */
static s64 mattx_tree_lock_of_guest(struct mattx_handles *handles, struct file *file, u64 command,
				    struct mattx_tree_lock *wish)
{
	struct task_struct *task = mattx_handles_task(handles);
	fl_owner_t owner = (fl_owner_t)READ_ONCE(task->files);
	s64 result = mattx_tree_lock_file(file, owner, task->tgid, command, wish);

	/* It was killed while it waited for the lock: nobody else would give it back. */
	if (!result && READ_ONCE(task->flags) & PF_EXITING)
		locks_remove_posix(file, owner);
	return result;
}

s64 mattx_tree_lock(struct mattx_tree_session *session, struct mattx_tree_file *entry,
		    const struct mattx_tree_request *request, struct mattx_tree_answer *answer)
{
	u64 command = request->arguments[1];
	struct mattx_tree_owner *owner;
	struct mattx_handles *handles;
	struct mattx_tree_lock wish;
	struct mattx_cursor c;
	s64 result;

	mattx_cursor_init(&c, (void *)request->data, request->length);
	if (mattx_tree_lock_decode(&c, &wish))
		return -EBADMSG;
	handles = mattx_tree_guest(session, &request->caller);
	if (handles) {
		result = mattx_tree_lock_of_guest(handles, entry->file, command, &wish);
		mattx_handles_put(handles);
	} else {
		owner = mattx_tree_owner_get(session, entry, request->arguments[0]);
		if (!owner)
			return -ENOLCK;
		result = mattx_tree_lock_file(entry->file, (fl_owner_t)owner, current->tgid,
					      command, &wish);
	}
	if (!result && (command & ~MATTX_LOCK_OF_FILE) == F_GETLK) {
		mattx_cursor_init(&c, answer->data, answer->room);
		mattx_tree_lock_encode(&c, &wish);
		answer->length = c.at - answer->data;
	}
	return result;
}

s64 mattx_tree_flock(struct file *file, u64 command, u64 type)
{
	struct file_lock *lock;
	s64 result;

	if (type > F_UNLCK)
		return -EINVAL;
	lock = locks_alloc_lock();
	if (!lock)
		return -ENOLCK;
	lock->c.flc_owner = (fl_owner_t)file;
	lock->c.flc_pid = current->tgid;
	lock->c.flc_file = file;
	lock->c.flc_flags = FL_FLOCK;
	lock->c.flc_type = type;
	lock->fl_end = OFFSET_MAX;
	if (command == F_SETLKW)
		lock->c.flc_flags |= FL_SLEEP;
	result = locks_lock_file_wait(file, lock);
	locks_free_lock(lock);
	return result;
}
