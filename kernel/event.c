// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events: one netlink message each, numbered without gaps.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mutex.h>
#include <net/genetlink.h>

#include "event.h"
#include "netlink.h"

/* Numbering and sending are one step, so that numbers arrive in order. */
static DEFINE_MUTEX(mattx_event_mutex);
static u64 mattx_event_sequence; /* the mutex */

struct mattx_event {
	struct sk_buff	*skb;	/* NULL: no memory */
	void		*header;
};

static void mattx_event_begin(struct mattx_event *event, enum mattx_cmd command)
{
	mutex_lock(&mattx_event_mutex);
	mattx_event_sequence++;
	event->header = NULL;
	event->skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (event->skb)
		event->header = genlmsg_put(event->skb, 0, 0, &mattx_netlink_family, 0, command);
	if (event->header)
		nla_put_u64_64bit(event->skb, MATTX_A_SEQ, mattx_event_sequence, MATTX_A_PAD);
}

/* -ESRCH: nobody listens.  Any failure shows as a gap in the numbers. */
static int mattx_event_end(struct mattx_event *event)
{
	int error = -ENOMEM;

	if (event->header) {
		genlmsg_end(event->skb, event->header);
		error = genlmsg_multicast(&mattx_netlink_family, event->skb, 0,
					  MATTX_NETLINK_GROUP_EVENTS, GFP_KERNEL);
	} else {
		nlmsg_free(event->skb);
	}
	mutex_unlock(&mattx_event_mutex);
	return error;
}

/*
 * The puts cannot fail: all attributes of any event together are far smaller
 * than NLMSG_GOODSIZE.  Their results are checked all the same, once, here.
 */
static void mattx_event_check(struct mattx_event *event, int error)
{
	if (WARN_ON_ONCE(error)) {
		genlmsg_cancel(event->skb, event->header);
		event->header = NULL;
	}
}

void mattx_event_move(const struct mattx_move_event *move)
{
	struct mattx_event event;
	int error = 0;

	mattx_event_begin(&event, MATTX_EVT_MOVE);
	if (event.header) {
		error |= nla_put_u32(event.skb, MATTX_A_PHASE, move->phase);
		error |= nla_put_u32(event.skb, MATTX_A_HOME, move->home);
		error |= nla_put_u32(event.skb, MATTX_A_PID, move->pid);
		error |= nla_put_string(event.skb, MATTX_A_COMM, move->comm ?: "");
		error |= nla_put_u32(event.skb, MATTX_A_FROM, move->from);
		error |= nla_put_u32(event.skb, MATTX_A_TO, move->to);
		error |= nla_put_u32(event.skb, MATTX_A_ERRNO, move->error);
		if (move->reason)
			error |= nla_put_string(event.skb, MATTX_A_REASON, move->reason);
		error |= nla_put_u32(event.skb, MATTX_A_STATUS, move->status);
		error |= nla_put_u64_64bit(event.skb, MATTX_A_FREEZE_US, move->freeze_us,
					   MATTX_A_PAD);
		error |= nla_put_u64_64bit(event.skb, MATTX_A_FROZEN_US, move->frozen_us,
					   MATTX_A_PAD);
		error |= nla_put_u64_64bit(event.skb, MATTX_A_BYTES, move->bytes, MATTX_A_PAD);
		error |= nla_put_u64_64bit(event.skb, MATTX_A_PAGES, move->pages, MATTX_A_PAD);
		mattx_event_check(&event, error);
	}
	mattx_event_end(&event);
}

int mattx_event_stub_wanted(u64 ticket, u32 home, u32 pid, const char *comm)
{
	struct mattx_event event;
	int error = 0;

	mattx_event_begin(&event, MATTX_EVT_STUB_WANTED);
	if (event.header) {
		error |= nla_put_u64_64bit(event.skb, MATTX_A_TICKET, ticket, MATTX_A_PAD);
		error |= nla_put_u32(event.skb, MATTX_A_HOME, home);
		error |= nla_put_u32(event.skb, MATTX_A_PID, pid);
		error |= nla_put_string(event.skb, MATTX_A_COMM, comm);
		mattx_event_check(&event, error);
	}
	return mattx_event_end(&event);
}

void mattx_event_link_up(u32 node)
{
	struct mattx_event event;

	mattx_event_begin(&event, MATTX_EVT_LINK_UP);
	if (event.header)
		mattx_event_check(&event, nla_put_u32(event.skb, MATTX_A_NODE, node));
	mattx_event_end(&event);
}

void mattx_event_link_down(u32 node, const char *reason)
{
	struct mattx_event event;
	int error = 0;

	mattx_event_begin(&event, MATTX_EVT_LINK_DOWN);
	if (event.header) {
		error |= nla_put_u32(event.skb, MATTX_A_NODE, node);
		error |= nla_put_string(event.skb, MATTX_A_REASON, reason);
		mattx_event_check(&event, error);
	}
	mattx_event_end(&event);
}
