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
 * idle_mutex protects the list of the arenas that have a control page. Reclaim only tries
 * to take it, so that it never waits for a thread that is preempted or throttled. Inside
 * it, arena.sem, the folio locks and, on kernels where mremap() must be excluded, the
 * mmap_lock are tried only as well: their holders may be allocating memory, or be the
 * task that reclaims. Unmapping takes i_mmap_rwsem and page table locks, which the
 * kernel's own reclaim takes, too.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
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

/* So many arenas are tried at a time, at most: some may have nothing but pinned blocks. */
#define ARENAS_AT_ONCE	64

/* In pages. */
#define CONTROL_PGOFF	((pgoff_t)(ARENA_CONTROL_OFFSET >> PAGE_SHIFT))

/* Protects arenas, pass, and of each arena with_control and tried_by. */
static DEFINE_MUTEX(idle_mutex);
static LIST_HEAD(arenas);
/* Which arenas one call of arena_idle_shrink() has tried; under idle_mutex. */
static unsigned long pass;

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
	mutex_lock(&idle_mutex);
	if (!arena->control) {
		/* Who finds it finds it zeroed. */
		smp_store_release(&arena->control, control);
		list_add_tail(&arena->with_control, &arenas);
		control = NULL;
	}
	mutex_unlock(&idle_mutex);
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
 * arena_idle_is - whether an arena is idle
 * @arena: the arena; what this returns may be wrong a moment later
 */
bool arena_idle_is(const struct arena *arena)
{
	/* With what make_control() wrote. */
	const struct arena_control *control = smp_load_acquire(&arena->control);

	return control && is_idle(control) && !arena_region_is_frozen(arena);
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
 * Context: process context. Waits for who is just taking its blocks.
 */
void arena_idle_destroy(struct arena *arena)
{
	if (!arena->control)
		return;
	mutex_lock(&idle_mutex);
	list_del(&arena->with_control);
	mutex_unlock(&idle_mutex);
	free_page((unsigned long)arena->control);
}

/**
 * arena_idle_count - how many blocks idle arenas have on a node
 * @nid: the node
 *
 * Context: reclaim. Zero if somebody else is taking them just now.
 */
unsigned long arena_idle_count(int nid)
{
	unsigned long sum = 0;
	struct arena *arena;

	if (!mutex_trylock(&idle_mutex))
		return 0;
	list_for_each_entry(arena, &arenas, with_control) {
		if (arena_idle_is(arena))
			sum += READ_ONCE(arena->node_blocks[nid]);
	}
	mutex_unlock(&idle_mutex);
	return sum;
}

/* The arena that has been idle longest, of those with blocks on a node. */
static struct arena *find_oldest(int nid)
{
	struct arena *arena, *found = NULL;
	u64 since, oldest = U64_MAX;

	list_for_each_entry(arena, &arenas, with_control) {
		if (arena->tried_by == pass || !arena_idle_is(arena) ||
		    !READ_ONCE(arena->node_blocks[nid]))
			continue;
		since = READ_ONCE(arena->control->state) & ~(u64)ARENA_STATE_MASK;
		if (!found || since < oldest) {
			found = arena;
			oldest = since;
		}
	}
	return found;
}

/* Returns how many went back to the page allocator. */
static unsigned long take_from(struct arena *arena, int nid, unsigned long nr)
{
	unsigned long done = 0;
	LIST_HEAD(blocks);

	if (!try_exclude_mremap(arena->mm))
		return 0;
	if (down_write_trylock(&arena->sem)) {
		if (!arena_region_is_frozen(arena) && begin_to_take(arena->control))
			arena_region_take_locked(arena, nid, nr, &blocks);
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
 * @nr: how many are wanted; it may be some more
 * @done: set to how many there were
 *
 * Context: reclaim. Waits for nobody who could be waiting for memory.
 * Return: false, with nothing done, if somebody else is at it
 */
bool arena_idle_shrink(int nid, unsigned long nr, unsigned long *done)
{
	struct arena *arena;
	int tried;

	*done = 0;
	if (!mutex_trylock(&idle_mutex))
		return false;
	pass++;
	for (tried = 0; tried < ARENAS_AT_ONCE && *done < nr; tried++) {
		arena = find_oldest(nid);
		if (!arena)
			break;
		arena->tried_by = pass;
		*done += take_from(arena, nid,
				   max_t(unsigned long, nr - *done, BLOCKS_AT_ONCE));
		cond_resched();
	}
	mutex_unlock(&idle_mutex);
	return true;
}
