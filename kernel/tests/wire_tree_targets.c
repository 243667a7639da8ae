// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The decoders of messages about files by name.
 */
#include <stdlib.h>

#include "wire_targets.h"
#include "wire_tree.h"

static void read_all(const u8 *data, size_t length)
{
	const volatile u8 *byte = data;

	while (byte && length--)
		(void)*byte++;
}

int tree_request_decode(u8 *data, size_t length)
{
	struct mattx_tree_request request;
	struct mattx_cursor c;
	u32 i;

	mattx_cursor_init(&c, data, length);
	if (mattx_tree_request_decode(&c, &request))
		return -EBADMSG;
	read_all(request.name, request.name_length);
	read_all(request.second, request.second_length);
	read_all(request.data, request.length);
	for (i = 0; i < request.caller.group_count; i++)
		(void)mattx_tree_group(&request.caller, i);
	if (request.op >= MATTX_TREE_OPS || memchr(request.name, 0, request.name_length))
		abort();
	return 0;
}

size_t tree_request_sample(u8 *data, size_t size)
{
	static const u8 groups[8] = { 1, 0, 0, 0, 2 };
	const struct mattx_tree_request request = {
		.op = MATTX_TREE_RENAME,
		.node = 3,
		.other = 4,
		.caller = { .uid = 1000, .gid = 1000, .home = 1, .table = 9, .group_count = 2,
			    .groups = groups },
		.name = (const u8 *)"old",
		.name_length = 3,
		.second = (const u8 *)"newer",
		.second_length = 5,
	};
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_tree_request_encode(&c, &request);
	mattx_put_bytes(&c, "data", 4);
	return c.at - data;
}

int tree_reply_decode(u8 *data, size_t length)
{
	struct mattx_tree_reply reply;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	if (mattx_tree_reply_decode(&c, &reply))
		return -EBADMSG;
	read_all(reply.data, reply.length);
	return 0;
}

size_t tree_reply_sample(u8 *data, size_t size)
{
	const struct mattx_tree_reply reply = {
		.result = 4,
		.opened = 9,
		.flags = MATTX_REPLY_NODE,
		.node = { .number = 7, .attributes = { .mode = 0100644, .links = 1 } },
	};
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_tree_reply_encode(&c, &reply);
	mattx_put_bytes(&c, "data", 4);
	return c.at - data;
}

int tree_change_decode(u8 *data, size_t length)
{
	struct mattx_tree_change change;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	return mattx_tree_change_decode(&c, &change);
}

size_t tree_change_sample(u8 *data, size_t size)
{
	const struct mattx_tree_change change = { .valid = MATTX_CHANGE_SIZE, .size = 5 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_tree_change_encode(&c, &change);
	return c.at - data;
}

int tree_lock_decode(u8 *data, size_t length)
{
	struct mattx_tree_lock lock;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	return mattx_tree_lock_decode(&c, &lock);
}

size_t tree_lock_sample(u8 *data, size_t size)
{
	const struct mattx_tree_lock lock = { .start = 1, .end = 5, .type = 1 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_tree_lock_encode(&c, &lock);
	return c.at - data;
}

int tree_figures_decode(u8 *data, size_t length)
{
	struct mattx_tree_figures figures;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	return mattx_tree_figures_decode(&c, &figures);
}

size_t tree_figures_sample(u8 *data, size_t size)
{
	const struct mattx_tree_figures figures = { .block_size = 4096 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_tree_figures_encode(&c, &figures);
	return c.at - data;
}

int tree_entries_decode(u8 *data, size_t length)
{
	struct mattx_tree_entry entry;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	do {
		if (mattx_tree_entry_decode(&c, &entry))
			return -EBADMSG;
		read_all(entry.name, entry.name_length);
	} while (c.at != c.end);
	return 0;
}

size_t tree_entries_sample(u8 *data, size_t size)
{
	const struct mattx_tree_entry entries[] = {
		{ .inode = 1, .next = 1, .type = 4, .name = (const u8 *)".", .name_length = 1 },
		{ .inode = 2, .next = 9, .type = 8, .name = (const u8 *)"file", .name_length = 4 },
	};
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_tree_entry_encode(&c, &entries[0]);
	mattx_tree_entry_encode(&c, &entries[1]);
	return c.at - data;
}

int tree_changed_decode(u8 *data, size_t length)
{
	struct mattx_tree_changed changed;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	return mattx_tree_changed_decode(&c, &changed);
}

size_t tree_changed_sample(u8 *data, size_t size)
{
	const struct mattx_tree_changed changed = { .node = 5, .names = 1 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_tree_changed_encode(&c, &changed);
	return c.at - data;
}
