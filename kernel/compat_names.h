/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_COMPAT_NAMES_H
#define _MATTX_COMPAT_NAMES_H
/*
 * The part of compat.h about names in folders, whose interface changed from
 * "lock, look up, act, unlock" to start and end calls: one function for each
 * act, the same on all kernels.  All of them check the caller's rights, take
 * write access to the mount, and wait for storage.
 */
#include <linux/mount.h>
#include <linux/namei.h>

#include "compat.h"

static inline struct qstr mattx_qstr(const char *name)
{
	return (struct qstr)QSTR_INIT(name, strlen(name));
}

/* What to make; for links @target, for nodes @device. */
struct mattx_making {
	umode_t			mode;
	dev_t			device;
	const char		*target;	/* of a symbolic link; NULL: none */
	const struct path	*existing;	/* to link to; NULL: none */
};

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
static inline int mattx_make_locked(struct mnt_idmap *idmap, struct dentry *folder,
				    struct dentry **child, const struct mattx_making *making)
{
	struct inode *inode = d_inode(folder);

	if (d_is_positive(*child))
		return -EEXIST;
	if (making->existing)
		return vfs_link(making->existing->dentry, idmap, inode, *child, NULL);
	if (making->target)
		return vfs_symlink(idmap, inode, *child, making->target);
	if (S_ISDIR(making->mode))
		return vfs_mkdir(idmap, inode, *child, making->mode & ~S_IFMT);
	return vfs_mknod(idmap, inode, *child, making->mode, making->device);
}

/* On success *@made holds a reference to the new dentry. */
static inline int mattx_make(const struct path *folder, const char *name,
			     const struct mattx_making *making, struct dentry **made)
{
	struct mnt_idmap *idmap = mnt_idmap(folder->mnt);
	int error, read_only = mnt_want_write(folder->mnt);
	struct dentry *child;

	inode_lock_nested(d_inode(folder->dentry), I_MUTEX_PARENT);
	child = lookup_one(idmap, name, folder->dentry, strlen(name));
	error = PTR_ERR_OR_ZERO(child);
	if (!error) {
		/* That the name is taken comes first. */
		if (read_only && d_is_negative(child))
			error = read_only;
		else
			error = mattx_make_locked(idmap, folder->dentry, &child, making);
		if (!error)
			*made = child;
		else
			dput(child);
	}
	inode_unlock(d_inode(folder->dentry));
	if (!read_only)
		mnt_drop_write(folder->mnt);
	return error;
}

static inline int mattx_remove(const struct path *folder, const char *name, bool is_folder)
{
	struct mnt_idmap *idmap = mnt_idmap(folder->mnt);
	struct inode *inode = d_inode(folder->dentry);
	struct dentry *child;
	int error;

	error = mnt_want_write(folder->mnt);
	if (error)
		return error;
	inode_lock_nested(inode, I_MUTEX_PARENT);
	child = lookup_one(idmap, name, folder->dentry, strlen(name));
	error = PTR_ERR_OR_ZERO(child);
	if (!error) {
		if (d_is_negative(child))
			error = -ENOENT;
		else if (is_folder)
			error = vfs_rmdir(idmap, inode, child);
		else
			error = vfs_unlink(idmap, inode, child, NULL);
		dput(child);
	}
	inode_unlock(inode);
	mnt_drop_write(folder->mnt);
	return error;
}

