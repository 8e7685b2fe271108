// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool: where blocks come from and where they go.
 *
 * A block is an order-9 folio that is never on an LRU list and never has a
 * mapping, so that its reference count is the sum of those who really hold it.
 * Each NUMA node has a pool of free ones. A block is
 *
 *	in use		one reference is the owner's, who got it zeroed
 *	dirty		put, and not yet zeroed; in node_pool.dirty
 *	ready		zeroed; in node_pool.ready, as part of an extent
 *	cached		put, but still its arena's own (cache.c); only counted here
 *	quarantined	put, but somebody else (a DMA pin, a page in a pipe) still
 *			holds it; in quarantine_list
 *	retired		has a hardware memory error; kept for ever, only counted
 *
 * and otherwise the page allocator's. Dirty, ready and cached blocks are
 * "kept"; they are claimed, which is to say that their reference count is frozen at
 * zero and nobody can take a reference. So a block is never with the page
 * allocator, and never handed to anyone, while somebody can still reach its
 * old contents; and nobody but its old owner gets it before it is zeroed.
 *
 * A worker per node, a thread of the lowest priority on the node's own CPUs that are not isolated,
 * zeroes what is dirty, refills the pool up to the low watermark, and frees what is
 * above the high one. It refills without reclaiming anything, and not at all
 * for a while after the system wanted memory back (arena_pool_hold_off()).
 * Who takes blocks does not wait for it: what is not ready is zeroed by the
 * taker, or comes from the page allocator.
 *
 * Locking: node_pool.lock protects the blocks and counts of its node;
 * quarantine_lock the quarantine. Both are leaves, spinlocks, and held for
 * list and tree operations only: zeroing, freeing and allocating are done
 * outside. watermark_mutex is taken by who changes watermarks.
 *
 * folio->lru links a block into its owner's list: the taker's, node_pool.dirty or
 * quarantine_list. A ready block's own memory describes its extent.
 *
 * Nothing here knows of files, mappings or processes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>

#include "account.h"
#include "compat.h"
#include "extents.h"
#include "pool.h"

#if !defined(CONFIG_X86_64) && !defined(CONFIG_ARM64)
#error "arena needs caches that do not alias (x86-64 or arm64)"
#endif

#ifndef CONFIG_TRANSPARENT_HUGEPAGE
#error "arena needs CONFIG_TRANSPARENT_HUGEPAGE for mappings by PMD"
#endif

/* The ABI promises blocks of 2 MiB; an arm64 kernel with 64 KiB pages has none. */
static_assert(ARENA_BLOCK_SIZE == SZ_2M);

/* How long a quarantined block waits until it is looked at again. */
#define QUARANTINE_PERIOD	(HZ / 4)

/*
 * How long a pool that fell below its low watermark waits for blocks to come
 * back by themselves, before it is refilled.
 */
#define REFILL_DELAY		(HZ / 10)

/*
 * How long it waits after the page allocator had nothing: twice as long each time.
 * Asking wakes those who reclaim and compact in the background.
 */
#define REFILL_RETRY		HZ
#define REFILL_RETRY_MAX	(64 * HZ)

/*
 * How long a commit that finds no block waits for those that are being zeroed. Zeroing
 * takes less than a millisecond, but the zeroing thread may have to wait for a CPU.
 */
#define ZEROING_PATIENCE	HZ

/* How long it waits after the system wanted memory back, and after it had none. */
#define REFILL_HOLD_OFF		(10 * HZ)
#define OOM_HOLD_OFF		(30 * HZ)

/* The low watermark that a node has if nobody set one, at most. */
#define DEFAULT_MIN_BLOCKS	(SZ_64M / ARENA_BLOCK_SIZE)

/**
 * struct node_pool - the blocks of a NUMA node
 * @nid: the node. Constant.
 * @worker: its thread, NULL until the node has memory. Set once, under
 *	watermark_mutex and @lock.
 * @min: low watermark. Changed under watermark_mutex; read as plain figures.
 * @max: high watermark, likewise; not below @min
 * @held: blocks taken and not yet free again; what is in quarantine too, and for
 *	a moment what may be taken
 * @quarantined: how many of these are in quarantine
 * @zeroed: blocks zeroed while somebody waited
 * @lock: protects all that follows
 * @ready: zeroed blocks
 * @dirty: blocks to be zeroed
 * @nr_dirty: how many, and those that are just being zeroed for the pool
 * @nr_cached: blocks that arenas keep
 * @nr_extra: how many blocks above @max are not too many just now
 * @refill_after: jiffies before which there is no refill
 * @held_off_until: jiffies until which reclaim has put refills off
 * @retry: jiffies to the next refill after one that found nothing
 * @given_up_until: jiffies before which nothing is reserved
 * @hits: see struct arena_pool_stats for this one and the next
 * @misses: likewise
 * @refills: likewise
 * @shrunk: likewise
 */
struct node_pool {
	int nid;
	struct task_struct *worker;
	unsigned long min;
	unsigned long max;

	/* Every commit writes it: not on the cache line that is read under @lock. */
	atomic_long_t held ____cacheline_aligned_in_smp;
	atomic_long_t quarantined;
	atomic_long_t zeroed;

	spinlock_t lock ____cacheline_aligned_in_smp;
	struct arena_extents ready;
	struct list_head dirty;
	unsigned long nr_dirty;
	unsigned long nr_cached;
	unsigned long nr_extra;
	unsigned long refill_after;
	unsigned long held_off_until;
	unsigned long retry;
	unsigned long given_up_until;
	unsigned long hits;
	unsigned long misses;
	unsigned long refills;
	unsigned long shrunk;
};

/* One for each node that can ever be. */
static struct node_pool *pools;

/* Protects the watermarks, and the start of workers. */
static DEFINE_MUTEX(watermark_mutex);
static unsigned long reserve_wanted;
static unsigned long min_wanted = ARENA_POOL_AUTO;
static unsigned long max_wanted = ARENA_POOL_AUTO;
static bool is_reserve_filled;

/* Protects quarantine_list. */
static DEFINE_SPINLOCK(quarantine_lock);
static LIST_HEAD(quarantine_list);

static void recheck_quarantine(struct work_struct *work);
static DECLARE_DELAYED_WORK(quarantine_work, recheck_quarantine);

static atomic_long_t poisoned;

/* Blocks that may be held on a node. */
static unsigned long node_limit = ARENA_POOL_UNLIMITED;

/*
 * Whether a block is charged to the memory cgroup of who gets it, which only the page
 * allocator can do, and undo: then pools are empty. Constant while there are any.
 */
static bool is_accounted;

/*
 * Not movable: a long-term pin of a movable page first migrates it, which a
 * folio without a mapping does not support.
 */
