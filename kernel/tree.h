/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_TREE_H
#define _MATTX_TREE_H
/*
 * The files of a node by name, for MattXFS on other nodes (and on itself).
 *
 * Both ends: the serving one carries requests out in threads of its own, with
 * the rights of the caller; the asking one sends them and waits.  Everything
 * here runs in process context and may sleep unless said otherwise.
 */
#include "link.h"
#include "wire_tree.h"

struct file;
struct iattr;

/* --- asking: exported to mattxfs.ko --- */

/*
 * A request as @request says, with the rights of the current task and room
 * for @room bytes of data, which the caller appends; NULL: no memory.
 */
struct mattx_frame *mattx_tree_request(struct mattx_tree_request *request, u32 room);

/*
 * Carries out the request at @node, and consumes it.  Returns the result or a
 * negative errno: -EHOSTDOWN without a link, -ESTALE when it is another link
 * than the one with number *@serial.  A *@serial of 0 takes any link and is
 * set to its number.  Only a fatal signal interrupts, with @interruptible any:
 * then the operation is cancelled at its home, and its answer awaited.  The
 * bytes that came back are in *@answer, to be freed with mattx_frame_free() if
 * not NULL; @answer may be NULL.
 */
s64 mattx_tree_execute(u32 node, u64 *serial, struct mattx_frame *request, bool interruptible,
		       struct mattx_tree_reply *reply, struct mattx_frame **answer);
/*
 * Begins to.  @arrived is called as link.h says, if the result is 0; the call
 * must live until then.
 */
int mattx_tree_start(u32 node, u64 serial, struct mattx_frame *request, struct mattx_call *call,
		     void (*arrived)(struct mattx_call *call, struct mattx_frame *reply,
				     int error));
/* For requests without a reply.  Never waits. */
void mattx_tree_tell(u32 node, u64 serial, enum mattx_tree_op op, u64 number, u64 argument);
/* A change of attributes as the VFS wants it, for the wire. */
void mattx_tree_change_fill(struct mattx_tree_change *wire, const struct iattr *change);
/* Of the link to @node, 0: there is none. */
u64 mattx_tree_serial(u32 node);
/* Counts the locks that processes of this node get elsewhere: what was asked before one says nothing after it. */
u64 mattx_tree_locks(void);
void mattx_tree_lock_taken(void);
/* Calls @visit for each node that can be asked, this one first. */
void mattx_tree_nodes(void (*visit)(u32 node, void *context), void *context);

/* Who learns that something has changed at a home; one at a time, NULL ends it. */
struct mattx_tree_listener {
	/* Receive thread: must not wait. */
	void (*changed)(u32 node, u64 serial, const struct mattx_tree_changed *changed);
	/* For guests that go home: the number of the open file, 0: not one of @node's tree. */
	u64 (*opened)(struct file *file, u32 node, u64 serial);
};
void mattx_tree_listen(const struct mattx_tree_listener *listener);
/* The number at the other end of @link of a file of MattXFS; 0: it is none of that. */
u64 mattx_tree_file_number(struct file *file, const struct mattx_link *link);

/* --- serving --- */

/* dispatch.h: MATTX_WIRE_TREE_REQUEST, MATTX_WIRE_TREE_CHANGED */
void mattx_tree_receive_request(struct mattx_link *link, struct mattx_frame *frame);
void mattx_tree_receive_changed(struct mattx_link *link, struct mattx_frame *frame);
/* What the peer had open is closed; its requests end. */
void mattx_tree_peer_down(struct mattx_link *link);
/* The open file of that number, with a reference; NULL: there is none. */
struct file *mattx_tree_opened(struct mattx_link *link, u64 number);
/*
 * The file is that of a process of this node now: what the peer still says
 * about it (that it is closed, that its locks end) concerns nobody.
 */
void mattx_tree_adopted(struct mattx_link *link, u64 number);

int mattx_tree_init(void);
void mattx_tree_exit(void);

#endif /* _MATTX_TREE_H */
