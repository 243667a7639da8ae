/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_AREAS_H
#define _MATTX_AREAS_H
/*
 * The mappings of a process as a list of plain records.
 */
#include <linux/types.h>

#include "wire_move.h"

struct mm_struct;
struct vm_area_struct;

struct mattx_areas {
	struct mattx_area	*list;	/* kvmalloc'd, ascending */
	u32			count;
	u64			vdso_start;	/* of vDSO and its data; 0: none */
	u64			vdso_end;
};

/* The name the kernel gives a mapping of its own making, or NULL. */
const char *mattx_vma_name(struct vm_area_struct *vma);
bool mattx_vma_is_vdso(struct vm_area_struct *vma);
/* Caller holds the mmap lock. */
void mattx_area_describe(struct vm_area_struct *vma, struct mattx_area *area);

/*
 * Lists @mm; takes the mmap lock.  -EBUSY: it grows faster than it can be
 * listed (its threads run); -ENOMEM.
 */
int mattx_areas_list(struct mm_struct *mm, struct mattx_areas *areas);
void mattx_areas_free(struct mattx_areas *areas);

/* PROT_* of an area. */
int mattx_area_protection(const struct mattx_area *area);

#endif /* _MATTX_AREAS_H */
