/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_PARTNER_H
#define _MATTX_PARTNER_H
/*
 * Partners: other processes with which one shares what only its own threads
 * should share.
 *
 * Counters of references alone do not tell: threads that begin or end are
 * counted before or after they are threads of the process.  They only tell
 * that there is nobody to look for.
 *
 * From outside the answer is a first look.  It counts when the task itself
 * asks, and its threads stand still.
 */
#include <linux/types.h>

struct task_struct;

/* The address space, or the handlers of signals. */
bool mattx_partner_in_memory(struct task_struct *task);
/* The table of descriptors. */
bool mattx_partner_in_files(struct task_struct *task);

#endif /* _MATTX_PARTNER_H */
