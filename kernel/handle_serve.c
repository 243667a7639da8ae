// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests of guests on their files at home: from the receive thread to where
 * they may wait, and the answer back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "dispatch.h"
#include "handle_private.h"
#include "link.h"
#include "wire_tree.h"

/* Wakes a thread of ours out of an operation that waits. */
#define MATTX_CANCEL_SIGNAL	SIGUSR1

static void mattx_file_job_free(struct mattx_file_job *job)
{
	mattx_frame_free(job->frame);
	mattx_link_put(job->link);
	if (job->handle)
		mattx_handle_put(job->handle);
	mattx_handles_put(job->handles);
	kfree(job);
}

/* The job stops being visible to cancel and close; the last one lets close go on. */
static void mattx_file_job_unlist(struct mattx_file_job *job)
{
	struct mattx_handles *handles = job->handles;

	spin_lock(&handles->lock);
	list_del(&job->entry);
	/* Under the lock: close frees the table once it sees the list empty. */
	if (list_empty(&handles->requests))
		wake_up_all(&handles->idle);
	spin_unlock(&handles->lock);
}

/* For a lock that another process has. */
static bool mattx_file_request_waits(const struct mattx_file_request *request)
{
	return (request->op == MATTX_FILE_LOCK || request->op == MATTX_FILE_FLOCK) &&
	       (request->arguments[0] & ~MATTX_LOCK_OF_FILE) == F_SETLKW;
}

/* Its thread is one that a signal wakes. */
static bool mattx_file_job_may_wait(const struct mattx_file_job *job)
{
	return (job->handle->kind == MATTX_KIND_BLOCKING && job->handle->threads[0]) ||
	       mattx_file_request_waits(&job->request);
}

/* False when the request was cancelled before it began. */
static bool mattx_file_job_begin(struct mattx_file_job *job, struct task_struct *runner)
{
	bool begun;

	spin_lock(&job->handles->lock);
	begun = !job->cancelled;
	if (begun)
		job->runner = runner;
	spin_unlock(&job->handles->lock);
	return begun;
}

/* Afterwards no cancel reaches the thread, and one that did is forgotten. */
static void mattx_file_job_end(struct mattx_file_job *job)
{
	bool interrupted;

	spin_lock(&job->handles->lock);
	interrupted = job->runner && job->cancelled;
	job->runner = NULL;
	spin_unlock(&job->handles->lock);
	if (interrupted)
		flush_signals(current);
}

static void mattx_file_job_answer(struct mattx_file_job *job)
{
	u32 room = mattx_handle_answer_size(&job->request);
	struct mattx_file_reply reply = { .result = -EINTR };
	struct mattx_frame *frame;
	struct mattx_cursor c;
	u32 length = 0;

	frame = mattx_frame_alloc(MATTX_WIRE_FILE_REPLY, MATTX_FILE_REPLY_SIZE + room, GFP_KERNEL);
	if (!frame) {
		room = 0;
		frame = mattx_frame_alloc(MATTX_WIRE_FILE_REPLY, MATTX_FILE_REPLY_SIZE,
					  GFP_KERNEL | __GFP_NOFAIL);
		reply.result = -ENOMEM;
	} else if (mattx_file_job_begin(job, mattx_file_job_may_wait(job) ? current : NULL)) {
		const struct cred *saved = override_creds(job->handles->cred);

		reply.result = mattx_handle_operate(job->handle, &job->request,
						    frame->payload + MATTX_FILE_REPLY_SIZE,
						    &length);
		revert_creds(saved);
		mattx_file_job_end(job);
		/* Restarting is for the guest to do, or not. */
		if (reply.result <= -ERESTARTSYS && reply.result >= -ERESTART_RESTARTBLOCK)
			reply.result = -EINTR;
	}
	mattx_handle_stamp(job->handle, &reply.sequence, &reply.ready);
	mattx_frame_writer(frame, &c);
	mattx_file_reply_encode(&c, &reply);
	mattx_frame_written(frame, &c);
	frame->length += length;
	mattx_link_reply(job->link, job->frame->id, frame,
			 length > PAGE_SIZE ? MATTX_CLASS_BULK : MATTX_CLASS_CONTROL);
}

/*
 * The guest has closed the file.  Who waits for the answer finds it closed:
 * the other end of a pipe, for one, notices.
 */
