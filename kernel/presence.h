/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_PRESENCE_H
#define _MATTX_PRESENCE_H
/*
 * The presence map: which pages of the home address space hold anything.  All
 * others read as zeros, and nobody asks for them.
 */
#include <linux/types.h>

#include "wire_move.h"

struct mattx_areas;
struct mm_struct;

/* Ascending, not touching each other. */
struct mattx_extents {
	struct mattx_extent	*list;	/* kvmalloc'd */
	u32			count, room;
};

void mattx_extents_init(struct mattx_extents *extents);
void mattx_extents_free(struct mattx_extents *extents);
/* Appends, or lengthens the last one.  May sleep. */
int mattx_extents_append(struct mattx_extents *extents, u64 start, u64 end);
/* Merges a range into its place.  May not be called concurrently. */
int mattx_extents_insert(struct mattx_extents *extents, u64 start, u64 end, gfp_t gfp);
bool mattx_extents_contain(const struct mattx_extents *extents, u64 address);

/*
 * The presence map of a process that stands still.  Mappings of files count
 * as present throughout: what they hold is known only by looking.  @guarded:
 * there are guard pages in other memory.
 */
int mattx_presence_map(struct mm_struct *mm, const struct mattx_areas *areas,
		       struct mattx_extents *extents, bool *guarded);

#endif /* _MATTX_PRESENCE_H */
