// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests over a link that wait for their reply.
 */
#include <linux/err.h>
#include <linux/sched.h>

#include "link_private.h"

/* Takes the call off the table; false when somebody else has. */
static bool mattx_call_withdraw(struct mattx_link *link, u64 id)
{
	struct mattx_call *call;
	unsigned long flags;
	bool found = false;

	spin_lock_irqsave(&link->lock, flags);
	hash_for_each_possible(link->calls, call, node, id) {
		if (call->id != id)
			continue;
		hash_del(&call->node);
		found = true;
		break;
	}
	spin_unlock_irqrestore(&link->lock, flags);
	return found;
}

int mattx_call_start_async(struct mattx_call *call, struct mattx_link *link,
			   struct mattx_frame *frame, enum mattx_class class,
			   void (*arrived)(struct mattx_call *call, struct mattx_frame *reply,
					   int error))
{
	unsigned long flags;
	u64 id;
	int error;

	init_completion(&call->done);
	call->link = link;
	call->reply = NULL;
	call->error = -EINTR;
	call->arrived = arrived;

	spin_lock_irqsave(&link->lock, flags);
	id = call->id = ++link->last_call;
	hash_add(link->calls, &call->node, call->id);
	spin_unlock_irqrestore(&link->lock, flags);

	frame->id = id;
	error = mattx_link_send(link, frame, class);
	/*
	 * What was not sent has no reply: this only takes it off the table.  If
	 * the end of the link did so first, it has told.
	 */
	if (error && mattx_call_withdraw(link, id))
		return error;
	return arrived ? 0 : error;
}

int mattx_call_start(struct mattx_call *call, struct mattx_link *link,
		     struct mattx_frame *frame, enum mattx_class class)
{
	return mattx_call_start_async(call, link, frame, class, NULL);
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
	struct mattx_call *call, *asynchronous = NULL;
	unsigned long flags;

	spin_lock_irqsave(&link->lock, flags);
	hash_for_each_possible(link->calls, call, node, frame->id) {
		if (call->id != frame->id)
			continue;
		hash_del(&call->node);
		if (call->arrived) {
			asynchronous = call;
			break;
		}
		call->reply = frame;
		frame = NULL;
		/* Under the lock: the caller frees the call as soon as it has the lock. */
		complete(&call->done);
		break;
	}
	spin_unlock_irqrestore(&link->lock, flags);
	if (asynchronous) {
		rcu_read_lock();
		asynchronous->arrived(asynchronous, frame, 0);
		rcu_read_unlock();
	}
	mattx_frame_free(frame);
}

void mattx_calls_fail(struct mattx_link *link, int error)
{
	struct mattx_call *call;
	struct hlist_node *next;
	unsigned long flags;
	HLIST_HEAD(asynchronous);
	int bucket;

	spin_lock_irqsave(&link->lock, flags);
	hash_for_each_safe(link->calls, bucket, next, call, node) {
		hash_del(&call->node);
		if (call->arrived) {
			hlist_add_head(&call->node, &asynchronous);
			continue;
		}
		call->error = error;
		complete(&call->done);
	}
	spin_unlock_irqrestore(&link->lock, flags);
	rcu_read_lock();
	hlist_for_each_entry_safe(call, next, &asynchronous, node) {
		hlist_del_init(&call->node);
		call->arrived(call, NULL, error);
	}
	rcu_read_unlock();
}
