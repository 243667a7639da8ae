// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stub becomes the guest, in its own context.
 *
 * First its address space is replaced, inside of one ioctl; from the first
 * unmapping on there is no way back, but home can still go on with the
 * process.  Registers and all else follow in task work, because the system
 * call's end writes a register, and because there interrupted system calls of
 * the process are looked at next.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "areas.h"
#include "compat.h"
#include "guards.h"
#include "guest_private.h"
#include "hook.h"
#include "presence.h"
#include "proxy.h"
#include "pump.h"
#include "regs.h"
#include "remap.h"
#include "step.h"

static int mattx_restore_present(const struct mattx_blueprint *print,
				 struct mattx_extents *present)
{
	struct mattx_extent extent;
	int error = 0;
	u32 i;

	mattx_extents_init(present);
	for (i = 0; i < print->extents.count && !error; i++) {
		error = mattx_extent_get(&print->extents, i, &extent);
		if (!error)
			error = mattx_extents_append(present, extent.start, extent.end);
	}
	/* Without guard pages, what home does not give is as good. */
	for (i = 0; i < print->guards.count && !error && !MATTX_HAS_GUARDS; i++) {
		error = mattx_extent_get(&print->guards, i, &extent);
		if (!error)
			error = mattx_extents_insert(present, extent.start, extent.end,
						     GFP_KERNEL);
	}
	if (error)
		mattx_extents_free(present);
	return error;
}

/* The stub is what the guest needs: its pid, its vDSO at the right place. */
static int mattx_restore_check(struct mattx_guest *guest)
{
	const struct mattx_blueprint *print = guest->print;
	struct mattx_areas areas;
	int error;

	if (task_tgid_vnr(current) != print->pid) {
		mattx_guest_give_up(guest, -EINVAL, "its surrogate has pid %d instead of %u",
				    task_tgid_vnr(current), print->pid);
		return -EINVAL;
	}
	error = mattx_areas_list(current->mm, &areas);
	if (error)
		return error;
	if (areas.vdso_start != print->vdso_start || areas.vdso_end != print->vdso_end) {
		error = -EXDEV;
		mattx_guest_give_up(guest, error,
				    "its vDSO is %llu bytes long, this kernel's is %llu; the kernels differ",
				    print->vdso_end - print->vdso_start,
				    areas.vdso_end - areas.vdso_start);
	}
	mattx_areas_free(&areas);
	return error;
}

/* Nothing of it exists: it can as well be memory of our own, which may grow. */
static bool mattx_restore_is_empty(const struct mattx_area *area,
				   const struct mattx_extents *present)
{
	u32 i;

	if (area->kind != MATTX_AREA_ANONYMOUS)
		return false;
	for (i = 0; i < present->count; i++) {
		if (present->list[i].end <= area->start)
			continue;
		return present->list[i].start >= area->end;
	}
	return true;
}

static int mattx_restore_area(const struct mattx_area *area, struct file *image,
			      const struct mattx_extents *present)
{
	/* Home has promised the memory; here only what is written counts. */
	unsigned long flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
	unsigned long place;

	if (area->flags & MATTX_AREA_GROWSDOWN) {
		flags |= MAP_ANONYMOUS | MAP_GROWSDOWN;
		image = NULL;
	} else if (mattx_restore_is_empty(area, present)) {
		flags |= MAP_ANONYMOUS;
		image = NULL;
	}
	place = vm_mmap(image, area->start, area->end - area->start,
			mattx_area_protection(area), flags, image ? area->start : 0);
	if (IS_ERR_VALUE(place))
		return (int)place;
	return place == area->start ? 0 : -EFAULT;
}

/*
 * Guard pages cannot be in mappings of the image, which may not be expanded,
 * and so get memory of their own.
 */
static int mattx_restore_guards(const struct mattx_blueprint *print)
{
	struct mattx_extent guard;
	struct mattx_area area;
	unsigned long start, end;
	int error = 0;
	u32 i, j = 0;

	if (!MATTX_HAS_GUARDS)
		return 0;
	/* Both lists ascend. */
	for (i = 0; i < print->areas.count && j < print->guards.count && !error; i++) {
		error = mattx_area_get(&print->areas, i, &area);
		for (; j < print->guards.count && !error; j++) {
			error = mattx_extent_get(&print->guards, j, &guard);
			if (error || guard.start >= area.end)
				break;
			start = max(guard.start, area.start);
			end = min(guard.end, area.end);
			if (start < end && area.kind != MATTX_AREA_SPECIAL &&
			    !(area.flags & MATTX_AREA_GROWSDOWN))
				error = mattx_remap_anonymous(start, end,
							      mattx_area_protection(&area),
							      MAP_NORESERVE);
			/* The rest of it is in the next area. */
			if (guard.end > area.end)
				break;
		}
	}
	if (!error)
		mattx_guards_install(&print->guards);
	return error;
}

static int mattx_restore_page(void *context, u64 address, const void *contents)
{
	if (!contents)
		return 0;
	return access_process_vm(current, address, (void *)contents, PAGE_SIZE,
				 FOLL_FORCE | FOLL_WRITE) == PAGE_SIZE ? 0 : -EFAULT;
}

static int mattx_restore_memory(struct mattx_guest *guest, struct file *image)
{
	const struct mattx_blueprint *print = guest->print;
	struct mattx_area area;
	int error;
	u32 i;

	error = vm_munmap(0, print->vdso_start);
	if (!error)
		error = vm_munmap(print->vdso_end, TASK_SIZE_MAX - print->vdso_end);
	for (i = 0; i < print->areas.count && !error; i++) {
		error = mattx_area_get(&print->areas, i, &area);
		if (!error && area.kind != MATTX_AREA_SPECIAL)
			error = mattx_restore_area(&area, image, &guest->image->present);
	}
	if (!error)
		error = mattx_restore_guards(print);
	if (!error)
		error = mattx_parcel_pages(&guest->parcel, mattx_restore_page, NULL);
	if (!error)
		mattx_capture_apply_memory_fields(print);
	return error;
}

