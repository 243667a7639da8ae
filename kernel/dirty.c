// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Written pages.
 */
#include <linux/mm.h>

#include "areas.h"
#include "collect.h"
#include "dirty.h"

static bool mattx_dirty_wanted(void *context, enum mattx_mapped mapped, struct page *page)
{
	bool *guarded = context;

	*guarded = *guarded || mapped == MATTX_MAPPED_GUARD;
	return mapped == MATTX_MAPPED_AWAY || (mapped == MATTX_MAPPED_PAGE && PageAnon(page));
}

int mattx_dirty_map(struct mm_struct *mm, const struct mattx_areas *areas,
		    struct mattx_extents *extents, bool *guarded)
{
	const struct mattx_area *area;
	int error = 0;

	mattx_extents_init(extents);
	*guarded = false;
	for (area = areas->list; area < areas->list + areas->count && !error; area++) {
		if (area->kind == MATTX_AREA_SPECIAL)
			continue;
		if (area->kind == MATTX_AREA_IMAGE && area->offset != area->start) {
			error = mattx_extents_append(extents, area->start, area->end);
			/* Nobody has looked. */
			*guarded = true;
		} else {
			error = mattx_collect(mm, area->start, area->end, mattx_dirty_wanted,
					      guarded, extents);
		}
	}
	if (error)
		mattx_extents_free(extents);
	return error;
}
