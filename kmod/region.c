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
 *	  arena.inflight.alone
 *	    arena.sem
 *	    folio lock
 *	      i_mmap_rwsem, page table locks	(inside unmap_mapping_range())
 *
 * Fault drops the semaphore before it waits for the folio lock, release unmaps after
 * it has dropped it; who takes the blocks of an idle arena has both, and waits for
 * neither.
 * The mmap_lock is never taken under another of these. Blocks are allocated outside
 * arena.sem, so that nobody waits for another thread's zeroing.
 *
 * Release against fault
 *
 * A fault finds a folio, and the core mm maps it after .fault has returned. To
 * unmap and then free is therefore not enough: the mapping may come after.
 * What makes it right is that .fault returns the folio locked, that the lock
 * is held until the mapping is there, and that the slot is seen to have the folio
 * under that lock: the lock is taken while the semaphore is held, or, if somebody
 * else had it, the slot is compared again. Release
 *
 *   1. takes the folios out of their slots,
 *   2. unmaps the range,
 *   3. locks each folio and unmaps it again while it is mapped,
 *   4. puts it.
 *
 * A fault that locked a folio before 3 has mapped it when 3 gets the lock, and
 * 3 undoes that. One that locks it after 3 sees the change of 1, because the
 * lock orders them, and maps nothing. So after 3 the folio is mapped nowhere,
 * for ever: it is in no slot, and there is no other way to a mapping.
 *
 * mremap() moves mappings under the i_mmap_rwsem or in the order of the interval tree, so
 * that unmap_mapping_range() does not miss page tables. It can miss a huge page; that is why
 * 3 goes on until the folio is unmapped. On older kernels mremap() must be excluded while
 * huge pages are removed: see exclude_mremap_killable().
 *
 * The slot can't hold the same folio anew at the second look, since whoever
 * looks holds a reference, and a folio with a reference is not reused.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "account.h"
#include "blocks.h"
#include "cache.h"
#include "compat.h"
#include "policy.h"
#include "pool.h"
#include "region.h"

/* How many slots are changed before others may have the CPU. Tests make it less. */
#ifndef BATCH
#define BATCH	256
#endif

/* The last block of a file. The control page follows it. */
#define LAST_BLOCK	((ARENA_CONTROL_OFFSET >> ARENA_BLOCK_SHIFT) - 1)

static unsigned long block_index(pgoff_t pgoff)
{
	return pgoff >> ARENA_BLOCK_ORDER;
}

/* The slot that a block of a list is for. */
static unsigned long index_of(const struct list_head *at)
{
	return block_index(list_entry(at, struct folio, lru)->index);
}

/* The block proposed for a slot, or the first for one after it; or the head. */
static struct list_head *find_proposal(struct list_head *from,
				       struct list_head *blocks,
				       unsigned long index)
{
	while (from != blocks && index_of(from) < index)
		from = from->next;
	return from;
}

/* The first slot from @index on that has a block, or @end. */
static unsigned long next_filled(struct arena *arena, unsigned long index,
				 unsigned long end)
{
	return xa_find(&arena->slots, &index, end - 1, XA_PRESENT) ? index : end;
}

/*
 * Propose a block for each slot of a range that is empty and has none proposed.
 * folio->index says for which slot a block is, and @blocks is in that order. That
 * a slot is empty may change any time; store_blocks_locked() looks again.
 */
static int propose_blocks(struct arena *arena, const struct arena_policy *policy,
			  unsigned long first, unsigned long nr,
			  struct list_head *blocks)
{
	bool is_per_block = arena_policy_is_per_block(policy);
	unsigned long index = first, end = first + nr, run;
	struct list_head *at = blocks->next;
	LIST_HEAD(found);
	int err;

	while (index < end) {
		at = find_proposal(at, blocks, index);
		run = next_filled(arena, index, is_per_block ? index + 1 : end) - index;
		if (at != blocks)
			run = min(run, index_of(at) - index);
		if (!run) {
			index++;
			continue;
		}
		err = arena_blocks_alloc(arena, policy, index, run, &found);
		if (err) {
			list_splice(&found, blocks);
			return err;
		}
		list_splice_tail_init(&found, at);
		index += run;
		cond_resched();
	}
	return 0;
}

static unsigned long count_filled_locked(struct arena *arena,
					 unsigned long first, unsigned long nr)
{
	unsigned long index, filled = 0;
	struct folio *folio;

	lockdep_assert_held(&arena->sem);
	xa_for_each_range(&arena->slots, index, folio, first, first + nr - 1)
		filled++;
	return filled;
}

/* Plain reads of the figures don't take the semaphore. */
static void count_block_locked(struct arena *arena, struct folio *folio, int change)
{
	unsigned long *on_node = &arena->node_blocks[folio_nid(folio)];

	WRITE_ONCE(arena->nr_blocks, arena->nr_blocks + change);
	WRITE_ONCE(*on_node, *on_node + change);
}

static void take_out_locked(struct arena *arena, unsigned long index,
			    struct folio *folio)
{
	xa_erase(&arena->slots, index);
	count_block_locked(arena, folio, -1);
}

static bool is_sealed_locked(struct arena *arena, unsigned long index)
{
	lockdep_assert_held(&arena->sem);
	return arena_seals_has(&arena->seals, index);
}