static inline int mattx_rename(const struct path *from, const char *old_name,
			       const struct path *to, const char *new_name, unsigned int flags)
{
	struct renamedata data = {
		.old_mnt_idmap = mnt_idmap(from->mnt),
		.old_dir = d_inode(from->dentry),
		.new_mnt_idmap = mnt_idmap(to->mnt),
		.new_dir = d_inode(to->dentry),
		.flags = flags,
	};
	struct dentry *trap;
	int error;

	error = mnt_want_write(from->mnt);
	if (error)
		return error;
	trap = lock_rename(to->dentry, from->dentry);
	error = PTR_ERR_OR_ZERO(trap);
	if (error)
		goto drop;
	data.old_dentry = lookup_one(data.old_mnt_idmap, old_name, from->dentry, strlen(old_name));
	error = PTR_ERR_OR_ZERO(data.old_dentry);
	if (error)
		goto unlock;
	error = -ENOENT;
	if (d_is_negative(data.old_dentry))
		goto put_old;
	data.new_dentry = lookup_one(data.new_mnt_idmap, new_name, to->dentry, strlen(new_name));
	error = PTR_ERR_OR_ZERO(data.new_dentry);
	if (error)
		goto put_old;
	if (flags & RENAME_NOREPLACE && d_is_positive(data.new_dentry))
		error = -EEXIST;
	else if (flags & RENAME_EXCHANGE && d_is_negative(data.new_dentry))
		error = -ENOENT;
	else if (data.old_dentry == trap)
		error = -EINVAL;
	else if (data.new_dentry == trap)
		error = flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	else
		error = vfs_rename(&data);
	dput(data.new_dentry);
put_old:
	dput(data.old_dentry);
unlock:
	unlock_rename(to->dentry, from->dentry);
drop:
	mnt_drop_write(from->mnt);
	return error;
}
#else
static inline int mattx_make(const struct path *folder, const char *name,
			     const struct mattx_making *making, struct dentry **made)
{
	struct mnt_idmap *idmap = mnt_idmap(folder->mnt);
	int error, read_only = mnt_want_write(folder->mnt);
	struct inode *inode = d_inode(folder->dentry);
	struct qstr word = mattx_qstr(name);
	struct dentry *child;

	child = start_creating(idmap, folder->dentry, &word);
	error = PTR_ERR_OR_ZERO(child);
	if (error)
		goto drop;
	if (read_only) {
		/* That the name is taken would have come first. */
		error = read_only;
	} else if (making->existing) {
		error = vfs_link(making->existing->dentry, idmap, inode, child, NULL);
	} else if (making->target) {
		error = vfs_symlink(idmap, inode, child, making->target, NULL);
	} else if (S_ISDIR(making->mode)) {
		child = vfs_mkdir(idmap, inode, child, making->mode & ~S_IFMT, NULL);
		error = PTR_ERR_OR_ZERO(child);
	} else {
		error = vfs_mknod(idmap, inode, child, making->mode, making->device, NULL);
	}
	if (!error)
		*made = dget(child);
	end_creating(child);
drop:
	if (!read_only)
		mnt_drop_write(folder->mnt);
	return error;
}

static inline int mattx_remove(const struct path *folder, const char *name, bool is_folder)
{
	struct mnt_idmap *idmap = mnt_idmap(folder->mnt);
	struct inode *inode = d_inode(folder->dentry);
	struct qstr word = mattx_qstr(name);
	struct dentry *child;
	int error;

	error = mnt_want_write(folder->mnt);
	if (error)
		return error;
	child = start_removing(idmap, folder->dentry, &word);
	error = PTR_ERR_OR_ZERO(child);
	if (!error) {
		error = is_folder ? vfs_rmdir(idmap, inode, child, NULL) :
				    vfs_unlink(idmap, inode, child, NULL);
		end_removing(child);
	}
	mnt_drop_write(folder->mnt);
	return error;
}

static inline int mattx_rename(const struct path *from, const char *old_name,
			       const struct path *to, const char *new_name, unsigned int flags)
{
	struct renamedata data = {
		.mnt_idmap = mnt_idmap(from->mnt),
		.old_parent = from->dentry,
		.new_parent = to->dentry,
		.flags = flags,
	};
	struct qstr old_word = mattx_qstr(old_name), new_word = mattx_qstr(new_name);
	int error;

	error = mnt_want_write(from->mnt);
	if (error)
		return error;
	error = start_renaming(&data, 0, &old_word, &new_word);
	if (!error) {
		error = vfs_rename(&data);
		end_renaming(&data);
	}
	mnt_drop_write(from->mnt);
	return error;
}
#endif

#endif /* _MATTX_COMPAT_NAMES_H */
