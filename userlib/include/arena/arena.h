/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * libarena: allocate by bumping a pointer, free everything at once.
 *
 * An arena is one range of addresses, reserved when the arena is created and
 * committed as the arena grows. Allocations are cut from the range downwards
 * and are not freed one by one:
 *
 * - arena_rewind() frees everything allocated since arena_save()
 * - arena_reset() frees everything and keeps the memory
 * - arena_release() frees everything and gives the memory back to the system
 *   in one call
 * - arena_destroy() destroys the arena
 *
 * The memory comes from /dev/arena or, if the device cannot be used, from an
 * anonymous mapping; arena_backing() returns which (see arena_create()).
 *
 * Only one thread may use an arena at a time. Functions that return int return
 * 0 or a negative errno, unless described otherwise. Functions that return
 * memory return NULL on failure, and arena_error() returns the reason. No
 * function changes errno.
 *
 * A process created by fork() cannot use an arena on /dev/arena that it
 * inherited: allocations from it fail, with -EPERM for arena_error(). An arena
 * on anonymous memory is copied like any private memory.
 */
#ifndef ARENA_ARENA_H
#define ARENA_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** ARENA_ALIGN - alignment in bytes of the memory that arena_alloc() returns */
#define ARENA_ALIGN	((size_t)16)

#define ARENA_UNLIKELY(cond)	__builtin_expect(!!(cond), 0)
#define ARENA_NODISCARD		__attribute__((warn_unused_result))

/* libarena-ffi exports the inline functions, for languages that cannot use them. */
#ifndef ARENA_INLINE
#define ARENA_INLINE		static inline __attribute__((unused))
#endif

/**
 * struct arena - an arena
 * @base: lowest address that can be allocated without calling the library
 * @left: number of free bytes from @base upwards
 *
 * Both words are multiples of ARENA_ALIGN. They are the state of the inline functions
 * below and part of the ABI, but private nevertheless. The library stores further state
 * behind them, so an arena must only be used through the pointer that arena_create()
 * returned.
 */
struct arena {
	char *base;
	size_t left;
};

/* --- create ------------------------------------------------------------------ */

/**
 * enum arena_backing - kinds of memory behind an arena, best first
 * @ARENA_BACKING_ANY: in options only: the device or, if it cannot be used, anonymous
 *	memory as with ARENA_BACKING_ANON
 * @ARENA_BACKING_DEVICE: blocks of /dev/arena, each mapped by one huge page
 * @ARENA_BACKING_HUGE: an anonymous mapping, each 2 MiB of which is made a huge page
 *	when it is committed (MADV_COLLAPSE, Linux 6.1)
 * @ARENA_BACKING_ANON: an anonymous mapping for which huge pages are requested; the
 *	system decides whether it gets any
 */
enum arena_backing {
	ARENA_BACKING_ANY,
	ARENA_BACKING_DEVICE,
	ARENA_BACKING_HUGE,
	ARENA_BACKING_ANON,
};

/**
 * enum arena_nodes - NUMA placement of an arena's memory
 * @ARENA_NODES_LOCAL: on the node of the thread that commits the memory (or, with
 *	ARENA_BACKING_ANON, of the thread that first writes to it), unless that thread's
 *	memory policy says otherwise (numactl, set_mempolicy(2))
 * @ARENA_NODES_BIND: on the nodes of the mask and on no others
 * @ARENA_NODES_PREFERRED: on the nodes of the mask, or on others if these have no memory
 * @ARENA_NODES_INTERLEAVE: on the nodes of the mask in turn
 */
enum arena_nodes {
	ARENA_NODES_LOCAL,
	ARENA_NODES_BIND,
	ARENA_NODES_PREFERRED,
	ARENA_NODES_INTERLEAVE,
};

/* arena_opts.reserve: like 0, and commit what arenas of this name are predicted to use. */
#define ARENA_RESERVE_AUTO	((size_t)-1)

/* arena_opts.flags */

/*
 * Fall back to the next backing if @backing is unavailable. Without this flag,
 * arena_create() fails in this case.
 */
#define ARENA_OPT_PREFER		(1u << 0)
/* Memory that this arena released may come back to it unzeroed, which saves time. */
#define ARENA_OPT_KEEP_DIRTY	(1u << 1)
/*
 * Any access to memory that arena_release() or arena_trim() gave back raises a signal,
 * until the memory is committed again: SIGBUS on the device, SIGSEGV on anonymous memory.
 */
#define ARENA_OPT_SEAL		(1u << 2)
/* Check every use, at a cost in speed: see arena_check(). */
#define ARENA_OPT_CHECKS		(1u << 3)
/*
 * Like ARENA_OPT_SEAL. In addition, addresses that arena_release() gave back are not used
 * again until the arena has released as many bytes as its reserve. This finds a use after
 * release even if the arena has allocated new memory since. Takes twice the address space.
 */
#define ARENA_OPT_QUARANTINE	(1u << 4)
/* Count every allocation, at a cost in speed, for the arena_stats members that need it. */
#define ARENA_OPT_COUNT		(1u << 5)
/*
 * Destroy the arena when its thread ends, unless it has been destroyed before. Its thread
 * is the one that created it or, after arena_adopt(), the last one that adopted it. The
 * arena is not destroyed when the process exits.
 */