static int seal_locked(struct arena *arena, unsigned long first, unsigned long nr)
{
	lockdep_assert_held_write(&arena->sem);
	return arena_seals_add(&arena->seals, first, nr);
}

/* What is at an index. To go on from the one before is quicker than to look it up. */
static struct folio *load_at(struct xa_state *xas, unsigned long index)
{
	if (xas_is_node(xas) && index == xas->xa_index + 1)
		return xas_next(xas);
	xas_set(xas, index);
	return xas_load(xas);
}

/*
 * Store blocks in the slots proposed for them; those whose slot is not empty any more
 * go to @unneeded. @nr is set to how many were stored, on error, too: the first of
 * @blocks.
 */
static int store_blocks_locked(struct arena *arena, struct list_head *blocks,
			       struct list_head *unneeded, unsigned long *nr)
{
	XA_STATE(xas, &arena->slots, 0);
	struct folio *folio, *next;
	unsigned long seen = 0;

	lockdep_assert_held_write(&arena->sem);
	*nr = 0;
	folio = list_first_entry(blocks, struct folio, lru);
	do {
		xas_lock(&xas);
		list_for_each_entry_safe_from(folio, next, blocks, lru) {
			if (load_at(&xas, block_index(folio->index))) {
				list_move_tail(&folio->lru, unneeded);
			} else {
				xas_store(&xas, folio);
				if (xas_error(&xas))
					break;
				count_block_locked(arena, folio, 1);
				++*nr;
			}
			if (++seen % BATCH)
				continue;
			/* @xas stays right: nobody else changes what is in slots. */
			xas_unlock(&xas);
			cond_resched();
			xas_lock(&xas);
		}
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	return xas_error(&xas);
}

/*
 * Fill the empty slots of a range with the blocks proposed for them, and break its
 * seals. All or nothing: nobody saw the folios before the semaphore is dropped, so
 * they can be taken out of their slots again without ceremony. On success @blocks is
 * empty, on error what was proposed for slots that are still empty stays there: with
 * -EAGAIN that is not all of them.
 */
static int fill_slots_locked(struct arena *arena, unsigned long first,
			     unsigned long nr_slots, struct list_head *blocks,
			     struct list_head *unneeded, unsigned long *filled)
{
	struct folio *folio;
	unsigned long nr;
	int err;

