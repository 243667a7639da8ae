// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tries one thing that it has no right to: rights WHAT PID, where PID is a
 * process of another node.  It waits for SIGUSR1 first, and prints "refused" or
 * "allowed".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

static void on_usr1(int number)
{
	(void)number;
	asked = 1;
}

static long open_of(const char *format, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), format, pid);
	return open(path, O_RDONLY);
}

static long try(const char *what, pid_t pid)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)0x400000, 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (!strcmp(what, "kill"))
		return kill(pid, SIGKILL);
	if (!strcmp(what, "trace"))
		return ptrace(PTRACE_ATTACH, pid, NULL, NULL);
	if (!strcmp(what, "read-memory"))
		return process_vm_readv(pid, &here, 1, &there, 1, 0);
	if (!strcmp(what, "proc-memory"))
		return open_of("/proc/%d/mem", pid);
	if (!strcmp(what, "proc-environment"))
		return open_of("/proc/%d/environ", pid);
	if (!strcmp(what, "priority"))
		return setpriority(PRIO_PROCESS, pid, -5);
	if (!strcmp(what, "processors"))
		return sched_setaffinity(pid, sizeof(set), &set);
	if (!strcmp(what, "secret-file"))
		return open("/root/secret-of-host", O_RDONLY);
	if (!strcmp(what, "public-file"))
		return open("/tmp/public-of-host", O_RDONLY);
	if (!strcmp(what, "device"))
		return open("/dev/mattx", O_RDWR);
	if (!strcmp(what, "root"))
		return setuid(0);
	if (!strcmp(what, "mount"))
		return mount("none", "/tmp", "tmpfs", 0, NULL);
	if (!strcmp(what, "name"))
		return sethostname("mine", 4);
	exit(2);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	signal(SIGUSR1, on_usr1);
	printf("ready\n");
	fflush(stdout);
	while (!asked)
		usleep(10000);
	if (try(argv[1], atoi(argv[2])) < 0)
		printf("refused %s\n", strerror(errno));
	else
		printf("allowed\n");
	return 0;
}
