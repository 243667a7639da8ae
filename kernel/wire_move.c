// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bytes of the messages that move a process.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#endif
#include "wire_move.h"

/* End of user space with four levels of page tables, plus the one page that is never mapped. */
#define MATTX_ADDRESS_LIMIT	(1ull << 47)

void mattx_move_key_put(struct mattx_cursor *c, const struct mattx_move_key *key)
{
	mattx_put_u64(c, key->export);
	mattx_put_u32(c, key->generation);
	mattx_put_u32(c, key->attempt);
}

void mattx_move_key_take(struct mattx_cursor *c, struct mattx_move_key *key)
{
	key->export = mattx_take_u64(c);
	key->generation = mattx_take_u32(c);
	key->attempt = mattx_take_u32(c);
}

void mattx_send_home_put(struct mattx_cursor *c, const struct mattx_send_home *wish)
{
	mattx_move_key_put(c, &wish->key);
	mattx_put_u32(c, (u32)wish->call);
}

void mattx_send_home_take(struct mattx_cursor *c, struct mattx_send_home *wish)
{
	mattx_move_key_take(c, &wish->key);
	wish->call = (s32)mattx_take_u32(c);
}

void mattx_refusal_put(struct mattx_cursor *c, const struct mattx_refusal *refusal)
{
	mattx_put_u32(c, (u32)refusal->error);
	mattx_put_text(c, refusal->reason);
}

void mattx_refusal_take(struct mattx_cursor *c, struct mattx_refusal *refusal)
{
	u32 error = mattx_take_u32(c);

	/* Whatever a peer sends becomes a valid errno. */
	refusal->error = error > 4095 ? 5 : (s32)error;
	mattx_take_text(c, refusal->reason, sizeof(refusal->reason));
}

void mattx_signal_put(struct mattx_cursor *c, const struct mattx_signal *signal)
{
	mattx_put_u32(c, (u32)signal->number);
	mattx_put_u32(c, (u32)signal->error);
	mattx_put_u32(c, (u32)signal->code);
	mattx_put_u32(c, signal->tid);
	mattx_put_bytes(c, signal->fields, sizeof(signal->fields));
}

void mattx_signal_take(struct mattx_cursor *c, struct mattx_signal *signal)
{
	signal->number = (s32)mattx_take_u32(c);
	signal->error = (s32)mattx_take_u32(c);
	signal->code = (s32)mattx_take_u32(c);
	signal->tid = mattx_take_u32(c);
	mattx_take_bytes(c, signal->fields, sizeof(signal->fields));
	if (signal->number < 1 || signal->number > MATTX_SIGNALS)
		c->bad = true;
}

void mattx_stop_put(struct mattx_cursor *c, const struct mattx_stop *stop)
{
	mattx_put_u32(c, stop->number);
	mattx_put_u32(c, stop->continues);
}

void mattx_stop_take(struct mattx_cursor *c, struct mattx_stop *stop)
{
	stop->number = mattx_take_u32(c);
	stop->continues = mattx_take_u32(c);
	if (stop->number > MATTX_SIGNALS)
		c->bad = true;
}

void mattx_exit_report_put(struct mattx_cursor *c, const struct mattx_exit_report *report)
{
	mattx_put_u32(c, report->status);
	mattx_put_u64(c, report->user_ns);
	mattx_put_u64(c, report->system_ns);
}

void mattx_exit_report_take(struct mattx_cursor *c, struct mattx_exit_report *report)
{
	report->status = mattx_take_u32(c);
	report->user_ns = mattx_take_u64(c);
	report->system_ns = mattx_take_u64(c);
}

/* Length, and bytes of a buffer of MATTX_CALL_BYTES. */
static void mattx_call_bytes_put(struct mattx_cursor *c, const u8 *bytes, u32 size)
{
	if (size > MATTX_CALL_BYTES)
		c->bad = true;
	mattx_put_u32(c, size);
	if (!c->bad)
		mattx_put_bytes(c, bytes, size);
}

