/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * The interface between mattx.ko and user space, and its reference manual.
 *
 * Generic netlink family "mattx": the daemon tells the module who the nodes
 * are and hands it connected sockets; the module tells what happens.  All
 * commands need CAP_NET_ADMIN in the initial user namespace.  All numbers are
 * in host byte order.
 *
 * /dev/mattx (0600): a stub turns itself into a surrogate here.
 */
#ifndef _UAPI_MATTX_H
#define _UAPI_MATTX_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MATTX_GENL_NAME		"mattx"
#define MATTX_GENL_VERSION	1
#define MATTX_GENL_GROUP	"events"

enum mattx_cmd {
	MATTX_CMD_UNSPEC,

	/*
	 * Requests.
	 */
	/* NODE, ADDRESS, BOOT: who we are; once, before any link. */
	MATTX_CMD_LOCAL_SET,
	/*
	 * NODE, ADDRESS, BOOT, FD: a connected TCP socket to a peer whose
	 * daemon has hung up its end too.  The module takes its own reference;
	 * the caller closes FD afterwards.  Replaces an older link to NODE.
	 */
	MATTX_CMD_LINK_ADD,
	/* NODE: close the link. */
	MATTX_CMD_LINK_DEL,
	/* NODE, LOAD, AFFINITY, MEM_FREE: news for /proc/mattx/nodes. */
	MATTX_CMD_LOAD_SET,
	/* TICKET, ERRNO, REASON: no surrogate for this offer. */
	MATTX_CMD_GUEST_REFUSE,

	/*
	 * Events, to the group "events"; each carries SEQ.
	 */
	/* TICKET, HOME, PID, COMM: start a stub for this offer. */
	MATTX_EVT_STUB_WANTED,
	/* NODE, REASON: the link is gone; make a new one if the peer lives. */
	MATTX_EVT_LINK_DOWN,
	/*
	 * PHASE, HOME, PID, COMM, FROM, TO, ERRNO, REASON, STATUS,
	 * FREEZE_US, FROZEN_US, BYTES, PAGES: a step in a move.  REASON tells
	 * why it FAILED; else, if it is there, what the process comes home for by
	 * itself, as the end of "to ...".  Both ends send the event; the home's
	 * is the one to count.
	 */
	MATTX_EVT_MOVE,
	/* NODE: the peer has introduced itself; the link works. */
	MATTX_EVT_LINK_UP,

	__MATTX_CMD_MAX
};

#define MATTX_CMD_MAX (__MATTX_CMD_MAX - 1)

enum mattx_attr {
	MATTX_A_UNSPEC,
	MATTX_A_PAD,
	MATTX_A_SEQ,		/* u64, +1 for each event of this module */
	MATTX_A_NODE,		/* u32 */
	MATTX_A_ADDRESS,	/* NUL-terminated text, at most 45 characters */
	MATTX_A_BOOT,		/* u64, differs for each boot of the node */
	MATTX_A_FD,		/* s32, in the caller's table */
	MATTX_A_LOAD,		/* u32, 1000 per runnable process */
	MATTX_A_AFFINITY,	/* u32, 1000 per core of standard speed */
	MATTX_A_MEM_FREE,	/* u64, MiB */
	MATTX_A_TICKET,		/* u64, names an offer on the hosting node */
	MATTX_A_ERRNO,		/* u32, positive */
	MATTX_A_REASON,		/* text, at most 255 characters */
	MATTX_A_HOME,		/* u32, node */
	MATTX_A_PID,		/* u32, at home */
	MATTX_A_COMM,		/* text, at most 15 characters */
	MATTX_A_PHASE,		/* u32, enum mattx_phase */
	MATTX_A_FROM,		/* u32, node */
	MATTX_A_TO,		/* u32, node */
	MATTX_A_STATUS,		/* u32, as waitpid() reports it */
	MATTX_A_FREEZE_US,	/* u64 */
	MATTX_A_FROZEN_US,	/* u64 */
	MATTX_A_BYTES,		/* u64 */
	MATTX_A_PAGES,		/* u64 */

	__MATTX_A_MAX
};

#define MATTX_A_MAX (__MATTX_A_MAX - 1)