#define ARENA_OPT_THREAD_OWNED	(1u << 6)

/**
 * struct arena_opts - options for creating an arena
 * @size: sizeof(struct arena_opts)
 * @name: name of the arena in messages and statistics, or NULL; copied, at most 31 bytes
 * @reserve: bytes of address space, and so the most the arena can ever hold; rounded up
 *	to whole blocks of 2 MiB. 0 means 16 GiB, or as much of that as the system allows.
 *	ARENA_RESERVE_AUTO means the same, and arena_create() then commits the 99th
 *	percentile of what arenas of this name have used (see arena_predict()), as far as
 *	memory is available. arena_reset(), arena_release() and arena_destroy() record the
 *	most that the arena used since the previous such call.
 * @limit: maximum number of bytes allocated at any one time, alignment included; rounded
 *	down to a multiple of ARENA_ALIGN. 0 means no limit except @reserve.
 * @prefault: bytes to commit and map when the arena is created, rounded up to whole
 *	blocks; the rest is committed on demand. Must not exceed @reserve.
 * @backing: required backing, an enum arena_backing
 * @flags: ARENA_OPT_PREFER and so on
 * @nodes: NUMA placement, an enum arena_nodes
 * @reserved: must be zero
 * @node_mask: the nodes, lowest bit for node 0; 0 with ARENA_NODES_LOCAL
 *
 * Environment variables override these options for all arenas of a process except
 * children:
 *
 * - ARENA_RESERVE, ARENA_LIMIT and ARENA_PREFAULT: a number of bytes, with an optional
 *   suffix K, M, G or T; ARENA_RESERVE can also be auto
 * - ARENA_BACKING: any, device, huge or anon
 * - ARENA_NODES: local; or bind, preferred or interleave with a list of nodes, as in
 *   bind:0-1,3
 * - ARENA_PREFER, ARENA_KEEP_DIRTY, ARENA_SEAL, ARENA_QUARANTINE, ARENA_COUNT,
 *   ARENA_THREAD_OWNED and ARENA_CHECKED: 0 or 1
 *
 * A value that cannot be parsed is ignored, with a message on standard error. Programs
 * that gain privileges when they are executed, e.g. set-user-ID programs, ignore these
 * variables (see secure_getenv(3)).
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
 * arena_create - create an arena
 * @a: set to the new arena
 * @opts: options, or NULL for the defaults
 *
 * Commits no memory except @opts->prefault bytes and, with ARENA_RESERVE_AUTO, the
 * predicted use.
 *
 * Return: 0, or
 * * -EINVAL if @opts has an unknown value, a nonzero reserved field, a size that is too
 *   small, nodes without a mask, a mask without nodes, or more @prefault than @reserve
 * * -E2BIG if @opts is of a newer version and sets a field that this version lacks
 * * -ENOMEM if there is no address space of that size, or no memory
 * * -EAGAIN if the process locks all its memory (mlockall(2)) and is not permitted to
 *   lock @opts->reserve bytes
 * * -ENODEV if a node of the mask does not exist
 * * if a specific backing is required, the reason why it is unavailable: for the device
 *   the error of opening it (-ENOENT, -EACCES, ...), or -EOPNOTSUPP if the device or the
 *   system lacks a feature that this library needs
 */
ARENA_NODISCARD
int arena_create(struct arena **a, const struct arena_opts *opts);

/**
 * arena_create_checked - create a checked arena
 * @a: set to the new arena
 * @opts: options, or NULL for the defaults
 *
 * Same as arena_create() with ARENA_OPT_CHECKS. A program that is compiled with
 * -DARENA_CHECKED=1 calls this function wherever its source calls arena_create().
 *
 * Return: same as arena_create().
 */
ARENA_NODISCARD
int arena_create_checked(struct arena **a, const struct arena_opts *opts);

#if defined(ARENA_CHECKED) && ARENA_CHECKED
#define arena_create(a, opts)	arena_create_checked(a, opts)
#endif

/**
 * arena_create_child - create an arena within another one
 * @a: set to the new arena
 * @parent: arena that provides the memory
 * @opts: @reserve bytes are allocated from @parent for the child; not 0, and not
 *	ARENA_RESERVE_AUTO. @name and @limit are as for any arena. All other options
 *	must be zero: the child has those of the parent.
 *
 * Needs no system call of its own. Creating and destroying a child count as uses of the
 * parent.
 *
 * The child ends when it is passed to arena_destroy(), or when the parent frees the memory
 * that the child is in. Its cleanups then run, and it must not be used any more. If the
 * child is the parent's last allocation, arena_destroy() frees its memory in the parent.
 * In a checked arena, it is an error to free the memory of a child that has not ended by
 * arena_rewind(), arena_reset() or arena_release() (see arena_check()).
 *
 * Return: 0, or
 * * -EINVAL as for arena_create(), or if @reserve is zero or another option is set
 * * -E2BIG as for arena_create()
 * * -ENOMEM if the library has no memory for its own record of the child, or if @reserve
 *   cannot be rounded up to a multiple of ARENA_ALIGN
 * * the error that arena_error() returns for @parent, if allocating from @parent fails
 */
