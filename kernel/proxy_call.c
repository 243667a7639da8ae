// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests of proxies to the home of their file.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>

#include "proxy_private.h"

struct mattx_frame *mattx_proxy_request(struct mattx_proxy *proxy, const struct file *file,
					enum mattx_file_op op, u64 first, u64 second, u64 third,
					u32 data)
{
	u32 flags = file ? READ_ONCE(file->f_flags) : proxy->sent_flags;
	const struct mattx_file_request request = {
		.table = proxy->proxies->number,
		.handle = proxy->handle,
		.op = op,
		.has_flags = flags != READ_ONCE(proxy->sent_flags),
		.open_flags = flags,
		.arguments = { first, second, third },
	};
	struct mattx_frame *frame;
	struct mattx_cursor c;

	frame = mattx_frame_alloc(MATTX_WIRE_FILE_REQUEST, MATTX_FILE_REQUEST_SIZE + data,
				  GFP_KERNEL);
	if (!frame)
		return NULL;
	WRITE_ONCE(proxy->sent_flags, flags);
	mattx_frame_writer(frame, &c);
	mattx_file_request_encode(&c, &request);
	mattx_frame_written(frame, &c);
	return frame;
}

/* What a guest sees of a home that does not answer as it should. */
static s64 mattx_proxy_error(s64 error)
{
	switch (error) {
	case -EHOSTUNREACH:
	case -ESTALE:
	case -EBADMSG:
		return -EIO;
	case -EINTR:
		/* Home gives up only when told to: by our signal, or as the guest has to go. */
		return signal_pending(current) ? -ERESTARTSYS : -EIO;
	default:
		return error;
	}
}

/*
 * A signal (or the freezing of the guest) sends word after the request; the
 * answer to a cancelled request comes at once, and tells what was done.
 * Storage does not wait for anybody, so only a fatal signal interrupts that.
 */
static struct mattx_frame *mattx_proxy_wait(struct mattx_proxy *proxy, struct mattx_call *call,
					    bool interruptible)
{
	if (interruptible) {
		if (!wait_for_completion_interruptible(&call->done))
			return mattx_call_finish(call);
		mattx_proxy_tell(proxy, MATTX_FILE_CANCEL, call->id);
	}
	/* Whether the wait was cut short is what finish tells: there is an answer or not. */
	(void)!wait_for_completion_killable(&call->done);
	return mattx_call_finish(call);
}

static s64 mattx_proxy_execute_any(struct mattx_proxy *proxy, struct mattx_frame *request,
				   bool interruptible, struct mattx_file_reply *reply,
				   struct mattx_frame **answer)
{
	enum mattx_class class = request->length > PAGE_SIZE ? MATTX_CLASS_BULK :
							       MATTX_CLASS_CONTROL;
	struct mattx_file_reply own;
	struct mattx_frame *frame;
	struct mattx_call call;
	struct mattx_cursor c;
	int error;

	if (!reply)
		reply = &own;
	if (READ_ONCE(proxy->proxies->dead)) {
		mattx_frame_free(request);
		return -EIO;
	}
	error = mattx_call_start(&call, proxy->proxies->link, request, class);
	if (error)
		return mattx_proxy_error(error);
	frame = mattx_proxy_wait(proxy, &call, interruptible);
	if (IS_ERR(frame))
		return mattx_proxy_error(PTR_ERR(frame));
	mattx_frame_reader(frame, &c);
	if (frame->type != MATTX_WIRE_FILE_REPLY || mattx_file_reply_decode(&c, reply)) {
		mattx_frame_free(frame);
		return -EIO;
	}
	mattx_proxy_set_ready(proxy, reply->sequence, reply->ready, false);
	if (answer && reply->result >= 0)
		*answer = frame;
	else
		mattx_frame_free(frame);
	return reply->result < 0 ? mattx_proxy_error(reply->result) : reply->result;
}

s64 mattx_proxy_execute(struct mattx_proxy *proxy, struct mattx_frame *request,
			struct mattx_file_reply *reply, struct mattx_frame **answer)
{
	return mattx_proxy_execute_any(proxy, request, proxy->traits & MATTX_HANDLE_PIPELIKE,
				       reply, answer);
}

s64 mattx_proxy_execute_waiting(struct mattx_proxy *proxy, struct mattx_frame *request,
				struct mattx_file_reply *reply, struct mattx_frame **answer)
{
	return mattx_proxy_execute_any(proxy, request, true, reply, answer);
}

void mattx_proxy_tell(struct mattx_proxy *proxy, enum mattx_file_op op, u64 argument)
{
	struct mattx_frame *frame;

	if (READ_ONCE(proxy->proxies->dead))
		return;
	frame = mattx_proxy_request(proxy, NULL, op, argument, 0, 0, 0);
	if (frame)
		mattx_link_send(proxy->proxies->link, frame, MATTX_CLASS_CONTROL);
}
