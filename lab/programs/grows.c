// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program whose memory grows and shrinks with mremap(): blocks that were made
 * anywhere are made longer anywhere, in their place, elsewhere, and at a given
 * address, and must keep what they hold.  "grown N faults N" comes at the end,
 * which SIGTERM brings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BLOCKS	12
#define PAGE	4096ul
#define LEAST	4		/* pages */
#define MOST	256
#define ROOM	(64ul << 20)	/* between the addresses that are given */

static volatile sig_atomic_t is_over;
static unsigned char *places;
static unsigned long grown, faults, round_number;

static struct block {
	unsigned char *at;
	unsigned long pages;
} blocks[BLOCKS];

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

static void wrong(const char *what, unsigned int block, long got)
{
	if (faults++ < 20)
		printf("WRONG %s: block %u, %ld, round %lu, errno %d\n", what, block, got,
		       round_number, errno);
	fflush(stdout);
}

/* The last thing that happens: printf() is good enough. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	unsigned int block;

	(void)context;
	printf("WRONG: signal %d, code %d at %p in round %lu\n", number, info->si_code,
	       info->si_addr, round_number);
	for (block = 0; block < BLOCKS; block++)
		printf("block %u: %p, %lu pages\n", block, (void *)blocks[block].at,
		       blocks[block].pages);
	fflush(stdout);
	_exit(99);
}

/* Every third page stays a hole. */
static uint64_t expected(unsigned int block, unsigned long page)
{
	return page % 3 == 2 ? 0 : (uint64_t)block << 32 | (page + 1);
}

static void fill(unsigned int block, unsigned long from, unsigned long to)
{
	for (; from < to; from++)
		if (expected(block, from))
			*(uint64_t *)(blocks[block].at + from * PAGE) = expected(block, from);
}

static void check(unsigned int block)
{
	unsigned long page;
	uint64_t got;

	for (page = 0; page < blocks[block].pages; page++) {
		got = *(uint64_t *)(blocks[block].at + page * PAGE);
		if (got != expected(block, page))
			wrong("contents", block, page);
	}
}

static bool is_at_its_place(unsigned int block, const unsigned char *at)
{
	const unsigned char *place = places + 2 * block * ROOM;

	return at == place || at == place + ROOM;
}

static void reserve(unsigned char *at, unsigned long length)
{
	if (mmap(at, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		 -1, 0) != at)
		wrong("reserve", 0, length / PAGE);
}

static void resize(unsigned int block, unsigned long pages, int flags, void *to)
{
	struct block *b = &blocks[block];
	unsigned char *before = b->at;
	void *at = mremap(b->at, b->pages * PAGE, pages * PAGE, flags, to);

	if (at == MAP_FAILED) {
		/* What is behind it is in use. */
		if (flags || errno != ENOMEM)
			wrong("mremap", block, flags);
		return;
	}
	if (flags & MREMAP_FIXED && at != to)
		wrong("address", block, 0);
	b->at = at;
	/* Nothing else may come where it was, or behind it. */
	if (is_at_its_place(block, before) && before != b->at)
		reserve(before, ROOM);
	else if (is_at_its_place(block, before) && pages < b->pages)
		reserve(before + pages * PAGE, ROOM - pages * PAGE);
	if (pages > b->pages) {
		fill(block, b->pages, pages);
		grown++;
	}
	b->pages = pages;
}

/* Each has two, and is in one of them at most. */
static void *other_place(unsigned int block)
{
	unsigned char *place = places + 2 * block * ROOM;

	return blocks[block].at == place ? place + ROOM : place;
}

int main(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct timespec pause = { 0, 2000000 };
	unsigned int block;

	signal(SIGTERM, on_term);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	/* Addresses that nothing else is given. */
	places = mmap(NULL, 2 * BLOCKS * ROOM, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (block = 0; block < BLOCKS; block++) {
		blocks[block].pages = LEAST;
		blocks[block].at = mmap(NULL, LEAST * PAGE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (places == MAP_FAILED || blocks[block].at == MAP_FAILED)
			return 98;
		fill(block, 0, LEAST);
	}
	printf("start\n");
	fflush(stdout);
	for (; !is_over; round_number++) {
		block = round_number * 7 % BLOCKS;
		check(block);
		if (blocks[block].pages >= MOST)
			resize(block, LEAST, 0, NULL);
		else if (block % 3 == 0)
			resize(block, 2 * blocks[block].pages, MREMAP_MAYMOVE, NULL);
		else if (block % 3 == 1)
			resize(block, blocks[block].pages + 3, 0, NULL);
		else
			resize(block, 2 * blocks[block].pages, MREMAP_MAYMOVE | MREMAP_FIXED,
			       other_place(block));
		check(block);
		nanosleep(&pause, NULL);
	}
	for (block = 0; block < BLOCKS; block++)
		check(block);
	printf("grown %lu faults %lu\n", grown, faults);
	return grown && !faults ? 7 : 99;
}
