// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests for files by name, at their home: from the receive thread to
 * threads of our own, and the answer back.
 *
 * Threads of our own, because a request runs with the caller's umask, which
 * lives in what threads of the kernel share with process 1, and because a
 * signal must be able to end one that waits (for a lock, for the other end of
 * a FIFO).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "dispatch.h"
#include "handle.h"
#include "node.h"
#include "settings.h"
#include "tree_private.h"

/* Wakes a thread of ours out of an operation that waits. */
#define MATTX_CANCEL_SIGNAL	SIGUSR1
/* Beyond that, requests wait for their turn. */
#define MATTX_TREE_THREADS	512

static struct mattx_tree_pool {
	spinlock_t		lock;		/* all below */
	struct list_head	jobs;
	struct list_head	threads;
	unsigned int		count;
	unsigned int		idle;
	unsigned int		waiting;	/* jobs */
	wait_queue_head_t	wake;
	struct work_struct	grow;
} mattx_tree_pool;

struct mattx_tree_thread {
	struct list_head	list;
	struct task_struct	*task;
};

static void mattx_tree_job_free(struct mattx_tree_job *job)
{
	struct mattx_tree_session *session = job->session;

	spin_lock(&session->lock);
	list_del(&job->entry);
	spin_unlock(&session->lock);
	mattx_frame_free(job->frame);
	mattx_tree_session_put(session);
	kfree(job);
}

static void mattx_tree_reply_send(struct mattx_link *link, struct mattx_call *call, u64 id,
				  struct mattx_frame *frame)
{
	if (link) {
		mattx_link_reply(link, id, frame, frame->length > PAGE_SIZE ? MATTX_CLASS_BULK :
									      MATTX_CLASS_CONTROL);
	} else if (call->arrived) {
		rcu_read_lock();
		call->arrived(call, frame, 0);
		rcu_read_unlock();
		mattx_frame_free(frame);
	} else {
		call->reply = frame;
		complete(&call->done);
	}
}

static struct cred *mattx_tree_cred(const struct mattx_tree_caller *caller)
{
	struct group_info *groups;
	struct cred *cred;
	u32 i;

	cred = prepare_kernel_cred(&init_task);
	if (!cred)
		return NULL;
	groups = groups_alloc(caller->group_count);
	if (!groups) {
		put_cred(cred);
		return NULL;
	}
	for (i = 0; i < caller->group_count; i++)
		groups->gid[i] = make_kgid(&init_user_ns, mattx_tree_group(caller, i));
	groups_sort(groups);
	set_groups(cred, groups);
	put_group_info(groups);
	cred->fsuid = make_kuid(&init_user_ns, caller->uid);
	cred->uid = cred->fsuid;
	cred->euid = cred->fsuid;
	cred->suid = cred->fsuid;
	cred->fsgid = make_kgid(&init_user_ns, caller->gid);
	cred->gid = cred->fsgid;
	cred->egid = cred->fsgid;
	cred->sgid = cred->fsgid;
	cred->cap_effective.val = caller->capabilities & CAP_VALID_MASK;
	cred->cap_permitted = cred->cap_effective;
	cred->cap_inheritable.val = 0;
	if (!uid_valid(cred->fsuid) || !gid_valid(cred->fsgid)) {
		put_cred(cred);
		return NULL;
	}
	return cred;
}

static u32 mattx_tree_answer_room(const struct mattx_tree_request *request)
{
	switch (request->op) {
	case MATTX_TREE_READ:
		return min_t(u64, request->arguments[1], MATTX_TREE_CHUNK);
	case MATTX_TREE_READDIR:
		return min_t(u64, max_t(u64, request->arguments[1], PAGE_SIZE), MATTX_TREE_LIST);
	case MATTX_TREE_GETXATTR:
	case MATTX_TREE_LISTXATTR:
		return min_t(u64, request->arguments[0], MATTX_TREE_LIST);
	case MATTX_TREE_READLINK:
		return MATTX_PATH_SIZE;
	case MATTX_TREE_STATFS:
		return MATTX_TREE_FIGURES_SIZE;
	case MATTX_TREE_LOCK:
		return MATTX_TREE_LOCK_SIZE;
	default:
		return 0;
	}
}

/* False when the request was cancelled before it began. */
static bool mattx_tree_job_begin(struct mattx_tree_job *job)
{
	bool begun;

	spin_lock(&job->session->lock);
	begun = !job->cancelled;
	if (begun)
		job->runner = current;
	spin_unlock(&job->session->lock);
	return begun;
}

