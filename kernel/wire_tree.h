/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_WIRE_TREE_H
#define _MATTX_WIRE_TREE_H
/*
 * Messages about files by name: what MattXFS asks of the node whose tree it
 * shows.
 *
 * A node of the tree has a number, which a LOOKUP (or whatever else finds or
 * makes it) gives out and FORGET takes back; number 0 is the root and always
 * there.  Open files have numbers of their own.  Numbers are good for the link
 * that they came over, and for no other.
 */
#include "wire_file.h"

#define MATTX_TREE_MAGIC	0x4d415454	/* of the file system, as statfs tells */
#define MATTX_TREE_ROOT		0ull
#define MATTX_NAME_MAX		255u
#define MATTX_TREE_CHUNK	(1u << 20)	/* most bytes that one READ or WRITE moves */
#define MATTX_TREE_LIST		(64u << 10)	/* most bytes of a READDIR, an xattr, a list of them */
#define MATTX_TREE_GROUPS	65536u
/* With the command of a lock: the open file holds it, not the process. */
#define MATTX_LOCK_OF_FILE	0x10000u

enum mattx_tree_op {
	MATTX_TREE_LOOKUP = 1,	/* node, name -> node */
	MATTX_TREE_GETATTR,	/* node -> node */
	MATTX_TREE_SETATTR,	/* node, other = open file or 0; data: changes -> node */
	MATTX_TREE_READLINK,	/* node -> text */
	MATTX_TREE_ACCESS,	/* node; mask */
	MATTX_TREE_OPEN,	/* node; or other = what, node = folder, name; flags -> node, opened */
	MATTX_TREE_CREATE,	/* node, name; flags, mode -> node, opened */
	MATTX_TREE_READ,	/* other; position, length -> bytes */
	MATTX_TREE_WRITE,	/* other; position, flags; bytes -> count, position, node */
	MATTX_TREE_SEEK,	/* other; offset, whence -> offset */
	MATTX_TREE_FSYNC,	/* other; first, last, data only */
	MATTX_TREE_ALLOCATE,	/* other; mode, offset, length -> node */
	MATTX_TREE_COPY,	/* node = from, other = to (open files); two positions, length -> count */
	MATTX_TREE_READDIR,	/* other; position, room -> entries; 1: no more follow, 0: ask */
	MATTX_TREE_MKDIR,	/* node, name; mode -> node */
	MATTX_TREE_MKNOD,	/* node, name; mode, device -> node */
	MATTX_TREE_SYMLINK,	/* node, name, second -> node */
	MATTX_TREE_LINK,	/* other = what, node = folder, name -> node */
	MATTX_TREE_UNLINK,	/* node, name */
	MATTX_TREE_RMDIR,	/* node, name */
	MATTX_TREE_RENAME,	/* node, name, other = new folder, second; flags */
	MATTX_TREE_STATFS,	/* node -> figures */
	MATTX_TREE_GETXATTR,	/* node, name; room -> value */
	MATTX_TREE_SETXATTR,	/* node, name; flags; value */
	MATTX_TREE_LISTXATTR,	/* node; room -> names */
	MATTX_TREE_REMOVEXATTR,	/* node, name */
	MATTX_TREE_LOCK,	/* other; owner, command; data: range -> range, node */
	MATTX_TREE_FLOCK,	/* other; owner, command, type -> node */
	/* These have no reply. */
	MATTX_TREE_FORGET,	/* node; how often it was given out */
	MATTX_TREE_RELEASE,	/* other */
	MATTX_TREE_CANCEL,	/* id of the request that nobody waits for any more */
	MATTX_TREE_OPS
};

/* Who asks, in numbers of the initial user namespace. */
struct mattx_tree_caller {
	u32	uid, gid;	/* as file systems see them */
	u64	capabilities;	/* effective */
	u32	umask;
	/* A guest: its home and the number of its table of handles there (handle.h); 0 and 0: none. */
	u32	home;
	u64	table;
	u32	group_count;
	const u8 *groups;	/* in the buffer, 4 bytes each; read with mattx_tree_group() */
};

struct mattx_tree_request {
	u16	op;		/* enum mattx_tree_op */
	u64	node;
	u64	other;
	u64	arguments[4];
	struct mattx_tree_caller caller;
	const u8 *name;		/* in the buffer, no NUL inside or after */
	u16	name_length;
	const u8 *second;
	u16	second_length;
	const u8 *data;
	u32	length;
};

/* And the groups, the names and the data. */
#define MATTX_TREE_REQUEST_SIZE	(2 + 8 + 8 + 4 * 8 + 4 + 4 + 8 + 4 + 4 + 8 + 4 + 2 + 2)

#define MATTX_NODE_UNCACHED	0x0001	/* its contents change by themselves */
#define MATTX_NODE_STREAM	0x0002	/* no position */

struct mattx_tree_node {
	u64	number;
	u64	change;		/* other after every change of contents or attributes */
	u64	before;		/* what it was before this request */
	u32	traits;		/* MATTX_NODE_* */
	struct mattx_file_attributes attributes;
};

