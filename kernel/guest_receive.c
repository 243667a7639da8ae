// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a home tells its guests.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dispatch.h"
#include "event.h"
#include "guest_private.h"
#include "regs.h"
#include "settings.h"
#include "signal.h"

/* The whole offer is here: can this node take it, and is there a daemon to make the stub? */
static int mattx_guest_admit(struct mattx_guest *guest, struct mattx_refusal *refusal)
{
	struct mattx_cursor c;
	int error;

	if (READ_ONCE(mattx_settings.block)) {
		scnprintf(refusal->reason, sizeof(refusal->reason),
			  "the other node takes no guests at the moment (block 1)");
		return -EPERM;
	}
	guest->print = kvmalloc(sizeof(*guest->print), GFP_KERNEL);
	if (!guest->print)
		return -ENOMEM;
	mattx_cursor_init(&c, guest->parcel.print, guest->parcel.total);
	error = mattx_blueprint_take(&c, guest->print);
	if (error)
		return error;
	memcpy(guest->comm, guest->print->comm, sizeof(guest->comm));
	guest->monotonic_ahead += (s64)guest->print->monotonic;
	guest->boottime_ahead += (s64)guest->print->boottime;
	if (guest->print->thread.xstate_size != mattx_regs_xstate_size()) {
		scnprintf(refusal->reason, sizeof(refusal->reason),
			  "the processors differ: extended registers take %u bytes there and %u here",
			  guest->print->thread.xstate_size, mattx_regs_xstate_size());
		return -EOPNOTSUPP;
	}
	if (!mattx_guest_advance(guest, MATTX_GUEST_OFFERED, MATTX_GUEST_WANTED))
		return -ETIMEDOUT;
	mattx_guest_get(guest);
	if (mod_delayed_work(mattx_wq, &guest->deadline, MATTX_STUB_DEADLINE))
		mattx_guest_put(guest);
	error = mattx_event_stub_wanted(guest->ticket, guest->home, guest->print->pid,
					guest->comm);
	if (error)
		scnprintf(refusal->reason, sizeof(refusal->reason),
			  "no daemon listens on the other node; start mattx-discd there");
	return error;
}

void mattx_guest_receive_offer(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_refusal refusal = {};
	struct mattx_guest *guest = NULL;
	struct mattx_piece piece;
	struct mattx_cursor c;
	u64 request = frame->id;
	int error;

	mattx_frame_reader(frame, &c);
	error = mattx_piece_take(&c, &piece);
	if (error)
		goto drop;
	guest = mattx_guest_find(link, &piece.key);
	if (!guest) {
		error = -ECANCELED;
		if (piece.kind != MATTX_PIECE_PRINT || piece.offset)
			goto drop;
		guest = mattx_guest_create(link, &piece.key);
		if (IS_ERR(guest)) {
			error = PTR_ERR(guest);
			guest = NULL;
			goto drop;
		}
	}
	if (READ_ONCE(guest->state) != MATTX_GUEST_OFFERED) {
		error = -ECANCELED;
		goto drop;
	}
	error = mattx_parcel_add(&guest->parcel, frame, &piece);
	frame = NULL;
	if (!error && guest->parcel.complete)
		error = mattx_guest_admit(guest, &refusal);
	if (error)
		mattx_guest_forget(guest);
drop:
	mattx_frame_free(frame);
	refusal.error = -error;
	if (error && !refusal.reason[0])
		scnprintf(refusal.reason, sizeof(refusal.reason),
			  error == -ENOMEM ? "the other node is out of memory" :
			  error == -ECANCELED ? "the other node has given the offer up" :
			  "the other node could not read the offer");
	mattx_refusal_reply(link, request, MATTX_WIRE_OFFER, &refusal);
	if (guest)
		mattx_guest_put(guest);
}

/* The guest that a message is about, with a reference; NULL.  @c is behind its name, @key. */
static struct mattx_guest *mattx_guest_meant_by(struct mattx_link *link,
						struct mattx_frame *frame,
						struct mattx_cursor *c,
						struct mattx_move_key *key)
{
	mattx_frame_reader(frame, c);
	mattx_move_key_take(c, key);
	return c->bad ? NULL : mattx_guest_find(link, key);
}

static struct mattx_guest *mattx_guest_meant(struct mattx_link *link, struct mattx_frame *frame,
					     struct mattx_cursor *c)
{
	struct mattx_move_key key;

	return mattx_guest_meant_by(link, frame, c, &key);
}

