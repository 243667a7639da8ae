// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /dev/mattx: where a stub becomes a surrogate.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "device.h"
#include "guest.h"
#include "uapi/mattx.h"

/* An open device: the guest that its stub has claimed. */
struct mattx_stub {
	struct mutex		mutex;		/* guards @guest between ioctls */
	struct mattx_guest	*guest;
};

static int mattx_device_open(struct inode *inode, struct file *file)
{
	struct mattx_stub *stub = kzalloc(sizeof(*stub), GFP_KERNEL);

	if (!stub)
		return -ENOMEM;
	mutex_init(&stub->mutex);
	file->private_data = stub;
	return 0;
}

static int mattx_device_release(struct inode *inode, struct file *file)
{
	struct mattx_stub *stub = file->private_data;

	if (stub->guest)
		mattx_guest_unclaim(stub->guest);
	kfree(stub);
	return 0;
}

static int mattx_device_claim(struct mattx_stub *stub, u64 ticket)
{
	struct mattx_guest *guest;

	if (stub->guest)
		return -EBUSY;
	guest = mattx_guest_claim(ticket);
	if (IS_ERR(guest))
		return PTR_ERR(guest);
	stub->guest = guest;
	return 0;
}

static int mattx_device_tids(struct mattx_stub *stub, struct mattx_guest_tids __user *user)
{
	struct mattx_guest_tids tids;
	int error = -ENODATA;

	if (copy_from_user(&tids, user, sizeof(tids)))
		return -EFAULT;
	mutex_lock(&stub->mutex);
	if (stub->guest)
		error = mattx_guest_tids(stub->guest, u64_to_user_ptr(tids.tids), tids.count);
	mutex_unlock(&stub->mutex);
	return error;
}

static int mattx_device_listen(struct mattx_stub *stub, int fd)
{
	int error = -ENODATA;

	mutex_lock(&stub->mutex);
	if (stub->guest)
		error = mattx_guest_listen(stub->guest, fd);
	mutex_unlock(&stub->mutex);
	return error;
}

static int mattx_device_shared(struct mattx_stub *stub, struct mattx_guest_shared __user *user)
{
	struct mattx_guest_shared shared;
	int error = -ENODATA;

	if (copy_from_user(&shared, user, sizeof(shared)))
		return -EFAULT;
	mutex_lock(&stub->mutex);
	if (stub->guest)
		error = mattx_guest_shared(stub->guest, u64_to_user_ptr(shared.path),
					   shared.length);
	mutex_unlock(&stub->mutex);
	return error;
}

static int mattx_device_join(struct mattx_stub *stub)
{
	int error = -ENODATA;

	mutex_lock(&stub->mutex);
	if (stub->guest)
		error = mattx_guest_join(stub->guest);
	mutex_unlock(&stub->mutex);
	return error;
}

/* Set once, and held by the open file: what takes long, or sends, needs no mutex. */
static struct mattx_guest *mattx_device_guest(struct mattx_stub *stub)
{
	struct mattx_guest *guest;

	mutex_lock(&stub->mutex);
	guest = stub->guest;
	mutex_unlock(&stub->mutex);
	return guest;
}

static int mattx_device_stopped(struct mattx_stub *stub, u32 number)
{
	struct mattx_guest *guest = mattx_device_guest(stub);

	return guest ? mattx_guest_stopped(guest, number) : -ENODATA;
}

static int mattx_device_await(struct mattx_stub *stub)
{
	struct mattx_guest *guest = mattx_device_guest(stub);

	/* Joining threads need the mutex. */
	return guest ? mattx_guest_await_threads(guest) : -ENODATA;
}

static long mattx_device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct mattx_guest_info __user *user = (void __user *)argument;
	struct mattx_stub *stub = file->private_data;
	struct mattx_guest_info info;
	int error;

	if (command == MATTX_IOC_GUEST_TIDS)
		return mattx_device_tids(stub, (void __user *)argument);
	if (command == MATTX_IOC_GUEST_LISTEN)
		return mattx_device_listen(stub, argument);
	if (command == MATTX_IOC_GUEST_SHARED)
		return mattx_device_shared(stub, (void __user *)argument);
	if (command == MATTX_IOC_GUEST_JOIN)
		return mattx_device_join(stub);
	if (command == MATTX_IOC_GUEST_AWAIT)
		return mattx_device_await(stub);
	if (command == MATTX_IOC_GUEST_STOPPED)
		return mattx_device_stopped(stub, argument);
	if (command != MATTX_IOC_GUEST_INFO && command != MATTX_IOC_GUEST_BECOME)
		return -ENOTTY;
	if (copy_from_user(&info, user, sizeof(info)))
		return -EFAULT;
	mutex_lock(&stub->mutex);
	if (command == MATTX_IOC_GUEST_BECOME) {
		error = stub->guest ? mattx_guest_become(stub->guest) : -ENODATA;
	} else {
		error = mattx_device_claim(stub, info.ticket);
		if (!error)
			mattx_guest_describe(stub->guest, &info);
	}
	mutex_unlock(&stub->mutex);
	if (!error && command == MATTX_IOC_GUEST_INFO && copy_to_user(user, &info, sizeof(info)))
		error = -EFAULT;
	return error;
}

static const struct file_operations mattx_device_ops = {
	.owner		= THIS_MODULE,
	.open		= mattx_device_open,
	.release	= mattx_device_release,
	.unlocked_ioctl	= mattx_device_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice mattx_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "mattx",
	.fops	= &mattx_device_ops,
	.mode	= 0600,
};

int mattx_device_init(void)
{
	return misc_register(&mattx_device);
}

void mattx_device_exit(void)
{
	misc_deregister(&mattx_device);
}
