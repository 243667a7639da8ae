// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which function receives which message, and who learns of a lost peer.
 */
#include "dispatch.h"
#include "wire.h"

/* Messages without an entry are dropped with a line in the log. */
const mattx_handler mattx_handlers[MATTX_WIRE_TYPES] = {
	[0] = NULL,
};

void mattx_peer_down(struct mattx_link *link)
{
}
