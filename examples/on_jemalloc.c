/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * on_jemalloc - an arena of jemalloc on an arena of libarena
 *
 *	gcc -O2 on_jemalloc.c -larena -ljemalloc
 *
 * Extent hooks give jemalloc memory in whole blocks of 2 MiB, and decommit
 * blocks that it does not use. Allocations with MALLOCX_ARENA(), by any thread,
 * are in this arena, and are NULL at its limit; all other allocations use
 * jemalloc's own memory. For jemalloc 5.3.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <arena/arena.h>
#include <jemalloc/jemalloc.h>

/* The hooks have parameters that are not needed here. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define BLOCK	((size_t)2 << 20)
#define NR	1000

static struct arena *arena;
static bool is_checked;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *lowest, *top, *highest;	/* the bounds of the spans; used from top down */
static bool is_zero = true;		/* not with ARENA_OPT_KEEP_DIRTY */

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "on_jemalloc: %s: %s\n", what, why);
	exit(1);
}

/*
 * Take the lock. Any thread may call a hook, so a checked arena must be adopted
 * first.
 */
static void begin(void)
{
	pthread_mutex_lock(&lock);
	if (is_checked)
		arena_adopt(arena);
}

static char *round_down(char *addr, size_t to)
{
	return addr - ((uintptr_t)addr & (to - 1));
}

static char *round_up(char *addr, size_t to)
{
	return round_down(addr + to - 1, to);
}

/* --- hooks ---------------------------------------------------------------------------- */

static bool fits(size_t size, size_t align)
{
	return size <= (size_t)(top - lowest) && round_down(top - size, align) >= lowest;
}

/*
 * The size can be any number of pages. The rest of a span is used for the next
 * extents; in most cases the next span lies directly below, and extends it.
 */
static void *alloc(extent_hooks_t *hooks, void *where, size_t size, size_t align, bool *zero,
		   bool *commit, unsigned int ind)
{
	struct arena_span span = { .size = sizeof(span) };
	char *memory = NULL;

	if (where)
		return NULL;
	begin();
	if (!fits(size, align) && !arena_span_alloc(arena, size, align, &span)) {
		if ((char *)span.memory + span.length != lowest)
			top = (char *)span.memory + span.length;
		lowest = span.memory;
		if (!highest)
			highest = top;
		is_zero = is_zero && (span.flags & ARENA_SPAN_ZERO);
	}
	if (fits(size, align))
		memory = top = round_down(top - size, align);
	if (memory && *zero && !is_zero)
		memset(memory, 0, size);
	if (memory) {
		*zero |= is_zero;
		*commit = true;
	}
	pthread_mutex_unlock(&lock);
	return memory;
}

/*
 * Decommit the whole blocks within the range, and zero the rest: jemalloc
 * expects zeros afterwards.
 */
static bool decommit(extent_hooks_t *hooks, void *addr, size_t size, size_t offset,
		     size_t length, unsigned int ind)
{
	char *start = (char *)addr + offset, *end = start + length;
	char *from = round_up(start, BLOCK), *to = round_down(end, BLOCK);
	int err;

	if (from >= to)
		return true;
	begin();
	err = arena_span_decommit(arena, from, to - from);
	pthread_mutex_unlock(&lock);
	if (err)
		return true;
	memset(start, 0, from - start);
	memset(to, 0, end - to);
	return false;
}

/*
 * Commit all blocks that the range overlaps, since it may be a part of a
 * decommitted range.
 */
static bool commit(extent_hooks_t *hooks, void *addr, size_t size, size_t offset,
		   size_t length, unsigned int ind)
{
	char *start = (char *)addr + offset, *end = start + length;
	char *from = round_down(start, BLOCK), *to = round_up(end, BLOCK);
	int err;

	begin();
	err = arena_span_commit(arena, from, to - from);
	if (!err && !is_zero)
		memset(start, 0, length);
	pthread_mutex_unlock(&lock);
	return err;
}

static bool split(extent_hooks_t *hooks, void *addr, size_t size, size_t size_a, size_t size_b,
		  bool committed, unsigned int ind)
{
	return false;
}

static bool merge(extent_hooks_t *hooks, void *a, size_t size_a, void *b, size_t size_b,
		  bool committed, unsigned int ind)
{
	return false;
}

/*
 * There is no dalloc hook: addresses belong to jemalloc until the arena ends.
 * There is no purge_forced hook either: it would have to commit again what it
 * has decommitted, which can fail for lack of memory.
 */
static extent_hooks_t hooks = {
	.alloc = alloc, .commit = commit, .decommit = decommit, .split = split, .merge = merge,
};

/* --- test ----------------------------------------------------------------------------- */

/* Return the number of bytes that the arena has committed. */
static size_t held(void)
{
	struct arena_stats stats = { .size = sizeof(stats) };
	size_t pages = (highest - lowest) / 4096, i, held = 0;
	unsigned char *map;

	arena_stats_get(arena, &stats);
	if (stats.backing == ARENA_BACKING_DEVICE)
		return stats.blocks * BLOCK;
	map = malloc(pages);
	if (!map || mincore(lowest, highest - lowest, map))
		fail("mincore", "can't tell");
	for (i = 0; i < pages; i++)
		held += map[i] & 1;
	free(map);
	return held * 4096;
}

