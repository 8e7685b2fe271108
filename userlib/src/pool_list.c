// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The queue of waiters and the idle arenas of a pool. pool.c describes the owners of arenas,
 * the locks, and why waiters are served in order.
 */
#include "pool_private.h"

/* --- the queue ----------------------------------------------------------- */

uint64_t arena_pool_hits(const struct arena_pool *pool)
{
	uint64_t hits = pool->stats.hits_own;
	const struct slot *slot;

	for (slot = pool->slots; slot; slot = slot->next)
		hits += __atomic_load_n(&slot->hits, __ATOMIC_RELAXED);
	return hits;
}

void arena_pool_queue_locked(struct arena_pool *pool, struct waiter *waiter)
{
	*pool->last = waiter;
	pool->last = &waiter->next;
	pool->stats.waits++;
	__atomic_fetch_add(&pool->attention, ONE_WAITS, __ATOMIC_SEQ_CST);
	/* A get that came before this has not overtaken the waiter. */
	waiter->hits = arena_pool_hits(pool);
}

/* Remove a waiter from the queue. */
void arena_pool_unqueue_locked(struct arena_pool *pool, struct waiter **at)
{
	struct waiter *waiter = *at;

	*at = waiter->next;
	if (!waiter->next)
		pool->last = at;
	__atomic_fetch_sub(&pool->attention, ONE_WAITS, __ATOMIC_SEQ_CST);
}

/*
 * Serve the first waiter: give it an arena; or, if @a is NULL, permission to make one,
 * which is counted in pool->total already.
 */
static void serve_locked(struct arena_pool *pool, struct arena_private *a)
{
	struct waiter *waiter = pool->first;
	uint64_t overtaken = arena_pool_hits(pool) - waiter->hits;

	if (overtaken > pool->stats.overtaken)
		pool->stats.overtaken = overtaken;
	arena_pool_unqueue_locked(pool, &pool->first);
	waiter->a = a;
	waiter->is_served = true;
	pthread_cond_signal(&waiter->changed);
}

bool arena_pool_count_new_locked(struct arena_pool *pool)
{
	if (pool->max_total && pool->total >= pool->max_total)
		return false;
	pool->total++;
	return true;
}

void arena_pool_uncount_locked(struct arena_pool *pool)
{
	pool->total--;
	if (pool->first && arena_pool_count_new_locked(pool))
		serve_locked(pool, NULL);
}

/* --- idle arenas --------------------------------------------------------- */

/* Insert in order. An arena is the newest unless it was in a slot or was aged. */
static void insert_locked(struct arena_pool *pool, struct arena_private *a)
{
	struct arena_private *newer = NULL, *older = pool->newest;

	while (older && older->pooled.put_at > a->pooled.put_at) {
		newer = older;
		older = older->pooled.older;
	}
	a->pooled.newer = newer;
	a->pooled.older = older;
	*(newer ? &newer->pooled.older : &pool->newest) = a;
	*(older ? &older->pooled.newer : &pool->oldest) = a;
	pool->nr_idle++;
}

void arena_pool_remove_locked(struct arena_pool *pool, struct arena_private *a)
{
	struct arena_private *newer = a->pooled.newer, *older = a->pooled.older;

	*(newer ? &newer->pooled.older : &pool->newest) = older;
	*(older ? &older->pooled.newer : &pool->oldest) = newer;
	pool->nr_idle--;
}

void arena_pool_give_locked(struct arena_pool *pool, struct arena_private *a)
{
	if (pool->first) {
		serve_locked(pool, a);
		return;
	}
	insert_locked(pool, a);
	if (pool->attention & ASLEEP)
		arena_pool_wake_locked(pool);
}

struct arena_private *arena_pool_take_out(struct slot *slot)
{
	/* Read first: an exchange would take the cache line even if the slot is empty. */
	if (!__atomic_load_n(&slot->idle, __ATOMIC_SEQ_CST))
		return NULL;
	return __atomic_exchange_n(&slot->idle, NULL, __ATOMIC_SEQ_CST);
}

void arena_pool_empty_slots_locked(struct arena_pool *pool, int64_t until)
{
	struct arena_private *a;
	struct slot *slot;

	for (slot = pool->slots; slot; slot = slot->next) {
		if (__atomic_load_n(&slot->put_at, __ATOMIC_RELAXED) > until)
			continue;
		a = arena_pool_take_out(slot);
		if (a)
			arena_pool_give_locked(pool, a);
	}
}

/*
 * Take the newest arena of the list, or else one from any thread's slot. Existing arenas
 * are used before a new one is made.
 */
struct arena_private *arena_pool_take_idle_locked(struct arena_pool *pool)
{
	struct arena_private *a = pool->newest;
	struct slot *slot;

	if (a) {
		arena_pool_remove_locked(pool, a);
		return a;
	}
	for (slot = pool->slots; slot && !a; slot = slot->next)
		a = arena_pool_take_out(slot);
	return a;
}

bool arena_pool_lacks_idle_locked(const struct arena_pool *pool)
{
	return pool->nr_idle + pool->nr_aged < pool->min_idle && !pool->first &&
	       (!pool->max_total || pool->total < pool->max_total);
}
