// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Proxy files: a pseudo file system of inodes that look like files at home,
 * whose operations happen there.  Offsets and O_APPEND live at home, shared
 * by whoever shares the file there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/statfs.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "homeward.h"
#include "ioctl_shape.h"
#include "proxy_private.h"
#include "tree.h"

#define MATTX_PROXY_MAGIC	0x4d545850	/* "MTXP" */
/* Home said "not now" and "ready" at once: ask again after this. */
#define MATTX_PROXY_RETRY	max(HZ / 100, 1)

static struct vfsmount *mattx_proxy_mount;

static struct mattx_proxy *mattx_proxy_of(const struct file *file)
{
	return file->private_data;
}

/* Only home can use it: the guest goes there and makes its system call again. */
static bool mattx_proxy_is_for_home(const struct mattx_proxy *proxy)
{
	return proxy->traits & MATTX_HANDLE_HOME && mattx_homeward_instead();
}

static bool mattx_proxy_may_go(struct mattx_proxy *proxy, __poll_t wanted)
{
	return READ_ONCE(proxy->proxies->dead) ||
	       READ_ONCE(proxy->ready) & (wanted | EPOLLERR | EPOLLHUP);
}

/* After -EAGAIN: until home says that it is worth asking again. */
static int mattx_proxy_sleep(struct mattx_proxy *proxy, __poll_t wanted)
{
	if (mattx_proxy_may_go(proxy, wanted)) {
		schedule_timeout_interruptible(MATTX_PROXY_RETRY);
		return signal_pending(current) ? -ERESTARTSYS : 0;
	}
	return wait_event_interruptible(proxy->wait, mattx_proxy_may_go(proxy, wanted));
}

static bool mattx_proxy_nonblocking(const struct kiocb *kiocb)
{
	return kiocb->ki_filp->f_flags & O_NONBLOCK || kiocb->ki_flags & IOCB_NOWAIT;
}

/* A read() uses the offset at home, a pread() its own, which moves with it. */
static u64 mattx_proxy_position(const struct kiocb *kiocb, size_t done)
{
	if (kiocb->ki_pos >= (loff_t)MATTX_POSITION_HOME)
		return MATTX_POSITION_HOME;
	return kiocb->ki_pos + done;
}

static void mattx_proxy_advance(struct kiocb *kiocb, size_t done)
{
	if (kiocb->ki_pos < (loff_t)MATTX_POSITION_HOME)
		kiocb->ki_pos += done;
}

/* One request; returns the bytes that arrived in @to. */
static ssize_t mattx_proxy_read_once(struct kiocb *kiocb, struct iov_iter *to, size_t done)
{
	struct mattx_proxy *proxy = mattx_proxy_of(kiocb->ki_filp);
	struct mattx_frame *request, *answer;
	struct mattx_file_reply reply;
	s64 result;

	request = mattx_proxy_request(proxy, kiocb->ki_filp, MATTX_FILE_READ,
				      mattx_proxy_position(kiocb, done),
				      min_t(size_t, iov_iter_count(to), MATTX_FILE_CHUNK), 0, 0);
	if (!request)
		return -ENOMEM;
	result = mattx_proxy_execute(proxy, request, &reply, &answer);
	if (result < 0)
		return result;
	if (result != reply.length || result > iov_iter_count(to))
		result = -EIO;
	else if (copy_to_iter(reply.data, result, to) != result)
		result = -EFAULT;
	mattx_frame_free(answer);
	return result;
}

static ssize_t mattx_proxy_read_iter(struct kiocb *kiocb, struct iov_iter *to)
{
	struct mattx_proxy *proxy = mattx_proxy_of(kiocb->ki_filp);
	size_t done = 0, wanted;
	ssize_t result = 0;

	if (mattx_proxy_is_for_home(proxy))
		return -ERESTARTNOINTR;
	while ((wanted = iov_iter_count(to))) {
		result = mattx_proxy_read_once(kiocb, to, done);
		if (result == -EAGAIN && !done && !mattx_proxy_nonblocking(kiocb)) {
			result = mattx_proxy_sleep(proxy, EPOLLIN);
			if (!result)
				continue;
		}
		if (result <= 0)
			break;
		done += result;
		if (proxy->traits & MATTX_HANDLE_PIPELIKE ||
		    result < min_t(size_t, wanted, MATTX_FILE_CHUNK))
			break;
	}
	mattx_proxy_advance(kiocb, done);
	return done ?: result;
}

