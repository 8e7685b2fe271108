// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pool, without arenas: the object's source is part of this file, so that
 * its internals can be called.
 */
#include "../pool.c"

#include <kunit/test.h>
#include <linux/prandom.h>

/* A block of that node, ready, dirty or the page allocator's. */
static struct folio *get_from(int nid)
{
	struct folio *folio;
	LIST_HEAD(blocks);

	if (!arena_pool_take_ready(nid, 1, &blocks) &&
	    !arena_pool_take_dirty(nid, 1, &blocks))
		return arena_pool_alloc(nid, NULL);
	folio = list_first_entry(&blocks, struct folio, lru);
	list_del(&folio->lru);
	return folio;
}

static struct folio *get_any(void)
{
	return get_from(numa_mem_id());
}

/* What the worker would do, now. */
static void settle(int nid)
{
	while (zero_one(&pools[nid]) || READ_ONCE(pools[nid].nr_dirty))
		cond_resched();
}

static unsigned long total(bool quarantined)
{
	struct arena_pool_stats stats;
	unsigned long sum = 0;
	int nid;

	for_each_online_node(nid) {
		arena_pool_stats(nid, &stats);
		sum += quarantined ? stats.quarantined : stats.in_use;
	}
	return sum;
}

static void expect_counts(struct kunit *test, unsigned long in_use,
			  unsigned long quarantined)
{
	KUNIT_EXPECT_EQ(test, total(false), in_use);
	KUNIT_EXPECT_EQ(test, total(true), quarantined);
}

static void a_block_is_zeroed_and_on_its_node(struct kunit *test)
{
	struct arena_pool_stats stats;
	struct folio *folio;
	int nid, round;

	for_each_node_state(nid, N_MEMORY) {
		/* The second time it is likely the block just dirtied. */
		for (round = 0; round < 2; round++) {
			folio = get_from(nid);
			KUNIT_ASSERT_NOT_NULL(test, folio);
			KUNIT_EXPECT_EQ(test, folio_order(folio),
					ARENA_BLOCK_ORDER);
			KUNIT_EXPECT_EQ(test, folio_nid(folio), nid);
			KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
			KUNIT_EXPECT_NULL(test, folio->mapping);
			KUNIT_EXPECT_NULL(test, memchr_inv(folio_address(folio),
							   0, ARENA_BLOCK_SIZE));
			arena_pool_stats(nid, &stats);
			KUNIT_EXPECT_EQ(test, stats.in_use, 1);
			memset(folio_address(folio), 0x5a, ARENA_BLOCK_SIZE);
			arena_pool_put(folio);
			expect_counts(test, 0, 0);
		}
	}
}

static void what_is_put_becomes_ready(struct kunit *test)
{
	int nid = numa_mem_id();
	struct arena_pool_stats before, after;
	struct folio *folio;
	LIST_HEAD(blocks);

	folio = get_from(nid);
	KUNIT_ASSERT_NOT_NULL(test, folio);
	memset(folio_address(folio), 0x5a, ARENA_BLOCK_SIZE);
	settle(nid);
	arena_pool_stats(nid, &before);
	arena_pool_put(folio);
	settle(nid);
	arena_pool_stats(nid, &after);
	KUNIT_EXPECT_EQ(test, after.ready, before.ready + 1);
	KUNIT_EXPECT_EQ(test, after.zeroed, before.zeroed);

	/* All of them are zero now, and nobody waits for that. */
	KUNIT_EXPECT_EQ(test, arena_pool_take_ready(nid, after.ready, &blocks), after.ready);
	list_for_each_entry(folio, &blocks, lru) {
		KUNIT_EXPECT_EQ(test, folio_nid(folio), nid);
		KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
		KUNIT_EXPECT_NULL(test, memchr_inv(folio_address(folio), 0,
						   ARENA_BLOCK_SIZE));
	}
	arena_pool_stats(nid, &before);
	KUNIT_EXPECT_EQ(test, before.zeroed, after.zeroed);
	KUNIT_EXPECT_EQ(test, before.hits, after.hits + after.ready);
	while (!list_empty(&blocks)) {
		folio = list_first_entry(&blocks, struct folio, lru);
		list_del(&folio->lru);
		arena_pool_put(folio);
	}
	expect_counts(test, 0, 0);
}

