/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * libarena: allocate by bumping a pointer, free everything at once.
 *
 * An arena is one range of addresses, reserved when it is created and
 * committed as it grows. Allocations are cut from the range downwards, and
 * there is nothing to free one by one: arena_rewind() frees what was allocated
 * since arena_save(), arena_reset() frees everything and keeps the memory,
 * arena_release() gives the memory back to the system in one call,
 * arena_destroy() ends the arena.
 *
 * The memory comes from /dev/arena (see arena_create()), or from an anonymous
 * mapping where that can't be opened. arena_backing() tells which.
 *
 * An arena may be used by one thread at a time. Functions that return int
 * return 0 or a negative errno; functions that return memory return NULL when
 * there is none, and arena_error() tells why. None of them changes errno.
 */
#ifndef ARENA_ARENA_H
#define ARENA_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** ARENA_ALIGN - alignment in bytes of what arena_alloc() returns */
#define ARENA_ALIGN	((size_t)16)

#define ARENA_UNLIKELY(cond)	__builtin_expect(!!(cond), 0)
#define ARENA_NODISCARD		__attribute__((warn_unused_result))

/* libarena-ffi, for languages that can't use them, has the inline functions as others. */
#ifndef ARENA_INLINE
#define ARENA_INLINE		static inline __attribute__((unused))
#endif

/**
 * struct arena - an arena
 * @base: lowest address that can be allocated without the library's help
 * @left: bytes from @base up that are free
 *
 * These two words, both multiples of ARENA_ALIGN, are the state of the inline
 * functions below and part of the ABI. They are private all the same: what lies
 * behind them belongs to the library, so an arena is always used through the pointer
 * that arena_create() gave.
 */
struct arena {
	char *base;
	size_t left;
};

/* --- create ------------------------------------------------------------------ */

/**
 * enum arena_backing - what an arena's memory is, the best first
 * @ARENA_BACKING_ANY: in options only: the device, or else anonymous memory
 * @ARENA_BACKING_DEVICE: blocks of /dev/arena, each mapped by one huge page
 * @ARENA_BACKING_HUGE: an anonymous mapping, each 2 MiB of which became a huge page
 *	when it was committed (MADV_COLLAPSE, Linux 6.1)
 * @ARENA_BACKING_ANON: an anonymous mapping, for which huge pages have been
 *	asked; whether there are any is up to the system
 */
enum arena_backing {
	ARENA_BACKING_ANY,
	ARENA_BACKING_DEVICE,
	ARENA_BACKING_HUGE,
	ARENA_BACKING_ANON,
};

/**
 * enum arena_nodes - on which NUMA nodes an arena's memory is
 * @ARENA_NODES_LOCAL: the node of the thread that commits, or what its memory policy
 *	says (numactl, set_mempolicy(2))
 * @ARENA_NODES_BIND: those of the mask and no others
 * @ARENA_NODES_PREFERRED: those of the mask, others when they have none
 * @ARENA_NODES_INTERLEAVE: those of the mask in turn
 */
enum arena_nodes {
	ARENA_NODES_LOCAL,
	ARENA_NODES_BIND,
	ARENA_NODES_PREFERRED,
	ARENA_NODES_INTERLEAVE,
};

/* arena_opts.reserve: as 0, and sized by what arenas of its name have used. */
#define ARENA_RESERVE_AUTO	((size_t)-1)

/* arena_opts.flags */

/* Of a backing that can't be had, take the next one; else creation fails. */
#define ARENA_PREFER		(1u << 0)
/* What is released may come back to this arena as it was, which saves zeroing it. */
#define ARENA_KEEP_DIRTY	(1u << 1)
/*
 * Whoever touches what arena_release() or arena_trim() gave back gets a signal: SIGBUS
 * on the device, SIGSEGV on anonymous memory; until it is committed again.
 */
#define ARENA_SEAL		(1u << 2)
/* Check every use, at a price: see arena_check(). */
#define ARENA_CHECKS		(1u << 3)
/*
 * ARENA_SEAL, and addresses that the arena had when it was released are not used again
 * until it has released as many as its reserve, so that a use after release is found when
 * the memory has been allocated anew, too. Takes twice the address space.
 */
#define ARENA_QUARANTINE	(1u << 4)
/* Count every allocation, at a price, for what arena_stats tells only then. */
#define ARENA_COUNT		(1u << 5)
/*
 * Destroy the arena when the thread that created it ends, or the one that called
 * arena_adopt() last, unless it has been destroyed before; not when the process exits.
 */
#define ARENA_THREAD_OWNED	(1u << 6)

/**
 * struct arena_opts - how to create an arena
 * @size: sizeof(struct arena_opts)
 * @name: what messages and statistics call it, or NULL; copied, at most 31 bytes
 * @reserve: bytes of address space, and so the most the arena can ever hold;
 *	rounded up to whole blocks of 2 MiB. 0 means 16 GiB, or as much of that
 *	as the system allows. ARENA_RESERVE_AUTO means the same, and that what the
 *	99th percentile of arenas of that name has used (see arena_predict()) is
 *	committed at once, as far as there is memory; arena_reset(), arena_release() and
 *	arena_destroy() then note the most that was used since the last of these.
 * @limit: the most bytes that can be allocated at a time, alignment included; rounded
 *	down to a multiple of ARENA_ALIGN. 0 means no limit but @reserve.
 * @prefault: bytes to commit and map at once, rounded up to whole blocks; the rest is
 *	committed as it is needed. Not more than @reserve.
 * @backing: what its memory has to be, an enum arena_backing
 * @flags: ARENA_PREFER and so on
 * @nodes: where its memory has to be, an enum arena_nodes
 * @reserved: must be zero
 * @node_mask: the nodes, the lowest bit for node 0; 0 with ARENA_NODES_LOCAL
 *
 * Environment variables override these for all arenas of a process: ARENA_RESERVE,
 * ARENA_LIMIT and ARENA_PREFAULT (bytes, with K, M, G or T; auto for the first),
 * ARENA_BACKING (any, device, huge, anon), ARENA_NODES (local, or bind, preferred or
 * interleave with a list, as in bind:0-1,3), ARENA_PREFER, ARENA_KEEP_DIRTY, ARENA_SEAL,
 * ARENA_QUARANTINE, ARENA_COUNT, ARENA_THREAD_OWNED and ARENA_CHECKED (0 or 1).
 * One that can't be understood is ignored with a message on standard error. They are
 * not read by programs with privileges of their files (secure_getenv(3)).
 */