ARENA_NODISCARD
int arena_create_child(struct arena **a, struct arena *parent,
		       const struct arena_opts *opts);

/**
 * arena_destroy - destroy an arena and give its memory back
 * @a: the arena, or NULL
 *
 * Runs the arena's cleanups and ends its children.
 */
void arena_destroy(struct arena *a);

/**
 * arena_name - return the name of an arena
 * @a: the arena
 *
 * Return: the name from its options, or "arena". Valid until @a is destroyed.
 */
const char *arena_name(const struct arena *a);

/**
 * arena_backing - return the kind of memory behind an arena
 * @a: the arena
 *
 * Return: ARENA_BACKING_DEVICE, ARENA_BACKING_HUGE or ARENA_BACKING_ANON.
 */
enum arena_backing arena_backing(const struct arena *a);

/**
 * struct arena_caps - capabilities of this system
 * @size: sizeof(struct arena_caps), set by the caller
 * @device_error: 0 if /dev/arena can be used, or a negative errno
 * @abi_version: ABI version of the module; 0 if /dev/arena cannot be used
 * @features: ARENA_FEATURE_* of <linux/arena.h>; 0 if /dev/arena cannot be used
 * @block_size: size of a block, the unit of commit, in bytes
 * @node_mask: nodes that have memory, lowest bit for node 0
 * @has_huge: 1 if ARENA_BACKING_HUGE is available, otherwise 0
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
 * arena_probe - get the capabilities of this system
 * @caps: filled in, up to @caps->size bytes
 *
 * Return: 0, or -EINVAL if @caps->size is too small for the first version of the
 * structure.
 */
int arena_probe(struct arena_caps *caps);

/**
 * struct arena_stats - counters of an arena
 * @size: sizeof(struct arena_stats), set by the caller
 * @reserved: bytes of address space that the arena can use at a time
 * @committed: bytes of @reserved that are committed, including those that
 *	arena_span_decommit() has given back
 * @used: bytes currently allocated, alignment included
 * @blocks: blocks of /dev/arena that the arena holds; 0 on anonymous memory and for a
 *	child
 * @node: NUMA node of the page that is allocated from first, or -1 if nothing is allocated,
 *	the page has not been written to, the arena is idle or the system does not tell
 * @backing: kind of memory behind the arena, an enum arena_backing
 * @peak: highest value that @used has had
 * @limit: highest value that @used can have
 * @slow: allocations for which the inline functions did not find room
 * @commits: number of times that memory was committed
 * @resets: calls of arena_reset()
 * @rewinds: calls of arena_rewind()
 * @releases: calls of arena_release() and arena_trim() that gave memory back
 * @failures: allocations that failed
 * @allocated: total of all bytes ever allocated, alignment included
 * @obtained: total of all bytes ever committed; if @allocated is larger, the difference
 *	was allocated from memory that had been used before
 * @allocations: number of allocations ever made, except those of 0 bytes. This member and
 *	those that follow are only counted in checked arenas and in arenas with
 *	ARENA_OPT_COUNT; they are 0 in others.
 * @asked: total of all bytes ever requested
 * @wasted: bytes of @allocated that were not requested: alignment, red zones
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
 * arena_stats_get - get the counters of an arena
 * @a: the arena
 * @stats: filled in, up to @stats->size bytes
 *
 * Return: 0, or -EINVAL if @stats->size is too small for the first version of
 * the structure.
 */
int arena_stats_get(const struct arena *a, struct arena_stats *stats);

/**
 * enum arena_stats_format - output formats of arena_stats_print()
 * @ARENA_STATS_TEXT: one line of name=value
 * @ARENA_STATS_JSON: one object on one line
 */
enum arena_stats_format {
	ARENA_STATS_TEXT,
	ARENA_STATS_JSON,
};

/**
 * arena_stats_print - write the counters of an arena
 * @a: the arena
 * @fd: file descriptor to write to
 * @format: output format
 *
 * Writes the counters of struct arena_stats under their names, and two derived ones:
 * unused_percent is the share of the committed bytes that are not used (the arena's
 * fragmentation), reuse_percent the share of the allocated bytes whose memory had been
 * used before.
 *
 * With ARENA_STATS=exit in the environment, or ARENA_STATS=json, the counters of every
 * arena except children are written to standard error when the arena is destroyed or the
 * process exits.
 *
 * Return: 0, or a negative errno: -EINVAL if there is no such format, or the error of
 * write(2).
 */
int arena_stats_print(const struct arena *a, int fd, enum arena_stats_format format);

/* --- when an allocation fails -------------------------------------------------- */

/**
 * arena_error - return the error of the most recent failed allocation
 * @a: the arena
 *
 * Return: 0 if no allocation has failed since the arena was created, or
 * * -ENOMEM if the arena's reserve is too small, or the system has no memory, or no huge
 *   page for an arena with ARENA_BACKING_HUGE
 * * -EDQUOT if the allocation would have exceeded the arena's limit, or the device's
 *   per-arena limit
 * * -EINVAL if the alignment was not a power of two, or vsnprintf(3) failed to format
 *   the string
 * * -EPERM if the arena is on the device and was inherited through fork()
 * * -EBUSY if the arena is idle
 * * -ECANCELED if the arena's scope is over
 */
