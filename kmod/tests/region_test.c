// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of regions, without files and VMAs: the folio in each slot. No process maps
 * the inode.
 */
#define BATCH	3
#include "../region.c"

#include <kunit/test.h>
#include <linux/delay.h>

#define ALL	ALIGN_DOWN(MAX_LFS_FILESIZE, ARENA_BLOCK_SIZE)

/* For results that a test does not check. */
static unsigned long committed;

struct region_fixture {
	struct arena arena;
	struct inode inode;
};

static int region_init(struct kunit *test)
{
	struct region_fixture *fixture;

	fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);
	if (!fixture)
		return -ENOMEM;
	address_space_init_once(&fixture->inode.i_data);
	fixture->inode.i_mapping = &fixture->inode.i_data;
	fixture->arena.inode = &fixture->inode;
	fixture->arena.account = arena_account_create(false);
	if (!fixture->arena.account)
		return -ENOMEM;
	if (arena_region_init(&fixture->arena)) {
		arena_account_close(fixture->arena.account);
		return -ENOMEM;
	}
	test->priv = fixture;
	return 0;
}

static void region_exit(struct kunit *test)
{
	struct region_fixture *fixture = test->priv;

	if (fixture)
		arena_region_destroy(&fixture->arena);
}

static struct arena *arena_of(struct kunit *test)
{
	struct region_fixture *fixture = test->priv;

	return &fixture->arena;
}

static unsigned long in_use(void)
{
	struct arena_pool_stats stats;
	unsigned long sum = 0;
	int nid;

	for_each_online_node(nid) {
		arena_pool_stats(nid, &stats);
		sum += stats.in_use;
	}
	return sum;
}

static void commit_fills_the_slots(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	struct folio *folio;
	unsigned long i;

	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 7, 5, &committed), 0);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 5);
	KUNIT_EXPECT_EQ(test, in_use(), 5);
	for (i = 0; i < 20; i++) {
		folio = xa_load(&arena->slots, i);
		KUNIT_EXPECT_EQ(test, !!folio, i >= 7 && i < 12);
		if (folio)
			KUNIT_EXPECT_EQ(test, block_index(folio->index), i);
	}
}

static void commit_fills_only_what_is_empty(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	struct folio *folio;

	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 2, 2, &committed), 0);
	folio = xa_load(&arena->slots, 3);
	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 0, 6, &committed), 0);
	KUNIT_EXPECT_PTR_EQ(test, (struct folio *)xa_load(&arena->slots, 3), folio);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 6);
	KUNIT_EXPECT_EQ(test, in_use(), 6);
	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 0, 6, &committed), 0);
	KUNIT_EXPECT_EQ(test, in_use(), 6);
}

static void commit_is_all_or_nothing(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	unsigned long ram = totalram_pages() >> ARENA_BLOCK_ORDER;

	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 1, 1, &committed), 0);
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 0, ram + 1, &committed), -ENOMEM);
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 0, ULONG_MAX >> ARENA_BLOCK_SHIFT, &committed),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 0, ram, &committed), -ENOMEM);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 1);
	KUNIT_EXPECT_EQ(test, in_use(), 1);
	KUNIT_EXPECT_NULL(test, xa_load(&arena->slots, 0));
}

static void release_empties_the_slots(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	unsigned long released;

	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 0, 3, &committed), 0);
	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 1UL << 30, 2, &committed), 0);
	KUNIT_EXPECT_EQ(test, arena_region_release(arena, 0, ALL, false, &released), 0);
	KUNIT_EXPECT_EQ(test, released, 5);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 0);
	KUNIT_EXPECT_EQ(test, in_use(), 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&arena->slots));
	KUNIT_EXPECT_EQ(test, arena_region_release(arena, 0, ALL, false, &released), 0);
	KUNIT_EXPECT_EQ(test, released, 0);
}

static void contiguous_commit_is_one_extent(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	struct arena_ioc_region_info info = { .length = 8 * ARENA_BLOCK_SIZE };
	unsigned long nr = 0;
	u64 *nodes;

	nodes = kunit_kcalloc(test, nr_node_ids, sizeof(*nodes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	KUNIT_ASSERT_EQ(test, commit_contig(arena, 0, 8, &nr), 0);
	KUNIT_EXPECT_EQ(test, nr, 8);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 8);
	KUNIT_ASSERT_EQ(test, arena_region_info(arena, &info, nodes), 0);
	KUNIT_EXPECT_EQ(test, info.resident, 8);
	KUNIT_EXPECT_EQ(test, info.extents, 1);
	KUNIT_EXPECT_EQ(test, info.largest, 8);
	KUNIT_EXPECT_EQ(test, info.mapped, 0);
	KUNIT_EXPECT_EQ(test, nodes[numa_mem_id()], 8);

	/* The range must be empty. */
	KUNIT_EXPECT_EQ(test, commit_contig(arena, 7, 2, &nr), -EEXIST);
	KUNIT_EXPECT_EQ(test, commit_contig(arena, 8, totalram_pages(), &nr), -ENOMEM);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 8);
	KUNIT_EXPECT_EQ(test, in_use(), 8);
}

