/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_INFLIGHT_H
#define ARENA_INFLIGHT_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

/**
 * struct arena_inflight - operations of an arena that are under way
 * @lock: protects @nr, @epoch and @nr_begun
 * @nr: how many of those that began in each of the last two epochs are under way
 * @epoch: the current one, 0 or 1
 * @nr_begun: how many have begun, ever
 * @ended: woken when the last of an epoch has ended
 * @alone: serializes the callers of arena_inflight_wait_killable()
 */
struct arena_inflight {
	/* protects nr, epoch and nr_begun */
	spinlock_t lock;
	unsigned int nr[2];
	unsigned int epoch;
	unsigned long nr_begun;
	wait_queue_head_t ended;
	/* serializes those that wait */
	struct mutex alone;
};

/**
 * struct arena_operation - one of them
 * @epoch: in which it began
 * @number: which one it is
 * @was_alone: whether no other was under way when it began
 */
struct arena_operation {
	unsigned int epoch;
	unsigned long number;
	bool was_alone;
};

void arena_inflight_init(struct arena_inflight *inflight);
struct arena_operation arena_inflight_begin(struct arena_inflight *inflight);
bool arena_inflight_end(struct arena_inflight *inflight,
			const struct arena_operation *operation);
int arena_inflight_wait_killable(struct arena_inflight *inflight);

#endif /* ARENA_INFLIGHT_H */
