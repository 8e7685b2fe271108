// SPDX-License-Identifier: GPL-2.0-only
/*
 * The blocks of an arena on their way: from where there are any to its slots, and
 * back. Each is charged to the arena's account before it is taken, for its node before
 * it is taken from there, and uncharged when its last reference is gone. A block that goes to
 * the arena's cache stays charged.
 *
 * Nothing here needs a lock: a block on its way is on the caller's list, and in no
 * slot. The caller has begun an operation (inflight.c), so that a touch that is refused
 * because of its charges can wait for it.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>

#include "account.h"
#include "blocks.h"
#include "cache.h"
#include "idle.h"
#include "policy.h"
#include "pool.h"
#include "region.h"

/* The cache, if the arena wants its blocks back as they were; else NULL. */
static struct arena_cache *cache_of(struct arena *arena)
{
	if (!(READ_ONCE(arena->flags) & ARENA_F_KEEP_DIRTY))
		return NULL;
	/* With what arena_cache_create() wrote. */
	return smp_load_acquire(&arena->cache);
}

/* Blocks that just came are the arena's, and each for one of its slots from @first on. */
static void own_blocks(struct arena *arena, unsigned long first, struct list_head *blocks)
{
	struct folio *folio;

	list_for_each_entry(folio, blocks, lru) {
		arena_account_attach(folio, arena->account);
		folio->index = first++ << ARENA_BLOCK_ORDER;
	}
}

/* Whether an arena would be within its limit without blocks that it keeps. */
static bool fits_without(struct arena *arena, unsigned long kept, unsigned long nr)
{
	unsigned long charged = arena_account_charged(arena->account);

	return charged - min(charged, kept) + nr <= arena_account_limit(arena->account);
}

/*
 * Charge blocks. If that is refused, the arena gives up blocks that it keeps, one by one. Others
 * may take these at the same time: a charge is refused for good only if none was kept before.
 */
static int charge_blocks(struct arena *arena, unsigned long nr)
{
	/* With what arena_cache_create() wrote. */
	struct arena_cache *cache = smp_load_acquire(&arena->cache);
	unsigned long kept;
	int err;

	do {
		kept = cache ? arena_cache_size(cache) : 0;
		/* A block is uncharged before it is no longer kept: see evict_locked(). */
		smp_rmb();
		err = arena_account_charge(arena->account, nr);
		if (!err || !kept || !fits_without(arena, kept, nr))
			return err;
		arena_cache_evict(cache);
	} while (true);
}

/**
 * struct order - what a commit has yet to get
 * @arena: the arena
 * @placement: where it is to be
 * @blocks: the blocks got so far
 * @missing: how many more are wanted
 * @credit: how many are charged and not got. Those from the arena's cache need no credit:
 *	they have stayed charged.
 * @again: whether the page allocator has been asked and had none
 * @err: why no more can be charged, or 0
 */
struct order {
	struct arena *arena;
	const struct arena_placement *placement;
	struct list_head *blocks;
	unsigned long missing;
	unsigned long credit;
	bool again;
	int err;
};

/* How many of the missing blocks are charged, or can be. */
static unsigned long get_credit(struct order *order)
{
	order->err = 0;
	if (order->credit < order->missing) {
		order->err = charge_blocks(order->arena, order->missing - order->credit);
		if (!order->err)
			order->credit = order->missing;
	}
	return min(order->credit, order->missing);
}

static void use_credit(struct order *order, unsigned long nr)
{
	order->credit -= nr;
	order->missing -= nr;
}