int arena_error(const struct arena *a);

/**
 * typedef arena_oom_fn - out-of-memory handler, called when an allocation fails
 * @a: the arena
 * @size: number of bytes that were requested
 * @error: the value that arena_error() returns
 * @ctx: the value that was passed to arena_set_oom()
 *
 * The handler may allocate from other arenas and free memory of this one. It need not
 * return.
 *
 * Return: nonzero to try the allocation again; 0 to make it fail with NULL.
 */
typedef int arena_oom_fn(struct arena *a, size_t size, int error, void *ctx);

/**
 * arena_set_oom - set the out-of-memory handler of an arena
 * @a: the arena
 * @fn: function to call when an allocation fails, or NULL for none, which is the default;
 *	the arena_try_ functions do not call it
 * @ctx: passed to @fn
 */
void arena_set_oom(struct arena *a, arena_oom_fn *fn, void *ctx);

/* --- allocate -------------------------------------------------------------------- */

/* The slow path of every allocation: commit more memory and allocate from it. */
__attribute__((cold, noinline)) ARENA_NODISCARD
void *arena_alloc_slow(struct arena *a, size_t size, size_t align);
__attribute__((cold, noinline)) ARENA_NODISCARD
void *arena_try_alloc_slow(struct arena *a, size_t size, size_t align);

/*
 * The fast path of arena_alloc(). Allocations are cut from the range downwards: masking
 * aligns the result, and the borrow of a single subtraction detects both an overflow and
 * a lack of room. A size that is a compile-time constant is rounded up in advance and
 * needs no mask. Return nonzero if the allocation does not fit.
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

/* Same as arena_bump(), with an alignment, which is a power of two. */
ARENA_INLINE size_t arena_bump_aligned(const struct arena *a, size_t size,
					size_t align, size_t *left)
{
	if (align <= ARENA_ALIGN)
		return arena_bump(a, size, left);
	if (ARENA_UNLIKELY(__builtin_sub_overflow(a->left, size, left)))
		return 1;
	/* If there is too little room, the address is below @base: this borrows, too. */
	return __builtin_sub_overflow(((uintptr_t)a->base + *left) & -align,
				      (uintptr_t)a->base, left);
}

ARENA_INLINE int arena_is_alignment(size_t align)
{
	return align && !(align & (align - 1));
}

/**
 * arena_alloc - allocate memory
 * @a: the arena
 * @size: number of bytes; if 0, the result must not be dereferenced
 *
 * The memory is not zeroed: after arena_reset() it still holds its previous contents.
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
 * arena_try_alloc - allocate memory without calling the out-of-memory handler
 * @a: the arena
 * @size: number of bytes; if 0, the result must not be dereferenced
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
 * arena_alloc_aligned - allocate memory with a given alignment
 * @a: the arena
 * @size: number of bytes; if 0, the result must not be dereferenced
 * @align: alignment in bytes, a power of two; less than ARENA_ALIGN means ARENA_ALIGN
 *
 * Return: the memory, or NULL; also NULL if @align is not a power of two.
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
 * arena_try_alloc_aligned - allocate aligned memory without calling the out-of-memory handler
 * @a: the arena
 * @size: number of bytes; if 0, the result must not be dereferenced
 * @align: alignment in bytes, a power of two; less than ARENA_ALIGN means ARENA_ALIGN
 *
 * Return: the memory, or NULL; also NULL if @align is not a power of two.
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
 * @size: number of bytes; if 0, the result must not be dereferenced
 *
 * Memory that has not been used since the system provided it is known to be zero and is
 * not zeroed again.
 *
 * Return: the memory, aligned to ARENA_ALIGN, or NULL.
 */
__attribute__((malloc, alloc_size(2), assume_aligned(16))) ARENA_NODISCARD
void *arena_zalloc(struct arena *a, size_t size);

/**
 * arena_try_zalloc - allocate zeroed memory without calling the out-of-memory handler
 * @a: the arena
 * @size: number of bytes; if 0, the result must not be dereferenced
 *
 * Return: the memory, aligned to ARENA_ALIGN, or NULL.
 */
__attribute__((malloc, alloc_size(2), assume_aligned(16))) ARENA_NODISCARD
void *arena_try_zalloc(struct arena *a, size_t size);

/**
 * arena_alloc_array - allocate an array, for languages without macros
 * @a: the arena
 * @n: number of elements
 * @size: size of an element in bytes
 * @align: alignment in bytes, a power of two
 *
 * The function behind arena_new_array().
 *
 * Return: the memory, or NULL. If @n * @size overflows, the call fails as for a size that
 * does not fit.
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
 * arena_new() - allocate an object of a given type
 * @a: the arena
 * @type: its type
 *
 * Return: a pointer to the object, aligned for @type and not zeroed, or NULL.
 */
#define arena_new(a, type) \
	((type *)arena_alloc_aligned((a), sizeof(type), __alignof__(type)))

/**
 * arena_new_array() - allocate an array
 * @a: the arena
 * @type: type of its elements
 * @n: number of elements
 *
 * Return: a pointer to the first element, aligned for @type and not zeroed, or NULL; also
 * NULL if the size of the array in bytes overflows.
 */
