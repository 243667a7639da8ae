/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_WIRE_MOVE_H
#define _MATTX_WIRE_MOVE_H
/*
 * Layouts of the messages that move a process.
 *
 * A process is named by its export: a number that its home gives it, and the
 * generation of the move.  What describes a process on its way, in either
 * direction, is a blueprint: one run of bytes that travels in pieces, followed
 * by memory pages (parcel.h).  Decoding copies what is small and leaves views
 * into the bytes of what is long; records of long lists have a fixed size and
 * are read one at a time.
 */
#include "wire.h"

/* Who is meant; begins every message of a move. */
struct mattx_move_key {
	u64	export;		/* unique for the boot of the home */
	u32	generation;	/* +1 for each move of this export */
	/*
	 * +1 for each recall: what is left over from one that was given up is not
	 * taken for a part of the next.  Does not belong to the name.
	 */
	u32	attempt;
};

#define MATTX_MOVE_KEY_SIZE	16
void mattx_move_key_put(struct mattx_cursor *c, const struct mattx_move_key *key);
void mattx_move_key_take(struct mattx_cursor *c, struct mattx_move_key *key);

/* SEND_HOME: why the guest shall go home. */
#define MATTX_NO_CALL		(-1)
struct mattx_send_home {
	struct mattx_move_key	key;
	s32			call;	/* number of a system call that it wants to make there, or MATTX_NO_CALL */
};

#define MATTX_SEND_HOME_SIZE	(MATTX_MOVE_KEY_SIZE + 4)
void mattx_send_home_put(struct mattx_cursor *c, const struct mattx_send_home *wish);
void mattx_send_home_take(struct mattx_cursor *c, struct mattx_send_home *wish);

/* REFUSE, and the reply to a request that failed: errno (positive) and a sentence. */
#define MATTX_REASON_SIZE	128
struct mattx_refusal {
	s32	error;		/* positive; 0 in a reply: done */
	char	reason[MATTX_REASON_SIZE];
};

#define MATTX_REFUSAL_SIZE	(4 + 2 + MATTX_REASON_SIZE)
void mattx_refusal_put(struct mattx_cursor *c, const struct mattx_refusal *refusal);
void mattx_refusal_take(struct mattx_cursor *c, struct mattx_refusal *refusal);

/* A signal with its information, as the kernel keeps it. */
#define MATTX_SIGNAL_FIELDS	32	/* bytes of the union in kernel_siginfo */
struct mattx_signal {
	s32	number;
	s32	error;
	s32	code;
	u32	tid;		/* at home; 0: for the whole process */
	u8	fields[MATTX_SIGNAL_FIELDS];
};

#define MATTX_SIGNAL_SIZE	(4 * 4 + MATTX_SIGNAL_FIELDS)
void mattx_signal_put(struct mattx_cursor *c, const struct mattx_signal *signal);
void mattx_signal_take(struct mattx_cursor *c, struct mattx_signal *signal);

/* STOPPED: job control has stopped the guest where it computes, or continued it. */
struct mattx_stop {
	u32	number;		/* of the signal that stopped it; 0: it runs */
	/* SIGCONTs that have come from home: has it sent more, this is no news. */
	u32	continues;
};

#define MATTX_STOP_SIZE		8
void mattx_stop_put(struct mattx_cursor *c, const struct mattx_stop *stop);
void mattx_stop_take(struct mattx_cursor *c, struct mattx_stop *stop);

/* EXITED: the end of a guest. */
struct mattx_exit_report {
	u32	status;		/* as waitpid() reports it */
	u64	user_ns;
	u64	system_ns;
};

#define MATTX_EXIT_REPORT_SIZE	20
void mattx_exit_report_put(struct mattx_cursor *c, const struct mattx_exit_report *report);
void mattx_exit_report_take(struct mattx_cursor *c, struct mattx_exit_report *report);

/*
 * HOME_CALL, a request: something that only the process at home can do, done by
 * its deputy.  What the numbers and bytes mean depends on the kind.
 */