/* Blocks of a node, nearest tier first, with hardly any reclaim; how many. */
static unsigned long take_from_node(struct order *order, int nid)
{
	struct arena *arena = order->arena;
	struct arena_counts *counts = &arena->counts;
	struct arena_cache *cache = cache_of(arena);
	unsigned long cached = 0, taken, zeroed = 0, wanted;
	struct folio *folio;

	if (cache) {
		cached = arena_cache_take(cache, nid, order->missing, order->blocks);
		atomic_long_add(cached, &counts->from_cache);
		order->missing -= cached;
		if (!order->missing)
			return cached;
	}
	wanted = arena_account_charge_node(arena->account, nid, get_credit(order));
	taken = arena_pool_take(nid, wanted, order->blocks, &zeroed, order->again);
	atomic_long_add(taken, &counts->from_pool);
	while (taken < wanted && !order->again && !fatal_signal_pending(current)) {
		folio = arena_pool_alloc(nid, NULL);
		if (!folio)
			break;
		list_add_tail(&folio->lru, order->blocks);
		atomic_long_inc(&counts->from_system);
		zeroed++;
		taken++;
		cond_resched();
	}
	arena_account_uncharge_node(arena->account, nid, wanted - taken);
	atomic_long_add(zeroed, &counts->zeroed);
	use_credit(order, taken);
	return cached + taken;
}

/* The same of all nodes of a mask, the nearest first. */
static unsigned long take_from_nodes(struct order *order, nodemask_t nodes)
{
	unsigned long taken = 0;
	int nid;

	while (order->missing &&
	       (nid = arena_policy_next_node(order->placement->near, &nodes)) != NUMA_NO_NODE)
		taken += take_from_node(order, nid);
	return taken;
}

/* Charge a block of each node; a node of which the cgroup may have no more leaves the mask. */
static void charge_each(struct arena *arena, nodemask_t *nodes)
{
	nodemask_t all = *nodes;
	int nid;

	for_each_node_mask(nid, all) {
		if (!arena_account_charge_node(arena->account, nid, 1))
			node_clear(nid, *nodes);
	}
}

/* Undo that, except for the node of @folio, which may be NULL. */
static void uncharge_each(struct arena *arena, const nodemask_t *nodes,
			  const struct folio *folio)
{
	int nid;

	for_each_node_mask(nid, *nodes) {
		if (!folio || folio_nid(folio) != nid)
			arena_account_uncharge_node(arena->account, nid, 1);
	}
}

/* A block of any of the nodes, with reclaim; false if there is none. */
static bool take_from_system(struct order *order, nodemask_t *nodes)
{
	struct arena *arena = order->arena;
	struct folio *folio = NULL;

	if (!get_credit(order))
		return false;
	/* Its node is not known in advance. */
	charge_each(arena, nodes);
	if (!nodes_empty(*nodes))
		folio = arena_pool_alloc(order->placement->near, nodes);
	uncharge_each(arena, nodes, folio);
	if (!folio)
		return false;
	list_add_tail(&folio->lru, order->blocks);
	if (!node_isset(folio_nid(folio), order->placement->nodes))
		atomic_long_inc(&arena->counts.fallbacks);
	atomic_long_inc(&arena->counts.from_system);
	atomic_long_inc(&arena->counts.zeroed);
	use_credit(order, 1);
	return true;
}

/* Wait for blocks of nodes of which the cgroup may have more; false if there is no point. */
static bool wait_for_blocks(struct arena *arena, nodemask_t *nodes, unsigned long *until)
{
	charge_each(arena, nodes);
	uncharge_each(arena, nodes, NULL);
	return arena_pool_wait(nodes, until);
}

/*
 * Whether the nodes could have that many blocks if everything that can be reclaimed were. If
 * not, reclaim would evict the caches of others for a commit that fails nevertheless.
 */
static bool is_reclaim_promising(const nodemask_t *nodes, unsigned long nr)
{
	unsigned long sum = 0;
	int nid;

	/* Their blocks can be taken, too, and counting these takes long. */
	if (arena_idle_any())
		return true;
	for_each_node_mask(nid, *nodes)
		sum += arena_pool_obtainable(nid);
	return nr <= sum;
}

/*
 * Blocks for a run of slots with one placement: from the nodes that the policy
 * asks for, then from others that will do; with reclaim, once, if none has any; and
 * then those that are currently being zeroed for the pools.
 */
