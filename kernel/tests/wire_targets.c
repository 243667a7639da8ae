// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every decoder of wire bytes.  A new message gets a row here.
 */
#include <stdlib.h>

#include "wire_file.h"
#include "wire_move.h"
#include "wire_targets.h"

/* Touches what a view points to, so that the sanitizer sees one that is too long. */
static void read_all(const u8 *data, size_t length)
{
	const volatile u8 *byte = data;

	while (byte && length--)
		(void)*byte++;
}

static int header_decode(u8 *data, size_t length)
{
	struct mattx_header header;

	if (length < MATTX_WIRE_HEADER || mattx_header_decode(data, &header))
		return -EBADMSG;
	if (header.length > MATTX_WIRE_MAX_PAYLOAD)
		abort();
	return 0;
}

static size_t header_sample(u8 *data, size_t size)
{
	const struct mattx_header header = { .type = MATTX_WIRE_PING, .length = 8, .id = 7 };

	(void)size;
	mattx_header_encode(data, &header);
	return MATTX_WIRE_HEADER;
}

static int hello_decode(u8 *data, size_t length)
{
	struct mattx_hello hello;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	if (mattx_hello_decode(&c, &hello))
		return -EBADMSG;
	if (strlen(hello.release) >= sizeof(hello.release))
		abort();
	return 0;
}

static size_t hello_sample(u8 *data, size_t size)
{
	const struct mattx_hello hello = { .version = 1, .node = 2, .release = "6.12" };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_hello_encode(&c, &hello);
	return c.at - data;
}

static int table_decode(u8 *data, size_t length)
{
	struct mattx_descriptor descriptor;
	struct mattx_handle_info info;
	struct mattx_file_table table;
	struct mattx_cursor c;
	u32 i;

	mattx_cursor_init(&c, data, length);
	if (mattx_file_table_decode(&c, &table))
		return -EBADMSG;
	for (i = 0; i < table.handles; i++) {
		if (mattx_handle_info_decode(&c, &info))
			return -EBADMSG;
		read_all(info.path, info.path_length);
	}
	for (i = 0; i < table.descriptors; i++) {
		if (mattx_descriptor_decode(&c, &descriptor))
			return -EBADMSG;
		read_all(descriptor.name, descriptor.name_length);
	}
	return 0;
}

static size_t table_sample(u8 *data, size_t size)
{
	const struct mattx_file_table table = { .number = 1, .handles = 2, .descriptors = 2 };
	struct mattx_handle_info info = { .path = (const u8 *)"/tmp/x", .path_length = 6 };
	struct mattx_descriptor descriptor = {
		.fd = 1, .name = (const u8 *)"/tmp", .name_length = 4,
	};
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_file_table_encode(&c, &table);
	for (info.number = 0; info.number < table.handles; info.number++)
		mattx_handle_info_encode(&c, &info);
	for (descriptor.fd = 0; descriptor.fd < table.descriptors; descriptor.fd++)
		mattx_descriptor_encode(&c, &descriptor);
	return c.at - data;
}

static int request_decode(u8 *data, size_t length)
{
	struct mattx_file_request request;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	if (mattx_file_request_decode(&c, &request))
		return -EBADMSG;
	read_all(request.data, request.length);
	return 0;
}

static size_t request_sample(u8 *data, size_t size)
{
	const struct mattx_file_request request = { .table = 1, .op = MATTX_FILE_WRITE };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_file_request_encode(&c, &request);
	mattx_put_bytes(&c, "tick\n", 5);
	return c.at - data;
}

static int reply_decode(u8 *data, size_t length)
{
	struct mattx_file_attributes attributes;
	struct mattx_file_reply reply;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	if (mattx_file_reply_decode(&c, &reply))
		return -EBADMSG;
	read_all(reply.data, reply.length);
	mattx_cursor_init(&c, (void *)reply.data, reply.length);
	return mattx_attributes_decode(&c, &attributes);
}

