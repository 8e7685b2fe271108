/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_REGION_H
#define ARENA_REGION_H

#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/rwsem.h>
#include <linux/xarray.h>

/**
 * struct arena - one open file of /dev/arena
 * @mm: the address space it belongs to; held by mmgrab(), so that the pointer
 *	stays unique, and only ever compared. Constant.
 * @inode: anonymous inode; its mapping lists the VMAs of this arena. Constant.
 * @sem: protects which folio is in which slot; see region.c
 * @slots: block index in the file -> its folio. An entry holds one reference.
 *	Changed under @sem for writing; read under @sem for reading, or
 *	without it by who holds a reference to the folio compared with.
 * @nr_blocks: entries in @slots. Changed under @sem for writing; read as a
 *	plain figure without.
 */
struct arena {
	struct mm_struct *mm;
	struct inode *inode;
	struct rw_semaphore sem;
	struct xarray slots;
	unsigned long nr_blocks;
};

void arena_region_init(struct arena *arena);
void arena_region_destroy(struct arena *arena);
int arena_region_mmap(struct arena *arena, struct vm_area_struct *vma);
int arena_region_release(struct arena *arena, u64 offset, u64 length,
			 unsigned long *released);
unsigned long arena_region_get_unmapped_area(struct file *file,
					     unsigned long addr,
					     unsigned long len,
					     unsigned long pgoff,
					     unsigned long flags);

#endif /* ARENA_REGION_H */
