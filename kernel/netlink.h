/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_NETLINK_H
#define _MATTX_NETLINK_H
/*
 * The generic netlink family of uapi/mattx.h: requests of the daemon.
 */
#include <net/genetlink.h>

enum mattx_netlink_group {
	MATTX_NETLINK_GROUP_EVENTS,
};

extern struct genl_family mattx_netlink_family;

int mattx_netlink_init(void);
void mattx_netlink_exit(void);

#endif /* _MATTX_NETLINK_H */
