// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations in flight: commits and releases of an arena that hold charges for
 * blocks which are in no slot.
 *
 * A fault that a limit refuses kills the application, so it must not be refused
 * because of a charge that another operation holds for a moment only. The fault
 * waits until all operations that were in flight have ended, and tries again.
 * Operations never wait for such a fault, or for one another.
 *
 * The wait is a grace period. An operation counts itself in the current epoch.
 * A waiting thread begins a new epoch and waits until the count of the old one
 * is zero. Two counts are used in turn. The one for the new epoch must be zero
 * before that begins. It is nonzero only if an earlier waiting thread was
 * killed; the next one then first waits until it is zero.
 *
 * inflight.lock, a spinlock and a leaf, protects the counts. An operation that
 * began before the new epoch was counted in the old one under this lock, so the
 * waiting thread sees it. inflight.alone lets only one thread wait at a time.
 * It is taken after the mmap_lock or VMA lock, which a fault holds. No
 * operation waits for it.
 */
#include <linux/sched/signal.h>

#include "inflight.h"

/**
 * arena_inflight_init - initialize an arena's operations: none is in flight
 * @inflight: operations of the arena
 */
void arena_inflight_init(struct arena_inflight *inflight)
{
	spin_lock_init(&inflight->lock);
	init_waitqueue_head(&inflight->ended);
	mutex_init(&inflight->alone);
}

/**
 * arena_inflight_begin - begin an operation
 * @inflight: operations of the arena
 *
 * Context: process context; does not sleep.
 * Return: the operation, for arena_inflight_end()
 */
struct arena_operation arena_inflight_begin(struct arena_inflight *inflight)
{
	struct arena_operation operation;

	spin_lock(&inflight->lock);
	operation = (struct arena_operation) {
		.epoch = inflight->epoch,
		.number = ++inflight->nr_begun,
		.was_alone = !inflight->nr[0] && !inflight->nr[1],
	};
	inflight->nr[operation.epoch]++;
	spin_unlock(&inflight->lock);
	return operation;
}

/**
 * arena_inflight_end - end an operation
 * @inflight: operations of the arena
 * @operation: returned by arena_inflight_begin()
 *
 * Context: process context; does not sleep.
 * Return: true if no other operation was in flight at any time since it began
 */
bool arena_inflight_end(struct arena_inflight *inflight,
			const struct arena_operation *operation)
{
	bool was_alone;

	spin_lock(&inflight->lock);
	was_alone = operation->was_alone && inflight->nr_begun == operation->number;
	/*
	 * A waiting thread joins the queue, then reads the count under the
	 * lock.
	 */
	if (!--inflight->nr[operation->epoch] && waitqueue_active(&inflight->ended))
		wake_up_all(&inflight->ended);
	spin_unlock(&inflight->lock);
	return was_alone;
}

static bool has_ended(struct arena_inflight *inflight, unsigned int epoch)
{
	bool ended;

	spin_lock(&inflight->lock);
	ended = !inflight->nr[epoch];
	spin_unlock(&inflight->lock);
	return ended;
}

static unsigned int begin_epoch(struct arena_inflight *inflight)
{
	unsigned int old;

	spin_lock(&inflight->lock);
	old = inflight->epoch;
	inflight->epoch = !old;
	spin_unlock(&inflight->lock);
	return old;
}

/**
 * arena_inflight_wait_killable - wait until all current operations have ended
 * @inflight: operations of the arena
 *
 * Does not wait for operations that begin after the call.
 *
 * Context: process context, not during an operation. The caller may hold the
 * mmap_lock, since no operation waits for it.
 * Return: 0 with @inflight->alone held, or -EINTR if the process is being
 * killed
 */
int arena_inflight_wait_killable(struct arena_inflight *inflight)
{
	unsigned int old;
	int err;

	if (mutex_lock_killable(&inflight->alone))
		return -EINTR;
	/* Only this thread changes the epoch. */
	err = wait_event_killable(inflight->ended,
				  has_ended(inflight, !inflight->epoch));
	if (!err) {
		old = begin_epoch(inflight);
		err = wait_event_killable(inflight->ended, has_ended(inflight, old));
	}
	if (err)
		mutex_unlock(&inflight->alone);
	return err ? -EINTR : 0;
}
