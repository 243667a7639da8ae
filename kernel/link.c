// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of links and the life of each: added by the daemon, up when the
 * peer has introduced itself, down once and for ever.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/xarray.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "compat.h"
#include "dispatch.h"
#include "event.h"
#include "link_private.h"
#include "node.h"

/* By node; readers under RCU, changes under the mutex.  One reference each. */
static DEFINE_XARRAY(mattx_links);
static DEFINE_MUTEX(mattx_links_mutex);
static bool mattx_links_closed; /* the mutex */
/* Its own queue: ending a link waits for work in mattx_wq. */
static struct workqueue_struct *mattx_link_wq;
/* 0 is nobody's, 1 this node's own. */
static atomic64_t mattx_link_serials = ATOMIC64_INIT(MATTX_LINK_SERIAL_SELF);

struct mattx_frame *mattx_frame_alloc(u16 type, u32 capacity, gfp_t gfp)
{
	struct mattx_frame *frame;

	if (capacity > MATTX_WIRE_MAX_PAYLOAD)
		return NULL;
	frame = kvmalloc(struct_size(frame, payload, capacity), gfp);
	if (!frame)
		return NULL;
	INIT_LIST_HEAD(&frame->queue);
	frame->id = 0;
	frame->type = type;
	frame->flags = 0;
	frame->length = 0;
	frame->capacity = capacity;
	return frame;
}

void mattx_frame_free(struct mattx_frame *frame)
{
	kvfree(frame);
}
EXPORT_SYMBOL_GPL(mattx_frame_free);

u32 mattx_link_node(const struct mattx_link *link)
{
	return link->node;
}

u64 mattx_link_boot(const struct mattx_link *link)
{
	return link->boot;
}

u64 mattx_link_serial(const struct mattx_link *link)
{
	return link->serial;
}

const char *mattx_link_address(const struct mattx_link *link)
{
	return link->address;
}

struct mattx_link *mattx_link_hold(struct mattx_link *link)
{
	refcount_inc(&link->references);
	return link;
}

void mattx_link_put(struct mattx_link *link)
{
	if (refcount_dec_and_test(&link->references))
		kfree_rcu(link, rcu);
}

struct mattx_link *mattx_link_get(u32 node)
{
	struct mattx_link *link;

	rcu_read_lock();
	link = xa_load(&mattx_links, node);
	/* A link that is just connecting or ending is no better than none. */
	if (link && (READ_ONCE(link->state) != MATTX_LINK_UP ||
		     !refcount_inc_not_zero(&link->references)))
		link = NULL;
	rcu_read_unlock();
	return link;
}

void mattx_links_visit(void (*visit)(struct mattx_link *link, void *context), void *context)
{
	struct mattx_link *link;
	unsigned long node;

	rcu_read_lock();
	xa_for_each(&mattx_links, node, link)
		if (READ_ONCE(link->state) == MATTX_LINK_UP)
			visit(link, context);
	rcu_read_unlock();
}

static void mattx_link_show(struct mattx_link *link, void *context)
{
	struct seq_file *m = context;
	unsigned long flags;

	spin_lock_irqsave(&link->lock, flags);
	seq_printf(m,
		   "link %u: sent_frames=%llu sent_bytes=%llu received_frames=%llu received_bytes=%llu queued_bytes=%zu round_trip_us=%llu\n",
		   link->node, link->sent_frames, link->sent_bytes, link->received_frames,
		   link->received_bytes, link->queued, link->round_trip_us);
	spin_unlock_irqrestore(&link->lock, flags);
}

void mattx_links_show(struct seq_file *m)
{
	mattx_links_visit(mattx_link_show, m);
}

