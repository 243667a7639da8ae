// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inodes of MattXFS: what is known of files at their home, and for how long.
 */
#include <linux/fs_struct.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "mattxfs.h"

atomic64_t mattxfs_changes = ATOMIC64_INIT(0);
static struct kmem_cache *mattxfs_inode_cache;

u64 mattxfs_serial(const struct inode *inode)
{
	const struct mattxfs_inode *mi = mattxfs_inode(inode);

	return mi->number == MATTX_TREE_ROOT ? mattx_tree_serial(mi->home) : mi->serial;
}

static s64 mattxfs_call_any(struct inode *inode, struct mattx_tree_request *request,
			    const void *data, u32 length, bool interruptible,
			    struct mattx_tree_reply *reply, struct mattx_frame **answer)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct mattx_frame *frame;
	u64 serial = mi->serial;

	frame = mattx_tree_request(request, length);
	if (!frame)
		return -ENOMEM;
	if (length) {
		memcpy(frame->payload + frame->length, data, length);
		frame->length += length;
	}
	return mattx_tree_execute(mi->home, &serial, frame, interruptible, reply, answer);
}

s64 mattxfs_call(struct inode *inode, struct mattx_tree_request *request, const void *data,
		 u32 length, struct mattx_tree_reply *reply, struct mattx_frame **answer)
{
	return mattxfs_call_any(inode, request, data, length, false, reply, answer);
}

s64 mattxfs_call_waiting(struct inode *inode, struct mattx_tree_request *request,
			 const void *data, u32 length, struct mattx_tree_reply *reply,
			 struct mattx_frame **answer)
{
	return mattxfs_call_any(inode, request, data, length, true, reply, answer);
}

void mattxfs_renamed(struct inode *inode)
{
	WRITE_ONCE(mattxfs_inode(inode)->fresh, jiffies - 1);
}

void mattxfs_stale(struct inode *inode)
{
	mattxfs_renamed(inode);
	WRITE_ONCE(mattxfs_inode(inode)->rights, jiffies - 1);
}

static void mattxfs_copy_attributes(struct inode *inode, const struct mattx_file_attributes *a)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);

	lockdep_assert_held(&mi->lock);
	inode->i_mode = (inode->i_mode & S_IFMT) | (a->mode & S_IALLUGO);
	inode->i_uid = make_kuid(&init_user_ns, a->uid);
	inode->i_gid = make_kgid(&init_user_ns, a->gid);
	if (inode->i_nlink != a->links)
		set_nlink(inode, a->links);
	inode_set_atime(inode, a->access_s, a->access_ns);
	inode_set_mtime(inode, a->modify_s, a->modify_ns);
	inode_set_ctime(inode, a->change_s, a->change_ns);
	i_size_write(inode, a->size);
	inode->i_blocks = a->blocks;
	mi->device_major = a->device_major;
	mi->device_minor = a->device_minor;
	mi->block_size = a->block_size;
}

void mattxfs_apply(struct inode *inode, const struct mattx_tree_node *node, bool own, u64 asked)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	bool others = false;

	spin_lock(&mi->lock);
	if (!own && mi->own_change > asked) {
		/* Older than what we did meanwhile. */
		WRITE_ONCE(mi->fresh, jiffies - 1);
		spin_unlock(&mi->lock);
		return;
	}
	if (mi->change != node->change && !(own && mi->change == node->before))
		others = true;
	mi->change = node->change;
	if (own)
		mi->own_change = atomic64_inc_return(&mattxfs_changes);
	WRITE_ONCE(mi->traits, node->traits);
	mattxfs_copy_attributes(inode, &node->attributes);
	WRITE_ONCE(mi->fresh, jiffies + MATTXFS_FRESH);
	WRITE_ONCE(mi->rights, jiffies + MATTXFS_FRESH);
	spin_unlock(&mi->lock);
	if (!others || !inode->i_mapping->nrpages || !S_ISREG(inode->i_mode))
		return;
	/* Ours that were written to a mapping are not lost by it. */
	filemap_write_and_wait(inode->i_mapping);
	invalidate_inode_pages2(inode->i_mapping);
}