#define arena_new_array(a, type, n) \
	((type *)arena_alloc_array((a), (n), sizeof(type), __alignof__(type)))

/**
 * arena_realloc - change the size of an allocation
 * @a: the arena
 * @memory: an allocation from @a, or NULL
 * @old_size: its current size in bytes; 0 if @memory is NULL
 * @new_size: its new size in bytes
 *
 * The last allocation is resized in place, and bytes that it no longer needs are free
 * again. Its address changes nevertheless, since allocations are cut downwards. Any other
 * allocation stays as it is when it shrinks, and is copied when it grows; the old memory
 * is not free until the arena is rewound or reset.
 *
 * Return: the memory, aligned to ARENA_ALIGN if its address has changed, with the contents
 * kept up to the smaller of the two sizes; or NULL, with @memory unchanged. Shrinking never
 * fails.
 */
__attribute__((alloc_size(4))) ARENA_NODISCARD
void *arena_realloc(struct arena *a, void *memory, size_t old_size, size_t new_size);

/**
 * arena_try_realloc - resize an allocation without calling the out-of-memory handler
 * @a: the arena
 * @memory: an allocation from @a, or NULL
 * @old_size: its current size in bytes; 0 if @memory is NULL
 * @new_size: its new size in bytes
 *
 * Return: same as arena_realloc().
 */
__attribute__((alloc_size(4))) ARENA_NODISCARD
void *arena_try_realloc(struct arena *a, void *memory, size_t old_size, size_t new_size);

/* --- strings ----------------------------------------------------------------------- */

/**
 * arena_memdup - copy memory
 * @a: the arena
 * @memory: memory to copy
 * @size: number of bytes
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
 * Strings that are allocated one after another are adjacent, without gaps, unless the
 * arena is checked.
 *
 * Return: the copy, or NULL.
 */
__attribute__((malloc)) ARENA_NODISCARD
char *arena_strdup(struct arena *a, const char *string);

/**
 * arena_strndup - copy the beginning of a string
 * @a: the arena
 * @string: the string; needs no NUL if it has @max bytes
 * @max: maximum number of bytes to copy
 *
 * Return: the copy, which ends with a NUL, or NULL.
 */
__attribute__((malloc)) ARENA_NODISCARD
char *arena_strndup(struct arena *a, const char *string, size_t max);

/**
 * arena_printf - format a string
 * @a: the arena
 * @format: format, as for printf(3)
 *
 * Return: the string, or NULL; also NULL, with -EINVAL for arena_error(), if vsnprintf(3)
 * fails for this format and its arguments.
 */
__attribute__((malloc, format(printf, 2, 3))) ARENA_NODISCARD
char *arena_printf(struct arena *a, const char *format, ...);

/**
 * arena_vprintf - format a string
 * @a: the arena
 * @format: format, as for printf(3)
 * @args: arguments of the format
 *
 * Return: same as arena_printf().
 */
__attribute__((malloc, format(printf, 2, 0))) ARENA_NODISCARD
char *arena_vprintf(struct arena *a, const char *format, va_list args);

/**
 * struct arena_buf - a buffer of bytes that grows
 * @arena: arena that the bytes are allocated from
 * @data: the bytes; their address changes when the buffer grows
 * @length: number of bytes
 * @room: number of bytes for which there is room
 * @error: 0, or the error of the first operation that failed; nothing can be appended
 *	after that
 *
 * All members except @data and @length are private. The buffer grows in place as long as
 * it is the last allocation of its arena. It may be abandoned at any time.
 */
struct arena_buf {
	struct arena *arena;
	char *data;
	size_t length;
	size_t room;
	int error;
};

/**
 * arena_buf_begin - start an empty buffer
 * @buf: buffer to initialize
 * @a: arena to allocate from
 * @room: expected number of bytes, or 0 if unknown
 *
 * Return: 0; or -ENOMEM if @room is too large to be counted; or the error that
 * arena_error() returns. @buf->error is set to the same value.
 */
int arena_buf_begin(struct arena_buf *buf, struct arena *a, size_t room);

/**
 * arena_buf_append - append bytes
 * @buf: buffer to append to
 * @bytes: bytes to append; may be part of @buf->data
 * @size: number of bytes
 *
 * Return: 0, or @buf->error with nothing appended.
 */
int arena_buf_append(struct arena_buf *buf, const void *bytes, size_t size);

/**
 * arena_buf_printf - append a formatted string, without its NUL
 * @buf: buffer to append to
 * @format: format, as for printf(3); no argument may be part of @buf->data
 *
 * Return: 0, or @buf->error with nothing appended.
 */
__attribute__((format(printf, 2, 3)))
int arena_buf_printf(struct arena_buf *buf, const char *format, ...);

/**
 * arena_buf_vprintf - append a formatted string, without its NUL
 * @buf: buffer to append to
 * @format: format, as for printf(3); no argument may be part of @buf->data
 * @args: arguments of the format
 *
 * Return: 0, or @buf->error with nothing appended.
 */
__attribute__((format(printf, 2, 0)))
int arena_buf_vprintf(struct arena_buf *buf, const char *format, va_list args);