#define BLOCK_GFP	(GFP_HIGHUSER | __GFP_NOWARN)

static struct node_pool *pool_of(const struct folio *folio)
{
	return &pools[folio_nid(folio)];
}

/* --- single blocks ------------------------------------------------------- */

/* What the page allocator gives is zero without being asked to be. */
static bool is_born_zeroed(void)
{
	return want_init_on_free() || want_init_on_alloc(0);
}

/*
 * Zero a page past the caches: nobody will look at it soon, and what others
 * have in their caches shall stay there.
 */
static void zero_page_uncached(struct page *page)
{
#ifdef CONFIG_X86_64
	unsigned long *word = page_address(page), *end = (void *)word + PAGE_SIZE;

	for (; word < end; word += 8)
		asm volatile("movnti %1, 0(%0)\n\t"
			     "movnti %1, 8(%0)\n\t"
			     "movnti %1, 16(%0)\n\t"
			     "movnti %1, 24(%0)\n\t"
			     "movnti %1, 32(%0)\n\t"
			     "movnti %1, 40(%0)\n\t"
			     "movnti %1, 48(%0)\n\t"
			     "movnti %1, 56(%0)"
			     : : "r" (word), "r" (0UL) : "memory");
#else
	clear_highpage(page);
#endif
}

/* Whoever learns of the block after this must find it zeroed. */
static void end_uncached_stores(void)
{
#ifdef CONFIG_X86_64
	asm volatile("sfence" : : : "memory");
#endif
}

static void zero_block(struct folio *folio, bool is_wanted_now)
{
	unsigned long i;

	for (i = 0; i < ARENA_BLOCK_PAGES; i++) {
		if (is_wanted_now)
			clear_highpage(folio_page(folio, i));
		else
			zero_page_uncached(folio_page(folio, i));
		cond_resched();
	}
	if (!is_wanted_now)
		end_uncached_stores();
}

static bool is_poisoned(struct folio *folio)
{
	unsigned long i;

	for (i = 0; i < ARENA_BLOCK_PAGES; i++) {
		if (PageHWPoison(folio_page(folio, i)))
			return true;
	}
	return false;
}

/**
 * arena_pool_has_error - tell whether a page of a block has a memory error
 * @folio: the block
 *
 * The kernel marks the page, and not the folio if that is claimed or has no mapping. The 512
 * pages are looked at only if the node has had a memory error since boot.
 *
 * Context: any; does not sleep.
 */
bool arena_pool_has_error(struct folio *folio)
{
	return nr_memory_errors(folio_nid(folio)) && is_poisoned(folio);
}

/**
 * arena_pool_free_claimed - give a claimed block to the page allocator
 * @folio: the block, claimed, linked nowhere, and no longer counted as kept
 *
 * The page allocator takes a whole block without looking for memory errors in
 * it, and would hand it out again. One that has any is kept for ever.
 *
 * Context: any process context; does not sleep.
 */
void arena_pool_free_claimed(struct folio *folio)
{
	folio_ref_unfreeze(folio, 1);
	if (is_poisoned(folio))
		atomic_long_inc(&poisoned);
	else
		folio_put(folio);
}

/* Claim a block from all others, if the pool's reference is the only one. */
static bool claim_block(struct folio *folio)
{
	if (!folio_ref_freeze(folio, 1))
		return false;
	/* Left by those who mapped it. */
	folio_clear_dirty(folio);
	folio_clear_referenced(folio);
	/* Set by cache.c. */
	folio_clear_checked(folio);
	return true;
}

/* --- the node's kept blocks ---------------------------------------------- */

static unsigned long nr_free_locked(const struct node_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	return pool->ready.nr_blocks + pool->nr_dirty;
}

static unsigned long nr_kept_locked(const struct node_pool *pool)
{
	return nr_free_locked(pool) + pool->nr_cached;
}

/* How many more may be kept: none on a node whose worker has not started. */
static unsigned long room_locked(const struct node_pool *pool)
{
	unsigned long kept = nr_kept_locked(pool), max = pool->max + pool->nr_extra;

	return pool->worker && !is_accounted && kept < max ? max - kept : 0;
}

/*
 * What is kept can be had by who needs it, so that MemAvailable counts it in.
 * Called wherever the number of kept blocks changes.
 */
static void account_kept(const struct node_pool *pool, long nr_blocks)
{
	mod_node_page_state(NODE_DATA(pool->nid), NR_KERNEL_MISC_RECLAIMABLE,
			    nr_blocks * (long)ARENA_BLOCK_PAGES);
}

/* Before something dirty is added: the worker sleeps only while there is nothing. */
static void wake_for_dirty_locked(struct node_pool *pool)
{
	if (list_empty(&pool->dirty))
		wake_up_process(pool->worker);
}

static void add_dirty_locked(struct node_pool *pool, struct folio *folio)
{
	wake_for_dirty_locked(pool);
	list_add_tail(&folio->lru, &pool->dirty);
	pool->nr_dirty++;
}

static struct folio *take_dirty_locked(struct node_pool *pool)
{
	struct folio *folio;

	folio = list_first_entry_or_null(&pool->dirty, struct folio, lru);
	if (folio) {
		list_del(&folio->lru);
		pool->nr_dirty--;
	}
	return folio;
}

static void own_block(struct folio *folio, struct list_head *blocks)
{
	folio_ref_unfreeze(folio, 1);
	list_add_tail(&folio->lru, blocks);
}

/* One of adjacent blocks. */
static struct folio *nth_block(struct folio *first, unsigned long nr)
{
	return pfn_folio(folio_pfn(first) + nr * ARENA_BLOCK_PAGES);
}

/*
 * Own adjacent blocks, in the order of their addresses. Those that got a memory error in the
 * pool are retired instead. Returns how many are owned.
 */
static unsigned long own_good(struct folio *first, unsigned long nr,
			      struct list_head *blocks)
{
	unsigned long i, owned = 0;
	struct folio *folio;

	for (i = 0; i < nr; i++) {
		folio = nth_block(first, i);
		if (arena_pool_has_error(folio)) {
			arena_pool_free_claimed(folio);
		} else {
			own_block(folio, blocks);
			owned++;
		}
	}
	return owned;
}

static void uncount_hits(struct node_pool *pool, unsigned long nr)
{
	spin_lock(&pool->lock);
	pool->hits -= nr;
	spin_unlock(&pool->lock);
}

/* Blocks have left the pool: is it time to think of a refill? */
static void note_taken_locked(struct node_pool *pool, unsigned long nr)
{
	unsigned long left = nr_free_locked(pool);

	if (left >= pool->min || left + nr < pool->min)
		return;
	if (time_before(pool->refill_after, jiffies + REFILL_DELAY))
		pool->refill_after = jiffies + REFILL_DELAY;
	wake_up_process(pool->worker);
}

