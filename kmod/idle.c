// SPDX-License-Identifier: GPL-2.0-only
/*
 * Idle arenas: reclaim may take their blocks until the process claims them.
 *
 * A process marks its arena idle in the state word of the arena's control page, an ordinary
 * page that both the kernel and the process map. The word changes
 *
 *	from active to idle	by a compare-and-swap of the process
 *	from idle to active	by a compare-and-swap of the process: a claim
 *	from idle to taken	by a compare-and-swap of the kernel
 *	from taken to active	by ARENA_IOC_CLAIM
 *
 * (Documentation/abi.rst has a diagram, selftests/model/idle.pml a verified model.)
 *
 * There is no other record of this state. The process can write any value to the word at any
 * time. The kernel uses the word only to decide whether it may take blocks, so that a process
 * that writes other values can lose only its own contents.
 *
 * After a successful claim without a call, no block is missing: blocks are taken only after
 * the word has changed from idle to taken. This change and the claim are compare-and-swaps
 * from the same value, so that one of them fails. After ARENA_IOC_CLAIM, no further block is
 * taken: the task that takes blocks holds arena.sem for writing from before it reads the word
 * until the blocks are out of their slots and unmapped, and ARENA_IOC_CLAIM holds it while it
 * makes the arena active.
 *
 * idle_lock, a spinlock and a leaf, protects the list of the arenas that have a control page.
 * Only one task at a time takes blocks, and no other task waits for it. It holds no lock of
 * this file while doing so. Instead, the arena is marked as being taken from, and closing the
 * arena waits until the mark is cleared. arena.sem, the folio locks and, on kernels where
 * mremap() must be excluded, the mmap_lock are taken only by trylock, because their holders
 * may be allocating memory, be preempted, or be the reclaiming task itself. Unmapping takes
 * i_mmap_rwsem and page table locks, as the kernel's own reclaim does.
 *
 * A single user must not be able to slow down reclaim for all. Therefore each call is bounded
 * in the number of arenas that it counts, compares and takes blocks from, in the number of
 * slots that it examines, and in the number of VMAs that it unmaps blocks from.
 */
#include <linux/bitops.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/arena.h>

#include "blocks.h"
#include "compat.h"
#include "idle.h"
#include "pool.h"
#include "region.h"

/*
 * The number of blocks that are requested from an arena at a time, at least: after an arena
 * has lost one block its others are worth little, and each time the TLBs of all CPUs that run
 * the process are flushed.
 */
#define BLOCKS_AT_ONCE	16

/* The maximum number of arenas that one call counts, compares, and takes blocks from. */
#define COUNTED_AT_ONCE	64
#define COMPARED_AT_ONCE	256
#define ARENAS_AT_ONCE	16

/* No blocks are taken from an arena with more mappings: unmapping would take too long. */
#define MAX_REGIONS	32

/* How long an arena whose blocks are all pinned is not tried again. */
#define REST		HZ

/* The offset of the control page in pages. */
#define CONTROL_PGOFF	((pgoff_t)(ARENA_CONTROL_OFFSET >> PAGE_SHIFT))

/* Protects arenas, count_pass, counts and arena.idle of each arena. */
static DEFINE_SPINLOCK(idle_lock);
/* The arenas that have a control page, the most recently counted ones at the end. */
static LIST_HEAD(arenas);
/* The number of the current pass that counts all arenas. */
static unsigned long count_pass;

/**
 * struct idle_count - number of blocks of idle arenas on a node
 * @sum: sum over the arenas counted so far by the current pass
 * @last: sum over all arenas at the end of the last pass
 */
struct idle_count {
	unsigned long sum;
	unsigned long last;
};

/* Indexed by node; covers all possible nodes. */
static struct idle_count *counts;

/* Bit 0 is set while a task takes blocks. */
static unsigned long is_shrinking;
/* The number of the current call of arena_idle_shrink(), used only by the task in that call. */
static unsigned long shrink_pass;
/* Woken when a task has finished taking blocks from an arena. */
static DECLARE_WAIT_QUEUE_HEAD(left_alone);

