// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest goes home by itself.
 *
 * The stub's filter lets through what is right here.  All else it would tell
 * its listener, which is in our hands: the kernel wakes the listener's queue
 * in the context of the calling thread and lets the thread wait.  We stand in
 * that queue, and send the thread on to the border to user mode instead, by
 * task work.  There the call is undone, and the thread waits to be gathered
 * with the others.  Whatever interrupts that (a signal, a recall that failed)
 * finds a thread that is about to make the call, and makes it again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unistd.h>
#include <asm/syscall.h>

#include "compat.h"
#include "dispatch.h"
#include "guest_calls.h"
#include "guest_private.h"
#include "homeward.h"

#define MATTX_SYSCALL_LENGTH	2	/* bytes of the instruction */
/* Between two attempts to go home. */
#define MATTX_HOMEWARD_PAUSE	max(HZ / 10, 1)
#define MATTX_HOMEWARD_LONGEST	(2 * HZ)

/* A thread whose system call is for home; from there to its way back to user mode. */
struct mattx_errand {
	struct list_head	list;		/* of all; their lock */
	struct callback_head	work;
	struct task_struct	*task;		/* only compared */
	struct mattx_guest	*guest;		/* a reference */
	s32			call;
	bool			undone;
};

/* Nests in the lock of a listener's queue; nothing nests in it. */
static DEFINE_SPINLOCK(mattx_errands_lock);
static LIST_HEAD(mattx_errands);

const char *mattx_homeward_words(s32 call)
{
	if (call < 0)
		return NULL;
	switch (call) {
	case __NR_execve:
	case __NR_execveat:
		return "run another program";
	case __NR_fork:
	case __NR_vfork:
	case __NR_clone:
	case __NR_clone3:
		return "make a process";
	case __NR_wait4:
	case __NR_waitid:
		return "wait for its children";
	case __NR_socket:
	case __NR_socketpair:
		return "make a socket";
	case __NR_pipe:
	case __NR_pipe2:
		return "make a pipe";
	case __NR_eventfd2:
	case __NR_timerfd_create:
	case __NR_signalfd4:
	case __NR_epoll_create:
	case __NR_epoll_create1:
	case __NR_inotify_init1:
	case __NR_memfd_create:
		return "make a descriptor that only its own kernel can make";
	case __NR_mmap:
		return "share memory with other processes";
	case __NR_kill:
	case __NR_tkill:
	case __NR_tgkill:
	case __NR_rt_sigqueueinfo:
		return "send a signal to another process";
	case __NR_ioctl:
		return "control a device";
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
	case __NR_epoll_pwait2:
		return "wait for events";
	default:
		return "make a system call that can be made only there";
	}
}

/* The calling thread's own, which only it takes off the list; NULL. */
static struct mattx_errand *mattx_errand_mine(void)
{
	struct mattx_errand *errand, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&mattx_errands_lock, flags);
	list_for_each_entry(errand, &mattx_errands, list)
		if (errand->task == current)
			found = errand;
	spin_unlock_irqrestore(&mattx_errands_lock, flags);
	return found;
}

static void mattx_errand_end(struct mattx_errand *errand)
{
	unsigned long flags;

	spin_lock_irqsave(&mattx_errands_lock, flags);
	list_del(&errand->list);
	spin_unlock_irqrestore(&mattx_errands_lock, flags);
	mattx_guest_put(errand->guest);
	kfree(errand);
}

/* true: the call is undone.  false: it has done something before it came to what is for home. */
static bool mattx_errand_undo(struct mattx_errand *errand)
{
	struct pt_regs *regs = task_pt_regs(current);

	if (errand->undone)
		return true;
	switch ((long)regs->ax) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		break;
	default:
		return false;
	}
	errand->undone = true;
	regs->ax = errand->call;
	regs->ip -= MATTX_SYSCALL_LENGTH;
	regs->orig_ax = -1;
	return true;
}

void mattx_homeward_undo(void)
{
	struct mattx_errand *errand = mattx_errand_mine();

	if (errand)
		mattx_errand_undo(errand);
}

