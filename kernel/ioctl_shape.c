// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sizes of what ioctl arguments point to.  Commands whose answer depends on
 * who asks (process groups and sessions of terminals) are not among them.
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/termios.h>

#include "ioctl_shape.h"
#include "wire_file.h"

static const struct {
	unsigned int			command;
	struct mattx_ioctl_shape	shape;
} mattx_old_ioctls[] = {
	/* Terminals. */
	{ TCGETS,	{ .out = sizeof(struct termios) } },
	{ TCSETS,	{ .in = sizeof(struct termios) } },
	{ TCSETSW,	{ .in = sizeof(struct termios) } },
	{ TCSETSF,	{ .in = sizeof(struct termios) } },
	{ TCGETA,	{ .out = sizeof(struct termio) } },
	{ TCSETA,	{ .in = sizeof(struct termio) } },
	{ TCSETAW,	{ .in = sizeof(struct termio) } },
	{ TCSETAF,	{ .in = sizeof(struct termio) } },
	{ TIOCGWINSZ,	{ .out = sizeof(struct winsize) } },
	{ TIOCSWINSZ,	{ .in = sizeof(struct winsize) } },
	{ TIOCOUTQ,	{ .out = sizeof(int) } },
	{ TIOCGETD,	{ .out = sizeof(int) } },
	{ TIOCMGET,	{ .out = sizeof(int) } },
	{ TIOCGSOFTCAR,	{ .out = sizeof(int) } },
	{ TCSBRK,	{ } },
	{ TCSBRKP,	{ } },
	{ TCXONC,	{ } },
	{ TCFLSH,	{ } },
	{ TIOCEXCL,	{ } },
	{ TIOCNXCL,	{ } },
	/* Anything that can be read. */
	{ FIONREAD,	{ .out = sizeof(int) } },
};

bool mattx_ioctl_shape(unsigned int command, struct mattx_ioctl_shape *shape)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mattx_old_ioctls); i++) {
		if (mattx_old_ioctls[i].command == command) {
			*shape = mattx_old_ioctls[i].shape;
			return true;
		}
	}
	if (_IOC_DIR(command) == _IOC_NONE || _IOC_SIZE(command) > MATTX_IOCTL_DATA)
		return false;
	shape->in = _IOC_DIR(command) & _IOC_WRITE ? _IOC_SIZE(command) : 0;
	shape->out = _IOC_DIR(command) & _IOC_READ ? _IOC_SIZE(command) : 0;
	return true;
}
