/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * libarena: allocate by bumping a pointer, free everything at once.
 *
 * An arena is one range of addresses, reserved when it is created and
 * committed as it grows. Allocations are cut from the range downwards, and
 * there is nothing to free one by one: arena_reset() starts over and keeps the
 * memory, arena_release() gives the memory back to the system in one call,
 * arena_destroy() ends the arena.
 *
 * The memory comes from /dev/arena (see arena_create()), or from an anonymous
 * mapping where that can't be opened. arena_backing() tells which.
 *
 * An arena may be used by one thread at a time. Functions that return int
 * return 0 or a negative errno; functions that return memory return NULL when
 * there is none. None of them changes errno.
 */
#ifndef ARENA_ARENA_H
#define ARENA_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** ARENA_ALIGN - alignment in bytes of what arena_alloc() returns */
#define ARENA_ALIGN	((size_t)16)

#define ARENA_UNLIKELY(cond)	__builtin_expect(!!(cond), 0)
#define ARENA_NODISCARD		__attribute__((warn_unused_result))

/**
 * struct arena - an arena
 * @base: lowest committed address
 * @left: bytes from @base up that are free
 *
 * These two words are the state of the inline functions below and part of the
 * ABI. They are private all the same: what lies behind them belongs to the
 * library, so an arena is always used through the pointer that arena_create()
 * gave.
 */
struct arena {
	char *base;
	size_t left;
};

/**
 * enum arena_backing - what an arena's memory is
 * @ARENA_BACKING_ANY: in options only: the device, or else anonymous memory
 * @ARENA_BACKING_DEVICE: blocks of /dev/arena, each mapped by one huge page
 * @ARENA_BACKING_ANON: an anonymous mapping, for which huge pages have been
 *	asked; whether there are any is up to the system
 */
enum arena_backing {
	ARENA_BACKING_ANY,
	ARENA_BACKING_DEVICE,
	ARENA_BACKING_ANON,
};

/**
 * struct arena_opts - how to create an arena
 * @size: sizeof(struct arena_opts)
 * @reserve: bytes of address space, and so the most the arena can ever hold;
 *	rounded up to whole blocks of 2 MiB. 0 means 16 GiB, or as much of that
 *	as the system allows.
 * @backing: what its memory has to be, an enum arena_backing
 * @reserved: must be zero
 */
struct arena_opts {
	size_t size;
	size_t reserve;
	uint32_t backing;
	uint32_t reserved;
};

/**
 * struct arena_stats - what an arena has
 * @size: sizeof(struct arena_stats), set by the caller
 * @reserved: bytes of address space
 * @committed: bytes of it that have been committed
 * @used: bytes allocated since the last reset, alignment included
 * @blocks: blocks of /dev/arena that it holds; 0 on anonymous memory
 * @node: NUMA node of its first byte, or -1 if nothing is allocated or the
 *	system does not tell
 * @backing: what its memory is, an enum arena_backing
 */
struct arena_stats {
	size_t size;
	uint64_t reserved;
	uint64_t committed;
	uint64_t used;
	uint64_t blocks;
	int32_t node;
	uint32_t backing;
};

/**
 * arena_create - make an arena
 * @a: set to the arena
 * @opts: how, or NULL for the defaults
 *
 * Commits no memory yet.
 *
 * Return: 0, or
 * * -EINVAL if @opts has an unknown backing, a nonzero reserved field or a
 *   size that is too small
 * * -E2BIG if @opts is of a newer version and asks for what this one can't do
 * * -ENOMEM if there is no address space of that size, or no memory
 * * -EAGAIN if the process locks all its memory (mlockall(2)) and may not lock
 *   as much as @opts->reserve
 * * with ARENA_BACKING_DEVICE, the reason why the device can't be used: the
 *   errno of opening it (-ENOENT, -EACCES, ...), or -EOPNOTSUPP if it lacks
 *   what this library needs
 */
ARENA_NODISCARD
int arena_create(struct arena **a, const struct arena_opts *opts);

/**
 * arena_destroy - end an arena, and give its memory back
 * @a: the arena, or NULL
 */
