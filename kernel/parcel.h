/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_PARCEL_H
#define _MATTX_PARCEL_H
/*
 * A blueprint and memory pages on their way to the other node, in either
 * direction.  Pieces travel in order as requests; the acknowledgement of each
 * keeps the send queue short and brings a refusal back at once.
 */
#include <linux/list.h>
#include <linux/types.h>

#include "link.h"
#include "wire_move.h"

/* The receiver must have taken a piece within this time. */
#define MATTX_PIECE_DEADLINE	(10 * HZ)

/* Receiving end.  The owner serialises all calls. */
struct mattx_parcel {
	u8			*print;		/* kvmalloc'd */
	u32			total, have;	/* bytes of print */
	struct list_head	pages;		/* frames */
	u32			page_count;
	u64			bytes;		/* of everything */
	bool			complete;
};

void mattx_parcel_init(struct mattx_parcel *parcel);
void mattx_parcel_free(struct mattx_parcel *parcel);
/*
 * Adds a piece decoded from @frame and consumes the frame.  -EBADMSG: out of
 * order or malformed; -ENOMEM.
 */
int mattx_parcel_add(struct mattx_parcel *parcel, struct mattx_frame *frame,
		     const struct mattx_piece *piece);

/* Calls @visit for each page; @contents is NULL for a page of zeros.  Stops at an error. */
int mattx_parcel_pages(const struct mattx_parcel *parcel,
		       int (*visit)(void *context, u64 address, const void *contents),
		       void *context);

/* Sending end; one task at a time.  All of it waits killably. */
struct mattx_sender {
	struct mattx_link	*link;
	u16			type;		/* MATTX_WIRE_OFFER or _STATE */
	struct mattx_move_key	key;
	struct mattx_refusal	refusal;	/* of the receiver, when it was one */
	u64			bytes;		/* sent */
	u32			pages;		/* added */
	/* Private: the pages collected, and the piece that is on its way. */
	struct mattx_frame	*frame;
	u32			collected, filled;
	struct mattx_call	call;
	bool			calling;
};

void mattx_sender_init(struct mattx_sender *sender, struct mattx_link *link, u16 type,
		       const struct mattx_move_key *key);
int mattx_sender_print(struct mattx_sender *sender, const u8 *print, u32 size);
/*
 * The page of @mm at @address, whose owner stands still; one that is all zeros
 * travels as that.  Brings back what is swapped out, and what only home has.
 * -EFAULT: nothing can be read there.
 */
int mattx_sender_memory(struct mattx_sender *sender, struct mm_struct *mm, u64 address);
/* Nothing follows: waits until the receiver has everything. */
int mattx_sender_finish(struct mattx_sender *sender);
/* Gives back what a sender holds, finished or not. */
void mattx_sender_release(struct mattx_sender *sender);

/*
 * A message about a move: its name, and what @put writes behind it in at most
 * @size bytes; @put may be NULL.  ERR_PTR when it cannot be made.
 */
struct mattx_frame *mattx_move_frame(u16 type, const struct mattx_move_key *key, u32 size,
				     void (*put)(struct mattx_cursor *c, const void *what),
				     const void *what);

/* Such @put: a struct mattx_signal, a struct mattx_refusal. */
void mattx_put_signal(struct mattx_cursor *c, const void *what);
void mattx_put_refusal(struct mattx_cursor *c, const void *what);

/* Answers request @id with a refusal, or with error 0: it was taken. */
void mattx_refusal_reply(struct mattx_link *link, u64 id, u16 type,
			 const struct mattx_refusal *refusal);
/*
 * Sends a request, which it consumes, and waits for such an answer; killable.
 * Returns -refusal->error or what became of the request.
 */
int mattx_refusal_ask(struct mattx_link *link, struct mattx_frame *request,
		      unsigned long timeout, struct mattx_refusal *refusal);
/* The same for a request of a key only. */
int mattx_refusal_call(struct mattx_link *link, u16 type, const struct mattx_move_key *key,
		       unsigned long timeout, struct mattx_refusal *refusal);

#endif /* _MATTX_PARCEL_H */
