// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Idle arenas, whose memory the system may take. No other thread can change base and left
 * while the inline functions run, so an idle arena has nothing left for these to allocate.
 */
#include <errno.h>

#include "checks.h"
#include "fork.h"
#include "free.h"
#include "private.h"

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

int arena_claim(struct arena *pub)
{
	struct arena_private *a = private(pub);
	int kept;

	check_use(a, "arena_claim");
	if (!a->is_idle)
		return 1;
	if (is_foreign(a))
		return -EPERM;
	kept = arena_take_back(a);
	/* Some of it may still be there. */
	if (!kept)
		arena_release(pub);
	return kept;
}
