// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The image as a file: pseudo file system, page cache, faults.
 */
#include <linux/fs.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "fetch.h"
#include "image.h"
#include "link.h"

#define MATTX_IMAGE_MAGIC	0x4d415849	/* "MAXI" */
#define MATTX_IMAGE_LENGTH	(1ull << 47)	/* all of user space */

static struct vfsmount *mattx_image_mount;
/* What every hole of every image shows. */
static struct page *mattx_zero_page;

static struct mattx_image *mattx_image_of(const struct file *file)
{
	return file_inode(file)->i_private;
}

/* Nothing to ask home for: never written there, or given back here. */
static bool mattx_image_is_hole(struct mattx_image *image, u64 offset)
{
	bool discarded;

	if (!mattx_extents_contain(&image->present, offset))
		return true;
	spin_lock(&image->lock);
	discarded = mattx_extents_contain(&image->discarded, offset);
	spin_unlock(&image->lock);
	return discarded;
}

static vm_fault_t mattx_image_fault(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct mattx_image *image = mattx_image_of(file);

	if (mattx_image_is_hole(image, (u64)vmf->pgoff << PAGE_SHIFT)) {
		atomic_long_inc(&image->faults);
		get_page(mattx_zero_page);
		vmf->page = mattx_zero_page;
		return 0;
	}
	/*
	 * Many misses would switch reading around the fault off; here each
	 * page alone costs a round trip.
	 */
	WRITE_ONCE(file->f_ra.mmap_miss, 0);
	return filemap_fault(vmf);
}

static vm_fault_t mattx_image_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end)
{
	/* Mapping cached neighbours would bring back what was given back. */
	if (READ_ONCE(mattx_image_of(vmf->vma->vm_file)->discarded.count))
		return 0;
	return filemap_map_pages(vmf, start, end);
}

static const struct vm_operations_struct mattx_image_vm_ops = {
	.fault		= mattx_image_fault,
	.map_pages	= mattx_image_map_pages,
};

static int mattx_image_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_SHARED)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND);
	vma->vm_ops = &mattx_image_vm_ops;
	return 0;
}

static const struct file_operations mattx_image_file_ops = {
	.owner		= THIS_MODULE,
	.mmap		= mattx_image_mmap,
	.llseek		= noop_llseek,
};

bool mattx_is_image(const struct file *file)
{
	return file->f_op == &mattx_image_file_ops;
}

static void mattx_image_fill_hole(struct folio *folio)
{
	folio_zero_range(folio, 0, folio_size(folio));
	folio_end_read(folio, true);
}

static void mattx_image_readahead(struct readahead_control *window)
{
	struct mattx_image *image = window->mapping->host->i_private;
	struct mattx_fetch *fetch = NULL;
	struct folio *folio;

	for (;;) {
		/* Folios that are not taken are given back unread: the reader asks again. */
		if (!fetch)
			fetch = mattx_fetch_alloc(GFP_NOFS | __GFP_NOWARN);
		if (!fetch)
			return;
		folio = readahead_folio(window);
		if (!folio)
			break;
		if (!mattx_extents_contain(&image->present, folio_pos(folio))) {
			mattx_image_fill_hole(folio);
			continue;
		}
		mattx_fetch_add(fetch, folio);
		if (mattx_fetch_full(fetch)) {
			mattx_fetch_start(image, fetch);
			fetch = NULL;
		}
	}
	mattx_fetch_start(image, fetch);
}

static int mattx_image_read_folio(struct file *file, struct folio *folio)
{
	struct mattx_image *image = folio->mapping->host->i_private;
	struct mattx_fetch *fetch;

	if (!mattx_extents_contain(&image->present, folio_pos(folio))) {
		mattx_image_fill_hole(folio);
		return 0;
	}
	fetch = mattx_fetch_alloc(GFP_NOFS);
	if (!fetch) {
		folio_unlock(folio);
		return -ENOMEM;
	}
	mattx_fetch_add(fetch, folio);
	mattx_fetch_start(image, fetch);
	return 0;
}

