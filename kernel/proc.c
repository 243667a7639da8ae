// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files of /proc/mattx.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "admin.h"
#include "export.h"
#include "guest.h"
#include "link.h"
#include "node.h"
#include "proc.h"
#include "refuse.h"
#include "settings.h"
#include "wire.h"

#define MATTX_PROC_DIRECTORY	"mattx"

static int mattx_version_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "MattX Version: 2.0\n");
	seq_puts(m, "MattX License: GPLv2\n");
	seq_printf(m, "Module Protocol: %u\n", MATTX_WIRE_VERSION);
	seq_printf(m, "Commit: %s\n", MATTX_COMMIT);
	return 0;
}

static int mattx_nodes_file_show(struct seq_file *m, void *unused)
{
	static const char rule[] =
		"------------------------------------------------------------------------\n";

	seq_puts(m, "MattX Cluster Nodes:\n");
	seq_puts(m, rule);
	seq_puts(m, "Node ID\t\tIP Address\tCPU Load\tAffinity\tMem Free (MB)\n");
	seq_puts(m, rule);
	mattx_nodes_show(m);
	seq_putc(m, '\n');
	mattx_settings_show(m);
	return 0;
}

static int mattx_remote_show(struct seq_file *m, void *unused)
{
	mattx_exports_show_remote(m);
	return 0;
}

static int mattx_guests_file_show(struct seq_file *m, void *unused)
{
	mattx_guests_show(m);
	return 0;
}

static int mattx_processes_show(struct seq_file *m, void *unused)
{
	mattx_exports_show_processes(m);
	mattx_guests_show_processes(m);
	return 0;
}

static int mattx_settings_file_show(struct seq_file *m, void *unused)
{
	mattx_settings_show_all(m);
	return 0;
}

static int mattx_stats_show(struct seq_file *m, void *unused)
{
	mattx_links_show(m);
	mattx_exports_show_stats(m);
	mattx_refusals_show(m);
	return 0;
}

static const struct {
	const char *name;
	int (*show)(struct seq_file *m, void *unused);
} mattx_proc_files[] = {
	{ "version", mattx_version_show },
	{ "nodes", mattx_nodes_file_show },
	{ "remote", mattx_remote_show },
	{ "guests", mattx_guests_file_show },
	{ "processes", mattx_processes_show },
	{ "settings", mattx_settings_file_show },
	{ "stats", mattx_stats_show },
};

int __init mattx_proc_init(void)
{
	struct proc_dir_entry *directory;
	size_t i;

	directory = proc_mkdir(MATTX_PROC_DIRECTORY, NULL);
	if (!directory)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(mattx_proc_files); i++)
		if (!proc_create_single(mattx_proc_files[i].name, 0444, directory,
					mattx_proc_files[i].show))
			goto remove;
	if (!proc_create("admin", 0600, directory, &mattx_admin_ops) ||
	    !proc_create("why", 0600, directory, &mattx_why_ops))
		goto remove;
	return 0;

remove:
	mattx_proc_exit();
	return -ENOMEM;
}

void mattx_proc_exit(void)
{
	remove_proc_subtree(MATTX_PROC_DIRECTORY, NULL);
}
