// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counts primes with a sieve over its own memory: usage: primes [LIMIT [ROUNDS]]
 *
 * Touches LIMIT bytes of heap in every round, so that a move has pages to
 * fetch and a recall has pages to bring home.  The count does not depend on
 * where it was computed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	long limit = argc > 1 ? atol(argv[1]) : 16000000;
	long rounds = argc > 2 ? atol(argv[2]) : 1000000;
	char *composite;

	if (limit < 2) {
		fprintf(stderr, "primes: LIMIT must be at least 2\n");
		return 2;
	}
	composite = malloc(limit);
	if (!composite) {
		fprintf(stderr, "primes: %ld bytes of memory are not to be had\n", limit);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (long round = 0; round < rounds; round++) {
		long count = 0;

		memset(composite, 0, limit);
		for (long n = 2; n < limit; n++) {
			if (composite[n])
				continue;
			count++;
			for (long multiple = 2 * n; multiple < limit; multiple += n)
				composite[multiple] = 1;
		}
		printf("round %ld: %ld primes below %ld\n", round, count, limit);
	}
	free(composite);
	return 0;
}
