// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Ageing of a pool's idle arenas, by the library's thread or by callers of
 * arena_pool_maintain(). pool.c describes the owners of arenas and the locks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pool_private.h"
#include "sys.h"

/* How often files are read while arenas are idle. */
#define LOOK_PERIOD		(2000 * MSEC)
#define NR_NODES		64

/* --- free memory, and pressure ------------------------------------------- */

/* Return the free bytes of a node, or else of the system; UINT64_MAX if unknown. */
static uint64_t read_free(int node)
{
	unsigned long long kilobytes;
	char line[256];
	FILE *file = NULL;
	const char *at;
	uint64_t bytes = UINT64_MAX;

	if (node < NR_NODES) {
		snprintf(line, sizeof(line), "/sys/devices/system/node/node%d/meminfo", node);
		file = fopen(line, "re");
	}
	if (!file)
		file = fopen("/proc/meminfo", "re");
	if (!file)
		return bytes;
	while (bytes == UINT64_MAX && fgets(line, sizeof(line), file)) {
		at = strstr(line, "MemFree:");
		if (at && sscanf(at, "MemFree: %llu kB", &kilobytes) == 1)
			bytes = (uint64_t)kilobytes << 10;
	}
	fclose(file);
	return bytes;
}

/* Return the node of an arena, or NR_NODES if it is unknown. */
static int node_of(const struct arena_private *a)
{
	return a->pooled.node >= 0 && a->pooled.node < NR_NODES ? a->pooled.node : NR_NODES;
}

/* Destroy an arena that is counted in nr_aged, and increment the counter @reason. */
static void discard_arena(struct arena_pool *pool, struct arena_private *a, uint64_t *reason)
{
	destroy_arena(a);
	pthread_mutex_lock(&pool->lock);
	pool->nr_aged--;
	++*reason;
	arena_pool_uncount_locked(pool);
	pthread_mutex_unlock(&pool->lock);
}

/*
 * If the idle arenas of a node have more than @most bytes, and there are more than
 * min_idle, take the oldest out of the list and count it in nr_aged. Otherwise, return
 * NULL.
 */
static struct arena_private *take_beyond(struct arena_pool *pool, int node, uint64_t most)
{
	struct arena_private *a, *oldest = NULL;
	uint64_t bytes = 0;

	pthread_mutex_lock(&pool->lock);
	for (a = pool->newest; a; a = a->pooled.older) {
		if (node_of(a) != node)
			continue;
		bytes += committed_of(a);
		oldest = a;
	}
	if (bytes <= most || pool->nr_idle <= pool->min_idle)
		oldest = NULL;
	if (oldest) {
		arena_pool_remove_locked(pool, oldest);
		pool->nr_aged++;
	}
	pthread_mutex_unlock(&pool->lock);
	return oldest;
}

void arena_pool_look_at_free(struct arena_pool *pool)
{
	bool is_used[NR_NODES + 1] = { false };
	struct arena_private *a;
	uint64_t free_bytes;
	int node;

	pthread_mutex_lock(&pool->lock);
	arena_pool_empty_slots_locked(pool, INT64_MAX);
	for (a = pool->newest; a; a = a->pooled.older)
		is_used[node_of(a)] = true;
	pthread_mutex_unlock(&pool->lock);
	for (node = 0; node <= NR_NODES; node++) {
		if (!is_used[node])
			continue;
		free_bytes = read_free(node);
		while ((a = take_beyond(pool, node, free_bytes / 100 * pool->free_percent)))
			discard_arena(pool, a, &pool->stats.over_threshold);
	}
}

static bool is_under_pressure(const struct arena_pool *pool)
{
	unsigned int whole, hundredths, permille = 0;
	FILE *file = fopen(pool->pressure, "re");
	char line[256];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "some avg10=%u.%2u", &whole, &hundredths) == 2)
			permille = whole * 10 + hundredths / 10;
	fclose(file);
	return permille >= pool->pressure_permille;
}

/* --- ageing -------------------------------------------------------------- */

