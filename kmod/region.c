// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: the blocks of an arena and their mappings.
 *
 * An arena is a sparse file of blocks. arena.slots maps the index of a block in
 * the file to its folio. A region is a window on the file: an ordinary VMA,
 * neither VM_PFNMAP nor VM_MIXEDMAP. The fault handler returns a locked folio.
 * The core mm maps it, by PMD where the VMA covers the whole block, and
 * maintains the reference count, rmap and RSS. A slot holds one reference to
 * its folio; each mapping and each pin holds one more.
 *
 * Locking
 *
 *	mmap_lock or VMA lock
 *	  arena.inflight.alone
 *	    arena.sem
 *	      slots.xa_lock, seals.ranges.ma_lock
 *	      folio lock			(trylock only)
 *	      i_mmap_rwsem, page table locks	(in unmap_mapping_range())
 *	  folio lock				(without arena.sem)
 *	    inode.i_lock			(protects i_size)
 *	    i_mmap_rwsem, page table locks	(in unmap_mapping_range())
 *	  owner.mutex				(owner.c)
 *	    arena.sem; folio lock		(as above)
 *	arena.inflight.lock			(a leaf)
 *
 * No thread waits for the mmap_lock or a VMA lock while it holds a lock below
 * them in this tree. The spinlocks of other files (pool.c, cache.c, account.c,
 * idle.c, hwpoison.c) may be taken inside the tree; no lock of the tree is
 * taken under them.
 *
 * No thread waits for a folio lock while it holds arena.sem, nor for arena.sem
 * while it holds a folio lock. The fault handler tries to lock the folio under
 * arena.sem. If that fails, it drops arena.sem before it waits for the folio
 * lock. Release drops arena.sem before it unmaps. Reclaim of an idle arena
 * holds arena.sem and folio locks at once, but only tries to take them. Freeze
 * unmaps under arena.sem, but takes no folio lock.
 *
 * Blocks are allocated outside arena.sem, so that no thread waits for another
 * one to zero a block. Small allocations under arena.sem, e.g. nodes of the
 * slots' xarray, can enter reclaim. That only tries to take the mmap_lock,
 * arena.sem and folio locks.
 *
 * Release against fault
 *
 * The fault handler finds a folio, and the core mm maps it after .fault has
 * returned. It is therefore not enough to unmap a folio and then free it: it
 * may be mapped after the unmapping. Three rules make release safe: .fault
 * returns the folio locked; the core mm keeps it locked until it is mapped; and
 * .fault has seen the folio in its slot while it held the folio lock. For the
 * last rule, .fault either gets the folio lock under arena.sem, or compares the
 * slot again after it has waited for the folio lock. The steps of a release:
 *
 *   1. Take the folios out of their slots.
 *   2. Unmap the range.
 *   3. Lock each folio, and unmap it again while it is mapped.
 *   4. Put the folios.
 *
 * If a fault locks a folio before step 3 does, the folio is mapped by the time
 * step 3 gets the lock, and step 3 unmaps it. If a fault locks the folio after
 * step 3, it sees the empty slot of step 1, because the folio lock orders the
 * two, and maps nothing. After step 3 the folio is in no slot, and only a slot
 * leads to a mapping, so it is never mapped again.
 *
 * The fault handler can't mistake a reused folio for the one it found when it
 * compares the slot again: it holds a reference, and a folio with a reference
 * is not reused.
 *
 * mremap() moves page tables under the i_mmap_rwsem or in the order of the
 * interval tree, so unmap_mapping_range() does not miss them. But it can miss a
 * huge page that mremap() moves; therefore step 3 repeats until the folio is
 * unmapped. On older kernels mremap() must be excluded while huge pages are
 * unmapped, see exclude_mremap_killable().
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

/* Slots processed between cond_resched() calls. Tests define a lower number. */
#ifndef BATCH
#define BATCH	256
#endif

/* Index of the last block of the file. The control page follows this block. */
#define LAST_BLOCK	((ARENA_CONTROL_OFFSET >> ARENA_BLOCK_SHIFT) - 1)

static unsigned long block_index(pgoff_t pgoff)
{
	return pgoff >> ARENA_BLOCK_ORDER;
}

