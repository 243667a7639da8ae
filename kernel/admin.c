// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands of /proc/mattx/admin.  They run in the writer's context and may
 * block there; the errno of the write is the result.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "admin.h"
#include "export.h"
#include "guest.h"
#include "node.h"
#include "settings.h"
#include "stay.h"

#define MATTX_COMMAND_SIZE	2048	/* bytes of one write */

struct mattx_command {
	const char	*name;
	/* @arguments: the rest of the line, without blanks at its ends. */
	int		(*run)(char *arguments);
};

/* The only argument, a switch. */
static int mattx_parse_switch(const char *text, bool *value)
{
	if (strcmp(text, "0") && strcmp(text, "1"))
		return -EINVAL;
	*value = *text == '1';
	return 0;
}

static int mattx_parse_pid(const char *text, pid_t *pid)
{
	return kstrtoint(text, 10, pid) || *pid <= 0 ? -EINVAL : 0;
}

/* The command named like the switch. */
#define MATTX_ADMIN_SWITCH(command, field)				\
static int mattx_admin_##command(char *arguments)			\
{									\
	bool on;							\
	int error = mattx_parse_switch(arguments, &on);			\
									\
	if (!error)							\
		WRITE_ONCE(mattx_settings.field, on);			\
	return error;							\
}

MATTX_ADMIN_SWITCH(balancer, balancer)
MATTX_ADMIN_SWITCH(mattxfs, mattxfs)
MATTX_ADMIN_SWITCH(debug, debug)
MATTX_ADMIN_SWITCH(block, block)
MATTX_ADMIN_SWITCH(stay, stay)
MATTX_ADMIN_SWITCH(lstay, stay_local)
MATTX_ADMIN_SWITCH(quiet, quiet)

/* "all": every guest of this node goes home.  "PID": this one, by its number here. */
static int mattx_admin_expel(char *arguments)
{
	pid_t pid;

	if (!strcmp(arguments, "all"))
		return mattx_guest_expel_all();
	return mattx_parse_pid(arguments, &pid) ?: mattx_guest_expel(pid);
}

/* "all": every process of this node that is away comes home. */
static int mattx_admin_bring(char *arguments)
{
	return strcmp(arguments, "all") ? -EINVAL : mattx_bring_all();
}

static int mattx_admin_affinity(char *arguments)
{
	u32 affinity;

	if (kstrtou32(arguments, 10, &affinity))
		return -EINVAL;
	WRITE_ONCE(mattx_settings.affinity, affinity);
	return 0;
}

static int mattx_admin_exclude(char *arguments)
{
	return mattx_settings_set_names(MATTX_EXCLUDES, arguments);
}

static int mattx_admin_include(char *arguments)
{
	return mattx_settings_set_names(MATTX_INCLUDES, arguments);
}

static int mattx_admin_lock(char *arguments)
{
	pid_t pid;

	return mattx_parse_pid(arguments, &pid) ?: mattx_lock(pid, true);
}

static int mattx_admin_unlock(char *arguments)
{
	pid_t pid;

	return mattx_parse_pid(arguments, &pid) ?: mattx_lock(pid, false);
}

/* How memory follows, the last word of a move. */
static int mattx_parse_memory_mode(const char *word, enum mattx_memory_mode *mode)
{
	static const char * const modes[MATTX_MEMORY_MODES] = {
		[MATTX_MEMORY_HYBRID] = "hybrid",
		[MATTX_MEMORY_LAZY] = "lazy",
		[MATTX_MEMORY_EAGER] = "eager",
	};
	int which = match_string(modes, ARRAY_SIZE(modes), word);

	if (which >= 0)
		*mode = which;
	return which < 0 ? which : 0;
}

/* "PID NODE [MODE]", "PID ADDRESS [MODE]", "PID best [MODE]" or "PID home". */
static int mattx_admin_migrate(char *arguments)
{
	char *where = arguments;
	char *pid_text = strsep(&where, " \t");
	enum mattx_memory_mode mode = MATTX_MEMORY_HYBRID;
	char *mode_text;
	u32 node;
	pid_t pid;
	int error;

	if (!where || mattx_parse_pid(pid_text, &pid))
		return -EINVAL;
	where = skip_spaces(where);
	mode_text = where;
	where = strsep(&mode_text, " \t");
	if (mode_text && mattx_parse_memory_mode(skip_spaces(mode_text), &mode))
		return -EINVAL;
	if (!strcmp(where, "home"))
		return mattx_recall(pid);
	if (!strcmp(where, "best"))
		return mattx_migrate_best(pid, mode);
	error = mattx_node_resolve(where, &node);
	if (error)
		return error;
	return mattx_migrate(pid, node, mode);
}

static const struct mattx_command mattx_commands[] = {
	{ "migrate", mattx_admin_migrate },
	{ "balancer", mattx_admin_balancer },
	{ "mattxfs", mattx_admin_mattxfs },
	{ "debug", mattx_admin_debug },
	{ "affinity", mattx_admin_affinity },
	{ "exclude", mattx_admin_exclude },
	{ "include", mattx_admin_include },
	{ "expel", mattx_admin_expel },
	{ "bring", mattx_admin_bring },
	{ "block", mattx_admin_block },
	{ "stay", mattx_admin_stay },
	{ "lstay", mattx_admin_lstay },
	{ "quiet", mattx_admin_quiet },
	{ "lock", mattx_admin_lock },
	{ "unlock", mattx_admin_unlock },
};

/* @line: one command without its newline; it is taken apart. */
static int mattx_admin_run(char *line)
{
	char *arguments = strim(line);
	char *name = strsep(&arguments, " \t");
	size_t i;

	arguments = arguments ? skip_spaces(arguments) : "";
	for (i = 0; i < ARRAY_SIZE(mattx_commands); i++)
		if (!strcmp(name, mattx_commands[i].name))
			return mattx_commands[i].run(arguments);
	pr_info_ratelimited("admin: there is no command \"%.32s\"\n", name);
	return -EINVAL;
}

static ssize_t mattx_admin_write(struct file *file, const char __user *buffer, size_t count,
				 loff_t *position)
{
	char *line, *end;
	int error;

	if (!count || count >= MATTX_COMMAND_SIZE)
		return -EINVAL;
	line = memdup_user_nul(buffer, count);
	if (IS_ERR(line))
		return PTR_ERR(line);
	end = strchr(line, '\n');
	/* One command a write: what follows the newline would go unanswered. */
	if (strlen(line) != count || (end && end != line + count - 1)) {
		kfree(line);
		return -EINVAL;
	}
	error = mattx_admin_run(line);
	kfree(line);
	return error ?: count;
}

const struct proc_ops mattx_admin_ops = {
	.proc_write	= mattx_admin_write,
	.proc_lseek	= noop_llseek,
};
