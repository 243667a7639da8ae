// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blueprints and pages in pieces.
 */
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "parcel.h"

/* Address space of the addresses at the head of a frame of pages. */
#define MATTX_PAGES_HEADER	(MATTX_PIECE_HEADER + 4 + MATTX_PIECE_PAGES_LIMIT * 8)

void mattx_parcel_init(struct mattx_parcel *parcel)
{
	memset(parcel, 0, sizeof(*parcel));
	INIT_LIST_HEAD(&parcel->pages);
}

void mattx_parcel_free(struct mattx_parcel *parcel)
{
	struct mattx_frame *frame, *next;

	list_for_each_entry_safe(frame, next, &parcel->pages, queue)
		mattx_frame_free(frame);
	kvfree(parcel->print);
	mattx_parcel_init(parcel);
}

static int mattx_parcel_add_print(struct mattx_parcel *parcel, const struct mattx_piece *piece)
{
	if (!parcel->print) {
		parcel->print = kvmalloc(piece->total, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!parcel->print)
			return -ENOMEM;
		parcel->total = piece->total;
	}
	if (piece->total != parcel->total || piece->offset != parcel->have)
		return -EBADMSG;
	memcpy(parcel->print + piece->offset, piece->bytes, piece->length);
	parcel->have += piece->length;
	return 0;
}

int mattx_parcel_add(struct mattx_parcel *parcel, struct mattx_frame *frame,
		     const struct mattx_piece *piece)
{
	int error = -EBADMSG;

	if (parcel->complete)
		goto out;
	parcel->bytes += frame->length;
	switch (piece->kind) {
	case MATTX_PIECE_PRINT:
		error = mattx_parcel_add_print(parcel, piece);
		break;
	case MATTX_PIECE_PAGES:
		if (!parcel->total || parcel->have != parcel->total)
			break;
		parcel->page_count += piece->pages;
		list_add_tail(&frame->queue, &parcel->pages);
		return 0;
	case MATTX_PIECE_END:
		if (!parcel->total || parcel->have != parcel->total ||
		    piece->pages != parcel->page_count)
			break;
		parcel->complete = true;
		error = 0;
		break;
	}
out:
	mattx_frame_free(frame);
	return error;
}

int mattx_parcel_pages(const struct mattx_parcel *parcel,
		       int (*visit)(void *context, u64 address, const void *contents),
		       void *context)
{
	struct mattx_frame *frame;
	struct mattx_cursor c;
	struct mattx_piece piece;
	const u8 *contents;
	int error;
	u32 i;

	list_for_each_entry(frame, &parcel->pages, queue) {
		mattx_frame_reader(frame, &c);
		error = mattx_piece_take(&c, &piece);
		if (error)
			return error;
		contents = piece.contents;
		for (i = 0; i < piece.pages; i++) {
			u64 address = mattx_piece_address(&piece, i);

			if (address & MATTX_PAGE_ZERO) {
				error = visit(context, address & ~(u64)MATTX_PAGE_ZERO, NULL);
			} else {
				error = visit(context, address, contents);
				contents += MATTX_PAGE_BYTES;
			}
			if (error)
				return error;
		}
	}
	return 0;
}

void mattx_sender_init(struct mattx_sender *sender, struct mattx_link *link, u16 type,
		       const struct mattx_move_key *key)
{
	memset(sender, 0, sizeof(*sender));
	sender->link = link;
	sender->type = type;
	sender->key = *key;
}

/* Waits for the acknowledgement of the piece that is on its way. */
static int mattx_sender_wait(struct mattx_sender *sender)
{
	struct mattx_frame *reply;
	struct mattx_cursor c;
	long left;

	if (!sender->calling)
		return 0;
	left = wait_for_completion_killable_timeout(&sender->call.done, MATTX_PIECE_DEADLINE);
	reply = mattx_call_finish(&sender->call);
	sender->calling = false;
	if (IS_ERR(reply))
		return !left && reply == ERR_PTR(-EINTR) ? -ETIMEDOUT : PTR_ERR(reply);
	mattx_frame_reader(reply, &c);
	mattx_refusal_take(&c, &sender->refusal);
	mattx_frame_free(reply);
	if (c.bad)
		return -EBADMSG;
	return -sender->refusal.error;
}

