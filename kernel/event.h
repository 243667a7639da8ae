/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_EVENT_H
#define _MATTX_EVENT_H
/*
 * News for user space: multicast to the group "events" of the netlink family.
 * All of these may sleep.  An event that cannot be sent still takes its
 * sequence number, so that listeners see the gap.
 */
#include <linux/types.h>

#include "uapi/mattx.h"

struct mattx_move_event {
	enum mattx_phase phase;
	u32		home;
	u32		pid;		/* at home */
	const char	*comm;
	u32		from;		/* node */
	u32		to;		/* node */
	int		error;		/* positive, with FAILED */
	const char	*reason;	/* NULL: none */
	u32		status;		/* as waitpid() reports it, with ENDED */
	u64		freeze_us;	/* until all threads stood still */
	u64		frozen_us;	/* from there to running again */
	u64		bytes;
	u64		pages;
};

void mattx_event_move(const struct mattx_move_event *event);
/* A complete offer waits for its surrogate.  -ESRCH: no daemon listens. */
int mattx_event_stub_wanted(u64 ticket, u32 home, u32 pid, const char *comm);
void mattx_event_link_up(u32 node);
void mattx_event_link_down(u32 node, const char *reason);

#endif /* _MATTX_EVENT_H */
