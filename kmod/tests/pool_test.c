// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the pool, without arenas. This file includes pool.c, so that it can call
 * static functions.
 */
#include "../pool.c"

#include "extents_test.h"

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/prandom.h>

/* Take a block of a node from its pool, or from the page allocator if the pool has none. */
static struct folio *get_from(int nid)
{
	unsigned long zeroed = 0;
	struct folio *folio;
	LIST_HEAD(blocks);

	if (!arena_pool_take(nid, 1, &blocks, &zeroed, false))
		return arena_pool_alloc(nid, NULL);
	folio = list_first_entry(&blocks, struct folio, lru);
	list_del(&folio->lru);
	return folio;
}

/* Put blocks of one node. Returns the number of blocks that were not quarantined. */
static unsigned long put_all(struct list_head *blocks)
{
	int nid = folio_nid(list_first_entry(blocks, struct folio, lru));
	unsigned long claimed = arena_pool_claim(nid, blocks);

	arena_pool_put_all(nid, blocks, claimed);
	return claimed;
}

static void put_block(struct folio *folio)
{
	LIST_HEAD(blocks);

	list_add(&folio->lru, &blocks);
	put_all(&blocks);
}

static struct folio *get_any(void)
{
	return get_from(numa_mem_id());
}

/* Zero all dirty blocks now, as the worker would. */
static void settle(int nid)
{
	while (zero_one(&pools[nid]) || READ_ONCE(pools[nid].nr_dirty))
		cond_resched();
}

/* Free the blocks above the high watermark now, as the worker would. */
static void trim(int nid)
{
	while (trim_one(&pools[nid]))
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

static void block_is_zeroed_and_on_its_node(struct kunit *test)
{
	struct arena_pool_stats stats;
	struct folio *folio;
	int nid, round;

	for_each_node_state(nid, N_MEMORY) {
		/* In the second round, it is probably the block that the first one dirtied. */
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
			put_block(folio);
			expect_counts(test, 0, 0);
		}
	}
}

static void put_block_becomes_ready(struct kunit *test)
{
	int nid = numa_mem_id();
	struct arena_pool_stats before, after;
	unsigned long zeroed = 0;
	struct folio *folio;
	LIST_HEAD(blocks);

	folio = get_from(nid);
	KUNIT_ASSERT_NOT_NULL(test, folio);
	memset(folio_address(folio), 0x5a, ARENA_BLOCK_SIZE);
	settle(nid);
	arena_pool_stats(nid, &before);
	put_block(folio);
	settle(nid);
	arena_pool_stats(nid, &after);
	KUNIT_EXPECT_EQ(test, after.ready, before.ready + 1);
	KUNIT_EXPECT_EQ(test, after.zeroed, before.zeroed);

	/* All blocks are zeroed now, so that taking them zeroes none. */
	KUNIT_EXPECT_EQ(test, arena_pool_take(nid, after.ready, &blocks, &zeroed, false),
			after.ready);
	KUNIT_EXPECT_EQ(test, zeroed, 0);
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
		put_block(folio);
	}
	expect_counts(test, 0, 0);
}

static void run_is_one_extent(struct kunit *test)
{
	enum { NR = 8 };
	struct folio *folio, *next, *last = NULL;
	int nid = numa_mem_id(), nr = 0;
	unsigned long zeroed = 0;
	LIST_HEAD(blocks);

	KUNIT_EXPECT_EQ(test, arena_pool_take_run(nid, ULONG_MAX >> ARENA_BLOCK_SHIFT,
						  &blocks, &zeroed), -ENOMEM);
	expect_counts(test, 0, 0);
	KUNIT_ASSERT_EQ(test, arena_pool_take_run(nid, NR, &blocks, &zeroed), 0);
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
		put_block(folio);
	}
	expect_counts(test, 0, 0);
}

