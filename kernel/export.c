// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exports: the table, the life of one, and what users ask for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "dispatch.h"
#include "event.h"
#include "export_private.h"
#include "guest.h"
#include "handle.h"
#include "node.h"
#include "stay.h"

/* Protects the list and the last number; nothing nests in it. */
static DEFINE_SPINLOCK(mattx_exports_lock);
static LIST_HEAD(mattx_exports);
static u64 mattx_last_export;

static atomic_long_t mattx_moves_committed, mattx_moves_failed, mattx_moves_returned;

struct mattx_export *mattx_export_get(struct mattx_export *export)
{
	kref_get(&export->references);
	return export;
}

static void mattx_export_free(struct kref *references)
{
	struct mattx_export *export = container_of(references, struct mattx_export, references);

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
}

int mattx_export_send(struct mattx_export *export, u16 type,
		      void (*put)(struct mattx_cursor *c, const void *what), const void *what)
{
	struct mattx_link *link = NULL;
	struct mattx_move_key key;
	struct mattx_frame *frame;
	struct mattx_cursor c;
	int error;

	spin_lock(&export->lock);
	if (export->link)
		link = mattx_link_hold(export->link);
	spin_unlock(&export->lock);
	if (!link)
		return -EHOSTUNREACH;
	frame = mattx_frame_alloc(type, MATTX_MOVE_KEY_SIZE + MATTX_REFUSAL_SIZE, GFP_KERNEL);
	if (!frame) {
		mattx_link_put(link);
		return -ENOMEM;
	}
	mattx_export_key(export, &key);
	mattx_frame_writer(frame, &c);
	mattx_move_key_put(&c, &key);
	if (put)
		put(&c, what);
	error = mattx_frame_written(frame, &c);
	if (error)
		mattx_frame_free(frame);
	else
		error = mattx_link_send(link, frame, MATTX_CLASS_CONTROL);
	mattx_link_put(link);
	return error;
}

