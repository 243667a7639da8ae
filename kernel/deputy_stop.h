/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_DEPUTY_STOP_H
#define _MATTX_DEPUTY_STOP_H
/*
 * Job control of a process that computes elsewhere: the deputy, which its
 * parent and its shell see, is stopped when the guest is.
 *
 * A stop may begin on either side.  STOP is sent to the deputy, which is
 * stopped by it and tells the guest.  Whether TSTP, TTIN and TTOU stop it the
 * guest decides, who knows its handlers: they are forwarded like all others,
 * and when the guest is stopped its node says so.  Then the deputy stops by
 * the same signal.  CONT always begins at home, unless somebody sends it on
 * the hosting node.
 */
#include <linux/types.h>

struct mattx_export;

/* While it is away and runs, or may run, signals are for the guest; the export's lock is held. */
bool mattx_deputy_forwards(const struct mattx_export *export);

/* What follows up to the blank line is for the deputy itself. */
/* It is about to be stopped: so is the guest, now or as soon as it can be told. */
void mattx_deputy_stop_guest(struct mattx_export *export);
/* It is not stopped, or not any more. */
void mattx_deputy_continue_guest(struct mattx_export *export);
/* true: the guest is stopped, and a signal that stops the deputy is pending now.  Does not sleep. */
bool mattx_deputy_stop_itself(struct mattx_export *export);
/* A SIGCONT has been taken off its queue.  true: it is for the guest, which is about to be sent it. */
bool mattx_deputy_forwards_continue(struct mattx_export *export);

/* In the driver's context: the guest runs, and learns of a stop that it could not be told. */
void mattx_deputy_catch_up(struct mattx_export *export);
/* Any context that may sleep: it has been told to end, and shall do so though it is stopped. */
void mattx_deputy_rouse(struct mattx_export *export);

#endif /* _MATTX_DEPUTY_STOP_H */
