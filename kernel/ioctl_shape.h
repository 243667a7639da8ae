/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_IOCTL_SHAPE_H
#define _MATTX_IOCTL_SHAPE_H
/*
 * What is behind the argument of an ioctl: newer commands say so in their
 * number, the older ones are in a table.
 */
#include <linux/types.h>

struct mattx_ioctl_shape {
	u32	in;	/* bytes that the call reads behind its argument */
	u32	out;	/* bytes that it writes there */
};

/* False for a command of unknown shape. */
bool mattx_ioctl_shape(unsigned int command, struct mattx_ioctl_shape *shape);

#endif /* _MATTX_IOCTL_SHAPE_H */
