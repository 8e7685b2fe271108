/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * libarena: allocate by bumping a pointer, free everything at once.
 *
 *	struct arena *a;
 *	struct arena_mark mark;
 *
 *	if (arena_create(&a, NULL))			reserves addresses
 *		return 1;
 *	buffer = arena_alloc(a, 4096);			commits memory as it grows
 *	item = arena_new(a, struct item);
 *
 *	mark = arena_save(a);
 *	arena_rewind(a, mark);				frees all allocations in between
 *
 *	arena_reset(a);					frees everything, keeps memory
 *	arena_release(a);				gives the memory back, too
 *	arena_destroy(a);
 *
 * The memory comes from /dev/arena or, if that cannot be used, from an anonymous mapping.
 * Only one thread may use an arena at a time. Functions that return int return 0 or a
 * negative errno; those that return memory return NULL on failure, and arena_error()
 * returns the reason. No function changes errno. The manual pages have the details.
 *
 * A process created by fork() does not have the memory of an arena on /dev/arena: a touch
 * raises SIGSEGV, and calls fail with -EPERM. An arena on anonymous memory is copied.
 */
#ifndef ARENA_ARENA_H
#define ARENA_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arena/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/** ARENA_ALIGN - alignment in bytes of the memory that arena_alloc() returns */
#define ARENA_ALIGN	((size_t)16)

#define ARENA_UNLIKELY(cond)	__builtin_expect(!!(cond), 0)
#define ARENA_NODISCARD		__attribute__((warn_unused_result))

/* libarena-ffi exports the inline functions, for languages that cannot include this. */
#ifndef ARENA_INLINE
#define ARENA_INLINE		static inline __attribute__((unused))
#endif

/**
 * struct arena - an arena
 * @base: lowest address that can be allocated without calling the library
 * @left: number of free bytes from @base upwards; allocations are cut from their end
 *
 * Both are multiples of ARENA_ALIGN, and part of the ABI because the inline functions use
 * them; programs must not. The library has more behind them, so do not copy an arena.
 */
struct arena {
	char *base;
	size_t left;
};

/* --- create ------------------------------------------------------------------ */

/**
 * arena_create - create an arena
 * @a: set to the new arena
 * @opts: options, or NULL for the defaults
 *
 * Commits no memory except @opts->prefault bytes and, with ARENA_RESERVE_AUTO, as much as
 * earlier arenas of that name needed.
 *
 * Return: 0, or
 * * -EINVAL if @opts has an unknown value, a nonzero reserved field, a @size less than its
 *   first version's, @nodes without @node_mask or the reverse, or @prefault above @reserve
 * * -E2BIG if @opts is of a newer version and sets a field that this version lacks
 * * -ENOMEM if no free range of addresses has @opts->reserve bytes, or there is no memory
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
 * arena_create_checked - create an arena that detects misuse (arena/checks.h)
 * @a: set to the new arena
 * @opts: options, or NULL for the defaults
 *
 * Same as arena_create() with ARENA_OPT_CHECKS. With -DARENA_CHECKED=1, each call of
 * arena_create() calls this function instead.
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
 * @opts: not NULL; @reserve bytes, not 0 and not ARENA_RESERVE_AUTO, are allocated from
 *	@parent. @name and @limit are as for any arena. All other options must be zero:
 *	the child has those of the parent.
 *
 * The child ends when it is passed to arena_destroy(), or when the parent frees the memory
 * that the child is in, by any call; its cleanups then run. No other thread may use the
 * parent while a child is created or destroyed; allocating from the child does not use it.
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
 * Runs the arena's cleanups and ends its children, whose cleanups run, too.
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

/* --- when an allocation fails -------------------------------------------------- */

/**
 * arena_error - return the error of the most recent failed allocation
 * @a: the arena
 *
 * Return: 0 if no allocation has failed since the arena was created, or
 * * -ENOMEM if the arena's reserve is too small, or the system has no memory, or no huge
 *   page for an arena with ARENA_BACKING_HUGE
 * * -EDQUOT if the allocation would have exceeded the @limit of the arena's options, or
 *   one that ARENA_IOC_SET_LIMIT has set
 * * -EINVAL if the alignment was not a power of two, or vsnprintf(3) failed to format
 *   the string
 * * -EPERM if the arena is on the device and was inherited through fork()
 * * -EBUSY if the arena is idle
 * * -ECANCELED if its scope is over, i.e. a deadline or descriptor has ended it
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
 * The fast path of arena_alloc(): set *left, or return nonzero if the allocation does not
 * fit. The size is subtracted first and the result aligned by a mask, so that one borrow
 * detects any size that does not fit. A constant size is rounded up and needs no mask.
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
 * The memory is not zeroed: after arena_reset() or arena_rewind(), memory that is
 * allocated again has its old contents.
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
 * Return: the memory, or NULL; also NULL if @n * @size overflows.
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
 * The last allocation is resized at its lower end, since allocations are cut downwards: its
 * address changes and its contents are moved, but it takes, or frees, only the difference.
 * Any other allocation stays as it is when it shrinks, and is copied when it grows; the old
 * memory is not free until the arena is rewound or reset.
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
 * first. What arena_realloc() has copied or extended since the mark is freed entirely.
 *
 * A mark can be used more than once. It becomes stale, and must not be used any more, when
 *
 * - the arena is rewound to an earlier mark, reset or released, or
 * - the last allocation before the mark is shrunk, or the child arena in it ends
 *
 * In a checked arena, rewinding to a stale mark aborts the process (see arena_check()).
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
 * commit memory anew. If @a is a child, its memory stays with its parent.
 *
 * Return: 0; or -EPERM, with nothing freed, if @a is on the device and was inherited
 * through fork(); or the error of the system, e.g. if the memory is locked: then all is
 * free, but the memory has not been given back.
 */
int arena_release(struct arena *a);

/**
 * arena_trim - give unused memory back
 * @a: the arena
 * @keep: number of bytes to keep committed. Allocated bytes count, and always stay.
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
 * arena_cleanup_add - add a function to call when the arena is freed back to this point
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

#ifdef __cplusplus
}
#endif

#include <arena/buf.h>
#include <arena/checks.h>
#include <arena/scope.h>
#include <arena/span.h>
#include <arena/stats.h>
#include <arena/thread.h>

#endif /* ARENA_ARENA_H */