static void reserve_is_deferred_once(struct kunit *test)
{
	struct node_pool *pool = &pools[numa_mem_id()];
	unsigned long until;

	arena_pool_hold_off(pool->nid, ARENA_POOL_SPARE);
	until = READ_ONCE(pool->refill_after);
	KUNIT_EXPECT_TRUE(test, time_after(until, jiffies));
	schedule_timeout_uninterruptible(2);
	arena_pool_hold_off(pool->nid, ARENA_POOL_RESERVE);
	KUNIT_EXPECT_EQ(test, READ_ONCE(pool->refill_after), until);
	arena_pool_hold_off(pool->nid, ARENA_POOL_SPARE);
	KUNIT_EXPECT_TRUE(test, time_after(READ_ONCE(pool->refill_after), until));
	/* The first scan of the reserve does defer it, even if another delay is pending. */
	WRITE_ONCE(pool->held_off_until, jiffies);
	WRITE_ONCE(pool->refill_after, jiffies + REFILL_DELAY);
	arena_pool_hold_off(pool->nid, ARENA_POOL_RESERVE);
	KUNIT_EXPECT_TRUE(test, time_after(READ_ONCE(pool->refill_after),
					   jiffies + REFILL_HOLD_OFF / 2));
}

/* As if the thread that zeroes a block never got a CPU. */
static void endless_zeroing_is_not_waited_for(struct kunit *test)
{
	struct node_pool *pool = &pools[numa_mem_id()];
	const nodemask_t node = nodemask_of_node(pool->nid);
	unsigned long misses, until = 0, zeroed = 0, tries;
	struct arena_pool_stats stats;
	LIST_HEAD(blocks);

	spin_lock(&pool->lock);
	pool->nr_dirty++;
	spin_unlock(&pool->lock);
	for (tries = 0; tries < 20 * ZEROING_PATIENCE; tries++) {
		if (!arena_pool_wait(&node, &until))
			break;
		schedule_timeout_killable(1);
	}
	/* Undo that, since settle() waits until no block is dirty. */
	spin_lock(&pool->lock);
	pool->nr_dirty--;
	spin_unlock(&pool->lock);
	KUNIT_EXPECT_GT(test, tries, 0);
	KUNIT_EXPECT_LT(test, tries, 20 * ZEROING_PATIENCE);

	/* A retry counts no misses. The pool must not be refilled until the end. */
	arena_pool_hold_off(pool->nid, ARENA_POOL_SPARE);
	arena_pool_stats(pool->nid, &stats);
	misses = stats.misses;
	settle(pool->nid);
	arena_pool_stats(pool->nid, &stats);
	KUNIT_EXPECT_EQ(test, arena_pool_take(pool->nid, stats.ready, &blocks, &zeroed, true),
			stats.ready);
	KUNIT_EXPECT_EQ(test, arena_pool_take(pool->nid, 10, &blocks, &zeroed, true), 0);
	arena_pool_stats(pool->nid, &stats);
	KUNIT_EXPECT_EQ(test, stats.misses, misses);
	arena_pool_take(pool->nid, 10, &blocks, &zeroed, false);
	arena_pool_stats(pool->nid, &stats);
	KUNIT_EXPECT_EQ(test, stats.misses, misses + 10);
	if (!list_empty(&blocks))
		put_all(&blocks);
	expect_counts(test, 0, 0);
}

static void watermarks_are_obeyed(struct kunit *test)
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
	trim(nid);
	for (i = 0; i < NR; i++) {
		put_block(folios[i]);
		arena_pool_stats(nid, &stats);
		KUNIT_EXPECT_LE(test, stats.ready + stats.dirty, MAX);
	}
	KUNIT_EXPECT_EQ(test, stats.ready + stats.dirty, MAX);
	settle(nid);

	/* With a low watermark of zero all blocks are spare. Then the reverse. */
	KUNIT_EXPECT_EQ(test, arena_pool_count(nid, ARENA_POOL_SPARE), MAX);
	KUNIT_EXPECT_EQ(test, arena_pool_count(nid, ARENA_POOL_RESERVE), 0);
	arena_pool_hold_off(nid, ARENA_POOL_SPARE);
	arena_pool_set_watermarks(0, MAX, MAX);
	KUNIT_EXPECT_EQ(test, arena_pool_count(nid, ARENA_POOL_SPARE), 0);
	KUNIT_EXPECT_EQ(test, arena_pool_shrink(nid, NR, ARENA_POOL_SPARE), 0);
	KUNIT_EXPECT_EQ(test, arena_pool_shrink(nid, 2, ARENA_POOL_RESERVE), 2);
	arena_pool_stats(nid, &stats);
	KUNIT_EXPECT_EQ(test, stats.ready + stats.dirty, MAX - 2);
	KUNIT_EXPECT_EQ(test, arena_pool_shrink(nid, NR, ARENA_POOL_RESERVE), MAX - 2);
	/* The pool is not refilled while refills are deferred. */
	KUNIT_EXPECT_GT(test, refill_due(&pools[nid]), 0);
	KUNIT_EXPECT_FALSE(test, refill_one(&pools[nid]));
	arena_pool_stats(nid, &stats);
	KUNIT_EXPECT_EQ(test, stats.ready + stats.dirty, 0);
	arena_pool_set_watermarks(0, ARENA_POOL_AUTO, ARENA_POOL_AUTO);
}

