// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves: mremap(2) and similar calls change the page tables of regions under
 * the mmap_lock, while the module unmaps blocks through the interval tree,
 * without that lock. A race between the two shows as a page table that the
 * kernel complains about, or as a block that stays mapped.
 */
#include "many.h"
#include <pthread.h>
#include "harness.h"

#define NR		2
/* The kernel itself maps nothing at these addresses. */
#define HERE		((char *)0x600000000000)
#define THERE		((char *)0x600040000000)
#define TOUCHERS	2

typedef bool (*move_fn)(int fd, unsigned int *random);

/**
 * struct crowd - threads that use one region
 * @fd: the arena
 * @control: its control page, or NULL
 * @move: changes the region's page tables; returns false if that fails
 * @stop: set to end all threads
 * @moves: number of calls of @move
 */
struct crowd {
	int fd;
	struct arena_control *control;
	move_fn move;
	bool stop;
	long moves;
};

static bool is_over(struct crowd *crowd)
{
	return __atomic_load_n(&crowd->stop, __ATOMIC_ACQUIRE);
}

/* Touch an address at which the region may currently be mapped. */
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

static void *run_mover(void *data)
{
	struct crowd *crowd = data;
	unsigned int random = (unsigned long)&random >> 12;

	while (!is_over(crowd)) {
		if (!crowd->move(crowd->fd, &random))
			return (void *)"a move failed";
		__atomic_add_fetch(&crowd->moves, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static bool release(struct crowd *crowd)
{
	return release_all(crowd->fd) >= 0;
}

static bool reclaim(struct crowd *crowd)
{
	return drop_slab();
}

/*
 * Call @step while other threads touch and move, until there were @enough calls
 * and moves.
 */
static const char *race(struct crowd *crowd, bool (*step)(struct crowd *crowd), long enough)
{
	pthread_t touchers[TOUCHERS], mover;
	const char *error = NULL;
	void *result;
	long i;

	for (i = 0; i < TOUCHERS; i++)
		if (pthread_create(&touchers[i], NULL, run_toucher, crowd))
			return "no thread";
	if (pthread_create(&mover, NULL, run_mover, crowd))
		return "no thread";
	for (i = 0; !error && (i < enough ||
			       __atomic_load_n(&crowd->moves, __ATOMIC_RELAXED) < enough); i++)
		if (!step(crowd))
			error = "a step failed";
	__atomic_store_n(&crowd->stop, true, __ATOMIC_RELEASE);
	pthread_join(mover, &result);
	for (i = 0; i < TOUCHERS; i++)
		pthread_join(touchers[i], NULL);
	return error ? error : result;
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

/* Move page tables and huge pages. */
static bool move_whole(int fd, unsigned int *random)
{
	return move(HERE, THERE, NR * BLOCK) && move(THERE, HERE, NR * BLOCK);
}

/* Split huge pages, and move single entries. */
static bool move_pieces(int fd, unsigned int *random)
{
	size_t bytes = (1 + random_below(random, NR * BLOCK / PAGE - 1)) * PAGE;

	return move(HERE, THERE, bytes) && move(THERE, HERE, bytes) && map_here(fd);
}

/* Make other system calls that read each entry under the mmap_lock. */
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
};

FIXTURE_VARIANT(moves) {
	move_fn move;
	/* A kernel or module that has the race usually fails after a few of these. */
	long enough;
};

FIXTURE_VARIANT_ADD(moves, whole) { .move = move_whole, .enough = 500 };
FIXTURE_VARIANT_ADD(moves, in_pieces) { .move = move_pieces, .enough = 100 };
FIXTURE_VARIANT_ADD(moves, changed) { .move = change_pieces, .enough = 100 };

FIXTURE_SETUP(moves)
{
	catch_faults();
	self->crowd.move = variant->move;
	self->crowd.fd = open_arena();
	ASSERT_GE(self->crowd.fd, 0);
	ASSERT_TRUE(map_here(self->crowd.fd));
}

FIXTURE_TEARDOWN(moves)
{
	close(self->crowd.fd);
}

TEST_F(moves, moving_against_release)
{
	const char *error = race(&self->crowd, release, variant->enough);

	EXPECT_EQ(NULL, error)
		TH_LOG("%s", error);
	EXPECT_GE(release_all(self->crowd.fd), 0);
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
}

/*
 * The program touches an arena that it has marked idle, which puts only its own
 * data at risk.
 */
TEST_F(moves, moving_against_reclaim)
{
	const char *error;

	if (!drop_slab())
		SKIP(return, "not root");
	self->crowd.control = map_control(self->crowd.fd);
	ASSERT_NE(MAP_FAILED, self->crowd.control);
	error = race(&self->crowd, reclaim, variant->enough);
	EXPECT_EQ(NULL, error)
		TH_LOG("%s", error);
	TH_LOG("%llu blocks taken", stats_of(self->crowd.fd).taken);
	EXPECT_GT(stats_of(self->crowd.fd).taken, 0);
	ASSERT_GE(claim_by_call(self->crowd.fd), 0);
	EXPECT_GE(release_all(self->crowd.fd), 0);
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
}

TEST_HARNESS_MAIN
