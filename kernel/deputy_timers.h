/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_DEPUTY_TIMERS_H
#define _MATTX_DEPUTY_TIMERS_H
/*
 * POSIX timers of a guest, which stay with its deputy.
 */
#include "wire_move.h"

/* In the deputy's context: one of the calls MATTX_CALL_TIMER_*; a deadline in it becomes one by our clocks. */
void mattx_deputy_timer_call(struct mattx_home_call *call, struct mattx_home_answer *answer);

#endif /* _MATTX_DEPUTY_TIMERS_H */