static void given_up_reserve_is_spare(struct kunit *test)
{
	enum { NR = 4 };
	int nid = numa_mem_id(), i;

	arena_pool_hold_off(nid, ARENA_POOL_SPARE);
	arena_pool_set_watermarks(0, NR, NR);
	trim(nid);
	for (i = 0; i < NR; i++)
		grow_pool(&pools[nid], __GFP_RECLAIM);
	settle(nid);
	KUNIT_ASSERT_EQ(test, arena_pool_count(nid, ARENA_POOL_RESERVE), NR);
	KUNIT_ASSERT_EQ(test, arena_pool_count(nid, ARENA_POOL_SPARE), 0);
	KUNIT_EXPECT_EQ(test, arena_pool_give_up(nid), NR);
	KUNIT_EXPECT_EQ(test, arena_pool_count(nid, ARENA_POOL_RESERVE), 0);
	KUNIT_EXPECT_EQ(test, arena_pool_count(nid, ARENA_POOL_SPARE), NR);
	/* A second call must not report the same blocks again. */
	KUNIT_EXPECT_EQ(test, arena_pool_give_up(nid), 0);
	KUNIT_EXPECT_EQ(test, arena_pool_shrink(nid, 1, ARENA_POOL_SPARE), 1);
	KUNIT_EXPECT_GT(test, refill_due(&pools[nid]), 0);
	/* After the period, the blocks are the reserve again. */
	spin_lock(&pools[nid].lock);
	pools[nid].given_up_until = jiffies;
	spin_unlock(&pools[nid].lock);
	KUNIT_EXPECT_EQ(test, arena_pool_count(nid, ARENA_POOL_RESERVE), NR - 1);
	arena_pool_set_watermarks(0, ARENA_POOL_AUTO, ARENA_POOL_AUTO);
}

static bool sleeps_though_refill_is_due(struct node_pool *pool)
{
	return READ_ONCE(pool->worker->__state) == TASK_IDLE && !refill_due(pool);
}

/* A pool whose worker sleeps without a timeout, because it was full, is refilled. */
static void pool_refills_after_shrinking(struct kunit *test)
{
	enum { NR = 4, ENOUGH = 20 };
	struct arena_pool_stats stats;
	int nid = numa_mem_id(), i, asleep = 0;
	unsigned long since;

	arena_pool_set_watermarks(0, NR, NR);
	trim(nid);
	for (i = 0; i < NR; i++)
		grow_pool(&pools[nid], __GFP_RECLAIM);
	settle(nid);
	/* Cancel delays that earlier tests have caused. */
	spin_lock(&pools[nid].lock);
	pools[nid].refill_after = jiffies;
	pools[nid].retry = REFILL_RETRY;
	spin_unlock(&pools[nid].lock);
	since = jiffies;
	arena_pool_hold_off(nid, ARENA_POOL_SPARE);
	/* The worker goes to sleep, because there is nothing to do. */
	msleep(100);
	KUNIT_EXPECT_EQ(test, arena_pool_shrink(nid, NR, ARENA_POOL_RESERVE), NR);
	arena_pool_stats(nid, &stats);
	KUNIT_EXPECT_EQ(test, stats.ready + stats.dirty, 0);
	/* The worker's delay grows with each attempt that finds no block. */
	while (stats.ready < NR && time_before(jiffies, since + 60 * REFILL_HOLD_OFF)) {
		msleep(100);
		/* The timer's interrupt ends TASK_IDLE, so a busy machine does not delay it. */
		asleep = sleeps_though_refill_is_due(&pools[nid]) ? asleep + 1 : 0;
		if (asleep == ENOUGH)
			break;
		arena_pool_stats(nid, &stats);
	}
	KUNIT_EXPECT_EQ(test, stats.ready, NR);
	KUNIT_EXPECT_GE(test, jiffies - since, REFILL_HOLD_OFF);
	arena_pool_set_watermarks(0, ARENA_POOL_AUTO, ARENA_POOL_AUTO);
}