/* Adjacent blocks that are ready, at most so many; how many. */
static unsigned long take_ready(struct node_pool *pool, unsigned long wanted,
				struct list_head *blocks)
{
	unsigned long nr, owned;
	struct folio *first;

	do {
		spin_lock(&pool->lock);
		first = arena_extents_take(&pool->ready, wanted, &nr);
		if (first) {
			pool->hits += nr;
			note_taken_locked(pool, nr);
		}
		spin_unlock(&pool->lock);
		if (!first)
			return 0;
		account_kept(pool, -(long)nr);
		owned = own_good(first, nr, blocks);
		if (owned < nr)
			uncount_hits(pool, nr - owned);
	} while (!owned);
	return owned;
}

/* A dirty block, which is zeroed now; false if there is none. */
static bool take_dirty(struct node_pool *pool, struct list_head *blocks)
{
	struct folio *folio;

	do {
		spin_lock(&pool->lock);
		folio = take_dirty_locked(pool);
		if (folio)
			note_taken_locked(pool, 1);
		spin_unlock(&pool->lock);
		if (!folio)
			return false;
		account_kept(pool, -1);
		if (!is_poisoned(folio)) {
			zero_block(folio, true);
			own_block(folio, blocks);
			return true;
		}
		arena_pool_free_claimed(folio);
	} while (true);
}

/**
 * arena_pool_hold - count blocks as held before they are there
 * @nid: the node
 * @wanted: how many
 *
 * Context: any; does not sleep.
 * Return: how many the node's limit lets be taken.
 */
unsigned long arena_pool_hold(int nid, unsigned long wanted)
{
	atomic_long_t *held = &pools[nid].held;
	unsigned long limit = READ_ONCE(node_limit), nr;
	long old = atomic_long_read(held);

	do {
		nr = limit - min_t(unsigned long, old, limit);
		nr = min(nr, wanted);
	} while (nr && !atomic_long_try_cmpxchg(held, &old, old + nr));
	return nr;
}

/**
 * arena_pool_unhold - take that back for blocks that did not come
 * @nid: the node
 * @nr: how many
 *
 * Context: any; does not sleep.
 */
void arena_pool_unhold(int nid, unsigned long nr)
{
	if (nr)
		atomic_long_sub(nr, &pools[nid].held);
}

/**
 * arena_pool_set_limit - say how much of a node arenas may have
 * @nr: blocks, or ARENA_POOL_UNLIMITED. If they have more, they keep it.
 *
 * Context: any; does not sleep.
 */
void arena_pool_set_limit(unsigned long nr)
{
	WRITE_ONCE(node_limit, nr);
}

/**
 * arena_pool_set_accounted - say whether blocks are charged to memory cgroups
 * @accounted: if so, there are no pools
 *
 * Context: before arena_pool_init().
 */
void arena_pool_set_accounted(bool accounted)
{
	is_accounted = accounted;
}

/* Those of some nodes that are below their limit. */
static nodemask_t nodes_with_room(const nodemask_t *nodes)
{
	nodemask_t left = *nodes;
	int nid;

	for_each_node_mask(nid, *nodes) {
		if (atomic_long_read(&pools[nid].held) >= (long)READ_ONCE(node_limit))
			node_clear(nid, left);
	}
	return left;
}

/**
 * arena_pool_take - take blocks that a node has
 * @nid: the node
 * @wanted: how many
 * @blocks: they are added to its end, zeroed, each with one reference that is the
 *	caller's
 * @zeroed: how many had to be zeroed for that is added to it
 * @again: whether this is a retry, whose misses have been counted
 *
 * Context: process context; may sleep.
 * Return: how many there were, or fewer if the process is being killed.
 */
unsigned long arena_pool_take(int nid, unsigned long wanted, struct list_head *blocks,
			      unsigned long *zeroed, bool again)
{
	struct node_pool *pool = &pools[nid];
	unsigned long taken = 0, misses, nr_zeroed = 0, nr;

	/* No more than there may be: others see what is held as gone. */
	spin_lock(&pool->lock);
	misses = wanted - min(wanted, nr_free_locked(pool));
	spin_unlock(&pool->lock);
	wanted = arena_pool_hold(nid, wanted - misses);
	/* While this zeroes one, the worker makes others ready. */
	while (taken < wanted) {
		nr = take_ready(pool, wanted - taken, blocks);
		taken += nr;
		if (nr)
			continue;
		if (fatal_signal_pending(current) || !take_dirty(pool, blocks))
			break;
		taken++;
		nr_zeroed++;
	}
	arena_pool_unhold(nid, wanted - taken);
	atomic_long_add(nr_zeroed, &pool->zeroed);
	*zeroed += nr_zeroed;
	misses += nr_zeroed + wanted - taken;
	if (misses && !again) {
		spin_lock(&pool->lock);
		pool->misses += misses;
		spin_unlock(&pool->lock);
	}
	return taken;
}

/**
 * arena_pool_alloc - take a block from the page allocator
 * @nid: node to take it from
 * @nodes: if that has none, what others to take it from, trying harder; or NULL
 *
 * Without @nodes it compacts if need be, but reclaims next to nothing, since
 * that is known to push out all of one node while others are idle.
 *
 * Context: process context; may sleep, reclaim and compact. Never invokes the
 * OOM killer.
 * Return: a zeroed folio of order ARENA_BLOCK_ORDER with one reference, which
 * the caller owns, or NULL when there is none.
 */
struct folio *arena_pool_alloc(int nid, const nodemask_t *nodes)
{
	nodemask_t left, near = nodemask_of_node(nid);
	gfp_t gfp = BLOCK_GFP | __GFP_ZERO;
	struct folio *folio;

	gfp |= is_accounted ? __GFP_ACCOUNT : 0;
	gfp |= nodes ? __GFP_RETRY_MAYFAIL : __GFP_THISNODE | __GFP_NORETRY;
	do {
		left = nodes_with_room(nodes ? nodes : &near);
		if (nodes_empty(left))
			return NULL;
		folio = __folio_alloc(gfp, ARENA_BLOCK_ORDER, nid, &left);
		if (!folio)
			return NULL;
		/* The page allocator drops the mask when the cpuset changes meanwhile. */
		if (!node_isset(folio_nid(folio), left)) {
			folio_put(folio);
			return NULL;
		}
		if (arena_pool_hold(folio_nid(folio), 1)) {
			atomic_long_inc(&pool_of(folio)->zeroed);
			return folio;
		}
		/* Others were quicker: that node is full now. */
		folio_put(folio);
	} while (true);
}

