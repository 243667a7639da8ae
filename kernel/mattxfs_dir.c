// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names in folders of MattXFS.
 */
#include <linux/fs.h>
#include <linux/delayed_call.h>
#include <linux/namei.h>
#include <linux/slab.h>

#include "mattxfs.h"

/* @locks: mattx_tree_locks() before home was asked. */
static void mattxfs_dentry_fresh(struct dentry *dentry, u64 locks)
{
	WRITE_ONCE(dentry->d_fsdata, (void *)(unsigned long)locks);
	WRITE_ONCE(dentry->d_time, jiffies + MATTXFS_FRESH);
}

static void mattxfs_dentry_stale(struct dentry *dentry)
{
	dentry->d_time = jiffies - 1;
}

static bool mattxfs_dentry_is_fresh(const struct dentry *dentry, const struct inode *inode)
{
	if (!time_before(jiffies, READ_ONCE(dentry->d_time)))
		return false;
	/* What folders are on the way nobody arranges by locks. */
	return (inode && S_ISDIR(inode->i_mode)) ||
	       (unsigned long)READ_ONCE(dentry->d_fsdata) == (unsigned long)mattx_tree_locks();
}

/* The inode that a reply about @dir gives; its reference is the caller's. */
static struct inode *mattxfs_reply_inode(struct inode *dir, const struct mattx_tree_reply *reply,
					 u64 serial, u64 asked)
{
	if (!(reply->flags & MATTX_REPLY_NODE))
		return ERR_PTR(-EIO);
	return mattxfs_iget(dir->i_sb, mattxfs_inode(dir)->home, serial, &reply->node, asked);
}

/*
 * What is to be made anew is not looked up before: home says when it is there.
 * But that the name is taken comes before what the folder's rights say.
 */
static bool mattxfs_home_will_say(struct inode *dir, unsigned int flags)
{
	return (flags & (LOOKUP_CREATE | LOOKUP_EXCL)) == (LOOKUP_CREATE | LOOKUP_EXCL) &&
	       !inode_permission(&nop_mnt_idmap, dir, MAY_WRITE | MAY_EXEC);
}

static struct dentry *mattxfs_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_LOOKUP,
		.node = mattxfs_inode(dir)->number,
	};
	u64 asked = atomic64_read(&mattxfs_changes), locks = mattx_tree_locks();
	u64 serial = mattxfs_serial(dir);
	struct mattx_tree_reply reply;
	struct inode *inode = NULL;
	s64 result;

	if (dentry->d_name.len > MATTX_NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	if (mattxfs_home_will_say(dir, flags)) {
		mattxfs_dentry_stale(dentry);
		return d_splice_alias(NULL, dentry);
	}
	mattxfs_name(&request, &dentry->d_name);
	result = mattxfs_call(dir, &request, NULL, 0, &reply, NULL);
	if (result < 0 && result != -ENOENT)
		return ERR_PTR(result);
	if (!result)
		inode = mattxfs_reply_inode(dir, &reply, serial, asked);
	mattxfs_dentry_fresh(dentry, locks);
	return d_splice_alias(inode, dentry);
}

static int mattxfs_revalidate_ask(struct inode *dir, const struct qstr *name,
				  struct dentry *dentry)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_LOOKUP,
		.node = mattxfs_inode(dir)->number,
	};
	u64 asked = atomic64_read(&mattxfs_changes), locks = mattx_tree_locks();
	u64 serial = mattxfs_serial(dir);
	struct inode *known = d_inode(dentry), *inode;
	struct mattx_tree_reply reply;
	s64 result;
	int valid;

	mattxfs_name(&request, name);
	result = mattxfs_call(dir, &request, NULL, 0, &reply, NULL);
	if (result < 0 && result != -ENOENT)
		return result == -ESTALE ? 0 : result;
	if (result == -ENOENT) {
		valid = !known;
	} else {
		inode = mattxfs_reply_inode(dir, &reply, serial, asked);
		if (IS_ERR(inode))
			return PTR_ERR(inode) == -ESTALE ? 0 : PTR_ERR(inode);
		valid = inode == known;
		iput(inode);
	}
	if (valid)
		mattxfs_dentry_fresh(dentry, locks);
	return valid;
}

