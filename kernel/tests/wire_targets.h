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

/* wire_tree_targets.c */
int tree_request_decode(u8 *data, size_t length);
size_t tree_request_sample(u8 *data, size_t size);
int tree_reply_decode(u8 *data, size_t length);
size_t tree_reply_sample(u8 *data, size_t size);
int tree_changed_decode(u8 *data, size_t length);
size_t tree_changed_sample(u8 *data, size_t size);
int tree_change_decode(u8 *data, size_t length);
size_t tree_change_sample(u8 *data, size_t size);
int tree_lock_decode(u8 *data, size_t length);
size_t tree_lock_sample(u8 *data, size_t size);
int tree_figures_decode(u8 *data, size_t length);
size_t tree_figures_sample(u8 *data, size_t size);
int tree_entries_decode(u8 *data, size_t length);
size_t tree_entries_sample(u8 *data, size_t size);

/* Fewest bytes that samples need room for. */
#define SAMPLE_ROOM	(16u << 10)

/* libFuzzer's entry: the first byte chooses the decoder. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif /* _MATTX_WIRE_TARGETS_H */
