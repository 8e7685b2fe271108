// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Arenas: creation, growth, marks, reset and release.
 *
 *	range.start      committed          base+left          range.end
 *	|  reserved      |  committed, free |  allocated       |
 *	                 base, or lowest <-->
 *	                                left
 *
 * Allocation moves the top, base+left, down. Growth moves committed down. base follows
 * committed, but a limit keeps it from going below lowest. A new arena has base ==
 * range.end and left == 0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "probes.h"

#define DEFAULT_RESERVE	((size_t)16 << 30)
#define LEAST_RESERVE	((size_t)64 << 20)

/* An arena grows by as much as it has committed, within these bounds. */
#define LEAST_GROWTH	ARENA_BLOCK
#define MOST_GROWTH	((size_t)64 << 20)

/* --- growth ---------------------------------------------------------------- */

/* Set the top; let at most @most bytes be allocated before arena_cut() is called. */
static void give(struct arena_private *a, char *top, size_t most)
{
	char *base = a->committed > a->lowest ? a->committed : a->lowest;

	if ((size_t)(top - base) > most)
		base = top - most;
	a->pub.base = base;
	a->pub.left = top - base;
}

/* While a scope is bound, left does not grow: freeing must not delay the next check. */
static void set_top(struct arena_private *a, char *top)
{
	size_t most = a->slice;

	if (a->scope.is_bound && most > a->pub.left)
		most = a->pub.left;
	give(a, top, a->is_idle ? 0 : most);
}

void arena_refresh_top(struct arena_private *a)
{
	set_top(a, top_of(a));
}

static int commit_to(struct arena_private *a, char *from)
{
	int err = a->backend->commit(&a->range, from, a->committed);

	/* A part of it may have been committed. */
	if (err) {
		a->backend->release(&a->range, from, a->committed);
		return err;
	}
	if (a->checks)
		arena_checks_commit(a, from, a->committed);
	a->stats.commits++;
	a->stats.obtained += a->committed - from;
	PROBE3(commit, a, from, a->committed - from);
	a->committed = from;
	if (from < a->reached)
		a->reached = from;
	return 0;
}

/* Commit at least down to @addr; commit more at once if there is enough memory. */
static int grow(struct arena_private *a, char *addr)
{
	char *start = align_down(a->lowest, ARENA_BLOCK);
	char *needed = align_down(addr, ARENA_BLOCK);
	size_t growth = a->range.end - a->committed;
	char *wanted;

	if (growth < LEAST_GROWTH)
		growth = LEAST_GROWTH;
	if (growth > MOST_GROWTH)
		growth = MOST_GROWTH;
	if (growth > (size_t)(a->committed - start))
		growth = a->committed - start;
	wanted = a->committed - growth;

	if (wanted < needed && !commit_to(a, wanted))
		return 0;
	return commit_to(a, needed);
}

char *arena_cut(struct arena_private *a, char *end, size_t size, size_t align)
{
	uintptr_t addr;
	char *memory;
	int err;

	if (is_foreign(a)) {
		err = -EPERM;
		goto fail;
	}
	if (a->is_idle) {
		err = -EBUSY;
		goto fail;
	}
	if (a->scope.is_bound && arena_is_over(a)) {
		err = -ECANCELED;
		goto fail;
	}
	if (__builtin_sub_overflow((uintptr_t)end, size, &addr)) {
		err = -ENOMEM;
		goto fail;
	}
	addr &= -align;
	if (addr < (uintptr_t)a->lowest) {
		err = addr < (uintptr_t)a->range.start ? -ENOMEM : -EDQUOT;
		goto fail;
	}
	memory = end - ((uintptr_t)end - addr);
	if (memory < a->committed) {
		err = grow(a, memory);
		if (err)
			goto fail;
	}
	give(a, align_down(memory, ARENA_ALIGN), a->slice);
	return memory;

fail:
	a->error = err;
	a->stats.failures++;
	return NULL;
}