/* Return the index of the slot that a block of a list is proposed for. */
static unsigned long index_of(const struct list_head *at)
{
	return block_index(list_entry(at, struct folio, lru)->index);
}

/*
 * Find the first block of a list, starting at @from, that is proposed for slot
 * @index or a later one. Returns the list head if there is none.
 */
static struct list_head *find_proposal(struct list_head *from,
				       struct list_head *blocks,
				       unsigned long index)
{
	while (from != blocks && index_of(from) < index)
		from = from->next;
	return from;
}

/* Find the first slot at or after @index that has a block, or return @end. */
static unsigned long next_filled(struct arena *arena, unsigned long index,
				 unsigned long end)
{
	return xa_find(&arena->slots, &index, end - 1, XA_PRESENT) ? index : end;
}

/*
 * Allocate a block for each empty slot of a range that has no proposed block
 * yet. folio->index says which slot a block is proposed for; @blocks is sorted
 * by it. This function does not hold arena.sem, so another thread may fill or
 * empty a slot at any time; store_blocks_locked() checks each slot again.
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

/* WRITE_ONCE(), since both counters are also read without arena.sem. */
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

/*
 * Load the folio at an index. If the state is at the previous index, stepping
 * to the next one is faster than a walk from the root.
 */
static struct folio *load_at(struct xa_state *xas, unsigned long index)
{
	if (xas_is_node(xas) && index == xas->xa_index + 1)
		return xas_next(xas);
	xas_set(xas, index);
	return xas_load(xas);
}

/*
 * Store each block in the slot it is proposed for, or move it to @unneeded if
 * that slot is no longer empty. @nr is set to the number of blocks stored, also
 * on error. These are the first @nr blocks that remain in @blocks.
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
			/* @xas stays valid: arena.sem protects the slots. */
			xas_unlock(&xas);
			cond_resched();
			xas_lock(&xas);
		}
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	return xas_error(&xas);
}

/*
 * Fill the empty slots of a range with the blocks proposed for them, and break
 * the seals of the range. All or nothing: no other thread can see the folios
 * before arena.sem is dropped, so on error they are taken out of their slots
 * again without unmapping. On success @blocks is empty. On error it keeps the
 * blocks proposed for slots that are still empty. -EAGAIN means that some empty
 * slots have no proposed block.
 */
static int fill_slots_locked(struct arena *arena, unsigned long first,
			     unsigned long nr_slots, struct list_head *blocks,
			     struct list_head *unneeded, unsigned long *filled)
{
	struct folio *folio;
	unsigned long nr;
	int err;

	err = store_blocks_locked(arena, blocks, unneeded, &nr);
	/* A concurrent release may have emptied slots that have no proposal. */
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

/* In a frozen arena, a commit succeeds only if the whole range is committed. */
static int find_frozen_locked(struct arena *arena, unsigned long first,
			      unsigned long nr, unsigned long *committed)
{
	*committed = 0;
	return count_filled_locked(arena, first, nr) == nr ? 0 : -EROFS;
}

/*
 * Commit the missing blocks of a range. On success all slots were filled at one
 * moment; on failure nothing has changed. mmap() and ARENA_IOC_COMMIT break
 * seals; a fault on a sealed block fails.
 */
static int commit_slots(struct arena *arena, unsigned long first,
			unsigned long nr, bool is_fault, unsigned long *committed)
{
	struct arena_policy policy;
	LIST_HEAD(blocks);
	LIST_HEAD(unneeded);
	int err = -EAGAIN;

	/* Don't reclaim for a range that exceeds the machine's memory. */
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
		/* The arena may be frozen by now, or the slot sealed. */
		if (arena->is_frozen)
			err = find_frozen_locked(arena, first, nr, committed);
		else if (is_fault && is_sealed_locked(arena, first))
			err = -EPERM;
		else
			err = fill_slots_locked(arena, first, nr, &blocks, &unneeded,
						committed);
		up_write(&arena->sem);
		/* Another thread has filled their slots first. */
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
 * Retries of a refused fault while other operations are in flight. More than
 * one is needed only if other threads of the process keep making commits that
 * fail.
 */
#define MAX_TRIES	16

static bool is_refused(int err)
{
	return err == -EDQUOT || err == -ENOMEM;
}

/*
 * Retry a fault that was refused. Another operation, e.g. a fault on the same
 * slot, may hold a charge for a moment for a block that it will give back. So a
 * refusal is final only if no other operation was in flight.
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
		/* Blocks in quarantine are charged. Free the unpinned ones. */
		arena_pool_recheck();
		err = commit_slots(arena, index, 1, true, &committed);
		was_alone = arena_inflight_end(&arena->inflight, &operation);
		mutex_unlock(&arena->inflight.alone);
	} while (is_refused(err) && !was_alone && ++tries < MAX_TRIES);
	return err;
}

