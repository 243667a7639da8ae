// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Collected pages.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "areas.h"
#include "collect.h"

/* Extents of one walk without sleeping for memory; the walk goes on behind them. */
#define MATTX_COLLECT_BATCH	512

struct mattx_collection {
	const struct mattx_collector *collector;
	u32			count;
	struct mattx_extent	batch[MATTX_COLLECT_BATCH];
};

static int mattx_collect_visit(void *context, unsigned long address, unsigned long count,
			       enum mattx_mapped mapped, struct page *page)
{
	struct mattx_collection *collection = context;
	u64 end = address + (count << PAGE_SHIFT);

	if (!collection->collector->wants(mapped, page, collection->collector->context))
		return 0;
	if (collection->count && collection->batch[collection->count - 1].end == address) {
		collection->batch[collection->count - 1].end = end;
		return 0;
	}
	if (collection->count == MATTX_COLLECT_BATCH)
		return 1;
	collection->batch[collection->count++] = (struct mattx_extent){ address, end };
	return 0;
}

/* One area, in as many walks as its batches need. */
static int mattx_collect_wanted(struct mm_struct *mm, const struct mattx_area *area,
				struct mattx_collection *collection,
				struct mattx_extents *extents)
{
	u64 start = area->start;
	int more, error;
	u32 i;

	do {
		collection->count = 0;
		mmap_write_lock(mm);
		more = mattx_walk(mm, start, area->end, mattx_collect_visit, collection);
		mmap_write_unlock(mm);
		for (i = 0; i < collection->count; i++) {
			error = mattx_extents_append(extents, collection->batch[i].start,
						     collection->batch[i].end);
			if (error)
				return error;
		}
		if (more)
			start = collection->batch[collection->count - 1].end;
	} while (more);
	return 0;
}

int mattx_collect(struct mm_struct *mm, const struct mattx_areas *areas,
		  const struct mattx_collector *collector, struct mattx_extents *extents)
{
	struct mattx_collection *collection;
	const struct mattx_area *area;
	int error = 0;

	mattx_extents_init(extents);
	collection = kvmalloc(sizeof(*collection), GFP_KERNEL);
	if (!collection)
		return -ENOMEM;
	collection->collector = collector;
	for (area = areas->list; area < areas->list + areas->count && !error; area++) {
		switch (collector->share(area, collector->context)) {
		case MATTX_SHARE_NOTHING:
			break;
		case MATTX_SHARE_WANTED:
			error = mattx_collect_wanted(mm, area, collection, extents);
			break;
		case MATTX_SHARE_ALL:
			error = mattx_extents_append(extents, area->start, area->end);
			break;
		}
	}
	kvfree(collection);
	if (error)
		mattx_extents_free(extents);
	return error;
}

bool mattx_collect_own(enum mattx_mapped mapped, struct page *page, void *context)
{
	bool *guarded = context;

	*guarded = *guarded || mapped == MATTX_MAPPED_GUARD;
	return mapped == MATTX_MAPPED_AWAY || (mapped == MATTX_MAPPED_PAGE && PageAnon(page));
}
