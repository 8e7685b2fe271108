// SPDX-License-Identifier: GPL-2.0-only
/*
 * The blocks of an arena on their way: from where there are any to its slots, and
 * back. Each is charged to the arena's account before it is taken, for its node before
 * it is taken from there, and uncharged when nobody holds it any more.
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

/*
 * Blocks that just came are the arena's, and each for one of its slots from @first on;
 * what was charged for others is not.
 */
static void own_blocks(struct arena *arena, unsigned long first,
		       struct list_head *blocks, unsigned long charged)
{
	unsigned long index = first;
	struct folio *folio;

	list_for_each_entry(folio, blocks, lru) {
		arena_account_attach(folio, arena->account);
		folio->index = index++ << ARENA_BLOCK_ORDER;
	}
	arena_account_uncharge(arena->account, charged - (index - first));
}

/*
 * Up to @wanted blocks of a node, nearest tier first, with hardly any reclaim. The page
 * allocator is not asked @again: it had none.
 */
static unsigned long take_from_node(struct arena *arena, int nid, unsigned long wanted,
				    struct list_head *blocks, bool again)
{
	struct arena_counts *counts = &arena->counts;
	struct arena_cache *cache = cache_of(arena);
	unsigned long taken = 0, zeroed = 0, nr;
	struct folio *folio;

	wanted = arena_account_charge_node(arena->account, nid, wanted);
	if (cache) {
		taken = arena_cache_take(cache, nid, wanted, blocks);
		atomic_long_add(taken, &counts->from_cache);
	}
	if (taken < wanted) {
		nr = arena_pool_take(nid, wanted - taken, blocks, &zeroed, again);
		atomic_long_add(nr, &counts->from_pool);
		taken += nr;
	}
	while (taken < wanted && !again && !fatal_signal_pending(current)) {
		folio = arena_pool_alloc(nid, NULL);
		if (!folio)
			break;
		list_add_tail(&folio->lru, blocks);
		atomic_long_inc(&counts->from_system);
		zeroed++;
		taken++;
		cond_resched();
	}
	arena_account_uncharge_node(arena->account, nid, wanted - taken);
	atomic_long_add(zeroed, &counts->zeroed);
	return taken;
}

/* The same of all nodes of a mask, the nearest first. */
static unsigned long take_from_nodes(struct arena *arena, int near,
				     nodemask_t nodes, unsigned long wanted,
				     struct list_head *blocks, bool again)
{
	unsigned long taken = 0;
	int nid;

	while (taken < wanted &&
	       (nid = arena_policy_next_node(near, &nodes)) != NUMA_NO_NODE)
		taken += take_from_node(arena, nid, wanted - taken, blocks, again);
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

/* A block of any of the nodes, with reclaim, or NULL. Its node is not known in advance. */
static struct folio *alloc_charged(struct arena *arena, int near, nodemask_t *nodes)
{
	struct folio *folio = NULL;

	charge_each(arena, nodes);
	if (!nodes_empty(*nodes))
		folio = arena_pool_alloc(near, nodes);
	uncharge_each(arena, nodes, folio);
	return folio;
}

/* Wait for blocks of nodes of which the cgroup may have more; false if there is no point. */
static bool wait_for_blocks(struct arena *arena, nodemask_t *nodes, unsigned long *until)
{
	charge_each(arena, nodes);
	uncharge_each(arena, nodes, NULL);
	return arena_pool_wait(nodes, until);
}

/*
 * Blocks for a run of slots with one placement: from the nodes that the policy
 * asks for, then from others that will do; with reclaim, once, if none has any; and
 * then those that are currently being zeroed for the pools.
 */
static int take_run(struct arena *arena, const struct arena_placement *placement,
		    unsigned long nr, struct list_head *blocks)
{
	struct arena_counts *counts = &arena->counts;
	unsigned long taken = 0, until = 0, others;
	struct folio *folio;
	bool again = false;
	nodemask_t nodes;

	nodes_or(nodes, placement->nodes, placement->others);
	do {
		taken += take_from_nodes(arena, placement->near, placement->nodes,
					 nr - taken, blocks, again);
		others = take_from_nodes(arena, placement->near, placement->others,
					 nr - taken, blocks, again);
		atomic_long_add(others, &counts->fallbacks);
		taken += others;
		while (taken < nr) {
			if (fatal_signal_pending(current))
				return -EINTR;
			folio = again ? NULL : alloc_charged(arena, placement->near, &nodes);
			if (!folio)
				break;
			list_add_tail(&folio->lru, blocks);
			if (!node_isset(folio_nid(folio), placement->nodes))
				atomic_long_inc(&counts->fallbacks);
			atomic_long_inc(&counts->from_system);
			atomic_long_inc(&counts->zeroed);
			taken++;
			cond_resched();
		}
		again = true;
	} while (taken < nr && wait_for_blocks(arena, &nodes, &until));
	return taken < nr ? -ENOMEM : 0;
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
	struct arena_placement placement;
	int err;

	err = arena_account_charge(arena->account, nr);
	if (err)
		return err;
	arena_policy_place(policy, first, &placement);
	err = take_run(arena, &placement, nr, blocks);
	own_blocks(arena, first, blocks, nr);
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

	err = arena_account_charge(arena->account, nr);
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
	own_blocks(arena, first, blocks, nr);
	if (err)
		return err;
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

/* Claimed blocks, each by itself. */
static void give_each(struct list_head *blocks, struct arena_cache *cache)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, blocks, lru) {
		list_del(&folio->lru);
		if (cache)
			arena_cache_put(cache, folio);
		else
			arena_pool_free_claimed(folio);
		cond_resched();
	}
}

/* What somebody else holds goes when that ends, by another way. */
static unsigned long give_blocks(struct arena *arena, struct list_head *blocks,
				 enum destination destination)
{
	struct arena_cache *cache = destination == TO_ARENA ? cache_of(arena) : NULL;
	unsigned long given = 0, nr;
	LIST_HEAD(on_node);
	int nid;

	while (!list_empty(blocks)) {
		nid = cut_node(blocks, &on_node);
		nr = arena_pool_claim(nid, &on_node);
		arena_account_uncharge_node(arena->account, nid, nr);
		if (cache || destination == TO_SYSTEM)
			give_each(&on_node, cache);
		else
			arena_pool_put_all(nid, &on_node, nr);
		given += nr;
		cond_resched();
	}
	arena_account_uncharge(arena->account, given);
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
