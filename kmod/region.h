/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_REGION_H
#define ARENA_REGION_H

#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/rwsem.h>
#include <linux/xarray.h>
#include <linux/arena.h>

#include "inflight.h"
#include "policy.h"
#include "seals.h"

struct arena_account;
struct arena_cache;
struct arena_owner;

/**
 * struct arena_counts - counters of an arena since it was opened, in blocks
 * @from_cache: blocks committed from the arena's cache
 * @from_pool: blocks committed from a node's pool
 * @from_system: blocks committed from the page allocator
 * @zeroed: blocks among these that were zeroed while the caller waited
 * @fallbacks: blocks committed on a node that the policy does not ask for
 * @released: blocks released
 * @taken: blocks that reclaim took while the arena was idle
 */
struct arena_counts {
	atomic_long_t from_cache;
	atomic_long_t from_pool;
	atomic_long_t from_system;
	atomic_long_t zeroed;
	atomic_long_t fallbacks;
	atomic_long_t released;
	atomic_long_t taken;
};

/**
 * struct arena_idle - idle.c's state of an arena that has a control page
 * @link: entry in idle.c's list of arenas
 * @counted_by: number of the last count that included the arena
 * @tried_by: number of the last call of arena_idle_shrink() that tried the
 *	arena
 * @rests_until: time in jiffies before which reclaim skips the arena, because
 *	all blocks that it tried to take were pinned
 * @is_being_taken: a task is taking blocks from the arena, so it must not be
 *	freed
 *
 * Protected by idle_lock.
 */
struct arena_idle {
	struct list_head link;
	unsigned long counted_by;
	unsigned long tried_by;
	unsigned long rests_until;
	bool is_being_taken;
};

/**
 * struct arena_watch - hwpoison.c's state of an arena
 * @link: entry in hwpoison.c's list of arenas
 * @looked_at: number of the last scan that included the arena
 * @is_looked_at: a scan is looking at the arena, so it must not be freed
 *
 * Protected by watch_lock.
 */
struct arena_watch {
	struct list_head link;
	unsigned long looked_at;
	bool is_looked_at;
};

/**
 * struct arena - one open file of /dev/arena
 * @mm: address space that owns the arena. mmgrab() holds the structure, so that
 *	its address is not reused. After the address space has ended, only the
 *	address and the mmap_lock of the structure are used. Constant.
 * @owner: MMU notifier that releases the blocks when @mm ends, see owner.c;
 *	NULL before the first region is mapped or the first ARENA_IOC_COMMIT.
 *	Set once, under the mmap_lock of @mm for writing; read without it.
 * @of_owner: entry in the owner's list of arenas; protected by owner.mutex
 * @inode: anonymous inode; its mapping lists the VMAs of this arena. Constant.
 * @sem: protects @slots and the fields that say so; see region.c
 * @slots: maps the index of a block in the file to its folio. Each entry holds
 *	one reference. Changed under @sem held for writing. Read under @sem, or
 *	without it by a thread that compares an entry with a folio to which it
 *	holds a reference.
 * @seals: sealed ranges of the file. Changed under @sem held for writing, read
 *	under @sem.
 * @inflight: commits and releases in flight, whose blocks are charged and in no
 *	slot
 * @nr_blocks: number of entries in @slots. Changed under @sem held for writing,
 *	read without it.
 * @node_blocks: number of these blocks on each node; likewise
 * @nr_taken: blocks taken since ARENA_IOC_CLAIM last returned their number.
 *	Changed under @sem held for writing.
 * @is_frozen: the arena is read-only for ever. Changed under @sem held for
 *	writing, read without it.
 * @policy: NUMA policy for later commits. Changed under @sem held for writing,
 *	read under @sem.
 * @flags: ARENA_F_*. Changed under @sem held for writing, read without it.
 * @cache: cache of released blocks; NULL until ARENA_F_KEEP_DIRTY is set for
 *	the first time. Set once, under @sem held for writing; read without it.
 * @account: account that the blocks are charged to. Constant.
 * @counts: counters
 * @control: control page; NULL until the application maps it. Set once, under
 *	idle_lock; read without it. The application writes to the page, too.
 * @idle: state of idle.c
 * @take_index: slot at which the next call of arena_region_take_locked()
 *	starts. Changed under @sem held for writing.
 * @watch: state of hwpoison.c
 */
struct arena {
	struct mm_struct *mm;
	struct arena_owner *owner;
	struct list_head of_owner;
	struct inode *inode;
	struct rw_semaphore sem;
	struct xarray slots;
	struct arena_seals seals;
	struct arena_inflight inflight;
	unsigned long nr_blocks;
	unsigned long *node_blocks;
	unsigned long nr_taken;
	bool is_frozen;
	struct arena_policy policy;
	u64 flags;
	struct arena_cache *cache;
	struct arena_account *account;
	struct arena_counts counts;
	struct arena_control *control;
	struct arena_idle idle;
	unsigned long take_index;
	struct arena_watch watch;
};

/*
 * Whether an arena is frozen. Freezing can't be undone. If this returns true, the
 * caller also sees everything that the owner wrote before the freeze.
 */
static inline bool arena_region_is_frozen(const struct arena *arena)
{
	/* Pairs with smp_store_release() in arena_region_freeze(). */
	return smp_load_acquire(&arena->is_frozen);
}

int arena_region_init(struct arena *arena);
void arena_region_destroy(struct arena *arena);
int arena_region_mmap(struct arena *arena, struct vm_area_struct *vma);
int arena_region_release(struct arena *arena, u64 offset, u64 length,
			 bool is_sealed, unsigned long *released);
void arena_region_abandon(struct arena *arena);
int arena_region_commit(struct arena *arena, u64 offset, u64 length,
			bool is_contig, unsigned long *committed);
int arena_region_info(struct arena *arena, struct arena_ioc_region_info *info,
		      u64 *node_blocks);
int arena_region_set_flags(struct arena *arena, u64 flags);
int arena_region_set_limit(struct arena *arena, unsigned long nr);
void arena_region_count(struct arena *arena, unsigned long *node_blocks);
int arena_region_freeze(struct arena *arena);
int arena_region_begin_change(struct arena *arena);
bool arena_region_take_locked(struct arena *arena, int nid, unsigned long wanted,
			      struct list_head *blocks);
bool arena_region_unmap_errors(struct arena *arena, const nodemask_t *nodes);
unsigned long arena_region_cached(struct arena *arena);
unsigned long arena_region_get_unmapped_area(struct file *file,
					     unsigned long addr,
					     unsigned long len,
					     unsigned long pgoff,
					     unsigned long flags);

#endif /* ARENA_REGION_H */
