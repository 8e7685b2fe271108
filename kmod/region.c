// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: what an arena's memory is, block by block, and where it is mapped.
 *
 * An arena is a sparse file of blocks. arena.slots says which folio is the
 * content of which block of the file; a region is a window on it, an ordinary
 * VMA (neither VM_PFNMAP nor VM_MIXEDMAP). The fault handler returns a locked
 * folio and the core mm maps it, by PMD where the VMA covers the whole block,
 * and keeps reference count, rmap and RSS. A slot holds one reference to its
 * folio, each mapping and each pin holds one more.
 *
 * Locking
 *
 *	mmap_lock or VMA lock
 *	  arena.sem
 *	  folio lock
 *	    i_mmap_rwsem, page table locks	(inside unmap_mapping_range())
 *
 * arena.sem and the folio lock are never held together: fault drops the
 * semaphore before it locks the folio, release unmaps after it has dropped it.
 * The mmap_lock is never taken under arena.sem. Blocks are allocated outside
 * arena.sem, so that nobody waits for another thread's zeroing.
 *
 * Release against fault
 *
 * A fault finds a folio, and the core mm maps it after .fault has returned. To
 * unmap and then free is therefore not enough: the mapping may come after.
 * What makes it right is that .fault returns the folio locked, that the lock
 * is held until the mapping is there, and that the slot is compared again
 * under that lock. Release
 *
 *   1. takes the folios out of their slots,
 *   2. unmaps the range,
 *   3. locks each folio and unmaps it again if it is mapped,
 *   4. puts it.
 *
 * A fault that locked a folio before 3 has mapped it when 3 gets the lock, and
 * 3 undoes that. One that locks it after 3 sees the change of 1, because the
 * lock orders them, and maps nothing. So after 3 the folio is mapped nowhere,
 * for ever: it is in no slot, and there is no other way to a mapping. (mremap
 * moves mappings, but under the i_mmap_rwsem or in the order of the interval
 * tree, so that unmap_mapping_range() does not miss them.)
 *
 * The slot can't hold the same folio anew at the second look, since whoever
 * looks holds a reference, and a folio with a reference is not reused.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "policy.h"
#include "pool.h"
#include "region.h"

static unsigned long block_index(pgoff_t pgoff)
{
	return pgoff >> ARENA_BLOCK_ORDER;
}

static void free_blocks(struct list_head *blocks)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, blocks, lru) {
		list_del(&folio->lru);
		arena_pool_put(folio);
		cond_resched();
	}
}

static int alloc_blocks(struct list_head *blocks, unsigned long nr)
{
	struct folio *folio;

	while (nr--) {
		if (fatal_signal_pending(current))
			return -EINTR;
		folio = arena_pool_get(arena_policy_node());
		if (!folio)
			return -ENOMEM;
		list_add_tail(&folio->lru, blocks);
		cond_resched();
	}
	return 0;
}

static unsigned long count_empty_locked(struct arena *arena,
					unsigned long first, unsigned long nr)
{
	unsigned long index, empty = nr;
	struct folio *folio;

	lockdep_assert_held(&arena->sem);
	xa_for_each_range(&arena->slots, index, folio, first, first + nr - 1)
		empty--;
	return empty;
}

/* Plain reads of the figure don't take the semaphore. */
static void add_blocks_locked(struct arena *arena, long nr)
{
	WRITE_ONCE(arena->nr_blocks, arena->nr_blocks + nr);
}

/*
 * Fill the empty slots of a range from @blocks, which must have enough. All or
 * nothing: nobody saw the folios before the semaphore is dropped, so they can
 * be taken out of their slots again without ceremony.
 */
