/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTXFS_H
#define _MATTXFS_H
/*
 * MattXFS: /mattxfs/NODE/... is the root file system of that node.
 *
 * Consistency: writes go through to the home before write() returns, appends
 * are atomic there, and errors come back as themselves.  Attributes, names and
 * contents that were read are kept for MATTXFS_FRESH at most, and asked for
 * again after that.  What is opened is what has the name at home at that
 * moment, and taking a lock on a file asks at once for its contents, and for
 * all names of files.  What is written through a shared mapping goes home with
 * msync(), munmap() or close().
 *
 * mattxfs_super.c (mounting, the list of nodes), mattxfs_inode.c (inodes and
 * attributes), mattxfs_dir.c (names), mattxfs_file.c (open files),
 * mattxfs_page.c (the page cache), mattxfs_lock.c, mattxfs_xattr.c; mattxfs_om.c (/mattxfs/om).
 */
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "tree.h"

/* What was asked is believed for this long. */
#define MATTXFS_FRESH	HZ

struct mattxfs_inode {
	/* Set once. */
	u32		home;		/* node; 0: the list of nodes */
	u64		number;		/* there; MATTX_TREE_ROOT: its root */
	u64		serial;		/* of the link that the number is good for; 0: any */

	spinlock_t	lock;		/* all below */
	u32		traits;		/* MATTX_NODE_*; READ_ONCE without the lock */
	u64		given;		/* how often home has given the number */
	u64		change;		/* of the contents that are cached */
	u64		own_change;	/* mattxfs_changes when we last changed it ourselves */
	unsigned long	fresh;		/* jiffies: attributes count until then; READ_ONCE */
	unsigned long	rights;		/* the same for mode and owner, which outlast changes of ours */
	u32		device_major, device_minor;	/* at home */
	u32		block_size;
	char		*target;	/* of a symbolic link, once read; READ_ONCE */
	struct list_head writers;	/* open files that may write */

	struct inode	vfs;
};

/* An open file. */
struct mattxfs_file {
	u64		opened;		/* number at home */
	struct list_head writer;	/* of inode->writers */
	/* Folders: entries that were read ahead. */
	struct mutex	mutex;		/* all below */
	struct mattx_frame *entries;
	struct mattx_cursor cursor;
	loff_t		position;	/* of the next entry in them */
	bool		complete;	/* no entries follow them */
};

static inline struct mattxfs_inode *mattxfs_inode(const struct inode *inode)
{
	return container_of(inode, struct mattxfs_inode, vfs);
}

static inline void mattxfs_name(struct mattx_tree_request *request, const struct qstr *name)
{
	request->name = name->name;
	request->name_length = name->len;
}

/* Counts changes that we make; what was asked before one says nothing after it. */
extern atomic64_t mattxfs_changes;

/* mattxfs_inode.c */
/*
 * Carries the request out at the home of @inode and appends @data.  Returns
 * the result; see mattx_tree_execute().
 */
s64 mattxfs_call(struct inode *inode, struct mattx_tree_request *request, const void *data,
		 u32 length, struct mattx_tree_reply *reply, struct mattx_frame **answer);
/* The same, interrupted by any signal: for what may wait for ever. */
s64 mattxfs_call_waiting(struct inode *inode, struct mattx_tree_request *request,
			 const void *data, u32 length, struct mattx_tree_reply *reply,
			 struct mattx_frame **answer);
/*
 * The inode of a node that home has given out at @home over link @serial;
 * @asked: mattxfs_changes before it was asked.  Takes over what was given.
 */
struct inode *mattxfs_iget(struct super_block *sb, u32 home, u64 serial,
			   const struct mattx_tree_node *node, u64 asked);
/* Attributes that came with a reply: of our own change, or just read. */
void mattxfs_apply(struct inode *inode, const struct mattx_tree_node *node, bool own, u64 asked);
/* Asks home if what is known is too old. */
int mattxfs_refresh(struct inode *inode);
/* Nothing is known any more. */
void mattxfs_stale(struct inode *inode);
/* We have changed names in it, or of it: its size, times and links are others, its rights are not. */
void mattxfs_renamed(struct inode *inode);
int mattxfs_getattr(struct mnt_idmap *idmap, const struct path *path, struct kstat *stat,
		    u32 mask, unsigned int flags);
int mattxfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *change);
int mattxfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask);
/* The link's number that requests about @inode go over. */
u64 mattxfs_serial(const struct inode *inode);
void mattxfs_evict(struct inode *inode);
int mattxfs_inode_init(void);
void mattxfs_inode_exit(void);
struct inode *mattxfs_inode_alloc(struct super_block *sb);
void mattxfs_inode_free(struct inode *inode);

/* mattxfs_dir.c */
extern const struct inode_operations mattxfs_dir_iops;
extern const struct inode_operations mattxfs_symlink_iops;
extern const struct inode_operations mattxfs_special_iops;
extern const struct file_operations mattxfs_dir_fops;
extern const struct dentry_operations mattxfs_dops;

/* mattxfs_file.c */
extern const struct inode_operations mattxfs_file_iops;
extern const struct file_operations mattxfs_file_fops;
extern const struct file_operations mattxfs_special_fops;
/* What an open file needs, around the number that home gave it. */
int mattxfs_file_attach(struct inode *inode, struct file *file, u64 opened);
int mattxfs_open(struct inode *inode, struct file *file);
int mattxfs_release(struct inode *inode, struct file *file);
int mattxfs_fsync(struct file *file, loff_t start, loff_t end, int data_only);

/* mattxfs_page.c */
extern const struct address_space_operations mattxfs_aops;
/* No page that is being read is on its way any more. */
void mattxfs_page_exit(void);

/* mattxfs_lock.c */
int mattxfs_lock(struct file *file, int command, struct file_lock *lock);
int mattxfs_flock(struct file *file, int command, struct file_lock *lock);

/* mattxfs_xattr.c */
extern const struct xattr_handler * const mattxfs_xattr_handlers[];
ssize_t mattxfs_listxattr(struct dentry *dentry, char *list, size_t size);
struct posix_acl *mattxfs_get_inode_acl(struct inode *inode, int type, bool rcu);
struct posix_acl *mattxfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry, int type);
int mattxfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry, struct posix_acl *acl,
		    int type);

/* mattxfs_om.c */
/* The folder of processes; NULL: no memory. */
struct inode *mattxfs_om(struct super_block *sb);
/* It or something in it. */
bool mattxfs_is_om(const struct inode *inode);
/* What is known of something in it is still so.  Does not sleep. */
bool mattxfs_om_is_valid(const struct inode *inode);

/* mattxfs_super.c */
extern const struct inode_operations mattxfs_nodes_iops;
extern const struct file_operations mattxfs_nodes_fops;
/* The number that stat() tells for a device at @home; 0: none is left. */
dev_t mattxfs_device(u32 home, u32 major, u32 minor);

#endif /* _MATTXFS_H */
