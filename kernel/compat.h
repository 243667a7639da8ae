/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_COMPAT_H
#define _MATTX_COMPAT_H
/*
 * All differences between kernel versions.  The code is written for the
 * newest one; here older ones learn its names.  No other file asks for
 * LINUX_VERSION_CODE.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/kthread.h>
#include <linux/namei.h>
#include <linux/pagemap.h>
#include <linux/posix_acl_xattr.h>
#include <linux/rcupdate.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#include <linux/leafops.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
/* The file behind the first descriptor from *@fd on, which moves there. */
static inline struct file *fget_task_next(struct task_struct *task, unsigned int *fd)
{
	struct file *file;

	rcu_read_lock();
	file = task_lookup_next_fdget_rcu(task, fd);
	rcu_read_unlock();
	return file;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define kthread_run_worker kthread_create_worker
#endif

/* Asks for so many pages, however few the file's own readahead would take. */
static inline void mattx_readahead(struct readahead_control *window, unsigned long pages)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	/* It takes the lock itself. */
	page_cache_ra_unbounded(window, pages, 0);
#else
	filemap_invalidate_lock_shared(window->mapping);
	page_cache_ra_unbounded(window, pages, 0);
	filemap_invalidate_unlock_shared(window->mapping);
#endif
}

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

/* An entry of a page table that madvise(MADV_GUARD_INSTALL) made. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define MATTX_HAS_GUARDS	0
static inline bool mattx_pte_is_guard(pte_t entry)
{
	return false;
}
#else
#define MATTX_HAS_GUARDS	1
static inline bool mattx_pte_is_guard(pte_t entry)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	return is_guard_swp_entry(pte_to_swp_entry(entry));
#else
	return softleaf_is_guard_marker(softleaf_from_pte(entry));
#endif
}
#endif

/* The program's registered area for restartable sequences. */
struct mattx_rseq {
	unsigned long	address;	/* 0: none */
	u32		length;
	u32		signature;
};

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
static inline void mattx_rseq_get(struct mattx_rseq *rseq)
{
	rseq->address = (unsigned long)current->rseq;
	rseq->length = current->rseq_len;
	rseq->signature = current->rseq_sig;
}

static inline void mattx_rseq_set(const struct mattx_rseq *rseq)
{
	current->rseq = (struct rseq __user *)rseq->address;
	current->rseq_len = rseq->length;
	current->rseq_sig = rseq->signature;
	if (rseq->address)
		set_thread_flag(TIF_NOTIFY_RESUME);
}
#else
static inline void mattx_rseq_get(struct mattx_rseq *rseq)
{
	rseq->address = (unsigned long)current->rseq.usrptr;
	rseq->length = current->rseq.len;
	rseq->signature = current->rseq.sig;
}

static inline void mattx_rseq_set(const struct mattx_rseq *rseq)
{
	/* An update that was due already would go to an area that is not there any more. */
	rseq_reset(current);
	if (!rseq->address)
		return;
	scoped_guard(irqsave) {
		current->rseq.usrptr = (struct rseq __user *)rseq->address;
		current->rseq.len = rseq->length;
		current->rseq.sig = rseq->signature;
		/* The first layout of the area, which all C libraries can live with. */
		current->rseq.event.has_rseq = 1;
		/* It may have been captured inside of a section, as an interrupt had left it. */
		current->rseq.event.user_irq = true;
	}
	rseq_force_update();
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
#define mattx_robust_list(task)	((task)->robust_list)
#else
#define mattx_robust_list(task)	((task)->futex.robust_list)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
/* Defines @name, a d_revalidate() of a dentry whose parent is found here. */
#define MATTX_DEFINE_REVALIDATE(name, function)					\
static int name(struct dentry *dentry, unsigned int flags)			\
{										\
	struct dentry *parent;							\
	struct inode *dir;							\
	int valid;								\
										\
	if (flags & LOOKUP_RCU) {						\
		parent = READ_ONCE(dentry->d_parent);				\
		dir = d_inode_rcu(parent);					\
		return dir ? function(dir, &dentry->d_name, dentry, flags) : -ECHILD; \
	}									\
	parent = dget_parent(dentry);						\
	valid = function(d_inode(parent), &dentry->d_name, dentry, flags);	\
	dput(parent);								\
	return valid;								\
}
#else
#define MATTX_DEFINE_REVALIDATE(name, function)					\
static int name(struct inode *dir, const struct qstr *word, struct dentry *dentry, \
		unsigned int flags)						\
{										\
	return function(dir, word, dentry, flags);				\
}
#endif

/* The list as bytes of an extended attribute, kmalloc'd. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
static inline void *mattx_acl_encode(const struct posix_acl *acl, size_t *size)
{
	void *value;
	int error;

	*size = posix_acl_xattr_size(acl->a_count);
	value = kmalloc(*size, GFP_KERNEL);
	if (!value)
		return ERR_PTR(-ENOMEM);
	error = posix_acl_to_xattr(&init_user_ns, acl, value, *size);
	if (error >= 0)
		return value;
	kfree(value);
	return ERR_PTR(error);
}
#else
static inline void *mattx_acl_encode(const struct posix_acl *acl, size_t *size)
{
	return posix_acl_to_xattr(&init_user_ns, acl, size, GFP_KERNEL) ?: ERR_PTR(-ENOMEM);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
/* Defines @name, a mkdir() around a function that knows no idmap. */
#define MATTX_DEFINE_MKDIR(name, function)					\
static int name(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry, \
		umode_t mode)							\
{										\
	return function(dir, dentry, mode);					\
}
#else
#define MATTX_DEFINE_MKDIR(name, function)					\
static struct dentry *name(struct mnt_idmap *idmap, struct inode *dir,		\
			   struct dentry *dentry, umode_t mode)			\
{										\
	return ERR_PTR(function(dir, dentry, mode));				\
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
/* iget5_locked() has just made it. */
static inline bool mattx_inode_is_new(const struct inode *inode)
{
	return inode->i_state & I_NEW;
}

static inline void set_default_d_op(struct super_block *sb, const struct dentry_operations *ops)
{
	sb->s_d_op = ops;
}
#else
static inline bool mattx_inode_is_new(const struct inode *inode)
{
	return inode_state_read_once((struct inode *)inode) & I_NEW;
}
#endif

/* set_fs_pwd() is not for modules. */
static inline void mattx_fs_set_pwd(struct fs_struct *fs, const struct path *folder)
{
	struct path before;

	path_get(folder);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	spin_lock(&fs->lock);
	write_seqcount_begin(&fs->seq);
	before = fs->pwd;
	fs->pwd = *folder;
	write_seqcount_end(&fs->seq);
	spin_unlock(&fs->lock);
#else
	write_seqlock(&fs->seq);
	before = fs->pwd;
	fs->pwd = *folder;
	write_sequnlock(&fs->seq);
#endif
	path_put(&before);
}

#ifndef kzalloc_obj
#define kzalloc_obj(object) kzalloc(sizeof(object), GFP_KERNEL)
#endif

#ifndef S_ANON_INODE
#define S_ANON_INODE	0
#endif

#endif /* _MATTX_COMPAT_H */
