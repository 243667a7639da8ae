// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program whose result tells whether a restartable sequence was interrupted
 * and went on all the same.
 *
 * One thread is inside of a critical section nearly always, in which it sees
 * the same number all the time; the other counts that number up.  On one
 * processor that needs an interruption, after which the section must begin
 * again.  "aborts N faults N" comes at the end, which SIGTERM brings.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/rseq.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_OF_A_SECTION	20000UL

static volatile uint64_t number;

static volatile sig_atomic_t is_over;

static void on_term(int signal)
{
	(void)signal;
	is_over = 1;
}

static void *count(void *argument)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	for (;;) {
		nanosleep(&moment, NULL);
		number++;
	}
	return argument;
}

/* 0: done; 1: it was interrupted; 2: the number changed inside of it. */
__attribute__((noinline))
static int section(struct rseq *area)
{
	__asm__ goto(
		".pushsection __rseq_cs, \"aw\"\n\t"
		".balign 32\n"
		"3:\t.long 0, 0\n\t"
		".quad 1f, 2f - 1f, 4f\n\t"
		".popsection\n\t"
		"leaq 3b(%%rip), %%rax\n\t"
		"movq %%rax, %[cs]\n"
		"1:\tmovq %[rounds], %%rcx\n\t"
		"movq %[number], %%rax\n"
		"5:\tcmpq %[number], %%rax\n\t"
		"jne %l[changed]\n\t"
		"decq %%rcx\n\t"
		"jnz 5b\n"
		"2:\n\t"
		".pushsection .text.unlikely, \"ax\"\n\t"
		/* The signature that the C library registered, in an instruction that is none. */
		".byte 0x0f, 0xb9, 0x3d\n\t"
		".long %c[signature]\n"
		"4:\tjmp %l[aborted]\n\t"
		".popsection"
		: /* none */
		: [cs] "m" (area->rseq_cs), [number] "m" (number),
		  [rounds] "i" (ROUNDS_OF_A_SECTION), [signature] "i" (RSEQ_SIG)
		: "rax", "rcx", "cc", "memory"
		: changed, aborted);
	return 0;
changed:
	return 2;
aborted:
	return 1;
}

int main(void)
{
	struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	unsigned long aborts = 0, faults = 0;
	pthread_t thread;
	int result;

	if (!__rseq_size || sysconf(_SC_NPROCESSORS_ONLN) != 1) {
		printf("needs restartable sequences and one processor\n");
		return 1;
	}
	signal(SIGTERM, on_term);
	pthread_create(&thread, NULL, count, NULL);
	printf("start\n");
	fflush(stdout);
	while (!is_over) {
		result = section(area);
		aborts += result == 1;
		faults += result == 2;
	}
	printf("aborts %lu faults %lu\n", aborts, faults);
	return aborts && !faults ? 7 : 99;
}
