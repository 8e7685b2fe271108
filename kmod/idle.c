// SPDX-License-Identifier: GPL-2.0-only
/*
 * Idle arenas: contents that the system may take until the program claims them.
 *
 * A program says so in the state word of its arena's control page, an ordinary page
 * that both map. It goes from active to idle by the program's store, from idle to
 * active by the program's compare-and-swap, from idle to taken by ours, and from
 * taken to active by ARENA_IOC_CLAIM. (Documentation/abi.rst has it as a picture,
 * selftests/model/idle.pml as a model that is checked.)
 *
 * The word is all there is: the program can write anything there at any time, and
 * what we read tells us whether we may take its blocks, and nothing else. So who
 * scribbles on it loses contents of his own.
 *
 * Why a claim that succeeds finds everything: the first block is taken after the
 * word was changed from idle to taken, and both that and the program's claim are
 * compare-and-swaps from the same value, so that one of them fails. Why nothing is taken
 * after a claim by call: arena.sem is held for writing from before the word is
 * looked at until the blocks are out of their slots and unmapped, and by the call
 * when it makes the arena active.
 *
 * idle_lock, a spinlock and a leaf, protects the list of the arenas that have a control page.
 * One task takes blocks at a time, and no other waits for it. It does so without a lock of
 * this file: the arena that it takes from is marked, and closing that arena waits for the mark
 * to go. arena.sem, the folio locks and, on kernels where mremap() must be excluded, the
 * mmap_lock are only tried: their holders may be allocating memory, be preempted, or be the
 * task that reclaims. Unmapping takes i_mmap_rwsem and page table locks, which the
 * kernel's own reclaim takes, too.
 *
 * One user must not be able to make reclaim slow for all. So each call is bounded: in the
 * arenas that it counts, that it compares and that it takes from, in the slots that it looks
 * at and in the VMAs that it unmaps from.
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
 * Once an arena has lost a block the others are worth little, and the TLBs of
 * all CPUs that it runs on are flushed each time: so many at a time, at least.
 */
#define BLOCKS_AT_ONCE	16

/* How many arenas one call counts, compares, and takes from, at most. */
#define COUNTED_AT_ONCE	64
#define COMPARED_AT_ONCE	256
#define ARENAS_AT_ONCE	16

/* An arena that is mapped more often is not taken from: unmapping would take too long. */
#define MAX_REGIONS	32

/* How long an arena is left alone that had nothing to take: its blocks are pinned. */
#define REST		HZ

/* In pages. */
#define CONTROL_PGOFF	((pgoff_t)(ARENA_CONTROL_OFFSET >> PAGE_SHIFT))

/* Protects all that follows, and of each arena what is named arena.idle. */
static DEFINE_SPINLOCK(idle_lock);
/* Those that have a control page; those that were counted last are at the end. */
static LIST_HEAD(arenas);
/* Which count of all arenas the current one is. */
static unsigned long count_pass;

/**
 * struct idle_count - blocks of idle arenas on a node
 * @sum: of those that the current count has come to
 * @last: of all, when the last count ended
 */
struct idle_count {
	unsigned long sum;
	unsigned long last;
};

/* One for each node that can ever be. */
static struct idle_count *counts;

/* Set while a task takes blocks. */
static unsigned long is_shrinking;
/* Which arenas one call of arena_idle_shrink() has tried; used by that task. */
static unsigned long shrink_pass;
/* Woken when an arena is no longer being taken from. */
static DECLARE_WAIT_QUEUE_HEAD(left_alone);

/**
 * arena_idle_is_control - whether a VMA is to be of the control page
 * @vma: the VMA, of an arena's file
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

/* Make the control page, and let reclaim know of it. */
static int make_control(struct arena *arena)
{
	struct arena_control *control;

	control = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!control)
		return -ENOMEM;
	spin_lock(&idle_lock);
	if (!arena->control) {
		/* Who finds it finds it zeroed. */
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
 * @vma: the VMA, of the arena's file, for which arena_idle_is_control()
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0, or
 * * -EACCES for PROT_EXEC, or a file not open for reading and writing
 * * -EINVAL for MAP_PRIVATE, or another length than a page
 * * -EROFS if the arena is frozen
 * * -ENOMEM if there is no memory
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
 * arena_idle_claim - make an arena active, whatever has become of it
 * @arena: the arena
 * @claim: filled in
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
	/* With what make_control() wrote. */
	control = smp_load_acquire(&arena->control);
	claim->old_state = control ? xchg(&control->state, ARENA_STATE_ACTIVE) : 0;
	claim->blocks = arena->nr_blocks;
	claim->taken = arena->nr_taken;
	arena->nr_taken = 0;
	up_write(&arena->sem);
	return 0;
}

/**
 * arena_idle_undo_claim - undo a claim whose result could not be returned
 * @arena: the arena
 * @claim: set by arena_idle_claim()
 *
 * The next claim returns it. If the program has marked the arena idle since, that stays.
 * A concurrent claim by another thread may be undone as well; abi.rst leaves it to the
 * program that only one thread claims.
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

/* Whether what an arena has may be taken; it may no longer when this returns. */
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
 * arena_idle_is - whether an arena is idle, and the system may take its blocks
 * @arena: the arena; what this returns may be wrong a moment later
 */
bool arena_idle_is(const struct arena *arena)
{
	/* With what make_control() wrote. */
	const struct arena_control *control = smp_load_acquire(&arena->control);

	return control && is_idle(control) && !arena_region_is_frozen(arena) &&
	       nr_mappings(arena->inode->i_mapping) <= MAX_REGIONS;
}

/**
 * arena_idle_any - whether there may be idle arenas
 *
 * Context: any; does not sleep.
 */
bool arena_idle_any(void)
{
	return !list_empty(&arenas);
}

/* From idle to taken, unless the program claims it first. */
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
 * arena_idle_destroy - the arena's file is gone, and with it all VMAs
 * @arena: the arena
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
 * arena_idle_count - how many blocks idle arenas have on a node
 * @nid: the node
 *
 * Up to 64 arenas are counted by each call. If there are more, this is the sum of the last
 * count that came to an end, or of the current one if that is more already.
 *
 * Context: reclaim; does not sleep.
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
 * Mark the arena that has been idle longest, of those with blocks on a node, as being taken
 * from. If there are more than 256, those are compared that were counted least recently.
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
 * Returns how many blocks went back to the page allocator. @is_fruitless is set if there were
 * some, and all of them are pinned.
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
		/* Uncharged here: a claim finds room for as many under its limits. */
		done = arena_blocks_free(arena, &blocks);
		up_write(&arena->sem);
	}
	allow_mremap(arena->mm);
	return done;
}

/**
 * arena_idle_shrink - give blocks of idle arenas back to the page allocator
 * @nid: node they are on
 * @nr: how many are wanted; it may be some more, or fewer though there are more
 * @done: set to how many there were
 *
 * Context: reclaim. Waits for nobody who could be waiting for memory.
 * Return: false, with nothing done, if another task is doing this
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
 * arena_idle_init - start without idle arenas
 *
 * Return: 0 or -ENOMEM
 */
int arena_idle_init(void)
{
	counts = kcalloc(nr_node_ids, sizeof(*counts), GFP_KERNEL);
	return counts ? 0 : -ENOMEM;
}

/**
 * arena_idle_exit - end it; no arena is open any more
 */
void arena_idle_exit(void)
{
	kfree(counts);
	counts = NULL;
}
