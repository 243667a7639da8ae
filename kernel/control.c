// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes controlled by file.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/export.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "control.h"
#include "export.h"
#include "node.h"
#include "refuse.h"
#include "stay.h"

static struct task_struct *mattx_control_task(pid_t pid)
{
	struct pid *which = find_get_pid(pid);
	struct task_struct *task = get_pid_task(which, PIDTYPE_TGID);

	put_pid(which);
	if (task && task->flags & PF_KTHREAD) {
		put_task_struct(task);
		task = NULL;
	}
	return task;
}

bool mattx_control_owner(pid_t pid, kuid_t *uid, kgid_t *gid)
{
	struct task_struct *task = mattx_control_task(pid);
	const struct cred *cred;

	if (!task)
		return false;
	cred = get_task_cred(task);
	*uid = cred->uid;
	*gid = cred->gid;
	put_cred(cred);
	put_task_struct(task);
	return true;
}
EXPORT_SYMBOL_GPL(mattx_control_owner);

static int mattx_control_why(pid_t pid, char *text)
{
	struct mattx_refusal refusal = {};
	int error = mattx_why(pid, &refusal);

	if (error == -ESRCH && !refusal.error)
		return error;
	if (!error)
		return 0;
	return scnprintf(text, MATTX_CONTROL_TEXT, "%s: %s\n", mattx_refusal_code(&refusal),
			 refusal.reason);
}

int mattx_control_read(pid_t pid, enum mattx_control which, char *text)
{
	struct task_struct *task = mattx_control_task(pid);
	int length;

	if (!task)
		return -ESRCH;
	switch (which) {
	case MATTX_CONTROL_WHERE:
		length = mattx_where(task, text, MATTX_CONTROL_TEXT - 1);
		if (length >= 0)
			length += scnprintf(text + length, MATTX_CONTROL_TEXT - length, "\n");
		break;
	case MATTX_CONTROL_CANTMOVE:
		length = mattx_control_why(pid, text);
		break;
	default:
		length = scnprintf(text, MATTX_CONTROL_TEXT, "%d\n", mattx_is_locked(task));
	}
	put_task_struct(task);
	return length;
}
EXPORT_SYMBOL_GPL(mattx_control_read);

static int mattx_control_move(pid_t pid, const char *word)
{
	u32 node;
	int error;

	if (!strcmp(word, "home"))
		return mattx_recall(pid);
	error = mattx_node_resolve(word, &node);
	return error ?: mattx_migrate(pid, node, MATTX_MEMORY_HYBRID);
}

int mattx_control_write(pid_t pid, enum mattx_control which, const char *word)
{
	kuid_t uid;
	kgid_t gid;

	if (!mattx_control_owner(pid, &uid, &gid))
		return -ESRCH;
	/* Whoever has the file open may have become another one, and so may the process. */
	if (!uid_eq(current_euid(), uid) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (which) {
	case MATTX_CONTROL_WHERE:
		return mattx_control_move(pid, word);
	case MATTX_CONTROL_STAY:
		if (strcmp(word, "0") && strcmp(word, "1"))
			return -EINVAL;
		return mattx_lock(pid, *word == '1');
	default:
		return -EPERM;
	}
}
EXPORT_SYMBOL_GPL(mattx_control_write);

pid_t mattx_control_next(pid_t pid)
{
	struct task_struct *task;
	pid_t next = 0, this;

	rcu_read_lock();
	for_each_process(task) {
		this = task_tgid_vnr(task);
		if (this > pid && (!next || this < next) && !(task->flags & PF_KTHREAD))
			next = this;
	}
	rcu_read_unlock();
	return next;
}
EXPORT_SYMBOL_GPL(mattx_control_next);
