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

#include "areas.h"
#include "compat.h"
#include "guest_calls.h"
#include "hook.h"
#include "remap.h"

/* The first mapped memory between @start and @end; -ENOMEM: there is none. */
static int mattx_guest_stretch(unsigned long start, unsigned long end, struct mattx_area *stretch)
{
	struct vm_area_struct *vma;
	int error = -ENOMEM;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	vma = find_vma(current->mm, start);
	if (vma && vma->vm_start < end) {
		mattx_area_describe(vma, stretch);
		stretch->start = max(stretch->start, start);
		stretch->end = min(stretch->end, end);
		error = 0;
	}
	mmap_read_unlock(current->mm);
	return error;
}

static long mattx_guest_advise(const struct mattx_area *stretch, int advice)
{
	const struct pt_regs arguments = {
		.di = stretch->start,
		.si = stretch->end - stretch->start,
		.dx = advice,
	};
	int error;

	if (stretch->kind == MATTX_AREA_IMAGE) {
		/* It has none. */
		if (advice == MADV_GUARD_REMOVE)
			return 0;
		error = mattx_remap_anonymous(stretch->start, stretch->end,
					      mattx_area_protection(stretch), MAP_NORESERVE);
		if (error)
			return error;
	}
	return mattx_hook_original(MATTX_HOOK_MADVISE, &arguments);
}

long mattx_guest_guard(const struct pt_regs *regs)
{
	unsigned long start = regs->di, end = start + PAGE_ALIGN(regs->si);
	struct mattx_area stretch;
	bool hole = false;
	long error;

	/* What makes no sense, or is not known, the kernel answers. */
	if (!MATTX_HAS_GUARDS || !PAGE_ALIGNED(start) || end <= start || end > TASK_SIZE_MAX)
		return mattx_hook_original(MATTX_HOOK_MADVISE, regs);
	while (start < end) {
		error = mattx_guest_stretch(start, end, &stretch);
		if (error)
			return error;
		/* As for other advice: all else is done, and that is told. */
		hole = hole || stretch.start > start;
		error = mattx_guest_advise(&stretch, (int)regs->dx);
		if (error)
			return error;
		start = stretch.end;
	}
	return hole ? -ENOMEM : 0;
}
