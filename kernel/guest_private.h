/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_GUEST_PRIVATE_H
#define _MATTX_GUEST_PRIVATE_H
/*
 * The inside of a guest: guest.c (table, life), guest_receive.c (its home's
 * messages), restore.c (a stub becomes it), homeward.c (it wants to go home),
 * leave.c (its way there), and guest_threads.c with home_call.c (what it asks
 * its home for).
 *
 * A guest begins with the first piece of an offer and ends with its process,
 * or with the offer.  Its own task changes its state and memory map; the
 * receive thread and the deadline only set what it waits for and wake it.
 */
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "border.h"
#include "capture.h"
#include "guest.h"
#include "haste.h"
#include "homeward.h"
#include "image.h"
#include "link.h"
#include "parcel.h"
#include "threads.h"

struct mattx_proxies;

/* How long each step may take. */
#define MATTX_OFFER_DEADLINE	(15 * HZ)	/* between two pieces of the offer */
#define MATTX_JOIN_DEADLINE	(5 * HZ)	/* all threads of the stub are there */
#define MATTX_STUB_DEADLINE	(20 * HZ)	/* between two steps of a stub that becomes the guest */
#define MATTX_VERDICT_DEADLINE	(60 * HZ)	/* READY to RUN, STATE to RECALLED */
#define MATTX_SEND_HOME_DEADLINE (60 * HZ)

enum mattx_guest_state {
	MATTX_GUEST_OFFERED,	/* pieces of the offer come */
	MATTX_GUEST_WANTED,	/* a stub is asked for */
	MATTX_GUEST_BECOMING,	/* the stub is being replaced */
	MATTX_GUEST_READY,	/* restored, waiting for RUN */
	MATTX_GUEST_RUNNING,
	MATTX_GUEST_LEAVING,	/* captured, or about to be, for the way home */
	MATTX_GUEST_GONE,	/* nobody at home waits for anything any more */
};

/* What a task that waits for its home learns. */
enum mattx_verdict {
	MATTX_VERDICT_NONE,
	MATTX_VERDICT_GO,	/* RUN, or the way home failed */
	MATTX_VERDICT_END,	/* ABORT, or it is home */
};

struct mattx_guest {
	struct kref		references;
	struct list_head	list;		/* of all guests; their lock */
	u64			ticket;
	struct mattx_link	*link;		/* to the home; a reference */
	struct mattx_move_key	key;		/* the attempt: the work's own */
	u32			home;
	char			comm[TASK_COMM_LEN];
	s64			monotonic_ahead, boottime_ahead;	/* ns, of the clocks of home before ours */

	spinlock_t		lock;		/* what follows up to the blank line */
	enum mattx_guest_state	state;
	enum mattx_verdict	verdict;
	bool			claimed;
	bool			leave_queued;	/* the work is on the guest's list */
	u32			recall;		/* the last attempt of its home; the work begins with it */
	struct mattx_haste	haste;
	u32			continues;	/* SIGCONTs that have come from home */
	struct task_struct	*task;		/* from BECOMING on; a reference */

	wait_queue_head_t	wake;		/* for the verdict */
	struct delayed_work	deadline;	/* of the offer and the stub */
	struct mattx_parcel	parcel;		/* receive thread, then the stub */
	struct mattx_blueprint	*print;		/* views into the parcel */
	struct mattx_image	*image;
	struct mattx_proxies	*proxies;
	char			*shared;	/* folder that this node shares with its home; NULL: none; set once, by the stub */
	struct mattx_threads	*threads;	/* of the surrogate, until it runs */

	/* The guest's own. */
	struct callback_head	work;
	struct mattx_border	border;
	struct mmu_notifier	notifier;
	bool			watched;
	struct mattx_homeward	homeward;
	ktime_t			since;		/* it runs here */
	/* Held while a thread begins: its tid is the next that is given. */
	struct mutex		thread_mutex;
};

/* guest.c */
struct mattx_guest *mattx_guest_get(struct mattx_guest *guest);
void mattx_guest_put(struct mattx_guest *guest);
/* Whose main thread @task is, with a reference; NULL. */
struct mattx_guest *mattx_guest_of(struct task_struct *task);
/* The one whose thread is in a system call, while it runs for its home; a reference, NULL. */
struct mattx_guest *mattx_guest_calling(void);
struct mattx_guest *mattx_guest_find(struct mattx_link *link, const struct mattx_move_key *key);
struct mattx_guest *mattx_guest_create(struct mattx_link *link,
				       const struct mattx_move_key *key);
/*
 * Takes it off the table and forgets it; what it holds goes with the last
 * reference.  false: somebody else has done so.
 */
bool mattx_guest_forget(struct mattx_guest *guest);
/* true: it was in @from and is in @to now. */
bool mattx_guest_advance(struct mattx_guest *guest, enum mattx_guest_state from,
			 enum mattx_guest_state to);
void mattx_guest_decide(struct mattx_guest *guest, enum mattx_verdict verdict);
/*
 * The guest's task waits for a verdict; killable.  -ETIMEDOUT, -EINTR.  @late:
 * signals that come meanwhile are sent home.
 */
int mattx_guest_await(struct mattx_guest *guest, bool late, enum mattx_verdict *verdict);
/*
 * Asks its home to take it back, for system call @call (or MATTX_NO_CALL).
 * Returns when it has, or with an errno.  Killable.
 */
int mattx_guest_return(struct mattx_guest *guest, s32 call);
/* A message to its home: the key, and what @put adds. */
int mattx_guest_send(struct mattx_guest *guest, u16 type,
		     void (*put)(struct mattx_cursor *c, const void *what), const void *what);
/* It has come a step further, on either way: home waits on, and so does this node for its stub. */
void mattx_guest_progress(struct mattx_guest *guest);
/* Tells home that nothing came of the offer, and forgets it; the first reason counts. */
__printf(3, 4)
void mattx_guest_give_up(struct mattx_guest *guest, int error, const char *format, ...);
/* In the stub's own context: its exit and what it gives back are noticed from here on. */
int mattx_guest_watch(struct mattx_guest *guest);

/*
 * leave.c: begins the way home, for the attempt @recall of its home; any context that may
 * sleep.  It goes on in the guest's own.
 */
int mattx_guest_leave(struct mattx_guest *guest, u32 recall, struct mattx_refusal *refusal);

#endif /* _MATTX_GUEST_PRIVATE_H */