static void kept_blocks_return_to_their_arena(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	unsigned long released;
	struct folio *folio;

	KUNIT_ASSERT_EQ(test, arena_region_set_flags(arena, BIT(3)), -EINVAL);
	KUNIT_ASSERT_EQ(test, arena_region_set_flags(arena, ARENA_F_KEEP_DIRTY), 0);
	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 0, 1, &committed), 0);
	folio = xa_load(&arena->slots, 0);
	strscpy(folio_address(folio), "mine", ARENA_BLOCK_SIZE);
	KUNIT_ASSERT_EQ(test, arena_region_release(arena, 0, ALL, false, &released), 0);
	KUNIT_EXPECT_EQ(test, arena_cache_size(arena->cache), 1);
	KUNIT_EXPECT_EQ(test, in_use(), 0);
	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 5, 1, &committed), 0);
	KUNIT_EXPECT_PTR_EQ(test, (struct folio *)xa_load(&arena->slots, 5), folio);
	KUNIT_EXPECT_STREQ(test, (char *)folio_address(folio), "mine");

	/* Without the flag, the cache is emptied and new blocks are zeroed. */
	KUNIT_ASSERT_EQ(test, arena_region_release(arena, 0, ALL, false, &released), 0);
	KUNIT_ASSERT_EQ(test, arena_region_set_flags(arena, 0), 0);
	KUNIT_EXPECT_EQ(test, arena_cache_size(arena->cache), 0);
	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 0, 1, &committed), 0);
	folio = xa_load(&arena->slots, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(folio_address(folio), 0, ARENA_BLOCK_SIZE));
}

static void release_takes_its_range(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	unsigned long released, i;

	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 0, 8, &committed), 0);
	KUNIT_EXPECT_EQ(test, arena_region_release(arena, 2 * ARENA_BLOCK_SIZE,
						   3 * ARENA_BLOCK_SIZE, false, &released), 0);
	KUNIT_EXPECT_EQ(test, released, 3);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 5);
	KUNIT_EXPECT_EQ(test, in_use(), 5);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, !xa_load(&arena->slots, i), i >= 2 && i < 5);
	/* Empty slots do not count as released. */
	KUNIT_EXPECT_EQ(test, arena_region_release(arena, 4 * ARENA_BLOCK_SIZE,
						   ALL - 4 * ARENA_BLOCK_SIZE,
						   false, &released), 0);
	KUNIT_EXPECT_EQ(test, released, 3);
	KUNIT_EXPECT_EQ(test, arena_region_release(arena, ALL, ARENA_BLOCK_SIZE,
						   false, &released), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, arena_region_release(arena, U64_MAX << ARENA_BLOCK_SHIFT,
						   ALL, false, &released), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 2);
}

static void slot_lookup_takes_reference_and_lock(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	struct folio *folio;
	bool is_locked;

	KUNIT_EXPECT_NULL(test, get_slot(arena, 4, &is_locked));
	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 4, 1, &committed), 0);
	folio = get_slot(arena, 4, &is_locked);
	KUNIT_ASSERT_NOT_NULL(test, folio);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 2);
	KUNIT_EXPECT_TRUE(test, is_locked);
	/* get_slot() does not wait for the lock, and takes a reference without it. */
	KUNIT_EXPECT_PTR_EQ(test, get_slot(arena, 4, &is_locked), folio);
	KUNIT_EXPECT_FALSE(test, is_locked);
	folio_put(folio);
	folio_unlock(folio);
	folio_put(folio);
}

static int fill(struct arena *arena, unsigned long first, unsigned long nr,
		struct list_head *blocks, struct list_head *unneeded)
{
	int err;

	down_write(&arena->sem);
	err = fill_slots_locked(arena, first, nr, blocks, unneeded, &committed);
	up_write(&arena->sem);
	return err;
}

