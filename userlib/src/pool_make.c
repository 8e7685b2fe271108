// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Making an arena for a pool.
 */
#include <errno.h>

#include "create.h"
#include "owner.h"
#include "pool_private.h"

#define LEAST_SMALLER		((size_t)64 << 20)

int arena_pool_make(struct arena_pool *pool, int how, struct arena_private **result)
{
	struct arena_opts opts = pool->arena;
	size_t smaller = predict_blocks(pool);
	struct arena_private *a;
	struct arena *pub;
	int err;

	if (how > ARENA_POOL_AS_REQUESTED) {
		if (__builtin_mul_overflow(smaller, (size_t)4, &smaller) || smaller < LEAST_SMALLER)
			smaller = LEAST_SMALLER;
		if (!opts.reserve || opts.reserve > smaller)
			opts.reserve = smaller;
		opts.prefault = 0;
	}
	if (how == ARENA_POOL_ANONYMOUS) {
		opts.backing = ARENA_BACKING_ANON;
		opts.flags &= ~ARENA_OPT_PREFER;
	}
	err = arena_create(&pub, &opts);
	if (err)
		return err;
	a = private(pub);
	/* Even if the environment has ARENA_THREAD_OWNED=1. */
	arena_disown(a);
	a->is_thread_owned = false;
	if (!a->sketch)
		a->sketch = arena_sketch_get(pool->name);
	if (how == ARENA_POOL_AS_REQUESTED && arena_commit_ahead(a))
		how = ARENA_POOL_SMALLER;
	a->pooled = (struct pooled) { .pool = pool, .how = how, .node = -1 };
	*result = a;
	return 0;
}

void arena_pool_count_made_locked(struct arena_pool *pool, const struct arena_private *a)
{
	uint64_t *const counters[] = {
		[ARENA_POOL_AS_REQUESTED] = &pool->stats.as_requested,
		[ARENA_POOL_SMALLER] = &pool->stats.smaller,
		[ARENA_POOL_ANONYMOUS] = &pool->stats.anonymous,
	};

	++*counters[a->pooled.how];
}
