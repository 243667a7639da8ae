// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What cannot move, and why.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/hugetlb_inline.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/posix-timers.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <asm/processor.h>

#include "areas.h"
#include "compat.h"
#include "partner.h"
#include "refuse.h"

static const struct {
	const char	*code;
	int		error;
	const char	*words;
} mattx_reasons[MATTX_REASONS] = {
	[MATTX_REASON_KERNEL_THREAD] = { "kernel-thread", EOPNOTSUPP,
		"it is a thread of the kernel" },
	[MATTX_REASON_INIT] = { "init", EOPNOTSUPP,
		"it is the init process of its pid namespace" },
	[MATTX_REASON_EXITING] = { "exiting", ESRCH,
		"it is ending" },
	[MATTX_REASON_TRACED] = { "traced", EBUSY,
		"a debugger is attached to it; detach it first" },
	[MATTX_REASON_COMPAT] = { "32-bit", EOPNOTSUPP,
		"it is a 32-bit program" },
	[MATTX_REASON_THREADS] = { "threads", EOPNOTSUPP,
		"it has more threads than can be moved at once" },
	[MATTX_REASON_IO_URING] = { "io_uring", EOPNOTSUPP,
		"it uses io_uring, whose requests belong to this kernel" },
	[MATTX_REASON_NAMESPACE] = { "namespace", EOPNOTSUPP,
		"it lives in a pid or user namespace of its own (a container)" },
	[MATTX_REASON_SECCOMP] = { "seccomp", EOPNOTSUPP,
		"it runs under a seccomp filter that cannot be carried along" },
	[MATTX_REASON_STOPPED] = { "stopped", EBUSY,
		"it is stopped; continue it first" },
	[MATTX_REASON_VFORK] = { "vfork", EBUSY,
		"its parent waits for its exec (vfork); try again later" },
	[MATTX_REASON_SHARED_MM] = { "shared-address-space", EOPNOTSUPP,
		"it shares its address space or signal handlers with another process" },
	[MATTX_REASON_TIMERS] = { "timers", EOPNOTSUPP,
		"it has timers of processor time, which count only where it runs" },
	[MATTX_REASON_SHARED_MEMORY] = { "shared-memory", EOPNOTSUPP,
		"it maps writable memory that other processes may share" },
	[MATTX_REASON_DEVICE_MEMORY] = { "device-memory", EOPNOTSUPP,
		"it maps memory of a device" },
	[MATTX_REASON_HUGE_PAGES] = { "huge-pages", EOPNOTSUPP,
		"it maps reserved huge pages (hugetlbfs)" },
	[MATTX_REASON_SPECIAL_MEMORY] = { "special-memory", EOPNOTSUPP,
		"it maps memory with a meaning of its own (userfaultfd, shadow stack, uprobes)" },
	[MATTX_REASON_NO_VDSO] = { "no-vdso", EOPNOTSUPP,
		"it has no vDSO mapped, which its deputy needs" },
	[MATTX_REASON_GUEST] = { "guest", EOPNOTSUPP,
		"it is a guest from another node; move it from its home" },
	[MATTX_REASON_MOVING] = { "moving", EBUSY,
		"it is being moved at this moment" },
	[MATTX_REASON_SELF] = { "self", EBUSY,
		"it is the one that asks; ask from another process" },
	[MATTX_REASON_FILES] = { "files", EOPNOTSUPP,
		"one of its open files cannot be used from another node" },
	[MATTX_REASON_CREDENTIALS] = { "thread-credentials", EOPNOTSUPP,
		"its threads act for different users" },
	[MATTX_REASON_MAIN_THREAD] = { "main-thread", EOPNOTSUPP,
		"its main thread has ended while others go on" },
	[MATTX_REASON_NEW_THREADS] = { "new-threads", EBUSY,
		"it has threads that began away; it can come home when they have ended" },
	[MATTX_REASON_LOCKED] = { "locked", EPERM,
		"it is locked where it is; unlock it first" },
	[MATTX_REASON_STAY] = { "stay", EPERM,
		"processes of this node stay where they are (stay 1 or lstay 1)" },
	[MATTX_REASON_NO_BETTER] = { "no-better-node", EAGAIN,
		"no other node is known to be less loaded" },
	[MATTX_REASON_REMOTE] = { "refused-there", EIO,
		"the other node refused it" },
};

