// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * State of a process, read from itself.
 */
#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/personality.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "capture.h"
#include "compat.h"
#include "regs.h"
#include "restart.h"
#include "signal.h"
#include "threads.h"

static u64 mattx_capability_word(kernel_cap_t set)
{
	return set.val;
}

static void mattx_capture_identity(struct mattx_identity *who)
{
	const struct cred *cred = current_cred();

	who->uid = __kuid_val(cred->uid);
	who->euid = __kuid_val(cred->euid);
	who->suid = __kuid_val(cred->suid);
	who->fsuid = __kuid_val(cred->fsuid);
	who->gid = __kgid_val(cred->gid);
	who->egid = __kgid_val(cred->egid);
	who->sgid = __kgid_val(cred->sgid);
	who->fsgid = __kgid_val(cred->fsgid);
	who->cap_inheritable = mattx_capability_word(cred->cap_inheritable);
	who->cap_permitted = mattx_capability_word(cred->cap_permitted);
	who->cap_effective = mattx_capability_word(cred->cap_effective);
	who->cap_bounding = mattx_capability_word(cred->cap_bset);
	who->cap_ambient = mattx_capability_word(cred->cap_ambient);
	who->securebits = cred->securebits;
	who->no_new_privs = task_no_new_privs(current);
	who->umask = current_umask();
	who->personality = current->personality;
}

static int mattx_capture_groups(struct mattx_capture *capture)
{
	const struct group_info *groups = current_cred()->group_info;
	int i;

	capture->groups = kvmalloc_array(groups->ngroups + 1, sizeof(u32), GFP_KERNEL);
	if (!capture->groups)
		return -ENOMEM;
	for (i = 0; i < groups->ngroups; i++)
		capture->groups[i] = __kgid_val(groups->gid[i]);
	capture->group_count = groups->ngroups;
	return 0;
}

static void mattx_capture_limits(struct mattx_blueprint *print)
{
	int i;

	BUILD_BUG_ON(RLIM_NLIMITS != MATTX_LIMITS);
	task_lock(current->group_leader);
	for (i = 0; i < MATTX_LIMITS; i++) {
		print->limits[i][0] = current->signal->rlim[i].rlim_cur;
		print->limits[i][1] = current->signal->rlim[i].rlim_max;
	}
	task_unlock(current->group_leader);
}

static void mattx_capture_memory_fields(struct mattx_blueprint *print)
{
	struct mm_struct *mm = current->mm;
	u32 i;

	BUILD_BUG_ON(ARRAY_SIZE(mm->saved_auxv) > MATTX_AUXV_LIMIT);
	mmap_read_lock(mm);
	spin_lock(&mm->arg_lock);
	print->memory[MATTX_START_CODE] = mm->start_code;
	print->memory[MATTX_END_CODE] = mm->end_code;
	print->memory[MATTX_START_DATA] = mm->start_data;
	print->memory[MATTX_END_DATA] = mm->end_data;
	print->memory[MATTX_START_BRK] = mm->start_brk;
	print->memory[MATTX_BRK] = mm->brk;
	print->memory[MATTX_START_STACK] = mm->start_stack;
	print->memory[MATTX_ARG_START] = mm->arg_start;
	print->memory[MATTX_ARG_END] = mm->arg_end;
	print->memory[MATTX_ENV_START] = mm->env_start;
	print->memory[MATTX_ENV_END] = mm->env_end;
	spin_unlock(&mm->arg_lock);
	mmap_read_unlock(mm);
	print->auxv_count = ARRAY_SIZE(mm->saved_auxv);
	for (i = 0; i < print->auxv_count; i++)
		print->auxv[i] = mm->saved_auxv[i];
}