static unsigned long system_free(int nid)
{
	struct zone *zones = NODE_DATA(nid)->node_zones;
	unsigned long sum = 0;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		sum += zone_page_state(&zones[i], NR_FREE_PAGES);
	return sum;
}

/* Free pages in the lists of CPUs, which NR_FREE_PAGES does not count. */
static unsigned long system_free_of_cpus(int nid)
{
	struct zone *zones = NODE_DATA(nid)->node_zones;
	unsigned long sum = 0;
	int i, cpu;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		if (!populated_zone(&zones[i]))
			continue;
		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(zones[i].per_cpu_pageset, cpu)->count;
	}
	return sum;
}

static unsigned long node_state_of(int nid, enum node_stat_item item)
{
	return max(atomic_long_read(&NODE_DATA(nid)->vm_stat[item]), 0L);
}

/**
 * arena_pool_obtainable - estimate how many blocks a node could have after reclaim
 * @nid: the node
 *
 * An upper bound: all that is free, and all that reclaim could free at best, blocks that
 * are kept included.
 *
 * Context: any; does not sleep.
 */
unsigned long arena_pool_obtainable(int nid)
{
	/* How much the counters of a CPU may lag behind, for all that are read here. */
	unsigned long pages = num_online_cpus() * ARENA_BLOCK_PAGES * 2;

	pages += system_free(nid) + system_free_of_cpus(nid);
	pages += node_state_of(nid, NR_ACTIVE_FILE) + node_state_of(nid, NR_INACTIVE_FILE);
	pages += node_state_of(nid, NR_ISOLATED_FILE) + node_state_of(nid, NR_ISOLATED_ANON);
	pages += node_state_of(nid, NR_SLAB_RECLAIMABLE_B);
	pages += node_state_of(nid, NR_KERNEL_MISC_RECLAIMABLE);
	/* These can be swapped out, or demoted to another node. */
	if (get_nr_swap_pages() > 0 || num_node_state(N_MEMORY) > 1)
		pages += node_state_of(nid, NR_ACTIVE_ANON) + node_state_of(nid, NR_INACTIVE_ANON);
	return pages >> ARENA_BLOCK_ORDER;
}

/* A block of a node from the page allocator, claimed; NULL if there is none. */
static struct folio *alloc_claimed(int nid, gfp_t reclaim)
{
	const gfp_t gfp = (BLOCK_GFP | __GFP_THISNODE | __GFP_NORETRY) & ~__GFP_RECLAIM;
	struct folio *folio;

	folio = __folio_alloc(gfp | reclaim, ARENA_BLOCK_ORDER, nid, NULL);
	/* Who looks at all page frames can hold it for a moment. */
	if (folio && !folio_ref_freeze(folio, 1)) {
		folio_put(folio);
		folio = NULL;
	}
	return folio;
}

/* Keep such a block; false if there is no room. */
static bool keep_fresh(struct node_pool *pool, struct folio *folio)
{
	bool kept;

	spin_lock(&pool->lock);
	kept = room_locked(pool) > 0;
	if (kept && is_born_zeroed())
		arena_extents_add(&pool->ready, folio);
	else if (kept)
		add_dirty_locked(pool, folio);
	spin_unlock(&pool->lock);
	if (kept)
		account_kept(pool, 1);
	else
		arena_pool_free_claimed(folio);
	return kept;
}

/* A block for the pool itself, which nobody waits for; false if there is none. */
static bool grow_pool(struct node_pool *pool, gfp_t reclaim)
{
	struct folio *folio = alloc_claimed(pool->nid, reclaim);

	return folio && keep_fresh(pool, folio);
}

/* Zero one block that is dirty; false if there is none. */
static bool zero_one(struct node_pool *pool)
{
	struct folio *folio;

	spin_lock(&pool->lock);
	folio = take_dirty_locked(pool);
	/* It stays counted until it is ready. */
	if (folio)
		pool->nr_dirty++;
	spin_unlock(&pool->lock);
	if (!folio)
		return false;

	if (is_poisoned(folio)) {
		account_kept(pool, -1);
		arena_pool_free_claimed(folio);
		spin_lock(&pool->lock);
		pool->nr_dirty--;
		note_taken_locked(pool, 1);
		spin_unlock(&pool->lock);
		return true;
	}
	zero_block(folio, false);
	spin_lock(&pool->lock);
	pool->nr_dirty--;
	arena_extents_add(&pool->ready, folio);
	spin_unlock(&pool->lock);
	return true;
}

/*
 * Whether to go on waiting. @until is zero before the first call, which sets it to the end
 * in jiffies.
 */
static bool has_patience(unsigned long *until)
{
	if (!*until)
		*until = (jiffies + ZEROING_PATIENCE) | 1;
	return time_before(jiffies, *until);
}

/* Blocks that are being zeroed are in no list. Wait a tick for them; false if there are none. */
static bool wait_for_zeroing(struct node_pool *pool)
{
	if (!READ_ONCE(pool->nr_dirty))
		return false;
	schedule_timeout_killable(1);
	return true;
}

/**
 * arena_pool_wait - see whether there are blocks after all
 * @nodes: on which nodes
 * @until: zero before the first of a series of calls; set to when the series ends
 *
 * For a caller that found none: blocks that were being zeroed may be all that is left.
 * If they still are, waits a tick.
 *
 * Context: process context; may sleep.
 * Return: whether it is worth to try again.
 */
bool arena_pool_wait(const nodemask_t *nodes, unsigned long *until)
{
	nodemask_t left = nodes_with_room(nodes);
	int nid;

	if (!has_patience(until))
		return false;
	for_each_node_mask(nid, left) {
		if (READ_ONCE(pools[nid].ready.nr_blocks) ||
		    wait_for_zeroing(&pools[nid])) {
			cond_resched();
			return true;
		}
	}
	return false;
}

static bool has_error_in_run(struct folio *first, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (arena_pool_has_error(nth_block(first, i)))
			return true;
	}
	return false;
}

/* Retire the blocks of a run that have memory errors, and put the others back. */
static void split_run(struct node_pool *pool, struct folio *first, unsigned long nr)
{
	struct folio *folio;
	unsigned long i;

	for (i = 0; i < nr; i++) {
		folio = nth_block(first, i);
		if (arena_pool_has_error(folio)) {
			account_kept(pool, -1);
			arena_pool_free_claimed(folio);
			continue;
		}
		spin_lock(&pool->lock);
		arena_extents_add(&pool->ready, folio);
		spin_unlock(&pool->lock);
	}
}