static void mattx_file_job_release(struct mattx_file_job *job)
{
	const struct mattx_file_reply reply = { };
	struct mattx_frame *frame;
	struct mattx_cursor c;

	mattx_file_jobs_cancel(job->handles, job->handle);
	mattx_handle_dismantle(job->handle);
	mattx_handle_put(job->handle);
	job->handle = NULL;
	if (!job->frame->id)
		return;
	frame = mattx_frame_alloc(MATTX_WIRE_FILE_REPLY, MATTX_FILE_REPLY_SIZE,
				  GFP_KERNEL | __GFP_NOFAIL);
	mattx_frame_writer(frame, &c);
	mattx_file_reply_encode(&c, &reply);
	mattx_frame_written(frame, &c);
	mattx_link_reply(job->link, job->frame->id, frame, MATTX_CLASS_CONTROL);
}

static void mattx_file_job_run(struct mattx_file_job *job)
{
	switch (job->request.op) {
	case MATTX_FILE_POLL:
		mattx_handle_push(job->handle);
		break;
	case MATTX_FILE_RELEASE:
		mattx_file_job_release(job);
		break;
	default:
		mattx_file_job_answer(job);
	}
	mattx_file_job_unlist(job);
	mattx_file_job_free(job);
}

/* One thread for one wait: locks may be waited for by many and for long. */
static int mattx_file_job_wait(void *data)
{
	allow_signal(MATTX_CANCEL_SIGNAL);
	mattx_file_job_run(data);
	/* Whoever unloads the module waits for us to have left it. */
	module_put_and_kthread_exit(0);
}

static void mattx_file_job_work(struct work_struct *work)
{
	struct mattx_file_job *job = container_of(work, struct mattx_file_job, work);

	if (mattx_file_request_waits(&job->request)) {
		struct task_struct *thread;

		__module_get(THIS_MODULE);
		thread = kthread_run(mattx_file_job_wait, job, "mattx_lock");
		if (!IS_ERR(thread))
			return;
		module_put(THIS_MODULE);
		job->request.arguments[0] = F_SETLK | (job->request.arguments[0] & MATTX_LOCK_OF_FILE);
	}
	mattx_file_job_run(job);
}

static void mattx_file_job_thread_work(struct kthread_work *work)
{
	mattx_file_job_run(container_of(work, struct mattx_file_job, thread_work));
}

static void mattx_file_job_queue(struct mattx_file_job *job)
{
	enum mattx_handle_thread thread = job->request.op == MATTX_FILE_READ ? MATTX_THREAD_READ :
									       MATTX_THREAD_OTHER;
	struct kthread_worker *worker = job->handle->threads[thread];

	/* What has no reply never waits, and a release ends the threads. */
	if (worker && job->request.op < MATTX_FILE_POLL &&
	    !mattx_file_request_waits(&job->request)) {
		kthread_init_work(&job->thread_work, mattx_file_job_thread_work);
		kthread_queue_work(worker, &job->thread_work);
	} else {
		INIT_WORK(&job->work, mattx_file_job_work);
		queue_work(mattx_wq, &job->work);
	}
}

static void mattx_file_job_cancel(struct mattx_file_job *job)
{
	lockdep_assert_held(&job->handles->lock);
	if (job->cancelled)
		return;
	job->cancelled = true;
	if (job->runner)
		send_sig(MATTX_CANCEL_SIGNAL, job->runner, 1);
}

void mattx_file_jobs_cancel(struct mattx_handles *handles, struct mattx_handle *handle)
{
	struct mattx_file_job *job;

	spin_lock(&handles->lock);
	list_for_each_entry(job, &handles->requests, entry)
		if (job->request.op < MATTX_FILE_POLL && (!handle || job->handle == handle))
			mattx_file_job_cancel(job);
	spin_unlock(&handles->lock);
}

static void mattx_file_request_cancel(struct mattx_handles *handles, u64 id)
{
	struct mattx_file_job *job;

	spin_lock(&handles->lock);
	list_for_each_entry(job, &handles->requests, entry)
		if (job->frame->id == id)
			mattx_file_job_cancel(job);
	spin_unlock(&handles->lock);
}

