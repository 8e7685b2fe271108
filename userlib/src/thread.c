// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Arenas that belong to a thread: that of arena_thread(), scratch arenas, and those with
 * ARENA_THREAD_OWNED.
 *
 * All of them are destroyed when the thread ends, by the destructor of a key, which also
 * runs when a thread is cancelled. The first two kinds are created when they are first
 * needed. They are thread-local, so there is nothing to lock.
 *
 * A child of fork() has a copy of anonymous memory, and keeps the arenas on it: pointers
 * from the parent stay valid there. It does not have the memory of arenas on the device.
 * So that every call in the child can tell, each child adds 1 to arena_nr_forks, and each
 * arena has the value from its creation.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

/**
 * struct thread_arenas - arenas of a thread
 * @own: the arena of arena_thread(), or NULL
 * @scratch: the arenas of arena_scratch()
 * @nr_scratch: number of these
 * @owner: list of those with ARENA_THREAD_OWNED, or NULL if there has been none
 */
struct thread_arenas {
	struct arena *own;
	struct arena **scratch;
	size_t nr_scratch;
	struct owner *owner;
};

/**
 * struct owner - a thread that owns arenas with ARENA_THREAD_OWNED
 * @first: list of these arenas; protected by owned_lock
 *
 * This is not thread-local, because it can outlive the thread: another destructor may
 * leave arenas in it; and in a child of fork() those of the parent's other threads still
 * exist, but no thread destroys their arenas.
 */
struct owner {
	struct arena_private *first;
};

static __thread struct thread_arenas arenas;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;

/* Protects all lists of owned arenas: any thread may adopt or destroy an arena. */
static pthread_mutex_t owned_lock = PTHREAD_MUTEX_INITIALIZER;

static void unlink_owned(struct arena_private *a)
{
	struct owned *owned = &a->owned;

	if (!owned->link)
		return;
	*owned->link = owned->next;
	if (owned->next)
		owned->next->owned.link = owned->link;
	owned->link = NULL;
}

void arena_disown(struct arena_private *a)
{
	if (!a->is_thread_owned)
		return;
	pthread_mutex_lock(&owned_lock);
	unlink_owned(a);
	pthread_mutex_unlock(&owned_lock);
}

static struct arena_private *take_owned(struct owner *owner)
{
	struct arena_private *a;

	pthread_mutex_lock(&owned_lock);
	a = owner->first;
	if (a)
		unlink_owned(a);
	pthread_mutex_unlock(&owned_lock);
	return a;
}

static void destroy_owned(void)
{
	struct owner *owner = arenas.owner;
	struct arena_private *a;

	if (!owner)
		return;
	while ((a = take_owned(owner)))
		arena_destroy(&a->pub);
	arenas.owner = NULL;
	free(owner);
}

static void destroy_arenas(void *unused)
{
	struct thread_arenas old;
	size_t i;

	(void)unused;
	destroy_owned();
	old = arenas;
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

unsigned int arena_nr_forks;

/* Arenas from before fork() are printed by the parent process only. */
static void start_in_child(struct arena_private *a)
{
	a->is_printed = false;
}

/*
 * Take all locks, so that the child finds all lists consistent. Apart from this, locks
 * are only nested in pool.c, in the same order as here.
 */
static void before_fork(void)
{
	arena_pool_lock_all();
	pthread_mutex_lock(&owned_lock);
	arena_list_lock();
	arena_checks_lock();
	arena_predict_lock();
}

static void after_fork(void)
{
	arena_predict_unlock();
	arena_checks_unlock();
	arena_list_unlock();
	pthread_mutex_unlock(&owned_lock);
	arena_pool_unlock_all();
}

static void begin_child(void)
{
	arena_nr_forks++;
	after_fork();
	arena_list_each(start_in_child);
	forget_lost();
}

/* Register these before the program registers its own handlers, which may use arenas. */
__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, begin_child);
}

static void make_key(void)
{
	key_error = pthread_key_create(&key, destroy_arenas);
}

/* Have destroy_arenas() called when the thread ends; return 0 or a negative errno. */
static int watch_thread(void)
{
	int saved_errno = errno, err;

	pthread_once(&once, make_key);
	/* Any value but NULL, with which the destructor would not be called. */
	err = key_error ? key_error : pthread_setspecific(key, &arenas);
	errno = saved_errno;
	return -err;
}

int arena_own(struct arena_private *a)
{
	struct owned *owned = &a->owned;
	int err = watch_thread();

	if (!err && !arenas.owner) {
		arenas.owner = calloc(1, sizeof(*arenas.owner));
		if (!arenas.owner)
			err = -ENOMEM;
	}
	pthread_mutex_lock(&owned_lock);
	unlink_owned(a);
	if (!err) {
		owned->link = &arenas.owner->first;
		owned->next = *owned->link;
		if (owned->next)
			owned->next->owned.link = &owned->next;
		*owned->link = a;
	}
	pthread_mutex_unlock(&owned_lock);
	return err;
}

/*
 * Create an arena that destroy_arenas() destroys, even if the environment has
 * ARENA_THREAD_OWNED=1.
 */
static struct arena *create_named(const char *name)
{
	struct arena_opts opts = { .size = sizeof(opts), .name = name };
	struct arena *a;

	if (watch_thread() || arena_create(&a, &opts))
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