static void a_run_is_adjacent(struct kunit *test)
{
	enum { NR = 8 };
	struct folio *folio, *next, *last = NULL;
	int nid = numa_mem_id(), nr = 0;
	LIST_HEAD(blocks);

	KUNIT_EXPECT_EQ(test, arena_pool_take_run(nid, ULONG_MAX >> ARENA_BLOCK_SHIFT,
						  &blocks), -ENOMEM);
	expect_counts(test, 0, 0);
	KUNIT_ASSERT_EQ(test, arena_pool_take_run(nid, NR, &blocks), 0);
	expect_counts(test, NR, 0);
	list_for_each_entry_safe(folio, next, &blocks, lru) {
		if (last)
			KUNIT_EXPECT_EQ(test, folio_pfn(folio),
					folio_pfn(last) + ARENA_BLOCK_PAGES);
		KUNIT_EXPECT_NULL(test, memchr_inv(folio_address(folio), 0,
						   ARENA_BLOCK_SIZE));
		last = folio;
		nr++;
	}
	KUNIT_EXPECT_EQ(test, nr, NR);
	list_for_each_entry_safe(folio, next, &blocks, lru) {
		list_del(&folio->lru);
		arena_pool_put(folio);
	}
	expect_counts(test, 0, 0);
}

static void the_watermarks_hold(struct kunit *test)
{
	enum { NR = 12, MAX = 5 };
	struct folio *folios[NR];
	struct arena_pool_stats stats;
	int nid = numa_mem_id(), i;

	arena_pool_set_watermarks(0, 0, MAX);
	for (i = 0; i < NR; i++) {
		folios[i] = get_from(nid);
		KUNIT_ASSERT_NOT_NULL(test, folios[i]);
	}
	for (i = 0; i < NR; i++)
		arena_pool_put(folios[i]);
	settle(nid);
	/* What was above the new watermark is for the worker to free. */
	while (trim_one(&pools[nid]))
		cond_resched();
	arena_pool_stats(nid, &stats);
	KUNIT_EXPECT_EQ(test, stats.ready + stats.dirty, MAX);

	/* Nothing is reserved, so that all of it is spare; then the reverse. */
	KUNIT_EXPECT_EQ(test, arena_pool_count(nid, ARENA_POOL_SPARE), MAX);
	KUNIT_EXPECT_EQ(test, arena_pool_count(nid, ARENA_POOL_RESERVE), 0);
	arena_pool_hold_off(nid);
	arena_pool_set_watermarks(0, MAX, MAX);
	KUNIT_EXPECT_EQ(test, arena_pool_count(nid, ARENA_POOL_SPARE), 0);
	KUNIT_EXPECT_EQ(test, arena_pool_shrink(nid, NR, ARENA_POOL_SPARE), 0);
	KUNIT_EXPECT_EQ(test, arena_pool_shrink(nid, 2, ARENA_POOL_RESERVE), 2);
	arena_pool_stats(nid, &stats);
	KUNIT_EXPECT_EQ(test, stats.ready + stats.dirty, MAX - 2);
	KUNIT_EXPECT_EQ(test, arena_pool_shrink(nid, NR, ARENA_POOL_RESERVE), MAX - 2);
	/* Held off, it is not refilled. */
	KUNIT_EXPECT_GT(test, refill_due(&pools[nid]), 0);
	KUNIT_EXPECT_FALSE(test, refill_one(&pools[nid]));
	arena_pool_stats(nid, &stats);
	KUNIT_EXPECT_EQ(test, stats.ready + stats.dirty, 0);
	arena_pool_set_watermarks(0, ARENA_POOL_AUTO, ARENA_POOL_AUTO);
}

static void who_holds_a_block_keeps_it(struct kunit *test)
{
	struct folio *folio = get_any();
	char *memory;

	KUNIT_ASSERT_NOT_NULL(test, folio);
	memory = folio_address(folio);
	memory[0] = 1;
	folio_get(folio);
	arena_pool_put(folio);
	expect_counts(test, 0, 1);

	recheck_quarantine(NULL);
	expect_counts(test, 0, 1);
	KUNIT_EXPECT_EQ(test, memory[0], 1);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 2);

	folio_put(folio);
	recheck_quarantine(NULL);
	expect_counts(test, 0, 0);
}

/* Nobody rechecks by hand outside of tests. */
static void the_worker_rechecks(struct kunit *test)
{
	struct folio *folio = get_any();

	KUNIT_ASSERT_NOT_NULL(test, folio);
	folio_get(folio);
	arena_pool_put(folio);
	folio_put(folio);
	expect_counts(test, 0, 1);
	flush_delayed_work(&quarantine_work);
	expect_counts(test, 0, 0);
}

