// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module's beginning and end.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/workqueue.h>

#include "device.h"
#include "dispatch.h"
#include "export.h"
#include "guest.h"
#include "handle.h"
#include "hook.h"
#include "image.h"
#include "late_signal.h"
#include "link.h"
#include "netlink.h"
#include "node.h"
#include "proc.h"
#include "proxy.h"
#include "stay.h"
#include "tree.h"
#include "turn.h"
#include "twin.h"

struct workqueue_struct *mattx_wq;
struct workqueue_struct *mattx_urgent_wq;

static int __init mattx_init(void)
{
	int error;

	mattx_turns_init();
	mattx_wq = alloc_workqueue("mattx", WQ_UNBOUND, 0);
	if (!mattx_wq)
		return -ENOMEM;
	error = -ENOMEM;
	mattx_urgent_wq = alloc_workqueue("mattx_urgent", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!mattx_urgent_wq)
		goto free_wq;
	error = mattx_handle_init();
	if (error)
		goto free_urgent_wq;
	error = mattx_proxy_init();
	if (error)
		goto exit_handle;
	error = mattx_image_init();
	if (error)
		goto exit_proxy;
	error = mattx_tree_init();
	if (error)
		goto exit_image;
	error = mattx_link_init();
	if (error)
		goto exit_tree;
	error = mattx_device_init();
	if (error)
		goto exit_link;
	error = mattx_proc_init();
	if (error)
		goto exit_device;
	/* Last: from here on the daemon can ask for links. */
	error = mattx_netlink_init();
	if (error)
		goto exit_proc;
	pr_info("version 2.0 loaded\n");
	return 0;

exit_proc:
	mattx_proc_exit();
exit_device:
	mattx_device_exit();
exit_link:
	mattx_link_exit();
	mattx_node_exit();
	mattx_locks_exit();
exit_tree:
	mattx_tree_exit();
exit_image:
	mattx_image_exit();
exit_proxy:
	mattx_proxy_exit();
exit_handle:
	mattx_handle_exit();
free_urgent_wq:
	destroy_workqueue(mattx_urgent_wq);
free_wq:
	destroy_workqueue(mattx_wq);
	return error;
}

static void __exit mattx_exit(void)
{
	/*
	 * Exports and guests hold the module: none is left here.  First nobody
	 * can ask for anything new, then what runs ends.
	 */
	mattx_proc_exit();
	mattx_device_exit();
	mattx_link_exit();
	mattx_netlink_exit();
	mattx_node_exit();
	mattx_locks_exit();
	mattx_hooks_exit();
	mattx_twin_exit();
	mattx_export_exit();
	mattx_late_signals_exit();
	mattx_guest_exit();
	mattx_tree_exit();
	flush_workqueue(mattx_urgent_wq);
	flush_workqueue(mattx_wq);
	mattx_image_exit();
	mattx_proxy_exit();
	mattx_handle_exit();
	destroy_workqueue(mattx_urgent_wq);
	destroy_workqueue(mattx_wq);
	pr_info("unloaded\n");
}

module_init(mattx_init);
module_exit(mattx_exit);
MODULE_DESCRIPTION("MattX: processes move between nodes");
MODULE_LICENSE("GPL");
MODULE_VERSION("2.0");
