// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block transfers: move blocks from caches, pools and the page allocator to an
 * arena, and back.
 *
 * A block is charged to the arena's account before it is taken, and to the
 * committing thread's cgroup before it is taken from a node. It is uncharged
 * when its last reference is gone. A block that moves to the arena's cache
 * stays charged.
 *
 * No lock is needed here: a block in transfer is in no slot, and on a list that
 * belongs to the caller. A commit or release begins an operation (inflight.c)
 * before it calls this file. If a fault is refused because of the operation's
 * charges, it can wait until the operation has ended.
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

/* Return the arena's cache, or NULL if ARENA_F_KEEP_DIRTY is not set. */
static struct arena_cache *cache_of(struct arena *arena)
{
	if (!(READ_ONCE(arena->flags) & ARENA_F_KEEP_DIRTY))
		return NULL;
	/* Pairs with smp_store_release() in arena_region_set_flags(). */
	return smp_load_acquire(&arena->cache);
}

/* Attach new blocks to the arena's account and assign slots from @first on. */
static void own_blocks(struct arena *arena, unsigned long first, struct list_head *blocks)
{
	struct folio *folio;

	list_for_each_entry(folio, blocks, lru) {
		arena_account_attach(folio, arena->account);
		folio->index = first++ << ARENA_BLOCK_ORDER;
	}
}

/* Whether @nr more blocks would fit the limit without the @kept cached ones. */
static bool fits_without(struct arena *arena, unsigned long kept, unsigned long nr)
{
	unsigned long charged = arena_account_charged(arena->account);

	return charged - min(charged, kept) + nr <= arena_account_limit(arena->account);
}

/*
 * Charge blocks. If the charge is refused, evict blocks from the arena's cache,
 * one by one, and try again. Other threads may empty the cache concurrently, so
 * a refusal is final only if the cache was empty before the charge was tried,
 * or if emptying it could not help.
 */
static int charge_blocks(struct arena *arena, unsigned long nr)
{
	/* Pairs with smp_store_release() in arena_region_set_flags(). */
	struct arena_cache *cache = smp_load_acquire(&arena->cache);
	unsigned long kept;
	int err;

	do {
		kept = cache ? arena_cache_size(cache) : 0;
		/* evict_locked() uncharges a block, then lowers the size. */
		smp_rmb();
		err = arena_account_charge(arena->account, nr);
		if (!err || !kept || !fits_without(arena, kept, nr))
			return err;
		arena_cache_evict(cache);
	} while (true);
}

/**
 * struct order - progress of an allocation of blocks
 * @arena: the arena
 * @placement: nodes to allocate from
 * @blocks: blocks allocated so far
 * @missing: number of blocks still wanted
 * @credit: number of blocks that are charged and not yet allocated. A block
 *	from the arena's cache uses no credit, since it has stayed charged.
 * @again: the page allocator has been tried, and is not tried again
 * @err: error of the last charge that was refused, or 0
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

/* Charge all missing blocks if possible. Returns how many are charged. */
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

/*
 * Take blocks of a node, with hardly any reclaim: from the arena's cache, then
 * the pool, then the page allocator. Returns the number of blocks taken.
 */
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

/* Take blocks of the nodes of a mask, nearest node first. */
static unsigned long take_from_nodes(struct order *order, nodemask_t nodes)
{
	unsigned long taken = 0;
	int nid;

	while (order->missing &&
	       (nid = arena_policy_next_node(order->placement->near, &nodes)) != NUMA_NO_NODE)
		taken += take_from_node(order, nid);
	return taken;
}

/*
 * Charge the cgroup for one block of each node. Removes a node from the mask if
 * the cgroup may have no more of it.
 */
static void charge_each(struct arena *arena, nodemask_t *nodes)
{
	nodemask_t all = *nodes;
	int nid;

	for_each_node_mask(nid, all) {
		if (!arena_account_charge_node(arena->account, nid, 1))
			node_clear(nid, *nodes);
	}
}

/* Undo charge_each(), except for the node of @folio, which may be NULL. */
static void uncharge_each(struct arena *arena, const nodemask_t *nodes,
			  const struct folio *folio)
{
	int nid;

	for_each_node_mask(nid, *nodes) {
		if (!folio || folio_nid(folio) != nid)
			arena_account_uncharge_node(arena->account, nid, 1);
	}
}

