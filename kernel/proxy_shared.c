// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files on storage that the guest's home and this node have both mounted at the
 * same place (DFSA): they are used here, not through the home.  The stub has
 * found out that it is the same storage.
 */
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/string.h>

#include "compat.h"
#include "proxy_private.h"
#include "tree.h"

static bool mattx_path_is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

/* The same file here; NULL: it stays with home. */
static struct file *mattx_proxy_open_shared(struct file *file, const struct mattx_proxy *proxy)
{
	/* Nothing that has taken its place in the meantime may keep us waiting. */
	int flags = (file->f_flags & ~(O_CREAT | O_EXCL | O_TRUNC)) | O_NONBLOCK | O_NOFOLLOW;
	struct file *here;
	struct kstat stat;
	loff_t position;

	/* What home has not written yet nobody else finds. */
	if (file->f_mode & FMODE_WRITE && vfs_fsync(file, 0))
		return NULL;
	/* Positions in folders are their file system's own: it is listed from the beginning. */
	position = S_ISDIR(proxy->attributes.mode) ? 0 : vfs_llseek(file, 0, SEEK_CUR);
	here = position < 0 ? NULL : filp_open(proxy->path, flags, 0);
	if (IS_ERR_OR_NULL(here))
		return NULL;
	if (here->f_path.mnt->mnt_sb->s_magic == MATTX_TREE_MAGIC ||
	    vfs_getattr(&here->f_path, &stat, STATX_INO | STATX_TYPE, 0) ||
	    stat.ino != proxy->attributes.inode ||
	    (stat.mode & S_IFMT) != (proxy->attributes.mode & S_IFMT)) {
		fput(here);
		return NULL;
	}
	spin_lock(&here->f_lock);
	here->f_flags = (here->f_flags & ~O_NONBLOCK) | (file->f_flags & O_NONBLOCK);
	spin_unlock(&here->f_lock);
	here->f_pos = position;
	return here;
}

/* Descriptor @fd is of @here instead; nobody else has the table. */
static void mattx_proxy_exchange(unsigned int fd, struct file *here)
{
	struct files_struct *files = current->files;
	struct file *before;
	struct fdtable *table;

	spin_lock(&files->file_lock);
	table = files_fdtable(files);
	before = rcu_dereference_protected(table->fd[fd], lockdep_is_held(&files->file_lock));
	rcu_assign_pointer(table->fd[fd], get_file(here));
	spin_unlock(&files->file_lock);
	filp_close(before, files);
}

/* All descriptors of @file, the first of which is @fd. */
static void mattx_proxies_exchange(unsigned int fd, struct file *file, struct file *here)
{
	struct file *other;

	while ((other = fget_task_next(current, &fd))) {
		fput(other);
		/* Only compared. */
		if (other == file)
			mattx_proxy_exchange(fd, here);
		fd++;
	}
}

void mattx_proxies_use_shared(struct mattx_proxies *proxies, const char *folder)
{
	struct file *file, *here;
	struct mattx_proxy *proxy;
	unsigned int fd = 0;

	while ((file = fget_task_next(current, &fd))) {
		proxy = file->private_data;
		here = NULL;
		if (mattx_proxies_have(proxies, file) &&
		    (S_ISREG(proxy->attributes.mode) || S_ISDIR(proxy->attributes.mode)) &&
		    proxy->traits & MATTX_HANDLE_ALONE &&
		    mattx_path_is_below(proxy->path, folder))
			here = mattx_proxy_open_shared(file, proxy);
		if (here) {
			/* Home may still go on with the process, and needs its own. */
			proxy->replaced = true;
			mattx_proxies_exchange(fd, file, here);
			fput(here);
		}
		fput(file);
		fd++;
	}
}

int mattx_proxies_settle_shared(const struct mattx_proxies *proxies)
{
	unsigned int fd = 0;
	struct file *file;
	int error = 0;

	while (!error && (file = fget_task_next(current, &fd))) {
		/* All that is neither home's nor of /proc. */
		if (S_ISREG(file_inode(file)->i_mode) && file->f_op != &mattx_proxy_fops &&
		    !mattx_tree_file_number(file, proxies->link) &&
		    file_inode(file)->i_sb->s_magic != PROC_SUPER_MAGIC) {
			if (d_unlinked(file->f_path.dentry))
				error = -ESTALE;
			else if (file->f_mode & FMODE_WRITE)
				error = vfs_fsync(file, 0);
		}
		fput(file);
		fd++;
	}
	return error;
}
