// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way home: everything is received before anything is changed.  Until the
 * deputy runs with the returned state, the guest can go on where it is.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "deputy_stop.h"
#include "export_private.h"
#include "late_signal.h"
#include "step.h"

/* What ends the waiting for the guest's state. */
static bool mattx_bring_over(struct mattx_export *export)
{
	return READ_ONCE(export->parcel.complete) || READ_ONCE(export->exited) ||
	       READ_ONCE(export->gone) || READ_ONCE(export->peer_lost) ||
	       READ_ONCE(export->state_error);
}

/* Waits as long as the guest comes on. */
static int mattx_bring_receive(struct mattx_export *export)
{
	unsigned long progress;
	long left;
	int error;

	do {
		progress = READ_ONCE(export->progress);
		left = wait_event_killable_timeout(export->wake_driver, mattx_bring_over(export),
						   MATTX_STATE_DEADLINE);
		if (left < 0)
			return -EINTR;
	} while (!left && READ_ONCE(export->progress) != progress);

	spin_lock(&export->lock);
	if (export->gone || export->exited)
		error = -ESRCH;
	else if (export->state_error)
		error = export->state_error;
	else if (export->parcel.complete)
		error = 0;
	else if (export->peer_lost)
		error = -EHOSTUNREACH;
	else
		error = -ETIMEDOUT;
	spin_unlock(&export->lock);
	return error;
}

/* Lets the deputy take the state over. */
static int mattx_bring_settle(struct mattx_export *export)
{
	bool retracted;

	reinit_completion(&export->settled);
	mattx_haste_begin(&export->haste, export->task);
	if (!mattx_export_command(export, MATTX_COMMAND_APPLY)) {
		mattx_haste_end(&export->haste, export->task);
		return READ_ONCE(export->exited) || READ_ONCE(export->gone) ? -ESRCH : -EBUSY;
	}
	if (wait_for_completion_timeout(&export->settled, MATTX_SETTLE_DEADLINE))
		return READ_ONCE(export->result);

	spin_lock(&export->lock);
	retracted = !export->applying && !export->gone;
	if (retracted)
		export->command = export->exited ? MATTX_COMMAND_EXIT : MATTX_COMMAND_NONE;
	spin_unlock(&export->lock);
	if (retracted) {
		mattx_haste_end(&export->haste, export->task);
		return mattx_refuse_words(&export->refusal, MATTX_REASON_STOPPED, -EBUSY,
					  "its deputy is stopped; continue it first");
	}
	/* It is at it: what it changes it also finishes. */
	wait_for_completion(&export->settled);
	return READ_ONCE(export->result);
}

/* What came of it, or of an earlier attempt, is of no use any more. */
static void mattx_bring_forget(struct mattx_export *export)
{
	mutex_lock(&export->parcel_mutex);
	mattx_parcel_free(&export->parcel);
	mutex_unlock(&export->parcel_mutex);
}

/* It failed: the guest goes on where it is, unless it has ended there meanwhile. */
static void mattx_bring_failed(struct mattx_export *export)
{
	bool lost, exited;

	spin_lock(&export->lock);
	lost = export->peer_lost && !export->gone;
	if (!export->gone)
		export->state = MATTX_EXPORT_AWAY;
	exited = export->exited_late && !export->gone;
	export->exited = export->exited || exited;
	spin_unlock(&export->lock);
	mattx_bring_forget(export);
	if (exited) {
		mattx_export_command(export, MATTX_COMMAND_EXIT);
		mattx_deputy_rouse(export);
	}
	if (lost)
		mattx_export_lost(export);
	mattx_deputy_hand_over(export);
}

int mattx_export_bring(struct mattx_export *export)
{
	struct mattx_refusal refusal = {};
	struct mattx_move_key key;
	int error = 0;

	spin_lock(&export->lock);
	if (export->gone || export->exited || export->peer_lost) {
		error = -ESRCH;
	} else {
		export->state = MATTX_EXPORT_RECALLING;
		export->attempt++;
		export->state_error = 0;
	}
	spin_unlock(&export->lock);
	if (error)
		return error;
	mattx_deputy_keep(export);
	mattx_bring_forget(export);
	mattx_export_key(export, &key);

	mattx_step(MATTX_STEP_RECALLING);
	error = mattx_refusal_call(export->link, MATTX_WIRE_RECALL, &key, MATTX_RECALL_DEADLINE,
				   &refusal);
	if (refusal.error)
		export->refusal = refusal;
	if (!error) {
		mattx_step(MATTX_STEP_RECALLED);
		error = mattx_bring_receive(export);
	}
	if (!error) {
		mattx_step(MATTX_STEP_RECEIVED);
		mattx_late_signals_expect(export);
		error = mattx_bring_settle(export);
	}
	if (!error)
		mattx_step(MATTX_STEP_APPLIED);
	export->bytes = export->parcel.bytes;

	/*
	 * A guest that knows its end needs no answer; to all others it is the
	 * permission to end or go on.
	 */
	memset(&refusal, 0, sizeof(refusal));
	refusal.error = -error;
	mattx_export_send(export, MATTX_WIRE_RECALLED, mattx_put_refusal, &refusal);
	if (error)
		mattx_bring_failed(export);
	mattx_late_stop(export);
	return error;
}

