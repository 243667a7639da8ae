// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads a file again and again and prints a checksum of it each time:
 * usage: checksum FILE [ROUNDS [MILLISECONDS-PER-MEBIBYTE]]
 *
 * The file is opened once, before any move: away from home every byte comes
 * over the network.  All lines must be alike but for their number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (64 << 10)
#define PAUSE_EVERY (1 << 20)

static void pause_for(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

int main(int argc, char **argv)
{
	static unsigned char block[BLOCK];
	long rounds = argc > 2 ? atol(argv[2]) : 1000000;
	long pace = argc > 3 ? atol(argv[3]) : 0;
	int fd;

	if (argc < 2) {
		fprintf(stderr, "usage: checksum FILE [ROUNDS [MILLISECONDS-PER-MEBIBYTE]]\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY);
	if (fd < 0) {
		fprintf(stderr, "checksum: cannot open %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (long round = 0; round < rounds; round++) {
		uint64_t sum = 14695981039346656037ull; /* FNV-1a */
		unsigned long long bytes = 0;
		ssize_t length;

		if (lseek(fd, 0, SEEK_SET) != 0) {
			fprintf(stderr, "checksum: cannot rewind: %s\n", strerror(errno));
			return 1;
		}
		while ((length = read(fd, block, BLOCK))) {
			if (length < 0 && errno == EINTR)
				continue;
			if (length < 0) {
				fprintf(stderr, "checksum: cannot read: %s\n", strerror(errno));
				return 1;
			}
			for (ssize_t i = 0; i < length; i++)
				sum = (sum ^ block[i]) * 1099511628211ull;
			if (pace && bytes / PAUSE_EVERY != (bytes + length) / PAUSE_EVERY)
				pause_for(pace);
			bytes += length;
		}
		printf("%ld: %016lx of %llu bytes\n", round, sum, bytes);
	}
	return 0;
}