struct arena_opts {
	size_t size;
	const char *name;
	size_t reserve;
	size_t limit;
	size_t prefault;
	uint32_t backing;
	uint32_t flags;
	uint32_t nodes;
	uint32_t reserved;
	uint64_t node_mask;
};

/**
 * arena_create - make an arena
 * @a: set to the arena
 * @opts: how, or NULL for the defaults
 *
 * Commits no memory yet but what @opts->prefault says.
 *
 * Return: 0, or
 * * -EINVAL if @opts has an unknown value, a nonzero reserved field, a size that is too
 *   small, nodes without a mask or the other way round, or more @prefault than @reserve
 * * -E2BIG if @opts is of a newer version and asks for what this one can't do
 * * -ENOMEM if there is no address space of that size, or no memory
 * * -EAGAIN if the process locks all its memory (mlockall(2)) and may not lock
 *   as much as @opts->reserve
 * * -ENODEV if there is no such node
 * * if a backing is demanded, the reason why it can't be had: for the device the
 *   errno of opening it (-ENOENT, -EACCES, ...), or -EOPNOTSUPP if it, or the system,
 *   lacks what this library needs
 */
ARENA_NODISCARD
int arena_create(struct arena **a, const struct arena_opts *opts);

/**
 * arena_create_checked - make a checked arena
 * @a: set to the arena
 * @opts: how, or NULL for the defaults
 *
 * Return: as of arena_create(), which is this with ARENA_CHECKS.
 */
ARENA_NODISCARD
int arena_create_checked(struct arena **a, const struct arena_opts *opts);

#if defined(ARENA_CHECKED) && ARENA_CHECKED
#define arena_create(a, opts)	arena_create_checked(a, opts)
#endif

/**
 * arena_create_child - make an arena within another one
 * @a: set to the arena
 * @parent: whose memory it uses
 * @opts: how: @reserve bytes of @parent are allocated for it, not ARENA_RESERVE_AUTO;
 *	@name and @limit are as for any arena. All else must be zero: it is as it is for
 *	the parent.
 *
 * No system call. To create and to destroy it is a use of the parent. The child ends with
 * arena_destroy(), or when the parent frees the memory it is in, and is no more to be used
 * then; its cleanups run. If it is the parent's last allocation, its memory is free again
 * with it. In a checked arena it is an error to rewind, reset or release the parent of a
 * child that has not ended.
 *
 * Return: 0, or
 * * -EINVAL as for arena_create(), or if @reserve is zero or another option is not
 * * -E2BIG as for arena_create()
 * * -ENOMEM if there is no memory for what the library keeps of it, or no @reserve that is
 *   a multiple of ARENA_ALIGN
 * * what arena_error() says of the parent
 */
ARENA_NODISCARD
int arena_create_child(struct arena **a, struct arena *parent,
		       const struct arena_opts *opts);

/**
 * arena_destroy - end an arena, and give its memory back
 * @a: the arena, or NULL
 *
 * Runs its cleanups and ends its children.
 */
void arena_destroy(struct arena *a);

/**
 * arena_name - what an arena is called
 * @a: the arena
 *
 * Return: the name in its options, or "arena". Valid as long as @a.
 */
const char *arena_name(const struct arena *a);

/**
 * arena_backing - what an arena's memory is
 * @a: the arena
 *
 * Return: ARENA_BACKING_DEVICE, ARENA_BACKING_HUGE or ARENA_BACKING_ANON.
 */
enum arena_backing arena_backing(const struct arena *a);

/**
 * struct arena_caps - what this system can do
 * @size: sizeof(struct arena_caps), set by the caller
 * @device_error: 0 if /dev/arena can be used, or a negative errno
 * @abi_version: of the module; 0 if it can't be used
 * @features: ARENA_FEATURE_* of <linux/arena.h>, likewise
 * @block_size: bytes that are committed at a time
 * @node_mask: the nodes that have memory, the lowest bit for node 0
 * @has_huge: whether ARENA_BACKING_HUGE can be had
 * @reserved: 0
 */
struct arena_caps {
	size_t size;
	int32_t device_error;
	uint32_t abi_version;
	uint64_t features;
	uint64_t block_size;
	uint64_t node_mask;
	uint32_t has_huge;
	uint32_t reserved;
};

/**
 * arena_probe - what this system can do
 * @caps: filled in, as much of it as @caps->size says
 *
 * Return: 0, or -EINVAL if @caps->size is too small for the first version of the
 * structure.
 */
int arena_probe(struct arena_caps *caps);

