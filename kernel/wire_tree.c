// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages about files by name.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/string.h>
#endif
#include "wire_tree.h"

static void mattx_tree_put_name(struct mattx_cursor *c, const u8 *name, u16 length)
{
	mattx_put_u16(c, length);
	mattx_put_bytes(c, name, length);
}

static const u8 *mattx_tree_take_name(struct mattx_cursor *c, u16 *length)
{
	const u8 *name;

	*length = mattx_take_u16(c);
	if (*length >= MATTX_PATH_SIZE)
		c->bad = true;
	name = mattx_take_view(c, *length);
	if (name && *length && memchr(name, 0, *length))
		c->bad = true;
	return name;
}

void mattx_tree_request_encode(struct mattx_cursor *c, const struct mattx_tree_request *request)
{
	const struct mattx_tree_caller *caller = &request->caller;
	int i;

	mattx_put_u16(c, request->op);
	mattx_put_u64(c, request->node);
	mattx_put_u64(c, request->other);
	for (i = 0; i < 4; i++)
		mattx_put_u64(c, request->arguments[i]);
	mattx_put_u32(c, caller->uid);
	mattx_put_u32(c, caller->gid);
	mattx_put_u64(c, caller->capabilities);
	mattx_put_u32(c, caller->umask);
	mattx_put_u32(c, caller->home);
	mattx_put_u64(c, caller->table);
	mattx_put_u32(c, caller->group_count);
	mattx_put_bytes(c, caller->groups, caller->group_count * sizeof(u32));
	mattx_tree_put_name(c, request->name, request->name_length);
	mattx_tree_put_name(c, request->second, request->second_length);
}

int mattx_tree_request_decode(struct mattx_cursor *c, struct mattx_tree_request *request)
{
	struct mattx_tree_caller *caller = &request->caller;
	int i;

	request->op = mattx_take_u16(c);
	request->node = mattx_take_u64(c);
	request->other = mattx_take_u64(c);
	for (i = 0; i < 4; i++)
		request->arguments[i] = mattx_take_u64(c);
	caller->uid = mattx_take_u32(c);
	caller->gid = mattx_take_u32(c);
	caller->capabilities = mattx_take_u64(c);
	caller->umask = mattx_take_u32(c);
	caller->home = mattx_take_u32(c);
	caller->table = mattx_take_u64(c);
	caller->group_count = mattx_take_u32(c);
	if (caller->group_count > MATTX_TREE_GROUPS)
		return -EBADMSG;
	caller->groups = mattx_take_view(c, caller->group_count * sizeof(u32));
	request->name = mattx_tree_take_name(c, &request->name_length);
	request->second = mattx_tree_take_name(c, &request->second_length);
	if (c->bad || !request->op || request->op >= MATTX_TREE_OPS || caller->umask > 0777)
		return -EBADMSG;
	request->data = c->at;
	request->length = (u32)(c->end - c->at);
	return 0;
}

u32 mattx_tree_group(const struct mattx_tree_caller *caller, u32 index)
{
	struct mattx_cursor c;

	mattx_cursor_init(&c, (void *)(caller->groups + index * sizeof(u32)), sizeof(u32));
	return mattx_take_u32(&c);
}

void mattx_tree_reply_encode(struct mattx_cursor *c, const struct mattx_tree_reply *reply)
{
	mattx_put_u64(c, (u64)reply->result);
	mattx_put_u64(c, reply->opened);
	mattx_put_u32(c, reply->flags);
	mattx_put_u64(c, reply->node.number);
	mattx_put_u64(c, reply->node.change);
	mattx_put_u64(c, reply->node.before);
	mattx_put_u32(c, reply->node.traits);
	mattx_attributes_encode(c, &reply->node.attributes);
}

int mattx_tree_reply_decode(struct mattx_cursor *c, struct mattx_tree_reply *reply)
{
	int error;

	reply->result = (s64)mattx_take_u64(c);
	reply->opened = mattx_take_u64(c);
	reply->flags = mattx_take_u32(c);
	reply->node.number = mattx_take_u64(c);
	reply->node.change = mattx_take_u64(c);
	reply->node.before = mattx_take_u64(c);
	reply->node.traits = mattx_take_u32(c);
	error = mattx_attributes_decode(c, &reply->node.attributes);
	if (error || reply->flags & ~MATTX_REPLY_FLAGS)
		return -EBADMSG;
	reply->data = c->at;
	reply->length = (u32)(c->end - c->at);
	return 0;
}
EXPORT_SYMBOL_GPL(mattx_tree_reply_decode);

void mattx_tree_change_encode(struct mattx_cursor *c, const struct mattx_tree_change *change)
{
	mattx_put_u32(c, change->valid);
	mattx_put_u32(c, change->mode);
	mattx_put_u32(c, change->uid);
	mattx_put_u32(c, change->gid);
	mattx_put_u64(c, change->size);
	mattx_put_u64(c, (u64)change->access_s);
	mattx_put_u64(c, (u64)change->modify_s);
	mattx_put_u32(c, change->access_ns);
	mattx_put_u32(c, change->modify_ns);
}
EXPORT_SYMBOL_GPL(mattx_tree_change_encode);

