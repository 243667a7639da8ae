// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exports: the table, the life of one, and what hosting nodes say about it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "deputy_call.h"
#include "deputy_stop.h"
#include "dispatch.h"
#include "event.h"
#include "export_private.h"
#include "handle.h"
#include "node.h"

/* Protects the list and the last number; nothing nests in it. */
static DEFINE_SPINLOCK(mattx_exports_lock);
static LIST_HEAD(mattx_exports);
static u64 mattx_last_export;

struct mattx_export *mattx_export_get(struct mattx_export *export)
{
	kref_get(&export->references);
	return export;
}

static void mattx_export_free(struct kref *references)
{
	struct mattx_export *export = container_of(references, struct mattx_export, references);

	mattx_deputy_calls_free(export);
	mattx_parcel_free(&export->parcel);
	mattx_capture_free(&export->capture);
	mattx_threads_put(export->threads);
	if (export->link)
		mattx_link_put(export->link);
	put_task_struct(export->task);
	kfree(export);
	module_put(THIS_MODULE);
}

void mattx_export_put(struct mattx_export *export)
{
	kref_put(&export->references, mattx_export_free);
}

struct mattx_export *mattx_export_of(struct task_struct *task)
{
	struct mattx_export *export;

	spin_lock(&mattx_exports_lock);
	list_for_each_entry(export, &mattx_exports, list) {
		if (export->task == task) {
			mattx_export_get(export);
			spin_unlock(&mattx_exports_lock);
			return export;
		}
	}
	spin_unlock(&mattx_exports_lock);
	return NULL;
}

struct mattx_export *mattx_export_find(struct mattx_link *link, const struct mattx_move_key *key)
{
	struct mattx_export *export, *found = NULL;

	spin_lock(&mattx_exports_lock);
	list_for_each_entry(export, &mattx_exports, list) {
		if (export->id == key->export) {
			found = mattx_export_get(export);
			break;
		}
	}
	spin_unlock(&mattx_exports_lock);
	if (!found)
		return NULL;
	spin_lock(&found->lock);
	/* News of an older move, or from where it is not, concern nobody. */
	if (found->generation == key->generation && found->link == link && !found->gone) {
		spin_unlock(&found->lock);
		return found;
	}
	spin_unlock(&found->lock);
	mattx_export_put(found);
	return NULL;
}

void mattx_export_unlist(struct mattx_export *export)
{
	bool listed;

	spin_lock(&mattx_exports_lock);
	listed = !list_empty(&export->list);
	list_del_init(&export->list);
	spin_unlock(&mattx_exports_lock);
	if (listed)
		mattx_export_put(export);
}

bool mattx_export_command(struct mattx_export *export, enum mattx_command command)
{
	bool first;

	spin_lock(&export->lock);
	first = !export->command && !export->gone;
	if (first)
		export->command = command;
	spin_unlock(&export->lock);
	if (first)
		wake_up_all(&export->wake_deputy);
	return first;
}

void mattx_export_key(struct mattx_export *export, struct mattx_move_key *key)
{
	key->export = export->id;
	key->generation = READ_ONCE(export->generation);
	key->attempt = READ_ONCE(export->attempt);
}

int mattx_export_send(struct mattx_export *export, u16 type,
		      void (*put)(struct mattx_cursor *c, const void *what), const void *what)
{
	struct mattx_link *link = NULL;
	struct mattx_move_key key;
	struct mattx_frame *frame;
	int error;

	spin_lock(&export->lock);
	if (export->link)
		link = mattx_link_hold(export->link);
	spin_unlock(&export->lock);
	if (!link)
		return -EHOSTUNREACH;
	mattx_export_key(export, &key);
	frame = mattx_move_frame(type, &key, MATTX_REFUSAL_SIZE, put, what);
	error = PTR_ERR_OR_ZERO(frame) ?: mattx_link_send(link, frame, MATTX_CLASS_CONTROL);
	mattx_link_put(link);
	return error;
}

void mattx_export_announce(struct mattx_export *export, u32 phase, u32 from, u32 to)
{
	struct mattx_move_event event = {
		.phase = phase,
		.reason = export->errand,
		.home = mattx_node_local(),
		.pid = export->pid,
		.comm = export->comm,
		.from = from,
		.to = to,
		.status = export->report.status,
		.freeze_us = ktime_us_delta(export->stood, export->asked),
		.bytes = export->bytes,
		.pages = atomic_long_read(&export->pages_served),
	};

	if (phase == MATTX_PHASE_COMMITTED)
		event.frozen_us = ktime_us_delta(ktime_get(), export->stood);
	if (phase == MATTX_PHASE_FAILED) {
		event.error = export->refusal.error;
		event.reason = export->refusal.reason;
	}
	mattx_event_move(&event);
}

/* Also after exec, when the old address space goes; exec has been refused long before. */
static void mattx_export_released(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct mattx_export *export = container_of(notifier, struct mattx_export, notifier);
	bool gone;

	spin_lock(&export->lock);
	gone = export->gone;
	spin_unlock(&export->lock);
	if (gone)
		return;
	if (READ_ONCE(export->link) && !READ_ONCE(export->exited))
		mattx_export_send(export, MATTX_WIRE_KILL, NULL, NULL);
	pr_info("pid %d (%s): its deputy ended\n", export->pid, export->comm);
	export->result = -ESRCH;
	mattx_deputy_over(export);
}