/*
 * A filter cannot see what clone3 is to make, its flags are in memory.  Threads
 * are made here, and C libraries know kernels without clone3 and use clone
 * instead.
 */
static bool mattx_errand_makes_thread(const struct pt_regs *regs)
{
	u64 flags;

	return !copy_from_user(&flags, (void __user *)regs->di, sizeof(flags)) &&
	       flags & CLONE_THREAD;
}

/* What is answered here after all, perhaps by asking home; false: what is for home. */
static bool mattx_errand_result(s32 call, const struct pt_regs *regs, long *result)
{
	switch (call) {
	case __NR_clone3:
		*result = -ENOSYS;
		return mattx_errand_makes_thread(regs);
	case __NR_timer_create:
		if (!mattx_guest_timer_is_asked_for(regs->di))
			return false;
		*result = mattx_guest_timer_create(regs);
		return true;
	case __NR_timer_settime:
		*result = mattx_guest_timer_settime(regs);
		return true;
	case __NR_timer_gettime:
		*result = mattx_guest_timer_gettime(regs);
		return true;
	case __NR_timer_getoverrun:
		*result = mattx_guest_timer_getoverrun(regs);
		return true;
	case __NR_timer_delete:
		*result = mattx_guest_timer_delete(regs);
		return true;
	case __NR_madvise:
		*result = mattx_guest_guard(regs);
		return true;
	}
	return false;
}

static bool mattx_errand_answer(struct mattx_errand *errand)
{
	struct pt_regs *regs = task_pt_regs(current);
	long result;

	if (errand->undone || !mattx_errand_result(errand->call, regs, &result))
		return false;
	/* Something came in between, after which it is made again. */
	if (result == -ERESTARTNOINTR)
		return mattx_errand_undo(errand);
	regs->ax = result;
	/* A call that is over. */
	regs->orig_ax = -1;
	return true;
}

/* Asks home to take the guest back, again and again as long as a thread waits for it. */
static void mattx_homeward_ask(struct work_struct *work)
{
	struct mattx_homeward *homeward =
		container_of(to_delayed_work(work), struct mattx_homeward, ask);
	struct mattx_guest *guest = container_of(homeward, struct mattx_guest, homeward);
	int error = mattx_guest_return(guest, READ_ONCE(homeward->call));
	unsigned long pause = 0;

	spin_lock(&guest->lock);
	if (error && homeward->waiting && guest->state != MATTX_GUEST_GONE) {
		pause = homeward->pause;
		homeward->pause = min_t(unsigned long, 2 * pause, MATTX_HOMEWARD_LONGEST);
	}
	spin_unlock(&guest->lock);
	if (pause == MATTX_HOMEWARD_PAUSE)
		pr_info("guest %s of node %u: cannot go home yet to %s (error %d), tries again\n",
			guest->comm, guest->home, mattx_homeward_words(homeward->call), -error);
	/* The reference goes along. */
	if (!pause || !queue_delayed_work(mattx_wq, &homeward->ask, pause))
		mattx_guest_put(guest);
}

/* Waits for whatever wants the thread: the gathering of all threads, or a signal. */
static void mattx_errand_wait(struct mattx_errand *errand)
{
	struct mattx_guest *guest = errand->guest;
	struct mattx_homeward *homeward = &guest->homeward;

	spin_lock(&guest->lock);
	homeward->waiting++;
	homeward->call = errand->call;
	spin_unlock(&guest->lock);
	mattx_guest_get(guest);
	if (!queue_delayed_work(mattx_wq, &homeward->ask, 0))
		mattx_guest_put(guest);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (signal_pending(current) || task_work_pending(current))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	spin_lock(&guest->lock);
	homeward->waiting--;
	spin_unlock(&guest->lock);
}

/* Task work: the thread is at the border to user mode, or in its exit. */
static void mattx_errand_work(struct callback_head *work)
{
	struct mattx_errand *errand = container_of(work, struct mattx_errand, work);

	if (!(current->flags & PF_EXITING) && !fatal_signal_pending(current) &&
	    !mattx_errand_answer(errand) && mattx_errand_undo(errand))
		mattx_errand_wait(errand);
	mattx_errand_end(errand);
}

