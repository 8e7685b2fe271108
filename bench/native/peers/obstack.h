/* SPDX-License-Identifier: GPL-2.0-only */
/* glibc's obstacks. When everything is freed, they keep only the first chunk. */
#include <obstack.h>

#define obstack_chunk_alloc	malloc
#define obstack_chunk_free	free

#define PEER_HAS_MARKS
#define PEER_HAS_ARRAY

struct peer {
	struct obstack stack;
	void *first;
};

typedef void *peer_mark;

/* The first chunk has room for any round, so that no chunk is ever freed. */
static void peer_begin(struct peer *peer)
{
	obstack_begin(&peer->stack, MOST_BYTES);
	peer->first = obstack_alloc(&peer->stack, 0);
}

static void peer_end(struct peer *peer)
{
	obstack_free(&peer->stack, NULL);
}

static inline void *peer_alloc(struct peer *peer, size_t size)
{
	return obstack_alloc(&peer->stack, size);
}

static inline void *peer_zalloc(struct peer *peer, size_t size)
{
	return memset(obstack_alloc(&peer->stack, size), 0, size);
}

static inline void *peer_realloc(struct peer *peer, void *old, size_t old_size, size_t size)
{
	void *memory = obstack_alloc(&peer->stack, size);

	return memcpy(memory, old, old_size < size ? old_size : size);
}

static inline void peer_free_all(struct peer *peer)
{
	obstack_free(&peer->stack, peer->first);
	peer->first = obstack_alloc(&peer->stack, 0);
}

static inline peer_mark peer_save(struct peer *peer)
{
	return obstack_alloc(&peer->stack, 0);
}

static inline void *peer_mark_alloc(struct peer *peer, peer_mark *mark, size_t size)
{
	(void)mark;
	return obstack_alloc(&peer->stack, size);
}

static inline void peer_rewind(struct peer *peer, peer_mark *mark)
{
	obstack_free(&peer->stack, *mark);
}

/* The array is a growing object. */
static inline void peer_array_begin(struct peer *peer)
{
	(void)peer;
}

static inline void peer_array_push(struct peer *peer, uint64_t value)
{
	obstack_grow(&peer->stack, &value, sizeof(value));
}

static inline size_t peer_array_end(struct peer *peer)
{
	size_t length = obstack_object_size(&peer->stack) / sizeof(uint64_t);

	obstack_free(&peer->stack, obstack_finish(&peer->stack));
	return length;
}
