/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_IMAGE_H
#define _MATTX_IMAGE_H
/*
 * The image: the memory of a process as a file whose offset is the address at
 * home and whose pages stay there until somebody reads them.  The surrogate
 * maps it privately at the old addresses; demand paging, copy on write,
 * readahead and reclaim are Linux's.
 *
 * Four things are ours: pages that home does not have read from one shared
 * page of zeros without asking; memory given back with MADV_DONTNEED reads as
 * zeros instead of as home's old contents; a mapping does not grow (what lies
 * behind it in the file belongs to others); fetching is asynchronous, so that
 * the reader waits killably for the folio's lock.
 */
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "presence.h"
#include "wire_move.h"

struct file;
struct mm_struct;
struct mattx_link;
struct mattx_pages_reply;

/* Pages around a fault that one request brings. */
#define MATTX_IMAGE_WINDOW	64

/* pump.h; its work's own, but for what others read. */
struct mattx_pump {
	struct work_struct	work;
	struct file		*file;		/* NULL: not started, or done */
	u32			extent;		/* of the present ones */
	u64			address;	/* the next */
	int			limit;		/* pages on their way */
	bool			started;	/* release: all the rest is set */
	bool			done;		/* all were asked for */
	wait_queue_head_t	wait;
};

struct mattx_image {
	refcount_t		references;
	struct mattx_link	*link;		/* to the home */
	struct mattx_move_key	key;
	struct mattx_extents	present;	/* constant once the image is mapped */

	/* Protects what follows; nests in nothing and nothing nests in it. */
	spinlock_t		lock;
	struct list_head	fetches;	/* under way */
	u64			last_fetch;
	bool			closed;		/* no fetch starts any more */

	struct mattx_extents	discarded;	/* given back, by image offset */

	atomic_t		in_flight;	/* pages on their way */
	struct mattx_pump	pump;

	atomic_long_t		faults;		/* pages mapped from the shared page of zeros */
	atomic_long_t		fetched;	/* pages that came with contents */
	atomic_long_t		requests;
};

bool mattx_is_image(const struct file *file);

/* Takes over @present.  The reference is the caller's. */
struct mattx_image *mattx_image_create(struct mattx_link *link, const struct mattx_move_key *key,
				       struct mattx_extents *present);
void mattx_image_put(struct mattx_image *image);
/* A file over it, which holds a reference of its own. */
struct file *mattx_image_open(struct mattx_image *image);

/* Receive thread: the answer to a fetch.  Does not keep the frame. */
void mattx_image_pages(struct mattx_image *image, const struct mattx_pages_reply *reply);
/* Fetches under way end with an error, and no new one starts. */
void mattx_image_close(struct mattx_image *image);

/*
 * The guest gives back a range of its addresses.  Called from its mmu
 * notifier in its own context: may not sleep for memory.  -ENOMEM: it could
 * not be noted down, and the guest would read old contents there.
 */
int mattx_image_discard(struct mattx_image *image, struct mm_struct *mm, unsigned long start,
			unsigned long end);

int mattx_image_init(void);
void mattx_image_exit(void);

#endif /* _MATTX_IMAGE_H */