static void node_limit_is_met_exactly(struct kunit *test)
{
	enum { LIMIT = 5 };
	int nid = numa_mem_id(), nr = 0;
	nodemask_t nodes = nodemask_of_node(nid);
	struct folio *folios[LIMIT], *folio;
	unsigned long zeroed = 0;
	LIST_HEAD(blocks);

	arena_pool_set_limit(LIMIT);
	KUNIT_EXPECT_EQ(test, arena_pool_take_run(nid, LIMIT + 1, &blocks, &zeroed), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, list_empty(&blocks));
	while (nr < LIMIT && (folio = get_from(nid)))
		folios[nr++] = folio;
	KUNIT_ASSERT_EQ(test, nr, LIMIT);
	KUNIT_EXPECT_NULL(test, get_from(nid));
	KUNIT_EXPECT_NULL(test, arena_pool_alloc(nid, &nodes));
	KUNIT_EXPECT_EQ(test, arena_pool_hold(nid, 1), 0);
	expect_counts(test, LIMIT, 0);

	/* A quarantined block counts against the limit. */
	folio_get(folios[0]);
	put_block(folios[0]);
	expect_counts(test, LIMIT - 1, 1);
	KUNIT_EXPECT_NULL(test, get_from(nid));
	folio_put(folios[0]);
	cancel_delayed_work_sync(&quarantine_work);
	recheck_quarantine(NULL);
	folios[0] = get_from(nid);
	KUNIT_EXPECT_NOT_NULL(test, folios[0]);
	while (nr)
		put_block(folios[--nr]);
	arena_pool_set_limit(ARENA_POOL_UNLIMITED);
	expect_counts(test, 0, 0);
}

static void held_block_is_not_reused(struct kunit *test)
{
	struct folio *folio = get_any();
	char *memory;

	KUNIT_ASSERT_NOT_NULL(test, folio);
	memory = folio_address(folio);
	memory[0] = 1;
	folio_get(folio);
	put_block(folio);
	expect_counts(test, 0, 1);

	recheck_quarantine(NULL);
	expect_counts(test, 0, 1);
	KUNIT_EXPECT_EQ(test, memory[0], 1);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 2);

	folio_put(folio);
	recheck_quarantine(NULL);
	expect_counts(test, 0, 0);
}

static void node_without_worker_keeps_nothing(struct kunit *test)
{
	struct node_pool *pool = &pools[numa_mem_id()];
	struct arena_pool_stats before, after;
	struct folio *held, *other;
	struct task_struct *worker;

	/* Leave no work for the worker thread, which keeps running. */
	arena_pool_set_watermarks(0, 0, 4);
	held = get_from(pool->nid);
	other = get_from(pool->nid);
	KUNIT_ASSERT_NOT_NULL(test, held);
	KUNIT_ASSERT_NOT_NULL(test, other);
	trim(pool->nid);
	settle(pool->nid);
	arena_pool_stats(pool->nid, &before);
	spin_lock(&pool->lock);
	worker = pool->worker;
	pool->worker = NULL;
	spin_unlock(&pool->lock);
	folio_get(held);
	put_block(held);
	put_block(other);
	arena_pool_stats(pool->nid, &after);
	spin_lock(&pool->lock);
	pool->worker = worker;
	spin_unlock(&pool->lock);
	KUNIT_EXPECT_EQ(test, after.ready + after.dirty, before.ready + before.dirty);
	expect_counts(test, 0, 1);
	arena_pool_set_watermarks(0, ARENA_POOL_AUTO, ARENA_POOL_AUTO);
	folio_put(held);
	cancel_delayed_work_sync(&quarantine_work);
	recheck_quarantine(NULL);
	expect_counts(test, 0, 0);
}

