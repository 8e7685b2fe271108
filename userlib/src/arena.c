// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Creating and destroying arenas and their children.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "checks.h"
#include "create.h"
#include "fault.h"
#include "fork.h"
#include "free.h"
#include "options.h"
#include "owner.h"
#include "private.h"
#include "range.h"
#include "registry.h"
#include "sketch.h"
#include "stats.h"
#include "probes.h"

#define DEFAULT_RESERVE	((size_t)16 << 30)
#define LEAST_RESERVE	((size_t)64 << 20)

/* --- growth ---------------------------------------------------------------- */

/* --- create ------------------------------------------------------------------ */

/* Reserve a range from the first backing that works, of those that the options allow. */
static int reserve_range(struct arena_private *a, const struct arena_opts *opts,
			 size_t bytes)
{
	static const struct backend *const all[] = {
		&arena_backend_device, &arena_backend_huge, &arena_backend_anon,
	};
	bool is_demanded = opts->backing != ARENA_BACKING_ANY &&
			   !(opts->flags & ARENA_OPT_PREFER);
	size_t i, total = bytes;
	int err = -EOPNOTSUPP;

	if ((opts->flags & ARENA_OPT_QUARANTINE) && __builtin_mul_overflow(bytes, (size_t)2, &total))
		return -ENOMEM;
	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		a->backend = all[i];
		if (a->backend->kind < opts->backing)
			continue;
		/* Only on request: ARENA_BACKING_ANON gets huge pages if available. */
		if (opts->backing == ARENA_BACKING_ANY &&
		    a->backend->kind == ARENA_BACKING_HUGE)
			continue;
		err = a->backend->reserve(&a->range, total, opts);
		if (!err || is_demanded)
			break;
	}
	if (!err)
		a->range.start = a->range.end - bytes;
	return err;
}

static int round_to_blocks(size_t *bytes)
{
	if (__builtin_add_overflow(*bytes, ARENA_BLOCK - 1, bytes))
		return -ENOMEM;
	*bytes &= -ARENA_BLOCK;
	return 0;
}

static void set_name(struct arena_private *a, const char *name)
{
	strncpy(a->name, name ? name : "arena", NAME_SIZE - 1);
}

int arena_commit_ahead(struct arena_private *a)
{
	size_t bytes = arena_sketch_p99(a->sketch);
	char *from;
	int err;

	if (bytes > (size_t)(a->range.end - a->lowest))
		bytes = a->range.end - a->lowest;
	from = align_down(a->range.end - bytes, ARENA_BLOCK);
	if (from >= a->committed)
		return 0;
	err = arena_commit_to(a, from);
	arena_refresh_top(a);
	return err;
}

/*
 * Set the limits of an arena in which nothing is allocated. Nothing is committed yet, or,
 * in a child, everything.
 */
static void start_range(struct arena_private *a, size_t limit)
{
	size_t bytes = a->range.end - a->range.start;

	a->slice = whole_slice(a);
	if (limit && limit < bytes)
		bytes = limit & -ARENA_ALIGN;
	a->lowest = a->range.end - bytes;
	set_top(a, a->range.end);
}

static int create(struct arena **result, const struct arena_opts *from, uint32_t flags)
{
	struct arena_opts opts;
	struct arena_private *a;
	bool is_sized;
	size_t bytes;
	int err;

	err = arena_read_opts(&opts, from);
	if (err)
		return err;
	opts.flags |= flags;
	arena_override_opts(&opts);
	is_sized = opts.reserve == ARENA_RESERVE_AUTO;
	bytes = is_sized ? 0 : opts.reserve;
	err = round_to_blocks(&bytes);
	if (!err)
		err = round_to_blocks(&opts.prefault);
	if (err)
		return err;

	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	if (bytes) {
		err = reserve_range(a, &opts, bytes);
	} else {
		/* RLIMIT_AS, strict overcommit or mlockall() may require less. */
		bytes = DEFAULT_RESERVE;
		do
			err = reserve_range(a, &opts, bytes);
		while ((err == -ENOMEM || err == -EAGAIN) &&
		       (bytes /= 2) >= LEAST_RESERVE);
	}
	if (err)
		goto free_arena;
	set_name(a, opts.name);
	a->is_lost_in_fork = a->backend->kind == ARENA_BACKING_DEVICE;
	a->forks = arena_forks();
	a->keeps_dirty = opts.flags & ARENA_OPT_KEEP_DIRTY;
	a->committed = a->range.end;
	a->reached = a->range.end;
	a->clean = a->keeps_dirty ? a->range.map : a->range.end;
	a->is_quarantined = opts.flags & ARENA_OPT_QUARANTINE;
	a->is_counted = opts.flags & ARENA_OPT_COUNT;
	start_range(a, opts.limit);
	if (opts.prefault) {
		err = -EINVAL;
		if (opts.prefault <= bytes)
			err = arena_commit_to(a, a->range.end - opts.prefault);
		if (!err)
			err = arena_populate(a->committed, a->range.end);
		if (err)
			goto unreserve;
		set_top(a, a->range.end);
	}
	/* If this fails, the arena commits memory as it grows, like any other. */
	if (is_sized) {
		a->sketch = arena_sketch_get(a->name);
		(void)arena_commit_ahead(a);
	}
	if (opts.flags & ARENA_OPT_THREAD_OWNED) {
		a->is_thread_owned = true;
		a->owned.end = arena_destroy;
		err = arena_own(a);
		if (err)
			goto unreserve;
	}
	if (opts.flags & ARENA_OPT_CHECKS) {
		err = arena_checks_create(a);
		if (err)
			goto disown;
	}
	arena_fault_begin();
	arena_stats_begin(a);
	arena_registry_add(a);
	PROBE3(create, a, a->name, bytes);
	*result = &a->pub;
	return 0;

disown:
	arena_disown(a);
unreserve:
	arena_sketch_put(a->sketch);
	a->backend->unreserve(&a->range);
free_arena:
	free(a);
	return err;
}

