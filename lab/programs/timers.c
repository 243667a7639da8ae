// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program whose POSIX timers must go on wherever it computes:
 * timers, or timers processor for one that counts processor time.
 *
 * One timer sends a signal with a value each PERIOD, one calls a function in a
 * thread of its own, and each round makes a third, which expires once at a
 * given time, and deletes it.  At the end, which SIGTERM brings, the periods that
 * were told, those that signals missed included, must be those that have passed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PERIOD		50		/* ms */
#define THREAD_PERIOD	200		/* ms */
#define SLACK		4		/* periods, and one in so many: */
#define AGREEMENT	50		/* timers go by the clock of home, which may be quicker or slower */
#define PERIODIC	(SIGRTMIN + 1)
#define ONCE		(SIGRTMIN + 2)

static volatile sig_atomic_t is_over;
static int faults;
static int marker, thread_marker;
static volatile uint64_t periods, calls;

static void fault(const char *what, long value)
{
	faults++;
	printf("WRONG %s: %ld\n", what, value);
	fflush(stdout);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static volatile sig_atomic_t strange;

static void on_period(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	if (info->si_code != SI_TIMER || info->si_value.sival_ptr != &marker || info->si_overrun < 0)
		strange++;
	periods += 1 + info->si_overrun;
}

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

static void on_call(union sigval value)
{
	if (value.sival_ptr != &thread_marker)
		strange++;
	calls++;
}

static struct timespec after(long milliseconds)
{
	return (struct timespec){ milliseconds / 1000, milliseconds % 1000 * 1000000 };
}

static timer_t start(struct sigevent *event, long milliseconds)
{
	struct itimerspec setting = { after(milliseconds), after(milliseconds) };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, event, &timer) || timer_settime(timer, 0, &setting, NULL))
		fault("timer", errno);
	return timer;
}

/* Expires once, in 30 ms, and says so with the number of the round. */
static void once(int round)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = ONCE };
	struct timespec deadline = { 20, 0 };
	struct itimerspec setting = {}, left;
	siginfo_t info = {};
	timer_t timer;
	sigset_t set;

	event.sigev_value.sival_int = round;
	if (timer_create(CLOCK_REALTIME, &event, &timer)) {
		fault("timer_create", errno);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &setting.it_value);
	setting.it_value.tv_nsec += 30000000;
	if (setting.it_value.tv_nsec >= 1000000000) {
		setting.it_value.tv_nsec -= 1000000000;
		setting.it_value.tv_sec++;
	}
	if (timer_settime(timer, TIMER_ABSTIME, &setting, NULL))
		fault("timer_settime", errno);
	if (timer_gettime(timer, &left) || left.it_value.tv_sec || left.it_interval.tv_nsec)
		fault("timer_gettime", left.it_value.tv_sec);
	sigemptyset(&set);
	sigaddset(&set, ONCE);
	while (sigtimedwait(&set, &info, &deadline) < 0)
		if (errno != EINTR) {
			fault("sigtimedwait", errno);
			break;
		}
	if (info.si_code != SI_TIMER || info.si_value.sival_int != round)
		fault("value", info.si_value.sival_int);
	if (timer_getoverrun(timer))
		fault("timer_getoverrun", timer_getoverrun(timer));
	if (timer_delete(timer) || !timer_delete(timer))
		fault("timer_delete", errno);
}

static int processor(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	struct itimerspec setting = { { 1000, 0 }, { 1000, 0 } };
	timer_t timer;

	if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) ||
	    timer_settime(timer, 0, &setting, NULL))
		return 1;
	printf("ready\n");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int round;
	struct sigaction action = { .sa_sigaction = on_period, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = PERIODIC };
	struct sigevent call = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_call };
	timer_t periodic, calling;
	uint64_t begin, passed, slack;
	sigset_t set;

	if (argc > 1 && !strcmp(argv[1], "processor"))
		return processor();
	sigemptyset(&set);
	sigaddset(&set, ONCE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(PERIODIC, &action, NULL);
	event.sigev_value.sival_ptr = &marker;
	call.sigev_value.sival_ptr = &thread_marker;
	begin = now();
	periodic = start(&event, PERIOD);
	calling = start(&call, THREAD_PERIOD);
	signal(SIGTERM, on_term);
	for (round = 1; !is_over; round++) {
		once(round);
		printf("tick %d periods %lu calls %lu\n", round, periods, calls);
		fflush(stdout);
	}
	/* One that is pending is taken now. */
	sigaddset(&set, PERIODIC);
	usleep(2 * PERIOD * 1000);
	sigprocmask(SIG_BLOCK, &set, NULL);
	passed = now() - begin;
	slack = SLACK + passed / PERIOD / AGREEMENT;
	if (periods + slack < passed / PERIOD || periods > passed / PERIOD + slack)
		fault("periods", (long)periods - (long)(passed / PERIOD));
	if (calls < 1 || calls > passed / THREAD_PERIOD + SLACK)
		fault("calls", (long)calls);
	if (strange)
		fault("signals", strange);
	if (timer_delete(periodic) || timer_delete(calling))
		fault("timer_delete", errno);
	printf("rounds %d faults %d\n", round, faults);
	return faults ? 99 : 7;
}
