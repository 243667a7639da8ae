// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asking home.
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/thread_info.h>

#include "guest_private.h"
#include "home_call.h"

/* Longer only when the process at home is stopped; then so is the guest, which asks again. */
#define MATTX_HOME_CALL_DEADLINE	(10 * HZ)

long mattx_home_call_again(void)
{
	/* Looked at on the way to user mode, where the call is begun again. */
	set_thread_flag(TIF_NOTIFY_SIGNAL);
	return -ERESTARTNOINTR;
}

int mattx_home_call(struct mattx_guest *guest, const struct mattx_home_call *call,
		    struct mattx_home_answer *answer)
{
	struct mattx_frame *frame, *reply;
	struct mattx_cursor c;
	int error;

	frame = mattx_frame_alloc(MATTX_WIRE_HOME_CALL,
				  MATTX_MOVE_KEY_SIZE + MATTX_HOME_CALL_SIZE, GFP_KERNEL);
	if (!frame)
		return -ENOMEM;
	mattx_frame_writer(frame, &c);
	mattx_move_key_put(&c, &guest->key);
	mattx_home_call_put(&c, call);
	error = mattx_frame_written(frame, &c);
	if (error) {
		mattx_frame_free(frame);
		return error;
	}
	reply = mattx_link_call(guest->link, frame, MATTX_CLASS_CONTROL,
				MATTX_HOME_CALL_DEADLINE);
	if (IS_ERR(reply))
		return reply == ERR_PTR(-ETIMEDOUT) ? -EAGAIN : PTR_ERR(reply);
	mattx_frame_reader(reply, &c);
	mattx_home_answer_take(&c, answer);
	mattx_frame_free(reply);
	return c.bad ? -EBADMSG : 0;
}
