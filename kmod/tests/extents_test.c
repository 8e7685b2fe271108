// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of extents, on real blocks, against a model: one flag per block that says
 * whether the set contains it.
 */
#include "../extents.c"

#include "extents_test.h"

#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/sort.h>

#define NR_BLOCKS	192
#define STEPS		100000

struct extents_fixture {
	struct arena_extents extents;
	/* In the order of their addresses. */
	struct folio *blocks[NR_BLOCKS];
	bool is_free[NR_BLOCKS];
	unsigned long nr_free;
};

static int compare_blocks(const void *a, const void *b)
{
	void *one = folio_address(*(struct folio **)a);
	void *two = folio_address(*(struct folio **)b);

	return one < two ? -1 : one > two;
}

static int extents_init(struct kunit *test)
{
	struct extents_fixture *fixture;
	int i;

	fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);
	if (!fixture)
		return -ENOMEM;
	test->priv = fixture;
	arena_extents_init(&fixture->extents);
	for (i = 0; i < NR_BLOCKS; i++) {
		fixture->blocks[i] = folio_alloc(GFP_KERNEL | __GFP_ZERO,
						 ARENA_BLOCK_ORDER);
		if (!fixture->blocks[i])
			return -ENOMEM;
	}
	sort(fixture->blocks, NR_BLOCKS, sizeof(fixture->blocks[0]),
	     compare_blocks, NULL);
	return 0;
}

static void extents_exit(struct kunit *test)
{
	struct extents_fixture *fixture = test->priv;
	int i;

	for (i = 0; fixture && i < NR_BLOCKS && fixture->blocks[i]; i++)
		folio_put(fixture->blocks[i]);
}

static bool are_adjacent(struct extents_fixture *fixture, int i)
{
	return i + 1 < NR_BLOCKS &&
	       folio_address(fixture->blocks[i]) + ARENA_BLOCK_SIZE ==
	       folio_address(fixture->blocks[i + 1]);
}

static int index_of(struct extents_fixture *fixture, struct folio *folio)
{
	int i;

	for (i = 0; i < NR_BLOCKS; i++) {
		if (fixture->blocks[i] == folio)
			return i;
	}
	return -1;
}

static void add(struct extents_fixture *fixture, int i)
{
	arena_extents_add(&fixture->extents, fixture->blocks[i]);
	fixture->is_free[i] = true;
	fixture->nr_free++;
}

/*
 * The expected length of the extent that blocks are taken from, or 0: the shortest
 * sufficient one, but the longest one only if there is no other.
 */
static unsigned long model_take(struct extents_fixture *fixture,
				unsigned long wanted, bool is_run)
{
	unsigned long fit = 0, longest = 0, second = 0, run = 0;
	int i;

	for (i = 0; i < NR_BLOCKS; i++) {
		if (!fixture->is_free[i])
			continue;
		run++;
		if (are_adjacent(fixture, i) && fixture->is_free[i + 1])
			continue;
		second = max(second, min(run, longest));
		longest = max(longest, run);
		if (run >= wanted && (!fit || run < fit))
			fit = run;
		run = 0;
	}
	if (is_run || (fit && (fit < longest || second == longest)))
		return fit;
	return second ? second : longest;
}

/* Take blocks, and check that they come from an extent of the expected length. */
static void take(struct kunit *test, unsigned long wanted, bool is_run)
{
	struct extents_fixture *fixture = test->priv;
	unsigned long taken, extent, before = 0, i;
	struct folio *folio;
	int first;

	extent = model_take(fixture, wanted, is_run);
	if (is_run) {
		folio = arena_extents_take_run(&fixture->extents, wanted);
		taken = folio ? wanted : 0;
	} else {
		folio = arena_extents_take(&fixture->extents, wanted, &taken);
	}
	KUNIT_ASSERT_EQ(test, taken, min(wanted, extent));
	if (!extent) {
		KUNIT_ASSERT_NULL(test, folio);
		return;
	}
	first = index_of(fixture, folio);
	KUNIT_ASSERT_GE(test, first, 0);
	KUNIT_ASSERT_LE(test, first + taken, NR_BLOCKS);
	for (i = first; i < first + taken; i++) {
		KUNIT_ASSERT_TRUE(test, fixture->is_free[i]);
		if (i > first)
			KUNIT_ASSERT_TRUE(test, are_adjacent(fixture, i - 1));
		KUNIT_ASSERT_NULL(test, memchr_inv(folio_address(fixture->blocks[i]),
						   0, sizeof(struct extent)));
		fixture->is_free[i] = false;
		fixture->nr_free--;
	}
	/* The blocks were the end of their extent; count those below them. */
	if (are_adjacent(fixture, i - 1))
		KUNIT_ASSERT_FALSE(test, fixture->is_free[i]);
	while (first > before && fixture->is_free[first - before - 1] &&
	       are_adjacent(fixture, first - before - 1))
		before++;
	KUNIT_ASSERT_EQ(test, before + taken, extent);
}

