/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_HOME_CALL_H
#define _MATTX_HOME_CALL_H
/*
 * What a guest asks of its process at home: the away side of HOME_CALL.
 */
#include "wire_move.h"

struct mattx_guest;

/*
 * Asks and waits, killably.  0: there is an answer.  -EAGAIN: not now, the
 * caller's system call is to be begun again; others when home cannot be asked.
 */
int mattx_home_call(struct mattx_guest *guest, const struct mattx_home_call *call,
		    struct mattx_home_answer *answer);
/* What a system call returns to be begun again, as if it had not been called yet. */
long mattx_home_call_again(void);

#endif /* _MATTX_HOME_CALL_H */
