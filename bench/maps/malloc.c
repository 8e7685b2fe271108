// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same map as the arena's, line by line, but with its table and keys on malloc(). The
 * arena is then the only difference between the two.
 *
 * map.h and map.c are compiled again here. Their functions get other names, because the
 * library already has the original ones. The functions below replace the ones that they call.
 */
#include <stdlib.h>
#include <arena/arena.h>

/* Keep the compiler from inlining these, as if they were in a library. */
#define LIBRARY	__attribute__((noipa))

#define arena_alloc(a, size)	malloc(size)
#define arena_hash_long		malloc_hash_long
#define arena_map_init		malloc_map_init
#define arena_map_reserve	malloc_map_reserve
#define arena_map_clear		malloc_map_clear
#define arena_map_erase		malloc_map_erase
#define arena_map_next		malloc_map_next
#define arena_strings_init	malloc_strings_init
#define arena_strings_intern	malloc_strings_intern
/* The inline functions call this one, which frees the old table, instead of map.c's. */
#define arena_map_grow		malloc_map_grow

#include <arena/map.h>

#include "maps.h"

/* In place of the headers of the library's sources. */
#define ARENA_PRIVATE_H
#define ARENA_SRC_ALLOC_H
#define ARENA_SRC_CHECKS_H
#define ARENA_SRC_FORK_H
#define ARENA_SRC_FREE_H
#define ARENA_SRC_SANITIZE_H

struct arena_private {
	bool checks;
	struct {
		bool is_kept;
	} epochs;
	struct {
		char *end;
	} range;
	char *packed;
};

/* No table is the last allocation of an arena, so there is nothing to move. */
#define private(a)				((void)(a), &no_arena)
#define top_of(a)				((char *)NULL)
#define align_down(addr, align)			((void)(align), (addr))
#define arena_raise_top(a, to, packed, call)	abort()
#define arena_note_epoch(a, used)		abort()
#define arena_save(a)				((struct arena_mark) { 0 })
/* Called only after keys have been deleted. */
#define arena_rewind(a, mark)			((void)(mark), abort())
#define arena_try_alloc_aligned(a, size, align)	malloc(size)
#define arena_has_made_room(a, size)		((void)(a), false)
#define arena_poison(memory, size)		abort()
#define arena_forks()				0u
#define arena_error(a)				(-ENOMEM)

static struct arena_private no_arena;

#undef arena_map_grow
#define arena_map_grow	grow_table

LIBRARY uint64_t arena_hash_long(const char *data, size_t n, const uint64_t *seed);
LIBRARY int arena_map_init(struct arena_map *m, struct arena *a, size_t expect, uint32_t flags,
			   struct arena_map_layout layout);
LIBRARY int arena_map_grow(struct arena_map *m, struct arena_map_layout layout);

#include "../../userlib/src/map.c"

#undef arena_map_grow

int malloc_map_grow(struct arena_map *m, struct arena_map_layout layout)
{
	char *old = m->entries;
	int error = grow_table(m, layout);

	if (!error)
		free(old);
	return error;
}

/* --- */

ARENA_STR_MAP(numbers, int64_t);

static void *build(const struct key *keys, size_t n, size_t hint)
{
	struct numbers *m = malloc(sizeof(*m));
	size_t i;

	if (!m || numbers_init(m, NULL, hint, ARENA_MAP_COPY_KEYS))
		abort();
	for (i = 0; i < n; i++)
		if (!numbers_put(m, arena_str_make(keys[i].data, keys[i].length), (int64_t)i))
			abort();
	return m;
}

static uint64_t sum(void *map, const struct key *keys, size_t n)
{
	uint64_t sum = 0;
	int64_t *value;
	size_t i;

	for (i = 0; i < n; i++) {
		value = numbers_get(map, arena_str_make(keys[i].data, keys[i].length));
		sum += value ? *value : 1;
	}
	return sum;
}

/* Iterate by groups, which is faster than numbers_next(). */
static void drop(void *map)
{
	struct arena_map *m = &((struct numbers *)map)->map;
	struct numbers_entry *entries = (struct numbers_entry *)m->entries;
	const uint64_t all = arena_group_free(no_slots);
	uint64_t found;
	size_t i;

	for (i = 0; i < m->mask; i += ARENA_GROUP)
		for (found = arena_group_free(m->control + i) ^ all; found; found &= found - 1)
			free((void *)entries[i + arena_group_first(found)].key.data);
	free(entries);
	free(m);
}

const struct peer malloc_peer = { "same map on malloc", true, build, sum, drop };
