// SPDX-License-Identifier: GPL-2.0-only
/*
 * Idle arenas: after a successful claim all contents are there; otherwise the
 * claim reports the loss. A program that writes to its control page affects only
 * itself.
 */
#include "arena_test.h"
#include <pthread.h>
#include <sys/uio.h>
#include "harness.h"

#define NR	8

/* Rounds of the race tests; see also pick_seed(). */
#define ROUNDS	2000

static unsigned int state_of(const struct arena_control *control)
{
	return __atomic_load_n(&control->state, __ATOMIC_RELAXED) & ARENA_STATE_MASK;
}

/* Return the result of ARENA_IOC_CLAIM; on failure, taken is -errno. */
static struct arena_ioc_claim claim_by_call(int fd)
{
	struct arena_ioc_claim args = { .size = sizeof(args) };

	if (ioctl(fd, ARENA_IOC_CLAIM, &args))
		args.taken = -errno;
	return args;
}

FIXTURE(idle) {
	int fd;
	char *memory;
	struct arena_control *control;
};

FIXTURE_SETUP(idle)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	self->memory = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, self->memory);
	self->control = map_control(self->fd);
	ASSERT_NE(MAP_FAILED, self->control);
	memset(self->memory, 0x1d, NR * BLOCK);
}

FIXTURE_TEARDOWN(idle)
{
	close(self->fd);
}

TEST_F(idle, claimed_arena_has_all_contents)
{
	EXPECT_EQ(ARENA_STATE_ACTIVE, self->control->state);
	mark_idle(self->control);
	EXPECT_EQ(NR, stats_of(self->fd).idle);
	EXPECT_EQ(NR * 2048, fdinfo_kib(self->fd, "arena-idle-memory"));
	EXPECT_TRUE(claim_by_swap(self->control));
	EXPECT_EQ(0, stats_of(self->fd).idle);
	EXPECT_EQ(0, fdinfo_kib(self->fd, "arena-idle-memory"));
	EXPECT_EQ(0, stats_of(self->fd).taken);
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, 0x1d));
	/* The ioctl can claim it, too. */
	mark_idle(self->control);
	EXPECT_EQ(0, claim_by_call(self->fd).taken);
	EXPECT_EQ(ARENA_STATE_ACTIVE, self->control->state);
	EXPECT_EQ(NR, claim_by_call(self->fd).blocks);
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, 0x1d));
}

TEST_F(idle, reclaim_takes_idle_arena)
{
	struct arena_ioc_claim claimed;
	long in_use = pool_count("in_use");

	mark_idle(self->control);
	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	EXPECT_EQ(ARENA_STATE_TAKEN, state_of(self->control));
	EXPECT_EQ(0, blocks_of(self->fd));
	EXPECT_EQ(in_use - NR, pool_count("in_use"));
	EXPECT_EQ(0, smaps_kib(self->memory, "Rss"));
	EXPECT_EQ(0, stats_of(self->fd).charged);
	EXPECT_FALSE(claim_by_swap(self->control));
	claimed = claim_by_call(self->fd);
	EXPECT_EQ(NR, claimed.taken);
	EXPECT_EQ(0, claimed.blocks);
	EXPECT_EQ(NR, stats_of(self->fd).taken);
	/* The arena is as after a release. */
	EXPECT_EQ(ARENA_STATE_ACTIVE, self->control->state);
	EXPECT_TRUE(is_zero(self->memory, NR * BLOCK));
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_EQ(0, claim_by_call(self->fd).taken);
}

TEST_F(idle, reclaim_spares_active_arena)
{
	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, 0x1d));
	mark_idle(self->control);
	EXPECT_TRUE(claim_by_swap(self->control));
	EXPECT_TRUE(drop_slab());
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, 0x1d));
	/* After a claim by ioctl, reclaim takes no more blocks. */
	mark_idle(self->control);
	EXPECT_TRUE(drop_slab());
	EXPECT_EQ(NR, claim_by_call(self->fd).taken);
	memset(self->memory, 0x2d, NR * BLOCK);
	EXPECT_TRUE(drop_slab());
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, 0x2d));
}

/*
 * Otherwise a claim by compare-and-swap would succeed, although the memory was
 * zeroed.
 */
TEST_F(idle, arena_marked_idle_twice_stays_taken)
{
	mark_idle(self->control);
	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	mark_idle(self->control);
	EXPECT_EQ(ARENA_STATE_TAKEN, state_of(self->control));
	EXPECT_FALSE(claim_by_swap(self->control));
	EXPECT_EQ(NR, claim_by_call(self->fd).taken);
}

