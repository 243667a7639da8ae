/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_THREADS_H
#define _MATTX_THREADS_H
/*
 * The threads of a process besides its main one, held in the module.
 *
 * The main thread stands still first and, in its own context, gathers the
 * others: each is brought to the border of user mode, captures itself and
 * sleeps there until it is told what to do.  At home they are held as long as
 * the process is away and share the deputy's duties; away, for the moment of
 * a capture, and when they are made for a process that arrives.
 */
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/restart_block.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/wait.h>
#include <asm/ptrace.h>

#include "border.h"
#include "haste.h"
#include "refuse.h"
#include "signal.h"
#include "wire_move.h"

struct mattx_setter;

#define MATTX_GATHER_DEADLINE	(8 * HZ)	/* between two of them that come to stand still */

/* What a held thread is to do. */
enum mattx_order {
	MATTX_ORDER_STAND,	/* wait */
	MATTX_ORDER_PIN,	/* wait, and do nothing else: registers are being set */
	MATTX_ORDER_TAKE,	/* take over the next state but for the registers, then wait */
	MATTX_ORDER_RUN,	/* go on with the state that was taken */
	MATTX_ORDER_RESUME,	/* go on as captured; twins end */
	MATTX_ORDER_EXIT,	/* end without a trace: it ended elsewhere */
	MATTX_ORDER_DISMISS,	/* let go: the process is being killed */
};

/* How far it is; @CALLED threads have not come to the border yet. */
enum mattx_stand {
	MATTX_STAND_CALLED,
	MATTX_STAND_HELD,
	MATTX_STAND_PINNED,
	MATTX_STAND_SET,	/* the next registers are set */
	MATTX_STAND_TAKEN,
};

struct mattx_held {
	struct list_head	list;		/* of the threads; their lock */
	struct list_head	all;		/* of all held threads; their lock */
	struct mattx_threads	*threads;	/* a reference */
	struct task_struct	*task;		/* a reference */
	u32			tid;		/* in the process's own pid namespace */
	enum mattx_order	order;		/* the threads' lock */
	enum mattx_stand	stand;		/* the threads' lock */
	int			error;		/* of the capture or the taking over */
	bool			twin;		/* at home: of a thread that began away */
	struct callback_head	work;
	struct mattx_border	border;
	struct mattx_haste	haste;		/* the main thread's until it gives an order, then its own */

	/* As captured; its own until it stands. */
	struct mattx_thread	thread;
	void			*xstate;
	struct mattx_signal	*signals;	/* taken off its queue; away only */
	u32			signal_count;
	bool			paused;		/* its area for restartable sequences is */
	struct mattx_signal_masks masks;
	struct pt_regs		regs;
	struct restart_block	restart;

	struct mattx_thread	*next;		/* to be taken over; kvmalloc'd, xstate is a view */
};

/* What threads that are held for long do besides waiting; in their own context. */
struct mattx_threads_duty {
	/* true: it has done something that may have more behind it. */
	bool			(*forward)(void *context, u32 tid);
	void			*context;
	/* Of the vDSO: how a held thread lets the kernel stop it, and how it ends; 0: it does neither. */
	unsigned long		syscall_instruction;
};

struct mattx_threads {
	refcount_t		references;
	spinlock_t		lock;
	struct list_head	list;		/* of held threads, ascending by tid */
	u32			count;
	bool			away;
	bool			dismissed;	/* whoever comes now is not wanted any more */
	const struct mattx_blueprint *print;	/* that is being taken over */
	struct mattx_threads_duty duty;		/* context NULL: none */
	u32			at_duty;	/* that use its context at this moment */
	wait_queue_head_t	wake_held;
	wait_queue_head_t	wake_main;
};

/* @away: of a guest, whose signals are taken along, and whose identity changes. */
struct mattx_threads *mattx_threads_create(bool away);
struct mattx_threads *mattx_threads_hold(struct mattx_threads *threads);
void mattx_threads_put(struct mattx_threads *threads);

/*
 * In the main thread's context: all others stand when it succeeds.  Waits
 * killably, for @deadline jiffies from one that comes to the next.  After an
 * error, let them resume.
 */
int mattx_threads_gather(struct mattx_threads *threads, unsigned long deadline,
			 struct mattx_refusal *refusal);
/* In a surrogate's thread: it is held from the end of this system call on. */
int mattx_threads_join(struct mattx_threads *threads);
/* The main thread waits until @count threads have joined; killable. */
int mattx_threads_await(struct mattx_threads *threads, u32 count, unsigned long deadline);

/*
 * A thread of the calling process that is about to be made, at home for one
 * that began away.  Expect allocates; -EAGAIN: there are enough.  Then either
 * it is adopted, in a context that may not sleep and before it runs for the
 * first time, and is held from there on; or it is forgotten.
 */
struct mattx_held *mattx_threads_expect(struct mattx_threads *threads);
void mattx_threads_adopt(struct mattx_held *held, struct task_struct *task);
void mattx_threads_forget(struct mattx_held *held);
/* The thread @tid has ended away; if it began there, so does its twin. */
void mattx_threads_end(struct mattx_threads *threads, u32 tid);

/*
 * From here on those that stand have these duties.  NULL: none any more, and
 * none is at it when this returns.
 */
void mattx_threads_assign(struct mattx_threads *threads, const struct mattx_threads_duty *duty);
void mattx_threads_wake(struct mattx_threads *threads);

/* All of them; with RESUME, EXIT and DISMISS whoever comes later too. */
void mattx_threads_order(struct mattx_threads *threads, enum mattx_order order);
u32 mattx_threads_count(struct mattx_threads *threads);
u32 mattx_threads_signal_count(struct mattx_threads *threads);
void mattx_threads_encode_signals(struct mattx_threads *threads, struct mattx_cursor *c);
/* All that stand, as records of a blueprint. */
void mattx_threads_encode(struct mattx_threads *threads, u32 xstate_size,
			  struct mattx_cursor *c);
/* The one with this tid, NULL.  Stays as long as it is not told to go on. */
struct mattx_held *mattx_threads_find(struct mattx_threads *threads, u32 tid);

/*
 * The threads of @print take over what it says about them, in three steps, in
 * the main thread's context.  Prepare allocates, and pairs held threads with
 * described ones: -ESRCH when a described one is missing; held ones that are
 * not described will end with the last step.  Take sets registers and all else;
 * it fails when the process is being killed, when memory is short, or when one
 * is stopped (-EBUSY).  mattx_threads_order(RUN) is the third.
 */
int mattx_threads_prepare(struct mattx_threads *threads, const struct mattx_blueprint *print);
int mattx_threads_take(struct mattx_threads *threads, struct mattx_setter *setter);

#endif /* _MATTX_THREADS_H */
