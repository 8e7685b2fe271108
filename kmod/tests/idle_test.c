// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of idle arenas, without files and VMAs: from which arenas blocks are taken, and when.
 * region.c is part of another object, region_test.c, which has access to its static functions.
 */
#include "../idle.c"

#include <kunit/test.h>

#include "../account.h"
#include "../cache.h"

#define ARENAS	4

struct idle_fixture {
	struct arena arenas[ARENAS];
	struct inode inodes[ARENAS];
	int nr;
};

static int idle_init(struct kunit *test)
{
	struct idle_fixture *fixture;
	int i;

	fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);
	if (!fixture)
		return -ENOMEM;
	test->priv = fixture;
	for (i = 0; i < ARENAS; i++) {
		struct arena *arena = &fixture->arenas[i];
		struct inode *inode = &fixture->inodes[i];

		address_space_init_once(&inode->i_data);
		inode->i_mapping = &inode->i_data;
		arena->inode = inode;
		arena->account = arena_account_create(false);
		if (!arena->account)
			return -ENOMEM;
		if (arena_region_init(arena)) {
			arena_account_close(arena->account);
			return -ENOMEM;
		}
		fixture->nr++;
	}
	return 0;
}

static void idle_exit(struct kunit *test)
{
	struct idle_fixture *fixture = test->priv;
	int i;

	for (i = 0; fixture && i < fixture->nr; i++) {
		arena_idle_destroy(&fixture->arenas[i]);
		arena_region_destroy(&fixture->arenas[i]);
	}
}

/* An arena with @nr blocks and the given state. */
static struct arena *make_arena(struct kunit *test, int i, unsigned long nr, u64 state)
{
	struct idle_fixture *fixture = test->priv;
	struct arena *arena = &fixture->arenas[i];
	unsigned long committed;

	KUNIT_ASSERT_EQ(test, make_control(arena), 0);
	if (nr)
		KUNIT_ASSERT_EQ(test, arena_region_commit(arena, 0,
							  nr << ARENA_BLOCK_SHIFT,
							  false, &committed), 0);
	WRITE_ONCE(arena->control->state, state);
	return arena;
}

static unsigned long count_all(void)
{
	unsigned long sum = 0;
	int nid;

	for_each_online_node(nid)
		sum += arena_idle_count(nid);
	return sum;
}

static unsigned long shrink_all(unsigned long nr)
{
	unsigned long sum = 0, done;
	int nid;

	for_each_online_node(nid) {
		if (sum < nr && arena_idle_shrink(nid, nr - sum, &done))
			sum += done;
	}
	return sum;
}

static u64 state_of(const struct arena *arena)
{
	return READ_ONCE(arena->control->state);
}

static void active_arena_is_not_taken(struct kunit *test)
{
	struct arena *active = make_arena(test, 0, 3, 4 | ARENA_STATE_ACTIVE);
	struct arena *other = make_arena(test, 1, 3, 4 | 3);
	struct arena *idle = make_arena(test, 2, 3, 4 | ARENA_STATE_IDLE);
	struct arena *taken = make_arena(test, 3, 2, 4 | ARENA_STATE_TAKEN);

	KUNIT_EXPECT_EQ(test, count_all(), 5);
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 5);
	KUNIT_EXPECT_EQ(test, count_all(), 0);
	KUNIT_EXPECT_EQ(test, active->nr_blocks, 3);
	KUNIT_EXPECT_EQ(test, state_of(active), 4 | ARENA_STATE_ACTIVE);
	KUNIT_EXPECT_EQ(test, other->nr_blocks, 3);
	KUNIT_EXPECT_EQ(test, state_of(other), 4 | 3);
	KUNIT_EXPECT_EQ(test, idle->nr_blocks, 0);
	KUNIT_EXPECT_EQ(test, arena_account_charged(idle->account), 0);
	KUNIT_EXPECT_EQ(test, taken->nr_blocks, 0);
	/* The time since when the arena has been idle is preserved. */
	KUNIT_EXPECT_EQ(test, state_of(idle), 4 | ARENA_STATE_TAKEN);
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 0);
}

static void oldest_idle_arena_is_taken_first(struct kunit *test)
{
	const unsigned long nr = BLOCKS_AT_ONCE;
	struct arena *young, *old, *oldest;

	young = make_arena(test, 0, nr, (300 << 2) | ARENA_STATE_IDLE);
	oldest = make_arena(test, 1, nr, (100 << 2) | ARENA_STATE_IDLE);
	old = make_arena(test, 2, nr, (200 << 2) | ARENA_STATE_IDLE);

	KUNIT_EXPECT_GT(test, shrink_all(1), 0);
	KUNIT_EXPECT_EQ(test, state_of(oldest) & ARENA_STATE_MASK, ARENA_STATE_TAKEN);
	KUNIT_EXPECT_EQ(test, state_of(old) & ARENA_STATE_MASK, ARENA_STATE_IDLE);
	KUNIT_EXPECT_EQ(test, state_of(young) & ARENA_STATE_MASK, ARENA_STATE_IDLE);
	KUNIT_EXPECT_EQ(test, shrink_all(2 * nr - (nr - oldest->nr_blocks)),
			nr + oldest->nr_blocks);
	KUNIT_EXPECT_EQ(test, oldest->nr_blocks, 0);
	KUNIT_EXPECT_EQ(test, old->nr_blocks, 0);
	KUNIT_EXPECT_EQ(test, young->nr_blocks, nr);
	KUNIT_EXPECT_EQ(test, state_of(young) & ARENA_STATE_MASK, ARENA_STATE_IDLE);
	KUNIT_EXPECT_EQ(test, count_all(), nr);
}

