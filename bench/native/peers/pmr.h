/* SPDX-License-Identifier: GPL-2.0-only */
/* C++'s monotonic_buffer_resource on a buffer, which release() makes it reuse. */
#include <memory_resource>
#include <new>
#include <vector>

#define PEER_HAS_ARRAY

typedef std::pmr::vector<uint64_t> numbers;

struct peer {
	void *buffer;
	std::pmr::monotonic_buffer_resource *resource;
	numbers *array;
};

static void peer_begin(struct peer *peer)
{
	peer->buffer = ::operator new(MOST_BYTES);
	peer->resource = new std::pmr::monotonic_buffer_resource(peer->buffer, MOST_BYTES);
}

static void peer_end(struct peer *peer)
{
	delete peer->resource;
	::operator delete(peer->buffer);
}

static inline void *peer_alloc(struct peer *peer, size_t size)
{
	return peer->resource->allocate(size);
}

static inline void *peer_zalloc(struct peer *peer, size_t size)
{
	return memset(peer->resource->allocate(size), 0, size);
}

static inline void *peer_realloc(struct peer *peer, void *old, size_t old_size, size_t size)
{
	void *memory = peer->resource->allocate(size);

	return memcpy(memory, old, old_size < size ? old_size : size);
}

static inline void peer_free_all(struct peer *peer)
{
	peer->resource->release();
}

static inline void peer_array_begin(struct peer *peer)
{
	peer->array = new (peer->resource->allocate(sizeof(numbers))) numbers(peer->resource);
}

static inline void peer_array_push(struct peer *peer, uint64_t value)
{
	peer->array->push_back(value);
}

static inline size_t peer_array_end(struct peer *peer)
{
	size_t length = peer->array->size();

	peer->resource->release();
	return length;
}