TEST_F(idle, failed_copy_of_answer_undoes_claim)
{
	struct arena_ioc_claim *claim;

	claim = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, claim);
	claim->size = sizeof(*claim);
	ASSERT_EQ(0, mprotect(claim, PAGE, PROT_READ));
	mark_idle(self->control);
	EXPECT_EQ(-1, ioctl(self->fd, ARENA_IOC_CLAIM, claim));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(ARENA_STATE_IDLE, state_of(self->control));
	EXPECT_TRUE(claim_by_swap(self->control));
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, 0x1d));

	mark_idle(self->control);
	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	EXPECT_EQ(-1, ioctl(self->fd, ARENA_IOC_CLAIM, claim));
	EXPECT_EQ(ARENA_STATE_TAKEN, state_of(self->control));
	EXPECT_EQ(NR, claim_by_call(self->fd).taken);
	EXPECT_EQ(0, claim_by_call(self->fd).taken);
}

/* Taking the block would free nothing. */
TEST_F(idle, pinned_block_is_not_taken)
{
	struct iovec page = { self->memory + BLOCK + PAGE, PAGE };
	char seen[PAGE];
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ((ssize_t)PAGE, vmsplice(pipes[1], &page, 1, 0));
	mark_idle(self->control);
	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	EXPECT_EQ(1, stats_of(self->fd).charged);
	EXPECT_EQ(0, pool_count("quarantined"));
	EXPECT_EQ(NR - 1, claim_by_call(self->fd).taken);
	EXPECT_EQ(1, blocks_of(self->fd));
	EXPECT_TRUE(is_whole(self->memory + BLOCK, BLOCK, 0x1d));
	ASSERT_EQ((ssize_t)PAGE, read(pipes[0], seen, PAGE));
	EXPECT_TRUE(is_whole(seen, PAGE, 0x1d));
	close(pipes[0]);
	close(pipes[1]);
}

/* Unmapping blocks from all regions would make reclaim slow for all processes. */
TEST_F(idle, arena_with_33_regions_is_not_taken)
{
	char *memory[32];
	int i;

	for (i = 0; i < 32; i++) {
		memory[i] = map_blocks(self->fd, NR);
		ASSERT_NE(MAP_FAILED, memory[i]);
	}
	mark_idle(self->control);
	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	EXPECT_TRUE(claim_by_swap(self->control));
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, 0x1d));

	/* With the control page there are 32 mappings. */
	munmap(memory[0], NR * BLOCK);
	munmap(memory[1], NR * BLOCK);
	mark_idle(self->control);
	ASSERT_TRUE(drop_slab());
	EXPECT_EQ(NR, claim_by_call(self->fd).taken);
	for (i = 2; i < 32; i++)
		munmap(memory[i], NR * BLOCK);
}

TEST_F(idle, seal_survives_taking_of_idle_arena)
{
	struct arena_ioc_release seal = {
		.size = sizeof(seal), .flags = ARENA_RELEASE_RANGE | ARENA_RELEASE_SEAL,
		.length = BLOCK,
	};
	pid_t pid;

	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_RELEASE, &seal));
	mark_idle(self->control);
	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	EXPECT_EQ(NR - 1, claim_by_call(self->fd).taken);
	self->memory[BLOCK] = 1;
	pid = vfork();
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		self->memory[0] = 1;
		_exit(0);
	}
	EXPECT_EQ(128 + SIGBUS, wait_for(pid));
}

/* --- the control page ------------------------------------------------------ */

TEST_F(idle, arena_has_one_control_page)
{
	struct arena_control *again = map_control(self->fd);

	ASSERT_NE(MAP_FAILED, again);
	EXPECT_NE(again, self->control);
	mark_idle(self->control);
	EXPECT_EQ(self->control->state, again->state);
	EXPECT_TRUE(claim_by_swap(again));
	EXPECT_EQ(ARENA_STATE_ACTIVE, self->control->state);
	/* The rest of the page is unused. */
	EXPECT_TRUE(is_zero((char *)again, PAGE));
	/* A release of the blocks does not affect the page. */
	again->state = ARENA_STATE_TAKEN;
	EXPECT_EQ(NR, release_all(self->fd));
	EXPECT_EQ(ARENA_STATE_TAKEN, self->control->state);
	EXPECT_EQ(0, munmap(again, PAGE));
}

TEST_F(idle, child_has_no_control_page)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid) {
		if (map_control(self->fd) != MAP_FAILED || errno != EPERM)
			_exit(1);
		signal(SIGSEGV, SIG_DFL);
		_exit(self->control->state == ARENA_STATE_ACTIVE ? 2 : 3);
	}
	EXPECT_EQ(128 + SIGSEGV, wait_for(pid));
}

static int mmap_errno(int fd, size_t length, int prot, int flags, long long offset)
{
	void *at = mmap(NULL, length, prot, flags, fd, offset);

	if (at == MAP_FAILED)
		return errno;
	munmap(at, length);
	return 0;
}