static int fill_order(struct order *order)
{
	struct arena *arena = order->arena;
	unsigned long until = 0, others;
	nodemask_t nodes;

	nodes_or(nodes, order->placement->nodes, order->placement->others);
	do {
		take_from_nodes(order, order->placement->nodes);
		others = take_from_nodes(order, order->placement->others);
		atomic_long_add(others, &arena->counts.fallbacks);
		if (order->missing && !order->again &&
		    !is_reclaim_promising(&nodes, order->missing))
			break;
		while (order->missing && !order->again) {
			if (fatal_signal_pending(current))
				return -EINTR;
			if (!take_from_system(order, &nodes))
				break;
			cond_resched();
		}
		if (order->missing && fatal_signal_pending(current))
			return -EINTR;
		order->again = true;
	} while (order->missing && !order->err && wait_for_blocks(arena, &nodes, &until));
	return order->missing ? order->err ?: -ENOMEM : 0;
}

/* A run of adjacent blocks of a node. */
static int take_run_from_node(struct arena *arena, int nid, unsigned long nr,
			      struct list_head *blocks, unsigned long *zeroed)
{
	unsigned long charged = arena_account_charge_node(arena->account, nid, nr);
	int err = -ENOMEM;

	if (charged == nr)
		err = arena_pool_take_run(nid, nr, blocks, zeroed);
	if (err)
		arena_account_uncharge_node(arena->account, nid, charged);
	return err;
}

/* The same of the nodes of a mask, the nearest first. */
static int take_run_from_nodes(struct arena *arena, int near, nodemask_t nodes,
			       unsigned long nr, struct list_head *blocks,
			       unsigned long *zeroed)
{
	int nid, err = -ENOMEM;

	while (err == -ENOMEM &&
	       (nid = arena_policy_next_node(near, &nodes)) != NUMA_NO_NODE)
		err = take_run_from_node(arena, nid, nr, blocks, zeroed);
	return err;
}

/**
 * arena_blocks_alloc - blocks for a run of slots, from wherever they are to come
 * @arena: the arena
 * @policy: where they are to be
 * @first: the first slot, in blocks from the start of the file
 * @nr: how many, all with one placement
 * @blocks: an empty list; what there is of them is there on error, too. Each says by
 *	folio->index for which slot it is.
 *
 * Context: process context of who wants them, during an operation (inflight.c); may sleep.
 * Return: 0, or
 * * -ENOMEM if there are not so many, or the user may not lock as much
 * * -EDQUOT if the arena would have more than its limit
 * * -EINTR if the process is being killed
 */
int arena_blocks_alloc(struct arena *arena, const struct arena_policy *policy,
		       unsigned long first, unsigned long nr, struct list_head *blocks)
{
	struct arena_cache *cache = cache_of(arena);
	struct arena_placement placement;
	struct order order = {
		.arena = arena, .placement = &placement, .blocks = blocks, .missing = nr,
	};
	int err;

	order.credit = nr - (cache ? min(nr, arena_cache_size(cache)) : 0);
	err = charge_blocks(arena, order.credit);
	if (err)
		return err;
	arena_policy_place(policy, first, &placement);
	err = fill_order(&order);
	own_blocks(arena, first, blocks);
	arena_account_uncharge(arena->account, order.credit);
	return err;
}

/**
 * arena_blocks_alloc_extent - a run of adjacent blocks of one node
 * @arena: the arena
 * @policy: where they are to be
 * @first: the first slot, in blocks from the start of the file
 * @nr: how many
 * @blocks: an empty list, and still so on error; else they are in order, and each
 *	says by folio->index for which slot it is
 *
 * Context: process context of who wants them, during an operation (inflight.c); may sleep.
 * Return: 0, or as arena_blocks_alloc() does
 */
int arena_blocks_alloc_extent(struct arena *arena, const struct arena_policy *policy,
			      unsigned long first, unsigned long nr,
			      struct list_head *blocks)
{
	struct arena_placement placement;
	unsigned long zeroed = 0;
	bool is_fallback = false;
	int err;