static u32 mattx_call_bytes_take(struct mattx_cursor *c, u8 *bytes)
{
	u32 size = mattx_take_u32(c);

	if (size > MATTX_CALL_BYTES)
		c->bad = true;
	if (c->bad)
		return 0;
	mattx_take_bytes(c, bytes, size);
	return size;
}

void mattx_home_call_put(struct mattx_cursor *c, const struct mattx_home_call *call)
{
	u32 i;

	mattx_put_u32(c, call->kind);
	for (i = 0; i < MATTX_CALL_NUMBERS; i++)
		mattx_put_u64(c, call->numbers[i]);
	mattx_call_bytes_put(c, call->bytes, call->size);
}

void mattx_home_call_take(struct mattx_cursor *c, struct mattx_home_call *call)
{
	u32 i;

	memset(call, 0, sizeof(*call));
	call->kind = mattx_take_u32(c);
	for (i = 0; i < MATTX_CALL_NUMBERS; i++)
		call->numbers[i] = mattx_take_u64(c);
	call->size = mattx_call_bytes_take(c, call->bytes);
	if (!call->kind || call->kind >= MATTX_CALL_KINDS)
		c->bad = true;
}

void mattx_home_answer_put(struct mattx_cursor *c, const struct mattx_home_answer *answer)
{
	mattx_put_u64(c, (u64)answer->result);
	mattx_call_bytes_put(c, answer->bytes, answer->size);
}

void mattx_home_answer_take(struct mattx_cursor *c, struct mattx_home_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->result = (s64)mattx_take_u64(c);
	answer->size = mattx_call_bytes_take(c, answer->bytes);
}

/* A cursor over record @index of a list. */
static void mattx_record_cursor(struct mattx_cursor *c, const struct mattx_records *list,
				u32 index, size_t size)
{
	mattx_cursor_init(c, (void *)(list->bytes + (size_t)index * size), size);
}

static bool mattx_range_valid(u64 start, u64 end)
{
	return start < end && end <= MATTX_ADDRESS_LIMIT &&
	       !(start % MATTX_PAGE_BYTES) && !(end % MATTX_PAGE_BYTES);
}

void mattx_area_put(struct mattx_cursor *c, const struct mattx_area *area)
{
	mattx_put_u64(c, area->start);
	mattx_put_u64(c, area->end);
	mattx_put_u64(c, area->offset);
	mattx_put_u32(c, area->flags);
	mattx_put_u32(c, area->kind);
}

int mattx_area_get(const struct mattx_records *list, u32 index, struct mattx_area *area)
{
	struct mattx_cursor c;

	mattx_record_cursor(&c, list, index, MATTX_AREA_SIZE);
	area->start = mattx_take_u64(&c);
	area->end = mattx_take_u64(&c);
	area->offset = mattx_take_u64(&c);
	area->flags = mattx_take_u32(&c);
	area->kind = mattx_take_u32(&c);
	if (!mattx_range_valid(area->start, area->end) || area->offset % MATTX_PAGE_BYTES ||
	    area->flags & ~MATTX_AREA_FLAGS || area->kind >= MATTX_AREA_KINDS)
		return -EBADMSG;
	return 0;
}

void mattx_extent_put(struct mattx_cursor *c, const struct mattx_extent *extent)
{
	mattx_put_u64(c, extent->start);
	mattx_put_u64(c, extent->end);
}

int mattx_extent_get(const struct mattx_records *list, u32 index, struct mattx_extent *extent)
{
	struct mattx_cursor c;

	mattx_record_cursor(&c, list, index, MATTX_EXTENT_SIZE);
	extent->start = mattx_take_u64(&c);
	extent->end = mattx_take_u64(&c);
	return mattx_range_valid(extent->start, extent->end) ? 0 : -EBADMSG;
}

int mattx_signal_get(const struct mattx_records *list, u32 index, struct mattx_signal *signal)
{
	struct mattx_cursor c;

	mattx_record_cursor(&c, list, index, MATTX_SIGNAL_SIZE);
	mattx_signal_take(&c, signal);
	return c.bad ? -EBADMSG : 0;
}

