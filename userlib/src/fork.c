// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * fork(): a child of it has a copy of anonymous memory, and keeps the arenas on it: pointers
 * from the parent stay valid there. It does not have the memory of arenas on the device. So
 * that every call in the child can tell, each child adds 1 to arena_nr_forks, and each
 * arena has the value from its creation.
 *
 * Each file with a lock registers a hook, so that all locks are held while a process forks,
 * and the child finds all lists consistent. Apart from the locks of pools, no lock of the
 * library is taken while another one is held, so the order of the hooks does not matter.
 */
#include <pthread.h>
#include <stddef.h>

#include "fork.h"

unsigned int arena_nr_forks;

static struct fork_hook *hooks;

void arena_at_fork(struct fork_hook *hook)
{
	hook->next = hooks;
	hooks = hook;
}

static void before_fork(void)
{
	struct fork_hook *hook;

	for (hook = hooks; hook; hook = hook->next) {
		if (hook->lock)
			pthread_mutex_lock(hook->lock);
		if (hook->before)
			hook->before();
	}
}

static void after_fork(void)
{
	struct fork_hook *hook;

	for (hook = hooks; hook; hook = hook->next) {
		if (hook->after)
			hook->after();
		if (hook->lock)
			pthread_mutex_unlock(hook->lock);
	}
}

static void begin_child(void)
{
	struct fork_hook *hook;

	arena_nr_forks++;
	after_fork();
	for (hook = hooks; hook; hook = hook->next)
		if (hook->in_child)
			hook->in_child();
}

/* Register these before the program registers its own handlers, which may use arenas. */
__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, begin_child);
}