/* Afterwards no cancel reaches the thread, and one that did is forgotten. */
static void mattx_tree_job_end(struct mattx_tree_job *job)
{
	spin_lock(&job->session->lock);
	job->runner = NULL;
	spin_unlock(&job->session->lock);
	if (signal_pending(current))
		flush_signals(current);
}

/* Done twice it would not come out the same. */
static bool mattx_tree_changes(const struct mattx_tree_request *request)
{
	switch (request->op) {
	case MATTX_TREE_LOOKUP:
	case MATTX_TREE_GETATTR:
	case MATTX_TREE_READLINK:
	case MATTX_TREE_ACCESS:
	case MATTX_TREE_READ:
	case MATTX_TREE_SEEK:
	case MATTX_TREE_FSYNC:
	case MATTX_TREE_READDIR:
	case MATTX_TREE_STATFS:
	case MATTX_TREE_GETXATTR:
	case MATTX_TREE_LISTXATTR:
		return false;
	case MATTX_TREE_OPEN:
	case MATTX_TREE_CREATE:
		return request->arguments[0] & (O_CREAT | O_TRUNC);
	default:
		return true;
	}
}

static void mattx_tree_job_operate(struct mattx_tree_job *job, struct mattx_tree_answer *answer)
{
	const struct mattx_tree_request *request = &job->request;
	const struct cred *saved;
	struct cred *cred;

	answer->reply.result = -EINTR;
	if (!mattx_tree_job_begin(job))
		return;
	if (job->session->link && request->caller.home == mattx_node_local() &&
	    mattx_tree_changes(request))
		mattx_handles_touch(request->caller.table, job->session->link);
	answer->reply.result = -ENOMEM;
	cred = mattx_tree_cred(&request->caller);
	if (cred) {
		current->fs->umask = request->caller.umask;
		saved = override_creds(cred);
		answer->reply.result = mattx_tree_operate(job->session, request, answer);
		revert_creds(saved);
		put_cred(cred);
	}
	mattx_tree_job_end(job);
	/* Restarting is for the caller to do, or not. */
	if (answer->reply.result <= -ERESTARTSYS && answer->reply.result >= -ERESTART_RESTARTBLOCK)
		answer->reply.result = -EINTR;
}

static void mattx_tree_job_run(struct mattx_tree_job *job)
{
	struct mattx_link *link = job->session->link;
	struct mattx_tree_answer answer = {};
	struct mattx_frame *frame;
	struct mattx_cursor c;

	answer.room = mattx_tree_answer_room(&job->request);
	frame = mattx_frame_alloc(MATTX_WIRE_TREE_REPLY, MATTX_TREE_REPLY_SIZE + answer.room,
				  GFP_KERNEL);
	if (frame) {
		answer.data = frame->payload + MATTX_TREE_REPLY_SIZE;
		mattx_tree_job_operate(job, &answer);
	} else {
		frame = mattx_frame_alloc(MATTX_WIRE_TREE_REPLY, MATTX_TREE_REPLY_SIZE,
					  GFP_KERNEL | __GFP_NOFAIL);
		answer.reply.result = -ENOMEM;
	}
	mattx_frame_writer(frame, &c);
	mattx_tree_reply_encode(&c, &answer.reply);
	mattx_frame_written(frame, &c);
	frame->length += answer.length;
	mattx_tree_reply_send(link, job->call, job->frame->id, frame);
	mattx_tree_job_free(job);
}

static struct mattx_tree_job *mattx_tree_pool_next(void)
{
	struct mattx_tree_pool *pool = &mattx_tree_pool;
	struct mattx_tree_job *job;

	spin_lock(&pool->lock);
	job = list_first_entry_or_null(&pool->jobs, struct mattx_tree_job, queue);
	if (job) {
		list_del(&job->queue);
		pool->waiting--;
		pool->idle--;
	}
	spin_unlock(&pool->lock);
	return job;
}

static int mattx_tree_thread_run(void *data)
{
	struct mattx_tree_pool *pool = &mattx_tree_pool;
	struct mattx_tree_job *job;

	allow_signal(MATTX_CANCEL_SIGNAL);
	while (!kthread_should_stop()) {
		wait_event_idle(pool->wake, kthread_should_stop() || READ_ONCE(pool->waiting));
		while ((job = mattx_tree_pool_next())) {
			mattx_tree_job_run(job);
			spin_lock(&pool->lock);
			pool->idle++;
			spin_unlock(&pool->lock);
		}
	}
	return 0;
}

