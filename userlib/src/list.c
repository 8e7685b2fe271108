// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The list of all arenas except children, from creation to destruction. It is used to
 * print statistics at exit, and to find the arena that an address belongs to.
 *
 * A lock protects the list, but not the fields of the arenas, which belong to the threads
 * that use them. Other threads may only rely on the reserved addresses of an arena, which
 * never change.
 */
#include <pthread.h>
#include <sched.h>

#include "private.h"

/* How often a signal handler tries to acquire the lock, which is only held briefly. */
#define TRIES	1000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena_private *listed;

void arena_list_add(struct arena_private *a)
{
	struct listed *place = &a->listed;

	pthread_mutex_lock(&lock);
	place->next = listed;
	place->link = &listed;
	if (listed)
		listed->listed.link = &place->next;
	listed = a;
	pthread_mutex_unlock(&lock);
}

void arena_list_remove(struct arena_private *a)
{
	struct listed *place = &a->listed;

	pthread_mutex_lock(&lock);
	*place->link = place->next;
	if (place->next)
		place->next->listed.link = place->link;
	arena_fault_end(a);
	pthread_mutex_unlock(&lock);
}

void arena_list_each(void (*fn)(struct arena_private *a))
{
	struct arena_private *a;

	pthread_mutex_lock(&lock);
	for (a = listed; a; a = a->listed.next)
		fn(a);
	pthread_mutex_unlock(&lock);
}

/*
 * POSIX does not list pthread_mutex_trylock() among the functions that a signal handler
 * may call. For a mutex like this one it is a single compare-and-swap, which fails if the
 * interrupted thread holds the lock.
 */
bool arena_list_try(void (*fn)(struct arena_private *list, const void *ctx), const void *ctx)
{
	unsigned int i;

	for (i = 0; i < TRIES; i++) {
		if (!pthread_mutex_trylock(&lock)) {
			fn(listed, ctx);
			pthread_mutex_unlock(&lock);
			return true;
		}
		sched_yield();
	}
	return false;
}

void arena_list_lock(void)
{
	pthread_mutex_lock(&lock);
}

void arena_list_unlock(void)
{
	pthread_mutex_unlock(&lock);
}
