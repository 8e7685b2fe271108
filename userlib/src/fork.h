/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_FORK_H
#define ARENA_SRC_FORK_H

#include <pthread.h>
#include <stdbool.h>

#include "private.h"

/* Number of forks between the process that loaded the library and this one. */
extern unsigned int arena_nr_forks __attribute__((visibility("hidden")));

static inline unsigned int arena_forks(void)
{
	return arena_nr_forks;
}

/* Return whether the arena is an ancestor's, whose memory this process does not have. */
static inline bool is_foreign(const struct arena_private *a)
{
	return a->is_lost_in_fork && a->forks != arena_forks();
}

/**
 * struct fork_hook - what a file needs to have done around fork()
 * @lock: the lock to hold during fork(), or NULL
 * @before: take further locks, or NULL
 * @after: release them, in the parent and in the child, or NULL
 * @in_child: called in the child after that, or NULL
 * @next: the next hook
 */
struct fork_hook {
	pthread_mutex_t *lock;
	void (*before)(void);
	void (*after)(void);
	void (*in_child)(void);
	struct fork_hook *next;
};

/* Register a hook. Called by constructors, when there is one thread. */
void arena_at_fork(struct fork_hook *hook);

#endif /* ARENA_SRC_FORK_H */
