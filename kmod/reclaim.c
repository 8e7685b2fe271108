// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reclaim: free the blocks of idle arenas, caches and pools when the system needs memory.
 *
 * There are two NUMA-aware shrinkers. The spare shrinker frees blocks of idle arenas, then
 * those of arena caches, then those that a pool has above its low watermark. Reclaim asks it
 * as readily as the shrinker of any other cache. The reserve shrinker frees the blocks up to
 * the low watermark. Its cost per block is that of recreating 512 pages one by one, so that
 * page cache does not displace the blocks that an administrator wants to be ready. Before the
 * OOM killer runs, the whole reserve becomes spare. When memory of a node is taken offline,
 * the node's idle arenas, caches and pool are emptied.
 *
 * Each of these events defers refills of the node.
 *
 * This file owns the shrinkers and notifiers. The functions that shrinkers call take only
 * spinlocks, except those for idle arenas (idle.c). trim_mutex protects is_up. helped_until
 * belongs to the OOM notifier, which the kernel calls with oom_lock held.
 */
#include <linux/cpuset.h>
#include <linux/jiffies.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/shrinker.h>

#include "cache.h"
#include "compat.h"
#include "idle.h"
#include "pool.h"
#include "reclaim.h"

/*
 * Minimum interval between two reports of progress after drain_node() in the OOM notifier. At
 * most the delay of refills after arena_pool_give_up().
 */
#define HELP_PERIOD	(30 * HZ)

/* Draining idle arenas ends after this number of consecutive calls that took no block. */
#define MAX_IN_VAIN	16

static struct shrinker *spare_shrinker, *reserve_shrinker;

/* Protects is_up: module parameters can be written before init and during exit. */
static DEFINE_MUTEX(trim_mutex);
static bool is_up;

static unsigned long to_pages(unsigned long nr_blocks)
{
	return nr_blocks << ARENA_BLOCK_ORDER;
}

static unsigned long shrink_spare(int nid, unsigned long nr)
{
	unsigned long done = arena_cache_shrink(nid, nr);

	return done + arena_pool_shrink(nid, nr - done, ARENA_POOL_SPARE);
}

/*
 * Free all blocks of idle arenas on a node. Processes may concurrently commit blocks and mark
 * arenas idle; therefore the number of blocks is bounded by the node's memory. The number of
 * fruitless calls is bounded too, since arenas may have only pinned blocks.
 */
static unsigned long drain_idle(int nid)
{
	unsigned long most = node_present_pages(nid) >> ARENA_BLOCK_ORDER, done = 0, nr;
	int in_vain = 0;

	while (done < most && in_vain < MAX_IN_VAIN) {
		/* Counting rotates the list of arenas, and so selects those to be compared next. */
		arena_idle_count(nid);
		if (!arena_idle_shrink(nid, most, &nr))
			break;
		done += nr;
		in_vain = nr ? 0 : in_vain + 1;
		cond_resched();
	}
	return done;
}

static unsigned long drain_node(int nid)
{
	unsigned long nr_idle;

	arena_pool_hold_off(nid, ARENA_POOL_SPARE);
	nr_idle = drain_idle(nid);
	return nr_idle + shrink_spare(nid, ULONG_MAX) +
	       arena_pool_shrink(nid, ULONG_MAX, ARENA_POOL_RESERVE);
}

/* Convert the number of blocks freed to the return value and statistics of a shrinker. */
static unsigned long report(struct shrink_control *sc, unsigned long nr_blocks)
{
	if (!nr_blocks)
		return SHRINK_STOP;
	mm_account_reclaimed_pages(to_pages(nr_blocks));
	sc->nr_scanned = to_pages(nr_blocks);
	return to_pages(nr_blocks);
}

static unsigned long wanted(const struct shrink_control *sc)
{
	return DIV_ROUND_UP(sc->nr_to_scan, ARENA_BLOCK_PAGES);
}

static unsigned long count_spare(struct shrinker *shrinker,
				 struct shrink_control *sc)
{
	return to_pages(arena_idle_count(sc->nid) + arena_cache_count(sc->nid) +
			arena_pool_count(sc->nid, ARENA_POOL_SPARE));
}

static unsigned long scan_spare(struct shrinker *shrinker,
				struct shrink_control *sc)
{
	unsigned long nr = wanted(sc), done;

	arena_pool_hold_off(sc->nid, ARENA_POOL_SPARE);
	/*
	 * If another task is shrinking idle arenas, do not go on to caches and pools: idle
	 * arenas go first, and that task makes progress.
	 */
	if (!arena_idle_shrink(sc->nid, nr, &done))
		return SHRINK_STOP;
	/* May be more than requested. */
	if (done < nr)
		done += shrink_spare(sc->nid, nr - done);
	return report(sc, done);
}

static unsigned long count_reserve(struct shrinker *shrinker,
				   struct shrink_control *sc)
{
	return to_pages(arena_pool_count(sc->nid, ARENA_POOL_RESERVE));
}

