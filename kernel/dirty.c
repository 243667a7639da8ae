// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Written pages.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "areas.h"
#include "dirty.h"
#include "walk.h"

/* Pages of one walk without sleeping for memory; the walk goes on behind them. */
#define MATTX_DIRTY_BATCH	512

struct mattx_dirty {
	struct mattx_extent	batch[MATTX_DIRTY_BATCH];
	u32			count;
};

static int mattx_dirty_visit(void *context, unsigned long address, unsigned long count,
			     enum mattx_mapped mapped, struct page *page)
{
	struct mattx_dirty *dirty = context;
	u64 end = address + (count << PAGE_SHIFT);

	if (mapped == MATTX_MAPPED_SPECIAL ||
	    (mapped == MATTX_MAPPED_PAGE && !PageAnon(page)))
		return 0;
	if (dirty->count && dirty->batch[dirty->count - 1].end == address) {
		dirty->batch[dirty->count - 1].end = end;
		return 0;
	}
	if (dirty->count == MATTX_DIRTY_BATCH)
		return 1;
	dirty->batch[dirty->count++] = (struct mattx_extent){ address, end };
	return 0;
}

/* One area, in as many walks as its batches need. */
static int mattx_dirty_area(struct mm_struct *mm, const struct mattx_area *area,
			    struct mattx_dirty *dirty, struct mattx_extents *extents)
{
	u64 start = area->start;
	int more, error;
	u32 i;

	do {
		dirty->count = 0;
		mmap_write_lock(mm);
		more = mattx_walk(mm, start, area->end, mattx_dirty_visit, dirty);
		mmap_write_unlock(mm);
		for (i = 0; i < dirty->count; i++) {
			error = mattx_extents_append(extents, dirty->batch[i].start,
						     dirty->batch[i].end);
			if (error)
				return error;
		}
		if (more)
			start = dirty->batch[dirty->count - 1].end;
	} while (more);
	return 0;
}

int mattx_dirty_map(struct mm_struct *mm, const struct mattx_areas *areas,
		    struct mattx_extents *extents)
{
	const struct mattx_area *area;
	struct mattx_dirty *dirty;
	int error = 0;

	mattx_extents_init(extents);
	dirty = kvmalloc(sizeof(*dirty), GFP_KERNEL);
	if (!dirty)
		return -ENOMEM;
	for (area = areas->list; area < areas->list + areas->count && !error; area++) {
		if (area->kind == MATTX_AREA_SPECIAL)
			continue;
		if (area->kind == MATTX_AREA_IMAGE && area->offset != area->start)
			error = mattx_extents_append(extents, area->start, area->end);
		else
			error = mattx_dirty_area(mm, area, dirty, extents);
	}
	kvfree(dirty);
	if (error)
		mattx_extents_free(extents);
	return error;
}
