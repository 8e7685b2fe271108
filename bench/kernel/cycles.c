// SPDX-License-Identifier: GPL-2.0-only
/*
 * Full cycles: map memory, touch each page, and give it back; by one thread, by several
 * threads, and without the touch.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "benches.h"

static void open_cycle(struct job *job)
{
	const struct way *way = job->way;

	if (!way->opened)
		open_way(job);
	if (way->kept)
		map_way(job);
}

static void close_cycle(struct job *job)
{
	const struct way *way = job->way;

	if (way->kept)
		unmap_way(job);
	if (!way->opened)
		close_way(job);
}

static bool populates_at_mmap(const struct way *way)
{
	return way->take == BY_POPULATE && way->kind != SMALL && way->kind != THP;
}

static void acquire(struct job *job)
{
	const struct way *way = job->way;

	if (way->opened)
		open_way(job);
	if (!way->kept)
		map_way(job);
	if (!populates_at_mmap(way))
		take_way(job);
}

static struct arena_ioc_stats stats_before(const struct job *job)
{
	struct arena_ioc_stats none = { 0 };

	return job->way->dirty ? stats_of(job->fd) : none;
}

/* Number of blocks that an arena is expected to take from its own cache. */
static void check_cache(struct job *job, struct arena_ioc_stats before)
{
	uint64_t from_cache = stats_of(job->fd).from_cache - before.from_cache;

	if (from_cache != (uint64_t)job->blocks)
		fail("%s: %" PRIu64 " of %ld blocks came from its cache", job->way->peer,
		     from_cache, job->blocks);
}

/* A memfd's pages are punched out after munmap(), which does not free them. */
static bool is_released_after_unmap(const struct way *way)
{
	return way->kind == MEMFD || way->kind == MEMFD_HUGETLB;
}

static void run_cycle(struct job *job, struct figures *figures, bool is_first)
{
	const struct way *way = job->way;
	struct arena_ioc_stats before;
	long tables = page_table_pages();

	wait_for_pool(job->blocks);
	before = stats_before(job);
	begin(figures, is_first);
	acquire(job);
	lap(ACQUIRE);
	touch_way(job->memory, bytes_of(job), PAGE);
	lap(TOUCH);
	if (is_first) {
		skip();
		check_mapping(job);
		figures->extra[PAGE_TABLES] = page_table_pages() - tables;
		resume();
	}
	if (way->kind == ARENA || way->kept)
		release_way(job, 0, job->blocks);
	lap(RELEASE);
	if (!way->kept)
		unmap_way(job);
	lap(UNMAP);
	if (is_released_after_unmap(way))
		release_way(job, 0, job->blocks);
	lap(RELEASE);
	if (way->opened)
		close_way(job);
	lap(UNMAP);
	end();
	if (way->dirty && !is_first)
		check_cache(job, before);
}

const struct bench cycle = {
	.name = "cycle", .open = open_cycle, .round = run_cycle, .close = close_cycle,
};

/* --- without touching ------------------------------------------------------ */

static void run_map_and_unmap(struct job *job, struct figures *figures, bool is_first)
{
	wait_for_pool(job->blocks);
	begin(figures, is_first);
	map_way(job);
	lap(ACQUIRE);
	unmap_way(job);
	lap(UNMAP);
	end();
	if (job->way->kind == ARENA)
		release_way(job, 0, job->blocks);
}

const struct bench map_and_unmap = {
	.name = "map and unmap", .open = open_way, .round = run_map_and_unmap,
	.close = close_way,
};

/* --- several threads ------------------------------------------------------ */

#define MAX_THREADS	64
/*
 * Threads, including the caller, each on its own CPU and with its own memory. They spin until
 * all have arrived, and again until all have finished.
 */
static struct {
	pthread_t ids[MAX_THREADS], keeper;
	struct job jobs[MAX_THREADS];
	int arrived, done;
	bool is_on;
} team;

/* Let the emulator run another CPU while this one waits. */
static void pause_cpu(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

static void spin_until(int *counter, int nr)
{
	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < nr)
		pause_cpu();
}