/* Does not sleep, and gives back no reference: the last one's end would want the listener's queue. */
static void mattx_errand_begin(struct mattx_guest *guest)
{
	struct mattx_errand *errand;
	unsigned long flags;

	if (mattx_errand_mine())
		return;
	errand = kzalloc(sizeof(*errand), GFP_ATOMIC);
	if (!errand) {
		/* The call is interrupted and begins again, perhaps with more luck. */
		set_thread_flag(TIF_NOTIFY_SIGNAL);
		return;
	}
	if (!kref_get_unless_zero(&guest->references)) {
		kfree(errand);
		return;
	}
	errand->task = current;
	errand->guest = guest;
	errand->call = syscall_get_nr(current, task_pt_regs(current));
	spin_lock_irqsave(&mattx_errands_lock, flags);
	list_add(&errand->list, &mattx_errands);
	spin_unlock_irqrestore(&mattx_errands_lock, flags);
	init_task_work(&errand->work, mattx_errand_work);
	/* Only a thread that exits takes no more work, and it makes no system calls. */
	WARN_ON_ONCE(task_work_add(current, &errand->work, TWA_SIGNAL));
}

bool mattx_homeward_instead(void)
{
	struct mattx_guest *guest = mattx_guest_of(current->group_leader);

	if (!guest)
		return false;
	mattx_errand_begin(guest);
	mattx_guest_put(guest);
	return true;
}
EXPORT_SYMBOL_GPL(mattx_homeward_instead);

/* In the listener's queue, its lock held: a thread of the guest makes a call that is for home. */
static int mattx_homeward_notified(wait_queue_entry_t *entry, unsigned int mode, int sync,
				   void *key)
{
	struct mattx_guest *guest = container_of(entry, struct mattx_guest, homeward.entry);
	struct task_struct *task = READ_ONCE(guest->task);

	/* Also woken when all threads are gone. */
	if (key_to_poll(key) & EPOLLIN && task && same_thread_group(current, task))
		mattx_errand_begin(guest);
	return 0;
}

struct mattx_homeward_table {
	poll_table		table;
	struct mattx_homeward	*homeward;
};

static void mattx_homeward_enter(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct mattx_homeward *homeward =
		container_of(table, struct mattx_homeward_table, table)->homeward;

	if (homeward->queue)
		return;
	homeward->queue = queue;
	add_wait_queue(queue, &homeward->entry);
}

int mattx_homeward_listen(struct mattx_guest *guest, int fd)
{
	struct mattx_homeward_table table = { .homeward = &guest->homeward };
	struct mattx_homeward *homeward = &guest->homeward;
	struct file *file = fget(fd);
	int error = -EINVAL;

	if (!file)
		return -EBADF;
	if (strcmp(file->f_path.dentry->d_name.name, "seccomp notify") || !file_can_poll(file))
		goto put;
	error = -EBUSY;
	if (homeward->listener)
		goto put;
	init_poll_funcptr(&table.table, mattx_homeward_enter);
	vfs_poll(file, &table.table);
	error = -EINVAL;
	if (!homeward->queue)
		goto put;
	homeward->listener = file;
	return 0;

put:
	fput(file);
	return error;
}

void mattx_homeward_init(struct mattx_homeward *homeward)
{
	homeward->call = MATTX_NO_CALL;
	homeward->pause = MATTX_HOMEWARD_PAUSE;
	init_waitqueue_func_entry(&homeward->entry, mattx_homeward_notified);
	INIT_DELAYED_WORK(&homeward->ask, mattx_homeward_ask);
}

void mattx_homeward_release(struct mattx_homeward *homeward)
{
	/* The queue lives as long as the listener. */
	if (homeward->queue)
		remove_wait_queue(homeward->queue, &homeward->entry);
	if (homeward->listener)
		fput(homeward->listener);
}
