// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way out: from a deputy that stands still to a guest that runs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "export_private.h"
#include "guards.h"
#include "handle.h"
#include "presence.h"
#include "step.h"

/* Stacks grow downwards, which a mapping of a file cannot: their pages travel in the offer. */
static int mattx_depart_stack(struct mm_struct *mm, const struct mattx_area *area,
			      const struct mattx_extents *present, struct mattx_sender *sender)
{
	int error = 0;
	u64 address;

	for (address = area->start; address < area->end && !error; address += PAGE_SIZE)
		if (mattx_extents_contain(present, address))
			error = mattx_sender_memory(sender, mm, address);
	return error;
}

static int mattx_depart_offer(struct mattx_export *export, struct mm_struct *mm,
			      struct mattx_sender *sender)
{
	struct mattx_areas *areas = &export->capture.areas;
	struct mattx_extents present;
	size_t room = mattx_handles_wire_size(export->handles);
	struct mattx_cursor c;
	u8 *print, *files;
	bool guarded;
	u32 size, i;
	int error;

	export->capture.print.mode = export->mode;
	error = mattx_presence_map(mm, areas, &present, &guarded);
	if (error)
		return error;
	if (guarded)
		error = mattx_guards_map(mm, areas, &export->capture.guards);
	if (error)
		goto free_present;
	files = kvmalloc(room, GFP_KERNEL);
	if (!files) {
		error = -ENOMEM;
		goto free_present;
	}
	mattx_cursor_init(&c, files, room);
	mattx_handles_encode(export->handles, &c);
	error = c.bad ? -E2BIG : mattx_capture_encode(&export->capture, &present, files,
						      c.at - files, &print, &size);
	kvfree(files);
	if (error)
		goto free_present;
	error = mattx_sender_print(sender, print, size);
	kvfree(print);
	if (!error)
		mattx_step(MATTX_STEP_OFFERING);
	for (i = 0; i < areas->count && !error; i++)
		if (areas->list[i].flags & MATTX_AREA_GROWSDOWN)
			error = mattx_depart_stack(mm, &areas->list[i], &present, sender);
	if (!error)
		error = mattx_sender_finish(sender);
free_present:
	mattx_extents_free(&present);
	return error;
}

/* What the other node has done so far; it stands still when this does. */
static unsigned long mattx_depart_progress(struct mattx_export *export)
{
	unsigned long pages = 0;

	/* With memory going first, as long as it goes. */
	if (export->mode == MATTX_MEMORY_EAGER)
		pages = atomic_long_read(&export->pages_served);
	return READ_ONCE(export->progress) + pages;
}

/* Waits for READY or for what makes it impossible. */
static int mattx_depart_await(struct mattx_export *export)
{
	unsigned long progress;
	int error = 0;
	long left;

	do {
		progress = mattx_depart_progress(export);
		left = wait_event_killable_timeout(export->wake_driver,
						   READ_ONCE(export->ready) ||
						   READ_ONCE(export->gone) ||
						   READ_ONCE(export->peer_lost) ||
						   READ_ONCE(export->refusal.error),
						   MATTX_READY_DEADLINE);
		if (left < 0)
			return -EINTR;
	} while (!left && mattx_depart_progress(export) != progress);
	spin_lock(&export->lock);
	if (export->gone)
		error = -ESRCH;
	else if (export->refusal.error)
		error = -export->refusal.error;
	else if (export->peer_lost)
		error = -EHOSTUNREACH;
	else if (!export->ready)
		error = -ETIMEDOUT;
	spin_unlock(&export->lock);
	return error;
}

/* The commit: from here on the copy at home does not run. */
static int mattx_depart_commit(struct mattx_export *export, const struct mattx_move_key *key)
{
	struct mattx_refusal refusal = {};
	int error;

	error = mattx_handles_open(export->handles, export->link);
	if (error)
		return error;
	spin_lock(&export->lock);
	if (export->gone || export->peer_lost)
		error = export->gone ? -ESRCH : -EHOSTUNREACH;
	else
		export->state = MATTX_EXPORT_AWAY;
	spin_unlock(&export->lock);
	if (!error) {
		error = mattx_refusal_call(export->link, MATTX_WIRE_RUN, key, MATTX_RUN_DEADLINE,
					   &refusal);
		/*
		 * Only words of the other node that it did not run are a way back.
		 * Silence may mean that it runs: then the guest is away, and what the
		 * loss of the link decides later is decided there.
		 */
		if (!refusal.error)
			error = 0;
	}
	if (error) {
		spin_lock(&export->lock);
		if (refusal.error)
			export->refusal = refusal;
		if (export->state == MATTX_EXPORT_AWAY)
			export->state = MATTX_EXPORT_OFFERED;
		spin_unlock(&export->lock);
		mattx_handles_close(export->handles);
		return error;
	}
	mattx_step(MATTX_STEP_COMMITTED);
	mattx_deputy_hand_over(export);
	return 0;
}

int mattx_depart(struct mattx_export *export)
{
	struct mattx_sender sender;
	struct mattx_move_key key;
	struct mm_struct *mm;
	int error;

	spin_lock(&export->lock);
	if (export->gone) {
		spin_unlock(&export->lock);
		return -ESRCH;
	}
	export->generation++;
	export->state = MATTX_EXPORT_OFFERED;
	spin_unlock(&export->lock);

	mm = get_task_mm(export->task);
	if (!mm)
		return -ESRCH;
	mattx_export_key(export, &key);
	mattx_sender_init(&sender, export->link, MATTX_WIRE_OFFER, &key);
	error = mattx_depart_offer(export, mm, &sender);
	mmput(mm);
	export->bytes = sender.bytes;
	if (error && sender.refusal.error) {
		spin_lock(&export->lock);
		export->refusal = sender.refusal;
		spin_unlock(&export->lock);
	}
	mattx_sender_release(&sender);
	if (!error) {
		mattx_step(MATTX_STEP_OFFERED);
		error = mattx_depart_await(export);
	}
	if (!error) {
		mattx_step(MATTX_STEP_READY);
		error = mattx_depart_commit(export, &key);
	}
	return error;
}