void mattx_thread_put(struct mattx_cursor *c, const struct mattx_thread *thread)
{
	int i;

	mattx_put_u32(c, thread->tid);
	mattx_put_bytes(c, thread->comm, sizeof(thread->comm));
	mattx_put_u32(c, (u32)thread->nice);
	for (i = 0; i < MATTX_GENERAL_REGISTERS; i++)
		mattx_put_u64(c, thread->general[i]);
	mattx_put_u32(c, thread->xstate_size);
	mattx_put_bytes(c, thread->xstate, thread->xstate_size);
	mattx_put_u64(c, thread->blocked);
	mattx_put_u64(c, thread->saved_mask);
	mattx_put_u32(c, thread->restore_mask);
	mattx_put_u64(c, thread->altstack);
	mattx_put_u64(c, thread->altstack_size);
	mattx_put_u32(c, thread->altstack_flags);
	mattx_put_u64(c, thread->rseq);
	mattx_put_u32(c, thread->rseq_length);
	mattx_put_u32(c, thread->rseq_signature);
	mattx_put_u64(c, thread->robust_list);
	mattx_put_u64(c, thread->clear_tid);
	mattx_put_u64(c, thread->set_tid);
	mattx_put_u32(c, thread->restart);
	mattx_put_u32(c, thread->restart_clock);
	mattx_put_u64(c, thread->restart_left);
	mattx_put_u64(c, thread->restart_rmtp);
}

static void mattx_thread_take(struct mattx_cursor *c, struct mattx_thread *thread)
{
	int i;

	thread->tid = mattx_take_u32(c);
	mattx_take_bytes(c, thread->comm, sizeof(thread->comm));
	thread->comm[sizeof(thread->comm) - 1] = 0;
	thread->nice = (s32)mattx_take_u32(c);
	for (i = 0; i < MATTX_GENERAL_REGISTERS; i++)
		thread->general[i] = mattx_take_u64(c);
	thread->xstate_size = mattx_take_u32(c);
	if (thread->xstate_size > MATTX_XSTATE_LIMIT)
		c->bad = true;
	thread->xstate = mattx_take_view(c, thread->xstate_size);
	thread->blocked = mattx_take_u64(c);
	thread->saved_mask = mattx_take_u64(c);
	thread->restore_mask = mattx_take_u32(c);
	thread->altstack = mattx_take_u64(c);
	thread->altstack_size = mattx_take_u64(c);
	thread->altstack_flags = mattx_take_u32(c);
	thread->rseq = mattx_take_u64(c);
	thread->rseq_length = mattx_take_u32(c);
	thread->rseq_signature = mattx_take_u32(c);
	thread->robust_list = mattx_take_u64(c);
	thread->clear_tid = mattx_take_u64(c);
	thread->set_tid = mattx_take_u64(c);
	thread->restart = mattx_take_u32(c);
	thread->restart_clock = mattx_take_u32(c);
	thread->restart_left = mattx_take_u64(c);
	thread->restart_rmtp = mattx_take_u64(c);
	/* Pointers that the kernel itself follows must be the program's own. */
	if (thread->rseq >= MATTX_ADDRESS_LIMIT || thread->robust_list >= MATTX_ADDRESS_LIMIT ||
	    thread->clear_tid >= MATTX_ADDRESS_LIMIT || thread->set_tid >= MATTX_ADDRESS_LIMIT ||
	    thread->restart_rmtp >= MATTX_ADDRESS_LIMIT || thread->restart > MATTX_RESTART_AGAIN ||
	    thread->nice < -20 || thread->nice > 19 || !thread->tid)
		c->bad = true;
}

int mattx_thread_get(const struct mattx_blueprint *print, u32 index, struct mattx_thread *thread)
{
	struct mattx_cursor c;

	mattx_record_cursor(&c, &print->threads, index,
			    MATTX_THREAD_FIXED + print->thread.xstate_size);
	mattx_thread_take(&c, thread);
	return c.bad || c.at != c.end ? -EBADMSG : 0;
}

/*
 * Areas and extents ascend and do not overlap, threads ascend: whoever walks two
 * lists at once, or looks for one of a pair, relies on it.
 */
