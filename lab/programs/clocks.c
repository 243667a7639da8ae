// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that reads its clocks all the time, which must never go back.
 * "readings N faults N" comes at the end, which SIGTERM brings.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static volatile sig_atomic_t is_over;

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(void)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	int64_t last[2] = { 0 }, time;
	unsigned long readings, faults = 0;
	unsigned int i;

	signal(SIGTERM, on_term);
	printf("start\n");
	fflush(stdout);
	for (readings = 0; !is_over; readings++) {
		for (i = 0; i < 2; i++) {
			time = read_clock(clocks[i]);
			if (time < last[i]) {
				faults++;
				printf("WRONG: clock %d went back by %lld us\n", clocks[i],
				       (long long)(last[i] - time) / 1000);
				fflush(stdout);
			}
			last[i] = time;
		}
	}
	printf("readings %lu faults %lu\n", readings, faults);
	return readings && !faults ? 7 : 99;
}
