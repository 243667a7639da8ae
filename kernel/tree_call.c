// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asking other nodes (and this one) for their files: what mattxfs.ko uses.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "dispatch.h"
#include "guest.h"
#include "node.h"
#include "tree_private.h"

static const struct mattx_tree_listener __rcu *mattx_tree_listening;

/* Groups as bytes of the wire; the caller frees them. */
static int mattx_tree_caller_fill(struct mattx_tree_caller *caller, u8 **groups)
{
	const struct cred *cred = current_cred();
	const struct group_info *info = cred->group_info;
	struct mattx_cursor c;
	int i;

	caller->uid = from_kuid_munged(&init_user_ns, cred->fsuid);
	caller->gid = from_kgid_munged(&init_user_ns, cred->fsgid);
	/* What a task is allowed in a user namespace of its own is for nothing outside. */
	caller->capabilities = cred->user_ns == &init_user_ns ? cred->cap_effective.val : 0;
	mattx_guest_table(&caller->home, &caller->table);
	caller->umask = current->fs ? current->fs->umask & 0777 : 022;
	caller->group_count = min_t(u32, info->ngroups, MATTX_TREE_GROUPS);
	*groups = NULL;
	if (!caller->group_count)
		return 0;
	*groups = kvmalloc(caller->group_count * sizeof(u32), GFP_NOFS);
	if (!*groups)
		return -ENOMEM;
	mattx_cursor_init(&c, *groups, caller->group_count * sizeof(u32));
	for (i = 0; i < caller->group_count; i++)
		mattx_put_u32(&c, from_kgid_munged(&init_user_ns, info->gid[i]));
	caller->groups = *groups;
	return 0;
}

struct mattx_frame *mattx_tree_request(struct mattx_tree_request *request, u32 room)
{
	struct mattx_frame *frame = NULL;
	struct mattx_cursor c;
	size_t size;
	u8 *groups;

	if (mattx_tree_caller_fill(&request->caller, &groups))
		return NULL;
	size = MATTX_TREE_REQUEST_SIZE + request->caller.group_count * sizeof(u32) +
	       request->name_length + request->second_length + room;
	if (size <= MATTX_WIRE_MAX_PAYLOAD)
		frame = mattx_frame_alloc(MATTX_WIRE_TREE_REQUEST, size, GFP_NOFS);
	if (frame) {
		mattx_frame_writer(frame, &c);
		mattx_tree_request_encode(&c, request);
		if (WARN_ON_ONCE(mattx_frame_written(frame, &c))) {
			mattx_frame_free(frame);
			frame = NULL;
		}
	}
	kvfree(groups);
	return frame;
}
EXPORT_SYMBOL_GPL(mattx_tree_request);

u64 mattx_tree_serial(u32 node)
{
	struct mattx_link *link;
	u64 serial;

	if (node == mattx_node_local())
		return MATTX_LINK_SERIAL_SELF;
	link = mattx_link_get(node);
	if (!link)
		return 0;
	serial = mattx_link_serial(link);
	mattx_link_put(link);
	return serial;
}
EXPORT_SYMBOL_GPL(mattx_tree_serial);

static atomic64_t mattx_tree_lock_count = ATOMIC64_INIT(0);

u64 mattx_tree_locks(void)
{
	return atomic64_read(&mattx_tree_lock_count);
}
EXPORT_SYMBOL_GPL(mattx_tree_locks);

void mattx_tree_lock_taken(void)
{
	atomic64_inc(&mattx_tree_lock_count);
}
EXPORT_SYMBOL_GPL(mattx_tree_lock_taken);

/* *@link: NULL for this node itself. */
static int mattx_tree_connect(u32 node, u64 *serial, struct mattx_link **link)
{
	u64 found = MATTX_LINK_SERIAL_SELF;

	*link = NULL;
	if (node != mattx_node_local()) {
		*link = mattx_link_get(node);
		if (!*link)
			return -EHOSTDOWN;
		found = mattx_link_serial(*link);
	}
	if (!*serial)
		*serial = found;
	if (*serial == found)
		return 0;
	if (*link)
		mattx_link_put(*link);
	return -ESTALE;
}

static void mattx_tree_tell_link(struct mattx_link *link, struct mattx_frame *frame)
{
	if (link)
		mattx_link_send(link, frame, MATTX_CLASS_CONTROL);
	else
		mattx_tree_serve_self(frame, NULL);
}

