/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_NODE_H
#define _MATTX_NODE_H
/*
 * Who the nodes are: this one, and what the daemon told of its peers.
 */
#include <linux/types.h>

struct seq_file;

/* This node's number; 0 until the daemon has told it. */
u32 mattx_node_local(void);
u64 mattx_node_boot(void);

/* -EBUSY: the number was told before and differs. */
int mattx_node_set_local(u32 node, u64 boot, const char *address);
int mattx_node_set_load(u32 node, u32 load, u32 affinity, u64 mem_free);

/*
 * A node by its number or address, as people write it.  -EHOSTUNREACH: no live
 * node of that name; -EINVAL: it cannot be one.  This node itself is found.
 */
int mattx_node_resolve(const char *name, u32 *node);

/*
 * The node where one more runnable process would have the largest share of a
 * processor, if that is more than it has on @from, where it runs and is counted.
 * Nodes with less than @memory MiB free, or whose load nobody told, are no
 * choice.  0: there is none.
 */
u32 mattx_node_best(u32 from, u64 memory);

/* This node's address, as bytes of @text. */
int mattx_node_address(char *text, size_t size);

/* The rows of /proc/mattx/nodes. */
void mattx_nodes_show(struct seq_file *m);

void mattx_node_exit(void);

#endif /* _MATTX_NODE_H */