/* Outside of tests, only quarantine_work checks the quarantine. */
static void quarantine_is_rechecked(struct kunit *test)
{
	struct folio *folio = get_any();

	KUNIT_ASSERT_NOT_NULL(test, folio);
	folio_get(folio);
	put_block(folio);
	folio_put(folio);
	expect_counts(test, 0, 1);
	flush_delayed_work(&quarantine_work);
	expect_counts(test, 0, 0);
}

static void exit_forgets_held_blocks(struct kunit *test)
{
	struct folio *folio = get_any();

	KUNIT_ASSERT_NOT_NULL(test, folio);
	folio_get(folio);
	put_block(folio);
	arena_pool_exit();
	KUNIT_EXPECT_TRUE(test, list_empty(&quarantine_list));
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&quarantine_work));
	folio_put(folio);
	KUNIT_ASSERT_EQ(test, arena_pool_init(), 0);
	arena_pool_fill_reserve();
}

static void poisoned_block_is_retired(struct kunit *test)
{
	unsigned long before = arena_pool_poisoned();
	struct folio *folio;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		kunit_skip(test, "no CONFIG_MEMORY_FAILURE");
	folio = get_any();
	KUNIT_ASSERT_NOT_NULL(test, folio);
	SetPageHWPoison(folio_page(folio, ARENA_BLOCK_PAGES - 1));
	put_block(folio);
	settle(folio_nid(folio));
	expect_counts(test, 0, 0);
	/* Assert it, since a block that has been freed must not be accessed below. */
	KUNIT_ASSERT_EQ(test, arena_pool_poisoned(), before + 1);
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);
	ClearPageHWPoison(folio_page(folio, ARENA_BLOCK_PAGES - 1));
	folio_put(folio);
}

/* Mark a page as poisoned and count the error, as the kernel does. */
static void poison(struct folio *folio)
{
	SetPageHWPoison(folio_page(folio, ARENA_BLOCK_PAGES - 1));
#ifdef CONFIG_MEMORY_FAILURE
	NODE_DATA(folio_nid(folio))->mf_stats.total++;
#endif
}

static void block_poisoned_in_pool_is_retired(struct kunit *test)
{
	unsigned long before = arena_pool_poisoned(), zeroed = 0, hits, nr;
	struct folio *folio, *bad;
	LIST_HEAD(blocks);
	int nid;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		kunit_skip(test, "no CONFIG_MEMORY_FAILURE");
	bad = get_any();
	KUNIT_ASSERT_NOT_NULL(test, bad);
	nid = folio_nid(bad);
	put_block(bad);
	settle(nid);
	poison(bad);
	nr = pools[nid].ready.nr_blocks;
	hits = pools[nid].hits;
	KUNIT_EXPECT_EQ(test, arena_pool_take(nid, nr, &blocks, &zeroed, false), nr - 1);
	KUNIT_EXPECT_EQ(test, arena_pool_poisoned(), before + 1);
	KUNIT_EXPECT_EQ(test, pools[nid].hits, hits + nr - 1);
	list_for_each_entry(folio, &blocks, lru)
		KUNIT_EXPECT_PTR_NE(test, folio, bad);
	expect_counts(test, nr - 1, 0);
	if (nr > 1)
		put_all(&blocks);
	expect_counts(test, 0, 0);
	KUNIT_EXPECT_EQ(test, folio_ref_count(bad), 1);
	ClearPageHWPoison(folio_page(bad, ARENA_BLOCK_PAGES - 1));
	folio_put(bad);
}

/* --- random operations against a model ------------------------------------ */

#define NR_SLOTS	64
#define NR_STEPS	100000
#define MODEL_MIN	12
#define MODEL_MAX	40

/* The number of words of a block that the model writes: first, last and some between. */
#define NR_STAMPS	16
#define STAMP_STRIDE	((ARENA_BLOCK_SIZE - sizeof(u64)) / (NR_STAMPS - 1) & ~7UL)

/*
 * A block that the pool must not hand out: taken, quarantined or cached. The list of the
 * model that contains it tells which.
 */
struct model_block {
	struct folio *folio;
	u64 stamp;
};

struct model_list {
	struct model_block blocks[NR_SLOTS];
	unsigned int nr;
};

/* The expected state of the pool. @kept is the number of ready and dirty blocks. */
struct model {
	struct kunit *test;
	struct node_pool *pool;
	struct rnd_state rnd;
	u64 next_stamp;
	struct model_list taken, held, cached;
	unsigned long kept;
	bool failed;
};