/* Take that many adjacent blocks; false if there are none just now. */
static bool take_run(struct node_pool *pool, unsigned long nr,
		     struct list_head *blocks)
{
	struct folio *first;
	unsigned long i;

	do {
		spin_lock(&pool->lock);
		first = arena_extents_take_run(&pool->ready, nr);
		if (first) {
			pool->hits += nr;
			note_taken_locked(pool, nr);
		}
		spin_unlock(&pool->lock);
		if (!first)
			return false;
		if (!has_error_in_run(first, nr))
			break;
		uncount_hits(pool, nr);
		split_run(pool, first, nr);
	} while (true);
	for (i = 0; i < nr; i++)
		own_block(nth_block(first, i), blocks);
	account_kept(pool, -(long)nr);
	return true;
}

static void allow_extra(struct node_pool *pool, long nr)
{
	spin_lock(&pool->lock);
	pool->nr_extra += nr;
	spin_unlock(&pool->lock);
	/* The worker may have to free what was extra. */
	if (nr < 0 && pool->worker)
		wake_up_process(pool->worker);
}

/**
 * arena_pool_take_run - take adjacent blocks
 * @nid: the node
 * @nr: how many, at least one
 * @blocks: empty list; they are added in the order of their addresses, each with
 *	one reference
 * @zeroed: the blocks zeroed meanwhile are added to it
 *
 * If the node has no run as long, zeroes what is dirty, takes as many blocks from
 * the page allocator as could make one, and waits for those that others zero.
 *
 * Context: process context; may sleep and compact.
 * Return: 0, or with nothing taken
 * * -ENOMEM if there is no such run
 * * -EINTR if the process is being killed
 */
int arena_pool_take_run(int nid, unsigned long nr, struct list_head *blocks,
			unsigned long *zeroed)
{
	unsigned long most = node_present_pages(nid) >> ARENA_BLOCK_ORDER;
	struct node_pool *pool = &pools[nid];
	unsigned long nr_grown = 0, nr_zeroed = 0, nr_tries = 0, until = 0, held;
	struct folio *folio;
	int err = 0;

	/* One block is a run, and all that can be charged in one piece. */
	if (is_accounted && nr > 1)
		return -ENOMEM;
	if (is_accounted) {
		folio = arena_pool_alloc(nid, NULL);
		if (!folio)
			return -ENOMEM;
		list_add(&folio->lru, blocks);
		*zeroed += 1;
		return 0;
	}
	held = arena_pool_hold(nid, nr);
	if (held < nr) {
		arena_pool_unhold(nid, held);
		return -ENOMEM;
	}
	if (take_run(pool, nr, blocks))
		return 0;

	allow_extra(pool, nr);
	do {
		/* While others keep putting what others take it would not end. */
		if (nr_tries++ > most) {
			err = -ENOMEM;
		} else if (fatal_signal_pending(current)) {
			err = -EINTR;
		} else if (zero_one(pool)) {
			nr_zeroed++;
			until = 0;
		} else if (nr_grown < nr && grow_pool(pool, __GFP_RECLAIM)) {
			nr_grown++;
			until = 0;
		} else if (!has_patience(&until) || !wait_for_zeroing(pool)) {
			err = -ENOMEM;
		}
	} while (!take_run(pool, nr, blocks) && !err);
	allow_extra(pool, -(long)nr);
	atomic_long_add(nr_zeroed, &pool->zeroed);
	*zeroed += nr_zeroed;
	/* The last block may have been the one that was missing. */
	if (!list_empty(blocks))
		return 0;
	arena_pool_unhold(nid, nr);
	return err;
}

/**
 * arena_pool_claim - claim blocks of a node from all others
 * @nid: the node
 * @blocks: blocks that were taken, mapped nowhere; those that are not the caller's
 *	alone leave the list
 *
 * With its reference count frozen at zero nobody else can take a reference to a block:
 * GUP-fast, the one who might still try, gives up. One that somebody holds goes to
 * quarantine, and from there back to the pool when that has ended.
 *
 * Context: process context; does not sleep.
 * Return: how many blocks are left. They are no longer held, and the caller uncharges
 * them unless their arena keeps them. For those in quarantine that is done when they leave it.
 */
unsigned long arena_pool_claim(int nid, struct list_head *blocks)
{
	struct folio *folio, *next;
	unsigned long claimed = 0;
	LIST_HEAD(others);
	long nr_others = 0;

	list_for_each_entry_safe(folio, next, blocks, lru) {
		if (claim_block(folio)) {
			arena_account_detach(folio);
			claimed++;
		} else {
			list_move_tail(&folio->lru, &others);
			nr_others++;
		}
	}
	atomic_long_sub(claimed, &pools[nid].held);
	if (!nr_others)
		return claimed;
	atomic_long_add(nr_others, &pools[nid].quarantined);
	spin_lock(&quarantine_lock);
	list_splice_tail(&others, &quarantine_list);
	spin_unlock(&quarantine_lock);
	schedule_delayed_work(&quarantine_work, QUARANTINE_PERIOD);
	return claimed;
}

/**
 * arena_pool_put_claimed - give a claimed block back
 * @folio: the block, linked nowhere
 *
 * It is kept by its node's pool unless that is full.
 *
 * Context: process context; does not sleep.
 */
void arena_pool_put_claimed(struct folio *folio)
{
	struct node_pool *pool = pool_of(folio);
	bool kept;

	spin_lock(&pool->lock);
	kept = room_locked(pool) > 0;
	if (kept)
		add_dirty_locked(pool, folio);
	spin_unlock(&pool->lock);
	if (kept)
		account_kept(pool, 1);
	else
		arena_pool_free_claimed(folio);
}

/**
 * arena_pool_put_all - give claimed blocks of a node back
 * @nid: the node
 * @blocks: the blocks; empty afterwards
 * @nr: how many
 *
 * Context: process context; may sleep.
 */
void arena_pool_put_all(int nid, struct list_head *blocks, unsigned long nr)
{
	struct node_pool *pool = &pools[nid];
	struct folio *folio, *next;
	bool kept;

	if (!nr)
		return;
	spin_lock(&pool->lock);
	kept = room_locked(pool) >= nr;
	if (kept) {
		wake_for_dirty_locked(pool);
		list_splice_tail_init(blocks, &pool->dirty);
		pool->nr_dirty += nr;
	}
	spin_unlock(&pool->lock);
	if (kept)
		account_kept(pool, nr);
	/* If there is not room for all, each goes where it can. */
	list_for_each_entry_safe(folio, next, blocks, lru) {
		list_del(&folio->lru);
		arena_pool_put_claimed(folio);
		cond_resched();
	}
}

