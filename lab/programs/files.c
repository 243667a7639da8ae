// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that works with the files it has opened, and knows what each of
 * them must answer: files DIRECTORY ROUNDS [MILLISECONDS-PER-ROUND].
 *
 * It opens everything at its start and opens nothing later.  What it reads
 * back is compared with a copy in memory, so that a byte, an offset, a flag
 * or a descriptor that a move loses is seen in the same round.  The checksum
 * depends on the rounds only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define DATA_SIZE	(1u << 20)
#define BLOCK_LIMIT	(300u << 10)	/* more than one message carries */
#define PIPE_BYTES	(40u << 10)
#define KEPT_FD		70		/* a number that is kept over moves */

static unsigned char data[DATA_SIZE];	/* what the data file must hold */
static unsigned char buffer[DATA_SIZE];
static uint64_t state = 88172645463325252ull, sum;
static unsigned long wrong;

static uint32_t random_below(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % limit;
}

static void check(int holds, const char *what, unsigned long round)
{
	if (holds)
		return;
	wrong++;
	printf("WRONG: %s in round %lu (errno %d)\n", what, round, errno);
	fflush(stdout);
}

static void mix(const unsigned char *bytes, size_t length)
{
	while (length--)
		sum = (sum ^ *bytes++) * 0x100000001b3ull;
}

/* Positions of its own: any block, read back whole. */
static void blocks(int fd, unsigned long round)
{
	uint32_t length = 1 + random_below(BLOCK_LIMIT);
	uint32_t at = random_below(DATA_SIZE - length);
	uint32_t i;

	for (i = 0; i < length; i++)
		data[at + i] = (unsigned char)(round + i * 7 + (i >> 9));
	check(pwrite(fd, data + at, length, at) == (ssize_t)length, "pwrite", round);
	at = random_below(DATA_SIZE - length);
	check(pread(fd, buffer, length, at) == (ssize_t)length && !memcmp(buffer, data + at, length),
	      "pread", round);
	mix(buffer, length < 4096 ? length : 4096);
}

/* One offset, shared by a descriptor and its duplicate. */
static void offsets(int fd, int duplicate, unsigned long round)
{
	off_t at = random_below(DATA_SIZE - 8192);
	struct iovec parts[2] = { { buffer, 100 }, { buffer + 100, 5000 } };

	check(lseek(duplicate, at, SEEK_SET) == at, "lseek", round);
	check(readv(fd, parts, 2) == 5100 && !memcmp(buffer, data + at, 5100), "readv", round);
	check(lseek(duplicate, 0, SEEK_CUR) == at + 5100, "the shared offset", round);
	memset(data + at + 5100, (int)round, 16);
	check(write(fd, data + at + 5100, 16) == 16, "write", round);
	check(lseek(fd, 0, SEEK_END) == DATA_SIZE, "the end of the file", round);
}

static void appends(int fd, unsigned long round)
{
	struct stat status;
	char line[32];
	int length = snprintf(line, sizeof(line), "line %lu\n", round);
	static off_t size;

	check(write(fd, line, length) == length, "append", round);
	check(!fsync(fd), "fsync", round);
	size += length;
	check(!fstat(fd, &status) && status.st_size == size && S_ISREG(status.st_mode),
	      "the size of the appended file", round);
	check(fcntl(fd, F_GETFL) & O_APPEND, "O_APPEND", round);
}

static void pipes(const int ends[2], unsigned long round)
{
	struct pollfd wait = { .fd = ends[0], .events = POLLIN };
	uint32_t length = 1 + random_below(PIPE_BYTES), i;
	int waiting = -1;

	check(poll(&wait, 1, 0) == 0, "an empty pipe is not readable", round);
	check(read(ends[0], buffer, 1) == -1 && errno == EAGAIN, "an empty pipe says EAGAIN", round);
	for (i = 0; i < length; i++)
		buffer[i] = (unsigned char)(i * 3 + round);
	check(write(ends[1], buffer, length) == (ssize_t)length, "write to the pipe", round);
	check(poll(&wait, 1, 10000) == 1 && wait.revents == POLLIN, "the pipe is readable", round);
	check(!ioctl(ends[0], FIONREAD, &waiting) && waiting == (int)length, "FIONREAD", round);
	memset(buffer, 0, length);
	check(read(ends[0], buffer, length) == (ssize_t)length, "read from the pipe", round);
	for (i = 0; i < length && buffer[i] == (unsigned char)(i * 3 + round); i++)
		;
	check(i == length, "bytes of the pipe", round);
	check(lseek(ends[0], 0, SEEK_CUR) == -1 && errno == ESPIPE, "a pipe has no offset", round);
}