	err = charge_blocks(arena, nr);
	if (err)
		return err;
	arena_policy_place(policy, first, &placement);
	err = take_run_from_nodes(arena, placement.near, placement.nodes, nr, blocks,
				  &zeroed);
	if (err == -ENOMEM) {
		is_fallback = true;
		err = take_run_from_nodes(arena, placement.near, placement.others, nr,
					  blocks, &zeroed);
	}
	atomic_long_add(zeroed, &arena->counts.zeroed);
	own_blocks(arena, first, blocks);
	if (err) {
		arena_account_uncharge(arena->account, nr);
		return err;
	}
	atomic_long_add(nr, &arena->counts.from_pool);
	atomic_long_add(is_fallback ? nr : 0, &arena->counts.fallbacks);
	return 0;
}

enum destination { TO_ARENA, TO_SYSTEM };

/* As many blocks as are dealt with before others may have the CPU. */
#define MAX_RUN		1024

/* The first blocks of a list, as far as they are on one node; which. */
static int cut_node(struct list_head *blocks, struct list_head *on_node)
{
	int nid = folio_nid(list_first_entry(blocks, struct folio, lru));
	struct list_head *end;
	unsigned int nr = 0;

	list_for_each(end, blocks) {
		if (nr++ == MAX_RUN || folio_nid(list_entry(end, struct folio, lru)) != nid)
			break;
	}
	list_cut_before(on_node, blocks, end);
	return nid;
}

/* Claimed blocks of a node to the arena's cache, as far as they can be kept; how many were. */
static unsigned long keep_blocks(struct arena *arena, struct arena_cache *cache,
				 struct list_head *blocks)
{
	struct folio *folio, *next;
	unsigned long kept = 0;

	list_for_each_entry_safe(folio, next, blocks, lru) {
		list_del(&folio->lru);
		if (arena_cache_put(cache, folio, arena->account))
			kept++;
		else
			arena_pool_put_claimed(folio);
		cond_resched();
	}
	return kept;
}

static void free_blocks(struct list_head *blocks)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, blocks, lru) {
		list_del(&folio->lru);
		arena_pool_free_claimed(folio);
		cond_resched();
	}
}

/* What somebody else holds goes when that ends, by another way. */
static unsigned long give_blocks(struct arena *arena, struct list_head *blocks,
				 enum destination destination)
{
	struct arena_cache *cache = destination == TO_ARENA ? cache_of(arena) : NULL;
	unsigned long given = 0, all_kept = 0, nr, kept;
	LIST_HEAD(on_node);
	int nid;

	while (!list_empty(blocks)) {
		nid = cut_node(blocks, &on_node);
		nr = arena_pool_claim(nid, &on_node);
		kept = 0;
		if (cache) {
			kept = keep_blocks(arena, cache, &on_node);
		} else if (destination == TO_SYSTEM) {
			free_blocks(&on_node);
		} else {
			arena_cache_make_room(nid, nr);
			arena_pool_put_all(nid, &on_node, nr);
		}
		arena_account_uncharge_node(arena->account, nid, nr - kept);
		given += nr;
		all_kept += kept;
		cond_resched();
	}
	arena_account_uncharge(arena->account, given - all_kept);
	return given;
}

/**
 * arena_blocks_put - give blocks back: to the arena's cache if it has one, else to
 *	the pools
 * @arena: the arena that had them
 * @blocks: the blocks, in no slot and mapped nowhere; empty afterwards
 *
 * Context: process context; may sleep.
 */
void arena_blocks_put(struct arena *arena, struct list_head *blocks)
{
	give_blocks(arena, blocks, TO_ARENA);
}

/**
 * arena_blocks_free - give blocks back to the page allocator
 * @arena: the arena that had them
 * @blocks: the blocks, in no slot and mapped nowhere; empty afterwards
 *
 * Context: reclaim.
 * Return: how many went. What somebody else holds goes when that ends.
 */
unsigned long arena_blocks_free(struct arena *arena, struct list_head *blocks)
{
	return give_blocks(arena, blocks, TO_SYSTEM);
}
