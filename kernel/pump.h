/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_PUMP_H
#define _MATTX_PUMP_H
/*
 * The pump: brings the pages of an image over without waiting for somebody to
 * read them.  They land in the page cache of the image, like those that were
 * read.  It goes on by itself, as pages arrive, with a bounded number on their
 * way, and ends with the image.
 */
#include <linux/types.h>

struct file;
struct mattx_image;

/* Starts it; once per image, of which @file is one.  @hurry: nobody computes meanwhile. */
void mattx_pump_start(struct mattx_image *image, struct file *file, bool hurry);
/* Waits killably until all is here.  -ENODATA: home is gone. */
int mattx_pump_await(struct mattx_image *image);
/* A fetch of the image has ended; any context that may not sleep. */
void mattx_pump_kick(struct mattx_image *image);

#endif /* _MATTX_PUMP_H */
