/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker - run a benchmark with one allocator, and print how long it took
 *
 *	worker			print its benches and cases, one per line
 *	worker BENCH/CASE	print the nanoseconds of each operation
 *
 * $TRACE is a file written by bench/native/record.
 *
 * Compiled once for each peer, whose functions are in peers/PEER.h (-DPEER='"peers/PEER.h"'),
 * so that the compiler can inline as much of them as in a real program; compiled as C++ if the
 * peer is C++. bench/native/run takes each sample in a separate process, so that no sample
 * depends on earlier ones.
 *
 * A sample is the median of the rounds that fit in SAMPLE_NS, after warm-up rounds for half
 * that time.
 *
 * For all allocators alike, the addresses of objects are kept in a table, and the first word
 * of each object is written right after its allocation.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SAMPLE_NS	4e6
#define MIN_ROUNDS	5
#define MAX_ROUNDS	10000
#define OBJECTS		1000
#define REQUESTS	64	/* different requests */
#define MAX_THREADS	64
/* More than any bench holds at a time, for peers that need a size in advance. */
#define MOST_BYTES	((size_t)16 << 20)

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "worker: %s: %s\n", what, strerror(errno));
	exit(1);
}

/*
 * A peer provides
 *
 *   struct peer, one for each thread, and peer_begin(), which initializes it
 *   peer_alloc(), peer_zalloc(), and peer_realloc() unless PEER_HAS_NO_REALLOC
 *   peer_free_all() for all objects at once; or, with PEER_FREES_EACH, peer_free()
 *   peer_mark, peer_save() and peer_rewind(), if it has PEER_HAS_MARKS
 *   peer_array_begin(), _push() and _end(), if it has PEER_HAS_ARRAY: an array of numbers,
 *	which grows as the peer's documentation recommends
 */
#include PEER

/* --- time ---------------------------------------------------------------------------- */

static double clock_ns;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static double since(double start)
{
	double passed = now() - start - clock_ns;

	return passed > 0 ? passed : 0;
}

/* The cost of reading the clock: the minimum of many readings. */
static void measure_clock(void)
{
	double start, passed, least = 1e9;
	int i;

	for (i = 0; i < 1000; i++) {
		start = now();
		passed = now() - start;
		if (passed < least)
			least = passed;
	}
	clock_ns = least;
}

/* --- sizes ----------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	/* Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (SplitMix64). */
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint32_t mixed[REQUESTS * OBJECTS], small[REQUESTS * OBJECTS];

/* 8 to @most bytes, as many between 8 and 16 as between 16 and 32, and so on. */
static void draw_sizes(uint32_t *sizes, uint32_t most)
{
	uint64_t state = 1;
	int doublings = 0, i;

	while ((uint32_t)8 << doublings < most)
		doublings++;
	for (i = 0; i < REQUESTS * OBJECTS; i++) {
		uint32_t least = (uint32_t)8 << next_random(&state) % doublings;

		sizes[i] = least + next_random(&state) % (least + 1);
	}
}

/* Each request differs from the one before. */
static const uint32_t *next_sizes(const uint32_t *sizes)
{
	static __thread unsigned int nr;

	return sizes + nr++ % REQUESTS * OBJECTS;
}

/* --- cases ------------------------------------------------------------------------------ */

struct job {
	const char *bench;
	const char *name;
	/* Runs one round, and returns its nanoseconds. */
	double (*round)(const struct job *job, struct peer *peer);
	size_t size;
	double operations;	/* in a round */
};

/* The addresses of a round's objects, like a table in a real program. */
static __thread void *objects[OBJECTS];

/* Use an allocation: write its first bytes. */
static inline void *use(void *memory)
{
	if (!memory)
		die("no memory");
	*(int *)memory = 1;
	return memory;
}

/* The objects have @sizes or, if that is NULL, all have @size. */
static inline void free_objects(struct peer *peer, const uint32_t *sizes, size_t size, int n)
{
#ifdef PEER_FREES_EACH
	int i;

	for (i = 0; i < n; i++)
		peer_free(peer, objects[i], sizes ? sizes[i] : size);
#else
	(void)sizes;
	(void)size;
	(void)n;
	peer_free_all(peer);
#endif
}

/* --- allocate ---------------------------------------------------------------------------- */

/* Objects of one size, which the compiler does not know. */
static double alloc_fixed(const struct job *job, struct peer *peer)
{
	size_t size = job->size;
	double start, passed;
	int i;

	start = now();
	for (i = 0; i < OBJECTS; i++)
		objects[i] = use(peer_alloc(peer, size));
	passed = since(start);
	free_objects(peer, NULL, size, OBJECTS);
	return passed;
}