static void spin_until_on(bool is_on)
{
	while (__atomic_load_n(&team.is_on, __ATOMIC_ACQUIRE) != is_on)
		pause_cpu();
}

static void count(int *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_ACQ_REL);
}

/* A single cycle of small pages takes long enough. */
static int cycles_of(const struct way *way)
{
	return way->kind == SMALL || way->kind == MEMFD ? 1 : CYCLES_OF_EACH;
}

static void do_cycles(struct job *job)
{
	int i;

	for (i = 0; i < cycles_of(job->way); i++) {
		acquire(job);
		touch_way(job->memory, bytes_of(job), PAGE);
		if (job->way->kind == ARENA)
			release_way(job, 0, job->blocks);
		unmap_way(job);
		if (is_released_after_unmap(job->way))
			release_way(job, 0, job->blocks);
	}
}

static void *run_thread(void *data)
{
	struct job *job = data;

	count(&team.arrived);
	spin_until_on(true);
	do_cycles(job);
	count(&team.done);
	spin_until_on(false);
	return NULL;
}

/*
 * If the clock counts the instructions of all CPUs, keep the CPU of the module's thread busy
 * with waiting; otherwise that thread would zero blocks whenever a thread sleeps. Waiting
 * costs a few instructions in each turn of the CPU.
 */
static void *keep_busy(void *data)
{
	(void)data;
	count(&team.arrived);
	spin_until_on(true);
	spin_until_on(false);
	return NULL;
}

/* Start the thread on its CPU: a thread that spins on this CPU does not yield it. */
static void start(pthread_t *id, int cpu, void *(*function)(void *), void *data)
{
	pthread_attr_t attr;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	if (pthread_create(id, &attr, function, data))
		die("a thread on CPU %d", cpu);
	pthread_attr_destroy(&attr);
}

static void open_threads(struct job *job)
{
	struct job *jobs = calloc(job->variant, sizeof(*jobs));
	int i;

	if (!jobs)
		die("no memory");
	job->data = jobs;
	for (i = 0; i < job->variant; i++) {
		jobs[i] = *job;
		jobs[i].place = (char *)job->place + i * ((size_t)64 << 30);
		open_way(&jobs[i]);
	}
}

static void close_threads(struct job *job)
{
	struct job *jobs = job->data;
	int i;

	for (i = 0; i < job->variant; i++)
		close_way(&jobs[i]);
	free(jobs);
}

static void run_threads(struct job *job, struct figures *figures, bool is_first)
{
	int nr_others = job->variant - 1, i;

	memcpy(team.jobs, job->data, job->variant * sizeof(team.jobs[0]));
	team.arrived = 0;
	team.done = 0;
	wait_for_pool(CYCLES_OF_EACH * job->variant * job->blocks);

	begin(figures, is_first);
	skip();
	for (i = 1; i <= nr_others; i++)
		start(&team.ids[i], i, run_thread, &team.jobs[i]);
	if (counts_instructions)
		start(&team.keeper, sysconf(_SC_NPROCESSORS_ONLN) - 1, keep_busy, NULL);
	spin_until(&team.arrived, nr_others + counts_instructions);
	resume();
	__atomic_store_n(&team.is_on, true, __ATOMIC_RELEASE);
	do_cycles(&team.jobs[0]);
	spin_until(&team.done, nr_others);
	lap(TOUCH);
	__atomic_store_n(&team.is_on, false, __ATOMIC_RELEASE);
	for (i = 1; i <= nr_others; i++)
		pthread_join(team.ids[i], NULL);
	if (counts_instructions)
		pthread_join(team.keeper, NULL);
	end();
	/* The instruction clock counts all CPUs. */
	figures->value /= cycles_of(job->way) * (counts_instructions ? job->variant : 1);
}

const struct bench threads = {
	.name = "threads", .unit = " per cycle", .open = open_threads, .round = run_threads,
	.close = close_threads,
};
