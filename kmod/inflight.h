/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_INFLIGHT_H
#define ARENA_INFLIGHT_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

/**
 * struct arena_inflight - operations of an arena that are in flight
 * @lock: protects @nr, @epoch and @nr_begun
 * @nr: operations in flight that began in each of the last two epochs
 * @epoch: current epoch, 0 or 1
 * @nr_begun: operations ever begun
 * @ended: wait queue, woken when the last operation of an epoch has ended
 * @alone: serializes callers of arena_inflight_wait_killable()
 */
struct arena_inflight {
	/* protects nr, epoch and nr_begun */
	spinlock_t lock;
	unsigned int nr[2];
	unsigned int epoch;
	unsigned long nr_begun;
	wait_queue_head_t ended;
	/* serializes waiting threads */
	struct mutex alone;
};

/**
 * struct arena_operation - an operation in flight
 * @epoch: epoch in which the operation began
 * @number: its number, counted from 1
 * @was_alone: no other operation was in flight when it began
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
