/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_LINK_H
#define _MATTX_LINK_H
/*
 * Links to peers: sockets that the daemon handed over, a send queue and a
 * receive thread each.
 */
#include <linux/refcount.h>
#include <linux/types.h>

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

/* Adds the link to the table, replacing an older one to the node. */
int mattx_link_add(u32 node, u64 boot, const char *address, struct socket *sock);
int mattx_link_del(u32 node);

/* By node number; NULL when there is no live link.  Any context that may not sleep included. */
struct mattx_link *mattx_link_get(u32 node);
struct mattx_link *mattx_link_hold(struct mattx_link *link);
void mattx_link_put(struct mattx_link *link);
u32 mattx_link_node(const struct mattx_link *link);
u64 mattx_link_boot(const struct mattx_link *link);

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
/* Answers request @id; consumes the frame. */
int mattx_link_reply(struct mattx_link *link, u64 id, struct mattx_frame *frame,
		     enum mattx_class class);

int mattx_link_init(void);
void mattx_link_exit(void);

#endif /* _MATTX_LINK_H */
