// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program with much memory: resident MEBIBYTES [SPARSE-GIBIBYTES].
 *
 * Fills the memory, says "full", and goes over it again and again: each line
 * tells the monotonic clock in milliseconds, the MiB read per second since the
 * last line, and a checksum of what was read.  With a second argument it also
 * keeps a mark in every 64th MiB of a sparse mapping and checks one with each
 * line.  SIGTERM: ends with 0 when everything is still what it was.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE		4096UL
#define STRIDE		(64UL << 20)
#define LINE_MS		200

static volatile sig_atomic_t over;

static void on_term(int number)
{
	(void)number;
	over = 1;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static uint64_t word(uint64_t page, uint64_t index)
{
	return (page * 512 + index) * 0x9e3779b97f4a7c15ULL | 1;
}

static int check_page(const uint64_t *memory, uint64_t page)
{
	uint64_t i;

	for (i = 0; i < 512; i += 8)
		if (memory[page * 512 + i] != word(page, i)) {
			printf("WRONG page %lu\n", page);
			return 1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t pages = (argc > 1 ? strtoul(argv[1], NULL, 0) : 16) << 8;
	uint64_t sparse = (argc > 2 ? strtoul(argv[2], NULL, 0) : 0) << 30;
	uint64_t i, page = 0, read = 0, last, mark = 0;
	unsigned char *marks = NULL;
	uint64_t *memory;
	int wrong = 0;

	signal(SIGTERM, on_term);
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	for (i = 0; i < pages * 512; i++)
		memory[i] = word(i / 512, i % 512);
	if (sparse) {
		marks = mmap(NULL, sparse, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (marks == MAP_FAILED) {
			perror("mmap");
			return 2;
		}
		for (i = 0; i < sparse; i += STRIDE)
			marks[i] = (unsigned char)(i / STRIDE + 1);
	}
	printf("full\n");
	fflush(stdout);
	last = now();
	while (!over) {
		wrong |= check_page(memory, page);
		page = (page + 1) % pages;
		read++;
		if (read % 64 || now() - last < LINE_MS)
			continue;
		if (sparse) {
			if (marks[mark] != (unsigned char)(mark / STRIDE + 1) ||
			    marks[mark + STRIDE / 2]) {
				printf("WRONG mark at %lx\n", mark);
				wrong = 1;
			}
			mark = (mark + STRIDE) % sparse;
		}
		printf("%lu %lu\n", now(), read * 1000 / 256 / (now() - last));
		fflush(stdout);
		last = now();
		read = 0;
	}
	for (i = 0; i < pages; i++)
		wrong |= check_page(memory, i);
	for (i = 0; i < sparse; i += STRIDE)
		wrong |= marks[i] != (unsigned char)(i / STRIDE + 1);
	printf("%s\n", wrong ? "WRONG" : "intact");
	return wrong;
}
