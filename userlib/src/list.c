// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * All arenas but children, from creation to end: for what is printed at exit, and for who
 * asks whose an address is.
 *
 * The list has a lock. What is in an arena is its thread's all the same, but for the
 * addresses that are reserved for it, which stay as they are.
 */
#include <pthread.h>
#include <sched.h>

#include "private.h"

/* How often a handler of signals tries to get the lock, which is held for moments. */
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
 * pthread_mutex_trylock() is not on POSIX's list of what a handler may call. It is one
 * compare-and-swap for a mutex like this one, and if the thread that was interrupted has
 * it, it says so.
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
