// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page service.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "dispatch.h"
#include "export.h"
#include "link.h"
#include "pages.h"
#include "wire_move.h"

/* Pages that are looked up at once. */
#define MATTX_PAGES_BATCH	64

struct mattx_pages_job {
	struct work_struct	work;
	struct mattx_link	*link;
	struct mattx_frame	*frame;
};

/* The reply under construction: states first, contents behind them. */
struct mattx_pages_answer {
	u8	*states;
	u8	*contents;
	u32	count;
};

static void mattx_pages_answer_page(struct mattx_pages_answer *answer, struct page *page)
{
	void *data;

	if (!page) {
		answer->states[answer->count++] = MATTX_PAGE_STATE_MISSING;
		return;
	}
	data = kmap_local_page(page);
	if (!memchr_inv(data, 0, PAGE_SIZE)) {
		answer->states[answer->count++] = MATTX_PAGE_STATE_ZERO;
	} else {
		answer->states[answer->count++] = MATTX_PAGE_STATE_DATA;
		memcpy(answer->contents, data, PAGE_SIZE);
		answer->contents += PAGE_SIZE;
	}
	kunmap_local(data);
}

/* @mm: NULL when the deputy is gone; then nothing is there. */
static void mattx_pages_read(struct mm_struct *mm, const struct mattx_extent *range,
			     struct mattx_pages_answer *answer)
{
	struct page *pages[MATTX_PAGES_BATCH];
	u64 address = range->start;
	long count, i;

	while (address < range->end) {
		count = min_t(u64, (range->end - address) >> PAGE_SHIFT, MATTX_PAGES_BATCH);
		if (mm) {
			mmap_read_lock(mm);
			count = get_user_pages_remote(mm, address, count, FOLL_FORCE, pages,
						      NULL);
			mmap_read_unlock(mm);
		} else {
			count = -ESRCH;
		}
		if (count <= 0) {
			mattx_pages_answer_page(answer, NULL);
			address += PAGE_SIZE;
			continue;
		}
		for (i = 0; i < count; i++) {
			mattx_pages_answer_page(answer, pages[i]);
			put_page(pages[i]);
		}
		address += (u64)count << PAGE_SHIFT;
	}
}

static struct mattx_frame *mattx_pages_reply(const struct mattx_pages_request *request,
					     struct mm_struct *mm)
{
	struct mattx_pages_answer answer = {};
	struct mattx_extent range;
	struct mattx_frame *reply;
	struct mattx_cursor c;
	u32 i;

	reply = mattx_frame_alloc(MATTX_WIRE_PAGES, MATTX_PAGES_REPLY_HEADER +
				  request->pages * (1 + PAGE_SIZE), GFP_KERNEL);
	if (!reply)
		return NULL;
	mattx_frame_writer(reply, &c);
	mattx_move_key_put(&c, &request->key);
	mattx_put_u64(&c, request->id);
	mattx_put_u32(&c, request->pages);
	answer.states = c.at;
	answer.contents = c.at + request->pages;
	for (i = 0; i < request->ranges.count; i++) {
		/* Checked when it was decoded. */
		if (!mattx_extent_get(&request->ranges, i, &range))
			mattx_pages_read(mm, &range, &answer);
	}
	reply->length = answer.contents - reply->payload;
	return reply;
}

static void mattx_pages_work(struct work_struct *work)
{
	struct mattx_pages_job *job = container_of(work, struct mattx_pages_job, work);
	struct mattx_pages_request request;
	struct mattx_frame *reply;
	struct mattx_cursor c;
	struct mm_struct *mm;

	mattx_frame_reader(job->frame, &c);
	if (mattx_pages_request_take(&c, &request)) {
		pr_warn_ratelimited("mattx: node %u asked for pages in a malformed way\n",
				    mattx_link_node(job->link));
		goto out;
	}
	/* A guest whose export is gone gets pages that are missing, and soon its end. */
	mm = mattx_export_memory(job->link, &request.key);
	reply = mattx_pages_reply(&request, mm);
	if (mm)
		mmput(mm);
	if (reply) {
		mattx_export_served(job->link, &request.key, request.pages);
		/* Small ones are for somebody who waits; long ones are the pump's. */
		mattx_link_send(job->link, reply, request.pages > MATTX_PAGES_BATCH ?
				MATTX_CLASS_BULK : MATTX_CLASS_CONTROL);
	}
out:
	mattx_frame_free(job->frame);
	mattx_link_put(job->link);
	kfree(job);
}

void mattx_pages_get(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_pages_job *job = kmalloc(sizeof(*job), GFP_KERNEL);

	if (!job) {
		mattx_frame_free(frame);
		return;
	}
	INIT_WORK(&job->work, mattx_pages_work);
	job->link = mattx_link_hold(link);
	job->frame = frame;
	queue_work(mattx_urgent_wq, &job->work);
}
