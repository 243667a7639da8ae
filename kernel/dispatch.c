// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which function receives which message, and who learns of a lost peer.
 */
#include "dispatch.h"
#include "export.h"
#include "guest.h"
#include "handle.h"
#include "pages.h"
#include "proxy.h"
#include "tree.h"
#include "wire.h"

/* Messages without an entry are dropped with a line in the log. */
const mattx_handler mattx_handlers[MATTX_WIRE_TYPES] = {
	[MATTX_WIRE_OFFER]		= mattx_guest_receive_offer,
	[MATTX_WIRE_READY]		= mattx_export_receive_ready,
	[MATTX_WIRE_RUN]		= mattx_guest_receive_run,
	[MATTX_WIRE_REFUSE]		= mattx_export_receive_refuse,
	[MATTX_WIRE_ABORT]		= mattx_guest_receive_abort,
	[MATTX_WIRE_RECALL]		= mattx_guest_receive_recall,
	[MATTX_WIRE_STATE]		= mattx_export_receive_state,
	[MATTX_WIRE_RECALLED]		= mattx_guest_receive_recalled,
	[MATTX_WIRE_SIGNAL]		= mattx_guest_receive_signal,
	[MATTX_WIRE_EXITED]		= mattx_export_receive_exited,
	[MATTX_WIRE_KILL]		= mattx_guest_receive_kill,
	[MATTX_WIRE_SEND_HOME]		= mattx_export_receive_recall,
	[MATTX_WIRE_HOME_CALL]		= mattx_export_receive_call,
	[MATTX_WIRE_THREAD_END]		= mattx_export_receive_thread_end,
	[MATTX_WIRE_STOPPED]		= mattx_export_receive_stopped,
	[MATTX_WIRE_LATE_SIGNAL]	= mattx_export_receive_late_signal,
	[MATTX_WIRE_PROGRESS]		= mattx_export_receive_progress,
	[MATTX_WIRE_PAGES_GET]		= mattx_pages_get,
	[MATTX_WIRE_PAGES]		= mattx_guest_receive_pages,
	[MATTX_WIRE_FILE_REQUEST]	= mattx_handle_receive_request,
	[MATTX_WIRE_FILE_READY]		= mattx_proxy_receive_ready,
	[MATTX_WIRE_TREE_REQUEST]	= mattx_tree_receive_request,
	[MATTX_WIRE_TREE_CHANGED]	= mattx_tree_receive_changed,
};

void mattx_peer_down(struct mattx_link *link)
{
	/* Files first: what waits for one of them must not hold up the rest. */
	mattx_proxies_peer_down(link);
	mattx_tree_peer_down(link);
	mattx_guest_peer_down(link);
	mattx_export_peer_down(link);
}