static bool mattx_lists_ascend(const struct mattx_blueprint *print)
{
	struct mattx_extent extent;
	struct mattx_signal signal;
	struct mattx_thread thread;
	struct mattx_area area;
	u64 last;
	u32 i;

	for (i = 0, last = 0; i < print->areas.count; i++, last = area.end)
		if (mattx_area_get(&print->areas, i, &area) || area.start < last)
			return false;
	for (i = 0, last = 0; i < print->extents.count; i++, last = extent.end)
		if (mattx_extent_get(&print->extents, i, &extent) || extent.start < last)
			return false;
	for (i = 0, last = 0; i < print->guards.count; i++, last = extent.end)
		if (mattx_extent_get(&print->guards, i, &extent) || extent.start < last)
			return false;
	for (i = 0; i < print->signals.count; i++)
		if (mattx_signal_get(&print->signals, i, &signal))
			return false;
	for (i = 0, last = 0; i < print->threads.count; i++, last = thread.tid)
		if (mattx_thread_get(print, i, &thread) || thread.tid <= last ||
		    thread.tid == print->thread.tid)
			return false;
	return true;
}

static void mattx_identity_put(struct mattx_cursor *c, const struct mattx_identity *who)
{
	mattx_put_u32(c, who->uid);
	mattx_put_u32(c, who->euid);
	mattx_put_u32(c, who->suid);
	mattx_put_u32(c, who->fsuid);
	mattx_put_u32(c, who->gid);
	mattx_put_u32(c, who->egid);
	mattx_put_u32(c, who->sgid);
	mattx_put_u32(c, who->fsgid);
	mattx_put_u64(c, who->cap_inheritable);
	mattx_put_u64(c, who->cap_permitted);
	mattx_put_u64(c, who->cap_effective);
	mattx_put_u64(c, who->cap_bounding);
	mattx_put_u64(c, who->cap_ambient);
	mattx_put_u32(c, who->securebits);
	mattx_put_u32(c, who->no_new_privs);
	mattx_put_u32(c, who->umask);
	mattx_put_u32(c, who->personality);
}

static void mattx_identity_take(struct mattx_cursor *c, struct mattx_identity *who)
{
	who->uid = mattx_take_u32(c);
	who->euid = mattx_take_u32(c);
	who->suid = mattx_take_u32(c);
	who->fsuid = mattx_take_u32(c);
	who->gid = mattx_take_u32(c);
	who->egid = mattx_take_u32(c);
	who->sgid = mattx_take_u32(c);
	who->fsgid = mattx_take_u32(c);
	who->cap_inheritable = mattx_take_u64(c);
	who->cap_permitted = mattx_take_u64(c);
	who->cap_effective = mattx_take_u64(c);
	who->cap_bounding = mattx_take_u64(c);
	who->cap_ambient = mattx_take_u64(c);
	who->securebits = mattx_take_u32(c);
	who->no_new_privs = mattx_take_u32(c);
	who->umask = mattx_take_u32(c);
	who->personality = mattx_take_u32(c);
}

void mattx_blueprint_put(struct mattx_cursor *c, const struct mattx_blueprint *print)
{
	u32 i;

	mattx_put_u32(c, print->mode);
	mattx_put_u32(c, print->has_guards);
	mattx_put_u32(c, print->pid);
	mattx_put_bytes(c, print->comm, sizeof(print->comm));
	mattx_put_u64(c, print->monotonic);
	mattx_put_u64(c, print->boottime);
	mattx_put_u64(c, print->vdso_start);
	mattx_put_u64(c, print->vdso_end);
	mattx_identity_put(c, &print->identity);
	for (i = 0; i < MATTX_LIMITS; i++) {
		mattx_put_u64(c, print->limits[i][0]);
		mattx_put_u64(c, print->limits[i][1]);
	}
	for (i = 0; i < MATTX_MEMORY_FIELDS; i++)
		mattx_put_u64(c, print->memory[i]);
	mattx_put_u32(c, print->auxv_count);
	for (i = 0; i < print->auxv_count; i++)
		mattx_put_u64(c, print->auxv[i]);
	for (i = 0; i < MATTX_SIGNALS; i++) {
		mattx_put_u64(c, print->actions[i].handler);
		mattx_put_u64(c, print->actions[i].flags);
		mattx_put_u64(c, print->actions[i].restorer);
		mattx_put_u64(c, print->actions[i].mask);
	}
	mattx_thread_put(c, &print->thread);
	mattx_put_u64(c, print->timer_left);
	mattx_put_u64(c, print->timer_interval);
	mattx_put_u32(c, print->groups.count);
	mattx_put_u32(c, print->areas.count);
	mattx_put_u32(c, print->extents.count);
	mattx_put_u32(c, print->guards.count);
	mattx_put_u32(c, print->signals.count);
	mattx_put_u32(c, print->threads.count);
	mattx_put_u32(c, print->files_size);
}

