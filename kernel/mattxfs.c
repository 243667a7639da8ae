// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MattXFS: the root file systems of all nodes under one mount point.
 *
 * The type is registered so that a mount is answered with a reason; serving
 * trees of other nodes needs handles by name, which mattx.ko does not offer.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>

static int mattxfs_init_fs_context(struct fs_context *fc)
{
	errorf(fc, "mattxfs: this version serves no file trees; nothing was mounted");
	pr_info_ratelimited("mattxfs: mount refused: this version serves no file trees\n");
	return -EOPNOTSUPP;
}

static struct file_system_type mattxfs_type = {
	.owner			= THIS_MODULE,
	.name			= "mattxfs",
	.init_fs_context	= mattxfs_init_fs_context,
	.kill_sb		= kill_anon_super,
};

static int __init mattxfs_init(void)
{
	return register_filesystem(&mattxfs_type);
}

static void __exit mattxfs_exit(void)
{
	unregister_filesystem(&mattxfs_type);
}

module_init(mattxfs_init);
module_exit(mattxfs_exit);
MODULE_ALIAS_FS("mattxfs");
MODULE_DESCRIPTION("MattX: the file systems of all nodes");
MODULE_LICENSE("GPL");
MODULE_VERSION("2.0");
