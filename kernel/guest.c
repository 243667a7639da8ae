// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guests: the table and the life of one.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <asm/syscall.h>

#include "dispatch.h"
#include "event.h"
#include "guest_private.h"
#include "node.h"
#include "proxy.h"
#include "signal.h"
#include "uapi/mattx.h"

/* Protects the list and the last ticket; nothing nests in it but a guest's lock. */
static DEFINE_SPINLOCK(mattx_guests_lock);
static LIST_HEAD(mattx_guests);
static u64 mattx_last_ticket;

struct mattx_guest *mattx_guest_get(struct mattx_guest *guest)
{
	kref_get(&guest->references);
	return guest;
}

static void mattx_guest_free(struct kref *references)
{
	struct mattx_guest *guest = container_of(references, struct mattx_guest, references);

	mattx_homeward_release(&guest->homeward);
	mattx_parcel_free(&guest->parcel);
	kvfree(guest->print);
	mattx_image_put(guest->image);
	mattx_threads_put(guest->threads);
	kfree(guest->shared);
	if (guest->proxies)
		mattx_proxies_put(guest->proxies);
	if (guest->task)
		put_task_struct(guest->task);
	mattx_link_put(guest->link);
	kfree(guest);
	module_put(THIS_MODULE);
}

void mattx_guest_put(struct mattx_guest *guest)
{
	kref_put(&guest->references, mattx_guest_free);
}

struct mattx_guest *mattx_guest_find(struct mattx_link *link, const struct mattx_move_key *key)
{
	struct mattx_guest *guest;

	spin_lock(&mattx_guests_lock);
	list_for_each_entry(guest, &mattx_guests, list) {
		if (guest->link == link && guest->key.export == key->export &&
		    guest->key.generation == key->generation) {
			mattx_guest_get(guest);
			spin_unlock(&mattx_guests_lock);
			return guest;
		}
	}
	spin_unlock(&mattx_guests_lock);
	return NULL;
}

struct mattx_guest *mattx_guest_of(struct task_struct *task)
{
	struct mattx_guest *guest;

	spin_lock(&mattx_guests_lock);
	list_for_each_entry(guest, &mattx_guests, list) {
		if (READ_ONCE(guest->task) == task) {
			mattx_guest_get(guest);
			spin_unlock(&mattx_guests_lock);
			return guest;
		}
	}
	spin_unlock(&mattx_guests_lock);
	return NULL;
}

struct mattx_guest *mattx_guest_calling(void)
{
	struct mattx_guest *guest = mattx_guest_of(current->group_leader);
	enum mattx_guest_state state;

	if (!guest)
		return NULL;
	state = READ_ONCE(guest->state);
	if (state == MATTX_GUEST_RUNNING || state == MATTX_GUEST_LEAVING)
		return guest;
	mattx_guest_put(guest);
	return NULL;
}

bool mattx_guest_is(struct task_struct *task)
{
	struct mattx_guest *guest;
	bool found = false;

	if (list_empty_careful(&mattx_guests))
		return false;
	spin_lock(&mattx_guests_lock);
	list_for_each_entry(guest, &mattx_guests, list)
		found = found || READ_ONCE(guest->task) == task;
	spin_unlock(&mattx_guests_lock);
	return found;
}

void mattx_guest_table(u32 *home, u64 *table)
{
	struct mattx_guest *guest = mattx_guest_of(current->group_leader);
	struct mattx_proxies *proxies = guest ? READ_ONCE(guest->proxies) : NULL;

	*home = proxies ? guest->home : 0;
	*table = proxies ? mattx_proxies_number(proxies) : 0;
	if (guest)
		mattx_guest_put(guest);
}

bool mattx_guest_forget(struct mattx_guest *guest)
{
	bool listed;

	spin_lock(&mattx_guests_lock);
	listed = !list_empty(&guest->list);
	list_del_init(&guest->list);
	spin_lock(&guest->lock);
	guest->state = MATTX_GUEST_GONE;
	spin_unlock(&guest->lock);
	spin_unlock(&mattx_guests_lock);
	/* The deadline holds a reference while it is pending. */
	if (cancel_delayed_work(&guest->deadline))
		mattx_guest_put(guest);
	if (guest->image)
		mattx_image_close(guest->image);
	if (guest->proxies)
		mattx_proxies_detach(guest->proxies);
	if (listed)
		mattx_guest_put(guest);
	return listed;
}

