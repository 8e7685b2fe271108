/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Memory for other allocators. <arena/arena.h> includes this header.
 */
#ifndef ARENA_SPAN_H
#define ARENA_SPAN_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

/* arena_span.flags */

/* The span is known to be zero. */
#define ARENA_SPAN_ZERO	(1u << 0)
/* The whole span consists of huge pages. On the device, this does not change. */
#define ARENA_SPAN_HUGE	(1u << 1)

/**
 * struct arena_span - a span of memory for another allocator
 * @size: sizeof(struct arena_span), set by the caller; on return, the number of bytes
 *	filled in
 * @memory: address of the span
 * @length: length in bytes, a multiple of 2 MiB
 * @node: NUMA node of the first byte, or -1 if the system does not tell
 * @flags: ARENA_REGION_*
 */
struct arena_span {
	size_t size;
	void *memory;
	size_t length;
	int32_t node;
	uint32_t flags;
};

/**
 * arena_span_alloc - allocate a span of whole blocks for another allocator
 * @a: the arena
 * @length: number of bytes, rounded up to a multiple of 2 MiB
 * @align: alignment in bytes, a power of two, or 0; at least 2 MiB is used
 * @span: set to the span; the caller sets @span->size
 *
 * A span is an allocation like any other: it is freed together with what was allocated
 * after it, and when the arena is reset, released or destroyed.
 *
 * Return: 0; or -EINVAL if @length is 0, @align is not a power of two, @span->size is too
 * small or the arena is a child; or -ENOMEM if @length cannot be rounded up; or the error
 * that arena_error() returns.
 */
ARENA_NODISCARD
int arena_span_alloc(struct arena *a, size_t length, size_t align, struct arena_span *span);

/**
 * arena_span_decommit - give the memory of blocks back and keep their addresses
 * @a: the arena
 * @memory: address of the blocks, all of which came from arena_span_alloc(); a multiple of
 *	2 MiB
 * @length: number of bytes, a multiple of 2 MiB
 *
 * The blocks must not be accessed until arena_span_commit() has been called for them;
 * with ARENA_OPT_SEAL, an access raises a signal. When decommitted blocks are freed later, all
 * free memory of the arena is given back with them. Checked arenas keep the memory and zero
 * it.
 *
 * Return: 0, or
 * * -EINVAL if these are not whole blocks that are allocated from @a, or @a is a child
 * * -EBUSY if the arena is idle
 * * -EPERM if @a is on the device and was inherited through fork()
 * * -ENOMEM, -EAGAIN or -EINVAL from the system (mprotect(2), madvise(2)), e.g. if the
 *   blocks are locked in memory; arena_span_commit() makes them usable again in this
 *   case, too
 */
int arena_span_decommit(struct arena *a, void *memory, size_t length);

/**
 * arena_span_commit - commit memory for blocks that were decommitted
 * @a: the arena
 * @memory: address of the blocks, as for arena_span_decommit(); blocks that have memory
 *	keep their contents
 * @length: number of bytes, a multiple of 2 MiB
 *
 * The new memory is zero, unless the arena has ARENA_OPT_KEEP_DIRTY.
 *
 * Return: same as arena_span_decommit(), and -ENOMEM if there is no memory or -EDQUOT if
 * the device's per-arena limit is reached. On failure, some of the blocks may have memory.
 */
ARENA_NODISCARD
int arena_span_commit(struct arena *a, void *memory, size_t length);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_SPAN_H */