/**
 * struct arena_stats - what an arena has
 * @size: sizeof(struct arena_stats), set by the caller
 * @reserved: bytes of address space that it can use at a time
 * @committed: bytes of it that have been committed; what arena_region_decommit() took
 *	since is among them
 * @used: bytes allocated, alignment included
 * @blocks: blocks of /dev/arena that it holds; 0 on anonymous memory
 * @node: NUMA node of its first byte, or -1 if nothing is allocated, nobody has written
 *	there, the arena is idle or the system does not tell
 * @backing: what its memory is, an enum arena_backing
 * @peak: the most that was used at a time
 * @limit: the most that can be
 * @slow: allocations for which the inline functions did not find room
 * @commits: how often memory was committed
 * @resets: arena_reset()
 * @rewinds: arena_rewind()
 * @releases: arena_release() and arena_trim() that gave something back
 * @failures: allocations that failed
 * @allocated: bytes that have ever been allocated, alignment included
 * @obtained: bytes that have ever been committed; what @allocated has more was used again
 * @allocations: how many there have been, but those of no bytes. This and what follows is
 *	counted in checked arenas and those with ARENA_COUNT, and 0 in others.
 * @asked: bytes that have ever been asked for
 * @wasted: bytes of @allocated that nobody asked for: alignment, red zones
 */
struct arena_stats {
	size_t size;
	uint64_t reserved;
	uint64_t committed;
	uint64_t used;
	uint64_t blocks;
	int32_t node;
	uint32_t backing;
	uint64_t peak;
	uint64_t limit;
	uint64_t slow;
	uint64_t commits;
	uint64_t resets;
	uint64_t rewinds;
	uint64_t releases;
	uint64_t failures;
	uint64_t allocated;
	uint64_t obtained;
	uint64_t allocations;
	uint64_t asked;
	uint64_t wasted;
};

/**
 * arena_stats_get - what an arena has
 * @a: the arena
 * @stats: filled in, as much of it as @stats->size says
 *
 * Return: 0, or -EINVAL if @stats->size is too small for the first version of
 * the structure.
 */
int arena_stats_get(const struct arena *a, struct arena_stats *stats);

/**
 * enum arena_stats_format - how to write statistics
 * @ARENA_STATS_TEXT: a line of name=value
 * @ARENA_STATS_JSON: an object in a line
 */
enum arena_stats_format {
	ARENA_STATS_TEXT,
	ARENA_STATS_JSON,
};

/**
 * arena_stats_print - write what an arena has
 * @a: the arena
 * @fd: where to
 * @format: how
 *
 * The figures of struct arena_stats by their names, and two that follow from them:
 * unused_percent is how much of what is committed is not used (an arena's fragmentation),
 * reuse_percent how much of what was allocated had been used before.
 *
 * With ARENA_STATS=exit in the environment, or ARENA_STATS=json, each arena but children
 * does that on standard error when it is destroyed or the process exits.
 *
 * Return: 0, or a negative errno: -EINVAL if there is no such format, or that of write(2).
 */
int arena_stats_print(const struct arena *a, int fd, enum arena_stats_format format);

/* --- what happens when there is no memory -------------------------------------- */

/**
 * arena_error - why the last allocation that failed did
 * @a: the arena
 *
 * Return: 0 if none did since the arena was created, or
 * * -ENOMEM if the arena's reserve is too small, or the system has no memory, or none
 *   that is a huge page where the backing is that
 * * -EDQUOT if the arena would have had more than its limit, or than the limit of the
 *   device's arena
 * * -EINVAL if the alignment was no power of two, or a format one that can't be printed
 * * -EPERM in a process that has an arena on the device from its parent
 * * -EBUSY if the arena is idle
 * * -ECANCELED if its scope is over
 */
int arena_error(const struct arena *a);

/**
 * typedef arena_oom_fn - called when an allocation fails
 * @a: the arena
 * @size: bytes that were asked for
 * @error: as of arena_error()
 * @ctx: what arena_set_oom() was given
 *
 * May allocate from other arenas, and free in this one; or not return.
 *
 * Return: whether to try again. If not, the caller gets NULL.
 */
typedef int arena_oom_fn(struct arena *a, size_t size, int error, void *ctx);

/**
 * arena_set_oom - say what happens when an allocation fails
 * @a: the arena
 * @fn: called then, but not by the arena_try_ functions; NULL for nothing, which is
 *	the default
 * @ctx: for @fn
 */
void arena_set_oom(struct arena *a, arena_oom_fn *fn, void *ctx);

/* --- allocate -------------------------------------------------------------------- */

/* The cold part of every allocation: commits more and allocates from it. */
__attribute__((cold, noinline)) ARENA_NODISCARD
void *arena_alloc_slow(struct arena *a, size_t size, size_t align);
__attribute__((cold, noinline)) ARENA_NODISCARD
void *arena_try_alloc_slow(struct arena *a, size_t size, size_t align);

/*
 * The hot part of arena_alloc(). The range is cut downwards, so the borrow of one
 * subtraction is the whole check for overflow and for the end of the free part, and
 * masking aligns. A size that the compiler knows needs no mask.
 */
ARENA_INLINE size_t arena_bump(const struct arena *a, size_t size, size_t *left)
{
	if (__builtin_constant_p(size) && size <= SIZE_MAX - (ARENA_ALIGN - 1))
		return __builtin_sub_overflow(a->left, (size + ARENA_ALIGN - 1) & -ARENA_ALIGN,
					      left);
	if (ARENA_UNLIKELY(__builtin_sub_overflow(a->left, size, left)))
		return 1;
	*left &= -ARENA_ALIGN;
	return 0;
}

