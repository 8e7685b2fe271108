/* SPDX-License-Identifier: GPL-2.0-only */
/* APR's pools, with an allocator for each thread, so that no locks are taken. */
#include <apr_general.h>
#include <apr_pools.h>
#include <apr_tables.h>

#define PEER_HAS_MARKS
#define PEER_HAS_ARRAY

struct peer {
	apr_allocator_t *allocator;
	apr_pool_t *pool;
	apr_array_header_t *array;
};

typedef apr_pool_t *peer_mark;

static void peer_begin(struct peer *peer)
{
	if (apr_initialize() || apr_allocator_create(&peer->allocator) ||
	    apr_pool_create_ex(&peer->pool, NULL, NULL, peer->allocator))
		die("APR");
}

static void peer_end(struct peer *peer)
{
	apr_pool_destroy(peer->pool);
	apr_allocator_destroy(peer->allocator);
}

static inline void *peer_alloc(struct peer *peer, size_t size)
{
	return apr_palloc(peer->pool, size);
}

static inline void *peer_zalloc(struct peer *peer, size_t size)
{
	return apr_pcalloc(peer->pool, size);
}

static inline void *peer_realloc(struct peer *peer, void *old, size_t old_size, size_t size)
{
	void *memory = apr_palloc(peer->pool, size);

	return memcpy(memory, old, old_size < size ? old_size : size);
}

static inline void peer_free_all(struct peer *peer)
{
	apr_pool_clear(peer->pool);
}

/* A mark is a subpool. */
static inline peer_mark peer_save(struct peer *peer)
{
	apr_pool_t *pool;

	if (apr_pool_create(&pool, peer->pool))
		die("apr_pool_create");
	return pool;
}

static inline void *peer_mark_alloc(struct peer *peer, peer_mark *mark, size_t size)
{
	(void)peer;
	return apr_palloc(*mark, size);
}

static inline void peer_rewind(struct peer *peer, peer_mark *mark)
{
	(void)peer;
	apr_pool_destroy(*mark);
}

static inline void peer_array_begin(struct peer *peer)
{
	peer->array = apr_array_make(peer->pool, 4, sizeof(uint64_t));
}

static inline void peer_array_push(struct peer *peer, uint64_t value)
{
	APR_ARRAY_PUSH(peer->array, uint64_t) = value;
}

static inline size_t peer_array_end(struct peer *peer)
{
	size_t length = peer->array->nelts;

	apr_pool_clear(peer->pool);
	return length;
}