bool mattx_guest_advance(struct mattx_guest *guest, enum mattx_guest_state from,
			 enum mattx_guest_state to)
{
	bool done;

	spin_lock(&guest->lock);
	done = guest->state == from;
	if (done)
		guest->state = to;
	spin_unlock(&guest->lock);
	return done;
}

void mattx_guest_decide(struct mattx_guest *guest, enum mattx_verdict verdict)
{
	spin_lock(&guest->lock);
	if (guest->verdict != MATTX_VERDICT_END)
		guest->verdict = verdict;
	spin_unlock(&guest->lock);
	wake_up_all(&guest->wake);
}

/* true: there was one. */
static bool mattx_guest_send_late_signal(struct mattx_guest *guest)
{
	struct mattx_signal signal;

	/* This process will not run here any more: what stops it stops the one at home. */
	if (!mattx_signal_dequeue(&signal, false) && !mattx_signal_dequeue_stop(&signal))
		return false;
	__set_current_state(TASK_RUNNING);
	mattx_guest_send(guest, MATTX_WIRE_LATE_SIGNAL, mattx_put_signal, &signal);
	return true;
}

int mattx_guest_await(struct mattx_guest *guest, bool late, enum mattx_verdict *verdict)
{
	struct wait_queue_head *signals = &mattx_own_sighand()->signalfd_wqh;
	DECLARE_WAITQUEUE(for_verdict, current);
	DECLARE_WAITQUEUE(for_signal, current);
	long left = MATTX_VERDICT_DEADLINE;

	add_wait_queue(&guest->wake, &for_verdict);
	add_wait_queue(signals, &for_signal);
	do {
		set_current_state(TASK_KILLABLE);
		/* Also before the verdict is obeyed, which may be the end. */
		if (late && mattx_guest_send_late_signal(guest))
			continue;
		if (READ_ONCE(guest->verdict) || fatal_signal_pending(current))
			break;
		left = schedule_timeout(left);
	} while (left);
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(signals, &for_signal);
	remove_wait_queue(&guest->wake, &for_verdict);

	spin_lock(&guest->lock);
	*verdict = guest->verdict;
	/* An end stays; a permission is used once. */
	if (guest->verdict == MATTX_VERDICT_GO)
		guest->verdict = MATTX_VERDICT_NONE;
	spin_unlock(&guest->lock);
	if (*verdict)
		return 0;
	return left ? -EINTR : -ETIMEDOUT;
}

int mattx_guest_send(struct mattx_guest *guest, u16 type,
		     void (*put)(struct mattx_cursor *c, const void *what), const void *what)
{
	struct mattx_frame *frame = mattx_move_frame(type, &guest->key, MATTX_REFUSAL_SIZE, put, what);

	if (IS_ERR(frame))
		return PTR_ERR(frame);
	return mattx_link_send(guest->link, frame, MATTX_CLASS_CONTROL);
}

void mattx_guest_progress(struct mattx_guest *guest)
{
	if (READ_ONCE(guest->state) == MATTX_GUEST_WANTED) {
		mattx_guest_get(guest);
		if (mod_delayed_work(mattx_wq, &guest->deadline, MATTX_STUB_DEADLINE))
			mattx_guest_put(guest);
	}
	mattx_guest_send(guest, MATTX_WIRE_PROGRESS, NULL, NULL);
}

void mattx_guest_give_up(struct mattx_guest *guest, int error, const char *format, ...)
{
	struct mattx_refusal refusal = { .error = -error };
	va_list arguments;

	if (!mattx_guest_forget(guest))
		return;
	va_start(arguments, format);
	vscnprintf(refusal.reason, sizeof(refusal.reason), format, arguments);
	va_end(arguments);
	mattx_guest_send(guest, MATTX_WIRE_REFUSE, mattx_put_refusal, &refusal);
	pr_info("guest %s of node %u: not taken: %s (error %d)\n", guest->comm, guest->home,
		refusal.reason, -error);
}

