// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool under bursts: for some seconds, threads check out an arena for each of many requests;
 * then they pause for some seconds. Prints how often an arena was available, how long
 * arena_pool_get() takes, how often a waiting thread was overtaken, and how much memory is
 * resident when the pool has been unused for three periods. With -a, one request in a thousand
 * is a hundred times as large as the others.
 *
 * The start, duration and size of each request follow from the seed (-s).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arena/pool.h>
#include <arena/predict.h>

#define SEC		((uint64_t)1000000000)
#define MIB		((size_t)1 << 20)
#define BLOCK		(2 * MIB)
/* Samples of each thread; further ones are not in the percentiles. */
#define MAX_SAMPLES	200000

static struct {
	unsigned int seed, threads, bursts, max_total;
	double burst, pause, period;
	uint64_t requests;
} options = {
	.seed = 1, .threads = 64, .bursts = 2, .max_total = 48,
	.burst = 10, .pause = 30, .period = 10, .requests = 1000000,
};

struct worker {
	pthread_t id;
	unsigned int seed;
	uint32_t *samples;
	size_t nr_samples;
	uint64_t gets;
};

static struct arena_pool *pool;
static pthread_barrier_t barrier;
static volatile bool is_burst;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

static void sleep_for(double seconds)
{
	struct timespec ts = {
		.tv_sec = (time_t)seconds, .tv_nsec = (seconds - (time_t)seconds) * 1e9,
	};

	nanosleep(&ts, NULL);
}

static void die(const char *what, int err)
{
	fprintf(stderr, "pool: %s: %s\n", what, strerror(-err));
	exit(1);
}

