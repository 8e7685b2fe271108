// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of all sizes are mapped and unmapped hundreds of thousands of times;
 * the free blocks must stay contiguous.
 *
 * Needs no other user of the module, loaded with a reserve of most of a node,
 * e.g. reserve=832M min=64M for nodes of 1 GiB. $ARENA_SEED repeats a run.
 */
#include "arena_test.h"
#include "harness.h"

#define OPERATIONS	200000
#define MIN_READY	256

/* The limits at the end, in percent. */
#define MAX_FRAGMENTATION	11.6
#define MIN_SHARE		63.9

/*
 * Memory that was fragmented before can make the goal impossible. The test runs
 * only if the initial state exceeds it by this factor.
 */
#define SLACK		1.05

/* Each region has a slot in the file, as long as the longest region, in blocks. */
#define SLOT		128
#define MAX_REGIONS	4096

/*
 * Number of blocks that may wait for zeroing when the next operation begins,
 * regardless of the speed of the machine. Each of them is a hole that cannot be
 * filled, and this test is about where blocks are put, not about how fast they
 * are zeroed.
 */
#define MAX_DIRTY	4

struct region {
	unsigned int slot;
	unsigned int blocks;
};

/**
 * struct churn - regions that are mapped and unmapped
 * @fd: the arena
 * @node: the node of its blocks
 * @seed: state of the random numbers
 * @live: number of blocks in all regions
 * @dirty: upper bound of the number of blocks that wait for zeroing
 * @target: approximate value at which @live is kept
 * @wanted: number of blocks of the next region
 * @nr: number of regions
 * @regions: the regions, in no order, followed by free slots
 */
struct churn {
	int fd;
	int node;
	unsigned int seed;
	unsigned long live;
	unsigned long dirty;
	unsigned long target;
	unsigned int wanted;
	unsigned int nr;
	struct region regions[MAX_REGIONS];
};

static unsigned int random_below(struct churn *churn, unsigned int limit)
{
	return rand_r(&churn->seed) % limit;
}

/* Most regions are small; a fifth of the blocks is in larger ones. */
static unsigned int random_size(struct churn *churn)
{
	unsigned int percentile = random_below(churn, 1000);

	if (percentile < 975)
		return 1 + random_below(churn, 4);
	if (percentile < 998)
		return 8 + random_below(churn, 25);
	return 64 + random_below(churn, 65);
}

static int commit_next(struct churn *churn)
{
	struct region *region = &churn->regions[churn->nr];
	struct arena_ioc_commit commit = {
		.size = sizeof(commit),
		.offset = region->slot * SLOT * BLOCK,
		.length = churn->wanted * BLOCK,
	};

	if (ioctl(churn->fd, ARENA_IOC_COMMIT, &commit))
		return -errno;
	if (commit.blocks != churn->wanted)
		return -EIO;
	region->blocks = churn->wanted;
	churn->live += churn->wanted;
	churn->nr++;
	churn->wanted = random_size(churn);
	return 0;
}

static int release_one(struct churn *churn)
{
	struct region *region = &churn->regions[random_below(churn, churn->nr)];
	struct region victim = *region;
	long released;

	released = release_range(churn->fd, victim.slot * SLOT * BLOCK,
				 victim.blocks * BLOCK);
	if (released != victim.blocks)
		return released < 0 ? released : -EIO;
	churn->live -= victim.blocks;
	churn->dirty += victim.blocks;
	*region = churn->regions[--churn->nr];
	churn->regions[churn->nr] = victim;
	return 0;
}

/* The region to unmap is random, so that there are lifetimes of every length. */
static int do_operation(struct churn *churn)
{
	if (churn->live + churn->wanted <= churn->target)
		return commit_next(churn);
	return release_one(churn);
}

/* Wait until at most this many blocks are dirty, for HANG seconds at most. */
static void wait_for_zeroing(struct churn *churn, long most)
{
	double since = seconds();

	while (pool_figure(churn->node, "dirty") > most && seconds() - since < HANG)
		usleep(200);
}

static void report(struct __test_metadata *_metadata, struct churn *churn,
		   const char *when)
{
	TH_LOG("%s: fragmentation %4.1f %%, share %4.1f %%; live: %lu in %u regions; ready: %.0f in %.0f extents; dirty: %.0f",
	       when, pool_figure(churn->node, "fragmentation"),
	       pool_figure(churn->node, "share"), churn->live, churn->nr,
	       pool_figure(churn->node, "ready"),
	       pool_figure(churn->node, "extents"),
	       pool_figure(churn->node, "dirty"));
}

