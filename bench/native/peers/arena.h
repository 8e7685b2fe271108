/* SPDX-License-Identifier: GPL-2.0-only */
/* An arena with default options: the device if available, otherwise anonymous memory. */
#include <arena/arena.h>
#include <arena/vec.h>

#define PEER_HAS_MARKS
#define PEER_HAS_ARRAY

ARENA_VEC(numbers, uint64_t);

struct peer {
	struct arena *arena;
	struct numbers array;
};

typedef struct arena_mark peer_mark;

static void peer_begin(struct peer *peer)
{
	int err = arena_create(&peer->arena, NULL);

	errno = -err;
	if (err)
		die("arena_create");
}

static void peer_end(struct peer *peer)
{
	arena_destroy(peer->arena);
}

static inline void *peer_alloc(struct peer *peer, size_t size)
{
	return arena_alloc(peer->arena, size);
}

static inline void *peer_zalloc(struct peer *peer, size_t size)
{
	return arena_zalloc(peer->arena, size);
}

static inline void *peer_realloc(struct peer *peer, void *old, size_t old_size, size_t size)
{
	return arena_realloc(peer->arena, old, old_size, size);
}

static inline void peer_free_all(struct peer *peer)
{
	arena_reset(peer->arena);
}

static inline peer_mark peer_save(struct peer *peer)
{
	return arena_save(peer->arena);
}

static inline void *peer_mark_alloc(struct peer *peer, peer_mark *mark, size_t size)
{
	(void)mark;
	return arena_alloc(peer->arena, size);
}

static inline void peer_rewind(struct peer *peer, peer_mark *mark)
{
	arena_rewind(peer->arena, *mark);
}

static inline void peer_array_begin(struct peer *peer)
{
	if (numbers_init(&peer->array, peer->arena, 0))
		die("numbers_init");
}

static inline void peer_array_push(struct peer *peer, uint64_t value)
{
	if (!numbers_push(&peer->array, value))
		die("numbers_push");
}

static inline size_t peer_array_end(struct peer *peer)
{
	size_t length = numbers_length(&peer->array);

	arena_reset(peer->arena);
	return length;
}
