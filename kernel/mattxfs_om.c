// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /mattxfs/om/PID/{where,cantmove,stay}: control of processes by file.  They
 * are made when they are looked up, and not kept.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "control.h"
#include "mattxfs.h"

static const struct {
	const char	*name;
	umode_t		mode;
} mattxfs_om_files[MATTX_CONTROLS] = {
	[MATTX_CONTROL_WHERE]	= { "where", 0644 },
	[MATTX_CONTROL_CANTMOVE] = { "cantmove", 0444 },
	[MATTX_CONTROL_STAY]	= { "stay", 0644 },
};

static pid_t mattxfs_om_pid(const struct inode *inode)
{
	return mattxfs_inode(inode)->number;
}

/* An inode about process @pid, or (0) about none. */
static struct inode *mattxfs_om_inode(struct super_block *sb, umode_t mode, pid_t pid)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = mode;
	mattxfs_inode(inode)->home = 0;
	mattxfs_inode(inode)->number = pid;
	simple_inode_init_ts(inode);
	if (S_ISDIR(mode))
		set_nlink(inode, 2);
	return inode;
}

static int mattxfs_om_open(struct inode *inode, struct file *file)
{
	char *text = kzalloc(MATTX_CONTROL_TEXT, GFP_KERNEL);
	int length = 0;

	if (!text)
		return -ENOMEM;
	if (file->f_mode & FMODE_READ)
		length = mattx_control_read(mattxfs_om_pid(inode), (long)inode->i_private, text);
	if (length < 0) {
		kfree(text);
		return length;
	}
	file->private_data = text;
	return 0;
}

static int mattxfs_om_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t mattxfs_om_read(struct file *file, char __user *buffer, size_t count,
			       loff_t *position)
{
	const char *text = file->private_data;

	return simple_read_from_buffer(buffer, count, position, text, strlen(text));
}

static ssize_t mattxfs_om_write(struct file *file, const char __user *buffer, size_t count,
				loff_t *position)
{
	struct inode *inode = file_inode(file);
	char word[64];
	int error;

	if (!count || count >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, buffer, count))
		return -EFAULT;
	word[count] = 0;
	error = mattx_control_write(mattxfs_om_pid(inode), (long)inode->i_private, strim(word));
	return error ?: count;
}

static const struct file_operations mattxfs_om_file_fops = {
	.owner		= THIS_MODULE,
	.open		= mattxfs_om_open,
	.release	= mattxfs_om_release,
	.read		= mattxfs_om_read,
	.write		= mattxfs_om_write,
	.llseek		= default_llseek,
};

/* The numbers on the wire are none of these: what is cached for files of nodes is not. */
static const struct inode_operations mattxfs_om_file_iops = {
	.getattr	= simple_getattr,
};

static struct dentry *mattxfs_om_process_lookup(struct inode *dir, struct dentry *dentry,
						unsigned int flags)
{
	struct inode *inode = NULL;
	kuid_t uid;
	kgid_t gid;
	long i;

	for (i = 0; i < MATTX_CONTROLS; i++) {
		if (strcmp(dentry->d_name.name, mattxfs_om_files[i].name))
			continue;
		if (!mattx_control_owner(mattxfs_om_pid(dir), &uid, &gid))
			return ERR_PTR(-ENOENT);
		inode = mattxfs_om_inode(dir->i_sb, S_IFREG | mattxfs_om_files[i].mode,
					 mattxfs_om_pid(dir));
		if (!inode)
			return ERR_PTR(-ENOMEM);
		inode->i_uid = uid;
		inode->i_gid = gid;
		inode->i_op = &mattxfs_om_file_iops;
		inode->i_fop = &mattxfs_om_file_fops;
		inode->i_private = (void *)i;
	}
	return d_splice_alias(inode, dentry);
}

static int mattxfs_om_process_iterate(struct file *file, struct dir_context *context)
{
	if (!dir_emit_dots(file, context))
		return 0;
	for (; context->pos - 2 < MATTX_CONTROLS; context->pos++) {
		const char *name = mattxfs_om_files[context->pos - 2].name;

		if (!dir_emit(context, name, strlen(name), context->pos + 1, DT_REG))
			break;
	}
	return 0;
}

static const struct inode_operations mattxfs_om_process_iops = {
	.lookup		= mattxfs_om_process_lookup,
	.getattr	= simple_getattr,
};

static const struct file_operations mattxfs_om_process_fops = {
	.owner		= THIS_MODULE,
	.iterate_shared	= mattxfs_om_process_iterate,
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
};

static struct dentry *mattxfs_om_lookup(struct inode *dir, struct dentry *dentry,
					unsigned int flags)
{
	const char *name = dentry->d_name.name;
	struct inode *inode = NULL;
	kuid_t uid;
	kgid_t gid;
	pid_t pid;

	/* Only one way to write a number. */
	if (name[0] >= '1' && name[0] <= '9' && !kstrtoint(name, 10, &pid) &&
	    mattx_control_owner(pid, &uid, &gid)) {
		inode = mattxfs_om_inode(dir->i_sb, S_IFDIR | 0555, pid);
		if (!inode)
			return ERR_PTR(-ENOMEM);
		inode->i_uid = uid;
		inode->i_gid = gid;
		inode->i_op = &mattxfs_om_process_iops;
		inode->i_fop = &mattxfs_om_process_fops;
	}
	return d_splice_alias(inode, dentry);
}

/* The position behind the dots is 2 and the last pid. */
static int mattxfs_om_iterate(struct file *file, struct dir_context *context)
{
	char name[12];
	int length;
	pid_t pid;

	if (!dir_emit_dots(file, context))
		return 0;
	while ((pid = mattx_control_next(context->pos - 2))) {
		length = scnprintf(name, sizeof(name), "%d", pid);
		if (!dir_emit(context, name, length, pid + 1, DT_DIR))
			break;
		context->pos = pid + 2;
	}
	return 0;
}

static const struct inode_operations mattxfs_om_iops = {
	.lookup		= mattxfs_om_lookup,
	.getattr	= simple_getattr,
};

static const struct file_operations mattxfs_om_fops = {
	.owner		= THIS_MODULE,
	.iterate_shared	= mattxfs_om_iterate,
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
};

struct inode *mattxfs_om(struct super_block *sb)
{
	struct inode *inode = mattxfs_om_inode(sb, S_IFDIR | 0555, 0);

	if (inode) {
		inode->i_op = &mattxfs_om_iops;
		inode->i_fop = &mattxfs_om_fops;
	}
	return inode;
}

bool mattxfs_is_om(const struct inode *inode)
{
	return inode->i_op == &mattxfs_om_iops || inode->i_op == &mattxfs_om_process_iops ||
	       inode->i_op == &mattxfs_om_file_iops;
}

bool mattxfs_om_is_valid(const struct inode *inode)
{
	pid_t pid = mattxfs_om_pid(inode);
	kuid_t uid;
	kgid_t gid;

	/* A process may have ended, or be another user's now. */
	return mattx_control_owner(pid, &uid, &gid) && uid_eq(uid, inode->i_uid) &&
	       gid_eq(gid, inode->i_gid);
}
