// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which function receives which message, and who learns of a lost peer.
 */
#include "dispatch.h"
#include "handle.h"
#include "proxy.h"
#include "wire.h"

/* Messages without an entry are dropped with a line in the log. */
const mattx_handler mattx_handlers[MATTX_WIRE_TYPES] = {
	[MATTX_WIRE_FILE_REQUEST] = mattx_handle_receive_request,
	[MATTX_WIRE_FILE_READY] = mattx_proxy_receive_ready,
};

void mattx_peer_down(struct mattx_link *link)
{
	mattx_proxies_peer_down(link);
}
