/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_EXPORT_H
#define _MATTX_EXPORT_H
/*
 * The home side of a move: what others may ask for.
 */
#include <linux/types.h>

#include "wire_move.h"

struct mattx_export;
struct mattx_frame;
struct mattx_link;
struct mm_struct;
struct seq_file;
struct task_struct;

/*
 * Moves the process @pid (a thread group, in the caller's pid namespace) to
 * @node; from another node it goes on from there by way of its home.  Returns
 * when the move is committed, or with an errno when it is not and the process
 * runs where it was: ESRCH, EHOSTUNREACH, EBUSY, EOPNOTSUPP, EPERM (it has to
 * stay), EALREADY (it is there), ETIMEDOUT, EINTR (the caller was killed), or
 * the other node's.
 */
int mattx_migrate(pid_t pid, u32 node, enum mattx_memory_mode mode);

/*
 * The same, to the node whose load, as far as it is known, leaves it the largest
 * share of a processor.  -EAGAIN: none leaves it more than it has now.
 */
int mattx_migrate_best(pid_t pid, enum mattx_memory_mode mode);

/* Where @task computes, as people read it: "home", an address or "migrating".  Bytes of @text. */
int mattx_where(struct task_struct *task, char *text, size_t size);

/*
 * Why the process @pid would not move now: 0, it would, or the errno of the
 * refusal.  Nothing is done to it.
 */
int mattx_why(pid_t pid, struct mattx_refusal *refusal);

/*
 * Brings the process @pid home: one of ours, or, on the hosting node, a guest
 * by its pid here.  ESRCH when it is neither.
 */
int mattx_recall(pid_t pid);

/*
 * Brings all processes of this node home, one after the other, and goes on when
 * one of them does not come.  0, or the first one's errno; EINTR: the caller was killed.
 */
int mattx_bring_all(void);

/* Rows of /proc/mattx/remote and processes, and counters for stats. */
void mattx_exports_show_remote(struct seq_file *m);
void mattx_exports_show_processes(struct seq_file *m);
void mattx_exports_show_stats(struct seq_file *m);

/* The export whose deputy @task is, with a reference; NULL. */
struct mattx_export *mattx_export_of(struct task_struct *task);

/* For the page service: the memory of a deputy (mmput it), and what was served. */
struct mm_struct *mattx_export_memory(struct mattx_link *link, const struct mattx_move_key *key);
void mattx_export_served(struct mattx_link *link, const struct mattx_move_key *key, u32 pages);

/* Messages of hosting nodes; receive thread, the frame is consumed. */
void mattx_export_receive_ready(struct mattx_link *link, struct mattx_frame *frame);
void mattx_export_receive_refuse(struct mattx_link *link, struct mattx_frame *frame);
void mattx_export_receive_state(struct mattx_link *link, struct mattx_frame *frame);
void mattx_export_receive_exited(struct mattx_link *link, struct mattx_frame *frame);
/* What only the process at home can do for its guest. */
void mattx_export_receive_call(struct mattx_link *link, struct mattx_frame *frame);
/* A thread of the guest has ended. */
void mattx_export_receive_thread_end(struct mattx_link *link, struct mattx_frame *frame);
/* The guest is stopped, or not any more. */
void mattx_export_receive_stopped(struct mattx_link *link, struct mattx_frame *frame);
/* Sent to the guest where it was when its state was on the way home. */
void mattx_export_receive_late_signal(struct mattx_link *link, struct mattx_frame *frame);
/* A move that takes long has come a step further there. */
void mattx_export_receive_progress(struct mattx_link *link, struct mattx_frame *frame);
/* The hosting node sends the guest home. */
void mattx_export_receive_recall(struct mattx_link *link, struct mattx_frame *frame);

/* The link is gone: exports that depend on it get their defined end. */
void mattx_export_peer_down(struct mattx_link *link);

/* No export is left: each holds the module. */
void mattx_export_exit(void);

#endif /* _MATTX_EXPORT_H */
