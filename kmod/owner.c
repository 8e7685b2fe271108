// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owners: the address spaces that arenas belong to.
 *
 * An arena lives as long as its file. Other processes may hold the file: by
 * fork, exec or a socket. Unless the arena is frozen, only its owner can use
 * its blocks, so they must not outlive the owner: no process could reach them,
 * and killing a process would not free them. So each owner has an MMU notifier.
 * The core mm calls its release() once, after the address space has lost its
 * last user and before its VMAs are removed. release() takes all blocks of the
 * owner's arenas, except of frozen ones.
 *
 * An arena joins its owner before it gets its first block: at the first mmap,
 * or at the first commit by ioctl. It does not join at open: misc_open() calls
 * .open under a mutex that all misc devices share, and registering a notifier
 * waits for the mmap_lock, which another thread may hold for as long as it
 * commits.
 *
 * An address space has at most one notifier with these operations. All its
 * arenas share the notifier; the core mm counts them. After the last arena has
 * left, the notifier is freed after an SRCU grace period, so that release()
 * never runs on freed memory.
 *
 * Lock order: mmap_lock, owner.mutex, then arena.sem and folio locks
 * (region.c). owner.mutex protects the list of an owner's arenas. It also keeps
 * each of them alive while release() takes its blocks.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "owner.h"
#include "region.h"

#ifndef CONFIG_MMU_NOTIFIER
#error "arena needs CONFIG_MMU_NOTIFIER, which CONFIG_KVM selects"
#endif

/**
 * struct arena_owner - an address space with arenas
 * @notifier: MMU notifier; each arena is a user
 * @mutex: protects @arenas
 * @arenas: list of its arenas, linked by arena.of_owner
 */
struct arena_owner {
	struct mmu_notifier notifier;
	/* protects arenas */
	struct mutex mutex;
	struct list_head arenas;
};

static struct arena_owner *to_owner(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct arena_owner, notifier);
}

static struct mmu_notifier *alloc_owner(struct mm_struct *mm)
{
	struct arena_owner *owner = kzalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);

	if (!owner)
		return ERR_PTR(-ENOMEM);
	mutex_init(&owner->mutex);
	INIT_LIST_HEAD(&owner->arenas);
	return &owner->notifier;
}

static void free_owner(struct mmu_notifier *notifier)
{
	kfree(to_owner(notifier));
}

/*
 * Release the blocks of all arenas of an address space that has no users left:
 * none of its threads commits, maps or makes ioctl calls.
 */
static void release_owner(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct arena_owner *owner = to_owner(notifier);
	struct arena *arena;

	mutex_lock(&owner->mutex);
	list_for_each_entry(arena, &owner->arenas, of_owner)
		arena_region_abandon(arena);
	mutex_unlock(&owner->mutex);
}

static const struct mmu_notifier_ops owner_ops = {
	.release = release_owner,
	.alloc_notifier = alloc_owner,
	.free_notifier = free_owner,
};

/**
 * arena_owner_join_locked - register an arena with its owner
 * @arena: the arena, which belongs to the current process
 *
 * From then on the arena's blocks are released when the owner ends.
 *
 * Context: process context, mmap_lock held for writing.
 * Return: 0, also if the arena has joined before; or
 * * -ENOMEM if there is no memory
 * * -ERESTARTNOINTR if the core mm does not register a notifier because a
 *   signal is pending
 */
int arena_owner_join_locked(struct arena *arena)
{
	struct mmu_notifier *notifier;
	struct arena_owner *owner;

	mmap_assert_write_locked(arena->mm);
	if (arena->owner)
		return 0;
	notifier = mmu_notifier_get_locked(&owner_ops, arena->mm);
	if (IS_ERR(notifier))
		return PTR_ERR(notifier) == -EINTR ? -ERESTARTNOINTR : PTR_ERR(notifier);
	owner = to_owner(notifier);
	mutex_lock(&owner->mutex);
	list_add_tail(&arena->of_owner, &owner->arenas);
	mutex_unlock(&owner->mutex);
	WRITE_ONCE(arena->owner, owner);
	return 0;
}

/**
 * arena_owner_join - take the mmap_lock and call arena_owner_join_locked()
 * @arena: the arena, which belongs to the current process
 *
 * Context: process context, without the mmap_lock.
 * Return: see arena_owner_join_locked(); also -EINTR if the process is being
 * killed
 */
int arena_owner_join(struct arena *arena)
{
	int err;

	if (READ_ONCE(arena->owner))
		return 0;
	if (mmap_write_lock_killable(arena->mm))
		return -EINTR;
	err = arena_owner_join_locked(arena);
	mmap_write_unlock(arena->mm);
	return err;
}

/**
 * arena_owner_leave - remove an arena from its owner
 * @arena: the arena, whose file is being released; its owner may have ended
 *
 * Context: process context; may sleep. Waits for the notifier's release() if
 * that is running.
 */
void arena_owner_leave(struct arena *arena)
{
	if (!arena->owner)
		return;
	mutex_lock(&arena->owner->mutex);
	list_del(&arena->of_owner);
	mutex_unlock(&arena->owner->mutex);
	mmu_notifier_put(&arena->owner->notifier);
}

/**
 * arena_owner_exit - wait until all owners are freed
 *
 * Context: module exit; no arena is left.
 */
void arena_owner_exit(void)
{
	mmu_notifier_synchronize();
}
