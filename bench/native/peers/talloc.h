/* SPDX-License-Identifier: GPL-2.0-only */
/* talloc with a pool, as its manual recommends for speed; children come from the pool. */
#include <talloc.h>

#define PEER_HAS_MARKS
#define PEER_HAS_ARRAY

struct peer {
	void *pool;
	uint64_t *array;
	size_t length, room;
};

typedef void *peer_mark;

static void peer_begin(struct peer *peer)
{
	peer->pool = talloc_pool(NULL, MOST_BYTES);
}

static void peer_end(struct peer *peer)
{
	talloc_free(peer->pool);
}

static inline void *peer_alloc(struct peer *peer, size_t size)
{
	return talloc_size(peer->pool, size);
}

static inline void *peer_zalloc(struct peer *peer, size_t size)
{
	return talloc_zero_size(peer->pool, size);
}

static inline void *peer_realloc(struct peer *peer, void *old, size_t old_size, size_t size)
{
	(void)old_size;
	return talloc_realloc_size(peer->pool, old, size);
}

static inline void peer_free_all(struct peer *peer)
{
	talloc_free_children(peer->pool);
}

static inline peer_mark peer_save(struct peer *peer)
{
	return talloc_new(peer->pool);
}

static inline void *peer_mark_alloc(struct peer *peer, peer_mark *mark, size_t size)
{
	(void)peer;
	return talloc_size(*mark, size);
}

static inline void peer_rewind(struct peer *peer, peer_mark *mark)
{
	(void)peer;
	talloc_free(*mark);
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
		peer->array = talloc_realloc(peer->pool, peer->array, uint64_t, peer->room);
		if (!peer->array)
			die("talloc_realloc");
	}
	peer->array[peer->length++] = value;
}

static inline size_t peer_array_end(struct peer *peer)
{
	talloc_free(peer->array);
	return peer->length;
}