static int mattxfs_revalidate(struct inode *dir, const struct qstr *name, struct dentry *dentry,
			      unsigned int flags)
{
	struct inode *inode = d_inode_rcu(dentry);
	u64 serial;

	if (mattxfs_is_om(dir))
		return inode && mattxfs_om_is_valid(inode);
	/* The roots of the nodes: as long as there is a link. */
	if (!mattxfs_inode(dir)->home)
		return inode && (!mattxfs_inode(inode)->home ||
				 mattx_tree_serial(mattxfs_inode(inode)->home));
	serial = mattxfs_serial(dir);
	/* After a new link home knows nothing of the old numbers. */
	if (inode && mattxfs_inode(inode)->serial != serial)
		return flags & LOOKUP_RCU ? -ECHILD : 0;
	/* That a name is taken, only home can say. */
	if (mattxfs_dentry_is_fresh(dentry, inode) && !(flags & LOOKUP_REVAL) &&
	    !(inode && flags & LOOKUP_EXCL))
		return 1;
	if (flags & LOOKUP_RCU)
		return -ECHILD;
	/* It will be made or not; the home says. */
	if (!inode && flags & (LOOKUP_CREATE | LOOKUP_RENAME_TARGET))
		return 0;
	return mattxfs_revalidate_ask(dir, name, dentry);
}

/* Nobody uses it: what is too old is not worth keeping, nor is a name that is gone. */
static int mattxfs_delete(const struct dentry *dentry)
{
	return d_really_is_positive(dentry) && !d_inode(dentry)->i_nlink;
}

MATTX_DEFINE_REVALIDATE(mattxfs_d_revalidate, mattxfs_revalidate)

const struct dentry_operations mattxfs_dops = {
	.d_revalidate	= mattxfs_d_revalidate,
	.d_delete	= mattxfs_delete,
};

/* A new name in @dir: its inode, and what is known of the folder is out of date. */
static int mattxfs_instantiate(struct inode *dir, struct dentry *dentry,
			       const struct mattx_tree_reply *reply, u64 serial, u64 locks)
{
	struct inode *inode;

	mattxfs_renamed(dir);
	inode = mattxfs_reply_inode(dir, reply, serial, atomic64_read(&mattxfs_changes));
	if (IS_ERR(inode)) {
		d_drop(dentry);
		return PTR_ERR(inode);
	}
	mattxfs_dentry_fresh(dentry, locks);
	d_instantiate(dentry, inode);
	return 0;
}

static int mattxfs_make(struct inode *dir, struct dentry *dentry,
			struct mattx_tree_request *request)
{
	u64 serial = mattxfs_serial(dir), locks = mattx_tree_locks();
	struct mattx_tree_reply reply;
	s64 result;

	request->node = mattxfs_inode(dir)->number;
	mattxfs_name(request, &dentry->d_name);
	result = mattxfs_call(dir, request, NULL, 0, &reply, NULL);
	if (result < 0) {
		/* Somebody has made it, or it was there and nobody had asked. */
		d_drop(dentry);
		return result;
	}
	return mattxfs_instantiate(dir, dentry, &reply, serial, locks);
}

static int mattxfs_create(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
			  umode_t mode, bool exclusive)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_MKNOD,
		.arguments = { S_IFREG | mode },
	};

	return mattxfs_make(dir, dentry, &request);
}

static int mattxfs_mknod(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
			 umode_t mode, dev_t device)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_MKNOD,
		.arguments = { mode, device },
	};

	return mattxfs_make(dir, dentry, &request);
}