static void claim_ends_idleness(struct kunit *test)
{
	const unsigned long nr = 3 * BLOCKS_AT_ONCE;
	struct arena *arena = make_arena(test, 0, nr, 4 | ARENA_STATE_IDLE);
	struct arena_claim claim;
	unsigned long gone;

	gone = shrink_all(1);
	KUNIT_EXPECT_GE(test, gone, 1);
	KUNIT_ASSERT_EQ(test, arena_idle_claim(arena, &claim), 0);
	KUNIT_EXPECT_EQ(test, claim.taken, gone);
	KUNIT_EXPECT_EQ(test, claim.blocks, nr - gone);
	KUNIT_EXPECT_EQ(test, state_of(arena), ARENA_STATE_ACTIVE);
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 0);
	/* A claim that was undone is returned again. */
	arena_idle_undo_claim(arena, &claim);
	KUNIT_EXPECT_EQ(test, state_of(arena), 4 | ARENA_STATE_TAKEN);
	KUNIT_ASSERT_EQ(test, arena_idle_claim(arena, &claim), 0);
	KUNIT_EXPECT_EQ(test, claim.taken, gone);
	KUNIT_ASSERT_EQ(test, arena_idle_claim(arena, &claim), 0);
	KUNIT_EXPECT_EQ(test, claim.taken, 0);
	KUNIT_EXPECT_EQ(test, claim.blocks, nr - gone);
	/* Undoing a claim does not change a state that the program has set since. */
	WRITE_ONCE(arena->control->state, 8 | ARENA_STATE_IDLE);
	arena_idle_undo_claim(arena, &claim);
	KUNIT_EXPECT_EQ(test, state_of(arena), 8 | ARENA_STATE_IDLE);
}

/* Reclaim waits neither for a task that changes the arena nor for one that maps a block. */
static void busy_arena_is_skipped(struct kunit *test)
{
	struct arena *busy = make_arena(test, 0, 2, 4 | ARENA_STATE_IDLE);
	struct arena *free = make_arena(test, 1, 2, 8 | ARENA_STATE_IDLE);
	struct folio *folio;
	unsigned long nr;

	down_read(&busy->sem);
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 2);
	up_read(&busy->sem);
	KUNIT_EXPECT_EQ(test, free->nr_blocks, 0);
	/* The state of the busy arena is unchanged. */
	KUNIT_EXPECT_EQ(test, state_of(busy), 4 | ARENA_STATE_IDLE);

	folio = xa_load(&busy->slots, 1);
	folio_lock(folio);
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 1);
	KUNIT_EXPECT_PTR_EQ(test, (struct folio *)xa_load(&busy->slots, 1), folio);
	folio_unlock(folio);
	KUNIT_EXPECT_EQ(test, busy->nr_blocks, 1);
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 1);

	KUNIT_ASSERT_FALSE(test, test_and_set_bit_lock(0, &is_shrinking));
	KUNIT_EXPECT_FALSE(test, arena_idle_shrink(numa_mem_id(), 1, &nr));
	clear_bit_unlock(0, &is_shrinking);
}

static void frozen_arena_is_not_taken(struct kunit *test)
{
	struct arena *arena = make_arena(test, 0, 2, 4 | ARENA_STATE_IDLE);
	struct arena_claim claim;

	WRITE_ONCE(arena->is_frozen, true);
	KUNIT_EXPECT_EQ(test, count_all(), 0);
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 0);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 2);
	KUNIT_EXPECT_EQ(test, arena_idle_claim(arena, &claim), -EROFS);
}

/* A pinned block is neither taken nor lost, and its arena is not tried again for a while. */
static void pinned_blocks_are_not_taken(struct kunit *test)
{
	struct arena *arena = make_arena(test, 0, 2, 4 | ARENA_STATE_IDLE);
	struct folio *folios[2];
	int i;

	for (i = 0; i < 2; i++) {
		folios[i] = xa_load(&arena->slots, i);
		folio_get(folios[i]);
	}
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 0);
	KUNIT_EXPECT_EQ(test, arena->nr_blocks, 2);
	KUNIT_EXPECT_EQ(test, arena->nr_taken, 0);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_PTR_EQ(test, (struct folio *)xa_load(&arena->slots, i),
				    folios[i]);
		KUNIT_EXPECT_FALSE(test, folio_test_locked(folios[i]));
		folio_put(folios[i]);
	}
	KUNIT_EXPECT_TRUE(test, time_after(arena->idle.rests_until, jiffies));
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 0);
	arena->idle.rests_until = jiffies;
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 2);
}