static void model_check(struct model *model, bool is_so, const char *what)
{
	if (is_so)
		return;
	KUNIT_FAIL(model->test, "not so: %s", what);
	model->failed = true;
}

#define MODEL_CHECK(model, condition)	model_check(model, condition, #condition)

static unsigned int below(struct model *model, unsigned int limit)
{
	return prandom_u32_state(&model->rnd) % limit;
}

static u64 *stamp_of(struct folio *folio, int i)
{
	return folio_address(folio) + i * STAMP_STRIDE;
}

static bool has_stamp(struct folio *folio, u64 stamp)
{
	int i;

	for (i = 0; i < NR_STAMPS; i++) {
		if (*stamp_of(folio, i) != stamp)
			return false;
	}
	return true;
}

static bool is_in(const struct model_list *list, const struct folio *folio)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		if (list->blocks[i].folio == folio)
			return true;
	}
	return false;
}

static void move_to(struct model_list *list, struct model_block block)
{
	list->blocks[list->nr++] = block;
}

static struct model_block remove_any(struct model *model, struct model_list *list)
{
	unsigned int i = below(model, list->nr);
	struct model_block block = list->blocks[i];

	list->blocks[i] = list->blocks[--list->nr];
	/* The block was neither written to nor zeroed while it was in the list. */
	MODEL_CHECK(model, has_stamp(block.folio, block.stamp));
	return block;
}

/* The pool has handed out a block. */
static void model_take(struct model *model, struct folio *folio)
{
	struct model_block block = { folio, ++model->next_stamp };
	int i;

	MODEL_CHECK(model, !is_in(&model->taken, folio));
	MODEL_CHECK(model, !is_in(&model->held, folio));
	MODEL_CHECK(model, !is_in(&model->cached, folio));
	MODEL_CHECK(model, folio_ref_count(folio) == 1);
	MODEL_CHECK(model, folio_nid(folio) == model->pool->nid);
	MODEL_CHECK(model, has_stamp(folio, 0));
	for (i = 0; i < NR_STAMPS; i++)
		*stamp_of(folio, i) = block.stamp;
	move_to(&model->taken, block);
}

static void model_take_all(struct model *model, struct list_head *blocks)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, blocks, lru) {
		list_del(&folio->lru);
		model_take(model, folio);
	}
}

/* A block returns to the pool, if there is room. */
static void model_put(struct model *model)
{
	model->kept += model->kept + model->cached.nr < MODEL_MAX;
}

static void step_take(struct model *model, unsigned int nr)
{
	unsigned long taken, zeroed = 0;
	LIST_HEAD(blocks);

	taken = arena_pool_take(model->pool->nid, nr, &blocks, &zeroed, false);
	/* Blocks that the worker was zeroing could not be taken. Now they can. */
	if (taken < nr) {
		settle(model->pool->nid);
		taken += arena_pool_take(model->pool->nid, nr - taken, &blocks,
					 &zeroed, false);
	}
	MODEL_CHECK(model, taken == min(nr, model->kept));
	MODEL_CHECK(model, taken == list_count_nodes(&blocks) && zeroed <= taken);
	model->kept -= taken;
	model_take_all(model, &blocks);
}

static void step_take_dirty(struct model *model)
{
	LIST_HEAD(blocks);

	if (!take_dirty(model->pool, &blocks))
		return;
	KUNIT_EXPECT_EQ(model->test, arena_pool_hold(model->pool->nid, 1), 1);
	MODEL_CHECK(model, list_count_nodes(&blocks) == 1);
	model->kept--;
	model_take_all(model, &blocks);
}

static void step_take_run(struct model *model, unsigned int nr)
{
	struct folio *folio, *last = NULL;
	struct arena_pool_stats before;
	LIST_HEAD(blocks);

	arena_pool_stats(model->pool->nid, &before);
	if (!take_run(model->pool, nr, &blocks)) {
		MODEL_CHECK(model, before.largest < nr);
		return;
	}
	MODEL_CHECK(model, arena_pool_hold(model->pool->nid, nr) == nr);
	list_for_each_entry(folio, &blocks, lru) {
		MODEL_CHECK(model, !last || folio_pfn(folio) ==
			    folio_pfn(last) + ARENA_BLOCK_PAGES);
		last = folio;
	}
	MODEL_CHECK(model, list_count_nodes(&blocks) == nr);
	model->kept -= nr;
	model_take_all(model, &blocks);
}

