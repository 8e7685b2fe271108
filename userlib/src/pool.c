// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Pools of arenas.
 *
 * At any time, an arena of a pool is in one place, which decides who may use the arena:
 *
 *	checked out	the thread that got it
 *	in a slot	the thread that takes it out, by an atomic exchange
 *	in the list	the thread that holds the pool's lock
 *	being aged	the thread that took it out of the list to age or to destroy it
 *
 * Each thread has a slot for each pool it uses, which holds one arena. The list has all
 * other idle arenas, in the order in which they were put.
 *
 * pool->total counts all of them. An arena is counted before it is made, so that the
 * limit holds although no lock is held while an arena is made. A pool exists until its
 * creator destroys it. A slot belongs to its thread, and outlives the pool if that is
 * destroyed first.
 *
 * Locks: pools_lock protects the list of pools, and keeps the pool of a slot from being
 * destroyed. pool->lock nests inside it, and protects everything in a pool except where
 * the fields say otherwise. fork() takes all these locks. A
 * child of fork() has neither the library's thread nor the waiting threads, so it can
 * only destroy a pool.
 *
 * Fairness: A thread that finds no arena and may not make one waits in a queue, with a
 * condition variable of its own. While the queue is not empty, no other thread takes an
 * arena from the list, makes one, or goes ahead of the queue; the lock ensures this. An
 * arena that is put is handed to the first waiter, also under the lock. So waiters are
 * served in the order in which they came. Slots, however, are used without the lock:
 *
 *	put:	P1 store to the slot		P2 read pool->attention
 *	wait:	W1 add to pool->attention	W2 search all slots
 *	get:	G1 read pool->attention		G2 take from the thread's own slot
 *
 * All of these are sequentially consistent. Either P1 is before W2, and the waiter finds
 * the arena unless another thread has taken it in between; or W1 is before P2, and the
 * thread that put the arena takes it back and hands it over. So no arena stays in a slot
 * while a thread waits. If a get takes an arena by G2 after W1, its G1 was before W1.
 * Since a thread is in one get at a time, each thread can do so once; its next get sees
 * the waiter. So a waiter is overtaken by at most one get of each other thread, however
 * long it waits.
 *
 * pool->attention also has a bit that is set while the library's thread sleeps until it
 * is woken, because no arena is idle. By the same argument, either that thread finds an
 * arena that is put, or the thread that puts it wakes it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "options.h"
#include "owner.h"
#include "pool_private.h"
#include "range.h"
#include "sys.h"

/* Sizes of the structures in their first version. */
#define OPTS_SIZE_1	(offsetof(struct arena_pool_opts, reserved) + sizeof(uint32_t))
#define STATS_SIZE_1	(offsetof(struct arena_pool_stats, failures) + sizeof(uint64_t))

#define DEFAULT_PERIOD		(10000 * MSEC)
/* Sums and small multiples of a period stay far from overflow. */
#define MOST_PERIOD		(INT64_MAX / 16)
#define DEFAULT_PERMILLE	75
#define PRESSURE_FILE		"/proc/pressure/memory"
/* arena_pool_put() reads the amount of free memory at most this often. */
#define LOOK_AT_PUT		(100 * MSEC)
#define CACHE_LINE		((size_t)64)

static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena_pool *pools;
static uint64_t last_id;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;

/* The calling thread's slots, and the slot of the pool that it used last. */
static __thread struct slot *own_slots;
static __thread struct {
	uint64_t id;
	struct slot *slot;
} used_last;

/* --- slots --------------------------------------------------------------- */

static struct slot *find_slot(const struct arena_pool *pool)
{
	struct slot *slot;

	if (used_last.id == pool->id)
		return used_last.slot;
	for (slot = own_slots; slot && slot->id != pool->id; slot = slot->next_of_thread)
		;
	if (slot) {
		used_last.id = pool->id;
		used_last.slot = slot;
	}
	return slot;
}