/* Consumes the frame. */
static int mattx_sender_send(struct mattx_sender *sender, struct mattx_frame *frame)
{
	u32 length = frame->length;
	int error = mattx_sender_wait(sender);

	if (error) {
		mattx_frame_free(frame);
		return error;
	}
	error = mattx_call_start(&sender->call, sender->link, frame, MATTX_CLASS_BULK);
	if (error)
		return error;
	sender->calling = true;
	sender->bytes += length;
	return 0;
}

int mattx_sender_print(struct mattx_sender *sender, const u8 *print, u32 size)
{
	struct mattx_frame *frame;
	struct mattx_cursor c;
	u32 offset, length;
	int error = 0;

	for (offset = 0; offset < size && !error; offset += length) {
		length = min(size - offset, MATTX_PIECE_BYTES);
		frame = mattx_frame_alloc(sender->type, MATTX_PIECE_HEADER + 8 + length,
					  GFP_KERNEL);
		if (!frame)
			return -ENOMEM;
		mattx_frame_writer(frame, &c);
		mattx_move_key_put(&c, &sender->key);
		mattx_put_u32(&c, MATTX_PIECE_PRINT);
		mattx_put_u32(&c, size);
		mattx_put_u32(&c, offset);
		mattx_put_bytes(&c, print + offset, length);
		error = mattx_frame_written(frame, &c);
		if (error)
			mattx_frame_free(frame);
		else
			error = mattx_sender_send(sender, frame);
	}
	return error;
}

/* Sends the pages collected so far. */
static int mattx_sender_flush(struct mattx_sender *sender)
{
	struct mattx_frame *frame = sender->frame;
	size_t addresses = (size_t)sender->collected * 8;
	struct mattx_cursor c;
	u8 *gathered;
	u32 header;

	if (!sender->collected)
		return 0;
	sender->frame = NULL;
	header = MATTX_PIECE_HEADER + 4 + addresses;
	gathered = frame->payload + MATTX_PAGES_HEADER;
	/* Contents were put behind room for the most addresses there can be. */
	memmove(frame->payload + header, gathered, (size_t)sender->filled * MATTX_PAGE_BYTES);
	mattx_cursor_init(&c, frame->payload, MATTX_PIECE_HEADER + 4);
	mattx_move_key_put(&c, &sender->key);
	mattx_put_u32(&c, MATTX_PIECE_PAGES);
	mattx_put_u32(&c, sender->collected);
	frame->length = header + sender->filled * MATTX_PAGE_BYTES;
	sender->collected = 0;
	sender->filled = 0;
	return mattx_sender_send(sender, frame);
}

static int mattx_sender_page(struct mattx_sender *sender, u64 address, const void *contents)
{
	bool zero = !memchr_inv(contents, 0, MATTX_PAGE_BYTES);
	struct mattx_cursor c;

	if (!sender->frame) {
		sender->frame = mattx_frame_alloc(sender->type, MATTX_PAGES_HEADER +
						  MATTX_PIECE_PAGES_LIMIT * MATTX_PAGE_BYTES,
						  GFP_KERNEL);
		if (!sender->frame)
			return -ENOMEM;
	}
	mattx_cursor_init(&c, sender->frame->payload + MATTX_PIECE_HEADER + 4 +
			  (size_t)sender->collected * 8, 8);
	mattx_put_u64(&c, address | (zero ? MATTX_PAGE_ZERO : 0));
	sender->collected++;
	sender->pages++;
	if (!zero)
		memcpy(sender->frame->payload + MATTX_PAGES_HEADER +
		       (size_t)sender->filled++ * MATTX_PAGE_BYTES, contents, MATTX_PAGE_BYTES);
	return sender->collected == MATTX_PIECE_PAGES_LIMIT ? mattx_sender_flush(sender) : 0;
}

