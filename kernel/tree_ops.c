// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on the names and inodes of this node that others ask for.  They
 * run in a thread of tree_serve.c with the rights of the caller.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/delayed_call.h>
#include <linux/iversion.h>
#include <linux/kdev_t.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/xattr.h>

#include "compat.h"
#include "compat_names.h"
#include "handle_private.h"
#include "tree_private.h"

/* Flags of an open that mean something here; creating and truncating are told apart. */
#define MATTX_TREE_OPEN_FLAGS	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | \
				 O_DIRECTORY | O_NOFOLLOW | O_NOATIME)

/* Files of these change only when somebody writes to them. */
static const unsigned long mattx_tree_storage[] = {
	TMPFS_MAGIC, RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, NFS_SUPER_MAGIC,
	SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC, FUSE_SUPER_MAGIC, V9FS_MAGIC, CEPH_SUPER_MAGIC,
	BCACHEFS_SUPER_MAGIC, ECRYPTFS_SUPER_MAGIC,
};

static bool mattx_tree_is_storage(const struct inode *inode)
{
	size_t i;

	if (!S_ISREG(inode->i_mode))
		return false;
	if (inode->i_sb->s_bdev)
		return true;
	for (i = 0; i < ARRAY_SIZE(mattx_tree_storage); i++)
		if (inode->i_sb->s_magic == mattx_tree_storage[i])
			return true;
	return false;
}

u64 mattx_tree_change_of(const struct dentry *dentry)
{
	/*
	 * An overlay counts no changes, and its times may be the same for all
	 * that happens in one tick: the file below tells more.
	 */
	struct inode *inode = d_real_inode(dentry);
	struct timespec64 change = inode_get_ctime(inode);
	struct timespec64 modify = inode_get_mtime(inode);
	u64 sum = 0;

	if (IS_I_VERSION(inode))
		sum = inode_query_iversion(inode);
	sum = sum * 1000003 + change.tv_sec;
	sum = sum * 1000003 + change.tv_nsec;
	sum = sum * 1000003 + modify.tv_sec;
	sum = sum * 1000003 + modify.tv_nsec;
	return sum * 1000003 + i_size_read(inode);
}

int mattx_tree_describe(const struct path *path, struct mattx_tree_reply *reply)
{
	struct inode *inode = d_inode(path->dentry);
	struct mattx_tree_node *node = &reply->node;
	struct kstat stat;
	int error;

	/* First: what changes in between counts as a change from here on. */
	node->change = mattx_tree_change_of(path->dentry);
	error = vfs_getattr(path, &stat, STATX_BASIC_STATS, 0);
	if (error)
		return error;
	mattx_attributes_from_stat(&node->attributes, &stat);
	node->traits = 0;
	if (!mattx_tree_is_storage(inode))
		node->traits |= MATTX_NODE_UNCACHED;
	if (S_ISFIFO(inode->i_mode) || S_ISCHR(inode->i_mode) || S_ISSOCK(inode->i_mode))
		node->traits |= MATTX_NODE_STREAM;
	reply->flags |= MATTX_REPLY_NODE;
	return 0;
}

