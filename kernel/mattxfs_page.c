// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The page cache of MattXFS: read ahead without waiting, written by mappings
 * only.
 */
#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/writeback.h>

#include "mattxfs.h"

/* Bytes of one request; a larger window is several at once. */
#define MATTXFS_PIECE	(256u << 10)

/* Requests whose answer fills pages; unloading waits for them. */
static atomic_t mattxfs_reads = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(mattxfs_reads_done);

/* Locked folios, next to each other, that wait for their contents. */
struct mattxfs_read {
	struct mattx_call	call;
	u64			asked;		/* own_change of the inode before */
	loff_t			position;
	size_t			length;
	unsigned int		count;
	struct folio		*folios[];
};

/* Copies @length bytes from @data and zeroes what is left. */
static void mattxfs_fill_folio(struct folio *folio, const u8 *data, size_t length)
{
	size_t size = folio_size(folio), offset;

	length = min(length, size);
	for (offset = 0; offset < size; offset += PAGE_SIZE) {
		size_t part = offset < length ? min_t(size_t, length - offset, PAGE_SIZE) : 0;
		u8 *page = kmap_local_folio(folio, offset);

		memcpy(page, data + offset, part);
		memset(page + part, 0, PAGE_SIZE - part);
		kunmap_local(page);
	}
	flush_dcache_folio(folio);
}

/* May not sleep. */
static void mattxfs_read_arrived(struct mattx_call *call, struct mattx_frame *frame, int error)
{
	struct mattxfs_read *read = container_of(call, struct mattxfs_read, call);
	struct mattxfs_inode *mi = mattxfs_inode(read->folios[0]->mapping->host);
	struct mattx_tree_reply reply;
	struct mattx_cursor c;
	size_t offset = 0;
	bool good = false;
	unsigned int i;

	if (frame) {
		mattx_frame_reader(frame, &c);
		good = frame->type == MATTX_WIRE_TREE_REPLY &&
		       !mattx_tree_reply_decode(&c, &reply) && reply.result >= 0 &&
		       reply.result == reply.length;
	}
	/*
	 * Written to meanwhile, or less than there is: who needs the pages asks
	 * again, one by one.
	 */
	if (READ_ONCE(mi->own_change) != read->asked)
		good = false;
	if (good && reply.length < read->length &&
	    read->position + reply.length < i_size_read(&mi->vfs))
		good = false;
	for (i = 0; i < read->count; i++) {
		struct folio *folio = read->folios[i];
		size_t size = folio_size(folio);

		if (good)
			mattxfs_fill_folio(folio, reply.data + min_t(size_t, offset, reply.length),
					   reply.length > offset ? reply.length - offset : 0);
		offset += size;
		folio_end_read(folio, good);
	}
	kfree(read);
	if (atomic_dec_and_test(&mattxfs_reads))
		wake_up(&mattxfs_reads_done);
}

/* Any open file will do, home checked the rights when it was opened. */
static u64 mattxfs_page_file(struct inode *inode, struct file *file)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct mattxfs_file *open;
	u64 opened = 0;

	if (file)
		return ((struct mattxfs_file *)file->private_data)->opened;
	spin_lock(&mi->lock);
	open = list_first_entry_or_null(&mi->writers, struct mattxfs_file, writer);
	if (open)
		opened = open->opened;
	spin_unlock(&mi->lock);
	return opened;
}

static void mattxfs_read_start(struct inode *inode, u64 opened, struct mattxfs_read *read,
			       loff_t position, size_t length)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct mattx_tree_request request = {
		.op = MATTX_TREE_READ,
		.other = opened,
		.arguments = { position, length },
	};
	struct mattx_frame *frame;
	int error = -ENOMEM;

	atomic_inc(&mattxfs_reads);
	read->asked = READ_ONCE(mi->own_change);
	read->position = position;
	read->length = length;
	frame = mattx_tree_request(&request, 0);
	if (frame)
		error = mattx_tree_start(mi->home, mi->serial, frame, &read->call,
					 mattxfs_read_arrived);
	if (error)
		/* Whoever needs the page reads it alone, and learns why. */
		mattxfs_read_arrived(&read->call, NULL, error);
}

