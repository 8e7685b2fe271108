// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of waiting for operations in flight. This file includes inflight.c. Its object is
 * part of arena_kunit.ko.
 */
#include "../inflight.c"

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

struct waiter {
	struct arena_inflight inflight;
	struct completion done;
	int err;
};

static int wait_for_operations(void *data)
{
	struct waiter *waiter = data;

	waiter->err = arena_inflight_wait_killable(&waiter->inflight);
	if (!waiter->err)
		mutex_unlock(&waiter->inflight.alone);
	complete(&waiter->done);
	return 0;
}

static struct waiter *make_waiter(struct kunit *test)
{
	struct waiter *waiter = kunit_kzalloc(test, sizeof(*waiter), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, waiter);
	arena_inflight_init(&waiter->inflight);
	init_completion(&waiter->done);
	return waiter;
}

static void start(struct kunit *test, struct waiter *waiter)
{
	struct task_struct *thread = kthread_run(wait_for_operations, waiter, "waiter");

	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
}

/* Wait until the waiting thread has begun a new epoch. */
static void wait_for_epoch(struct waiter *waiter, unsigned int epoch)
{
	while (READ_ONCE(waiter->inflight.epoch) != epoch)
		msleep(20);
}

static void waiting_ends_without_later_operations(struct kunit *test)
{
	struct waiter *waiter = make_waiter(test);
	struct arena_operation earlier, later;

	earlier = arena_inflight_begin(&waiter->inflight);
	start(test, waiter);
	wait_for_epoch(waiter, 1);
	later = arena_inflight_begin(&waiter->inflight);
	KUNIT_EXPECT_FALSE(test, completion_done(&waiter->done));
	arena_inflight_end(&waiter->inflight, &earlier);
	wait_for_completion(&waiter->done);
	KUNIT_EXPECT_EQ(test, waiter->err, 0);
	arena_inflight_end(&waiter->inflight, &later);
}

/* A thread that was killed while waiting has left operations in the previous epoch. */
static void waiting_includes_the_epoch_before(struct kunit *test)
{
	struct waiter *waiter = make_waiter(test);
	struct arena_operation earlier, later;

	earlier = arena_inflight_begin(&waiter->inflight);
	KUNIT_EXPECT_EQ(test, begin_epoch(&waiter->inflight), 0);
	later = arena_inflight_begin(&waiter->inflight);
	start(test, waiter);
	arena_inflight_end(&waiter->inflight, &later);
	/* Long enough for the thread to finish if it does not wait. */
	msleep(20);
	KUNIT_EXPECT_FALSE(test, completion_done(&waiter->done));
	arena_inflight_end(&waiter->inflight, &earlier);
	wait_for_completion(&waiter->done);
	KUNIT_EXPECT_EQ(test, waiter->err, 0);
}

static void operation_knows_whether_it_was_alone(struct kunit *test)
{
	struct arena_inflight *inflight = &make_waiter(test)->inflight;
	struct arena_operation first, second;

	first = arena_inflight_begin(inflight);
	KUNIT_EXPECT_TRUE(test, arena_inflight_end(inflight, &first));

	/* Two operations overlap: the first ends before the second. */
	first = arena_inflight_begin(inflight);
	second = arena_inflight_begin(inflight);
	KUNIT_EXPECT_FALSE(test, arena_inflight_end(inflight, &first));
	KUNIT_EXPECT_FALSE(test, arena_inflight_end(inflight, &second));

	/* The second operation begins and ends during the first. */
	first = arena_inflight_begin(inflight);
	second = arena_inflight_begin(inflight);
	arena_inflight_end(inflight, &second);
	KUNIT_EXPECT_FALSE(test, arena_inflight_end(inflight, &first));
}

static struct kunit_case inflight_cases[] = {
	KUNIT_CASE(waiting_ends_without_later_operations),
	KUNIT_CASE(waiting_includes_the_epoch_before),
	KUNIT_CASE(operation_knows_whether_it_was_alone),
	{}
};

static struct kunit_suite inflight_suite = {
	.name = "arena_inflight",
	.test_cases = inflight_cases,
};

kunit_test_suite(inflight_suite);