/* Take a block of any of the nodes, with reclaim, or return false. */
static bool take_from_system(struct order *order, nodemask_t *nodes)
{
	struct arena *arena = order->arena;
	struct folio *folio = NULL;

	if (!get_credit(order))
		return false;
	/* Charge every node: the block's node is not known in advance. */
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

/*
 * Wait until a node may have blocks again. Ignores nodes of which the cgroup
 * may have no more. Returns false if another try is pointless.
 */
static bool wait_for_blocks(struct arena *arena, nodemask_t *nodes, unsigned long *until)
{
	charge_each(arena, nodes);
	uncharge_each(arena, nodes, NULL);
	return arena_pool_wait(nodes, until);
}

/*
 * Whether the nodes could provide @nr blocks if all reclaimable memory were
 * reclaimed. If not, reclaim would take memory from other processes for a
 * commit that fails anyway.
 */
static bool is_reclaim_promising(const nodemask_t *nodes, unsigned long nr)
{
	unsigned long sum = 0;
	int nid;

	/* Blocks of idle arenas can be reclaimed; counting them takes long. */
	if (arena_idle_any())
		return true;
	for_each_node_mask(nid, *nodes)
		sum += arena_pool_obtainable(nid);
	return nr <= sum;
}

/*
 * Allocate blocks for slots with one placement: first from the nodes that the
 * policy asks for, then from the other nodes that it allows. If blocks are
 * still missing, try once with reclaim. After that, wait for blocks that are
 * currently being zeroed for the pools.
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

/* Take a run of adjacent blocks of a node. */
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

/* Take a run of adjacent blocks of one node of a mask, nearest node first. */
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
 * arena_blocks_alloc - allocate blocks for consecutive slots
 * @arena: the arena
 * @policy: NUMA policy for the blocks
 * @first: index of the first slot
 * @nr: number of slots, all with one placement
 * @blocks: empty list, set to the blocks in the order of their slots.
 *	folio->index is the page offset of a block's slot in the file. On error
 *	the list has the blocks that could be allocated.
 *
 * Context: process context of the committing thread, during an operation
 * (inflight.c); may sleep.
 * Return: 0, or
 * * -ENOMEM if there are not enough blocks, or RLIMIT_MEMLOCK would be exceeded
 * * -EDQUOT if the arena's limit would be exceeded
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
 * arena_blocks_alloc_extent - allocate physically adjacent blocks of one node
 * @arena: the arena
 * @policy: NUMA policy for the blocks
 * @first: index of the first slot
 * @nr: number of slots
 * @blocks: empty list, set to the blocks in the order of their addresses and
 *	slots. folio->index is the page offset of a block's slot in the file.
 *	Stays empty on error.
 *
 * Context: process context of the committing thread, during an operation
 * (inflight.c); may sleep.
 * Return: 0, or an error; see arena_blocks_alloc()
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

/* Blocks processed between cond_resched() calls. */
#define MAX_RUN		1024

/*
 * Move the leading blocks of a list that are on one node to @on_node, at most
 * MAX_RUN. Returns the node.
 */
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

/*
 * Move claimed blocks to the arena's cache, or to the pool if the cache takes
 * no more. Returns the number of blocks moved to the cache.
 */
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

/*
 * Give blocks back. Returns how many. A pinned block is not counted; it is in
 * quarantine until its last pin is gone, and is uncharged then.
 */
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
 * arena_blocks_put - give blocks to the arena's cache or the pools
 * @arena: the arena that had the blocks
 * @blocks: list of blocks that are in no slot and not mapped; empty afterwards
 *
 * The blocks move to the arena's cache if ARENA_F_KEEP_DIRTY is set, and to the
 * pools of their nodes otherwise, or if the cache takes no more.
 *
 * Context: process context; may sleep.
 */
void arena_blocks_put(struct arena *arena, struct list_head *blocks)
{
	give_blocks(arena, blocks, TO_ARENA);
}

/**
 * arena_blocks_free - give blocks to the page allocator
 * @arena: the arena that had the blocks
 * @blocks: list of blocks that are in no slot and not mapped; empty afterwards
 *
 * A pinned block is quarantined, and goes back when its last pin is gone.
 *
 * Context: reclaim.
 * Return: number of blocks given to the page allocator
 */
unsigned long arena_blocks_free(struct arena *arena, struct list_head *blocks)
{
	return give_blocks(arena, blocks, TO_SYSTEM);
}