/* The same as mattx_export_meant(), and the move that is meant. */
static struct mattx_export *mattx_export_meant_by(struct mattx_link *link,
						  struct mattx_frame *frame,
						  struct mattx_cursor *c,
						  struct mattx_move_key *key)
{
	mattx_frame_reader(frame, c);
	mattx_move_key_take(c, key);
	return c->bad ? NULL : mattx_export_find(link, key);
}

struct mattx_export *mattx_export_meant(struct mattx_link *link, struct mattx_frame *frame,
					struct mattx_cursor *c)
{
	struct mattx_move_key key;

	return mattx_export_meant_by(link, frame, c, &key);
}

/* The message belongs to the recall that is under way, and not to one that was given up. */
static bool mattx_bring_is_meant(const struct mattx_export *export,
				 const struct mattx_move_key *key)
{
	lockdep_assert_held(&export->lock);
	return export->state == MATTX_EXPORT_RECALLING && export->attempt == key->attempt;
}

/* Consumes the frame. */
static int mattx_bring_add(struct mattx_export *export, struct mattx_frame *frame,
			   const struct mattx_piece *piece)
{
	int error = 0;

	mutex_lock(&export->parcel_mutex);
	spin_lock(&export->lock);
	if (!mattx_bring_is_meant(export, &piece->key) || export->parcel.complete)
		error = -ECANCELED;
	spin_unlock(&export->lock);
	if (error) {
		mattx_frame_free(frame);
		goto out;
	}
	error = mattx_parcel_add(&export->parcel, frame, piece);
	spin_lock(&export->lock);
	if (mattx_bring_is_meant(export, &piece->key)) {
		if (error)
			export->state_error = error;
		export->progress++;
	}
	spin_unlock(&export->lock);
out:
	mutex_unlock(&export->parcel_mutex);
	return error;
}

/* A piece of the guest's state. */
void mattx_export_receive_state(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_refusal refusal = {};
	struct mattx_export *export = NULL;
	struct mattx_piece piece;
	struct mattx_cursor c;
	u64 request = frame->id;
	int error = -EBADMSG;

	mattx_frame_reader(frame, &c);
	if (!mattx_piece_take(&c, &piece)) {
		error = -ESRCH;
		export = mattx_export_find(link, &piece.key);
	}
	if (export)
		error = mattx_bring_add(export, frame, &piece);
	else
		mattx_frame_free(frame);
	refusal.error = -error;
	mattx_refusal_reply(link, request, MATTX_WIRE_STATE, &refusal);
	if (export) {
		wake_up_all(&export->wake_driver);
		mattx_export_put(export);
	}
}

void mattx_export_receive_ready(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_cursor c;
	struct mattx_export *export = mattx_export_meant(link, frame, &c);

	if (export) {
		WRITE_ONCE(export->ready, true);
		wake_up_all(&export->wake_driver);
		mattx_export_put(export);
	}
	mattx_frame_free(frame);
}

/* Whoever waits for the move looks when its time is over. */
void mattx_export_receive_progress(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_move_key key;
	struct mattx_cursor c;
	struct mattx_export *export = mattx_export_meant_by(link, frame, &c, &key);

	if (export) {
		spin_lock(&export->lock);
		if (export->state == MATTX_EXPORT_OFFERED || mattx_bring_is_meant(export, &key))
			export->progress++;
		spin_unlock(&export->lock);
		mattx_export_put(export);
	}
	mattx_frame_free(frame);
}

void mattx_export_receive_refuse(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_move_key key;
	struct mattx_cursor c;
	struct mattx_export *export = mattx_export_meant_by(link, frame, &c, &key);
	struct mattx_refusal refusal;

	mattx_refusal_take(&c, &refusal);
	if (export && !c.bad && refusal.error) {
		spin_lock(&export->lock);
		if (export->state == MATTX_EXPORT_OFFERED)
			export->refusal = refusal;
		else if (mattx_bring_is_meant(export, &key))
			export->state_error = -refusal.error;
		spin_unlock(&export->lock);
		wake_up_all(&export->wake_driver);
	}
	if (export)
		mattx_export_put(export);
	mattx_frame_free(frame);
}

void mattx_export_receive_thread_end(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_cursor c;
	struct mattx_export *export = mattx_export_meant(link, frame, &c);
	u32 tid = mattx_take_u32(&c);

	if (export && !c.bad)
		mattx_threads_end(export->threads, tid);
	if (export)
		mattx_export_put(export);
	mattx_frame_free(frame);
}

void mattx_export_receive_exited(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_cursor c;
	struct mattx_export *export = mattx_export_meant(link, frame, &c);
	struct mattx_exit_report report;
	bool away;

	mattx_exit_report_take(&c, &report);
	if (export && !c.bad) {
		spin_lock(&export->lock);
		away = export->state == MATTX_EXPORT_AWAY ||
		       (export->state == MATTX_EXPORT_RECALLING && !export->parcel.complete);
		if (!export->exited && !export->exited_late &&
		    (away || export->state == MATTX_EXPORT_RECALLING)) {
			export->report = report;
			export->exited = away;
			/* All of its state is here: it goes on at home, if it can be taken over. */
			export->exited_late = !away;
		}
		spin_unlock(&export->lock);
		if (away) {
			mattx_export_command(export, MATTX_COMMAND_EXIT);
			mattx_deputy_rouse(export);
		}
		wake_up_all(&export->wake_driver);
	}
	if (export)
		mattx_export_put(export);
	mattx_frame_free(frame);
}
