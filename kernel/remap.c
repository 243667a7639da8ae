// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mapping memory again where it is.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "areas.h"
#include "dirty.h"
#include "remap.h"

/* How the range is mapped now. */
struct mattx_mapping {
	struct file	*file;		/* a reference, or NULL */
	unsigned long	offset;		/* bytes */
	unsigned long	flags;		/* MAP_* */
};

static int mattx_mapping_of(unsigned long start, unsigned long end, struct mattx_mapping *mapping)
{
	struct vm_area_struct *vma;
	int error = 0;

	mapping->file = NULL;
	mapping->offset = 0;
	mapping->flags = MAP_FIXED | MAP_PRIVATE;
	mmap_read_lock(current->mm);
	vma = find_vma(current->mm, start);
	if (!vma || vma->vm_start > start || vma->vm_end < end) {
		error = -EFAULT;
		goto out;
	}
	if (vma->vm_file) {
		mapping->file = get_file(vma->vm_file);
		mapping->offset = (vma->vm_pgoff << PAGE_SHIFT) + (start - vma->vm_start);
	} else {
		mapping->flags |= MAP_ANONYMOUS;
	}
	if (vma->vm_flags & VM_NORESERVE)
		mapping->flags |= MAP_NORESERVE;
	if (vma->vm_flags & VM_GROWSDOWN)
		mapping->flags |= MAP_GROWSDOWN;
out:
	mmap_read_unlock(current->mm);
	return error;
}

/* Reads (or with @write puts back) all pages of the extents; @buffer has room for them. */
static int mattx_remap_copy(const struct mattx_extents *extents, u8 *buffer, bool write)
{
	u64 address;
	u32 i;

	for (i = 0; i < extents->count; i++) {
		for (address = extents->list[i].start; address < extents->list[i].end;
		     address += PAGE_SIZE, buffer += PAGE_SIZE) {
			if (access_process_vm(current, address, buffer, PAGE_SIZE,
					      FOLL_FORCE | (write ? FOLL_WRITE : 0)) != PAGE_SIZE)
				return -EFAULT;
		}
	}
	return 0;
}

int mattx_remap_anonymous(u64 start, u64 end, int protection, unsigned long flags)
{
	unsigned long place = vm_mmap(NULL, start, end - start, protection,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, 0);

	if (IS_ERR_VALUE(place))
		return (int)place;
	return place == start ? 0 : -ENOMEM;
}

int mattx_remap_protection(unsigned long start, unsigned long end, int protection)
{
	struct mattx_area area = { .start = start, .end = end, .offset = start };
	struct mattx_areas one = { .list = &area, .count = 1 };
	struct mattx_mapping mapping;
	struct mattx_extents own;
	unsigned long place;
	u8 *buffer = NULL;
	u64 bytes = 0;
	bool guarded;
	int error;
	u32 i;

	error = mattx_mapping_of(start, end, &mapping);
	if (error)
		return error;
	/* Pages of our own; all others come from the file, or are zeros, again. */
	error = mattx_dirty_map(current->mm, &one, &own, &guarded);
	if (error)
		goto put_file;
	for (i = 0; i < own.count; i++)
		bytes += own.list[i].end - own.list[i].start;
	if (bytes) {
		buffer = kvmalloc(bytes, GFP_KERNEL);
		error = buffer ? mattx_remap_copy(&own, buffer, false) : -ENOMEM;
	}
	if (!error) {
		place = vm_mmap(mapping.file, start, end - start, protection, mapping.flags,
				mapping.offset);
		error = place == start ? 0 : IS_ERR_VALUE(place) ? (int)place : -ENOMEM;
	}
	if (!error && bytes)
		error = mattx_remap_copy(&own, buffer, true);
	kvfree(buffer);
	mattx_extents_free(&own);
put_file:
	if (mapping.file)
		fput(mapping.file);
	return error;
}