/* The same with an alignment, a power of two. */
ARENA_INLINE size_t arena_bump_aligned(const struct arena *a, size_t size,
					size_t align, size_t *left)
{
	if (align <= ARENA_ALIGN)
		return arena_bump(a, size, left);
	if (ARENA_UNLIKELY(__builtin_sub_overflow(a->left, size, left)))
		return 1;
	/* Below the base, if there is too little: another borrow. */
	return __builtin_sub_overflow(((uintptr_t)a->base + *left) & -align,
				      (uintptr_t)a->base, left);
}

ARENA_INLINE int arena_is_alignment(size_t align)
{
	return align && !(align & (align - 1));
}

/**
 * arena_alloc - allocate
 * @a: the arena
 * @size: bytes; 0 gives a pointer that can't be dereferenced
 *
 * Not zeroed: after arena_reset() the memory holds what it held before.
 *
 * Return: the memory, aligned to ARENA_ALIGN, or NULL.
 */
__attribute__((malloc, alloc_size(2), assume_aligned(16))) ARENA_NODISCARD
ARENA_INLINE void *arena_alloc(struct arena *a, size_t size)
{
	size_t left;

	if (ARENA_UNLIKELY(arena_bump(a, size, &left)))
		return arena_alloc_slow(a, size, ARENA_ALIGN);
	a->left = left;
	return a->base + left;
}

/**
 * arena_try_alloc - allocate, without what arena_set_oom() said
 * @a: the arena
 * @size: bytes; 0 gives a pointer that can't be dereferenced
 *
 * Return: the memory, aligned to ARENA_ALIGN, or NULL.
 */
__attribute__((malloc, alloc_size(2), assume_aligned(16))) ARENA_NODISCARD
ARENA_INLINE void *arena_try_alloc(struct arena *a, size_t size)
{
	size_t left;

	if (ARENA_UNLIKELY(arena_bump(a, size, &left)))
		return arena_try_alloc_slow(a, size, ARENA_ALIGN);
	a->left = left;
	return a->base + left;
}

/**
 * arena_alloc_aligned - allocate with an alignment
 * @a: the arena
 * @size: bytes; 0 gives a pointer that can't be dereferenced
 * @align: alignment in bytes, a power of two; less than ARENA_ALIGN is as good as that
 *
 * Return: the memory, or NULL; also NULL if @align is no power of two.
 */
__attribute__((malloc, alloc_size(2), alloc_align(3))) ARENA_NODISCARD
ARENA_INLINE void *arena_alloc_aligned(struct arena *a, size_t size, size_t align)
{
	size_t left;

	if (ARENA_UNLIKELY(!arena_is_alignment(align) ||
			   arena_bump_aligned(a, size, align, &left)))
		return arena_alloc_slow(a, size, align);
	a->left = left;
	return a->base + left;
}

/**
 * arena_try_alloc_aligned - arena_alloc_aligned(), without what arena_set_oom() said
 * @a: the arena
 * @size: bytes; 0 gives a pointer that can't be dereferenced
 * @align: alignment in bytes, a power of two
 *
 * Return: the memory, or NULL; also NULL if @align is no power of two.
 */
__attribute__((malloc, alloc_size(2), alloc_align(3))) ARENA_NODISCARD
ARENA_INLINE void *arena_try_alloc_aligned(struct arena *a, size_t size, size_t align)
{
	size_t left;

	if (ARENA_UNLIKELY(!arena_is_alignment(align) ||
			   arena_bump_aligned(a, size, align, &left)))
		return arena_try_alloc_slow(a, size, align);
	a->left = left;
	return a->base + left;
}

/**
 * arena_zalloc - allocate zeroed memory
 * @a: the arena
 * @size: bytes; 0 gives a pointer that can't be dereferenced
 *
 * What has not been used since the system gave it is zero, and is not zeroed again.
 *
 * Return: the memory, aligned to ARENA_ALIGN, or NULL.
 */
__attribute__((malloc, alloc_size(2), assume_aligned(16))) ARENA_NODISCARD
void *arena_zalloc(struct arena *a, size_t size);

/**
 * arena_try_zalloc - arena_zalloc(), without what arena_set_oom() said
 * @a: the arena
 * @size: bytes; 0 gives a pointer that can't be dereferenced
 *
 * Return: the memory, aligned to ARENA_ALIGN, or NULL.
 */
__attribute__((malloc, alloc_size(2), assume_aligned(16))) ARENA_NODISCARD
void *arena_try_zalloc(struct arena *a, size_t size);

/**
 * arena_alloc_array - arena_new_array() for languages that have no macros
 * @a: the arena
 * @n: how many elements
 * @size: bytes of each
 * @align: alignment in bytes, a power of two
 *
 * Return: the memory, or NULL; a product that overflows is a size that does not fit.
 */
__attribute__((malloc, alloc_size(2, 3), alloc_align(4))) ARENA_NODISCARD
ARENA_INLINE void *arena_alloc_array(struct arena *a, size_t n, size_t size,
				      size_t align)
{
	size_t bytes;

	if (ARENA_UNLIKELY(__builtin_mul_overflow(n, size, &bytes)))
		return arena_alloc_slow(a, SIZE_MAX, align);
	return arena_alloc_aligned(a, bytes, align);
}

/**
 * arena_new() - allocate a variable
 * @a: the arena
 * @type: its type
 *
 * Return: a pointer to it, aligned as it needs, not zeroed; or NULL.
 */
#define arena_new(a, type) \
	((type *)arena_alloc_aligned((a), sizeof(type), __alignof__(type)))