/* One request; returns the bytes that home took. What it did not take is back in @from. */
static ssize_t mattx_proxy_write_once(struct kiocb *kiocb, struct iov_iter *from, size_t done)
{
	struct mattx_proxy *proxy = mattx_proxy_of(kiocb->ki_filp);
	u32 length = min_t(size_t, iov_iter_count(from), MATTX_FILE_CHUNK);
	struct mattx_frame *request;
	s64 result;

	request = mattx_proxy_request(proxy, kiocb->ki_filp, MATTX_FILE_WRITE,
				      mattx_proxy_position(kiocb, done), 0, 0, length);
	if (!request)
		return -ENOMEM;
	if (copy_from_iter(request->payload + request->length, length, from) != length) {
		mattx_frame_free(request);
		return -EFAULT;
	}
	request->length += length;
	result = mattx_proxy_execute(proxy, request, NULL, NULL);
	if (result > length)
		result = -EIO;
	iov_iter_revert(from, length - max_t(s64, result, 0));
	return result;
}

static ssize_t mattx_proxy_write_iter(struct kiocb *kiocb, struct iov_iter *from)
{
	struct mattx_proxy *proxy = mattx_proxy_of(kiocb->ki_filp);
	ssize_t result = 0;
	size_t done = 0;

	if (mattx_proxy_is_for_home(proxy))
		return -ERESTARTNOINTR;
	while (iov_iter_count(from)) {
		result = mattx_proxy_write_once(kiocb, from, done);
		if (result == -EAGAIN && !mattx_proxy_nonblocking(kiocb)) {
			result = mattx_proxy_sleep(proxy, EPOLLOUT);
			if (!result)
				continue;
		}
		if (result <= 0)
			break;
		done += result;
	}
	/* Home's kernel thread was not to be told; the writer is. */
	if (result == -EPIPE && !done && !(kiocb->ki_flags & IOCB_NOWAIT))
		send_sig(SIGPIPE, current, 0);
	mattx_proxy_advance(kiocb, done);
	return done ?: result;
}

static s64 mattx_proxy_simple(struct mattx_proxy *proxy, const struct file *file,
			      enum mattx_file_op op, u64 first, u64 second, u64 third)
{
	struct mattx_frame *request = mattx_proxy_request(proxy, file, op, first, second, third, 0);

	return request ? mattx_proxy_execute(proxy, request, NULL, NULL) : -ENOMEM;
}

static loff_t mattx_proxy_llseek(struct file *file, loff_t offset, int whence)
{
	return mattx_proxy_simple(mattx_proxy_of(file), file, MATTX_FILE_SEEK, offset, whence, 0);
}

static int mattx_proxy_fsync(struct file *file, loff_t start, loff_t end, int data_only)
{
	return mattx_proxy_simple(mattx_proxy_of(file), file, MATTX_FILE_FSYNC, start, end,
				  !!data_only);
}

static long mattx_proxy_fallocate(struct file *file, int mode, loff_t offset, loff_t length)
{
	return mattx_proxy_simple(mattx_proxy_of(file), file, MATTX_FILE_ALLOCATE, mode, offset,
				  length);
}

static __poll_t mattx_proxy_poll(struct file *file, poll_table *wait)
{
	struct mattx_proxy *proxy = mattx_proxy_of(file);

	/* Without an answer from here the call is interrupted, unless it has another one. */
	if (!(proxy->traits & MATTX_HANDLE_POLLED) && mattx_proxy_is_for_home(proxy))
		return 0;
	poll_wait(file, &proxy->wait, wait);
	if (READ_ONCE(proxy->proxies->dead))
		return EPOLLERR | EPOLLHUP;
	return READ_ONCE(proxy->ready);
}

