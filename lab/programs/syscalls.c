// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What system calls cost a process that has nothing to do with guests:
 * syscalls ROUNDS.
 *
 * Each round makes some calls of each kind.  Of each kind it prints the ticks
 * of the processor's counter that the cheapest of all rounds took, for one
 * call, and at the end their sum: on a machine that counts instructions
 * instead of time those are instructions, and the cheapest round is one that
 * nothing interrupted.  Rounds are spread over more than a second, because
 * what a clock's reading takes depends on the fraction of the second.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static int null, zero, ends[2], word;
static timer_t timer;
static char buffer[4096];

static void fault(const char *what)
{
	perror(what);
	exit(2);
}

static void expect(long result, const char *what)
{
	if (result < 0)
		fault(what);
}

static void identity(void)
{
	expect(syscall(SYS_getppid), "getppid");
}

static void reading(void)
{
	expect(read(zero, buffer, sizeof(buffer)), "read");
}

static void writing(void)
{
	expect(write(null, buffer, sizeof(buffer)), "write");
}

static void naming(void)
{
	struct stat stat;

	expect(fstatat(AT_FDCWD, "/etc/passwd", &stat, 0), "stat");
}

static void opening(void)
{
	int fd = open("/etc/passwd", O_RDONLY);

	expect(fd, "open");
	close(fd);
}

static void piping(void)
{
	expect(write(ends[1], buffer, 64), "write");
	expect(read(ends[0], buffer, 64), "read");
}

static void mapping(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		fault("mmap");
	*page = 1;
	munmap(page, 4096);
}

static void waking(void)
{
	expect(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), "futex");
}

static void clocks(void)
{
	struct timespec now;

	expect(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now), "clock_gettime");
}

static void masking(void)
{
	sigset_t set;

	sigemptyset(&set);
	expect(sigprocmask(SIG_BLOCK, &set, NULL), "sigprocmask");
}

static void signalling(void)
{
	expect(kill(getpid(), SIGUSR1), "kill");
}

static void *nothing(void *argument)
{
	return argument;
}

static void threading(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
		fault("pthread_create");
}

static void forking(void)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	expect(child, "fork");
	expect(waitpid(child, NULL, 0), "waitpid");
}

static void arming(void)
{
	const struct itimerspec far = { .it_value.tv_sec = 3600 };

	expect(timer_settime(timer, 0, &far, NULL), "timer_settime");
}

static void asking(void)
{
	struct itimerspec left;

	expect(timer_gettime(timer, &left), "timer_gettime");
}

static void making(void)
{
	timer_t other;

	expect(timer_create(CLOCK_MONOTONIC, NULL, &other), "timer_create");
	expect(timer_delete(other), "timer_delete");
}

static void on_signal(int number)
{
	(void)number;
}

static const struct {
	const char *name;
	void (*call)(void);
	int times;
} kinds[] = {
	{ "getppid", identity, 50 },
	{ "read", reading, 20 },
	{ "write", writing, 20 },
	{ "stat", naming, 20 },
	{ "open-close", opening, 20 },
	{ "pipe", piping, 20 },
	{ "mmap-munmap", mapping, 10 },
	{ "futex", waking, 50 },
	{ "clock_gettime", clocks, 50 },
	{ "sigprocmask", masking, 50 },
	{ "signal", signalling, 20 },
	{ "thread", threading, 3 },
	{ "fork-wait", forking, 1 },
	{ "timer_settime", arming, 20 },
	{ "timer_gettime", asking, 20 },
	{ "timer_create-delete", making, 10 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 100, round, i;
	volatile int pause;
	uint64_t best[KINDS], begin, ticks, sum = 0;
	unsigned int kind, unused;

	null = open("/dev/null", O_WRONLY);
	zero = open("/dev/zero", O_RDONLY);
	expect(null | zero, "open");
	expect(pipe(ends), "pipe");
	signal(SIGUSR1, on_signal);
	expect(timer_create(CLOCK_MONOTONIC, &(struct sigevent){ .sigev_notify = SIGEV_NONE }, &timer),
	       "timer_create");
	for (kind = 0; kind < KINDS; kind++)
		best[kind] = UINT64_MAX;
	for (round = 0; round < rounds; round++) {
		nanosleep(&(struct timespec){ .tv_nsec = 13000000 }, NULL);
		for (kind = 0; kind < KINDS; kind++) {
			/* Of another length each time, lest the clock's tick always meets the same kind. */
			for (pause = (round * 977 + (int)kind * 331) % 20011; pause > 0; pause--)
				;
			begin = __rdtscp(&unused);
			for (i = 0; i < kinds[kind].times; i++)
				kinds[kind].call();
			ticks = __rdtscp(&unused) - begin;
			if (ticks < best[kind])
				best[kind] = ticks;
		}
	}
	for (kind = 0; kind < KINDS; kind++) {
		printf("%s %lu\n", kinds[kind].name, best[kind] / kinds[kind].times);
		sum += best[kind];
	}
	printf("sum %lu\n", sum);
	return 0;
}
