// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages about the open files of a guest.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#endif
#include "wire_file.h"

void mattx_file_table_encode(struct mattx_cursor *c, const struct mattx_file_table *table)
{
	mattx_put_u64(c, table->number);
	mattx_put_u32(c, table->handles);
	mattx_put_u32(c, table->descriptors);
	mattx_put_u16(c, table->folder_length);
	mattx_put_bytes(c, table->folder, table->folder_length);
}

int mattx_file_table_decode(struct mattx_cursor *c, struct mattx_file_table *table)
{
	table->number = mattx_take_u64(c);
	table->handles = mattx_take_u32(c);
	table->descriptors = mattx_take_u32(c);
	table->folder_length = mattx_take_u16(c);
	if (table->folder_length >= MATTX_PATH_SIZE)
		c->bad = true;
	table->folder = mattx_take_view(c, table->folder_length);
	/* No more entries than there are bytes for: counts size allocations. */
	if (c->bad || table->handles > MATTX_MAX_HANDLES ||
	    table->handles > (size_t)(c->end - c->at) / MATTX_HANDLE_INFO_SIZE ||
	    table->descriptors > (size_t)(c->end - c->at) / MATTX_DESCRIPTOR_SIZE)
		return -EBADMSG;
	return 0;
}

void mattx_attributes_encode(struct mattx_cursor *c, const struct mattx_file_attributes *a)
{
	mattx_put_u32(c, a->mode);
	mattx_put_u32(c, a->links);
	mattx_put_u32(c, a->uid);
	mattx_put_u32(c, a->gid);
	mattx_put_u32(c, a->device_major);
	mattx_put_u32(c, a->device_minor);
	mattx_put_u32(c, a->special_major);
	mattx_put_u32(c, a->special_minor);
	mattx_put_u32(c, a->block_size);
	mattx_put_u64(c, a->inode);
	mattx_put_u64(c, a->size);
	mattx_put_u64(c, a->blocks);
	mattx_put_u64(c, (u64)a->access_s);
	mattx_put_u64(c, (u64)a->modify_s);
	mattx_put_u64(c, (u64)a->change_s);
	mattx_put_u32(c, a->access_ns);
	mattx_put_u32(c, a->modify_ns);
	mattx_put_u32(c, a->change_ns);
}

int mattx_attributes_decode(struct mattx_cursor *c, struct mattx_file_attributes *a)
{
	a->mode = mattx_take_u32(c);
	a->links = mattx_take_u32(c);
	a->uid = mattx_take_u32(c);
	a->gid = mattx_take_u32(c);
	a->device_major = mattx_take_u32(c);
	a->device_minor = mattx_take_u32(c);
	a->special_major = mattx_take_u32(c);
	a->special_minor = mattx_take_u32(c);
	a->block_size = mattx_take_u32(c);
	a->inode = mattx_take_u64(c);
	a->size = mattx_take_u64(c);
	a->blocks = mattx_take_u64(c);
	a->access_s = (s64)mattx_take_u64(c);
	a->modify_s = (s64)mattx_take_u64(c);
	a->change_s = (s64)mattx_take_u64(c);
	a->access_ns = mattx_take_u32(c);
	a->modify_ns = mattx_take_u32(c);
	a->change_ns = mattx_take_u32(c);
	if (c->bad || a->mode > 0xffff || (s64)a->size < 0)
		return -EBADMSG;
	return 0;
}

void mattx_handle_info_encode(struct mattx_cursor *c, const struct mattx_handle_info *info)
{
	mattx_put_u32(c, info->number);
	mattx_put_u32(c, info->open_flags);
	mattx_put_u32(c, info->traits);
	mattx_put_u32(c, info->sequence);
	mattx_put_u32(c, info->ready);
	mattx_put_u64(c, info->position);
	mattx_attributes_encode(c, &info->attributes);
	mattx_put_u16(c, info->path_length);
	mattx_put_bytes(c, info->path, info->path_length);
}

int mattx_handle_info_decode(struct mattx_cursor *c, struct mattx_handle_info *info)
{
	info->number = mattx_take_u32(c);
	info->open_flags = mattx_take_u32(c);
	info->traits = mattx_take_u32(c);
	info->sequence = mattx_take_u32(c);
	info->ready = mattx_take_u32(c);
	info->position = mattx_take_u64(c);
	if (mattx_attributes_decode(c, &info->attributes))
		return -EBADMSG;
	info->path_length = mattx_take_u16(c);
	if (info->path_length >= MATTX_PATH_SIZE)
		return -EBADMSG;
	info->path = mattx_take_view(c, info->path_length);
	return c->bad ? -EBADMSG : 0;
}

