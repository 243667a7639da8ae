// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The switches of /proc/mattx/admin.
 */
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "settings.h"
#include "stay.h"

#define MATTX_NAMES_SIZE	1024	/* bytes of a list, with its NUL */

struct mattx_settings mattx_settings = {
	.mattxfs = true,
};

static DEFINE_MUTEX(mattx_names_mutex);
static char mattx_names[MATTX_NAME_LISTS][MATTX_NAMES_SIZE]; /* the mutex */

int mattx_settings_set_names(enum mattx_name_list which, const char *names)
{
	const char *name = names;

	if (strlen(names) >= MATTX_NAMES_SIZE)
		return -E2BIG;
	while (*names && *name) {
		size_t length = strcspn(name, ",");

		if (!length || length >= TASK_COMM_LEN)
			return -EINVAL;
		name += length;
		if (*name == ',' && !*++name)
			return -EINVAL;
	}
	mutex_lock(&mattx_names_mutex);
	strscpy(mattx_names[which], names, MATTX_NAMES_SIZE);
	mutex_unlock(&mattx_names_mutex);
	return 0;
}

void mattx_settings_show(struct seq_file *m)
{
	seq_printf(m, "Balancer Enabled: %s\n",
		   READ_ONCE(mattx_settings.balancer) ? "YES" : "NO");
	seq_printf(m, "MattXFS Enabled: %s\n", READ_ONCE(mattx_settings.mattxfs) ? "YES" : "NO");
	seq_printf(m, "Debug Mode: %s\n", READ_ONCE(mattx_settings.debug) ? "ON" : "OFF");
	seq_printf(m, "Node Affinity: %u (0 = Auto)\n", READ_ONCE(mattx_settings.affinity));
	mutex_lock(&mattx_names_mutex);
	seq_printf(m, "Migration Excludes: %s\n", mattx_names[MATTX_EXCLUDES]);
	seq_printf(m, "Migration Includes: %s\n", mattx_names[MATTX_INCLUDES]);
	mutex_unlock(&mattx_names_mutex);
}

void mattx_settings_show_all(struct seq_file *m)
{
	const struct {
		const char	*name;
		bool		on;
	} switches[] = {
		{ "balancer", READ_ONCE(mattx_settings.balancer) },
		{ "mattxfs", READ_ONCE(mattx_settings.mattxfs) },
		{ "debug", READ_ONCE(mattx_settings.debug) },
		{ "block", READ_ONCE(mattx_settings.block) },
		{ "stay", READ_ONCE(mattx_settings.stay) },
		{ "lstay", READ_ONCE(mattx_settings.stay_local) },
		{ "quiet", READ_ONCE(mattx_settings.quiet) },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(switches); i++)
		seq_printf(m, "%s: %d\n", switches[i].name, switches[i].on);
	seq_printf(m, "affinity: %u\n", READ_ONCE(mattx_settings.affinity));
	mutex_lock(&mattx_names_mutex);
	seq_printf(m, "exclude: %s\n", mattx_names[MATTX_EXCLUDES]);
	seq_printf(m, "include: %s\n", mattx_names[MATTX_INCLUDES]);
	mutex_unlock(&mattx_names_mutex);
	seq_puts(m, "locked:");
	mattx_locks_show(m);
	seq_putc(m, '\n');
}