static long mattx_proxy_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct mattx_proxy *proxy = mattx_proxy_of(file);
	struct mattx_frame *request, *answer;
	struct mattx_ioctl_shape shape;
	struct mattx_file_reply reply;
	s64 result;

	if (mattx_proxy_is_for_home(proxy))
		return -ERESTARTNOINTR;
	if (!mattx_ioctl_shape(command, &shape)) {
		/* What is no terminal says so; all other questions are asked at home. */
		if (_IOC_TYPE(command) == 'T' && !S_ISCHR(proxy->attributes.mode))
			return -ENOTTY;
		return mattx_homeward_instead() ? -ERESTARTNOINTR : -ENOTTY;
	}
	request = mattx_proxy_request(proxy, file, MATTX_FILE_IOCTL, command, argument, shape.out,
				      shape.in);
	if (!request)
		return -ENOMEM;
	if (copy_from_user(request->payload + request->length, (void __user *)argument,
			   shape.in)) {
		mattx_frame_free(request);
		return -EFAULT;
	}
	request->length += shape.in;
	result = mattx_proxy_execute(proxy, request, &reply, &answer);
	if (result < 0)
		return result;
	if (reply.length != shape.out)
		result = -EIO;
	else if (copy_to_user((void __user *)argument, reply.data, shape.out))
		result = -EFAULT;
	mattx_frame_free(answer);
	return result;
}

/* By its name at home; -ENODEV: there it is not, or it is another one. */
static int mattx_proxy_mmap_twin(struct file *file, struct vm_area_struct *area)
{
	struct mattx_proxy *proxy = mattx_proxy_of(file);
	struct file *twin;
	struct kstat stat;
	int error = -ENODEV;

	twin = filp_open(proxy->path, file->f_mode & FMODE_WRITE ? O_RDWR : O_RDONLY, 0);
	if (IS_ERR(twin))
		return -ENODEV;
	if (mattx_tree_file_number(twin, proxy->proxies->link) && twin->f_op->mmap &&
	    !vfs_getattr(&twin->f_path, &stat, STATX_INO, 0) &&
	    stat.ino == proxy->attributes.inode) {
		vma_set_file(area, twin);
		error = twin->f_op->mmap(twin, area);
	}
	/* The mapping has its own reference. */
	fput(twin);
	return error;
}

/*
 * Mapping is for the page cache of MattXFS, if the guest's root is that of its
 * home: the same file there takes the proxy's place in the mapping.  What
 * cannot be mapped that way (a device, a file without a name) is mapped at home.
 */
static int mattx_proxy_mmap(struct file *file, struct vm_area_struct *area)
{
	struct mattx_proxy *proxy = mattx_proxy_of(file);
	int error = -ENODEV;

	if (S_ISREG(proxy->attributes.mode))
		error = mattx_proxy_mmap_twin(file, area);
	else if (S_ISFIFO(proxy->attributes.mode) || S_ISDIR(proxy->attributes.mode))
		return -ENODEV;
	return error == -ENODEV && mattx_homeward_instead() ? -ERESTARTNOINTR : error;
}

/* Opening it again by way of /proc would need the name at home. */
static int mattx_proxy_open(struct inode *inode, struct file *file)
{
	return -ENXIO;
}

static int mattx_proxy_file_release(struct inode *inode, struct file *file)
{
	mattx_proxy_release(mattx_proxy_of(file));
	return 0;
}

static void mattx_proxy_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct mattx_proxy *proxy = mattx_proxy_of(file);

	seq_printf(m, "mattx-home:\t%u\nmattx-handle:\t%u\nmattx-ready:\t%#x\n",
		   mattx_link_node(proxy->proxies->link), proxy->handle,
		   (__force u32)READ_ONCE(proxy->ready));
}

const struct file_operations mattx_proxy_fops = {
	.owner		= THIS_MODULE,
	.open		= mattx_proxy_open,
	.release	= mattx_proxy_file_release,
	.llseek		= mattx_proxy_llseek,
	.read_iter	= mattx_proxy_read_iter,
	.write_iter	= mattx_proxy_write_iter,
	.poll		= mattx_proxy_poll,
	.unlocked_ioctl	= mattx_proxy_ioctl,
	.fsync		= mattx_proxy_fsync,
	.fallocate	= mattx_proxy_fallocate,
	.lock		= mattx_proxy_lock,
	.flock		= mattx_proxy_flock,
	.mmap		= mattx_proxy_mmap,
	.splice_read	= copy_splice_read,
	.splice_write	= iter_file_splice_write,
	.show_fdinfo	= mattx_proxy_show_fdinfo,
};

