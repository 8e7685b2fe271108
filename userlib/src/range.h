/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_RANGE_H
#define ARENA_SRC_RANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "private.h"

/*
 * arena_cut - allocate downwards from an address
 * @a: the arena
 * @end: the top, or the end of the last allocation if that is to be replaced
 * @size: bytes
 * @align: a power of two
 *
 * Commits memory if needed. On failure, only a->error and the failure counter change.
 *
 * Return: the memory; or NULL, with the error in a->error.
 */
char *arena_cut(struct arena_private *a, char *end, size_t size, size_t align);

/* Recompute how much can be allocated without arena_cut(); the top does not change. */
void arena_refresh_top(struct arena_private *a);

/* Commit down to an address; return 0, or a negative errno with nothing committed. */
int arena_commit_to(struct arena_private *a, char *from);

/*
 * Give back what is committed below an address, a multiple of ARENA_BLOCK; return 0 or a
 * negative errno. After an error that memory counts as not committed, too.
 */
int arena_give_back(struct arena_private *a, char *from);

/*
 * Return whether the arena's scope is over. If it is, a->slice becomes 0, so that every
 * allocation from then on calls arena_cut() and fails.
 */
bool arena_is_over(struct arena_private *a);

/* Return an arena's slice without a scope: 0 if each allocation is checked or counted. */
static inline size_t whole_slice(const struct arena_private *a)
{
	return a->checks || a->is_counted ? 0 : SIZE_MAX & -ARENA_ALIGN;
}

/* Set the top; let at most @most bytes be allocated before arena_cut() is called. */
static inline void give(struct arena_private *a, char *top, size_t most)
{
	char *base = a->committed > a->lowest ? a->committed : a->lowest;

	if ((size_t)(top - base) > most)
		base = top - most;
	a->pub.base = base;
	a->pub.left = top - base;
}

/* While a scope is bound, left does not grow: freeing must not delay the next check. */
static inline void set_top(struct arena_private *a, char *top)
{
	size_t most = a->slice;

	if (a->scope.is_bound && most > a->pub.left)
		most = a->pub.left;
	give(a, top, a->is_idle ? 0 : most);
}

/*
 * Return the number of bytes allocated. If the last allocation is a string, its lower end
 * is not rounded to ARENA_ALIGN.
 */
static inline size_t used_to_the_byte(const struct arena_private *a)
{
	char *top = top_of(a);

	if (a->packed && align_down(a->packed, ARENA_ALIGN) == top)
		top = a->packed;
	return a->range.end - top;
}

#endif /* ARENA_SRC_RANGE_H */
