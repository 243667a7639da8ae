/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_SIGNAL_H
#define _MATTX_SIGNAL_H
/*
 * Signals of a process: what it does with them, which it blocks, and those on
 * their way.  All functions concern the calling task.
 */
#include <linux/signal_types.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/types.h>

#include "wire_move.h"

/* Signals that are the kernel's own business: they are never kept from it. */
void mattx_signals_kernel(sigset_t *set);

/* What the process does with signals, into the blueprint and back. */
void mattx_signals_capture(struct mattx_blueprint *print);
void mattx_signals_apply(const struct mattx_blueprint *print);
/* Which ones the calling thread blocks. */
void mattx_signals_capture_masks(struct mattx_thread *thread);
void mattx_signals_apply_masks(const struct mattx_thread *thread);
/* The same with those of the blueprint, for the process and for each of its threads. */
void mattx_signals_apply_pending(const struct mattx_blueprint *print);

/* What a deputy or a waiting surrogate does: nothing but KILL and STOP gets through. */
struct mattx_signal_masks {
	sigset_t	blocked;
	sigset_t	saved;
	bool		restore;
};

void mattx_signals_block(struct mattx_signal_masks *masks);
void mattx_signals_unblock(const struct mattx_signal_masks *masks);

/*
 * Takes one pending signal other than KILL and STOP off the queues; false:
 * there is none.  @own: of those sent to this very thread only.
 */
bool mattx_signal_dequeue(struct mattx_signal *signal, bool own);
/* The same for STOP, by whoever will not be stopped by it. */
bool mattx_signal_dequeue_stop(struct mattx_signal *signal);
/* Sends a signal to the process of @task, or to the thread it names, as it once was sent. */
int mattx_signal_deliver(struct task_struct *task, const struct mattx_signal *signal);
/* Takes all pending ones off the queues into a kvmalloc'd list. */
int mattx_signals_take(struct mattx_signal **signals, u32 *count, bool own);
/* Puts captured pending signals back, before those that came since. */
void mattx_signals_return(const struct mattx_signal *signals, u32 count);

/* The caller's own: it stays as long as the caller runs. */
static inline struct sighand_struct *mattx_own_sighand(void)
{
	return rcu_dereference_protected(current->sighand, true);
}

#endif /* _MATTX_SIGNAL_H */
