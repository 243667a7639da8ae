// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /proc/mattx/why: would it move, and if not, why not?
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "admin.h"
#include "export.h"
#include "refuse.h"

#define MATTX_ANSWER_SIZE	(MATTX_REASON_SIZE + 64)

/* An open file; the kernel serialises reads and writes of one by its position's lock. */
struct mattx_question {
	char	answer[MATTX_ANSWER_SIZE];	/* empty: nothing was asked */
};

static int mattx_why_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc(sizeof(struct mattx_question), GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int mattx_why_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t mattx_why_write(struct file *file, const char __user *buffer, size_t count,
			       loff_t *position)
{
	struct mattx_question *question = file->private_data;
	struct mattx_refusal refusal = {};
	pid_t pid;
	int error = kstrtoint_from_user(buffer, count, 10, &pid);

	if (error || pid <= 0)
		return -EINVAL;
	error = mattx_why(pid, &refusal);
	if (error == -ESRCH && !refusal.error)
		return error;
	if (error)
		snprintf(question->answer, sizeof(question->answer), "%s\t%d\t%s\n",
			 mattx_refusal_code(&refusal), -error, refusal.reason);
	else
		snprintf(question->answer, sizeof(question->answer), "yes\n");
	*position = 0;
	return count;
}

static ssize_t mattx_why_read(struct file *file, char __user *buffer, size_t count,
			      loff_t *position)
{
	struct mattx_question *question = file->private_data;

	return simple_read_from_buffer(buffer, count, position, question->answer,
				       strlen(question->answer));
}

const struct proc_ops mattx_why_ops = {
	.proc_open	= mattx_why_open,
	.proc_release	= mattx_why_release,
	.proc_write	= mattx_why_write,
	.proc_read	= mattx_why_read,
	.proc_lseek	= default_llseek,
};
