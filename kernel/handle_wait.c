// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The distributed wait queue, home end: our own entries on the real file's
 * wait queues push its readiness to the node of the guest, where the proxy
 * wakes those who wait there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/poll.h>

#include "dispatch.h"
#include "handle_private.h"
#include "link.h"

/* Called with the lock of a foreign wait queue held: it only queues work. */
static int mattx_wait_woken(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct mattx_wait_entry *wait = container_of(entry, struct mattx_wait_entry, entry);

	if (key_to_poll(key) & POLLFREE) {
		list_del_init(&entry->entry);
		/* Pairs with the acquire in mattx_handle_disarm(): the queue may vanish now. */
		smp_store_release(&wait->queue, NULL);
		return 1;
	}
	mattx_handle_push(wait->handle);
	return 0;
}

struct mattx_arming {
	poll_table		table;
	struct mattx_handle	*handle;
};

static void mattx_wait_add(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct mattx_handle *handle = container_of(table, struct mattx_arming, table)->handle;
	struct mattx_wait_entry *wait;

	if (handle->wait_count == MATTX_WAIT_QUEUES) {
		pr_warn_once("%pD waits on more than %u queues: guests may miss its readiness\n",
			     file, MATTX_WAIT_QUEUES);
		return;
	}
	wait = &handle->waits[handle->wait_count++];
	wait->handle = handle;
	wait->queue = queue;
	init_waitqueue_func_entry(&wait->entry, mattx_wait_woken);
	add_wait_queue(queue, &wait->entry);
}

static void mattx_handle_push_work(struct work_struct *work)
{
	struct mattx_handle *handle = container_of(work, struct mattx_handle, push);
	struct mattx_handles *handles = handle->handles;
	struct mattx_file_ready ready = {
		.table = handles->number,
		.handle = handle->number,
	};
	struct mattx_link *link = NULL;
	struct mattx_frame *frame;
	struct mattx_cursor c;

	spin_lock(&handles->lock);
	if (handles->link)
		link = mattx_link_hold(handles->link);
	spin_unlock(&handles->lock);
	if (!link)
		return;
	frame = mattx_frame_alloc(MATTX_WIRE_FILE_READY, MATTX_FILE_READY_SIZE,
				  GFP_KERNEL | __GFP_NOFAIL);
	mattx_handle_stamp(handle, &ready.sequence, &ready.ready);
	mattx_frame_writer(frame, &c);
	mattx_file_ready_encode(&c, &ready);
	mattx_frame_written(frame, &c);
	mattx_link_send(link, frame, MATTX_CLASS_CONTROL);
	mattx_link_put(link);
}

void mattx_handle_push(struct mattx_handle *handle)
{
	queue_work(mattx_wq, &handle->push);
}

void mattx_handle_arm(struct mattx_handle *handle)
{
	struct mattx_arming arming = { .handle = handle };

	if (handle->kind == MATTX_KIND_STORAGE || handle->kind == MATTX_KIND_SELF ||
	    !file_can_poll(handle->file))
		return;
	init_poll_funcptr(&arming.table, mattx_wait_add);
	vfs_poll(handle->file, &arming.table);
	/* What changed since the file was described in the offer. */
	mattx_handle_push(handle);
}

void mattx_handle_disarm(struct mattx_handle *handle)
{
	unsigned int i;

	for (i = 0; i < handle->wait_count; i++) {
		wait_queue_head_t *queue;

		/* Queues that announce their end with POLLFREE are freed after a grace period. */
		rcu_read_lock();
		/* Pairs with the release in mattx_wait_woken(). */
		queue = smp_load_acquire(&handle->waits[i].queue);
		if (queue)
			remove_wait_queue(queue, &handle->waits[i].entry);
		rcu_read_unlock();
	}
	handle->wait_count = 0;
	cancel_work_sync(&handle->push);
}

void mattx_handle_stamp(struct mattx_handle *handle, u32 *sequence, u32 *ready)
{
	mutex_lock(&handle->stamp_mutex);
	*ready = handle->kind == MATTX_KIND_SELF ? 0 :
						   (__force u32)vfs_poll(handle->file, NULL);
	*sequence = ++handle->sequence;
	mutex_unlock(&handle->stamp_mutex);
}

void mattx_handle_init_wait(struct mattx_handle *handle)
{
	mutex_init(&handle->stamp_mutex);
	INIT_WORK(&handle->push, mattx_handle_push_work);
}