void mattx_export_announce(struct mattx_export *export, u32 phase, u32 from, u32 to)
{
	struct mattx_move_event event = {
		.phase = phase,
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
	queue_work(mattx_wq, &watch.work);
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
		 * What it did at home since it left cannot be undone, and where it
		 * did nothing, its old image is as good as new.
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
	mattx_export_put(export);
}

void mattx_export_lost(struct mattx_export *export)
{
	mattx_export_get(export);
	if (!queue_delayed_work(mattx_wq, &export->lost_work, MATTX_LEASE))
		mattx_export_put(export);
}

/* -EBUSY: the process has an export already. */
static struct mattx_export *mattx_export_create(struct task_struct *task)
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
	spin_lock_init(&export->lock);
	mattx_parcel_init(&export->parcel);
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

/* Undoes what was begun: the process goes on here. */
static void mattx_export_abandon(struct mattx_export *export, int error)
{
	struct mattx_refusal *refusal = &export->refusal;

	if (!refusal->error) {
		refusal->error = -error;
		scnprintf(refusal->reason, sizeof(refusal->reason), "%s",
			  error == -EINTR ? "the one who asked was interrupted" :
			  error == -ETIMEDOUT ? "the other node did not answer in time" :
			  error == -EHOSTUNREACH ? "the link to the other node broke" :
			  error == -ENOMEM ? "out of memory" : "an unexpected failure");
	}
	/* Nothing may be left of an offer that is complete there, whatever has become of ours. */
	if (export->link)
		mattx_export_send(export, MATTX_WIRE_ABORT, NULL, NULL);
	mattx_export_command(export, MATTX_COMMAND_RESUME);
	atomic_long_inc(&mattx_moves_failed);
	pr_info("pid %d (%s): stays here, did not move to node %u: %s (error %d)\n",
		export->pid, export->comm, export->node, refusal->reason, -error);
	mattx_export_announce(export, MATTX_PHASE_FAILED, mattx_node_local(), export->node);
}

/* A process that runs here. */
static int mattx_migrate_from_here(struct task_struct *task, struct mattx_link *link,
				   enum mattx_memory_mode mode)
{
	struct mattx_export *export = mattx_export_create(task);
	int error;

	if (IS_ERR(export))
		return PTR_ERR(export);
	export->node = mattx_link_node(link);
	export->mode = mode;
	error = mattx_refuse_task(task, &export->refusal);
	if (!error && mattx_guest_is(task))
		error = mattx_refuse(&export->refusal, MATTX_REASON_GUEST);
	if (!error && same_thread_group(task, current))
		error = mattx_refuse(&export->refusal, MATTX_REASON_SELF);
	if (error) {
		mattx_export_abandon(export, error);
		mattx_export_unlist(export);
		goto out;
	}
	mattx_export_announce(export, MATTX_PHASE_STARTED, mattx_node_local(), export->node);
	error = mattx_freeze(export);
	if (!error) {
		spin_lock(&export->lock);
		export->link = mattx_link_hold(link);
		spin_unlock(&export->lock);
		error = mattx_depart(export);
	}
	if (error) {
		mattx_export_abandon(export, error);
		goto out;
	}
	atomic_long_inc(&mattx_moves_committed);
	export->since = ktime_get();
	pr_info("pid %d (%s): computes on node %u now (stood after %lld us, was still for %lld us)\n",
		export->pid, export->comm, export->node,
		ktime_us_delta(export->stood, export->asked),
		ktime_us_delta(export->since, export->stood));
	mattx_export_announce(export, MATTX_PHASE_COMMITTED, mattx_node_local(), export->node);
out:
	mutex_unlock(&export->driver);
	mattx_export_put(export);
	return error;
}

/* One that is away comes home. */
static int mattx_bring(struct mattx_export *export)
{
	u32 from;
	int error;

	if (!mutex_trylock(&export->driver))
		return -EBUSY;
	from = READ_ONCE(export->node);
	if (READ_ONCE(export->state) != MATTX_EXPORT_AWAY) {
		error = READ_ONCE(export->gone) ? -ESRCH : -EBUSY;
		goto out;
	}
	memset(&export->refusal, 0, sizeof(export->refusal));
	export->asked = ktime_get();
	export->stood = export->asked;
	mattx_export_announce(export, MATTX_PHASE_STARTED, from, mattx_node_local());
	error = mattx_export_bring(export);
	if (error) {
		if (!export->refusal.error)
			mattx_refuse_words(&export->refusal, MATTX_REASON_REMOTE, error,
					   "node %u did not give it back", from);
		atomic_long_inc(&mattx_moves_failed);
		pr_info("pid %d (%s): did not come home from node %u: %s (error %d)\n",
			export->pid, export->comm, from, export->refusal.reason, -error);
		mattx_export_announce(export, MATTX_PHASE_FAILED, from, mattx_node_local());
	} else {
		atomic_long_inc(&mattx_moves_returned);
		pr_info("pid %d (%s): came home from node %u\n", export->pid, export->comm, from);
		mattx_export_announce(export, MATTX_PHASE_COMMITTED, from, mattx_node_local());
	}
out:
	mutex_unlock(&export->driver);
	return error;
}

/* A move that was refused before it began; what is asked for and why not is told as for others. */
static int mattx_migrate_refused(struct task_struct *task, u32 from, u32 to,
				 const struct mattx_refusal *refusal)
{
	char comm[TASK_COMM_LEN];
	struct mattx_move_event event = {
		.phase = MATTX_PHASE_FAILED,
		.home = mattx_node_local(),
		.pid = task_tgid_nr(task),
		.comm = comm,
		.from = from,
		.to = to,
		.error = refusal->error,
		.reason = refusal->reason,
	};

	get_task_comm(comm, task);
	atomic_long_inc(&mattx_moves_failed);
	pr_info("pid %u (%s): does not move: %s (error %d)\n", event.pid, comm, refusal->reason,
		refusal->error);
	mattx_event_move(&event);
	return -refusal->error;
}

/* Where it computes. */
static u32 mattx_export_place(const struct mattx_export *export)
{
	return export && READ_ONCE(export->state) == MATTX_EXPORT_AWAY ?
	       READ_ONCE(export->node) : mattx_node_local();
}

/* @node is another one than this. */
static int mattx_migrate_task(struct task_struct *task, u32 node, enum mattx_memory_mode mode)
{
	struct mattx_refusal refusal = {};
	struct mattx_export *export;
	struct mattx_link *link = mattx_link_get(node);
	int error = 0;

	if (!link)
		return -EHOSTUNREACH;
	export = mattx_export_of(task);
	/* Guests are refused as such further on. */
	if (!mattx_guest_is(task) && mattx_refuse_stay(task, &refusal))
		error = mattx_migrate_refused(task, mattx_export_place(export), node, &refusal);
	if (!error && export)
		/* Onward moves go by way of home, which keeps the image. */
		error = READ_ONCE(export->state) == MATTX_EXPORT_AWAY &&
			READ_ONCE(export->node) == node ? -EALREADY : mattx_bring(export);
	if (export)
		mattx_export_put(export);
	if (!error)
		error = mattx_migrate_from_here(task, link, mode);
	mattx_link_put(link);
	return error;
}

/* The process @pid with a reference; NULL. */
static struct task_struct *mattx_process_get(pid_t pid)
{
	struct pid *which = find_get_pid(pid);
	struct task_struct *task = get_pid_task(which, PIDTYPE_TGID);

	put_pid(which);
	return task;
}

int mattx_migrate(pid_t pid, u32 node, enum mattx_memory_mode mode)
{
	struct task_struct *task;
	int error;

	if (node == mattx_node_local())
		return mattx_recall(pid);
	task = mattx_process_get(pid);
	if (!task)
		return -ESRCH;
	error = mattx_migrate_task(task, node, mode);
	put_task_struct(task);
	return error;
}

/* Resident memory in MiB, rounded up. */
static u64 mattx_process_size(struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);
	u64 pages;

	if (!mm)
		return 0;
	pages = get_mm_rss(mm);
	mmput(mm);
	return DIV_ROUND_UP_ULL(pages << PAGE_SHIFT, SZ_1M);
}