enum mattx_phase {
	MATTX_PHASE_STARTED = 1,
	MATTX_PHASE_COMMITTED,
	MATTX_PHASE_FAILED,	/* ERRNO, REASON; the process runs where it was */
	MATTX_PHASE_ENDED,	/* STATUS */
};

/*
 * A stub's way, all in the process that becomes the surrogate (created with
 * the pid that INFO tells, see clone3's set_tid):
 *   1. MATTX_IOC_GUEST_INFO with the ticket from STUB_WANTED; if a folder of the
 *      guest's root is shared storage that is mounted here, too,
 *      MATTX_IOC_GUEST_SHARED;
 *   2. if the guest has several threads: MATTX_IOC_GUEST_TIDS, then a thread
 *      with each of these ids, which calls MATTX_IOC_GUEST_JOIN and does not
 *      come back from it, and MATTX_IOC_GUEST_AWAIT before the memory that they
 *      run in goes;
 *   3. install a seccomp filter that notifies a listener of all calls that mean
 *      another thing here than at home, and hand the listener over with
 *      MATTX_IOC_GUEST_LISTEN: for such a call the guest will go home;
 *   4. unmap its own vDSO and map it at vdso_start with
 *      arch_prctl(ARCH_MAP_VDSO_64);
 *   5. MATTX_IOC_GUEST_BECOME: does not return on success.  On failure before
 *      the address space is replaced it returns an errno and the offer is
 *      refused; later failures kill the stub.
 * Closing the device before BECOME refuses the offer.
 *
 * The surrogate's parent may keep the device, and tells with
 * MATTX_IOC_GUEST_STOPPED when job control has stopped the guest and when it
 * was continued, as waitpid() says; so it is stopped at home, too.  For that
 * the surrogate is in a process group of its own, and its parent in the same
 * session: job control does not stop orphaned process groups.
 */
struct mattx_guest_info {
	__u64 ticket;		/* in */
	__u64 vdso_start;	/* out: lowest address of vvar/vDSO at home, 0 if none */
	__u64 vdso_end;		/* out */
	__u32 home;		/* out: node */
	__u32 pid;		/* out: at home */
	__u32 threads;		/* out */
	__u32 pad;
	/*
	 * out: ns by which the clocks at home are ahead of this node's, for the
	 * guest's time namespace, so that its clocks never go back.
	 */
	__s64 monotonic_ahead;
	__s64 boottime_ahead;
};

struct mattx_guest_tids {
	__u64 tids;		/* in: address of room for count times __u32 */
	__u32 count;		/* in: threads - 1 */
	__u32 pad;
};

struct mattx_guest_shared {
	__u64 path;		/* in: address of the folder's path, below the guest's root */
	__u32 length;		/* in: bytes, without a NUL at the end */
	__u32 pad;
};

#define MATTX_DEVICE		"/dev/mattx"
#define MATTX_IOC_MAGIC		0x4d
#define MATTX_IOC_GUEST_INFO	_IOWR(MATTX_IOC_MAGIC, 1, struct mattx_guest_info)
#define MATTX_IOC_GUEST_BECOME	_IOW(MATTX_IOC_MAGIC, 2, struct mattx_guest_info)
#define MATTX_IOC_GUEST_TIDS	_IOW(MATTX_IOC_MAGIC, 3, struct mattx_guest_tids)
#define MATTX_IOC_GUEST_JOIN	_IO(MATTX_IOC_MAGIC, 4)
#define MATTX_IOC_GUEST_AWAIT	_IO(MATTX_IOC_MAGIC, 5)
/* The argument itself is the descriptor. */
#define MATTX_IOC_GUEST_LISTEN	_IOW(MATTX_IOC_MAGIC, 6, __s32)
/* The argument itself is the signal that stopped it; 0: it was continued. */
#define MATTX_IOC_GUEST_STOPPED	_IOW(MATTX_IOC_MAGIC, 7, __s32)
#define MATTX_IOC_GUEST_SHARED	_IOW(MATTX_IOC_MAGIC, 8, struct mattx_guest_shared)

#endif /* _UAPI_MATTX_H */