/* Detach a slot because its pool or its thread ends; pools_lock is held. */
static void detach_slot(struct slot *slot)
{
	struct arena_pool *pool = slot->pool;
	struct arena_private *a;

	pthread_mutex_lock(&pool->lock);
	a = arena_pool_take_out(slot);
	if (a)
		arena_pool_give_locked(pool, a);
	*slot->link = slot->next;
	if (slot->next)
		slot->next->link = slot->link;
	pool->stats.hits_own += __atomic_load_n(&slot->hits, __ATOMIC_RELAXED);
	slot->pool = NULL;
	pthread_mutex_unlock(&pool->lock);
}

/* Free the calling thread's slots: all, or only those of destroyed pools. */
static void free_slots(bool all)
{
	struct slot **at = &own_slots, *slot;

	pthread_mutex_lock(&pools_lock);
	while ((slot = *at)) {
		if (slot->pool && all)
			detach_slot(slot);
		if (slot->pool) {
			at = &slot->next_of_thread;
			continue;
		}
		*at = slot->next_of_thread;
		free(slot);
	}
	pthread_mutex_unlock(&pools_lock);
	used_last.id = 0;
}

/* If a later destructor puts an arena, a new slot is made, and this runs again. */
static void end_slots(void *unused)
{
	(void)unused;
	free_slots(true);
}

static void make_key(void)
{
	key_error = pthread_key_create(&key, end_slots);
}

/* Return NULL if there is no memory: the arena then goes to the list, for all threads. */
static struct slot *add_slot(struct arena_pool *pool)
{
	struct slot *slot;

	free_slots(false);
	pthread_once(&once, make_key);
	if (key_error || pthread_setspecific(key, &key))
		return NULL;
	slot = aligned_alloc(CACHE_LINE, (sizeof(*slot) + CACHE_LINE - 1) & -CACHE_LINE);
	if (!slot)
		return NULL;
	memset(slot, 0, sizeof(*slot));
	slot->id = pool->id;
	slot->pool = pool;
	slot->next_of_thread = own_slots;
	own_slots = slot;
	pthread_mutex_lock(&pool->lock);
	slot->next = pool->slots;
	slot->link = &pool->slots;
	if (slot->next)
		slot->next->link = &slot->next;
	pool->slots = slot;
	pthread_mutex_unlock(&pool->lock);
	return slot;
}

/* --- making arenas ------------------------------------------------------- */

static bool is_lack_of_memory(int err)
{
	return err == -ENOMEM || err == -EDQUOT || err == -EAGAIN;
}

/* Destroy all idle arenas of all pools; return whether there were any. */
static bool give_up_idle(void)
{
	struct arena_private *all = NULL, *a;
	int64_t now = coarse_now();
	struct arena_pool *pool;

	pthread_mutex_lock(&pools_lock);
	for (pool = pools; pool; pool = pool->next) {
		/* Waiters of a pool from the parent process do not exist in this one. */
		if (is_child(pool))
			continue;
		pthread_mutex_lock(&pool->lock);
		/* Do not refill the pool at once. */
		pool->refill_at = now + pool->period;
		while ((a = arena_pool_take_idle_locked(pool))) {
			a->pooled.older = all;
			all = a;
			pool->stats.given_up++;
			arena_pool_uncount_locked(pool);
		}
		pthread_mutex_unlock(&pool->lock);
	}
	pthread_mutex_unlock(&pools_lock);
	if (!all)
		return false;
	while ((a = all)) {
		all = a->pooled.older;
		destroy_arena(a);
	}
	return true;
}

/* Make an arena as asked; if there is not enough memory, try the fallbacks in turn. */
static int make_with_fallbacks(struct arena_pool *pool, struct arena_private **a)
{
	int how, err;

	for (how = ARENA_POOL_AS_REQUESTED; how <= ARENA_POOL_ANONYMOUS; how++) {
		err = arena_pool_make(pool, how, a);
		if (!is_lack_of_memory(err))
			return err;
	}
	return -ENOMEM;
}