static void mattx_proxy_fill_stat(struct kstat *stat, const struct mattx_file_attributes *a)
{
	stat->result_mask = STATX_BASIC_STATS;
	stat->mode = a->mode;
	stat->nlink = a->links;
	stat->uid = make_kuid(&init_user_ns, a->uid);
	stat->gid = make_kgid(&init_user_ns, a->gid);
	stat->dev = MKDEV(a->device_major, a->device_minor);
	stat->rdev = MKDEV(a->special_major, a->special_minor);
	stat->blksize = a->block_size;
	stat->ino = a->inode;
	stat->size = a->size;
	stat->blocks = a->blocks;
	stat->atime.tv_sec = a->access_s;
	stat->atime.tv_nsec = a->access_ns;
	stat->mtime.tv_sec = a->modify_s;
	stat->mtime.tv_nsec = a->modify_ns;
	stat->ctime.tv_sec = a->change_s;
	stat->ctime.tv_nsec = a->change_ns;
}

static int mattx_proxy_getattr(struct mnt_idmap *idmap, const struct path *path,
			       struct kstat *stat, u32 mask, unsigned int flags)
{
	struct mattx_proxy *proxy = d_inode(path->dentry)->i_private;
	struct mattx_file_attributes attributes;
	struct mattx_frame *request, *answer;
	struct mattx_file_reply reply;
	struct mattx_cursor c;
	s64 result;

	/* Others who look, at the file of a guest that has gone: what it was. */
	if (READ_ONCE(proxy->proxies->dead)) {
		mattx_proxy_fill_stat(stat, &proxy->attributes);
		return 0;
	}
	request = mattx_proxy_request(proxy, NULL, MATTX_FILE_STAT, mask, 0, 0, 0);
	if (!request)
		return -ENOMEM;
	result = mattx_proxy_execute(proxy, request, &reply, &answer);
	if (result < 0)
		return result;
	mattx_cursor_init(&c, (void *)reply.data, reply.length);
	if (mattx_attributes_decode(&c, &attributes))
		result = -EIO;
	else
		mattx_proxy_fill_stat(stat, &attributes);
	mattx_frame_free(answer);
	return result;
}

static int mattx_proxy_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
			       struct iattr *change)
{
	struct mattx_proxy *proxy = d_inode(dentry)->i_private;

	if (!(change->ia_valid & ATTR_SIZE))
		return mattx_proxy_change(proxy, change);
	return mattx_proxy_simple(proxy, NULL, MATTX_FILE_TRUNCATE, change->ia_size, 0, 0);
}

static const struct inode_operations mattx_proxy_iops = {
	.getattr	= mattx_proxy_getattr,
	.setattr	= mattx_proxy_setattr,
};

/* What readlink on /proc/PID/fd/N shows: the name at home. */
static char *mattx_proxy_dname(struct dentry *dentry, char *buffer, int size)
{
	struct mattx_proxy *proxy = d_inode(dentry)->i_private;

	if (proxy->path_length >= size)
		return ERR_PTR(-ENAMETOOLONG);
	buffer += size - proxy->path_length - 1;
	memcpy(buffer, proxy->path, proxy->path_length + 1);
	return buffer;
}

static const struct dentry_operations mattx_proxy_dops = {
	.d_dname = mattx_proxy_dname,
};

static void mattx_proxy_evict(struct inode *inode)
{
	struct mattx_proxy *proxy = inode->i_private;

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	/* The root of the file system has none. */
	if (proxy) {
		mattx_proxies_put(proxy->proxies);
		kvfree(proxy);
	}
}

static const struct super_operations mattx_proxy_sops = {
	.evict_inode	= mattx_proxy_evict,
	.statfs		= simple_statfs,
};

