// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of arena caches, without arenas. This file includes cache.c. Its object in
 * arena_kunit.ko also provides the caches that the other tests use.
 */
#include "../cache.c"

#include <kunit/test.h>
#include <linux/delay.h>

#define NR	6

struct cache_fixture {
	struct arena_account *account;
	struct arena_cache *cache;
	int nid;
};

static unsigned long nr_kept(int nid)
{
	struct arena_pool_stats stats;

	arena_pool_stats(nid, &stats);
	return stats.ready + stats.dirty + stats.cached;
}

/* Create a cache that holds all the blocks that its node may keep. */
static int cache_test_init(struct kunit *test)
{
	struct cache_fixture *fixture;
	struct folio *folio, *next;
	LIST_HEAD(blocks);
	int i;

	fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);
	if (!fixture)
		return -ENOMEM;
	test->priv = fixture;
	fixture->nid = numa_mem_id();
	fixture->account = arena_account_create(false);
	fixture->cache = arena_cache_create();
	if (!fixture->account || !fixture->cache ||
	    arena_account_charge(fixture->account, NR))
		return -ENOMEM;
	for (i = 0; i < NR; i++) {
		folio = arena_pool_alloc(fixture->nid, NULL);
		if (!folio)
			return -ENOMEM;
		list_add_tail(&folio->lru, &blocks);
	}
	arena_pool_set_watermarks(0, 0, NR);
	/* Empty the pool. A block that the worker is zeroing can be freed only after that. */
	while (nr_kept(fixture->nid))
		arena_pool_shrink(fixture->nid, ULONG_MAX, ARENA_POOL_SPARE);
	if (arena_pool_claim(fixture->nid, &blocks) != NR)
		return -EBUSY;
	list_for_each_entry_safe(folio, next, &blocks, lru) {
		list_del(&folio->lru);
		if (!arena_cache_put(fixture->cache, folio, fixture->account))
			return -EBUSY;
	}
	return 0;
}

static void cache_test_exit(struct kunit *test)
{
	struct cache_fixture *fixture = test->priv;

	if (!fixture)
		return;
	arena_cache_destroy(fixture->cache);
	if (fixture->account)
		arena_account_close(fixture->account);
	arena_pool_set_watermarks(0, ARENA_POOL_AUTO, ARENA_POOL_AUTO);
}

/* Make the first @nr blocks older, as if they had been put longer ago. */
static void age(struct cache_fixture *fixture, int nr)
{
	struct folio *folio;

	list_for_each_entry(folio, &fixture->cache->parts[fixture->nid].blocks, lru) {
		if (nr--)
			folio->index -= 2 * KEPT_AT_LEAST;
		else
			break;
	}
}

static void cached_blocks_stay_charged(struct kunit *test)
{
	struct cache_fixture *fixture = test->priv;
	unsigned long nr = NR;

	KUNIT_EXPECT_EQ(test, arena_account_charged(fixture->account), nr);
	while (arena_cache_evict(fixture->cache)) {
		KUNIT_EXPECT_EQ(test, arena_account_charged(fixture->account), --nr);
		KUNIT_EXPECT_EQ(test, arena_cache_size(fixture->cache), nr);
	}
	KUNIT_EXPECT_EQ(test, nr, 0);
}

static void reclaimed_blocks_are_uncharged(struct kunit *test)
{
	struct cache_fixture *fixture = test->priv;

	KUNIT_EXPECT_EQ(test, arena_cache_shrink(fixture->nid, 2), 2);
	KUNIT_EXPECT_EQ(test, arena_account_charged(fixture->account), NR - 2);
}

static void older_blocks_make_room(struct kunit *test)
{
	struct cache_fixture *fixture = test->priv;

	arena_cache_make_room(fixture->nid, NR);
	KUNIT_EXPECT_EQ(test, arena_cache_size(fixture->cache), NR);
	age(fixture, 3);
	/* The first call makes room for one block, so that the second call frees none. */
	arena_cache_make_room(fixture->nid, 1);
	KUNIT_EXPECT_EQ(test, arena_cache_size(fixture->cache), NR - 1);
	arena_cache_make_room(fixture->nid, 1);
	KUNIT_EXPECT_EQ(test, arena_cache_size(fixture->cache), NR - 1);
	arena_cache_make_room(fixture->nid, NR);
	KUNIT_EXPECT_EQ(test, arena_cache_size(fixture->cache), NR - 3);
	KUNIT_EXPECT_EQ(test, arena_account_charged(fixture->account), NR - 3);
}

/* The blocks of a cache that is in use do not protect those of the next one. */
static void younger_cache_is_skipped(struct kunit *test)
{
	struct cache_fixture *fixture = test->priv;
	struct arena_cache *other = arena_cache_create();
	struct folio *folio;
	LIST_HEAD(blocks);

	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_ASSERT_EQ(test, arena_cache_take(fixture->cache, fixture->nid, 1, &blocks), 1);
	KUNIT_ASSERT_EQ(test, arena_pool_claim(fixture->nid, &blocks), 1);
	folio = list_first_entry(&blocks, struct folio, lru);
	list_del(&folio->lru);
	KUNIT_ASSERT_TRUE(test, arena_cache_put(other, folio, fixture->account));
	folio->index -= 2 * KEPT_AT_LEAST;
	arena_cache_make_room(fixture->nid, 1);
	KUNIT_EXPECT_EQ(test, arena_cache_size(other), 0);
	KUNIT_EXPECT_EQ(test, arena_cache_size(fixture->cache), NR - 1);
	arena_cache_destroy(other);
}

static struct kunit_case cache_cases[] = {
	KUNIT_CASE(cached_blocks_stay_charged),
	KUNIT_CASE(reclaimed_blocks_are_uncharged),
	KUNIT_CASE(older_blocks_make_room),
	KUNIT_CASE(younger_cache_is_skipped),
	{ }
};

static int cache_suite_init(struct kunit_suite *suite)
{
	int err = arena_pool_init();

	if (err)
		return err;
	err = arena_cache_init();
	if (err)
		arena_pool_exit();
	return err;
}

static void cache_suite_exit(struct kunit_suite *suite)
{
	arena_cache_exit();
	arena_pool_exit();
}

static struct kunit_suite cache_suite = {
	.name = "arena_cache",
	.suite_init = cache_suite_init,
	.suite_exit = cache_suite_exit,
	.init = cache_test_init,
	.exit = cache_test_exit,
	.test_cases = cache_cases,
};

kunit_test_suite(cache_suite);
