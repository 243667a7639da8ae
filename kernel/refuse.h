/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_REFUSE_H
#define _MATTX_REFUSE_H
/*
 * Why a process does not move: a code for programs, an errno for the caller,
 * a sentence for people.
 */
#include <linux/types.h>

#include "wire_move.h"

struct mattx_area;
struct mm_struct;
struct seq_file;
struct task_struct;

enum mattx_reason {
	MATTX_REASON_NONE,
	MATTX_REASON_KERNEL_THREAD,
	MATTX_REASON_INIT,
	MATTX_REASON_EXITING,
	MATTX_REASON_TRACED,
	MATTX_REASON_COMPAT,
	MATTX_REASON_THREADS,
	MATTX_REASON_IO_URING,
	MATTX_REASON_NAMESPACE,
	MATTX_REASON_SECCOMP,
	MATTX_REASON_STOPPED,
	MATTX_REASON_VFORK,
	MATTX_REASON_SHARED_MM,
	MATTX_REASON_TIMERS,
	MATTX_REASON_SHARED_MEMORY,
	MATTX_REASON_DEVICE_MEMORY,
	MATTX_REASON_HUGE_PAGES,
	MATTX_REASON_SPECIAL_MEMORY,
	MATTX_REASON_NO_VDSO,
	MATTX_REASON_GUEST,
	MATTX_REASON_MOVING,
	MATTX_REASON_SELF,
	MATTX_REASON_FILES,
	MATTX_REASON_CREDENTIALS,
	MATTX_REASON_MAIN_THREAD,
	MATTX_REASON_NEW_THREADS,
	MATTX_REASON_LOCKED,
	MATTX_REASON_STAY,
	MATTX_REASON_NO_BETTER,		/* "best" only */
	MATTX_REASON_REMOTE,		/* the other node's words */
	MATTX_REASONS
};

/* Fills @refusal, counts the reason, and returns its errno (negative). */
int mattx_refuse(struct mattx_refusal *refusal, enum mattx_reason reason);
/* The same with another sentence. */
__printf(4, 5)
int mattx_refuse_words(struct mattx_refusal *refusal, enum mattx_reason reason, int error,
		       const char *format, ...);

/* What can be seen without touching the process.  0 or the refusal's errno. */
int mattx_refuse_task(struct task_struct *task, struct mattx_refusal *refusal);
/* The part of it that concerns one thread. */
int mattx_refuse_thread(struct task_struct *task, struct mattx_refusal *refusal);
/* The short name of a refusal that was made here. */
const char *mattx_refusal_code(const struct mattx_refusal *refusal);
/* One mapping that cannot move is enough.  Caller holds the mmap lock of @mm. */
int mattx_refuse_memory(struct mm_struct *mm, struct mattx_refusal *refusal);

/* Counters per reason, for /proc/mattx/stats. */
void mattx_refusals_show(struct seq_file *m);

#endif /* _MATTX_REFUSE_H */