/* All that is not memory. */
static int mattx_restore_self(struct mattx_guest *guest)
{
	const struct mattx_blueprint *print = guest->print;
	struct mattx_setter setter;
	struct mattx_cursor files;
	int error;

	mattx_cursor_init(&files, (void *)print->files, print->files_size);
	error = mattx_proxies_install(guest->link, &files, &guest->proxies);
	if (error)
		return error;
	error = mattx_threads_prepare(guest->threads, print);
	if (!error)
		error = mattx_setter_start(&setter);
	if (error)
		return error;
	error = mattx_setter_apply(&setter, current, &print->thread);
	if (!error)
		error = mattx_threads_take(guest->threads, &setter);
	mattx_setter_stop(&setter);
	return error ?: mattx_capture_apply(print, true);
}

/* Task work of the surrogate: the last thing it does before it is the guest. */
static void mattx_restore_work(struct callback_head *work)
{
	struct mattx_guest *guest = container_of(work, struct mattx_guest, work);
	enum mattx_verdict verdict = MATTX_VERDICT_END;
	int error;

	/* Its end is reported by the notifier. */
	if (current->flags & PF_EXITING || fatal_signal_pending(current))
		goto out;
	mattx_guest_progress(guest);
	error = mattx_restore_self(guest);
	if (error) {
		mattx_guest_give_up(guest, error, "its state could not be restored");
		send_sig(SIGKILL, current, 1);
		goto out;
	}
	mattx_guest_progress(guest);
	/* What is missing all the same comes when it is needed. */
	if (guest->print->mode == MATTX_MEMORY_EAGER)
		mattx_pump_await(guest->image);
	mattx_step(MATTX_STEP_RESTORED);
	if (mattx_guest_advance(guest, MATTX_GUEST_BECOMING, MATTX_GUEST_READY)) {
		if (cancel_delayed_work(&guest->deadline))
			mattx_guest_put(guest);
		error = mattx_guest_send(guest, MATTX_WIRE_READY, NULL, NULL);
		if (!error)
			error = mattx_guest_await(guest, false, &verdict);
	}
	if (error || verdict != MATTX_VERDICT_GO) {
		mattx_guest_forget(guest);
		send_sig(SIGKILL, current, 1);
		goto out;
	}
	mattx_step(MATTX_STEP_RUNNING);
	/* With the guest's rights, and now that home answers for its files. */
	if (guest->shared)
		mattx_proxies_use_shared(guest->proxies, guest->shared);
	guest->since = ktime_get();
	pr_info("guest %s of node %u: runs here as pid %d\n", guest->comm, guest->home,
		task_tgid_nr(current));
	mattx_parcel_free(&guest->parcel);
	kvfree(guest->print);
	guest->print = NULL;
	mattx_threads_order(guest->threads, MATTX_ORDER_RUN);
	/* Its registers may hold an interrupted system call. */
	set_thread_flag(TIF_NOTIFY_SIGNAL);
out:
	mattx_guest_put(guest);
}

int mattx_guest_become(struct mattx_guest *guest)
{
	struct mattx_extents present;
	struct file *image;
	int error;

	if (!mattx_guest_advance(guest, MATTX_GUEST_WANTED, MATTX_GUEST_BECOMING))
		return -ESTALE;
	mattx_guest_progress(guest);
	error = mattx_hooks_start();
	if (error) {
		mattx_guest_give_up(guest, error,
				    "its system calls cannot be redirected there; see that kernel's log");
		return error;
	}
	error = mattx_guest_await_threads(guest);
	if (!error)
		error = mattx_restore_check(guest);
	if (error)
		goto refuse;
	error = mattx_restore_present(guest->print, &present);
	if (error)
		goto refuse;
	guest->image = mattx_image_create(guest->link, &guest->key, &present);
	if (!guest->image) {
		mattx_extents_free(&present);
		error = -ENOMEM;
		goto refuse;
	}
	image = mattx_image_open(guest->image);
	if (IS_ERR(image)) {
		error = PTR_ERR(image);
		goto refuse;
	}
	spin_lock(&guest->lock);
	/* From here on whoever gives the offer up ends this task; nobody has so far. */
	if (guest->state == MATTX_GUEST_BECOMING)
		guest->task = get_task_struct(current);
	else
		error = -ESTALE;
	spin_unlock(&guest->lock);
	if (!error)
		error = mattx_guest_watch(guest);
	if (error) {
		fput(image);
		goto refuse;
	}
	error = mattx_restore_memory(guest, image);
	if (!error && guest->print->mode != MATTX_MEMORY_LAZY)
		mattx_pump_start(guest->image, image,
				 guest->print->mode == MATTX_MEMORY_EAGER);
	fput(image);
	if (!error) {
		mattx_step(MATTX_STEP_MAPPED);
		mattx_guest_get(guest);
		init_task_work(&guest->work, mattx_restore_work);
		error = task_work_add(current, &guest->work, TWA_SIGNAL);
		if (error)
			mattx_guest_put(guest);
	}
	if (error) {
		mattx_guest_give_up(guest, error, "its memory could not be mapped");
		send_sig(SIGKILL, current, 1);
	}
	return error;

refuse:
	mattx_guest_give_up(guest, error, "its surrogate could not be prepared");
	return error;
}
