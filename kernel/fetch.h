/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_FETCH_H
#define _MATTX_FETCH_H
/*
 * Pages of an image on their way from home.  A fetch owns locked folios; its
 * end, good or bad, unlocks them.
 */
#include <linux/types.h>

struct folio;
struct mattx_fetch;
struct mattx_image;

struct mattx_fetch *mattx_fetch_alloc(gfp_t gfp);
void mattx_fetch_add(struct mattx_fetch *fetch, struct folio *folio);
bool mattx_fetch_full(const struct mattx_fetch *fetch);
/* Asks home, and consumes the fetch; an empty one asks nobody.  Never waits for the peer. */
void mattx_fetch_start(struct mattx_image *image, struct mattx_fetch *fetch);

#endif /* _MATTX_FETCH_H */
