// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each peer knows of this node's files: inodes by number and open files.
 * All of it ends with the link.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/namei.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "compat.h"
#include "tree_private.h"

/* One for each link that has asked, and one for this node.  A reference each. */
static HLIST_HEAD(mattx_tree_sessions);
static DEFINE_SPINLOCK(mattx_tree_sessions_lock);

void mattx_tree_root(struct path *path)
{
	/* Process 1 began with it, so it is where process 1 has made its root. */
	get_fs_root(init_task.fs, path);
	/* A file system may be mounted over it. */
	while (follow_down_one(path))
		;
}

static struct mattx_tree_session *mattx_tree_session_create(struct mattx_link *link)
{
	struct mattx_tree_session *session;

	session = kvzalloc(sizeof(*session), GFP_KERNEL);
	if (!session)
		return NULL;
	refcount_set(&session->references, 1);
	session->link = link ? mattx_link_hold(link) : NULL;
	spin_lock_init(&session->lock);
	xa_init(&session->nodes);
	xa_init(&session->files);
	hash_init(session->inodes);
	INIT_LIST_HEAD(&session->jobs);
	return session;
}

static struct mattx_tree_session *mattx_tree_session_find(struct mattx_link *link)
{
	struct mattx_tree_session *session;

	lockdep_assert_held(&mattx_tree_sessions_lock);
	hlist_for_each_entry(session, &mattx_tree_sessions, list) {
		if (session->link != link)
			continue;
		refcount_inc(&session->references);
		return session;
	}
	return NULL;
}

struct mattx_tree_session *mattx_tree_session_get(struct mattx_link *link, bool create)
{
	struct mattx_tree_session *session, *other;

	spin_lock(&mattx_tree_sessions_lock);
	session = mattx_tree_session_find(link);
	spin_unlock(&mattx_tree_sessions_lock);
	if (session || !create)
		return session;
	session = mattx_tree_session_create(link);
	if (!session)
		return NULL;
	spin_lock(&mattx_tree_sessions_lock);
	other = mattx_tree_session_find(link);
	if (!other) {
		refcount_inc(&session->references);
		hlist_add_head(&session->list, &mattx_tree_sessions);
	}
	spin_unlock(&mattx_tree_sessions_lock);
	if (!other)
		return session;
	mattx_tree_session_put(session);
	return other;
}

static void mattx_tree_node_put(struct mattx_tree_node_entry *node)
{
	if (!refcount_dec_and_test(&node->references))
		return;
	path_put(&node->path);
	kfree(node);
}

void mattx_tree_file_put(struct mattx_tree_file *file)
{
	if (!refcount_dec_and_test(&file->references))
		return;
	mattx_tree_lock_owners_free(file);
	__fput_sync(file->file);
	kfree(file);
}

/* Everything that the peer had is given back. */
static void mattx_tree_session_clear(struct mattx_tree_session *session)
{
	struct mattx_tree_node_entry *node;
	struct mattx_tree_file *file;
	unsigned long number;

	xa_for_each(&session->files, number, file) {
		xa_erase(&session->files, number);
		mattx_tree_file_put(file);
	}
	xa_for_each(&session->nodes, number, node) {
		xa_erase(&session->nodes, number);
		mattx_tree_node_put(node);
	}
}

void mattx_tree_session_put(struct mattx_tree_session *session)
{
	if (!refcount_dec_and_test(&session->references))
		return;
	mattx_tree_session_clear(session);
	xa_destroy(&session->nodes);
	xa_destroy(&session->files);
	if (session->link)
		mattx_link_put(session->link);
	kvfree(session);
}

/* The last request that runs takes the files with it. */
static void mattx_tree_session_close(struct mattx_tree_session *session)
{
	spin_lock(&session->lock);
	session->closed = true;
	spin_unlock(&session->lock);
	mattx_tree_jobs_cancel(session);
	mattx_tree_session_put(session);
}

void mattx_tree_peer_down(struct mattx_link *link)
{
	struct mattx_tree_session *session;

	spin_lock(&mattx_tree_sessions_lock);
	session = mattx_tree_session_find(link);
	if (session)
		hlist_del_init(&session->list);
	spin_unlock(&mattx_tree_sessions_lock);
	if (!session)
		return;
	mattx_tree_session_close(session);
	mattx_tree_session_put(session);
}

void mattx_tree_sessions_exit(void)
{
	struct mattx_tree_session *session;
	struct hlist_node *next;

	hlist_for_each_entry_safe(session, next, &mattx_tree_sessions, list) {
		hlist_del_init(&session->list);
		mattx_tree_session_close(session);
	}
}

static struct mattx_tree_node_entry *mattx_tree_node_get(struct mattx_tree_session *session,
							 u64 number)
{
	struct mattx_tree_node_entry *node;

	spin_lock(&session->lock);
	node = xa_load(&session->nodes, number);
	if (node)
		refcount_inc(&node->references);
	spin_unlock(&session->lock);
	return node;
}

