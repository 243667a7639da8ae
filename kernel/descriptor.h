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

/*
 * The calling process's working directory as a path below its root, in
 * @buffer of MATTX_PATH_SIZE bytes; NULL: it has none any more.
 */
const char *mattx_folder_path(char *buffer);
/* Makes the folder at @path (@length bytes) the working directory, if there is one. */
void mattx_folder_enter(const u8 *path, u16 length);

#endif /* _MATTX_DESCRIPTOR_H */