static void exit_lets_go_of_held_blocks(struct kunit *test)
{
	struct folio *folio = get_any();

	KUNIT_ASSERT_NOT_NULL(test, folio);
	folio_get(folio);
	arena_pool_put(folio);
	arena_pool_exit();
	KUNIT_EXPECT_TRUE(test, list_empty(&quarantine_list));
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&quarantine_work));
	folio_put(folio);
	KUNIT_ASSERT_EQ(test, arena_pool_init(), 0);
}

static void a_poisoned_block_is_retired(struct kunit *test)
{
	unsigned long before = arena_pool_poisoned();
	struct folio *folio;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		kunit_skip(test, "no CONFIG_MEMORY_FAILURE");
	folio = get_any();
	KUNIT_ASSERT_NOT_NULL(test, folio);
	SetPageHWPoison(folio_page(folio, ARENA_BLOCK_PAGES - 1));
	arena_pool_put(folio);
	settle(folio_nid(folio));
	expect_counts(test, 0, 0);
	/* If the page allocator has it, it is no longer ours to look at. */
	KUNIT_ASSERT_EQ(test, arena_pool_poisoned(), before + 1);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
	ClearPageHWPoison(folio_page(folio, ARENA_BLOCK_PAGES - 1));
	folio_put(folio);
}

/* Random gets, holds, puts and ends of holds: the counters are exact. */
static void counters_are_exact(struct kunit *test)
{
	enum { SLOTS = 24, STEPS = 2000 };
	struct { struct folio *folio; bool in_use, held; } slots[SLOTS] = { };
	unsigned long in_use = 0, quarantined = 0;
	u32 seed = get_random_u32();
	struct rnd_state rnd;
	int step, i;

	kunit_info(test, "seed %u", seed);
	prandom_seed_state(&rnd, seed);
	for (step = 0; step < STEPS + SLOTS; step++) {
		/* In the end, back to nothing. */
		bool last = step >= STEPS;

		i = last ? step - STEPS : prandom_u32_state(&rnd) % SLOTS;
		if (!slots[i].folio && !last) {
			slots[i].folio = get_any();
			KUNIT_ASSERT_NOT_NULL(test, slots[i].folio);
			slots[i].in_use = true;
			in_use++;
			slots[i].held = prandom_u32_state(&rnd) % 2;
			if (slots[i].held)
				folio_get(slots[i].folio);
			continue;
		}
		if (slots[i].in_use) {
			arena_pool_put(slots[i].folio);
			slots[i].in_use = false;
			in_use--;
			quarantined += slots[i].held;
		}
		if (slots[i].held && (last || prandom_u32_state(&rnd) % 2)) {
			folio_put(slots[i].folio);
			slots[i].held = false;
			cancel_delayed_work_sync(&quarantine_work);
			recheck_quarantine(NULL);
			quarantined--;
		}
		if (!slots[i].held)
			slots[i].folio = NULL;
		if (total(false) != in_use || total(true) != quarantined)
			KUNIT_FAIL(test, "step %d: %lu/%lu in use, %lu/%lu quarantined",
				   step, total(false), in_use, total(true),
				   quarantined);
	}
	expect_counts(test, 0, 0);
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(a_block_is_zeroed_and_on_its_node),
	KUNIT_CASE(what_is_put_becomes_ready),
	KUNIT_CASE(a_run_is_adjacent),
	KUNIT_CASE(the_watermarks_hold),
	KUNIT_CASE(who_holds_a_block_keeps_it),
	KUNIT_CASE(the_worker_rechecks),
	KUNIT_CASE(exit_lets_go_of_held_blocks),
	KUNIT_CASE(a_poisoned_block_is_retired),
	KUNIT_CASE_SLOW(counters_are_exact),
	{ }
};

static int pool_suite_init(struct kunit_suite *suite)
{
	return arena_pool_init();
}

static void pool_suite_exit(struct kunit_suite *suite)
{
	arena_pool_exit();
}

static struct kunit_suite pool_suite = {
	.name = "arena_pool",
	.suite_init = pool_suite_init,
	.suite_exit = pool_suite_exit,
	.test_cases = pool_cases,
};

kunit_test_suite(pool_suite);

MODULE_DESCRIPTION("KUnit tests of arena");
MODULE_LICENSE("GPL");