static double alloc_mixed(const struct job *job, struct peer *peer)
{
	const uint32_t *sizes = next_sizes(mixed);
	double start, passed;
	int i;

	(void)job;
	start = now();
	for (i = 0; i < OBJECTS; i++)
		objects[i] = use(peer_alloc(peer, sizes[i]));
	passed = since(start);
	free_objects(peer, sizes, 0, OBJECTS);
	return passed;
}

/* --- a request ----------------------------------------------------------------------------- */

/*
 * Allocate, touch, free all. Touching means to fill each object at once if @fill, or else to
 * read the first word and write the last byte of each after all have been allocated.
 */
static inline void do_request(struct peer *peer, const uint32_t *sizes, bool fill)
{
	long sum = 0;
	int i;

	for (i = 0; i < OBJECTS; i++) {
		objects[i] = use(peer_alloc(peer, sizes[i]));
		if (fill)
			memset(objects[i], 1, sizes[i]);
	}
	for (i = 0; !fill && i < OBJECTS; i++) {
		sum += *(int *)objects[i];
		((char *)objects[i])[sizes[i] - 1] = 1;
	}
	if (!fill && sum != OBJECTS)
		die("an object lost its contents");
	free_objects(peer, sizes, 0, OBJECTS);
}

static double request_mixed(const struct job *job, struct peer *peer)
{
	double start = now();

	do_request(peer, next_sizes(mixed), job->size);
	return since(start);
}

static double request_small(const struct job *job, struct peer *peer)
{
	double start = now();

	do_request(peer, next_sizes(small), job->size);
	return since(start);
}

/* --- threads -------------------------------------------------------------------------------- */

/* Requests of each thread in a round. */
#define REQUESTS_OF_THREAD	50

struct member {
	pthread_t id;
	pthread_barrier_t *barrier;
	double first, last;
};

/* Each reads the clock itself, because the thread that wakes them can be late. */
static void *work(void *data)
{
	struct member *member = (struct member *)data;
	struct peer peer;
	int i;

	peer_begin(&peer);
	for (i = 0; i < REQUESTS; i++)
		do_request(&peer, next_sizes(small), false);
	pthread_barrier_wait(member->barrier);
	member->first = now();
	for (i = 0; i < REQUESTS_OF_THREAD; i++)
		do_request(&peer, next_sizes(small), false);
	member->last = now();
	/* No thread frees anything before all have finished. */
	pthread_barrier_wait(member->barrier);
	peer_end(&peer);
	return NULL;
}

static double request_threads(const struct job *job, struct peer *peer)
{
	struct member members[MAX_THREADS];
	double first = 0, last = 0;
	pthread_barrier_t barrier;
	size_t i;

	(void)peer;
	pthread_barrier_init(&barrier, NULL, job->size);
	for (i = 0; i < job->size; i++) {
		members[i].barrier = &barrier;
		if (pthread_create(&members[i].id, NULL, work, &members[i]))
			die("pthread_create");
	}
	for (i = 0; i < job->size; i++) {
		pthread_join(members[i].id, NULL);
		if (!i || members[i].first < first)
			first = members[i].first;
		if (!i || members[i].last > last)
			last = members[i].last;
	}
	pthread_barrier_destroy(&barrier);
	return last - first;
}

/* --- marks ------------------------------------------------------------------------------------ */

#ifdef PEER_HAS_MARKS
#define MARKS		100
#define OF_A_MARK	10

/* Temporary memory within a longer task, e.g. of a function while it runs. */
static double mark_rewind(const struct job *job, struct peer *peer)
{
	double start = now(), passed;
	int i, j;

	for (i = 0; i < MARKS; i++) {
		peer_mark mark = peer_save(peer);

		for (j = 0; j < OF_A_MARK; j++)
			objects[j] = use(peer_mark_alloc(peer, &mark, job->size));
#ifdef PEER_FREES_EACH
		free_objects(peer, NULL, job->size, OF_A_MARK);
#else
		peer_rewind(peer, &mark);
#endif
	}
	passed = since(start);
	return passed;
}
#endif

/* --- zeroed memory ------------------------------------------------------------------------------ */

#define ZEROED_OBJECTS(size)	((size) < 1024 ? 512 : (256 << 10) / (size))

/* 128 or 256 KiB, in pieces, of memory that has been used before. */
static double alloc_zeroed(const struct job *job, struct peer *peer)
{
	int n = ZEROED_OBJECTS(job->size), i;
	double start = now(), passed;

	for (i = 0; i < n; i++)
		objects[i] = use(peer_zalloc(peer, job->size));
	passed = since(start);
	free_objects(peer, NULL, job->size, n);
	return passed;
}

/* --- arrays ---------------------------------------------------------------------------------------- */

