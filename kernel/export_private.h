/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_EXPORT_PRIVATE_H
#define _MATTX_EXPORT_PRIVATE_H
/*
 * The inside of an export: export.c (table, life), move.c (what people ask
 * for), freeze.c (becoming the deputy), deputy.c (being it), deputy_call.c and
 * twin.c (what it does for its guest), deputy_stop.c (job control),
 * departure.c (the way out), recall.c (the way home), apply.c (the returned
 * state) and late_signal.c (what is sent to the guest meanwhile).
 *
 * An export begins with the wish to move a process and ends when the process
 * runs at home again or is gone.  Three parties work on it: the driver (who
 * asked for the move), the deputy (the process itself, asleep in the module)
 * and the link's receive thread.  Only the deputy touches its own state and
 * memory map; the others hand it a command and wake it.
 */
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/ptrace.h>
#include <linux/restart_block.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "border.h"
#include "capture.h"
#include "export.h"
#include "haste.h"
#include "link.h"
#include "parcel.h"
#include "refuse.h"
#include "signal.h"
#include "threads.h"

struct mattx_handles;

/* How long each step may take; then the move is undone, or the guest given up. */
#define MATTX_FREEZE_DEADLINE	(5 * HZ)	/* to the border to user mode */
#define MATTX_READY_DEADLINE	(30 * HZ)	/* between two steps of a stub that becomes the guest */
#define MATTX_RUN_DEADLINE	(5 * HZ)	/* RUN is acknowledged */
#define MATTX_RECALL_DEADLINE	(10 * HZ)	/* the guest stands still */
#define MATTX_STATE_DEADLINE	(10 * HZ)	/* between two steps of its way home */
#define MATTX_SETTLE_DEADLINE	(30 * HZ)	/* the deputy carries out a command */
/* A hosting node that lost us ends its guests within this time after we lost it. */
#define MATTX_LEASE		(3 * HZ)

enum mattx_export_state {
	MATTX_EXPORT_FREEZING,
	MATTX_EXPORT_OFFERED,
	MATTX_EXPORT_AWAY,
	MATTX_EXPORT_RECALLING,
	MATTX_EXPORT_ENDED,	/* the process runs at home or is gone */
};

enum mattx_command {
	MATTX_COMMAND_NONE,
	MATTX_COMMAND_RESUME,	/* go on with what is here */
	MATTX_COMMAND_APPLY,	/* take over the returned state */
	MATTX_COMMAND_EXIT,	/* end as the guest ended */
	MATTX_COMMAND_LEAVE,	/* not a command: the kernel wants the task for a moment */
	MATTX_COMMAND_FATAL,	/* not a command: the deputy itself is killed */
};

struct mattx_export {
	struct kref		references;
	struct list_head	list;		/* of all exports; their lock */
	u64			id;
	struct task_struct	*task;		/* the deputy, with a reference */
	pid_t			pid;		/* in the initial namespace */
	char			comm[TASK_COMM_LEN];

	/* Held by whoever drives a move; others are told EBUSY. */
	struct mutex		driver;

	/* Protects what follows up to the blank line; irqs stay on, nests in nothing of ours. */
	spinlock_t		lock;
	enum mattx_export_state	state;
	u32			generation;
	u32			attempt;	/* the last recall's */
	u32			node;		/* where it is or goes */
	struct mattx_link	*link;		/* to there, with a reference; NULL at home */
	enum mattx_command	command;
	struct mattx_exit_report report;	/* with COMMAND_EXIT */
	bool			exited;		/* the report came */
	bool			exited_late;	/* so late that it counts only if the recall fails */
	bool			ready;		/* READY came */
	bool			gone;		/* the deputy is over */
	bool			peer_lost;
	bool			applying;	/* the deputy has begun with COMMAND_APPLY */
	bool			running;	/* RUN was acknowledged, or may have been */
	u32			forwarding;	/* deputies that send a signal right now */
	u32			continues;	/* SIGCONTs that the guest has been sent */
	bool			guest_stopped;	/* with us, or about to be */
	int			stop;		/* of the guest by this signal; we are not stopped yet */
	bool			continued_there; /* the SIGCONT that wakes us is not for the guest */
	bool			stop_missed;	/* we were stopped when the guest could not be told */
	bool			stop_late;	/* it was stopped there on its way home; carried out at its end */
	struct mattx_refusal	refusal;	/* of this side or the other */
	int			state_error;	/* of the last recall */
	unsigned long		progress;	/* what the other node has done for this move */
	struct list_head	calls;		/* frames of the guest's calls that wait */
	u32			call_count;