static void mattxfs_readahead(struct readahead_control *window)
{
	struct inode *inode = window->mapping->host;
	u64 opened = mattxfs_page_file(inode, window->file);
	unsigned int room = MATTXFS_PIECE / PAGE_SIZE;
	struct mattxfs_read *read = NULL;
	struct folio *folio;
	loff_t position = 0;
	size_t length = 0;

	while (opened && (folio = readahead_folio(window))) {
		if (read && length + folio_size(folio) > MATTX_TREE_CHUNK) {
			mattxfs_read_start(inode, opened, read, position, length);
			read = NULL;
		}
		if (!read) {
			read = kzalloc(struct_size(read, folios, room), GFP_NOFS);
			position = folio_pos(folio);
			length = 0;
			if (!read) {
				folio_end_read(folio, false);
				break;
			}
		}
		read->folios[read->count++] = folio;
		length += folio_size(folio);
		if (length >= MATTXFS_PIECE || read->count == room) {
			mattxfs_read_start(inode, opened, read, position, length);
			read = NULL;
		}
	}
	if (read)
		mattxfs_read_start(inode, opened, read, position, length);
}

static int mattxfs_read_folio(struct file *file, struct folio *folio)
{
	struct inode *inode = folio->mapping->host;
	struct mattx_tree_request request = {
		.op = MATTX_TREE_READ,
		.other = mattxfs_page_file(inode, file),
	};
	size_t done = 0, size = folio_size(folio);
	s64 result = 0;

	do {
		struct mattx_tree_reply reply;
		struct mattx_frame *answer;
		size_t offset, part;

		request.arguments[0] = folio_pos(folio) + done;
		request.arguments[1] = min_t(size_t, size - done, MATTX_TREE_CHUNK);
		result = mattxfs_call(inode, &request, NULL, 0, &reply, &answer);
		if (result > 0 && result != reply.length)
			result = -EIO;
		for (offset = 0; result > 0 && offset < result; offset += part) {
			part = min_t(size_t, PAGE_SIZE - offset_in_page(done + offset),
				     result - offset);
			memcpy_to_folio(folio, done + offset, reply.data + offset, part);
		}
		mattx_frame_free(answer);
		if (result > 0)
			done += result;
	} while (result > 0 && done < size);
	if (result >= 0 && done < size)
		folio_zero_segment(folio, done, size);
	folio_end_read(folio, result >= 0);
	return result < 0 ? result : 0;
}

static int mattxfs_write_folio(struct inode *inode, struct folio *folio)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct mattx_tree_request request = {
		.op = MATTX_TREE_WRITE,
		.other = mattxfs_page_file(inode, NULL),
	};
	loff_t position = folio_pos(folio), end;
	struct mattx_tree_reply reply;
	struct mattx_frame *frame;
	u64 serial = mi->serial;
	s64 result = 0;

	end = min_t(loff_t, position + folio_size(folio), i_size_read(inode));
	while (position < end && result >= 0) {
		u32 length = min_t(loff_t, end - position, MATTX_TREE_CHUNK);

		request.arguments[0] = position;
		frame = mattx_tree_request(&request, length);
		if (!frame)
			return -ENOMEM;
		memcpy_from_folio((char *)frame->payload + frame->length, folio,
				  offset_in_folio(folio, position), length);
		frame->length += length;
		result = mattx_tree_execute(mi->home, &serial, frame, false, &reply, NULL);
		if (!result)
			result = -EIO;
		if (result > 0)
			position += result;
	}
	if (result < 0)
		return result;
	/* The pages here are what was written; its new times are asked for. */
	spin_lock(&mi->lock);
	if (result > 0 && mi->change == reply.node.before)
		mi->change = reply.node.change;
	WRITE_ONCE(mi->fresh, jiffies - 1);
	spin_unlock(&mi->lock);
	return 0;
}

static int mattxfs_writepages(struct address_space *mapping, struct writeback_control *control)
{
	struct folio *folio = NULL;
	int error;

	while ((folio = writeback_iter(mapping, control, folio, &error))) {
		folio_start_writeback(folio);
		folio_unlock(folio);
		error = mattxfs_write_folio(mapping->host, folio);
		if (error)
			mapping_set_error(mapping, error);
		folio_end_writeback(folio);
	}
	return error;
}

const struct address_space_operations mattxfs_aops = {
	.read_folio	= mattxfs_read_folio,
	.readahead	= mattxfs_readahead,
	.writepages	= mattxfs_writepages,
	.dirty_folio	= filemap_dirty_folio,
};

void mattxfs_page_exit(void)
{
	wait_event(mattxfs_reads_done, !atomic_read(&mattxfs_reads));
	/* Answers are handled under RCU: the last one has left our code. */
	synchronize_rcu();
}