static struct mattx_proxy *mattx_proxy_create(struct mattx_proxies *proxies,
					      const struct mattx_handle_info *info)
{
	struct mattx_proxy *proxy;

	proxy = kvzalloc(struct_size(proxy, path, info->path_length + 1), GFP_KERNEL);
	if (!proxy)
		return NULL;
	proxy->proxies = mattx_proxies_hold(proxies);
	INIT_LIST_HEAD(&proxy->member);
	proxy->handle = info->number;
	proxy->traits = info->traits;
	spin_lock_init(&proxy->lock);
	proxy->sequence = info->sequence;
	proxy->ready = (__force __poll_t)info->ready;
	init_waitqueue_head(&proxy->wait);
	proxy->position = min_t(u64, info->position, LLONG_MAX);
	proxy->attributes = info->attributes;
	proxy->path_length = info->path_length;
	memcpy(proxy->path, info->path, info->path_length);
	return proxy;
}

static struct inode *mattx_proxy_inode(struct mattx_proxy *proxy)
{
	const struct mattx_file_attributes *a = &proxy->attributes;
	struct inode *inode;

	inode = new_inode(mattx_proxy_mount->mnt_sb);
	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	/*
	 * The kernel makes no file from a directory without a file system, and
	 * nothing here walks in it.  fstat() tells what home tells.
	 */
	inode->i_mode = S_ISDIR(a->mode) ? S_IFREG | (a->mode & ~S_IFMT) : a->mode;
	inode->i_uid = make_kuid(&init_user_ns, a->uid);
	inode->i_gid = make_kgid(&init_user_ns, a->gid);
	inode->i_rdev = MKDEV(a->special_major, a->special_minor);
	inode->i_op = &mattx_proxy_iops;
	inode->i_fop = &mattx_proxy_fops;
	inode->i_private = proxy;
	simple_inode_init_ts(inode);
	return inode;
}

struct file *mattx_proxy_file_create(struct mattx_proxies *proxies,
				     const struct mattx_handle_info *info)
{
	struct mattx_proxy *proxy;
	struct inode *inode;
	struct file *file;
	u32 flags;

	proxy = mattx_proxy_create(proxies, info);
	if (!proxy)
		return ERR_PTR(-ENOMEM);
	inode = mattx_proxy_inode(proxy);
	if (!inode) {
		mattx_proxies_put(proxies);
		kvfree(proxy);
		return ERR_PTR(-ENOMEM);
	}
	/* What F_GETFL tells; flags that the kernel would act upon here stay at home. */
	flags = info->open_flags & (O_ACCMODE | O_NONBLOCK | O_APPEND | O_NOATIME | O_LARGEFILE |
				    O_SYNC | O_DSYNC);
	/* __fput() gives back what nobody took: alloc_file_pseudo() does not. */
	__module_get(THIS_MODULE);
	file = alloc_file_pseudo(inode, mattx_proxy_mount, "mattx", flags, &mattx_proxy_fops);
	if (IS_ERR(file)) {
		module_put(THIS_MODULE);
		iput(inode);
		return file;
	}
	file->private_data = proxy;
	proxy->sent_flags = file->f_flags;
	if (info->traits & MATTX_HANDLE_STREAM) {
		stream_open(inode, file);
	} else {
		file->f_mode |= FMODE_PREAD | FMODE_PWRITE;
		file->f_pos = MATTX_POSITION_HOME;
	}
	return file;
}

static int mattx_proxy_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *context = init_pseudo(fc, MATTX_PROXY_MAGIC);

	if (!context)
		return -ENOMEM;
	context->ops = &mattx_proxy_sops;
	context->dops = &mattx_proxy_dops;
	return 0;
}

static struct file_system_type mattx_proxy_type = {
	/* No owner: our own mount would pin us.  Files pin the module themselves. */
	.name			= "mattxproxy",
	.init_fs_context	= mattx_proxy_init_fs_context,
	.kill_sb		= kill_anon_super,
};

int __init mattx_proxy_init(void)
{
	mattx_proxy_mount = kern_mount(&mattx_proxy_type);
	return PTR_ERR_OR_ZERO(mattx_proxy_mount);
}

void mattx_proxy_exit(void)
{
	kern_unmount(mattx_proxy_mount);
}
