// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables of proxies: one for each guest, and the readiness that their homes
 * push.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs_struct.h>
#include <linux/hashtable.h>
#include <linux/magic.h>
#include <linux/slab.h>

#include "compat.h"
#include "descriptor.h"
#include "partner.h"
#include "proxy_private.h"
#include "tree.h"

#define MATTX_TABLE_HASH_BITS	6

/* Tables that can be reached, by number.  No reference: detach takes them out. */
static DEFINE_HASHTABLE(mattx_proxy_tables, MATTX_TABLE_HASH_BITS);
/* The table, and the members of each.  Wait queues of proxies nest inside. */
static DEFINE_SPINLOCK(mattx_proxy_tables_lock);

struct mattx_proxies *mattx_proxies_hold(struct mattx_proxies *proxies)
{
	refcount_inc(&proxies->references);
	return proxies;
}

u64 mattx_proxies_number(const struct mattx_proxies *proxies)
{
	return proxies->number;
}

void mattx_proxies_put(struct mattx_proxies *proxies)
{
	if (!refcount_dec_and_test(&proxies->references))
		return;
	spin_lock(&mattx_proxy_tables_lock);
	hash_del(&proxies->node);
	spin_unlock(&mattx_proxy_tables_lock);
	mattx_link_put(proxies->link);
	kfree(proxies);
}

void mattx_proxy_set_ready(struct mattx_proxy *proxy, u32 sequence, u32 ready, bool wake)
{
	spin_lock(&proxy->lock);
	if ((s32)(sequence - proxy->sequence) > 0) {
		proxy->sequence = sequence;
		WRITE_ONCE(proxy->ready, (__force __poll_t)ready);
	}
	spin_unlock(&proxy->lock);
	if (wake)
		wake_up_poll(&proxy->wait, READ_ONCE(proxy->ready));
}

void mattx_proxy_receive_ready(struct mattx_link *link, struct mattx_frame *frame)
{
	struct mattx_file_ready ready;
	struct mattx_proxies *proxies;
	struct mattx_proxy *proxy;
	struct mattx_cursor c;

	mattx_frame_reader(frame, &c);
	if (mattx_file_ready_decode(&c, &ready)) {
		pr_warn_ratelimited("node %u sent a readiness that makes no sense\n",
				    mattx_link_node(link));
		goto free;
	}
	spin_lock(&mattx_proxy_tables_lock);
	hash_for_each_possible(mattx_proxy_tables, proxies, node, ready.table) {
		if (proxies->number != ready.table || proxies->link != link)
			continue;
		list_for_each_entry(proxy, &proxies->members, member)
			if (proxy->handle == ready.handle)
				mattx_proxy_set_ready(proxy, ready.sequence, ready.ready, true);
	}
	spin_unlock(&mattx_proxy_tables_lock);
free:
	mattx_frame_free(frame);
}

/* Everybody who waits finds out. */
static void mattx_proxies_kill(struct mattx_proxies *proxies)
{
	struct mattx_proxy *proxy;

	lockdep_assert_held(&mattx_proxy_tables_lock);
	WRITE_ONCE(proxies->dead, true);
	list_for_each_entry(proxy, &proxies->members, member)
		wake_up_poll(&proxy->wait, EPOLLERR | EPOLLHUP);
}

void mattx_proxies_detach(struct mattx_proxies *proxies)
{
	spin_lock(&mattx_proxy_tables_lock);
	mattx_proxies_kill(proxies);
	spin_unlock(&mattx_proxy_tables_lock);
}

void mattx_proxies_peer_down(struct mattx_link *link)
{
	struct mattx_proxies *proxies;
	int bucket;

	spin_lock(&mattx_proxy_tables_lock);
	hash_for_each(mattx_proxy_tables, bucket, proxies, node)
		if (proxies->link == link)
			mattx_proxies_kill(proxies);
	spin_unlock(&mattx_proxy_tables_lock);
}

void mattx_proxy_release(struct mattx_proxy *proxy)
{
	struct mattx_frame *request;

	if (!proxy->replaced && proxy->traits & MATTX_HANDLE_PIPELIKE) {
		/* Others notice the closing, so it must not come later than what follows. */
		request = mattx_proxy_request(proxy, NULL, MATTX_FILE_RELEASE, 0, 0, 0, 0);
		if (request)
			mattx_proxy_execute(proxy, request, NULL, NULL);
	} else if (!proxy->replaced) {
		mattx_proxy_tell(proxy, MATTX_FILE_RELEASE, 0);
	}
	spin_lock(&mattx_proxy_tables_lock);
	list_del_init(&proxy->member);
	spin_unlock(&mattx_proxy_tables_lock);
}

/* The files of the table, in its order; on an error those made are closed again. */
static int mattx_proxies_create_files(struct mattx_proxies *proxies, struct mattx_cursor *table,
				      struct file **files, u32 count)
{
	struct mattx_handle_info info;
	struct mattx_proxy *proxy;
	u32 i;

