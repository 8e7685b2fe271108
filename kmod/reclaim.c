// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reclaim: what arenas and pools keep goes back when the system needs memory.
 *
 * Two shrinkers, both per node. The one for what is spare takes idle arenas first,
 * then arenas' caches, then what a pool has above its low watermark, as readily as
 * any other cache is taken. The one for the reserve, up to the low watermark, is as slow to
 * give a block as if its 512 pages were built again one by one: mere page cache
 * must not eat up what an administrator wants to be ready. Before anybody is
 * killed for memory, all of the reserve becomes spare. And a node's pool goes
 * when memory of the node is taken offline.
 *
 * After each of these the node is not refilled for a while.
 *
 * It owns the shrinkers and notifiers. What shrinkers call takes spinlocks only, but
 * for idle arenas (idle.c).
 * trim_mutex protects is_up; helped_until is the OOM notifier's, which runs under
 * the kernel's oom_lock.
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

/* No longer than a pool that was given up waits for its refill. */
#define HELP_PERIOD	(30 * HZ)

/* So many calls in a row that took nothing end the draining of idle arenas. */
#define MAX_IN_VAIN	16

static struct shrinker *spare_shrinker, *reserve_shrinker;

/* Module parameters can be written before init has begun, and during exit. */
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
 * Take all idle blocks of a node. Programs may concurrently commit and mark others, so it takes
 * no more than the node has memory. Some calls may find arenas with nothing but pinned blocks.
 */
static unsigned long drain_idle(int nid)
{
	unsigned long most = node_present_pages(nid) >> ARENA_BLOCK_ORDER, done = 0, nr;
	int in_vain = 0;

	while (done < most && in_vain < MAX_IN_VAIN) {
		/* This also says which arenas are looked at next. */
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

/* What a shrinker did, in its own terms. */
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
	/* What is next is not to go before that: then whoever is at it has helped. */
	if (!arena_idle_shrink(sc->nid, nr, &done))
		return SHRINK_STOP;
	/* It may have been more. */
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
 * Blocks freed from here end on the page allocator's lists of this CPU, where
 * who asks for single pages does not look; they are drained from there for who
 * reclaimed something himself. So let the shrinkers have what is left, for the
 * reclaim that comes next. By hand only what they did not get at.
 *
 * Who is told that there is memory does not kill, and tries again. That must end:
 * what this finds may be of no use to a request that is bound to other nodes by
 * its VMA, and running arenas put more every time. So it helps once by each way,
 * and not again for half a minute.
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
 * Blocks can't be moved, so that a piece of memory with one in it can't go
 * offline: the kernel refuses that before it asks anybody. But who takes memory
 * of a node away goes through all of it, and finds the rest free of blocks.
 */
static int notify_of_memory(struct notifier_block *self, unsigned long action,
			    void *data)
{
	const struct memory_notify *notify = data;

	/* At other times the pages of this memory need not have a node yet. */
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
 * arena_reclaim_trim - free the cached blocks that the watermarks do not allow
 *
 * Called after the watermarks have changed. Workers free the excess blocks of pools.
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
 * arena_reclaim_init - begin to give back
 *
 * Return: 0, or -ENOMEM
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
	/* Whose memory came since the pools were made. */
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
 * arena_reclaim_exit - no more; waits for who is at it
 */
void arena_reclaim_exit(void)
{
	set_up(false);
	unregister_memory_notifier(&memory_notifier);
	unregister_oom_notifier(&oom_notifier);
	shrinker_free(reserve_shrinker);
	shrinker_free(spare_shrinker);
}
