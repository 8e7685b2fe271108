/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lower limits for any allocator: a pointer that is moved without checking for room; for
 * zeroed memory, memset() or, with STREAMING, non-temporal stores. The pointer is in memory,
 * as it must be if functions share it. IN_REGISTER leaves it to the compiler, which keeps it
 * in a register during a loop.
 */
#ifdef STREAMING
#include <emmintrin.h>
#endif

#define PEER_HAS_MARKS
#define PEER_HAS_ARRAY

struct peer {
	char *next;
	char *memory;
	uint64_t *array;
	size_t length;
};

typedef char *peer_mark;

static void peer_begin(struct peer *peer)
{
	char *memory = (char *)mmap(NULL, 2 * MOST_BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	memory += -(uintptr_t)memory & (((uintptr_t)2 << 20) - 1);
	madvise(memory, MOST_BYTES, MADV_HUGEPAGE);
	memset(memory, 1, MOST_BYTES);
	peer->memory = peer->next = memory;
}

static void peer_end(struct peer *peer)
{
	(void)peer;
}

static inline void *peer_alloc(struct peer *peer, size_t size)
{
	char *memory = peer->next;

	peer->next += (size + 15) & -(size_t)16;
#ifndef IN_REGISTER
	asm volatile("" : "+m" (peer->next));
#endif
	return memory;
}

static inline void *peer_zalloc(struct peer *peer, size_t size)
{
	char *memory = (char *)peer_alloc(peer, size);
#ifdef STREAMING
	size_t i;

	for (i = 0; i < size; i += 16)
		_mm_stream_si128((__m128i *)(memory + i), _mm_setzero_si128());
	_mm_sfence();
	return memory;
#else
	return memset(memory, 0, size);
#endif
}

static inline void *peer_realloc(struct peer *peer, void *old, size_t old_size, size_t size)
{
	void *memory = peer_alloc(peer, size);

	return memcpy(memory, old, old_size < size ? old_size : size);
}

static inline void peer_free_all(struct peer *peer)
{
	peer->next = peer->memory;
}

static inline peer_mark peer_save(struct peer *peer)
{
	return peer->next;
}

static inline void *peer_mark_alloc(struct peer *peer, peer_mark *mark, size_t size)
{
	(void)mark;
	return peer_alloc(peer, size);
}

static inline void peer_rewind(struct peer *peer, peer_mark *mark)
{
	peer->next = *mark;
}

/* The array has enough room from the beginning. */
static inline void peer_array_begin(struct peer *peer)
{
	peer->array = (uint64_t *)peer->memory;
	peer->length = 0;
}

static inline void peer_array_push(struct peer *peer, uint64_t value)
{
	peer->array[peer->length++] = value;
}

static inline size_t peer_array_end(struct peer *peer)
{
	return peer->length;
}