TEST_F(idle, bad_mmap_of_control_page_is_refused)
{
	const int rw = PROT_READ | PROT_WRITE;
	const long long at = ARENA_CONTROL_OFFSET;

	EXPECT_EQ(EINVAL, mmap_errno(self->fd, 2 * PAGE, rw, MAP_SHARED, at));
	EXPECT_EQ(EINVAL, mmap_errno(self->fd, PAGE, rw, MAP_PRIVATE, at));
	EXPECT_EQ(EINVAL, mmap_errno(self->fd, PAGE, rw, MAP_SHARED, at + PAGE));
	EXPECT_EQ(EINVAL, mmap_errno(self->fd, PAGE, rw, MAP_SHARED, at - PAGE));
	EXPECT_EQ(EACCES, mmap_errno(self->fd, PAGE, rw | PROT_EXEC, MAP_SHARED, at));
	EXPECT_EQ(0, mmap_errno(self->fd, PAGE, PROT_READ, MAP_SHARED, at));
	EXPECT_EQ(-1, mprotect(self->control, PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(MAP_FAILED, mremap(self->control, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
}

/* --- races ------------------------------------------------------------------ */

static volatile bool stop;

static void *drop_all_the_time(void *unused)
{
	while (!stop)
		drop_slab();
	return NULL;
}

/* Write one word of each page, so that a round is short. */
static void stamp(char *memory, unsigned long long round)
{
	size_t i;

	for (i = 0; i < NR * BLOCK; i += PAGE)
		*(volatile unsigned long long *)(memory + i) = round;
}

/*
 * Count the blocks with this stamp in each page; return -1 if one is neither
 * whole nor zero.
 */
static int count_whole(const char *memory, unsigned long long round)
{
	int whole = 0;
	size_t i, page;

	for (i = 0; i < NR * BLOCK; i += BLOCK) {
		size_t stamped = 0;

		for (page = i; page < i + BLOCK; page += PAGE) {
			unsigned long long seen =
				*(const volatile unsigned long long *)(memory + page);

			if (seen && seen != round)
				return -1;
			stamped += seen == round;
		}
		if (stamped && stamped != BLOCK / PAGE)
			return -1;
		whole += !!stamped;
	}
	return whole;
}

TEST_F(idle, claim_against_concurrent_reclaim)
{
	unsigned long long round, kept = 0, lost = 0;
	pthread_t thread;

	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	stop = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, drop_all_the_time, NULL));
	for (round = 1; round <= ROUNDS || !kept || !lost; round++) {
		struct arena_ioc_claim claimed;

		stamp(self->memory, round);
		mark_idle(self->control);
		if (round % 3)
			usleep(round * 7919 % 300);
		if (claim_by_swap(self->control)) {
			kept++;
			ASSERT_EQ(NR, count_whole(self->memory, round));
			continue;
		}
		lost++;
		claimed = claim_by_call(self->fd);
		ASSERT_EQ(NR, claimed.blocks + claimed.taken);
		ASSERT_EQ(claimed.blocks, count_whole(self->memory, round));
		/* Data written after the claim must stay. */
		stamp(self->memory, ~round);
		ASSERT_EQ(NR, count_whole(self->memory, ~round));
	}
	stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	printf("# %llu rounds kept their contents, %llu did not\n", kept, lost);
	EXPECT_GT(kept, 0);
	EXPECT_GT(lost, 0);
}

static void *scribble(void *control)
{
	unsigned int seed = pick_seed();

	while (!stop) {
		((volatile unsigned int *)control)[0] = rand_r(&seed);
		((volatile unsigned int *)control)[1] = rand_r(&seed);
	}
	return NULL;
}

/*
 * Random states lose contents of this arena, but not of another one of the same
 * process.
 */
TEST_F(idle, random_state_words_harm_own_arena_only)
{
	int fd = open_arena(), i;
	pthread_t threads[2];
	char *other;

	ASSERT_GE(fd, 0);
	other = map_blocks(fd, NR);
	ASSERT_NE(MAP_FAILED, other);
	memset(other, 0x3d, NR * BLOCK);
	ASSERT_NE(MAP_FAILED, map_control(fd));
	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	stop = false;
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, drop_all_the_time, NULL));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, scribble, self->control));
	for (i = 0; i < ROUNDS / 10 || !stats_of(self->fd).taken; i++) {
		touch(self->memory, NR * BLOCK, i);
		if (i % 7 == 0)
			claim_by_call(self->fd);
		if (i % 11 == 0)
			release_all(self->fd);
	}
	stop = true;
	ASSERT_EQ(0, pthread_join(threads[0], NULL));
	ASSERT_EQ(0, pthread_join(threads[1], NULL));
	EXPECT_GT(stats_of(self->fd).taken, 0);
	claim_by_call(self->fd);
	EXPECT_EQ(ARENA_STATE_ACTIVE, self->control->state);
	EXPECT_EQ(NR, blocks_of(fd));
	EXPECT_TRUE(is_whole(other, NR * BLOCK, 0x3d));
	close(fd);
}

TEST_HARNESS_MAIN
