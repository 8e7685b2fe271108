// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on memory that stays mapped: the first touch, populating, giving parts back, and
 * getting them back.
 */
#define _GNU_SOURCE
#include "benches.h"

static void run_first_touch(struct job *job, struct figures *figures, bool is_first)
{
	wait_for_pool(job->blocks);
	/* A way that commits by a call does so before the measurement. */
	take_way(job);
	begin(figures, is_first);
	touch_way(job->memory, bytes_of(job), job->variant);
	lap(TOUCH);
	end();
	release_way(job, 0, job->blocks);
}

const struct bench first_touch = {
	.name = "first touch", .unit = " per block", .is_per_block = true,
	.open = open_mapped, .round = run_first_touch, .close = close_mapped,
};

/* Includes writing to each page, because not all of these calls map the pages they allocate. */
static void run_populate(struct job *job, struct figures *figures, bool is_first)
{
	wait_for_pool(job->blocks);
	begin(figures, is_first);
	take_way(job);
	lap(ACQUIRE);
	touch_way(job->memory, bytes_of(job), PAGE);
	lap(TOUCH);
	end();
	if (is_first)
		check_mapping(job);
	release_way(job, 0, job->blocks);
}

const struct bench populate = {
	.name = "populate", .unit = " per block", .is_per_block = true,
	.open = open_mapped, .round = run_populate, .close = close_mapped,
};

static void release_piece(struct job *job)
{
	long i;

	switch (job->variant) {
	case ONE_BLOCK:
		release_way(job, job->blocks / 2, 1);
		break;
	case HALF:
		release_way(job, 0, job->blocks / 2);
		break;
	case ALL:
		release_way(job, 0, job->blocks);
		break;
	case EVERY_SECOND:
		for (i = 0; i < job->blocks; i += 2)
			release_way(job, i, 1);
		break;
	}
}

static void run_release(struct job *job, struct figures *figures, bool is_first)
{
	wait_for_pool(job->blocks);
	touch_way(job->memory, bytes_of(job), PAGE);
	begin(figures, is_first);
	release_piece(job);
	lap(RELEASE);
	end();
}

const struct bench release = {
	.name = "release", .open = open_mapped, .round = run_release, .close = close_mapped,
};

static void open_reuse(struct job *job)
{
	open_mapped(job);
	touch_way(job->memory, bytes_of(job), PAGE);
}

static void run_reuse(struct job *job, struct figures *figures, bool is_first)
{
	wait_for_pool(job->blocks);
	begin(figures, is_first);
	release_way(job, 0, job->blocks);
	lap(RELEASE);
	take_way(job);
	lap(ACQUIRE);
	touch_way(job->memory, bytes_of(job), PAGE);
	lap(TOUCH);
	end();
}

const struct bench reuse = {
	.name = "reuse", .open = open_reuse, .round = run_reuse, .close = close_mapped,
};
