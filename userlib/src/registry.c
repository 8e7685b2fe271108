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
#include <string.h>

#include "fork.h"
#include "private.h"
#include "registry.h"
#include "sys.h"

/* How often a signal handler tries to acquire the lock, which is only held briefly. */
#define TRIES	1000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena_private *listed;

/* The arenas that were destroyed most recently. */
#define NR_DESTROYED	64
static struct destroyed destroyed[NR_DESTROYED];
static unsigned int nr_destroyed;

void arena_registry_add(struct arena_private *a)
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

static void record_destroyed(const struct arena_private *a)
{
	struct destroyed *record = &destroyed[nr_destroyed++ % NR_DESTROYED];

	record->map = a->range.map;
	record->map_end = a->range.map_end;
	record->at = arena_now();
	memcpy(record->name, a->name, NAME_SIZE);
}

void arena_registry_remove(struct arena_private *a)
{
	struct listed *place = &a->listed;

	pthread_mutex_lock(&lock);
	*place->link = place->next;
	if (place->next)
		place->next->listed.link = place->link;
	record_destroyed(a);
	pthread_mutex_unlock(&lock);
}

void arena_registry_each(void (*fn)(struct arena_private *a))
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
bool arena_registry_try(void (*fn)(struct arena_private *list, const void *ctx), const void *ctx)
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

const struct destroyed *arena_registry_find_destroyed(const char *addr)
{
	const struct destroyed *record;
	unsigned int i;

	for (i = 1; i <= NR_DESTROYED && i <= nr_destroyed; i++) {
		record = &destroyed[(nr_destroyed - i) % NR_DESTROYED];
		if (addr >= record->map && addr < record->map_end)
			return record;
	}
	return NULL;
}

__attribute__((constructor)) static void register_hook(void)
{
	static struct fork_hook hook = { .lock = &lock };

	arena_at_fork(&hook);
}
