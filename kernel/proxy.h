/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_PROXY_H
#define _MATTX_PROXY_H
/*
 * The open files of a guest: local files whose every operation happens at the
 * guest's home, see handle.h.
 *
 * All functions run in process context and may sleep.
 */
#include <linux/types.h>

struct mattx_cursor;
struct mattx_frame;
struct mattx_link;
struct mattx_proxies;

/*
 * Replaces the descriptor table of the calling process, which shares it with
 * nobody, by the one in @table (mattx_handles_encode() wrote it).  All
 * descriptors that were open are closed.  On an error some may be installed
 * already: the process is not fit to run.
 */
int mattx_proxies_install(struct mattx_link *link, struct mattx_cursor *table,
			  struct mattx_proxies **proxies);

/*
 * The calling process's descriptors as they are now, for the way home: bytes
 * needed, and the bytes.  The process must not run in between.  Descriptors
 * that lead to no handle of its home are left out.
 */
size_t mattx_proxies_wire_size(const struct mattx_proxies *proxies);
void mattx_proxies_encode(const struct mattx_proxies *proxies, struct mattx_cursor *c);

/*
 * With the guest's rights, before it runs: what it has open below @folder of
 * its root, storage that this node has mounted as its home has, it has open
 * here instead.  What others use through the same open file stays a proxy.
 */
void mattx_proxies_use_shared(struct mattx_proxies *proxies, const char *folder);
/* What it has written to such files is where its home finds it. */
int mattx_proxies_settle_shared(const struct mattx_proxies *proxies);

/* The number of the table that they are at home. */
u64 mattx_proxies_number(const struct mattx_proxies *proxies);

/*
 * The guest goes home or ends: what it still does with its files fails with
 * EIO from here on, and closing them changes nothing at home.
 */
void mattx_proxies_detach(struct mattx_proxies *proxies);
void mattx_proxies_put(struct mattx_proxies *proxies);

/* Operations on files whose home is behind @link end with EIO. */
void mattx_proxies_peer_down(struct mattx_link *link);

/* dispatch.h: MATTX_WIRE_FILE_READY */
void mattx_proxy_receive_ready(struct mattx_link *link, struct mattx_frame *frame);

int mattx_proxy_init(void);
void mattx_proxy_exit(void);

#endif /* _MATTX_PROXY_H */