/**
 * arena_buf_finish - append a NUL and give back unused room
 * @buf: the buffer; must not be used afterwards
 * @length: set to the number of bytes without the NUL; may be NULL
 *
 * Return: the bytes, aligned to ARENA_ALIGN; or NULL if an earlier operation on @buf
 * failed.
 */
ARENA_NODISCARD
char *arena_buf_finish(struct arena_buf *buf, size_t *length);

/* --- free ---------------------------------------------------------------------------- */

/**
 * struct arena_mark - a point in an arena's life, to rewind to
 * @used: number of bytes that were allocated
 * @serial: serial number of the arena
 * @packed: address of the most recently allocated string
 *
 * All members are private.
 */
struct arena_mark {
	size_t used;
	uint64_t serial;
	char *packed;
};

/**
 * arena_save - mark the current state of an arena
 * @a: the arena
 *
 * Any number of marks can exist at a time. They need not be freed.
 *
 * Return: a mark for arena_rewind().
 */
ARENA_NODISCARD
struct arena_mark arena_save(const struct arena *a);

/**
 * arena_rewind - free what was allocated since a mark
 * @a: the arena
 * @mark: a mark that arena_save() returned for @a
 *
 * Keeps the memory committed. Runs the cleanups that were added since the mark, youngest
 * first. Memory that arena_realloc() returned since the mark is freed, too.
 *
 * A mark can be used more than once. It becomes stale, and must not be used any more,
 * when
 *
 * - the arena is rewound to an earlier mark, reset or released, or
 * - the allocation that was the last one at the time of the mark shrinks or, if it is a
 *   child, ends
 *
 * In a checked arena, a stale mark ends the process (see arena_check()).
 */
void arena_rewind(struct arena *a, struct arena_mark mark);

/**
 * arena_reset - free everything and keep the memory
 * @a: the arena
 *
 * All memory allocated from @a becomes invalid. Runs the arena's cleanups, youngest first.
 * The cost does not depend on the amount of memory.
 */
void arena_reset(struct arena *a);

/**
 * arena_release - free everything and give the memory back
 * @a: the arena
 *
 * All memory allocated from @a becomes invalid. Runs the arena's cleanups, youngest first.
 * Makes one system call, or two with ARENA_OPT_SEAL on anonymous memory. Later allocations
 * commit memory anew. A child keeps its memory, which belongs to its parent.
 *
 * Return: 0; or -EPERM if @a is on the device and was inherited through fork(); or the
 * error of the system, e.g. if the memory is locked. In the last case, everything is free,
 * but the memory has not been given back.
 */
int arena_release(struct arena *a);

/**
 * arena_trim - give unused memory back
 * @a: the arena
 * @keep: number of bytes to keep committed, including those that are allocated
 *
 * Return: 0; or -EPERM if @a is on the device and was inherited through fork(); or the
 * error of the system, e.g. if the memory is locked. In the last case, the memory has not
 * been given back.
 */
int arena_trim(struct arena *a, size_t keep);

/**
 * struct arena_cleanup - a function to call when memory is freed
 * @fn: the function
 * @ctx: passed to @fn
 * @next: private
 * @serial: private
 *
 * Provided by the caller; may be allocated from the arena itself.
 */
struct arena_cleanup {
	void (*fn)(void *ctx);
	void *ctx;
	struct arena_cleanup *next;
	uint64_t serial;
};

/**
 * arena_cleanup_add - add a function to call when memory allocated from now on is freed
 * @a: the arena
 * @cleanup: record provided by the caller; must stay valid until @fn has been called or
 *	arena_cleanup_remove() has removed it
 * @fn: the function. It is called once: by arena_rewind() to an earlier mark, or by
 *	arena_reset(), arena_release() or arena_destroy(), whichever comes first. Memory
 *	that was allocated before this call is still valid then. @fn must not allocate
 *	from @a.
 * @ctx: passed to @fn
 */
void arena_cleanup_add(struct arena *a, struct arena_cleanup *cleanup,
		       void (*fn)(void *ctx), void *ctx);

/**
 * arena_cleanup_remove - remove a cleanup without calling its function
 * @a: the arena
 * @cleanup: the cleanup; nothing happens if its function has already been called
 *
 * The cost grows with the number of cleanups that were added after @cleanup.
 */
void arena_cleanup_remove(struct arena *a, struct arena_cleanup *cleanup);

/* --- memory for other allocators ------------------------------------------------------ */

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
 * arena_span - allocate a span of whole blocks for another allocator
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
int arena_span(struct arena *a, size_t length, size_t align, struct arena_span *span);

/**
 * arena_span_decommit - give the memory of blocks back and keep their addresses
 * @a: the arena
 * @memory: address of the blocks, all of which came from arena_span(); a multiple of
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

/* --- checks --------------------------------------------------------------------------- */

