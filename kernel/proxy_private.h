/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_PROXY_PRIVATE_H
#define _MATTX_PROXY_PRIVATE_H
/*
 * The inside of the away end of a guest's files: proxy.c (tables and
 * readiness), proxy_file.c (the files), proxy_call.c (requests to home),
 * proxy_shared.c (files on storage that both nodes have).
 * Everybody else includes proxy.h.
 */
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "link.h"
#include "proxy.h"
#include "wire_file.h"

struct mattx_proxies {
	refcount_t		references;	/* the guest, and each proxy */
	u64			number;		/* of the table at home */
	struct mattx_link	*link;		/* to the home; a reference */
	bool			dead;		/* nothing reaches home any more; READ_ONCE */
	struct hlist_node	node;		/* of the table of tables; its lock */
	struct list_head	members;	/* proxies; the lock of the table of tables */
};

/* Lives as long as its inode. */
struct mattx_proxy {
	struct mattx_proxies	*proxies;	/* a reference */
	struct list_head	member;		/* of proxies->members, until released */
	u32			handle;
	u32			traits;		/* MATTX_HANDLE_* */
	u32			sent_flags;	/* as home knows them */
	bool			replaced;	/* closing it closes nothing at home */
	spinlock_t		lock;		/* the two below */
	u32			sequence;
	__poll_t		ready;		/* READ_ONCE without the lock */
	wait_queue_head_t	wait;
	struct mattx_file_attributes attributes; /* when it was made */
	loff_t			position;	/* of a folder, then */
	u16			path_length;
	char			path[];		/* at home */
};

extern const struct file_operations mattx_proxy_fops;

/* Whether it is one of these. */
static inline bool mattx_proxies_have(const struct mattx_proxies *proxies, const struct file *file)
{
	const struct mattx_proxy *proxy = file->private_data;

	return file->f_op == &mattx_proxy_fops && proxy->proxies == proxies;
}

/* proxy.c */
struct mattx_proxies *mattx_proxies_hold(struct mattx_proxies *proxies);
/* Newer readiness replaces older; wakes those who wait for it if @wake. */
void mattx_proxy_set_ready(struct mattx_proxy *proxy, u32 sequence, u32 ready, bool wake);
/* The last descriptor is closed: home does so too. */
void mattx_proxy_release(struct mattx_proxy *proxy);

/* proxy_file.c */
struct file *mattx_proxy_file_create(struct mattx_proxies *proxies,
				     const struct mattx_handle_info *info);

/* proxy_lock.c */
int mattx_proxy_lock(struct file *file, int command, struct file_lock *lock);
int mattx_proxy_flock(struct file *file, int command, struct file_lock *lock);
int mattx_proxy_change(struct mattx_proxy *proxy, const struct iattr *change);

/* proxy_call.c */
/*
 * A request with room for @data bytes after what it holds already; NULL when
 * there is no memory.  @file (may be NULL) tells the flags as they are now.
 */
struct mattx_frame *mattx_proxy_request(struct mattx_proxy *proxy, const struct file *file,
					enum mattx_file_op op, u64 first, u64 second, u64 third,
					u32 data);
/*
 * Carries out the request, which it consumes, and returns the result of the
 * operation or a negative errno; -ERESTARTSYS when a signal came first.  The
 * bytes that came back are in *@answer, which the caller frees (NULL: none
 * wanted), described by *@reply.
 */
s64 mattx_proxy_execute(struct mattx_proxy *proxy, struct mattx_frame *request,
			struct mattx_file_reply *reply, struct mattx_frame **answer);
/* The same, for what may wait for others: any signal cancels it. */
s64 mattx_proxy_execute_waiting(struct mattx_proxy *proxy, struct mattx_frame *request,
				struct mattx_file_reply *reply, struct mattx_frame **answer);
/* For operations without a reply; no memory, no peer: nothing happens. */
void mattx_proxy_tell(struct mattx_proxy *proxy, enum mattx_file_op op, u64 argument);

#endif /* _MATTX_PROXY_PRIVATE_H */
