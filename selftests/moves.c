// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves: what the core mm does to the page tables of regions under the mmap_lock, while
 * the module unmaps blocks through the interval tree, which does not need it. What can
 * go wrong is a page table; that the kernel says, not the test.
 */
#include "many.h"
#include <pthread.h>
#include "harness.h"

#define NR		2
/* The kernel itself puts nothing there. */
#define HERE		((char *)0x600000000000)
#define THERE		((char *)0x600040000000)
#define TOUCHERS	2

struct crowd {
	int fd;
	struct arena_control *control;
	bool stop;
	long moves;
};

static bool is_over(struct crowd *crowd)
{
	return __atomic_load_n(&crowd->stop, __ATOMIC_ACQUIRE);
}

static void *run_toucher(void *data)
{
	struct crowd *crowd = data;
	unsigned int random = (unsigned long)&random >> 12;

	while (!is_over(crowd)) {
		try_touch((random_below(&random, 2) ? HERE : THERE) +
			  random_below(&random, NR) * BLOCK, true);
		if (crowd->control)
			mark_idle(crowd->control);
	}
	return NULL;
}

static bool move(char *from, char *to, size_t bytes)
{
	return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to;
}

static bool map_here(int fd)
{
	return mmap(HERE, NR * BLOCK, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0) == HERE;
}

/* By whole page tables and huge pages. */
static bool move_whole(int fd, unsigned int *random)
{
	return move(HERE, THERE, NR * BLOCK) && move(THERE, HERE, NR * BLOCK);
}

/* By single entries: what is huge is split first. */
static bool move_pieces(int fd, unsigned int *random)
{
	size_t bytes = (1 + random_below(random, NR * BLOCK / PAGE - 1)) * PAGE;

	return move(HERE, THERE, bytes) && move(THERE, HERE, bytes) && map_here(fd);
}

/* Not moved, but looked at entry by entry, by who holds the mmap_lock. */
static bool change_pieces(int fd, unsigned int *random)
{
	size_t bytes = (1 + random_below(random, NR * BLOCK / PAGE - 1)) * PAGE;
	char *at = HERE + random_below(random, 2) * (NR * BLOCK - bytes);

	switch (random_below(random, 4)) {
	case 0:
		return !mprotect(at, bytes, PROT_READ) &&
		       !mprotect(at, bytes, PROT_READ | PROT_WRITE);
	case 1:
		return !madvise(at, bytes, MADV_DONTNEED);
	case 2:
		madvise(at, bytes, MADV_COLLAPSE);
		return true;
	default:
		return !munmap(at, bytes) && map_here(fd);
	}
}

FIXTURE(moves) {
	struct crowd crowd;
	pthread_t touchers[TOUCHERS];
	pthread_t mover;
};

FIXTURE_VARIANT(moves) {
	bool (*move)(int fd, unsigned int *random);
	/* Where it is wrong, the kernel says so after a few, most of the time. */
	long enough;
};

FIXTURE_VARIANT_ADD(moves, whole) { .move = move_whole, .enough = 500 };
FIXTURE_VARIANT_ADD(moves, in_pieces) { .move = move_pieces, .enough = 100 };
FIXTURE_VARIANT_ADD(moves, changed) { .move = change_pieces, .enough = 100 };

struct mover {
	struct crowd *crowd;
	bool (*move)(int fd, unsigned int *random);
};

static void *run_mover(void *data)
{
	const struct mover *mover = data;
	unsigned int random = (unsigned long)&random >> 12;

	while (!is_over(mover->crowd)) {
		if (!mover->move(mover->crowd->fd, &random))
			return (void *)"a move failed";
		__atomic_add_fetch(&mover->crowd->moves, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static long moves_of(struct crowd *crowd)
{
	return __atomic_load_n(&crowd->moves, __ATOMIC_RELAXED);
}

FIXTURE_SETUP(moves)
{
	catch_faults();
	self->crowd.fd = open_arena();
	ASSERT_GE(self->crowd.fd, 0);
	ASSERT_TRUE(map_here(self->crowd.fd));
}

FIXTURE_TEARDOWN(moves)
{
	close(self->crowd.fd);
}

/* Meanwhile this thread does @step until there was enough of it and of moves. */
#define MEET(step)									\
do {											\
	struct mover mover = { &self->crowd, variant->move };				\
	void *error;									\
	long i;										\
											\
	for (i = 0; i < TOUCHERS; i++)							\
		ASSERT_EQ(0, pthread_create(&self->touchers[i], NULL, run_toucher,	\
					    &self->crowd));				\
	ASSERT_EQ(0, pthread_create(&self->mover, NULL, run_mover, &mover));		\
	for (i = 0; i < variant->enough || moves_of(&self->crowd) < variant->enough; i++) \
		ASSERT_TRUE(step);							\
	__atomic_store_n(&self->crowd.stop, true, __ATOMIC_RELEASE);			\
	pthread_join(self->mover, &error);						\
	EXPECT_EQ(NULL, error)								\
		TH_LOG("%s", (const char *)error);					\
	for (i = 0; i < TOUCHERS; i++)							\
		pthread_join(self->touchers[i], NULL);					\
} while (0)

TEST_F(moves, against_release)
{
	MEET(release_all(self->crowd.fd) >= 0);
	EXPECT_GE(release_all(self->crowd.fd), 0);
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
}

/* That it touches what it says is idle is its own fault, and nobody else's. */
TEST_F(moves, against_reclaim)
{
	if (!drop_slab())
		SKIP(return, "not root");
	self->crowd.control = map_control(self->crowd.fd);
	ASSERT_NE(MAP_FAILED, self->crowd.control);
	MEET(drop_slab());
	TH_LOG("%llu blocks taken", stats_of(self->crowd.fd).taken);
	EXPECT_GT(stats_of(self->crowd.fd).taken, 0);
	ASSERT_GE(claim_by_call(self->crowd.fd), 0);
	EXPECT_GE(release_all(self->crowd.fd), 0);
	EXPECT_EQ(0, pool_settled("in_use", 0));
}

TEST_HARNESS_MAIN
