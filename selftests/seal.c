// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seals: a touch of a released address faults, with that address, until the
 * range is committed again by a call.
 */
#include "arena_test.h"
#include <pthread.h>
#include <sys/uio.h>
#include "harness.h"

#define NR	8

/* Touch a byte; return the address that SIGBUS reports, or NULL if there is none. */
static char *touch_faults(char *at, bool is_write)
{
	if (try_touch(at, is_write) || fault.si_signo != SIGBUS)
		return NULL;
	return fault.si_addr;
}

FIXTURE(seal) {
	int fd;
	char *memory;
};

FIXTURE_SETUP(seal)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	self->memory = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, self->memory);
	touch(self->memory, NR * BLOCK, 1);
	catch_faults();
}

FIXTURE_TEARDOWN(seal)
{
	close(self->fd);
}

TEST_F(seal, touch_of_sealed_memory_raises_sigbus_at_its_address)
{
	char *inside = self->memory + 2 * BLOCK + 12345;

	ASSERT_EQ(3, release_blocks(self->fd, ARENA_RELEASE_RANGE | ARENA_RELEASE_SEAL, 2, 3));
	EXPECT_EQ(inside, touch_faults(inside, true));
	EXPECT_EQ(inside, touch_faults(inside, false));
	EXPECT_EQ(self->memory + 5 * BLOCK - 1,
		  touch_faults(self->memory + 5 * BLOCK - 1, true));
	EXPECT_EQ(NULL, touch_faults(self->memory + 2 * BLOCK - 1, true));
	EXPECT_EQ(NULL, touch_faults(self->memory + 5 * BLOCK, true));
	EXPECT_EQ(NR - 3, blocks_of(self->fd));
}

TEST_F(seal, commit_ends_seal)
{
	char *again;

	ASSERT_EQ(NR, release_blocks(self->fd, ARENA_RELEASE_SEAL, 0, 0));
	EXPECT_NE(NULL, touch_faults(self->memory, true));
	EXPECT_EQ(0, commit_blocks(self->fd, 1, 2));
	EXPECT_NE(NULL, touch_faults(self->memory, true));
	EXPECT_EQ(NULL, touch_faults(self->memory + BLOCK, false));
	EXPECT_TRUE(is_zero(self->memory + BLOCK, 2 * BLOCK));
	EXPECT_NE(NULL, touch_faults(self->memory + 3 * BLOCK, true));

	/* A reservation does not end the seal; a mapping that commits does. */
	again = mmap(NULL, NR * BLOCK, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_NORESERVE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, again);
	EXPECT_EQ(again, touch_faults(again, true));
	ASSERT_EQ(0, munmap(again, NR * BLOCK));
	again = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, again);
	EXPECT_EQ(NULL, touch_faults(self->memory, false));
	EXPECT_TRUE(is_zero(self->memory, NR * BLOCK));
}

/* A seal covers the whole range, including blocks that were never committed. */
TEST_F(seal, seal_covers_holes)
{
	char *more = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_NORESERVE, self->fd, 100 * BLOCK);

	ASSERT_NE(MAP_FAILED, more);
	ASSERT_EQ(NR, release_blocks(self->fd, ARENA_RELEASE_SEAL, 0, 0));
	EXPECT_EQ(more, touch_faults(more, true));
	EXPECT_EQ(0, blocks_of(self->fd));
	/* A release without the flag does not add or remove a seal. */
	ASSERT_EQ(0, release_blocks(self->fd, 0, 0, 0));
	EXPECT_EQ(more, touch_faults(more, true));
}