/* Return whether a cold arena is kept as one of min_idle. */
static bool is_kept_locked(const struct arena_pool *pool, const struct arena_private *a)
{
	return a->pooled.age == COLD && pool->nr_idle <= pool->min_idle;
}

/* Under memory pressure, make each idle arena one period older. */
static void press_locked(struct arena_pool *pool)
{
	struct arena_private *a;

	arena_pool_empty_slots_locked(pool, INT64_MAX);
	for (a = pool->newest; a; a = a->pooled.older) {
		if (is_kept_locked(pool, a))
			continue;
		a->pooled.put_at -= pool->period;
		pool->stats.pressed++;
	}
}

/* Return the age that is due for an arena; GONE only if there are more than min_idle. */
static unsigned int due_age_locked(const struct arena_pool *pool, const struct arena_private *a,
				   int64_t now)
{
	int64_t age = (now - a->pooled.put_at) / pool->period;

	if (age < HOT)
		return HOT;
	if (age >= GONE)
		return pool->nr_idle > pool->min_idle ? GONE : COLD;
	return age;
}

/* Return the oldest arena that is due for a higher age, and that age; or NULL. */
static struct arena_private *find_due_locked(const struct arena_pool *pool, int64_t now,
					     unsigned int *age)
{
	struct arena_private *a;

	for (a = pool->oldest; a; a = a->pooled.newer) {
		*age = due_age_locked(pool, a, now);
		if (*age > a->pooled.age)
			return a;
	}
	return NULL;
}

/* Let the system take the memory of a cold arena; release it if that is not possible. */
static void cool_arena(struct arena_private *a)
{
	if (arena_idle(&a->pub))
		(void)arena_release(&a->pub);
}

/* Trim or cool an arena that has been taken out of the list. */
static void age_arena(struct arena_pool *pool, struct arena_private *a, unsigned int age)
{
	size_t expected = predict_blocks(pool);

	(void)arena_adopt(&a->pub);
	if (a->pooled.age < WARM && expected)
		(void)arena_trim(&a->pub, expected);
	if (age == COLD)
		cool_arena(a);
}

