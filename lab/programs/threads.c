// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program of many threads, whose result tells whether it was moved without
 * harm: threads ROUNDS [MILLISECONDS-PER-ROUND [EXIT-STATUS [FRESH]]].
 *
 * Eight workers meet at a barrier in each round.  Each holds AVX and x87
 * registers, a rounding mode, thread-local memory, its tid and a deep stack
 * live over all rounds, takes mutexes, waits with and without a time limit,
 * and is sent signals of its own.  One ends half way.  FRESH 1: each eighth
 * round also starts a thread and waits for its end, and each 32nd starts one
 * that stays until the end.  The checksum depends on the rounds only; "tick N
 * CHECKSUM" comes each tenth round.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WORKERS		8
#define STAYING		64
#define VECTORS		8

typedef double vector __attribute__((vector_size(32)));

struct worker {
	pthread_t	thread;
	unsigned int	number;
	uint64_t	sum;
	unsigned long	last;		/* rounds it works */
};

static const int modes[] = { FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO };

static struct worker workers[WORKERS];
/* For all workers, and for those that are left in the second half. */
static pthread_barrier_t gates[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t checked;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static unsigned long rounds;
static uint64_t shared, faults, fresh_sum;

static void pass(unsigned long round)
{
	pthread_barrier_wait(&gates[round > rounds / 2]);
}

static __thread volatile sig_atomic_t hits;
static __thread uint64_t local[32];

static void on_usr2(int number)
{
	(void)number;
	hits++;
}

static uint64_t mix(uint64_t sum, uint64_t value)
{
	sum ^= value + 0x9e3779b97f4a7c15ULL + (sum << 6) + (sum >> 2);
	return sum * 0xff51afd7ed558ccdULL;
}

static void fault(const char *what, unsigned int who, unsigned long round)
{
	__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
	printf("WRONG %s of thread %u in round %lu\n", what, who, round);
	fflush(stdout);
}

/* Sixteen AVX registers, and an x87 stack, across a wait for all others. */
__attribute__((target("avx"), noinline))
static uint64_t registers(vector *state, long double *deep, unsigned long round)
{
	vector v[VECTORS], scale = { 1.0000001, 0.9999999, 1.0000002, 0.9999998 };
	long double x = *deep;
	uint64_t sum = 0, bits[4];
	unsigned int i, j;

	memcpy(v, state, sizeof(v));
	for (i = 0; i < 500; i++) {
		for (j = 0; j < VECTORS; j++)
			v[j] = v[j] * scale + (vector){ 1e-3, 2e-3, 3e-3, (double)round * 1e-6 };
		x = x * 1.0000000001L + 1e-9L;
	}
	memcpy(state, v, sizeof(v));
	*deep = x;
	for (j = 0; j < VECTORS; j++) {
		memcpy(bits, &v[j], sizeof(bits));
		for (i = 0; i < 4; i++)
			sum = mix(sum, bits[i]);
	}
	memset(bits, 0, sizeof(bits));
	memcpy(bits, &x, 10);
	return mix(mix(sum, bits[0]), bits[1]);
}

__attribute__((noinline))
static uint64_t nested(uint64_t depth, uint64_t value)
{
	volatile uint64_t frame[32];
	uint64_t sum;
	unsigned int i;

	for (i = 0; i < 32; i++)
		frame[i] = value * (i + depth);
	sum = depth ? nested(depth - 1, mix(value, depth)) : value;
	for (i = 0; i < 32; i++)
		sum = mix(sum, frame[i]);
	return sum;
}

/* A wait that nobody ends but the clock. */
static void wait_a_moment(unsigned int who, unsigned long round)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 3000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&lock);
	if (pthread_cond_timedwait(&never, &lock, &until) != ETIMEDOUT)
		fault("timed wait", who, round);
	pthread_mutex_unlock(&lock);
}

