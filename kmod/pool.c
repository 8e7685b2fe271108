// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool: the free blocks of each NUMA node.
 *
 * A block is an order-9 folio that is never on an LRU list and never has a
 * mapping, so that its reference count includes nothing but actual users: its
 * owner, page table mappings and pins. A block is
 *
 *	in use		given to an owner, zeroed; one reference is the owner's
 *	dirty		put and not yet zeroed; in node_pool.dirty
 *	ready		zeroed; in node_pool.ready, as part of an extent
 *	cached		put, but kept by its arena (cache.c); only counted here
 *	quarantined	put, but still referenced, e.g. by a DMA pin or a page in a
 *			pipe; in quarantine_list
 *	retired		unusable after a hardware memory error; never freed, only
 *			counted
 *
 * or otherwise belongs to the page allocator. Dirty, ready and cached blocks are
 * "kept". They are isolated ("claimed" in the names of functions): their reference
 * count is frozen at zero, so that no reference can be taken. Therefore a block
 * is neither freed nor given to another owner while its old contents can still be
 * reached, and another owner gets it only after it has been zeroed.
 *
 * Each node has a worker, a thread of the lowest priority that runs on the node's CPUs,
 * except isolated ones. It zeroes dirty blocks, refills the pool up to the low watermark,
 * and frees blocks above the high watermark. A refill does not reclaim memory itself, and
 * is deferred for a while after the system has reclaimed memory (arena_pool_hold_off()).
 * Allocation does not wait for the worker: the caller zeroes dirty blocks itself or uses
 * the page allocator. Only a caller that finds no block there either, or that needs one
 * extent, waits for blocks that are currently being zeroed.
 *
 * Locking: node_pool.lock protects the blocks and counters of its node, and
 * quarantine_lock protects the quarantine. Both are spinlocks and leaves, held only for
 * list and tree operations: blocks are zeroed, freed and allocated without them.
 * watermark_mutex serializes changes of the watermarks.
 *
 * folio->lru links a block into the list of its owner, node_pool.dirty or
 * quarantine_list. The description of an extent of ready blocks is stored in the
 * extent's own memory.
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

/* Interval between two checks whether quarantined blocks are still referenced. */
#define QUARANTINE_PERIOD	(HZ / 4)

/*
 * Delay of a refill after a pool has fallen below its low watermark: blocks may be
 * released to it in the meantime.
 */
#define REFILL_DELAY		(HZ / 10)

/*
 * Delay of a refill after the page allocator had no block, doubled at each further
 * failure: every attempt wakes kswapd and kcompactd.
 */
#define REFILL_RETRY		HZ
#define REFILL_RETRY_MAX	(64 * HZ)

/*
 * How long a commit that finds no block waits for blocks that are being zeroed. Zeroing a
 * block takes less than a millisecond, but the zeroing thread may have to wait for a CPU.
 */
#define ZEROING_PATIENCE	HZ

/* Delay of a refill after the system has reclaimed memory, and after it has run out of it. */
#define REFILL_HOLD_OFF		(10 * HZ)
#define OOM_HOLD_OFF		(30 * HZ)

/* The upper bound of the default low watermark. */
#define DEFAULT_MIN_BLOCKS	(SZ_64M / ARENA_BLOCK_SIZE)

/**
 * struct node_pool - the blocks of a NUMA node
 * @nid: the node. Constant.
 * @worker: the node's thread, NULL until the node has memory. Set once, under
 *	watermark_mutex and @lock.
 * @min: low watermark. Changed under watermark_mutex and @lock; may be read without.
 * @max: high watermark, likewise; at least @min
 * @held: blocks charged to the node's limit: in use, quarantined, or about to be
 *	taken
 * @quarantined: number of quarantined blocks among @held
 * @zeroed: see struct arena_pool_stats
 * @lock: protects the following members
 * @ready: ready blocks
 * @dirty: dirty blocks
 * @nr_dirty: number of blocks in @dirty or currently being zeroed for the pool
 * @nr_cached: number of cached blocks
 * @nr_extra: number of blocks that may currently be kept above @max
 * @refill_after: time in jiffies before which the pool is not refilled
 * @held_off_until: time in jiffies until which reclaim has deferred refills
 * @retry: delay in jiffies of the next refill if the page allocator has no block
 * @given_up_until: time in jiffies before which no block counts as reserve
 * @hits: see struct arena_pool_stats
 * @misses: likewise
 * @refills: likewise
 * @shrunk: likewise
 */
