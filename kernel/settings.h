/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_SETTINGS_H
#define _MATTX_SETTINGS_H
/*
 * The switches of /proc/mattx/admin.  The module only keeps most of them, for
 * the daemon and for people to read; it is the daemon that acts on them.
 */
#include <linux/types.h>

struct seq_file;

struct mattx_settings {
	bool	balancer;
	bool	mattxfs;
	bool	debug;
	bool	block;		/* no guests are taken */
	bool	stay;		/* nothing moves away from here */
	bool	stay_local;	/* "lstay": what was born here stays where it is */
	bool	quiet;		/* peers are not told our load */
	u32	affinity;	/* 0: as measured */
};

/* Single fields are read with READ_ONCE. */
extern struct mattx_settings mattx_settings;

/* A line in the kernel log when "debug 1" was written; dynamic debug otherwise. */
#define mattx_debug(format, ...)					\
	do {								\
		if (READ_ONCE(mattx_settings.debug))			\
			pr_info(format, ##__VA_ARGS__);			\
		else							\
			pr_debug(format, ##__VA_ARGS__);		\
	} while (0)

enum mattx_name_list {
	MATTX_EXCLUDES,		/* commands that never move */
	MATTX_INCLUDES,		/* if not empty: the only ones that move */
	MATTX_NAME_LISTS,
};

/*
 * Names are separated by commas; an empty text clears the list.  -E2BIG: the
 * text is too long; -EINVAL: a name that no command can have.
 */
int mattx_settings_set_names(enum mattx_name_list which, const char *names);

/* The "Key: value" lines of /proc/mattx/nodes, which stay as they are. */
void mattx_settings_show(struct seq_file *m);
/* /proc/mattx/settings: all of them, by the names of their commands. */
void mattx_settings_show_all(struct seq_file *m);

#endif /* _MATTX_SETTINGS_H */
