// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The two threads of a link.  The sender empties the queues, control before
 * bulk, and tells once a second that this node lives.  The receiver cuts the
 * stream into frames, hands them to their handlers, and ends the link when
 * the peer has been silent for too long.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/tls.h>
#include <linux/uio.h>
#include <linux/utsname.h>

#include "dispatch.h"
#include "event.h"
#include "link_private.h"
#include "node.h"

static int mattx_link_write(struct mattx_link *link, const struct mattx_frame *frame)
{
	const struct mattx_header header = {
		.type = frame->type,
		.flags = frame->flags,
		.length = frame->length,
		.id = frame->id,
	};
	u8 bytes[MATTX_WIRE_HEADER];
	struct kvec vectors[2] = {
		{ .iov_base = bytes, .iov_len = sizeof(bytes) },
		{ .iov_base = (void *)frame->payload, .iov_len = frame->length },
	};
	struct msghdr message = { .msg_flags = MSG_NOSIGNAL };
	unsigned long flags;

	mattx_header_encode(bytes, &header);
	iov_iter_kvec(&message.msg_iter, ITER_SOURCE, vectors, ARRAY_SIZE(vectors),
		      sizeof(bytes) + frame->length);
	while (msg_data_left(&message)) {
		int sent = sock_sendmsg(link->sock, &message);

		if (sent < 0)
			return sent;
	}
	spin_lock_irqsave(&link->lock, flags);
	link->sent_frames++;
	link->sent_bytes += sizeof(bytes) + frame->length;
	spin_unlock_irqrestore(&link->lock, flags);
	return 0;
}

static struct mattx_frame *mattx_link_next(struct mattx_link *link)
{
	struct mattx_frame *frame = NULL;
	unsigned long flags;
	int class;

	spin_lock_irqsave(&link->lock, flags);
	for (class = 0; class < MATTX_CLASSES && !frame; class++)
		frame = list_first_entry_or_null(&link->queue[class], struct mattx_frame, queue);
	if (frame) {
		list_del_init(&frame->queue);
		link->queued -= frame->length;
	}
	spin_unlock_irqrestore(&link->lock, flags);
	return frame;
}

/* Writes a frame that the sender itself made. */
static int mattx_link_write_own(struct mattx_link *link, struct mattx_frame *frame)
{
	int error = frame ? mattx_link_write(link, frame) : -ENOMEM;

	mattx_frame_free(frame);
	return error;
}

static int mattx_link_write_hello(struct mattx_link *link)
{
	struct mattx_hello hello = {
		.version = MATTX_WIRE_VERSION,
		.node = mattx_node_local(),
		.boot = mattx_node_boot(),
		.page_size = PAGE_SIZE,
	};
	struct mattx_frame *frame;
	struct mattx_cursor c;

	strscpy(hello.release, init_utsname()->release, sizeof(hello.release));
	frame = mattx_frame_alloc(MATTX_WIRE_HELLO, MATTX_HELLO_SIZE, GFP_KERNEL);
	if (frame) {
		mattx_frame_writer(frame, &c);
		mattx_hello_encode(&c, &hello);
		mattx_frame_written(frame, &c);
	}
	return mattx_link_write_own(link, frame);
}

/* The payload is our clock, which comes back in the PONG. */
static int mattx_link_write_ping(struct mattx_link *link)
{
	struct mattx_frame *frame;
	struct mattx_cursor c;

	frame = mattx_frame_alloc(MATTX_WIRE_PING, sizeof(u64), GFP_KERNEL);
	if (frame) {
		mattx_frame_writer(frame, &c);
		mattx_put_u64(&c, ktime_get_ns());
		mattx_frame_written(frame, &c);
	}
	return mattx_link_write_own(link, frame);
}

static bool mattx_link_has_work(struct mattx_link *link)
{
	int class;

	for (class = 0; class < MATTX_CLASSES; class++)
		if (!list_empty_careful(&link->queue[class]))
			return true;
	return kthread_should_stop() || READ_ONCE(link->state) == MATTX_LINK_DOWN;
}