static int tell_jemalloc(unsigned int ind, const char *what, size_t *value)
{
	char name[40];

	snprintf(name, sizeof(name), "arena.%u.%s", ind, what);
	return mallctl(name, NULL, NULL, value, value ? sizeof(*value) : 0);
}

struct work {
	pthread_t thread;
	int flags;
	unsigned char *all[NR];
};

static size_t size_of(size_t i)
{
	return 1 + i * 7919 % 65536;
}

/* Return a description of the failure, or NULL. */
static void *fill(void *ctx)
{
	struct work *work = ctx;
	size_t i, k;

	for (i = 0; i < NR; i++) {
		work->all[i] = mallocx(size_of(i), work->flags | MALLOCX_ZERO);
		if (!work->all[i])
			return "out of memory";
		for (k = 0; k < size_of(i); k++)
			if (work->all[i][k])
				return "not zero";
		memset(work->all[i], (int)i, size_of(i));
	}
	return NULL;
}

/*
 * Fill memory by two threads at a time, then free it; return the bytes
 * committed in between.
 */
static size_t fill_and_free(int flags)
{
	static struct work works[2];
	struct work *work;
	size_t i, k, most;
	void *why;

	for (work = works; work < works + 2; work++) {
		work->flags = flags;
		if (pthread_create(&work->thread, NULL, fill, work))
			fail("a thread", "cannot be created");
	}
	for (work = works; work < works + 2; work++)
		if (pthread_join(work->thread, &why) || why)
			fail("mallocx", why);
	most = held();
	for (work = works; work < works + 2; work++) {
		for (i = 0; i < NR; i++) {
			char *memory = (char *)work->all[i];

			if (memory < lowest || memory + size_of(i) > highest)
				fail("an allocation", "not in the arena");
			for (k = 0; k < size_of(i); k++)
				if (memory[k] != (char)i)
					fail("an allocation", "not what was written");
			dallocx(memory, flags);
		}
	}
	return most;
}

/* Return the number of bytes committed afterwards. */
static size_t purge(unsigned int ind)
{
	if (tell_jemalloc(ind, "purge", NULL))
		fail("purge", "refused");
	begin();
	/* Memory that is committed, but not used by jemalloc yet. */
	if (arena_trim(arena, 0))
		fail("arena_trim", "failed");
	pthread_mutex_unlock(&lock);
	return held();
}

int main(void)
{
	static const char *const backings[] = {
		[ARENA_BACKING_DEVICE] = "/dev/arena",
		[ARENA_BACKING_HUGE] = "anonymous memory, made huge pages",
		[ARENA_BACKING_ANON] = "anonymous memory",
	};
	struct arena_opts opts = { .size = sizeof(opts), .name = "jemalloc" };
	size_t size = sizeof(unsigned int), most, limit = 2 * BLOCK;
	extent_hooks_t *pointer = &hooks;
	unsigned int ind;
	void *memory;
	size_t size_of_bool = sizeof(bool);
	bool has_thread;
	int err, flags;

	err = arena_create(&arena, &opts);
	if (err)
		fail("arena_create", strerror(-err));
	is_checked = arena_check(arena);
	printf("backing: %s\n", backings[arena_backing(arena)]);
	if (mallctl("arenas.create", &ind, &size, &pointer, sizeof(pointer)))
		fail("arenas.create", "out of memory");
	/*
	 * Otherwise jemalloc takes larger extents each time, and their unused
	 * part is not given back. With opt.retain:false the limit cannot be set
	 * and is not needed.
	 */
	tell_jemalloc(ind, "retain_grow_limit", &limit);
	/* Thread caches would outlive the arena. */
	flags = MALLOCX_ARENA(ind) | MALLOCX_TCACHE_NONE;

	memory = mallocx(5 * BLOCK / 2, flags | MALLOCX_ALIGN(4 * BLOCK));
	if (!memory)
		fail("mallocx", "out of memory");
	if ((uintptr_t)memory % (4 * BLOCK))
		fail("mallocx", "not aligned");
	dallocx(memory, flags);
	printf("5 MiB are aligned to 8 MiB\n");

	most = fill_and_free(flags);
	printf("2 threads, %d allocations each: zero, and all in the arena\n", NR);
	/*
	 * jemalloc's background thread purges pieces smaller than a block,
	 * which stay committed; but not everything may stay.
	 */
	if (mallctl("opt.background_thread", &has_thread, &size_of_bool, NULL, 0))
		fail("opt.background_thread", "not known");
	if (purge(ind) > (has_thread ? most - 1 : most / 2) && !is_checked)
		fail("purge", "memory did not go back");
	printf("freed and purged: %s\n", is_checked ? "kept, as the arena is checked" :
	       has_thread ? "some of it went back" : "less than half is left");
	fill_and_free(flags);
	printf("once more: the same\n");

	if (tell_jemalloc(ind, "destroy", NULL))
		fail("destroy", "refused");
	begin();
	arena_destroy(arena);
	return 0;
}
