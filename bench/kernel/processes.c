// SPDX-License-Identifier: GPL-2.0-only
/*
 * What memory that is there costs its process: when it forks, and when it keeps what it
 * does not need just now for the system to take.
 */
#define _GNU_SOURCE
#include <arena/arena.h>

#include "benches.h"

/* What is copied, taken or mapped as one. */
static size_t own_page(const struct job *job)
{
	return job->way->kind == SMALL ? PAGE : BLOCK;
}

/* --- fork ----------------------------------------------------------------- */

/* Other ways' memory is not to be copied: only its own is there for a child. */
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

/* A region is not copied, and there is nothing to undo. */
static bool is_copied(const struct job *job)
{
	return job->way && job->way->kind != ARENA && !job->way->not_forked;
}

/*
 * Until the child, which does nothing, has been waited for; and then the parent writes
 * to each page again, which it may have to copy or to map anew.
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

/* One takes a few instructions. */
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
	/* The library keeps what it knows of an arena outside of it. */
	job->memory = arena_alloc(a, bytes_of(job));
	if (!job->memory)
		die("%ld blocks", job->blocks);
	touch_way(job->memory, bytes_of(job), PAGE);
	arena_stats_get(a, &stats);
	if (stats.blocks != (uint64_t)job->blocks)
		fail("idle: %" PRIu64 " blocks, not %ld", stats.blocks, job->blocks);
	check_mapping(job);
	/* The first time takes a call. */
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
 * MADV_FREE says the same of memory that has no arena: the system may take it until it is
 * written to. One write to each of its pages then, whatever their size.
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