static int mattxfs_mkdir_plain(struct inode *dir, struct dentry *dentry, umode_t mode)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_MKDIR,
		.arguments = { mode },
	};

	return mattxfs_make(dir, dentry, &request);
}

MATTX_DEFINE_MKDIR(mattxfs_mkdir, mattxfs_mkdir_plain)

static int mattxfs_symlink(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
			   const char *target)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_SYMLINK,
		.second = target,
		.second_length = strlen(target),
	};

	return mattxfs_make(dir, dentry, &request);
}

static int mattxfs_link(struct dentry *old, struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(old);
	struct mattx_tree_request request = {
		.op = MATTX_TREE_LINK,
		.other = mattxfs_inode(inode)->number,
	};
	int error;

	if (mattxfs_inode(inode)->home != mattxfs_inode(dir)->home)
		return -EXDEV;
	error = mattxfs_make(dir, dentry, &request);
	mattxfs_renamed(inode);
	return error;
}

static int mattxfs_remove(struct inode *dir, struct dentry *dentry, enum mattx_tree_op op)
{
	struct mattx_tree_request request = {
		.op = op,
		.node = mattxfs_inode(dir)->number,
	};
	u64 locks = mattx_tree_locks();
	struct mattx_tree_reply reply;
	s64 result;

	mattxfs_name(&request, &dentry->d_name);
	result = mattxfs_call(dir, &request, NULL, 0, &reply, NULL);
	if (result < 0) {
		if (result == -ENOENT)
			d_drop(dentry);
		return result;
	}
	atomic64_inc(&mattxfs_changes);
	mattxfs_renamed(dir);
	mattxfs_renamed(d_inode(dentry));
	/* The VFS makes a negative name of it: true now, and for a while. */
	mattxfs_dentry_fresh(dentry, locks);
	return 0;
}

static int mattxfs_unlink(struct inode *dir, struct dentry *dentry)
{
	return mattxfs_remove(dir, dentry, MATTX_TREE_UNLINK);
}

static int mattxfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	int error = mattxfs_remove(dir, dentry, MATTX_TREE_RMDIR);

	if (!error)
		clear_nlink(d_inode(dentry));
	return error;
}

static int mattxfs_rename(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
			  struct inode *new_dir, struct dentry *new_dentry, unsigned int flags)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_RENAME,
		.node = mattxfs_inode(dir)->number,
		.other = mattxfs_inode(new_dir)->number,
		.second = new_dentry->d_name.name,
		.second_length = new_dentry->d_name.len,
		.arguments = { flags },
	};
	u64 locks = mattx_tree_locks();
	struct mattx_tree_reply reply;
	s64 result;

	if (mattxfs_inode(dir)->home != mattxfs_inode(new_dir)->home)
		return -EXDEV;
	mattxfs_name(&request, &dentry->d_name);
	result = mattxfs_call(dir, &request, NULL, 0, &reply, NULL);
	if (result < 0)
		return result;
	atomic64_inc(&mattxfs_changes);
	mattxfs_renamed(dir);
	mattxfs_renamed(new_dir);
	mattxfs_renamed(d_inode(dentry));
	if (d_really_is_positive(new_dentry))
		mattxfs_renamed(d_inode(new_dentry));
	/* The VFS swaps the names; both say the truth. */
	mattxfs_dentry_fresh(dentry, locks);
	mattxfs_dentry_fresh(new_dentry, locks);
	return 0;
}

/* mattxfs_file_attach() has done it. */
static int mattxfs_opened(struct inode *inode, struct file *file)
{
	return 0;
}

