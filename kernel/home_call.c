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

static void mattx_put_call(struct mattx_cursor *c, const void *what)
{
	mattx_home_call_put(c, what);
}

int mattx_home_call(struct mattx_guest *guest, const struct mattx_home_call *call,
		    struct mattx_home_answer *answer)
{
	struct mattx_frame *frame = mattx_move_frame(MATTX_WIRE_HOME_CALL, &guest->key,
						     MATTX_HOME_CALL_SIZE, mattx_put_call, call);
	struct mattx_frame *reply;
	struct mattx_cursor c;

	if (IS_ERR(frame))
		return PTR_ERR(frame);
	reply = mattx_link_call(guest->link, frame, MATTX_CLASS_CONTROL,
				MATTX_HOME_CALL_DEADLINE);
	if (IS_ERR(reply))
		return reply == ERR_PTR(-ETIMEDOUT) ? -EAGAIN : PTR_ERR(reply);
	mattx_frame_reader(reply, &c);
	mattx_home_answer_take(&c, answer);
	mattx_frame_free(reply);
	return c.bad ? -EBADMSG : 0;
}
