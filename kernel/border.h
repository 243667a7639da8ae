/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_BORDER_H
#define _MATTX_BORDER_H
/*
 * The border to user mode, where threads are captured, and when they must not
 * be: inside of the vDSO, and between a fault and its signal.  What a thread
 * has half read in the vDSO belongs to this kernel's clock and to its time
 * namespace; elsewhere the other half does not fit, or is not mapped.  Both are
 * soon over, so such a thread runs on for a moment and is looked at again.
 */
#include <linux/task_work.h>
#include <linux/workqueue.h>

struct mattx_border {
	struct work_struct	work;
	struct callback_head	*callback;
	struct task_struct	*task;		/* while the work is pending; a reference */
	/* Process context: the task is ending and the callback does not come again. */
	void			(*lost)(struct callback_head *callback);
};

/*
 * In task work, before anything is captured: true when the calling thread must
 * not be captured now.  Then the callback returns and is called again soon, or
 * @lost is.
 */
bool mattx_border_again(struct mattx_border *border, struct callback_head *callback,
			void (*lost)(struct callback_head *callback));

/*
 * Before the calling thread is captured: a system call that only our coming
 * has interrupted, and that would tell the program so, becomes one that it has
 * not made yet.
 */
void mattx_border_undo(void);

#endif /* _MATTX_BORDER_H */
