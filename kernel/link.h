/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_LINK_H
#define _MATTX_LINK_H
/*
 * Links to peers: sockets that the daemon handed over, a send queue and a
 * receive thread each.
 */
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "wire.h"

struct seq_file;
struct socket;
struct mattx_link;

/* Frames of a higher class overtake queued frames of a lower one. */
enum mattx_class {
	MATTX_CLASS_CONTROL,	/* small, somebody waits */
	MATTX_CLASS_BULK,	/* pages and file data */
	MATTX_CLASSES,
};

/* One frame, in kvmalloc'd memory; whoever holds the pointer owns it. */
struct mattx_frame {
	struct list_head	queue;		/* of the link's send queue */
	u64			id;		/* request, 0 = one-way */
	u16			type;		/* enum mattx_wire_type */
	u16			flags;		/* MATTX_FRAME_* */
	u32			length;		/* of payload */
	u32			capacity;	/* of payload */
	u8			payload[];
};

struct mattx_frame *mattx_frame_alloc(u16 type, u32 capacity, gfp_t gfp);
void mattx_frame_free(struct mattx_frame *frame);

/* Writing a payload: reader or writer over it, then its length from the writer. */
static inline void mattx_frame_reader(struct mattx_frame *frame, struct mattx_cursor *c)
{
	mattx_cursor_init(c, frame->payload, frame->length);
}

static inline void mattx_frame_writer(struct mattx_frame *frame, struct mattx_cursor *c)
{
	mattx_cursor_init(c, frame->payload, frame->capacity);
}

/* -EMSGSIZE when the writer ran over the capacity. */
static inline int mattx_frame_written(struct mattx_frame *frame, const struct mattx_cursor *c)
{
	frame->length = c->at - frame->payload;
	return c->bad ? -EMSGSIZE : 0;
}

/*
 * Adds the link to the table, replacing an older one to the node, and starts
 * it; mattx_link_get() finds it once the peer has introduced itself.  Consumes
 * the file reference of @sock whatever the result.  -EPROTOTYPE: not a
 * connected TCP socket; -EINVAL: our own node.
 */
int mattx_link_add(u32 node, u64 boot, const char *address, struct socket *sock);
int mattx_link_del(u32 node);

/* By node number; NULL when there is no live link.  Any context that may not sleep included. */
struct mattx_link *mattx_link_get(u32 node);
struct mattx_link *mattx_link_hold(struct mattx_link *link);
void mattx_link_put(struct mattx_link *link);
u32 mattx_link_node(const struct mattx_link *link);
u64 mattx_link_boot(const struct mattx_link *link);
/* A number that no other link of this module ever has. */
#define MATTX_LINK_SERIAL_SELF	1ull	/* "the link" of this node to itself */
u64 mattx_link_serial(const struct mattx_link *link);

/*
 * Queues the frame and consumes it, whatever the result.  Never waits for the
 * peer.  -EHOSTUNREACH when the link is down.
 */
int mattx_link_send(struct mattx_link *link, struct mattx_frame *frame,
		    enum mattx_class class);
/*
 * Sends a request and waits for its reply: killable, at most @timeout jiffies.
 * Returns the reply, which the caller frees, or ERR_PTR: -ETIMEDOUT, -EINTR
 * (fatal signal), -EHOSTUNREACH (link went down meanwhile).
 */
struct mattx_frame *mattx_link_call(struct mattx_link *link,
				    struct mattx_frame *frame,
				    enum mattx_class class,
				    unsigned long timeout);
/*
 * The same in steps, for callers that wait in another way: start, wait for
 * @done, finish.  Finish may come at any time after a start that succeeded
 * and must come; it returns what mattx_link_call() returns, -EINTR when there
 * is no answer yet.
 */
struct mattx_call {
	struct hlist_node	node;	/* of the link's calls; its lock */
	struct completion	done;
	struct mattx_link	*link;
	struct mattx_frame	*reply;	/* the link's lock until @done */
	u64			id;
	int			error;
	/*
	 * Called instead of completing @done, once, in process context under
	 * rcu_read_lock(), so that it may not sleep: with the reply, which it
	 * does not own, or the error.  It may free the call.
	 */
	void			(*arrived)(struct mattx_call *call, struct mattx_frame *reply,
					   int error);
};

int mattx_call_start(struct mattx_call *call, struct mattx_link *link,
		     struct mattx_frame *frame, enum mattx_class class);
/*
 * The same, for a caller that does not wait but has @arrived called.  On an
 * error it is not called.
 */
int mattx_call_start_async(struct mattx_call *call, struct mattx_link *link,
			   struct mattx_frame *frame, enum mattx_class class,
			   void (*arrived)(struct mattx_call *call, struct mattx_frame *reply,
					   int error));
struct mattx_frame *mattx_call_finish(struct mattx_call *call);

/* Answers request @id; consumes the frame. */
int mattx_link_reply(struct mattx_link *link, u64 id, struct mattx_frame *frame,
		     enum mattx_class class);

/* A line per link that is up: counters, for /proc/mattx/stats. */
void mattx_links_show(struct seq_file *m);
/* Calls @visit for each link that is up, by ascending node; @visit may not sleep. */
void mattx_links_visit(void (*visit)(struct mattx_link *link, void *context), void *context);
const char *mattx_link_address(const struct mattx_link *link);

int mattx_link_init(void);
void mattx_link_exit(void);

#endif /* _MATTX_LINK_H */