static void step_put(struct model *model, unsigned int nr)
{
	unsigned long listed = 0;
	LIST_HEAD(blocks);

	for (; nr && model->taken.nr; nr--) {
		list_add(&remove_any(model, &model->taken).folio->lru, &blocks);
		model_put(model);
		listed++;
	}
	if (listed)
		MODEL_CHECK(model, put_all(&blocks) == listed);
	MODEL_CHECK(model, list_empty(&blocks));
}

/* Put a block that is referenced, followed by one that is not. */
static void step_put_held(struct model *model)
{
	struct model_block block = remove_any(model, &model->taken);
	bool has_other = model->taken.nr;
	LIST_HEAD(blocks);

	folio_get(block.folio);
	list_add(&block.folio->lru, &blocks);
	move_to(&model->held, block);
	if (has_other) {
		list_add_tail(&remove_any(model, &model->taken).folio->lru, &blocks);
		model_put(model);
	}
	MODEL_CHECK(model, put_all(&blocks) == has_other);
}

static void step_end_hold(struct model *model)
{
	folio_put(remove_any(model, &model->held).folio);
	cancel_delayed_work_sync(&quarantine_work);
	recheck_quarantine(NULL);
	model_put(model);
}

static void step_cache(struct model *model)
{
	struct model_block block = remove_any(model, &model->taken);
	bool has_room = model->kept + model->cached.nr < MODEL_MAX &&
			model->cached.nr < MODEL_MAX - MODEL_MIN;
	LIST_HEAD(blocks);

	list_add(&block.folio->lru, &blocks);
	MODEL_CHECK(model, arena_pool_claim(folio_nid(block.folio), &blocks) == 1);
	MODEL_CHECK(model, arena_pool_cache(block.folio) == has_room);
	if (has_room) {
		move_to(&model->cached, block);
	} else {
		arena_pool_put_claimed(block.folio);
		model_put(model);
	}
}

static void step_reuse(struct model *model)
{
	struct model_block block = remove_any(model, &model->cached);

	MODEL_CHECK(model, arena_pool_hold(model->pool->nid, 1) == 1);
	arena_pool_reuse(block.folio);
	MODEL_CHECK(model, folio_ref_count(block.folio) == 1);
	move_to(&model->taken, block);
}

static void step_uncache(struct model *model)
{
	struct model_block block = remove_any(model, &model->cached);

	arena_pool_uncache(block.folio);
	arena_pool_put_claimed(block.folio);
	model_put(model);
}

static void step_shrink(struct model *model, enum arena_pool_part part)
{
	int nid = model->pool->nid;
	unsigned long count = arena_pool_count(nid, part);
	unsigned long nr = 1 + below(model, 4), done;

	MODEL_CHECK(model, count == (part == ARENA_POOL_RESERVE ?
				     min(model->kept, MODEL_MIN) :
				     model->kept - min(model->kept, MODEL_MIN)));
	done = arena_pool_shrink(nid, nr, part);
	/* Blocks that the worker was zeroing could not be taken. Now they can. */
	if (done < min(nr, count)) {
		settle(nid);
		done += arena_pool_shrink(nid, min(nr, count) - done, part);
	}
	MODEL_CHECK(model, done == min(nr, count));
	model->kept -= done;
}

static void step_grow(struct model *model)
{
	bool has_room = model->kept + model->cached.nr < MODEL_MAX;
	bool has_grown = grow_pool(model->pool, __GFP_RECLAIM);

	MODEL_CHECK(model, has_room || !has_grown);
	model->kept += has_grown;
}

