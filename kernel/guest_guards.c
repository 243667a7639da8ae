// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guard pages that a guest makes and takes away.
 *
 * The kernel makes none in mappings that may not be expanded, as those of the
 * image are; there the memory, whose contents go anyway, becomes the guest's own
 * first.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/ptrace.h>

#include "compat.h"
#include "guards.h"
#include "guest_calls.h"
#include "hook.h"
#include "image.h"

/* The mapped memory behind an address, up to the end of its mapping. */
struct mattx_stretch {
	unsigned long	start, end;
	int		protection;	/* PROT_* */
	bool		is_image;
};

/* The first between @start and @end; -ENOMEM: nothing is mapped there. */
static int mattx_stretch_find(unsigned long start, unsigned long end,
			      struct mattx_stretch *stretch)
{
	struct vm_area_struct *vma;
	int error = -ENOMEM;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	vma = find_vma(current->mm, start);
	if (vma && vma->vm_start < end) {
		stretch->start = max(start, vma->vm_start);
		stretch->end = min(end, vma->vm_end);
		stretch->protection = (vma->vm_flags & VM_READ ? PROT_READ : 0) |
				      (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
				      (vma->vm_flags & VM_EXEC ? PROT_EXEC : 0);
		stretch->is_image = vma->vm_file && mattx_is_image(vma->vm_file);
		error = 0;
	}
	mmap_read_unlock(current->mm);
	return error;
}

static long mattx_stretch_advise(const struct mattx_stretch *stretch, int advice)
{
	const struct pt_regs arguments = {
		.di = stretch->start,
		.si = stretch->end - stretch->start,
		.dx = advice,
	};
	unsigned long place;

	if (stretch->is_image) {
		/* It has none. */
		if (advice == MADV_GUARD_REMOVE)
			return 0;
		place = vm_mmap(NULL, stretch->start, arguments.si, stretch->protection,
				MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | MAP_ANONYMOUS, 0);
		if (IS_ERR_VALUE(place))
			return (long)place;
	}
	return mattx_hook_original(MATTX_HOOK_MADVISE, &arguments);
}

long mattx_guest_guard(const struct pt_regs *regs)
{
	unsigned long start = regs->di, end = start + PAGE_ALIGN(regs->si);
	struct mattx_stretch stretch;
	bool hole = false;
	long error;

	/* What makes no sense, or is not known, the kernel answers. */
	if (!MATTX_HAS_GUARDS || !PAGE_ALIGNED(start) || end <= start || end > TASK_SIZE_MAX)
		return mattx_hook_original(MATTX_HOOK_MADVISE, regs);
	while (start < end) {
		error = mattx_stretch_find(start, end, &stretch);
		if (error)
			return error;
		/* As for other advice: all else is done, and that is told. */
		hole = hole || stretch.start > start;
		error = mattx_stretch_advise(&stretch, (int)regs->dx);
		if (error)
			return error;
		start = stretch.end;
	}
	return hole ? -ENOMEM : 0;
}