/* The offer, or its stub, is late. */
static void mattx_guest_deadline_work(struct work_struct *work)
{
	struct mattx_guest *guest =
		container_of(to_delayed_work(work), struct mattx_guest, deadline);
	bool late;

	spin_lock(&guest->lock);
	late = guest->state == MATTX_GUEST_OFFERED || guest->state == MATTX_GUEST_WANTED;
	if (late)
		guest->state = MATTX_GUEST_GONE;
	spin_unlock(&guest->lock);
	if (late)
		mattx_guest_give_up(guest, -ETIMEDOUT,
				    "no surrogate was ready in time; is mattx-stub installed?");
	mattx_guest_put(guest);
}

struct mattx_guest *mattx_guest_create(struct mattx_link *link, const struct mattx_move_key *key)
{
	struct mattx_guest *guest = kzalloc(sizeof(*guest), GFP_KERNEL);

	if (!guest)
		return ERR_PTR(-ENOMEM);
	if (!try_module_get(THIS_MODULE)) {
		kfree(guest);
		return ERR_PTR(-ENODEV);
	}
	guest->threads = mattx_threads_create(true);
	if (!guest->threads) {
		module_put(THIS_MODULE);
		kfree(guest);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&guest->references);
	guest->link = mattx_link_hold(link);
	guest->home = mattx_link_node(link);
	guest->key = *key;
	/* The offer, which arrives now, tells the other half. */
	guest->monotonic_ahead = -(s64)ktime_get_ns();
	guest->boottime_ahead = -(s64)ktime_get_boottime_ns();
	spin_lock_init(&guest->lock);
	init_waitqueue_head(&guest->wake);
	mutex_init(&guest->thread_mutex);
	INIT_DELAYED_WORK(&guest->deadline, mattx_guest_deadline_work);
	mattx_homeward_init(&guest->homeward);
	mattx_parcel_init(&guest->parcel);

	spin_lock(&mattx_guests_lock);
	guest->ticket = ++mattx_last_ticket;
	list_add_tail(&guest->list, &mattx_guests);
	mattx_guest_get(guest);
	spin_unlock(&mattx_guests_lock);

	mattx_guest_get(guest);
	queue_delayed_work(mattx_wq, &guest->deadline, MATTX_OFFER_DEADLINE);
	return guest;
}

static void mattx_put_report(struct mattx_cursor *c, const void *what)
{
	mattx_exit_report_put(c, what);
}

/* What threads that are gone, and those that are still there, have used. */
static void mattx_guest_times(struct task_struct *task, struct mattx_exit_report *report)
{
	struct task_struct *thread;

	report->user_ns = task->signal->utime;
	report->system_ns = task->signal->stime;
	rcu_read_lock();
	for_each_thread(task, thread) {
		report->user_ns += READ_ONCE(thread->utime);
		report->system_ns += READ_ONCE(thread->stime);
	}
	rcu_read_unlock();
}

/* The guest's address space goes, most often in its own exit. */
static void mattx_guest_released(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct mattx_guest *guest = container_of(notifier, struct mattx_guest, notifier);
	struct task_struct *task = guest->task;
	struct mattx_exit_report report;
	enum mattx_guest_state state;

	spin_lock(&guest->lock);
	state = guest->state;
	spin_unlock(&guest->lock);
	/* Set before the address space is given up; the task is held by us. */
	report.status = task->signal->flags & SIGNAL_GROUP_EXIT ?
			task->signal->group_exit_code : task->exit_code;
	mattx_guest_times(task, &report);

	switch (state) {
	case MATTX_GUEST_RUNNING:
	case MATTX_GUEST_LEAVING:
		pr_info("guest %s of node %u: ended, status 0x%x\n", guest->comm, guest->home,
			report.status);
		mattx_guest_send(guest, MATTX_WIRE_EXITED, mattx_put_report, &report);
		mattx_guest_forget(guest);
		break;
	case MATTX_GUEST_BECOMING:
	case MATTX_GUEST_READY:
		mattx_guest_give_up(guest, -ECHILD, "its surrogate ended before it could run");
		break;
	default:
		mattx_guest_forget(guest);
	}
	mmu_notifier_put(notifier);
}