/* Commit the block of a slot at a page fault by a thread of the owner. */
static int commit_at_fault(struct arena *arena, unsigned long index)
{
	struct arena_operation operation;
	unsigned long committed;
	bool is_sealed;
	int err;

	/*
	 * The charge and the node of a block depend on the current task. So a
	 * debugger, another process in process_vm_readv() or a kernel thread
	 * must not commit for the owner. A core dump would commit all that is
	 * reserved.
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

/* Commit an empty range as one extent. */
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
	/* The range is still empty, so every block is needed. */
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

/*
 * Get a reference to the folio of a slot, and lock the folio if its lock is
 * free. Returns NULL if the slot is empty.
 */
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
 * Whether a fault may map blocks into a VMA: in the owner's address space, or
 * in any if the arena is frozen. A VMA of a frozen arena is writable only if
 * MADV_DOFORK has carried it into another address space before the freeze.
 */
static bool may_map(struct arena *arena, const struct vm_area_struct *vma)
{
	if (arena_region_is_frozen(arena))
		return !(vma->vm_flags & VM_WRITE);
	return vma->vm_mm == arena->mm;
}

/*
 * Make the core mm map the pages of a block with a memory error one by one. It
 * does not map a folio by PMD if the folio is marked has_hwpoisoned. Newer
 * kernels map all pages of a folio together, though, unless the folio ends
 * beyond the end of the file. So this sets the file size to the start of the
 * block. From then on the pages of all later blocks are mapped one by one, too.
 */
static void map_one_by_one(struct arena *arena, struct folio *folio)
{
	struct inode *inode = arena->inode;

	folio_set_has_hwpoisoned(folio);
	/* Faults on other blocks, under other folio locks, may set i_size. */
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
		 * SIGBUS also if the process is being killed: the kernel's own
		 * fault, e.g. in copy_to_user(), would be repeated for ever.
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
	/* The core mm would unmap it through folio->mapping, which is NULL. */
	if (PageHWPoison(page)) {
		folio_unlock(folio);
		folio_put(folio);
		return VM_FAULT_HWPOISON;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

/*
 * Map nothing around a fault: a block is mapped as a whole. The operation
 * exists because newer kernels then call .fault under the VMA lock alone.
 */
static vm_fault_t region_map_pages(struct vm_fault *vmf, pgoff_t start_pgoff,
				   pgoff_t end_pgoff)
{
	return 0;
}

/*
 * A VMA with a name is in core dumps, even if /proc/PID/coredump_filter
 * excludes shared files: to the application, an arena is private memory.
 * MADV_DONTDUMP and ARENA_F_NODUMP exclude the region.
 */
static const char *region_name(struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_DONTDUMP ? NULL : "[arena]";
}

/*
 * Refuse write access to a frozen arena. Refuse it to other address spaces also
 * before the freeze: the core mm changes the VMA after this check, and the
 * arena may be frozen in between. (Freeze can't exclude that in an address
 * space other than the owner's. Clearing VM_MAYWRITE instead would affect the
 * core mm's count of a file's writable mappings, differently in each kernel.)
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
 * Return no policy: the arena's policy applies, not the VMA's. NUMA balancing,
 * which can't migrate blocks, therefore skips the VMA.
 */
static struct mempolicy *region_get_policy(GET_POLICY_PARAMETERS)
{
	return NULL;
}
#endif

/*
 * There is no page_mkwrite, since it would make long-term pins for writing
 * fail. There is no open or close, since a VMA holds the file and the file
 * holds the arena.
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

/* Whether a range ends within the largest file. */
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
 * A region mapped with PROT_NONE is a reservation that mprotect() makes
 * accessible later. MAP_NORESERVE makes a reservation, too, but the core mm
 * ignores it if overcommit is strict.
 */
static bool wants_commit(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & VM_NORESERVE) &&
	       (vma->vm_flags & (VM_READ | VM_WRITE));
}

/**
 * arena_region_mmap - turn a new VMA into a region
 * @arena: the arena, which belongs to the current process or is frozen
 * @vma: VMA of the arena's file, currently being mapped
 *
 * Commits every block of the region, unless the caller used MAP_NORESERVE or
 * PROT_NONE. In that case each block is committed at its first touch.
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0, or with nothing committed
 * * -EACCES for PROT_EXEC, or a file not open for reading and writing
 * * -EINVAL for MAP_PRIVATE, or an address, length or offset that is not a
 *   multiple of the block size
 * * -EOVERFLOW if the end of the region is beyond the largest file
 * * -EROFS if the arena is frozen and the region is writable, or a block to
 *   commit is missing
 * * -ENOMEM if there is no memory for all blocks, RLIMIT_MEMLOCK would be
 *   exceeded, or too many ranges would be sealed
 * * -EDQUOT if the arena's limit would be exceeded
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
	 * VM_DONTEXPAND keeps mremap() from growing the region, and the core mm
	 * from merging it with a neighbour: neither would commit blocks.
	 * mlock() skips such a VMA, whose folios are on no LRU list.
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
 * @len: length in bytes
 * @pgoff: offset in the file, in pages
 * @flags: MAP_*
 *
 * A hint is rounded up to a multiple of the block size. With MAP_FIXED the
 * address is not checked here; arena_region_mmap() refuses a misaligned one.
 *
 * Context: process context, mmap_lock held for writing.
 * Return: the address, or a negative errno as an unsigned long
 * * -EOVERFLOW if the end of the region is beyond the largest file
 * * -ENOMEM if no address range is free, or the one found is misaligned
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

/* Convert a range in bytes, which a caller passed, to blocks. */
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

/* Step 1 of release: move the folios of a range from their slots to a list. */
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
		/* One store is faster than one per slot. The rest is empty. */
		if (before != blocks->prev)
			xa_store_range(&arena->slots, index_of(before->next),
				       index_of(blocks->prev), NULL, 0);
		cond_resched();
	} while (folio);
	return nr;
}