/* Make an arena that is counted in pool->total; if need be, destroy idle ones for it. */
static int make_arena(struct arena_pool *pool, struct arena_private **a)
{
	int err = make_with_fallbacks(pool, a);

	if (err == -ENOMEM && give_up_idle())
		err = make_with_fallbacks(pool, a);
	pthread_mutex_lock(&pool->lock);
	if (err) {
		pool->stats.failures += err == -ENOMEM;
		arena_pool_uncount_locked(pool);
	} else {
		pool->stats.misses++;
		arena_pool_count_made_locked(pool, *a);
	}
	pthread_mutex_unlock(&pool->lock);
	return err;
}

/* --- get and put --------------------------------------------------------- */

static void init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attr);
	pthread_condattr_destroy(&attr);
}

/* Wait in the queue. Return 0 with an arena, or with NULL to make one; or -ETIMEDOUT. */
static int wait_locked(struct arena_pool *pool, int64_t deadline, struct arena_private **a)
{
	struct timespec until = {
		.tv_sec = deadline / (1000 * MSEC), .tv_nsec = deadline % (1000 * MSEC),
	};
	struct waiter waiter = { .next = NULL }, **at;
	int err = 0;

	init_condition(&waiter.changed);
	arena_pool_queue_locked(pool, &waiter);
	/* Find arenas that were put by threads that could not see the waiter yet. */
	arena_pool_empty_slots_locked(pool, INT64_MAX);
	/* Test is_served first: an arena may be handed over at the deadline. */
	while (!waiter.is_served && !err)
		err = deadline < 0 ? pthread_cond_wait(&waiter.changed, &pool->lock) :
		      pthread_cond_timedwait(&waiter.changed, &pool->lock, &until);
	pthread_cond_destroy(&waiter.changed);
	if (waiter.is_served) {
		*a = waiter.a;
		return 0;
	}
	for (at = &pool->first; *at != &waiter; at = &(*at)->next)
		;
	arena_pool_unqueue_locked(pool, at);
	return -ETIMEDOUT;
}

/*
 * Return 0 with an idle arena; 0 with NULL if the caller is to make one, which is counted
 * in pool->total already; or -ETIMEDOUT.
 */
static int take_locked(struct arena_pool *pool, int64_t timeout, int64_t deadline,
		       struct arena_private **a)
{
	int err = 0;

	*a = NULL;
	if (!pool->first) {
		*a = arena_pool_take_idle_locked(pool);
		if (*a || arena_pool_count_new_locked(pool))
			goto out;
	}
	err = timeout ? wait_locked(pool, deadline, a) : -ETIMEDOUT;
out:
	if (err)
		pool->stats.timeouts++;
	else if (*a)
		pool->stats.hits_shared++;
	if (arena_pool_lacks_idle_locked(pool) && coarse_now() >= pool->refill_at)
		arena_pool_wake_locked(pool);
	return err;
}

/* Give an idle arena to the calling thread; return false if it had to be destroyed. */
static bool open_arena(struct arena_pool *pool, struct arena_private *a)
{
	int kept = 1;

	(void)arena_adopt(&a->pub);
	if (a->is_idle)
		kept = arena_claim(&a->pub);
	if (kept > 0)
		return true;
	pthread_mutex_lock(&pool->lock);
	if (!kept)
		pool->stats.lost++;
	else
		arena_pool_uncount_locked(pool);
	pthread_mutex_unlock(&pool->lock);
	if (kept < 0)
		destroy_arena(a);
	return !kept;
}

static int get_slowly(struct arena_pool *pool, int64_t timeout, struct arena_private **a)
{
	int64_t deadline = -1, now;
	int err;

	if (timeout > 0) {
		now = arena_now();
		deadline = timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
	}
	do {
		pthread_mutex_lock(&pool->lock);
		err = take_locked(pool, timeout, deadline, a);
		pthread_mutex_unlock(&pool->lock);
		if (err)
			return err;
		if (!*a)
			return make_arena(pool, a);
	} while (!open_arena(pool, *a));
	return 0;
}