int mattx_tree_path(struct mattx_tree_session *session, u64 number, struct path *path)
{
	struct mattx_tree_node_entry *node;

	if (number == MATTX_TREE_ROOT) {
		mattx_tree_root(path);
		return 0;
	}
	node = mattx_tree_node_get(session, number);
	if (!node)
		return -ESTALE;
	*path = node->path;
	path_get(path);
	mattx_tree_node_put(node);
	return 0;
}

/* The node of the inode under the mount, given out once more; NULL: there is none. */
static struct mattx_tree_node_entry *mattx_tree_node_known(struct mattx_tree_session *session,
							   const struct path *path)
{
	struct inode *inode = d_inode(path->dentry);
	struct mattx_tree_node_entry *node;

	lockdep_assert_held(&session->lock);
	hash_for_each_possible(session->inodes, node, hash, (unsigned long)inode) {
		if (d_inode(node->path.dentry) != inode || node->path.mnt != path->mnt)
			continue;
		node->given++;
		return node;
	}
	return NULL;
}

static int mattx_tree_number(struct mattx_tree_session *session, struct path *path, u64 *number)
{
	struct mattx_tree_node_entry *node, *known;
	int error;

	node = kzalloc_obj(*node);
	if (!node)
		return -ENOMEM;
	refcount_set(&node->references, 1);
	node->given = 1;
	node->path = *path;
	spin_lock(&session->lock);
	/* 0 is the root; no link lives long enough for the numbers to wrap around. */
	node->number = ++session->last_number;
	spin_unlock(&session->lock);
	/* Before the inode leads others to the number. */
	error = xa_err(xa_store(&session->nodes, node->number, node, GFP_KERNEL));
	if (error) {
		kfree(node);
		return error;
	}
	spin_lock(&session->lock);
	known = mattx_tree_node_known(session, path);
	if (!known)
		hash_add(session->inodes, &node->hash, (unsigned long)d_inode(path->dentry));
	*number = known ? known->number : node->number;
	spin_unlock(&session->lock);
	if (known) {
		xa_erase(&session->nodes, node->number);
		mattx_tree_node_put(node);
	}
	return 0;
}

int mattx_tree_give(struct mattx_tree_session *session, struct path *path,
		    struct mattx_tree_reply *reply)
{
	int error;

	error = mattx_tree_describe(path, reply);
	if (!error)
		error = mattx_tree_number(session, path, &reply->node.number);
	if (error) {
		reply->flags &= ~MATTX_REPLY_NODE;
		path_put(path);
	}
	return error;
}

void mattx_tree_forget(struct mattx_tree_session *session, u64 number, u64 count)
{
	struct mattx_tree_node_entry *node;

	spin_lock(&session->lock);
	node = xa_load(&session->nodes, number);
	if (node) {
		node->given -= min(node->given, count);
		if (node->given) {
			node = NULL;
		} else {
			hash_del(&node->hash);
			xa_erase(&session->nodes, number);
		}
	}
	spin_unlock(&session->lock);
	if (node)
		mattx_tree_node_put(node);
}

int mattx_tree_file_add(struct mattx_tree_session *session, struct file *file, u64 *number)
{
	struct mattx_tree_file *entry;
	int error;

	entry = kzalloc_obj(*entry);
	if (!entry) {
		fput(file);
		return -ENOMEM;
	}
	refcount_set(&entry->references, 1);
	entry->file = file;
	mutex_init(&entry->position);
	INIT_LIST_HEAD(&entry->owners);
	spin_lock(&session->lock);
	entry->number = ++session->last_number;
	spin_unlock(&session->lock);
	*number = entry->number;
	error = xa_err(xa_store(&session->files, entry->number, entry, GFP_KERNEL));
	if (error)
		mattx_tree_file_put(entry);
	return error;
}

struct mattx_tree_file *mattx_tree_file_get(struct mattx_tree_session *session, u64 number)
{
	struct mattx_tree_file *file;

	xa_lock(&session->files);
	file = xa_load(&session->files, number);
	if (file)
		refcount_inc(&file->references);
	xa_unlock(&session->files);
	return file;
}

void mattx_tree_file_release(struct mattx_tree_session *session, u64 number)
{
	struct mattx_tree_file *file = xa_erase(&session->files, number);

	if (file)
		mattx_tree_file_put(file);
}

struct file *mattx_tree_opened(struct mattx_link *link, u64 number)
{
	struct mattx_tree_session *session = mattx_tree_session_get(link, false);
	struct mattx_tree_file *entry;
	struct file *file = NULL;

	if (!session)
		return NULL;
	entry = mattx_tree_file_get(session, number);
	if (entry) {
		file = get_file(entry->file);
		mattx_tree_file_put(entry);
	}
	mattx_tree_session_put(session);
	return file;
}

void mattx_tree_adopted(struct mattx_link *link, u64 number)
{
	struct mattx_tree_session *session = mattx_tree_session_get(link, false);

	if (!session)
		return;
	mattx_tree_file_release(session, number);
	mattx_tree_session_put(session);
}