/* Looks up, makes if wanted, and opens, in one request. */
static int mattxfs_atomic_open(struct inode *dir, struct dentry *dentry, struct file *file,
			       unsigned int flags, umode_t mode)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_CREATE,
		.node = mattxfs_inode(dir)->number,
		.arguments = { flags & ~(O_TRUNC | O_PATH), mode },
	};
	u64 asked = atomic64_read(&mattxfs_changes), locks = mattx_tree_locks();
	u64 serial = mattxfs_serial(dir);
	struct mattx_tree_reply reply;
	struct dentry *alias = NULL;
	struct inode *inode;
	s64 result;
	int error;

	if (dentry->d_name.len > MATTX_NAME_MAX)
		return -ENAMETOOLONG;
	mattxfs_name(&request, &dentry->d_name);
	result = mattxfs_call(dir, &request, NULL, 0, &reply, NULL);
	if (result == -ENOENT && !(flags & O_CREAT)) {
		mattxfs_dentry_fresh(dentry, locks);
		if (d_in_lookup(dentry))
			d_add(dentry, NULL);
		return finish_no_open(file, NULL);
	}
	if (result < 0) {
		/* O_EXCL: somebody made it; and what it is will be looked up when asked for. */
		d_drop(dentry);
		return result;
	}
	inode = mattxfs_reply_inode(dir, &reply, serial, asked);
	if (IS_ERR(inode)) {
		if (reply.opened)
			mattx_tree_tell(mattxfs_inode(dir)->home, serial, MATTX_TREE_RELEASE,
					reply.opened, 0);
		return PTR_ERR(inode);
	}
	if (reply.flags & MATTX_REPLY_CREATED)
		mattxfs_renamed(dir);
	mattxfs_dentry_fresh(dentry, locks);
	/* It was negative and cached: it is looked up again. */
	if (!d_in_lookup(dentry))
		d_drop(dentry);
	alias = d_splice_alias(inode, dentry);
	if (IS_ERR(alias)) {
		error = PTR_ERR(alias);
		goto release;
	}
	if (alias) {
		mattxfs_dentry_fresh(alias, locks);
		dentry = alias;
	}
	if (!reply.opened)
		return finish_no_open(file, alias);
	if (reply.flags & MATTX_REPLY_CREATED)
		file->f_mode |= FMODE_CREATED;
	error = mattxfs_file_attach(d_inode(dentry), file, reply.opened);
	if (!error) {
		error = finish_open(file, dentry, mattxfs_opened);
		/* The VFS closes what it has opened, and nothing else. */
		if (error && !(file->f_mode & FMODE_OPENED))
			mattxfs_release(d_inode(dentry), file);
		dput(alias);
		return error;
	}
	dput(alias);
release:
	if (reply.opened)
		mattx_tree_tell(mattxfs_inode(dir)->home, serial, MATTX_TREE_RELEASE,
				reply.opened, 0);
	return error;
}

static const char *mattxfs_get_link(struct dentry *dentry, struct inode *inode,
				    struct delayed_call *done)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct mattx_tree_request request = {
		.op = MATTX_TREE_READLINK,
		.node = mi->number,
	};
	const char *known = READ_ONCE(mi->target);
	struct mattx_tree_reply reply;
	struct mattx_frame *answer;
	char *target = NULL;
	s64 result;

	/* What a link says never changes. */
	if (known)
		return known;
	if (!dentry)
		return ERR_PTR(-ECHILD);
	result = mattxfs_call(inode, &request, NULL, 0, &reply, &answer);
	if (result >= 0) {
		target = kmemdup_nul(reply.data, reply.length, GFP_KERNEL);
		result = target ? 0 : -ENOMEM;
	}
	mattx_frame_free(answer);
	if (result < 0)
		return ERR_PTR(result);
	known = cmpxchg(&mi->target, NULL, target);
	if (!known)
		return target;
	kfree(target);
	return known;
}

static int mattxfs_fill_entries(struct file *file, struct mattxfs_file *open)
{
	struct inode *inode = file_inode(file);
	struct mattx_tree_request request = {
		.op = MATTX_TREE_READDIR,
		.other = open->opened,
		.arguments = { open->position, MATTX_TREE_LIST },
	};
	struct mattx_tree_reply reply;
	s64 result;

	mattx_frame_free(open->entries);
	open->entries = NULL;
	result = mattxfs_call(inode, &request, NULL, 0, &reply, &open->entries);
	if (result < 0) {
		mattx_frame_free(open->entries);
		open->entries = NULL;
		return result;
	}
	open->complete = result;
	mattx_cursor_init(&open->cursor, (void *)reply.data, reply.length);
	return 0;
}

