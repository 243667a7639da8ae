/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_CONTROL_H
#define _MATTX_CONTROL_H
/*
 * Processes controlled by file, as openMosix 2.6 did: what /mattxfs/om/PID/
 * tells and takes.  Pids are those of the caller's pid namespace.
 */
#include <linux/types.h>
#include <linux/uidgid.h>

enum mattx_control {
	MATTX_CONTROL_WHERE,	/* "home", an address or "migrating"; written: "home", an address or a node */
	MATTX_CONTROL_CANTMOVE,	/* a code and a sentence; empty: it can move */
	MATTX_CONTROL_STAY,	/* 1: it is locked; written: 0 or 1 */
	MATTX_CONTROLS
};

#define MATTX_CONTROL_TEXT	256u

/* false: there is no such process of user space.  Else whose it is. */
bool mattx_control_owner(pid_t pid, kuid_t *uid, kgid_t *gid);
/* Bytes of @text, of MATTX_CONTROL_TEXT bytes, or -ESRCH. */
int mattx_control_read(pid_t pid, enum mattx_control which, char *text);
/* @word: without blanks at its ends.  May take as long as a move.  Errnos of export.h; EPERM: it is another user's. */
int mattx_control_write(pid_t pid, enum mattx_control which, const char *word);

/* Processes of user space in ascending order: the first one after @pid; 0: there is none. */
pid_t mattx_control_next(pid_t pid);

#endif /* _MATTX_CONTROL_H */
