// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Starting and waking the library's thread of a pool, which pool_idle.c describes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>

#include "pool_private.h"

#define STACK_SIZE		((size_t)256 << 10)

static int create_thread(struct arena_pool *pool)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&pool->thread, &attr, pool->run, pool);
	/*
	 * The program's thread-local variables are on the stack, too, and may need more.
	 */
	if (err == EINVAL)
		err = pthread_create(&pool->thread, NULL, pool->run, pool);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

static void start_thread_locked(struct arena_pool *pool)
{
	int64_t now = coarse_now();

	if (now < pool->start_at)
		return;
	pool->start_at = now + pool->period;
	if (create_thread(pool))
		return;
	pool->has_thread = true;
	__atomic_fetch_and(&pool->attention, ~ASLEEP, __ATOMIC_SEQ_CST);
}

void arena_pool_wake_locked(struct arena_pool *pool)
{
	int saved_errno = errno;

	if (!pool->runs_thread || is_child(pool) || pool->is_woken)
		return;
	if (!pool->has_thread) {
		start_thread_locked(pool);
	} else {
		pool->is_woken = true;
		__atomic_fetch_and(&pool->attention, ~ASLEEP, __ATOMIC_SEQ_CST);
		pthread_cond_signal(&pool->changed);
	}
	errno = saved_errno;
}
