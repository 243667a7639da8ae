/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_DEPUTY_CALL_H
#define _MATTX_DEPUTY_CALL_H
/*
 * What the deputy does for its guest: the home side of HOME_CALL.
 */
#include <linux/types.h>

struct mattx_export;

/* In the deputy's context, while it sleeps for its guest.  true: it has done something. */
bool mattx_deputy_call_serve(struct mattx_export *export);
/* Nobody asks any more. */
void mattx_deputy_calls_free(struct mattx_export *export);

#endif /* _MATTX_DEPUTY_CALL_H */
