// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Presence map.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "areas.h"
#include "presence.h"
#include "walk.h"

#define MATTX_EXTENTS_FIRST	64	/* room to begin with */

void mattx_extents_init(struct mattx_extents *extents)
{
	memset(extents, 0, sizeof(*extents));
}

void mattx_extents_free(struct mattx_extents *extents)
{
	kvfree(extents->list);
	mattx_extents_init(extents);
}

static int mattx_extents_grow(struct mattx_extents *extents, gfp_t gfp)
{
	u32 room = extents->room ? extents->room * 2 : MATTX_EXTENTS_FIRST;
	struct mattx_extent *list;

	if (extents->count < extents->room)
		return 0;
	list = kvmalloc_array(room, sizeof(*list), gfp);
	if (!list)
		return -ENOMEM;
	if (extents->count)
		memcpy(list, extents->list, extents->count * sizeof(*list));
	kvfree(extents->list);
	extents->list = list;
	extents->room = room;
	return 0;
}

int mattx_extents_append(struct mattx_extents *extents, u64 start, u64 end)
{
	int error;

	if (extents->count && extents->list[extents->count - 1].end == start) {
		extents->list[extents->count - 1].end = end;
		return 0;
	}
	error = mattx_extents_grow(extents, GFP_KERNEL);
	if (error)
		return error;
	extents->list[extents->count++] = (struct mattx_extent){ start, end };
	return 0;
}

/* Index of the first extent that ends behind @address. */
static u32 mattx_extents_find(const struct mattx_extents *extents, u64 address)
{
	u32 low = 0, high = extents->count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (extents->list[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int mattx_extents_insert(struct mattx_extents *extents, u64 start, u64 end, gfp_t gfp)
{
	struct mattx_extent *list;
	u32 first, last;
	int error = mattx_extents_grow(extents, gfp);

	if (error)
		return error;
	list = extents->list;
	/* Those that overlap or touch become one. */
	first = start ? mattx_extents_find(extents, start - 1) : 0;
	for (last = first; last < extents->count && list[last].start <= end; last++) {
		start = min(start, list[last].start);
		end = max(end, list[last].end);
	}
	memmove(&list[first + 1], &list[last], (extents->count - last) * sizeof(*list));
	list[first] = (struct mattx_extent){ start, end };
	extents->count = extents->count - (last - first) + 1;
	return 0;
}

bool mattx_extents_contain(const struct mattx_extents *extents, u64 address)
{
	u32 index = mattx_extents_find(extents, address);

	return index < extents->count && extents->list[index].start <= address;
}

/* The list grows outside of the locks of the walk: count first, then fill. */
struct mattx_presence {
	struct mattx_extents	*extents;	/* NULL: count only */
	u32			count;
	u64			end;		/* of the last one */
	bool			guarded;
};

static int mattx_presence_add(struct mattx_presence *presence, u64 start, u64 end)
{
	struct mattx_extents *extents = presence->extents;
	bool longer = presence->count && presence->end == start;

	presence->end = end;
	presence->count += !longer;
	if (!extents)
		return 0;
	if (longer) {
		extents->list[extents->count - 1].end = end;
		return 0;
	}
	if (extents->count == extents->room)
		return -ENOSPC;
	extents->list[extents->count++] = (struct mattx_extent){ start, end };
	return 0;
}

static int mattx_presence_visit(void *context, unsigned long address, unsigned long count,
				enum mattx_mapped mapped, struct page *page)
{
	struct mattx_presence *presence = context;

	presence->guarded = presence->guarded || mapped == MATTX_MAPPED_GUARD;
	/* In anonymous memory, what is no page of its own is the zero page, small or huge. */
	if (mapped == MATTX_MAPPED_SPECIAL || mapped == MATTX_MAPPED_GUARD ||
	    (mapped == MATTX_MAPPED_PAGE && !PageAnon(page)))
		return 0;
	return mattx_presence_add(presence, address, address + (count << PAGE_SHIFT));
}

static int mattx_presence_pass(struct mm_struct *mm, const struct mattx_areas *areas,
			       struct mattx_presence *presence)
{
	const struct mattx_area *area;
	int error = 0;

	mmap_write_lock(mm);
	for (area = areas->list; area < areas->list + areas->count && !error; area++) {
		if (area->kind == MATTX_AREA_SPECIAL)
			continue;
		if (area->kind == MATTX_AREA_ANONYMOUS)
			error = mattx_walk(mm, area->start, area->end, mattx_presence_visit,
					   presence);
		else
			error = mattx_presence_add(presence, area->start, area->end);
	}
	mmap_write_unlock(mm);
	return error;
}

int mattx_presence_map(struct mm_struct *mm, const struct mattx_areas *areas,
		       struct mattx_extents *extents, bool *guarded)
{
	struct mattx_presence presence = {};
	int error;

	mattx_extents_init(extents);
	error = mattx_presence_pass(mm, areas, &presence);
	if (error)
		return error;
	/* Reclaim and page migration may split or join runs between the passes. */
	extents->room = presence.count + presence.count / 4 + MATTX_EXTENTS_FIRST;
	extents->list = kvmalloc_array(extents->room, sizeof(*extents->list), GFP_KERNEL);
	if (!extents->list)
		return -ENOMEM;
	presence = (struct mattx_presence){ .extents = extents };
	error = mattx_presence_pass(mm, areas, &presence);
	*guarded = presence.guarded;
	if (error)
		mattx_extents_free(extents);
	return error;
}
