/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * on_mimalloc - mimalloc on memory of an arena
 *
 *	gcc -O2 on_mimalloc.c -larena -lmimalloc
 *
 * One span of an arena is given to mimalloc, which then takes no
 * other memory, except some pages for its own bookkeeping and what it had when
 * main() began. A heap created in the span allocates only from it. So does
 * malloc(), which mimalloc replaces: in the main thread once its initial memory
 * is full, in other threads from the first byte on. For mimalloc 2.0.
 *
 * The arena exists until the process ends, since mimalloc uses it until then.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arena/arena.h>
#include <mimalloc.h>

#define MIB		((size_t)1 << 20)
#define SPAN		(256 * MIB)
/*
 * mimalloc takes memory in segments of 32 MiB with that alignment, and does not
 * check it.
 */
#define SEGMENT		(32 * MIB)
#define NR		50000

static struct arena_span span = { .size = sizeof(span) };
static unsigned char *pieces[NR];

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "on_mimalloc: %s: %s\n", what, why);
	exit(1);
}

static bool is_in_span(const void *memory, size_t size)
{
	size_t offset = (uintptr_t)memory - (uintptr_t)span.memory;

	return offset < span.length && size <= span.length - offset;
}

static int give_span(struct arena *arena, mi_arena_id_t *id)
{
	int err = arena_span_alloc(arena, SPAN, SEGMENT, &span);

	if (err)
		return err;
	/*
	 * It is "committed", so that mimalloc never calls madvise() on it. It
	 * is not "large", even if it consists of huge pages, since mimalloc
	 * does not use large memory for the first segment of a thread. It has
	 * no node, since with span.node, allocation from a heap in it fails
	 * in threads that run on another node.
	 */
	if (!mi_manage_os_memory_ex(span.memory, span.length, true, false,
				    span.flags & ARENA_SPAN_ZERO, -1, false, id))
		fail("mi_manage_os_memory_ex", "refused");
	/* Take no more memory from the system. */
	mi_option_enable(mi_option_limit_os_alloc);
	return 0;
}

/*
 * Allocate all sizes up to 4 KiB, and write its number to each piece; return
 * the total size.
 */
static size_t fill(mi_heap_t *heap)
{
	size_t i, size, bytes = 0;

	for (i = 0; i < NR; i++) {
		size = 1 + i * 31 % 4096;
		pieces[i] = mi_heap_malloc(heap, size);
		if (!pieces[i])
			fail("mi_heap_malloc", "out of memory");
		if (!is_in_span(pieces[i], size))
			fail("an allocation", "not in the span");
		memset(pieces[i], (int)i, size);
		bytes += size;
	}
	return bytes;
}

static void check_and_free(void)
{
	size_t i, k;

	for (i = 0; i < NR; i++) {
		for (k = 0; k < 1 + i * 31 % 4096; k++)
			if (pieces[i][k] != (unsigned char)i)
				fail("an allocation", "not what was written");
		mi_free(pieces[i]);
	}
}

/* Call malloc() until it fails; return the total size. */
static size_t take_all(void)
{
	struct piece { struct piece *next; } *all = NULL, *piece;
	size_t bytes = 0;

	while ((piece = malloc(MIB))) {
		piece->next = all;
		all = piece;
		bytes += MIB;
	}
	while ((piece = all)) {
		all = piece->next;
		free(piece);
	}
	return bytes;
}

static void *run_thread(void *unused)
{
	char *memory = malloc(1000), *zeroed = calloc(3, MIB);
	size_t i;

	(void)unused;
	if (!memory || !zeroed)
		fail("malloc", "out of memory");
	if (!is_in_span(memory, 1000) || !is_in_span(zeroed, 3 * MIB))
		fail("malloc() of a thread", "not in the span");
	for (i = 0; i < 3 * MIB; i++)
		if (zeroed[i])
			fail("calloc()", "not zero");
	free(memory);
	free(zeroed);
	return NULL;
}

int main(void)
{
	static const char *const backings[] = {
		[ARENA_BACKING_DEVICE] = "/dev/arena",
		[ARENA_BACKING_HUGE] = "anonymous memory, made huge pages",
		[ARENA_BACKING_ANON] = "anonymous memory",
	};
	/* More than the span, because of its alignment; addresses cost nothing. */
	struct arena_opts opts = { .size = sizeof(opts), .name = "mimalloc", .reserve = 1024 * MIB };
	struct arena *arena;
	mi_arena_id_t id;
	mi_heap_t *heap;
	pthread_t thread;
	size_t bytes;
	int err;

	err = arena_create(&arena, &opts);
	if (err)
		fail("arena_create", strerror(-err));
	err = give_span(arena, &id);
	if (err)
		fail("arena_span_alloc", strerror(-err));
	printf("backing: %s\n", backings[arena_backing(arena)]);

	heap = mi_heap_new_in_arena(id);
	if (!heap)
		fail("mi_heap_new_in_arena", "out of memory");
	bytes = fill(heap);
	printf("a heap: %d allocations of %zu bytes, all in the span\n", NR, bytes);
	check_and_free();
	mi_heap_delete(heap);

	if (pthread_create(&thread, NULL, run_thread, NULL) || pthread_join(thread, NULL))
		fail("a thread", "cannot be created");
	printf("malloc() and calloc() of a thread: in the span\n");

	bytes = take_all();
	if (bytes < SPAN / 2 || bytes > SPAN + SEGMENT)
		fail("malloc() until it is NULL", "not the span");
	printf("malloc() until it is NULL: more than half of the span, no more than it has\n");
	return 0;
}