/**
 * arena_new_array() - allocate an array
 * @a: the arena
 * @type: the type of its elements
 * @n: how many
 *
 * Return: a pointer to the first, aligned as it needs, not zeroed; or NULL, also if
 * so many can't be counted in bytes.
 */
#define arena_new_array(a, type, n) \
	((type *)arena_alloc_array((a), (n), sizeof(type), __alignof__(type)))

/**
 * arena_realloc - change the size of an allocation
 * @a: the arena
 * @memory: the allocation, of this arena; or NULL
 * @old_size: bytes it has; 0 if @memory is NULL
 * @new_size: bytes it is to have
 *
 * The last allocation grows and shrinks where it is: what it does not need is free
 * again. Since an arena is cut downwards its address changes all the same. Any other
 * one is copied when it grows, and its old memory is free when the arena is rewound.
 *
 * Return: the memory, aligned to ARENA_ALIGN if it is elsewhere, with the contents up to
 * the smaller of the two sizes; or NULL with @memory as it was. To shrink never fails.
 */
__attribute__((alloc_size(4))) ARENA_NODISCARD
void *arena_realloc(struct arena *a, void *memory, size_t old_size, size_t new_size);

/**
 * arena_try_realloc - arena_realloc(), without what arena_set_oom() said
 * @a: the arena
 * @memory: the allocation, of this arena; or NULL
 * @old_size: bytes it has; 0 if @memory is NULL
 * @new_size: bytes it is to have
 *
 * Return: as of arena_realloc().
 */
__attribute__((alloc_size(4))) ARENA_NODISCARD
void *arena_try_realloc(struct arena *a, void *memory, size_t old_size, size_t new_size);

/* --- strings ----------------------------------------------------------------------- */

/**
 * arena_memdup - copy memory
 * @a: the arena
 * @memory: what to copy
 * @size: bytes
 *
 * Return: the copy, aligned to ARENA_ALIGN, or NULL.
 */
__attribute__((alloc_size(3), assume_aligned(16))) ARENA_NODISCARD
void *arena_memdup(struct arena *a, const void *memory, size_t size);

/**
 * arena_strdup - copy a string
 * @a: the arena
 * @string: the string
 *
 * Strings that are allocated one after another lie side by side, without gaps.
 *
 * Return: the copy, or NULL.
 */
__attribute__((malloc)) ARENA_NODISCARD
char *arena_strdup(struct arena *a, const char *string);

/**
 * arena_strndup - copy the beginning of a string
 * @a: the arena
 * @string: the string; need not end with a NUL after @max bytes
 * @max: bytes of it to copy at most
 *
 * Return: the copy, which ends with a NUL, or NULL.
 */
__attribute__((malloc)) ARENA_NODISCARD
char *arena_strndup(struct arena *a, const char *string, size_t max);

/**
 * arena_printf - format a string
 * @a: the arena
 * @format: as of printf(3)
 *
 * Return: the string, or NULL; also NULL, with -EINVAL for arena_error(), if the format
 * and its arguments are an error to vsnprintf(3).
 */
__attribute__((malloc, format(printf, 2, 3))) ARENA_NODISCARD
char *arena_printf(struct arena *a, const char *format, ...);

/**
 * arena_vprintf - format a string
 * @a: the arena
 * @format: as of printf(3)
 * @args: its arguments
 *
 * Return: as of arena_printf().
 */
__attribute__((malloc, format(printf, 2, 0))) ARENA_NODISCARD
char *arena_vprintf(struct arena *a, const char *format, va_list args);

/**
 * struct arena_buf - bytes that are being put together
 * @arena: where
 * @data: the bytes; they move when more come
 * @length: how many
 * @room: how many there is room for
 * @error: 0, or why something could not be appended; nothing is from then on
 *
 * All but @data and @length is private. While it is the last allocation of its arena it
 * grows in place; it may be forgotten at any time.
 */
struct arena_buf {
	struct arena *arena;
	char *data;
	size_t length;
	size_t room;
	int error;
};

/**
 * arena_buf_begin - begin to put bytes together
 * @buf: what to set up
 * @a: where
 * @room: bytes to expect, if known, or 0
 *
 * Return: 0; or -ENOMEM if so much can't be counted, or what arena_error() says: then
 * @buf->error is that.
 */
int arena_buf_begin(struct arena_buf *buf, struct arena *a, size_t room);

/**
 * arena_buf_append - append bytes
 * @buf: to what
 * @bytes: they; may be part of @buf->data
 * @size: how many
 *
 * Return: 0, or @buf->error with nothing appended.
 */
int arena_buf_append(struct arena_buf *buf, const void *bytes, size_t size);

/**
 * arena_buf_printf - append a formatted string, without its NUL
 * @buf: to what
 * @format: as of printf(3); no argument may be part of @buf->data
 *
 * Return: 0, or @buf->error with nothing appended.
 */
__attribute__((format(printf, 2, 3)))
int arena_buf_printf(struct arena_buf *buf, const char *format, ...);

/**
 * arena_buf_vprintf - append a formatted string, without its NUL
 * @buf: to what
 * @format: as of printf(3)
 * @args: its arguments
 *
 * Return: 0, or @buf->error with nothing appended.
 */
__attribute__((format(printf, 2, 0)))
int arena_buf_vprintf(struct arena_buf *buf, const char *format, va_list args);

/**
 * arena_buf_finish - end with a NUL, and give back what there is too much
 * @buf: the bytes; it can't be used afterwards
 * @length: set to the number of bytes without the NUL; or NULL
 *
 * Return: the bytes, aligned to ARENA_ALIGN; or NULL if any could not be appended.
 */
