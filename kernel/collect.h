/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_COLLECT_H
#define _MATTX_COLLECT_H
/*
 * Extents of the pages of an address space that somebody wants to know of.
 */
#include <linux/types.h>

#include "presence.h"
#include "walk.h"

/* Called under a page table lock: may not sleep. */
typedef bool (*mattx_collect_wanted)(void *context, enum mattx_mapped mapped,
				     struct page *page);

/*
 * Appends what is wanted between @start and @end to @extents.  The process
 * stands still; takes its mmap lock, and may sleep.
 */
int mattx_collect(struct mm_struct *mm, u64 start, u64 end, mattx_collect_wanted wanted,
		  void *context, struct mattx_extents *extents);

#endif /* _MATTX_COLLECT_H */
