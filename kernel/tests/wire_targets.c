// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every decoder of wire bytes.  A new message gets a row here.
 */
#include <stdlib.h>

#include "wire_file.h"
#include "wire_targets.h"

/* Touches what a view points to, so that the sanitizer sees one that is too long. */
static u8 sum(const u8 *data, size_t length)
{
	u8 total = 0;

	while (data && length--)
		total += *data++;
	return total;
}

static volatile u8 sink;

static void header_decode(u8 *data, size_t length)
{
	struct mattx_header header;

	if (length >= MATTX_WIRE_HEADER && !mattx_header_decode(data, &header) &&
	    header.length > MATTX_WIRE_MAX_PAYLOAD)
		abort();
}

static size_t header_sample(u8 *data, size_t size)
{
	const struct mattx_header header = { .type = MATTX_WIRE_PING, .length = 8, .id = 7 };

	(void)size;
	mattx_header_encode(data, &header);
	return MATTX_WIRE_HEADER;
}

static void hello_decode(u8 *data, size_t length)
{
	struct mattx_hello hello;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	if (!mattx_hello_decode(&c, &hello) && strlen(hello.release) >= sizeof(hello.release))
		abort();
}

static size_t hello_sample(u8 *data, size_t size)
{
	const struct mattx_hello hello = { .version = 1, .node = 2, .release = "6.12" };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_hello_encode(&c, &hello);
	return c.at - data;
}

static void table_decode(u8 *data, size_t length)
{
	struct mattx_descriptor descriptor;
	struct mattx_handle_info info;
	struct mattx_file_table table;
	struct mattx_cursor c;
	u32 i;

	mattx_cursor_init(&c, data, length);
	if (mattx_file_table_decode(&c, &table))
		return;
	for (i = 0; i < table.handles; i++) {
		if (mattx_handle_info_decode(&c, &info))
			return;
		sink = sum(info.path, info.path_length);
	}
	for (i = 0; i < table.descriptors; i++)
		if (mattx_descriptor_decode(&c, &descriptor))
			return;
}

static size_t table_sample(u8 *data, size_t size)
{
	const struct mattx_file_table table = { .number = 1, .handles = 2, .descriptors = 2 };
	struct mattx_handle_info info = { .path = (const u8 *)"/tmp/x", .path_length = 6 };
	struct mattx_descriptor descriptor = { .fd = 1 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_file_table_encode(&c, &table);
	for (info.number = 0; info.number < table.handles; info.number++)
		mattx_handle_info_encode(&c, &info);
	for (descriptor.fd = 0; descriptor.fd < table.descriptors; descriptor.fd++)
		mattx_descriptor_encode(&c, &descriptor);
	return c.at - data;
}

static void request_decode(u8 *data, size_t length)
{
	struct mattx_file_request request;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	if (!mattx_file_request_decode(&c, &request))
		sink = sum(request.data, request.length);
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

static void reply_decode(u8 *data, size_t length)
{
	struct mattx_file_attributes attributes;
	struct mattx_file_reply reply;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	if (mattx_file_reply_decode(&c, &reply))
		return;
	sink = sum(reply.data, reply.length);
	mattx_cursor_init(&c, (void *)reply.data, reply.length);
	mattx_attributes_decode(&c, &attributes);
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

static void ready_decode(u8 *data, size_t length)
{
	struct mattx_file_ready ready;
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, length);
	mattx_file_ready_decode(&c, &ready);
}

static size_t ready_sample(u8 *data, size_t size)
{
	const struct mattx_file_ready ready = { .table = 1, .handle = 2, .sequence = 3 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, data, size);
	mattx_file_ready_encode(&c, &ready);
	return c.at - data;
}

const struct mattx_target mattx_targets[] = {
	{ "frame header", header_decode, header_sample },
	{ "HELLO", hello_decode, hello_sample },
	{ "table of files", table_decode, table_sample },
	{ "FILE_REQUEST", request_decode, request_sample },
	{ "FILE_REPLY", reply_decode, reply_sample },
	{ "FILE_READY", ready_decode, ready_sample },
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