ARENA_NODISCARD
char *arena_buf_finish(struct arena_buf *buf, size_t *length);

/* --- free ---------------------------------------------------------------------------- */

/**
 * struct arena_mark - a moment in an arena's life
 * @used: bytes that were allocated then
 * @serial: what it was then
 * @packed: where the last string was
 *
 * Private.
 */
struct arena_mark {
	size_t used;
	uint64_t serial;
	char *packed;
};

/**
 * arena_save - remember where an arena is
 * @a: the arena
 *
 * Return: a mark for arena_rewind(). Any number can be had at a time; there is nothing
 * to give back.
 */
ARENA_NODISCARD
struct arena_mark arena_save(const struct arena *a);

/**
 * arena_rewind - free what was allocated since a mark
 * @a: the arena
 * @mark: of arena_save() of @a; can be used more than once, but not after the arena was
 *	rewound to an earlier one, reset or released, nor after what was its last
 *	allocation then, or a child that was, has shrunk or ended: a checked arena sees
 *	that
 *
 * Keeps the memory. Runs the cleanups that were added since, the youngest first. What
 * arena_realloc() returned since is free, too.
 */
void arena_rewind(struct arena *a, struct arena_mark mark);

/**
 * arena_reset - free everything, keep the memory
 * @a: the arena
 *
 * All memory allocated from @a becomes invalid. Runs its cleanups, the youngest first.
 * Costs the same for any amount.
 */
void arena_reset(struct arena *a);

/**
 * arena_release - free everything, give the memory back
 * @a: the arena
 *
 * All memory allocated from @a becomes invalid. Runs its cleanups, the youngest first.
 * One system call, two with ARENA_SEAL on anonymous memory. What is allocated afterwards is
 * committed anew. A child keeps its memory, which is its parent's.
 *
 * Return: 0; or -EPERM in a process that has the arena from its parent; or, with everything
 * free and the memory kept, what the system says where it is locked in memory.
 */
int arena_release(struct arena *a);

/**
 * arena_trim - give back memory that is not used
 * @a: the arena
 * @keep: bytes to keep committed, those allocated included
 *
 * Return: 0; or -EPERM in a process that has the arena from its parent; or, with the memory
 * kept, what the system says where it is locked in memory.
 */
int arena_trim(struct arena *a, size_t keep);

/**
 * struct arena_cleanup - what to do when memory is freed
 * @fn: called with @ctx
 * @ctx: for @fn
 * @next: private
 * @serial: private
 *
 * The caller's; may be in the arena.
 */
struct arena_cleanup {
	void (*fn)(void *ctx);
	void *ctx;
	struct arena_cleanup *next;
	uint64_t serial;
};

/**
 * arena_cleanup_add - say what to do when what is allocated now is freed
 * @a: the arena
 * @cleanup: the caller's, until it has been called
 * @fn: what to call: once, by the arena_rewind() to an earlier mark, or by the
 *	arena_reset(), arena_release() or arena_destroy() that comes first; memory that
 *	was allocated before is still there. Must not allocate from @a.
 * @ctx: for @fn
 */
void arena_cleanup_add(struct arena *a, struct arena_cleanup *cleanup,
		       void (*fn)(void *ctx), void *ctx);

/**
 * arena_cleanup_remove - take it back
 * @a: the arena
 * @cleanup: what was added; nothing happens if it was called already
 *
 * Looks at those that were added after it.
 */
void arena_cleanup_remove(struct arena *a, struct arena_cleanup *cleanup);

/* --- memory for other allocators ------------------------------------------------------ */

/* arena_region.flags */

/* It is known to be zero. */
#define ARENA_REGION_ZERO	(1u << 0)
/* Huge pages, all of it; on the device they stay so. */
#define ARENA_REGION_HUGE	(1u << 1)

/**
 * struct arena_region - memory for another allocator
 * @size: sizeof(struct arena_region), set by the caller; what has been filled in afterwards
 * @memory: where it is
 * @length: bytes, a multiple of 2 MiB
 * @node: NUMA node of its first byte, or -1 if the system does not tell
 * @flags: ARENA_REGION_*
 */
struct arena_region {
	size_t size;
	void *memory;
	size_t length;
	int32_t node;
	uint32_t flags;
};

/**
 * arena_region - allocate whole blocks, for another allocator
 * @a: the arena
 * @length: bytes, rounded up to a multiple of 2 MiB
 * @align: alignment in bytes, a power of two, or 0; 2 MiB at least
 * @region: @region->size set by the caller; set to what it is
 *
 * An allocation like others: it is freed with what came after it, and when the arena is
 * reset, released or destroyed.
 *
 * Return: 0; or -EINVAL if @length is 0, @align no power of two, @region->size too small or
 * the arena a child; or -ENOMEM if @length can't be rounded; or what arena_error() says.
 */
ARENA_NODISCARD
int arena_region(struct arena *a, size_t length, size_t align, struct arena_region *region);

/**
 * arena_region_decommit - give the memory of blocks back, and keep their place
 * @a: the arena
 * @memory: the blocks, all of them arena_region()'s; a multiple of 2 MiB
 * @length: bytes, a multiple of 2 MiB
 *
 * Must not be touched until arena_region_commit(); with ARENA_SEAL, who does gets a signal.
 * When memory of the arena is freed after that, its free memory is given back, too. Checked
 * arenas keep the memory, zeroed.
 *
 * Return: 0, or
 * * -EINVAL if these are not whole blocks that are allocated from @a, or @a is a child
 * * -EBUSY if the arena is idle
 * * -EPERM in a process that has the arena from its parent
 * * -ENOMEM, -EAGAIN or -EINVAL from the system (mprotect(2), madvise(2)), as where they
 *   are locked in memory; arena_region_commit() makes them usable then, too
 */