static void mattx_records_take(struct mattx_cursor *c, struct mattx_records *list, size_t size)
{
	list->bytes = mattx_take_view(c, (size_t)list->count * size);
	if (!list->bytes)
		list->count = 0;
}

int mattx_blueprint_take(struct mattx_cursor *c, struct mattx_blueprint *print)
{
	u32 i;

	print->mode = mattx_take_u32(c);
	print->has_guards = mattx_take_u32(c);
	if (print->mode >= MATTX_MEMORY_MODES || print->has_guards > 1)
		return -EBADMSG;
	print->pid = mattx_take_u32(c);
	mattx_take_bytes(c, print->comm, sizeof(print->comm));
	print->comm[sizeof(print->comm) - 1] = 0;
	print->monotonic = mattx_take_u64(c);
	print->boottime = mattx_take_u64(c);
	print->vdso_start = mattx_take_u64(c);
	print->vdso_end = mattx_take_u64(c);
	mattx_identity_take(c, &print->identity);
	for (i = 0; i < MATTX_LIMITS; i++) {
		print->limits[i][0] = mattx_take_u64(c);
		print->limits[i][1] = mattx_take_u64(c);
	}
	for (i = 0; i < MATTX_MEMORY_FIELDS; i++)
		print->memory[i] = mattx_take_u64(c);
	print->auxv_count = mattx_take_u32(c);
	if (print->auxv_count > MATTX_AUXV_LIMIT)
		return -EBADMSG;
	for (i = 0; i < print->auxv_count; i++)
		print->auxv[i] = mattx_take_u64(c);
	for (i = 0; i < MATTX_SIGNALS; i++) {
		print->actions[i].handler = mattx_take_u64(c);
		print->actions[i].flags = mattx_take_u64(c);
		print->actions[i].restorer = mattx_take_u64(c);
		print->actions[i].mask = mattx_take_u64(c);
	}
	mattx_thread_take(c, &print->thread);
	print->timer_left = mattx_take_u64(c);
	print->timer_interval = mattx_take_u64(c);
	print->groups.count = mattx_take_u32(c);
	print->areas.count = mattx_take_u32(c);
	print->extents.count = mattx_take_u32(c);
	print->guards.count = mattx_take_u32(c);
	print->signals.count = mattx_take_u32(c);
	print->threads.count = mattx_take_u32(c);
	print->files_size = mattx_take_u32(c);
	if (print->groups.count > MATTX_GROUPS_LIMIT ||
	    print->threads.count >= MATTX_THREADS_LIMIT)
		return -EBADMSG;
	mattx_records_take(c, &print->groups, 4);
	mattx_records_take(c, &print->areas, MATTX_AREA_SIZE);
	mattx_records_take(c, &print->extents, MATTX_EXTENT_SIZE);
	mattx_records_take(c, &print->guards, MATTX_EXTENT_SIZE);
	mattx_records_take(c, &print->signals, MATTX_SIGNAL_SIZE);
	mattx_records_take(c, &print->threads, MATTX_THREAD_FIXED + print->thread.xstate_size);
	print->files = mattx_take_view(c, print->files_size);
	if (c->bad || c->at != c->end)
		return -EBADMSG;
	if (print->vdso_start && !mattx_range_valid(print->vdso_start, print->vdso_end))
		return -EBADMSG;
	return mattx_lists_ascend(print) ? 0 : -EBADMSG;
}

