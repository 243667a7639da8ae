/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_REMAP_H
#define _MATTX_REMAP_H
/*
 * Changes the protection of memory of the calling task, which the kernel
 * offers to programs only: maps the same again, and puts back what had been
 * written there.
 */

/* @start up to @end lie in one mapping; @protection: PROT_*. */
int mattx_remap_protection(unsigned long start, unsigned long end, int protection);

#endif /* _MATTX_REMAP_H */