	/* STATE so far: the driver empties it, the receive thread fills it; then it is the deputy's. */
	struct mutex		parcel_mutex;
	struct mattx_parcel	parcel;

	struct delayed_work	lost_work;	/* the hosting node's lease ends */
	wait_queue_head_t	wake_deputy;
	wait_queue_head_t	wake_driver;	/* for anything above */
	struct completion	frozen;
	struct completion	settled;	/* a command was carried out */
	int			result;		/* of it */

	/* The deputy's own. */
	struct callback_head	work;
	struct mattx_border	border;
	struct mattx_haste	haste;		/* the driver's until it commands, then its own */
	struct mmu_notifier	notifier;
	bool			watched;	/* the notifier is registered */
	bool			at_border;	/* it is being captured, which has its own deadlines */
	struct mattx_capture	capture;
	struct mattx_threads	*threads;	/* the others; from FREEZING on */
	struct mattx_held	*twin;		/* that is just being made */
	struct mattx_signal_masks masks;
	int			stopping;	/* signal that is not blocked, so that it stops us */
	__sighandler_t		stop_handler;	/* of the process for it */
	struct pt_regs		regs;		/* as captured */
	struct restart_block	restart;	/* as captured */
	bool			altered;	/* it cannot go on from where it was captured any more */
	unsigned long		syscall_instruction;
	enum mattx_memory_mode	mode;
	struct mattx_handles	*handles;

	/* Counters of this move; the driver's. */
	ktime_t			asked, stood, since;
	const char		*errand;	/* what it comes home for by itself; NULL */
	u64			bytes;
	atomic_long_t		pages_served;
};

/* export.c */
/* With its driver's mutex held.  -EBUSY: the process has an export already. */
struct mattx_export *mattx_export_create(struct task_struct *task);
/* Of those that are away the first one after the export @id, with a reference; NULL. */
struct mattx_export *mattx_export_next_away(u64 id);
struct mattx_export *mattx_export_get(struct mattx_export *export);
void mattx_export_put(struct mattx_export *export);
/* By its guest's name; only if @link leads to where it is (or @link is NULL). */
struct mattx_export *mattx_export_find(struct mattx_link *link, const struct mattx_move_key *key);
/* Takes it off the table; what waits for it is woken. */
void mattx_export_unlist(struct mattx_export *export);
/* Hands the deputy a command; the first one wins.  false: there was one, or it is gone. */
bool mattx_export_command(struct mattx_export *export, enum mattx_command command);
/* An event for user space. */
void mattx_export_announce(struct mattx_export *export, u32 phase, u32 from, u32 to);
void mattx_export_key(struct mattx_export *export, struct mattx_move_key *key);
/* A message that carries nothing but the key, and what @put adds. */
int mattx_export_send(struct mattx_export *export, u16 type,
		      void (*put)(struct mattx_cursor *c, const void *what), const void *what);

/* In the task's own context: its exit is noticed from here on. */
int mattx_export_watch(struct mattx_export *export);
/* The hosting node is gone: after its lease the process gets its defined end. */
void mattx_export_lost(struct mattx_export *export);

/* move.c: one that is away comes home, for system call @call of its own or MATTX_NO_CALL. */
int mattx_bring(struct mattx_export *export, s32 call);

/* freeze.c: brings the task to the border and makes it the deputy; killable. */
int mattx_freeze(struct mattx_export *export);

/* deputy.c: the deputy's life from the end of freeze.c on; in its own context. */
void mattx_deputy_run(struct mattx_export *export);
/* In the task's own context: it is over, one way or another. */
void mattx_deputy_over(struct mattx_export *export);
/* Duties of the other threads. */
void mattx_deputy_assign(struct mattx_export *export);

/*
 * In the driver's context: the guest runs (again), and signals that came meanwhile are for it.
 * Before it is called back, mattx_deputy_keep() waits until none is on its way any more: what
 * the deputies are sent from then on stays with them, what they sent has been sent before.
 */
void mattx_deputy_hand_over(struct mattx_export *export);
void mattx_deputy_keep(struct mattx_export *export);

/* departure.c: from frozen to committed; on an error the driver resumes it. */
int mattx_depart(struct mattx_export *export);

/* recall.c: the export that a message is about, with a reference; NULL.  @c is behind its name. */
struct mattx_export *mattx_export_meant(struct mattx_link *link, struct mattx_frame *frame,
					struct mattx_cursor *c);

/* recall.c: brings it home; the caller holds the driver's mutex and it is AWAY. */
int mattx_export_bring(struct mattx_export *export);

/* apply.c: in the deputy's own context. */
int mattx_apply_state(struct mattx_export *export);

#endif /* _MATTX_EXPORT_PRIVATE_H */