int mattx_piece_take(struct mattx_cursor *c, struct mattx_piece *piece)
{
	u32 i, full = 0;

	memset(piece, 0, sizeof(*piece));
	mattx_move_key_take(c, &piece->key);
	piece->kind = mattx_take_u32(c);
	switch (piece->kind) {
	case MATTX_PIECE_PRINT:
		piece->total = mattx_take_u32(c);
		piece->offset = mattx_take_u32(c);
		piece->length = (u32)(c->end - c->at);
		piece->bytes = mattx_take_view(c, piece->length);
		if (piece->total > MATTX_PRINT_LIMIT || piece->offset > piece->total ||
		    piece->length > piece->total - piece->offset || !piece->length)
			return -EBADMSG;
		break;
	case MATTX_PIECE_PAGES:
		piece->pages = mattx_take_u32(c);
		if (!piece->pages || piece->pages > MATTX_PIECE_PAGES_LIMIT)
			return -EBADMSG;
		piece->bytes = mattx_take_view(c, (size_t)piece->pages * 8);
		if (!piece->bytes)
			return -EBADMSG;
		for (i = 0; i < piece->pages; i++) {
			u64 address = mattx_piece_address(piece, i);

			if (address >= MATTX_ADDRESS_LIMIT ||
			    address % MATTX_PAGE_BYTES & ~(u64)MATTX_PAGE_ZERO)
				return -EBADMSG;
			full += !(address & MATTX_PAGE_ZERO);
		}
		piece->contents = mattx_take_view(c, (size_t)full * MATTX_PAGE_BYTES);
		break;
	case MATTX_PIECE_END:
		piece->pages = mattx_take_u32(c);
		break;
	default:
		return -EBADMSG;
	}
	return c->bad || c->at != c->end ? -EBADMSG : 0;
}

u64 mattx_piece_address(const struct mattx_piece *piece, u32 index)
{
	struct mattx_cursor c;

	mattx_cursor_init(&c, (void *)(piece->bytes + (size_t)index * 8), 8);
	return mattx_take_u64(&c);
}

void mattx_pages_request_put(struct mattx_cursor *c, const struct mattx_pages_request *request)
{
	mattx_move_key_put(c, &request->key);
	mattx_put_u64(c, request->id);
	mattx_put_u32(c, request->ranges.count);
}

int mattx_pages_request_take(struct mattx_cursor *c, struct mattx_pages_request *request)
{
	struct mattx_extent extent;
	u64 pages = 0;
	u32 i;

	mattx_move_key_take(c, &request->key);
	request->id = mattx_take_u64(c);
	request->ranges.count = mattx_take_u32(c);
	if (request->ranges.count > MATTX_FETCH_LIMIT)
		return -EBADMSG;
	mattx_records_take(c, &request->ranges, MATTX_EXTENT_SIZE);
	if (c->bad || c->at != c->end)
		return -EBADMSG;
	for (i = 0; i < request->ranges.count; i++) {
		if (mattx_extent_get(&request->ranges, i, &extent))
			return -EBADMSG;
		pages += (extent.end - extent.start) / MATTX_PAGE_BYTES;
		if (pages > MATTX_FETCH_LIMIT)
			return -EBADMSG;
	}
	if (!pages)
		return -EBADMSG;
	request->pages = (u32)pages;
	return 0;
}

int mattx_pages_reply_take(struct mattx_cursor *c, struct mattx_pages_reply *reply)
{
	u32 i, full = 0;

	mattx_move_key_take(c, &reply->key);
	reply->id = mattx_take_u64(c);
	reply->pages = mattx_take_u32(c);
	if (!reply->pages || reply->pages > MATTX_FETCH_LIMIT)
		return -EBADMSG;
	reply->states = mattx_take_view(c, reply->pages);
	if (!reply->states)
		return -EBADMSG;
	for (i = 0; i < reply->pages; i++) {
		if (reply->states[i] >= MATTX_PAGE_STATES)
			return -EBADMSG;
		full += reply->states[i] == MATTX_PAGE_STATE_DATA;
	}
	reply->contents = mattx_take_view(c, (size_t)full * MATTX_PAGE_BYTES);
	return c->bad || c->at != c->end ? -EBADMSG : 0;
}