int arena_pool_get(struct arena_pool *pool, struct arena **result, int64_t timeout,
		   enum arena_pool_fallback *how)
{
	struct slot *slot = find_slot(pool);
	struct arena_private *a = NULL;
	int saved_errno = errno;
	int state, err = 0;

	if (is_child(pool))
		return -EPERM;
	if (slot && __atomic_load_n(&pool->attention, __ATOMIC_SEQ_CST) < ONE_WAITS)
		a = arena_pool_take_out(slot);
	if (a) {
		__atomic_store_n(&slot->hits, slot->hits + 1, __ATOMIC_RELAXED);
	} else {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
		err = get_slowly(pool, timeout, &a);
		pthread_setcancelstate(state, NULL);
		errno = saved_errno;
	}
	if (err)
		return err;
	a->pooled.is_checked_out = true;
	a->pooled.age = HOT;
	*result = &a->pub;
	if (how)
		*how = a->pooled.how;
	return 0;
}

/*
 * Reset an arena and undo the settings of the thread that had it. Return whether it can
 * be checked out again.
 */
static bool clean_arena(struct arena_pool *pool, struct arena_private *a)
{
	if (a->checks && (a->pooled.pool != pool || !a->pooled.is_checked_out))
		arena_die(a, "arena_pool_put", "it is not checked out of this pool");
	if (pool->free_percent && a->pooled.node < 0 && a->pub.left + a->pub.base < a->range.end)
		a->pooled.node = arena_node_of(a->range.end - 1);
	/* Run the cleanups first: they may change settings, too. */
	arena_reset(&a->pub);
	a->scope.is_bound = false;
	a->slice = whole_slice(a);
	a->oom = NULL;
	arena_refresh_top(a);
	a->pooled.is_checked_out = false;
	/* It is still idle if it could not be claimed. */
	return !a->is_idle;
}

/*
 * Trim an arena that has far more memory than it is expected to use: one request in a
 * thousand that needs it is no reason to keep it.
 */
static void trim_oversized(struct arena_pool *pool, struct arena_private *a)
{
	size_t expected = predict_blocks(pool);

	if (!expected || committed_of(a) <= expected + expected / 5)
		return;
	if (arena_trim(&a->pub, expected))
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stats.oversized++;
	pthread_mutex_unlock(&pool->lock);
}

static void wake(struct arena_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->attention & ASLEEP)
		arena_pool_wake_locked(pool);
	pthread_mutex_unlock(&pool->lock);
}

static void put_arena(struct arena_pool *pool, struct arena_private *a)
{
	struct slot *slot = find_slot(pool);
	uint32_t attention;

	if (!slot)
		slot = add_slot(pool);
	if (slot && !__atomic_load_n(&slot->idle, __ATOMIC_RELAXED)) {
		__atomic_store_n(&slot->put_at, a->pooled.put_at, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->bytes, committed_of(a), __ATOMIC_RELAXED);
		__atomic_store_n(&slot->idle, a, __ATOMIC_SEQ_CST);
		attention = __atomic_load_n(&pool->attention, __ATOMIC_SEQ_CST);
		if (!attention)
			return;
		if (attention < ONE_WAITS) {
			wake(pool);
			return;
		}
		/* Take the arena back, unless another thread has taken it already. */
		a = arena_pool_take_out(slot);
		if (!a)
			return;
	}
	pthread_mutex_lock(&pool->lock);
	arena_pool_give_locked(pool, a);
	pthread_mutex_unlock(&pool->lock);
}

