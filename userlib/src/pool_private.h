/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* Declarations shared by the files of pools. The locking is described in pool.c. */
#ifndef ARENA_POOL_PRIVATE_H
#define ARENA_POOL_PRIVATE_H

#include <pthread.h>
#include <time.h>
#include <arena/pool.h>

#include "fork.h"
#include "private.h"
#include "sketch.h"

#define MSEC			((int64_t)1000000)

/* pool->attention */
#define ASLEEP			1u
#define ONE_WAITS		2u

/*
 * How many periods an arena has been idle, i.e. not checked out. A WARM arena has been
 * trimmed. The system may take the memory of a COLD one. A GONE one is to be destroyed.
 */
enum age {
	HOT,
	WARM,
	COLD,
	GONE,
};

/**
 * struct slot - place for one idle arena of a pool, which belongs to one thread
 * @idle: an arena, or NULL; only the slot's thread puts one here, any thread may take it
 *	out
 * @put_at: when the arena was put
 * @bytes: bytes that the arena had committed then
 * @hits: how often the thread got an arena from here
 * @id: ID of the pool
 * @pool: the pool, or NULL if it has been destroyed; protected by pools_lock
 * @next: in the pool's list of slots; protected by the pool's lock
 * @link: likewise
 * @next_of_thread: in the thread's list of slots
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
 * struct waiter - a thread that waits for an arena; on the stack of that thread
 * @next: the next one in the queue
 * @changed: signals that @is_served has been set
 * @is_served: whether the thread need no longer wait
 * @a: the arena for it, or NULL if it is to make one
 * @hits: arena_pool_hits() when the thread began to wait
 */
struct waiter {
	struct waiter *next;
	pthread_cond_t changed;
	bool is_served;
	struct arena_private *a;
	uint64_t hits;
};

/**
 * struct arena_pool - a pool
 * @id: a number unique to this pool in the process
 * @forks: arena_forks() when the pool was created
 * @next: in the list of all pools; protected by pools_lock
 * @link: likewise
 * @name: name of its arenas
 * @sketch: records how much memory these use, or NULL
 * @arena: options for creating arenas
 * @max_total: see struct arena_pool_opts, as for the fields up to @attention; all of them
 *	are constant while the pool is in use
 * @attention: ASLEEP if the library's thread sleeps until it is woken, plus ONE_WAITS for
 *	each waiter; changed under the lock, but read without it
 * @free_looked_at: when arena_pool_put() last compared idle arenas with free memory;
 *	atomic
 * @lock: protects the fields below
 * @newest: start of the list of idle arenas, in the order in which they were put
 * @oldest: end of that list
 * @nr_idle: number of arenas in the list
 * @nr_aged: number of arenas that are being aged or destroyed, or made by make_idle()
 * @total: number of all arenas of the pool
 * @first: start of the queue of waiters
 * @last: end of that queue
 * @slots: slots of all threads
 * @looked_at: when maintenance last read the files on pressure and free memory
 * @refill_at: earliest time of the next attempt to make an arena in advance
 * @run: function of the library's thread
 * @has_thread: whether the library's thread exists
 * @is_ending: tells that thread to end
 * @is_woken: tells that thread that there is work to do
 * @changed: signals a change of @is_ending or @is_woken
 * @start_at: earliest time of the next attempt to start the thread
 * @stats: counters, without the hits that current slots have counted
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
	void *(*run)(void *pool);
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

/* Return CLOCK_MONOTONIC in nanoseconds: cheap, but some milliseconds late. */
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

/* Return the bytes that an arena is expected to use, in whole blocks; 0 if unknown. */
static inline size_t predict_blocks(const struct arena_pool *pool)
{
	size_t bytes = arena_sketch_p99(pool->sketch);

	return bytes > SIZE_MAX - ARENA_BLOCK ? 0 : (bytes + ARENA_BLOCK - 1) & -ARENA_BLOCK;
}

/* Destroy an arena that another thread may have used last. */
static inline void destroy_arena(struct arena_private *a)
{
	(void)arena_adopt(&a->pub);
	arena_destroy(&a->pub);
}

/* --- pool_list.c ------------------------------------------------------------- */

/* Return how often threads have got arenas that they had put. */
uint64_t arena_pool_hits(const struct arena_pool *pool);
/* Add a waiter to the queue; remove one from it. */
void arena_pool_queue_locked(struct arena_pool *pool, struct waiter *waiter);
void arena_pool_unqueue_locked(struct arena_pool *pool, struct waiter **at);
/* Count a new arena in pool->total; false if the limit does not allow it. */
bool arena_pool_count_new_locked(struct arena_pool *pool);
/* Take the arena out of a slot, if there is one. */
struct arena_private *arena_pool_take_out(struct slot *slot);
/* Take an idle arena from the list or a slot, or return NULL. */
struct arena_private *arena_pool_take_idle_locked(struct arena_pool *pool);

/* Subtract an arena that was destroyed or could not be made from pool->total. */
void arena_pool_uncount_locked(struct arena_pool *pool);
/* Remove an idle arena from the list. */
void arena_pool_remove_locked(struct arena_pool *pool, struct arena_private *a);
/* Hand an arena to the first waiter, or add it to the list if there is none. */
void arena_pool_give_locked(struct arena_pool *pool, struct arena_private *a);
/* Take arenas that were put into slots up to @until, and offer them to all threads. */
void arena_pool_empty_slots_locked(struct arena_pool *pool, int64_t until);
/* Return whether an arena has to be made in advance and the limit allows it. */
bool arena_pool_lacks_idle_locked(const struct arena_pool *pool);

/* --- pool_make.c ------------------------------------------------------------- */

/*
 * Make an arena, which is counted in pool->total already, in the way that @how says, an
 * enum arena_pool_fallback. Return 0 or a negative errno.
 */
int arena_pool_make(struct arena_pool *pool, int how, struct arena_private **result);
/* Count an arena that was made, by the way it was made. */
void arena_pool_count_made_locked(struct arena_pool *pool, const struct arena_private *a);

/* --- pool_wake.c ------------------------------------------------------------- */

/* Wake the library's thread, or start it if it does not exist. */
void arena_pool_wake_locked(struct arena_pool *pool);

/* --- pool_idle.c ------------------------------------------------------------- */

/* The library's thread. */
void *arena_pool_run(void *pool);
/* On each node, destroy the idle arenas that exceed free_percent of its free memory. */
void arena_pool_look_at_free(struct arena_pool *pool);

#endif /* ARENA_POOL_PRIVATE_H */
