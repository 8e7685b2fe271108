// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Scopes: a deadline or a descriptor after which nothing can be allocated from an arena. The
 * inline functions do not look, so they are given no more than a slice at a time.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "checks.h"
#include "private.h"
#include "range.h"
#include "sys.h"

/* Size of the structure in its first version. */
#define SCOPE_SIZE_1	(offsetof(struct arena_scope, slice) + sizeof(uint64_t))

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