enum mattx_home_call_kind {
	MATTX_CALL_THREAD = 1,	/* a thread at home for one that begins; result: its tid */
	/* Timers stay at home; numbers: the id, flags; bytes: as the system calls have them. */
	MATTX_CALL_TIMER_CREATE,	/* numbers: the clock, 1: there is an event; bytes: it; answer: the id */
	MATTX_CALL_TIMER_SETTIME,	/* numbers: the guest's clocks, too; bytes: the new setting; answer: the old one */
	MATTX_CALL_TIMER_GETTIME,	/* answer: the setting */
	MATTX_CALL_TIMER_GETOVERRUN,
	MATTX_CALL_TIMER_DELETE,
	MATTX_CALL_KINDS
};

/* Which numbers are the clocks that the guest reads, ns. */
enum mattx_call_clock {
	MATTX_CALL_REALTIME = 2,
	MATTX_CALL_MONOTONIC,
	MATTX_CALL_BOOTTIME,
	MATTX_CALL_TAI,
	MATTX_CALL_NUMBERS
};

#define MATTX_CALL_BYTES	64u
struct mattx_home_call {
	u32	kind;		/* enum mattx_home_call_kind */
	u64	numbers[MATTX_CALL_NUMBERS];
	u32	size;
	u8	bytes[MATTX_CALL_BYTES];
};

#define MATTX_HOME_CALL_SIZE	(4 + MATTX_CALL_NUMBERS * 8 + 4 + MATTX_CALL_BYTES)
void mattx_home_call_put(struct mattx_cursor *c, const struct mattx_home_call *call);
void mattx_home_call_take(struct mattx_cursor *c, struct mattx_home_call *call);

/* Its reply. */
struct mattx_home_answer {
	s64	result;		/* as the system call's: an errno when negative */
	u32	size;
	u8	bytes[MATTX_CALL_BYTES];
};

#define MATTX_HOME_ANSWER_SIZE	(8 + 4 + MATTX_CALL_BYTES)
void mattx_home_answer_put(struct mattx_cursor *c, const struct mattx_home_answer *answer);
void mattx_home_answer_take(struct mattx_cursor *c, struct mattx_home_answer *answer);

/* One mapping of the process. */
enum mattx_area_kind {
	MATTX_AREA_ANONYMOUS,
	MATTX_AREA_FILE,	/* private mapping of a file of home */
	MATTX_AREA_IMAGE,	/* away: of the image; offset is the home address */
	MATTX_AREA_SPECIAL,	/* vDSO and its data: not ours to touch */
	MATTX_AREA_KINDS
};

/* Bits of an area's flags. */
#define MATTX_AREA_READ		0x01
#define MATTX_AREA_WRITE	0x02
#define MATTX_AREA_EXEC		0x04
#define MATTX_AREA_GROWSDOWN	0x08	/* a stack */
#define MATTX_AREA_NORESERVE	0x10
#define MATTX_AREA_FLAGS	0x1f
#define MATTX_AREA_PROTECTION	(MATTX_AREA_READ | MATTX_AREA_WRITE | MATTX_AREA_EXEC)

struct mattx_area {
	u64	start;
	u64	end;
	u64	offset;		/* bytes */
	u32	flags;
	u32	kind;		/* enum mattx_area_kind */
};

#define MATTX_AREA_SIZE		32

/* Addresses from start up to end. */
struct mattx_extent {
	u64	start;
	u64	end;
};

#define MATTX_EXTENT_SIZE	16

/* A list of records of one size inside a blueprint; checked when decoded. */
struct mattx_records {
	u32		count;
	const u8	*bytes;
};

/* @index < count. -EBADMSG: the record makes no sense. */
int mattx_area_get(const struct mattx_records *list, u32 index, struct mattx_area *area);
int mattx_extent_get(const struct mattx_records *list, u32 index, struct mattx_extent *extent);
int mattx_signal_get(const struct mattx_records *list, u32 index, struct mattx_signal *signal);
void mattx_area_put(struct mattx_cursor *c, const struct mattx_area *area);
void mattx_extent_put(struct mattx_cursor *c, const struct mattx_extent *extent);