static unsigned long scan_reserve(struct shrinker *shrinker,
				  struct shrink_control *sc)
{
	arena_pool_hold_off(sc->nid, ARENA_POOL_RESERVE);
	return report(sc, arena_pool_shrink(sc->nid, wanted(sc), ARENA_POOL_RESERVE));
}

/*
 * Blocks freed by this notifier end on the page allocator's per-CPU lists, which requests
 * for single pages do not search. The page allocator drains these lists only for a task
 * whose direct reclaim has freed something. Therefore the notifier first turns the reserve
 * into spare blocks and leaves them to the shrinkers, i.e. to the reclaim that follows. It
 * frees blocks directly only if there is no reserve left.
 *
 * If the notifier reports progress, the kernel kills no process but retries the allocation.
 * That must end: the freed blocks may be useless to a request that its VMA's policy binds to
 * other nodes, and running arenas put more blocks every time. Therefore the notifier reports
 * progress once in each of the two ways, and not again for 30 seconds.
 */
static int oom_notify(struct notifier_block *self, unsigned long unused,
		      void *data)
{
	static unsigned long helped_until = INITIAL_JIFFIES;
	unsigned long *freed = data, nr = 0;
	nodemask_t nodes;
	int nid;

	nodes_and(nodes, node_states[N_NORMAL_MEMORY], cpuset_current_mems_allowed);
	for_each_node_mask(nid, nodes)
		nr += arena_pool_give_up(nid);
	if (!nr) {
		for_each_node_mask(nid, nodes)
			nr += drain_node(nid);
		if (time_before(jiffies, helped_until))
			nr = 0;
		else if (nr)
			helped_until = jiffies + HELP_PERIOD;
	}
	*freed += to_pages(nr);
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = {
	.notifier_call = oom_notify,
};

/*
 * Blocks are not movable, so that a section of memory that contains one cannot go offline: the
 * kernel refuses before it calls the notifiers. But an administrator who takes the memory of
 * a node offline tries all sections. The first section that contains no block gets here, and
 * the pool has been emptied when the following ones are tried.
 */
static int notify_of_memory(struct notifier_block *self, unsigned long action,
			    void *data)
{
	const struct memory_notify *notify = data;

	/* At other events, the pages of this memory may not have a node yet. */
	if (action == MEM_GOING_OFFLINE)
		drain_node(pfn_to_nid(notify->start_pfn));
	else if (action == MEM_ONLINE || action == MEM_OFFLINE)
		arena_pool_update_node(pfn_to_nid(notify->start_pfn));
	return NOTIFY_OK;
}

static struct notifier_block memory_notifier = {
	.notifier_call = notify_of_memory,
};

/**
 * arena_reclaim_trim - free the cached blocks that exceed the watermarks
 *
 * Called after the watermarks have changed. The workers free the excess blocks of the pools.
 *
 * Context: process context; may sleep. Does nothing before arena_reclaim_init()
 * and after arena_reclaim_exit().
 */
void arena_reclaim_trim(void)
{
	int nid;

	mutex_lock(&trim_mutex);
	if (is_up) {
		for_each_node(nid)
			arena_cache_shrink(nid, arena_pool_excess(nid));
	}
	mutex_unlock(&trim_mutex);
}

static void set_up(bool now)
{
	mutex_lock(&trim_mutex);
	is_up = now;
	mutex_unlock(&trim_mutex);
}

/**
 * arena_reclaim_init - register the shrinkers and notifiers
 *
 * Return: 0, or -ENOMEM, or the error of a notifier's registration
 */
int arena_reclaim_init(void)
{
	int nid, err = -ENOMEM;

	spare_shrinker = new_node_shrinker("arena-spare", count_spare, scan_spare,
					   DEFAULT_SEEKS, ARENA_BLOCK_PAGES);
	if (!spare_shrinker)
		return err;
	reserve_shrinker = new_node_shrinker("arena-reserve", count_reserve,
					     scan_reserve,
					     DEFAULT_SEEKS * ARENA_BLOCK_PAGES,
					     ARENA_BLOCK_PAGES);
	if (!reserve_shrinker)
		goto free_spare;
	err = register_oom_notifier(&oom_notifier);
	if (err)
		goto free_reserve;
	err = register_memory_notifier(&memory_notifier);
	if (err)
		goto unregister_oom;
	/* Nodes may have got memory since the pools were created. */
	for_each_node_state(nid, N_NORMAL_MEMORY)
		arena_pool_update_node(nid);
	set_up(true);
	return 0;

unregister_oom:
	unregister_oom_notifier(&oom_notifier);
free_reserve:
	shrinker_free(reserve_shrinker);
free_spare:
	shrinker_free(spare_shrinker);
	return err;
}

/**
 * arena_reclaim_exit - unregister the shrinkers and notifiers
 *
 * Waits until those that are running have returned.
 */
void arena_reclaim_exit(void)
{
	set_up(false);
	unregister_memory_notifier(&memory_notifier);
	unregister_oom_notifier(&oom_notifier);
	shrinker_free(reserve_shrinker);
	shrinker_free(spare_shrinker);
}
