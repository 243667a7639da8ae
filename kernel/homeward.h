/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_HOMEWARD_H
#define _MATTX_HOMEWARD_H
/*
 * System calls that only the home of a guest can carry out.
 *
 * A guest must not see an error that it would not see at home.  So what can
 * be done neither here nor by asking its home is not done here: the guest
 * goes home, with all of its threads, and the call is the next thing that the
 * calling thread does there.
 */
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct file;
struct mattx_guest;

/* A part of the guest. */
struct mattx_homeward {
	struct file		*listener;	/* of the stub's filter; a reference */
	wait_queue_head_t	*queue;		/* of the listener; NULL: none */
	wait_queue_entry_t	entry;
	/* The guest's lock. */
	u32			waiting;	/* threads that wait for the way home */
	s32			call;		/* what one of them wants to do there */
	unsigned long		pause;		/* jiffies before home is asked again */
	/* Holds a reference to the guest while it is pending. */
	struct delayed_work	ask;
};

void mattx_homeward_init(struct mattx_homeward *homeward);
/* With the guest's last reference; atomic. */
void mattx_homeward_release(struct mattx_homeward *homeward);

/*
 * In the stub's context, once: descriptor @fd is the listener of the filter
 * that lets no call through which is for home.  -EINVAL: it is not.
 */
int mattx_homeward_listen(struct mattx_guest *guest, int fd);

/*
 * In a system call of a guest: true, and if it has done nothing yet it shall
 * return -ERESTARTNOINTR, because the guest goes home and makes it there.
 * false: the calling process is no guest.  Does not sleep.
 */
bool mattx_homeward_instead(void);

/*
 * At the border to user mode, before the calling thread is captured: a call
 * that is for home becomes one that it has not made yet.
 */
void mattx_homeward_undo(void);

/* Why a guest comes home for system call @call, as the end of "it comes home to"; NULL: for none. */
const char *mattx_homeward_words(s32 call);

#endif /* _MATTX_HOMEWARD_H */
