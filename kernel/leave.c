// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's way home, in its own context: it captures itself, sends what
 * home does not have, and waits for the verdict.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dirty.h"
#include "guards.h"
#include "guest_private.h"
#include "proxy.h"
#include "signal.h"
#include "step.h"
#include "threads.h"

/*
 * Mappings of files that were opened away.  A private one goes home as memory
 * with the contents that it has; one that is shared would have to stay shared.
 */
static int mattx_leave_check(struct mattx_capture *capture)
{
	struct vm_area_struct *vma;
	struct mattx_area *area;
	int error = 0;
	u32 i;

	mmap_read_lock(current->mm);
	for (i = 0; i < capture->areas.count && !error; i++) {
		area = &capture->areas.list[i];
		if (area->kind != MATTX_AREA_FILE)
			continue;
		vma = vma_lookup(current->mm, area->start);
		if (!vma || (vma->vm_flags & VM_MAYSHARE && vma->vm_flags & VM_MAYWRITE)) {
			error = -EOPNOTSUPP;
			break;
		}
		/* As memory that has moved all of its pages are sent. */
		area->kind = MATTX_AREA_IMAGE;
		area->offset = area->start + PAGE_SIZE;
	}
	mmap_read_unlock(current->mm);
	return error;
}

/* A mapping may be longer than its file: there is nothing to send. */
static bool mattx_leave_is_behind_file(u64 address)
{
	struct vm_area_struct *vma;
	bool behind;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, address);
	behind = vma && vma->vm_file && !mattx_is_image(vma->vm_file);
	mmap_read_unlock(current->mm);
	return behind;
}

static int mattx_leave_pages(struct mattx_sender *sender, const struct mattx_extents *dirty,
			     const struct mattx_extents *guards)
{
	int error = 0;
	u64 address;
	u32 i;

	for (i = 0; i < dirty->count && !error; i++) {
		for (address = dirty->list[i].start; address < dirty->list[i].end && !error;
		     address += PAGE_SIZE) {
			if (mattx_extents_contain(guards, address))
				continue;
			error = mattx_sender_memory(sender, current->mm, address);
			if (error == -EFAULT && mattx_leave_is_behind_file(address))
				error = 0;
		}
	}
	return error;
}

static int mattx_leave_send(struct mattx_guest *guest, struct mattx_capture *capture)
{
	struct mattx_extents *discarded = &guest->image->discarded;
	struct mattx_sender sender;
	struct mattx_extents dirty;
	size_t room = mattx_proxies_wire_size(guest->proxies);
	struct mattx_cursor c;
	u8 *print = NULL, *files;
	bool guarded;
	u32 size;
	int error;

	error = mattx_dirty_map(current->mm, &capture->areas, &dirty, &guarded);
	if (error)
		return error;
	if (guarded)
		error = mattx_guards_map(current->mm, &capture->areas, &capture->guards);
	files = error ? NULL : kvmalloc(room, GFP_KERNEL);
	if (!files) {
		mattx_extents_free(&dirty);
		return error ?: -ENOMEM;
	}
	mattx_cursor_init(&c, files, room);
	mattx_proxies_encode(guest->proxies, &c);
	mattx_sender_init(&sender, guest->link, MATTX_WIRE_STATE, &guest->key);
	error = c.bad ? -E2BIG : mattx_capture_encode(capture, discarded, files, c.at - files,
						      &print, &size);
	kvfree(files);
	if (!error)
		error = mattx_sender_print(&sender, print, size);
	kvfree(print);
	if (!error) {
		mattx_guest_progress(guest);
		mattx_step(MATTX_STEP_SENDING);
		error = mattx_leave_pages(&sender, &dirty, &capture->guards);
	}
	if (!error)
		error = mattx_sender_finish(&sender);
	mattx_sender_release(&sender);
	mattx_extents_free(&dirty);
	return error;
}

/* Captures and sends; on an error home learns of it at once. */
static int mattx_leave_go(struct mattx_guest *guest, struct mattx_capture *capture)
{
	struct mattx_refusal refusal = {};
	int error = mattx_leave_check(capture);

	if (error)
		strscpy(refusal.reason,
			"it shares a writable mapping of a file that was opened away from home");
	else if (guest->shared)
		error = mattx_proxies_settle_shared(guest->proxies);
	if (error && !refusal.reason[0])
		strscpy(refusal.reason,
			"a file that it has open on shared storage has no name any more, or cannot be written");
	if (!error)
		error = mattx_signals_take(&capture->signals, &capture->signal_count, false);
	if (!error)
		error = mattx_leave_send(guest, capture);
	if (error) {
		refusal.error = -error;
		if (!refusal.reason[0])
			strscpy(refusal.reason, "the guest's state could not be sent");
		mattx_guest_send(guest, MATTX_WIRE_REFUSE, mattx_put_refusal, &refusal);
	}
	return error;
}

/* In the context of a thread that stands still, its state being on the way: a signal of its own. */
static bool mattx_leave_forward(void *context, u32 tid)
{
	struct mattx_signal signal;

	if (!mattx_signal_dequeue(&signal, true))
		return false;
	__set_current_state(TASK_RUNNING);
	mattx_guest_send(context, MATTX_WIRE_LATE_SIGNAL, mattx_put_signal, &signal);
	return true;
}