int mattx_tree_change_decode(struct mattx_cursor *c, struct mattx_tree_change *change)
{
	change->valid = mattx_take_u32(c);
	change->mode = mattx_take_u32(c);
	change->uid = mattx_take_u32(c);
	change->gid = mattx_take_u32(c);
	change->size = mattx_take_u64(c);
	change->access_s = (s64)mattx_take_u64(c);
	change->modify_s = (s64)mattx_take_u64(c);
	change->access_ns = mattx_take_u32(c);
	change->modify_ns = mattx_take_u32(c);
	if (c->bad || change->valid & ~MATTX_CHANGE_ALL || change->mode > 0xffff ||
	    (s64)change->size < 0 || change->access_ns >= 1000000000 ||
	    change->modify_ns >= 1000000000)
		return -EBADMSG;
	return 0;
}

void mattx_tree_lock_encode(struct mattx_cursor *c, const struct mattx_tree_lock *lock)
{
	mattx_put_u64(c, lock->start);
	mattx_put_u64(c, lock->end);
	mattx_put_u32(c, lock->type);
	mattx_put_u32(c, lock->pid);
}
EXPORT_SYMBOL_GPL(mattx_tree_lock_encode);

int mattx_tree_lock_decode(struct mattx_cursor *c, struct mattx_tree_lock *lock)
{
	lock->start = mattx_take_u64(c);
	lock->end = mattx_take_u64(c);
	lock->type = mattx_take_u32(c);
	lock->pid = mattx_take_u32(c);
	/* F_RDLCK, F_WRLCK, F_UNLCK */
	if (c->bad || (s64)lock->start < 0 || (s64)lock->end < 0 || lock->start > lock->end ||
	    lock->type > 2)
		return -EBADMSG;
	return 0;
}
EXPORT_SYMBOL_GPL(mattx_tree_lock_decode);

void mattx_tree_figures_encode(struct mattx_cursor *c, const struct mattx_tree_figures *figures)
{
	mattx_put_u64(c, figures->type);
	mattx_put_u64(c, figures->block_size);
	mattx_put_u64(c, figures->blocks);
	mattx_put_u64(c, figures->free_blocks);
	mattx_put_u64(c, figures->available_blocks);
	mattx_put_u64(c, figures->files);
	mattx_put_u64(c, figures->free_files);
	mattx_put_u64(c, figures->identity);
	mattx_put_u32(c, figures->name_length);
	mattx_put_u32(c, figures->fragment_size);
	mattx_put_u32(c, figures->flags);
}

int mattx_tree_figures_decode(struct mattx_cursor *c, struct mattx_tree_figures *figures)
{
	figures->type = mattx_take_u64(c);
	figures->block_size = mattx_take_u64(c);
	figures->blocks = mattx_take_u64(c);
	figures->free_blocks = mattx_take_u64(c);
	figures->available_blocks = mattx_take_u64(c);
	figures->files = mattx_take_u64(c);
	figures->free_files = mattx_take_u64(c);
	figures->identity = mattx_take_u64(c);
	figures->name_length = mattx_take_u32(c);
	figures->fragment_size = mattx_take_u32(c);
	figures->flags = mattx_take_u32(c);
	return c->bad ? -EBADMSG : 0;
}
EXPORT_SYMBOL_GPL(mattx_tree_figures_decode);

void mattx_tree_entry_encode(struct mattx_cursor *c, const struct mattx_tree_entry *entry)
{
	mattx_put_u64(c, entry->inode);
	mattx_put_u64(c, entry->next);
	mattx_put_u32(c, entry->type);
	mattx_tree_put_name(c, entry->name, entry->name_length);
}

int mattx_tree_entry_decode(struct mattx_cursor *c, struct mattx_tree_entry *entry)
{
	entry->inode = mattx_take_u64(c);
	entry->next = mattx_take_u64(c);
	entry->type = mattx_take_u32(c);
	entry->name = mattx_tree_take_name(c, &entry->name_length);
	/* A name with a slash would be taken for a path. */
	if (c->bad || !entry->name_length || entry->name_length > MATTX_NAME_MAX ||
	    entry->type > 15 || memchr(entry->name, '/', entry->name_length))
		return -EBADMSG;
	return 0;
}
EXPORT_SYMBOL_GPL(mattx_tree_entry_decode);

void mattx_tree_changed_encode(struct mattx_cursor *c, const struct mattx_tree_changed *changed)
{
	mattx_put_u64(c, changed->node);
	mattx_put_u32(c, changed->names);
}

int mattx_tree_changed_decode(struct mattx_cursor *c, struct mattx_tree_changed *changed)
{
	changed->node = mattx_take_u64(c);
	changed->names = mattx_take_u32(c);
	return c->bad || changed->names > 1 ? -EBADMSG : 0;
}