static int fill_slots_locked(struct arena *arena, unsigned long first,
			     unsigned long nr, struct list_head *blocks)
{
	struct folio *folio, *next;
	unsigned long index, nr_filled = 0;
	LIST_HEAD(filled);
	int err = 0;

	lockdep_assert_held_write(&arena->sem);
	for (index = first; index < first + nr; index++) {
		if (xa_load(&arena->slots, index))
			continue;
		folio = list_first_entry(blocks, struct folio, lru);
		/* The core mm maps by PMD only where VMA and index agree. */
		folio->index = index << ARENA_BLOCK_ORDER;
		err = xa_err(xa_store(&arena->slots, index, folio, GFP_KERNEL));
		if (err)
			break;
		list_move_tail(&folio->lru, &filled);
		nr_filled++;
		cond_resched();
	}
	list_for_each_entry_safe(folio, next, &filled, lru) {
		list_del(&folio->lru);
		if (!err)
			continue;
		xa_erase(&arena->slots, block_index(folio->index));
		list_add(&folio->lru, blocks);
	}
	if (!err)
		add_blocks_locked(arena, nr_filled);
	return err;
}

/*
 * Commit the blocks of a range that are not: on success every slot was filled
 * at one moment, on failure nothing has changed.
 */
static int commit_blocks(struct arena *arena, unsigned long first,
			 unsigned long nr)
{
	unsigned long empty, have = 0;
	LIST_HEAD(blocks);
	int err;

	/* No memory will ever do; don't reclaim all there is to find out. */
	if (nr > totalram_pages() >> ARENA_BLOCK_ORDER)
		return -ENOMEM;

	down_read(&arena->sem);
	empty = count_empty_locked(arena, first, nr);
	up_read(&arena->sem);

	for (;;) {
		if (empty > have) {
			err = alloc_blocks(&blocks, empty - have);
			if (err)
				break;
			have = empty;
		}
		down_write(&arena->sem);
		/* A release meanwhile may have emptied more. */
		empty = count_empty_locked(arena, first, nr);
		err = empty > have ? -EAGAIN :
			fill_slots_locked(arena, first, nr, &blocks);
		up_write(&arena->sem);
		if (err != -EAGAIN)
			break;
	}
	/* What failed, or what a fault meanwhile has made superfluous. */
	free_blocks(&blocks);
	return err;
}

/* The folio of a slot with a reference, or NULL. */
static struct folio *get_slot(struct arena *arena, unsigned long index)
{
	struct folio *folio;

	down_read(&arena->sem);
	folio = xa_load(&arena->slots, index);
	if (folio)
		folio_get(folio);
	up_read(&arena->sem);
	return folio;
}