size_t arena_used_to_the_byte(const struct arena_private *a)
{
	char *top = top_of(a);

	if (a->packed && align_down(a->packed, ARENA_ALIGN) == top)
		top = a->packed;
	return a->range.end - top;
}

/*
 * Release the committed memory below @from, a multiple of ARENA_BLOCK. Even if that
 * fails, the memory counts as released: the arena commits it again before it uses it.
 */
static int give_back(struct arena_private *a, char *from)
{
	char *top = top_of(a);
	int err = a->backend->release(&a->range, a->committed, from);

	if (!err && a->clean < from && !a->keeps_dirty)
		a->clean = from;
	else if (err && a->clean > a->committed)
		a->clean = a->committed;
	a->committed = from;
	set_top(a, top);
	return err;
}

/*
 * Free memory above a->committed is allocated without asking the back end, so there must
 * be no holes in it. If arena_region_decommit() has made some, release all free memory.
 */
static void free_holes(struct arena_private *a, char *from)
{
	if (from > a->committed)
		(void)give_back(a, from);
	if (a->holes_end <= from)
		a->holes_end = NULL;
	else
		a->holes = from;
}

void arena_raise_top(struct arena_private *a, char *top, char *packed, const char *call)
{
	size_t used = used_of(a), bytes = arena_used_to_the_byte(a);

	if (a->checks)
		arena_checks_free(a, top, call);
	if (used > a->stats.peak)
		a->stats.peak = used;
	if (used > a->peak)
		a->peak = used;
	if (top_of(a) < a->clean)
		a->clean = top_of(a);
	a->packed = packed;
	set_top(a, top);
	a->stats.allocated += bytes - arena_used_to_the_byte(a);
	if (a->holes_end && a->holes < top)
		free_holes(a, align_down(top, ARENA_BLOCK));
	/* If the last allocation is a string, the bytes below it are free, too. */
	if (a->epochs.is_kept)
		arena_note_epoch(a, arena_used_to_the_byte(a));
}

bool arena_has_made_room(struct arena_private *a, size_t size)
{
	return a->oom && a->oom(&a->pub, size, a->error, a->oom_ctx);
}

void *arena_try_alloc_slow(struct arena *pub, size_t size, size_t align)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;
	char *memory;

	check_use(a, "arena_alloc");
	a->stats.slow++;
	if (!arena_is_alignment(align)) {
		a->error = -EINVAL;
		a->stats.failures++;
		return NULL;
	}
	if (align < ARENA_ALIGN)
		align = ARENA_ALIGN;
	memory = a->checks ? arena_checks_alloc(a, size, align) :
			     arena_cut(a, top_of(a), size, align);
	if (memory)
		count(a, size);
	errno = saved_errno;
	return memory;
}

void *arena_alloc_slow(struct arena *a, size_t size, size_t align)
{
	void *memory;

	do
		memory = arena_try_alloc_slow(a, size, align);
	while (!memory && arena_has_made_room(private(a), size));
	return memory;
}

int arena_error(const struct arena *a)
{
	return const_private(a)->error;
}

void arena_set_oom(struct arena *a, arena_oom_fn *fn, void *ctx)
{
	check_use(private(a), "arena_set_oom");
	private(a)->oom = fn;
	private(a)->oom_ctx = ctx;
}

/* --- create ------------------------------------------------------------------ */

/* Reserve a range from the first backing that works, of those that the options allow. */
static int reserve_range(struct arena_private *a, const struct arena_opts *opts,
			 size_t bytes)
{
	static const struct backend *const all[] = {
		&arena_backend_device, &arena_backend_huge, &arena_backend_anon,
	};
	bool is_demanded = opts->backing != ARENA_BACKING_ANY &&
			   !(opts->flags & ARENA_PREFER);
	size_t i, total = bytes;
	int err = -EOPNOTSUPP;

	if ((opts->flags & ARENA_QUARANTINE) && __builtin_mul_overflow(bytes, (size_t)2, &total))
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
	err = commit_to(a, from);
	arena_refresh_top(a);
	return err;
}