int mattx_sender_memory(struct mattx_sender *sender, struct mm_struct *mm, u64 address)
{
	struct page *page;
	void *contents;
	int error;
	long got;

	mmap_read_lock(mm);
	got = get_user_pages_remote(mm, address, 1, FOLL_FORCE, &page, NULL);
	mmap_read_unlock(mm);
	if (got != 1)
		return got < 0 ? got : -EFAULT;
	contents = kmap_local_page(page);
	error = mattx_sender_page(sender, address, contents);
	kunmap_local(contents);
	put_page(page);
	return error;
}

int mattx_sender_finish(struct mattx_sender *sender)
{
	struct mattx_frame *frame;
	struct mattx_cursor c;
	int error = mattx_sender_flush(sender);

	if (error)
		return error;
	frame = mattx_frame_alloc(sender->type, MATTX_PIECE_HEADER + 4, GFP_KERNEL);
	if (!frame)
		return -ENOMEM;
	mattx_frame_writer(frame, &c);
	mattx_move_key_put(&c, &sender->key);
	mattx_put_u32(&c, MATTX_PIECE_END);
	mattx_put_u32(&c, sender->pages);
	error = mattx_frame_written(frame, &c);
	if (error) {
		mattx_frame_free(frame);
		return error;
	}
	error = mattx_sender_send(sender, frame);
	return error ?: mattx_sender_wait(sender);
}

void mattx_sender_release(struct mattx_sender *sender)
{
	struct mattx_frame *reply;

	mattx_frame_free(sender->frame);
	sender->frame = NULL;
	if (!sender->calling)
		return;
	reply = mattx_call_finish(&sender->call);
	sender->calling = false;
	if (!IS_ERR(reply))
		mattx_frame_free(reply);
}

struct mattx_frame *mattx_move_frame(u16 type, const struct mattx_move_key *key, u32 size,
				     void (*put)(struct mattx_cursor *c, const void *what),
				     const void *what)
{
	struct mattx_frame *frame = mattx_frame_alloc(type, MATTX_MOVE_KEY_SIZE + size, GFP_KERNEL);
	struct mattx_cursor c;
	int error;

	if (!frame)
		return ERR_PTR(-ENOMEM);
	mattx_frame_writer(frame, &c);
	mattx_move_key_put(&c, key);
	if (put)
		put(&c, what);
	error = mattx_frame_written(frame, &c);
	if (!error)
		return frame;
	mattx_frame_free(frame);
	return ERR_PTR(error);
}

void mattx_put_signal(struct mattx_cursor *c, const void *what)
{
	mattx_signal_put(c, what);
}

void mattx_put_refusal(struct mattx_cursor *c, const void *what)
{
	mattx_refusal_put(c, what);
}

void mattx_refusal_reply(struct mattx_link *link, u64 id, u16 type,
			 const struct mattx_refusal *refusal)
{
	struct mattx_frame *frame = mattx_frame_alloc(type, MATTX_REFUSAL_SIZE, GFP_KERNEL);
	struct mattx_cursor c;

	/* Without an answer the other end runs into its deadline. */
	if (!frame)
		return;
	mattx_frame_writer(frame, &c);
	mattx_refusal_put(&c, refusal);
	if (mattx_frame_written(frame, &c))
		mattx_frame_free(frame);
	else
		mattx_link_reply(link, id, frame, MATTX_CLASS_CONTROL);
}

int mattx_refusal_ask(struct mattx_link *link, struct mattx_frame *request,
		      unsigned long timeout, struct mattx_refusal *refusal)
{
	struct mattx_frame *reply = mattx_link_call(link, request, MATTX_CLASS_CONTROL, timeout);
	struct mattx_cursor c;

	if (IS_ERR(reply))
		return PTR_ERR(reply);
	mattx_frame_reader(reply, &c);
	mattx_refusal_take(&c, refusal);
	mattx_frame_free(reply);
	return c.bad ? -EBADMSG : -refusal->error;
}

int mattx_refusal_call(struct mattx_link *link, u16 type, const struct mattx_move_key *key,
		       unsigned long timeout, struct mattx_refusal *refusal)
{
	struct mattx_frame *frame = mattx_move_frame(type, key, 0, NULL, NULL);

	if (IS_ERR(frame))
		return PTR_ERR(frame);
	return mattx_refusal_ask(link, frame, timeout, refusal);
}