void mattx_capture_apply_memory_fields(const struct mattx_blueprint *print)
{
	struct mm_struct *mm = current->mm;
	u32 i, count = min_t(u32, print->auxv_count, ARRAY_SIZE(mm->saved_auxv));

	mmap_write_lock(mm);
	spin_lock(&mm->arg_lock);
	mm->start_code = print->memory[MATTX_START_CODE];
	mm->end_code = print->memory[MATTX_END_CODE];
	mm->start_data = print->memory[MATTX_START_DATA];
	mm->end_data = print->memory[MATTX_END_DATA];
	mm->start_brk = print->memory[MATTX_START_BRK];
	mm->brk = print->memory[MATTX_BRK];
	mm->start_stack = print->memory[MATTX_START_STACK];
	mm->arg_start = print->memory[MATTX_ARG_START];
	mm->arg_end = print->memory[MATTX_ARG_END];
	mm->env_start = print->memory[MATTX_ENV_START];
	mm->env_end = print->memory[MATTX_ENV_END];
	for (i = 0; i < count; i++)
		mm->saved_auxv[i] = print->auxv[i];
	spin_unlock(&mm->arg_lock);
	mmap_write_unlock(mm);
}

void mattx_capture_thread(struct mattx_thread *thread)
{
	struct mattx_rseq rseq;

	thread->tid = task_pid_vnr(current);
	memcpy(thread->comm, current->comm, sizeof(thread->comm));
	thread->nice = task_nice(current);
	mattx_signals_capture_masks(thread);
	thread->altstack = current->sas_ss_sp;
	thread->altstack_size = current->sas_ss_size;
	thread->altstack_flags = current->sas_ss_flags;
	mattx_rseq_get(&rseq);
	thread->rseq = rseq.address;
	thread->rseq_length = rseq.length;
	thread->rseq_signature = rseq.signature;
	thread->robust_list = (unsigned long)mattx_robust_list(current);
	thread->clear_tid = (unsigned long)current->clear_child_tid;
	thread->set_tid = (unsigned long)current->set_child_tid;
	mattx_restart_capture(thread);
}