static void do_step(struct model *model)
{
	unsigned int nr = 1 + below(model, 4);
	bool has_slots = model->taken.nr + model->held.nr + model->cached.nr + nr <= NR_SLOTS;

	switch (below(model, 16)) {
	case 0 ... 1:
		if (has_slots)
			step_take(model, nr);
		break;
	case 2:
		if (has_slots)
			step_take_dirty(model);
		break;
	case 3:
		if (has_slots)
			step_take_run(model, nr);
		break;
	case 4 ... 5:
		step_put(model, nr);
		break;
	case 6:
		if (model->taken.nr)
			step_put_held(model);
		break;
	case 7:
		if (model->held.nr)
			step_end_hold(model);
		break;
	case 8 ... 9:
		if (model->taken.nr)
			step_cache(model);
		break;
	case 10:
		if (model->cached.nr)
			step_reuse(model);
		break;
	case 11:
		if (model->cached.nr)
			step_uncache(model);
		break;
	case 12:
		step_shrink(model, ARENA_POOL_SPARE);
		break;
	case 13:
		step_shrink(model, ARENA_POOL_RESERVE);
		break;
	case 14 ... 15:
		step_grow(model);
		break;
	}
}

static void check_counts(struct model *model)
{
	struct node_pool *pool = model->pool;
	struct arena_pool_stats stats;
	bool consistent;

	arena_pool_stats(pool->nid, &stats);
	MODEL_CHECK(model, stats.in_use == model->taken.nr);
	MODEL_CHECK(model, stats.quarantined == model->held.nr);
	MODEL_CHECK(model, stats.cached == model->cached.nr);
	MODEL_CHECK(model, stats.ready + stats.dirty == model->kept);
	spin_lock(&pool->lock);
	consistent = arena_extents_are_consistent(&pool->ready);
	spin_unlock(&pool->lock);
	MODEL_CHECK(model, consistent);
}

/*
 * No block is lost, handed out twice or handed out without being zeroed, and all counters
 * are exact at any time, even though the worker is running.
 */
static void random_operations(struct kunit *test)
{
	u32 seed = get_random_u32();
	struct model *model;
	int step;

	kunit_info(test, "seed %u", seed);
	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	model->test = test;
	model->pool = &pools[numa_mem_id()];
	prandom_seed_state(&model->rnd, seed);

	arena_pool_hold_off(model->pool->nid, ARENA_POOL_SPARE);
	arena_pool_set_watermarks(0, MODEL_MIN, MODEL_MAX);
	arena_pool_shrink(model->pool->nid, ULONG_MAX, ARENA_POOL_SPARE);
	arena_pool_shrink(model->pool->nid, ULONG_MAX, ARENA_POOL_RESERVE);
	settle(model->pool->nid);
	model->kept = arena_pool_count(model->pool->nid, ARENA_POOL_RESERVE);

	for (step = 0; step < NR_STEPS && !model->failed; step++) {
		/* Otherwise the worker would refill the pool after ten seconds. */
		arena_pool_hold_off(model->pool->nid, ARENA_POOL_SPARE);
		do_step(model);
		check_counts(model);
		cond_resched();
	}
	kunit_info(test, "%d steps", step);
	while (model->held.nr)
		step_end_hold(model);
	while (model->cached.nr)
		step_uncache(model);
	while (model->taken.nr)
		step_put(model, 1);
	check_counts(model);
	expect_counts(test, 0, 0);
	arena_pool_set_watermarks(0, ARENA_POOL_AUTO, ARENA_POOL_AUTO);
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(block_is_zeroed_and_on_its_node),
	KUNIT_CASE(put_block_becomes_ready),
	KUNIT_CASE(run_is_one_extent),
	KUNIT_CASE(reserve_is_deferred_once),
	KUNIT_CASE_SLOW(endless_zeroing_is_not_waited_for),
	KUNIT_CASE(watermarks_are_obeyed),
	KUNIT_CASE_SLOW(pool_refills_after_shrinking),
	KUNIT_CASE(given_up_reserve_is_spare),
	KUNIT_CASE(node_limit_is_met_exactly),
	KUNIT_CASE(held_block_is_not_reused),
	KUNIT_CASE(node_without_worker_keeps_nothing),
	KUNIT_CASE(quarantine_is_rechecked),
	KUNIT_CASE(exit_forgets_held_blocks),
	KUNIT_CASE(poisoned_block_is_retired),
	KUNIT_CASE(block_poisoned_in_pool_is_retired),
	KUNIT_CASE_SLOW(random_operations),
	{ }
};

static int pool_suite_init(struct kunit_suite *suite)
{
	int err = arena_pool_init();

	if (!err)
		arena_pool_fill_reserve();
	return err;
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