/**
 * arena_idle_is_control - check whether a VMA is to map the control page
 * @vma: the VMA, of an arena's file
 *
 * Return: true if the VMA starts at the offset of the control page.
 */
bool arena_idle_is_control(const struct vm_area_struct *vma)
{
	BUILD_BUG_ON(ALIGN_DOWN(MAX_LFS_FILESIZE, ARENA_BLOCK_SIZE) != ARENA_CONTROL_OFFSET);
	return vma->vm_pgoff == CONTROL_PGOFF;
}

static vm_fault_t control_fault(struct vm_fault *vmf)
{
	struct arena *arena = vmf->vma->vm_private_data;

	if (vmf->vma->vm_mm != arena->mm)
		return VM_FAULT_SIGBUS;
	vmf->page = virt_to_page(arena->control);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct control_vm_ops = {
	.fault = control_fault,
};

/* Allocate the control page, and add the arena to the list that reclaim uses. */
static int make_control(struct arena *arena)
{
	struct arena_control *control;

	control = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!control)
		return -ENOMEM;
	spin_lock(&idle_lock);
	if (!arena->control) {
		/* A reader that sees the pointer must see a zeroed page. */
		smp_store_release(&arena->control, control);
		arena->idle.counted_by = count_pass - 1;
		arena->idle.rests_until = jiffies;
		list_add(&arena->idle.link, &arenas);
		control = NULL;
	}
	spin_unlock(&idle_lock);
	free_page((unsigned long)control);
	return 0;
}

/**
 * arena_idle_mmap - map the control page
 * @arena: the arena, of the current process
 * @vma: the VMA, of the arena's file, for which arena_idle_is_control() is true
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0, or
 * * -EACCES for PROT_EXEC, or if the file is not open for writing (the core mm has checked
 *   that it is open for reading)
 * * -EINVAL for MAP_PRIVATE, or if the length is not one page
 * * -EROFS if the arena is frozen
 * * -ENOMEM if out of memory
 */
int arena_idle_mmap(struct arena *arena, struct vm_area_struct *vma)
{
	int err;

	if (!(vma->vm_file->f_mode & FMODE_WRITE) || (vma->vm_flags & VM_EXEC))
		return -EACCES;
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	if (arena_region_is_frozen(arena))
		return -EROFS;
	err = READ_ONCE(arena->control) ? 0 : make_control(arena);
	if (err)
		return err;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP);
	vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_ops = &control_vm_ops;
	vma->vm_private_data = arena;
	return 0;
}

/**
 * arena_idle_claim - make an arena active in any state
 * @arena: the arena
 * @claim: set to the state of the arena
 *
 * Context: process context.
 * Return: 0, or with nothing changed
 * * -EROFS if the arena is frozen
 * * -EINTR if the process is being killed
 */
int arena_idle_claim(struct arena *arena, struct arena_claim *claim)
{
	struct arena_control *control;
	int err;

	err = arena_region_begin_change(arena);
	if (err)
		return err;
	/* Pairs with smp_store_release() in make_control(). */
	control = smp_load_acquire(&arena->control);
	claim->old_state = control ? xchg(&control->state, ARENA_STATE_ACTIVE) : 0;
	claim->blocks = arena->nr_blocks;
	claim->taken = arena->nr_taken;
	arena->nr_taken = 0;
	up_write(&arena->sem);
	return 0;
}

/**
 * arena_idle_undo_claim - undo a claim whose result could not be copied to the caller
 * @arena: the arena
 * @claim: the result, set by arena_idle_claim()
 *
 * The next claim returns the same result. If the process has changed the state since the
 * claim, e.g. marked the arena idle, that state remains. A concurrent claim by another thread
 * may be undone as well; Documentation/abi.rst requires that only one thread claims.
 *
 * Context: process context.
 */
void arena_idle_undo_claim(struct arena *arena, const struct arena_claim *claim)
{
	u64 state = ARENA_STATE_ACTIVE;

	down_write(&arena->sem);
	arena->nr_taken += claim->taken;
	if (arena->control)
		try_cmpxchg(&arena->control->state, &state, claim->old_state);
	up_write(&arena->sem);
}