struct node_pool {
	int nid;
	struct task_struct *worker;
	unsigned long min;
	unsigned long max;

	/* Written by every commit, so kept off the cache line that is read under @lock. */
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

/* Indexed by node; covers all possible nodes. */
static struct node_pool *pools;

/* Protects the watermarks and the start and stop of workers. */
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

/* Maximum of node_pool.held for each node. */
static unsigned long node_limit = ARENA_POOL_UNLIMITED;

/*
 * Whether blocks are charged to the memory cgroup of the task that takes them. Only the page
 * allocator can charge and uncharge a block, therefore the pools stay empty if this is set.
 * Constant while pools exist.
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

/* Whether the page allocator zeroes all pages, with or without __GFP_ZERO. */
static bool is_born_zeroed(void)
{
	return want_init_on_free() || want_init_on_alloc(0);
}

/*
 * Zero a page with stores that bypass the caches: the page is not going to be used soon, and
 * must not evict the cached data of running programs.
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

/* Order the zeroing before later stores that make the block available to other CPUs. */
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
 * arena_pool_has_error - check whether a page of a block has a memory error
 * @folio: the block
 *
 * The kernel marks the page but not the folio if the folio is isolated or has no mapping.
 * Therefore all 512 pages are checked, but only if the node has had a memory error since
 * boot.
 *
 * Context: any; does not sleep.
 * Return: true if a page of the block has a memory error.
 */
bool arena_pool_has_error(struct folio *folio)
{
	return nr_memory_errors(folio_nid(folio)) && is_poisoned(folio);
}

/**
 * arena_pool_free_claimed - free an isolated block to the page allocator
 * @folio: the block, isolated, on no list, and no longer counted as kept
 *
 * The page allocator does not check a block that is freed as a whole for memory errors,
 * and would hand it out again. Therefore a block that has one is never freed.
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

/* Isolate a block; false if there is a reference besides the owner's. */
static bool claim_block(struct folio *folio)
{
	if (!folio_ref_freeze(folio, 1))
		return false;
	/* Set while the block was mapped. */
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

/* The number of further blocks that may be kept: 0 if the node's worker has not started. */
static unsigned long room_locked(const struct node_pool *pool)
{
	unsigned long kept = nr_kept_locked(pool), max = pool->max + pool->nr_extra;

	return pool->worker && !is_accounted && kept < max ? max - kept : 0;
}

/*
 * Count kept blocks as reclaimable, so that MemAvailable includes them. Called
 * wherever the number of kept blocks changes.
 */
static void account_kept(const struct node_pool *pool, long nr_blocks)
{
	mod_node_page_state(NODE_DATA(pool->nid), NR_KERNEL_MISC_RECLAIMABLE,
			    nr_blocks * (long)ARENA_BLOCK_PAGES);
}

/* Called before dirty blocks are added: the worker is asleep only if there are none yet. */
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

/* End the isolation of a block and give it to the caller, with one reference. */
static void own_block(struct folio *folio, struct list_head *blocks)
{
	folio_ref_unfreeze(folio, 1);
	list_add_tail(&folio->lru, blocks);
}

/* The block that is @nr blocks after @first in physical memory. */
static struct folio *nth_block(struct folio *first, unsigned long nr)
{
	return pfn_folio(folio_pfn(first) + nr * ARENA_BLOCK_PAGES);
}

/*
 * Give adjacent blocks to the caller, in the order of their addresses. Blocks that got a
 * memory error while they were in the pool are retired instead. Returns the number of blocks
 * given to the caller.
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

/* Schedule a refill if the removal of @nr blocks took the pool below its low watermark. */
static void note_taken_locked(struct node_pool *pool, unsigned long nr)
{
	unsigned long left = nr_free_locked(pool);

	if (left >= pool->min || left + nr < pool->min)
		return;
	if (time_before(pool->refill_after, jiffies + REFILL_DELAY))
		pool->refill_after = jiffies + REFILL_DELAY;
	wake_up_process(pool->worker);
}

/* Take up to @wanted adjacent ready blocks. Returns the number taken, 0 if none is ready. */
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

/* Take a dirty block and zero it; false if there is none. */
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
 * arena_pool_hold - charge blocks to a node's limit before they are taken
 * @nid: the node
 * @wanted: number of blocks
 *
 * Context: any; does not sleep.
 * Return: the number of blocks charged: fewer than @wanted if the limit permits no more.
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
 * arena_pool_unhold - uncharge blocks that were charged but not taken
 * @nid: the node
 * @nr: number of blocks
 *
 * Context: any; does not sleep.
 */
void arena_pool_unhold(int nid, unsigned long nr)
{
	if (nr)
		atomic_long_sub(nr, &pools[nid].held);
}

/**
 * arena_pool_set_limit - limit the blocks that arenas may use on each node
 * @nr: number of blocks, or ARENA_POOL_UNLIMITED. Arenas that use more keep their blocks.
 *
 * Context: any; does not sleep.
 */
void arena_pool_set_limit(unsigned long nr)
{
	WRITE_ONCE(node_limit, nr);
}

/**
 * arena_pool_set_accounted - select whether blocks are charged to memory cgroups
 * @accounted: whether they are. If so, the pools stay empty.
 *
 * Context: before arena_pool_init().
 */
void arena_pool_set_accounted(bool accounted)
{
	is_accounted = accounted;
}

/* The nodes of a mask that are below their limit. */
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
 * arena_pool_take - take free blocks from a node's pool
 * @nid: the node
 * @wanted: number of blocks
 * @blocks: list to whose end the blocks are added, zeroed, each with one reference
 *	that belongs to the caller
 * @zeroed: incremented by the number of blocks that had to be zeroed
 * @again: whether this is a retry, whose misses are not counted again
 *
 * Context: process context; may sleep.
 * Return: the number of blocks taken. It is less than @wanted if the pool has fewer, the
 * node's limit permits no more, or the process is being killed.
 */
unsigned long arena_pool_take(int nid, unsigned long wanted, struct list_head *blocks,
			      unsigned long *zeroed, bool again)
{
	struct node_pool *pool = &pools[nid];
	unsigned long taken = 0, misses, nr_zeroed = 0, nr;

	/* Charge only as many as the pool has: a charge may make other callers fail. */
	spin_lock(&pool->lock);
	misses = wanted - min(wanted, nr_free_locked(pool));
	spin_unlock(&pool->lock);
	wanted = arena_pool_hold(nid, wanted - misses);
	/* While this task zeroes a dirty block, the worker may make others ready. */
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
 * @nid: the node to take it from; if @nodes is given, the node to start with
 * @nodes: the nodes that the block may come from, or NULL for @nid alone
 *
 * Without @nodes, the page allocator compacts memory if necessary but reclaims next to
 * nothing: reclaim for a single node is known to evict everything on that node while
 * others have free memory. With @nodes, it tries harder.
 *
 * Context: process context; may sleep, reclaim and compact. Never invokes the
 * OOM killer.
 * Return: a zeroed folio of order ARENA_BLOCK_ORDER with one reference that belongs
 * to the caller, or NULL if there is none or every node has reached its limit.
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
		/* The page allocator may ignore the mask if the cpuset changes concurrently. */
		if (!node_isset(folio_nid(folio), left)) {
			folio_put(folio);
			return NULL;
		}
		if (arena_pool_hold(folio_nid(folio), 1)) {
			atomic_long_inc(&pool_of(folio)->zeroed);
			return folio;
		}
		/* Concurrent callers have taken the node to its limit. */
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

/* Free pages on the per-CPU lists, which NR_FREE_PAGES does not include. */
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
 * arena_pool_obtainable - estimate how many blocks a node could supply after reclaim
 * @nid: the node
 *
 * Context: any; does not sleep.
 * Return: an upper bound in blocks: all free memory and all memory that reclaim could free
 * at best, including kept blocks.
 */
unsigned long arena_pool_obtainable(int nid)
{
	/* An upper bound of the per-CPU deltas that the counters read here do not include. */
	unsigned long pages = num_online_cpus() * ARENA_BLOCK_PAGES * 2;

	pages += system_free(nid) + system_free_of_cpus(nid);
	pages += node_state_of(nid, NR_ACTIVE_FILE) + node_state_of(nid, NR_INACTIVE_FILE);
	pages += node_state_of(nid, NR_ISOLATED_FILE) + node_state_of(nid, NR_ISOLATED_ANON);
	pages += node_state_of(nid, NR_SLAB_RECLAIMABLE_B);
	pages += node_state_of(nid, NR_KERNEL_MISC_RECLAIMABLE);
	/* Anonymous pages can be swapped out or demoted to another node. */
	if (get_nr_swap_pages() > 0 || num_node_state(N_MEMORY) > 1)
		pages += node_state_of(nid, NR_ACTIVE_ANON) + node_state_of(nid, NR_INACTIVE_ANON);
	return pages >> ARENA_BLOCK_ORDER;
}

/* Allocate an isolated block on a node from the page allocator; NULL if there is none. */
static struct folio *alloc_claimed(int nid, gfp_t reclaim)
{
	const gfp_t gfp = (BLOCK_GFP | __GFP_THISNODE | __GFP_NORETRY) & ~__GFP_RECLAIM;
	struct folio *folio;

	folio = __folio_alloc(gfp | reclaim, ARENA_BLOCK_ORDER, nid, NULL);
	/* Code that scans all page frames may hold a reference for a moment. */
	if (folio && !folio_ref_freeze(folio, 1)) {
		folio_put(folio);
		folio = NULL;
	}
	return folio;
}

/* Add a block from alloc_claimed() to the pool; without room, free it and return false. */
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

/* Move a block from the page allocator to the pool; false if there is none or no room. */
static bool grow_pool(struct node_pool *pool, gfp_t reclaim)
{
	struct folio *folio = alloc_claimed(pool->nid, reclaim);

	return folio && keep_fresh(pool, folio);
}

/* Make one dirty block ready, or retire it if it has a memory error; false if there is none. */
static bool zero_one(struct node_pool *pool)
{
	struct folio *folio;

	spin_lock(&pool->lock);
	folio = take_dirty_locked(pool);
	/* Keep it counted as dirty until it is ready. */
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
 * Whether the caller may go on waiting. @until is zero before the first call, which sets it to
 * the deadline in jiffies.
 */
static bool has_patience(unsigned long *until)
{
	if (!*until)
		*until = (jiffies + ZEROING_PATIENCE) | 1;
	return time_before(jiffies, *until);
}

/*
 * Wait a tick if blocks are currently being zeroed, which are on no list; false if there are
 * none.
 */
static bool wait_for_zeroing(struct node_pool *pool)
{
	if (!READ_ONCE(pool->nr_dirty))
		return false;
	schedule_timeout_killable(1);
	return true;
}

/**
 * arena_pool_wait - wait for blocks that are being zeroed
 * @nodes: the nodes that the caller can take blocks from
 * @until: the deadline in jiffies for a series of calls; the caller sets it to zero
 *	before the first call, which sets the deadline
 *
 * For a caller that found no block: the last ones may have been on no list because they
 * were being zeroed. Waits a tick if they still are.
 *
 * Context: process context; may sleep.
 * Return: true if the caller should try again, false if there is nothing to wait for or
 * the deadline has passed.
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

/* Retire the blocks of an extent that have memory errors, and put the others back. */
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

/* Take @nr adjacent blocks; false if no extent of ready blocks is long enough. */
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
	/* The worker may have to free the extra blocks. */
	if (nr < 0 && pool->worker)
		wake_up_process(pool->worker);
}

/**
 * arena_pool_take_run - take adjacent blocks
 * @nid: the node
 * @nr: number of blocks, at least one
 * @blocks: empty list to which the blocks are added in the order of their addresses,
 *	each with one reference
 * @zeroed: incremented by the number of blocks zeroed by this call
 *
 * If no extent of ready blocks is long enough, this zeroes dirty blocks, adds up to @nr
 * blocks from the page allocator to the pool, and waits for blocks that other tasks are
 * zeroing.
 *
 * Context: process context; may sleep and compact.
 * Return: 0, or with nothing taken
 * * -ENOMEM if there is no such extent, or the node's limit does not permit it
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

	/* If blocks are charged to memory cgroups, the page allocator supplies them one by one. */
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
		/* Bound the loop, since other tasks may put and take blocks endlessly. */
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
	/* take_run() is called once more after an error, and may succeed. */
	if (!list_empty(blocks))
		return 0;
	arena_pool_unhold(nid, nr);
	return err;
}

/**
 * arena_pool_claim - isolate blocks of a node
 * @nid: the node
 * @blocks: blocks that were taken and are no longer mapped. Blocks that have other
 *	references are removed from the list.
 *
 * Freezes the reference count of each block at zero, so that no reference can be taken:
 * GUP-fast, which might still try, fails. A block that has other references is moved to the
 * quarantine, and returns to the pool after these have been dropped.
 *
 * Context: process context; does not sleep.
 * Return: the number of blocks left on the list. They are no longer charged to the node's
 * limit. The caller uncharges them from their account unless their arena keeps them.
 * Quarantined blocks are uncharged from both when they leave the quarantine.
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
 * arena_pool_put_claimed - return an isolated block to its node's pool
 * @folio: the block, on no list
 *
 * If the pool is full, the block is freed to the page allocator.
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
 * arena_pool_put_all - return isolated blocks to their node's pool
 * @nid: the node
 * @blocks: list of the blocks, emptied by this call
 * @nr: number of blocks
 *
 * The blocks for which the pool has no room are freed to the page allocator.
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
	/* Without room for all, decide for each block. */
	list_for_each_entry_safe(folio, next, blocks, lru) {
		list_del(&folio->lru);
		arena_pool_put_claimed(folio);
		cond_resched();
	}
}

/* Uncharge a block that leaves the quarantine. */
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
 * arena_pool_recheck - release quarantined blocks that are no longer referenced
 *
 * Runs the periodic check immediately and waits for it.
 *
 * Context: process context; may sleep, but waits for no task that may be waiting for
 * memory.
 */
void arena_pool_recheck(void)
{
	flush_delayed_work(&quarantine_work);
}

/* --- blocks that arenas keep --------------------------------------------- */

/**
 * arena_pool_room - return the number of further blocks that a node may keep
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
 * arena_pool_cache - count an isolated block as cached
 * @folio: the block
 *
 * Context: process context; does not sleep.
 * Return: true, or false if the node may not cache another block.
 */
bool arena_pool_cache(struct folio *folio)
{
	struct node_pool *pool = pool_of(folio);
	bool may;

	spin_lock(&pool->lock);
	/*
	 * Caches must leave room for the pool's low watermark. Blocks charged to a memory
	 * cgroup are not cached, because it could not reclaim them when it needs memory.
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
 * arena_pool_uncache - no longer count a block as cached
 * @folio: the block, still isolated
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
 * arena_pool_reuse - take a cached block, with its contents
 * @folio: the block, isolated, and charged to its node's limit by the caller
 *
 * The caller gets the block with one reference.
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
 * arena_pool_count - return the number of blocks in a part of a node's pool
 * @nid: the node
 * @part: the part
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

/* Remove the least valuable block: a dirty one if possible, else one of the shortest extent. */
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
 * arena_pool_shrink - free blocks of a node's pool to the page allocator
 * @nid: the node
 * @nr: maximum number of blocks
 * @part: the part of the pool
 *
 * Context: process context, including reclaim; takes only spinlocks, each for a short time.
 * Return: the number of blocks freed.
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
	/* The worker may be sleeping without a timeout, because the pool was full. */
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
 * arena_pool_hold_off - defer refills of a node's pool
 * @nid: the node, whose memory the system is reclaiming
 * @part: the part of the pool that is being reclaimed
 *
 * After REFILL_HOLD_OFF the pool is refilled if it is below its low watermark. Each scan of
 * the spare part starts that period again. A scan of the reserve does not: these continue
 * slowly for as long as a process reads files, and must not prevent refills for ever.
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
 * arena_pool_give_up - turn the reserve of a node's pool into spare blocks for a while
 * @nid: the node
 *
 * Called when the system has run out of memory. The pool has no reserve, and is not
 * refilled, for OOM_HOLD_OFF.
 *
 * Context: any; does not sleep.
 * Return: the number of blocks that have become spare.
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
 * The kept blocks of a node, including cached ones, may reach its high watermark. The cached
 * ones alone may reach the difference between the high and the low watermark.
 *
 * Context: any; does not sleep.
 * Return: the number of blocks that the caches have to free so that both bounds hold; may be
 * more than they have.
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

/* Free one spare block if the pool is above its high watermark; false if none was freed. */
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

/* The time in jiffies until a refill is due, MAX_SCHEDULE_TIMEOUT if none is needed. */
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
 * Refill the pool by one block, if the page allocator has one without direct reclaim and
 * compaction; false if it has none, or no refill is due.
 */
static bool refill_one(struct node_pool *pool)
{
	struct folio *folio;
	bool refilled;

	if (refill_due(pool))
		return false;
	folio = alloc_claimed(pool->nid, __GFP_KSWAPD_RECLAIM);
	/* Reclaim may have deferred refills concurrently. */
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

	/*
	 * Set the state before looking for work, so that no wakeup is lost: a task that adds
	 * work wakes this thread afterwards, or with the lock held that is taken here.
	 */
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
		pr_warn("node %d: cannot start a worker, the pool stays empty\n", pool->nid);
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
	/* Leave room for blocks that are in use and will be released. */
	if (max == ARENA_POOL_AUTO)
		max = max(reserve_wanted, min) + present / 8;
	if (!node_state(pool->nid, N_NORMAL_MEMORY))
		max = 0;
	/* No refills before the reserve is filled: they would compete with it for memory. */
	if (!is_reserve_filled || is_accounted)
		min = 0;
	spin_lock(&pool->lock);
	pool->max = max;
	pool->min = min(min, max);
	spin_unlock(&pool->lock);
	wake_up_process(pool->worker);
}

/**
 * arena_pool_set_watermarks - set the number of blocks that each node keeps
 * @reserve: number of blocks for arena_pool_fill_reserve()
 * @min: low watermark in blocks, or ARENA_POOL_AUTO: a 64th of the node's memory but at
 *	most DEFAULT_MIN_BLOCKS, or @reserve if that is more
 * @max: high watermark in blocks, or ARENA_POOL_AUTO: an eighth of the node's memory
 *	above the larger of @reserve and the low watermark. If @max is lower than @min, it
 *	replaces @min.
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
 * Add @nr blocks to the pool, in extents as long as possible, and return how many were added.
 * The page allocator returns blocks in no particular order. Therefore take more, up to twice
 * @nr, until one extent holds @nr of them, and keep the longest extents. Only the first @nr
 * blocks may cost reclaim.
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
 * arena_pool_fill_reserve - fill each node's pool with its reserve
 *
 * Called when the module is loaded, while memory is not yet fragmented, so that extents are
 * long. Logs a warning for each node that has less. Refills begin after that.
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
			pr_warn("node %d: reserved only %lu of %lu blocks\n", nid, nr,
				reserve);
	}
	mutex_lock(&watermark_mutex);
	is_reserve_filled = true;
	for_each_node(nid)
		update_watermarks(&pools[nid]);
	mutex_unlock(&watermark_mutex);
}

/**
 * arena_pool_update_node - adapt a node's pool to the memory that the node has
 * @nid: the node
 *
 * If the node has memory for the first time, this starts its worker. A node whose worker
 * cannot be started, or that has lost all its memory, keeps no blocks.
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

/* --- counters ------------------------------------------------------------- */

/**
 * arena_pool_stats - read the counters of a node
 * @nid: the node
 * @stats: filled in. Each counter is exact, but they may not all be from the same moment.
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
 * arena_pool_poisoned - return the number of blocks retired because of memory errors
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
 * arena_pool_exit - stop the workers and free all blocks, when the module is unloaded
 *
 * All blocks have been put. A block that is still quarantined is freed when its last
 * reference is dropped, which involves no code of this module.
 */
void arena_pool_exit(void)
{
	struct folio *folio, *next;
	int nid;

	cancel_delayed_work_sync(&quarantine_work);
	/* Module parameters can still be written. */
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
 * arena_pool_init - create an empty pool for each node, and start the workers
 *
 * Return: 0, -ENOMEM, or another error if a worker cannot be started.
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
