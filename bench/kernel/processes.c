// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of existing memory for its process: when the process forks, and when it lets the
 * system take memory that it currently does not need.
 */
#define _GNU_SOURCE
#include <arena/arena.h>

#include "benches.h"

/* The unit in which memory is copied, taken or mapped. */
static size_t own_page(const struct job *job)
{
	return job->way->kind == SMALL ? PAGE : BLOCK;
}

/* --- fork ----------------------------------------------------------------- */

/* Keep memory from being copied in the turns of other ways. */
static void open_fork(struct job *job)
{
	if (!job->way)
		return;
	open_mapped(job);
	touch_way(job->memory, bytes_of(job), PAGE);
	madvise(job->memory, bytes_of(job), MADV_DONTFORK);
}

static void close_fork(struct job *job)
{
	if (job->way)
		close_mapped(job);
}

/* fork() does not copy regions, so MADV_DOFORK is not needed for an arena. */
static bool is_copied(const struct job *job)
{
	return job->way && job->way->kind != ARENA && !job->way->not_forked;
}

/*
 * Fork a child that does nothing, and wait for it. Then the parent writes to each page again,
 * which can copy the page or map it anew.
 */
static void run_fork(struct job *job, struct figures *figures, bool is_first)
{
	pid_t child;

	wait_for_pool(0);
	if (is_copied(job))
		madvise(job->memory, bytes_of(job), MADV_DOFORK);
	begin(figures, is_first);
	child = fork();
	if (!child)
		_exit(0);
	if (child < 0 || wait_for(child))
		die("fork");
	lap(ACQUIRE);
	if (job->way)
		touch_way(job->memory, bytes_of(job), own_page(job));
	lap(TOUCH);
	end();
	if (is_copied(job))
		madvise(job->memory, bytes_of(job), MADV_DONTFORK);
}

const struct bench fork_and_wait = {
	.name = "fork", .open = open_fork, .round = run_fork, .close = close_fork,
};

/* --- idle and claim ------------------------------------------------------- */

/* A single pair takes too few instructions to measure. */
#define PAIRS	16

static void open_idle(struct job *job)
{
	struct arena_opts opts = {
		.size = sizeof(opts), .backing = ARENA_BACKING_DEVICE,
	};
	struct arena_stats stats = { .size = sizeof(stats) };
	struct arena *a;

	if (job->way->kind != ARENA) {
		open_mapped(job);
		touch_way(job->memory, bytes_of(job), PAGE);
		return;
	}
	if (arena_create(&a, &opts))
		die("arena_create");
	job->data = a;
	/* The library's own data is not in the arena, so the sizes match. */
	job->memory = arena_alloc(a, bytes_of(job));
	if (!job->memory)
		die("%ld blocks", job->blocks);
	touch_way(job->memory, bytes_of(job), PAGE);
	arena_stats_get(a, &stats);
	if (stats.blocks != (uint64_t)job->blocks)
		fail("idle: %" PRIu64 " blocks, not %ld", stats.blocks, job->blocks);
	check_mapping(job);
	/* Only the first time makes a system call. */
	if (arena_idle(a) || arena_claim(a) != 1)
		die("arena_idle");
}

static void close_idle(struct job *job)
{
	if (job->way->kind == ARENA)
		arena_destroy(job->data);
	else
		close_mapped(job);
}

static void mark_and_claim(struct arena *a)
{
	int i;

	for (i = 0; i < PAIRS; i++) {
		if (arena_idle(a) || arena_claim(a) != 1)
			fail("idle: something was taken");
	}
}

/*
 * MADV_FREE is the equivalent for memory outside arenas: the system may take it until it is
 * written to. To claim it, write once to each of its pages, whether small or huge.
 */
static void run_idle(struct job *job, struct figures *figures, bool is_first)
{
	wait_for_pool(0);
	begin(figures, is_first);
	if (job->way->kind == ARENA) {
		mark_and_claim(job->data);
		lap(TOUCH);
		figures->value /= PAIRS;
		figures->extra[TOUCH] /= PAIRS;
	} else {
		release_way(job, 0, job->blocks);
		lap(RELEASE);
		touch_way(job->memory, bytes_of(job), own_page(job));
		lap(TOUCH);
	}
	end();
}

const struct bench idle_and_claim = {
	.name = "idle and claim", .open = open_idle, .round = run_idle, .close = close_idle,
};