TEST_F(seal, seal_holds_for_kernel_accesses)
{
	struct iovec here, there = { self->memory, 1 };
	char byte = 1;
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(NR, release_blocks(self->fd, ARENA_RELEASE_SEAL, 0, 0));
	EXPECT_EQ(-1, write(pipes[1], self->memory, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, vmsplice(pipes[1], &there, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	here = (struct iovec) { &byte, 1 };
	EXPECT_EQ(-1, process_vm_writev(getpid(), &here, 1, &there, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, madvise(self->memory, BLOCK, MADV_POPULATE_WRITE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, blocks_of(self->fd));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(seal, every_release_seals_with_quarantine_flag)
{
	ASSERT_EQ(0, set_arena_flags(self->fd, ARENA_F_QUARANTINE));
	ASSERT_EQ(1, release_blocks(self->fd, ARENA_RELEASE_RANGE, 3, 1));
	EXPECT_NE(NULL, touch_faults(self->memory + 3 * BLOCK, true));
	EXPECT_EQ(NULL, touch_faults(self->memory, true));
	ASSERT_EQ(NR - 1, release_blocks(self->fd, 0, 0, 0));
	EXPECT_NE(NULL, touch_faults(self->memory, true));
	ASSERT_EQ(0, commit_blocks(self->fd, 0, NR));
	ASSERT_EQ(0, set_arena_flags(self->fd, 0));
	ASSERT_EQ(NR, release_blocks(self->fd, 0, 0, 0));
	EXPECT_EQ(NULL, touch_faults(self->memory, true));
}

/*
 * If a call reports that a range is sealed, it is sealed, in spite of
 * concurrent touches.
 */
struct toucher {
	char *memory;
	bool stop;
	long touches, faults;
};

static void *run_toucher(void *data)
{
	struct toucher *toucher = data;
	size_t i;

	for (i = 0; !__atomic_load_n(&toucher->stop, __ATOMIC_ACQUIRE); i++) {
		if (touch_faults(toucher->memory + i % NR * BLOCK, true))
			toucher->faults++;
		toucher->touches++;
	}
	return NULL;
}

/* Whether each thread has touched sealed and unsealed memory. */
static bool all_have_met_both(const struct toucher *touchers, int nr)
{
	while (nr--) {
		long faults = __atomic_load_n(&touchers[nr].faults, __ATOMIC_RELAXED);

		if (!faults || faults >= __atomic_load_n(&touchers[nr].touches, __ATOMIC_RELAXED))
			return false;
	}
	return true;
}

/*
 * 300 rounds, or more on a machine that rarely runs the touching threads, until
 * each has met seals.
 */
TEST_F(seal, seal_holds_against_concurrent_faults)
{
	struct toucher touchers[3] = { 0 };
	pthread_t threads[3];
	int round, i;

	for (i = 0; i < 3; i++) {
		touchers[i].memory = self->memory;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run_toucher, &touchers[i]));
	}
	for (round = 0; round < 300 || !all_have_met_both(touchers, 3); round++) {
		ASSERT_EQ(NR, release_blocks(self->fd, ARENA_RELEASE_SEAL, 0, 0));
		ASSERT_EQ(0, blocks_of(self->fd));
		ASSERT_NE(NULL, touch_faults(self->memory + round % NR * BLOCK, true));
		sched_yield();
		ASSERT_EQ(0, blocks_of(self->fd));
		ASSERT_EQ(0, commit_blocks(self->fd, 0, NR));
		ASSERT_EQ(NULL, touch_faults(self->memory + round % NR * BLOCK, true));
	}
	for (i = 0; i < 3; i++) {
		__atomic_store_n(&touchers[i].stop, true, __ATOMIC_RELEASE);
		pthread_join(threads[i], NULL);
		TH_LOG("%ld touches, %ld of them sealed", touchers[i].touches,
		       touchers[i].faults);
		EXPECT_GT(touchers[i].faults, 0);
		EXPECT_LT(touchers[i].faults, touchers[i].touches);
	}
}

/* Their number is limited, since they use kernel memory that is charged to no user. */
TEST_F(seal, number_of_seals_is_limited)
{
	const unsigned int flags = ARENA_RELEASE_RANGE | ARENA_RELEASE_SEAL;
	size_t i;

	for (i = 0; i < 65536; i++)
		ASSERT_LE(0, release_blocks(self->fd, flags, NR + 2 * i, 1));
	EXPECT_EQ(-ENOMEM, release_blocks(self->fd, flags, NR + 2 * i, 1));
	EXPECT_EQ(-ENOMEM, release_blocks(self->fd, flags, 0, 1));
	/* Nothing was released. */
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_EQ(NULL, touch_faults(self->memory, true));
	/* The seals are merged into one range. */
	EXPECT_EQ(0, release_blocks(self->fd, ARENA_RELEASE_RANGE, NR, 2));
	EXPECT_EQ(0, commit_blocks(self->fd, NR, 1));
	EXPECT_EQ(0, release_blocks(self->fd, flags, NR + 2 * i, 1));
}

TEST_HARNESS_MAIN
