// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting at the steps of a move.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/wait.h>

#include "step.h"

#define MATTX_STEP_DEADLINE	(60 * HZ)

static const char * const mattx_step_names[MATTX_STEPS] = {
	[MATTX_STEP_NONE] = "none",
	[MATTX_STEP_FROZEN] = "frozen",
	[MATTX_STEP_OFFERING] = "offering",
	[MATTX_STEP_OFFERED] = "offered",
	[MATTX_STEP_READY] = "ready",
	[MATTX_STEP_COMMITTED] = "committed",
	[MATTX_STEP_RECALLING] = "recalling",
	[MATTX_STEP_RECALLED] = "recalled",
	[MATTX_STEP_RECEIVED] = "received",
	[MATTX_STEP_APPLYING] = "applying",
	[MATTX_STEP_APPLIED] = "applied",
	[MATTX_STEP_MAPPED] = "mapped",
	[MATTX_STEP_RESTORED] = "restored",
	[MATTX_STEP_RUNNING] = "running",
	[MATTX_STEP_CAPTURED] = "captured",
	[MATTX_STEP_SENDING] = "sending",
	[MATTX_STEP_SENT] = "sent",
};

DEFINE_STATIC_KEY_FALSE(mattx_steps_watched);
static enum mattx_step mattx_step_watched;	/* written under the lock of parameters */
static DECLARE_WAIT_QUEUE_HEAD(mattx_step_wake);

void mattx_step_reached(enum mattx_step step)
{
	if (READ_ONCE(mattx_step_watched) != step)
		return;
	pr_notice("reached %s\n", mattx_step_names[step]);
	wait_event_killable_timeout(mattx_step_wake, READ_ONCE(mattx_step_watched) != step,
				    MATTX_STEP_DEADLINE);
}

static int mattx_step_set(const char *value, const struct kernel_param *parameter)
{
	int step = sysfs_match_string(mattx_step_names, value);

	if (step < 0)
		return step;
	WRITE_ONCE(mattx_step_watched, step);
	wake_up_all(&mattx_step_wake);
	if (step)
		static_branch_enable(&mattx_steps_watched);
	else
		static_branch_disable(&mattx_steps_watched);
	return 0;
}

static int mattx_step_get(char *buffer, const struct kernel_param *parameter)
{
	return sysfs_emit(buffer, "%s\n", mattx_step_names[READ_ONCE(mattx_step_watched)]);
}

static const struct kernel_param_ops mattx_step_ops = {
	.set	= mattx_step_set,
	.get	= mattx_step_get,
};

module_param_cb(wait_at, &mattx_step_ops, NULL, 0600);
MODULE_PARM_DESC(wait_at, "Step of a move at which it waits, for tests");
