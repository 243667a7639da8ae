// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests of the daemon.  Each runs in the daemon's own context, which is
 * where its descriptors mean something.
 */
#include <linux/capability.h>
#include <linux/net.h>

#include "guest.h"
#include "link.h"
#include "netlink.h"
#include "node.h"
#include "uapi/mattx.h"

#define MATTX_ADDRESS_MAX	45
#define MATTX_REASON_MAX	255

static const struct nla_policy mattx_netlink_policy[MATTX_A_MAX + 1] = {
	[MATTX_A_NODE]		= NLA_POLICY_MIN(NLA_U32, 1),
	[MATTX_A_ADDRESS]	= { .type = NLA_NUL_STRING, .len = MATTX_ADDRESS_MAX },
	[MATTX_A_BOOT]		= { .type = NLA_U64 },
	[MATTX_A_FD]		= { .type = NLA_S32 },
	[MATTX_A_LOAD]		= { .type = NLA_U32 },
	[MATTX_A_AFFINITY]	= { .type = NLA_U32 },
	[MATTX_A_MEM_FREE]	= { .type = NLA_U64 },
	[MATTX_A_TICKET]	= { .type = NLA_U64 },
	[MATTX_A_ERRNO]		= NLA_POLICY_RANGE(NLA_U32, 1, 4095),
	[MATTX_A_REASON]	= { .type = NLA_NUL_STRING, .len = MATTX_REASON_MAX },
};

/* True when one is missing; user space is told which. */
static bool mattx_netlink_lacks(struct genl_info *info, const u16 *attributes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (GENL_REQ_ATTR_CHECK(info, attributes[i]))
			return true;
	return false;
}

static int mattx_netlink_local_set(struct sk_buff *skb, struct genl_info *info)
{
	static const u16 needed[] = { MATTX_A_NODE, MATTX_A_ADDRESS, MATTX_A_BOOT };
	int error;

	if (mattx_netlink_lacks(info, needed, ARRAY_SIZE(needed)))
		return -EINVAL;
	error = mattx_node_set_local(nla_get_u32(info->attrs[MATTX_A_NODE]),
				     nla_get_u64(info->attrs[MATTX_A_BOOT]),
				     nla_data(info->attrs[MATTX_A_ADDRESS]));
	if (error == -EBUSY)
		NL_SET_ERR_MSG(info->extack,
			       "this module already has another node number; unload it to change that");
	return error;
}

static int mattx_netlink_link_add(struct sk_buff *skb, struct genl_info *info)
{
	static const u16 needed[] = { MATTX_A_NODE, MATTX_A_ADDRESS, MATTX_A_BOOT, MATTX_A_FD };
	struct socket *sock;
	int error;

	if (mattx_netlink_lacks(info, needed, ARRAY_SIZE(needed)))
		return -EINVAL;
	if (!mattx_node_local()) {
		NL_SET_ERR_MSG(info->extack, "tell the module who this node is first (LOCAL_SET)");
		return -ENOTCONN;
	}
	sock = sockfd_lookup(nla_get_s32(info->attrs[MATTX_A_FD]), &error);
	if (!sock) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MATTX_A_FD],
				    "the descriptor is no open socket");
		return error;
	}
	error = mattx_link_add(nla_get_u32(info->attrs[MATTX_A_NODE]),
			       nla_get_u64(info->attrs[MATTX_A_BOOT]),
			       nla_data(info->attrs[MATTX_A_ADDRESS]), sock);
	if (error == -EPROTOTYPE)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MATTX_A_FD],
				    "the descriptor is no connected TCP socket");
	else if (error == -EINVAL)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MATTX_A_NODE],
				    "a node has no link to itself");
	return error;
}

static int mattx_netlink_link_del(struct sk_buff *skb, struct genl_info *info)
{
	if (GENL_REQ_ATTR_CHECK(info, MATTX_A_NODE))
		return -EINVAL;
	return mattx_link_del(nla_get_u32(info->attrs[MATTX_A_NODE]));
}

static int mattx_netlink_load_set(struct sk_buff *skb, struct genl_info *info)
{
	static const u16 needed[] = { MATTX_A_NODE, MATTX_A_LOAD, MATTX_A_AFFINITY,
				      MATTX_A_MEM_FREE };

	if (mattx_netlink_lacks(info, needed, ARRAY_SIZE(needed)))
		return -EINVAL;
	return mattx_node_set_load(nla_get_u32(info->attrs[MATTX_A_NODE]),
				   nla_get_u32(info->attrs[MATTX_A_LOAD]),
				   nla_get_u32(info->attrs[MATTX_A_AFFINITY]),
				   nla_get_u64(info->attrs[MATTX_A_MEM_FREE]));
}

static int mattx_netlink_guest_refuse(struct sk_buff *skb, struct genl_info *info)
{
	static const u16 needed[] = { MATTX_A_TICKET, MATTX_A_ERRNO, MATTX_A_REASON };

	if (mattx_netlink_lacks(info, needed, ARRAY_SIZE(needed)))
		return -EINVAL;
	return mattx_guest_refuse(nla_get_u64(info->attrs[MATTX_A_TICKET]),
				  nla_get_u32(info->attrs[MATTX_A_ERRNO]),
				  nla_data(info->attrs[MATTX_A_REASON]));
}

static const struct genl_small_ops mattx_netlink_ops[] = {
	{ .cmd = MATTX_CMD_LOCAL_SET, .flags = GENL_ADMIN_PERM, .doit = mattx_netlink_local_set },
	{ .cmd = MATTX_CMD_LINK_ADD, .flags = GENL_ADMIN_PERM, .doit = mattx_netlink_link_add },
	{ .cmd = MATTX_CMD_LINK_DEL, .flags = GENL_ADMIN_PERM, .doit = mattx_netlink_link_del },
	{ .cmd = MATTX_CMD_LOAD_SET, .flags = GENL_ADMIN_PERM, .doit = mattx_netlink_load_set },
	{ .cmd = MATTX_CMD_GUEST_REFUSE, .flags = GENL_ADMIN_PERM,
	  .doit = mattx_netlink_guest_refuse },
};

static const struct genl_multicast_group mattx_netlink_groups[] = {
	[MATTX_NETLINK_GROUP_EVENTS] = {
		.name	= MATTX_GENL_GROUP,
		/* Events name processes of all users. */
		.flags	= GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family mattx_netlink_family __ro_after_init = {
	.name		= MATTX_GENL_NAME,
	.version	= MATTX_GENL_VERSION,
	.maxattr	= MATTX_A_MAX,
	.policy		= mattx_netlink_policy,
	.module		= THIS_MODULE,
	.parallel_ops	= true,
	.small_ops	= mattx_netlink_ops,
	.n_small_ops	= ARRAY_SIZE(mattx_netlink_ops),
	.resv_start_op	= MATTX_CMD_LOCAL_SET,
	.mcgrps		= mattx_netlink_groups,
	.n_mcgrps	= ARRAY_SIZE(mattx_netlink_groups),
};

int __init mattx_netlink_init(void)
{
	return genl_register_family(&mattx_netlink_family);
}

void mattx_netlink_exit(void)
{
	genl_unregister_family(&mattx_netlink_family);
}
