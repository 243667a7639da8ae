// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pumping an image over.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "dispatch.h"
#include "image.h"
#include "pump.h"

/* Pages on their way: enough to fill the link, few enough for others to get through. */
#define MATTX_PUMP_PAGES	512
#define MATTX_PUMP_HURRY	2048
#define MATTX_PUMP_BATCH	MATTX_FETCH_LIMIT

/* Asks for the next run of pages; false: there is none. */
static bool mattx_pump_next(struct mattx_image *image)
{
	struct mattx_pump *pump = &image->pump;
	const struct mattx_extent *extent;
	struct file *file = pump->file;
	u64 pages;

	if (pump->extent == image->present.count || READ_ONCE(image->closed))
		return false;
	extent = &image->present.list[pump->extent];
	if (pump->address < extent->start)
		pump->address = extent->start;
	pages = min_t(u64, (extent->end - pump->address) >> PAGE_SHIFT, MATTX_PUMP_BATCH);
	if (pages) {
		DEFINE_READAHEAD(window, file, &file->f_ra, file->f_mapping,
				 pump->address >> PAGE_SHIFT);

		mattx_readahead(&window, pages);
		pump->address += pages << PAGE_SHIFT;
	}
	if (pump->address >= extent->end)
		pump->extent++;
	return true;
}

static void mattx_pump_work(struct work_struct *work)
{
	struct mattx_image *image = container_of(work, struct mattx_image, pump.work);
	struct mattx_pump *pump = &image->pump;
	bool more = true;

	while (more && pump->file && atomic_read(&image->in_flight) < pump->limit) {
		more = mattx_pump_next(image);
		cond_resched();
	}
	if (!more && pump->file) {
		fput(pump->file);
		pump->file = NULL;
		WRITE_ONCE(pump->done, true);
	}
	wake_up_all(&pump->wait);
	mattx_image_put(image);
}

/* The queued work holds the image. */
static void mattx_pump_queue(struct mattx_image *image)
{
	refcount_inc(&image->references);
	if (!queue_work(mattx_wq, &image->pump.work))
		refcount_dec(&image->references);
}

void mattx_pump_start(struct mattx_image *image, struct file *file, bool hurry)
{
	struct mattx_pump *pump = &image->pump;

	pump->file = get_file(file);
	pump->limit = hurry ? MATTX_PUMP_HURRY : MATTX_PUMP_PAGES;
	INIT_WORK(&pump->work, mattx_pump_work);
	/* Pairs with the acquire in mattx_pump_kick(): the work can be queued. */
	smp_store_release(&pump->started, true);
	mattx_pump_queue(image);
}

void mattx_pump_kick(struct mattx_image *image)
{
	struct mattx_pump *pump = &image->pump;

	/* Pairs with the release that says that the work can be queued. */
	if (!smp_load_acquire(&pump->started))
		return;
	if (READ_ONCE(pump->done))
		wake_up_all(&pump->wait);
	else if (atomic_read(&image->in_flight) < pump->limit)
		mattx_pump_queue(image);
}

static bool mattx_pump_over(struct mattx_image *image)
{
	return READ_ONCE(image->closed) ||
	       (READ_ONCE(image->pump.done) && !atomic_read(&image->in_flight));
}

int mattx_pump_await(struct mattx_image *image)
{
	if (wait_event_killable(image->pump.wait, mattx_pump_over(image)))
		return -EINTR;
	return READ_ONCE(image->closed) ? -ENODATA : 0;
}