static void *work(void *argument)
{
	struct worker *self = argument;
	int mode = modes[self->number % 4];
	vector state[VECTORS] = { { 1, 2, 3, self->number } };
	long double deep = self->number + 0.1L;
	pid_t tid = syscall(SYS_gettid);
	unsigned long round;
	unsigned int i;
	char name[16];

	fesetround(mode);
	snprintf(name, sizeof(name), "worker-%u", self->number);
	pthread_setname_np(pthread_self(), name);
	for (round = 0; round < rounds; round++) {
		if (round < self->last) {
			self->sum = mix(self->sum, registers(state, &deep, round));
			self->sum = mix(self->sum, nested(round % 100, self->number));
			for (i = 0; i < 32; i++)
				local[i] = mix(local[i], self->number + i);
			self->sum = mix(self->sum, local[round % 32]);
			pthread_mutex_lock(&lock);
			shared += self->sum;
			pthread_mutex_unlock(&lock);
			if (pthread_mutex_lock(&checked) || pthread_mutex_lock(&checked) != EDEADLK ||
			    pthread_mutex_unlock(&checked))
				fault("mutex with an owner", self->number, round);
			if (round % 8 == self->number)
				wait_a_moment(self->number, round);
			if (syscall(SYS_gettid) != tid)
				fault("tid", self->number, round);
			if (fegetround() != mode)
				fault("rounding mode", self->number, round);
		}
		pass(round);
		/* The main thread sends a signal to each worker now. */
		pass(round);
		if (round >= self->last)
			break;
		if (round % 4 == 0)
			while ((unsigned long)hits <= round / 4)
				sched_yield();
	}
	return (void *)(uintptr_t)self->number;
}

static void *short_life(void *argument)
{
	pid_t tid = syscall(SYS_gettid);

	local[0] = (uintptr_t)argument;
	sched_yield();
	pthread_mutex_lock(&lock);
	fresh_sum += mix(1, local[0]);
	pthread_mutex_unlock(&lock);
	if (syscall(SYS_gettid) != tid)
		fault("tid of a short thread", 100, local[0]);
	return argument;
}

static void *long_life(void *argument)
{
	sigset_t set;
	int number;

	local[1] = (uintptr_t)argument;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	/* Sent at the end. */
	if (sigwait(&set, &number) || number != SIGRTMIN)
		fault("sigwait", 200, local[1]);
	pthread_mutex_lock(&lock);
	fresh_sum += mix(2, local[1]);
	pthread_mutex_unlock(&lock);
	return argument;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t pace = argc > 2 ? strtoul(argv[2], NULL, 0) * 1000000 : 0, sum = 1, last;
	int status = argc > 3 ? atoi(argv[3]) : 0, fresh = argc > 4 ? atoi(argv[4]) : 0;
	struct sigaction action = { .sa_handler = on_usr2, .sa_flags = SA_RESTART };
	pthread_mutexattr_t attributes;
	pthread_t staying[STAYING];
	unsigned int i, stay = 0;
	unsigned long round;
	sigset_t set;
	void *value;

	rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 100;
	sigaction(SIGUSR2, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&checked, &attributes);
	pthread_barrier_init(&gates[0], NULL, WORKERS + 1);
	pthread_barrier_init(&gates[1], NULL, WORKERS);
	for (i = 0; i < WORKERS; i++) {
		workers[i].number = i;
		workers[i].last = i == 5 ? rounds / 2 : rounds;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	printf("start pid %d\n", getpid());
	fflush(stdout);
	last = now();
	for (round = 0; round < rounds; round++) {
		pass(round);
		for (i = 0; round % 4 == 0 && i < WORKERS; i++)
			if (round <= workers[i].last)
				pthread_kill(workers[i].thread, SIGUSR2);
		sum = mix(sum, shared);
		if (fresh && round % 8 == 7) {
			pthread_t thread;

			if (pthread_create(&thread, NULL, short_life, (void *)round) ||
			    pthread_join(thread, &value) || value != (void *)round)
				fault("thread that was started", 100, round);
		}
		if (fresh && round % 32 == 31 && stay < STAYING &&
		    pthread_create(&staying[stay++], NULL, long_life, (void *)round))
			fault("thread that stays", 200, round);
		while (now() - last < pace)
			;
		last = now();
		pass(round);
		/* One leaves. */
		if (round == rounds / 2) {
			pthread_join(workers[5].thread, &value);
			if (value != (void *)5UL)
				fault("end of a thread", 5, round);
		}
		if (round % 10 == 9) {
			printf("tick %lu %016lx\n", round + 1, sum);
			fflush(stdout);
		}
	}
	for (i = 0; i < WORKERS; i++) {
		if (i != 5)
			pthread_join(workers[i].thread, NULL);
		sum = mix(sum, workers[i].sum);
	}
	for (i = 0; i < stay; i++) {
		pthread_kill(staying[i], SIGRTMIN);
		pthread_join(staying[i], &value);
	}
	sum = mix(sum, fresh_sum);
	printf("checksum %016lx faults %lu\n", sum, faults);
	fflush(stdout);
	return faults ? 99 : status;
}
