/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_DISPATCH_H
#define _MATTX_DISPATCH_H
/*
 * Which function receives which message.
 *
 * Handlers run in the link's receive thread and own the frame.  They must not
 * wait for the peer, for a task or for storage: what takes time goes to a
 * workqueue with a reference to the link.
 */
struct mattx_frame;
struct mattx_link;
struct workqueue_struct;

typedef void (*mattx_handler)(struct mattx_link *link, struct mattx_frame *frame);

extern const mattx_handler mattx_handlers[];	/* MATTX_WIRE_TYPES entries */
extern struct workqueue_struct *mattx_wq;	/* unbound, may sleep */
/* The same, before ordinary processes: for what somebody who stands still waits for. */
extern struct workqueue_struct *mattx_urgent_wq;

/* The link to @link's node is gone for good; process context, may sleep, never mattx_wq. */
void mattx_peer_down(struct mattx_link *link);

#endif /* _MATTX_DISPATCH_H */
