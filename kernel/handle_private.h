/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_HANDLE_PRIVATE_H
#define _MATTX_HANDLE_PRIVATE_H
/*
 * The inside of the home end of a guest's files: handle.c (tables),
 * handle_capture.c (which files can be used from afar), handle_serve.c and
 * handle_ops.c (requests), handle_wait.c (readiness), handle_table.c
 * (descriptors of the deputy).  Everybody else includes handle.h.
 */
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "handle.h"
#include "wire_file.h"

struct cred;
struct mattx_frame;

/* A file may sleep on this many queues: a pipe on 2, a terminal on 2. */
#define MATTX_WAIT_QUEUES	4

struct mattx_wait_entry {
	wait_queue_entry_t	entry;
	wait_queue_head_t	*queue;	/* NULL: the queue has gone */
	struct mattx_handle	*handle;
};

/* How the operations of a file may be carried out. */
enum mattx_handle_kind {
	MATTX_KIND_STORAGE,	/* waits for storage only: in mattx_wq */
	MATTX_KIND_NONBLOCKING,	/* can be told not to wait: in mattx_wq */
	MATTX_KIND_BLOCKING,	/* may wait for ever: in threads that a signal wakes */
	/* Not at all: the guest goes home for them. */
	MATTX_KIND_HOME,	/* others may see whether it is ready */
	MATTX_KIND_SELF,	/* not even that */
};

enum mattx_handle_thread {
	MATTX_THREAD_READ,
	MATTX_THREAD_OTHER,	/* so that a reader keeps nobody from writing */
	MATTX_THREADS,
};

struct mattx_handle {
	refcount_t		references;	/* the table, and each request */
	struct mattx_handles	*handles;	/* holds no reference: requests hold both */
	u32			number;
	u32			descriptors;	/* of the process, as captured */
	enum mattx_handle_kind	kind;
	struct file		*file;
	struct kthread_worker	*threads[MATTX_THREADS];	/* MATTX_KIND_BLOCKING only */

	struct mattx_wait_entry	waits[MATTX_WAIT_QUEUES];	/* armed while open */
	unsigned int		wait_count;
	struct work_struct	push;
	struct mutex		stamp_mutex;	/* asking the file and numbering are one step */
	u32			sequence;	/* stamp_mutex */
};

struct mattx_handles {
	refcount_t		references;	/* the export, the table of tables, each request */
	u64			number;
	struct task_struct	*task;		/* the process; a reference */
	const struct cred	*cred;		/* its credentials; a reference */
	struct xarray		table;		/* of struct mattx_handle; a reference each */
	struct mattx_descriptor	*descriptors;	/* as captured, ascending */
	u32			descriptor_count;
	u32			handle_count;	/* as captured */
	char			*folder;	/* the working directory; NULL: none */
	struct mattx_link	*user;		/* that opened them last; a reference, or NULL */

	spinlock_t		lock;		/* all below; process context only */
	struct mattx_link	*link;		/* the user's; NULL: not open; a reference */
	bool			touched;	/* READ_ONCE without the lock */
	struct list_head	requests;	/* that run or wait to */
	wait_queue_head_t	idle;		/* woken when the last request is done */
};

/* One request of the guest on its way through this node. */
struct mattx_file_job {
	struct list_head	entry;		/* of handles->requests; its lock */
	struct mattx_handles	*handles;	/* a reference */
	struct mattx_handle	*handle;	/* a reference */
	struct mattx_link	*link;		/* to answer; a reference */
	struct mattx_frame	*frame;
	struct mattx_file_request request;	/* points into the frame */
	struct work_struct	work;		/* one of the two carries it */
	struct kthread_work	thread_work;
	struct task_struct	*runner;	/* thread that may block in it; handles->lock */
	bool			cancelled;	/* handles->lock */
};

/* handle.c */
struct mattx_handle *mattx_handle_get(struct mattx_handles *handles, u32 number);
struct mattx_handle *mattx_handle_hold(struct mattx_handle *handle);
void mattx_handle_put(struct mattx_handle *handle);
/* The guest has closed it, it is off the table: so do we, the deputy's descriptors too. */
void mattx_handle_dismantle(struct mattx_handle *handle);
/* A new handle with the next number; takes its own reference to @file. */
int mattx_handles_add(struct mattx_handles *handles, struct file *file,
		      enum mattx_handle_kind kind);

/* handle_wait.c */
void mattx_handle_init_wait(struct mattx_handle *handle);
/* Pushes readiness from here on. */
void mattx_handle_arm(struct mattx_handle *handle);
/* Does so no more; waits for a push that runs. */
void mattx_handle_disarm(struct mattx_handle *handle);
/* What the file is ready for now, numbered. */
void mattx_handle_stamp(struct mattx_handle *handle, u32 *sequence, u32 *ready);
/* Tells the guest as soon as possible.  Any context. */
void mattx_handle_push(struct mattx_handle *handle);

/* handle_serve.c */
/* Running requests are told to end, of one handle or (NULL) of all. */
void mattx_file_jobs_cancel(struct mattx_handles *handles, struct mattx_handle *handle);
int mattx_handle_start_threads(struct mattx_handle *handle);
void mattx_handle_stop_threads(struct mattx_handle *handle);

/* handle_ops.c */
/*
 * Carries out one request.  @answer has room for what the request asks for;
 * *@length tells how much of it was used.
 */
s64 mattx_handle_operate(struct mattx_handle *handle, const struct mattx_file_request *request,
			 u8 *answer, u32 *length);
/* Bytes of @answer that the request may need. */
u32 mattx_handle_answer_size(const struct mattx_file_request *request);
/* The guest has changed the flags of its file: they are those of the file at home too. */
void mattx_handle_set_flags(struct file *file, u32 flags);
void mattx_attributes_from_stat(struct mattx_file_attributes *attributes,
				const struct kstat *stat);

/* handle_ioctl.c */
s64 mattx_handle_ioctl(struct mattx_handle *handle, const struct mattx_file_request *request,
		       u8 *answer, u32 *length);

/* handle_table.c */
/* Closes all descriptors of @task that lead to @file. */
void mattx_descriptors_close(struct task_struct *task, struct file *file);

#endif /* _MATTX_HANDLE_PRIVATE_H */
