/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_WIRE_H
#define _MATTX_WIRE_H
/*
 * Every message between two modules, and the only code that reads or writes
 * their bytes.  Little endian.  Compiles in user space too (lab/fuzz).
 *
 * A cursor never leaves its buffer: the first read or write past the end sets
 * @bad, and everything after it reads zero or writes nothing, so that callers
 * check once, at the end.
 */
#ifdef __KERNEL__
#include <linux/types.h>
#else
#include "wire_user.h"
#endif

#define MATTX_WIRE_VERSION	5
#define MATTX_WIRE_MAGIC	0x3258544d	/* "MTX2" as bytes */
#define MATTX_WIRE_HEADER	24		/* bytes */
#define MATTX_WIRE_MAX_PAYLOAD	(4u << 20)	/* bytes; longer frames end the link */
#define MATTX_WIRE_MAX_TEXT	255u		/* bytes of a text field */

/* Bits of a frame's flags. */
#define MATTX_FRAME_REPLY	0x0001		/* the id is one of the receiver's requests */
#define MATTX_FRAME_FLAGS	0x0001		/* all that are defined */

enum mattx_wire_type {
	/* link.c */
	MATTX_WIRE_HELLO = 1,
	MATTX_WIRE_PING,
	MATTX_WIRE_PONG,
	/* export.c <-> guest.c: the move */
	MATTX_WIRE_OFFER = 16,	/* home: blueprint, in as many frames as needed */
	MATTX_WIRE_READY,	/* away: restored, waiting for RUN */
	MATTX_WIRE_RUN,		/* home: the commit */
	MATTX_WIRE_REFUSE,	/* away: errno and reason */
	MATTX_WIRE_ABORT,	/* home: forget the offer */
	MATTX_WIRE_RECALL,	/* home: freeze and send back */
	MATTX_WIRE_STATE,	/* away: registers, areas and written pages */
	MATTX_WIRE_RECALLED,	/* home: applied, the guest may end; or not, it goes on */
	MATTX_WIRE_SIGNAL,	/* home: a signal for the guest */
	MATTX_WIRE_EXITED,	/* away: wait status and usage */
	MATTX_WIRE_KILL,	/* home: end the guest */
	MATTX_WIRE_SEND_HOME,	/* away: take the guest back, and why */
	MATTX_WIRE_HOME_CALL,	/* away: a call that only the process at home can make */
	MATTX_WIRE_THREAD_END,	/* away: a thread of the guest ends */
	MATTX_WIRE_STOPPED,	/* away: the guest is stopped, or not any more */
	MATTX_WIRE_LATE_SIGNAL,	/* away: what came after the guest's state was sent */
	MATTX_WIRE_PROGRESS,	/* away: a move that takes long has come a step further */
	/* pages.c */
	MATTX_WIRE_PAGES_GET = 48,
	MATTX_WIRE_PAGES,
	/* handle.c <-> proxy_file.c */
	MATTX_WIRE_FILE_REQUEST = 64,
	MATTX_WIRE_FILE_REPLY,
	MATTX_WIRE_FILE_READY,	/* home: pushed poll mask */
	/* tree_serve.c <-> tree_call.c */
	MATTX_WIRE_TREE_REQUEST = 80,
	MATTX_WIRE_TREE_REPLY,
	MATTX_WIRE_TREE_CHANGED,	/* pushed: what was cached is no longer true */
	MATTX_WIRE_TYPES
};

struct mattx_cursor {
	u8	*at;
	u8	*end;
	bool	bad;
};

static inline void mattx_cursor_init(struct mattx_cursor *c, void *data, size_t length)
{
	c->at = data;
	c->end = c->at + length;
	c->bad = false;
}

/* What precedes each payload: magic, type, flags, length, 0, id. */
struct mattx_header {
	u16	type;
	u16	flags;
	u32	length;		/* of the payload */
	u64	id;
};

/* The first frame in each direction: who speaks, and what it can do. */
struct mattx_hello {
	u32	version;	/* MATTX_WIRE_VERSION of the sender */
	u32	node;
	u64	boot;
	u64	features;	/* MATTX_FEATURE_*; none so far */
	u32	page_size;
	char	release[65];	/* of the kernel, for people */
};

void mattx_header_encode(u8 bytes[MATTX_WIRE_HEADER], const struct mattx_header *header);
/* -EBADMSG: not a frame of ours; -EMSGSIZE: longer than allowed. */
int mattx_header_decode(u8 bytes[MATTX_WIRE_HEADER], struct mattx_header *header);

#define MATTX_HELLO_SIZE	(4 + 4 + 8 + 8 + 4 + 2 + 64)
void mattx_hello_encode(struct mattx_cursor *c, const struct mattx_hello *hello);
/* Later versions may append fields: what follows the known ones is ignored. */
int mattx_hello_decode(struct mattx_cursor *c, struct mattx_hello *hello);

void mattx_put_u16(struct mattx_cursor *c, u16 value);
void mattx_put_u32(struct mattx_cursor *c, u32 value);
void mattx_put_u64(struct mattx_cursor *c, u64 value);
void mattx_put_bytes(struct mattx_cursor *c, const void *data, size_t length);
u16 mattx_take_u16(struct mattx_cursor *c);
u32 mattx_take_u32(struct mattx_cursor *c);
u64 mattx_take_u64(struct mattx_cursor *c);
/* Zeroes @data when the bytes are not there. */
void mattx_take_bytes(struct mattx_cursor *c, void *data, size_t length);
/* A view into the buffer instead of a copy; NULL and @bad when not there. */
const u8 *mattx_take_view(struct mattx_cursor *c, size_t length);

/* Length (16 bit) and bytes; at most MATTX_WIRE_MAX_TEXT. */
void mattx_put_text(struct mattx_cursor *c, const char *text);
/* NUL-terminated and printable; @bad when it does not fit. */
void mattx_take_text(struct mattx_cursor *c, char *text, size_t size);

#endif /* _MATTX_WIRE_H */