/* Numbers and flags that the round before has left behind. */
static void descriptors(int fd, int terminal, unsigned long round)
{
	int number = KEPT_FD + (int)(round % 3), before = KEPT_FD + (int)((round + 2) % 3);

	if (round) {
		check(fcntl(before, F_GETFD) == FD_CLOEXEC, "close-on-exec of a kept descriptor", round);
		check(!close(before), "close of a kept descriptor", round);
	}
	check(fcntl(number, F_GETFD) == -1 && errno == EBADF, "a closed descriptor is closed", round);
	check(dup3(fd, number, O_CLOEXEC) == number, "dup3", round);
	check(isatty(1) == terminal, "isatty", round);
}

static void devices(int zero, int null, int directory, unsigned long round)
{
	struct stat status;
	size_t i;

	memset(buffer, 1, 100000);
	check(read(zero, buffer, 100000) == 100000, "read of /dev/zero", round);
	for (i = 0; i < 100000 && !buffer[i]; i++)
		;
	check(i == 100000, "/dev/zero is zero", round);
	check(write(null, buffer, 100000) == 100000 && read(null, buffer, 1) == 0, "/dev/null", round);
	check(!fstat(directory, &status) && S_ISDIR(status.st_mode), "fstat of a directory", round);
	check(read(directory, buffer, 10) == -1 && errno == EISDIR, "a directory is not read", round);
}

static int opened(int fd, const char *what)
{
	if (fd < 0) {
		fprintf(stderr, "files: cannot open %s: %s\n", what, strerror(errno));
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long rounds, round, pause_ms;
	int fd, duplicate, append, zero, null, directory, ends[2], terminal;

	if (argc < 3) {
		fprintf(stderr, "usage: files DIRECTORY ROUNDS [MILLISECONDS-PER-ROUND]\n");
		return 2;
	}
	rounds = strtoul(argv[2], NULL, 10);
	pause_ms = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	if (chdir(argv[1])) {
		fprintf(stderr, "files: cannot enter %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	fd = opened(open("data", O_RDWR | O_CREAT | O_TRUNC, 0600), "data");
	duplicate = opened(dup(fd), "a duplicate");
	append = opened(open("lines", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600), "lines");
	zero = opened(open("/dev/zero", O_RDONLY), "/dev/zero");
	null = opened(open("/dev/null", O_RDWR), "/dev/null");
	directory = opened(open(".", O_RDONLY | O_DIRECTORY), "the directory");
	opened(pipe2(ends, O_NONBLOCK), "a pipe");
	terminal = isatty(1);
	check(pwrite(fd, data, DATA_SIZE, 0) == DATA_SIZE, "the first content", 0);

	printf("start pid %d\n", getpid());
	fflush(stdout);
	for (round = 0; round < rounds; round++) {
		struct timespec pause = { pause_ms / 1000, pause_ms % 1000 * 1000000 };

		blocks(fd, round);
		offsets(fd, duplicate, round);
		appends(append, round);
		pipes(ends, round);
		descriptors(fd, terminal, round);
		devices(zero, null, directory, round);
		printf("round %lu\n", round);
		fflush(stdout);
		while (nanosleep(&pause, &pause) && errno == EINTR)
			;
	}
	check(pread(fd, buffer, DATA_SIZE, 0) == DATA_SIZE && !memcmp(buffer, data, DATA_SIZE),
	      "the whole file", round);
	mix(buffer, DATA_SIZE);
	printf("checksum %016llx wrong %lu\n", (unsigned long long)sum, wrong);
	return wrong ? 1 : 0;
}
