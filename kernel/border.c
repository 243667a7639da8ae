// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that are not to be captured at this moment.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/unistd.h>
#include <asm/syscall.h>
#include <asm/vdso.h>

#include "border.h"
#include "dispatch.h"
#include "homeward.h"
#include "signal.h"

/* For so long it runs before it is looked at again; a call takes less. */
#define MATTX_BORDER_MICROSECONDS	50
#define MATTX_SYSCALL_LENGTH		2	/* bytes of the instruction */

static bool mattx_border_in_vdso(void)
{
	const struct pt_regs *regs = task_pt_regs(current);
	unsigned long start = (unsigned long)current->mm->context.vdso;
	const struct vdso_image *image = current->mm->context.vdso_image;

	/* In a system call that the vDSO made, nothing is half read. */
	if (!start || !image || syscall_get_nr(current, (struct pt_regs *)regs) >= 0)
		return false;
	return regs->ip >= start && regs->ip < start + image->size;
}

static bool mattx_border_is_for_fault(const kernel_siginfo_t *info)
{
	switch (info->si_signo) {
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGTRAP:
	case SIGFPE:
	case SIGSYS:
		return info->si_code > SI_USER;
	default:
		return false;
	}
}

/*
 * The kernel has raised a signal for what its last instruction did.  It is for
 * that instruction: whoever gets it a moment later, having made the instruction
 * once more, believes that another one failed.  What it blocks it has sent to
 * itself; the kernel does not.
 */
static bool mattx_border_faulted(void)
{
	struct sigqueue *queued;
	bool faulted = false;

	spin_lock_irq(&mattx_own_sighand()->siglock);
	list_for_each_entry(queued, &current->pending.list, list)
		faulted = faulted ||
			  (mattx_border_is_for_fault(&queued->info) &&
			   !sigismember(&current->blocked, queued->info.si_signo));
	spin_unlock_irq(&mattx_own_sighand()->siglock);
	return faulted;
}

void mattx_border_undo(void)
{
	struct pt_regs *regs = task_pt_regs(current);

	mattx_homeward_undo();
	/* A signal that waits has interrupted it all the same. */
	if ((long)regs->ax != -EINTR || task_sigpending(current))
		return;
	switch (syscall_get_nr(current, regs)) {
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
	case __NR_epoll_pwait2:
	case __NR_rt_sigtimedwait:
	case __NR_semop:
	case __NR_semtimedop:
	case __NR_io_getevents:
	case __NR_io_pgetevents:
		regs->ax = regs->orig_ax;
		regs->ip -= MATTX_SYSCALL_LENGTH;
		regs->orig_ax = -1;
	}
}

static void mattx_border_work(struct work_struct *work)
{
	struct mattx_border *border = container_of(work, struct mattx_border, work);
	struct callback_head *callback = border->callback;
	struct task_struct *task = border->task;

	usleep_range(MATTX_BORDER_MICROSECONDS, 2 * MATTX_BORDER_MICROSECONDS);
	/* From here on the border may be gone, with whatever it is a part of. */
	if (task_work_add(task, callback, TWA_SIGNAL))
		border->lost(callback);
	put_task_struct(task);
}

bool mattx_border_again(struct mattx_border *border, struct callback_head *callback,
			void (*lost)(struct callback_head *callback))
{
	if (current->flags & PF_EXITING || !current->mm || fatal_signal_pending(current) ||
	    !(mattx_border_in_vdso() || mattx_border_faulted()))
		return false;
	INIT_WORK(&border->work, mattx_border_work);
	border->callback = callback;
	border->task = get_task_struct(current);
	border->lost = lost;
	queue_work(mattx_urgent_wq, &border->work);
	return true;
}
