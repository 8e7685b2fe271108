// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Arenas that belong to a thread: that of arena_thread(), and scratch arenas. They are
 * thread-local, so there is nothing to lock, and created when they are first needed. owner.c
 * calls destroy_arenas() when the thread ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fork.h"
#include "owner.h"
#include "private.h"

/**
 * struct thread_arenas - arenas of a thread
 * @own: the arena of arena_thread(), or NULL
 * @scratch: the arenas of arena_scratch()
 * @nr_scratch: number of these
 */
struct thread_arenas {
	struct arena *own;
	struct arena **scratch;
	size_t nr_scratch;
};

static __thread struct thread_arenas arenas;

static void destroy_arenas(void)
{
	struct thread_arenas old = arenas;
	size_t i;

	/* A cleanup may create new ones, which the next round of destructors destroys. */
	memset(&arenas, 0, sizeof(arenas));
	for (i = old.nr_scratch; i-- > 0; )
		arena_destroy(old.scratch[i]);
	free(old.scratch);
	arena_destroy(old.own);
}

/*
 * In a child of fork(), forget an arena whose memory it does not have. The structure has
 * to stay, since a frame that is still open may rewind the arena later. The file is
 * closed, or it would keep the parent's blocks.
 */
static bool is_forgotten(struct arena *a)
{
	struct range *range = &private(a)->range;

	if (!is_foreign(private(a)))
		return false;
	if (range->fd >= 0)
		close(range->fd);
	range->fd = -1;
	return true;
}

/* In a child of fork(), only the thread that called fork() exists. */
static void forget_lost(void)
{
	size_t i, kept = 0;

	if (arenas.own && is_forgotten(arenas.own))
		arenas.own = NULL;
	for (i = 0; i < arenas.nr_scratch; i++)
		if (!is_forgotten(arenas.scratch[i]))
			arenas.scratch[kept++] = arenas.scratch[i];
	arenas.nr_scratch = kept;
}

/*
 * Create an arena that destroy_arenas() destroys, even if the environment has
 * ARENA_THREAD_OWNED=1.
 */
static struct arena *create_named(const char *name)
{
	struct arena_opts opts = { .size = sizeof(opts), .name = name };
	struct arena *a;

	if (arena_at_thread_end(destroy_arenas) || arena_create(&a, &opts))
		return NULL;
	arena_disown(private(a));
	private(a)->is_thread_owned = false;
	return a;
}

struct arena *arena_thread(void)
{
	if (!arenas.own)
		arenas.own = create_named("thread");
	return arenas.own;
}

static bool is_avoided(const struct arena *a, struct arena *const *avoid, size_t nr)
{
	while (nr--)
		if (avoid[nr] == a)
			return true;
	return false;
}

static struct arena *add_scratch(void)
{
	size_t nr = arenas.nr_scratch;
	struct arena **more;

	more = realloc(arenas.scratch, (nr + 1) * sizeof(*more));
	if (!more)
		return NULL;
	arenas.scratch = more;
	more[nr] = create_named("scratch");
	if (!more[nr])
		return NULL;
	arenas.nr_scratch++;
	return more[nr];
}

struct arena *arena_scratch_get(struct arena *const *avoid, size_t nr)
{
	struct arena *a;
	int saved_errno;
	size_t i;

	for (i = 0; i < arenas.nr_scratch; i++)
		if (!is_avoided(arenas.scratch[i], avoid, nr))
			return arenas.scratch[i];
	saved_errno = errno;
	a = add_scratch();
	errno = saved_errno;
	return a;
}

__attribute__((constructor)) static void register_hook(void)
{
	static struct fork_hook hook = { .in_child = forget_lost };

	arena_at_fork(&hook);
}
