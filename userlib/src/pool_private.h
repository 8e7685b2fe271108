/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* What pool.c and pool_age.c share; the locks, and why they do, are in pool.c. */
#ifndef ARENA_POOL_PRIVATE_H
#define ARENA_POOL_PRIVATE_H

#include <pthread.h>
#include <time.h>
#include <arena/pool.h>

#include "private.h"

#define MSEC			((int64_t)1000000)

/* pool->attention */
#define ASLEEP			1u
#define ONE_WAITS		2u

/* An arena that is idle; each period brings it one further. */
enum age {
	HOT,
	WARM,
	COLD,
	GONE,
};

/**
 * struct slot - a thread's place in a pool
 * @idle: an arena, or NULL; only its thread puts one there, anybody takes it out
 * @put_at: when that was put
 * @bytes: what it had committed
 * @hits: how often its thread got it from here
 * @id: of the pool
 * @pool: the pool, or NULL if it has ended; protected by pools_lock
 * @next: in the pool's list; protected by its lock
 * @link: likewise
 * @next_of_thread: the thread's
 */
struct slot {
	struct arena_private *idle;
	int64_t put_at;
	uint64_t bytes;
	uint64_t hits;
	uint64_t id;
	struct arena_pool *pool;
	struct slot *next, **link;
	struct slot *next_of_thread;
};

/**
 * struct arena_pool - a pool
 * @id: no other pool of the process has had it
 * @forks: arena_forks() when it was created
 * @next: in the list of all; protected by pools_lock
 * @link: likewise
 * @name: of its arenas
 * @sketch: what these have used, or NULL
 * @arena: how they are made
 * @max_total: see struct arena_pool_opts, also for what follows; never changed
 * @attention: ASLEEP if the library's thread sleeps for good, and ONE_WAITS for each that
 *	waits; changed under the lock, but read without
 * @free_looked_at: when free memory was looked at because of a put; atomic
 * @lock: protects what follows
 * @newest: the list of those that are idle, by when they were put
 * @oldest: its end
 * @nr_idle: how many
 * @nr_aged: how many are being aged, or made by make_idle()
 * @total: how many arenas there are at all
 * @first: the queue
 * @last: its end
 * @slots: of threads
 * @looked_at: when files were looked at
 * @refill_at: when it is tried again to make an arena in advance
 * @has_thread: whether there is the library's thread
 * @is_ending: whether that has to end
 * @is_woken: whether that has something to do
 * @changed: for that, when one of these two does
 * @start_at: when to try again to start it
 * @stats: what has been counted, without what slots have
 */
struct arena_pool {
	uint64_t id;
	unsigned int forks;
	struct arena_pool *next, **link;
	char name[NAME_SIZE];
	struct sketch *sketch;
	struct arena_opts arena;
	uint32_t max_total;
	uint32_t min_idle;
	int64_t period;
	bool runs_thread;
	uint32_t free_percent;
	char *pressure;
	bool has_pressure;
	uint32_t pressure_permille;

	uint32_t attention;
	int64_t free_looked_at;

	pthread_mutex_t lock;
	struct arena_private *newest, *oldest;
	uint32_t nr_idle;
	uint32_t nr_aged;
	uint32_t total;
	struct waiter *first, **last;
	struct slot *slots;
	int64_t looked_at;
	int64_t refill_at;
	bool has_thread;
	bool is_ending;
	bool is_woken;
	pthread_cond_t changed;
	int64_t start_at;
	pthread_t thread;
	struct arena_pool_stats stats;
};

static inline bool is_child(const struct arena_pool *pool)
{
	return pool->forks != arena_forks();
}

/* Some milliseconds late, and for next to nothing. */
static inline int64_t coarse_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 * MSEC + now.tv_nsec;
}

static inline size_t committed_of(const struct arena_private *a)
{
	return a->range.end - a->committed;
}

/* What an arena is expected to use, as it is committed; 0 if nobody knows. */
static inline size_t predict_blocks(const struct arena_pool *pool)
{
	size_t bytes = arena_sketch_p99(pool->sketch);

	return bytes > SIZE_MAX - ARENA_BLOCK ? 0 : (bytes + ARENA_BLOCK - 1) & -ARENA_BLOCK;
}

/* It is the calling thread's. */
static inline void destroy_arena(struct arena_private *a)
{
	(void)arena_adopt(&a->pub);
	arena_destroy(&a->pub);
}

/* --- pool.c ------------------------------------------------------------------ */

/* An arena is no more, or has not come to be. */
void arena_pool_uncount_locked(struct arena_pool *pool);
/* Take an idle one out of the list. */
void arena_pool_remove_locked(struct arena_pool *pool, struct arena_private *a);
/* Whoever waits has it; else it is idle. */
void arena_pool_give_locked(struct arena_pool *pool, struct arena_private *a);
/* What was put into slots up to some time is for all. */
void arena_pool_empty_slots_locked(struct arena_pool *pool, int64_t until);
/* Whether one has to be made in advance, and may be. */
bool arena_pool_lacks_idle_locked(const struct arena_pool *pool);
/* Make one that has been counted, by an enum arena_pool_rung; 0 or a negative errno. */
int arena_pool_make(struct arena_pool *pool, int rung, struct arena_private **result);
/* That has worked. */
void arena_pool_count_made_locked(struct arena_pool *pool, const struct arena_private *a);

/* --- pool_age.c -------------------------------------------------------------- */

/* There is something to do for the library's thread, which is started if it is not there. */
void arena_pool_wake_locked(struct arena_pool *pool);
/* Destroy what is more than a share of free memory. */
void arena_pool_look_at_free(struct arena_pool *pool);

#endif /* ARENA_POOL_PRIVATE_H */
