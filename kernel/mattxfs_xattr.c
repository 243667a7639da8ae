// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes and access lists of files of MattXFS: those at home.
 */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/slab.h>
#include <linux/xattr.h>

#include "mattxfs.h"

static ssize_t mattxfs_xattr_read(struct inode *inode, enum mattx_tree_op op, const char *name,
				  void *buffer, size_t size)
{
	struct mattx_tree_request request = {
		.op = op,
		.node = mattxfs_inode(inode)->number,
		.arguments = { size },
		.name = name,
		.name_length = name ? strlen(name) : 0,
	};
	struct mattx_tree_reply reply;
	struct mattx_frame *answer;
	s64 result;

	result = mattxfs_call(inode, &request, NULL, 0, &reply, &answer);
	if (result > 0 && size) {
		if (result != reply.length)
			result = -EIO;
		else if (result > size)
			result = -ERANGE;
		else
			memcpy(buffer, reply.data, result);
	}
	mattx_frame_free(answer);
	return result;
}

static int mattxfs_xattr_change(struct inode *inode, const char *name, const void *value,
				size_t size, int flags)
{
	struct mattx_tree_request request = {
		.op = value ? MATTX_TREE_SETXATTR : MATTX_TREE_REMOVEXATTR,
		.node = mattxfs_inode(inode)->number,
		.arguments = { flags },
		.name = name,
		.name_length = strlen(name),
	};
	struct mattx_tree_reply reply;
	s64 result;

	result = mattxfs_call(inode, &request, value, value ? size : 0, &reply, NULL);
	if (!result)
		mattxfs_stale(inode);
	return result;
}

ssize_t mattxfs_listxattr(struct dentry *dentry, char *list, size_t size)
{
	if (!mattxfs_inode(d_inode(dentry))->home)
		return 0;
	return mattxfs_xattr_read(d_inode(dentry), MATTX_TREE_LISTXATTR, NULL, list, size);
}

static int mattxfs_xattr_get(const struct xattr_handler *handler, struct dentry *dentry,
			     struct inode *inode, const char *name, void *buffer, size_t size)
{
	if (!mattxfs_inode(inode)->home)
		return -EOPNOTSUPP;
	return mattxfs_xattr_read(inode, MATTX_TREE_GETXATTR, name, buffer, size);
}

static int mattxfs_xattr_set(const struct xattr_handler *handler, struct mnt_idmap *idmap,
			     struct dentry *dentry, struct inode *inode, const char *name,
			     const void *value, size_t size, int flags)
{
	if (!mattxfs_inode(inode)->home)
		return -EOPNOTSUPP;
	return mattxfs_xattr_change(inode, name, value, size, flags);
}

static const struct xattr_handler mattxfs_xattr_handler = {
	.prefix	= "",
	.get	= mattxfs_xattr_get,
	.set	= mattxfs_xattr_set,
};

const struct xattr_handler * const mattxfs_xattr_handlers[] = {
	&mattxfs_xattr_handler,
	NULL,
};

static const char *mattxfs_acl_name(int type)
{
	return type == ACL_TYPE_ACCESS ? XATTR_NAME_POSIX_ACL_ACCESS :
					 XATTR_NAME_POSIX_ACL_DEFAULT;
}

/* For the checks of rights: mode bits first, then home is asked (mattxfs_permission()). */
struct posix_acl *mattxfs_get_inode_acl(struct inode *inode, int type, bool rcu)
{
	return NULL;
}

struct posix_acl *mattxfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry, int type)
{
	struct inode *inode = d_inode(dentry);
	struct posix_acl *acl;
	ssize_t size;
	void *value;

	if (!mattxfs_inode(inode)->home)
		return NULL;
	value = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!value)
		return ERR_PTR(-ENOMEM);
	size = mattxfs_xattr_read(inode, MATTX_TREE_GETXATTR, mattxfs_acl_name(type), value,
				  PAGE_SIZE);
	if (size > 0)
		acl = posix_acl_from_xattr(&init_user_ns, value, size);
	else
		acl = size == 0 || size == -ENODATA ? NULL : ERR_PTR(size);
	kfree(value);
	return acl;
}

int mattxfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry, struct posix_acl *acl,
		    int type)
{
	struct inode *inode = d_inode(dentry);
	const char *name = mattxfs_acl_name(type);
	size_t size;
	void *value;
	int error;

	if (!mattxfs_inode(inode)->home)
		return -EOPNOTSUPP;
	if (!acl) {
		error = mattxfs_xattr_change(inode, name, NULL, 0, 0);
		return error == -ENODATA ? 0 : error;
	}
	value = mattx_acl_encode(acl, &size);
	if (IS_ERR(value))
		return PTR_ERR(value);
	error = mattxfs_xattr_change(inode, name, value, size, 0);
	kfree(value);
	return error;
}
