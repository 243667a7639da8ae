// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests over a link that wait for their reply.
 */
#include <linux/err.h>
#include <linux/sched.h>

#include "link_private.h"

int mattx_call_start(struct mattx_call *call, struct mattx_link *link,
		     struct mattx_frame *frame, enum mattx_class class)
{
	unsigned long flags;
	int error;

	init_completion(&call->done);
	call->link = link;
	call->reply = NULL;
	call->error = -EINTR;

	spin_lock_irqsave(&link->lock, flags);
	call->id = ++link->last_call;
	hash_add(link->calls, &call->node, call->id);
	spin_unlock_irqrestore(&link->lock, flags);

	frame->id = call->id;
	error = mattx_link_send(link, frame, class);
	/* What was not sent has no reply: this only takes it off the table. */
	if (error)
		mattx_call_finish(call);
	return error;
}

struct mattx_frame *mattx_call_finish(struct mattx_call *call)
{
	struct mattx_link *link = call->link;
	struct mattx_frame *reply;
	unsigned long flags;

	spin_lock_irqsave(&link->lock, flags);
	if (!hlist_unhashed(&call->node))
		hash_del(&call->node);
	reply = call->reply ?: ERR_PTR(call->error);
	spin_unlock_irqrestore(&link->lock, flags);
	return reply;
}

struct mattx_frame *mattx_link_call(struct mattx_link *link, struct mattx_frame *frame,
				    enum mattx_class class, unsigned long timeout)
{
	struct mattx_frame *reply;
	struct mattx_call call;
	long left;
	int error;

	error = mattx_call_start(&call, link, frame, class);
	if (error)
		return ERR_PTR(error);
	left = wait_for_completion_killable_timeout(&call.done, timeout);
	reply = mattx_call_finish(&call);
	if (!left && reply == ERR_PTR(-EINTR))
		reply = ERR_PTR(-ETIMEDOUT);
	return reply;
}

void mattx_call_reply(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_call *call;
	unsigned long flags;

	spin_lock_irqsave(&link->lock, flags);
	hash_for_each_possible(link->calls, call, node, frame->id) {
		if (call->id != frame->id)
			continue;
		hash_del(&call->node);
		call->reply = frame;
		frame = NULL;
		/* Under the lock: the caller frees the call as soon as it has the lock. */
		complete(&call->done);
		break;
	}
	spin_unlock_irqrestore(&link->lock, flags);
	mattx_frame_free(frame);
}

void mattx_calls_fail(struct mattx_link *link, int error)
{
	struct mattx_call *call;
	struct hlist_node *next;
	unsigned long flags;
	int bucket;

	spin_lock_irqsave(&link->lock, flags);
	hash_for_each_safe(link->calls, bucket, next, call, node) {
		hash_del(&call->node);
		call->error = error;
		complete(&call->done);
	}
	spin_unlock_irqrestore(&link->lock, flags);
}