/* What kind of system call was interrupted with a restart block. */
enum mattx_restart {
	MATTX_RESTART_NONE,
	MATTX_RESTART_SLEEP,	/* nanosleep: goes on with the remaining time */
	MATTX_RESTART_AGAIN,	/* poll, futex ...: called again with its own arguments */
};

#define MATTX_COMM_SIZE		16
#define MATTX_THREADS_LIMIT	4096u	/* of one process */
#define MATTX_GENERAL_REGISTERS	27	/* of struct user_regs_struct */
#define MATTX_XSTATE_LIMIT	(64u << 10)	/* bytes */

struct mattx_thread {
	u32		tid;		/* at home */
	char		comm[MATTX_COMM_SIZE];
	s32		nice;
	u64		general[MATTX_GENERAL_REGISTERS];
	u32		xstate_size;
	const u8	*xstate;	/* a view; XSAVE standard format */
	u64		blocked;
	u64		saved_mask;
	u32		restore_mask;	/* the saved mask is to be restored */
	u64		altstack;
	u64		altstack_size;
	u32		altstack_flags;
	u64		rseq;
	u32		rseq_length;
	u32		rseq_signature;
	u64		robust_list;
	u64		clear_tid;
	u64		set_tid;
	u32		restart;	/* enum mattx_restart */
	u32		restart_clock;
	u64		restart_left;	/* ns */
	u64		restart_rmtp;	/* where the caller wants what is left */
};

/* Of a record of the list of threads; the extended state is as long in all of them. */
#define MATTX_THREAD_FIXED	(4 * 9 + MATTX_COMM_SIZE + MATTX_GENERAL_REGISTERS * 8 + 10 * 8)

#define MATTX_SIGNALS		64

struct mattx_action {
	u64	handler;
	u64	flags;
	u64	restorer;
	u64	mask;
};

/* Fields of mm_struct that programs and /proc see. */
enum mattx_memory_field {
	MATTX_START_CODE, MATTX_END_CODE, MATTX_START_DATA, MATTX_END_DATA,
	MATTX_START_BRK, MATTX_BRK, MATTX_START_STACK,
	MATTX_ARG_START, MATTX_ARG_END, MATTX_ENV_START, MATTX_ENV_END,
	MATTX_MEMORY_FIELDS
};

#define MATTX_AUXV_LIMIT	128	/* words */

struct mattx_identity {
	u32	uid, euid, suid, fsuid;
	u32	gid, egid, sgid, fsgid;
	u64	cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	u32	securebits;
	u32	no_new_privs;
	u32	umask;
	u32	personality;
};

#define MATTX_LIMITS		16
#define MATTX_GROUPS_LIMIT	65536

/* When memory follows its process. */
enum mattx_memory_mode {
	MATTX_MEMORY_HYBRID,	/* on demand, and the rest in the background */
	MATTX_MEMORY_LAZY,	/* on demand only */
	MATTX_MEMORY_EAGER,	/* all of it before the process runs */
	MATTX_MEMORY_MODES
};

struct mattx_blueprint {
	u32			mode;		/* enum mattx_memory_mode; OFFER */
	u32			has_guards;	/* STATE: 1: there are no others than @guards */
	u32			pid;		/* at home */
	char			comm[MATTX_COMM_SIZE];
	u64			monotonic;	/* ns, clocks at the moment of capture */
	u64			boottime;
	u64			vdso_start;	/* 0: none */
	u64			vdso_end;
	struct mattx_identity	identity;
	u64			limits[MATTX_LIMITS][2];	/* current, maximum */
	u64			memory[MATTX_MEMORY_FIELDS];
	u64			auxv[MATTX_AUXV_LIMIT];
	u32			auxv_count;	/* words */
	struct mattx_action	actions[MATTX_SIGNALS];
	struct mattx_thread	thread;		/* the main one */
	u64			timer_left;	/* ns of ITIMER_REAL, 0: off */
	u64			timer_interval;
	struct mattx_records	groups;		/* u32 each */
	struct mattx_records	areas;		/* ascending, no overlap */
	struct mattx_records	extents;	/* OFFER: pages that exist; STATE: discarded ones */
	struct mattx_records	guards;		/* extents of guard pages, as far as they are known */
	struct mattx_records	signals;	/* pending */
	struct mattx_records	threads;	/* all but the main one */
	const u8		*files;		/* a view: the descriptor table */
	u32			files_size;
};