int mattx_link_send_thread(void *data)
{
	unsigned long next_ping = jiffies + MATTX_PING_INTERVAL;
	struct mattx_link *link = data;
	struct mattx_frame *frame;
	long wait;
	int error;

	/* A node that is busy is not dead, and whoever is on the way waits for us. */
	set_user_nice(current, MIN_NICE);
	error = mattx_link_write_hello(link);
	while (!error && !kthread_should_stop() && READ_ONCE(link->state) != MATTX_LINK_DOWN) {
		wait = (long)(next_ping - jiffies);
		if (wait <= 0) {
			error = mattx_link_write_ping(link);
			next_ping = jiffies + MATTX_PING_INTERVAL;
			continue;
		}
		frame = mattx_link_next(link);
		if (!frame) {
			wait_event_idle_timeout(link->wake_sender, mattx_link_has_work(link), wait);
			continue;
		}
		error = mattx_link_write(link, frame);
		mattx_frame_free(frame);
	}
	if (error)
		mattx_link_fail(link, true, "sending failed with error %d", -error);
	return 0;
}

/* What a TLS record on the socket carries; sockets without TLS carry data. */
#define MATTX_RECORD_ALERT	21
#define MATTX_RECORD_DATA	23

/*
 * Takes at most @length bytes of the stream.  A socket with TLS in the kernel
 * also delivers records that are none of ours: tickets of the handshake are
 * passed over (-EAGAIN), an alert is the end (0).
 */
