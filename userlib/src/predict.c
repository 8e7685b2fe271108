// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Prediction of how much memory arenas of a name use. Each name has a sketch: a histogram
 * of sizes on a logarithmic scale, with 16 buckets for each power of two. When the
 * samples in a sketch weigh as much as 1024 new ones, all weights are halved. So recent
 * samples outweigh old ones, and a rare sample is forgotten in time.
 *
 * Names are looked up under the lock. Samples are added by atomic additions without the
 * lock, because a pool adds one for each request. References to a sketch, e.g. from each
 * arena that is sized by it, keep it from being reused for another name. Halving and
 * reading a sketch take the lock, but other threads may add samples concurrently. So
 * halving subtracts half of the value read from each bucket, and loses no sample.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <arena/predict.h>

#include "fork.h"
#include "private.h"
#include "sketch.h"

#define NR_NAMES	256
#define NR_CHAINS	64

/* A bucket spans a sixteenth of its power of two, but at least one byte. */
#define SUB_BITS	4
#define NR_SUBS		(1u << SUB_BITS)
#define NR_BUCKETS	((64 - SUB_BITS + 1) * NR_SUBS)

/* Weight of a new sample, which is a power of two so that it can be halved. */
#define WEIGHT		16u
#define MOST		(1024 * WEIGHT)
#define LEAST_SAMPLES	8
/* p99 is computed anew whenever samples of this weight have been added. */
#define REFRESH		(32 * WEIGHT)

/**
 * struct sketch - histogram of the sizes noted for a name
 * @next: next in the hash chain; protected by the lock
 * @nr_users: number of references; protected by the lock
 * @used_at: nr_uses when the name was last looked up; protected by the lock
 * @name: the name; protected by the lock
 * @total: weight of all samples
 * @p99: the 99th percentile, some samples late
 * @buckets: weight of the samples in each bucket
 */