/**
 * arena_extents_are_consistent - check the invariants of a set
 * @extents: the set, locked by its owner
 *
 * Return: true if no two extents are adjacent and all counts are right.
 */
bool arena_extents_are_consistent(const struct arena_extents *extents)
{
	unsigned long nr_extents = 0, nr_blocks = 0, largest = 0;
	struct extent *extent;
	struct rb_node *node;
	void *end = NULL;

	for (node = rb_first(&extents->by_address); node; node = rb_next(node)) {
		extent = address_entry(node);
		if ((void *)extent <= end)
			return false;
		end = end_of(extent);
		nr_extents++;
		nr_blocks += extent->nr_blocks;
		largest = max(largest, extent->nr_blocks);
	}
	return extents->nr_blocks == nr_blocks &&
	       extents->nr_extents == nr_extents &&
	       arena_extents_largest(extents) == largest;
}

/* The set is consistent and has as many blocks as the model. */
static void expect_consistent(struct kunit *test)
{
	struct extents_fixture *fixture = test->priv;

	KUNIT_ASSERT_TRUE(test, arena_extents_are_consistent(&fixture->extents));
	KUNIT_ASSERT_EQ(test, fixture->extents.nr_blocks, fixture->nr_free);
}

static void empty_set_has_no_extent(struct kunit *test)
{
	take(test, 1, false);
	take(test, ULONG_MAX, false);
	take(test, 1, true);
	expect_consistent(test);
}

static void adjacent_blocks_form_one_extent(struct kunit *test)
{
	struct extents_fixture *fixture = test->priv;
	unsigned long nr_runs = 0;
	int i;

	/* Every other block, then the blocks in between. */
	for (i = 0; i < NR_BLOCKS; i += 2)
		add(fixture, i);
	expect_consistent(test);
	KUNIT_EXPECT_EQ(test, fixture->extents.nr_extents, NR_BLOCKS / 2);
	for (i = 1; i < NR_BLOCKS; i += 2)
		add(fixture, i);
	expect_consistent(test);
	for (i = 0; i < NR_BLOCKS; i++)
		nr_runs += !are_adjacent(fixture, i);
	KUNIT_EXPECT_EQ(test, fixture->extents.nr_extents, nr_runs);
	take(test, NR_BLOCKS + 1, true);
	take(test, NR_BLOCKS + 1, false);
	expect_consistent(test);
}

/* Take random numbers of blocks, and add blocks in random ranges. */
static void random_operations(struct kunit *test)
{
	struct extents_fixture *fixture = test->priv;
	u32 seed = get_random_u32();
	struct rnd_state rnd;
	int step, i, nr;

	kunit_info(test, "seed %u", seed);
	prandom_seed_state(&rnd, seed);
	for (i = 0; i < NR_BLOCKS; i++)
		add(fixture, i);
	for (step = 0; step < STEPS; step++) {
		if (prandom_u32_state(&rnd) % 2) {
			take(test, 1 + prandom_u32_state(&rnd) % 24,
			     prandom_u32_state(&rnd) % 4 == 0);
		} else {
			i = prandom_u32_state(&rnd) % NR_BLOCKS;
			nr = prandom_u32_state(&rnd) % 24;
			for (; nr && i < NR_BLOCKS; i++, nr--) {
				if (!fixture->is_free[i])
					add(fixture, i);
			}
		}
		if (step % 16 == 0)
			expect_consistent(test);
		cond_resched();
	}
	while (fixture->nr_free)
		take(test, NR_BLOCKS, false);
	expect_consistent(test);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&fixture->extents.by_address));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&fixture->extents.by_size.rb_root));
}

static struct kunit_case extents_cases[] = {
	KUNIT_CASE(empty_set_has_no_extent),
	KUNIT_CASE(adjacent_blocks_form_one_extent),
	KUNIT_CASE_SLOW(random_operations),
	{ }
};

static struct kunit_suite extents_suite = {
	.name = "arena_extents",
	.init = extents_init,
	.exit = extents_exit,
	.test_cases = extents_cases,
};

kunit_test_suite(extents_suite);