#define MATTX_TREE_NODE_SIZE	(3 * 8 + 4 + MATTX_ATTRIBUTES_SIZE)

#define MATTX_REPLY_NODE	0x0001	/* a node follows */
#define MATTX_REPLY_CREATED	0x0002	/* it is new */
#define MATTX_REPLY_FLAGS	0x0003

struct mattx_tree_reply {
	s64	result;		/* of the call, or a negative errno */
	u64	opened;		/* number of the open file, 0: none; WRITE: the position after */
	u32	flags;		/* MATTX_REPLY_* */
	struct mattx_tree_node node;
	const u8 *data;
	u32	length;
};

#define MATTX_TREE_REPLY_SIZE	(8 + 8 + 4 + MATTX_TREE_NODE_SIZE)	/* and the data */

/* The data of a SETATTR. */
struct mattx_tree_change {
	u32	valid;		/* MATTX_CHANGE_* */
	u32	mode;
	u32	uid, gid;
	u64	size;
	s64	access_s, modify_s;
	u32	access_ns, modify_ns;
};

#define MATTX_CHANGE_MODE	0x0001
#define MATTX_CHANGE_UID	0x0002
#define MATTX_CHANGE_GID	0x0004
#define MATTX_CHANGE_SIZE	0x0008
#define MATTX_CHANGE_ACCESS	0x0010	/* to the time here, or ... */
#define MATTX_CHANGE_ACCESS_SET	0x0020	/* to this one */
#define MATTX_CHANGE_MODIFY	0x0040
#define MATTX_CHANGE_MODIFY_SET	0x0080
#define MATTX_CHANGE_TOUCH	0x0100	/* who may write may do this */
#define MATTX_CHANGE_TRUNCATE	0x0200	/* O_TRUNC: the size belongs to an open */
#define MATTX_CHANGE_KILL	0x0400	/* set-id bits go */
#define MATTX_CHANGE_ALL	0x07ff
#define MATTX_TREE_CHANGE_SIZE	(4 * 4 + 3 * 8 + 2 * 4)

/* The data of a LOCK, and of its reply. */
struct mattx_tree_lock {
	u64	start, end;
	u32	type;		/* F_RDLCK ... */
	u32	pid;
};

#define MATTX_TREE_LOCK_SIZE	(2 * 8 + 2 * 4)

struct mattx_tree_figures {
	u64	type, block_size, blocks, free_blocks, available_blocks, files, free_files;
	u64	identity;
	u32	name_length, fragment_size, flags;
};

#define MATTX_TREE_FIGURES_SIZE	(8 * 8 + 3 * 4)

struct mattx_tree_entry {
	u64	inode;
	u64	next;		/* position after it */
	u32	type;		/* DT_* */
	const u8 *name;
	u16	name_length;
};

#define MATTX_TREE_ENTRY_SIZE	(8 + 8 + 4 + 2)	/* and the name */

/* The tree of the sender has changed behind the receiver's back. */
struct mattx_tree_changed {
	u64	node;
	u32	names;		/* 1: names in it, 0: itself */
};

#define MATTX_TREE_CHANGED_SIZE	(8 + 4)

/* Decoders return -EBADMSG for what no encoder writes. */

/* Without the data, which the caller appends. */
void mattx_tree_request_encode(struct mattx_cursor *c, const struct mattx_tree_request *request);
/* The data is the rest of the buffer. */
int mattx_tree_request_decode(struct mattx_cursor *c, struct mattx_tree_request *request);
u32 mattx_tree_group(const struct mattx_tree_caller *caller, u32 index);
void mattx_tree_reply_encode(struct mattx_cursor *c, const struct mattx_tree_reply *reply);
int mattx_tree_reply_decode(struct mattx_cursor *c, struct mattx_tree_reply *reply);
void mattx_tree_change_encode(struct mattx_cursor *c, const struct mattx_tree_change *change);
int mattx_tree_change_decode(struct mattx_cursor *c, struct mattx_tree_change *change);
void mattx_tree_lock_encode(struct mattx_cursor *c, const struct mattx_tree_lock *lock);
int mattx_tree_lock_decode(struct mattx_cursor *c, struct mattx_tree_lock *lock);
void mattx_tree_figures_encode(struct mattx_cursor *c, const struct mattx_tree_figures *figures);
int mattx_tree_figures_decode(struct mattx_cursor *c, struct mattx_tree_figures *figures);
void mattx_tree_entry_encode(struct mattx_cursor *c, const struct mattx_tree_entry *entry);
int mattx_tree_entry_decode(struct mattx_cursor *c, struct mattx_tree_entry *entry);
void mattx_tree_changed_encode(struct mattx_cursor *c, const struct mattx_tree_changed *changed);
int mattx_tree_changed_decode(struct mattx_cursor *c, struct mattx_tree_changed *changed);

#endif /* _MATTX_WIRE_TREE_H */
