// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The returned state becomes the process, in the deputy's own context.
 *
 * Up to the registers this can be repeated and given up: it removes only what
 * the guest no longer has and writes only pages of which the guest has its own
 * copy, so that a guest that goes on instead misses nothing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "areas.h"
#include "export_private.h"
#include "guards.h"
#include "handle.h"
#include "presence.h"
#include "regs.h"
#include "remap.h"
#include "step.h"

/*
 * So long at most for clocks: clocks that are set by a common one do not
 * differ by more after weeks.
 */
#define MATTX_CLOCKS_WAIT	NSEC_PER_SEC

struct mattx_apply {
	struct mattx_blueprint	*print;
	struct mattx_areas	home;		/* as they are now */
	const struct mattx_extents *guards;	/* of home */
};

/* The guest still maps this home address where it was. */
static bool mattx_apply_keeps(const struct mattx_area *guest, const struct mattx_area *home)
{
	if (guest->kind == MATTX_AREA_IMAGE)
		return guest->offset == guest->start;
	/* The stack was copied and has grown at most. */
	return guest->kind == MATTX_AREA_ANONYMOUS && guest->flags & MATTX_AREA_GROWSDOWN &&
	       home->flags & MATTX_AREA_GROWSDOWN;
}

/* One home area against all of the guest's: unmaps what is gone, corrects protections. */
static int mattx_apply_area(struct mattx_apply *apply, const struct mattx_area *home)
{
	const struct mattx_records *areas = &apply->print->areas;
	u64 done = home->start, from, to;
	struct mattx_area guest;
	int error = 0;
	u32 i;

	for (i = 0; i < areas->count && done < home->end && !error; i++) {
		error = mattx_area_get(areas, i, &guest);
		if (error || guest.end <= done)
			continue;
		if (guest.start >= home->end)
			break;
		if (!mattx_apply_keeps(&guest, home))
			continue;
		from = max(guest.start, done);
		to = min(guest.end, home->end);
		if (from > done)
			error = vm_munmap(done, from - done);
		if (!error && (guest.flags ^ home->flags) & MATTX_AREA_PROTECTION)
			error = mattx_remap_protection(from, to, mattx_area_protection(&guest));
		done = to;
	}
	if (!error && done < home->end)
		error = vm_munmap(done, home->end - done);
	return error;
}

/* Fresh anonymous memory at a place that is free or is to be forgotten. */
static int mattx_apply_anonymous(const struct mattx_area *area)
{
	return mattx_remap_anonymous(area->start, area->end, mattx_area_protection(area),
				     area->flags & MATTX_AREA_NORESERVE ? MAP_NORESERVE : 0);
}

/* What the guest gave back reads as zeros here too, where it was memory of our own. */
static int mattx_apply_discards(struct mattx_apply *apply)
{
	const struct mattx_records *discards = &apply->print->extents;
	struct mattx_extent extent;
	struct mattx_area part;
	int error = 0;
	u32 i, j;

	for (i = 0; i < discards->count && !error; i++) {
		error = mattx_extent_get(discards, i, &extent);
		for (j = 0; j < apply->home.count && !error; j++) {
			part = apply->home.list[j];
			if (part.kind != MATTX_AREA_ANONYMOUS || part.flags & MATTX_AREA_GROWSDOWN)
				continue;
			part.start = max(part.start, extent.start);
			part.end = min(part.end, extent.end);
			if (part.start < part.end)
				error = mattx_apply_anonymous(&part);
		}
	}
	return error;
}

/* Memory that the guest mapped, or moved: its pages come with the parcel. */
static int mattx_apply_new_areas(struct mattx_apply *apply)
{
	const struct mattx_records *areas = &apply->print->areas;
	struct mattx_area area;
	int error = 0;
	u32 i;

	for (i = 0; i < areas->count && !error; i++) {
		error = mattx_area_get(areas, i, &area);
		if (error || area.kind == MATTX_AREA_SPECIAL || area.flags & MATTX_AREA_GROWSDOWN)
			continue;
		if (area.kind == MATTX_AREA_FILE)
			error = -EOPNOTSUPP;
		else if (area.kind == MATTX_AREA_ANONYMOUS || area.offset != area.start)
			error = mattx_apply_anonymous(&area);
	}
	return error;
}

static int mattx_apply_page(void *context, u64 address, const void *contents)
{
	static const u8 zeros[MATTX_PAGE_BYTES];

	if (access_process_vm(current, address, (void *)(contents ?: zeros), PAGE_SIZE,
			      FOLL_FORCE | FOLL_WRITE) == PAGE_SIZE)
		return 0;
	if (fatal_signal_pending(current))
		return -EINTR;
	return copy_to_user((void __user *)(unsigned long)address, contents ?: zeros, PAGE_SIZE) ?
	       -EFAULT : 0;
}

