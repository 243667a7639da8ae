// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two processes that share more than processes do, or one whose threads only
 * begin and end: shares memory|handlers|files|threads.  Prints "ready" and goes
 * on until it is killed; a second process ends with the first.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int ends[2];

static int partner(void *argument)
{
	(void)argument;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Whoever looks for the first one by name shall not find this one. */
	prctl(PR_SET_NAME, "partner");
	if (write(ends[1], "", 1) != 1)
		return 1;
	while (pause())
		;
	return 0;
}

static int begin_partner(const char *shared)
{
	static char stack[65536] __attribute__((aligned(16)));
	int flags = SIGCHLD | (strcmp(shared, "files") ? CLONE_VM : CLONE_FILES) |
		    (strcmp(shared, "handlers") ? 0 : CLONE_SIGHAND);
	char byte;

	if (pipe(ends) || clone(partner, stack + sizeof(stack), flags, NULL) < 0 ||
	    read(ends[0], &byte, 1) != 1)
		return -1;
	return close(ends[0]) || close(ends[1]);
}

static void *short_life(void *argument)
{
	return argument;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 && !strcmp(argv[1], "threads");
	pthread_t thread;

	if (argc < 2 || (!threads && begin_partner(argv[1]))) {
		perror("shares memory|handlers|files|threads");
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (threads)
		if (!pthread_create(&thread, NULL, short_life, NULL))
			pthread_join(thread, NULL);
	for (;;)
		pause();
}