static int mattx_guest_invalidate(struct mmu_notifier *notifier,
				  const struct mmu_notifier_range *range)
{
	struct mattx_guest *guest = container_of(notifier, struct mattx_guest, notifier);

	/* Only what the guest itself throws away; copying on write looks the same otherwise. */
	if (range->event != MMU_NOTIFY_CLEAR || current->mm != notifier->mm ||
	    syscall_get_nr(current, task_pt_regs(current)) != __NR_madvise)
		return 0;
	if (mattx_image_discard(guest->image, range->mm, range->start, range->end)) {
		pr_warn("guest %s of node %u: out of memory, it ends\n", guest->comm, guest->home);
		send_sig(SIGKILL, current, 1);
	}
	return 0;
}

static void mattx_guest_notifier_free(struct mmu_notifier *notifier)
{
	mattx_guest_put(container_of(notifier, struct mattx_guest, notifier));
}

static const struct mmu_notifier_ops mattx_guest_notifier_ops = {
	.release		= mattx_guest_released,
	.invalidate_range_start	= mattx_guest_invalidate,
	.free_notifier		= mattx_guest_notifier_free,
};

int mattx_guest_watch(struct mattx_guest *guest)
{
	int error;

	guest->notifier.ops = &mattx_guest_notifier_ops;
	mattx_guest_get(guest);
	error = mmu_notifier_register(&guest->notifier, current->mm);
	if (error)
		mattx_guest_put(guest);
	else
		guest->watched = true;
	return error;
}

int mattx_guest_return(struct mattx_guest *guest, s32 call)
{
	const struct mattx_send_home wish = { .key = guest->key, .call = call };
	struct mattx_refusal refusal = {};
	struct mattx_frame *frame;
	struct mattx_cursor c;
	int error;

	frame = mattx_frame_alloc(MATTX_WIRE_SEND_HOME, MATTX_SEND_HOME_SIZE, GFP_KERNEL);
	if (!frame)
		return -ENOMEM;
	mattx_frame_writer(frame, &c);
	mattx_send_home_put(&c, &wish);
	error = mattx_frame_written(frame, &c);
	if (error) {
		mattx_frame_free(frame);
		return error;
	}
	return mattx_refusal_ask(guest->link, frame, MATTX_SEND_HOME_DEADLINE, &refusal);
}

int mattx_guest_send_home(struct task_struct *task)
{
	struct mattx_guest *guest = mattx_guest_of(task);
	int error;

	if (!guest)
		return -ESRCH;
	error = mattx_guest_return(guest, MATTX_NO_CALL);
	mattx_guest_put(guest);
	return error;
}

int mattx_guest_expel(pid_t pid)
{
	struct pid *which = find_get_pid(pid);
	struct task_struct *task = get_pid_task(which, PIDTYPE_TGID);
	int error;

	put_pid(which);
	if (!task)
		return -ESRCH;
	error = mattx_guest_send_home(task);
	put_task_struct(task);
	return error;
}

/* Of those that run here the first one after the guest @ticket, with a reference; NULL. */
static struct mattx_guest *mattx_guest_next_running(u64 ticket)
{
	struct mattx_guest *guest, *next = NULL;

	spin_lock(&mattx_guests_lock);
	list_for_each_entry(guest, &mattx_guests, list)
		if (guest->ticket > ticket && guest->state == MATTX_GUEST_RUNNING &&
		    (!next || guest->ticket < next->ticket))
			next = guest;
	if (next)
		mattx_guest_get(next);
	spin_unlock(&mattx_guests_lock);
	return next;
}

int mattx_guest_expel_all(void)
{
	struct mattx_guest *guest;
	u64 ticket = 0;
	int first = 0;

	while (!fatal_signal_pending(current) && (guest = mattx_guest_next_running(ticket))) {
		int error = mattx_guest_return(guest, MATTX_NO_CALL);

		/* One that ended meanwhile needs not leave. */
		if (error && error != -ESRCH && !first)
			first = error;
		ticket = guest->ticket;
		mattx_guest_put(guest);
	}
	return fatal_signal_pending(current) ? -EINTR : first;
}

static struct mattx_guest *mattx_guest_by_ticket(u64 ticket)
{
	struct mattx_guest *guest;

	lockdep_assert_held(&mattx_guests_lock);
	list_for_each_entry(guest, &mattx_guests, list)
		if (guest->ticket == ticket)
			return guest;
	return NULL;
}