static size_t resident(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		die("/proc/self/statm", -5);
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static void touch(struct arena *a, size_t bytes)
{
	volatile char *memory = arena_alloc(a, bytes);
	size_t i;

	if (!memory)
		die("arena_alloc", arena_error(a));
	for (i = 0; i < bytes; i += 4096)
		memory[i] = 1;
}

/* Most requests are small, a few need some megabytes. */
static size_t size_of_request(unsigned int *seed)
{
	return (size_t)(16 << 10) << rand_r(seed) % (rand_r(seed) % 16 ? 6 : 9);
}

static void do_request(struct worker *worker)
{
	uint64_t began = now(), took;
	struct arena *a;
	int err;

	err = arena_pool_get(pool, &a, -1, NULL);
	took = now() - began;
	if (err < 0)
		die("arena_pool_get", err);
	if (worker->nr_samples < MAX_SAMPLES)
		worker->samples[worker->nr_samples++] = took < UINT32_MAX ? took : UINT32_MAX;
	worker->gets++;
	touch(a, size_of_request(&worker->seed));
	sleep_for(rand_r(&worker->seed) % 1000 * 1e-6);
	arena_pool_put(pool, a);
}

static void *work(void *data)
{
	struct worker *worker = data;
	unsigned int burst;

	for (burst = 0; burst < options.bursts; burst++) {
		pthread_barrier_wait(&barrier);
		while (is_burst) {
			do_request(worker);
			/* Now and then a request follows the previous one immediately. */
			if (rand_r(&worker->seed) % 4)
				sleep_for(rand_r(&worker->seed) % 4000 * 1e-6);
		}
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_percentiles(struct worker *workers)
{
	size_t nr = 0, i;
	uint32_t *all;

	for (i = 0; i < options.threads; i++)
		nr += workers[i].nr_samples;
	all = malloc((nr + 1) * sizeof(*all));
	if (!all)
		die("malloc", -12);
	for (nr = 0, i = 0; i < options.threads; i++) {
		memcpy(all + nr, workers[i].samples, workers[i].nr_samples * sizeof(*all));
		nr += workers[i].nr_samples;
	}
	qsort(all, nr, sizeof(*all), compare);
	printf("get: p50 %u ns, p99 %u ns, p99.9 %u ns, of %zu\n", all[nr / 2], all[nr / 100 * 99],
	       all[nr / 1000 * 999], nr);
	free(all);
}

static struct arena_pool_stats stats_of_pool(void)
{
	struct arena_pool_stats stats = { .size = sizeof(stats) };

	arena_pool_stats_get(pool, &stats);
	return stats;
}

static size_t above(size_t bytes, size_t baseline)
{
	return bytes > baseline ? bytes - baseline : 0;
}

static void run_bursts(void)
{
	struct worker *workers = calloc(options.threads, sizeof(*workers));
	struct arena_pool_opts opts = {
		.size = sizeof(opts), .name = "bursts", .max_total = options.max_total,
		.period = options.period * SEC,
	};
	size_t baseline, peak = 0, rest = 0, sample;
	struct arena_pool_stats stats;
	uint64_t hits, gets = 0, end;
	unsigned int burst, i;
	int err;

	if (!workers)
		die("calloc", -12);
	err = arena_pool_create(&pool, &opts);
	if (err)
		die("arena_pool_create", err);
	pthread_barrier_init(&barrier, NULL, options.threads + 1);
	for (i = 0; i < options.threads; i++) {
		workers[i].seed = options.seed * 1000 + i;
		workers[i].samples = malloc(MAX_SAMPLES * sizeof(*workers[i].samples));
		if (!workers[i].samples)
			die("malloc", -12);
		/* Touch this memory now: it is not the pool's, and belongs to the baseline. */
		memset(workers[i].samples, 1, MAX_SAMPLES * sizeof(*workers[i].samples));
		if (pthread_create(&workers[i].id, NULL, work, &workers[i]))
			die("pthread_create", -11);
	}
	baseline = resident();
	for (burst = 0; burst < options.bursts; burst++) {
		is_burst = true;
		pthread_barrier_wait(&barrier);
		for (end = now() + options.burst * SEC; now() < end; sleep_for(0.05)) {
			sample = above(resident(), baseline);
			if (sample > peak)
				peak = sample;
		}
		is_burst = false;
		sleep_for(options.pause + 0.05 * options.period);
		sample = above(resident(), baseline);
		if (sample > rest)
			rest = sample;
	}
	for (i = 0; i < options.threads; i++)
		pthread_join(workers[i].id, NULL);
	stats = stats_of_pool();
	for (i = 0; i < options.threads; i++)
		gets += workers[i].gets;
	hits = stats.hits_own + stats.hits_shared;
	printf("hits: %.2f %% of %llu gets (own %llu, shared %llu; at least 89.1)\n",
	       100.0 * hits / gets, (unsigned long long)gets,
	       (unsigned long long)stats.hits_own, (unsigned long long)stats.hits_shared);
	printf("resident: %.1f MiB at the peak, %.1f MiB after the pauses, %.2f %% (at most 5.2)\n",
	       (double)peak / MIB, (double)rest / MIB, peak ? 100.0 * rest / peak : 0);
	printf("waits: %llu, the most often overtaken by %llu (at most %u threads)\n",
	       (unsigned long long)stats.waits, (unsigned long long)stats.overtaken,
	       options.threads);
	print_percentiles(workers);
}

static void run_adversary(void)
{
	struct arena_pool_opts opts = { .size = sizeof(opts), .name = "adversary" };
	unsigned int seed = options.seed;
	size_t baseline, after, expected;
	struct arena *a;
	uint64_t i;
	int err;

	err = arena_pool_create(&pool, &opts);
	if (err)
		die("arena_pool_create", err);
	baseline = resident();
	for (i = 0; i < options.requests; i++) {
		err = arena_pool_get(pool, &a, 0, NULL);
		if (err < 0)
			die("arena_pool_get", err);
		touch(a, rand_r(&seed) % 1000 ? 400000 : 40000000);
		arena_pool_put(pool, a);
	}
	after = above(resident(), baseline);
	expected = (arena_predict("adversary", 990) + BLOCK - 1) & -BLOCK;
	printf("%llu requests: resident %.2f MiB, p99 in blocks %.0f MiB: %.3f (at most 1.2)\n",
	       (unsigned long long)options.requests, (double)after / MIB, (double)expected / MIB,
	       (double)after / expected);
	printf("trimmed %llu times\n", (unsigned long long)stats_of_pool().oversized);
}

static void usage(void)
{
	fputs("usage: pool [-a] [-s seed] [-t threads] [-n bursts] [-b burst] [-p pause]\n"
	      "            [-i period] [-m most arenas] [-r requests]\n"
	      "times are in seconds; -a: one request in a thousand is huge, -r of them\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	bool is_adversary = false;
	int c;

	while ((c = getopt(argc, argv, "as:t:n:b:p:i:m:r:")) != -1) {
		switch (c) {
		case 'a': is_adversary = true; break;
		case 's': options.seed = strtoul(optarg, NULL, 0); break;
		case 't': options.threads = strtoul(optarg, NULL, 0); break;
		case 'n': options.bursts = strtoul(optarg, NULL, 0); break;
		case 'b': options.burst = strtod(optarg, NULL); break;
		case 'p': options.pause = strtod(optarg, NULL); break;
		case 'i': options.period = strtod(optarg, NULL); break;
		case 'm': options.max_total = strtoul(optarg, NULL, 0); break;
		case 'r': options.requests = strtoull(optarg, NULL, 0); break;
		default: usage();
		}
	}
	if (optind < argc)
		usage();
	printf("seed %u\n", options.seed);
	if (is_adversary)
		run_adversary();
	else
		run_bursts();
	return arena_pool_destroy(pool) ? 1 : 0;
}