static atomic_long_t mattx_refusal_counts[MATTX_REASONS];

int mattx_refuse(struct mattx_refusal *refusal, enum mattx_reason reason)
{
	return mattx_refuse_words(refusal, reason, -mattx_reasons[reason].error, "%s",
				  mattx_reasons[reason].words);
}

int mattx_refuse_words(struct mattx_refusal *refusal, enum mattx_reason reason, int error,
		       const char *format, ...)
{
	va_list arguments;

	atomic_long_inc(&mattx_refusal_counts[reason]);
	refusal->error = -error;
	va_start(arguments, format);
	vscnprintf(refusal->reason, sizeof(refusal->reason), format, arguments);
	va_end(arguments);
	return error;
}

const char *mattx_refusal_code(const struct mattx_refusal *refusal)
{
	int i;

	for (i = MATTX_REASON_NONE + 1; i < MATTX_REASONS; i++)
		if (!strcmp(mattx_reasons[i].words, refusal->reason))
			return mattx_reasons[i].code;
	/* Only descriptors have words of their own. */
	return mattx_reasons[MATTX_REASON_FILES].code;
}

/* Clocks that go on at home while the process computes elsewhere. */
static bool mattx_clock_of_time(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
	       clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM ||
	       clock == CLOCK_BOOTTIME_ALARM;
}

/*
 * Timers made with timer_create() stay at home with the deputy, unless they
 * count the processor time that is spent elsewhere, or belong to a device.  Of
 * the other three, ITIMER_REAL goes along.
 */
static bool mattx_has_timers(struct task_struct *task, struct sighand_struct *sighand)
{
	struct signal_struct *signal = task->signal;
	bool found = READ_ONCE(signal->it[CPUCLOCK_PROF].expires) ||
		     READ_ONCE(signal->it[CPUCLOCK_VIRT].expires);
	struct k_itimer *timer;

	spin_lock_irq(&sighand->siglock);
	/* Else it is that of another process by now. */
	if (rcu_access_pointer(task->sighand) == sighand)
		hlist_for_each_entry(timer, &signal->posix_timers, list)
			found = found || !mattx_clock_of_time(timer->it_clock);
	spin_unlock_irq(&sighand->siglock);
	return found;
}

/* Would each of them have the rights that the main thread has? */
static bool mattx_same_rights(const struct cred *one, const struct cred *other)
{
	return uid_eq(one->uid, other->uid) && uid_eq(one->euid, other->euid) &&
	       uid_eq(one->suid, other->suid) && uid_eq(one->fsuid, other->fsuid) &&
	       gid_eq(one->gid, other->gid) && gid_eq(one->egid, other->egid) &&
	       gid_eq(one->sgid, other->sgid) && gid_eq(one->fsgid, other->fsgid) &&
	       one->cap_effective.val == other->cap_effective.val &&
	       one->cap_permitted.val == other->cap_permitted.val &&
	       one->user_ns == other->user_ns;
}

int mattx_refuse_thread(struct task_struct *task, struct mattx_refusal *refusal)
{
	bool same;

	if (READ_ONCE(task->ptrace))
		return mattx_refuse(refusal, MATTX_REASON_TRACED);
	if (!user_64bit_mode(task_pt_regs(task)))
		return mattx_refuse(refusal, MATTX_REASON_COMPAT);
#ifdef CONFIG_IO_URING
	if (READ_ONCE(task->io_uring))
		return mattx_refuse(refusal, MATTX_REASON_IO_URING);
#endif
#ifdef CONFIG_SECCOMP
	if (READ_ONCE(task->seccomp.mode))
		return mattx_refuse(refusal, MATTX_REASON_SECCOMP);
#endif
	rcu_read_lock();
	same = mattx_same_rights(__task_cred(task), __task_cred(task->group_leader));
	rcu_read_unlock();
	return same ? 0 : mattx_refuse(refusal, MATTX_REASON_CREDENTIALS);
}

