/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_HANDLE_H
#define _MATTX_HANDLE_H
/*
 * The open files of a process that is away, at its home.
 *
 * Each distinct open file of the process is a handle; duplicated descriptors
 * share one.  The node that hosts the guest uses handles by number, see
 * proxy.h.  Requests are carried out in mattx_wq or, for files that may block
 * without end, by a thread of the handle; both with the credentials of the
 * process.  The deputy keeps its descriptors, so that tools at home see them.
 *
 * All functions run in process context and may sleep.
 */
#include <linux/types.h>

struct mattx_cursor;
struct mattx_frame;
struct mattx_handles;
struct mattx_link;
struct task_struct;

/*
 * Takes a reference to every open file of @task, which is frozen or stands
 * still otherwise.  Refuses, with a sentence in @why, what cannot be used from
 * another node: -EOPNOTSUPP.  Nothing has changed for the process then.
 */
int mattx_handles_capture(struct task_struct *task, struct mattx_handles **handles,
			  char *why, size_t why_size);

/* The descriptor table as a part of the offer: bytes needed, and the bytes. */
size_t mattx_handles_wire_size(const struct mattx_handles *handles);
void mattx_handles_encode(const struct mattx_handles *handles, struct mattx_cursor *c);

/* From here on the node at the other end of @link, and no other, may use them. */
int mattx_handles_open(struct mattx_handles *handles, struct mattx_link *link);

/*
 * Has the guest done anything with its files, since they were opened to its
 * node, that a second run from the old image would do again?
 */
bool mattx_handles_touched(const struct mattx_handles *handles);

/* The guest with table @number at the other end of @link does such a thing to other files. */
void mattx_handles_touch(u64 number, const struct mattx_link *link);

/* The table in use with that number by the guest at the other end of @link, with a reference; NULL. */
struct mattx_handles *mattx_handles_find(u64 number, const struct mattx_link *link);
void mattx_handles_put(struct mattx_handles *handles);
/* The process at home whose files they are. */
struct task_struct *mattx_handles_task(const struct mattx_handles *handles);

/*
 * Nobody may use them any more: requests that run are cancelled and waited
 * for, a reading or writing on storage to its end.
 */
void mattx_handles_close(struct mattx_handles *handles);

/*
 * For recall, in the context of the process itself: its descriptors become
 * what @table says, as mattx_proxies_encode() wrote it.  Check first tells
 * whether the table makes sense (-EBADMSG) and changes nothing; apply comes
 * after close.
 */
int mattx_handles_check(struct mattx_handles *handles, struct mattx_cursor *table);
int mattx_handles_apply(struct mattx_handles *handles, struct mattx_cursor *table);

/* The process runs here again: what it opened away is its own from here on, and nobody else's. */
void mattx_handles_adopt(struct mattx_handles *handles, struct mattx_cursor *table);

/* Closes if need be, and drops the references to the files. */
void mattx_handles_free(struct mattx_handles *handles);

/* dispatch.h: MATTX_WIRE_FILE_REQUEST */
void mattx_handle_receive_request(struct mattx_link *link, struct mattx_frame *frame);

int mattx_handle_init(void);
void mattx_handle_exit(void);

#endif /* _MATTX_HANDLE_H */