static void mattx_capture_timer(struct mattx_blueprint *print)
{
	struct hrtimer *timer = &current->signal->real_timer;
	ktime_t left;

	spin_lock_irq(&mattx_own_sighand()->siglock);
	if (hrtimer_active(timer)) {
		left = hrtimer_get_remaining(timer);
		/* Off would be 0: one that is due has at least a moment left. */
		print->timer_left = max_t(s64, left, NSEC_PER_USEC);
	}
	print->timer_interval = current->signal->it_real_incr;
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

void mattx_capture_stop_timer(void)
{
	struct signal_struct *signal = current->signal;

	hrtimer_cancel(&signal->real_timer);
	spin_lock_irq(&mattx_own_sighand()->siglock);
	signal->it_real_incr = 0;
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

int mattx_capture_self(struct mattx_capture *capture)
{
	struct mattx_blueprint *print = &capture->print;
	int error;

	memset(capture, 0, sizeof(*capture));
	error = mattx_regs_capture(&print->thread, &capture->xstate);
	if (error)
		return error;
	error = mattx_areas_list(current->mm, &capture->areas);
	if (error)
		goto fail;
	error = mattx_capture_groups(capture);
	if (error)
		goto fail;
	print->pid = task_tgid_vnr(current);
	memcpy(print->comm, current->comm, sizeof(print->comm));
	print->monotonic = ktime_get_ns();
	print->boottime = ktime_get_boottime_ns();
	print->vdso_start = capture->areas.vdso_start;
	print->vdso_end = capture->areas.vdso_end;
	mattx_capture_identity(&print->identity);
	mattx_capture_limits(print);
	mattx_capture_memory_fields(print);
	mattx_signals_capture(print);
	mattx_capture_thread(&print->thread);
	mattx_capture_timer(print);
	return 0;

fail:
	mattx_capture_free(capture);
	return error;
}

void mattx_capture_free(struct mattx_capture *capture)
{
	kvfree(capture->xstate);
	kvfree(capture->groups);
	kvfree(capture->signals);
	mattx_areas_free(&capture->areas);
	mattx_extents_free(&capture->guards);
	memset(capture, 0, sizeof(*capture));
}

int mattx_capture_encode(struct mattx_capture *capture, const struct mattx_extents *extents,
			 const u8 *files, u32 files_size, u8 **bytes, u32 *size)
{
	u32 others = capture->threads ? mattx_threads_count(capture->threads) : 0;
	u32 signals = capture->signal_count +
		      (capture->threads ? mattx_threads_signal_count(capture->threads) : 0);
	struct mattx_blueprint *print = &capture->print;
	u64 total = MATTX_BLUEPRINT_FIXED + print->thread.xstate_size +
		    (u64)capture->group_count * 4 +
		    (u64)capture->areas.count * MATTX_AREA_SIZE +
		    ((u64)extents->count + capture->guards.count) * MATTX_EXTENT_SIZE +
		    (u64)signals * MATTX_SIGNAL_SIZE +
		    (u64)others * (MATTX_THREAD_FIXED + print->thread.xstate_size) + files_size;
	struct mattx_cursor c;
	u32 i;

	if (total > MATTX_PRINT_LIMIT)
		return -E2BIG;
	*bytes = kvmalloc(total, GFP_KERNEL);
	if (!*bytes)
		return -ENOMEM;
	print->groups.count = capture->group_count;
	print->areas.count = capture->areas.count;
	print->extents.count = extents->count;
	print->guards.count = capture->guards.count;
	print->has_guards = MATTX_HAS_GUARDS;
	print->signals.count = signals;
	print->threads.count = others;
	print->files_size = files_size;

	mattx_cursor_init(&c, *bytes, total);
	mattx_blueprint_put(&c, print);
	for (i = 0; i < capture->group_count; i++)
		mattx_put_u32(&c, capture->groups[i]);
	for (i = 0; i < capture->areas.count; i++)
		mattx_area_put(&c, &capture->areas.list[i]);
	for (i = 0; i < extents->count; i++)
		mattx_extent_put(&c, &extents->list[i]);
	for (i = 0; i < capture->guards.count; i++)
		mattx_extent_put(&c, &capture->guards.list[i]);
	for (i = 0; i < capture->signal_count; i++)
		mattx_signal_put(&c, &capture->signals[i]);
	if (others) {
		mattx_threads_encode_signals(capture->threads, &c);
		mattx_threads_encode(capture->threads, print->thread.xstate_size, &c);
	}
	mattx_put_bytes(&c, files, files_size);
	if (c.bad) {
		kvfree(*bytes);
		*bytes = NULL;
		return -E2BIG;
	}
	*size = c.at - *bytes;
	return 0;
}

static int mattx_apply_groups(struct cred *cred, const struct mattx_records *list)
{
	struct group_info *groups = groups_alloc(list->count);
	struct mattx_cursor c;
	u32 i;

	if (!groups)
		return -ENOMEM;
	mattx_cursor_init(&c, (void *)list->bytes, (size_t)list->count * 4);
	for (i = 0; i < list->count; i++)
		groups->gid[i] = KGIDT_INIT(mattx_take_u32(&c));
	groups_sort(groups);
	set_groups(cred, groups);
	put_group_info(groups);
	return 0;
}

static int mattx_apply_identity(const struct mattx_blueprint *print)
{
	const struct mattx_identity *who = &print->identity;
	struct cred *cred = prepare_creds();
	int error;

	if (!cred)
		return -ENOMEM;
	error = mattx_apply_groups(cred, &print->groups);
	if (error) {
		abort_creds(cred);
		return error;
	}
	cred->uid = KUIDT_INIT(who->uid);
	cred->euid = KUIDT_INIT(who->euid);
	cred->suid = KUIDT_INIT(who->suid);
	cred->fsuid = KUIDT_INIT(who->fsuid);
	cred->gid = KGIDT_INIT(who->gid);
	cred->egid = KGIDT_INIT(who->egid);
	cred->sgid = KGIDT_INIT(who->sgid);
	cred->fsgid = KGIDT_INIT(who->fsgid);
	cred->cap_inheritable.val = who->cap_inheritable & CAP_VALID_MASK;
	cred->cap_permitted.val = who->cap_permitted & CAP_VALID_MASK;
	cred->cap_effective.val = who->cap_effective & who->cap_permitted & CAP_VALID_MASK;
	cred->cap_bset.val = who->cap_bounding & CAP_VALID_MASK;
	cred->cap_ambient.val = who->cap_ambient & CAP_VALID_MASK;
	cred->securebits = who->securebits;
	commit_creds(cred);
	if (who->no_new_privs)
		task_set_no_new_privs(current);
	current->fs->umask = who->umask & 0777;
	current->personality = who->personality;
	return 0;
}

static void mattx_apply_limits(const struct mattx_blueprint *print)
{
	int i;

	task_lock(current->group_leader);
	for (i = 0; i < MATTX_LIMITS; i++) {
		current->signal->rlim[i].rlim_cur = print->limits[i][0];
		current->signal->rlim[i].rlim_max = print->limits[i][1];
	}
	task_unlock(current->group_leader);
}

void mattx_capture_apply_timer(const struct mattx_blueprint *print)
{
	struct signal_struct *signal = current->signal;
	/*
	 * One that has rung begins again when its signal is taken off the queue.
	 * Signals that we deliver may be in another queue, where that is not done.
	 */
	s64 left = print->timer_left ?: print->timer_interval;

	hrtimer_cancel(&signal->real_timer);
	spin_lock_irq(&mattx_own_sighand()->siglock);
	signal->it_real_incr = print->timer_interval;
	if (left)
		hrtimer_start(&signal->real_timer, ns_to_ktime(left), HRTIMER_MODE_REL);
	spin_unlock_irq(&mattx_own_sighand()->siglock);
}

void mattx_capture_rseq_pause(void)
{
	const struct mattx_rseq none = {};

	mattx_rseq_set(&none);
}

void mattx_capture_rseq_go_on(const struct mattx_thread *thread)
{
	const struct mattx_rseq rseq = {
		.address = thread->rseq,
		.length = thread->rseq_length,
		.signature = thread->rseq_signature,
	};

	mattx_rseq_set(&rseq);
}

int mattx_capture_apply_thread(const struct mattx_blueprint *print,
			       const struct mattx_thread *thread, bool away)
{
	int error;

	if (away) {
		error = mattx_apply_identity(print);
		if (error)
			return error;
		set_user_nice(current, thread->nice);
	}
	task_lock(current);
	memcpy(current->comm, thread->comm, sizeof(current->comm));
	task_unlock(current);

	current->sas_ss_sp = thread->altstack;
	current->sas_ss_size = thread->altstack_size;
	current->sas_ss_flags = thread->altstack_flags;
	mattx_capture_rseq_go_on(thread);
	mattx_robust_list(current) =
		(struct robust_list_head __user *)(unsigned long)thread->robust_list;
	current->clear_child_tid = (int __user *)(unsigned long)thread->clear_tid;
	current->set_child_tid = (int __user *)(unsigned long)thread->set_tid;
	mattx_restart_apply(thread, away);
	mattx_signals_apply_masks(thread);
	return 0;
}

int mattx_capture_apply(const struct mattx_blueprint *print, bool away)
{
	int error;

	/* First the actions: what is unblocked next must find its handler. */
	mattx_signals_apply(print);
	error = mattx_capture_apply_thread(print, &print->thread, away);
	if (error)
		return error;
	mattx_apply_limits(print);
	mattx_capture_apply_timer(print);
	mattx_signals_apply_pending(print);
	return 0;
}