static int mattxfs_iterate_locked(struct file *file, struct mattxfs_file *open,
				  struct dir_context *context)
{
	struct mattx_tree_entry entry;
	struct mattx_cursor before;
	int error;

	if (context->pos != open->position || !context->pos) {
		mattx_frame_free(open->entries);
		open->entries = NULL;
		open->position = context->pos;
	}
	for (;;) {
		if (!open->entries || open->cursor.at == open->cursor.end) {
			if (open->entries && open->complete)
				return 0;
			error = mattxfs_fill_entries(file, open);
			if (error)
				return error;
			if (open->cursor.at == open->cursor.end)
				return 0;
		}
		before = open->cursor;
		if (mattx_tree_entry_decode(&open->cursor, &entry))
			return -EIO;
		if (!dir_emit(context, entry.name, entry.name_length, entry.inode, entry.type)) {
			open->cursor = before;
			return 0;
		}
		open->position = entry.next;
		context->pos = entry.next;
	}
}

static int mattxfs_iterate(struct file *file, struct dir_context *context)
{
	struct mattxfs_file *open = file->private_data;
	int error;

	mutex_lock(&open->mutex);
	error = mattxfs_iterate_locked(file, open, context);
	mutex_unlock(&open->mutex);
	return error;
}

/* Positions in folders are home's own, and may be any number. */
static loff_t mattxfs_dir_llseek(struct file *file, loff_t offset, int whence)
{
	if (whence == SEEK_CUR)
		offset += file->f_pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	file->f_pos = offset;
	return offset;
}

const struct inode_operations mattxfs_dir_iops = {
	.lookup		= mattxfs_lookup,
	.create		= mattxfs_create,
	.link		= mattxfs_link,
	.unlink		= mattxfs_unlink,
	.symlink	= mattxfs_symlink,
	.mkdir		= mattxfs_mkdir,
	.rmdir		= mattxfs_rmdir,
	.mknod		= mattxfs_mknod,
	.rename		= mattxfs_rename,
	.atomic_open	= mattxfs_atomic_open,
	.permission	= mattxfs_permission,
	.getattr	= mattxfs_getattr,
	.setattr	= mattxfs_setattr,
	.listxattr	= mattxfs_listxattr,
	.get_acl	= mattxfs_get_acl,
	.get_inode_acl	= mattxfs_get_inode_acl,
	.set_acl	= mattxfs_set_acl,
};

const struct inode_operations mattxfs_symlink_iops = {
	.get_link	= mattxfs_get_link,
	.permission	= mattxfs_permission,
	.getattr	= mattxfs_getattr,
	.setattr	= mattxfs_setattr,
	.listxattr	= mattxfs_listxattr,
	.get_inode_acl	= mattxfs_get_inode_acl,
};

const struct inode_operations mattxfs_special_iops = {
	.permission	= mattxfs_permission,
	.getattr	= mattxfs_getattr,
	.setattr	= mattxfs_setattr,
	.listxattr	= mattxfs_listxattr,
	.get_acl	= mattxfs_get_acl,
	.get_inode_acl	= mattxfs_get_inode_acl,
	.set_acl	= mattxfs_set_acl,
};

const struct file_operations mattxfs_dir_fops = {
	.owner		= THIS_MODULE,
	.open		= mattxfs_open,
	.release	= mattxfs_release,
	.iterate_shared	= mattxfs_iterate,
	.llseek		= mattxfs_dir_llseek,
	.read		= generic_read_dir,
	.fsync		= mattxfs_fsync,
	.lock		= mattxfs_lock,
	.flock		= mattxfs_flock,
};