int mattxfs_refresh(struct inode *inode)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct mattx_tree_request request = {
		.op = MATTX_TREE_GETATTR,
		.node = mi->number,
	};
	u64 asked = atomic64_read(&mattxfs_changes);
	struct mattx_tree_reply reply;
	s64 result;

	if (!mi->home || time_before(jiffies, READ_ONCE(mi->fresh)))
		return 0;
	result = mattxfs_call(inode, &request, NULL, 0, &reply, NULL);
	if (result < 0)
		return result;
	if (!(reply.flags & MATTX_REPLY_NODE) ||
	    (reply.node.attributes.mode ^ inode->i_mode) & S_IFMT)
		return -ESTALE;
	mattxfs_apply(inode, &reply.node, false, asked);
	return 0;
}

int mattxfs_getattr(struct mnt_idmap *idmap, const struct path *path, struct kstat *stat,
		    u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	struct path root;
	int error;

	if (S_ISREG(inode->i_mode) && mapping_tagged(inode->i_mapping, PAGECACHE_TAG_DIRTY)) {
		error = filemap_write_and_wait(inode->i_mapping);
		if (error)
			return error;
	}
	error = mattxfs_refresh(inode);
	if (error)
		return error;
	generic_fillattr(idmap, mask, inode, stat);
	if (!mi->home)
		return 0;
	stat->blksize = mi->block_size;
	/*
	 * A guest, whose root this is, sees the device's number of its home.
	 * For everybody else that could be a device of this node.
	 */
	get_fs_root(current->fs, &root);
	if (root.mnt->mnt_sb == inode->i_sb)
		stat->dev = MKDEV(mi->device_major, mi->device_minor);
	else
		stat->dev = mattxfs_device(mi->home, mi->device_major, mi->device_minor) ?:
			    inode->i_sb->s_dev;
	path_put(&root);
	return 0;
}

int mattxfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *change)
{
	struct inode *inode = d_inode(dentry);
	struct mattx_tree_request request = {
		.op = MATTX_TREE_SETATTR,
		.node = mattxfs_inode(inode)->number,
	};
	struct mattx_tree_change wire = {};
	struct mattx_tree_reply reply;
	u8 data[MATTX_TREE_CHANGE_SIZE];
	struct mattx_cursor c;
	s64 result;

	if (change->ia_valid & ATTR_SIZE) {
		result = inode_newsize_ok(inode, change->ia_size);
		if (!result)
			result = filemap_write_and_wait(inode->i_mapping);
		if (result)
			return result;
	}
	mattx_tree_change_fill(&wire, change);
	if (change->ia_valid & ATTR_FILE && change->ia_file->private_data)
		request.other = ((struct mattxfs_file *)change->ia_file->private_data)->opened;
	mattx_cursor_init(&c, data, sizeof(data));
	mattx_tree_change_encode(&c, &wire);
	result = mattxfs_call(inode, &request, data, sizeof(data), &reply, NULL);
	if (result < 0)
		return result;
	if (change->ia_valid & ATTR_SIZE)
		truncate_setsize(inode, change->ia_size);
	mattxfs_apply(inode, &reply.node, true, 0);
	return 0;
}

/* Mode bits say most; access lists and the rules of home's file systems only home knows. */
int mattxfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_ACCESS,
		.node = mattxfs_inode(inode)->number,
		.arguments = { mask },
	};
	struct mattx_tree_reply reply;
	int error;

	if (!mattxfs_inode(inode)->home)
		return generic_permission(idmap, inode, mask);
	if (time_after_eq(jiffies, READ_ONCE(mattxfs_inode(inode)->rights))) {
		if (mask & MAY_NOT_BLOCK)
			return -ECHILD;
		error = mattxfs_refresh(inode);
		if (error)
			return error;
	}
	error = generic_permission(idmap, inode, mask);
	if (error != -EACCES || !(mask & (MAY_READ | MAY_WRITE | MAY_EXEC)))
		return error;
	if (mask & MAY_NOT_BLOCK)
		return -ECHILD;
	return mattxfs_call(inode, &request, NULL, 0, &reply, NULL);
}

struct mattxfs_key {
	u32	home;
	u64	serial;
	u64	number;
};

static int mattxfs_iget_test(struct inode *inode, void *data)
{
	const struct mattxfs_inode *mi = mattxfs_inode(inode);
	const struct mattxfs_key *key = data;

	return mi->home == key->home && mi->number == key->number && mi->serial == key->serial;
}

