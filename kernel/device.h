/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_DEVICE_H
#define _MATTX_DEVICE_H
/* /dev/mattx, see uapi/mattx.h. */

int mattx_device_init(void);
void mattx_device_exit(void);

#endif /* _MATTX_DEVICE_H */