void mattx_descriptor_encode(struct mattx_cursor *c, const struct mattx_descriptor *descriptor)
{
	mattx_put_u32(c, descriptor->fd);
	mattx_put_u32(c, descriptor->close_on_exec);
	mattx_put_u32(c, descriptor->handle);
	mattx_put_u32(c, descriptor->open_flags);
	mattx_put_u64(c, descriptor->opened);
	mattx_put_u64(c, descriptor->position);
	mattx_put_u16(c, descriptor->name_length);
	mattx_put_bytes(c, descriptor->name, descriptor->name_length);
}

int mattx_descriptor_decode(struct mattx_cursor *c, struct mattx_descriptor *descriptor)
{
	descriptor->fd = mattx_take_u32(c);
	descriptor->close_on_exec = mattx_take_u32(c);
	descriptor->handle = mattx_take_u32(c);
	descriptor->open_flags = mattx_take_u32(c);
	descriptor->opened = mattx_take_u64(c);
	descriptor->position = mattx_take_u64(c);
	descriptor->name_length = mattx_take_u16(c);
	if (descriptor->name_length >= MATTX_PATH_SIZE)
		return -EBADMSG;
	descriptor->name = mattx_take_view(c, descriptor->name_length);
	if (c->bad || (s32)descriptor->fd < 0 || (s64)descriptor->position < 0 || descriptor->close_on_exec > 1)
		return -EBADMSG;
	return 0;
}

void mattx_file_request_encode(struct mattx_cursor *c, const struct mattx_file_request *request)
{
	size_t i;

	mattx_put_u64(c, request->table);
	mattx_put_u32(c, request->handle);
	mattx_put_u16(c, request->op);
	mattx_put_u16(c, request->has_flags);
	mattx_put_u32(c, request->open_flags);
	for (i = 0; i < ARRAY_SIZE(request->arguments); i++)
		mattx_put_u64(c, request->arguments[i]);
}

int mattx_file_request_decode(struct mattx_cursor *c, struct mattx_file_request *request)
{
	size_t i;

	request->table = mattx_take_u64(c);
	request->handle = mattx_take_u32(c);
	request->op = mattx_take_u16(c);
	request->has_flags = mattx_take_u16(c);
	request->open_flags = mattx_take_u32(c);
	for (i = 0; i < ARRAY_SIZE(request->arguments); i++)
		request->arguments[i] = mattx_take_u64(c);
	request->length = (u32)(c->end - c->at);
	request->data = mattx_take_view(c, request->length);
	if (c->bad || !request->op || request->op >= MATTX_FILE_OPS || request->has_flags > 1 ||
	    request->length > MATTX_FILE_CHUNK)
		return -EBADMSG;
	return 0;
}

void mattx_file_reply_encode(struct mattx_cursor *c, const struct mattx_file_reply *reply)
{
	mattx_put_u64(c, (u64)reply->result);
	mattx_put_u32(c, reply->sequence);
	mattx_put_u32(c, reply->ready);
}

int mattx_file_reply_decode(struct mattx_cursor *c, struct mattx_file_reply *reply)
{
	reply->result = (s64)mattx_take_u64(c);
	reply->sequence = mattx_take_u32(c);
	reply->ready = mattx_take_u32(c);
	reply->length = (u32)(c->end - c->at);
	reply->data = mattx_take_view(c, reply->length);
	if (c->bad || reply->length > MATTX_FILE_CHUNK)
		return -EBADMSG;
	return 0;
}

void mattx_file_ready_encode(struct mattx_cursor *c, const struct mattx_file_ready *ready)
{
	mattx_put_u64(c, ready->table);
	mattx_put_u32(c, ready->handle);
	mattx_put_u32(c, ready->sequence);
	mattx_put_u32(c, ready->ready);
}

int mattx_file_ready_decode(struct mattx_cursor *c, struct mattx_file_ready *ready)
{
	ready->table = mattx_take_u64(c);
	ready->handle = mattx_take_u32(c);
	ready->sequence = mattx_take_u32(c);
	ready->ready = mattx_take_u32(c);
	return c->bad ? -EBADMSG : 0;
}
