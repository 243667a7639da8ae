// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The deputy: what stays of a process at home.
 *
 * It sleeps in the module, killable, all signals but KILL and STOP blocked.
 * Signals are picked up where signalfd would be told of them, and forwarded.
 * When the kernel wants the task itself (a stop, the freezer), it must return
 * from task work; so that it does not run the old image then, it returns into
 * an interrupted restart_syscall, whose continuation is the deputy again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/unistd.h>
#include <asm/syscall.h>

#include "deputy_call.h"
#include "deputy_stop.h"
#include "event.h"
#include "export_private.h"
#include "handle.h"
#include "signal.h"

#define MATTX_SYSCALL_LENGTH	2	/* bytes of the instruction */

/* What is sent to the process, or to the calling thread alone, is for its guest.  true: something was. */
static bool mattx_deputy_forward(struct mattx_export *export, bool own)
{
	struct mattx_signal signal;
	bool forwards, found, last;

	spin_lock(&export->lock);
	/* What comes before the guest runs, and after, is for the process here. */
	forwards = mattx_deputy_forwards(export);
	export->forwarding += forwards;
	spin_unlock(&export->lock);
	if (!forwards)
		return false;
	found = mattx_signal_dequeue(&signal, own);
	if (found) {
		__set_current_state(TASK_RUNNING);
		/* Who starts again has not seen it. */
		WRITE_ONCE(export->altered, true);
		if (signal.number != SIGCONT || mattx_deputy_forwards_continue(export))
			mattx_export_send(export, MATTX_WIRE_SIGNAL, mattx_put_signal, &signal);
	}
	spin_lock(&export->lock);
	last = !--export->forwarding;
	spin_unlock(&export->lock);
	if (last)
		wake_up_all(&export->wake_driver);
	return found;
}

static bool mattx_deputy_forward_own(void *context, u32 tid)
{
	return mattx_deputy_forward(context, true);
}

void mattx_deputy_keep(struct mattx_export *export)
{
	/* Ends at once: sending waits for nobody. */
	wait_event(export->wake_driver, !READ_ONCE(export->forwarding));
}

void mattx_deputy_hand_over(struct mattx_export *export)
{
	spin_lock(&export->lock);
	export->running = true;
	spin_unlock(&export->lock);
	mattx_deputy_catch_up(export);
	wake_up_all(&export->wake_deputy);
	mattx_threads_wake(export->threads);
}

void mattx_deputy_assign(struct mattx_export *export)
{
	const struct mattx_threads_duty duty = {
		.forward = mattx_deputy_forward_own,
		.context = export,
		.syscall_instruction = export->syscall_instruction,
	};

	mattx_threads_assign(export->threads, &duty);
}

/* STOP is pending or being carried out for the whole process. */
static bool mattx_deputy_stops(void)
{
	bool stops;

	spin_lock_irq(&mattx_own_sighand()->siglock);
	stops = sigismember(&current->pending.signal, SIGSTOP) ||
		sigismember(&current->signal->shared_pending.signal, SIGSTOP) ||
		current->jobctl & JOBCTL_STOP_PENDING;
	spin_unlock_irq(&mattx_own_sighand()->siglock);
	return stops;
}

/* Sleeps until there is something to do. */
static enum mattx_command mattx_deputy_wait(struct mattx_export *export)
{
	struct wait_queue_head *signals = &mattx_own_sighand()->signalfd_wqh;
	DECLARE_WAITQUEUE(for_command, current);
	DECLARE_WAITQUEUE(for_signal, current);
	enum mattx_command command;

	add_wait_queue(&export->wake_deputy, &for_command);
	add_wait_queue(signals, &for_signal);
	mattx_deputy_continue_guest(export);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		command = READ_ONCE(export->command);
		if (fatal_signal_pending(current)) {
			command = MATTX_COMMAND_FATAL;
			break;
		}
		/* Before a command: carrying one out must not be disturbed. */
		if (signal_pending(current)) {
			command = MATTX_COMMAND_LEAVE;
			break;
		}
		if (command)
			break;
		if (mattx_deputy_stop_itself(export) || mattx_deputy_forward(export, false) ||
		    mattx_deputy_call_serve(export))
			continue;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(signals, &for_signal);
	remove_wait_queue(&export->wake_deputy, &for_command);

	if (command == MATTX_COMMAND_LEAVE && mattx_deputy_stops())
		mattx_deputy_stop_guest(export);
	return command;
}

/* The process is what it was when it was captured. */
static void mattx_deputy_resume(struct mattx_export *export)
{
	*task_pt_regs(current) = export->regs;
	current->restart_block = export->restart;
	mattx_capture_rseq_go_on(&export->capture.print.thread);
	mattx_capture_apply_timer(&export->capture.print);
	mattx_signals_unblock(&export->masks);
	/* A restart code in the registers is looked at in another round. */
	set_thread_flag(TIF_NOTIFY_SIGNAL);
	mattx_threads_order(export->threads, MATTX_ORDER_RESUME);
}

