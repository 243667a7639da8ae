/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_PROC_H
#define _MATTX_PROC_H
/*
 * /proc/mattx: for people and scripts.
 */
int mattx_proc_init(void);
/* No reader or writer is left in our files when it returns. */
void mattx_proc_exit(void);

#endif /* _MATTX_PROC_H */
