/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_LINK_PRIVATE_H
#define _MATTX_LINK_PRIVATE_H
/*
 * The inside of a link: link.c (table and life), link_io.c (its two threads)
 * and call.c (requests and replies).  Everybody else includes link.h.
 */
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "link.h"

/* The peer must introduce itself within this time. */
#define MATTX_HELLO_TIMEOUT	(5 * HZ)
/* Each end tells that it lives this often, whatever else it sends. */
#define MATTX_PING_INTERVAL	HZ
/* A peer from which no byte came for this long is gone. */
#define MATTX_SILENCE_LIMIT	(5 * HZ)
/* The receive thread looks at the clock this often. */
#define MATTX_RECEIVE_TICK	(HZ / 2)
/* A peer that lets this much pile up (bytes of frames) is cut off. */
#define MATTX_QUEUE_LIMIT	(256ul << 20)

#define MATTX_ADDRESS_SIZE	46	/* of the text, with its NUL */
#define MATTX_CALL_HASH_BITS	6

enum mattx_link_state {
	MATTX_LINK_CONNECTING,	/* no HELLO of the peer yet */
	MATTX_LINK_UP,
	MATTX_LINK_DOWN,	/* for ever */
};

struct mattx_link {
	refcount_t		references;	/* the table, and who holds it */
	struct rcu_head		rcu;
	u32			node;
	u64			boot;
	u64			serial;		/* no other link ever has it */
	char			address[MATTX_ADDRESS_SIZE];
	struct socket		*sock;		/* its file is ours */
	struct task_struct	*sender;	/* a reference each */
	struct task_struct	*receiver;
	struct work_struct	teardown;

	unsigned long		heard;		/* jiffies; receiver only */

	/* Protects all below; taken with interrupts off, nests in nothing of ours. */
	spinlock_t		lock;
	enum mattx_link_state	state;
	bool			announce;	/* user space learns of the end */
	char			reason[128];	/* of the end */
	struct list_head	queue[MATTX_CLASSES];
	size_t			queued;		/* bytes */
	DECLARE_HASHTABLE(calls, MATTX_CALL_HASH_BITS);
	u64			last_call;
	u64			sent_frames, sent_bytes;
	u64			received_frames, received_bytes;
	u64			round_trip_us;	/* of the last PING */

	wait_queue_head_t	wake_sender;
};

/* link.c */
/* Ends the link once; the first reason counts.  Any context. */
__printf(3, 4)
void mattx_link_fail(struct mattx_link *link, bool announce, const char *format, ...);
/* CONNECTING to UP; false when it went down meanwhile. */
bool mattx_link_established(struct mattx_link *link);

/* link_io.c */
int mattx_link_send_thread(void *link);
int mattx_link_receive_thread(void *link);

/* call.c */
/* Takes the frame; one that nobody waits for any more is dropped. */
void mattx_call_reply(struct mattx_link *link, struct mattx_frame *frame);
/* Every waiting call ends with @error. */
void mattx_calls_fail(struct mattx_link *link, int error);

#endif /* _MATTX_LINK_PRIVATE_H */