static size_t reply_sample(u8 *data, size_t size)
{
	const struct mattx_file_attributes attributes = { .mode = 0100644, .links = 1 };
	const struct mattx_file_reply reply = { .result = 5, .sequence = 9 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_file_reply_encode(&c, &reply);
	mattx_attributes_encode(&c, &attributes);
	return c.at - data;
}

static int ready_decode(u8 *data, size_t length)
{
	struct mattx_file_ready ready;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	return mattx_file_ready_decode(&c, &ready);
}

static size_t ready_sample(u8 *data, size_t size)
{
	const struct mattx_file_ready ready = { .table = 1, .handle = 2, .sequence = 3 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_file_ready_encode(&c, &ready);
	return c.at - data;
}

static int blueprint_decode(u8 *data, size_t length)
{
	struct mattx_blueprint *print = malloc(sizeof(*print));
	struct mattx_extent extent;
	struct mattx_signal signal;
	struct mattx_thread thread;
	struct mattx_area area;
	struct mattx_cursor c;
	int error;
	u32 i;

	if (!print)
		abort();
	mattx_cursor_init(&c, data, length);
	error = mattx_blueprint_take(&c, print);
	if (!error) {
		for (i = 0; i < print->areas.count; i++)
			error |= mattx_area_get(&print->areas, i, &area);
		for (i = 0; i < print->extents.count; i++)
			error |= mattx_extent_get(&print->extents, i, &extent);
		for (i = 0; i < print->guards.count; i++)
			error |= mattx_extent_get(&print->guards, i, &extent);
		for (i = 0; i < print->signals.count; i++)
			error |= mattx_signal_get(&print->signals, i, &signal);
		for (i = 0; i < print->threads.count; i++) {
			error |= mattx_thread_get(print, i, &thread);
			if (!error)
				read_all(thread.xstate, thread.xstate_size);
		}
		read_all(print->groups.bytes, (size_t)print->groups.count * sizeof(u32));
		read_all(print->thread.xstate, print->thread.xstate_size);
		read_all(print->files, print->files_size);
	}
	free(print);
	return error;
}

static size_t blueprint_sample(u8 *data, size_t size)
{
	static const u8 xstate[64];
	struct mattx_blueprint print = {
		.pid = 7,
		.comm = "calc",
		.auxv_count = 2,
		.thread = { .tid = 7, .xstate = xstate, .xstate_size = sizeof(xstate) },
		.areas = { .count = 2 },
		.extents = { .count = 1 },
		.guards = { .count = 1 },
		.threads = { .count = 1 },
	};
	const struct mattx_thread other = {
		.tid = 8, .comm = "other", .xstate = xstate, .xstate_size = sizeof(xstate),
	};
	const struct mattx_area areas[] = {
		{ .start = 0x1000, .end = 0x3000, .flags = MATTX_AREA_READ },
		{ .start = 0x5000, .end = 0x6000, .flags = MATTX_AREA_READ | MATTX_AREA_WRITE },
	};
	const struct mattx_extent extent = { .start = 0x1000, .end = 0x2000 };
	const struct mattx_extent guard = { .start = 0x5000, .end = 0x6000 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_blueprint_put(&c, &print);
	mattx_area_put(&c, &areas[0]);
	mattx_area_put(&c, &areas[1]);
	mattx_extent_put(&c, &extent);
	mattx_extent_put(&c, &guard);
	mattx_thread_put(&c, &other);
	return c.at - data;
}

static int piece_decode(u8 *data, size_t length)
{
	struct mattx_piece piece;
	struct mattx_cursor c;
	u32 i;

	mattx_cursor_init(&c, data, length);
	if (mattx_piece_take(&c, &piece))
		return -EBADMSG;
	if (piece.kind == MATTX_PIECE_PRINT)
		read_all(piece.bytes, piece.length);
	if (piece.kind != MATTX_PIECE_PAGES)
		return 0;
	for (i = 0; i < piece.pages; i++)
		if (!(mattx_piece_address(&piece, i) & MATTX_PAGE_ZERO)) {
			read_all(piece.contents, MATTX_PAGE_BYTES);
			piece.contents += MATTX_PAGE_BYTES;
		}
	return 0;
}

static void piece_begin(struct mattx_cursor *c, u8 *data, size_t size, u32 kind)
{
	const struct mattx_move_key key = { .export = 3, .generation = 1 };

	mattx_cursor_init(c, data, size);
	mattx_move_key_put(c, &key);
	mattx_put_u32(c, kind);
}

static size_t print_piece_sample(u8 *data, size_t size)
{
	struct mattx_cursor c;

	piece_begin(&c, data, size, MATTX_PIECE_PRINT);
	mattx_put_u32(&c, 100);
	mattx_put_u32(&c, 40);
	mattx_put_bytes(&c, "0123456789", 10);
	return c.at - data;
}

static size_t pages_piece_sample(u8 *data, size_t size)
{
	static const u8 page[MATTX_PAGE_BYTES];
	struct mattx_cursor c;

	piece_begin(&c, data, size, MATTX_PIECE_PAGES);
	mattx_put_u32(&c, 3);
	mattx_put_u64(&c, 0x1000);
	mattx_put_u64(&c, 0x2000 | MATTX_PAGE_ZERO);
	mattx_put_u64(&c, 0x5000);
	mattx_put_bytes(&c, page, sizeof(page));
	mattx_put_bytes(&c, page, sizeof(page));
	return c.at - data;
}

static int fetch_decode(u8 *data, size_t length)
{
	struct mattx_pages_request request;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	if (mattx_pages_request_take(&c, &request))
		return -EBADMSG;
	if (request.pages > MATTX_FETCH_LIMIT)
		abort();
	return 0;
}

static size_t fetch_sample(u8 *data, size_t size)
{
	const struct mattx_pages_request request = { .id = 1, .ranges = { .count = 2 } };
	const struct mattx_extent extents[] = { { 0x1000, 0x3000 }, { 0x8000, 0x9000 } };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_pages_request_put(&c, &request);
	mattx_extent_put(&c, &extents[0]);
	mattx_extent_put(&c, &extents[1]);
	return c.at - data;
}

static int pages_decode(u8 *data, size_t length)
{
	struct mattx_pages_reply reply;
	struct mattx_cursor c;
	u32 i;

	mattx_cursor_init(&c, data, length);
	if (mattx_pages_reply_take(&c, &reply))
		return -EBADMSG;
	for (i = 0; i < reply.pages; i++)
		if (reply.states[i] == MATTX_PAGE_STATE_DATA) {
			read_all(reply.contents, MATTX_PAGE_BYTES);
			reply.contents += MATTX_PAGE_BYTES;
		}
	return 0;
}

static size_t pages_sample(u8 *data, size_t size)
{
	static const u8 states[] = { MATTX_PAGE_STATE_ZERO, MATTX_PAGE_STATE_DATA };
	static const u8 page[MATTX_PAGE_BYTES];
	const struct mattx_move_key key = { .export = 3, .generation = 1 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_move_key_put(&c, &key);
	mattx_put_u64(&c, 1);
	mattx_put_u32(&c, sizeof(states));
	mattx_put_bytes(&c, states, sizeof(states));
	mattx_put_bytes(&c, page, sizeof(page));
	return c.at - data;
}

static int refusal_decode(u8 *data, size_t length)
{
	struct mattx_refusal refusal;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	mattx_refusal_take(&c, &refusal);
	if (strnlen(refusal.reason, sizeof(refusal.reason)) == sizeof(refusal.reason))
		abort();
	return c.bad ? -EBADMSG : 0;
}

static size_t refusal_sample(u8 *data, size_t size)
{
	const struct mattx_refusal refusal = { .error = EBUSY, .reason = "no room" };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_refusal_put(&c, &refusal);
	return c.at - data;
}

static int send_home_decode(u8 *data, size_t length)
{
	struct mattx_send_home wish;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	mattx_send_home_take(&c, &wish);
	return c.bad ? -EBADMSG : 0;
}

static size_t send_home_sample(u8 *data, size_t size)
{
	const struct mattx_send_home wish = { .key = { 3, 1 }, .call = MATTX_NO_CALL };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_send_home_put(&c, &wish);
	return c.at - data;
}

static int stop_decode(u8 *data, size_t length)
{
	struct mattx_stop stop;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	mattx_stop_take(&c, &stop);
	if (!c.bad && stop.number > MATTX_SIGNALS)
		abort();
	return c.bad ? -EBADMSG : 0;
}

static size_t stop_sample(u8 *data, size_t size)
{
	const struct mattx_stop stop = { .number = 20, .continues = 3 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_stop_put(&c, &stop);
	return c.at - data;
}

static int signal_decode(u8 *data, size_t length)
{
	struct mattx_signal signal;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	mattx_signal_take(&c, &signal);
	if (!c.bad && (signal.number < 1 || signal.number > MATTX_SIGNALS))
		abort();
	return c.bad ? -EBADMSG : 0;
}

static size_t signal_sample(u8 *data, size_t size)
{
	const struct mattx_signal signal = { .number = 10, .tid = 7 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_signal_put(&c, &signal);
	return c.at - data;
}

static int home_call_decode(u8 *data, size_t length)
{
	struct mattx_home_call call;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	mattx_home_call_take(&c, &call);
	if (call.size > sizeof(call.bytes))
		abort();
	return c.bad ? -EBADMSG : 0;
}

static size_t home_call_sample(u8 *data, size_t size)
{
	const struct mattx_home_call call = { .kind = MATTX_CALL_THREAD, .size = 8 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_home_call_put(&c, &call);
	return c.at - data;
}

static int home_answer_decode(u8 *data, size_t length)
{
	struct mattx_home_answer answer;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	mattx_home_answer_take(&c, &answer);
	if (answer.size > sizeof(answer.bytes))
		abort();
	return c.bad ? -EBADMSG : 0;
}

static size_t home_answer_sample(u8 *data, size_t size)
{
	const struct mattx_home_answer answer = { .result = -11, .size = 16 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_home_answer_put(&c, &answer);
	return c.at - data;
}

const struct mattx_target mattx_targets[] = {
	{ "frame header", header_decode, header_sample },
	{ "HELLO", hello_decode, hello_sample },
	{ "table of files", table_decode, table_sample },
	{ "FILE_REQUEST", request_decode, request_sample },
	{ "FILE_REPLY", reply_decode, reply_sample },
	{ "FILE_READY", ready_decode, ready_sample },
	{ "blueprint", blueprint_decode, blueprint_sample },
	{ "piece of a blueprint", piece_decode, print_piece_sample },
	{ "piece with pages", piece_decode, pages_piece_sample },
	{ "PAGES_GET", fetch_decode, fetch_sample },
	{ "PAGES", pages_decode, pages_sample },
	{ "REFUSE", refusal_decode, refusal_sample },
	{ "SEND_HOME", send_home_decode, send_home_sample },
	{ "SIGNAL", signal_decode, signal_sample },
	{ "STOPPED", stop_decode, stop_sample },
	{ "HOME_CALL", home_call_decode, home_call_sample },
	{ "HOME_CALL reply", home_answer_decode, home_answer_sample },
	{ "TREE_REQUEST", tree_request_decode, tree_request_sample },
	{ "TREE_REPLY", tree_reply_decode, tree_reply_sample },
	{ "TREE_CHANGED", tree_changed_decode, tree_changed_sample },
	{ "changes of a node", tree_change_decode, tree_change_sample },
	{ "lock", tree_lock_decode, tree_lock_sample },
	{ "figures of a file system", tree_figures_decode, tree_figures_sample },
	{ "entries of a folder", tree_entries_decode, tree_entries_sample },
};
const size_t mattx_target_count = ARRAY_SIZE(mattx_targets);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 *copy;

	if (!size)
		return 0;
	/* Of exactly the right size, so that one byte too far is seen. */
	copy = malloc(size - 1 ? size - 1 : 1);
	if (!copy)
		abort();
	memcpy(copy, data + 1, size - 1);
	mattx_targets[data[0] % mattx_target_count].decode(copy, size - 1);
	free(copy);
	return 0;
}
