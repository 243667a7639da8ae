/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_REMAP_H
#define _MATTX_REMAP_H
/*
 * Memory of the calling task, mapped again where it is.
 */
#include <linux/types.h>

/* Fresh anonymous memory from @start up to @end; @protection: PROT_*, @flags: MAP_NORESERVE or 0. */
int mattx_remap_anonymous(u64 start, u64 end, int protection, unsigned long flags);

/*
 * Changes the protection, which the kernel offers to programs only: maps the
 * same again, and puts back what had been written there.
 */

/* @start up to @end lie in one mapping; @protection: PROT_*. */
int mattx_remap_protection(unsigned long start, unsigned long end, int protection);

#endif /* _MATTX_REMAP_H */
