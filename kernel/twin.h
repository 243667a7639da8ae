/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_TWIN_H
#define _MATTX_TWIN_H
/*
 * Threads that a process begins away: each has a twin at home from its
 * beginning on, whose tid is the thread's and which is held with the others.
 */
struct mattx_export;

/*
 * In the deputy's context: one more.  Its tid, or -errno: those of clone() for
 * want of memory or right, -ERESTARTNOINTR when a signal is in the way,
 * -EOPNOTSUPP when this kernel does not let us.
 */
long mattx_twin_make(struct mattx_export *export);

void mattx_twin_exit(void);

#endif /* _MATTX_TWIN_H */