/*
 * Return the highest possible share with this many live blocks: the pool has
 * its other blocks, or as many as it is refilled to.
 */
static double possible_share(int node, long live)
{
	double share = pool_figure(node, "share"), node_free, pool_free;

	if (share <= 0)
		return 0;
	node_free = pool_figure(node, "largest") * 100 / share - live;
	pool_free = pool_figure(node, "ready") - live;
	if (pool_free < pool_figure(node, "min"))
		pool_free = pool_figure(node, "min");
	return pool_free < node_free ? 100 * pool_free / node_free : 100;
}

FIXTURE(churn) {
	struct churn *churn;
};

FIXTURE_SETUP(churn)
{
	unsigned int i;

	self->churn = calloc(1, sizeof(*self->churn));
	ASSERT_NE(NULL, self->churn);
	self->churn->seed = pick_seed();
	TH_LOG("ARENA_SEED=%u", self->churn->seed);
	for (i = 0; i < MAX_REGIONS; i++)
		self->churn->regions[i].slot = i;
	self->churn->fd = open_arena();
	ASSERT_GE(self->churn->fd, 0);
	/*
	 * One node contains the kernel and its initramfs, which may split the
	 * memory of the node in two, depending on the boot. Use the node whose
	 * reserve has the longest extent.
	 */
	self->churn->node = ALL_NODES;
	wait_for_zeroing(self->churn, 0);
	self->churn->node = pool_figure(1, "largest") > pool_figure(0, "largest");
	ASSERT_TRUE(run_on_node(self->churn->node));
}

FIXTURE_TEARDOWN(churn)
{
	close(self->churn->fd);
	free(self->churn);
}

/* About 600 GiB are zeroed, which takes five minutes of two emulated CPUs. */
TEST_F_TIMEOUT(churn, free_blocks_stay_contiguous, 10 * HANG)
{
	struct churn *churn = self->churn;
	double since, waited = 0, share, now;
	long ready, longest, operations, misses;
	char when[32];

	ready = pool_figure(churn->node, "ready");
	longest = pool_figure(churn->node, "largest");
	if (ready < MIN_READY)
		SKIP(return, "only %ld of %d blocks are ready: load with reserve=832M", ready,
		     MIN_READY);
	share = possible_share(churn->node, ready / 2);
	if (share < MIN_SHARE * SLACK)
		SKIP(return, "at most %.1f %% is possible: reserve more", share);
	if (longest < ready / 2 * (1 - MAX_FRAGMENTATION / 100) * SLACK)
		SKIP(return, "no node has half of its %ld blocks in one extent, only %ld",
		     ready, longest);
	TH_LOG("node %d; the share can be %.1f %%, the longest extent is %ld of %ld",
	       churn->node, share, longest, ready);

	churn->target = ready / 2;
	churn->wanted = random_size(churn);
	ASSERT_GE(churn->target, SLOT);
	ASSERT_LE(churn->target, MAX_REGIONS);
	misses = pool_figure(churn->node, "misses");
	since = seconds();
	report(_metadata, churn, "begin");

	/* Make that many operations, then continue until the target is live. */
	for (operations = 0; operations < OPERATIONS ||
	     churn->live + 4 < churn->target; operations++) {
		ASSERT_EQ(0, do_operation(churn));
		if (churn->dirty > MAX_DIRTY) {
			now = seconds();
			wait_for_zeroing(churn, 0);
			churn->dirty = 0;
			waited += seconds() - now;
		}
		if (operations % (OPERATIONS / 20) == OPERATIONS / 20 - 1) {
			snprintf(when, sizeof(when), "%3ld %%",
				 (operations + 1) / (OPERATIONS / 100));
			report(_metadata, churn, when);
			EXPECT_EQ(churn->live, blocks_of(churn->fd));
		}
	}
	TH_LOG("%ld operations in %.0f s, %.0f s of it waiting; %.0f blocks not ready",
	       operations, seconds() - since, waited,
	       pool_figure(churn->node, "misses") - misses);

	wait_for_zeroing(churn, 0);
	EXPECT_EQ(0, pool_figure(churn->node, "dirty"));
	report(_metadata, churn, "  end");
	EXPECT_LE(pool_figure(churn->node, "fragmentation"), MAX_FRAGMENTATION);
	EXPECT_GE(pool_figure(churn->node, "share"), MIN_SHARE);

	ASSERT_EQ(churn->live, release_all(churn->fd));
	churn->live = 0;
	churn->nr = 0;
	wait_for_zeroing(churn, 0);
	report(_metadata, churn, "empty");
}

TEST_HARNESS_MAIN