int mattx_link_send(struct mattx_link *link, struct mattx_frame *frame, enum mattx_class class)
{
	bool overflow = false;
	unsigned long flags;

	spin_lock_irqsave(&link->lock, flags);
	if (link->state != MATTX_LINK_UP) {
		spin_unlock_irqrestore(&link->lock, flags);
		mattx_frame_free(frame);
		return -EHOSTUNREACH;
	}
	link->queued += frame->length;
	overflow = link->queued > MATTX_QUEUE_LIMIT;
	list_add_tail(&frame->queue, &link->queue[class]);
	spin_unlock_irqrestore(&link->lock, flags);
	if (overflow)
		mattx_link_fail(link, true, "node %u does not take what is sent to it", link->node);
	else
		wake_up(&link->wake_sender);
	return 0;
}

int mattx_link_reply(struct mattx_link *link, u64 id, struct mattx_frame *frame,
		     enum mattx_class class)
{
	frame->id = id;
	frame->flags |= MATTX_FRAME_REPLY;
	return mattx_link_send(link, frame, class);
}

bool mattx_link_established(struct mattx_link *link)
{
	unsigned long flags;
	bool up;

	spin_lock_irqsave(&link->lock, flags);
	up = link->state == MATTX_LINK_CONNECTING;
	if (up)
		WRITE_ONCE(link->state, MATTX_LINK_UP);
	spin_unlock_irqrestore(&link->lock, flags);
	return up;
}

void mattx_link_fail(struct mattx_link *link, bool announce, const char *format, ...)
{
	unsigned long flags;
	va_list arguments;

	spin_lock_irqsave(&link->lock, flags);
	if (link->state == MATTX_LINK_DOWN) {
		spin_unlock_irqrestore(&link->lock, flags);
		return;
	}
	WRITE_ONCE(link->state, MATTX_LINK_DOWN);
	link->announce = announce;
	va_start(arguments, format);
	vscnprintf(link->reason, sizeof(link->reason), format, arguments);
	va_end(arguments);
	spin_unlock_irqrestore(&link->lock, flags);
	queue_work(mattx_link_wq, &link->teardown);
}

static void mattx_link_drop_queue(struct mattx_link *link)
{
	struct mattx_frame *frame, *next;
	int class;

	/* Nobody adds to the queue of a link that is down, and its threads are gone. */
	for (class = 0; class < MATTX_CLASSES; class++)
		list_for_each_entry_safe(frame, next, &link->queue[class], queue)
			mattx_frame_free(frame);
}

static void mattx_link_stop_thread(struct task_struct *thread)
{
	kthread_stop(thread);
	put_task_struct(thread);
}

/* Runs once for each link, in mattx_link_wq, and drops the table's reference. */
static void mattx_link_teardown(struct work_struct *work)
{
	struct mattx_link *link = container_of(work, struct mattx_link, teardown);

	mutex_lock(&mattx_links_mutex);
	xa_cmpxchg(&mattx_links, link->node, link, NULL, GFP_KERNEL);
	mutex_unlock(&mattx_links_mutex);

	kernel_sock_shutdown(link->sock, SHUT_RDWR);
	mattx_link_stop_thread(link->sender);
	mattx_link_stop_thread(link->receiver);
	mattx_calls_fail(link, -EHOSTUNREACH);
	mattx_link_drop_queue(link);
	sockfd_put(link->sock);

	pr_info("link to node %u ended: %s\n", link->node, link->reason);
	mattx_peer_down(link);
	if (link->announce)
		mattx_event_link_down(link->node, link->reason);
	mattx_link_put(link);
}

static bool mattx_socket_suits(struct socket *sock)
{
	struct sock *sk = sock->sk;

	return sock->type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP &&
	       (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_state == TCP_ESTABLISHED;
}

static void mattx_socket_prepare(struct socket *sock)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	sk->sk_rcvtimeo = MATTX_RECEIVE_TICK;
	sk->sk_sndtimeo = MAX_SCHEDULE_TIMEOUT;
	/* A page fault may wait for this socket: its memory must not wait for file systems. */
	sk->sk_allocation = GFP_NOFS;
	release_sock(sk);
	tcp_sock_set_nodelay(sk);
}