static void mattx_export_notifier_free(struct mmu_notifier *notifier)
{
	mattx_export_put(container_of(notifier, struct mattx_export, notifier));
}

static const struct mmu_notifier_ops mattx_export_notifier_ops = {
	.release	= mattx_export_released,
	.free_notifier	= mattx_export_notifier_free,
};

struct mattx_watch {
	struct work_struct work;
	struct mattx_export *export;
	struct mm_struct *mm;
	int error;
};

static void mattx_watch_work(struct work_struct *work)
{
	struct mattx_watch *watch = container_of(work, struct mattx_watch, work);

	watch->error = mmu_notifier_register(&watch->export->notifier, watch->mm);
}

int mattx_export_watch(struct mattx_export *export)
{
	/* The process waits below: its memory and this stay. */
	struct mattx_watch watch = { .export = export, .mm = current->mm };

	export->notifier.ops = &mattx_export_notifier_ops;
	mattx_export_get(export);
	/*
	 * Registration gives up when a signal of the caller is pending, and the
	 * process may have a timer that ticks. A worker has no signals.
	 */
	INIT_WORK_ONSTACK(&watch.work, mattx_watch_work);
	queue_work(mattx_urgent_wq, &watch.work);
	flush_work(&watch.work);
	destroy_work_on_stack(&watch.work);
	if (watch.error)
		mattx_export_put(export);
	else
		export->watched = true;
	return watch.error;
}

static void mattx_export_lost_work(struct work_struct *work)
{
	struct mattx_export *export =
		container_of(to_delayed_work(work), struct mattx_export, lost_work);
	enum mattx_command command = MATTX_COMMAND_EXIT;

	spin_lock(&export->lock);
	if (!export->exited && !export->gone) {
		/*
		 * What it did at home since it left, and what it was sent from there,
		 * cannot be undone; and where there was nothing, its old image is as
		 * good as new.
		 */
		if (export->altered || mattx_handles_touched(export->handles))
			export->report = (struct mattx_exit_report){ .status = SIGKILL };
		else
			command = MATTX_COMMAND_RESUME;
	}
	spin_unlock(&export->lock);
	if (mattx_export_command(export, command))
		pr_info("pid %d (%s): node %u is gone; %s\n", export->pid, export->comm,
			export->node, command == MATTX_COMMAND_RESUME ?
			"it starts again from where it left" : "it ends");
	if (command == MATTX_COMMAND_EXIT)
		mattx_deputy_rouse(export);
	mattx_export_put(export);
}

void mattx_export_lost(struct mattx_export *export)
{
	mattx_export_get(export);
	if (!queue_delayed_work(mattx_wq, &export->lost_work, MATTX_LEASE))
		mattx_export_put(export);
}

struct mattx_export *mattx_export_create(struct task_struct *task)
{
	struct mattx_export *export, *other;

	export = kzalloc(sizeof(*export), GFP_KERNEL);
	if (!export)
		return ERR_PTR(-ENOMEM);
	/* Called from inside of the module: it is not on its way out unless it failed to load. */
	if (!try_module_get(THIS_MODULE)) {
		kfree(export);
		return ERR_PTR(-ENODEV);
	}
	kref_init(&export->references);
	INIT_LIST_HEAD(&export->list);
	export->task = get_task_struct(task);
	export->pid = task_tgid_nr(task);
	get_task_comm(export->comm, task);
	mutex_init(&export->driver);
	mutex_init(&export->parcel_mutex);
	spin_lock_init(&export->lock);
	mattx_parcel_init(&export->parcel);
	INIT_LIST_HEAD(&export->calls);
	INIT_DELAYED_WORK(&export->lost_work, mattx_export_lost_work);
	init_waitqueue_head(&export->wake_deputy);
	init_waitqueue_head(&export->wake_driver);
	init_completion(&export->frozen);
	init_completion(&export->settled);
	mutex_lock(&export->driver);

	spin_lock(&mattx_exports_lock);
	list_for_each_entry(other, &mattx_exports, list) {
		if (other->task == task) {
			spin_unlock(&mattx_exports_lock);
			mutex_unlock(&export->driver);
			mattx_export_put(export);
			return ERR_PTR(-EBUSY);
		}
	}
	export->id = ++mattx_last_export;
	list_add_tail(&export->list, &mattx_exports);
	mattx_export_get(export);
	spin_unlock(&mattx_exports_lock);
	return export;
}

struct mattx_export *mattx_export_next_away(u64 id)
{
	struct mattx_export *export, *next = NULL;

	spin_lock(&mattx_exports_lock);
	list_for_each_entry(export, &mattx_exports, list)
		if (export->id > id && READ_ONCE(export->state) == MATTX_EXPORT_AWAY &&
		    (!next || export->id < next->id))
			next = export;
	if (next)
		mattx_export_get(next);
	spin_unlock(&mattx_exports_lock);
	return next;
}

