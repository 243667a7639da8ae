/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_GUARDS_H
#define _MATTX_GUARDS_H
/*
 * Guard pages: marks in page tables that madvise(MADV_GUARD_INSTALL) leaves,
 * at the ends of stacks for instance.  Who touches one gets SIGSEGV.
 *
 * They go along.  On a kernel that has none they are pages that home does not
 * give, and who touches one gets SIGBUS.
 */
#include <linux/types.h>

#include "presence.h"
#include "wire_move.h"

struct mattx_areas;
struct mm_struct;

/* Those in @areas of a process that stands still, but for mappings of files. */
int mattx_guards_map(struct mm_struct *mm, const struct mattx_areas *areas,
		     struct mattx_extents *guards);

/*
 * In the own address space of the calling task, where what cannot be done is
 * left undone.  Records of extents, as they come in a blueprint.
 */
void mattx_guards_install(const struct mattx_records *guards);
void mattx_guards_remove(const struct mattx_extents *guards);

#endif /* _MATTX_GUARDS_H */