/* Upper bound of the encoded size without the lists, the xstate and the files. */
#define MATTX_BLUEPRINT_FIXED	(8u << 10)

/*
 * Lists are written by their owner: it puts the fixed part with the counts in
 * place, then the records of groups, areas, extents, guards, signals and threads in
 * that order, then the files.
 */
void mattx_blueprint_put(struct mattx_cursor *c, const struct mattx_blueprint *print);
/* -EBADMSG: not a blueprint.  The views live as long as the bytes. */
int mattx_blueprint_take(struct mattx_cursor *c, struct mattx_blueprint *print);
void mattx_thread_put(struct mattx_cursor *c, const struct mattx_thread *thread);
/* @index < print->threads.count; its xstate is a view.  -EBADMSG: it makes no sense. */
int mattx_thread_get(const struct mattx_blueprint *print, u32 index,
		     struct mattx_thread *thread);

/* OFFER and STATE carry a parcel, in order; each piece is a request that is acknowledged. */
enum mattx_piece_kind {
	MATTX_PIECE_PRINT = 1,	/* total, offset, bytes of the blueprint */
	MATTX_PIECE_PAGES,	/* count; addresses; contents of those that are not zero */
	MATTX_PIECE_END,	/* pages: number of pages before */
};

/* Bit in a page's address: the page is all zeros and no contents follow for it. */
#define MATTX_PAGE_ZERO		1u
#define MATTX_PAGE_BYTES	4096u
#define MATTX_PIECE_PAGES_LIMIT	256u
#define MATTX_PIECE_BYTES	(256u << 10)	/* of a blueprint, in one piece */
#define MATTX_PRINT_LIMIT	(256u << 20)	/* bytes of a blueprint */
#define MATTX_PIECE_HEADER	(MATTX_MOVE_KEY_SIZE + 4)

struct mattx_piece {
	struct mattx_move_key	key;
	u32			kind;
	u32			total, offset, length;	/* PRINT */
	u32			pages;			/* PAGES, END */
	const u8		*bytes;			/* PRINT: the piece; PAGES: the addresses */
	const u8		*contents;		/* PAGES */
};

/* -EBADMSG: not a piece.  PAGES: the contents have been counted against the addresses. */
int mattx_piece_take(struct mattx_cursor *c, struct mattx_piece *piece);
u64 mattx_piece_address(const struct mattx_piece *piece, u32 index);

/* PAGES_GET: key, then ranges of the home address space. */
#define MATTX_FETCH_LIMIT	256u	/* pages in one request */

struct mattx_pages_request {
	struct mattx_move_key	key;
	u64			id;	/* of the guest's fetch */
	struct mattx_records	ranges;	/* extents, page aligned */
	u32			pages;	/* of all ranges */
};

/* Fixed part; the ranges are put behind it by the caller. */
void mattx_pages_request_put(struct mattx_cursor *c, const struct mattx_pages_request *request);
int mattx_pages_request_take(struct mattx_cursor *c, struct mattx_pages_request *request);

/* PAGES: key, id, count, a state for each page, contents of those with data. */
enum mattx_page_state {
	MATTX_PAGE_STATE_ZERO,
	MATTX_PAGE_STATE_DATA,
	MATTX_PAGE_STATE_MISSING,	/* home cannot read it either */
	MATTX_PAGE_STATES
};

struct mattx_pages_reply {
	struct mattx_move_key	key;
	u64			id;
	u32			pages;
	const u8		*states;
	const u8		*contents;
};

#define MATTX_PAGES_REPLY_HEADER	(MATTX_MOVE_KEY_SIZE + 8 + 4)
int mattx_pages_reply_take(struct mattx_cursor *c, struct mattx_pages_reply *reply);

#endif /* _MATTX_WIRE_MOVE_H */
