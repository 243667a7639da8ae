/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_WIRE_TARGETS_H
#define _MATTX_WIRE_TARGETS_H
/*
 * Every decoder of wire bytes, in one form for all drivers.
 */
#include "wire.h"

struct mattx_target {
	const char *name;
	/* Decodes @length bytes, which it may read and nothing else; 0 when they make sense. */
	int (*decode)(u8 *data, size_t length);
	/* Writes a message that decodes well; returns its length, at most @size. */
	size_t (*sample)(u8 *data, size_t size);
};

extern const struct mattx_target mattx_targets[];
extern const size_t mattx_target_count;

/* Fewest bytes that samples need room for. */
#define SAMPLE_ROOM	(16u << 10)

/* libFuzzer's entry: the first byte chooses the decoder. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif /* _MATTX_WIRE_TARGETS_H */
