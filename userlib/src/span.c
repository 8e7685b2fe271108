// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Spans: whole blocks of an arena for another allocator, which can decommit them and
 * commit them again one by one.
 *
 * Decommitted blocks are holes in allocated memory. The other allocator does not touch
 * them, so it is enough to record the lowest and the highest address of all holes: before
 * this memory can be allocated again, arena_raise_top() releases all free memory,
 * including the holes.
 */
#include <errno.h>
#include <string.h>

#include "checks.h"
#include "fork.h"
#include "free.h"
#include "private.h"
#include "sanitize.h"
#include "sys.h"

/* Size of the structure in its first version. */
#define SPAN_SIZE_1	(offsetof(struct arena_span, flags) + sizeof(uint32_t))

int arena_span_alloc(struct arena *pub, size_t length, size_t align, struct arena_span *span)
{
	struct arena_private *a = private(pub);
	struct arena_span now = { 0 };
	int saved_errno = errno, err;
	volatile char *first;
	char *memory, byte;

	check_use(a, "arena_span_alloc");
	if (span->size < SPAN_SIZE_1 || !length || !a->backend ||
	    (align & (align - 1)))
		return -EINVAL;
	if (__builtin_add_overflow(length, ARENA_BLOCK - 1, &length))
		return -ENOMEM;
	length &= -ARENA_BLOCK;
	if (align < ARENA_BLOCK)
		align = ARENA_BLOCK;
	memory = arena_alloc_aligned(pub, length, align);
	if (!memory)
		return a->error;
	if (a->checks)
		arena_make_defined(memory, length);
	if (memory + length <= a->clean)
		now.flags |= ARENA_SPAN_ZERO;
	if (a->backend->kind != ARENA_BACKING_ANON)
		now.flags |= ARENA_SPAN_HUGE;
	/* A page is only on a node once it has been written to. */
	first = memory;
	byte = *first;
	*first = byte;
	now.memory = memory;
	now.length = length;
	now.node = arena_node_of(memory);
	err = arena_put_struct(span, &now, sizeof(now), SPAN_SIZE_1);
	errno = saved_errno;
	return err;
}

/*
 * Check that these are whole blocks of allocated memory, which can be decommitted and
 * committed now. Return 0 or a negative errno.
 */
static int check_blocks(const struct arena_private *a, const void *memory, size_t length)
{
	uintptr_t from = (uintptr_t)memory, to;

	if (is_foreign(a))
		return -EPERM;
	if (a->is_idle)
		return -EBUSY;
	if (!a->backend || ((from | length) & (ARENA_BLOCK - 1)) ||
	    __builtin_add_overflow(from, length, &to) || from < (uintptr_t)top_of(a) ||
	    to > (uintptr_t)a->range.end)
		return -EINVAL;
	return 0;
}

int arena_span_decommit(struct arena *pub, void *memory, size_t length)
{
	struct arena_private *a = private(pub);
	char *from = memory, *to = from + length;
	int saved_errno = errno, err;

	check_use(a, "arena_span_decommit");
	err = check_blocks(a, memory, length);
	if (err || !length)
		return err;
	/* Checks have to be able to read all memory at any time: zero it instead. */
	if (a->checks) {
		memset(memory, 0, length);
		return 0;
	}
	/* Record a hole even if this fails: a part of it may have been released. */
	err = a->backend->release(&a->range, from, to);
	if (!a->holes_end || from < a->holes)
		a->holes = from;
	if (!a->holes_end || to > a->holes_end)
		a->holes_end = to;
	if (!err)
		arena_note_release(a, from, to, "arena_span_decommit");
	errno = saved_errno;
	return err;
}

int arena_span_commit(struct arena *pub, void *memory, size_t length)
{
	struct arena_private *a = private(pub);
	char *from = memory;
	int saved_errno = errno, err;

	check_use(a, "arena_span_commit");
	err = check_blocks(a, memory, length);
	if (err || !length || a->checks)
		return err;
	err = a->backend->commit(&a->range, from, from + length);
	if (!err && a->holes_end && from <= a->holes && from + length >= a->holes_end)
		a->holes_end = NULL;
	errno = saved_errno;
	return err;
}