static int mattx_tree_thread_main(void *data)
{
	/* Its umask is the callers'. */
	if (unshare_fs_struct()) {
		wait_event_idle(mattx_tree_pool.wake, kthread_should_stop());
		return -ENOMEM;
	}
	return mattx_tree_thread_run(data);
}

static int mattx_tree_pool_add_thread(void)
{
	struct mattx_tree_pool *pool = &mattx_tree_pool;
	struct mattx_tree_thread *thread;

	thread = kzalloc_obj(*thread);
	if (!thread)
		return -ENOMEM;
	thread->task = kthread_create(mattx_tree_thread_main, thread, "mattx_fs");
	if (IS_ERR(thread->task)) {
		int error = PTR_ERR(thread->task);

		kfree(thread);
		return error;
	}
	get_task_struct(thread->task);
	spin_lock(&pool->lock);
	list_add(&thread->list, &pool->threads);
	pool->count++;
	pool->idle++;
	spin_unlock(&pool->lock);
	wake_up_process(thread->task);
	return 0;
}

static void mattx_tree_pool_grow(struct work_struct *work)
{
	struct mattx_tree_pool *pool = &mattx_tree_pool;
	bool more;

	do {
		spin_lock(&pool->lock);
		more = pool->waiting > pool->idle && pool->count < MATTX_TREE_THREADS;
		spin_unlock(&pool->lock);
	} while (more && !mattx_tree_pool_add_thread());
}

static void mattx_tree_job_queue(struct mattx_tree_job *job)
{
	struct mattx_tree_pool *pool = &mattx_tree_pool;
	bool grow;

	spin_lock(&pool->lock);
	list_add_tail(&job->queue, &pool->jobs);
	pool->waiting++;
	grow = pool->waiting > pool->idle && pool->count < MATTX_TREE_THREADS;
	spin_unlock(&pool->lock);
	if (grow)
		queue_work(mattx_wq, &pool->grow);
	wake_up(&pool->wake);
}

static void mattx_tree_job_cancel(struct mattx_tree_job *job)
{
	lockdep_assert_held(&job->session->lock);
	job->cancelled = true;
	if (job->runner)
		send_sig(MATTX_CANCEL_SIGNAL, job->runner, 1);
}

void mattx_tree_jobs_cancel(struct mattx_tree_session *session)
{
	struct mattx_tree_job *job;

	spin_lock(&session->lock);
	list_for_each_entry(job, &session->jobs, entry)
		mattx_tree_job_cancel(job);
	spin_unlock(&session->lock);
}

static void mattx_tree_request_cancel(struct mattx_tree_session *session, u64 id)
{
	struct mattx_tree_job *job;

	spin_lock(&session->lock);
	list_for_each_entry(job, &session->jobs, entry)
		if (job->frame->id == id)
			mattx_tree_job_cancel(job);
	spin_unlock(&session->lock);
}

/* What needs no answer, and may have to wait for storage all the same. */
struct mattx_tree_release {
	struct work_struct	work;
	struct mattx_tree_session *session;	/* a reference */
	u16			op;
	u64			number, count;
};

static void mattx_tree_release_work(struct work_struct *work)
{
	struct mattx_tree_release *release = container_of(work, struct mattx_tree_release, work);

	if (release->op == MATTX_TREE_RELEASE)
		mattx_tree_file_release(release->session, release->number);
	else
		mattx_tree_forget(release->session, release->number, release->count);
	mattx_tree_session_put(release->session);
	kfree(release);
}

static void mattx_tree_release_later(struct mattx_tree_session *session,
				     const struct mattx_tree_request *request)
{
	struct mattx_tree_release *release = kmalloc(sizeof(*release), GFP_KERNEL | __GFP_NOFAIL);

	INIT_WORK(&release->work, mattx_tree_release_work);
	refcount_inc(&session->references);
	release->session = session;
	release->op = request->op;
	release->number = request->op == MATTX_TREE_RELEASE ? request->other : request->node;
	release->count = request->arguments[0];
	queue_work(mattx_wq, &release->work);
}