/* The hosting node wants to be rid of its guest; work, because bringing it waits. */
struct mattx_bring_job {
	struct work_struct	work;
	struct mattx_link	*link;
	struct mattx_export	*export;
	u64			request;
	s32			call;
};

static void mattx_export_answer(struct mattx_link *link, u64 request, int error)
{
	struct mattx_refusal refusal = { .error = -error };

	mattx_refusal_reply(link, request, MATTX_WIRE_RECALL, &refusal);
}

static void mattx_bring_work(struct work_struct *work)
{
	struct mattx_bring_job *job = container_of(work, struct mattx_bring_job, work);

	mattx_export_answer(job->link, job->request, mattx_bring(job->export, job->call));
	mattx_export_put(job->export);
	mattx_link_put(job->link);
	kfree(job);
}

void mattx_export_receive_recall(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_export *export = NULL;
	struct mattx_bring_job *job;
	struct mattx_send_home wish;
	struct mattx_cursor c;
	u64 request = frame->id;

	mattx_frame_reader(frame, &c);
	mattx_send_home_take(&c, &wish);
	if (!c.bad)
		export = mattx_export_find(link, &wish.key);
	mattx_frame_free(frame);
	job = export ? kmalloc(sizeof(*job), GFP_KERNEL) : NULL;
	if (!job) {
		mattx_export_answer(link, request, export ? -ENOMEM : -ESRCH);
		if (export)
			mattx_export_put(export);
		return;
	}
	INIT_WORK(&job->work, mattx_bring_work);
	job->link = mattx_link_hold(link);
	job->export = export;
	job->request = request;
	job->call = wish.call;
	queue_work(mattx_wq, &job->work);
}

struct mm_struct *mattx_export_memory(struct mattx_link *link, const struct mattx_move_key *key)
{
	struct mattx_export *export = mattx_export_find(link, key);
	struct mm_struct *mm;

	if (!export)
		return NULL;
	mm = get_task_mm(export->task);
	mattx_export_put(export);
	return mm;
}

void mattx_export_served(struct mattx_link *link, const struct mattx_move_key *key, u32 pages)
{
	struct mattx_export *export = mattx_export_find(link, key);

	if (!export)
		return;
	atomic_long_add(pages, &export->pages_served);
	mattx_export_put(export);
}

void mattx_export_peer_down(struct mattx_link *link)
{
	struct mattx_export *export;
	bool lost;

	spin_lock(&mattx_exports_lock);
	list_for_each_entry(export, &mattx_exports, list) {
		spin_lock(&export->lock);
		lost = export->link == link && !export->peer_lost && !export->gone;
		if (lost)
			export->peer_lost = true;
		/* A driver that is at work sees it too, but one may just be leaving. */
		lost = lost && (export->state == MATTX_EXPORT_AWAY ||
				export->state == MATTX_EXPORT_RECALLING);
		spin_unlock(&export->lock);
		wake_up_all(&export->wake_driver);
		if (lost)
			mattx_export_lost(export);
	}
	spin_unlock(&mattx_exports_lock);
}

static const char *mattx_export_state_name(enum mattx_export_state state)
{
	static const char * const names[] = {
		[MATTX_EXPORT_FREEZING] = "freezing",
		[MATTX_EXPORT_OFFERED] = "leaving",
		[MATTX_EXPORT_AWAY] = "away",
		[MATTX_EXPORT_RECALLING] = "returning",
		[MATTX_EXPORT_ENDED] = "ended",
	};

	return names[state];
}

void mattx_exports_show_remote(struct seq_file *m)
{
	struct mattx_export *export;

	spin_lock(&mattx_exports_lock);
	list_for_each_entry(export, &mattx_exports, list) {
		enum mattx_export_state state = READ_ONCE(export->state);

		if (state == MATTX_EXPORT_AWAY || state == MATTX_EXPORT_RECALLING)
			seq_printf(m, "%d:%u\n", export->pid, READ_ONCE(export->node));
	}
	spin_unlock(&mattx_exports_lock);
}

void mattx_exports_show_processes(struct seq_file *m)
{
	struct mattx_export *export;
	ktime_t now = ktime_get();

	spin_lock(&mattx_exports_lock);
	list_for_each_entry(export, &mattx_exports, list) {
		enum mattx_export_state state = READ_ONCE(export->state);
		s64 seconds = state == MATTX_EXPORT_AWAY ?
			      ktime_ms_delta(now, export->since) / MSEC_PER_SEC : 0;

		seq_printf(m, "deputy\t%d\t%s\t%u\t%u\t%lld\t%ld\t%s\n", export->pid,
			   mattx_export_state_name(state), mattx_node_local(),
			   READ_ONCE(export->node), seconds,
			   atomic_long_read(&export->pages_served), export->comm);
	}
	spin_unlock(&mattx_exports_lock);
}

void mattx_export_exit(void)
{
	/* Notifiers give their references back after a grace period. */
	mmu_notifier_synchronize();
	/* A deputy that was the last to let go of the module may still be on its way out of it. */
	synchronize_rcu_tasks();
}