void arena_destroy(struct arena *a);

/**
 * arena_reset - free everything, keep the memory
 * @a: the arena
 *
 * All memory allocated from @a becomes invalid. Costs the same for any amount.
 */
void arena_reset(struct arena *a);

/**
 * arena_release - free everything, give the memory back
 * @a: the arena
 *
 * All memory allocated from @a becomes invalid. One system call. What is
 * allocated afterwards is committed anew.
 *
 * Return: 0, or a negative errno with the arena as it was: -EPERM in a process
 * that has the arena from its parent.
 */
int arena_release(struct arena *a);

/**
 * arena_backing - what an arena's memory is
 * @a: the arena
 *
 * Return: ARENA_BACKING_DEVICE or ARENA_BACKING_ANON.
 */
enum arena_backing arena_backing(const struct arena *a);

/**
 * arena_stats_get - what an arena has
 * @a: the arena
 * @stats: filled in, as much of it as @stats->size says
 *
 * Return: 0, or -EINVAL if @stats->size is too small for the first version of
 * the structure.
 */
int arena_stats_get(const struct arena *a, struct arena_stats *stats);

/* The cold part of every allocation: commits more and allocates from it. */
__attribute__((cold, noinline)) ARENA_NODISCARD
void *arena_alloc_slow(struct arena *a, size_t size, size_t align);

/**
 * arena_alloc - allocate
 * @a: the arena
 * @size: bytes; 0 gives a pointer that can't be dereferenced
 *
 * Not zeroed: after arena_reset() the memory holds what it held before. The
 * range is cut downwards, so the borrow of one subtraction is the whole check
 * for overflow and for the end of the committed part, and masking aligns.
 *
 * Return: the memory, aligned to ARENA_ALIGN, or NULL.
 */
__attribute__((malloc, alloc_size(2), assume_aligned(16))) ARENA_NODISCARD
static inline void *arena_alloc(struct arena *a, size_t size)
{
	size_t left;

	if (ARENA_UNLIKELY(__builtin_sub_overflow(a->left, size, &left)))
		return arena_alloc_slow(a, size, ARENA_ALIGN);
	left &= -ARENA_ALIGN;
	a->left = left;
	return a->base + left;
}

/**
 * arena_alloc_aligned - allocate with an alignment
 * @a: the arena
 * @size: bytes; 0 gives a pointer that can't be dereferenced
 * @align: alignment in bytes, a power of two; 1 wastes nothing
 *
 * Return: the memory, or NULL; also NULL if @align is no power of two.
 */
__attribute__((malloc, alloc_size(2), alloc_align(3))) ARENA_NODISCARD
static inline void *arena_alloc_aligned(struct arena *a, size_t size,
					size_t align)
{
	uintptr_t base = (uintptr_t)a->base, addr;
	size_t left;

	if (!align || (align & (align - 1)))
		return NULL;
	if (ARENA_UNLIKELY(__builtin_sub_overflow(a->left, size, &left)))
		return arena_alloc_slow(a, size, align);
	addr = (base + left) & -align;
	if (ARENA_UNLIKELY(addr < base))
		return arena_alloc_slow(a, size, align);
	a->left = addr - base;
	return a->base + a->left;
}

/**
 * arena_zalloc - allocate zeroed memory
 * @a: the arena
 * @size: bytes; 0 gives a pointer that can't be dereferenced
 *
 * Return: the memory, aligned to ARENA_ALIGN, or NULL.
 */
__attribute__((malloc, alloc_size(2), assume_aligned(16))) ARENA_NODISCARD
static inline void *arena_zalloc(struct arena *a, size_t size)
{
	void *memory = arena_alloc(a, size);

	return memory ? memset(memory, 0, size) : NULL;
}

/**
 * arena_strdup - copy a string
 * @a: the arena
 * @string: the string
 *
 * Return: the copy, or NULL.
 */
__attribute__((malloc)) ARENA_NODISCARD
char *arena_strdup(struct arena *a, const char *string);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_ARENA_H */
