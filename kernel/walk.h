/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_WALK_H
#define _MATTX_WALK_H
/*
 * A walk over the page tables of a process that costs what is mapped, not what
 * is reserved.  The kernel's own walkers are not exported; this one uses only
 * what its headers offer inline.
 */
#include <linux/types.h>

struct mm_struct;
struct page;

/* What stands in a page table entry. */
enum mattx_mapped {
	MATTX_MAPPED_PAGE,	/* @page */
	MATTX_MAPPED_SPECIAL,	/* nothing with a struct page: the zero page */
	MATTX_MAPPED_AWAY,	/* swapped out or on the move */
	MATTX_MAPPED_GUARD,	/* a guard page: nobody may touch it, and it holds nothing */
};

/*
 * Called for each run of @count pages at @address, ascending, under a page
 * table lock: may not sleep.  A run longer than 1 is one huge page, @page its
 * first.  Nonzero ends the walk.
 */
typedef int (*mattx_walk_visit)(void *context, unsigned long address, unsigned long count,
				enum mattx_mapped mapped, struct page *page);

/* Caller holds the mmap lock of @mm for writing. Returns what @visit returned. */
int mattx_walk(struct mm_struct *mm, unsigned long start, unsigned long end,
	       mattx_walk_visit visit, void *context);

#endif /* _MATTX_WALK_H */
