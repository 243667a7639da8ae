// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Job control of a process that computes elsewhere.
 */
#include <linux/sched/signal.h>

#include "deputy_stop.h"
#include "export_private.h"
#include "signal.h"

static void mattx_deputy_tell(struct mattx_export *export, int number)
{
	struct mattx_signal signal = { .number = number, .code = SI_KERNEL };

	mattx_export_send(export, MATTX_WIRE_SIGNAL, mattx_put_signal, &signal);
}

bool mattx_deputy_forwards(const struct mattx_export *export)
{
	lockdep_assert_held(&export->lock);
	return export->state == MATTX_EXPORT_AWAY && export->running;
}

/* The guest will be sent one more SIGCONT; what it has said before that does not count any more. */
static void mattx_deputy_count_continue(struct mattx_export *export)
{
	lockdep_assert_held(&export->lock);
	export->continues++;
	export->guest_stopped = false;
	export->stop = 0;
}

static bool mattx_deputy_will_continue(void)
{
	lockdep_assert_held(&mattx_own_sighand()->siglock);
	return sigismember(&current->pending.signal, SIGCONT) ||
	       sigismember(&current->signal->shared_pending.signal, SIGCONT);
}

void mattx_deputy_stop_guest(struct mattx_export *export)
{
	bool tell, forwards;

	spin_lock(&export->lock);
	forwards = mattx_deputy_forwards(export);
	tell = forwards && !export->guest_stopped;
	export->guest_stopped = export->guest_stopped || tell;
	export->stop_missed = !forwards;
	export->stop = 0;
	spin_unlock(&export->lock);
	if (tell)
		mattx_deputy_tell(export, SIGSTOP);
}

/* Signals mean again what they mean to a deputy. */
static void mattx_deputy_stop_over(struct mattx_export *export)
{
	int number = export->stopping;

	if (!number)
		return;
	export->stopping = 0;
	spin_lock_irq(&mattx_own_sighand()->siglock);
	mattx_own_sighand()->action[number - 1].sa.sa_handler = export->stop_handler;
	sigaddset(&current->blocked, number);
	recalc_sigpending();
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

void mattx_deputy_continue_guest(struct mattx_export *export)
{
	bool tell, will_forward;

	mattx_deputy_stop_over(export);
	spin_lock_irq(&mattx_own_sighand()->siglock);
	will_forward = mattx_deputy_will_continue();
	spin_unlock_irq(&mattx_own_sighand()->siglock);

	spin_lock(&export->lock);
	export->stop_missed = false;
	/* It need not be told what it is about to be sent; nor if we are still to be stopped with it. */
	tell = export->guest_stopped && !export->stop &&
	       !(will_forward && mattx_deputy_forwards(export));
	if (tell)
		mattx_deputy_count_continue(export);
	spin_unlock(&export->lock);
	if (tell)
		mattx_deputy_tell(export, SIGCONT);
}

bool mattx_deputy_stop_itself(struct mattx_export *export)
{
	struct k_sigaction *action;
	int number;
	bool stops;

	spin_lock(&export->lock);
	number = export->stop;
	export->stop = 0;
	spin_unlock(&export->lock);
	if (!number)
		return false;
	spin_lock_irq(&mattx_own_sighand()->siglock);
	/* Sent after the stop: it would be forgotten together with it. */
	stops = !mattx_deputy_will_continue();
	if (stops && number != SIGSTOP) {
		/* As the guest, who may have changed that since it left. */
		action = &mattx_own_sighand()->action[number - 1];
		export->stopping = number;
		export->stop_handler = action->sa.sa_handler;
		action->sa.sa_handler = SIG_DFL;
		sigdelset(&current->blocked, number);
		recalc_sigpending();
	}
	spin_unlock_irq(&mattx_own_sighand()->siglock);
	if (!stops)
		return false;
	send_sig(number, current, 1);
	/* The guest has been continued in the meantime. */
	if (READ_ONCE(export->continued_there))
		send_sig(SIGCONT, current, 1);
	return true;
}

bool mattx_deputy_forwards_continue(struct mattx_export *export)
{
	bool forwards;

	spin_lock(&export->lock);
	forwards = !export->continued_there;
	export->continued_there = false;
	if (forwards)
		mattx_deputy_count_continue(export);
	spin_unlock(&export->lock);
	return forwards;
}

void mattx_deputy_catch_up(struct mattx_export *export)
{
	bool stop;

	spin_lock(&export->lock);
	stop = export->stop_missed && !export->gone;
	export->stop_missed = false;
	export->guest_stopped = export->guest_stopped || stop;
	spin_unlock(&export->lock);
	if (stop)
		mattx_deputy_tell(export, SIGSTOP);
}

void mattx_deputy_rouse(struct mattx_export *export)
{
	bool stopped;

	spin_lock(&export->lock);
	stopped = export->guest_stopped || export->stop_missed;
	export->stop = 0;
	spin_unlock(&export->lock);
	if (stopped)
		send_sig(SIGCONT, export->task, 1);
}

void mattx_export_receive_stopped(struct mattx_link *link, struct mattx_frame *frame)
{
	bool is_news = false, continues = false;
	struct mattx_cursor c;
	struct mattx_export *export = mattx_export_meant(link, frame, &c);
	struct mattx_stop stop;

	mattx_stop_take(&c, &stop);
	if (export && !c.bad) {
		spin_lock(&export->lock);
		is_news = (export->state == MATTX_EXPORT_AWAY ||
			   export->state == MATTX_EXPORT_RECALLING) &&
			  !export->exited && export->continues == stop.continues &&
			  !!stop.number != export->guest_stopped &&
			  (!stop.number || sig_kernel_stop(stop.number));
		continues = is_news && !stop.number;
		if (is_news) {
			export->guest_stopped = !!stop.number;
			export->stop = stop.number;
			WRITE_ONCE(export->continued_there, continues);
		}
		spin_unlock(&export->lock);
	}
	if (is_news)
		wake_up_all(&export->wake_deputy);
	if (continues)
		send_sig(SIGCONT, export->task, 1);
	if (export)
		mattx_export_put(export);
	mattx_frame_free(frame);
}
