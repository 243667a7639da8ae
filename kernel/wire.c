// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bounds-checked reading and writing of wire bytes, and the frame header.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/string.h>
#endif
#include "wire.h"

/* Claims @length bytes; NULL and @bad when they are not there. */
static u8 *mattx_cursor_claim(struct mattx_cursor *c, size_t length)
{
	u8 *at = c->at;

	if (c->bad || length > (size_t)(c->end - at)) {
		c->bad = true;
		return NULL;
	}
	c->at = at + length;
	return at;
}

static void mattx_put_integer(struct mattx_cursor *c, u64 value, size_t length)
{
	u8 *at = mattx_cursor_claim(c, length);
	size_t i;

	if (!at)
		return;
	for (i = 0; i < length; i++, value >>= 8)
		at[i] = (u8)value;
}

static u64 mattx_take_integer(struct mattx_cursor *c, size_t length)
{
	const u8 *at = mattx_cursor_claim(c, length);
	u64 value = 0;

	if (!at)
		return 0;
	while (length--)
		value = value << 8 | at[length];
	return value;
}

void mattx_put_u16(struct mattx_cursor *c, u16 value)
{
	mattx_put_integer(c, value, 2);
}

void mattx_put_u32(struct mattx_cursor *c, u32 value)
{
	mattx_put_integer(c, value, 4);
}

void mattx_put_u64(struct mattx_cursor *c, u64 value)
{
	mattx_put_integer(c, value, 8);
}

void mattx_put_bytes(struct mattx_cursor *c, const void *data, size_t length)
{
	u8 *at = mattx_cursor_claim(c, length);

	if (at && length)
		memcpy(at, data, length);
}

u16 mattx_take_u16(struct mattx_cursor *c)
{
	return (u16)mattx_take_integer(c, 2);
}

u32 mattx_take_u32(struct mattx_cursor *c)
{
	return (u32)mattx_take_integer(c, 4);
}

u64 mattx_take_u64(struct mattx_cursor *c)
{
	return mattx_take_integer(c, 8);
}

void mattx_take_bytes(struct mattx_cursor *c, void *data, size_t length)
{
	const u8 *at = mattx_cursor_claim(c, length);

	if (!length)
		return;
	if (at)
		memcpy(data, at, length);
	else
		memset(data, 0, length);
}

const u8 *mattx_take_view(struct mattx_cursor *c, size_t length)
{
	return mattx_cursor_claim(c, length);
}

void mattx_put_text(struct mattx_cursor *c, const char *text)
{
	size_t length = strnlen(text, MATTX_WIRE_MAX_TEXT);

	mattx_put_u16(c, (u16)length);
	mattx_put_bytes(c, text, length);
}

void mattx_take_text(struct mattx_cursor *c, char *text, size_t size)
{
	u16 length = mattx_take_u16(c);
	const u8 *at;
	size_t i;

	text[0] = 0;
	if (length > MATTX_WIRE_MAX_TEXT || length >= size) {
		c->bad = true;
		return;
	}
	at = mattx_take_view(c, length);
	if (!at)
		return;
	/* A peer's text reaches logs and terminals: nothing but printable characters. */
	for (i = 0; i < length; i++)
		text[i] = at[i] < ' ' || at[i] == 0x7f ? '?' : (char)at[i];
	text[length] = 0;
}

void mattx_header_encode(u8 bytes[MATTX_WIRE_HEADER], const struct mattx_header *header)
{
	struct mattx_cursor c;

	mattx_cursor_init(&c, bytes, MATTX_WIRE_HEADER);
	mattx_put_u32(&c, MATTX_WIRE_MAGIC);
	mattx_put_u16(&c, header->type);
	mattx_put_u16(&c, header->flags);
	mattx_put_u32(&c, header->length);
	mattx_put_u32(&c, 0);
	mattx_put_u64(&c, header->id);
}

int mattx_header_decode(u8 bytes[MATTX_WIRE_HEADER], struct mattx_header *header)
{
	struct mattx_cursor c;
	u32 magic, reserved;

	mattx_cursor_init(&c, bytes, MATTX_WIRE_HEADER);
	magic = mattx_take_u32(&c);
	header->type = mattx_take_u16(&c);
	header->flags = mattx_take_u16(&c);
	header->length = mattx_take_u32(&c);
	reserved = mattx_take_u32(&c);
	header->id = mattx_take_u64(&c);
	if (c.bad || magic != MATTX_WIRE_MAGIC || reserved)
		return -EBADMSG;
	if (header->flags & ~MATTX_FRAME_FLAGS)
		return -EBADMSG;
	if (header->length > MATTX_WIRE_MAX_PAYLOAD)
		return -EMSGSIZE;
	return 0;
}
