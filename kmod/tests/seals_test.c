// SPDX-License-Identifier: GPL-2.0-only
/* Tests of seals, without an arena. */
#include "../seals.c"

#include <kunit/test.h>

#define ALL	(ARENA_CONTROL_OFFSET >> ARENA_BLOCK_SHIFT)

static int seals_init(struct kunit *test)
{
	struct arena_seals *seals = kunit_kzalloc(test, sizeof(*seals), GFP_KERNEL);

	if (!seals)
		return -ENOMEM;
	arena_seals_init(seals);
	test->priv = seals;
	return 0;
}

static void seals_exit(struct kunit *test)
{
	if (test->priv)
		arena_seals_destroy(test->priv);
}

static void seal_covers_its_range_only(struct kunit *test)
{
	struct arena_seals *seals = test->priv;

	KUNIT_EXPECT_FALSE(test, arena_seals_has(seals, 0));
	KUNIT_ASSERT_EQ(test, arena_seals_add(seals, 3, 4), 0);
	KUNIT_EXPECT_FALSE(test, arena_seals_has(seals, 2));
	KUNIT_EXPECT_TRUE(test, arena_seals_has(seals, 3));
	KUNIT_EXPECT_TRUE(test, arena_seals_has(seals, 6));
	KUNIT_EXPECT_FALSE(test, arena_seals_has(seals, 7));
	/* Breaking a range that is not sealed changes nothing. */
	KUNIT_ASSERT_EQ(test, arena_seals_break(seals, 7, 100), 0);
	KUNIT_EXPECT_TRUE(test, arena_seals_has(seals, 6));
	KUNIT_ASSERT_EQ(test, arena_seals_break(seals, 4, 2), 0);
	KUNIT_EXPECT_TRUE(test, arena_seals_has(seals, 3));
	KUNIT_EXPECT_FALSE(test, arena_seals_has(seals, 4));
	KUNIT_EXPECT_FALSE(test, arena_seals_has(seals, 5));
	KUNIT_EXPECT_TRUE(test, arena_seals_has(seals, 6));
}

/* The number of ranges is limited, whether they are added or result from breaking a range. */
static void seals_are_bounded(struct kunit *test)
{
	struct arena_seals *seals = test->priv;
	unsigned long i;
	int err = 0;

	KUNIT_ASSERT_EQ(test, arena_seals_add(seals, 0, ALL), 0);
	/* Split one range into many. */
	for (i = 1; i < 2 * MAX_SEALS + 10 && !err; i += 2)
		err = arena_seals_break(seals, i, 1);
	KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	KUNIT_EXPECT_GT(test, i, 2 * MAX_SEALS - 10);
	KUNIT_EXPECT_EQ(test, arena_seals_add(seals, i + 1, 1), -ENOMEM);
	/* Breaking a block at the edge of a range does not split it. */
	KUNIT_EXPECT_EQ(test, arena_seals_break(seals, 2, 1), 0);
	KUNIT_EXPECT_EQ(test, arena_seals_add(seals, 0, ALL), 0);
	KUNIT_EXPECT_EQ(test, arena_seals_add(seals, 5, 1), 0);
}

static struct kunit_case seals_cases[] = {
	KUNIT_CASE(seal_covers_its_range_only),
	KUNIT_CASE_SLOW(seals_are_bounded),
	{ }
};

static struct kunit_suite seals_suite = {
	.name = "arena_seals",
	.init = seals_init,
	.exit = seals_exit,
	.test_cases = seals_cases,
};

kunit_test_suite(seals_suite);