static const struct address_space_operations mattx_image_aops = {
	.read_folio	= mattx_image_read_folio,
	.readahead	= mattx_image_readahead,
	.dirty_folio	= noop_dirty_folio,
};

struct mattx_image *mattx_image_create(struct mattx_link *link, const struct mattx_move_key *key,
				       struct mattx_extents *present)
{
	struct mattx_image *image = kzalloc(sizeof(*image), GFP_KERNEL);

	if (!image)
		return NULL;
	refcount_set(&image->references, 1);
	image->link = mattx_link_hold(link);
	image->key = *key;
	image->present = *present;
	mattx_extents_init(present);
	spin_lock_init(&image->lock);
	INIT_LIST_HEAD(&image->fetches);
	init_waitqueue_head(&image->pump.wait);
	return image;
}

void mattx_image_put(struct mattx_image *image)
{
	if (!image || !refcount_dec_and_test(&image->references))
		return;
	mattx_extents_free(&image->present);
	mattx_extents_free(&image->discarded);
	mattx_link_put(image->link);
	kfree(image);
}

struct file *mattx_image_open(struct mattx_image *image)
{
	struct inode *inode = new_inode(mattx_image_mount->mnt_sb);
	struct file *file;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFREG | 0500;
	refcount_inc(&image->references);
	inode->i_private = image;
	inode->i_mapping->a_ops = &mattx_image_aops;
	mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER_MOVABLE);
	i_size_write(inode, MATTX_IMAGE_LENGTH);

	file = alloc_file_pseudo(inode, mattx_image_mount, "mattx-image", O_RDONLY,
				 &mattx_image_file_ops);
	if (IS_ERR(file)) {
		iput(inode);
		return file;
	}
	/* The file gives back a reference to its operations' module that nobody took. */
	__module_get(THIS_MODULE);
	/* A pseudo file system has no readahead of its own. */
	file->f_ra.ra_pages = MATTX_IMAGE_WINDOW;
	return file;
}

int mattx_image_discard(struct mattx_image *image, struct mm_struct *mm, unsigned long start,
			unsigned long end)
{
	struct vm_area_struct *vma;
	u64 first;
	int error;

	/*
	 * The caller is madvise(), which holds the mapping by its own lock or the
	 * address space's: it stays what it is.
	 */
	vma = mtree_load(&mm->mm_mt, start);
	if (!vma || !vma->vm_file || !mattx_is_image(vma->vm_file))
		return 0;
	first = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (start - vma->vm_start);
	spin_lock(&image->lock);
	error = mattx_extents_insert(&image->discarded, first, first + (end - start),
				     GFP_ATOMIC | __GFP_NOWARN);
	spin_unlock(&image->lock);
	return error;
}

static void mattx_image_evict(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	mattx_image_put(inode->i_private);
}

static const struct super_operations mattx_image_super_ops = {
	.statfs		= simple_statfs,
	.evict_inode	= mattx_image_evict,
};

static int mattx_image_init_fs(struct fs_context *fc)
{
	struct pseudo_fs_context *context = init_pseudo(fc, MATTX_IMAGE_MAGIC);

	if (!context)
		return -ENOMEM;
	context->ops = &mattx_image_super_ops;
	/* Programs run from the image. */
	fc->s_iflags &= ~SB_I_NOEXEC;
	return 0;
}

/* No owner: our own mount would keep the module loaded for ever. */
static struct file_system_type mattx_image_fs = {
	.name			= "mattx-image",
	.init_fs_context	= mattx_image_init_fs,
	.kill_sb		= kill_anon_super,
};

int mattx_image_init(void)
{
	mattx_zero_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!mattx_zero_page)
		return -ENOMEM;
	mattx_image_mount = kern_mount(&mattx_image_fs);
	if (IS_ERR(mattx_image_mount)) {
		__free_page(mattx_zero_page);
		return PTR_ERR(mattx_image_mount);
	}
	return 0;
}

void mattx_image_exit(void)
{
	kern_unmount(mattx_image_mount);
	__free_page(mattx_zero_page);
}
