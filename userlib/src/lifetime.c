// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Idle arenas and scopes. The system may take the contents of an idle arena at any time.
 * An arena that is bound to a scope can't allocate any more once the scope is over.
 *
 * No other thread may change base and left while the inline functions run. To make these
 * functions call the library, nothing is left to allocate in an idle arena, and no more
 * than a slice at a time in an arena that is bound to a scope.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "private.h"

/* Size of the structure in its first version. */
#define SCOPE_SIZE_1	(offsetof(struct arena_scope, slice) + sizeof(uint64_t))

/* --- idle ------------------------------------------------------------------- */

static int idle(struct arena_private *a)
{
	return a->backend->idle(&a->range, a->committed, top_of(a));
}

static int idle_checked(struct arena_private *a)
{
	int err;

	arena_checks_open(a);
	err = idle(a);
	if (err)
		arena_checks_claim(a, false);
	else
		arena_checks_close(a);
	return err;
}

int arena_idle(struct arena *pub)
{
	struct arena_private *a = private(pub);
	int err;

	check_use(a, "arena_idle");
	if (is_foreign(a))
		return -EPERM;
	if (a->is_idle)
		return 0;
	if (!a->backend)
		return -EINVAL;
	if (a->cleanups || a->holes_end)
		return -EBUSY;
	err = a->checks ? idle_checked(a) : idle(a);
	if (err)
		return err;
	a->is_idle = true;
	a->pub.base = top_of(a);
	a->pub.left = 0;
	return 0;
}

static int claim(struct arena_private *a)
{
	return a->backend->claim(&a->range, top_of(a));
}

static int claim_checked(struct arena_private *a)
{
	int kept;

	arena_checks_open(a);
	kept = claim(a);
	arena_checks_claim(a, !kept);
	return kept;
}

int arena_claim(struct arena *pub)
{
	struct arena_private *a = private(pub);
	int kept;

	check_use(a, "arena_claim");
	if (!a->is_idle)
		return 1;
	if (is_foreign(a))
		return -EPERM;
	kept = a->checks ? claim_checked(a) : claim(a);
	if (kept < 0)
		return kept;
	a->is_idle = false;
	arena_refresh_top(a);
	/* Release the blocks or pages that the system has not taken. */
	if (!kept)
		arena_release(pub);
	return kept;
}

/* --- scopes ------------------------------------------------------------------- */

uint64_t arena_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
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

int arena_scope_begin(struct arena *pub, const struct arena_scope *from)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno, err;
	struct stat stat = { 0 };
	struct arena_scope scope;

	check_use(a, "arena_scope_begin");
	err = arena_get_struct(&scope, from, sizeof(scope), SCOPE_SIZE_1);
	if (err)
		return err;
	if (!scope.flags || scope.flags & ~(ARENA_SCOPE_DEADLINE | ARENA_SCOPE_FD))
		return -EINVAL;
	if (a->scope.is_bound)
		return -EBUSY;
	if ((scope.flags & ARENA_SCOPE_FD) && fstat(scope.fd, &stat)) {
		errno = saved_errno;
		return -EBADF;
	}
	a->scope = (struct scope) {
		.is_bound = true,
		.flags = scope.flags,
		.deadline = scope.deadline,
		.fd = scope.fd,
		/* A socket may have requests to read: watch for the peer instead. */
		.events = S_ISSOCK(stat.st_mode) ? POLLRDHUP : POLLIN,
	};
	a->slice = whole_slice(a) & scope.slice & -ARENA_ALIGN;
	arena_refresh_top(a);
	return 0;
}

int arena_scope_check(struct arena *pub)
{
	struct arena_private *a = private(pub);

	check_use(a, "arena_scope_check");
	return a->scope.is_bound && arena_is_over(a) ? -ECANCELED : 0;
}

int arena_scope_end(struct arena *pub)
{
	struct arena_private *a = private(pub);

	check_use(a, "arena_scope_end");
	a->scope.is_bound = false;
	a->slice = whole_slice(a);
	return arena_release(pub);
}
