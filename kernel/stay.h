/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_STAY_H
#define _MATTX_STAY_H
/*
 * Processes that stay where they are because somebody said so: single ones that
 * are locked, and all of this node by the switches "stay" and "lstay".  None of
 * it keeps a process from coming home: a node can always be emptied.
 */
#include <linux/types.h>

struct mattx_refusal;
struct seq_file;
struct task_struct;

/*
 * Locks or unlocks the process @pid of this node, which may be away; both are
 * fine when it is so already.  A lock ends with its process, and children do not
 * inherit it.  -ESRCH: no such process; -EOPNOTSUPP: a guest, whose home locks
 * it; -ENOSPC: too many are locked.
 */
int mattx_lock(pid_t pid, bool locked);

bool mattx_is_locked(struct task_struct *task);

/* May it leave the node where it is for one that is not its home?  0 or the refusal's errno. */
int mattx_refuse_stay(struct task_struct *task, struct mattx_refusal *refusal);

/* The pids of locked processes, each with a blank before it. */
void mattx_locks_show(struct seq_file *m);

void mattx_locks_exit(void);

#endif /* _MATTX_STAY_H */