static int mattxfs_iget_set(struct inode *inode, void *data)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);
	const struct mattxfs_key *key = data;

	mi->home = key->home;
	mi->serial = key->serial;
	mi->number = key->number;
	return 0;
}

static void mattxfs_inode_dress(struct inode *inode, const struct mattx_file_attributes *a)
{
	inode->i_mode = a->mode;
	inode->i_ino = a->inode;
	/* Home looks at them; here they would be out of date at once. */
	inode->i_acl = ACL_DONT_CACHE;
	inode->i_default_acl = ACL_DONT_CACHE;
	switch (a->mode & S_IFMT) {
	case S_IFDIR:
		inode->i_op = &mattxfs_dir_iops;
		inode->i_fop = &mattxfs_dir_fops;
		break;
	case S_IFREG:
		inode->i_op = &mattxfs_file_iops;
		inode->i_fop = &mattxfs_file_fops;
		inode->i_mapping->a_ops = &mattxfs_aops;
		mapping_set_large_folios(inode->i_mapping);
		break;
	case S_IFLNK:
		inode->i_op = &mattxfs_symlink_iops;
		break;
	default:
		/* Devices and FIFOs are those of home, not of this node. */
		inode->i_op = &mattxfs_special_iops;
		inode->i_fop = &mattxfs_special_fops;
		inode->i_rdev = MKDEV(a->special_major, a->special_minor);
	}
}

struct inode *mattxfs_iget(struct super_block *sb, u32 home, u64 serial,
			   const struct mattx_tree_node *node, u64 asked)
{
	struct mattxfs_key key = {
		.home = home,
		.number = node->number,
		.serial = node->number == MATTX_TREE_ROOT ? 0 : serial,
	};
	struct mattxfs_inode *mi;
	struct inode *inode;

	inode = iget5_locked(sb, node->number * 31 + home, mattxfs_iget_test, mattxfs_iget_set,
			     &key);
	if (!inode) {
		if (node->number != MATTX_TREE_ROOT)
			mattx_tree_tell(home, serial, MATTX_TREE_FORGET, node->number, 1);
		return ERR_PTR(-ENOMEM);
	}
	mi = mattxfs_inode(inode);
	spin_lock(&mi->lock);
	mi->given++;
	spin_unlock(&mi->lock);
	if (mattx_inode_is_new(inode)) {
		mi->change = node->change;
		mattxfs_inode_dress(inode, &node->attributes);
		mattxfs_apply(inode, node, false, asked);
		unlock_new_inode(inode);
		return inode;
	}
	if ((inode->i_mode ^ node->attributes.mode) & S_IFMT) {
		iput(inode);
		return ERR_PTR(-ESTALE);
	}
	mattxfs_apply(inode, node, false, asked);
	return inode;
}

void mattxfs_evict(struct inode *inode)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (mi->home && mi->number != MATTX_TREE_ROOT)
		mattx_tree_tell(mi->home, mi->serial, MATTX_TREE_FORGET, mi->number, mi->given);
}

struct inode *mattxfs_inode_alloc(struct super_block *sb)
{
	struct mattxfs_inode *mi = alloc_inode_sb(sb, mattxfs_inode_cache, GFP_KERNEL);

	if (!mi)
		return NULL;
	mi->home = 0;
	mi->number = 0;
	mi->serial = 0;
	mi->traits = 0;
	mi->given = 0;
	mi->change = 0;
	mi->own_change = 0;
	mi->fresh = jiffies - 1;
	mi->rights = jiffies - 1;
	mi->target = NULL;
	spin_lock_init(&mi->lock);
	INIT_LIST_HEAD(&mi->writers);
	return &mi->vfs;
}

void mattxfs_inode_free(struct inode *inode)
{
	struct mattxfs_inode *mi = mattxfs_inode(inode);

	kfree(mi->target);
	kmem_cache_free(mattxfs_inode_cache, mi);
}

static void mattxfs_inode_once(void *memory)
{
	struct mattxfs_inode *mi = memory;

	inode_init_once(&mi->vfs);
}

int mattxfs_inode_init(void)
{
	mattxfs_inode_cache = kmem_cache_create("mattxfs_inode", sizeof(struct mattxfs_inode), 0,
						SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT,
						mattxfs_inode_once);
	return mattxfs_inode_cache ? 0 : -ENOMEM;
}

void mattxfs_inode_exit(void)
{
	/* Inodes are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(mattxfs_inode_cache);
}
