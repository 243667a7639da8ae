// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mappings of a process.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "areas.h"
#include "image.h"

/* Room for mappings that come while the list is allocated. */
#define MATTX_AREAS_SPARE	16

const char *mattx_vma_name(struct vm_area_struct *vma)
{
	const char *name = vma->vm_ops && vma->vm_ops->name ? vma->vm_ops->name(vma) : NULL;

	/* Files may name their mappings too; the kernel's own names are in brackets. */
	return name && name[0] == '[' ? name : NULL;
}

bool mattx_vma_is_vdso(struct vm_area_struct *vma)
{
	const char *name = mattx_vma_name(vma);

	return name && (!strcmp(name, "[vdso]") || strstarts(name, "[vvar"));
}

static u32 mattx_area_flags(unsigned long flags)
{
	return (flags & VM_READ ? MATTX_AREA_READ : 0) |
	       (flags & VM_WRITE ? MATTX_AREA_WRITE : 0) |
	       (flags & VM_EXEC ? MATTX_AREA_EXEC : 0) |
	       (flags & VM_GROWSDOWN ? MATTX_AREA_GROWSDOWN : 0) |
	       (flags & VM_NORESERVE ? MATTX_AREA_NORESERVE : 0);
}

void mattx_area_describe(struct vm_area_struct *vma, struct mattx_area *area)
{
	area->start = vma->vm_start;
	area->end = vma->vm_end;
	area->offset = 0;
	area->flags = mattx_area_flags(vma->vm_flags);
	if (mattx_vma_is_vdso(vma)) {
		area->kind = MATTX_AREA_SPECIAL;
	} else if (!vma->vm_file) {
		area->kind = MATTX_AREA_ANONYMOUS;
	} else {
		area->kind = mattx_is_image(vma->vm_file) ? MATTX_AREA_IMAGE : MATTX_AREA_FILE;
		area->offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	}
}

int mattx_areas_list(struct mm_struct *mm, struct mattx_areas *areas)
{
	u32 room = READ_ONCE(mm->map_count) + MATTX_AREAS_SPARE;
	struct vm_area_struct *vma;
	struct mattx_area *area;
	int error = 0;
	VMA_ITERATOR(iterator, mm, 0);

	memset(areas, 0, sizeof(*areas));
	areas->list = kvcalloc(room, sizeof(*areas->list), GFP_KERNEL);
	if (!areas->list)
		return -ENOMEM;
	mmap_read_lock(mm);
	for_each_vma(iterator, vma) {
		if (areas->count == room) {
			error = -EBUSY;
			break;
		}
		area = &areas->list[areas->count++];
		mattx_area_describe(vma, area);
		if (area->kind != MATTX_AREA_SPECIAL)
			continue;
		if (!areas->vdso_start)
			areas->vdso_start = area->start;
		areas->vdso_end = area->end;
	}
	mmap_read_unlock(mm);
	if (error)
		mattx_areas_free(areas);
	return error;
}

void mattx_areas_free(struct mattx_areas *areas)
{
	kvfree(areas->list);
	areas->list = NULL;
	areas->count = 0;
}

int mattx_area_protection(const struct mattx_area *area)
{
	return (area->flags & MATTX_AREA_READ ? PROT_READ : 0) |
	       (area->flags & MATTX_AREA_WRITE ? PROT_WRITE : 0) |
	       (area->flags & MATTX_AREA_EXEC ? PROT_EXEC : 0);
}