struct sketch {
	struct sketch *next;
	unsigned int nr_users;
	uint64_t used_at;
	char name[NAME_SIZE];
	uint32_t total;
	size_t p99;
	uint32_t buckets[NR_BUCKETS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sketch *chains[NR_CHAINS];
static unsigned int nr_names;
/* Number of lookups of a name, to find the one that was least recently used. */
static uint64_t nr_uses;

/* --- one sketch -------------------------------------------------------------- */

static uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* A power of two is the upper edge of a bucket, so that it is predicted exactly. */
static unsigned int bucket_of(size_t size)
{
	uint64_t last = size ? size - 1 : 0;
	unsigned int shift;

	if (last < NR_SUBS)
		return last;
	shift = 63 - __builtin_clzll(last) - SUB_BITS;
	return ((shift + 1) << SUB_BITS) + (last >> shift & (NR_SUBS - 1));
}

static size_t upper_edge(unsigned int bucket)
{
	unsigned int shift = bucket >> SUB_BITS;
	uint64_t edge = bucket + 1;

	if (shift > 1)
		edge = (uint64_t)((bucket & (NR_SUBS - 1)) + NR_SUBS + 1) << (shift - 1);
	return edge && edge <= SIZE_MAX ? edge : SIZE_MAX;
}

/*
 * Return a quantile, or 0 if there are too few samples. The lock is held. Other threads
 * may add samples concurrently. They add to a bucket first and then to the total, so the
 * sum of the buckets is at least the total that is read here.
 */
static size_t quantile(const struct sketch *sketch, unsigned int permille)
{
	uint32_t total = __atomic_load_n(&sketch->total, __ATOMIC_ACQUIRE), below = 0, wanted, above;
	unsigned int i;

	if (total < LEAST_SAMPLES * WEIGHT)
		return 0;
	/* Leave out whole samples, at least the largest: one alone must not decide. */
	above = (uint64_t)total * (1000 - permille) / 1000 / WEIGHT * WEIGHT;
	if (!above && permille < 1000)
		above = WEIGHT;
	wanted = total - above;
	if (!wanted)
		wanted = 1;
	for (i = 0; i < NR_BUCKETS - 1; i++) {
		below += load(&sketch->buckets[i]);
		if (below >= wanted)
			break;
	}
	return upper_edge(i);
}

/* The lock is held. */
static void halve(struct sketch *sketch)
{
	uint32_t weight, lost = 0;
	unsigned int i;

	/* Another thread has done it already. */
	if (load(&sketch->total) < MOST)
		return;
	for (i = 0; i < NR_BUCKETS; i++) {
		weight = (load(&sketch->buckets[i]) + 1) / 2;
		if (!weight)
			continue;
		__atomic_fetch_sub(&sketch->buckets[i], weight, __ATOMIC_RELAXED);
		lost += weight;
	}
	__atomic_fetch_sub(&sketch->total, lost, __ATOMIC_RELAXED);
}

void arena_sketch_note(struct sketch *sketch, size_t used)
{
	uint32_t total;

	__atomic_fetch_add(&sketch->buckets[bucket_of(used)], WEIGHT, __ATOMIC_RELAXED);
	total = __atomic_add_fetch(&sketch->total, WEIGHT, __ATOMIC_RELEASE);
	/* While there are few samples, p99 is computed after each of them. */
	if (total >= REFRESH && total < MOST && total % REFRESH >= WEIGHT)
		return;
	pthread_mutex_lock(&lock);
	halve(sketch);
	__atomic_store_n(&sketch->p99, quantile(sketch, 990), __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
}

size_t arena_sketch_p99(const struct sketch *sketch)
{
	return sketch ? __atomic_load_n(&sketch->p99, __ATOMIC_RELAXED) : 0;
}

/* --- names --------------------------------------------------------------------- */

/* FNV-1a. */
static struct sketch **chain_of(const char *name)
{
	uint32_t hash = 2166136261u;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 16777619u;
	return &chains[(hash ^ hash >> 16) % NR_CHAINS];
}

/* The lock is held in this and in the next two functions. */
static struct sketch *find_sketch(const char *name)
{
	struct sketch *sketch = *chain_of(name);

	while (sketch && strcmp(sketch->name, name))
		sketch = sketch->next;
	if (sketch)
		sketch->used_at = ++nr_uses;
	return sketch;
}

/* Unlink and return the least recently used sketch without references, or NULL. */
static struct sketch *take_oldest(void)
{
	struct sketch **at, **oldest = NULL, *sketch;
	unsigned int i;

	for (i = 0; i < NR_CHAINS; i++)
		for (at = &chains[i]; *at; at = &(*at)->next)
			if (!(*at)->nr_users &&
			    (!oldest || (*at)->used_at < (*oldest)->used_at))
				oldest = at;
	if (!oldest)
		return NULL;
	sketch = *oldest;
	*oldest = sketch->next;
	memset(sketch, 0, sizeof(*sketch));
	return sketch;
}

static struct sketch *add_sketch(const char *name)
{
	struct sketch **chain = chain_of(name), *sketch;

	if (nr_names == NR_NAMES) {
		sketch = take_oldest();
	} else {
		sketch = calloc(1, sizeof(*sketch));
		if (sketch)
			nr_names++;
	}
	if (!sketch)
		return NULL;
	strcpy(sketch->name, name);
	sketch->used_at = ++nr_uses;
	sketch->next = *chain;
	*chain = sketch;
	return sketch;
}

static void cut_name(char *to, const char *name)
{
	size_t length = strnlen(name, NAME_SIZE - 1);

	memcpy(to, name, length);
	to[length] = '\0';
}

struct sketch *arena_sketch_get(const char *name)
{
	struct sketch *sketch;
	char cut[NAME_SIZE];

	cut_name(cut, name);
	pthread_mutex_lock(&lock);
	sketch = find_sketch(cut);
	if (!sketch)
		sketch = add_sketch(cut);
	if (sketch)
		sketch->nr_users++;
	pthread_mutex_unlock(&lock);
	return sketch;
}

void arena_sketch_put(struct sketch *sketch)
{
	if (!sketch)
		return;
	pthread_mutex_lock(&lock);
	sketch->nr_users--;
	pthread_mutex_unlock(&lock);
}

void arena_predict_note(const char *name, size_t used)
{
	int saved_errno = errno;
	struct sketch *sketch = arena_sketch_get(name);

	if (sketch)
		arena_sketch_note(sketch, used);
	arena_sketch_put(sketch);
	errno = saved_errno;
}

size_t arena_predict(const char *name, unsigned int permille)
{
	const struct sketch *sketch;
	char cut[NAME_SIZE];
	size_t size;

	cut_name(cut, name);
	pthread_mutex_lock(&lock);
	sketch = find_sketch(cut);
	size = sketch ? quantile(sketch, permille < 1000 ? permille : 1000) : 0;
	pthread_mutex_unlock(&lock);
	return size;
}

/* --- around fork() ------------------------------------------------------------- */

__attribute__((constructor)) static void register_hook(void)
{
	static struct fork_hook hook = { .lock = &lock };

	arena_at_fork(&hook);
}
