// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that computes, and whose result tells whether it was moved
 * without harm: calc ROUNDS [MILLISECONDS-PER-ROUND [EXIT-STATUS]].
 *
 * Each round works on every kind of state that a move must carry: floating
 * point and AVX registers that stay live over all rounds, heap, deep stack,
 * fresh and given back mappings, a sparse reservation of 64 GiB, the break,
 * protections, its pid and the monotonic clock.  The checksum depends on the
 * rounds only.  SIGUSR1 prints a line; "tick N CHECKSUM" comes each tenth
 * round.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096UL
#define DENSE		(4UL << 20)	/* bytes that every round touches */
#define SPARSE		(64UL << 30)
#define SPARSE_STEP	(1UL << 30)
#define VECTORS		8

typedef double vector __attribute__((vector_size(32)));

static volatile sig_atomic_t usr1;
static uint64_t faults;

static void on_usr1(int number)
{
	(void)number;
	usr1++;
}

static uint64_t mix(uint64_t sum, uint64_t value)
{
	sum ^= value + 0x9e3779b97f4a7c15ULL + (sum << 6) + (sum >> 2);
	return sum * 0xff51afd7ed558ccdULL;
}

/* Something that may never be seen. */
static void fault(const char *what, unsigned long round)
{
	faults++;
	printf("WRONG %s in round %lu\n", what, round);
	fflush(stdout);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Keeps all sixteen AVX registers busy for the given time, at least once. */
__attribute__((target("avx"), noinline))
static uint64_t vectors(vector *state, uint64_t round, uint64_t until)
{
	vector v[VECTORS], scale = { 1.0000001, 0.9999999, 1.0000002, 0.9999998 };
	uint64_t sum = 0, bits[4];
	unsigned int i, j;

	memcpy(v, state, sizeof(v));
	for (i = 0; i < 2000; i++)
		for (j = 0; j < VECTORS; j++)
			v[j] = v[j] * scale + (vector){ 1e-3, 2e-3, 3e-3, (double)round * 1e-6 };
	memcpy(state, v, sizeof(v));
	for (j = 0; j < VECTORS; j++) {
		memcpy(bits, &v[j], sizeof(bits));
		for (i = 0; i < 4; i++)
			sum = mix(sum, bits[i]);
	}
	/* Time passes with the registers live, and what they hold must be what was stored. */
	while (now() < until) {
		vector w[VECTORS], same;
		memcpy(w, state, sizeof(w));
		for (i = 0; i < 1000; i++)
			for (j = 0; j < VECTORS; j++)
				w[j] = w[j] + (vector){ 1, 1, 1, 1 } - (vector){ 1, 1, 1, 1 };
		for (j = 0; j < VECTORS; j++) {
			same = w[j] - v[j];
			for (i = 0; i < 4; i++)
				if (same[i] > 1e-3 || same[i] < -1e-3)
					fault("vector register", round);
		}
	}
	return sum;
}

__attribute__((noinline))
static uint64_t deep(uint64_t depth, uint64_t value)
{
	volatile uint64_t local[64];
	uint64_t sum;
	unsigned int i;

	for (i = 0; i < 64; i++)
		local[i] = value * (i + depth);
	sum = depth ? deep(depth - 1, mix(value, depth)) : value;
	for (i = 0; i < 64; i++)
		sum = mix(sum, local[i]);
	return sum;
}

static uint64_t dense(uint64_t *memory, uint64_t round)
{
	uint64_t i, sum = 0, words = DENSE / 8;

	for (i = round * 977 % 512; i < words; i += 512) {
		sum = mix(sum, memory[i]);
		memory[i] = sum ^ round;
	}
	return sum;
}

static uint64_t sparse(unsigned char *memory, uint64_t round)
{
	unsigned char *place = memory + round * 7 % (SPARSE / SPARSE_STEP) * SPARSE_STEP +
			       round % 64 * PAGE;
	uint64_t sum = place[round % PAGE];

	place[round % PAGE] += (unsigned char)round + 1;
	return mix(sum, place[0]);
}

/* Maps, writes, gives back, protects, unmaps; what was given back must read as zeros. */
static uint64_t mappings(unsigned char *kept, uint64_t round)
{
	uint64_t sum = 0, i, size = (16 + round % 16) * PAGE;
	unsigned char *fresh;

	for (i = 0; i < 32; i++)
		sum = mix(sum, kept[i * PAGE + round % PAGE]);
	memset(kept, (int)round | 1, 32 * PAGE);
	if (madvise(kept + round % 24 * PAGE, 8 * PAGE, MADV_DONTNEED))
		fault("madvise", round);
	for (i = 0; i < 8 * PAGE; i += 512)
		if (kept[round % 24 * PAGE + i])
			fault("memory that was given back", round);

	fresh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fresh == MAP_FAILED) {
		fault("mmap", round);
		return sum;
	}
	for (i = 0; i < size; i += 256)
		fresh[i] = (unsigned char)(round + i / 256);
	if (mprotect(fresh, size / 2 / PAGE * PAGE, PROT_READ))
		fault("mprotect", round);
	for (i = 0; i < size; i += 256)
		sum = mix(sum, fresh[i]);
	if (munmap(fresh, size))
		fault("munmap", round);
	return sum;
}

