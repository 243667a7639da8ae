// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the codec promises: what was written is read again, and no cursor
 * leaves its buffer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "wire_file.h"

static int passed, failed;

static void check(int holds, const char *promise)
{
	if (holds) {
		passed++;
	} else {
		failed++;
		printf("FAILED: %s\n", promise);
	}
}

static void integers_are_little_endian(void)
{
	u8 bytes[14] = { 0 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, bytes, sizeof(bytes));
	mattx_put_u16(&c, 0x0102);
	mattx_put_u32(&c, 0x03040506);
	mattx_put_u64(&c, 0x0708090a0b0c0d0eull);
	check(!c.bad && bytes[0] == 0x02 && bytes[2] == 0x06 && bytes[6] == 0x0e,
	      "integers are written with the least byte first");
	mattx_cursor_init(&c, bytes, sizeof(bytes));
	check(mattx_take_u16(&c) == 0x0102 && mattx_take_u32(&c) == 0x03040506 &&
	      mattx_take_u64(&c) == 0x0708090a0b0c0d0eull && !c.bad,
	      "integers are read as they were written");
}

static void a_cursor_stays_inside(void)
{
	u8 bytes[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	u8 copy[4] = { 9, 9, 9, 9 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, bytes, 6);
	mattx_put_u64(&c, ~0ull);
	check(c.bad && bytes[0] == 1 && bytes[7] == 1, "a value that does not fit is not written");
	mattx_cursor_init(&c, bytes, 3);
	mattx_take_bytes(&c, copy, 4);
	check(c.bad && !copy[0] && !copy[3], "bytes that are not there read as zero");
	check(mattx_take_u16(&c) == 0, "after the first error everything reads as zero");
	mattx_cursor_init(&c, bytes, 3);
	check(!mattx_take_view(&c, 4) && c.bad, "there is no view of bytes that are not there");
}

static void headers_are_checked(void)
{
	const struct mattx_header header = { .type = 5, .flags = MATTX_FRAME_REPLY, .length = 77,
					     .id = 1ull << 40 };
	u8 bytes[MATTX_WIRE_HEADER];
	struct mattx_header read;

	mattx_header_encode(bytes, &header);
	check(!mattx_header_decode(bytes, &read) && read.type == 5 && read.length == 77 &&
	      read.id == header.id && read.flags == MATTX_FRAME_REPLY,
	      "a header is read as it was written");
	bytes[0] ^= 1;
	check(mattx_header_decode(bytes, &read) == -EBADMSG, "another magic is refused");
	bytes[0] ^= 1;
	bytes[7] = 0x80;
	check(mattx_header_decode(bytes, &read) == -EBADMSG, "unknown flags are refused");
	bytes[7] = 0;
	bytes[11] = 0x80;
	check(mattx_header_decode(bytes, &read) == -EMSGSIZE, "a length beyond the limit is refused");
}

static void texts_are_harmless(void)
{
	u8 bytes[64] = { 0 };
	char text[8];
	struct mattx_cursor c;

	mattx_cursor_init(&c, bytes, sizeof(bytes));
	mattx_put_text(&c, "a\033[b");
	mattx_cursor_init(&c, bytes, sizeof(bytes));
	mattx_take_text(&c, text, sizeof(text));
	check(!c.bad && !strcmp(text, "a?[b"), "control characters of a peer reach no terminal");
	mattx_cursor_init(&c, bytes, sizeof(bytes));
	mattx_put_text(&c, "12345678");
	mattx_cursor_init(&c, bytes, sizeof(bytes));
	mattx_take_text(&c, text, sizeof(text));
	check(c.bad && !text[0], "a text that does not fit is refused, not cut");
}

static void tables_cannot_ask_for_more_than_they_hold(void)
{
	struct mattx_file_table table = { .number = 1, .handles = 100000, .descriptors = 0 };
	u8 bytes[64] = { 0 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, bytes, sizeof(bytes));
	mattx_file_table_encode(&c, &table);
	mattx_cursor_init(&c, bytes, sizeof(bytes));
	check(mattx_file_table_decode(&c, &table) == -EBADMSG,
	      "a table announces no more entries than it has bytes for");
}

static void file_messages_round_trip(void)
{
	const struct mattx_file_request request = { .table = 3, .handle = 4, .op = MATTX_FILE_WRITE,
						    .has_flags = 1, .open_flags = 02000,
						    .arguments = { MATTX_POSITION_HOME, 5, 6 } };
	const struct mattx_file_attributes attributes = { .mode = 020620, .size = 1ull << 40,
							  .modify_s = -5, .change_ns = 999999999 };
	struct mattx_file_attributes attributes_read;
	struct mattx_file_request read;
	u8 bytes[256] = { 0 };
	struct mattx_cursor c;

	mattx_cursor_init(&c, bytes, sizeof(bytes));
	mattx_file_request_encode(&c, &request);
	check(c.at - bytes == MATTX_FILE_REQUEST_SIZE, "a request has the size that callers reserve");
	mattx_put_bytes(&c, "abc", 3);
	mattx_cursor_init(&c, bytes, MATTX_FILE_REQUEST_SIZE + 3);
	check(!mattx_file_request_decode(&c, &read) && read.handle == 4 && read.length == 3 &&
	      !memcmp(read.data, "abc", 3) && read.arguments[0] == MATTX_POSITION_HOME,
	      "a request is read as it was written");
	mattx_cursor_init(&c, bytes, sizeof(bytes));
	mattx_attributes_encode(&c, &attributes);
	check(c.at - bytes == MATTX_ATTRIBUTES_SIZE, "attributes have the size that callers reserve");
	mattx_cursor_init(&c, bytes, MATTX_ATTRIBUTES_SIZE);
	check(!mattx_attributes_decode(&c, &attributes_read) &&
	      attributes_read.size == attributes.size && attributes_read.modify_s == -5 &&
	      attributes_read.change_ns == 999999999, "attributes are read as they were written");
}

int main(void)
{
	integers_are_little_endian();
	a_cursor_stays_inside();
	headers_are_checked();
	texts_are_harmless();
	tables_cannot_ask_for_more_than_they_hold();
	file_messages_round_trip();
	printf("wire_test: %d passed, %d failed\n", passed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
