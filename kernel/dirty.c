// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Written pages.
 */
#include "areas.h"
#include "collect.h"
#include "dirty.h"

static enum mattx_share mattx_dirty_share(const struct mattx_area *area, void *context)
{
	bool *guarded = context;

	if (area->kind == MATTX_AREA_SPECIAL)
		return MATTX_SHARE_NOTHING;
	if (area->kind != MATTX_AREA_IMAGE || area->offset == area->start)
		return MATTX_SHARE_WANTED;
	/* Nobody looks. */
	*guarded = true;
	return MATTX_SHARE_ALL;
}

int mattx_dirty_map(struct mm_struct *mm, const struct mattx_areas *areas,
		    struct mattx_extents *extents, bool *guarded)
{
	const struct mattx_collector collector = {
		.share = mattx_dirty_share,
		.wants = mattx_collect_own,
		.context = guarded,
	};

	*guarded = false;
	return mattx_collect(mm, areas, &collector, extents);
}
