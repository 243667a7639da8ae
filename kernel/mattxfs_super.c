// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MattXFS: the root file systems of all nodes under one mount point.  Mounting
 * it, and the folder that lists the nodes.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/xarray.h>

#include "mattxfs.h"

#define MATTXFS_READAHEAD	(1u << 20)	/* bytes */
#define MATTXFS_MAX_NODES	1024u
#define MATTXFS_OM		"om"	/* beside the nodes' numbers: control of processes */

/* Devices of other nodes as stat() tells them here, by node and number there. */
static DEFINE_XARRAY(mattxfs_devices);
static DEFINE_MUTEX(mattxfs_devices_mutex);

dev_t mattxfs_device(u32 home, u32 major, u32 minor)
{
	unsigned long key = (unsigned long)home << 32 | (u32)MKDEV(major, minor);
	void *entry = xa_load(&mattxfs_devices, key);
	dev_t device = 0;

	if (entry)
		return xa_to_value(entry);
	mutex_lock(&mattxfs_devices_mutex);
	entry = xa_load(&mattxfs_devices, key);
	if (entry) {
		device = xa_to_value(entry);
	} else if (!get_anon_bdev(&device) &&
		   xa_err(xa_store(&mattxfs_devices, key, xa_mk_value(device), GFP_KERNEL))) {
		free_anon_bdev(device);
		device = 0;
	}
	mutex_unlock(&mattxfs_devices_mutex);
	return device;
}

static void mattxfs_devices_free(void)
{
	unsigned long key;
	void *entry;

	xa_for_each(&mattxfs_devices, key, entry)
		free_anon_bdev(xa_to_value(entry));
	xa_destroy(&mattxfs_devices);
}

/* The root of a node, as its home describes it. */
static struct inode *mattxfs_node_root(struct super_block *sb, u32 home)
{
	struct mattx_tree_request request = {
		.op = MATTX_TREE_GETATTR,
		.node = MATTX_TREE_ROOT,
	};
	u64 asked = atomic64_read(&mattxfs_changes);
	struct mattx_tree_reply reply;
	struct mattx_frame *frame;
	u64 serial = 0;
	s64 result;

	frame = mattx_tree_request(&request, 0);
	if (!frame)
		return ERR_PTR(-ENOMEM);
	result = mattx_tree_execute(home, &serial, frame, false, &reply, NULL);
	if (result < 0)
		return ERR_PTR(result);
	if (!(reply.flags & MATTX_REPLY_NODE) || !S_ISDIR(reply.node.attributes.mode))
		return ERR_PTR(-EIO);
	reply.node.number = MATTX_TREE_ROOT;
	return mattxfs_iget(sb, home, serial, &reply.node, asked);
}

static struct dentry *mattxfs_nodes_lookup(struct inode *dir, struct dentry *dentry,
					   unsigned int flags)
{
	struct inode *inode = NULL;
	u32 home;

	if (!strcmp(dentry->d_name.name, MATTXFS_OM)) {
		inode = mattxfs_om(dir->i_sb);
		if (!inode)
			return ERR_PTR(-ENOMEM);
		return d_splice_alias(inode, dentry);
	}
	/* Only one way to write a number. */
	if (dentry->d_name.name[0] >= '1' && dentry->d_name.name[0] <= '9' &&
	    !kstrtou32(dentry->d_name.name, 10, &home) && mattx_tree_serial(home)) {
		inode = mattxfs_node_root(dir->i_sb, home);
		if (IS_ERR(inode))
			return ERR_CAST(inode);
	}
	return d_splice_alias(inode, dentry);
}

struct mattxfs_node_list {
	u32	count;
	u32	nodes[MATTXFS_MAX_NODES];
};

static void mattxfs_nodes_add(u32 node, void *context)
{
	struct mattxfs_node_list *list = context;

	if (list->count < MATTXFS_MAX_NODES)
		list->nodes[list->count++] = node;
}

