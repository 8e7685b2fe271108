/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Pools: warm arenas that threads share, and that go by themselves when they are not used.
 *
 * arena_pool_get() lends an arena that is empty, arena_pool_put() takes it back. Each thread
 * keeps the last one that it put; the others are behind that, for all. Those that nobody uses
 * are trimmed to what arenas of the pool's name use (see arena_predict()) after one period,
 * idle after two, so that the system may take their memory, and destroyed after three.
 */
#ifndef ARENA_POOL_H
#define ARENA_POOL_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

struct arena_pool;

/* arena_pool_opts.flags */

/* No thread of the library's: nothing happens to idle arenas but in arena_pool_maintain(). */
#define ARENA_POOL_NO_THREAD	(1u << 0)

/**
 * struct arena_pool_opts - how to create a pool
 * @size: sizeof(struct arena_pool_opts)
 * @name: what its arenas are called, and known by for predictions; NULL for the name in
 *	@arena, or else "pool"; copied, at most 31 bytes
 * @arena: how to create arenas, or NULL for the defaults; copied. With any @reserve, they
 *	are sized as with ARENA_RESERVE_AUTO. Not ARENA_THREAD_OWNED.
 * @max_total: how many there may be at a time, lent and idle; 0 means no limit
 * @min_idle: how many there are for all that nobody uses, made in advance, and not destroyed
 *	for their age; those that threads keep are not among them. 0 for none, and at most
 *	@max_total if that is a limit.
 * @period: nanoseconds that an arena is not used until it gets one step further; 0 means
 *	10 seconds
 * @flags: ARENA_POOL_NO_THREAD
 * @free_percent: how much of a NUMA node's free memory idle arenas there may have; of what is
 *	more the oldest are destroyed, but @min_idle. 0 means no limit.
 * @pressure: a file as those of PSI, a cgroup's memory.pressure say; NULL means
 *	/proc/pressure/memory. Without such a file nothing is known of pressure.
 * @pressure_permille: how much of the last ten seconds some task has waited for memory to be
 *	called pressure: each idle arena gets one step further then. 0 means 75.
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
 * arena_pool_create - make a pool
 * @pool: set to the pool
 * @opts: how, or NULL for the defaults
 *
 * Makes no arena yet; those of @opts->min_idle are made by the library's thread, which
 * otherwise is started when an arena is put for the first time. It has all signals
 * blocked. If it can't be started, that is tried again now and then.
 *
 * Return: 0, or
 * * -EINVAL if @opts, or @opts->arena, has an unknown value or flag, a nonzero reserved field
 *   or a size that is too small, a percentage of more than 100, or a thousandth of more than
 *   1000, more @min_idle than @max_total, or ARENA_THREAD_OWNED
 * * -E2BIG if one of them is of a newer version and asks for what this one can't do
 * * -ENOMEM if there is no memory
 */
ARENA_NODISCARD
int arena_pool_create(struct arena_pool **pool, const struct arena_pool_opts *opts);

/**
 * arena_pool_destroy - end a pool, and all its arenas
 * @pool: the pool, or NULL; no other thread uses it or is about to
 *
 * Return: 0; or, with nothing done, -EBUSY if arenas are lent, or threads wait for one. In a
 * child of fork() it is 0, and arenas that are lent stay.
 */
int arena_pool_destroy(struct arena_pool *pool);

/**
 * enum arena_pool_rung - how an arena was made; each one when the one before had no memory
 * @ARENA_POOL_AS_ASKED: as the options say, with what it is expected to use committed
 * @ARENA_POOL_SMALLER: with less address space, 64 MiB, or four times what it is expected to
 *	use, and nothing committed in advance
 * @ARENA_POOL_ANONYMOUS: that, on anonymous memory
 */
enum arena_pool_rung {
	ARENA_POOL_AS_ASKED,
	ARENA_POOL_SMALLER,
	ARENA_POOL_ANONYMOUS,
};

/**
 * arena_pool_get - borrow an arena
 * @pool: the pool
 * @a: set to the arena, which is empty and the calling thread's
 * @timeout: how many nanoseconds to wait if there are @max_total, and all are lent; 0 for
 *	not at all, less for as long as it takes
 *
 * Takes the one that this thread put last, else the one that was put last, else makes one.
 * Who waits is served first come, first served, and overtaken no more than once by each
 * thread. No point of cancellation.
 *
 * When there is no memory for a new one by any of the steps of enum arena_pool_rung, all that
 * is idle in the process' pools is destroyed, and they are tried once more.
 *
 * Return: an enum arena_pool_rung, which says how this one was made; or
 * * -ETIMEDOUT if none was put in time, also for a @timeout of 0
 * * -ENOMEM if there is no memory
 * * -EPERM in a child of fork()
 * * what arena_create() returns, if that is no lack of memory
 */
ARENA_NODISCARD
int arena_pool_get(struct arena_pool *pool, struct arena **a, int64_t timeout);

/**
 * arena_pool_put - give an arena back
 * @pool: whose it is
 * @a: the arena, or NULL; no more to be used, nor to be destroyed
 *
 * Resets it, which runs its cleanups, ends its scope and forgets what arena_set_oom() was
 * told. What it has used counts for arena_predict(); if it has far more than that predicts,
 * it is trimmed. Another thread than the one that got it may put it, as with
 * any use after arena_adopt(). In a child of fork() it is destroyed.
 */
void arena_pool_put(struct arena_pool *pool, struct arena *a);

/**
 * arena_pool_maintain - do what is due to idle arenas
 * @pool: the pool
 * @next: set to the nanoseconds until there is something to do again, or to -1 if there is
 *	not before an arena is put; may be NULL
 *
 * What the library's thread does, for pools without it. Any thread may call this.
 *
 * Return: 0; or -EPERM in a child of fork(); or what arena_create() returns, if one of
 * @min_idle can't be made.
 */
int arena_pool_maintain(struct arena_pool *pool, int64_t *next);

/**
 * struct arena_pool_stats - what a pool has done
 * @size: sizeof(struct arena_pool_stats), set by the caller
 * @total: arenas that there are, lent and idle
 * @idle: those that are idle
 * @idle_bytes: committed by these
 * @hits_own: arena_pool_get() that found what their thread had put
 * @hits_shared: those that found what is there for all, or had been put by another thread
 * @misses: those that made an arena
 * @waits: those that waited
 * @timeouts: those that got none in time
 * @overtaken: the most often that one which waited was overtaken
 * @lost: idle arenas that were lent when the system had taken memory of theirs
 * @trimmed: arenas that were trimmed for their age
 * @idled: made idle, likewise
 * @destroyed: likewise
 * @oversized: trimmed when they were put, for what they had
 * @over_threshold: destroyed for @free_percent
 * @pressed: got one step further for pressure; they are among those above, too
 * @given_up: destroyed when there was no memory for another one, of this pool or others
 * @as_asked: arenas that were made so
 * @smaller: likewise
 * @anonymous: likewise
 * @failures: how often there was no memory to make one at all
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
	uint64_t as_asked;
	uint64_t smaller;
	uint64_t anonymous;
	uint64_t failures;
};

/**
 * arena_pool_stats_get - what a pool has done
 * @pool: the pool
 * @stats: filled in, as much of it as @stats->size says
 *
 * Arenas that threads are just about to get or put may be counted as either.
 *
 * Return: 0, or -EINVAL if @stats->size is too small for the first version of the structure.
 */
int arena_pool_stats_get(struct arena_pool *pool, struct arena_pool_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_POOL_H */
