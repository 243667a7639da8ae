// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program whose result tells whether its guard pages stayed what they are.
 *
 * All the time it maps memory, makes a guard page in it, and takes one away
 * again elsewhere.  Whoever touches a guard page must get SIGSEGV, and all
 * other pages must hold what was written.  "guards N faults N" comes at the
 * end, which SIGTERM brings; "no guard pages" where the kernel has none.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

#define PLACES	64
#define PAGE	4096

static sigjmp_buf back;
static unsigned long faults;

/* Three pages: one that is written, a guard page, one that is written. */
static struct place {
	volatile uint64_t	*pages;		/* NULL: not there yet */
	uint64_t		value;
	int			is_guarded;
} places[PLACES];

static void on_segv(int number)
{
	siglongjmp(back, number);
}

static volatile sig_atomic_t is_over;

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

static volatile uint64_t *middle(const struct place *place)
{
	return place->pages + PAGE / sizeof(uint64_t);
}

static void wrong(const char *what, const struct place *place)
{
	faults++;
	printf("WRONG %s at place %d\n", what, (int)(place - places));
	fflush(stdout);
}

static void check(const struct place *place)
{
	if (!place->pages)
		return;
	if (place->pages[0] != place->value || *(middle(place) + PAGE / sizeof(uint64_t)) != place->value)
		wrong("value beside", place);
	if (sigsetjmp(back, 1)) {
		if (!place->is_guarded)
			wrong("guard page", place);
	} else if (*middle(place) != place->value || place->is_guarded) {
		wrong("value or no guard page", place);
	}
}

static int advise(const struct place *place, int advice)
{
	return madvise((void *)middle(place), PAGE, advice);
}

static int make(struct place *place, uint64_t value)
{
	if (place->pages)
		munmap((void *)place->pages, 3 * PAGE);
	place->pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (place->pages == MAP_FAILED)
		exit(1);
	place->value = value;
	place->pages[0] = value;
	*(middle(place) + PAGE / sizeof(uint64_t)) = value;
	place->is_guarded = 1;
	return advise(place, MADV_GUARD_INSTALL);
}

int main(void)
{
	const struct timespec moment = { .tv_nsec = 5000000 };
	unsigned long round, guards = 0;
	struct place *place;
	int i;

	signal(SIGSEGV, on_segv);
	signal(SIGTERM, on_term);
	if (make(&places[0], 1)) {
		printf("no guard pages\n");
		return 7;
	}
	printf("start\n");
	fflush(stdout);
	for (round = 1; !is_over; round++) {
		place = &places[round % PLACES];
		if (make(place, round))
			wrong("refusal", place);
		guards++;
		/* One that is older is none any more. */
		place = &places[(round + PLACES / 2) % PLACES];
		if (place->pages) {
			if (advise(place, MADV_GUARD_REMOVE))
				wrong("refusal to remove it", place);
			place->is_guarded = 0;
			*middle(place) = place->value;
		}
		for (i = 0; i < PLACES; i++)
			check(&places[i]);
		nanosleep(&moment, NULL);
	}
	printf("guards %lu faults %lu\n", guards, faults);
	return guards && !faults ? 7 : 99;
}