/* The same for a message of nothing else; consumes the frame. */
static struct mattx_guest *mattx_guest_named(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_cursor c;
	struct mattx_guest *guest = mattx_guest_meant(link, frame, &c);

	mattx_frame_free(frame);
	return guest;
}

void mattx_guest_receive_run(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_refusal refusal = {};
	u64 request = frame->id;
	struct mattx_guest *guest = mattx_guest_named(link, frame);

	if (guest && mattx_guest_advance(guest, MATTX_GUEST_READY, MATTX_GUEST_RUNNING)) {
		mattx_guest_decide(guest, MATTX_VERDICT_GO);
	} else {
		refusal.error = ECHILD;
		strscpy(refusal.reason, "the surrogate ended before it could run");
	}
	mattx_refusal_reply(link, request, MATTX_WIRE_RUN, &refusal);
	if (guest)
		mattx_guest_put(guest);
}

/* Ends the guest's task, whatever it does. */
static void mattx_guest_end(struct mattx_guest *guest)
{
	struct task_struct *task;

	spin_lock(&guest->lock);
	task = guest->task;
	spin_unlock(&guest->lock);
	mattx_guest_decide(guest, MATTX_VERDICT_END);
	/* Held by the guest, which is held by us. */
	if (task)
		send_sig(SIGKILL, task, 1);
}

void mattx_guest_receive_abort(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_guest *guest = mattx_guest_named(link, frame);

	if (!guest)
		return;
	/* In this order: its end is no news for a home that wished it. */
	mattx_guest_forget(guest);
	mattx_guest_end(guest);
	mattx_guest_put(guest);
}

void mattx_guest_receive_kill(struct mattx_link *link, struct mattx_frame *frame)
{
	mattx_guest_receive_abort(link, frame);
}

void mattx_guest_receive_recall(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_refusal refusal = {};
	struct mattx_move_key key;
	struct mattx_cursor c;
	u64 request = frame->id;
	struct mattx_guest *guest = mattx_guest_meant_by(link, frame, &c, &key);

	mattx_frame_free(frame);
	refusal.error = guest ? -mattx_guest_leave(guest, key.attempt, &refusal) : ESRCH;
	if (refusal.error && !refusal.reason[0])
		strscpy(refusal.reason, "the guest is not there any more");
	mattx_refusal_reply(link, request, MATTX_WIRE_RECALL, &refusal);
	if (guest)
		mattx_guest_put(guest);
}

void mattx_guest_receive_recalled(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_cursor c;
	struct mattx_guest *guest = mattx_guest_meant(link, frame, &c);
	struct mattx_refusal refusal;

	mattx_refusal_take(&c, &refusal);
	mattx_frame_free(frame);
	if (!guest)
		return;
	if (c.bad) {
		/* It says nothing: the deadline decides. */
	} else if (!refusal.error) {
		/* It is home: what happens to the task here concerns nobody any more. */
		mattx_guest_forget(guest);
		mattx_guest_end(guest);
	} else if (mattx_guest_advance(guest, MATTX_GUEST_LEAVING, MATTX_GUEST_RUNNING)) {
		mattx_guest_decide(guest, MATTX_VERDICT_GO);
	}
	mattx_guest_put(guest);
}

void mattx_guest_receive_signal(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_cursor c;
	struct mattx_guest *guest = mattx_guest_meant(link, frame, &c);
	struct mattx_signal signal;

	mattx_signal_take(&c, &signal);
	mattx_frame_free(frame);
	if (!guest)
		return;
	/* Under the lock: its stop is reported with the number of SIGCONTs that had come by then. */
	spin_lock(&guest->lock);
	if (!c.bad &&
	    (guest->state == MATTX_GUEST_RUNNING || guest->state == MATTX_GUEST_LEAVING)) {
		mattx_signal_deliver(guest->task, &signal);
		guest->continues += signal.number == SIGCONT;
	}
	spin_unlock(&guest->lock);
	mattx_guest_put(guest);
}

void mattx_guest_receive_pages(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_guest *guest = NULL;
	struct mattx_pages_reply reply;
	struct mattx_cursor c;

	mattx_frame_reader(frame, &c);
	if (!mattx_pages_reply_take(&c, &reply))
		guest = mattx_guest_find(link, &reply.key);
	if (guest) {
		if (guest->image)
			mattx_image_pages(guest->image, &reply);
		mattx_guest_put(guest);
	}
	mattx_frame_free(frame);
}
