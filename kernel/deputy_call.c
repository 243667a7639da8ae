// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls of the guest that only the process itself can make.  The receive
 * thread queues them, and the deputy makes them one after the other.
 */
#include <linux/sched.h>

#include "deputy_call.h"
#include "deputy_timers.h"
#include "export_private.h"
#include "twin.h"

/* One for each thread of the guest at most, as each waits for its answer. */
#define MATTX_CALLS_LIMIT	MATTX_THREADS_LIMIT

static void mattx_deputy_answer(struct mattx_link *link, u64 request,
				const struct mattx_home_answer *answer)
{
	struct mattx_frame *frame =
		mattx_frame_alloc(MATTX_WIRE_HOME_CALL, MATTX_HOME_ANSWER_SIZE, GFP_KERNEL);
	struct mattx_cursor c;

	/* Without an answer the other end runs into its deadline. */
	if (!frame)
		return;
	mattx_frame_writer(frame, &c);
	mattx_home_answer_put(&c, answer);
	if (mattx_frame_written(frame, &c))
		mattx_frame_free(frame);
	else
		mattx_link_reply(link, request, frame, MATTX_CLASS_CONTROL);
}

void mattx_export_receive_call(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_home_answer answer = { .result = -ESRCH };
	struct mattx_cursor c;
	struct mattx_export *export = mattx_export_meant(link, frame, &c);
	u64 request = frame->id;

	if (export) {
		spin_lock(&export->lock);
		if (export->gone || export->exited) {
			answer.result = -ESRCH;
		} else if (export->call_count >= MATTX_CALLS_LIMIT) {
			answer.result = -EAGAIN;
		} else {
			list_add_tail(&frame->queue, &export->calls);
			export->call_count++;
			frame = NULL;
		}
		spin_unlock(&export->lock);
		wake_up_all(&export->wake_deputy);
		mattx_export_put(export);
	}
	if (frame)
		mattx_deputy_answer(link, request, &answer);
	mattx_frame_free(frame);
}

static struct mattx_frame *mattx_deputy_call_next(struct mattx_export *export)
{
	struct mattx_frame *frame;

	spin_lock(&export->lock);
	frame = list_first_entry_or_null(&export->calls, struct mattx_frame, queue);
	if (frame) {
		list_del(&frame->queue);
		export->call_count--;
	}
	spin_unlock(&export->lock);
	return frame;
}

/* It could not be made now. */
static void mattx_deputy_call_return(struct mattx_export *export, struct mattx_frame *frame)
{
	spin_lock(&export->lock);
	list_add(&frame->queue, &export->calls);
	export->call_count++;
	spin_unlock(&export->lock);
}

static void mattx_deputy_call_make(struct mattx_export *export, struct mattx_home_call *call,
				   struct mattx_home_answer *answer)
{
	switch (call->kind) {
	case MATTX_CALL_THREAD:
		answer->result = mattx_twin_make(export);
		break;
	case MATTX_CALL_TIMER_CREATE:
	case MATTX_CALL_TIMER_SETTIME:
	case MATTX_CALL_TIMER_DELETE:
		/* Its timers are not those that it left with. */
		WRITE_ONCE(export->altered, true);
		fallthrough;
	case MATTX_CALL_TIMER_GETTIME:
	case MATTX_CALL_TIMER_GETOVERRUN:
		mattx_deputy_timer_call(call, answer);
		break;
	default:
		answer->result = -EOPNOTSUPP;
	}
}

bool mattx_deputy_call_serve(struct mattx_export *export)
{
	struct mattx_frame *frame = mattx_deputy_call_next(export);
	struct mattx_home_answer answer = {};
	struct mattx_home_call call;
	struct mattx_move_key key;
	struct mattx_cursor c;

	if (!frame)
		return false;
	__set_current_state(TASK_RUNNING);
	mattx_frame_reader(frame, &c);
	mattx_move_key_take(&c, &key);
	mattx_home_call_take(&c, &call);
	if (c.bad)
		answer.result = -EOPNOTSUPP;
	else
		mattx_deputy_call_make(export, &call, &answer);
	/* The kernel wants the task first. */
	if (answer.result == -ERESTARTNOINTR) {
		mattx_deputy_call_return(export, frame);
		return true;
	}
	mattx_deputy_answer(export->link, frame->id, &answer);
	mattx_frame_free(frame);
	return true;
}

void mattx_deputy_calls_free(struct mattx_export *export)
{
	struct mattx_frame *frame;

	while ((frame = mattx_deputy_call_next(export)))
		mattx_frame_free(frame);
}
