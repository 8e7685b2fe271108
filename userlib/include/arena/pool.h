/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Pools: warm arenas that threads share, and that are destroyed when they stay unused.
 *
 * arena_pool_get() checks an empty arena out of the pool, arena_pool_put() gives it back.
 * Each thread keeps one arena that it put; all others are in a list that the threads share.
 * An arena that stays idle ages:
 *
 * - after one period it is trimmed to what arenas of the pool's name use (see
 *   arena_predict())
 * - after two periods it is passed to arena_idle(), so that the system may take its memory
 * - after three periods it is destroyed
 */
#ifndef ARENA_POOL_H
#define ARENA_POOL_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

struct arena_pool;

/* arena_pool_opts.flags */

/* Start no library thread: idle arenas age only when arena_pool_maintain() is called. */
#define ARENA_POOL_NO_THREAD	(1u << 0)

/**
 * struct arena_pool_opts - options for creating a pool
 * @size: sizeof(struct arena_pool_opts)
 * @name: name of the pool's arenas, also used for predictions; NULL means the name in
 *	@arena or, if there is none, "pool"; copied, at most 31 bytes
 * @arena: options for creating the arenas, or NULL for the defaults; copied. Whatever
 *	@reserve is, the arenas are sized as with ARENA_RESERVE_AUTO. ARENA_OPT_THREAD_OWNED is
 *	not permitted.
 * @max_total: maximum number of arenas at a time, checked out and idle; 0 means no limit
 * @min_idle: number of idle arenas to keep in the shared list. They are created in advance
 *	and are not destroyed because of their age; arenas that threads keep do not count.
 *	0 for none; at most @max_total if that is a limit.
 * @period: nanoseconds without use after which an idle arena ages by one step; 0 means 10
 *	seconds
 * @flags: ARENA_POOL_NO_THREAD
 * @free_percent: maximum size of the idle arenas on a NUMA node, in percent of the node's
 *	free memory; the oldest arenas beyond it are destroyed, as long as more than @min_idle
 *	are left. 0 means no limit.
 * @pressure: path of a file in the format of PSI, e.g. a cgroup's memory.pressure; NULL
 *	means /proc/pressure/memory. Without such a file, the pool does not notice memory
 *	pressure.
 * @pressure_permille: threshold of memory pressure: the share of the last ten seconds, in
 *	thousandths, during which some task waited for memory. At or above it, each idle
 *	arena ages by one more step. 0 means 75.
 * @reserved: must be zero
 */
struct arena_pool_opts {
	size_t size;
	const char *name;
	const struct arena_opts *arena;
	uint32_t max_total;
	uint32_t min_idle;
	uint64_t period;
	uint32_t flags;
	uint32_t free_percent;
	const char *pressure;
	uint32_t pressure_permille;
	uint32_t reserved;
};

/**
 * arena_pool_create - create a pool
 * @pool: set to the new pool
 * @opts: options, or NULL for the defaults
 *
 * Creates no arena itself. Unless ARENA_POOL_NO_THREAD is set, a thread of the library
 * maintains the pool; it has all signals blocked. If @opts->min_idle is set, the thread is
 * started at once and creates these arenas; otherwise it is started when the first arena is
 * put. If it cannot be started, the library tries again from time to time.
 *
 * Return: 0, or
 * * -EINVAL if @opts or @opts->arena has an unknown value or flag, a nonzero reserved field
 *   or a size that is too small; or if @opts has a percentage above 100, a permille value
 *   above 1000, more @min_idle than @max_total, or arenas with ARENA_OPT_THREAD_OWNED
 * * -E2BIG if @opts or @opts->arena is of a newer version and sets a field that this
 *   version lacks
 * * -ENOMEM if there is no memory
 */
ARENA_NODISCARD
int arena_pool_create(struct arena_pool **pool, const struct arena_pool_opts *opts);

/**
 * arena_pool_destroy - destroy a pool and all its arenas
 * @pool: the pool, or NULL; no other thread may be using it or be about to
 *
 * Return: 0; or, with nothing done, -EBUSY if arenas are checked out or threads wait for
 * one. In a child of fork() it always returns 0, and arenas that are checked out remain.
 */
int arena_pool_destroy(struct arena_pool *pool);

/**
 * enum arena_pool_fallback - how an arena was created; first choice and fallbacks in order
 * @ARENA_POOL_AS_REQUESTED: as the options say, with its predicted use committed
 * @ARENA_POOL_SMALLER: without its predicted use committed; if there was no memory to create
 *	it as the options say, also without prefault, and with its address space limited to
 *	64 MiB or four times its predicted use, whichever is more
 * @ARENA_POOL_ANONYMOUS: like ARENA_POOL_SMALLER, on anonymous memory
 */
enum arena_pool_fallback {
	ARENA_POOL_AS_REQUESTED,
	ARENA_POOL_SMALLER,
	ARENA_POOL_ANONYMOUS,
};

