// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals that are counted.
 *
 * signals count NUMBER: computes until that many have come, each with the
 * next number in its value, and prints "received NUMBER faults FAULTS".
 * signals send PID NUMBER MICROSECONDS: sends them, with a pause after each.
 * signals own: computes, and has a second thread; prints "own COUNT" when
 * SIGUSR1 came for that one, "WRONG" when it came for another.
 * signals tell PID TID: sends the thread TID that signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t received, faults, wrong_at;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	if (info->si_code != SI_QUEUE || info->si_value.sival_int != received) {
		if (!faults)
			wrong_at = received;
		faults++;
	}
	received++;
}

static void pause_for(long microseconds)
{
	const struct timespec pause = { microseconds / 1000000, microseconds % 1000000 * 1000 };

	nanosleep(&pause, NULL);
}

static int count(int wanted)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
	volatile uint64_t work = 1;
	unsigned long round;
	int i;

	sigaction(SIGRTMIN, &action, NULL);
	printf("ready\n");
	fflush(stdout);
	for (round = 0; received < wanted; round++) {
		for (i = 0; i < 100000; i++)
			work = work * 6364136223846793005ULL + 1;
		if (round % 100 == 99) {
			printf("tick %d\n", (int)received);
			fflush(stdout);
		}
	}
	printf("received %d faults %d first %d\n", (int)received, (int)faults, (int)wrong_at);
	return !!faults;
}

static int send(pid_t pid, int number, long microseconds)
{
	union sigval value;
	int i;

	for (i = 0; i < number; i++) {
		value.sival_int = i;
		while (sigqueue(pid, SIGRTMIN, value)) {
			if (errno != EAGAIN) {
				perror("sigqueue");
				return 1;
			}
			/* As many as may wait. */
			pause_for(1000);
		}
		pause_for(microseconds);
	}
	return 0;
}

static void on_own(int number)
{
	(void)number;
	if (gettid() == getpid())
		faults++;
	else
		received++;
}

static void *second(void *argument)
{
	for (;;)
		pause_for(1000000);
	return argument;
}

static int own(void)
{
	struct sigaction action = { .sa_handler = on_own, .sa_flags = SA_RESTART };
	unsigned long round;
	pthread_t thread;
	int seen = 0;

	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&thread, NULL, second, NULL))
		return 1;
	printf("ready\n");
	for (round = 0; !faults; round++) {
		pause_for(30000);
		if (received != seen)
			printf("own %d\n", seen = received);
		if (round % 10 == 9)
			printf("tick %lu\n", round);
		fflush(stdout);
	}
	printf("WRONG: it came for the main thread\n");
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "count"))
		return count(atoi(argv[2]));
	if (argc == 5 && !strcmp(argv[1], "send"))
		return send(atoi(argv[2]), atoi(argv[3]), atol(argv[4]));
	if (argc == 2 && !strcmp(argv[1], "own"))
		return own();
	if (argc == 4 && !strcmp(argv[1], "tell"))
		return !!syscall(SYS_tgkill, atoi(argv[2]), atoi(argv[3]), SIGUSR1);
	fprintf(stderr, "usage: signals count NUMBER | send PID NUMBER MICROSECONDS |\n"
			"               own | tell PID TID\n");
	return 2;
}