/*
 * Step 2 of release: unmap the blocks. One call for each contiguous range of
 * the file means one TLB flush for each.
 */
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
 * Unmap a locked folio completely. A single call may miss a huge mapping while
 * mremap() moves it. mremap() clears one PMD and sets another under the locks
 * of both, but unmap_mapping_range() skips an empty PMD without locking it. So
 * it can pass the new PMD too early and the old one too late. The mapping stays
 * counted throughout, and the folio lock keeps faults from adding another.
 */
static void unmap_locked_folio(struct arena *arena, struct folio *folio)
{
	/*
	 * A mapping holds a reference. That is faster to check: to find that
	 * no page is mapped, older kernels look at every page of the folio.
	 */
	while (folio_ref_count(folio) > 1 && folio_mapped(folio)) {
		unmap_blocks(arena, block_index(folio->index), 1);
		cond_resched();
	}
}

/* Step 3 of release: unmap what step 2 missed, and what faults mapped since. */
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
 * arena_region_begin_change - lock an arena unless it is frozen
 * @arena: the arena
 *
 * Context: process context; may sleep.
 * Return: 0 with @arena->sem held for writing, or
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

/* Step 1 of release: seal a range if required, and empty its slots. */
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
 * arena_region_release - release the blocks of a range
 * @arena: the arena
 * @offset: start of the range in the file, in bytes
 * @length: length of the range in bytes
 * @is_sealed: seal the range: a touch is a SIGBUS until mmap() or
 *	ARENA_IOC_COMMIT commits the block again. ARENA_F_QUARANTINE has the
 *	same effect.
 * @released: set to the number of blocks released
 *
 * The range may have holes. Regions stay mapped; a touch after this function
 * has returned finds a fresh, zeroed block, or one from the arena's cache. A
 * pinned block keeps its contents, and is not reused before its last pin is
 * gone.
 *
 * Context: process context, without the mmap_lock.
 * Return: 0, or with nothing done
 * * -EINVAL if @offset or @length is not a multiple of the block size, or
 *   @length is zero
 * * -EOVERFLOW if the end of the range is beyond the largest file
 * * -EROFS if the arena is frozen
 * * -ENOMEM if there is no memory for the seal, or too many ranges are sealed
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
 * @arena: the arena. A frozen one keeps its blocks: other processes may use
 *	them.
 *
 * An address space without users has no thread that commits or calls mremap(),
 * so this function does not begin an operation (inflight.c) or exclude
 * mremap().
 *
 * Context: process context, without the mmap_lock; may sleep.
 */
