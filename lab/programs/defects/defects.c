// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A module with defects, to prove that the debug kernel reports them and that the lab hears it:
 * insmod defects.ko defect=NAME commits the one that NAME says, while it is being loaded.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *defect = "none";
module_param(defect, charp, 0444);
MODULE_PARM_DESC(defect, "use-after-free, overflow, lock-order, sleep-in-atomic, leak or none");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(guard);

static noinline void use_after_free(void)
{
	char *volatile object = kmalloc(64, GFP_KERNEL);

	kfree(object);
	if (object)
		object[8] = 1;
}

static noinline void overflow(void)
{
	char *volatile object = kmalloc(64, GFP_KERNEL);

	if (object)
		object[64] = 1;
	kfree(object);
}

static noinline void lock_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static noinline void sleep_in_atomic(void)
{
	spin_lock(&guard);
	might_sleep();
	spin_unlock(&guard);
}

static noinline void leak(void)
{
	int i;

	for (i = 0; i < 16; i++)
		memset(kmalloc(1000, GFP_KERNEL | __GFP_NOFAIL), 0x5a, 1000);
}

static const struct {
	const char *name;
	void (*commit)(void);
} defects[] = {
	{ "use-after-free", use_after_free },
	{ "overflow", overflow },
	{ "lock-order", lock_order },
	{ "sleep-in-atomic", sleep_in_atomic },
	{ "leak", leak },
};

static int __init defects_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(defects); i++) {
		if (!strcmp(defects[i].name, defect))
			defects[i].commit();
	}
	return 0;
}

static void __exit defects_exit(void)
{
}

module_init(defects_init);
module_exit(defects_exit);
MODULE_DESCRIPTION("Defects that the debug kernel must report");
MODULE_LICENSE("GPL");