/**
 * arena_check - check that nothing was written outside the allocations of an arena
 * @a: the arena
 *
 * An arena is checked if its options have ARENA_OPT_CHECKS, if the call that creates it was
 * compiled with -DARENA_CHECKED=1, if the environment has ARENA_CHECKED=1, if the program
 * runs under ASan, MSan or Valgrind, or if the arena's parent is checked. With
 * ARENA_CHECKED=0 in the environment, no arena is checked.
 *
 * In a checked arena, each of the following errors ends the process by abort(3), with a
 * message on standard error that names the arena and the function that found the error:
 *
 * - bytes written past the end of an allocation; found when the allocation is freed and by
 *   arena_check()
 * - a stale mark
 * - use by a thread that the arena does not belong to, see arena_adopt()
 * - arena_cleanup_add() to an idle arena
 * - use of an arena after arena_destroy(), including a second arena_destroy()
 * - arena_rewind(), arena_reset() or arena_release() if it would free the memory of
 *   children
 *
 * The red zones of a checked arena count as allocated, so it reaches its limit earlier.
 * Memory that is freed is overwritten. ASan, MSan and Valgrind know which memory is
 * allocated, and which is not initialized. arena_realloc() moves every allocation that
 * grows.
 *
 * Return: 1, or 0 if the arena is not checked.
 */
int arena_check(const struct arena *a);

/**
 * arena_adopt - make an arena belong to the calling thread
 * @a: the arena, which no other thread may be using; its children must be adopted
 *	separately, but end together with it, whichever thread destroys it
 *
 * Only has an effect on checked arenas, and on arenas with ARENA_OPT_THREAD_OWNED, which are
 * destroyed when the calling thread ends from then on.
 *
 * Return: 0; or -ENOMEM if there is no memory to record the thread. In this case, the arena
 * is not destroyed when a thread ends.
 */
int arena_adopt(struct arena *a);

/**
 * arena_report_faults - report which arena a faulting address belongs to
 *
 * Installs a handler for SIGSEGV and SIGBUS, once for the whole process. If the faulting
 * address belongs to an arena, or belonged to one that was recently destroyed, the handler
 * writes a line to standard error: the name of the arena, and when and by which call the
 * memory was given back. It then calls the previous handler according to that handler's
 * flags, or takes the system's default action.
 *
 * Intended for use with ARENA_OPT_SEAL or ARENA_OPT_QUARANTINE. With ARENA_REPORT_FAULTS=1 in the
 * environment, the handler is installed when the first arena is created.
 *
 * Return: 0, or the negative errno of sigaction(2).
 */
int arena_report_faults(void);

/**
 * struct arena_handle - a reference to an allocation, invalid once that has been freed
 * @arena: number of the arena
 * @serial: serial number of the arena when the handle was made
 * @offset: location of the allocation
 *
 * All members are private.
 */
struct arena_handle {
	uint64_t arena;
	uint64_t serial;
	size_t offset;
};

/**
 * arena_handle - make a handle from a pointer
 * @a: the arena
 * @memory: an allocation from @a, or a part of one
 *
 * From the first handle on, the arena keeps a record each time that arena_rewind() or
 * another function frees a part of its memory. If there is no memory for such a record,
 * handles may become invalid although their memory has not been freed.
 *
 * Return: the handle; it is never valid if @memory is not allocated from @a.
 */
ARENA_NODISCARD
struct arena_handle arena_handle(struct arena *a, const void *memory);

/**
 * arena_deref - return the pointer that a handle was made from
 * @a: the arena that the handle was made for
 * @handle: the handle
 *
 * Return: the pointer; or NULL if arena_rewind(), arena_reset() or arena_release() has
 * freed the memory since, even if it has been allocated again, or if the handle is of
 * another arena.
 */
ARENA_NODISCARD
void *arena_deref(const struct arena *a, struct arena_handle handle);

/* --- idle arenas and scopes ---------------------------------------------------------- */

/**
 * arena_idle - let the system take an arena's memory when it needs some
 * @a: the arena
 *
 * Until arena_claim() is called, the contents of the arena may disappear and must not be
 * accessed, and allocations fail (-EBUSY for arena_error()). Functions that free memory
 * claim the arena first.
 *
 * On the device, only the first call for an arena makes a system call, and the system takes
 * memory from the arena that has been idle longest before it takes any from another one. On
 * anonymous memory, the call uses MADV_FREE and has to look at each page.
 *
 * Return: 0, also if the arena is idle already; or
 * * -EBUSY if the arena has cleanups, children or blocks that were given back by
 *   arena_span_decommit()
 * * -EINVAL if the arena is a child
 * * -ENOMEM if there is no memory for the record that this needs
 * * -EOPNOTSUPP if the device does not support it
 * * -EPERM if @a is on the device and was inherited through fork()
 */
int arena_idle(struct arena *a);

/**
 * arena_claim - take an idle arena back
 * @a: the arena
 *
 * On the device, this makes no system call if the system has taken no memory.
 *
 * Return: 1 if the contents are intact, also if the arena was not idle; 0 if the system has
 * taken some of the memory: the arena is empty then; or a negative errno if the arena stays
 * idle: -EPERM if @a is on the device and was inherited through fork().
 */
ARENA_NODISCARD
int arena_claim(struct arena *a);

/* arena_scope.flags */
#define ARENA_SCOPE_DEADLINE	(1u << 0)
#define ARENA_SCOPE_FD		(1u << 1)

