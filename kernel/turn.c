// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Turns.
 */
#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/semaphore.h>

#include "turn.h"

/* While one waits for the other node another one has work to do here. */
#define MATTX_TURNS_LEAST	4u

static struct semaphore mattx_turns[MATTX_WAYS];

int mattx_turn_take(enum mattx_way way)
{
	return down_killable(&mattx_turns[way]);
}

void mattx_turn_give(enum mattx_way way)
{
	up(&mattx_turns[way]);
}

void mattx_turns_init(void)
{
	int way;

	for (way = 0; way < MATTX_WAYS; way++)
		sema_init(&mattx_turns[way], max(num_online_cpus(), MATTX_TURNS_LEAST));
}