/*
 * The answer to a cancelled request comes soon, and tells what was given out:
 * it is waited for in any case.  A peer that is gone ends its calls.
 */
static void mattx_tree_wait(struct mattx_link *link, struct mattx_call *call, bool interruptible)
{
	struct mattx_tree_request cancel = {
		.op = MATTX_TREE_CANCEL,
		.arguments = { call->id },
	};
	struct mattx_frame *frame;
	int error;

	error = interruptible ? wait_for_completion_interruptible(&call->done) :
				wait_for_completion_killable(&call->done);
	if (!error)
		return;
	frame = mattx_tree_request(&cancel, 0);
	if (frame)
		mattx_tree_tell_link(link, frame);
	wait_for_completion(&call->done);
}

void mattx_tree_change_fill(struct mattx_tree_change *wire, const struct iattr *change)
{
	static const struct {
		unsigned int	here;
		u32		there;
	} bits[] = {
		{ ATTR_MODE, MATTX_CHANGE_MODE },
		{ ATTR_UID, MATTX_CHANGE_UID },
		{ ATTR_GID, MATTX_CHANGE_GID },
		{ ATTR_SIZE, MATTX_CHANGE_SIZE },
		{ ATTR_ATIME, MATTX_CHANGE_ACCESS },
		{ ATTR_ATIME_SET, MATTX_CHANGE_ACCESS_SET },
		{ ATTR_MTIME, MATTX_CHANGE_MODIFY },
		{ ATTR_MTIME_SET, MATTX_CHANGE_MODIFY_SET },
		{ ATTR_TOUCH, MATTX_CHANGE_TOUCH },
		{ ATTR_OPEN, MATTX_CHANGE_TRUNCATE },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (change->ia_valid & bits[i].here)
			wire->valid |= bits[i].there;
	if (change->ia_valid & ATTR_MODE)
		wire->mode = change->ia_mode & 0xffff;
	if (change->ia_valid & ATTR_UID)
		wire->uid = from_kuid_munged(&init_user_ns, vfsuid_into_kuid(change->ia_vfsuid));
	if (change->ia_valid & ATTR_GID)
		wire->gid = from_kgid_munged(&init_user_ns, vfsgid_into_kgid(change->ia_vfsgid));
	if (change->ia_valid & ATTR_SIZE)
		wire->size = change->ia_size;
	if (change->ia_valid & ATTR_ATIME_SET) {
		wire->access_s = change->ia_atime.tv_sec;
		wire->access_ns = change->ia_atime.tv_nsec;
	}
	if (change->ia_valid & ATTR_MTIME_SET) {
		wire->modify_s = change->ia_mtime.tv_sec;
		wire->modify_ns = change->ia_mtime.tv_nsec;
	}
}
EXPORT_SYMBOL_GPL(mattx_tree_change_fill);

static atomic64_t mattx_tree_own_calls = ATOMIC64_INIT(0);

static int mattx_tree_begin(struct mattx_link *link, struct mattx_frame *request,
			    struct mattx_call *call,
			    void (*arrived)(struct mattx_call *call, struct mattx_frame *reply,
					    int error))
{
	enum mattx_class class = request->length > PAGE_SIZE ? MATTX_CLASS_BULK :
							       MATTX_CLASS_CONTROL;

	if (link)
		return mattx_call_start_async(call, link, request, class, arrived);
	init_completion(&call->done);
	call->reply = NULL;
	call->error = 0;
	call->arrived = arrived;
	call->id = atomic64_inc_return(&mattx_tree_own_calls);
	request->id = call->id;
	return mattx_tree_serve_self(request, call);
}

s64 mattx_tree_execute(u32 node, u64 *serial, struct mattx_frame *request, bool interruptible,
		       struct mattx_tree_reply *reply, struct mattx_frame **answer)
{
	struct mattx_link *link;
	struct mattx_frame *frame;
	struct mattx_call call;
	struct mattx_cursor c;
	int error;

	if (answer)
		*answer = NULL;
	error = mattx_tree_connect(node, serial, &link);
	if (error) {
		mattx_frame_free(request);
		return error;
	}
	error = mattx_tree_begin(link, request, &call, NULL);
	if (error) {
		if (link)
			mattx_link_put(link);
		return error == -EHOSTUNREACH ? -EHOSTDOWN : error;
	}
	mattx_tree_wait(link, &call, interruptible);
	if (link) {
		frame = mattx_call_finish(&call);
		mattx_link_put(link);
	} else {
		frame = call.reply;
	}
	if (IS_ERR(frame))
		return frame == ERR_PTR(-EHOSTUNREACH) ? -EHOSTDOWN : PTR_ERR(frame);
	mattx_frame_reader(frame, &c);
	if (frame->type != MATTX_WIRE_TREE_REPLY || mattx_tree_reply_decode(&c, reply)) {
		mattx_frame_free(frame);
		return -EIO;
	}
	if (answer)
		*answer = frame;
	else
		mattx_frame_free(frame);
	/* No errno: the peer says what no call of Linux says. */
	if (reply->result < -MAX_ERRNO)
		reply->result = -EIO;
	if (reply->result == -EINTR && signal_pending(current))
		return -ERESTARTSYS;
	return reply->result;
}
EXPORT_SYMBOL_GPL(mattx_tree_execute);

int mattx_tree_start(u32 node, u64 serial, struct mattx_frame *request, struct mattx_call *call,
		     void (*arrived)(struct mattx_call *call, struct mattx_frame *reply,
				     int error))
{
	struct mattx_link *link;
	int error;

	error = mattx_tree_connect(node, &serial, &link);
	if (error) {
		mattx_frame_free(request);
		return error;
	}
	error = mattx_tree_begin(link, request, call, arrived);
	if (link)
		mattx_link_put(link);
	return error == -EHOSTUNREACH ? -EHOSTDOWN : error;
}
EXPORT_SYMBOL_GPL(mattx_tree_start);

void mattx_tree_tell(u32 node, u64 serial, enum mattx_tree_op op, u64 number, u64 argument)
{
	struct mattx_tree_request request = {
		.op = op,
		.node = number,
		.other = number,
		.arguments = { argument },
	};
	struct mattx_frame *frame;
	struct mattx_link *link;

	if (mattx_tree_connect(node, &serial, &link))
		return;
	frame = mattx_tree_request(&request, 0);
	if (frame)
		mattx_tree_tell_link(link, frame);
	if (link)
		mattx_link_put(link);
}
EXPORT_SYMBOL_GPL(mattx_tree_tell);

struct mattx_tree_visitor {
	void	(*visit)(u32 node, void *context);
	void	*context;
};

static void mattx_tree_visit_link(struct mattx_link *link, void *context)
{
	struct mattx_tree_visitor *visitor = context;

	visitor->visit(mattx_link_node(link), visitor->context);
}

void mattx_tree_nodes(void (*visit)(u32 node, void *context), void *context)
{
	struct mattx_tree_visitor visitor = { visit, context };

	if (mattx_node_local())
		visit(mattx_node_local(), context);
	mattx_links_visit(mattx_tree_visit_link, &visitor);
}
EXPORT_SYMBOL_GPL(mattx_tree_nodes);

void mattx_tree_listen(const struct mattx_tree_listener *listener)
{
	rcu_assign_pointer(mattx_tree_listening, listener);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(mattx_tree_listen);

u64 mattx_tree_file_number(struct file *file, const struct mattx_link *link)
{
	const struct mattx_tree_listener *listener;
	u64 number = 0;

	rcu_read_lock();
	listener = rcu_dereference(mattx_tree_listening);
	if (listener)
		number = listener->opened(file, mattx_link_node(link), mattx_link_serial(link));
	rcu_read_unlock();
	return number;
}

void mattx_tree_receive_changed(struct mattx_link *link, struct mattx_frame *frame)
{
	const struct mattx_tree_listener *listener;
	struct mattx_tree_changed changed;
	struct mattx_cursor c;

	mattx_frame_reader(frame, &c);
	if (mattx_tree_changed_decode(&c, &changed)) {
		pr_warn_ratelimited("node %u told of a change that makes no sense\n",
				    mattx_link_node(link));
	} else {
		rcu_read_lock();
		listener = rcu_dereference(mattx_tree_listening);
		if (listener)
			listener->changed(mattx_link_node(link), mattx_link_serial(link),
					  &changed);
		rcu_read_unlock();
	}
	mattx_frame_free(frame);
}

int mattx_tree_init(void)
{
	return mattx_tree_serve_init();
}

void mattx_tree_exit(void)
{
	mattx_tree_sessions_exit();
	mattx_tree_serve_exit();
	flush_workqueue(mattx_wq);
}