#ifdef PEER_HAS_ARRAY
static double grow_array(const struct job *job, struct peer *peer)
{
	double start = now(), passed;
	uint64_t i;

	peer_array_begin(peer);
	for (i = 0; i < job->size; i++)
		peer_array_push(peer, i);
	if (peer_array_end(peer) != job->size)
		die("an array has the wrong length");
	passed = since(start);
	return passed;
}
#endif

/* --- a trace ----------------------------------------------------------------------------------------- */

#ifndef PEER_HAS_NO_REALLOC
#include "trace.h"
#endif

/* --- all of them --------------------------------------------------------------------------------------- */

#define KIB	((size_t)1 << 10)

static const struct job jobs[] = {
	{ "alloc", "8 bytes", alloc_fixed, 8, OBJECTS },
	{ "alloc", "16 bytes", alloc_fixed, 16, OBJECTS },
	{ "alloc", "32 bytes", alloc_fixed, 32, OBJECTS },
	{ "alloc", "64 bytes", alloc_fixed, 64, OBJECTS },
	{ "alloc", "256 bytes", alloc_fixed, 256, OBJECTS },
	{ "alloc", "1024 bytes", alloc_fixed, 1024, OBJECTS },
	{ "alloc", "4096 bytes", alloc_fixed, 4096, OBJECTS },
	{ "alloc", "mixed", alloc_mixed, 0, OBJECTS },
	{ "request", "8 to 4096 bytes", request_mixed, false, OBJECTS },
	{ "request", "8 to 512 bytes", request_small, false, OBJECTS },
	{ "request, filled", "8 to 4096 bytes", request_mixed, true, OBJECTS },
	{ "request, filled", "8 to 512 bytes", request_small, true, OBJECTS },
#ifdef PEER_HAS_MARKS
	{ "mark", "16 bytes", mark_rewind, 16, MARKS },
	{ "mark", "256 bytes", mark_rewind, 256, MARKS },
#endif
	{ "zeroed", "256 bytes", alloc_zeroed, 256, 128 },
	{ "zeroed", "4 KiB", alloc_zeroed, 4 * KIB, 256 },
	{ "zeroed", "64 KiB", alloc_zeroed, 64 * KIB, 256 },
#ifdef PEER_HAS_ARRAY
	{ "array", "16", grow_array, 16, 16 },
	{ "array", "1024", grow_array, 1024, 1024 },
	{ "array", "65536", grow_array, 65536, 65536 },
#endif
#ifdef TRACE_H
	{ "trace", "mandoc", replay, 0, 1 },
#endif
};

#define NR_JOBS	(sizeof(jobs) / sizeof(*jobs))

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Return the median of rounds that take SAMPLE_NS in total. Other load on the machine disturbs
 * only few of them.
 */
static double sample(const struct job *job, struct peer *peer)
{
	static double rounds[MAX_ROUNDS];
	double sum = 0;
	int n = 0;

	while (n < MAX_ROUNDS && (n < MIN_ROUNDS || sum < SAMPLE_NS / 2)) {
		sum += job->round(job, peer);
		n++;
	}
	sum = 0;
	n = 0;
	while (n < MAX_ROUNDS && (n < MIN_ROUNDS || sum < SAMPLE_NS)) {
		rounds[n] = job->round(job, peer);
		sum += rounds[n++];
	}
	qsort(rounds, n, sizeof(*rounds), compare);
	return rounds[n / 2] / job->operations;
}

static const struct job *find(const char *what)
{
	static struct job threads = { "threads", "", request_threads, 0, 0 };
	char name[64];
	size_t i;

	if (sscanf(what, "threads/%zu", &threads.size) == 1 && threads.size &&
	    threads.size <= MAX_THREADS) {
		threads.operations = (double)REQUESTS_OF_THREAD * OBJECTS * threads.size;
		return &threads;
	}
	for (i = 0; i < NR_JOBS; i++) {
		snprintf(name, sizeof(name), "%s/%s", jobs[i].bench, jobs[i].name);
		if (!strcmp(what, name))
			return &jobs[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct job *job = argc == 2 ? find(argv[1]) : NULL;
	struct peer peer;
	size_t i;

	if (argc == 1) {
		for (i = 0; i < NR_JOBS; i++)
			printf("%s/%s\n", jobs[i].bench, jobs[i].name);
		printf("threads\n");
		return 0;
	}
	if (!job) {
		fprintf(stderr, "usage: worker [BENCH/CASE]\n");
		return 2;
	}
	measure_clock();
	draw_sizes(mixed, 4096);
	draw_sizes(small, 512);
#ifdef TRACE_H
	if (!strcmp(job->bench, "trace"))
		load_trace(getenv("TRACE"));
#endif
	peer_begin(&peer);
	printf("%.4f\n", sample(job, &peer));
	peer_end(&peer);
	return 0;
}