/* Whether the blocks of an arena may be taken. The process can change that at any time. */
static bool is_idle(const struct arena_control *control)
{
	switch (READ_ONCE(control->state) & ARENA_STATE_MASK) {
	case ARENA_STATE_IDLE:
	case ARENA_STATE_TAKEN:
		return true;
	default:
		return false;
	}
}

/**
 * arena_idle_is - check whether an arena is idle, and its blocks may be taken
 * @arena: the arena
 *
 * Return: true if it is. The result may be outdated when the function returns.
 */
bool arena_idle_is(const struct arena *arena)
{
	/* Pairs with smp_store_release() in make_control(). */
	const struct arena_control *control = smp_load_acquire(&arena->control);

	return control && is_idle(control) && !arena_region_is_frozen(arena) &&
	       nr_mappings(arena->inode->i_mapping) <= MAX_REGIONS;
}

/**
 * arena_idle_any - check whether there may be idle arenas
 *
 * Context: any; does not sleep.
 * Return: true if an arena has a control page.
 */
bool arena_idle_any(void)
{
	return !list_empty(&arenas);
}

/*
 * Change the state from idle to taken, unless the process claims the arena first. Returns true
 * if the state is taken afterwards.
 */
static bool begin_to_take(struct arena_control *control)
{
	u64 old = READ_ONCE(control->state);

	while ((old & ARENA_STATE_MASK) == ARENA_STATE_IDLE) {
		if (try_cmpxchg(&control->state, &old,
				(old & ~(u64)ARENA_STATE_MASK) | ARENA_STATE_TAKEN))
			return true;
	}
	return (old & ARENA_STATE_MASK) == ARENA_STATE_TAKEN;
}

/**
 * arena_idle_destroy - free the control page of an arena
 * @arena: the arena, whose file is closed and which has no VMAs left
 *
 * Context: process context. Waits while blocks of this arena are being taken.
 */
void arena_idle_destroy(struct arena *arena)
{
	if (!arena->control)
		return;
	spin_lock(&idle_lock);
	wait_event_cmd(left_alone, !arena->idle.is_being_taken,
		       spin_unlock(&idle_lock), spin_lock(&idle_lock));
	list_del(&arena->idle.link);
	spin_unlock(&idle_lock);
	free_page((unsigned long)arena->control);
}

static void begin_count_locked(void)
{
	int nid;

	count_pass++;
	for_each_node(nid)
		counts[nid].sum = 0;
}

static void end_count_locked(void)
{
	int nid;

	for_each_node(nid)
		counts[nid].last = counts[nid].sum;
}

static bool is_resting(const struct arena *arena)
{
	return time_before(jiffies, arena->idle.rests_until);
}

/* Count the next arena; false if all have been counted. */
static bool count_next_locked(void)
{
	struct arena *arena;
	int nid;

	arena = list_first_entry_or_null(&arenas, struct arena, idle.link);
	if (!arena || arena->idle.counted_by == count_pass)
		return false;
	arena->idle.counted_by = count_pass;
	list_move_tail(&arena->idle.link, &arenas);
	if (!arena_idle_is(arena) || is_resting(arena))
		return true;
	for_each_online_node(nid)
		counts[nid].sum += READ_ONCE(arena->node_blocks[nid]);
	return true;
}

/**
 * arena_idle_count - count the blocks that idle arenas have on a node
 * @nid: the node
 *
 * Each call counts up to 64 arenas and continues the pass of the previous one.
 *
 * Context: reclaim; does not sleep.
 * Return: the number of blocks in the last complete pass, or in the current one if that is
 * already more.
 */
unsigned long arena_idle_count(int nid)
{
	unsigned long nr;
	int i;

	spin_lock(&idle_lock);
	for (i = 0; i < COUNTED_AT_ONCE && count_next_locked(); i++)
		;
	nr = max(counts[nid].last, counts[nid].sum);
	if (i < COUNTED_AT_ONCE) {
		end_count_locked();
		nr = counts[nid].last;
		begin_count_locked();
	}
	spin_unlock(&idle_lock);
	return nr;
}