/* The guest has ended: so does the process, the same way. */
static void mattx_deputy_exit(struct mattx_export *export)
{
	struct pt_regs *regs = task_pt_regs(current);
	struct signal_struct *signal = current->signal;
	int number = export->report.status & 0x7f;

	/* What the guest used is what the process used. */
	spin_lock_irq(&mattx_own_sighand()->siglock);
	write_seqlock(&signal->stats_lock);
	signal->utime += export->report.user_ns;
	signal->stime += export->report.system_ns;
	signal->sum_sched_runtime += export->report.user_ns + export->report.system_ns;
	write_sequnlock(&signal->stats_lock);
	if (number) {
		/* A core would show the image from before the move. */
		signal->rlim[RLIMIT_CORE].rlim_cur = 0;
		if (!sig_kernel_only(number))
			mattx_own_sighand()->action[number - 1].sa.sa_handler = SIG_DFL;
		sigdelset(&current->blocked, number);
		recalc_sigpending();
	}
	spin_unlock_irq(&mattx_own_sighand()->siglock);
	if (number)
		send_sig(number, current, 1);
	/* Where no signal ends it, it calls exit_group itself. */
	regs->ip = export->syscall_instruction;
	regs->ax = __NR_exit_group;
	regs->orig_ax = -1;
	regs->di = export->report.status >> 8 & 0xff;
}

void mattx_deputy_over(struct mattx_export *export)
{
	bool exited = export->exited;

	spin_lock(&export->lock);
	export->gone = true;
	export->state = MATTX_EXPORT_ENDED;
	spin_unlock(&export->lock);
	mattx_export_unlist(export);
	if (export->handles) {
		mattx_handles_free(export->handles);
		export->handles = NULL;
	}
	/* Those that were not told to go on stay until they are killed. */
	if (export->threads)
		mattx_threads_assign(export->threads, NULL);
	if (export->watched) {
		export->watched = false;
		mmu_notifier_put(&export->notifier);
	}
	if (exited) {
		pr_info("pid %d (%s): ended on node %u, status 0x%x\n", export->pid,
			export->comm, export->node, export->report.status);
		mattx_export_announce(export, MATTX_PHASE_ENDED, export->node, export->node);
	}
	complete_all(&export->frozen);
	complete_all(&export->settled);
	wake_up_all(&export->wake_driver);
	mattx_export_put(export);
}

/* The process is killed at home: so is the guest. */
static void mattx_deputy_die(struct mattx_export *export)
{
	bool away;

	spin_lock(&export->lock);
	away = export->link && !export->exited;
	spin_unlock(&export->lock);
	if (away) {
		mattx_export_send(export, MATTX_WIRE_KILL, NULL, NULL);
		pr_info("pid %d (%s): killed at home, guest on node %u ends\n", export->pid,
			export->comm, export->node);
	}
	export->result = -ESRCH;
	mattx_deputy_over(export);
}

/* false: the command could not be carried out and it stays the deputy. */
static bool mattx_deputy_obey(struct mattx_export *export, enum mattx_command command)
{
	switch (command) {
	case MATTX_COMMAND_RESUME:
		mattx_deputy_resume(export);
		export->result = 0;
		break;
	case MATTX_COMMAND_APPLY:
		spin_lock(&export->lock);
		/* The driver may have given up on us while we were stopped. */
		export->applying = export->command == MATTX_COMMAND_APPLY;
		spin_unlock(&export->lock);
		if (!export->applying)
			return false;
		export->result = mattx_apply_state(export);
		mattx_haste_end(&export->haste, current);
		if (fatal_signal_pending(current)) {
			mattx_deputy_die(export);
			return true;
		}
		if (export->result) {
			spin_lock(&export->lock);
			export->applying = false;
			export->command = export->exited ? MATTX_COMMAND_EXIT : MATTX_COMMAND_NONE;
			spin_unlock(&export->lock);
			complete(&export->settled);
			return false;
		}
		break;
	case MATTX_COMMAND_EXIT:
		mattx_deputy_exit(export);
		export->result = -ESRCH;
		break;
	default:
		mattx_deputy_die(export);
		return true;
	}
	mattx_deputy_over(export);
	return true;
}

/* Task work after a stop: commands need the registers of the task at the border. */
static void mattx_deputy_work(struct callback_head *work)
{
	struct mattx_export *export = container_of(work, struct mattx_export, work);

	if (current->flags & PF_EXITING || fatal_signal_pending(current))
		mattx_deputy_die(export);
	else
		mattx_deputy_run(export);
}

/* Continuation of the restart_syscall that a stop interrupted: it is a system call here. */
static long mattx_deputy_restart(struct restart_block *block)
{
	struct mattx_export *export = mattx_export_of(current);

	if (!export)
		return -EINTR;
	init_task_work(&export->work, mattx_deputy_work);
	/* Runs before user mode is reached; a task that exits is seen by its notifier. */
	task_work_add(current, &export->work, TWA_SIGNAL);
	mattx_export_put(export);
	return -EINTR;
}

void mattx_deputy_run(struct mattx_export *export)
{
	struct pt_regs *regs = task_pt_regs(current);
	enum mattx_command command;

	complete_all(&export->frozen);
	do {
		command = mattx_deputy_wait(export);
		if (command == MATTX_COMMAND_LEAVE) {
			regs->ip = export->syscall_instruction + MATTX_SYSCALL_LENGTH;
			regs->orig_ax = __NR_restart_syscall;
			regs->ax = -ERESTART_RESTARTBLOCK;
			current->restart_block.fn = mattx_deputy_restart;
			current->restart_block.arch_data = 0;
			return;
		}
	} while (!mattx_deputy_obey(export, command));
}
