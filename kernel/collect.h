/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_COLLECT_H
#define _MATTX_COLLECT_H
/*
 * Extents of the pages of an address space that somebody wants to know of.
 */
#include <linux/types.h>

#include "presence.h"
#include "walk.h"

struct mattx_area;
struct mattx_areas;

/* What is collected of an area. */
enum mattx_share {
	MATTX_SHARE_NOTHING,
	MATTX_SHARE_WANTED,	/* the pages that are wanted */
	MATTX_SHARE_ALL,
};

struct mattx_collector {
	enum mattx_share	(*share)(const struct mattx_area *area, void *context);
	/* Called under a page table lock: may not sleep. */
	bool			(*wants)(enum mattx_mapped mapped, struct page *page, void *context);
	void			*context;
};

/*
 * Initializes @extents and fills it.  The process stands still; takes its mmap
 * lock, and may sleep.
 */
int mattx_collect(struct mm_struct *mm, const struct mattx_areas *areas,
		  const struct mattx_collector *collector, struct mattx_extents *extents);

/*
 * wants(): pages of the process's own, swapped out ones included.  @context is
 * a bool: there are guard pages.
 */
bool mattx_collect_own(enum mattx_mapped mapped, struct page *page, void *context);

#endif /* _MATTX_COLLECT_H */