	for (i = 0; i < count; i++) {
		int error = mattx_handle_info_decode(table, &info);

		/* Home numbers the handles of an offer from 0 on. */
		if (!error && info.number != i)
			error = -EBADMSG;
		if (error)
			return error;
		files[i] = mattx_proxy_file_create(proxies, &info);
		if (IS_ERR(files[i])) {
			error = PTR_ERR(files[i]);
			files[i] = NULL;
			return error;
		}
		proxy = files[i]->private_data;
		spin_lock(&mattx_proxy_tables_lock);
		list_add_tail(&proxy->member, &proxies->members);
		spin_unlock(&mattx_proxy_tables_lock);
	}
	return 0;
}

static const struct mattx_proxy *mattx_proxy_of_file(const struct file *file)
{
	return file->private_data;
}

/* Folders, and what is nothing but a place. */
static bool mattx_proxy_is_place(const struct file *file)
{
	const struct mattx_proxy *proxy = mattx_proxy_of_file(file);

	return S_ISDIR(proxy->attributes.mode) || proxy->traits & MATTX_HANDLE_PLACE;
}

/*
 * A folder is of use only in a file system: the one of the guest's home, if
 * that is its root.  Otherwise the proxy stays.
 */
static void mattx_proxies_open_folder(struct file **file)
{
	struct mattx_proxy *proxy = (*file)->private_data;
	bool place = proxy->traits & MATTX_HANDLE_PLACE;
	struct file *folder;
	struct kstat stat;

	folder = filp_open(proxy->path, place ? O_PATH | O_NOFOLLOW :
				   (*file)->f_flags | O_RDONLY | O_DIRECTORY, 0);
	if (IS_ERR(folder))
		return;
	if ((place ? folder->f_path.mnt->mnt_sb->s_magic != MATTX_TREE_MAGIC :
		     !mattx_tree_file_number(folder, proxy->proxies->link)) ||
	    vfs_getattr(&folder->f_path, &stat, STATX_INO, 0) ||
	    stat.ino != proxy->attributes.inode) {
		fput(folder);
		return;
	}
	/* Home answers only once it has let the guest run. */
	if (!place)
		folder->f_pos = proxy->position;
	/* Home may still go on with the process, and needs its own. */
	proxy->replaced = true;
	fput(*file);
	*file = folder;
}

static int mattx_proxies_install_files(struct mattx_cursor *table, struct file **files,
				       u32 file_count, u32 count)
{
	struct mattx_descriptor descriptor;
	int error;

	mattx_descriptors_close_range(0, S64_MAX);
	while (count--) {
		error = mattx_descriptor_decode(table, &descriptor);
		if (!error && descriptor.handle >= file_count)
			error = -EBADMSG;
		if (!error)
			error = mattx_descriptor_install(descriptor.fd,
							 get_file(files[descriptor.handle]),
							 descriptor.close_on_exec);
		if (error)
			return error;
	}
	return 0;
}

/* What the files were ready for when they were captured may have changed since. */
static void mattx_proxies_ask_ready(struct file **files, u32 count)
{
	struct mattx_proxy *proxy;
	u32 i;

	for (i = 0; i < count; i++) {
		if (files[i]->f_op != &mattx_proxy_fops)
			continue;
		proxy = files[i]->private_data;
		if (proxy->traits & MATTX_HANDLE_POLLED)
			mattx_proxy_tell(proxy, MATTX_FILE_POLL, 0);
	}
}

int mattx_proxies_install(struct mattx_link *link, struct mattx_cursor *table,
			  struct mattx_proxies **result)
{
	struct mattx_file_table head;
	struct mattx_proxies *proxies;
	struct file **files;
	int error;
	u32 i;

	if (mattx_partner_in_files(current))
		return -EBUSY;
	error = mattx_file_table_decode(table, &head);
	if (error)
		return error;
	files = kvcalloc(head.handles ?: 1, sizeof(*files), GFP_KERNEL);
	proxies = kzalloc_obj(*proxies);
	if (!files || !proxies) {
		kvfree(files);
		kfree(proxies);
		return -ENOMEM;
	}
	refcount_set(&proxies->references, 1);
	proxies->number = head.number;
	proxies->link = mattx_link_hold(link);
	INIT_LIST_HEAD(&proxies->members);
	spin_lock(&mattx_proxy_tables_lock);
	hash_add(mattx_proxy_tables, &proxies->node, proxies->number);
	spin_unlock(&mattx_proxy_tables_lock);

