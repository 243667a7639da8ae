// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does one after the other what only the home of a process can do, and prints
 * what came of it.  Before each step it waits for a file FOLDER/NAME, so that
 * it can be moved; two threads compute all the time, and a timer interrupts.
 *
 * errands FOLDER: all steps, each line "NAME: result"; the last one replaces
 * the program by itself with other arguments.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static const char *folder, *self;

/* --- what goes on all the time --- */

static atomic_ulong rounds[2];
static atomic_ulong alarms;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long both;

/* What the first of the threads is to do. */
static void (*_Atomic wish)(void);

static void *compute(void *argument)
{
	atomic_ulong *mine = argument;
	void (*act)(void);

	for (;;) {
		pthread_mutex_lock(&mutex);
		both++;
		pthread_mutex_unlock(&mutex);
		atomic_fetch_add(mine, 1);
		act = mine == &rounds[0] ? atomic_load(&wish) : NULL;
		if (act) {
			act();
			atomic_store(&wish, NULL);
		}
		usleep(1000);
	}
	return NULL;
}

/* Without SA_RESTART: what may be interrupted says so. */
static void on_alarm(int number)
{
	(void)number;
	atomic_fetch_add(&alarms, 1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Says what has stood still since the call: threads and timer go on all the time. */
static void look(void)
{
	unsigned long before[3] = { rounds[0], rounds[1], alarms };
	double begin = now();

	do {
		if (rounds[0] > before[0] && rounds[1] > before[1] && alarms > before[2])
			return;
		usleep(10000);
	} while (now() < begin + 60);
	printf(" but after %.1f s threads did %lu and %lu rounds, and the timer rang %lu times",
	       now() - begin, rounds[0] - before[0], rounds[1] - before[1], alarms - before[2]);
}

static void await(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	while (access(path, F_OK))
		usleep(20000);
}

/* What was returned, or the error. */
static long told(long result)
{
	return result < 0 ? -errno : result;
}

static int status_of(pid_t child)
{
	int status = 0;
	pid_t got;

	if (child < 0)
		return -errno;
	do {
		got = waitpid(child, &status, 0);
	} while (got < 0 && errno == EINTR);
	return got == child ? status : -1;
}

/* --- the steps; each prints its results --- */

static void do_fork(void)
{
	pid_t child = fork();

	if (!child)
		_exit(getppid() > 1 ? 5 : 6);
	printf("%#x", status_of(child));
}

static void do_vfork(void)
{
	char *const arguments[] = { "sh", "-c", "exit 6", NULL };
	pid_t child = vfork();

	if (!child) {
		execve("/bin/sh", arguments, environ);
		_exit(127);
	}
	printf("%#x", status_of(child));
}

static void do_spawn(void)
{
	char *const arguments[] = { "sh", "-c", "exit 7", NULL };
	pid_t child = -1;
	int error = posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ);

	printf("%d %#x", error, status_of(child));
}

static void do_system(void)
{
	printf("%#x", system("test \"$(echo word | tr a-z A-Z)\" = WORD && exit 8"));
}

static void do_popen(void)
{
	char line[64] = "";
	FILE *stream = popen("echo a child says this", "r");
	char *got = NULL;

	while (stream && !got && (clearerr(stream), errno = 0, !(got = fgets(line, sizeof(line), stream))) &&
	       errno == EINTR)
		;
	line[strcspn(line, "\n")] = 0;
	printf("%s", line);
	if (stream)
		pclose(stream);
}

/* By another thread than the main one. */
static void do_thread(void)
{
	atomic_store(&wish, do_fork);
	while (atomic_load(&wish))
		usleep(1000);
}

/* With a register for each argument. */
static void do_clone(void)
{
	pid_t known = -1;
	long child = syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, &known, NULL, 0);

	if (!child)
		_exit(9);
	printf("%#x %d", status_of(child), known == child);
}

static void do_pipe(void)
{
	char text[8] = "";
	int ends[2];

	printf("%ld ", told(pipe2(ends, O_CLOEXEC | O_NONBLOCK)));
	printf("%ld ", told(write(ends[1], "pipe", 4)));
	printf("%ld %s ", told(read(ends[0], text, sizeof(text))), text);
	printf("%ld %d", told(read(ends[0], text, sizeof(text))), fcntl(ends[0], F_GETFD));
	close(ends[0]);
	close(ends[1]);
}

