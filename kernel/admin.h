/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_ADMIN_H
#define _MATTX_ADMIN_H
/*
 * /proc/mattx/admin: one command per write, carried out before the write
 * returns.
 */
#include <linux/proc_fs.h>

extern const struct proc_ops mattx_admin_ops;

#endif /* _MATTX_ADMIN_H */
