// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making memory longer that came from home.
 *
 * The kernel expands no mapping of the image, behind which other memory of the
 * process lies.  It is moved instead, as mremap() may do, to memory of the
 * guest's own; like libc's realloc(), which would copy it after an error.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "areas.h"
#include "guest_calls.h"
#include "hook.h"

/* Memory from the image that holds all from @start up to @end; false: it is something else. */
static bool mattx_mremap_image(unsigned long start, unsigned long end, struct mattx_area *area)
{
	struct vm_area_struct *vma;
	bool found;

	if (mmap_read_lock_killable(current->mm))
		return false;
	vma = vma_lookup(current->mm, start);
	found = vma && vma->vm_end >= end;
	if (found)
		mattx_area_describe(vma, area);
	mmap_read_unlock(current->mm);
	return found && area->kind == MATTX_AREA_IMAGE;
}

/* What is zero stays a hole. */
static int mattx_mremap_copy(unsigned long from, unsigned long to, unsigned long length)
{
	unsigned long done;
	int error = 0;
	u8 *page;

	page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	for (done = 0; done < length && !error; done += PAGE_SIZE) {
		if (fatal_signal_pending(current))
			error = -EINTR;
		else if (access_process_vm(current, from + done, page, PAGE_SIZE, FOLL_FORCE) !=
			 PAGE_SIZE)
			error = -EFAULT;
		else if (memchr_inv(page, 0, PAGE_SIZE) &&
			 access_process_vm(current, to + done, page, PAGE_SIZE,
					   FOLL_FORCE | FOLL_WRITE) != PAGE_SIZE)
			error = -ENOMEM;
		cond_resched();
	}
	kfree(page);
	return error;
}

static long mattx_mremap_move(const struct mattx_area *area, const struct pt_regs *regs)
{
	unsigned long from = regs->di, old = PAGE_ALIGN(regs->si), new = PAGE_ALIGN(regs->dx);
	unsigned long flags = MAP_PRIVATE | MAP_ANONYMOUS, to = 0;
	int error;

	/* Where it is it cannot grow. */
	if (!(regs->r10 & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (regs->r10 & MREMAP_FIXED) {
		flags |= MAP_FIXED;
		to = regs->r8;
	}
	if (area->flags & MATTX_AREA_NORESERVE)
		flags |= MAP_NORESERVE;
	to = vm_mmap(NULL, to, new, mattx_area_protection(area), flags, 0);
	if (IS_ERR_VALUE(to))
		return to;
	error = mattx_mremap_copy(from, to, old);
	if (!error)
		error = vm_munmap(from, old);
	if (!error)
		return to;
	vm_munmap(to, new);
	return error;
}

long mattx_guest_mremap(const struct pt_regs *regs)
{
	unsigned long start = regs->di, end = start + PAGE_ALIGN(regs->si);
	long result = mattx_hook_original(MATTX_HOOK_MREMAP, regs);
	struct mattx_area area;

	if (result != -EFAULT || end <= start || PAGE_ALIGN(regs->dx) <= end - start ||
	    !mattx_mremap_image(start, end, &area))
		return result;
	return mattx_mremap_move(&area, regs);
}
