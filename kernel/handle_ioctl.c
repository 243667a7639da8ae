// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ioctl on the real file.  Drivers read and write user memory behind the
 * argument, so the call borrows a page in the address space of the process at
 * home, for as long as it lasts.
 */
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "handle_private.h"
#include "ioctl_shape.h"

/* In the borrowed address space. */
static s64 mattx_ioctl_with_page(struct file *file, unsigned int command,
				 const struct mattx_ioctl_shape *shape, const u8 *in, u8 *out)
{
	unsigned long page;
	s64 result;

	page = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(page))
		return (long)page;
	result = -EFAULT;
	if (copy_to_user((void __user *)page, in, shape->in))
		goto unmap;
	result = file->f_op->unlocked_ioctl(file, command, page);
	if (result >= 0 && copy_from_user(out, (void __user *)page, shape->out))
		result = -EFAULT;
unmap:
	vm_munmap(page, PAGE_SIZE);
	return result;
}

s64 mattx_handle_ioctl(struct mattx_handle *handle, const struct mattx_file_request *request,
		       u8 *answer, u32 *length)
{
	struct file *file = handle->file;
	struct mattx_ioctl_shape shape;
	struct mm_struct *mm;
	s64 result;

	if (!file->f_op->unlocked_ioctl || request->arguments[0] > U32_MAX)
		return -ENOTTY;
	/* Both ends know the shapes; the bytes must agree with them. */
	if (!mattx_ioctl_shape(request->arguments[0], &shape))
		return -ENOTTY;
	if (request->length != shape.in || request->arguments[2] != shape.out)
		return -EINVAL;
	mm = get_task_mm(handle->handles->task);
	if (!mm)
		return -ESRCH;
	kthread_use_mm(mm);
	if (shape.in || shape.out)
		result = mattx_ioctl_with_page(file, request->arguments[0], &shape, request->data,
					       answer);
	else
		result = file->f_op->unlocked_ioctl(file, request->arguments[0],
						    request->arguments[1]);
	kthread_unuse_mm(mm);
	mmput(mm);
	if (result == -ENOIOCTLCMD)
		result = -ENOTTY;
	*length = result >= 0 ? shape.out : 0;
	return result;
}