static int mattxfs_nodes_iterate(struct file *file, struct dir_context *context)
{
	struct mattxfs_node_list *list;
	char name[12];
	int length;
	u32 i;

	if (!dir_emit_dots(file, context))
		return 0;
	list = kvmalloc(sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	list->count = 0;
	mattx_tree_nodes(mattxfs_nodes_add, list);
	for (i = context->pos - 2; i < list->count; i++) {
		length = scnprintf(name, sizeof(name), "%u", list->nodes[i]);
		if (!dir_emit(context, name, length, list->nodes[i] + 1, DT_DIR))
			break;
		context->pos++;
	}
	if (context->pos == list->count + 2 &&
	    dir_emit(context, MATTXFS_OM, strlen(MATTXFS_OM), U32_MAX, DT_DIR))
		context->pos++;
	kvfree(list);
	return 0;
}

const struct inode_operations mattxfs_nodes_iops = {
	.lookup		= mattxfs_nodes_lookup,
	.getattr	= mattxfs_getattr,
	.permission	= mattxfs_permission,
};

const struct file_operations mattxfs_nodes_fops = {
	.owner		= THIS_MODULE,
	.iterate_shared	= mattxfs_nodes_iterate,
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
};

static int mattxfs_statfs(struct dentry *dentry, struct kstatfs *statfs)
{
	struct inode *inode = d_inode(dentry);
	struct mattx_tree_request request = {
		.op = MATTX_TREE_STATFS,
		.node = mattxfs_inode(inode)->number,
	};
	struct mattx_tree_figures figures = {};
	struct mattx_tree_reply reply;
	struct mattx_frame *answer;
	struct mattx_cursor c;
	s64 result = 0;

	statfs->f_type = MATTX_TREE_MAGIC;
	statfs->f_bsize = PAGE_SIZE;
	statfs->f_namelen = MATTX_NAME_MAX;
	if (!mattxfs_inode(inode)->home)
		return 0;
	result = mattxfs_call(inode, &request, NULL, 0, &reply, &answer);
	if (!result) {
		mattx_cursor_init(&c, (void *)reply.data, reply.length);
		result = mattx_tree_figures_decode(&c, &figures) ? -EIO : 0;
	}
	mattx_frame_free(answer);
	if (result)
		return result;
	statfs->f_bsize = figures.block_size;
	statfs->f_frsize = figures.fragment_size;
	statfs->f_blocks = figures.blocks;
	statfs->f_bfree = figures.free_blocks;
	statfs->f_bavail = figures.available_blocks;
	statfs->f_files = figures.files;
	statfs->f_ffree = figures.free_files;
	statfs->f_namelen = figures.name_length;
	statfs->f_fsid.val[0] = (u32)figures.identity;
	statfs->f_fsid.val[1] = (u32)(figures.identity >> 32);
	return 0;
}

static const struct super_operations mattxfs_sops = {
	.alloc_inode	= mattxfs_inode_alloc,
	.free_inode	= mattxfs_inode_free,
	.evict_inode	= mattxfs_evict,
	.statfs		= mattxfs_statfs,
};

static int mattxfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct inode *root;
	int error;

	sb->s_magic = MATTX_TREE_MAGIC;
	sb->s_op = &mattxfs_sops;
	sb->s_xattr = mattxfs_xattr_handlers;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_time_gran = 1;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	/* The umask is applied at home, where folders may have default access lists. */
	sb->s_flags |= SB_POSIXACL;
	set_default_d_op(sb, &mattxfs_dops);
	error = super_setup_bdi(sb);
	if (error)
		return error;
	sb->s_bdi->ra_pages = MATTXFS_READAHEAD / PAGE_SIZE;
	root = new_inode(sb);
	if (!root)
		return -ENOMEM;
	root->i_ino = 1;
	root->i_mode = S_IFDIR | 0555;
	root->i_op = &mattxfs_nodes_iops;
	root->i_fop = &mattxfs_nodes_fops;
	simple_inode_init_ts(root);
	set_nlink(root, 2);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int mattxfs_get_tree(struct fs_context *fc)
{
	return get_tree_single(fc, mattxfs_fill_super);
}

static const struct fs_context_operations mattxfs_context_ops = {
	.get_tree = mattxfs_get_tree,
};

static int mattxfs_init_fs_context(struct fs_context *fc)
{
	fc->ops = &mattxfs_context_ops;
	return 0;
}

static struct file_system_type mattxfs_type = {
	.owner			= THIS_MODULE,
	.name			= "mattxfs",
	.init_fs_context	= mattxfs_init_fs_context,
	.kill_sb		= kill_anon_super,
};

static u64 mattxfs_opened_number(struct file *file, u32 home, u64 serial)
{
	struct inode *inode = file_inode(file);
	const struct mattxfs_file *open = file->private_data;

	if (inode->i_sb->s_magic != MATTX_TREE_MAGIC || !open ||
	    mattxfs_inode(inode)->home != home ||
	    (mattxfs_inode(inode)->serial && mattxfs_inode(inode)->serial != serial))
		return 0;
	return open->opened;
}

static void mattxfs_changed(u32 home, u64 serial, const struct mattx_tree_changed *changed)
{
}

static const struct mattx_tree_listener mattxfs_listener = {
	.changed = mattxfs_changed,
	.opened = mattxfs_opened_number,
};

static int __init mattxfs_init(void)
{
	int error;

	error = mattxfs_inode_init();
	if (error)
		return error;
	error = register_filesystem(&mattxfs_type);
	if (error)
		mattxfs_inode_exit();
	else
		mattx_tree_listen(&mattxfs_listener);
	return error;
}

static void __exit mattxfs_exit(void)
{
	unregister_filesystem(&mattxfs_type);
	mattx_tree_listen(NULL);
	mattxfs_page_exit();
	mattxfs_inode_exit();
	mattxfs_devices_free();
}

module_init(mattxfs_init);
module_exit(mattxfs_exit);
MODULE_ALIAS_FS("mattxfs");
MODULE_DESCRIPTION("MattX: the file systems of all nodes");
MODULE_LICENSE("GPL");
MODULE_VERSION("2.0");
