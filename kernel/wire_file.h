/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_WIRE_FILE_H
#define _MATTX_WIRE_FILE_H
/*
 * Messages about the open files of a guest, and their place in the offer and
 * in the state that comes back.
 *
 * The table of an export has a number; a handle is (table, handle).
 */
#include "wire.h"

/* A read() or write() at the offset that lives at home, instead of a position. */
#define MATTX_POSITION_HOME	0x7f00000000000000ull
/* Most bytes that one read or write moves. */
#define MATTX_FILE_CHUNK	(256u << 10)
#define MATTX_PATH_SIZE		4096u		/* bytes, with the NUL */
#define MATTX_MAX_HANDLES	(1u << 20)
#define MATTX_IOCTL_DATA	4096u		/* most bytes behind an ioctl's pointer */

enum mattx_file_op {
	MATTX_FILE_READ = 1,	/* position, length -> bytes */
	MATTX_FILE_WRITE,	/* position; bytes -> count */
	MATTX_FILE_SEEK,	/* offset, whence -> offset */
	MATTX_FILE_IOCTL,	/* command, argument, answer size; bytes -> bytes */
	MATTX_FILE_FSYNC,	/* first byte, last byte, data only */
	MATTX_FILE_STAT,	/* mask -> attributes */
	MATTX_FILE_TRUNCATE,	/* size */
	MATTX_FILE_ALLOCATE,	/* mode, offset, length */
	MATTX_FILE_CHANGE,	/* bytes: struct mattx_tree_change of wire_tree.h */
	MATTX_FILE_LOCK,	/* command; bytes: struct mattx_tree_lock -> the same */
	MATTX_FILE_FLOCK,	/* command, type */
	/* These have no reply. */
	MATTX_FILE_POLL,	/* answered by FILE_READY */
	MATTX_FILE_RELEASE,	/* the guest has closed it; a reply if it has an id */
	MATTX_FILE_CANCEL,	/* id of the request that nobody waits for any more */
	MATTX_FILE_OPS
};

/* Handle traits. */
#define MATTX_HANDLE_STREAM	0x0001	/* no position */
#define MATTX_HANDLE_POLLED	0x0002	/* readiness is pushed */
#define MATTX_HANDLE_PIPELIKE	0x0004	/* a short read ends a read() */
#define MATTX_HANDLE_HOME	0x0008	/* only its home can use it */
#define MATTX_HANDLE_PLACE	0x0010	/* no access, only a place (O_PATH) */
#define MATTX_HANDLE_ALONE	0x0020	/* nobody else has it open, locked or mapped through this open file */

struct mattx_file_attributes {
	u32	mode;
	u32	links;
	u32	uid, gid;	/* in the home's initial user namespace */
	u32	device_major, device_minor;
	u32	special_major, special_minor;
	u32	block_size;
	u64	inode;
	u64	size;
	u64	blocks;		/* of 512 bytes */
	s64	access_s, modify_s, change_s;
	u32	access_ns, modify_ns, change_ns;
};

struct mattx_handle_info {
	u32	number;
	u32	open_flags;	/* as F_GETFL tells */
	u32	traits;		/* MATTX_HANDLE_* */
	u32	sequence;	/* of the readiness below */
	u32	ready;		/* poll mask */
	u64	position;	/* of folders */
	struct mattx_file_attributes attributes;
	const u8 *path;		/* in the buffer, no NUL */
	u16	path_length;
};

struct mattx_descriptor {
	u32	fd;
	u32	close_on_exec;	/* 0 or 1 */
	u32	handle;
	u32	open_flags;	/* of the handle, as they are now */
	/* Opened while away: the number of wire_tree.h instead of a handle; 0: no. */
	u64	opened;
	u64	position;	/* of what was opened while away */
	/*
	 * Opened while away and unknown at home, which opens it by this name: in
	 * the buffer, no NUL.  The handle then says which descriptor before it is
	 * the same open file: its number plus one, 0: none.
	 */
	const u8 *name;
	u16	name_length;	/* 0: not by name */
};

#define MATTX_DESCRIPTOR_SIZE	34	/* and the name */
#define MATTX_ATTRIBUTES_SIZE	(9 * 4 + 3 * 8 + 3 * 8 + 3 * 4)
#define MATTX_HANDLE_INFO_SIZE	(5 * 4 + 8 + MATTX_ATTRIBUTES_SIZE + 2)	/* and the path */
#define MATTX_FILE_TABLE_SIZE	(8 + 4 + 4 + 2)	/* head of a table in the offer, and the path */

struct mattx_file_table {
	u64	number;
	u32	handles;	/* that many infos follow, */
	u32	descriptors;	/* then that many descriptors */
	const u8 *folder;	/* the working directory: a path in the buffer, no NUL */
	u16	folder_length;	/* 0: it has none any more */
};

struct mattx_file_request {
	u64	table;
	u32	handle;
	u16	op;		/* enum mattx_file_op */
	u16	has_flags;	/* open_flags have changed: 0 or 1 */
	u32	open_flags;
	u64	arguments[3];
	const u8 *data;		/* in the buffer */
	u32	length;
};

#define MATTX_FILE_REQUEST_SIZE	(8 + 4 + 2 + 2 + 4 + 3 * 8)	/* and the data */

struct mattx_file_reply {
	s64	result;		/* of the call, or a negative errno */
	u32	sequence;
	u32	ready;
	const u8 *data;		/* in the buffer */
	u32	length;
};

#define MATTX_FILE_REPLY_SIZE	(8 + 4 + 4)	/* and the data */

struct mattx_file_ready {
	u64	table;
	u32	handle;
	u32	sequence;
	u32	ready;
};

#define MATTX_FILE_READY_SIZE	(8 + 4 + 4 + 4)

/* Decoders return -EBADMSG for what no encoder writes. */
void mattx_file_table_encode(struct mattx_cursor *c, const struct mattx_file_table *table);
int mattx_file_table_decode(struct mattx_cursor *c, struct mattx_file_table *table);
void mattx_handle_info_encode(struct mattx_cursor *c, const struct mattx_handle_info *info);
int mattx_handle_info_decode(struct mattx_cursor *c, struct mattx_handle_info *info);
void mattx_descriptor_encode(struct mattx_cursor *c, const struct mattx_descriptor *descriptor);
int mattx_descriptor_decode(struct mattx_cursor *c, struct mattx_descriptor *descriptor);
void mattx_attributes_encode(struct mattx_cursor *c, const struct mattx_file_attributes *a);
int mattx_attributes_decode(struct mattx_cursor *c, struct mattx_file_attributes *a);
/* Without the data, which the caller appends. */
void mattx_file_request_encode(struct mattx_cursor *c, const struct mattx_file_request *request);
/* The data is the rest of the buffer. */
int mattx_file_request_decode(struct mattx_cursor *c, struct mattx_file_request *request);
void mattx_file_reply_encode(struct mattx_cursor *c, const struct mattx_file_reply *reply);
int mattx_file_reply_decode(struct mattx_cursor *c, struct mattx_file_reply *reply);
void mattx_file_ready_encode(struct mattx_cursor *c, const struct mattx_file_ready *ready);
int mattx_file_ready_decode(struct mattx_cursor *c, struct mattx_file_ready *ready);

#endif /* _MATTX_WIRE_FILE_H */
