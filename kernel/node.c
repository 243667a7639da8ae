// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of nodes.  Which of them live is what the links know.
 */
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "compat.h"
#include "link.h"
#include "node.h"

#define MATTX_ADDRESS_SIZE	46
#define MATTX_LOAD_OF_ONE	1000	/* runnable process */

/* News of a node.  Never freed while the module is loaded: readers need RCU only to find it. */
struct mattx_node {
	u32	load;		/* 1000 per runnable process */
	u32	affinity;	/* 1000 per core of standard speed */
	u64	mem_free;	/* MiB */
};

static DEFINE_XARRAY(mattx_nodes);	/* by number */
static DEFINE_MUTEX(mattx_node_mutex);	/* changes of all here */
static u64 mattx_local_boot;
static char mattx_local_address[MATTX_ADDRESS_SIZE];
static u32 mattx_local;	/* published after the two above */

u32 mattx_node_local(void)
{
	/* Pairs with the release in mattx_node_set_local(). */
	return smp_load_acquire(&mattx_local);
}

u64 mattx_node_boot(void)
{
	return mattx_local_boot;
}

int mattx_node_set_local(u32 node, u64 boot, const char *address)
{
	int error = 0;

	mutex_lock(&mattx_node_mutex);
	if (!mattx_local) {
		mattx_local_boot = boot;
		strscpy(mattx_local_address, address, sizeof(mattx_local_address));
		/* Pairs with the acquire in mattx_node_local(). */
		smp_store_release(&mattx_local, node);
	} else if (mattx_local != node || mattx_local_boot != boot) {
		/* Peers and processes know us by these: they stay. */
		error = -EBUSY;
	} else {
		strscpy(mattx_local_address, address, sizeof(mattx_local_address));
	}
	mutex_unlock(&mattx_node_mutex);
	return error;
}

int mattx_node_set_load(u32 number, u32 load, u32 affinity, u64 mem_free)
{
	struct mattx_node *node;
	int error = 0;

	mutex_lock(&mattx_node_mutex);
	node = xa_load(&mattx_nodes, number);
	if (!node) {
		error = -ENOMEM;
		node = kzalloc_obj(*node);
		if (!node)
			goto unlock;
		error = xa_err(xa_store(&mattx_nodes, number, node, GFP_KERNEL));
		if (error) {
			kfree(node);
			goto unlock;
		}
	}
	WRITE_ONCE(node->load, load);
	WRITE_ONCE(node->affinity, affinity);
	WRITE_ONCE(node->mem_free, mem_free);
unlock:
	mutex_unlock(&mattx_node_mutex);
	return error;
}

struct mattx_node_search {
	const char	*address;
	u32		node;
};

static void mattx_node_match(struct mattx_link *link, void *context)
{
	struct mattx_node_search *search = context;

	if (!strcmp(mattx_link_address(link), search->address))
		search->node = mattx_link_node(link);
}

int mattx_node_resolve(const char *name, u32 *node)
{
	struct mattx_node_search search = { .address = name };
	u8 binary[16];

	if (!kstrtou32(name, 10, node)) {
		struct mattx_link *link;

		if (!*node)
			return -EINVAL;
		if (*node == mattx_node_local())
			return 0;
		link = mattx_link_get(*node);
		if (!link)
			return -EHOSTUNREACH;
		mattx_link_put(link);
		return 0;
	}
	if (!in4_pton(name, -1, binary, -1, NULL) && !in6_pton(name, -1, binary, -1, NULL))
		return -EINVAL;
	mutex_lock(&mattx_node_mutex);
	if (mattx_local && !strcmp(name, mattx_local_address))
		search.node = mattx_local;
	mutex_unlock(&mattx_node_mutex);
	if (!search.node)
		mattx_links_visit(mattx_node_match, &search);
	*node = search.node;
	return search.node ? 0 : -EHOSTUNREACH;
}

struct mattx_node_choice {
	u32	from;
	u64	memory;		/* MiB that it needs */
	u32	best;		/* 0: none yet */
	u64	load;		/* of the best, per affinity; what is to be undercut */
};

/* The load that each unit of affinity carries, in parts fine enough to be compared. */
static u64 mattx_node_relative_load(u64 load, u32 affinity)
{
	return div_u64(load << 20, affinity);
}

static void mattx_node_consider(u32 number, struct mattx_node_choice *choice)
{
	struct mattx_node *node = xa_load(&mattx_nodes, number);
	u32 affinity = node ? READ_ONCE(node->affinity) : 0;
	u64 load;

	/* Without affinity there is no news of it. */
	if (number == choice->from || !affinity || READ_ONCE(node->mem_free) < choice->memory)
		return;
	load = mattx_node_relative_load((u64)READ_ONCE(node->load) + MATTX_LOAD_OF_ONE, affinity);
	if (load >= choice->load)
		return;
	choice->load = load;
	choice->best = number;
}

static void mattx_node_consider_link(struct mattx_link *link, void *context)
{
	mattx_node_consider(mattx_link_node(link), context);
}

u32 mattx_node_best(u32 from, u64 memory)
{
	struct mattx_node_choice choice = { .from = from, .memory = memory };
	struct mattx_node *node = xa_load(&mattx_nodes, from);
	u32 affinity = node ? READ_ONCE(node->affinity) : 0;

	if (!affinity)
		return 0;
	choice.load = mattx_node_relative_load(READ_ONCE(node->load), affinity);
	mattx_node_consider(mattx_node_local(), &choice);
	mattx_links_visit(mattx_node_consider_link, &choice);
	return choice.best;
}

/* One row; scripts cut these lines apart, so nothing may be added to them. */
static void mattx_node_row(struct seq_file *m, u32 number, const char *mark, const char *address)
{
	struct mattx_node *node = xa_load(&mattx_nodes, number);

	seq_printf(m, "%u%s\t%s\t%u\t\t%u\t\t%llu\n", number, mark, address,
		   node ? READ_ONCE(node->load) : 0, node ? READ_ONCE(node->affinity) : 0,
		   node ? READ_ONCE(node->mem_free) : 0);
}

static void mattx_node_show(struct mattx_link *link, void *context)
{
	mattx_node_row(context, mattx_link_node(link), "\t", mattx_link_address(link));
}

int mattx_node_address(char *text, size_t size)
{
	int length;

	mutex_lock(&mattx_node_mutex);
	length = scnprintf(text, size, "%s", mattx_local_address);
	mutex_unlock(&mattx_node_mutex);
	return length;
}

void mattx_nodes_show(struct seq_file *m)
{
	mutex_lock(&mattx_node_mutex);
	if (mattx_local)
		mattx_node_row(m, mattx_local, " (Local)", mattx_local_address);
	mutex_unlock(&mattx_node_mutex);
	mattx_links_visit(mattx_node_show, m);
}

void mattx_node_exit(void)
{
	struct mattx_node *node;
	unsigned long number;

	xa_for_each(&mattx_nodes, number, node)
		kfree(node);
	xa_destroy(&mattx_nodes);
}
