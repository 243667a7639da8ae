/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_DESCRIPTOR_H
#define _MATTX_DESCRIPTOR_H
/*
 * The descriptor table of the calling process, which shares it with nobody.
 */
#include <linux/types.h>

struct file;

/* Closes every descriptor from @first to before @end. */
void mattx_descriptors_close_range(s64 first, s64 end);

/*
 * Gives @file the number @fd, which is free, whatever the limit of the
 * process says: it may have been lowered since.  Consumes the reference.
 */
int mattx_descriptor_install(unsigned int fd, struct file *file, bool close_on_exec);

#endif /* _MATTX_DESCRIPTOR_H */