int arena_region_decommit(struct arena *a, void *memory, size_t length);

/**
 * arena_region_commit - make memory of blocks that were decommitted
 * @a: the arena
 * @memory: as of arena_region_decommit(); what has memory already is as it was
 * @length: likewise
 *
 * The memory is zero, but with ARENA_KEEP_DIRTY.
 *
 * Return: as of arena_region_decommit(); -ENOMEM if there is no memory, -EDQUOT at the
 * device's limit: some of it may have memory then.
 */
ARENA_NODISCARD
int arena_region_commit(struct arena *a, void *memory, size_t length);

/* --- checks --------------------------------------------------------------------------- */

/**
 * arena_check - look whether anybody wrote where nothing is allocated
 * @a: the arena
 *
 * An arena is checked if its options have ARENA_CHECKS, if the program was compiled with
 * -DARENA_CHECKED=1, if the environment has ARENA_CHECKED=1, and, unless that has
 * ARENA_CHECKED=0, under ASan, MSan and Valgrind. Then each of the following ends the
 * process by abort(3), with a message on standard error that names the arena and the
 * call that found it:
 *
 * - bytes that were written behind an allocation, found when it is freed and here
 * - a mark that is stale
 * - use by a thread whose arena it is not, see arena_adopt()
 * - arena_cleanup_add() to an idle arena
 * - use of an arena after arena_destroy(), to destroy it again included
 * - arena_rewind(), arena_reset() or arena_release() of an arena that has children in what
 *   they free
 *
 * Its red zones count as allocated, so that it meets its limit earlier. What is free is
 * overwritten. ASan, MSan and Valgrind know what is allocated, and what is not
 * initialized. What arena_realloc() makes larger always moves.
 *
 * Return: 1, or 0 if the arena is not checked.
 */
int arena_check(const struct arena *a);

/**
 * arena_adopt - make the calling thread the one that uses an arena
 * @a: the arena, which no other thread uses at the time; its children have to be adopted
 *	on their own, but end with it wherever it ends
 *
 * Means nothing but in a checked arena, and in one with ARENA_THREAD_OWNED, which ends
 * with the calling thread then.
 *
 * Return: 0; or -ENOMEM if there is no memory to note with which thread it ends: no one ends
 * it then.
 */
int arena_adopt(struct arena *a);

/**
 * arena_report_faults - say whose memory a fault was in
 *
 * Installs a handler of SIGSEGV and SIGBUS, for the whole process and once. If the address
 * is an arena's, or was one's that has been destroyed, it writes a line on standard error:
 * which arena, and when and by what call the memory was given back. Then it calls the
 * handler that was there before, by its flags, or does what the system would. To be used with
 * ARENA_SEAL or ARENA_QUARANTINE. ARENA_REPORT_FAULTS=1 in the environment does it when
 * the first arena is created.
 *
 * Return: 0, or the negative errno of sigaction(2).
 */
int arena_report_faults(void);

/**
 * struct arena_handle - says where an allocation is, and notices when it is no more
 * @arena: a number of the arena
 * @serial: when it was made
 * @offset: where
 *
 * Private.
 */
struct arena_handle {
	uint64_t arena;
	uint64_t serial;
	size_t offset;
};

/**
 * arena_handle - make a handle of a pointer
 * @a: the arena
 * @memory: an allocation of it, or a part of one
 *
 * From the first one on, arena_rewind() and the like keep a note for each time they freed
 * memory and left some.
 *
 * Return: the handle; one that is never valid if @memory is not in what is allocated, or
 * there is no memory for the notes.
 */
ARENA_NODISCARD
struct arena_handle arena_handle(struct arena *a, const void *memory);

/**
 * arena_deref - the pointer of a handle
 * @a: the arena that it was made for
 * @handle: the handle
 *
 * Return: the pointer; or NULL if the memory has been freed since by arena_rewind(),
 * arena_reset() or arena_release(), whatever is there now, or if it is another arena.
 */
ARENA_NODISCARD
void *arena_deref(const struct arena *a, struct arena_handle handle);

/* --- contents that end by themselves ------------------------------------------------ */

/**
 * arena_idle - let the system take an arena's memory when it needs some
 * @a: the arena
 *
 * Until arena_claim(), what is in it may vanish, must not be touched, and nothing can be
 * allocated (-EBUSY for arena_error()). What frees memory claims it. On the device, no
 * system call but the first time; the system takes the arena that has been idle longest
 * first. On anonymous memory by MADV_FREE, at the price of a look at each page.
 *
 * Return: 0, also if it is idle already; or
 * * -EBUSY if it has cleanups or children, or something that arena_region_decommit() took
 * * -EINVAL if it is a child
 * * -ENOMEM if there is no memory for what it takes
 * * -EOPNOTSUPP if the device can't do that
 * * -EPERM in a process that has the arena from its parent
 */
int arena_idle(struct arena *a);

/**
 * arena_claim - take an idle arena back
 * @a: the arena
 *
 * On the device, no system call if nothing was taken.
 *
 * Return: 1 if everything is as it was, also if it was not idle; 0 if something was
 * taken: the arena is empty then; or a negative errno if it stays idle: -EPERM in a
 * process that has the arena from its parent.
 */
ARENA_NODISCARD
int arena_claim(struct arena *a);

