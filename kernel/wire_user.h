/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_WIRE_USER_H
#define _MATTX_WIRE_USER_H
/*
 * What the codec needs of the kernel's headers, for user space.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
/* One program has it all. */
#define EXPORT_SYMBOL_GPL(symbol)	struct mattx_no_export_##symbol
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))

#endif /* _MATTX_WIRE_USER_H */
