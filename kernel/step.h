/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_STEP_H
#define _MATTX_STEP_H
/*
 * Steps of a move at which tests can make it wait, to break something there.
 *
 * `echo NAME > /sys/module/mattx/parameters/wait_at` (root) makes every move
 * wait when it comes to that step, up to a minute or until another name or
 * "none" is written; "reached NAME" is printed.  Without that each step is an
 * instruction that does nothing.
 */
#include <linux/jump_label.h>

enum mattx_step {
	MATTX_STEP_NONE,
	/* At home: the driver of a move, but where it says the deputy. */
	MATTX_STEP_FROZEN,	/* the process stands still, nothing was offered */
	MATTX_STEP_OFFERING,	/* some of the offer is there */
	MATTX_STEP_OFFERED,	/* all of it is */
	MATTX_STEP_READY,	/* the other node is ready, RUN was not sent */
	MATTX_STEP_COMMITTED,	/* RUN was acknowledged */
	MATTX_STEP_RECALLING,	/* RECALL was not sent yet */
	MATTX_STEP_RECALLED,	/* RECALL was acknowledged */
	MATTX_STEP_RECEIVED,	/* the state is here, nothing was applied */
	MATTX_STEP_APPLYING,	/* the deputy: memory is changed, registers are not */
	MATTX_STEP_APPLIED,	/* the process runs, the other node does not know */
	/* Away, in the surrogate's or the guest's own context. */
	MATTX_STEP_MAPPED,	/* the stub's address space is replaced */
	MATTX_STEP_RESTORED,	/* before READY */
	MATTX_STEP_RUNNING,	/* RUN came, nothing has run */
	MATTX_STEP_CAPTURED,	/* on the way home, nothing was sent */
	MATTX_STEP_SENDING,	/* the blueprint was sent, no pages */
	MATTX_STEP_SENT,	/* all of it was */
	MATTX_STEPS
};

DECLARE_STATIC_KEY_FALSE(mattx_steps_watched);
void mattx_step_reached(enum mattx_step step);

/* May sleep, killably; the caller looks at its state afterwards as after any other wait. */
static inline void mattx_step(enum mattx_step step)
{
	if (static_branch_unlikely(&mattx_steps_watched))
		mattx_step_reached(step);
}

#endif /* _MATTX_STEP_H */
