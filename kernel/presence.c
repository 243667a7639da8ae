// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Presence map.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "areas.h"
#include "collect.h"
#include "presence.h"

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

/* In anonymous memory, what is no page of its own is the zero page, small or huge. */
static enum mattx_share mattx_presence_share(const struct mattx_area *area, void *context)
{
	switch (area->kind) {
	case MATTX_AREA_SPECIAL:
		return MATTX_SHARE_NOTHING;
	case MATTX_AREA_ANONYMOUS:
		return MATTX_SHARE_WANTED;
	default:
		return MATTX_SHARE_ALL;
	}
}

int mattx_presence_map(struct mm_struct *mm, const struct mattx_areas *areas,
		       struct mattx_extents *extents, bool *guarded)
{
	const struct mattx_collector collector = {
		.share = mattx_presence_share,
		.wants = mattx_collect_own,
		.context = guarded,
	};

	*guarded = false;
	return mattx_collect(mm, areas, &collector, extents);
}
