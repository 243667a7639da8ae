/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_ADMIN_H
#define _MATTX_ADMIN_H
/*
 * /proc/mattx/admin: one command per write, carried out before the write
 * returns.
 */
#include <linux/proc_fs.h>

extern const struct proc_ops mattx_admin_ops;

/*
 * /proc/mattx/why: a pid is written, then the answer can be read from the same
 * open file: "yes", or code, errno and sentence, separated by tabs.
 */
extern const struct proc_ops mattx_why_ops;

#endif /* _MATTX_ADMIN_H */
