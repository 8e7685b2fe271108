// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Threads that own arenas: those with ARENA_OPT_THREAD_OWNED are destroyed when their thread ends,
 * by the destructor of a key, which also runs when a thread is cancelled.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "checks.h"
#include "fork.h"
#include "owner.h"
#include "private.h"

/**
 * struct owner - a thread that owns arenas with ARENA_OPT_THREAD_OWNED
 * @first: list of these arenas; protected by owned_lock
 *
 * This is not thread-local, because it can outlive the thread: another destructor may
 * leave arenas in it; and in a child of fork() those of the parent's other threads still
 * exist, but no thread destroys their arenas.
 */
struct owner {
	struct arena_private *first;
};

/* The calling thread's, or NULL if it has never owned an arena. */
static __thread struct owner *owner;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;
/* What thread.c does when a thread ends, or NULL if no thread has asked for it. */
static void (*end_thread)(void);

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
	struct owner *old = owner;
	struct arena_private *a;

	if (!old)
		return;
	while ((a = take_owned(old)))
		a->owned.end(&a->pub);
	owner = NULL;
	free(old);
}

static void end_owner(void *unused)
{
	void (*end)(void) = __atomic_load_n(&end_thread, __ATOMIC_RELAXED);

	(void)unused;
	destroy_owned();
	if (end)
		end();
}

static void make_key(void)
{
	key_error = pthread_key_create(&key, end_owner);
}

static int watch_thread(void)
{
	int saved_errno = errno, err;

	pthread_once(&once, make_key);
	/* Any value but NULL, with which the destructor would not be called. */
	err = key_error ? key_error : pthread_setspecific(key, &owner);
	errno = saved_errno;
	return -err;
}

int arena_at_thread_end(void (*end)(void))
{
	__atomic_store_n(&end_thread, end, __ATOMIC_RELAXED);
	return watch_thread();
}

int arena_own(struct arena_private *a)
{
	struct owned *owned = &a->owned;
	int err = watch_thread();

	if (!err && !owner) {
		owner = calloc(1, sizeof(*owner));
		if (!owner)
			err = -ENOMEM;
	}
	pthread_mutex_lock(&owned_lock);
	unlink_owned(a);
	if (!err) {
		owned->link = &owner->first;
		owned->next = *owned->link;
		if (owned->next)
			owned->next->owned.link = &owned->next;
		*owned->link = a;
	}
	pthread_mutex_unlock(&owned_lock);
	return err;
}

int arena_adopt(struct arena *pub)
{
	struct arena_private *a = private(pub);

	if (a->checks)
		arena_checks_adopt(a);
	return a->is_thread_owned ? arena_own(a) : 0;
}

__attribute__((constructor)) static void register_hook(void)
{
	static struct fork_hook hook = { .lock = &owned_lock };

	arena_at_fork(&hook);
}