/* A name in a folder: one word, NUL-terminated.  The caller frees it. */
static char *mattx_tree_name(const u8 *name, u16 length)
{
	char *word;

	if (length > MATTX_NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	if (!length || memchr(name, '/', length) || (length == 1 && name[0] == '.') ||
	    (length == 2 && name[0] == '.' && name[1] == '.'))
		return ERR_PTR(-EINVAL);
	word = kmemdup_nul(name, length, GFP_KERNEL);
	return word ?: ERR_PTR(-ENOMEM);
}

static int mattx_tree_find(const struct path *folder, const char *name, struct path *path)
{
	int error;

	if (!d_can_lookup(folder->dentry))
		return -ENOTDIR;
	error = vfs_path_lookup(folder->dentry, folder->mnt, name, 0, path);
	if (error)
		return error;
	/* Our own trees end here: nobody walks in circles around the cluster. */
	while (path->mnt->mnt_sb->s_magic == MATTX_TREE_MAGIC && follow_up(path))
		;
	return 0;
}

static s64 mattx_tree_lookup(struct mattx_tree_session *session, const struct path *folder,
			     const char *name, struct mattx_tree_answer *answer)
{
	struct path path;
	int error;

	error = mattx_tree_find(folder, name, &path);
	if (error)
		return error;
	return mattx_tree_give(session, &path, &answer->reply);
}

static s64 mattx_tree_readlink(const struct path *path, struct mattx_tree_answer *answer)
{
	struct inode *inode = d_inode(path->dentry);
	DEFINE_DELAYED_CALL(done);
	const char *text;

	if (!S_ISLNK(inode->i_mode))
		return -EINVAL;
	/* Those of /proc lead to places, not to names. */
	if (inode->i_op->readlink)
		return -EACCES;
	text = vfs_get_link(path->dentry, &done);
	if (IS_ERR(text))
		return PTR_ERR(text);
	answer->length = min_t(size_t, strlen(text), answer->room);
	memcpy(answer->data, text, answer->length);
	do_delayed_call(&done);
	return answer->length;
}

static void mattx_tree_change_times(const struct mattx_tree_change *change,
				    struct iattr *attributes)
{
	if (change->valid & MATTX_CHANGE_ACCESS)
		attributes->ia_valid |= ATTR_ATIME | ATTR_CTIME;
	if (change->valid & MATTX_CHANGE_ACCESS_SET)
		attributes->ia_valid |= ATTR_ATIME_SET;
	if (change->valid & MATTX_CHANGE_MODIFY)
		attributes->ia_valid |= ATTR_MTIME | ATTR_CTIME;
	if (change->valid & MATTX_CHANGE_MODIFY_SET)
		attributes->ia_valid |= ATTR_MTIME_SET;
	if (change->valid & MATTX_CHANGE_TOUCH)
		attributes->ia_valid |= ATTR_TOUCH;
	attributes->ia_atime.tv_sec = change->access_s;
	attributes->ia_atime.tv_nsec = change->access_ns;
	attributes->ia_mtime.tv_sec = change->modify_s;
	attributes->ia_mtime.tv_nsec = change->modify_ns;
}

static void mattx_tree_change_owner(const struct mattx_tree_change *change,
				    struct iattr *attributes)
{
	if (change->valid & MATTX_CHANGE_MODE) {
		attributes->ia_valid |= ATTR_MODE | ATTR_CTIME;
		attributes->ia_mode = change->mode;
	}
	if (change->valid & MATTX_CHANGE_UID) {
		attributes->ia_valid |= ATTR_UID | ATTR_CTIME;
		attributes->ia_vfsuid = VFSUIDT_INIT(make_kuid(&init_user_ns, change->uid));
	}
	if (change->valid & MATTX_CHANGE_GID) {
		attributes->ia_valid |= ATTR_GID | ATTR_CTIME;
		attributes->ia_vfsgid = VFSGIDT_INIT(make_kgid(&init_user_ns, change->gid));
	}
}

int mattx_tree_change(const struct path *path, struct file *file, struct mattx_tree_change *change)
{
	struct inode *inode = d_inode(path->dentry);
	struct iattr attributes = {};
	int error;

	if (change->valid & MATTX_CHANGE_SIZE && !file) {
		error = vfs_truncate(path, change->size);
		if (error)
			return error;
		change->valid &= ~(MATTX_CHANGE_SIZE | MATTX_CHANGE_MODIFY);
	}
	if (change->valid & MATTX_CHANGE_SIZE) {
		if (!(file->f_mode & FMODE_WRITE) || inode != file_inode(file))
			return -EINVAL;
		error = inode_newsize_ok(inode, change->size);
		if (error)
			return error;
		attributes.ia_valid |= ATTR_SIZE | ATTR_FILE | ATTR_MTIME | ATTR_CTIME;
		attributes.ia_size = change->size;
		attributes.ia_file = file;
		if (change->valid & MATTX_CHANGE_TRUNCATE)
			attributes.ia_valid |= ATTR_OPEN;
		if (!capable(CAP_FSETID))
			attributes.ia_valid |= ATTR_KILL_SUID | ATTR_KILL_SGID | ATTR_FORCE;
	}
	mattx_tree_change_owner(change, &attributes);
	mattx_tree_change_times(change, &attributes);
	if (!attributes.ia_valid)
		return 0;
	error = mnt_want_write(path->mnt);
	if (error)
		return error;
	inode_lock(inode);
	error = notify_change(mnt_idmap(path->mnt), path->dentry, &attributes, NULL);
	inode_unlock(inode);
	mnt_drop_write(path->mnt);
	return error;
}

static s64 mattx_tree_setattr(struct mattx_tree_session *session, const struct path *path,
			      const struct mattx_tree_request *request,
			      struct mattx_tree_answer *answer)
{
	struct mattx_tree_file *entry = NULL;
	struct mattx_tree_change change;
	struct mattx_cursor c;
	int error;

	mattx_cursor_init(&c, (void *)request->data, request->length);
	if (mattx_tree_change_decode(&c, &change))
		return -EBADMSG;
	if (request->other) {
		entry = mattx_tree_file_get(session, request->other);
		if (!entry)
			return -ESTALE;
	}
	answer->reply.node.before = mattx_tree_change_of(path->dentry);
	error = mattx_tree_change(path, entry ? entry->file : NULL, &change);
	if (!error)
		error = mattx_tree_describe(path, &answer->reply);
	if (entry)
		mattx_tree_file_put(entry);
	return error;
}

/* Executing needs no right to read. */
static struct file *mattx_tree_open_to_execute(const struct path *path, u32 flags)
{
	struct cred *cred;
	struct file *file;
	int error;

	error = inode_permission(mnt_idmap(path->mnt), d_inode(path->dentry), MAY_EXEC | MAY_OPEN);
	if (!error && (!S_ISREG(d_inode(path->dentry)->i_mode) || path->mnt->mnt_flags & MNT_NOEXEC ||
		       path->mnt->mnt_sb->s_iflags & SB_I_NOEXEC))
		error = -EACCES;
	if (error)
		return ERR_PTR(error);
	cred = prepare_kernel_cred(&init_task);
	if (!cred)
		return ERR_PTR(-ENOMEM);
	file = dentry_open(path, flags | O_LARGEFILE, cred);
	put_cred(cred);
	return file;
}

static s64 mattx_tree_open(struct mattx_tree_session *session, const struct path *path,
			   const struct mattx_tree_request *request,
			   struct mattx_tree_answer *answer)
{
	u32 flags = request->arguments[0];
	struct file *file;
	int error;

	if (request->arguments[1])
		file = mattx_tree_open_to_execute(path, flags & MATTX_TREE_OPEN_FLAGS);
	else
		file = file_open_root(path, "", (flags & MATTX_TREE_OPEN_FLAGS) | O_LARGEFILE, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	error = mattx_tree_describe(path, &answer->reply);
	if (error) {
		fput(file);
		return error;
	}
	if (file->f_mode & FMODE_STREAM)
		answer->reply.node.traits |= MATTX_NODE_STREAM | MATTX_NODE_UNCACHED;
	return mattx_tree_file_add(session, file, &answer->reply.opened);
}

/*
 * Opens what the caller knows by that name.  -ESTALE: the name is another's by
 * now, or nobody's.  Who may not look there came another way, without the name.
 */
static s64 mattx_tree_open_called(struct mattx_tree_session *session, const struct path *folder,
				  const char *name, const struct mattx_tree_request *request,
				  struct mattx_tree_answer *answer)
{
	struct path path, found;
	s64 result;

	result = mattx_tree_path(session, request->other, &path);
	if (result)
		return result;
	result = mattx_tree_find(folder, name, &found);
	if (!result) {
		if (d_inode(found.dentry) != d_inode(path.dentry))
			result = -ESTALE;
		path_put(&found);
	} else {
		result = result == -ENOENT || result == -ENOTDIR ? -ESTALE : 0;
	}
	if (!result)
		result = mattx_tree_open(session, &path, request, answer);
	path_put(&path);
	return result;
}

/* Finds, makes if wanted, and opens if it is a file or folder, in one go. */
static s64 mattx_tree_create(struct mattx_tree_session *session, const struct path *folder,
			     const char *name, const struct mattx_tree_request *request,
			     struct mattx_tree_answer *answer)
{
	u32 flags = request->arguments[0];
	umode_t mode = request->arguments[1] & S_IALLUGO;
	struct path path;
	struct file *file;
	bool found;
	int error;

	error = mattx_tree_find(folder, name, &path);
	found = !error;
	if (error && (error != -ENOENT || !(flags & O_CREAT)))
		return error;
	if (found && flags & O_CREAT && flags & O_EXCL) {
		path_put(&path);
		return -EEXIST;
	}
	if (found && !S_ISREG(d_inode(path.dentry)->i_mode) &&
	    !S_ISDIR(d_inode(path.dentry)->i_mode))
		/* The caller decides what it means to open that. */
		return mattx_tree_give(session, &path, &answer->reply);
	if (found) {
		file = file_open_root(&path, "", (flags & MATTX_TREE_OPEN_FLAGS) | O_LARGEFILE, 0);
	} else {
		/* Neither a link nor anything else may take the name meanwhile. */
		file = file_open_root(folder, name, (flags & MATTX_TREE_OPEN_FLAGS) | O_CREAT |
				      (flags & O_EXCL) | O_NOFOLLOW | O_LARGEFILE, mode);
		if (!IS_ERR(file)) {
			path = file->f_path;
			path_get(&path);
			if (file->f_mode & FMODE_CREATED)
				answer->reply.flags |= MATTX_REPLY_CREATED;
		}
	}
	if (IS_ERR(file)) {
		if (found)
			path_put(&path);
		return PTR_ERR(file);
	}
	error = mattx_tree_give(session, &path, &answer->reply);
	if (error) {
		fput(file);
		return error;
	}
	return mattx_tree_file_add(session, file, &answer->reply.opened);
}

static s64 mattx_tree_make(struct mattx_tree_session *session, const struct path *folder,
			   const char *name, const struct mattx_making *making,
			   struct mattx_tree_answer *answer)
{
	struct path path = { .mnt = folder->mnt };
	int error;

	if (!d_can_lookup(folder->dentry))
		return -ENOTDIR;
	error = mattx_make(folder, name, making, &path.dentry);
	if (error)
		return error;
	mntget(path.mnt);
	if (d_really_is_negative(path.dentry)) {
		/* Some file systems make what they do not show; look for it. */
		path_put(&path);
		return mattx_tree_lookup(session, folder, name, answer);
	}
	return mattx_tree_give(session, &path, &answer->reply);
}

static s64 mattx_tree_symlink(struct mattx_tree_session *session, const struct path *folder,
			      const char *name, const struct mattx_tree_request *request,
			      struct mattx_tree_answer *answer)
{
	struct mattx_making making = { .mode = S_IFLNK | 0777 };
	char *target;
	s64 result;

	if (!request->second_length)
		return -ENOENT;
	target = kmemdup_nul(request->second, request->second_length, GFP_KERNEL);
	if (!target)
		return -ENOMEM;
	making.target = target;
	result = mattx_tree_make(session, folder, name, &making, answer);
	kfree(target);
	return result;
}

static s64 mattx_tree_link(struct mattx_tree_session *session, const struct path *folder,
			   const char *name, const struct mattx_tree_request *request,
			   struct mattx_tree_answer *answer)
{
	struct mattx_making making = {};
	struct path existing;
	s64 result;

	result = mattx_tree_path(session, request->other, &existing);
	if (result)
		return result;
	making.existing = &existing;
	result = existing.mnt == folder->mnt ?
		 mattx_tree_make(session, folder, name, &making, answer) : -EXDEV;
	path_put(&existing);
	return result;
}

static s64 mattx_tree_rename(struct mattx_tree_session *session, const struct path *from,
			     const char *name, const struct mattx_tree_request *request)
{
	char *new_name;
	struct path to;
	s64 result;

	new_name = mattx_tree_name(request->second, request->second_length);
	if (IS_ERR(new_name))
		return PTR_ERR(new_name);
	result = mattx_tree_path(session, request->other, &to);
	if (result)
		goto free;
	if (from->mnt != to.mnt)
		result = -EXDEV;
	else if (!d_can_lookup(from->dentry) || !d_can_lookup(to.dentry))
		result = -ENOTDIR;
	else
		result = mattx_rename(from, name, &to, new_name, request->arguments[0]);
	path_put(&to);
free:
	kfree(new_name);
	return result;
}

static s64 mattx_tree_statfs(const struct path *path, struct mattx_tree_answer *answer)
{
	struct mattx_tree_figures figures = {};
	struct kstatfs statfs;
	struct mattx_cursor c;
	int error;

	error = vfs_statfs(path, &statfs);
	if (error)
		return error;
	figures.type = statfs.f_type;
	figures.block_size = statfs.f_bsize;
	figures.blocks = statfs.f_blocks;
	figures.free_blocks = statfs.f_bfree;
	figures.available_blocks = statfs.f_bavail;
	figures.files = statfs.f_files;
	figures.free_files = statfs.f_ffree;
	figures.identity = (u32)statfs.f_fsid.val[0] | (u64)(u32)statfs.f_fsid.val[1] << 32;
	figures.name_length = statfs.f_namelen;
	figures.fragment_size = statfs.f_frsize;
	figures.flags = statfs.f_flags;
	mattx_cursor_init(&c, answer->data, answer->room);
	mattx_tree_figures_encode(&c, &figures);
	answer->length = c.at - answer->data;
	return 0;
}

static s64 mattx_tree_xattr(const struct path *path, const char *name,
			    const struct mattx_tree_request *request,
			    struct mattx_tree_answer *answer)
{
	struct mnt_idmap *idmap = mnt_idmap(path->mnt);
	struct dentry *dentry = path->dentry;
	s64 result;

	switch (request->op) {
	case MATTX_TREE_GETXATTR:
		result = vfs_getxattr(idmap, dentry, name, answer->room ? answer->data : NULL,
				      answer->room);
		break;
	case MATTX_TREE_LISTXATTR:
		result = vfs_listxattr(dentry, answer->room ? (char *)answer->data : NULL,
				       answer->room);
		break;
	default:
		result = mnt_want_write(path->mnt);
		if (result)
			return result;
		if (request->op == MATTX_TREE_SETXATTR)
			result = vfs_setxattr(idmap, dentry, name, request->data, request->length,
					      request->arguments[0]);
		else
			result = vfs_removexattr(idmap, dentry, name);
		mnt_drop_write(path->mnt);
		return result;
	}
	if (result > 0 && answer->room)
		answer->length = result;
	return result;
}

static s64 mattx_tree_operate_name(struct mattx_tree_session *session, const struct path *path,
				   const char *name, const struct mattx_tree_request *request,
				   struct mattx_tree_answer *answer)
{
	struct mattx_making making = {
		.mode = request->arguments[0],
		.device = (u32)request->arguments[1],
	};

	switch (request->op) {
	case MATTX_TREE_LOOKUP:
		return mattx_tree_lookup(session, path, name, answer);
	case MATTX_TREE_OPEN:
		return mattx_tree_open_called(session, path, name, request, answer);
	case MATTX_TREE_CREATE:
		return mattx_tree_create(session, path, name, request, answer);
	case MATTX_TREE_MKDIR:
		making.mode = S_IFDIR | (making.mode & S_IALLUGO);
		return mattx_tree_make(session, path, name, &making, answer);
	case MATTX_TREE_MKNOD:
		if (S_ISDIR(making.mode) || S_ISLNK(making.mode))
			return -EINVAL;
		if ((S_ISCHR(making.mode) || S_ISBLK(making.mode)) && !capable(CAP_MKNOD))
			return -EPERM;
		return mattx_tree_make(session, path, name, &making, answer);
	case MATTX_TREE_SYMLINK:
		return mattx_tree_symlink(session, path, name, request, answer);
	case MATTX_TREE_LINK:
		return mattx_tree_link(session, path, name, request, answer);
	case MATTX_TREE_UNLINK:
	case MATTX_TREE_RMDIR:
		if (!d_can_lookup(path->dentry))
			return -ENOTDIR;
		return mattx_remove(path, name, request->op == MATTX_TREE_RMDIR);
	case MATTX_TREE_RENAME:
		return mattx_tree_rename(session, path, name, request);
	default:
		return -EOPNOTSUPP;
	}
}

static s64 mattx_tree_operate_node(struct mattx_tree_session *session, const struct path *path,
				   const struct mattx_tree_request *request,
				   struct mattx_tree_answer *answer)
{
	switch (request->op) {
	case MATTX_TREE_GETATTR:
		return mattx_tree_describe(path, &answer->reply);
	case MATTX_TREE_SETATTR:
		return mattx_tree_setattr(session, path, request, answer);
	case MATTX_TREE_READLINK:
		return mattx_tree_readlink(path, answer);
	case MATTX_TREE_ACCESS:
		return inode_permission(mnt_idmap(path->mnt), d_inode(path->dentry),
					request->arguments[0] & (MAY_READ | MAY_WRITE | MAY_EXEC));
	case MATTX_TREE_OPEN:
		return mattx_tree_open(session, path, request, answer);
	case MATTX_TREE_STATFS:
		return mattx_tree_statfs(path, answer);
	default:
		return -EOPNOTSUPP;
	}
}

static bool mattx_tree_is_xattr(u16 op)
{
	return op >= MATTX_TREE_GETXATTR && op <= MATTX_TREE_REMOVEXATTR;
}

static s64 mattx_tree_operate_xattr(const struct path *path,
				    const struct mattx_tree_request *request,
				    struct mattx_tree_answer *answer)
{
	char name[XATTR_NAME_MAX + 1];

	if (request->name_length > XATTR_NAME_MAX)
		return -ERANGE;
	if (request->name_length)
		memcpy(name, request->name, request->name_length);
	name[request->name_length] = 0;
	return mattx_tree_xattr(path, name, request, answer);
}

s64 mattx_tree_operate(struct mattx_tree_session *session,
		       const struct mattx_tree_request *request,
		       struct mattx_tree_answer *answer)
{
	struct path path;
	char *name;
	s64 result;

	if (request->op >= MATTX_TREE_READ && request->op <= MATTX_TREE_READDIR)
		return mattx_tree_operate_file(session, request, answer);
	if (request->op == MATTX_TREE_LOCK || request->op == MATTX_TREE_FLOCK)
		return mattx_tree_operate_file(session, request, answer);
	result = mattx_tree_path(session, request->node, &path);
	if (result)
		return result;
	if (mattx_tree_is_xattr(request->op)) {
		result = mattx_tree_operate_xattr(&path, request, answer);
	} else if (request->name_length) {
		name = mattx_tree_name(request->name, request->name_length);
		result = PTR_ERR_OR_ZERO(name);
		if (!result) {
			result = mattx_tree_operate_name(session, &path, name, request, answer);
			kfree(name);
		}
	} else {
		result = mattx_tree_operate_node(session, &path, request, answer);
	}
	path_put(&path);
	return result;
}