int mattx_guest_refuse(u64 ticket, int error, const char *reason)
{
	struct mattx_guest *guest;
	bool wanted = false;

	spin_lock(&mattx_guests_lock);
	guest = mattx_guest_by_ticket(ticket);
	if (guest)
		mattx_guest_get(guest);
	spin_unlock(&mattx_guests_lock);
	if (!guest)
		return -ESRCH;
	spin_lock(&guest->lock);
	/* Too late for a stub that is already at it: its own end counts. */
	wanted = guest->state == MATTX_GUEST_WANTED && !guest->claimed;
	if (wanted)
		guest->state = MATTX_GUEST_GONE;
	spin_unlock(&guest->lock);
	if (wanted)
		mattx_guest_give_up(guest, error < 0 ? error : -error, "%s", reason);
	mattx_guest_put(guest);
	return wanted ? 0 : -ESRCH;
}

struct mattx_guest *mattx_guest_claim(u64 ticket)
{
	struct mattx_guest *guest;

	spin_lock(&mattx_guests_lock);
	guest = mattx_guest_by_ticket(ticket);
	if (guest) {
		spin_lock(&guest->lock);
		if (guest->state == MATTX_GUEST_WANTED && !guest->claimed) {
			guest->claimed = true;
			mattx_guest_get(guest);
			spin_unlock(&guest->lock);
		} else {
			spin_unlock(&guest->lock);
			guest = NULL;
		}
	}
	spin_unlock(&mattx_guests_lock);
	if (!guest)
		return ERR_PTR(-ESRCH);
	mattx_guest_progress(guest);
	return guest;
}

void mattx_guest_describe(const struct mattx_guest *guest, struct mattx_guest_info *info)
{
	info->vdso_start = guest->print->vdso_start;
	info->vdso_end = guest->print->vdso_end;
	info->home = guest->home;
	info->pid = guest->print->pid;
	info->threads = 1 + guest->print->threads.count;
	/* Short by the time the offer took to get here: no reading is earlier than at home. */
	info->monotonic_ahead = guest->monotonic_ahead;
	info->boottime_ahead = guest->boottime_ahead;
}

int mattx_guest_tids(const struct mattx_guest *guest, u32 __user *tids, u32 count)
{
	struct mattx_thread *thread;
	int error = 0;
	u32 i;

	if (count != guest->print->threads.count)
		return -EINVAL;
	thread = kvmalloc(sizeof(*thread), GFP_KERNEL);
	if (!thread)
		return -ENOMEM;
	for (i = 0; i < count && !error; i++) {
		error = mattx_thread_get(guest->print, i, thread);
		if (!error)
			error = put_user(thread->tid, &tids[i]);
	}
	kvfree(thread);
	return error;
}

int mattx_guest_listen(struct mattx_guest *guest, int fd)
{
	if (READ_ONCE(guest->state) != MATTX_GUEST_WANTED)
		return -ESTALE;
	mattx_guest_progress(guest);
	return mattx_homeward_listen(guest, fd);
}

int mattx_guest_shared(struct mattx_guest *guest, const char __user *path, u32 length)
{
	char *folder;

	if (READ_ONCE(guest->state) != MATTX_GUEST_WANTED)
		return -ESTALE;
	if (guest->shared)
		return -EBUSY;
	if (!length || length >= PATH_MAX)
		return -ENAMETOOLONG;
	folder = memdup_user_nul(path, length);
	if (IS_ERR(folder))
		return PTR_ERR(folder);
	guest->shared = folder;
	return 0;
}

int mattx_guest_join(struct mattx_guest *guest)
{
	enum mattx_guest_state state = READ_ONCE(guest->state);

	if (state != MATTX_GUEST_WANTED && state != MATTX_GUEST_BECOMING)
		return -ESTALE;
	if (thread_group_leader(current) ||
	    mattx_threads_count(guest->threads) >= guest->print->threads.count)
		return -EINVAL;
	return mattx_threads_join(guest->threads);
}

int mattx_guest_await_threads(struct mattx_guest *guest)
{
	mattx_guest_progress(guest);
	return mattx_threads_await(guest->threads, guest->print->threads.count,
				   MATTX_JOIN_DEADLINE);
}