/* The stack grows from above: its lowest page first. */
static void mattx_apply_stack(struct mattx_apply *apply)
{
	const struct mattx_records *areas = &apply->print->areas;
	struct mattx_area area;
	u32 i;

	for (i = 0; i < areas->count; i++) {
		if (mattx_area_get(areas, i, &area) || !(area.flags & MATTX_AREA_GROWSDOWN))
			continue;
		if (fault_in_readable((char __user *)(unsigned long)area.start, 1))
			pr_debug("the stack did not grow to %llx\n", area.start);
	}
}

static int mattx_apply_memory(struct mattx_apply *apply, const struct mattx_parcel *parcel)
{
	int error;
	u32 i;

	error = mattx_areas_list(current->mm, &apply->home);
	if (error)
		return error;
	for (i = 0; i < apply->home.count && !error; i++)
		if (apply->home.list[i].kind != MATTX_AREA_SPECIAL)
			error = mattx_apply_area(apply, &apply->home.list[i]);
	if (!error)
		error = mattx_apply_discards(apply);
	if (!error)
		error = mattx_apply_new_areas(apply);
	if (!error) {
		mattx_capture_apply_memory_fields(apply->print);
		mattx_apply_stack(apply);
		/* It may have taken them away and written to these pages. */
		if (apply->print->has_guards)
			mattx_guards_remove(apply->guards);
		error = mattx_parcel_pages(parcel, mattx_apply_page, NULL);
		mattx_guards_install(&apply->print->guards);
	}
	mattx_areas_free(&apply->home);
	return error;
}

static int mattx_apply_files(struct mattx_export *export, const struct mattx_blueprint *print)
{
	struct mattx_cursor table;
	int error;

	mattx_cursor_init(&table, (void *)print->files, print->files_size);
	mattx_handles_close(export->handles);
	error = mattx_handles_apply(export->handles, &table);
	/* The guest goes on using them. */
	if (error && mattx_handles_open(export->handles, export->link))
		pr_warn("pid %d (%s): its files stay closed\n", export->pid, export->comm);
	return error;
}

/*
 * The clock of the guest's host may have run faster than ours.  No clock that
 * a program reads goes back: it waits here until ours has come as far.
 */
static void mattx_apply_await_clocks(const struct mattx_blueprint *print)
{
	s64 ahead = max((s64)(print->monotonic - ktime_get_ns()),
			(s64)(print->boottime - ktime_get_boottime_ns()));

	if (ahead > 0)
		schedule_timeout_killable(nsecs_to_jiffies(min_t(s64, ahead, MATTX_CLOCKS_WAIT)) + 1);
}

int mattx_apply_state(struct mattx_export *export)
{
	struct mattx_parcel *parcel = &export->parcel;
	struct mattx_setter setter;
	struct mattx_apply apply = { .guards = &export->capture.guards };
	struct mattx_cursor c, files;
	int error;

	apply.print = kvmalloc(sizeof(*apply.print), GFP_KERNEL);
	if (!apply.print)
		return -ENOMEM;
	mattx_cursor_init(&c, parcel->print, parcel->total);
	error = mattx_blueprint_take(&c, apply.print);
	if (!error && apply.print->thread.xstate_size != mattx_regs_xstate_size())
		error = -EBADMSG;
	if (error)
		goto free_print;
	error = mattx_threads_prepare(export->threads, apply.print);
	if (error == -ESRCH)
		error = mattx_refuse(&export->refusal, MATTX_REASON_NEW_THREADS);
	if (!error)
		error = mattx_setter_start(&setter);
	if (error)
		goto free_print;
	export->altered = true;
	error = mattx_apply_memory(&apply, parcel);
	mattx_step(MATTX_STEP_APPLYING);
	if (!error)
		error = mattx_apply_files(export, apply.print);
	if (!error) {
		error = mattx_threads_take(export->threads, &setter);
		/* One of them is stopped: the guest goes on, and on using its files. */
		if (error && mattx_handles_open(export->handles, export->link))
			pr_warn("pid %d (%s): its files stay closed\n", export->pid, export->comm);
	}
	if (!error)
		mattx_apply_await_clocks(apply.print);
	/* The last step that can fail; it only fails when we are killed. */
	if (!error)
		error = mattx_setter_apply(&setter, current, &apply.print->thread);
	mattx_setter_stop(&setter);
	if (!error) {
		mattx_cursor_init(&files, (void *)apply.print->files, apply.print->files_size);
		mattx_handles_adopt(export->handles, &files);
		mattx_capture_apply(apply.print, false);
		mattx_threads_order(export->threads, MATTX_ORDER_RUN);
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	}
free_print:
	kvfree(apply.print);
	return error;
}