static struct mattx_link *mattx_link_create(u32 node, u64 boot, const char *address,
					    struct socket *sock)
{
	struct mattx_link *link;
	int class;

	link = kzalloc_obj(*link);
	if (!link)
		return ERR_PTR(-ENOMEM);
	refcount_set(&link->references, 1);
	link->node = node;
	link->boot = boot;
	link->serial = atomic64_inc_return(&mattx_link_serials);
	strscpy(link->address, address, sizeof(link->address));
	link->sock = sock;
	link->heard = jiffies;
	INIT_WORK(&link->teardown, mattx_link_teardown);
	spin_lock_init(&link->lock);
	for (class = 0; class < MATTX_CLASSES; class++)
		INIT_LIST_HEAD(&link->queue[class]);
	hash_init(link->calls);
	init_waitqueue_head(&link->wake_sender);
	return link;
}

/* The threads stand still until they are woken. */
static int mattx_link_create_threads(struct mattx_link *link)
{
	link->sender = kthread_create(mattx_link_send_thread, link, "mattx_tx/%u", link->node);
	if (IS_ERR(link->sender))
		return PTR_ERR(link->sender);
	get_task_struct(link->sender);
	link->receiver = kthread_create(mattx_link_receive_thread, link, "mattx_rx/%u", link->node);
	if (IS_ERR(link->receiver)) {
		mattx_link_stop_thread(link->sender);
		return PTR_ERR(link->receiver);
	}
	get_task_struct(link->receiver);
	return 0;
}

int mattx_link_add(u32 node, u64 boot, const char *address, struct socket *sock)
{
	struct mattx_link *link, *old;
	int error;

	error = -EINVAL;
	if (node == mattx_node_local())
		goto put_socket;
	error = -EPROTOTYPE;
	if (!mattx_socket_suits(sock))
		goto put_socket;
	link = mattx_link_create(node, boot, address, sock);
	error = PTR_ERR_OR_ZERO(link);
	if (error)
		goto put_socket;
	error = mattx_link_create_threads(link);
	if (error)
		goto free_link;
	mattx_socket_prepare(sock);

	mutex_lock(&mattx_links_mutex);
	error = -ESHUTDOWN;
	if (mattx_links_closed)
		goto unlock;
	old = xa_store(&mattx_links, node, link, GFP_KERNEL);
	error = xa_err(old);
	if (error)
		goto unlock;
	if (old)
		mattx_link_fail(old, false, "a new link to the node replaces it");
	wake_up_process(link->sender);
	wake_up_process(link->receiver);
	mutex_unlock(&mattx_links_mutex);
	return 0;

unlock:
	mutex_unlock(&mattx_links_mutex);
	mattx_link_stop_thread(link->receiver);
	mattx_link_stop_thread(link->sender);
free_link:
	kfree(link);
put_socket:
	sockfd_put(sock);
	return error;
}

int mattx_link_del(u32 node)
{
	struct mattx_link *link;

	mutex_lock(&mattx_links_mutex);
	link = xa_load(&mattx_links, node);
	if (link)
		mattx_link_fail(link, false, "the daemon closed it");
	mutex_unlock(&mattx_links_mutex);
	return link ? 0 : -ENOENT;
}

int mattx_link_init(void)
{
	mattx_links_closed = false;
	mattx_link_wq = alloc_workqueue("mattx_link", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return mattx_link_wq ? 0 : -ENOMEM;
}

void mattx_link_exit(void)
{
	struct mattx_link *link;
	unsigned long node;

	mutex_lock(&mattx_links_mutex);
	mattx_links_closed = true;
	xa_for_each(&mattx_links, node, link)
		mattx_link_fail(link, false, "the module is unloaded");
	mutex_unlock(&mattx_links_mutex);
	/* Runs every teardown to its end: no thread is left afterwards. */
	destroy_workqueue(mattx_link_wq);
	xa_destroy(&mattx_links);
}
