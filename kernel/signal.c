// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals.
 */
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "capture.h"
#include "signal.h"

/* A process with more pending signals than this keeps the rest for later. */
#define MATTX_SIGNALS_LIMIT	4096

void mattx_signals_kernel(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGKILL);
	sigaddset(set, SIGSTOP);
}

void mattx_signals_capture(struct mattx_blueprint *print)
{
	struct mattx_thread *thread = &print->thread;
	int i;

	BUILD_BUG_ON(_NSIG != MATTX_SIGNALS);
	BUILD_BUG_ON(sizeof(sigset_t) != sizeof(u64));
	spin_lock_irq(&mattx_own_sighand()->siglock);
	for (i = 0; i < MATTX_SIGNALS; i++) {
		const struct sigaction *action = &mattx_own_sighand()->action[i].sa;

		print->actions[i].handler = (unsigned long)action->sa_handler;
		print->actions[i].flags = action->sa_flags;
		print->actions[i].restorer = (unsigned long)action->sa_restorer;
		print->actions[i].mask = action->sa_mask.sig[0];
	}
	thread->blocked = current->blocked.sig[0];
	thread->saved_mask = current->saved_sigmask.sig[0];
	thread->restore_mask = test_restore_sigmask();
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

void mattx_signals_apply(const struct mattx_blueprint *print)
{
	struct mattx_signal_masks masks = {
		.blocked.sig[0] = print->thread.blocked,
		.saved.sig[0] = print->thread.saved_mask,
		.restore = print->thread.restore_mask,
	};
	struct mattx_signal signal;
	int i;
	u32 j;

	spin_lock_irq(&mattx_own_sighand()->siglock);
	for (i = 0; i < MATTX_SIGNALS; i++) {
		struct sigaction *action = &mattx_own_sighand()->action[i].sa;

		/* Nobody catches these two, whatever a peer says. */
		if (sig_kernel_only(i + 1))
			continue;
		action->sa_handler = (__sighandler_t)(unsigned long)print->actions[i].handler;
		action->sa_flags = print->actions[i].flags & UAPI_SA_FLAGS;
		action->sa_restorer = (__sigrestore_t)(unsigned long)print->actions[i].restorer;
		action->sa_mask.sig[0] = print->actions[i].mask;
	}
	spin_unlock_irq(&mattx_own_sighand()->siglock);
	mattx_signals_unblock(&masks);
	for (j = 0; j < print->signals.count; j++)
		if (!mattx_signal_get(&print->signals, j, &signal))
			mattx_signal_deliver(current, &signal);
}

void mattx_signals_block(struct mattx_signal_masks *masks)
{
	sigset_t open;

	mattx_signals_kernel(&open);
	spin_lock_irq(&mattx_own_sighand()->siglock);
	masks->blocked = current->blocked;
	masks->saved = current->saved_sigmask;
	masks->restore = test_restore_sigmask();
	sigfillset(&current->blocked);
	sigandnsets(&current->blocked, &current->blocked, &open);
	clear_restore_sigmask();
	recalc_sigpending();
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

void mattx_signals_unblock(const struct mattx_signal_masks *masks)
{
	sigset_t open;

	mattx_signals_kernel(&open);
	spin_lock_irq(&mattx_own_sighand()->siglock);
	sigandnsets(&current->blocked, &masks->blocked, &open);
	current->saved_sigmask = masks->saved;
	if (masks->restore)
		set_restore_sigmask();
	else
		clear_restore_sigmask();
	recalc_sigpending();
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

bool mattx_signal_dequeue(struct mattx_signal *signal)
{
	kernel_siginfo_t info;
	enum pid_type type;
	sigset_t kernel;
	int number;

	BUILD_BUG_ON(sizeof(info._sifields) != MATTX_SIGNAL_FIELDS);
	clear_siginfo(&info);
	mattx_signals_kernel(&kernel);
	spin_lock_irq(&mattx_own_sighand()->siglock);
	number = dequeue_signal(&kernel, &info, &type);
	recalc_sigpending();
	spin_unlock_irq(&mattx_own_sighand()->siglock);
	if (!number)
		return false;
	signal->number = number;
	signal->error = info.si_errno;
	signal->code = info.si_code;
	signal->group = type != PIDTYPE_PID;
	memcpy(signal->fields, &info._sifields, sizeof(signal->fields));
	return true;
}

int mattx_signal_deliver(struct task_struct *task, const struct mattx_signal *signal)
{
	kernel_siginfo_t info;

	clear_siginfo(&info);
	info.si_signo = signal->number;
	info.si_errno = signal->error;
	info.si_code = signal->code;
	memcpy(&info._sifields, signal->fields, sizeof(signal->fields));
	return send_sig_info(signal->number, &info, task);
}

void mattx_signals_return(const struct mattx_signal *signals, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		mattx_signal_deliver(current, &signals[i]);
}

int mattx_capture_signals(struct mattx_capture *capture)
{
	struct mattx_signal signal;
	u32 room = 0, wanted;

	while (capture->signal_count < MATTX_SIGNALS_LIMIT) {
		if (capture->signal_count == room) {
			struct mattx_signal *longer;

			wanted = room ? room * 2 : 16;
			longer = kvmalloc_array(wanted, sizeof(*longer), GFP_KERNEL);
			if (!longer)
				return -ENOMEM;
			if (room)
				memcpy(longer, capture->signals, room * sizeof(*longer));
			kvfree(capture->signals);
			capture->signals = longer;
			room = wanted;
		}
		if (!mattx_signal_dequeue(&signal))
			break;
		capture->signals[capture->signal_count++] = signal;
	}
	return 0;
}
