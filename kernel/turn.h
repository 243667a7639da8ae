/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_TURN_H
#define _MATTX_TURN_H
/*
 * Turns: how many processes of this node are on their way at once.
 *
 * All at once, a crowd would only make each of them stand still for as long as
 * the whole crowd takes.  So those that come later compute on until it is their
 * turn, in the order in which they came.  The two ways do not wait for each
 * other, because what goes out may have to come home.
 */
enum mattx_way {
	MATTX_WAY_OUT,
	MATTX_WAY_HOME,
	MATTX_WAYS
};

/* Killable: -EINTR.  Whoever has a turn is done in bounded time. */
int mattx_turn_take(enum mattx_way way);
void mattx_turn_give(enum mattx_way way);

void mattx_turns_init(void);

#endif /* _MATTX_TURN_H */
