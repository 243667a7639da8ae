// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What people and programs ask of processes by their pids: to leave, to come
 * home, and why not.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include "event.h"
#include "export_private.h"
#include "guest.h"
#include "handle.h"
#include "homeward.h"
#include "node.h"
#include "stay.h"
#include "step.h"
#include "turn.h"

static atomic_long_t mattx_moves_committed, mattx_moves_failed, mattx_moves_returned;

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
	struct mattx_haste haste = {};
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
		mattx_step(MATTX_STEP_FROZEN);
		spin_lock(&export->lock);
		export->link = mattx_link_hold(link);
		spin_unlock(&export->lock);
		mattx_haste_begin(&haste, current);
		error = mattx_depart(export);
		mattx_haste_end(&haste, current);
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

int mattx_bring(struct mattx_export *export, s32 call)
{
	u32 from;
	int error;

	if (!mutex_trylock(&export->driver))
		return -EBUSY;
	error = mattx_turn_take(MATTX_WAY_HOME);
	if (error)
		goto unlock;
	from = READ_ONCE(export->node);
	if (READ_ONCE(export->state) != MATTX_EXPORT_AWAY) {
		error = READ_ONCE(export->gone) ? -ESRCH : -EBUSY;
		goto out;
	}
	memset(&export->refusal, 0, sizeof(export->refusal));
	export->asked = ktime_get();
	export->stood = export->asked;
	export->errand = mattx_homeward_words(call);
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
		pr_info("pid %d (%s): came home from node %u%s%s\n", export->pid, export->comm,
			from, export->errand ? " to " : "", export->errand ?: "");
		mattx_export_announce(export, MATTX_PHASE_COMMITTED, from, mattx_node_local());
	}
out:
	mattx_turn_give(MATTX_WAY_HOME);
unlock:
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
			READ_ONCE(export->node) == node ? -EALREADY :
			mattx_bring(export, MATTX_NO_CALL);
	if (export)
		mattx_export_put(export);
	if (!error)
		error = mattx_turn_take(MATTX_WAY_OUT);
	if (!error) {
		error = mattx_migrate_from_here(task, link, mode);
		mattx_turn_give(MATTX_WAY_OUT);
	}
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
		error = export ? mattx_bring(export, MATTX_NO_CALL) : -ESRCH;
	else
		error = mattx_migrate_task(task, node, mode);
	if (export)
		mattx_export_put(export);
	put_task_struct(task);
	return error;
}

int mattx_where(struct task_struct *task, char *text, size_t size)
{
	struct mattx_export *export = mattx_export_of(task);
	int length;

	if (!export)
		return mattx_guest_is(task) ? mattx_node_address(text, size) :
					      scnprintf(text, size, "home");
	spin_lock(&export->lock);
	if (export->state == MATTX_EXPORT_AWAY && export->link)
		length = scnprintf(text, size, "%s", mattx_link_address(export->link));
	else
		length = scnprintf(text, size, "migrating");
	spin_unlock(&export->lock);
	mattx_export_put(export);
	return length;
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
		error = mattx_bring(export, MATTX_NO_CALL);
		mattx_export_put(export);
	} else {
		error = mattx_guest_send_home(task);
	}
	put_task_struct(task);
	return error;
}

int mattx_bring_all(void)
{
	struct mattx_export *export;
	int first = 0;
	u64 id = 0;

	while (!fatal_signal_pending(current) && (export = mattx_export_next_away(id))) {
		int error = mattx_bring(export, MATTX_NO_CALL);

		/* One that ended meanwhile needs not be brought. */
		if (error && error != -ESRCH && !first)
			first = error;
		id = export->id;
		mattx_export_put(export);
	}
	return fatal_signal_pending(current) ? -EINTR : first;
}

void mattx_exports_show_stats(struct seq_file *m)
{
	seq_printf(m, "moves committed: %ld\n", atomic_long_read(&mattx_moves_committed));
	seq_printf(m, "moves returned: %ld\n", atomic_long_read(&mattx_moves_returned));
	seq_printf(m, "moves failed: %ld\n", atomic_long_read(&mattx_moves_failed));
}