void arena_pool_put(struct arena_pool *pool, struct arena *pub)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno, state;
	int64_t now, looked_at;

	if (!a)
		return;
	if (is_child(pool)) {
		arena_destroy(pub);
		return;
	}
	if (clean_arena(pool, a)) {
		trim_oversized(pool, a);
		now = coarse_now();
		a->pooled.put_at = now;
		put_arena(pool, a);
	} else {
		pthread_mutex_lock(&pool->lock);
		arena_pool_uncount_locked(pool);
		pthread_mutex_unlock(&pool->lock);
		destroy_arena(a);
		now = 0;
	}
	looked_at = __atomic_load_n(&pool->free_looked_at, __ATOMIC_RELAXED);
	if (pool->free_percent && now - looked_at >= LOOK_AT_PUT &&
	    __atomic_compare_exchange_n(&pool->free_looked_at, &looked_at, now, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
		arena_pool_look_at_free(pool);
		pthread_setcancelstate(state, NULL);
	}
	errno = saved_errno;
}

/* --- pools --------------------------------------------------------------- */

static int read_opts(struct arena_pool_opts *opts, const struct arena_pool_opts *from)
{
	int err = arena_get_struct(opts, from, sizeof(*opts), OPTS_SIZE_1);

	if (err)
		return err;
	if (opts->flags & ~ARENA_POOL_NO_THREAD || opts->reserved || opts->free_percent > 100 ||
	    opts->pressure_permille > 1000 ||
	    (opts->max_total && opts->min_idle > opts->max_total))
		return -EINVAL;
	return 0;
}

static void set_opts(struct arena_pool *pool, const struct arena_pool_opts *opts)
{
	const char *name = opts->name ? opts->name : pool->arena.name;

	strncpy(pool->name, name ? name : "pool", NAME_SIZE - 1);
	pool->arena.name = pool->name;
	pool->arena.size = sizeof(pool->arena);
	/* Arenas of a pool are sized by prediction in any case. */
	if (pool->arena.reserve == ARENA_RESERVE_AUTO)
		pool->arena.reserve = 0;
	pool->max_total = opts->max_total;
	pool->min_idle = opts->min_idle;
	pool->period = opts->period > MOST_PERIOD ? MOST_PERIOD : (int64_t)opts->period;
	if (!pool->period)
		pool->period = DEFAULT_PERIOD;
	pool->runs_thread = !(opts->flags & ARENA_POOL_NO_THREAD);
	pool->free_percent = opts->free_percent;
	pool->pressure_permille = opts->pressure_permille ? opts->pressure_permille :
							    DEFAULT_PERMILLE;
}

static int create_pool(struct arena_pool **result, const struct arena_pool_opts *from)
{
	struct arena_pool_opts opts;
	struct arena_pool *pool;
	int err;

	err = read_opts(&opts, from);
	if (err)
		return err;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	err = arena_read_opts(&pool->arena, opts.arena);
	if (!err && pool->arena.flags & ARENA_OPT_THREAD_OWNED)
		err = -EINVAL;
	if (err)
		goto free_pool;
	set_opts(pool, &opts);
	err = -ENOMEM;
	pool->pressure = strdup(opts.pressure ? opts.pressure : PRESSURE_FILE);
	if (!pool->pressure)
		goto free_pool;
	pool->has_pressure = !access(pool->pressure, R_OK);
	pool->forks = arena_forks();
	pool->sketch = arena_sketch_get(pool->name);
	pool->last = &pool->first;
	pool->run = arena_pool_run;
	pool->start_at = INT64_MIN;
	pool->refill_at = INT64_MIN;
	/* The thread is started when there is an idle arena. */
	pool->attention = pool->runs_thread ? ASLEEP : 0;
	pthread_mutex_init(&pool->lock, NULL);
	init_condition(&pool->changed);

	pthread_mutex_lock(&pools_lock);
	pool->id = ++last_id;
	pool->next = pools;
	pool->link = &pools;
	if (pools)
		pools->link = &pool->next;
	pools = pool;
	pthread_mutex_unlock(&pools_lock);

	pthread_mutex_lock(&pool->lock);
	if (pool->min_idle)
		arena_pool_wake_locked(pool);
	pthread_mutex_unlock(&pool->lock);
	*result = pool;
	return 0;

free_pool:
	free(pool);
	return err;
}