static void age_arenas(struct arena_pool *pool, int64_t now)
{
	struct arena_private *a;
	unsigned int age;

	pthread_mutex_lock(&pool->lock);
	arena_pool_empty_slots_locked(pool, now - pool->period);
	while ((a = find_due_locked(pool, now, &age))) {
		arena_pool_remove_locked(pool, a);
		pool->nr_aged++;
		pool->stats.trimmed += age < GONE && a->pooled.age < WARM;
		pool->stats.idled += age == COLD;
		pthread_mutex_unlock(&pool->lock);
		if (age == GONE)
			discard_arena(pool, a, &pool->stats.destroyed);
		else
			age_arena(pool, a, age);
		pthread_mutex_lock(&pool->lock);
		if (age == GONE)
			continue;
		pool->nr_aged--;
		a->pooled.age = age;
		arena_pool_give_locked(pool, a);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* Make arenas in advance, up to min_idle, without fallbacks if memory is short. */
static int make_idle(struct arena_pool *pool, int64_t now)
{
	struct arena_private *a;
	int err = 0;

	pthread_mutex_lock(&pool->lock);
	while (!err && now >= pool->refill_at && arena_pool_lacks_idle_locked(pool)) {
		pool->total++;
		pool->nr_aged++;
		pthread_mutex_unlock(&pool->lock);
		err = arena_pool_make(pool, ARENA_POOL_AS_REQUESTED, &a);
		pthread_mutex_lock(&pool->lock);
		pool->nr_aged--;
		if (err) {
			pool->refill_at = now + pool->period;
			arena_pool_uncount_locked(pool);
			continue;
		}
		a->pooled.put_at = now;
		arena_pool_count_made_locked(pool, a);
		arena_pool_give_locked(pool, a);
	}
	pthread_mutex_unlock(&pool->lock);
	return err;
}

static int64_t look_period(const struct arena_pool *pool)
{
	return pool->period < LOOK_PERIOD ? pool->period : LOOK_PERIOD;
}

static bool has_to_look_locked(const struct arena_pool *pool)
{
	return pool->has_pressure || pool->free_percent;
}

/* Return the nanoseconds until there is something to do, or -1 if there is nothing. */
static int64_t next_due_locked(const struct arena_pool *pool, int64_t now)
{
	const struct arena_private *a;
	const struct slot *slot;
	int64_t next = INT64_MAX, at;

	for (a = pool->newest; a; a = a->pooled.older) {
		at = a->pooled.put_at + (a->pooled.age + 1) * pool->period;
		if (at < next && !is_kept_locked(pool, a))
			next = at;
	}
	for (slot = pool->slots; slot; slot = slot->next) {
		if (!__atomic_load_n(&slot->idle, __ATOMIC_SEQ_CST))
			continue;
		at = __atomic_load_n(&slot->put_at, __ATOMIC_RELAXED) + pool->period;
		if (at < next)
			next = at;
	}
	at = pool->looked_at + look_period(pool);
	if (next < INT64_MAX && has_to_look_locked(pool) && at < next)
		next = at;
	if (arena_pool_lacks_idle_locked(pool) && pool->refill_at < next)
		next = pool->refill_at;
	if (next == INT64_MAX)
		return -1;
	return next > now ? next - now : 0;
}

static int maintain(struct arena_pool *pool, int64_t *next)
{
	int64_t now = coarse_now();
	bool looks;
	int err;

	pthread_mutex_lock(&pool->lock);
	looks = has_to_look_locked(pool) && now - pool->looked_at >= look_period(pool);
	if (looks)
		pool->looked_at = now;
	pthread_mutex_unlock(&pool->lock);
	if (looks && pool->has_pressure && is_under_pressure(pool)) {
		pthread_mutex_lock(&pool->lock);
		press_locked(pool);
		pthread_mutex_unlock(&pool->lock);
	}
	age_arenas(pool, now);
	if (looks && pool->free_percent)
		arena_pool_look_at_free(pool);
	err = make_idle(pool, now);
	pthread_mutex_lock(&pool->lock);
	*next = next_due_locked(pool, now);
	pthread_mutex_unlock(&pool->lock);
	return err;
}

int arena_pool_maintain(struct arena_pool *pool, int64_t *next)
{
	int saved_errno = errno, state, err;
	int64_t unused;

	if (is_child(pool))
		return -EPERM;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	err = maintain(pool, next ? next : &unused);
	pthread_setcancelstate(state, NULL);
	errno = saved_errno;
	return err;
}

/* --- the library's thread ------------------------------------------------ */

/*
 * Return true if there is nothing to do until a thread puts an arena and so wakes this
 * one.
 */
static bool fall_asleep_locked(struct arena_pool *pool, int64_t *next)
{
	__atomic_fetch_or(&pool->attention, ASLEEP, __ATOMIC_SEQ_CST);
	*next = next_due_locked(pool, coarse_now());
	if (*next < 0)
		return true;
	__atomic_fetch_and(&pool->attention, ~ASLEEP, __ATOMIC_SEQ_CST);
	return false;
}

static void sleep_locked(struct arena_pool *pool, int64_t next)
{
	int64_t until = arena_now() + next;
	struct timespec at = {
		.tv_sec = until / (1000 * MSEC), .tv_nsec = until % (1000 * MSEC),
	};
	int err = 0;

	while (!pool->is_woken && !pool->is_ending && !err)
		err = next < 0 ? pthread_cond_wait(&pool->changed, &pool->lock) :
		      pthread_cond_timedwait(&pool->changed, &pool->lock, &at);
}

void *arena_pool_run(void *data)
{
	struct arena_pool *pool = data;
	int64_t next;

	pthread_setname_np(pthread_self(), "arena-pool");
	pthread_mutex_lock(&pool->lock);
	while (!pool->is_ending) {
		pool->is_woken = false;
		pthread_mutex_unlock(&pool->lock);
		(void)maintain(pool, &next);
		pthread_mutex_lock(&pool->lock);
		if (next >= 0 || fall_asleep_locked(pool, &next))
			sleep_locked(pool, next);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}