int mattx_refuse_task(struct task_struct *task, struct mattx_refusal *refusal)
{
	enum mattx_reason reason = MATTX_REASON_NONE;
	struct sighand_struct *sighand;
	const struct cred *cred;
	struct mm_struct *mm;
	int error;

	if (task->flags & (PF_KTHREAD | PF_USER_WORKER))
		return mattx_refuse(refusal, MATTX_REASON_KERNEL_THREAD);
	if (is_global_init(task))
		return mattx_refuse(refusal, MATTX_REASON_INIT);
	/* From outside this is a first look; it counts when the task itself looks again, frozen. */
	rcu_read_lock();
	sighand = rcu_dereference(task->sighand);
	if (!sighand || task->signal->flags & SIGNAL_GROUP_EXIT)
		reason = MATTX_REASON_EXITING;
	else if (task->flags & PF_EXITING)
		reason = thread_group_empty(task) ? MATTX_REASON_EXITING :
						    MATTX_REASON_MAIN_THREAD;
	else if (task->signal->flags & SIGNAL_UNKILLABLE)
		reason = MATTX_REASON_INIT;
	else if (task->signal->flags & SIGNAL_STOP_STOPPED)
		reason = MATTX_REASON_STOPPED;
	else if (mattx_partner_in_memory(task))
		reason = MATTX_REASON_SHARED_MM;
	else if (mattx_has_timers(task, sighand))
		reason = MATTX_REASON_TIMERS;
	rcu_read_unlock();
	if (reason)
		return mattx_refuse(refusal, reason);
	error = mattx_refuse_thread(task, refusal);
	if (error)
		return error;
	if (READ_ONCE(task->vfork_done))
		return mattx_refuse(refusal, MATTX_REASON_VFORK);

	rcu_read_lock();
	cred = __task_cred(task);
	if (cred->user_ns != &init_user_ns || task_active_pid_ns(task) != &init_pid_ns)
		reason = MATTX_REASON_NAMESPACE;
	rcu_read_unlock();
	if (reason)
		return mattx_refuse(refusal, reason);

	mm = get_task_mm(task);
	if (!mm)
		return mattx_refuse(refusal, MATTX_REASON_EXITING);
	mmap_read_lock(mm);
	mattx_refuse_memory(mm, refusal);
	mmap_read_unlock(mm);
	mmput(mm);
	return -refusal->error;
}

int mattx_refuse_memory(struct mm_struct *mm, struct mattx_refusal *refusal)
{
	VMA_ITERATOR(iterator, mm, 0);
	struct vm_area_struct *vma;
	bool vdso = false;

	mmap_assert_locked(mm);
	refusal->error = 0;
	for_each_vma(iterator, vma) {
		enum mattx_reason reason = MATTX_REASON_NONE;

		if (mattx_vma_is_vdso(vma)) {
			vdso = true;
			continue;
		}
		if (is_vm_hugetlb_page(vma))
			reason = MATTX_REASON_HUGE_PAGES;
		else if (vma->vm_flags & (VM_PFNMAP | VM_IO | VM_MIXEDMAP))
			reason = MATTX_REASON_DEVICE_MEMORY;
		else if (vma->vm_flags & (VM_UFFD_MISSING | VM_UFFD_WP | VM_SHADOW_STACK) ||
			 mattx_vma_name(vma))
			reason = MATTX_REASON_SPECIAL_MEMORY;
		/* A shared mapping that can never be written is as good as a private one. */
		else if (vma->vm_flags & VM_SHARED && vma->vm_flags & VM_MAYWRITE)
			reason = MATTX_REASON_SHARED_MEMORY;
		if (reason)
			return mattx_refuse(refusal, reason);
	}
	return vdso ? 0 : mattx_refuse(refusal, MATTX_REASON_NO_VDSO);
}

void mattx_refusals_show(struct seq_file *m)
{
	int i;

	for (i = MATTX_REASON_NONE + 1; i < MATTX_REASONS; i++) {
		long count = atomic_long_read(&mattx_refusal_counts[i]);

		if (count)
			seq_printf(m, "refused %s: %ld\n", mattx_reasons[i].code, count);
	}
}
