// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The range of an arena: its top, growth, and giving memory back.
 *
 *	range.start      committed          base+left          range.end
 *	|  reserved      |  committed, free |  allocated       |
 *	                 base, or lowest <-->
 *	                                left
 *
 * Allocation moves the top, base+left, down. Growth moves committed down. base follows
 * committed, but a limit keeps it from going below lowest. A new arena has base ==
 * range.end and left == 0.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <poll.h>

#include "fork.h"
#include "private.h"
#include "probes.h"
#include "range.h"
#include "sanitize.h"
#include "sys.h"

/* An arena grows by as much as it has committed, within these bounds. */
#define LEAST_GROWTH	ARENA_BLOCK
#define MOST_GROWTH	((size_t)64 << 20)

void arena_refresh_top(struct arena_private *a)
{
	set_top(a, top_of(a));
}

/* A descriptor that has been closed also cancels: nothing else could do so any more. */
static bool is_cancelled(const struct scope *scope)
{
	struct pollfd fd = { .fd = scope->fd, .events = scope->events };

	return poll(&fd, 1, 0) > 0;
}

bool arena_is_over(struct arena_private *a)
{
	struct scope *scope = &a->scope;
	int saved_errno = errno;

	if (!scope->is_over)
		scope->is_over = ((scope->flags & ARENA_SCOPE_DEADLINE) &&
				  arena_now() >= scope->deadline) ||
				 ((scope->flags & ARENA_SCOPE_FD) && is_cancelled(scope));
	if (scope->is_over) {
		a->slice = 0;
		arena_refresh_top(a);
	}
	errno = saved_errno;
	return scope->is_over;
}

/* Forbid the use of newly committed memory until it is allocated. */
static void hide(struct arena_private *a, char *from, char *to)
{
	arena_poison(from, to - from);
	if (from < a->hidden)
		a->hidden = from;
}

int arena_commit_to(struct arena_private *a, char *from)
{
	int err = a->backend->commit(&a->range, from, a->committed);

	/* A part of it may have been committed. */
	if (err) {
		a->backend->release(&a->range, from, a->committed);
		return err;
	}
	if (a->checks)
		hide(a, from, a->committed);
	a->stats.commits++;
	a->stats.obtained += a->committed - from;
	PROBE3(commit, a, from, a->committed - from);
	a->committed = from;
	if (from < a->reached)
		a->reached = from;
	return 0;
}

/* Commit at least down to @addr; commit more at once if there is enough memory. */
static int grow(struct arena_private *a, char *addr)
{
	char *start = align_down(a->lowest, ARENA_BLOCK);
	char *needed = align_down(addr, ARENA_BLOCK);
	size_t growth = a->range.end - a->committed;
	char *wanted;

	if (growth < LEAST_GROWTH)
		growth = LEAST_GROWTH;
	if (growth > MOST_GROWTH)
		growth = MOST_GROWTH;
	if (growth > (size_t)(a->committed - start))
		growth = a->committed - start;
	wanted = a->committed - growth;

	if (wanted < needed && !arena_commit_to(a, wanted))
		return 0;
	return arena_commit_to(a, needed);
}

char *arena_cut(struct arena_private *a, char *end, size_t size, size_t align)
{
	uintptr_t addr;
	char *memory;
	int err;

	if (is_foreign(a)) {
		err = -EPERM;
		goto fail;
	}
	if (a->is_idle) {
		err = -EBUSY;
		goto fail;
	}
	if (a->scope.is_bound && arena_is_over(a)) {
		err = -ECANCELED;
		goto fail;
	}
	if (__builtin_sub_overflow((uintptr_t)end, size, &addr)) {
		err = -ENOMEM;
		goto fail;
	}
	addr &= -align;
	if (addr < (uintptr_t)a->lowest) {
		err = addr < (uintptr_t)a->range.start ? -ENOMEM : -EDQUOT;
		goto fail;
	}
	memory = end - ((uintptr_t)end - addr);
	if (memory < a->committed) {
		err = grow(a, memory);
		if (err)
			goto fail;
	}
	give(a, align_down(memory, ARENA_ALIGN), a->slice);
	return memory;

fail:
	a->error = err;
	a->stats.failures++;
	return NULL;
}

/*
 * Release the committed memory below @from, a multiple of ARENA_BLOCK. Even if that
 * fails, the memory counts as released: the arena commits it again before it uses it.
 */
int arena_give_back(struct arena_private *a, char *from)
{
	char *top = top_of(a);
	int err = a->backend->release(&a->range, a->committed, from);

	if (!err && a->clean < from && !a->keeps_dirty)
		a->clean = from;
	else if (err && a->clean > a->committed)
		a->clean = a->committed;
	a->committed = from;
	set_top(a, top);
	return err;
}
