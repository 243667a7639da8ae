/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_REGS_H
#define _MATTX_REGS_H
/*
 * Registers of a task through the kernel's regset interface.
 */
#include <linux/completion.h>
#include <linux/types.h>

#include "wire_move.h"

struct vhost_task;

/*
 * Reads the registers of the calling task, raw: with the restart code of an
 * interrupted system call still in place.  @xstate is kvmalloc'd; the thread
 * points into it.
 */
int mattx_regs_capture(struct mattx_thread *thread, void **xstate);

/* The size of the extended state here; what comes from elsewhere must match. */
u32 mattx_regs_xstate_size(void);

/*
 * Who sets the registers of a task.  The kernel wants it to be another task
 * (setting one's own extended state warns), and one of user space (a kernel
 * thread warns since 7.2).  No such task can be counted on: the one that asked
 * for the move may be gone, and moves also begin in workers.  So the process
 * makes a helper thread of its own for the moment: a worker of the kind that
 * vhost uses, which lives in the kernel only.  Making it can fail, so it is
 * made before anything is changed.
 */
struct mattx_setter {
	struct vhost_task		*worker;
	struct task_struct		*target;	/* sleeps, off its processor */
	const struct mattx_thread	*thread;
	bool				asked;		/* release: thread is set */
	bool				killed;		/* the worker is gone */
	struct completion		done;		/* then error is valid */
	int				error;
};

/*
 * All three in the context of a thread of the process; apply sets its own
 * registers or those of another thread that sleeps in the module.  -EINTR: a
 * stop signal is pending; others: the limit on processes, memory.
 */
int mattx_setter_start(struct mattx_setter *setter);
int mattx_setter_apply(struct mattx_setter *setter, struct task_struct *target,
		       const struct mattx_thread *thread);
void mattx_setter_stop(struct mattx_setter *setter);

#endif /* _MATTX_REGS_H */