static unsigned long count_filled(struct arena *arena, unsigned long first, unsigned long nr)
{
	unsigned long filled;

	down_read(&arena->sem);
	filled = count_filled_locked(arena, first, nr);
	up_read(&arena->sem);
	return filled;
}

static void slot_filled_concurrently_needs_no_block(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	LIST_HEAD(unneeded);
	LIST_HEAD(blocks);

	/* The range crosses a boundary between nodes of the xarray. */
	KUNIT_ASSERT_EQ(test, propose_blocks(arena, &arena->policy, 61, 6, &blocks), 0);
	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 63, 2, &committed), 0);
	KUNIT_EXPECT_EQ(test, fill(arena, 61, 6, &blocks, &unneeded), 0);
	KUNIT_EXPECT_EQ(test, committed, 4);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 6);
	KUNIT_EXPECT_EQ(test, count_filled(arena, 61, 6), 6);
	KUNIT_EXPECT_TRUE(test, list_empty(&blocks));
	KUNIT_EXPECT_EQ(test, index_of(unneeded.next), 63);
	KUNIT_EXPECT_EQ(test, index_of(unneeded.prev), 64);
	arena_blocks_put(arena, &unneeded);
	KUNIT_EXPECT_EQ(test, in_use(), 6);
}

static void slot_emptied_concurrently_needs_block(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	unsigned long released;
	struct folio *last;
	LIST_HEAD(unneeded);
	LIST_HEAD(blocks);

	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 1, 2, &committed), 0);
	KUNIT_ASSERT_EQ(test, propose_blocks(arena, &arena->policy, 0, 4, &blocks), 0);
	last = list_last_entry(&blocks, struct folio, lru);
	KUNIT_ASSERT_EQ(test, arena_region_release(arena, 0, ALL, false, &released), 0);
	KUNIT_EXPECT_EQ(test, fill(arena, 0, 4, &blocks, &unneeded), -EAGAIN);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&arena->slots));

	/* The blocks proposed for the other slots are still on the list. */
	KUNIT_ASSERT_EQ(test, propose_blocks(arena, &arena->policy, 0, 4, &blocks), 0);
	KUNIT_EXPECT_EQ(test, in_use(), 4);
	KUNIT_EXPECT_EQ(test, fill(arena, 0, 4, &blocks, &unneeded), 0);
	KUNIT_EXPECT_EQ(test, committed, 4);
	KUNIT_EXPECT_PTR_EQ(test, (struct folio *)xa_load(&arena->slots, 3), last);
	KUNIT_EXPECT_TRUE(test, list_empty(&unneeded));
}

static void taking_is_bounded_in_distance(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	int nid, taken[3];
	LIST_HEAD(blocks);
	int i;

	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 0, 1, &committed), 0);
	KUNIT_ASSERT_EQ(test, commit_blocks(arena, MAX_DISTANCE - 1, 2, &committed), 0);
	nid = folio_nid((struct folio *)xa_load(&arena->slots, 0));
	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		down_write(&arena->sem);
		arena_region_take_locked(arena, nid, 3, &blocks);
		up_write(&arena->sem);
		taken[i] = list_count_nodes(&blocks);
	}
	arena_blocks_put(arena, &blocks);
	KUNIT_EXPECT_EQ(test, taken[0], 2);
	KUNIT_EXPECT_EQ(test, taken[1], 3);
	KUNIT_EXPECT_EQ(test, taken[2], 3);
}

static void offsets_beyond_file_are_refused(struct kunit *test)
{
	unsigned long end = (MAX_LFS_FILESIZE >> PAGE_SHIFT) & ~(ARENA_BLOCK_PAGES - 1);

	KUNIT_EXPECT_TRUE(test, is_in_file(0, ARENA_BLOCK_SIZE));
	KUNIT_EXPECT_TRUE(test, is_in_file(end - ARENA_BLOCK_PAGES, ARENA_BLOCK_SIZE));
	KUNIT_EXPECT_FALSE(test, is_in_file(end, ARENA_BLOCK_SIZE));
	KUNIT_EXPECT_FALSE(test, is_in_file(ULONG_MAX - 511, ARENA_BLOCK_SIZE));
}

static void commit_stays_within_limit(struct kunit *test)
{
	struct arena *arena = arena_of(test);

	KUNIT_ASSERT_EQ(test, arena_account_lower_limit(arena->account, 4), 0);
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 0, 5, &committed), -EDQUOT);
	KUNIT_EXPECT_EQ(test, commit_contig(arena, 0, 5, &committed), -EDQUOT);
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 1, 2, &committed), 0);
	/* A range that is partly committed, and whose empty slots exceed the limit. */
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 0, 6, &committed), -EDQUOT);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 2);
	KUNIT_EXPECT_EQ(test, in_use(), 2);
	KUNIT_EXPECT_EQ(test, arena_account_charged(arena->account), 2);
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 0, 4, &committed), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charged(arena->account), 4);
}

