/* SPDX-License-Identifier: GPL-2.0-only */
/* mimalloc, with a heap for each request that is destroyed as a whole. */
#include <mimalloc.h>

#define PEER_HAS_MARKS
#define PEER_HAS_ARRAY

struct peer {
	mi_heap_t *heap;
	uint64_t *array;
	size_t length, room;
};

typedef mi_heap_t *peer_mark;

static void peer_begin(struct peer *peer)
{
	peer->heap = mi_heap_new();
}

static void peer_end(struct peer *peer)
{
	mi_heap_destroy(peer->heap);
}

static inline void *peer_alloc(struct peer *peer, size_t size)
{
	return mi_heap_malloc(peer->heap, size);
}

static inline void *peer_zalloc(struct peer *peer, size_t size)
{
	return mi_heap_zalloc(peer->heap, size);
}

static inline void *peer_realloc(struct peer *peer, void *old, size_t old_size, size_t size)
{
	(void)old_size;
	return mi_heap_realloc(peer->heap, old, size);
}

static inline void peer_free_all(struct peer *peer)
{
	mi_heap_destroy(peer->heap);
	peer->heap = mi_heap_new();
}

static inline peer_mark peer_save(struct peer *peer)
{
	(void)peer;
	return mi_heap_new();
}

static inline void *peer_mark_alloc(struct peer *peer, peer_mark *mark, size_t size)
{
	(void)peer;
	return mi_heap_malloc(*mark, size);
}

static inline void peer_rewind(struct peer *peer, peer_mark *mark)
{
	(void)peer;
	mi_heap_destroy(*mark);
}

static inline void peer_array_begin(struct peer *peer)
{
	peer->array = NULL;
	peer->length = peer->room = 0;
}

static inline void peer_array_push(struct peer *peer, uint64_t value)
{
	if (__builtin_expect(peer->length == peer->room, 0)) {
		peer->room = peer->room ? 2 * peer->room : 4;
		peer->array = (uint64_t *)mi_heap_realloc(peer->heap, peer->array,
							  peer->room * sizeof(value));
		if (!peer->array)
			die("mi_heap_realloc");
	}
	peer->array[peer->length++] = value;
}

static inline size_t peer_array_end(struct peer *peer)
{
	peer_free_all(peer);
	return peer->length;
}