/* Each call continues where the last one ended, and starts over after the last slot. */
static void taking_continues_after_the_last_slot(struct kunit *test)
{
	const unsigned long nr = 2 * BLOCKS_AT_ONCE;
	struct arena *arena = make_arena(test, 0, nr, 4 | ARENA_STATE_IDLE);
	struct folio *first = xa_load(&arena->slots, 0);
	unsigned long done;
	int nid = folio_nid(first);

	KUNIT_ASSERT_EQ(test, arena->node_blocks[nid], nr);
	folio_get(first);
	KUNIT_ASSERT_TRUE(test, arena_idle_shrink(nid, 1, &done));
	KUNIT_EXPECT_EQ(test, done, BLOCKS_AT_ONCE - 1);
	KUNIT_EXPECT_EQ(test, arena->take_index, BLOCKS_AT_ONCE);
	KUNIT_ASSERT_TRUE(test, arena_idle_shrink(nid, 1, &done));
	KUNIT_EXPECT_EQ(test, done, BLOCKS_AT_ONCE);
	folio_put(first);
	KUNIT_ASSERT_TRUE(test, arena_idle_shrink(nid, 1, &done));
	KUNIT_EXPECT_EQ(test, done, 1);
}

static void arena_with_many_mappings_is_not_taken(struct kunit *test)
{
	struct arena *arena = make_arena(test, 0, 2, 4 | ARENA_STATE_IDLE);
	atomic_t *mappings = &arena->inode->i_mapping->i_mmap_writable;

	atomic_set(mappings, MAX_REGIONS + 1);
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 0);
	KUNIT_EXPECT_EQ(test, state_of(arena), 4 | ARENA_STATE_IDLE);
	atomic_set(mappings, MAX_REGIONS);
	KUNIT_EXPECT_EQ(test, shrink_all(ULONG_MAX), 2);
	atomic_set(mappings, 0);
}

/* With many arenas, one call counts some of them, and the next call counts others. */
static void counting_is_bounded(struct kunit *test)
{
	enum { MANY = 3 * COUNTED_AT_ONCE + 1 };
	struct arena *many = kunit_kcalloc(test, MANY, sizeof(*many), GFP_KERNEL);
	struct idle_fixture *fixture = test->priv;
	struct arena_control *control;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, many);
	control = kunit_kzalloc(test, sizeof(*control), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, control);
	make_arena(test, 0, 3, 4 | ARENA_STATE_IDLE);
	KUNIT_EXPECT_EQ(test, count_all(), 3);
	/* Add many active arenas at the head of the list. */
	spin_lock(&idle_lock);
	for (i = 0; i < MANY; i++) {
		many[i].control = control;
		many[i].idle.counted_by = count_pass - 1;
		list_add(&many[i].idle.link, &arenas);
	}
	spin_unlock(&idle_lock);
	for (i = 0; i < 3; i++) {
		arena_idle_count(0);
		KUNIT_EXPECT_NE(test, fixture->arenas[0].idle.counted_by, count_pass);
		/* The last count holds until the current one is complete. */
		KUNIT_EXPECT_EQ(test, counts[0].last + counts[1].last, 3);
	}
	arena_idle_count(0);
	KUNIT_EXPECT_EQ(test, counts[0].last + counts[1].last, 3);
	spin_lock(&idle_lock);
	for (i = 0; i < MANY; i++)
		list_del(&many[i].idle.link);
	spin_unlock(&idle_lock);
}

static struct kunit_case idle_cases[] = {
	KUNIT_CASE(active_arena_is_not_taken),
	KUNIT_CASE(oldest_idle_arena_is_taken_first),
	KUNIT_CASE(claim_ends_idleness),
	KUNIT_CASE(busy_arena_is_skipped),
	KUNIT_CASE(frozen_arena_is_not_taken),
	KUNIT_CASE(pinned_blocks_are_not_taken),
	KUNIT_CASE(taking_continues_after_the_last_slot),
	KUNIT_CASE(arena_with_many_mappings_is_not_taken),
	KUNIT_CASE(counting_is_bounded),
	{}
};

static int idle_suite_init(struct kunit_suite *suite)
{
	return arena_idle_init() ?: arena_pool_init() ?: arena_cache_init();
}

static void idle_suite_exit(struct kunit_suite *suite)
{
	arena_cache_exit();
	arena_pool_exit();
	arena_idle_exit();
}

static struct kunit_suite idle_suite = {
	.name = "arena_idle",
	.suite_init = idle_suite_init,
	.suite_exit = idle_suite_exit,
	.init = idle_init,
	.exit = idle_exit,
	.test_cases = idle_cases,
};

kunit_test_suites(&idle_suite);