/* Everything is about to be freed: note the peak use, if the arena was used at all. */
static void note_use(const struct arena_private *a)
{
	size_t used = used_of(a) > a->peak ? used_of(a) : a->peak;

	if (a->sketch && used)
		arena_sketch_note(a->sketch, used);
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
	a->keeps_dirty = opts.flags & ARENA_KEEP_DIRTY;
	a->committed = a->range.end;
	a->reached = a->range.end;
	a->clean = a->keeps_dirty ? a->range.map : a->range.end;
	a->is_quarantined = opts.flags & ARENA_QUARANTINE;
	a->is_counted = opts.flags & ARENA_COUNT;
	start_range(a, opts.limit);
	if (opts.prefault) {
		err = -EINVAL;
		if (opts.prefault <= bytes)
			err = commit_to(a, a->range.end - opts.prefault);
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
	if (opts.flags & ARENA_THREAD_OWNED) {
		a->is_thread_owned = true;
		err = arena_own(a);
		if (err)
			goto unreserve;
	}
	if (opts.flags & ARENA_CHECKS) {
		err = arena_checks_create(a);
		if (err)
			goto disown;
	}
	arena_fault_begin();
	arena_stats_begin(a);
	arena_list_add(a);
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

	err = create(a, opts, ARENA_CHECKS);
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
	arena_cleanup_add(parent, &a->in_parent, end_child, a);
	PROBE3(create, a, a->name, bytes);
	*result = &a->pub;
	return 0;
}

/* --- free -------------------------------------------------------------------- */

/* Run the cleanups that were added after the arena's serial was @serial. */
static void run_cleanups(struct arena_private *a, uint64_t serial)
{
	struct arena_cleanup *cleanup;

	while ((cleanup = a->cleanups) && cleanup->serial > serial) {
		a->cleanups = cleanup->next;
		cleanup->fn(cleanup->ctx);
	}
}

/* Abort if a child is in the memory that is to be freed and has not been destroyed. */
static void check_children(const struct arena_private *a, uint64_t serial, const char *call)
{
	const struct arena_cleanup *cleanup;

	for (cleanup = a->cleanups; cleanup && cleanup->serial > serial;
	     cleanup = cleanup->next)
		if (cleanup->fn == end_child)
			arena_die(a, call, "its child '%s' has not been destroyed",
				  arena_name(cleanup->ctx));
}

/* Claim an arena whose memory is to be freed, whether or not its contents survived. */
static void claim_idle(struct arena_private *a)
{
	int kept = arena_claim(&a->pub);

	(void)kept;
}

/* Return false if this process does not have the memory, so that it can free nothing. */
static bool prepare_to_free(struct arena_private *a, uint64_t serial, const char *call)
{
	if (is_foreign(a))
		return false;
	if (a->checks) {
		arena_checks_use(a, call);
		check_children(a, serial, call);
	}
	if (ARENA_UNLIKELY(a->is_idle))
		claim_idle(a);
	run_cleanups(a, serial);
	return true;
}

void arena_cleanup_add(struct arena *pub, struct arena_cleanup *cleanup,
		       void (*fn)(void *ctx), void *ctx)
{
	struct arena_private *a = private(pub);

	check_use(a, "arena_cleanup_add");
	if (a->checks && a->is_idle)
		arena_die(a, "arena_cleanup_add", "it is idle");
	*cleanup = (struct arena_cleanup) {
		.fn = fn,
		.ctx = ctx,
		.next = a->cleanups,
		.serial = ++a->serial,
	};
	a->cleanups = cleanup;
}

void arena_cleanup_remove(struct arena *pub, struct arena_cleanup *cleanup)
{
	struct arena_cleanup **at = &private(pub)->cleanups;

	check_use(private(pub), "arena_cleanup_remove");
	while (*at && *at != cleanup)
		at = &(*at)->next;
	if (*at)
		*at = cleanup->next;
}

/* The structure of a checked arena is kept, so that later uses of it are detected. */
static void end(struct arena_private *a)
{
	if (a->backend) {
		arena_disown(a);
		arena_list_remove(a);
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

struct arena_mark arena_save(const struct arena *pub)
{
	const struct arena_private *a = const_private(pub);

	check_use(a, "arena_save");
	return (struct arena_mark) {
		.used = used_of(a),
		.serial = a->serial,
		.packed = a->packed,
	};
}

void arena_rewind(struct arena *pub, struct arena_mark mark)
{
	struct arena_private *a = private(pub);

	if (a->checks) {
		arena_checks_use(a, "arena_rewind");
		arena_checks_die_if_stale(a, mark);
	}
	if (!prepare_to_free(a, mark.serial, "arena_rewind"))
		return;
	a->stats.rewinds++;
	/*
	 * mark.used may be more than is used, if the last allocation has shrunk since; or
	 * the same, if strings have been allocated only in the gap below an older one.
	 */
	if (mark.used < used_of(a) || (mark.used == used_of(a) && mark.packed != a->packed))
		arena_raise_top(a, a->range.end - mark.used, mark.packed, "arena_rewind");
}

void arena_reset(struct arena *pub)
{
	struct arena_private *a = private(pub);

	if (!prepare_to_free(a, 0, "arena_reset"))
		return;
	a->stats.resets++;
	PROBE2(reset, a, used_of(a));
	note_use(a);
	arena_raise_top(a, a->range.end, NULL, "arena_reset");
	a->peak = 0;
}

/* give_back() at the caller's request: count it, and record it for reports of faults. */
static int release_below(struct arena_private *a, char *from, const char *call)
{
	char *lowest = a->committed;
	int err;

	if (!a->backend || from <= lowest)
		return 0;
	err = give_back(a, from);
	if (err)
		return err;
	a->stats.releases++;
	arena_fault_note(a, lowest, from, call);
	PROBE3(release, a, lowest, from - lowest);
	return 0;
}

/*
 * Move an arena with address quarantine below @end, or to the top of its mapping if there
 * is no room below, so that the addresses from @end up are reused last.
 */
static void move_below(struct arena_private *a, char *end)
{
	size_t bytes = a->range.end - a->range.start, most = a->range.end - a->lowest;

	if ((size_t)(end - a->range.map) < bytes)
		end = a->range.map_end;
	a->range.start = end - bytes;
	a->range.end = end;
	a->lowest = end - most;
	a->committed = end;
	a->reached = end;
	if (!a->keeps_dirty)
		a->clean = end;
	set_top(a, end);
}

int arena_release(struct arena *pub)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;
	int err;

	if (!prepare_to_free(a, 0, "arena_release"))
		return -EPERM;
	/* Everything is released at once, holes included. */
	a->holes_end = NULL;
	note_use(a);
	arena_raise_top(a, a->range.end, NULL, "arena_release");
	a->peak = 0;
	err = release_below(a, a->range.end, "arena_release");
	if (!err && a->is_quarantined && a->reached < a->range.end)
		move_below(a, a->reached);
	errno = saved_errno;
	return err;
}

int arena_trim(struct arena *pub, size_t keep)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;
	int err = 0;

	check_use(a, "arena_trim");
	if (is_foreign(a))
		return -EPERM;
	claim_idle(a);
	if (keep < used_of(a))
		keep = used_of(a);
	if (keep < (size_t)(a->range.end - a->range.start))
		err = release_below(a, align_down(a->range.end - keep, ARENA_BLOCK),
				    "arena_trim");
	errno = saved_errno;
	return err;
}