void mattx_guest_unclaim(struct mattx_guest *guest)
{
	if (mattx_guest_advance(guest, MATTX_GUEST_WANTED, MATTX_GUEST_GONE))
		mattx_guest_give_up(guest, -ECHILD,
				    "its surrogate ended before it took over; see the log of mattx-stub");
	mattx_guest_put(guest);
}

void mattx_guest_peer_down(struct mattx_link *link)
{
	struct mattx_guest *guest;
	struct task_struct *task;

again:
	spin_lock(&mattx_guests_lock);
	list_for_each_entry(guest, &mattx_guests, list) {
		if (guest->link != link)
			continue;
		mattx_guest_get(guest);
		list_del_init(&guest->list);
		spin_unlock(&mattx_guests_lock);

		spin_lock(&guest->lock);
		guest->state = MATTX_GUEST_GONE;
		task = guest->task;
		spin_unlock(&guest->lock);
		mattx_guest_decide(guest, MATTX_VERDICT_END);
		pr_info("guest %s of node %u: its home is gone, it ends\n", guest->comm,
			guest->home);
		if (task)
			send_sig(SIGKILL, task, 1);
		mattx_guest_forget(guest);
		/* The table's reference, which forget does not see any more, and ours. */
		mattx_guest_put(guest);
		mattx_guest_put(guest);
		goto again;
	}
	spin_unlock(&mattx_guests_lock);
}

static void mattx_put_stop(struct mattx_cursor *c, const void *what)
{
	mattx_stop_put(c, what);
}

int mattx_guest_stopped(struct mattx_guest *guest, u32 number)
{
	struct mattx_stop stop = { .number = number };
	bool is_so;

	if (number && (number > _NSIG || !sig_kernel_stop(number)))
		return -EINVAL;
	spin_lock(&guest->lock);
	/* Old news are none: what has changed it back is told by itself, or known at home. */
	is_so = (guest->state == MATTX_GUEST_RUNNING || guest->state == MATTX_GUEST_LEAVING) &&
		!!(READ_ONCE(guest->task->signal->flags) & SIGNAL_STOP_STOPPED) == !!number;
	stop.continues = guest->continues;
	spin_unlock(&guest->lock);
	return is_so ? mattx_guest_send(guest, MATTX_WIRE_STOPPED, mattx_put_stop, &stop) : 0;
}

static const char *mattx_guest_state_name(enum mattx_guest_state state)
{
	static const char * const names[] = {
		[MATTX_GUEST_OFFERED] = "offered",
		[MATTX_GUEST_WANTED] = "arriving",
		[MATTX_GUEST_BECOMING] = "arriving",
		[MATTX_GUEST_READY] = "ready",
		[MATTX_GUEST_RUNNING] = "guest",
		[MATTX_GUEST_LEAVING] = "leaving",
		[MATTX_GUEST_GONE] = "ended",
	};

	return names[state];
}

void mattx_guests_show(struct seq_file *m)
{
	struct mattx_guest *guest;

	spin_lock(&mattx_guests_lock);
	list_for_each_entry(guest, &mattx_guests, list) {
		if (guest->state == MATTX_GUEST_RUNNING || guest->state == MATTX_GUEST_LEAVING)
			seq_printf(m, "%d:%u\n", task_tgid_nr(guest->task), guest->home);
	}
	spin_unlock(&mattx_guests_lock);
}

void mattx_guests_show_processes(struct seq_file *m)
{
	struct mattx_guest *guest;
	ktime_t now = ktime_get();

	spin_lock(&mattx_guests_lock);
	list_for_each_entry(guest, &mattx_guests, list) {
		bool runs = guest->state == MATTX_GUEST_RUNNING;

		seq_printf(m, "guest\t%d\t%s\t%u\t%u\t%lld\t%ld\t%s\n",
			   guest->task ? task_tgid_nr(guest->task) : 0,
			   mattx_guest_state_name(guest->state), guest->home, mattx_node_local(),
			   runs ? ktime_ms_delta(now, guest->since) / MSEC_PER_SEC : 0,
			   guest->image ? atomic_long_read(&guest->image->fetched) : 0,
			   guest->comm);
	}
	spin_unlock(&mattx_guests_lock);
}

void mattx_guest_exit(void)
{
	mmu_notifier_synchronize();
}
