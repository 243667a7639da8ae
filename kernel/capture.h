/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_CAPTURE_H
#define _MATTX_CAPTURE_H
/*
 * Everything about a process but its pages: read from the process itself, in
 * its own context at the border to user mode, and put back there.
 */
#include <linux/types.h>

#include "areas.h"
#include "presence.h"
#include "wire_move.h"

struct mattx_threads;

struct mattx_capture {
	struct mattx_blueprint	print;		/* its lists are not set */
	struct mattx_areas	areas;
	struct mattx_extents	guards;
	void			*xstate;
	u32			*groups;
	u32			group_count;
	struct mattx_signal	*signals;	/* taken off the queues */
	u32			signal_count;
	struct mattx_threads	*threads;	/* the others, which stand; not owned, NULL: none */
};

/* In the main thread's own context, the others standing.  Changes nothing. */
int mattx_capture_self(struct mattx_capture *capture);
/* What belongs to the calling thread, but for its registers. */
void mattx_capture_thread(struct mattx_thread *thread);
void mattx_capture_free(struct mattx_capture *capture);

/* The blueprint as bytes (kvmalloc'd); @files is the encoded descriptor table. */
int mattx_capture_encode(struct mattx_capture *capture, const struct mattx_extents *extents,
			 const u8 *files, u32 files_size, u8 **bytes, u32 *size);

/*
 * The calling thread takes over what the blueprint says about the process, but
 * for memory and descriptors, and about its main thread, but for registers.
 * @away: as a surrogate, whose identity changes too.
 */
int mattx_capture_apply(const struct mattx_blueprint *print, bool away);

/*
 * For the calling thread, which stands still from here on: the kernel leaves its area for
 * restartable sequences alone when it passes the border to user mode, which is in memory that
 * others may change now; and then as @thread had it again.
 */
void mattx_capture_rseq_pause(void);
void mattx_capture_rseq_go_on(const struct mattx_thread *thread);

/* What is said about one thread, the calling one, but for its registers. */
int mattx_capture_apply_thread(const struct mattx_blueprint *print,
			       const struct mattx_thread *thread, bool away);
/* While a process is elsewhere its interval timer runs there and not here. */
void mattx_capture_stop_timer(void);
void mattx_capture_apply_timer(const struct mattx_blueprint *print);
/* Sets mm_struct's fields of the calling task. */
void mattx_capture_apply_memory_fields(const struct mattx_blueprint *print);

#endif /* _MATTX_CAPTURE_H */