/**
 * struct arena_scope - a deadline, a descriptor or both that an arena is bound to
 * @size: sizeof(struct arena_scope)
 * @deadline: CLOCK_MONOTONIC time in nanoseconds, with ARENA_SCOPE_DEADLINE
 * @fd: a descriptor, with ARENA_SCOPE_FD. A socket ends the scope when the peer closes it
 *	or shuts down its sending side; any other descriptor does when it becomes readable
 *	(eventfd(2), timerfd_create(2), pidfd_open(2), a pipe). It is not read, and must
 *	stay open until arena_scope_end().
 * @flags: ARENA_SCOPE_DEADLINE, ARENA_SCOPE_FD or both
 * @slice: number of bytes that may be allocated between two checks of the clock and the
 *	descriptor; rounded down to a multiple of ARENA_ALIGN. 0 means a check at each
 *	allocation, which adds some tens of nanoseconds to it, and a system call if there
 *	is a descriptor.
 */
struct arena_scope {
	size_t size;
	uint64_t deadline;
	int fd;
	uint32_t flags;
	uint64_t slice;
};

/**
 * arena_scope_begin - bind an arena to a deadline or to a descriptor that cancels it
 * @a: the arena; its children are not bound
 * @scope: the deadline, descriptor or both
 *
 * Once the deadline has passed, or the descriptor has ended the scope, allocations fail
 * (-ECANCELED for arena_error()). Memory that is allocated remains until
 * arena_scope_end().
 *
 * Return: 0, or
 * * -EINVAL if @scope has neither flag, an unknown flag or a size that is too small
 * * -E2BIG if @scope is of a newer version and sets a field that this version lacks
 * * -EBADF if @scope->fd is not an open descriptor
 * * -EBUSY if the arena is bound already
 */
int arena_scope_begin(struct arena *a, const struct arena_scope *scope);

/**
 * arena_scope_check - check whether the scope of an arena is over
 * @a: the arena
 *
 * Return: 0 if it is not over or the arena is not bound; or -ECANCELED.
 */
int arena_scope_check(struct arena *a);

/**
 * arena_scope_end - unbind an arena and release it
 * @a: the arena
 *
 * Return: same as arena_release().
 */
int arena_scope_end(struct arena *a);

/* --- frames, the thread's arena and scratch arenas --------------------------------- */

/* The variable that ARENA_FRAME() declares. */
struct arena_frame {
	struct arena *arena;
	struct arena_mark mark;
};

/**
 * arena_frame_begin - start a frame, as ARENA_FRAME() does
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
 * arena_frame_end - end a frame, as ARENA_FRAME() does at the end of the block
 * @frame: the frame that arena_frame_begin() returned
 */
ARENA_INLINE void arena_frame_end(struct arena_frame *frame)
{
	if (frame->arena)
		arena_rewind(frame->arena, frame->mark);
}

#define ARENA_PASTE_(a, b)	a##b
#define ARENA_PASTE(a, b)	ARENA_PASTE_(a, b)

/**
 * ARENA_FRAME() - rewind an arena at the end of the enclosing block
 * @a: the arena, or NULL
 *
 * This is a declaration. Memory that is allocated from @a between it and the end of the
 * block is freed there, also if the block is left by return, break or goto, but not by
 * longjmp().
 */
#define ARENA_FRAME(a)								\
	__attribute__((cleanup(arena_frame_end), unused))			\
	struct arena_frame ARENA_PASTE(arena_frame_, __COUNTER__) = arena_frame_begin(a)

/**
 * arena_thread - return the calling thread's own arena
 *
 * The arena is created with default options when the thread first calls this function. It
 * is destroyed when the thread ends or is cancelled, but not when the process exits. A
 * child of fork() keeps the arena if it is on anonymous memory, and otherwise gets a new
 * one.
 *
 * Return: the arena, which must not be destroyed; or NULL if it cannot be created.
 */
ARENA_NODISCARD
struct arena *arena_thread(void);

/**
 * arena_scratch_get - return a scratch arena, for languages without macros
 * @avoid: arenas that must not be returned
 * @nr: number of these arenas
 *
 * The function behind arena_scratch().
 *
 * Return: same as arena_scratch().
 */
ARENA_NODISCARD
struct arena *arena_scratch_get(struct arena *const *avoid, size_t nr);

#ifndef __cplusplus
/**
 * arena_scratch() - return an arena of the calling thread for temporary memory
 * @...: arenas that must not be returned: those that the caller's result is allocated
 *	from, since one of them may be a scratch arena of the caller's own caller
 *
 * The caller must rewind the arena to the state in which it was returned; ARENA_SCRATCH()
 * does so. A thread has as many scratch arenas as it needs at a time. They are created and
 * destroyed like the arena of arena_thread().
 *
 * Return: the arena, which must not be destroyed; or NULL if it cannot be created.
 */
#define arena_scratch(...)							\
	arena_scratch_get((struct arena *const[]) { NULL, ##__VA_ARGS__ },	\
			  sizeof((struct arena *const[]) { NULL, ##__VA_ARGS__ }) / \
			  sizeof(struct arena *))

/**
 * ARENA_SCRATCH() - declare a scratch arena that is rewound at the end of the block
 * @name: name of the pointer to the arena, which is NULL if the arena cannot be created
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
