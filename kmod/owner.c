// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owners: the address spaces that arenas belong to.
 *
 * An arena lives as long as its file, and other processes may hold that: by fork, exec
 * or a socket. Its blocks are of use to its owner alone (unless it is frozen), so they
 * must not outlive the owner: nobody could reach them, nor be told by the OOM killer
 * to let go of them. So each owner has an MMU notifier, whose release() the core mm
 * calls once, when the address space has lost its last user and before its VMAs go. It
 * takes all blocks of all arenas that are not frozen.
 *
 * The core mm has at most one notifier of ours for each address space, which all
 * its arenas share, and counts them. The notifier is freed after an SRCU grace period
 * when the last has left, so that release() never meets one that is gone.
 *
 * owner.mutex protects the list of an owner's arenas, and keeps each of them alive
 * while release() takes its blocks. It is taken before all locks of region.c, and not
 * under the mmap_lock.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "owner.h"
#include "region.h"

#ifndef CONFIG_MMU_NOTIFIER
#error "arena needs CONFIG_MMU_NOTIFIER, which CONFIG_KVM selects, to see an owner die"
#endif

/**
 * struct arena_owner - an address space with arenas
 * @notifier: one user for each arena
 * @mutex: protects @arenas
 * @arenas: its arenas, by arena.of_owner
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

/* The address space has no user any more: nobody of it commits, maps or asks. */
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
 * arena_owner_join - make the current process's address space the owner of an arena
 * @arena: the arena; @mm, @owner and @of_owner are set
 *
 * Context: process context, without the mmap_lock, which is taken for writing.
 * Return: 0, or
 * * -ENOMEM if there is no memory
 * * -ERESTARTNOINTR if there is a signal first
 */
int arena_owner_join(struct arena *arena)
{
	struct mmu_notifier *notifier = mmu_notifier_get(&owner_ops, current->mm);
	struct arena_owner *owner;

	/* Of its locks, which are many, it takes none while a signal is pending. */
	if (IS_ERR(notifier))
		return PTR_ERR(notifier) == -EINTR ? -ERESTARTNOINTR : PTR_ERR(notifier);
	owner = to_owner(notifier);
	arena->mm = current->mm;
	arena->owner = owner;
	mutex_lock(&owner->mutex);
	list_add_tail(&arena->of_owner, &owner->arenas);
	mutex_unlock(&owner->mutex);
	/* The pointer must stay unique as long as something is compared with it. */
	mmgrab(arena->mm);
	return 0;
}

/**
 * arena_owner_leave - the arena is about to go
 * @arena: the arena; the owner may be gone already
 *
 * Context: process context. Waits for release() if that is at it.
 */
void arena_owner_leave(struct arena *arena)
{
	mutex_lock(&arena->owner->mutex);
	list_del(&arena->of_owner);
	mutex_unlock(&arena->owner->mutex);
	mmu_notifier_put(&arena->owner->notifier);
	mmdrop(arena->mm);
}

/**
 * arena_owner_exit - wait for what is still to be freed, at module unload
 */
void arena_owner_exit(void)
{
	mmu_notifier_synchronize();
}