static int mattx_link_take(struct mattx_link *link, void *buffer, size_t length)
{
	union {
		struct cmsghdr	header;
		u8		bytes[CMSG_SPACE(sizeof(u8))];
	} control = {};
	struct kvec vector = { .iov_base = buffer, .iov_len = length };
	struct msghdr message = {
		.msg_flags = MSG_NOSIGNAL,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int got;

	got = kernel_recvmsg(link->sock, &message, &vector, 1, length, 0);
	if (got <= 0 || message.msg_controllen == sizeof(control) ||
	    control.header.cmsg_level != SOL_TLS ||
	    control.header.cmsg_type != TLS_GET_RECORD_TYPE)
		return got;
	switch (*(u8 *)CMSG_DATA(&control.header)) {
	case MATTX_RECORD_DATA:
		return got;
	case MATTX_RECORD_ALERT:
		return 0;
	default:
		return -EAGAIN;
	}
}

/*
 * Fills @buffer completely.  Wakes up twice a second to see whether the peer
 * still lives.  False when the link has ended.
 */
static bool mattx_link_read(struct mattx_link *link, void *buffer, size_t length)
{
	unsigned long silence;

	while (length) {
		int got;

		if (kthread_should_stop() || READ_ONCE(link->state) == MATTX_LINK_DOWN)
			return false;
		got = mattx_link_take(link, buffer, length);
		if (got > 0) {
			link->heard = jiffies;
			buffer += got;
			length -= got;
			continue;
		}
		if (!got) {
			mattx_link_fail(link, true, "node %u closed it", link->node);
			return false;
		}
		if (got != -EAGAIN && got != -EINTR && got != -ERESTARTSYS) {
			mattx_link_fail(link, true, "receiving failed with error %d", -got);
			return false;
		}
		silence = READ_ONCE(link->state) == MATTX_LINK_CONNECTING ? MATTX_HELLO_TIMEOUT :
									    MATTX_SILENCE_LIMIT;
		if (time_after(jiffies, link->heard + silence)) {
			mattx_link_fail(link, true, "node %u was silent for %lu s", link->node,
					silence / HZ);
			return false;
		}
	}
	return true;
}

/* The next frame, NULL when the link has ended. */
static struct mattx_frame *mattx_link_read_frame(struct mattx_link *link)
{
	u8 bytes[MATTX_WIRE_HEADER];
	struct mattx_header header;
	struct mattx_frame *frame;
	unsigned long flags;
	int error;

	if (!mattx_link_read(link, bytes, sizeof(bytes)))
		return NULL;
	error = mattx_header_decode(bytes, &header);
	if (error) {
		mattx_link_fail(link, true, "node %u sent a bad frame header (error %d)",
				link->node, -error);
		return NULL;
	}
	frame = mattx_frame_alloc(header.type, header.length, GFP_KERNEL);
	if (!frame) {
		mattx_link_fail(link, true, "no memory for a frame of %u bytes", header.length);
		return NULL;
	}
	frame->id = header.id;
	frame->flags = header.flags;
	frame->length = header.length;
	if (!mattx_link_read(link, frame->payload, frame->length)) {
		mattx_frame_free(frame);
		return NULL;
	}
	spin_lock_irqsave(&link->lock, flags);
	link->received_frames++;
	link->received_bytes += sizeof(bytes) + frame->length;
	spin_unlock_irqrestore(&link->lock, flags);
	return frame;
}

/* The peer introduces itself: is it the one that the daemon meant, and do we understand it? */
static bool mattx_link_greet(struct mattx_link *link)
{
	struct mattx_hello hello;
	struct mattx_frame *frame;
	struct mattx_cursor c;
	bool fits = false;

	frame = mattx_link_read_frame(link);
	if (!frame)
		return false;
	mattx_frame_reader(frame, &c);
	if (frame->type != MATTX_WIRE_HELLO || mattx_hello_decode(&c, &hello))
		mattx_link_fail(link, true, "node %u did not introduce itself", link->node);
	else if (hello.version != MATTX_WIRE_VERSION)
		mattx_link_fail(link, true,
				"node %u speaks version %u of the module protocol, we speak %u: load the same MattX on both",
				link->node, hello.version, MATTX_WIRE_VERSION);
	else if (hello.node != link->node || hello.boot != link->boot)
		mattx_link_fail(link, true,
				"expected node %u but node %u (or another boot of it) answered",
				link->node, hello.node);
	else if (hello.page_size != PAGE_SIZE)
		mattx_link_fail(link, true, "node %u has pages of %u bytes, we have %lu",
				link->node, hello.page_size, PAGE_SIZE);
	else
		fits = mattx_link_established(link);
	mattx_frame_free(frame);
	if (fits) {
		pr_info("link to node %u (%s, kernel %s) is up\n", link->node, link->address,
			hello.release);
		mattx_event_link_up(link->node);
	}
	return fits;
}

static void mattx_link_pong(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_cursor c;
	unsigned long flags;
	u64 sent;

	mattx_frame_reader(frame, &c);
	sent = mattx_take_u64(&c);
	if (!c.bad) {
		spin_lock_irqsave(&link->lock, flags);
		link->round_trip_us = div_u64(ktime_get_ns() - sent, NSEC_PER_USEC);
		spin_unlock_irqrestore(&link->lock, flags);
	}
	mattx_frame_free(frame);
}

static void mattx_link_dispatch(struct mattx_link *link, struct mattx_frame *frame)
{
	if (frame->flags & MATTX_FRAME_REPLY) {
		mattx_call_reply(link, frame);
	} else if (frame->type == MATTX_WIRE_PING) {
		frame->type = MATTX_WIRE_PONG;
		mattx_link_send(link, frame, MATTX_CLASS_CONTROL);
	} else if (frame->type == MATTX_WIRE_PONG) {
		mattx_link_pong(link, frame);
	} else if (frame->type < MATTX_WIRE_TYPES && mattx_handlers[frame->type]) {
		mattx_handlers[frame->type](link, frame);
	} else {
		pr_warn_ratelimited("node %u sent a message of unknown type %u, ignored\n",
				    link->node, frame->type);
		mattx_frame_free(frame);
	}
}

int mattx_link_receive_thread(void *data)
{
	struct mattx_link *link = data;
	struct mattx_frame *frame;

	set_user_nice(current, MIN_NICE);
	if (!mattx_link_greet(link))
		return 0;
	while ((frame = mattx_link_read_frame(link)))
		mattx_link_dispatch(link, frame);
	return 0;
}