/**
 * arena_pool_get - check an arena out of a pool
 * @pool: the pool
 * @a: set to the arena, which is empty and belongs to the calling thread
 * @timeout: nanoseconds to wait if there are @max_total arenas and all of them are checked
 *	out; 0 means not to wait, a negative value to wait without limit
 * @how: set to how this arena was created, or NULL
 *
 * Takes the arena that this thread keeps; otherwise the one in the shared list that was put
 * last; otherwise one that another thread keeps; otherwise a new one.
 *
 * Threads that wait are served in the order of their calls. Each other thread can overtake
 * a waiting thread at most once. This function is not a cancellation point.
 *
 * If there is no memory for a new arena even with the fallbacks of enum arena_pool_fallback,
 * all idle arenas in all pools of the process are destroyed, and everything is tried once
 * more.
 *
 * Return: 0, or
 * * -ETIMEDOUT if no arena was put in time, also if @timeout is 0
 * * -ENOMEM if there is no memory
 * * -EPERM in a child of fork()
 * * the error of arena_create(), if it is not a lack of memory
 */
ARENA_NODISCARD
int arena_pool_get(struct arena_pool *pool, struct arena **a, int64_t timeout,
		   enum arena_pool_fallback *how);

/**
 * arena_pool_put - give an arena back to its pool
 * @pool: pool that the arena was checked out of
 * @a: the arena, or NULL; must not be used or destroyed by the caller any more
 *
 * Resets the arena, which runs its cleanups, ends its scope and removes its out-of-memory
 * handler. The amount that was used is recorded for arena_predict(). An arena that has over
 * a fifth more memory committed than that predicts is trimmed.
 *
 * A thread other than the one that checked the arena out may put it; for this as for any
 * other use, arena_adopt() comes first. In a child of fork(), the arena is destroyed.
 */
void arena_pool_put(struct arena_pool *pool, struct arena *a);

/**
 * arena_pool_maintain - do the work that is due on the idle arenas of a pool
 * @pool: the pool
 * @next: set to the number of nanoseconds until work is due again, or to -1 if none is due
 *	until an arena is put; may be NULL
 *
 * This is the work of the library's thread, for pools that have none. Any thread may call
 * it.
 *
 * Return: 0; or -EPERM in a child of fork(); or the error of arena_create() if one of
 * @min_idle arenas cannot be created.
 */
int arena_pool_maintain(struct arena_pool *pool, int64_t *next);

/**
 * struct arena_pool_stats - counters of a pool
 * @size: sizeof(struct arena_pool_stats), set by the caller
 * @total: arenas that exist, checked out and idle
 * @idle: arenas that are idle
 * @idle_bytes: bytes committed by the idle arenas
 * @hits_own: calls of arena_pool_get() that returned the arena that their thread kept
 * @hits_shared: calls that returned an arena from the shared list or from another thread
 * @misses: calls that created an arena
 * @waits: calls that waited
 * @timeouts: calls that failed because no arena was put in time
 * @overtaken: the most often that a single waiting call was overtaken
 * @lost: idle arenas from which the system had taken memory by the time that they were
 *	checked out
 * @trimmed: arenas that were trimmed because of their age
 * @idled: arenas that were passed to arena_idle() because of their age
 * @destroyed: arenas that were destroyed because of their age
 * @oversized: arenas that were trimmed when they were put, because they had much more memory
 *	committed than predicted
 * @over_threshold: arenas that were destroyed because of @free_percent
 * @pressed: arenas that aged by one more step because of memory pressure; the members above
 *	count them, too, once they are trimmed, idled or destroyed
 * @given_up: arenas that were destroyed to get memory for a new one of any pool
 * @as_requested: arenas that were created as ARENA_POOL_AS_REQUESTED
 * @smaller: arenas that were created as ARENA_POOL_SMALLER
 * @anonymous: arenas that were created as ARENA_POOL_ANONYMOUS
 * @failures: attempts to create an arena that failed for lack of memory with every fallback
 */
struct arena_pool_stats {
	size_t size;
	uint64_t total;
	uint64_t idle;
	uint64_t idle_bytes;
	uint64_t hits_own;
	uint64_t hits_shared;
	uint64_t misses;
	uint64_t waits;
	uint64_t timeouts;
	uint64_t overtaken;
	uint64_t lost;
	uint64_t trimmed;
	uint64_t idled;
	uint64_t destroyed;
	uint64_t oversized;
	uint64_t over_threshold;
	uint64_t pressed;
	uint64_t given_up;
	uint64_t as_requested;
	uint64_t smaller;
	uint64_t anonymous;
	uint64_t failures;
};

/**
 * arena_pool_stats_get - get the counters of a pool
 * @pool: the pool
 * @stats: filled in, up to @stats->size bytes
 *
 * An arena that a thread is getting or putting concurrently may be counted as idle or as
 * checked out.
 *
 * Return: 0, or -EINVAL if @stats->size is too small for the first version of the structure.
 */
int arena_pool_stats_get(struct arena_pool *pool, struct arena_pool_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_POOL_H */