void arena_region_abandon(struct arena *arena)
{
	unsigned long nr = 0;
	LIST_HEAD(blocks);

	down_write(&arena->sem);
	if (!arena->is_frozen) {
		/* Bypass the cache: the owner can't commit again. */
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
 * @offset: start of the range in the file, in bytes
 * @length: length of the range in bytes
 * @is_contig: commit the range as one extent
 * @committed: set to the number of blocks that this call committed
 *
 * Context: process context, without the mmap_lock.
 * Return: 0, or with nothing committed
 * * -EINVAL if @offset or @length is not a multiple of the block size, or
 *   @length is zero
 * * -EOVERFLOW if the end of the range is beyond the largest file
 * * -EEXIST if @is_contig and a block of the range is committed already
 * * -EROFS if the arena is frozen and a block of the range is missing
 * * -ENOMEM if there is no memory for all blocks, no such extent,
 *   RLIMIT_MEMLOCK would be exceeded, or too many ranges would be sealed
 * * -EDQUOT if the arena's limit would be exceeded
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

/*
 * Write-lock the VMAs of all regions in the owner's address space. Faults that
 * run under a VMA lock have finished when this returns, and new ones wait.
 */
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
 * Check that other processes may see the arena's blocks, which are unmapped. No
 * block may have another reference, through which a page could be written. No
 * block may come from the arena's cache, since it may contain released data.
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
 * After this no page is mapped writable. No page is mapped in another address
 * space yet. The owner's mappings are removed while none of its threads can
 * fault, and the next fault finds a read-only region. A user of a page that
 * does not need a mapping, e.g. a DMA pin, holds a reference, which makes this
 * function fail.
 *
 * Context: process context, without the mmap_lock.
 * Return: 0, also if the arena was frozen before; or with nothing changed
 * * -EBUSY if a page has another reference, and could be written through it
 * * -EINVAL if a block came from the arena's cache
 * * -EINTR if the process is being killed
 */
int arena_region_freeze(struct arena *arena)
{
	int err = 0;

	if (mmap_write_lock_killable(arena->mm))
		return -EINTR;
	/* A fault holds its VMA lock when it takes arena.sem: same order. */
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
	/* Pairs with arena_region_is_frozen(). */
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
 * arena_region_info - report where the blocks of a range are
 * @arena: the arena
 * @info: reads @offset and @length, sets @resident, @mapped, @extents and
 *	@largest
 * @node_blocks: zeroed array of nr_node_ids entries, set to the number of
 *	blocks on each node
 *
 * Context: process context; may sleep.
 * Return: 0, or
 * * -EINVAL if @offset or @length is not a multiple of the block size, or
 *   @length is zero
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
 * @node_blocks: array of nr_node_ids entries, set to the number of blocks on
 *	each node
 *
 * Context: process context; may sleep.
 */
void arena_region_count(struct arena *arena, unsigned long *node_blocks)
{
	down_read(&arena->sem);
	memcpy(node_blocks, arena->node_blocks, nr_node_ids * sizeof(*node_blocks));
	up_read(&arena->sem);
}

/*
 * Bounds of one call of arena_region_take_locked(): slots that it looks at,
 * slots that it unmaps, mappings that it unmaps (slots times VMAs), and blocks
 * of the file that the unmapped range covers, including holes. Unmapping a slot
 * takes much longer than looking at it.
 */
#define MAX_LOOKED_AT	4096
#define MAX_SPAN	32
#define MAX_UNMAPPED	128
#define MAX_DISTANCE	4096

/**
 * struct candidates - locked blocks of an idle arena that may be taken
 * @blocks: list of the blocks in the order of their slots. A candidate stays in
 *	its slot; its folio->lru is unused, since only blocks that are in no
 *	slot are on other lists.
 * @nid: the node
 * @wanted: number of blocks still wanted
 * @max_span: maximum of @span
 * @span: filled slots from the first candidate to the last slot looked at, on
 *	any node
 * @first: slot of the first candidate
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

/*
 * Find and lock candidates, starting at a slot. Returns the slot at which the
 * next search starts, or 0 if this one has reached the last block.
 */
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

/*
 * Find candidates, starting where the previous call ended; or from the first
 * slot if there are none behind that.
 */
static void lock_candidates_locked(struct arena *arena, struct candidates *candidates)
{
	unsigned long start = arena->take_index;

	arena->take_index = lock_from_locked(arena, start, candidates);
	if (start && !arena->take_index && list_empty(&candidates->blocks))
		arena->take_index = lock_from_locked(arena, 0, candidates);
}

/* Unmap the range of the file from the first to the last block of a list. */
static void unmap_span(struct arena *arena, struct list_head *blocks)
{
	unsigned long first = index_of(blocks->next);

	unmap_blocks(arena, first, index_of(blocks->prev) - first + 1);
}

/**
 * arena_region_take_locked - take blocks of an idle arena that are on a node
 * @arena: the arena; its @sem is held for writing
 * @nid: the node
 * @wanted: maximum number of blocks
 * @blocks: empty list, to which the taken blocks are added; they are not mapped
 *
 * This is a release that never waits for @sem or a folio lock, and takes no
 * pinned block, since that could not be freed. No fault maps a folio while it
 * is locked. If another thread has locked a folio, the block is being touched,
 * which the rules for idle arenas forbid; it is skipped. Blocks between the
 * taken ones are unmapped, too, because one call unmaps the whole range; a
 * touch after a claim maps them again. ARENA_IOC_CLAIM waits for @sem, and
 * therefore until this function has finished.
 *
 * Context: reclaim.
 * Return: false if there were candidates and all of them are pinned, else true
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
 * Find the next block with a memory error on one of the nodes, starting at slot
 * @index, and get a reference to it. @index is set to its slot. Returns NULL if
 * there is none. Drops arena.sem after each BATCH slots, so that other threads
 * can take it.
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
 * @nodes: the nodes to search
 *
 * The blocks stay in their slots. After this, a touch of a page with an error
 * is a SIGBUS, and the other pages of its block are mapped one by one.
 *
 * Context: process context, without the mmap_lock; may sleep. On kernels where
 * mremap() must be excluded, takes the mmap_lock by trylock only.
 * Return: true, or false with nothing done if the trylock failed
 */
bool arena_region_unmap_errors(struct arena *arena, const nodemask_t *nodes)
{
	unsigned long index = 0;
	struct folio *folio;

	if (!try_exclude_mremap(arena->mm))
		return false;
	while ((folio = get_next_error(arena, &index, nodes))) {
		/* A fault that locked it earlier has mapped it by now. */
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
 * arena_region_set_flags - set the flags of an arena
 * @arena: the arena
 * @flags: all ARENA_F_* flags to be set; others are cleared
 *
 * Context: process context; may sleep.
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
		/* Pairs with smp_load_acquire(): readers see it initialized. */
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
 * @nr: new limit in blocks
 *
 * Evicts cached blocks while more blocks are charged than the limit allows.
 * Committed blocks stay.
 *
 * Context: process context; may sleep.
 * Return: 0, or -EPERM if the limit is lower already
 */
int arena_region_set_limit(struct arena *arena, unsigned long nr)
{
	/* Pairs with smp_store_release() in arena_region_set_flags(). */
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
 * arena_region_cached - return the number of blocks in an arena's cache
 * @arena: the arena
 */
unsigned long arena_region_cached(struct arena *arena)
{
	/* Pairs with smp_store_release() in arena_region_set_flags(). */
	struct arena_cache *cache = smp_load_acquire(&arena->cache);

	return cache ? arena_cache_size(cache) : 0;
}

/**
 * arena_region_init - initialize the blocks and locks of a new arena
 * @arena: zeroed, except for @mm, @inode and @account, which the caller has set
 *
 * Context: process context; may sleep.
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
 * arena_region_destroy - free all blocks and resources of an arena
 * @arena: the arena, whose file is being released; it has no VMA or other user
 *
 * Context: process context; may sleep.
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