	err = store_blocks_locked(arena, blocks, unneeded, &nr);
	/* A release meanwhile may have emptied more. */
	if (!err && nr < nr_slots && count_filled_locked(arena, first, nr_slots) < nr_slots)
		err = -EAGAIN;
	if (!err)
		err = arena_seals_break(&arena->seals, first, nr_slots);
	if (!err) {
		INIT_LIST_HEAD(blocks);
		*filled = nr;
		return 0;
	}
	list_for_each_entry(folio, blocks, lru) {
		if (!nr--)
			break;
		take_out_locked(arena, block_index(folio->index), folio);
	}
	return err;
}

/* To commit what is there is no change. */
static int find_frozen_locked(struct arena *arena, unsigned long first,
			      unsigned long nr, unsigned long *committed)
{
	*committed = 0;
	return count_filled_locked(arena, first, nr) == nr ? 0 : -EROFS;
}

/*
 * Commit the blocks of a range that are not: on success every slot was filled
 * at one moment, on failure nothing has changed. Only a fault finds seals in its
 * way.
 */
static int commit_slots(struct arena *arena, unsigned long first,
			unsigned long nr, bool is_fault, unsigned long *committed)
{
	struct arena_policy policy;
	LIST_HEAD(blocks);
	LIST_HEAD(unneeded);
	int err = -EAGAIN;

	/* No memory will ever do; don't reclaim all there is to find out. */
	if (nr > totalram_pages() >> ARENA_BLOCK_ORDER)
		return -ENOMEM;

	down_read(&arena->sem);
	policy = arena->policy;
	if (arena->is_frozen)
		err = find_frozen_locked(arena, first, nr, committed);
	up_read(&arena->sem);
	if (err != -EAGAIN)
		return err;

	do {
		err = propose_blocks(arena, &policy, first, nr, &blocks);
		if (err)
			break;
		down_write(&arena->sem);
		/* It may have been frozen meanwhile, or released and sealed. */
		if (arena->is_frozen)
			err = find_frozen_locked(arena, first, nr, committed);
		else if (is_fault && is_sealed_locked(arena, first))
			err = -EPERM;
		else
			err = fill_slots_locked(arena, first, nr, &blocks, &unneeded,
						committed);
		up_write(&arena->sem);
		/* A fault was quicker. */
		arena_blocks_put(arena, &unneeded);
	} while (err == -EAGAIN);
	arena_blocks_put(arena, &blocks);
	return err;
}

static int commit_blocks(struct arena *arena, unsigned long first,
			 unsigned long nr, unsigned long *committed)
{
	struct arena_operation operation;
	int err;

	operation = arena_inflight_begin(&arena->inflight);
	err = commit_slots(arena, first, nr, false, committed);
	arena_inflight_end(&arena->inflight, &operation);
	return err;
}

/*
 * How often a refused touch tries again while other operations are under way. More than once
 * is needed only if the program's other threads go on committing what they do not get.
 */
#define MAX_TRIES	16

static bool is_refused(int err)
{
	return err == -EDQUOT || err == -ENOMEM;
}

/*
 * Another operation may have touched the slot, too, or another slot, and have the block that
 * was refused, for a moment. A refusal while there is no other operation is final.
 */
static int commit_again(struct arena *arena, unsigned long index)
{
	struct arena_operation operation;
	unsigned long committed;
	int err, tries = 0;
	bool was_alone;

	do {
		if (arena_inflight_wait_killable(&arena->inflight))
			return -EINTR;
		operation = arena_inflight_begin(&arena->inflight);
		/* Blocks that were just released may be in quarantine. */
		arena_pool_recheck();
		err = commit_slots(arena, index, 1, true, &committed);
		was_alone = arena_inflight_end(&arena->inflight, &operation);
		mutex_unlock(&arena->inflight.alone);
	} while (is_refused(err) && !was_alone && ++tries < MAX_TRIES);
	return err;
}

/* The block of a slot that was touched, by the arena's owner. */
static int commit_at_fault(struct arena *arena, unsigned long index)
{
	struct arena_operation operation;
	unsigned long committed;
	bool is_sealed;
	int err;

	/*
	 * Whose memory would it be, and on which node, if a debugger or another
	 * process' process_vm_readv() commits it, or a kernel thread? And a core
	 * dump would commit all that is reserved.
	 */
	if (current->mm != arena->mm ||
	    (current->flags & (PF_DUMPCORE | PF_KTHREAD)))
		return -EPERM;
	down_read(&arena->sem);
	is_sealed = is_sealed_locked(arena, index);
	up_read(&arena->sem);
	if (is_sealed)
		return -EPERM;
	operation = arena_inflight_begin(&arena->inflight);
	err = commit_slots(arena, index, 1, true, &committed);
	arena_inflight_end(&arena->inflight, &operation);
	return is_refused(err) ? commit_again(arena, index) : err;
}

static int check_empty_locked(struct arena *arena, unsigned long first,
			      unsigned long nr)
{
	if (count_filled_locked(arena, first, nr))
		return -EEXIST;
	return arena->is_frozen ? -EROFS : 0;
}

/* Commit a range that is empty, as one extent. */
static int commit_run(struct arena *arena, unsigned long first,
		      unsigned long nr, unsigned long *committed)
{
	struct arena_policy policy;
	LIST_HEAD(blocks);
	LIST_HEAD(unneeded);
	int err;

	if (nr > totalram_pages() >> ARENA_BLOCK_ORDER)
		return -ENOMEM;

	down_read(&arena->sem);
	policy = arena->policy;
	err = check_empty_locked(arena, first, nr);
	up_read(&arena->sem);
	if (err)
		return err;

	err = arena_blocks_alloc_extent(arena, &policy, first, nr, &blocks);
	if (err)
		return err;
	down_write(&arena->sem);
	err = check_empty_locked(arena, first, nr);
	/* So that all of them are needed. */
	if (!err)
		err = fill_slots_locked(arena, first, nr, &blocks, &unneeded, committed);
	up_write(&arena->sem);
	arena_blocks_put(arena, &blocks);
	return err;
}

static int commit_contig(struct arena *arena, unsigned long first,
			 unsigned long nr, unsigned long *committed)
{
	struct arena_operation operation;
	int err;

	operation = arena_inflight_begin(&arena->inflight);
	err = commit_run(arena, first, nr, committed);
	arena_inflight_end(&arena->inflight, &operation);
	return err;
}

/* The folio of a slot with a reference, and locked if it can be had at once; or NULL. */
static struct folio *get_slot(struct arena *arena, unsigned long index,
			      bool *is_locked)
{
	struct folio *folio;

	down_read(&arena->sem);
	folio = xa_load(&arena->slots, index);
	if (folio) {
		folio_get(folio);
		*is_locked = folio_trylock(folio);
	}
	up_read(&arena->sem);
	return folio;
}

/*
 * The owner, and when the arena is frozen everybody. A region that could be written
 * then is one that MADV_DOFORK has carried into another address space before.
 */
static bool may_map(struct arena *arena, const struct vm_area_struct *vma)
{
	if (arena_region_is_frozen(arena))
		return !(vma->vm_flags & VM_WRITE);
	return vma->vm_mm == arena->mm;
}

/*
 * Have the core mm map single pages of a block that has a memory error. It maps no folio that
 * is marked by PMD; but newer kernels map all pages of one together, unless it ends behind the
 * end of the file. So the file ends before the block from now on, which makes them map the
 * pages of later blocks one by one, too.
 */
static void map_one_by_one(struct arena *arena, struct folio *folio)
{
	struct inode *inode = arena->inode;

	folio_set_has_hwpoisoned(folio);
	/* The lock is for faults on other blocks. */
	spin_lock(&inode->i_lock);
	i_size_write(inode, min(i_size_read(inode), (loff_t)folio->index << PAGE_SHIFT));
	spin_unlock(&inode->i_lock);
}

static vm_fault_t region_fault(struct vm_fault *vmf)
{
	struct arena *arena = vmf->vma->vm_private_data;
	unsigned long index = block_index(vmf->pgoff);
	struct folio *folio;
	struct page *page;
	bool is_locked;

	if (!may_map(arena, vmf->vma))
		return VM_FAULT_SIGBUS;

	while (!(folio = get_slot(arena, index, &is_locked))) {
		/*
		 * Also when killed: a fault of the kernel's own, in
		 * copy_to_user() say, would come back here for ever.
		 */
		if (commit_at_fault(arena, index))
			return VM_FAULT_SIGBUS;
	}

	if (!is_locked) {
		folio_lock(folio);
		if (xa_load(&arena->slots, index) != folio) {
			folio_unlock(folio);
			folio_put(folio);
			return VM_FAULT_NOPAGE;
		}
	}
	if (folio_test_has_hwpoisoned(folio) || arena_pool_has_error(folio))
		map_one_by_one(arena, folio);
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
 * What has a name is in core dumps, whatever /proc/PID/coredump_filter says of
 * shared files: to the program this is its memory. MADV_DONTDUMP and
 * ARENA_F_NODUMP take it out.
 */
static const char *region_name(struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_DONTDUMP ? NULL : "[arena]";
}

/*
 * What is frozen stays so. Others than the owner must not even try before: whether they
 * may is asked here, and done later, when it may be frozen. (To clear VM_MAYWRITE
 * instead would concern what the core mm counts of a file's writable mappings,
 * differently in each kernel.)
 */
static int region_mprotect(struct vm_area_struct *vma, unsigned long start,
			   unsigned long end, unsigned long flags)
{
	struct arena *arena = vma->vm_private_data;

	if (!(flags & VM_WRITE))
		return 0;
	return arena_region_is_frozen(arena) || vma->vm_mm != arena->mm ? -EACCES : 0;
}

#ifdef CONFIG_NUMA
/*
 * None: NUMA balancing, which can't migrate these blocks, leaves the VMA alone.
 * Where they are is the arena's policy, not the VMA's.
 */
static struct mempolicy *region_get_policy(GET_POLICY_PARAMETERS)
{
	return NULL;
}
#endif

/*
 * No page_mkwrite: it would make long-term pins for writing fail. No open and
 * close: a VMA holds the file, the file holds the arena.
 */
static const struct vm_operations_struct region_vm_ops = {
	.fault = region_fault,
	.map_pages = region_map_pages,
	.mprotect = region_mprotect,
	.name = region_name,
#ifdef CONFIG_NUMA
	.get_policy = region_get_policy,
#endif
};

/* Whether a region ends where a file can. */
static bool is_in_file(unsigned long pgoff, unsigned long len)
{
	unsigned long end;

	return !check_add_overflow(pgoff, len >> PAGE_SHIFT, &end) &&
	       end <= MAX_LFS_FILESIZE >> PAGE_SHIFT;
}

static int check_region(struct arena *arena, const struct vm_area_struct *vma)
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
	if ((vma->vm_flags & VM_WRITE) && arena_region_is_frozen(arena))
		return -EROFS;
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
 * @arena: the arena, of the current process, or frozen
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
 * * -EROFS if the arena is frozen, and the region to be writable, or to have blocks
 *   that are not there
 * * -ENOMEM if there is no memory for all blocks, or the user may not lock as much
 * * -EDQUOT if the arena would have more than its limit
 * * -EINTR if the process is being killed
 */
int arena_region_mmap(struct arena *arena, struct vm_area_struct *vma)
{
	unsigned long committed;
	int err;

	err = check_region(arena, vma);
	if (err)
		return err;

	if (wants_commit(vma)) {
		err = commit_blocks(arena, block_index(vma->vm_pgoff),
				    (vma->vm_end - vma->vm_start) >> ARENA_BLOCK_SHIFT,
				    &committed);
		if (err)
			return err;
	}

	/*
	 * VM_DONTEXPAND: mremap can't add blocks that nobody has committed, and
	 * a merge with a neighbour can't bypass the commit above. It also keeps
	 * mlock() from folios that are not on an LRU list.
	 */
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTCOPY);
	if (READ_ONCE(arena->flags) & ARENA_F_NODUMP)
		vm_flags_set(vma, VM_DONTDUMP);
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

/* A range of the file that a caller gave, in blocks. */
static int get_range(u64 offset, u64 length, unsigned long *first,
		     unsigned long *nr)
{
	if (!IS_ALIGNED(offset | length, ARENA_BLOCK_SIZE) || !length)
		return -EINVAL;
	if (!is_in_file(offset >> PAGE_SHIFT, length))
		return -EOVERFLOW;
	*first = offset >> ARENA_BLOCK_SHIFT;
	*nr = length >> ARENA_BLOCK_SHIFT;
	return 0;
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
	XA_STATE(xas, &arena->slots, first);
	struct list_head *before;
	unsigned long nr = 0;
	struct folio *folio;

	lockdep_assert_held_write(&arena->sem);
	do {
		before = blocks->prev;
		xas_lock(&xas);
		xas_for_each(&xas, folio, last) {
			count_block_locked(arena, folio, -1);
			list_add_tail(&folio->lru, blocks);
			if (!(++nr % BATCH))
				break;
		}
		xas_pause(&xas);
		xas_unlock(&xas);
		/* Quicker than slot by slot, and nothing else is in between. */
		if (before != blocks->prev)
			xa_store_range(&arena->slots, index_of(before->next),
				       index_of(blocks->prev), NULL, 0);
		cond_resched();
	} while (folio);
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

/*
 * Unmap a locked folio completely. One call may miss a huge mapping: mremap() clears one PMD
 * and sets another under the locks of both, but unmap_mapping_range() skips an empty PMD
 * without locking it. So it can pass the new PMD too early and the old one too late. The
 * mapping stays counted throughout, and the folio lock keeps faults from adding another.
 */
static void unmap_locked_folio(struct arena *arena, struct folio *folio)
{
	/*
	 * A mapping holds a reference, which is quicker to see: older
	 * kernels look at each page to find that none is mapped.
	 */
	while (folio_ref_count(folio) > 1 && folio_mapped(folio)) {
		unmap_blocks(arena, block_index(folio->index), 1);
		cond_resched();
	}
}

/* Step 3 of release: unmap what faults mapped during step 2, and what step 2 missed. */
static void unmap_stragglers(struct arena *arena, struct list_head *blocks)
{
	struct folio *folio;

	list_for_each_entry(folio, blocks, lru) {
		folio_lock(folio);
		unmap_locked_folio(arena, folio);
		folio_unlock(folio);
		cond_resched();
	}
}

/**
 * arena_region_begin_change - lock an arena that is not frozen
 * @arena: the arena
 *
 * Context: process context. On success @sem is held for writing.
 * Return: 0, or
 * * -EROFS if the arena is frozen
 * * -EINTR if the process is being killed
 */
int arena_region_begin_change(struct arena *arena)
{
	if (down_write_killable(&arena->sem))
		return -EINTR;
	if (!arena->is_frozen)
		return 0;
	up_write(&arena->sem);
	return -EROFS;
}

/* Step 1 of release, for a range: seal it if asked to, and empty its slots. */
static int detach_range(struct arena *arena, unsigned long first, unsigned long nr,
			bool is_sealed, struct list_head *blocks,
			unsigned long *detached)
{
	int err;

	err = arena_region_begin_change(arena);
	if (err)
		return err;
	if (is_sealed || (arena->flags & ARENA_F_QUARANTINE))
		err = seal_locked(arena, first, nr);
	if (!err)
		*detached = detach_blocks_locked(arena, first, first + nr - 1, blocks);
	up_write(&arena->sem);
	return err;
}

/**
 * arena_region_release - give blocks of an arena back
 * @arena: the arena
 * @offset: where in the file, a multiple of the block size
 * @length: how many bytes from there, a multiple of the block size and not zero
 * @is_sealed: whether touching the range is an error from now on, until it is
 *	committed by a call; also if ARENA_F_QUARANTINE is set
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
 * * -EROFS if the arena is frozen
 * * -ENOMEM if there is no memory to note what is sealed
 * * -EINTR if the process is being killed
 */
int arena_region_release(struct arena *arena, u64 offset, u64 length,
			 bool is_sealed, unsigned long *released)
{
	struct arena_operation operation;
	unsigned long first, nr;
	LIST_HEAD(blocks);
	int err;

	err = get_range(offset, length, &first, &nr);
	if (err)
		return err;
	err = exclude_mremap_killable(arena->mm);
	if (err)
		return err;
	operation = arena_inflight_begin(&arena->inflight);
	err = detach_range(arena, first, nr, is_sealed, &blocks, released);
	if (!err) {
		unmap_ranges(arena, &blocks);
		unmap_stragglers(arena, &blocks);
	}
	allow_mremap(arena->mm);
	if (!err) {
		arena_blocks_put(arena, &blocks);
		atomic_long_add(*released, &arena->counts.released);
	}
	arena_inflight_end(&arena->inflight, &operation);
	return err;
}

/**
 * arena_region_abandon - release all blocks because the owner has ended
 * @arena: the arena. If it is frozen, it keeps its blocks: other processes may use them.
 *
 * An address space without users has no thread that commits or calls mremap(), so the
 * locks that exclude these are not needed.
 *
 * Context: process context, without the mmap_lock; may sleep.
 */
void arena_region_abandon(struct arena *arena)
{
	unsigned long nr = 0;
	LIST_HEAD(blocks);

	down_write(&arena->sem);
	if (!arena->is_frozen) {
		/* No cache either: the owner can't commit again. */
		WRITE_ONCE(arena->flags, arena->flags & ~(u64)ARENA_F_KEEP_DIRTY);
		nr = detach_blocks_locked(arena, 0, LAST_BLOCK, &blocks);
	}
	up_write(&arena->sem);
	unmap_ranges(arena, &blocks);
	unmap_stragglers(arena, &blocks);
	arena_blocks_put(arena, &blocks);
	if (arena->cache)
		arena_cache_drain(arena->cache);
	atomic_long_add(nr, &arena->counts.released);
}

/**
 * arena_region_commit - commit the blocks of a range, mapped or not
 * @arena: the arena
 * @offset: where in the file, a multiple of the block size
 * @length: how many bytes from there, a multiple of the block size and not zero
 * @is_contig: as one extent, a run of adjacent blocks
 * @committed: set to the number of blocks that this call committed
 *
 * Context: process context, without the mmap_lock.
 * Return: 0, or with nothing committed
 * * -EINVAL if @offset or @length is no multiple of the block size, or @length is
 *   zero
 * * -EOVERFLOW if the end of the range is beyond the largest file
 * * -EEXIST if one of the blocks is there already and @is_contig
 * * -EROFS if one of them is not, and the arena is frozen
 * * -ENOMEM if there is no memory for all blocks, or no such extent
 * * -EINTR if the process is being killed
 */
int arena_region_commit(struct arena *arena, u64 offset, u64 length,
			bool is_contig, unsigned long *committed)
{
	unsigned long first, nr;
	int err;

	err = get_range(offset, length, &first, &nr);
	if (err)
		return err;
	return is_contig ? commit_contig(arena, first, nr, committed) :
			   commit_blocks(arena, first, nr, committed);
}

/* No fault of the owner is under way after this, and none begins. */
static void lock_regions(struct arena *arena)
{
	VMA_ITERATOR(iterator, arena->mm, 0);
	struct vm_area_struct *vma;

	mmap_assert_write_locked(arena->mm);
	for_each_vma(iterator, vma) {
		if (vma->vm_ops == &region_vm_ops && vma->vm_private_data == arena)
			vma_start_write(vma);
	}
}

static void make_regions_readonly(struct arena *arena)
{
	VMA_ITERATOR(iterator, arena->mm, 0);
	struct vm_area_struct *vma;

	mmap_assert_write_locked(arena->mm);
	for_each_vma(iterator, vma) {
		if (vma->vm_ops != &region_vm_ops || vma->vm_private_data != arena)
			continue;
		vm_flags_clear(vma, VM_WRITE);
		WRITE_ONCE(vma->vm_page_prot, vm_get_page_prot(vma->vm_flags));
	}
}

/*
 * Check that the arena's blocks, which are unmapped, can be shown to other processes: no
 * page is referenced, so that none can be written, and no block came from the arena's
 * cache, which leaves released data in it.
 */
static int check_contents_locked(struct arena *arena)
{
	unsigned long index;
	struct folio *folio;

	xa_for_each(&arena->slots, index, folio) {
		if (folio_ref_count(folio) != 1)
			return -EBUSY;
		if (folio_test_checked(folio))
			return -EINVAL;
		cond_resched();
	}
	return 0;
}

/**
 * arena_region_freeze - make an arena read-only for ever
 * @arena: the arena, of the current process
 *
 * No mapping through which one could write is left: there are none of others, and those
 * of the owner are taken away while none of its threads can fault. Whoever has got
 * a page by then holds a reference. To be mapped again it takes a fault, which finds the
 * region read-only.
 *
 * Context: process context, without the mmap_lock.
 * Return: 0, also if it was frozen before; or
 * * -EBUSY if somebody holds a page, and may write to it
 * * -EINVAL if one of the blocks is from the arena's cache
 * * -EINTR if the process is being killed
 */
int arena_region_freeze(struct arena *arena)
{
	int err = 0;

	if (mmap_write_lock_killable(arena->mm))
		return -EINTR;
	/* Faults hold the lock of their VMA when they want the semaphore. */
	lock_regions(arena);
	if (down_write_killable(&arena->sem)) {
		err = -EINTR;
		goto unlock_mm;
	}
	if (arena->is_frozen)
		goto unlock;
	unmap_blocks(arena, 0, ARENA_CONTROL_OFFSET >> ARENA_BLOCK_SHIFT);
	err = check_contents_locked(arena);
	if (err)
		goto unlock;
	make_regions_readonly(arena);
	/* Who finds it frozen finds what its owner wrote. */
	smp_store_release(&arena->is_frozen, true);
unlock:
	up_write(&arena->sem);
unlock_mm:
	mmap_write_unlock(arena->mm);
	if (!err && arena->cache)
		arena_cache_drain(arena->cache);
	return err;
}

/**
 * arena_region_info - say where the blocks of a range are
 * @arena: the arena
 * @info: @offset and @length are read, what is out is set
 * @node_blocks: set to the blocks on each node, nr_node_ids of them; zeroed
 *
 * Context: process context.
 * Return: 0, or
 * * -EINVAL if @offset or @length is no multiple of the block size, or @length is
 *   zero
 * * -EOVERFLOW if the end of the range is beyond the largest file
 */
int arena_region_info(struct arena *arena, struct arena_ioc_region_info *info,
		      u64 *node_blocks)
{
	unsigned long first, nr, index, length = 0;
	struct folio *folio, *last = NULL;
	int err;

	err = get_range(info->offset, info->length, &first, &nr);
	if (err)
		return err;
	info->resident = 0;
	info->mapped = 0;
	info->extents = 0;
	info->largest = 0;
	down_read(&arena->sem);
	xa_for_each_range(&arena->slots, index, folio, first, first + nr - 1) {
		bool is_next = last && last->index + ARENA_BLOCK_PAGES == folio->index &&
			       folio_pfn(last) + ARENA_BLOCK_PAGES == folio_pfn(folio);

		length = is_next ? length + 1 : 1;
		info->extents += !is_next;
		info->largest = max_t(u64, info->largest, length);
		info->resident++;
		info->mapped += folio_mapped(folio);
		node_blocks[folio_nid(folio)]++;
		last = folio;
		cond_resched();
	}
	up_read(&arena->sem);
	return 0;
}

/**
 * arena_region_count - count an arena's blocks on each node
 * @arena: the arena
 * @node_blocks: set to the blocks on each node, nr_node_ids of them
 *
 * Context: process context.
 */
void arena_region_count(struct arena *arena, unsigned long *node_blocks)
{
	down_read(&arena->sem);
	memcpy(node_blocks, arena->node_blocks, nr_node_ids * sizeof(*node_blocks));
	up_read(&arena->sem);
}

/*
 * How many slots arena_region_take_locked() looks at, at most, how many of these it unmaps,
 * and how many mappings of them. Unmapping takes much longer. And how many blocks of the file
 * it unmaps, with those that are not there.
 */
#define MAX_LOOKED_AT	4096
#define MAX_SPAN	32
#define MAX_UNMAPPED	256
#define MAX_DISTANCE	4096

/**
 * struct candidates - blocks that may be taken
 * @blocks: they, in the order of their slots, in which they stay: folio->lru is free, since
 *	only a block that is in no slot is on another list
 * @nid: the node
 * @wanted: how many more
 * @max_span: how many slots they may span, those between them too
 * @span: how many they do
 * @first: the first one's slot
 */
struct candidates {
	struct list_head blocks;
	int nid;
	unsigned long wanted;
	unsigned long max_span;
	unsigned long span;
	unsigned long first;
};

static bool is_complete(const struct candidates *candidates, unsigned long index)
{
	return !candidates->wanted || candidates->span == candidates->max_span ||
	       (candidates->span && index - candidates->first >= MAX_DISTANCE);
}

/* Lock candidates from a slot on; returns the slot where to go on, or 0 behind the last one. */
static unsigned long lock_from_locked(struct arena *arena, unsigned long index,
				      struct candidates *candidates)
{
	unsigned long looked_at = 0;
	struct folio *folio;

	lockdep_assert_held_write(&arena->sem);
	xa_for_each_start(&arena->slots, index, folio, index) {
		if (is_complete(candidates, index) || looked_at++ == MAX_LOOKED_AT)
			return index;
		cond_resched();
		if (folio_nid(folio) == candidates->nid && folio_trylock(folio)) {
			if (list_empty(&candidates->blocks))
				candidates->first = index;
			list_add_tail(&folio->lru, &candidates->blocks);
			candidates->wanted--;
		}
		candidates->span += !list_empty(&candidates->blocks);
	}
	return 0;
}

/* Begin where the last call ended; from the start, if there is nothing behind. */
static void lock_candidates_locked(struct arena *arena, struct candidates *candidates)
{
	unsigned long start = arena->take_index;

	arena->take_index = lock_from_locked(arena, start, candidates);
	if (start && !arena->take_index && list_empty(&candidates->blocks))
		arena->take_index = lock_from_locked(arena, 0, candidates);
}

/* Unmap the range of the file that the blocks of a list span. */
static void unmap_span(struct arena *arena, struct list_head *blocks)
{
	unsigned long first = index_of(blocks->next);

	unmap_blocks(arena, first, index_of(blocks->prev) - first + 1);
}

/**
 * arena_region_take_locked - take blocks of an idle arena that are on a node
 * @arena: the arena; @sem is held for writing
 * @nid: the node
 * @wanted: how many, at most
 * @blocks: empty list; they are added to it, mapped nowhere
 *
 * A release that never waits for a lock, and takes no block that could not be freed since its
 * pages are pinned. While a folio is locked, no fault maps it. A folio that is locked by another
 * thread is being touched, which the rules for idle arenas forbid, and is left alone. One
 * call unmaps what is between the blocks, too: a touch, after a claim, maps it again.
 * ARENA_IOC_CLAIM waits for @sem, and so for all this.
 *
 * Context: reclaim.
 * Return: false if there were blocks to take, and all of them are pinned
 */
bool arena_region_take_locked(struct arena *arena, int nid, unsigned long wanted,
			      struct list_head *blocks)
{
	int nr_vmas = max(nr_mappings(arena->inode->i_mapping), 1);
	struct candidates candidates = {
		.blocks = LIST_HEAD_INIT(candidates.blocks), .nid = nid, .wanted = wanted,
		.max_span = clamp(MAX_UNMAPPED / nr_vmas, 1, MAX_SPAN),
	};
	struct folio *folio, *next;
	unsigned long nr = 0;

	lock_candidates_locked(arena, &candidates);
	if (list_empty(&candidates.blocks))
		return true;
	unmap_span(arena, &candidates.blocks);
	list_for_each_entry_safe(folio, next, &candidates.blocks, lru) {
		unmap_locked_folio(arena, folio);
		if (folio_ref_count(folio) == 1) {
			take_out_locked(arena, block_index(folio->index), folio);
			list_move_tail(&folio->lru, blocks);
			nr++;
		} else {
			list_del(&folio->lru);
		}
		folio_unlock(folio);
	}
	arena->nr_taken += nr;
	atomic_long_add(nr, &arena->counts.taken);
	return nr;
}

/*
 * The next block with a memory error on some nodes, from a slot on, with a reference. Others may
 * have the semaphore from time to time.
 */
static struct folio *get_next_error(struct arena *arena, unsigned long *index,
				    const nodemask_t *nodes)
{
	struct folio *folio;
	unsigned long nr;

	do {
		nr = 0;
		down_read(&arena->sem);
		xa_for_each_start(&arena->slots, *index, folio, *index) {
			if (node_isset(folio_nid(folio), *nodes) && arena_pool_has_error(folio)) {
				folio_get(folio);
				break;
			}
			if (++nr == BATCH)
				break;
		}
		up_read(&arena->sem);
		cond_resched();
		if (folio && nr == BATCH)
			++*index;
	} while (folio && nr == BATCH);
	return folio;
}

/**
 * arena_region_unmap_errors - unmap the blocks that have memory errors
 * @arena: the arena
 * @nodes: the nodes on which to look for them
 *
 * They stay in their slots. After that, a touch of a page with an error is SIGBUS, and the
 * other pages of its block are mapped one by one.
 *
 * Context: process context, without the mmap_lock, which is only tried.
 * Return: false, with nothing done, if that was not possible now
 */
bool arena_region_unmap_errors(struct arena *arena, const nodemask_t *nodes)
{
	unsigned long index = 0;
	struct folio *folio;

	if (!try_exclude_mremap(arena->mm))
		return false;
	while ((folio = get_next_error(arena, &index, nodes))) {
		/* A fault that locked it before has mapped it by now. */
		folio_lock(folio);
		folio_set_has_hwpoisoned(folio);
		unmap_locked_folio(arena, folio);
		folio_unlock(folio);
		folio_put(folio);
		index++;
	}
	allow_mremap(arena->mm);
	return true;
}

/**
 * arena_region_set_flags - choose how an arena behaves
 * @arena: the arena
 * @flags: ARENA_F_*, all that are to be set
 *
 * Context: process context.
 * Return: 0, or with nothing changed
 * * -EINVAL for an unknown flag
 * * -EROFS if the arena is frozen
 * * -ENOMEM if there is no memory for a cache
 * * -EINTR if the process is being killed
 */
int arena_region_set_flags(struct arena *arena, u64 flags)
{
	int err;

	if (flags & ~(u64)(ARENA_F_KEEP_DIRTY | ARENA_F_NODUMP | ARENA_F_QUARANTINE))
		return -EINVAL;
	err = arena_region_begin_change(arena);
	if (err)
		return err;
	if ((flags & ARENA_F_KEEP_DIRTY) && !arena->cache) {
		struct arena_cache *cache = arena_cache_create();

		if (!cache)
			err = -ENOMEM;
		/* Who finds the cache finds it made. */
		smp_store_release(&arena->cache, cache);
	}
	if (!err)
		WRITE_ONCE(arena->flags, flags);
	up_write(&arena->sem);
	if (!err && !(flags & ARENA_F_KEEP_DIRTY) && arena->cache)
		arena_cache_drain(arena->cache);
	return err;
}

/**
 * arena_region_set_limit - lower an arena's limit
 * @arena: the arena
 * @nr: blocks
 *
 * Blocks that it keeps go if they are over the limit.
 *
 * Context: process context.
 * Return: 0, or -EPERM if the limit is lower already
 */
int arena_region_set_limit(struct arena *arena, unsigned long nr)
{
	/* With what arena_cache_create() wrote. */
	struct arena_cache *cache = smp_load_acquire(&arena->cache);
	int err;

	err = arena_account_lower_limit(arena->account, nr);
	if (err || !cache)
		return err;
	while (arena_account_charged(arena->account) > nr && arena_cache_evict(cache))
		cond_resched();
	return 0;
}

/**
 * arena_region_cached - how many released blocks an arena keeps
 * @arena: the arena
 */
unsigned long arena_region_cached(struct arena *arena)
{
	/* With what arena_cache_create() wrote. */
	struct arena_cache *cache = smp_load_acquire(&arena->cache);

	return cache ? arena_cache_size(cache) : 0;
}

/**
 * arena_region_init - make an arena without blocks
 * @arena: zeroed; the caller has set @mm, @inode and @account
 *
 * Return: 0, or -ENOMEM
 */
int arena_region_init(struct arena *arena)
{
	arena->node_blocks = kcalloc(nr_node_ids, sizeof(*arena->node_blocks),
				     GFP_KERNEL_ACCOUNT);
	if (!arena->node_blocks)
		return -ENOMEM;
	init_rwsem(&arena->sem);
	arena_inflight_init(&arena->inflight);
	xa_init_flags(&arena->slots, XA_FLAGS_ACCOUNT);
	arena_seals_init(&arena->seals);
	return 0;
}

/**
 * arena_region_destroy - give everything back when the file is gone
 * @arena: the arena; no VMA and no other user is left
 */
void arena_region_destroy(struct arena *arena)
{
	LIST_HEAD(blocks);

	down_write(&arena->sem);
	detach_blocks_locked(arena, 0, LAST_BLOCK, &blocks);
	up_write(&arena->sem);
	arena_blocks_put(arena, &blocks);
	arena_cache_destroy(arena->cache);
	arena_account_close(arena->account);
	xa_destroy(&arena->slots);
	arena_seals_destroy(&arena->seals);
	kfree(arena->node_blocks);
}
