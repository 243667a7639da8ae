/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_DIRTY_H
#define _MATTX_DIRTY_H
/*
 * Which pages were written since the move: in a private mapping of the image
 * these are the anonymous ones, swapped out ones included.
 */
#include "presence.h"

/*
 * Extents of all pages of @areas that home does not have: written ones, and
 * everything in mappings that were moved to another address.  The process
 * stands still.  @guarded: there may be guard pages, which are in these
 * mappings only.
 */
int mattx_dirty_map(struct mm_struct *mm, const struct mattx_areas *areas,
		    struct mattx_extents *extents, bool *guarded);

#endif /* _MATTX_DIRTY_H */