static vm_fault_t region_fault(struct vm_fault *vmf)
{
	struct arena *arena = vmf->vma->vm_private_data;
	unsigned long index = block_index(vmf->pgoff);
	struct folio *folio;
	struct page *page;

	/* VM_DONTCOPY can be undone by MADV_DOFORK, so it is not enough. */
	if (vmf->vma->vm_mm != arena->mm)
		return VM_FAULT_SIGBUS;

	while (!(folio = get_slot(arena, index))) {
		/*
		 * Also when killed: a fault of the kernel's own, in
		 * copy_to_user() say, would come back here for ever.
		 */
		if (commit_blocks(arena, index, 1))
			return VM_FAULT_SIGBUS;
	}

	folio_lock(folio);
	if (xa_load(&arena->slots, index) != folio) {
		folio_unlock(folio);
		folio_put(folio);
		return VM_FAULT_NOPAGE;
	}
	page = folio_page(folio, vmf->pgoff & (ARENA_BLOCK_PAGES - 1));
	/* The core mm would unmap it by folio->mapping, which is NULL. */
	if (PageHWPoison(page)) {
		folio_unlock(folio);
		folio_put(folio);
		return VM_FAULT_HWPOISON;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

/*
 * Nothing to map around a fault: a block is mapped whole. That the operation
 * exists lets newer kernels call .fault under the VMA lock alone.
 */
static vm_fault_t region_map_pages(struct vm_fault *vmf, pgoff_t start_pgoff,
				   pgoff_t end_pgoff)
{
	return 0;
}

/*
 * No page_mkwrite: it would make long-term pins for writing fail. No open and
 * close: a VMA holds the file, the file holds the arena.
 */
static const struct vm_operations_struct region_vm_ops = {
	.fault = region_fault,
	.map_pages = region_map_pages,
};

/* Whether a region ends where a file can. */
static bool is_in_file(unsigned long pgoff, unsigned long len)
{
	unsigned long end;

	return !check_add_overflow(pgoff, len >> PAGE_SHIFT, &end) &&
	       end <= MAX_LFS_FILESIZE >> PAGE_SHIFT;
}

static int check_region(const struct vm_area_struct *vma)
{
	unsigned long length = vma->vm_end - vma->vm_start;

	if (!(vma->vm_file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	if (!IS_ALIGNED(vma->vm_start | length, ARENA_BLOCK_SIZE) ||
	    !IS_ALIGNED(vma->vm_pgoff, ARENA_BLOCK_PAGES))
		return -EINVAL;
	if (!is_in_file(vma->vm_pgoff, length))
		return -EOVERFLOW;
	return 0;
}

/*
 * A region without access is a reservation, to be given access by mprotect()
 * later. MAP_NORESERVE says the same, but the core mm ignores it where
 * overcommit is strict.
 */
static bool wants_commit(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & VM_NORESERVE) &&
	       (vma->vm_flags & (VM_READ | VM_WRITE));
}

/**
 * arena_region_mmap - make a region of a VMA that is being mapped
 * @arena: the arena, of the current process
 * @vma: the VMA, of the arena's file
 *
 * Commits every block, unless MAP_NORESERVE or PROT_NONE ask for that at first
 * touch.
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0, or with nothing committed
 * * -EACCES for PROT_EXEC, or a file not open for reading and writing
 * * -EINVAL for MAP_PRIVATE, or an address, length or offset that is no
 *   multiple of the block size
 * * -EOVERFLOW if the end of the region is beyond the largest file
 * * -ENOMEM if there is no memory for all blocks
 * * -EINTR if the process is being killed
 */
int arena_region_mmap(struct arena *arena, struct vm_area_struct *vma)
{
	int err;

	err = check_region(vma);
	if (err)
		return err;

	if (wants_commit(vma)) {
		err = commit_blocks(arena, block_index(vma->vm_pgoff),
				    (vma->vm_end - vma->vm_start) >> ARENA_BLOCK_SHIFT);
		if (err)
			return err;
	}

	/*
	 * VM_DONTEXPAND: mremap can't add blocks that nobody has committed, and
	 * a merge with a neighbour can't bypass the commit above. It also keeps
	 * mlock() from folios that are not on an LRU list.
	 */
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTCOPY);
	vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_ops = &region_vm_ops;
	vma->vm_private_data = arena;
	return 0;
}

/**
 * arena_region_get_unmapped_area - choose an address that PMDs can map
 * @file: the arena's file
 * @addr: hint, or the address itself with MAP_FIXED
 * @len: bytes
 * @pgoff: offset in the file, in pages
 * @flags: MAP_*
 *
 * A hint is rounded up to the next block. MAP_FIXED is taken as it is and left
 * to arena_region_mmap() to refuse.
 *
 * Return: the address, or as an unsigned long
 * * -EOVERFLOW if the end of the region is beyond the largest file
 * * -ENOMEM if there is no hole, or only misaligned ones
 */
unsigned long arena_region_get_unmapped_area(struct file *file,
					     unsigned long addr,
					     unsigned long len,
					     unsigned long pgoff,
					     unsigned long flags)
{
	bool whole_blocks = IS_ALIGNED(len, ARENA_BLOCK_SIZE) &&
			    IS_ALIGNED(pgoff, ARENA_BLOCK_PAGES);

	if (!is_in_file(pgoff, len))
		return -EOVERFLOW;
	if ((flags & MAP_FIXED) || !whole_blocks)
		return thp_get_unmapped_area(file, addr, len, pgoff, flags);

	addr = thp_get_unmapped_area(file, ALIGN(addr, ARENA_BLOCK_SIZE), len,
				     pgoff, flags);
	if (!IS_ERR_VALUE(addr) && !IS_ALIGNED(addr, ARENA_BLOCK_SIZE))
		return -ENOMEM;
	return addr;
}

static void unmap_blocks(struct arena *arena, unsigned long first,
			 unsigned long nr)
{
	unmap_mapping_range(arena->inode->i_mapping,
			    (loff_t)first << ARENA_BLOCK_SHIFT,
			    (loff_t)nr << ARENA_BLOCK_SHIFT, 1);
}

/* Step 1 of release. */
static unsigned long detach_blocks_locked(struct arena *arena,
					  unsigned long first, unsigned long last,
					  struct list_head *blocks)
{
	unsigned long index;
	struct folio *folio;
	long nr = 0;

	lockdep_assert_held_write(&arena->sem);
	xa_for_each_range(&arena->slots, index, folio, first, last) {
		xa_erase(&arena->slots, index);
		list_add_tail(&folio->lru, blocks);
		nr++;
		cond_resched();
	}
	add_blocks_locked(arena, -nr);
	return nr;
}

/* Step 2 of release: one call, and so one TLB flush, per contiguous range. */
static void unmap_ranges(struct arena *arena, struct list_head *blocks)
{
	unsigned long first = 0, nr = 0;
	struct folio *folio;

	list_for_each_entry(folio, blocks, lru) {
		unsigned long index = block_index(folio->index);

		if (nr && index != first + nr) {
			unmap_blocks(arena, first, nr);
			nr = 0;
		}
		if (!nr)
			first = index;
		nr++;
	}
	if (nr)
		unmap_blocks(arena, first, nr);
}

/* Step 3 of release: the mappings that faults made during step 2. */
static void unmap_stragglers(struct arena *arena, struct list_head *blocks)
{
	struct folio *folio;

	list_for_each_entry(folio, blocks, lru) {
		folio_lock(folio);
		if (folio_mapped(folio))
			unmap_blocks(arena, block_index(folio->index), 1);
		folio_unlock(folio);
		cond_resched();
	}
}

/**
 * arena_region_release - give blocks of an arena back
 * @arena: the arena
 * @offset: where in the file, a multiple of the block size
 * @length: how many bytes from there, a multiple of the block size and not zero
 * @released: set to the number of blocks
 *
 * Blocks that are not there are none. Regions stay mapped; whoever touches them
 * after this has returned finds fresh, zeroed memory. A block that is pinned keeps
 * its contents for who pinned it, and goes back when that ends.
 *
 * Context: process context, without the mmap_lock.
 * Return: 0, or with nothing done
 * * -EINVAL if @offset or @length is no multiple of the block size, or @length is
 *   zero
 * * -EOVERFLOW if the end of the range is beyond the largest file
 * * -EINTR if the process is being killed
 */
int arena_region_release(struct arena *arena, u64 offset, u64 length,
			 unsigned long *released)
{
	unsigned long first, last, nr;
	LIST_HEAD(blocks);

	if (!IS_ALIGNED(offset | length, ARENA_BLOCK_SIZE) || !length)
		return -EINVAL;
	if (!is_in_file(offset >> PAGE_SHIFT, length))
		return -EOVERFLOW;
	first = offset >> ARENA_BLOCK_SHIFT;
	last = first + (length >> ARENA_BLOCK_SHIFT) - 1;

	if (down_write_killable(&arena->sem))
		return -EINTR;
	nr = detach_blocks_locked(arena, first, last, &blocks);
	up_write(&arena->sem);

	unmap_ranges(arena, &blocks);
	unmap_stragglers(arena, &blocks);
	free_blocks(&blocks);
	*released = nr;
	return 0;
}

/**
 * arena_region_init - make an arena without blocks
 * @arena: zeroed; the caller has set @mm and @inode
 */
void arena_region_init(struct arena *arena)
{
	init_rwsem(&arena->sem);
	xa_init(&arena->slots);
}

/**
 * arena_region_destroy - give everything back when the file is gone
 * @arena: the arena; no VMA and no other user is left
 */
void arena_region_destroy(struct arena *arena)
{
	LIST_HEAD(blocks);

	down_write(&arena->sem);
	detach_blocks_locked(arena, 0, ULONG_MAX, &blocks);
	up_write(&arena->sem);
	free_blocks(&blocks);
	xa_destroy(&arena->slots);
}
