// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Haste.
 */
#include <linux/sched.h>
#include <linux/sched/prio.h>

#include "haste.h"

void mattx_haste_begin(struct mattx_haste *haste, struct task_struct *task)
{
	if (haste->begun)
		return;
	haste->begun = true;
	haste->nice = task_nice(task);
	set_user_nice(task, MIN_NICE);
}

void mattx_haste_end(struct mattx_haste *haste, struct task_struct *task)
{
	/* Unless somebody has given it another priority meanwhile. */
	if (haste->begun && task_nice(task) == MIN_NICE)
		set_user_nice(task, haste->nice);
	haste->begun = false;
}

int mattx_haste_nice(const struct mattx_haste *haste, struct task_struct *task)
{
	int nice = task_nice(task);

	return haste->begun && nice == MIN_NICE ? haste->nice : nice;
}