int arena_create(struct arena **a, const struct arena_opts *opts)
{
	int saved_errno = errno;
	int err;

	err = create(a, opts, 0);
	errno = saved_errno;
	return err;
}

int arena_create_checked(struct arena **a, const struct arena_opts *opts)
{
	int saved_errno = errno;
	int err;

	err = create(a, opts, ARENA_OPT_CHECKS);
	errno = saved_errno;
	return err;
}

/* Free a child's memory if it is the last allocation of its parent. */
static void free_in_parent(struct arena_private *a)
{
	struct arena_private *parent = a->parent;
	char *end = a->range.end;

	if (top_of(parent) != a->range.start)
		return;
	if (parent->checks)
		end = arena_checks_end_of_last(parent);
	arena_raise_top(parent, end, parent->packed, "arena_destroy");
}

/* Cleanup in the parent: the parent frees the child's memory. */
static void end_child(void *ctx)
{
	struct arena_private *a = ctx;

	a->parent = NULL;
	/* It may belong to another thread. */
	(void)arena_adopt(&a->pub);
	arena_destroy(&a->pub);
}

int arena_create_child(struct arena **result, struct arena *parent,
		       const struct arena_opts *from)
{
	struct arena_opts opts, inherited = { 0 };
	struct arena_private *a;
	int saved_errno = errno;
	size_t bytes;
	int err;

	check_use(private(parent), "arena_create_child");
	err = arena_read_opts(&opts, from);
	if (err)
		return err;
	inherited.size = opts.size;
	inherited.name = opts.name;
	inherited.reserve = opts.reserve;
	inherited.limit = opts.limit;
	if (!opts.reserve || opts.reserve == ARENA_RESERVE_AUTO || memcmp(&inherited, &opts, sizeof(opts)))
		return -EINVAL;
	if (__builtin_add_overflow(opts.reserve, ARENA_ALIGN - 1, &bytes))
		return -ENOMEM;
	bytes &= -ARENA_ALIGN;

	a = calloc(1, sizeof(*a));
	errno = saved_errno;
	if (!a)
		return -ENOMEM;
	a->range.start = arena_try_alloc(parent, bytes);
	if (!a->range.start) {
		free(a);
		return arena_error(parent);
	}
	a->range.end = a->range.start + bytes;
	a->range.map = a->range.start;
	a->range.map_end = a->range.end;
	a->range.fd = -1;
	a->committed = a->range.start;
	a->clean = a->range.start;
	a->parent = private(parent);
	a->is_counted = a->parent->is_counted;
	start_range(a, opts.limit);
	set_name(a, opts.name);
	a->is_lost_in_fork = a->parent->is_lost_in_fork;
	a->forks = a->parent->forks;
	if (a->parent->checks && arena_checks_create(a)) {
		free_in_parent(a);
		free(a);
		return -ENOMEM;
	}
	a->parent->end_child = end_child;
	arena_cleanup_add(parent, &a->in_parent, end_child, a);
	PROBE3(create, a, a->name, bytes);
	*result = &a->pub;
	return 0;
}

/* --- free -------------------------------------------------------------------- */

/* The structure of a checked arena is kept, so that later uses of it are detected. */
static void end(struct arena_private *a)
{
	if (a->backend) {
		arena_disown(a);
		arena_registry_remove(a);
	}
	if (a->checks)
		arena_checks_destroy(a);
	if (a->backend)
		a->backend->unreserve(&a->range);
	arena_sketch_put(a->sketch);
	free(a->epochs.all);
	if (!a->checks)
		free(a);
}

void arena_destroy(struct arena *pub)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;

	if (!a)
		return;
	/* This process does not have the memory: there is none to check or to release. */
	if (is_foreign(a)) {
		end(a);
		goto out;
	}
	check_use(a, "arena_destroy");
	if (a->parent)
		check_use(a->parent, "arena_destroy");
	PROBE2(destroy, a, a->name);
	arena_stats_end(a);
	run_cleanups(a, 0);
	note_use(a);
	if (a->checks && !a->is_idle)
		arena_checks_free(a, a->range.end, "arena_destroy");
	if (a->parent) {
		arena_cleanup_remove(&a->parent->pub, &a->in_parent);
		free_in_parent(a);
	}
	end(a);
out:
	errno = saved_errno;
}