static bool may_take_from(struct arena *arena, int nid)
{
	return arena->idle.tried_by != shrink_pass && !is_resting(arena) &&
	       arena_idle_is(arena) && READ_ONCE(arena->node_blocks[nid]);
}

/*
 * Among the arenas with blocks on a node, find the one that has been idle longest, and mark it
 * as being taken from; NULL if there is none. If there are more than 256 arenas, only the 256
 * that were counted least recently are compared.
 */
static struct arena *begin_with_oldest(int nid)
{
	struct arena *arena, *found = NULL;
	u64 since, oldest = U64_MAX;
	int compared = 0;

	spin_lock(&idle_lock);
	list_for_each_entry(arena, &arenas, idle.link) {
		if (compared++ == COMPARED_AT_ONCE)
			break;
		if (!may_take_from(arena, nid))
			continue;
		since = READ_ONCE(arena->control->state) & ~(u64)ARENA_STATE_MASK;
		if (!found || since < oldest) {
			found = arena;
			oldest = since;
		}
	}
	if (found) {
		found->idle.tried_by = shrink_pass;
		found->idle.is_being_taken = true;
	}
	spin_unlock(&idle_lock);
	return found;
}

static void end_with(struct arena *arena, bool is_fruitless)
{
	spin_lock(&idle_lock);
	if (is_fruitless)
		arena->idle.rests_until = jiffies + REST;
	arena->idle.is_being_taken = false;
	wake_up_all(&left_alone);
	spin_unlock(&idle_lock);
}

/*
 * Free up to @nr blocks of an arena on a node. Returns the number of blocks freed. Sets
 * @is_fruitless if the arena has blocks there, but all of them are pinned.
 */
static unsigned long take_from(struct arena *arena, int nid, unsigned long nr,
			       bool *is_fruitless)
{
	unsigned long done = 0;
	LIST_HEAD(blocks);

	if (!try_exclude_mremap(arena->mm))
		return 0;
	if (down_write_trylock(&arena->sem)) {
		if (!arena_region_is_frozen(arena) && begin_to_take(arena->control))
			*is_fruitless = !arena_region_take_locked(arena, nid, nr, &blocks);
		/* Uncharge before a claim can return, so that as many can be committed again. */
		done = arena_blocks_free(arena, &blocks);
		up_write(&arena->sem);
	}
	allow_mremap(arena->mm);
	return done;
}

/**
 * arena_idle_shrink - free blocks of idle arenas to the page allocator
 * @nid: the node of the blocks
 * @nr: number of blocks wanted. The number freed may be slightly larger, or smaller
 *	although idle arenas have more blocks.
 * @done: set to the number of blocks freed
 *
 * Context: reclaim. Waits for no task that could be waiting for memory.
 * Return: true, or false, with nothing done, if another task is shrinking idle arenas.
 */
bool arena_idle_shrink(int nid, unsigned long nr, unsigned long *done)
{
	bool is_fruitless = false;
	struct arena *arena;
	int tried;

	*done = 0;
	if (test_and_set_bit_lock(0, &is_shrinking))
		return false;
	shrink_pass++;
	for (tried = 0; tried < ARENAS_AT_ONCE && *done < nr && !is_fruitless; tried++) {
		arena = begin_with_oldest(nid);
		if (!arena)
			break;
		*done += take_from(arena, nid,
				   max_t(unsigned long, nr - *done, BLOCKS_AT_ONCE),
				   &is_fruitless);
		end_with(arena, is_fruitless);
		cond_resched();
	}
	clear_bit_unlock(0, &is_shrinking);
	return true;
}

/**
 * arena_idle_init - allocate the counts of idle blocks
 *
 * Return: 0 or -ENOMEM
 */
int arena_idle_init(void)
{
	counts = kcalloc(nr_node_ids, sizeof(*counts), GFP_KERNEL);
	return counts ? 0 : -ENOMEM;
}

/**
 * arena_idle_exit - free the counts, after all arenas have been closed
 */
void arena_idle_exit(void)
{
	kfree(counts);
	counts = NULL;
}
