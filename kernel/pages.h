/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_PAGES_H
#define _MATTX_PAGES_H
/*
 * The page service of the home: memory of a deputy for its guest.
 */
struct mattx_frame;
struct mattx_link;

/* PAGES_GET; consumes the frame.  The work is done in mattx_urgent_wq. */
void mattx_pages_get(struct mattx_link *link, struct mattx_frame *frame);

#endif /* _MATTX_PAGES_H */