/* What was in quarantine is nobody's now. */
static void end_quarantine(struct folio *folio)
{
	struct arena_account *account = arena_account_detach(folio);
	struct node_pool *pool = pool_of(folio);

	atomic_long_dec(&pool->quarantined);
	atomic_long_dec(&pool->held);
	if (!account)
		return;
	arena_account_uncharge_node(account, folio_nid(folio), 1);
	arena_account_uncharge(account, 1);
}

static void recheck_quarantine(struct work_struct *work)
{
	struct folio *folio, *next;
	LIST_HEAD(list);

	spin_lock(&quarantine_lock);
	list_splice_init(&quarantine_list, &list);
	spin_unlock(&quarantine_lock);

	list_for_each_entry_safe(folio, next, &list, lru) {
		cond_resched();
		if (!claim_block(folio))
			continue;
		list_del(&folio->lru);
		end_quarantine(folio);
		arena_pool_put_claimed(folio);
	}
	if (list_empty(&list))
		return;

	spin_lock(&quarantine_lock);
	list_splice(&list, &quarantine_list);
	spin_unlock(&quarantine_lock);
	schedule_delayed_work(&quarantine_work, QUARANTINE_PERIOD);
}

/**
 * arena_pool_recheck - look now whether blocks in quarantine can leave it
 *
 * Context: process context; may sleep, but waits for nobody who waits for memory.
 */
void arena_pool_recheck(void)
{
	flush_delayed_work(&quarantine_work);
}

/* --- blocks that arenas keep --------------------------------------------- */

/**
 * arena_pool_room - how many more blocks a node may keep
 * @nid: the node
 *
 * Context: any; does not sleep.
 */
unsigned long arena_pool_room(int nid)
{
	struct node_pool *pool = &pools[nid];
	unsigned long room;

	spin_lock(&pool->lock);
	room = room_locked(pool);
	spin_unlock(&pool->lock);
	return room;
}

/**
 * arena_pool_cache - count a claimed block as one that its arena keeps
 * @folio: the block
 *
 * Context: process context; does not sleep.
 * Return: false if the node keeps as many as it may.
 */
bool arena_pool_cache(struct folio *folio)
{
	struct node_pool *pool = pool_of(folio);
	bool may;

	spin_lock(&pool->lock);
	/*
	 * Never so many that the pool could not have its minimum; and none that are
	 * charged to a cgroup, which could not have them back when it needs them.
	 */
	may = pool->worker && !is_accounted && nr_kept_locked(pool) < pool->max &&
	      pool->nr_cached < pool->max - pool->min;
	pool->nr_cached += may;
	spin_unlock(&pool->lock);
	if (may)
		account_kept(pool, 1);
	return may;
}

/**
 * arena_pool_uncache - take that back: the block goes elsewhere
 * @folio: the block, still claimed
 *
 * Context: process context; does not sleep.
 */
void arena_pool_uncache(struct folio *folio)
{
	struct node_pool *pool = pool_of(folio);

	spin_lock(&pool->lock);
	pool->nr_cached--;
	spin_unlock(&pool->lock);
	account_kept(pool, -1);
}

/**
 * arena_pool_reuse - put a cached block to use again, contents and all
 * @folio: the block, claimed, and counted as held; then with one reference that is
 *	the caller's
 *
 * Context: process context; does not sleep.
 */
void arena_pool_reuse(struct folio *folio)
{
	arena_pool_uncache(folio);
	folio_ref_unfreeze(folio, 1);
}

/* --- back to the system -------------------------------------------------- */

static unsigned long count_locked(const struct node_pool *pool,
				  enum arena_pool_part part)
{
	unsigned long nr_free = nr_free_locked(pool), reserve = 0;

	if (!time_before(jiffies, pool->given_up_until))
		reserve = min(nr_free, pool->min);
	return part == ARENA_POOL_RESERVE ? reserve : nr_free - reserve;
}

/**
 * arena_pool_count - how many blocks a node's pool could give back
 * @nid: the node
 * @part: which of them
 *
 * Context: any; does not sleep.
 */
unsigned long arena_pool_count(int nid, enum arena_pool_part part)
{
	struct node_pool *pool = &pools[nid];
	unsigned long nr;

	spin_lock(&pool->lock);
	nr = count_locked(pool, part);
	spin_unlock(&pool->lock);
	return nr;
}

/* The one that is missed least: not zeroed, or from the shortest extent. */
static struct folio *isolate_block_locked(struct node_pool *pool)
{
	struct folio *folio = take_dirty_locked(pool);
	unsigned long taken;

	if (!folio)
		folio = arena_extents_take(&pool->ready, 1, &taken);
	if (folio)
		account_kept(pool, -1);
	return folio;
}

static struct folio *isolate_block(struct node_pool *pool,
				   enum arena_pool_part part)
{
	struct folio *folio = NULL;

	spin_lock(&pool->lock);
	if (count_locked(pool, part))
		folio = isolate_block_locked(pool);
	spin_unlock(&pool->lock);
	return folio;
}

/**
 * arena_pool_shrink - give blocks of a node's pool back to the page allocator
 * @nid: the node
 * @nr: how many, at most
 * @part: which of them
 *
 * Context: reclaim, too; takes spinlocks only, none of which it holds for long.
 * Return: how many there were.
 */
unsigned long arena_pool_shrink(int nid, unsigned long nr,
				enum arena_pool_part part)
{
	struct node_pool *pool = &pools[nid];
	unsigned long done = 0;
	struct folio *folio;

	while (done < nr && (folio = isolate_block(pool, part))) {
		arena_pool_free_claimed(folio);
		done++;
		cond_resched();
	}
	spin_lock(&pool->lock);
	pool->shrunk += done;
	/* It may sleep without a limit: the pool was full. */
	if (done && pool->worker)
		wake_up_process(pool->worker);
	spin_unlock(&pool->lock);
	return done;
}

static void hold_off_locked(struct node_pool *pool, unsigned long period)
{
	if (time_before(pool->refill_after, jiffies + period))
		pool->refill_after = jiffies + period;
}

/**
 * arena_pool_hold_off - don't refill a node's pool for a while
 * @nid: the node, whose memory the system is reclaiming
 * @part: which part of the pool it is reclaiming
 *
 * It is refilled after that, if it is short of its low watermark. Each scan of the spare
 * part puts the refill off again. A scan of the reserve does not: these go on, slowly,
 * for as long as a process reads files, and the reserve must come back nevertheless.
 *
 * Context: any; does not sleep.
 */