int mattx_migrate_best(pid_t pid, enum mattx_memory_mode mode)
{
	struct task_struct *task = mattx_process_get(pid);
	struct mattx_refusal refusal = {};
	struct mattx_export *export;
	u32 from, node;
	int error;

	if (!task)
		return -ESRCH;
	export = mattx_export_of(task);
	from = mattx_export_place(export);
	node = mattx_node_best(from, mattx_process_size(task));
	if (mattx_guest_is(task))
		mattx_refuse(&refusal, MATTX_REASON_GUEST);
	else if (!mattx_refuse_stay(task, &refusal) && !node)
		mattx_refuse(&refusal, MATTX_REASON_NO_BETTER);
	if (refusal.error)
		error = mattx_migrate_refused(task, from, node ?: from, &refusal);
	else if (node == mattx_node_local())
		error = export ? mattx_bring(export) : -ESRCH;
	else
		error = mattx_migrate_task(task, node, mode);
	if (export)
		mattx_export_put(export);
	put_task_struct(task);
	return error;
}

int mattx_why(pid_t pid, struct mattx_refusal *refusal)
{
	struct task_struct *task = mattx_process_get(pid);
	struct mattx_handles *handles = NULL;
	struct mattx_export *export;
	char why[MATTX_REASON_SIZE] = "";
	int error;

	if (!task)
		return -ESRCH;
	export = mattx_export_of(task);
	if (export) {
		/* From where it is it goes on by way of home. */
		error = READ_ONCE(export->state) == MATTX_EXPORT_AWAY ?
			mattx_refuse_stay(task, refusal) :
			mattx_refuse(refusal, MATTX_REASON_MOVING);
		mattx_export_put(export);
		goto out;
	}
	error = mattx_guest_is(task) ? mattx_refuse(refusal, MATTX_REASON_GUEST) :
				       mattx_refuse_stay(task, refusal);
	if (!error)
		error = mattx_refuse_task(task, refusal);
	if (error)
		goto out;
	error = mattx_handles_capture(task, &handles, why, sizeof(why));
	if (error)
		mattx_refuse_words(refusal, MATTX_REASON_FILES, error, "%s", why);
	else
		mattx_handles_free(handles);
out:
	put_task_struct(task);
	return error;
}

int mattx_recall(pid_t pid)
{
	struct task_struct *task = mattx_process_get(pid);
	struct mattx_export *export;
	int error;

	if (!task)
		return -ESRCH;
	export = mattx_export_of(task);
	if (export) {
		error = mattx_bring(export);
		mattx_export_put(export);
	} else {
		error = mattx_guest_send_home(task);
	}
	put_task_struct(task);
	return error;
}

/* Of those that are away the first one after the export @id, with a reference; NULL. */
static struct mattx_export *mattx_export_next_away(u64 id)
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

int mattx_bring_all(void)
{
	struct mattx_export *export;
	int first = 0;
	u64 id = 0;

	while (!fatal_signal_pending(current) && (export = mattx_export_next_away(id))) {
		int error = mattx_bring(export);

		/* One that ended meanwhile needs not be brought. */
		if (error && error != -ESRCH && !first)
			first = error;
		id = export->id;
		mattx_export_put(export);
	}
	return fatal_signal_pending(current) ? -EINTR : first;
}

/* The hosting node wants to be rid of its guest; work, because bringing it waits. */
struct mattx_bring_job {
	struct work_struct	work;
	struct mattx_link	*link;
	struct mattx_export	*export;
	u64			request;
};

static void mattx_export_answer(struct mattx_link *link, u64 request, int error)
{
	struct mattx_refusal refusal = { .error = -error };

	mattx_refusal_reply(link, request, MATTX_WIRE_RECALL, &refusal);
}

static void mattx_bring_work(struct work_struct *work)
{
	struct mattx_bring_job *job = container_of(work, struct mattx_bring_job, work);

	mattx_export_answer(job->link, job->request, mattx_bring(job->export));
	mattx_export_put(job->export);
	mattx_link_put(job->link);
	kfree(job);
}

void mattx_export_receive_recall(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_export *export = NULL;
	struct mattx_bring_job *job;
	struct mattx_move_key key;
	struct mattx_cursor c;
	u64 request = frame->id;

	mattx_frame_reader(frame, &c);
	mattx_move_key_take(&c, &key);
	if (!c.bad)
		export = mattx_export_find(link, &key);
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

void mattx_exports_show_stats(struct seq_file *m)
{
	seq_printf(m, "moves committed: %ld\n", atomic_long_read(&mattx_moves_committed));
	seq_printf(m, "moves returned: %ld\n", atomic_long_read(&mattx_moves_returned));
	seq_printf(m, "moves failed: %ld\n", atomic_long_read(&mattx_moves_failed));
}

void mattx_export_exit(void)
{
	/* Notifiers give their references back after a grace period. */
	mmu_notifier_synchronize();
	/* A deputy that was the last to let go of the module may still be on its way out of it. */
	synchronize_rcu_tasks();
}
