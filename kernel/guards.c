// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guard pages.
 */
#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/printk.h>
#include <linux/ptrace.h>

#include "areas.h"
#include "collect.h"
#include "compat.h"
#include "guards.h"
#include "hook.h"

/* The kernel gives up when others map pages there; nobody does for long. */
#define MATTX_GUARD_TRIES	16

static enum mattx_share mattx_guards_share(const struct mattx_area *area, void *context)
{
	return area->kind == MATTX_AREA_ANONYMOUS || area->kind == MATTX_AREA_IMAGE ?
	       MATTX_SHARE_WANTED : MATTX_SHARE_NOTHING;
}

static bool mattx_guards_want(enum mattx_mapped mapped, struct page *page, void *context)
{
	return mapped == MATTX_MAPPED_GUARD;
}

int mattx_guards_map(struct mm_struct *mm, const struct mattx_areas *areas,
		     struct mattx_extents *guards)
{
	static const struct mattx_collector collector = {
		.share = mattx_guards_share,
		.wants = mattx_guards_want,
	};

	return mattx_collect(mm, areas, &collector, guards);
}

static void mattx_guards_advise(u64 start, u64 end, int advice)
{
	const struct pt_regs arguments = { .di = start, .si = end - start, .dx = advice };
	int tries;
	long error;

	for (tries = 0; tries < MATTX_GUARD_TRIES; tries++) {
		error = mattx_hook_original(MATTX_HOOK_MADVISE, &arguments);
		if (error != -ERESTARTNOINTR)
			break;
	}
	if (error)
		pr_debug("guard pages from %llx to %llx: advice %d failed (error %ld)\n", start,
			 end, advice, -error);
}

void mattx_guards_install(const struct mattx_records *guards)
{
	struct mattx_extent extent;
	u32 i;

	if (!MATTX_HAS_GUARDS || !guards->count || mattx_hooks_find())
		return;
	for (i = 0; i < guards->count; i++)
		if (!mattx_extent_get(guards, i, &extent))
			mattx_guards_advise(extent.start, extent.end, MADV_GUARD_INSTALL);
}

void mattx_guards_remove(const struct mattx_extents *guards)
{
	u32 i;

	if (!guards->count || mattx_hooks_find())
		return;
	for (i = 0; i < guards->count; i++)
		mattx_guards_advise(guards->list[i].start, guards->list[i].end,
				    MADV_GUARD_REMOVE);
}