static void held_blocks_stay_charged(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	struct folio *folio;
	unsigned long nr;
	int i;

	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 0, 3, &committed), 0);
	folio = xa_load(&arena->slots, 1);
	folio_get(folio);
	KUNIT_ASSERT_EQ(test, arena_region_release(arena, 0, ALL, false, &nr), 0);
	KUNIT_EXPECT_EQ(test, nr, 3);
	KUNIT_EXPECT_EQ(test, arena_account_charged(arena->account), 1);
	folio_put(folio);
	for (i = 0; i < 3000 && arena_account_charged(arena->account); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, arena_account_charged(arena->account), 0);
}

/* Commit a slot as the fault handler does. */
static int touch_slot(struct arena *arena, unsigned long index)
{
	unsigned long nr;

	return commit_slots(arena, index, 1, true, &nr);
}

static void touch_does_not_commit_sealed_slot(struct kunit *test)
{
	struct arena *arena = arena_of(test);
	unsigned long nr;

	KUNIT_ASSERT_EQ(test, commit_blocks(arena, 0, 8, &committed), 0);
	KUNIT_ASSERT_EQ(test, arena_region_release(arena, 2 * ARENA_BLOCK_SIZE,
						   4 * ARENA_BLOCK_SIZE, true, &nr), 0);
	KUNIT_EXPECT_EQ(test, nr, 4);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, 1), 0);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, 2), -EPERM);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, 5), -EPERM);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, 6), 0);
	KUNIT_EXPECT_EQ(test, in_use(), 4);
	/* A commit by a call breaks the seals of its range, and no others. */
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 3, 2, &nr), 0);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, 2), -EPERM);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, 5), -EPERM);
	KUNIT_ASSERT_EQ(test, arena_region_release(arena, 3 * ARENA_BLOCK_SIZE,
						   ARENA_BLOCK_SIZE, false, &nr), 0);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, 3), 0);
	/* A commit that fails breaks none. */
	KUNIT_ASSERT_EQ(test, arena_account_lower_limit(arena->account, 7), 0);
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 2, 8, &nr), -EDQUOT);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, 2), -EPERM);
	/* Seal the whole file, including empty slots. */
	KUNIT_ASSERT_EQ(test, arena_region_release(arena, 0, ALL, true, &nr), 0);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, 1UL << 30), -EPERM);
	KUNIT_EXPECT_EQ(test, commit_blocks(arena, 1UL << 30, 1, &nr), 0);
	KUNIT_EXPECT_EQ(test, touch_slot(arena, (1UL << 30) + 1), -EPERM);
}

static struct kunit_case region_cases[] = {
	KUNIT_CASE(commit_fills_the_slots),
	KUNIT_CASE(commit_fills_only_what_is_empty),
	KUNIT_CASE_SLOW(commit_is_all_or_nothing),
	KUNIT_CASE(release_empties_the_slots),
	KUNIT_CASE(release_takes_its_range),
	KUNIT_CASE(contiguous_commit_is_one_extent),
	KUNIT_CASE(kept_blocks_return_to_their_arena),
	KUNIT_CASE(slot_lookup_takes_reference_and_lock),
	KUNIT_CASE(slot_filled_concurrently_needs_no_block),
	KUNIT_CASE(slot_emptied_concurrently_needs_block),
	KUNIT_CASE(taking_is_bounded_in_distance),
	KUNIT_CASE(offsets_beyond_file_are_refused),
	KUNIT_CASE(commit_stays_within_limit),
	KUNIT_CASE(held_blocks_stay_charged),
	KUNIT_CASE(touch_does_not_commit_sealed_slot),
	{ }
};

static int region_suite_init(struct kunit_suite *suite)
{
	int err = arena_pool_init();

	if (err)
		return err;
	err = arena_cache_init();
	if (err)
		arena_pool_exit();
	return err;
}

static void region_suite_exit(struct kunit_suite *suite)
{
	arena_cache_exit();
	arena_pool_exit();
}

static struct kunit_suite region_suite = {
	.name = "arena_region",
	.suite_init = region_suite_init,
	.suite_exit = region_suite_exit,
	.init = region_init,
	.exit = region_exit,
	.test_cases = region_cases,
};

kunit_test_suite(region_suite);
