// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool: where blocks come from and where they go.
 *
 * A block is an order-9 folio that is never on an LRU list and never has a
 * mapping, so that its reference count is the sum of those who really hold it.
 * arena_pool_get() hands a block to one owner with one reference and zeroed;
 * arena_pool_put() takes both back. Blocks come straight from the page
 * allocator and go straight back to it; a stock of zeroed blocks per node will
 * live behind these two calls.
 *
 * A put block that somebody else still holds (a DMA pin, a page in a pipe) is
 * in quarantine: the pool keeps its own reference and looks again until it is
 * the last. So a block is never with the page allocator, and never handed to
 * anyone, while somebody can still reach its old contents. One that has a
 * hardware memory error is retired: kept for ever, and counted.
 *
 * folio->lru links a block into its owner's list: the caller's before
 * arena_pool_put(), quarantine_list after.
 *
 * Nothing here knows of files, mappings or processes.
 */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

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

struct node_count {
	atomic_long_t in_use;
	atomic_long_t quarantined;
};

static struct node_count counts[MAX_NUMNODES];
static atomic_long_t fallbacks;
static atomic_long_t poisoned;

/* Protects quarantine_list. A leaf: nothing else is taken inside. */
static DEFINE_SPINLOCK(quarantine_lock);
static LIST_HEAD(quarantine_list);

static void recheck_quarantine(struct work_struct *work);
static DECLARE_DELAYED_WORK(quarantine_work, recheck_quarantine);

/*
 * Not movable: a long-term pin of a movable page first migrates it, which a
 * folio without a mapping does not support. Zeroed by the page allocator, so
 * that init_on_alloc does not do it a second time.
 */
#define BLOCK_GFP	(GFP_HIGHUSER | __GFP_ZERO | __GFP_NOWARN)

/**
 * arena_pool_get - take a block
 * @nid: node to take it from while that has one, or NUMA_NO_NODE to leave the
 *	choice to the task's memory policy
 *
 * Tries @nid first, compacting it if need be; it does not reclaim there, since
 * that is known to push out all of one node while others are idle. If @nid has
 * none, falls back to what the task's memory policy and cpuset allow, and
 * counts that.
 *
 * Context: process context; may sleep, reclaim and compact. Never invokes the
 * OOM killer.
 * Return: a zeroed folio of order ARENA_BLOCK_ORDER with one reference, which
 * the caller owns, or NULL when there is none.
 */
struct folio *arena_pool_get(int nid)
{
	struct folio *folio = NULL;

	if (nid != NUMA_NO_NODE)
		folio = __folio_alloc_node(BLOCK_GFP | __GFP_THISNODE | __GFP_NORETRY,
					   ARENA_BLOCK_ORDER, nid);
	if (!folio) {
		folio = folio_alloc(BLOCK_GFP | __GFP_RETRY_MAYFAIL,
				    ARENA_BLOCK_ORDER);
		if (!folio)
			return NULL;
		if (nid != NUMA_NO_NODE && folio_nid(folio) != nid)
			atomic_long_inc(&fallbacks);
	}
	atomic_long_inc(&counts[folio_nid(folio)].in_use);
	return folio;
}

/*
 * Claim a block from all others: true if the pool's reference is the only one.
 * With the count frozen at zero nobody else can take one: GUP-fast, the one who
 * might still try, gives up.
 */
static bool claim_block(struct folio *folio)
{
	return folio_ref_freeze(folio, 1);
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

/*
 * The page allocator takes a whole block without looking for memory errors in
 * it, and would hand it out again. One that has any is kept for ever.
 */
static void free_claimed(struct folio *folio)
{
	folio_ref_unfreeze(folio, 1);
	if (is_poisoned(folio))
		atomic_long_inc(&poisoned);
	else
		folio_put(folio);
}

/**
 * arena_pool_put - give a block back
 * @folio: block of arena_pool_get(), mapped nowhere and linked nowhere; the
 *	caller's reference goes with it
 *
 * Context: process context; does not sleep.
 */
void arena_pool_put(struct folio *folio)
{
	struct node_count *count = &counts[folio_nid(folio)];

	atomic_long_dec(&count->in_use);
	if (claim_block(folio)) {
		free_claimed(folio);
		return;
	}

	atomic_long_inc(&count->quarantined);
	spin_lock(&quarantine_lock);
	list_add_tail(&folio->lru, &quarantine_list);
	spin_unlock(&quarantine_lock);
	schedule_delayed_work(&quarantine_work, QUARANTINE_PERIOD);
}

static void recheck_quarantine(struct work_struct *work)
{
	struct folio *folio, *next;
	LIST_HEAD(list);

	spin_lock(&quarantine_lock);
	list_splice_init(&quarantine_list, &list);
	spin_unlock(&quarantine_lock);

	list_for_each_entry_safe(folio, next, &list, lru) {
		if (!claim_block(folio))
			continue;
		list_del(&folio->lru);
		atomic_long_dec(&counts[folio_nid(folio)].quarantined);
		free_claimed(folio);
		cond_resched();
	}
	if (list_empty(&list))
		return;

	spin_lock(&quarantine_lock);
	list_splice(&list, &quarantine_list);
	spin_unlock(&quarantine_lock);
	schedule_delayed_work(&quarantine_work, QUARANTINE_PERIOD);
}

/**
 * arena_pool_stats - read the counters of a node
 * @nid: the node
 * @stats: filled in; each figure is exact, the two need not be of one moment
 */
void arena_pool_stats(int nid, struct arena_pool_stats *stats)
{
	stats->in_use = atomic_long_read(&counts[nid].in_use);
	stats->quarantined = atomic_long_read(&counts[nid].quarantined);
}

/**
 * arena_pool_fallbacks - how often arena_pool_get() had to leave its node
 */
unsigned long arena_pool_fallbacks(void)
{
	return atomic_long_read(&fallbacks);
}

/**
 * arena_pool_poisoned - how many blocks were retired for a memory error
 */
unsigned long arena_pool_poisoned(void)
{
	return atomic_long_read(&poisoned);
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

	cancel_delayed_work_sync(&quarantine_work);
	list_for_each_entry_safe(folio, next, &quarantine_list, lru) {
		list_del(&folio->lru);
		folio_put(folio);
		cond_resched();
	}
}
