/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_GUEST_H
#define _MATTX_GUEST_H
/*
 * The away side of a move: what others may ask for.
 */
#include <linux/types.h>

struct mattx_frame;
struct mattx_guest;
struct mattx_guest_info;
struct mattx_link;
struct seq_file;
struct task_struct;

/* The main thread @task computes here for another node.  Any context of processes. */
bool mattx_guest_is(struct task_struct *task);
/*
 * Asks the home of a guest to take it back; returns when it has, or with an
 * errno.  ESRCH: @task is no guest.  Killable.
 */
int mattx_guest_send_home(struct task_struct *task);
/* The same for the guest whose pid here is @pid, in the caller's pid namespace. */
int mattx_guest_expel(pid_t pid);
/*
 * And for all that are here, one after the other; goes on when one of them does
 * not leave.  0, or the first one's errno; EINTR: the caller was killed.
 */
int mattx_guest_expel_all(void);

/*
 * If the calling process is a guest: its home, and the number of its table of
 * handles there; else 0 and 0.
 */
void mattx_guest_table(u32 *home, u64 *table);

/* Rows of /proc/mattx/guests and processes. */
void mattx_guests_show(struct seq_file *m);
void mattx_guests_show_processes(struct seq_file *m);

/* The daemon has no surrogate for this offer. -ESRCH: there is no such offer. */
int mattx_guest_refuse(u64 ticket, int error, const char *reason);

/* The stub's way, see uapi/mattx.h.  A claimed guest is held by the device's file. */
struct mattx_guest *mattx_guest_claim(u64 ticket);
void mattx_guest_describe(const struct mattx_guest *guest, struct mattx_guest_info *info);
/* The ids of all threads but the main one, in the order of the blueprint. */
int mattx_guest_tids(const struct mattx_guest *guest, u32 __user *tids, u32 count);
/* Descriptor @fd is the listener of the stub's filter, see homeward.h. */
int mattx_guest_listen(struct mattx_guest *guest, int fd);
/* The folder at @path, @length bytes, of its root is storage that this node has mounted, too. */
int mattx_guest_shared(struct mattx_guest *guest, const char __user *path, u32 length);
/* In the context of a thread of the stub, other than the main one: it becomes a thread of the guest. */
int mattx_guest_join(struct mattx_guest *guest);
/* Waits until all of them have; killable. */
int mattx_guest_await_threads(struct mattx_guest *guest);
/* Its parent has seen that it was stopped by signal @number; 0: or continued. */
int mattx_guest_stopped(struct mattx_guest *guest, u32 number);
/* The file is closed: refuses the offer unless the stub has become the guest. */
void mattx_guest_unclaim(struct mattx_guest *guest);
/* In the stub's own context; after -errno with the address space intact it may exit as it likes. */
int mattx_guest_become(struct mattx_guest *guest);

/* Messages of homes; receive thread, the frame is consumed. */
void mattx_guest_receive_offer(struct mattx_link *link, struct mattx_frame *frame);
void mattx_guest_receive_run(struct mattx_link *link, struct mattx_frame *frame);
void mattx_guest_receive_abort(struct mattx_link *link, struct mattx_frame *frame);
void mattx_guest_receive_recall(struct mattx_link *link, struct mattx_frame *frame);
void mattx_guest_receive_recalled(struct mattx_link *link, struct mattx_frame *frame);
void mattx_guest_receive_signal(struct mattx_link *link, struct mattx_frame *frame);
void mattx_guest_receive_kill(struct mattx_link *link, struct mattx_frame *frame);
void mattx_guest_receive_pages(struct mattx_link *link, struct mattx_frame *frame);

/* The home is gone: its guests end. */
void mattx_guest_peer_down(struct mattx_link *link);

/* No guest is left: each holds the module. */
void mattx_guest_exit(void);

#endif /* _MATTX_GUEST_H */