/* arena_scope.flags */
#define ARENA_SCOPE_DEADLINE	(1u << 0)
#define ARENA_SCOPE_FD		(1u << 1)

/**
 * struct arena_scope - what an arena is bound to
 * @size: sizeof(struct arena_scope)
 * @deadline: CLOCK_MONOTONIC in nanoseconds, with ARENA_SCOPE_DEADLINE
 * @fd: a descriptor, with ARENA_SCOPE_FD: a socket cancels when the other side closes it,
 *	or shuts down its half, all others when they can be read (eventfd(2),
 *	timerfd_create(2), pidfd_open(2), a pipe). It is not read, and has to stay open
 *	until arena_scope_end().
 * @flags: ARENA_SCOPE_DEADLINE, ARENA_SCOPE_FD or both
 * @slice: bytes that may be allocated between two looks at clock and descriptor; rounded
 *	down to a multiple of ARENA_ALIGN. 0 for a look at each allocation, which makes
 *	it some tens of nanoseconds dearer, and a system call if there is a descriptor.
 */
struct arena_scope {
	size_t size;
	uint64_t deadline;
	int fd;
	uint32_t flags;
	uint64_t slice;
};

/**
 * arena_scope_begin - bind an arena to a deadline, or to what cancels it
 * @a: the arena; its children are not bound by that
 * @scope: to what
 *
 * Once the deadline has passed, or the descriptor says so, allocations fail, with
 * -ECANCELED for arena_error(). What is allocated stays until arena_scope_end().
 *
 * Return: 0, or
 * * -EINVAL if @scope has neither, an unknown flag or a size that is too small
 * * -E2BIG if it is of a newer version and asks for what this one can't do
 * * -EBADF if @scope->fd is no descriptor
 * * -EBUSY if the arena is bound already
 */
int arena_scope_begin(struct arena *a, const struct arena_scope *scope);

/**
 * arena_scope_check - look whether it is over
 * @a: the arena
 *
 * Return: 0, also if it is not bound; or -ECANCELED.
 */
int arena_scope_check(struct arena *a);

/**
 * arena_scope_end - unbind an arena, and release it
 * @a: the arena
 *
 * Return: as of arena_release().
 */
int arena_scope_end(struct arena *a);

/* --- a block, a thread ------------------------------------------------------------- */

/* What ARENA_FRAME() declares. */
struct arena_frame {
	struct arena *arena;
	struct arena_mark mark;
};

/**
 * arena_frame_begin - what ARENA_FRAME() does where it stands
 * @a: the arena, or NULL
 *
 * Return: the frame, for arena_frame_end().
 */
ARENA_INLINE struct arena_frame arena_frame_begin(struct arena *a)
{
	struct arena_frame frame = { a, { 0, 0, NULL } };

	if (a)
		frame.mark = arena_save(a);
	return frame;
}

/**
 * arena_frame_end - what ARENA_FRAME() does at the end of the block
 * @frame: of arena_frame_begin()
 */
ARENA_INLINE void arena_frame_end(struct arena_frame *frame)
{
	if (frame->arena)
		arena_rewind(frame->arena, frame->mark);
}

#define ARENA_PASTE_(a, b)	a##b
#define ARENA_PASTE(a, b)	ARENA_PASTE_(a, b)

/**
 * ARENA_FRAME() - rewind an arena when the block ends, however that happens
 * @a: the arena, or NULL
 *
 * A declaration: what is allocated from @a between it and the end of its block is freed
 * there, by return, break and goto, too; not by longjmp().
 */
#define ARENA_FRAME(a)								\
	__attribute__((cleanup(arena_frame_end), unused))			\
	struct arena_frame ARENA_PASTE(arena_frame_, __COUNTER__) = arena_frame_begin(a)

/**
 * arena_thread - the calling thread's own arena
 *
 * Created with default options when a thread asks first, and destroyed when that ends,
 * by cancellation, too, but not when the process exits. A child of fork() keeps it if it
 * is on anonymous memory; else it gets a new one.
 *
 * Return: the arena, which must not be destroyed; or NULL if it can't be created.
 */
ARENA_NODISCARD
struct arena *arena_thread(void);

/**
 * arena_scratch_get - arena_scratch() for languages that have no macros
 * @avoid: arenas that it must not be
 * @nr: how many
 *
 * Return: as of arena_scratch().
 */
ARENA_NODISCARD
struct arena *arena_scratch_get(struct arena *const *avoid, size_t nr);

#ifndef __cplusplus
/**
 * arena_scratch() - an arena of the calling thread for what is needed for a moment
 * @...: arenas that it must not be: those that the caller's result is allocated from,
 *	since one of them may be a scratch arena of a caller
 *
 * To be rewound by who asked, to where it was: see ARENA_SCRATCH(). A thread has as many
 * as are needed at a time, created and destroyed as arena_thread()'s.
 *
 * Return: the arena, which must not be destroyed; or NULL if it can't be created.
 */
#define arena_scratch(...)							\
	arena_scratch_get((struct arena *const[]) { NULL, ##__VA_ARGS__ },	\
			  sizeof((struct arena *const[]) { NULL, ##__VA_ARGS__ }) / \
			  sizeof(struct arena *))

/**
 * ARENA_SCRATCH() - declare a scratch arena, rewound when the block ends
 * @name: what the pointer to it is to be called; it may be NULL
 * @...: arenas that it must not be
 */
#define ARENA_SCRATCH(name, ...)						\
	struct arena *name = arena_scratch(__VA_ARGS__);			\
	ARENA_FRAME(name)
#endif

#ifdef __cplusplus
}
#endif

#endif /* ARENA_ARENA_H */