void arena_pool_hold_off(int nid, enum arena_pool_part part)
{
	struct node_pool *pool = &pools[nid];

	spin_lock(&pool->lock);
	if (part == ARENA_POOL_SPARE || !time_before(jiffies, pool->held_off_until)) {
		pool->held_off_until = jiffies + REFILL_HOLD_OFF;
		hold_off_locked(pool, REFILL_HOLD_OFF);
	}
	spin_unlock(&pool->lock);
}

/**
 * arena_pool_give_up - call nothing of a node's pool its reserve, for a while
 * @nid: the node, from which the system can't do without it. It is not refilled
 *	for as long.
 *
 * Context: any; does not sleep.
 * Return: how many blocks are spare by that.
 */
unsigned long arena_pool_give_up(int nid)
{
	struct node_pool *pool = &pools[nid];
	unsigned long nr;

	spin_lock(&pool->lock);
	nr = count_locked(pool, ARENA_POOL_RESERVE);
	pool->given_up_until = jiffies + OOM_HOLD_OFF;
	hold_off_locked(pool, OOM_HOLD_OFF);
	spin_unlock(&pool->lock);
	return nr;
}

/**
 * arena_pool_excess - count the cached blocks that the watermarks do not allow
 * @nid: the node
 *
 * Caches may fill a node up to its high watermark, and have no more than what is above its
 * low one.
 *
 * Context: any; does not sleep.
 */
unsigned long arena_pool_excess(int nid)
{
	struct node_pool *pool = &pools[nid];
	unsigned long kept, cached, room;

	spin_lock(&pool->lock);
	kept = nr_kept_locked(pool);
	kept -= min(kept, pool->max + pool->nr_extra);
	room = pool->max - pool->min;
	cached = pool->nr_cached - min(pool->nr_cached, room);
	spin_unlock(&pool->lock);
	return max(kept, cached);
}

/* --- the worker ---------------------------------------------------------- */

static bool is_over_locked(const struct node_pool *pool)
{
	return nr_kept_locked(pool) > pool->max + pool->nr_extra &&
	       count_locked(pool, ARENA_POOL_SPARE);
}

/* Free one block of those above the high watermark; false if there is none. */
static bool trim_one(struct node_pool *pool)
{
	struct folio *folio = NULL;

	spin_lock(&pool->lock);
	if (is_over_locked(pool))
		folio = isolate_block_locked(pool);
	spin_unlock(&pool->lock);
	if (!folio)
		return false;
	arena_pool_free_claimed(folio);
	return true;
}

static bool is_short_locked(const struct node_pool *pool)
{
	return nr_free_locked(pool) < pool->min;
}

/* Jiffies until a refill is due: MAX_SCHEDULE_TIMEOUT if none is needed. */
static long refill_due(struct node_pool *pool)
{
	long due = MAX_SCHEDULE_TIMEOUT;

	spin_lock(&pool->lock);
	if (is_short_locked(pool))
		due = max(0L, (long)(pool->refill_after - jiffies));
	spin_unlock(&pool->lock);
	return due;
}

/*
 * Take one block in advance, of what is free and in one piece just now; false if
 * none is needed, or there is none.
 */
static bool refill_one(struct node_pool *pool)
{
	struct folio *folio;
	bool refilled;

	if (refill_due(pool))
		return false;
	folio = alloc_claimed(pool->nid, __GFP_KSWAPD_RECLAIM);
	/* The system may have begun to want memory meanwhile. */
	if (folio && refill_due(pool)) {
		arena_pool_free_claimed(folio);
		return false;
	}
	refilled = folio && keep_fresh(pool, folio);
	spin_lock(&pool->lock);
	if (refilled) {
		pool->refills++;
		pool->retry = REFILL_RETRY;
	} else {
		hold_off_locked(pool, pool->retry);
		pool->retry = min(2 * pool->retry, (unsigned long)REFILL_RETRY_MAX);
	}
	spin_unlock(&pool->lock);
	return refilled;
}

static void wait_for_work(struct node_pool *pool)
{
	bool has_work;
	long due;

	/* Who adds work wakes after that, or under the lock that is taken here. */
	set_current_state(TASK_IDLE);
	due = refill_due(pool);
	spin_lock(&pool->lock);
	has_work = !list_empty(&pool->dirty) || is_over_locked(pool);
	spin_unlock(&pool->lock);
	if (kthread_should_stop() || has_work || !due)
		__set_current_state(TASK_RUNNING);
	else
		schedule_timeout(due);
}

static int work_for_pool(void *data)
{
	struct node_pool *pool = data;

	while (!kthread_should_stop()) {
		if (!trim_one(pool) && !zero_one(pool) && !refill_one(pool))
			wait_for_work(pool);
		cond_resched();
	}
	return 0;
}

static int start_worker(struct node_pool *pool)
{
	struct task_struct *worker;

	worker = kthread_create_on_node(work_for_pool, pool, pool->nid,
					"arena/%d", pool->nid);
	if (IS_ERR(worker)) {
		pr_warn("node %d: no thread, and so no pool\n", pool->nid);
		return PTR_ERR(worker);
	}
	set_user_nice(worker, MAX_NICE);
	prefer_cpus_of_node(worker, pool->nid);
	spin_lock(&pool->lock);
	pool->worker = worker;
	spin_unlock(&pool->lock);
	wake_up_process(worker);
	return 0;
}

/* --- watermarks ---------------------------------------------------------- */

static void update_watermarks(struct node_pool *pool)
{
	unsigned long present = node_present_pages(pool->nid) >> ARENA_BLOCK_ORDER;
	unsigned long min, max;

	lockdep_assert_held(&watermark_mutex);
	if (!pool->worker)
		return;
	min = min_wanted;
	if (min == ARENA_POOL_AUTO)
		min = max(reserve_wanted, min(present / 64, DEFAULT_MIN_BLOCKS));
	max = max_wanted;
	/* Room for what is in use to come back to. */
	if (max == ARENA_POOL_AUTO)
		max = max(reserve_wanted, min) + present / 8;
	if (!node_state(pool->nid, N_NORMAL_MEMORY))
		max = 0;
	/* What is refilled before the reserve is there would be in its way. */
	if (!is_reserve_filled || is_accounted)
		min = 0;
	spin_lock(&pool->lock);
	pool->max = max;
	pool->min = min(min, max);
	spin_unlock(&pool->lock);
	wake_up_process(pool->worker);
}

/**
 * arena_pool_set_watermarks - say how much each node keeps
 * @reserve: blocks for arena_pool_fill_reserve()
 * @min: low watermark in blocks, or ARENA_POOL_AUTO: a small part of the
 *	node's memory, or @reserve if that is more
 * @max: high watermark in blocks, or ARENA_POOL_AUTO: an eighth of the node's
 *	memory above the rest; it counts where it is lower than @min
 *
 * Context: process context; may sleep. Also before arena_pool_init().
 */
