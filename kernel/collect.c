// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Collected pages.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "collect.h"

/* Extents of one walk without sleeping for memory; the walk goes on behind them. */
#define MATTX_COLLECT_BATCH	512

struct mattx_collection {
	mattx_collect_wanted	wanted;
	void			*context;
	u32			count;
	struct mattx_extent	batch[MATTX_COLLECT_BATCH];
};

static int mattx_collect_visit(void *context, unsigned long address, unsigned long count,
			       enum mattx_mapped mapped, struct page *page)
{
	struct mattx_collection *collection = context;
	u64 end = address + (count << PAGE_SHIFT);

	if (!collection->wanted(collection->context, mapped, page))
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

int mattx_collect(struct mm_struct *mm, u64 start, u64 end, mattx_collect_wanted wanted,
		  void *context, struct mattx_extents *extents)
{
	struct mattx_collection *collection = kvmalloc(sizeof(*collection), GFP_KERNEL);
	int more, error = 0;
	u32 i;

	if (!collection)
		return -ENOMEM;
	collection->wanted = wanted;
	collection->context = context;
	do {
		collection->count = 0;
		mmap_write_lock(mm);
		more = mattx_walk(mm, start, end, mattx_collect_visit, collection);
		mmap_write_unlock(mm);
		for (i = 0; i < collection->count && !error; i++)
			error = mattx_extents_append(extents, collection->batch[i].start,
						     collection->batch[i].end);
		if (more)
			start = collection->batch[collection->count - 1].end;
	} while (more && !error);
	kvfree(collection);
	return error;
}
