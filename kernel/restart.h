/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_RESTART_H
#define _MATTX_RESTART_H
/*
 * System calls that were interrupted and go on with the help of a restart
 * block.  All others carry what they need in their registers.
 */
#include "wire_move.h"

/* In the task's own context, after its registers were captured. */
void mattx_restart_capture(struct mattx_thread *thread);
/* In the task's own context, after its registers were set.  @away: as a guest. */
void mattx_restart_apply(const struct mattx_thread *thread, bool away);

#endif /* _MATTX_RESTART_H */