void arena_pool_set_watermarks(unsigned long reserve, unsigned long min,
			       unsigned long max)
{
	int nid;

	mutex_lock(&watermark_mutex);
	reserve_wanted = reserve;
	min_wanted = min;
	max_wanted = max;
	if (pools) {
		for_each_node(nid)
			update_watermarks(&pools[nid]);
	}
	mutex_unlock(&watermark_mutex);
}

/*
 * The page allocator returns blocks in no order. Unless one extent holds them all, take up
 * to twice as many, of those that need no reclaim, and keep the longest extents.
 */
static unsigned long reserve_blocks(struct node_pool *pool, unsigned long nr)
{
	unsigned long kept = 0, unused;
	struct arena_extents found;
	struct folio *folio;

	arena_extents_init(&found);
	while (arena_extents_largest(&found) < nr && found.nr_blocks < 2 * nr &&
	       !fatal_signal_pending(current)) {
		folio = alloc_claimed(pool->nid,
				      found.nr_blocks < nr ? __GFP_RECLAIM : 0);
		if (!folio)
			break;
		arena_extents_add(&found, folio);
		cond_resched();
	}
	while ((folio = arena_extents_take(&found, 1, &unused))) {
		if (found.nr_blocks >= nr)
			arena_pool_free_claimed(folio);
		else
			kept += keep_fresh(pool, folio);
		cond_resched();
	}
	return kept;
}

/**
 * arena_pool_fill_reserve - take each node's reserve from the page allocator
 *
 * At load, while memory is still whole, so that extents are long. What can't
 * be had is said in the log. Refills begin after that.
 *
 * Context: process context; may sleep, reclaim and compact.
 */
void arena_pool_fill_reserve(void)
{
	unsigned long reserve = is_accounted ? 0 : reserve_wanted, nr;
	int nid;

	for_each_node_state(nid, N_NORMAL_MEMORY) {
		nr = reserve_blocks(&pools[nid], reserve);
		if (nr < reserve)
			pr_warn("node %d: reserved %lu blocks of %lu\n", nid, nr,
				reserve);
	}
	mutex_lock(&watermark_mutex);
	is_reserve_filled = true;
	for_each_node(nid)
		update_watermarks(&pools[nid]);
	mutex_unlock(&watermark_mutex);
}

/**
 * arena_pool_update_node - see how much memory a node has now
 * @nid: the node. If it has its first, it gets a thread; if that can't be had, it
 *	keeps no blocks. If it has lost its last, it keeps none either.
 *
 * Context: process context; may sleep.
 */
void arena_pool_update_node(int nid)
{
	struct node_pool *pool = &pools[nid];

	mutex_lock(&watermark_mutex);
	if (!pool->worker && node_state(nid, N_NORMAL_MEMORY))
		start_worker(pool);
	update_watermarks(pool);
	mutex_unlock(&watermark_mutex);
}

/* --- figures -------------------------------------------------------------- */


/**
 * arena_pool_stats - read the figures of a node
 * @nid: the node
 * @stats: filled in; each figure is exact, not all need be of one moment
 */
void arena_pool_stats(int nid, struct arena_pool_stats *stats)
{
	struct node_pool *pool = &pools[nid];
	long quarantined = atomic_long_read(&pool->quarantined);

	spin_lock(&pool->lock);
	*stats = (struct arena_pool_stats) {
		.in_use = max(atomic_long_read(&pool->held) - quarantined, 0L),
		.quarantined = quarantined,
		.ready = pool->ready.nr_blocks,
		.dirty = pool->nr_dirty,
		.cached = pool->nr_cached,
		.extents = pool->ready.nr_extents,
		.largest = arena_extents_largest(&pool->ready),
		.min = pool->min,
		.max = pool->max,
		.hits = pool->hits,
		.misses = pool->misses,
		.zeroed = atomic_long_read(&pool->zeroed),
		.refills = pool->refills,
		.shrunk = pool->shrunk,
		.system_free = system_free(nid),
	};
	spin_unlock(&pool->lock);
}

/**
 * arena_pool_poisoned - how many blocks were retired for a memory error
 */
unsigned long arena_pool_poisoned(void)
{
	return atomic_long_read(&poisoned);
}

/* --- load and unload ------------------------------------------------------ */

static void drain_pool(struct node_pool *pool)
{
	struct folio *folio;

	while ((folio = isolate_block(pool, ARENA_POOL_SPARE)) ||
	       (folio = isolate_block(pool, ARENA_POOL_RESERVE))) {
		arena_pool_free_claimed(folio);
		cond_resched();
	}
}

/**
 * arena_pool_exit - let go of everything, at module unload
 *
 * All blocks have been put. One that is still in quarantine is freed by the
 * last of its other holders; no code of this module takes part in that.
 */
void arena_pool_exit(void)
{
	struct folio *folio, *next;
	int nid;

	cancel_delayed_work_sync(&quarantine_work);
	/* A module parameter can still be written. */
	mutex_lock(&watermark_mutex);
	for_each_node(nid) {
		if (pools[nid].worker)
			kthread_stop(pools[nid].worker);
		drain_pool(&pools[nid]);
	}
	list_for_each_entry_safe(folio, next, &quarantine_list, lru) {
		list_del(&folio->lru);
		end_quarantine(folio);
		if (!is_poisoned(folio))
			folio_put(folio);
		cond_resched();
	}
	kvfree(pools);
	pools = NULL;
	is_reserve_filled = false;
	mutex_unlock(&watermark_mutex);
}

/**
 * arena_pool_init - begin with empty pools, and a worker for each
 *
 * Return: 0, -ENOMEM, or what else hinders a thread to start
 */
int arena_pool_init(void)
{
	int nid, err = 0;

	pools = kvcalloc(nr_node_ids, sizeof(*pools), GFP_KERNEL);
	if (!pools)
		return -ENOMEM;
	for_each_node(nid) {
		struct node_pool *pool = &pools[nid];

		pool->nid = nid;
		spin_lock_init(&pool->lock);
		arena_extents_init(&pool->ready);
		INIT_LIST_HEAD(&pool->dirty);
		pool->refill_after = jiffies;
		pool->held_off_until = jiffies;
		pool->retry = REFILL_RETRY;
		pool->given_up_until = jiffies;
	}
	mutex_lock(&watermark_mutex);
	for_each_node_state(nid, N_NORMAL_MEMORY) {
		err = start_worker(&pools[nid]);
		if (err)
			break;
		update_watermarks(&pools[nid]);
	}
	mutex_unlock(&watermark_mutex);
	if (err)
		arena_pool_exit();
	return err;
}
