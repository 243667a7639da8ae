// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Feeds mutated messages to every decoder, under the sanitizers.  The
 * sequence is the same in every run, so that a failure can be repeated.
 */
#include <stdio.h>
#include <stdlib.h>

#include "wire_targets.h"

#define MESSAGE_SIZE	SAMPLE_ROOM

static u64 state = 0x9e3779b97f4a7c15ull;

static u32 random_below(u32 limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state >> 32) % limit;
}

/* Values at the edges are what breaks length checks. */
static u8 random_byte(void)
{
	static const u8 edges[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	return random_below(2) ? edges[random_below(ARRAY_SIZE(edges))] : (u8)random_below(256);
}

static size_t mutate(u8 *message, size_t length)
{
	u32 changes = random_below(8);

	while (changes--) {
		switch (random_below(4)) {
		case 0:
			length = random_below((u32)length + 1);
			break;
		case 1:
			while (length < MESSAGE_SIZE - 1 && random_below(8))
				message[length++] = random_byte();
			break;
		default:
			if (length)
				message[random_below((u32)length)] = random_byte();
		}
	}
	return length;
}

/* Only a message that is understood can be damaged in a way that matters. */
static void check_samples(void)
{
	static u8 message[MESSAGE_SIZE];
	size_t target, length;

	for (target = 0; target < mattx_target_count; target++) {
		length = mattx_targets[target].sample(message, sizeof(message));
		if (mattx_targets[target].decode(message, length)) {
			printf("FAILED: the sample of \"%s\" is not understood\n",
			       mattx_targets[target].name);
			exit(EXIT_FAILURE);
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	static u8 message[MESSAGE_SIZE + 1];
	unsigned long round;
	size_t target;

	check_samples();
	for (round = 0; round < rounds; round++) {
		for (target = 0; target < mattx_target_count; target++) {
			size_t length = mattx_targets[target].sample(message + 1, MESSAGE_SIZE);

			message[0] = (u8)target;
			length = mutate(message + 1, length);
			LLVMFuzzerTestOneInput(message, length + 1);
		}
	}
	printf("wire_fuzz: %zu decoders, %lu messages each: passed\n", mattx_target_count, rounds);
	return 0;
}