/* All threads stand still, and what they are is written down. */
static int mattx_leave_capture(struct mattx_capture *capture, struct mattx_threads *threads,
			       struct mattx_refusal *refusal)
{
	int error = mattx_threads_gather(threads, MATTX_GATHER_DEADLINE, refusal);

	if (error)
		return error;
	error = mattx_capture_self(capture);
	if (!error)
		capture->threads = threads;
	return error;
}

/* The clocks as the guest has read them, which are those of home and have run here. */
static void mattx_leave_tell_clocks(const struct mattx_guest *guest, struct mattx_blueprint *print)
{
	print->monotonic += guest->monotonic_ahead;
	print->boottime += guest->boottime_ahead;
}

/* It ended, and its end is on the way home. */
static void mattx_leave_lost(struct callback_head *work)
{
	mattx_guest_put(container_of(work, struct mattx_guest, work));
}

static void mattx_leave_work(struct callback_head *work)
{
	struct mattx_guest *guest = container_of(work, struct mattx_guest, work);
	const struct mattx_threads_duty duty = { .forward = mattx_leave_forward, .context = guest };
	enum mattx_verdict verdict;
	struct mattx_refusal refusal = {};
	struct mattx_threads *threads;
	struct mattx_capture *capture;
	struct mattx_signal_masks masks;
	bool wanted, sent = false;
	int error;

	if (READ_ONCE(guest->state) == MATTX_GUEST_LEAVING &&
	    mattx_border_again(&guest->border, work, mattx_leave_lost))
		return;
	spin_lock(&guest->lock);
	guest->leave_queued = false;
	wanted = guest->state == MATTX_GUEST_LEAVING;
	/* What this sends is for the recall that is under way now, and for no other. */
	guest->key.attempt = guest->recall;
	if (wanted && guest->verdict == MATTX_VERDICT_GO)
		guest->verdict = MATTX_VERDICT_NONE;
	/* The work before this one has ended what it was asked with. */
	if (wanted)
		mattx_haste_begin(&guest->haste, current);
	spin_unlock(&guest->lock);
	if (!wanted || current->flags & PF_EXITING || fatal_signal_pending(current))
		goto out;
	mattx_guest_progress(guest);
	mattx_border_undo();

	capture = kvzalloc(sizeof(*capture), GFP_KERNEL);
	threads = mattx_threads_create(true);
	error = capture && threads ? mattx_leave_capture(capture, threads, &refusal) : -ENOMEM;
	if (error) {
		refusal.error = -error;
		if (!refusal.reason[0])
			strscpy(refusal.reason, "the guest could not be read");
		mattx_guest_send(guest, MATTX_WIRE_REFUSE, mattx_put_refusal, &refusal);
	} else {
		capture->print.thread.nice = mattx_haste_nice(&guest->haste, current);
		mattx_leave_tell_clocks(guest, &capture->print);
		mattx_capture_stop_timer();
		/* None of them may end the surrogate now: they are for the process at home. */
		mattx_signals_block(&masks);
		mattx_guest_progress(guest);
		mattx_step(MATTX_STEP_CAPTURED);
		sent = !mattx_leave_go(guest, capture);
		if (sent)
			mattx_threads_assign(threads, &duty);
		mattx_step(MATTX_STEP_SENT);
	}
	/* Also after a failure: home says whether it has given the recall up. */
	if (!mattx_guest_await(guest, sent, &verdict) && verdict == MATTX_VERDICT_GO) {
		if (error)
			goto resume;
		/* From here on they keep what they are sent. */
		mattx_threads_assign(threads, NULL);
		mattx_capture_apply_timer(&capture->print);
		mattx_signals_unblock(&masks);
		mattx_signals_return(capture->signals, capture->signal_count);
	} else {
		/* It is home, or home has not said so in time: two of it must not run. */
		send_sig(SIGKILL, current, 1);
		if (threads)
			mattx_threads_assign(threads, NULL);
		mattx_threads_put(threads);
		threads = NULL;
	}
resume:
	if (threads)
		mattx_threads_order(threads, MATTX_ORDER_RESUME);
	mattx_threads_put(threads);
	if (capture)
		mattx_capture_free(capture);
	kvfree(capture);
out:
	spin_lock(&guest->lock);
	mattx_haste_end(&guest->haste, current);
	spin_unlock(&guest->lock);
	mattx_guest_put(guest);
}

int mattx_guest_leave(struct mattx_guest *guest, u32 recall, struct mattx_refusal *refusal)
{
	struct task_struct *task;
	bool queued;
	int error = 0;

	spin_lock(&guest->lock);
	task = guest->task;
	if (guest->state != MATTX_GUEST_RUNNING) {
		error = -ESRCH;
	} else if (READ_ONCE(task->signal->flags) & SIGNAL_STOP_STOPPED) {
		strscpy(refusal->reason, "it is stopped; continue it first");
		error = -EBUSY;
	} else {
		guest->state = MATTX_GUEST_LEAVING;
		guest->recall = recall;
	}
	queued = guest->leave_queued;
	if (!error) {
		guest->leave_queued = true;
		mattx_haste_begin(&guest->haste, task);
	}
	spin_unlock(&guest->lock);
	if (error || queued)
		return error;

	mattx_guest_get(guest);
	init_task_work(&guest->work, mattx_leave_work);
	error = task_work_add(task, &guest->work, TWA_SIGNAL);
	/* It is ending, and its end is on the way home. */
	if (error)
		mattx_guest_put(guest);
	return error;
}
