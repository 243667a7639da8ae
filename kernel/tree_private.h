/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_TREE_PRIVATE_H
#define _MATTX_TREE_PRIVATE_H
/*
 * The inside of serving trees: tree_session.c (what each peer knows of our
 * files), tree_serve.c (requests and threads), tree_ops.c (operations on
 * names and nodes), tree_io.c (on open files), tree_lock.c.  Everybody else
 * includes tree.h.
 */
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "tree.h"

#define MATTX_TREE_HASH_BITS	12

struct kstat;

/* All that one peer knows: nodes and open files. */
struct mattx_tree_session {
	refcount_t		references;	/* the table, each request */
	struct hlist_node	list;		/* of all sessions; their lock */
	struct mattx_link	*link;		/* a reference; NULL: this node itself */

	spinlock_t		lock;		/* all below */
	bool			closed;
	struct xarray		nodes;		/* by number; a reference each */
	struct xarray		files;		/* by number; a reference each */
	DECLARE_HASHTABLE(inodes, MATTX_TREE_HASH_BITS);	/* nodes by inode */
	u64			last_number;
	struct list_head	jobs;		/* that wait or run */
};

/* An inode at a path.  Hard links share one: the first path that was seen. */
struct mattx_tree_node_entry {
	refcount_t		references;	/* the table, each request */
	u64			number;
	u64			given;		/* how often the peer got it; session->lock */
	struct path		path;
	struct hlist_node	hash;
};

struct mattx_tree_file {
	refcount_t		references;	/* the table, each request */
	u64			number;
	struct file		*file;
	struct mutex		position;	/* of folders */
	struct list_head	owners;		/* of locks; session->lock */
};

/* One request on its way through this node. */
struct mattx_tree_job {
	struct list_head	entry;		/* of session->jobs; its lock */
	struct list_head	queue;		/* of the pool; its lock */
	struct mattx_tree_session *session;	/* a reference */
	struct mattx_frame	*frame;
	struct mattx_tree_request request;	/* points into the frame */
	struct mattx_call	*call;		/* of this node itself; NULL: of a peer */
	struct task_struct	*runner;	/* session->lock */
	bool			cancelled;	/* session->lock */
};

/* What an operation produces. */
struct mattx_tree_answer {
	struct mattx_tree_reply	reply;
	u8			*data;		/* room for what the request wants */
	u32			room;
	u32			length;		/* used */
};

/* tree_session.c */
struct mattx_tree_session *mattx_tree_session_get(struct mattx_link *link, bool create);
void mattx_tree_session_put(struct mattx_tree_session *session);
/* -ESTALE: no such number. */
int mattx_tree_path(struct mattx_tree_session *session, u64 number, struct path *path);
/* Numbers the node at @path, consuming its reference, and describes it in the reply. */
int mattx_tree_give(struct mattx_tree_session *session, struct path *path,
		    struct mattx_tree_reply *reply);
void mattx_tree_forget(struct mattx_tree_session *session, u64 number, u64 count);
/* Consumes the file. */
int mattx_tree_file_add(struct mattx_tree_session *session, struct file *file, u64 *number);
struct mattx_tree_file *mattx_tree_file_get(struct mattx_tree_session *session, u64 number);
void mattx_tree_file_put(struct mattx_tree_file *file);
void mattx_tree_file_release(struct mattx_tree_session *session, u64 number);
/* The root of this node, with a reference. */
void mattx_tree_root(struct path *path);
void mattx_tree_sessions_exit(void);

/* tree_ops.c */
/* Attributes of what is at @path; the number stays. */
int mattx_tree_describe(const struct path *path, struct mattx_tree_reply *reply);
u64 mattx_tree_change_of(const struct dentry *dentry);
s64 mattx_tree_operate(struct mattx_tree_session *session,
		       const struct mattx_tree_request *request,
		       struct mattx_tree_answer *answer);

/* Carries out a change of @path; @file: as who has it open may, or NULL. */
int mattx_tree_change(const struct path *path, struct file *file, struct mattx_tree_change *change);

/* tree_io.c */
s64 mattx_tree_operate_file(struct mattx_tree_session *session,
			    const struct mattx_tree_request *request,
			    struct mattx_tree_answer *answer);
/* tree_lock.c */
s64 mattx_tree_lock(struct mattx_tree_session *session, struct mattx_tree_file *file,
		    const struct mattx_tree_request *request, struct mattx_tree_answer *answer);
s64 mattx_tree_flock(struct file *file, u64 command, u64 type);
/*
 * A POSIX lock for @owner, who is shown as @pid, or with MATTX_LOCK_OF_FILE
 * for the open file; the wish becomes the answer of a F_GETLK.
 */
s64 mattx_tree_lock_file(struct file *file, fl_owner_t owner, pid_t pid, u64 command,
			 struct mattx_tree_lock *wish);
/* Their locks end. */
void mattx_tree_lock_owners_free(struct mattx_tree_file *file);

/* tree_serve.c */
/* Carries out a request of this node itself; consumes the frame.  @call is told. */
int mattx_tree_serve_self(struct mattx_frame *frame, struct mattx_call *call);
void mattx_tree_jobs_cancel(struct mattx_tree_session *session);
int mattx_tree_serve_init(void);
void mattx_tree_serve_exit(void);

#endif /* _MATTX_TREE_PRIVATE_H */