int arena_pool_create(struct arena_pool **pool, const struct arena_pool_opts *opts)
{
	int saved_errno = errno;
	int err;

	err = create_pool(pool, opts);
	errno = saved_errno;
	return err;
}

static uint32_t count_in_slots_locked(const struct arena_pool *pool, uint64_t *bytes)
{
	const struct slot *slot;
	uint32_t nr = 0;

	for (slot = pool->slots; slot; slot = slot->next) {
		if (!__atomic_load_n(&slot->idle, __ATOMIC_SEQ_CST))
			continue;
		*bytes += __atomic_load_n(&slot->bytes, __ATOMIC_RELAXED);
		nr++;
	}
	return nr;
}

/* End the library's thread; -EBUSY if arenas are checked out or threads wait for one. */
static int stop_pool(struct arena_pool *pool)
{
	uint64_t unused = 0;
	uint32_t nr_here;

	pthread_mutex_lock(&pool->lock);
	nr_here = pool->nr_idle + pool->nr_aged + count_in_slots_locked(pool, &unused);
	if (pool->total != nr_here || pool->first) {
		pthread_mutex_unlock(&pool->lock);
		return -EBUSY;
	}
	pool->is_ending = true;
	if (pool->has_thread)
		pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	if (pool->has_thread)
		pthread_join(pool->thread, NULL);
	pool->has_thread = false;
	return 0;
}

int arena_pool_destroy(struct arena_pool *pool)
{
	int saved_errno = errno, state, err = 0;
	struct arena_private *a;

	if (!pool)
		return 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (!is_child(pool))
		err = stop_pool(pool);
	if (err)
		goto out;
	pool->runs_thread = false;
	pool->first = NULL;
	pthread_mutex_lock(&pools_lock);
	*pool->link = pool->next;
	if (pool->next)
		pool->next->link = pool->link;
	/* Threads free their slots; in a child of fork(), those of others are leaked. */
	while (pool->slots)
		detach_slot(pool->slots);
	pthread_mutex_unlock(&pools_lock);
	while ((a = pool->newest)) {
		arena_pool_remove_locked(pool, a);
		destroy_arena(a);
	}
	/* In a child of fork(), this would wait for a thread that does not exist. */
	if (!is_child(pool))
		pthread_cond_destroy(&pool->changed);
	arena_sketch_put(pool->sketch);
	pthread_mutex_destroy(&pool->lock);
	free(pool->pressure);
	free(pool);
out:
	pthread_setcancelstate(state, NULL);
	errno = saved_errno;
	return err;
}

int arena_pool_stats_get(struct arena_pool *pool, struct arena_pool_stats *stats)
{
	struct arena_pool_stats now;
	const struct arena_private *a;

	pthread_mutex_lock(&pool->lock);
	now = pool->stats;
	now.total = pool->total;
	now.idle = pool->nr_idle + count_in_slots_locked(pool, &now.idle_bytes);
	for (a = pool->newest; a; a = a->pooled.older)
		now.idle_bytes += committed_of(a);
	now.hits_own = arena_pool_hits(pool);
	pthread_mutex_unlock(&pool->lock);
	return arena_put_struct(stats, &now, sizeof(now), STATS_SIZE_1);
}

/* --- around fork() ------------------------------------------------------- */

static void lock_pools(void)
{
	struct arena_pool *pool;

	for (pool = pools; pool; pool = pool->next)
		pthread_mutex_lock(&pool->lock);
}

static void unlock_pools(void)
{
	struct arena_pool *pool;

	for (pool = pools; pool; pool = pool->next)
		pthread_mutex_unlock(&pool->lock);
}

__attribute__((constructor)) static void register_hook(void)
{
	static struct fork_hook hook = {
		.lock = &pools_lock, .before = lock_pools, .after = unlock_pools,
	};

	arena_at_fork(&hook);
}
