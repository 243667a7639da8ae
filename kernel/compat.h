/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_COMPAT_H
#define _MATTX_COMPAT_H
/*
 * All differences between kernel versions.  The code is written for the
 * newest one; here older ones learn its names.  No other file asks for
 * LINUX_VERSION_CODE.
 */
#include <linux/version.h>

#endif /* _MATTX_COMPAT_H */