/* The guest learns at once that there is nothing to use. */
static void mattx_file_request_refuse(struct mattx_link *link, struct mattx_frame *request,
				      int error)
{
	const struct mattx_file_reply reply = { .result = error };
	struct mattx_frame *frame;
	struct mattx_cursor c;

	frame = request->id ? mattx_frame_alloc(MATTX_WIRE_FILE_REPLY, MATTX_FILE_REPLY_SIZE,
						GFP_KERNEL) : NULL;
	if (frame) {
		mattx_frame_writer(frame, &c);
		mattx_file_reply_encode(&c, &reply);
		mattx_frame_written(frame, &c);
		mattx_link_reply(link, request->id, frame, MATTX_CLASS_CONTROL);
	}
	mattx_frame_free(request);
}

/*
 * Makes a job of the request, which takes over the references to table and
 * frame; on an error everything is as before.
 */
static int mattx_file_request_admit(struct mattx_handles *handles, struct mattx_link *link,
				    struct mattx_frame *frame,
				    const struct mattx_file_request *request)
{
	struct mattx_file_job *job;
	bool open;

	job = kzalloc_obj(*job);
	if (!job)
		return -ENOMEM;
	job->handles = handles;
	job->link = link;
	job->frame = frame;
	job->request = *request;

	/* Being on the list keeps close waiting, so it comes before touching any handle. */
	spin_lock(&handles->lock);
	open = handles->link;
	if (open) {
		list_add_tail(&job->entry, &handles->requests);
		if (request->op != MATTX_FILE_STAT && request->op != MATTX_FILE_POLL)
			WRITE_ONCE(handles->touched, true);
	}
	spin_unlock(&handles->lock);
	if (!open) {
		kfree(job);
		return -ESTALE;
	}
	/*
	 * This thread is the only one that takes requests for the table: no
	 * request can follow a release to a handle that is being taken apart.
	 */
	if (request->op == MATTX_FILE_RELEASE)
		job->handle = xa_erase(&handles->table, request->handle);
	else
		job->handle = mattx_handle_get(handles, request->handle);
	if (!job->handle) {
		mattx_file_job_unlist(job);
		kfree(job);
		return -EBADF;
	}
	mattx_link_hold(link);
	mattx_file_job_queue(job);
	return 0;
}

void mattx_handle_receive_request(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_file_request request;
	struct mattx_handles *handles;
	struct mattx_cursor c;
	int error = -EBADMSG;

	mattx_frame_reader(frame, &c);
	if (mattx_file_request_decode(&c, &request)) {
		pr_warn_ratelimited("node %u sent a file request that makes no sense\n",
				    mattx_link_node(link));
		goto refuse;
	}
	error = -ESTALE;
	handles = mattx_handles_find(request.table, link);
	if (!handles)
		goto refuse;
	if (request.op == MATTX_FILE_CANCEL) {
		mattx_file_request_cancel(handles, request.arguments[0]);
		mattx_handles_put(handles);
		mattx_frame_free(frame);
		return;
	}
	/* The job takes over the reference to the table. */
	error = mattx_file_request_admit(handles, link, frame, &request);
	if (!error)
		return;
	mattx_handles_put(handles);
refuse:
	mattx_file_request_refuse(link, frame, error);
}

static void mattx_thread_allow_cancel(struct kthread_work *work)
{
	allow_signal(MATTX_CANCEL_SIGNAL);
}

int mattx_handle_start_threads(struct mattx_handle *handle)
{
	int i;

	if (handle->kind != MATTX_KIND_BLOCKING)
		return 0;
	for (i = 0; i < MATTX_THREADS; i++) {
		struct kthread_worker *worker;
		struct kthread_work first;

		worker = kthread_run_worker(0, "mattx_io/%d", task_pid_nr(handle->handles->task));
		if (IS_ERR(worker))
			return PTR_ERR(worker);
		handle->threads[i] = worker;
		kthread_init_work(&first, mattx_thread_allow_cancel);
		kthread_queue_work(worker, &first);
		kthread_flush_work(&first);
	}
	return 0;
}

void mattx_handle_stop_threads(struct mattx_handle *handle)
{
	int i;

	for (i = 0; i < MATTX_THREADS; i++) {
		if (handle->threads[i])
			kthread_destroy_worker(handle->threads[i]);
		handle->threads[i] = NULL;
	}
}