/* Takes over frame and session; on an error everything is as before. */
static int mattx_tree_admit(struct mattx_tree_session *session, struct mattx_frame *frame,
			    const struct mattx_tree_request *request, struct mattx_call *call)
{
	struct mattx_tree_job *job;
	bool closed;

	job = kzalloc_obj(*job);
	if (!job)
		return -ENOMEM;
	job->session = session;
	job->frame = frame;
	job->request = *request;
	job->call = call;
	spin_lock(&session->lock);
	closed = session->closed;
	if (!closed)
		list_add_tail(&job->entry, &session->jobs);
	spin_unlock(&session->lock);
	if (closed) {
		kfree(job);
		return -EHOSTDOWN;
	}
	mattx_tree_job_queue(job);
	return 0;
}

/* True: it had no reply, and is done with. */
static bool mattx_tree_told(struct mattx_tree_session *session,
			    const struct mattx_tree_request *request)
{
	if (request->op < MATTX_TREE_FORGET)
		return false;
	if (request->op == MATTX_TREE_CANCEL)
		mattx_tree_request_cancel(session, request->arguments[0]);
	else
		mattx_tree_release_later(session, request);
	return true;
}

static void mattx_tree_refuse(struct mattx_link *link, struct mattx_frame *request, int error)
{
	const struct mattx_tree_reply reply = { .result = error };
	struct mattx_frame *frame;
	struct mattx_cursor c;

	frame = request->id ? mattx_frame_alloc(MATTX_WIRE_TREE_REPLY, MATTX_TREE_REPLY_SIZE,
						GFP_KERNEL) : NULL;
	if (frame) {
		mattx_frame_writer(frame, &c);
		mattx_tree_reply_encode(&c, &reply);
		mattx_frame_written(frame, &c);
		mattx_link_reply(link, request->id, frame, MATTX_CLASS_CONTROL);
	}
	mattx_frame_free(request);
}

void mattx_tree_receive_request(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_tree_session *session;
	struct mattx_tree_request request;
	struct mattx_cursor c;
	int error = -EBADMSG;

	mattx_frame_reader(frame, &c);
	if (mattx_tree_request_decode(&c, &request)) {
		pr_warn_ratelimited("node %u sent a request for a file that makes no sense\n",
				    mattx_link_node(link));
		goto refuse;
	}
	error = -EOPNOTSUPP;
	if (!READ_ONCE(mattx_settings.mattxfs) && request.op < MATTX_TREE_FORGET)
		goto refuse;
	error = -ENOMEM;
	session = mattx_tree_session_get(link, true);
	if (!session)
		goto refuse;
	if (mattx_tree_told(session, &request)) {
		mattx_tree_session_put(session);
		mattx_frame_free(frame);
		return;
	}
	error = mattx_tree_admit(session, frame, &request, NULL);
	if (!error)
		return;
	mattx_tree_session_put(session);
refuse:
	mattx_tree_refuse(link, frame, error);
}

int mattx_tree_serve_self(struct mattx_frame *frame, struct mattx_call *call)
{
	struct mattx_tree_session *session;
	struct mattx_tree_request request;
	struct mattx_cursor c;
	int error = -EBADMSG;

	mattx_frame_reader(frame, &c);
	if (WARN_ON_ONCE(mattx_tree_request_decode(&c, &request)))
		goto free;
	error = -ENOMEM;
	session = mattx_tree_session_get(NULL, true);
	if (!session)
		goto free;
	if (mattx_tree_told(session, &request)) {
		mattx_tree_session_put(session);
		mattx_frame_free(frame);
		return 0;
	}
	error = mattx_tree_admit(session, frame, &request, call);
	if (!error)
		return 0;
	mattx_tree_session_put(session);
free:
	mattx_frame_free(frame);
	return error;
}

int mattx_tree_serve_init(void)
{
	struct mattx_tree_pool *pool = &mattx_tree_pool;

	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->jobs);
	INIT_LIST_HEAD(&pool->threads);
	init_waitqueue_head(&pool->wake);
	INIT_WORK(&pool->grow, mattx_tree_pool_grow);
	return 0;
}

void mattx_tree_serve_exit(void)
{
	struct mattx_tree_pool *pool = &mattx_tree_pool;
	struct mattx_tree_thread *thread, *next;

	/* No request can come any more; those that wait are done first. */
	cancel_work_sync(&pool->grow);
	if (!list_empty(&pool->jobs) && !pool->count)
		mattx_tree_pool_add_thread();
	while (READ_ONCE(pool->waiting)) {
		wake_up(&pool->wake);
		schedule_timeout_uninterruptible(1);
	}
	list_for_each_entry_safe(thread, next, &pool->threads, list) {
		kthread_stop(thread->task);
		put_task_struct(thread->task);
		kfree(thread);
	}
}
