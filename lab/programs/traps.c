// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that lives on signals for its own faults, as virtual machines with
 * just-in-time compilers do.
 *
 * Each fault must bring its signal, once, and at the instruction that failed;
 * no signal may come when nothing failed.  "traps N faults N" comes at the end,
 * which SIGTERM brings.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

static sigjmp_buf back;
static volatile sig_atomic_t awaited, is_over;
static volatile unsigned long traps, faults;
static volatile char *forbidden;

static void wrong(const char *what, int number)
{
	if (faults++ < 20)
		printf("WRONG %s, signal %d, trap %lu\n", what, number, traps);
	fflush(stdout);
}

static void on_trap(int number, siginfo_t *info, void *context)
{
	int expected = awaited;

	(void)context;
	awaited = 0;
	if (expected != number) {
		/* It belongs to no instruction: the program goes on where it was. */
		wrong("signal that nothing raised", number);
		return;
	}
	if (number == SIGSEGV && info->si_addr != (void *)(forbidden + traps % 4096))
		wrong("address", number);
	/* The breakpoint is behind it. */
	if (number != SIGTRAP)
		siglongjmp(back, 1);
}

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

static void fail(int number)
{
	switch (number) {
	case SIGSEGV:
		(void)forbidden[traps % 4096];
		break;
	case SIGFPE:
		__asm__ volatile("xorl %%ecx, %%ecx\n\tidivl %%ecx" ::: "eax", "ecx", "edx");
		break;
	case SIGILL:
		__asm__ volatile("ud2");
		break;
	case SIGTRAP:
		__asm__ volatile("int3");
		break;
	}
}

int main(void)
{
	static const int numbers[] = { SIGSEGV, SIGTRAP, SIGFPE, SIGSEGV, SIGILL, SIGTRAP };
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	volatile unsigned int rest;
	unsigned int i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGTERM, on_term);
	forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (forbidden == MAP_FAILED)
		return 1;
	printf("start\n");
	fflush(stdout);
	while (!is_over) {
		int number = numbers[traps % (sizeof(numbers) / sizeof(numbers[0]))];

		awaited = number;
		if (!sigsetjmp(back, 1)) {
			fail(number);
			if (awaited || number != SIGTRAP)
				wrong("silence", number);
		}
		traps++;
		/* A while in which none may come. */
		for (rest = 0; rest < 200; rest++)
			;
	}
	printf("traps %lu faults %lu\n", traps, faults);
	return traps && !faults ? 7 : 99;
}
