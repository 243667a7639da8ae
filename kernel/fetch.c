// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page requests of the away side.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "fetch.h"
#include "image.h"
#include "link.h"
#include "pump.h"

struct mattx_fetch {
	struct list_head	list;	/* of the image; its lock */
	u64			id;
	u32			count;
	struct folio		*folios[MATTX_FETCH_LIMIT];	/* ascending */
};

struct mattx_fetch *mattx_fetch_alloc(gfp_t gfp)
{
	struct mattx_fetch *fetch = kmalloc(sizeof(*fetch), gfp);

	if (fetch)
		fetch->count = 0;
	return fetch;
}

void mattx_fetch_add(struct mattx_fetch *fetch, struct folio *folio)
{
	fetch->folios[fetch->count++] = folio;
}

bool mattx_fetch_full(const struct mattx_fetch *fetch)
{
	return fetch->count == ARRAY_SIZE(fetch->folios);
}

/* Its folios are unlocked. */
static void mattx_fetch_end(struct mattx_image *image, struct mattx_fetch *fetch)
{
	atomic_sub(fetch->count, &image->in_flight);
	kfree(fetch);
	mattx_pump_kick(image);
}

static void mattx_fetch_fail(struct mattx_image *image, struct mattx_fetch *fetch)
{
	u32 i;

	for (i = 0; i < fetch->count; i++)
		folio_end_read(fetch->folios[i], false);
	mattx_fetch_end(image, fetch);
}

/* Neighbouring pages are one range; returns the number of ranges. */
static u32 mattx_fetch_ranges(const struct mattx_fetch *fetch, struct mattx_cursor *c)
{
	struct mattx_extent extent = {};
	u32 i, ranges = 0;

	for (i = 0; i <= fetch->count; i++) {
		u64 address = i < fetch->count ? folio_pos(fetch->folios[i]) : 0;

		if (i && i < fetch->count && address == extent.end) {
			extent.end += PAGE_SIZE;
			continue;
		}
		if (i) {
			ranges++;
			if (c)
				mattx_extent_put(c, &extent);
		}
		extent = (struct mattx_extent){ address, address + PAGE_SIZE };
	}
	return ranges;
}

static struct mattx_frame *mattx_fetch_encode(const struct mattx_image *image,
					      const struct mattx_fetch *fetch)
{
	struct mattx_pages_request request = {
		.key = image->key,
		.id = fetch->id,
		.ranges.count = mattx_fetch_ranges(fetch, NULL),
	};
	struct mattx_frame *frame;
	struct mattx_cursor c;

	frame = mattx_frame_alloc(MATTX_WIRE_PAGES_GET, MATTX_PAGES_REPLY_HEADER +
				  request.ranges.count * MATTX_EXTENT_SIZE, GFP_NOFS);
	if (!frame)
		return NULL;
	mattx_frame_writer(frame, &c);
	mattx_pages_request_put(&c, &request);
	mattx_fetch_ranges(fetch, &c);
	if (mattx_frame_written(frame, &c)) {
		mattx_frame_free(frame);
		return NULL;
	}
	return frame;
}

/* Takes a fetch off the image; NULL when another has done so. */
static struct mattx_fetch *mattx_fetch_take(struct mattx_image *image, u64 id)
{
	struct mattx_fetch *fetch;

	spin_lock(&image->lock);
	list_for_each_entry(fetch, &image->fetches, list) {
		if (fetch->id == id) {
			list_del(&fetch->list);
			spin_unlock(&image->lock);
			return fetch;
		}
	}
	spin_unlock(&image->lock);
	return NULL;
}

void mattx_fetch_start(struct mattx_image *image, struct mattx_fetch *fetch)
{
	struct mattx_frame *frame;
	bool closed;
	u64 id;

	if (!fetch->count) {
		kfree(fetch);
		return;
	}
	spin_lock(&image->lock);
	id = ++image->last_fetch;
	spin_unlock(&image->lock);
	fetch->id = id;
	atomic_add(fetch->count, &image->in_flight);
	frame = mattx_fetch_encode(image, fetch);

	spin_lock(&image->lock);
	closed = image->closed;
	if (!closed && frame)
		list_add_tail(&fetch->list, &image->fetches);
	spin_unlock(&image->lock);
	if (closed || !frame) {
		mattx_frame_free(frame);
		mattx_fetch_fail(image, fetch);
		return;
	}
	atomic_long_inc(&image->requests);
	/* From here on the answer may come at any time: the fetch is the list's. */
	if (mattx_link_send(image->link, frame, MATTX_CLASS_CONTROL)) {
		fetch = mattx_fetch_take(image, id);
		if (fetch)
			mattx_fetch_fail(image, fetch);
	}
}

void mattx_image_pages(struct mattx_image *image, const struct mattx_pages_reply *reply)
{
	struct mattx_fetch *fetch = mattx_fetch_take(image, reply->id);
	const u8 *contents = reply->contents;
	u32 i;

	if (!fetch)
		return;
	if (reply->pages != fetch->count) {
		mattx_fetch_fail(image, fetch);
		return;
	}
	for (i = 0; i < fetch->count; i++) {
		struct folio *folio = fetch->folios[i];

		switch (reply->states[i]) {
		case MATTX_PAGE_STATE_DATA:
			memcpy_to_folio(folio, 0, (const char *)contents, PAGE_SIZE);
			contents += PAGE_SIZE;
			atomic_long_inc(&image->fetched);
			folio_end_read(folio, true);
			break;
		case MATTX_PAGE_STATE_ZERO:
			folio_zero_range(folio, 0, PAGE_SIZE);
			folio_end_read(folio, true);
			break;
		default:
			folio_end_read(folio, false);
		}
	}
	mattx_fetch_end(image, fetch);
}

void mattx_image_close(struct mattx_image *image)
{
	struct mattx_fetch *fetch, *next;
	LIST_HEAD(fetches);

	spin_lock(&image->lock);
	image->closed = true;
	list_splice_init(&image->fetches, &fetches);
	spin_unlock(&image->lock);
	list_for_each_entry_safe(fetch, next, &fetches, list)
		mattx_fetch_fail(image, fetch);
	wake_up_all(&image->pump.wait);
}
