// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of all sizes come and go, hundreds of thousands of times, and what is
 * free stays in one piece.
 *
 * Wants to be alone with the module, and that loaded with a reserve that is most
 * of a node: reserve=832M min=64M where nodes have 1 GiB. Say ARENA_SEED= to see
 * a run again.
 */
#include "arena_test.h"
#include "harness.h"

#define OPERATIONS	200000
#define MIN_READY	256

/* What it has to end with, in percent. */
#define MAX_FRAGMENTATION	11.6
#define MIN_SHARE		63.9

/* Not possible where memory was in pieces before: so much more has to be there to try it. */
#define SLACK		1.05

/* The file has a slot for each region, as long as the longest of them. */
#define SLOT		128
#define MAX_REGIONS	4096

/*
 * So many blocks may wait to be zeroed when the next operation comes, however slow the
 * machine is: each is a hole that can't be filled, and this is about where blocks are
 * put, not about how fast they are zeroed.
 */
#define MAX_DIRTY	4

struct region {
	unsigned int slot;
	unsigned int blocks;
};

/**
 * struct churn - regions that come and go
 * @fd: the arena
 * @node: where its blocks are
 * @seed: of what is random here
 * @live: blocks in all regions
 * @dirty: blocks that wait to be zeroed, at most
 * @target: what that is kept at, nearly
 * @wanted: blocks of the region that is to come next
 * @nr: regions
 * @regions: these, in no order, and then slots that are free
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

/* By number most are small; of the blocks a fifth are in others. */
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

/* Which one goes is random, so that lifetimes are of every length. */
static int do_operation(struct churn *churn)
{
	if (churn->live + churn->wanted <= churn->target)
		return commit_next(churn);
	return release_one(churn);
}

/* Wait until no more blocks than that are dirty, or for a minute. */
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
 * The most that the share can be with so much live: the pool has what is left of
 * its blocks, or what it is refilled to.
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
	 * Somewhere the kernel and its initramfs are, and from boot to boot they cut
	 * another node's memory in two. What was reserved at load says which.
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

/* Some 600 GiB are zeroed meanwhile: five minutes of two emulated CPUs, if these are all. */
TEST_F_TIMEOUT(churn, what_is_free_stays_together, 10 * HANG)
{
	struct churn *churn = self->churn;
	double since, waited = 0, share, now;
	long ready, longest, operations, misses;
	char when[32];

	ready = pool_figure(churn->node, "ready");
	longest = pool_figure(churn->node, "largest");
	if (ready < MIN_READY)
		SKIP(return, "%ld blocks are ready, less than %d: reserve=832M", ready,
		     MIN_READY);
	share = possible_share(churn->node, ready / 2);
	if (share < MIN_SHARE * SLACK)
		SKIP(return, "more than %.1f %% is not possible: reserve more", share);
	if (longest < ready / 2 * (1 - MAX_FRAGMENTATION / 100) * SLACK)
		SKIP(return, "no node has half of its %ld blocks in one piece, only %ld",
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

	/* To the number, and on until as much is live as is meant to be. */
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