	error = mattx_proxies_create_files(proxies, table, files, head.handles);
	for (i = 0; i < head.handles && !error; i++) {
		if (!mattx_proxy_is_place(files[i]))
			continue;
		mattx_proxies_open_folder(&files[i]);
		/* A place that is not found is nothing. */
		if (files[i]->f_op == &mattx_proxy_fops &&
		    mattx_proxy_of_file(files[i])->traits & MATTX_HANDLE_PLACE)
			error = -ESTALE;
	}
	if (!error)
		mattx_folder_enter(head.folder, head.folder_length);
	if (!error)
		error = mattx_proxies_install_files(table, files, head.handles, head.descriptors);
	if (error)
		/* Closing them must not close the files at home, where the process goes on. */
		mattx_proxies_detach(proxies);
	else
		mattx_proxies_ask_ready(files, head.handles);
	for (i = 0; i < head.handles; i++)
		if (files[i])
			fput(files[i]);
	kvfree(files);
	if (error)
		mattx_proxies_put(proxies);
	else
		*result = proxies;
	return error;
}

/* One plus the first descriptor that is the same open file as @fd and before it; 0: there is none. */
static u32 mattx_proxies_same(unsigned int fd, const struct file *file)
{
	unsigned int other = 0;
	struct file *same;

	while ((same = fget_task_next(current, &other)) && other < fd) {
		fput(same);
		/* Only compared. */
		if (same == file)
			return other + 1;
		other++;
	}
	if (same)
		fput(same);
	return 0;
}

/*
 * What descriptor @fd of the guest is at home; false: nothing.  What home does
 * not have open (a file of /proc, one of a third node, a place without access)
 * it opens by the name that is written to @buffer, of MATTX_PATH_SIZE bytes.
 */
static bool mattx_proxies_describe(const struct mattx_proxies *proxies, unsigned int fd,
				   struct file *file, char *buffer,
				   struct mattx_descriptor *descriptor)
{
	struct mattx_proxy *proxy = file->private_data;
	const char *name;

	memset(descriptor, 0, sizeof(*descriptor));
	descriptor->fd = fd;
	descriptor->open_flags = file->f_flags;
	rcu_read_lock();
	descriptor->close_on_exec = close_on_exec(fd, current->files);
	rcu_read_unlock();
	if (mattx_proxies_have(proxies, file)) {
		descriptor->handle = proxy->handle;
		return true;
	}
	descriptor->opened = mattx_tree_file_number(file, proxies->link);
	/* Positions in folders are their file system's own. */
	if (descriptor->opened || !S_ISDIR(file_inode(file)->i_mode) ||
	    file_inode(file)->i_sb->s_magic == PROC_SUPER_MAGIC)
		descriptor->position = max_t(loff_t, file->f_pos, 0);
	if (descriptor->opened)
		return true;
	name = d_path(&file->f_path, buffer, MATTX_PATH_SIZE);
	if (IS_ERR(name) || name[0] != '/' || d_unlinked(file->f_path.dentry))
		return false;
	descriptor->name = (const u8 *)name;
	descriptor->name_length = strlen(name);
	descriptor->handle = mattx_proxies_same(fd, file);
	return true;
}

/* Puts the descriptors that lead home (@c may be NULL); returns how many, and their *@bytes. */
static u32 mattx_proxies_walk(const struct mattx_proxies *proxies, char *buffer,
			      struct mattx_cursor *c, size_t *bytes)
{
	struct mattx_descriptor descriptor;
	unsigned int fd = 0;
	struct file *file;
	u32 count = 0;

	*bytes = 0;
	while ((file = fget_task_next(current, &fd))) {
		if (mattx_proxies_describe(proxies, fd, file, buffer, &descriptor)) {
			if (c)
				mattx_descriptor_encode(c, &descriptor);
			*bytes += MATTX_DESCRIPTOR_SIZE + descriptor.name_length;
			count++;
		}
		fput(file);
		fd++;
	}
	return count;
}

size_t mattx_proxies_wire_size(const struct mattx_proxies *proxies)
{
	char *buffer = kmalloc(MATTX_PATH_SIZE, GFP_KERNEL);
	size_t bytes = 0;

	/* Encoding will say that there is no room. */
	if (buffer)
		mattx_proxies_walk(proxies, buffer, NULL, &bytes);
	kfree(buffer);
	return 2 * sizeof(u16) + MATTX_PATH_SIZE + sizeof(u32) + bytes;
}

void mattx_proxies_encode(const struct mattx_proxies *proxies, struct mattx_cursor *c)
{
	char *buffer = kmalloc(MATTX_PATH_SIZE, GFP_KERNEL);
	const char *folder;
	size_t bytes;
	u16 length;

	if (!buffer) {
		c->bad = true;
		return;
	}
	folder = mattx_folder_path(buffer);
	length = folder ? strlen(folder) : 0;
	mattx_put_u16(c, current->fs->umask & 0777);
	mattx_put_u16(c, length);
	mattx_put_bytes(c, folder, length);
	mattx_put_u32(c, mattx_proxies_walk(proxies, buffer, NULL, &bytes));
	mattx_proxies_walk(proxies, buffer, c, &bytes);
	kfree(buffer);
}