static uint64_t heap(char **blocks, uint64_t round)
{
	uint64_t sum = 0, slot = round % 32, size = 100 + round * 7919 % 60000, i;
	char *block = blocks[slot];

	if (block)
		sum = mix((uint64_t)block[0], strlen(block));
	free(block);
	block = malloc(size);
	if (!block) {
		fault("malloc", round);
		return sum;
	}
	for (i = 0; i < size - 1; i++)
		block[i] = (char)('a' + (i + round) % 26);
	block[size - 1] = 0;
	blocks[slot] = realloc(block, size * 2);
	return mix(sum, strlen(blocks[slot]));
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 100;
	uint64_t pace = argc > 2 ? strtoul(argv[2], NULL, 0) * 1000000 : 0;
	int status = argc > 3 ? atoi(argv[3]) : 0;
	struct sigaction action = { .sa_handler = on_usr1 };
	vector state[VECTORS] = { { 1, 2, 3, 4 } };
	uint64_t sum = 1, round, last = now(), time, *words;
	unsigned char *reserved, *kept;
	char *blocks[32] = { 0 };
	void *start = sbrk(0);
	pid_t pid = getpid();
	int seen = 0;

	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	words = mmap(NULL, DENSE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	kept = mmap(NULL, 32 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reserved = mmap(NULL, SPARSE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (words == MAP_FAILED || kept == MAP_FAILED || reserved == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	printf("start pid %d\n", pid);
	fflush(stdout);
	for (round = 0; round < rounds; round++) {
		sum = mix(sum, vectors(state, round, last + pace));
		sum = mix(sum, dense(words, round));
		sum = mix(sum, sparse(reserved, round));
		sum = mix(sum, mappings(kept, round));
		sum = mix(sum, heap(blocks, round));
		sum = mix(sum, deep(round % 200, round));
		if (round % 50 == 49 && sbrk(8 * PAGE) == (void *)-1)
			fault("sbrk", round);
		if ((char *)sbrk(0) < (char *)start)
			fault("break", round);
		if (getpid() != pid)
			fault("pid", round);
		time = now();
		if (time < last)
			fault("clock", round);
		last = time;
		if (seen != usr1) {
			seen = usr1;
			printf("usr1\n");
			fflush(stdout);
		}
		if (round % 10 == 9) {
			printf("tick %lu %016lx\n", round + 1, sum);
			fflush(stdout);
		}
	}
	printf("checksum %016lx faults %lu\n", sum, faults);
	fflush(stdout);
	return faults ? 99 : status;
}