static void do_eventfd(void)
{
	int fd = eventfd(7, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t value = 0;

	printf("%ld ", told(read(fd, &value, sizeof(value))));
	printf("%lu", (unsigned long)value);
	close(fd);
}

static void do_epoll(void)
{
	struct itimerspec soon = { .it_value = { .tv_nsec = 50000000 } };
	int set = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 42 };
	uint64_t expired = 0;
	int ready;

	printf("%ld ", told(epoll_ctl(set, EPOLL_CTL_ADD, timer, &event)));
	printf("%ld ", told(timerfd_settime(timer, 0, &soon, NULL)));
	event.data.u64 = 0;
	while ((ready = epoll_wait(set, &event, 1, -1)) < 0 && errno == EINTR)
		;
	printf("%d %lu ", ready, (unsigned long)event.data.u64);
	printf("%ld ", told(read(timer, &expired, sizeof(expired))));
	printf("%lu", (unsigned long)expired);
	close(timer);
	close(set);
}

static void do_memfd(void)
{
	int fd = memfd_create("errands", MFD_CLOEXEC);
	char *memory;

	printf("%ld ", told(ftruncate(fd, 8192)));
	memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		printf("%d", errno);
	} else {
		strcpy(memory + 4096, "memory");
		printf("%s", memory + 4096);
		munmap(memory, 8192);
	}
	close(fd);
}

static void do_shared(void)
{
	int *number = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();

	if (!child) {
		*number = 17;
		_exit(0);
	}
	printf("%#x ", status_of(child));
	printf("%d", *number);
	munmap(number, 4096);
}

static void do_socket(void)
{
	char text[8] = "";
	int ends[2];

	printf("%ld ", told(socketpair(AF_UNIX, SOCK_STREAM, 0, ends)));
	printf("%ld ", told(write(ends[0], "socket", 6)));
	printf("%ld %s", told(read(ends[1], text, sizeof(text))), text);
	close(ends[0]);
	close(ends[1]);
}

static void do_inotify(void)
{
	char path[4096], buffer[4096];
	int fd = inotify_init1(IN_CLOEXEC), file;
	long got;

	printf("%ld ", told(inotify_add_watch(fd, folder, IN_CREATE)));
	snprintf(path, sizeof(path), "%s/made", folder);
	file = open(path, O_CREAT | O_WRONLY, 0600);
	while ((got = read(fd, buffer, sizeof(buffer))) < 0 && errno == EINTR)
		;
	printf("%s", got > 0 ? ((struct inotify_event *)buffer)->name : strerror(errno));
	close(file);
	close(fd);
	unlink(path);
}

static void do_signalfd(void)
{
	struct signalfd_siginfo info = { };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	raise(SIGUSR1);
	printf("%ld ", told(read(fd, &info, sizeof(info))));
	printf("%u", info.ssi_signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	close(fd);
}

static void do_identity(void)
{
	printf("%d %d %d", getppid() > 1, getpgrp() > 1, getsid(0) > 1);
}

static void do_errors(void)
{
	printf("%ld ", told(kill(1 << 22, 0)));
	printf("%ld ", told(waitpid(-1, NULL, WNOHANG)));
	printf("%ld ", told(execve("/nowhere", (char *[]){ "x", NULL }, environ)));
	printf("%ld ", told(syscall(SYS_ioctl, 1, 0x12345678, 0)));
	printf("%ld", told(syscall(999)));
}

static void do_exec(void)
{
	char *const arguments[] = { (char *)self, "--again", "with", "arguments", NULL };
	const struct itimerval never = { };

	/* It would go on. */
	setitimer(ITIMER_REAL, &never, NULL);
	fflush(stdout);
	execv(self, arguments);
	printf("%d\n", errno);
}

static const struct {
	const char *name;
	void (*act)(void);
} steps[] = {
	{ "fork", do_fork },	     { "vfork", do_vfork },	  { "spawn", do_spawn },
	{ "system", do_system },     { "popen", do_popen },	  { "thread", do_thread },
	{ "clone", do_clone },	     { "pipe", do_pipe },	  { "eventfd", do_eventfd },
	{ "epoll", do_epoll },	     { "memfd", do_memfd },	  { "shared", do_shared },
	{ "socket", do_socket },     { "inotify", do_inotify },	  { "signalfd", do_signalfd },
	{ "identity", do_identity }, { "errors", do_errors },	  { "exec", do_exec },
};

int main(int count, char **arguments)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 100000 }, { 0, 100000 } };
	pthread_t thread;
	size_t i;

	if (count == 4 && !strcmp(arguments[1], "--again")) {
		printf("%s %s\n", arguments[2], arguments[3]);
		return 3;
	}
	if (count != 2) {
		fprintf(stderr, "usage: errands FOLDER\n");
		return 2;
	}
	self = arguments[0];
	folder = arguments[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGALRM, &action, NULL);
	pthread_create(&thread, NULL, compute, &rounds[0]);
	pthread_create(&thread, NULL, compute, &rounds[1]);
	setitimer(ITIMER_REAL, &often, NULL);
	printf("begun\n");
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		await(steps[i].name);
		printf("%s: ", steps[i].name);
		steps[i].act();
		look();
		printf("\n");
	}
	return 0;
}
