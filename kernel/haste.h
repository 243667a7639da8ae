/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_HASTE_H
#define _MATTX_HASTE_H
/*
 * Haste: a process that is on its way stands still until somebody has done the
 * kernel's part of the move.  On a node full of computations, or for a process
 * of low priority, its share of the processor would make that last for
 * seconds; so it goes before ordinary work for as long as that takes.
 *
 * Whoever asks a task for something begins, the task itself ends it.  Calls for
 * the same haste do not overlap.  No context is excluded but interrupts.
 */
#include <linux/types.h>

struct task_struct;

struct mattx_haste {
	int	nice;	/* what the task had */
	bool	begun;
};

/* Not twice: only the first one counts. */
void mattx_haste_begin(struct mattx_haste *haste, struct task_struct *task);
void mattx_haste_end(struct mattx_haste *haste, struct task_struct *task);
/* What the task has when it is in no haste. */
int mattx_haste_nice(const struct mattx_haste *haste, struct task_struct *task);

#endif /* _MATTX_HASTE_H */
