// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bringing a process to the border of user mode, where it captures itself and
 * becomes its own deputy.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <linux/unistd.h>
#include <asm/syscall.h>

#include "export_private.h"
#include "handle.h"

/* In the vDSO; the deputy needs one to come back from stops and to exit. */
static unsigned long mattx_find_syscall_instruction(unsigned long end)
{
	static const u8 instruction[2] = { 0x0f, 0x05 };
	unsigned long address = (unsigned long)current->mm->context.vdso;
	u8 bytes[2];

	for (; address && address + 1 < end; address++) {
		if (copy_from_user(bytes, (void __user *)address, sizeof(bytes)))
			return 0;
		if (!memcmp(bytes, instruction, sizeof(bytes)))
			return address;
	}
	return 0;
}

/* Everything that can fail or refuse; nothing has changed for the process until it succeeded. */
static int mattx_freeze_capture(struct mattx_export *export)
{
	struct mattx_refusal *refusal = &export->refusal;
	char why[MATTX_REASON_SIZE] = "";
	int error;

	mattx_border_undo();
	/* Seen from outside before; now nothing can change any more. */
	error = mattx_refuse_task(current, refusal);
	if (error)
		return error;
	export->threads = mattx_threads_create(false);
	if (!export->threads)
		return -ENOMEM;
	error = mattx_threads_gather(export->threads, MATTX_GATHER_DEADLINE, refusal);
	if (error)
		return error;
	error = mattx_capture_self(&export->capture);
	if (error)
		return error;
	export->capture.threads = export->threads;
	export->syscall_instruction =
		mattx_find_syscall_instruction(export->capture.areas.vdso_end);
	if (!export->syscall_instruction)
		return mattx_refuse(refusal, MATTX_REASON_NO_VDSO);
	error = mattx_handles_capture(current, &export->handles, why, sizeof(why));
	if (error)
		return mattx_refuse_words(refusal, MATTX_REASON_FILES, error, "%s",
					  why[0] ? why : "its open files cannot be taken along");
	return mattx_export_watch(export);
}

/* It ended while it was on its way. */
static void mattx_freeze_lost(struct callback_head *work)
{
	struct mattx_export *export = container_of(work, struct mattx_export, work);

	export->result = mattx_refuse(&export->refusal, MATTX_REASON_EXITING);
	mattx_deputy_over(export);
}

/* Task work: in the task's own context, at the border to user mode or in its exit. */
static void mattx_freeze_work(struct callback_head *work)
{
	struct mattx_export *export = container_of(work, struct mattx_export, work);
	struct pt_regs *regs = task_pt_regs(current);
	bool wanted;
	int error;

	spin_lock(&export->lock);
	wanted = export->state == MATTX_EXPORT_FREEZING && !export->command;
	spin_unlock(&export->lock);

	if (wanted && mattx_border_again(&export->border, work, mattx_freeze_lost))
		return;
	WRITE_ONCE(export->at_border, true);
	if (current->flags & PF_EXITING || fatal_signal_pending(current) || !current->mm)
		error = mattx_refuse(&export->refusal, MATTX_REASON_EXITING);
	else if (!wanted)
		error = -ETIMEDOUT;
	/* Inside of a system call, whose end is not decided yet. */
	else if ((long)regs->ax == -ENOSYS && syscall_get_nr(current, regs) >= 0)
		error = mattx_refuse_words(&export->refusal, MATTX_REASON_IO_URING, -EBUSY,
					   "it is in the middle of a system call; try again");
	else
		error = mattx_freeze_capture(export);

	export->result = error;
	export->stood = ktime_get();
	if (error) {
		if (export->threads)
			mattx_threads_order(export->threads, MATTX_ORDER_RESUME);
		mattx_haste_end(&export->haste, current);
		mattx_deputy_over(export);
		return;
	}
	export->capture.print.thread.nice = mattx_haste_nice(&export->haste, current);
	export->regs = *regs;
	export->restart = current->restart_block;
	mattx_capture_rseq_pause();
	mattx_signals_block(&export->masks);
	mattx_deputy_assign(export);
	mattx_capture_stop_timer();
	mattx_haste_end(&export->haste, current);
	mattx_deputy_run(export);
}

int mattx_freeze(struct mattx_export *export)
{
	long left;
	int error;

	export->asked = ktime_get();
	init_task_work(&export->work, mattx_freeze_work);
	/* The deputy's reference; its end gives it back. */
	mattx_export_get(export);
	mattx_haste_begin(&export->haste, export->task);
	error = task_work_add(export->task, &export->work, TWA_SIGNAL);
	if (error) {
		mattx_export_put(export);
		return mattx_refuse(&export->refusal, MATTX_REASON_EXITING);
	}
	do {
		left = wait_for_completion_killable_timeout(&export->frozen,
							    MATTX_FREEZE_DEADLINE);
	} while (!left && READ_ONCE(export->at_border));
	if (left > 0)
		return export->result;
	/* The work may still come; it finds the command and lets the process go on. */
	mattx_export_command(export, MATTX_COMMAND_RESUME);
	if (left < 0)
		return -EINTR;
	return mattx_refuse_words(&export->refusal, MATTX_REASON_MOVING, -ETIMEDOUT,
				  "it did not stand still in time; it waits for a device or is stopped");
}
