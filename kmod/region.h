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
 * struct arena_counts - what an arena has had since it was opened, in blocks
 * @from_cache: committed from its own released ones
 * @from_pool: committed from a node's pool
 * @from_system: committed from the page allocator
 * @zeroed: how many of these were zeroed while the caller waited
 * @fallbacks: committed on another node than the policy asks for
 * @released: released
 * @taken: taken while the arena was idle
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
 * struct arena_idle - an arena with a control page, as idle.c has it; protected by its lock
 * @link: in the list of all
 * @counted_by: the count that has come to it
 * @tried_by: the call of arena_idle_shrink() that has tried it
 * @rests_until: jiffies before which it is left alone, because it had nothing to take
 * @is_being_taken: whether a task takes blocks from it: it must not be closed
 */
struct arena_idle {
	struct list_head link;
	unsigned long counted_by;
	unsigned long tried_by;
	unsigned long rests_until;
	bool is_being_taken;
};

/**
 * struct arena_watch - an arena as hwpoison.c has it; protected by its lock
 * @link: in the list of all
 * @looked_at: the look at all arenas that has come to it
 * @is_looked_at: whether it is being looked at: it must not be closed
 */
struct arena_watch {
	struct list_head link;
	unsigned long looked_at;
	bool is_looked_at;
};

/**
 * struct arena - one open file of /dev/arena
 * @mm: the address space it belongs to; held by mmgrab(), so that the pointer
 *	stays unique. Only its mmap_lock is ever used. Constant.
 * @owner: notifies of the end of @mm, see owner.c; NULL before the first region or
 *	commit. Set once, under the mmap_lock of @mm for writing; read without.
 * @of_owner: in the owner's list; protected by its mutex
 * @inode: anonymous inode; its mapping lists the VMAs of this arena. Constant.
 * @sem: protects which folio is in which slot; see region.c
 * @slots: block index in the file -> its folio. An entry holds one reference.
 *	Changed under @sem for writing; read under @sem for reading, or
 *	without it by who holds a reference to the folio compared with.
 * @seals: what of the file is sealed. Changed under @sem for writing, read under it
 *	for reading.
 * @inflight: commits and releases under way: blocks that are charged and in no slot
 * @nr_blocks: entries in @slots. Changed under @sem for writing; read as a
 *	plain figure without.
 * @node_blocks: how many of these are on each node; likewise
 * @nr_taken: blocks taken since the arena was last claimed by a call. Changed under
 *	@sem for writing.
 * @is_frozen: whether it is read-only for ever. Changed under @sem for writing; read
 *	without.
 * @policy: where its blocks are to be. Changed under @sem for writing.
 * @flags: ARENA_F_*. Changed under @sem for writing; read without.
 * @cache: what it released and keeps; NULL until ARENA_F_KEEP_DIRTY is set for the
 *	first time, which is done under @sem for writing. Read without.
 * @account: whom its blocks are charged to. Constant.
 * @counts: what it has had
 * @control: the control page, NULL until it is mapped for the first time; set under
 *	idle.c's lock, read without. The program writes to the page, too.
 * @idle: idle.c's
 * @take_index: where the next call of arena_region_take_locked() starts. Changed under
 *	@sem for writing.
 * @watch: hwpoison.c's
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

/* Once it is, it stays so. */
static inline bool arena_region_is_frozen(const struct arena *arena)
{
	/* What others see who find it frozen is what its owner wrote. */
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
