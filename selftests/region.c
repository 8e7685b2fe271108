// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: committed at mmap(), zeroed, on the right node, mapped by PMD, and
 * otherwise like any shared file mapping.
 */
#include "arena_test.h"
#include <pthread.h>
#include <stdint.h>
#include <linux/futex.h>
#include "harness.h"

#define NR	8

FIXTURE(region) {
	int fd;
};

FIXTURE_SETUP(region)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(region)
{
	close(self->fd);
}

TEST_F(region, info_describes_the_module)
{
	struct arena_ioc_info info = { .size = sizeof(info) };

	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_INFO, &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(ARENA_ABI_VERSION, info.abi_version);
	EXPECT_EQ(BLOCK, info.block_size);
	EXPECT_EQ(0, info.blocks);
	EXPECT_EQ(ARENA_FEATURE_COMMIT | ARENA_FEATURE_RELEASE |
		  ARENA_FEATURE_RESERVE | ARENA_FEATURE_RELEASE_RANGE |
		  ARENA_FEATURE_POLICY | ARENA_FEATURE_KEEP_DIRTY |
		  ARENA_FEATURE_COMMIT_RANGE | ARENA_FEATURE_REGION_INFO |
		  ARENA_FEATURE_STATS | ARENA_FEATURE_LIMIT |
		  ARENA_FEATURE_SEAL | ARENA_FEATURE_NODUMP |
		  ARENA_FEATURE_IDLE | ARENA_FEATURE_FREEZE,
		  info.features);
}

TEST_F(region, mmap_commits_every_block)
{
	long before = pool_count("in_use");

	ASSERT_NE(MAP_FAILED, map_blocks(self->fd, NR));
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_EQ(before + NR, pool_count("in_use"));
}

TEST_F(region, one_pmd_maps_each_block)
{
	char *memory = map_blocks(self->fd, NR);

	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(0, (unsigned long)memory % BLOCK);
	EXPECT_EQ(0, smaps_kib(memory, "Rss"));

	touch(memory, NR * BLOCK, 1);
	EXPECT_EQ(NR * 2048, smaps_kib(memory, "Rss"));
	EXPECT_EQ(NR * 2048, smaps_kib(memory, "FilePmdMapped"));
}

TEST_F(region, one_fault_maps_a_block_for_reading_and_writing)
{
	char *memory = map_blocks(self->fd, 1);
	volatile char byte;

	ASSERT_NE(MAP_FAILED, memory);
	byte = memory[BLOCK / 2];
	EXPECT_EQ(0, byte);
	EXPECT_EQ(2048, smaps_kib(memory, "FilePmdMapped"));
	memory[0] = 1;
	EXPECT_EQ(2048, smaps_kib(memory, "FilePmdMapped"));
}

/*
 * Data of one arena must not be visible in the next one, which gets the same
 * blocks.
 */
TEST_F(region, blocks_are_zeroed)
{
	const size_t nr = 64;
	char *memory = map_blocks(self->fd, nr);
	int fd;

	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 0x5a, nr * BLOCK);
	munmap(memory, nr * BLOCK);
	close(self->fd);

	fd = open_arena();
	ASSERT_GE(fd, 0);
	memory = map_blocks(fd, nr);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_TRUE(is_zero(memory, nr * BLOCK));
	close(fd);
}

TEST_F(region, regions_at_same_offset_share_memory)
{
	char *one = map_blocks(self->fd, 2);
	char *two = mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, self->fd, BLOCK);

	ASSERT_NE(MAP_FAILED, one);
	ASSERT_NE(MAP_FAILED, two);
	EXPECT_EQ(2, blocks_of(self->fd));
	one[BLOCK + 5] = 42;
	EXPECT_EQ(42, two[5]);
}

TEST_F(region, munmap_keeps_the_blocks)
{
	char *memory = map_blocks(self->fd, 1);

	ASSERT_NE(MAP_FAILED, memory);
	memory[7] = 7;
	ASSERT_EQ(0, munmap(memory, BLOCK));
	EXPECT_EQ(1, blocks_of(self->fd));
	memory = map_blocks(self->fd, 1);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(7, memory[7]);
	EXPECT_EQ(1, blocks_of(self->fd));
}

TEST_F(region, noreserve_commits_at_first_touch)
{
	char *memory = mmap(NULL, NR * BLOCK, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, self->fd, 0);

	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(0, blocks_of(self->fd));
	memory[3 * BLOCK] = 1;
	EXPECT_EQ(1, blocks_of(self->fd));
	EXPECT_EQ(2048, smaps_kib(memory, "FilePmdMapped"));
}

TEST_F(region, prot_none_commits_at_first_touch)
{
	const size_t bytes = (size_t)1 << 40;
	char *memory = mmap(NULL, bytes, PROT_NONE, MAP_SHARED, self->fd, 0);

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, mprotect(memory, bytes, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, blocks_of(self->fd));
	memory[bytes - 1] = 1;
	EXPECT_EQ(1, blocks_of(self->fd));
}

TEST_F(region, populate_maps_in_one_call)
{
	char *memory = mmap(NULL, NR * BLOCK, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, self->fd, 0);

	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(NR * 2048, smaps_kib(memory, "FilePmdMapped"));
}

/*
 * A request for more memory than the machine has fails at once and takes
 * nothing.
 */
TEST_F(region, mmap_of_too_much_is_enomem)
{
	size_t ram = meminfo_kib("MemTotal") * (size_t)1024 & -BLOCK;
	long before = free_kib();

	EXPECT_EQ(MAP_FAILED, map_blocks(self->fd, (size_t)1 << 20));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(MAP_FAILED, map_blocks(self->fd, ram / BLOCK));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, blocks_of(self->fd));
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_GE(free_kib(), before - 16384);
	/* The arena still works. */
	EXPECT_NE(MAP_FAILED, map_blocks(self->fd, 1));
}

/*
 * If there is no memory at first touch, MADV_POPULATE_WRITE returns an error
 * and there is no signal. Page tables need memory, too; if there is none for
 * them, the OOM killer ends the process that holds all the blocks.
 */
static int populate_all(int fd)
{
	size_t bytes = meminfo_kib("MemTotal") * (size_t)1024 & -BLOCK;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, fd, 0);
	long blocks;

	if (memory == MAP_FAILED)
		return 1;
	if (!madvise(memory, bytes, MADV_POPULATE_WRITE) || errno != EFAULT)
		return 2;
	blocks = blocks_of(fd);
	return blocks > 0 && release_all(fd) == blocks ? 0 : 3;
}

TEST_F(region, populate_without_memory_fails)
{
	pid_t pid = fork();
	int status;

	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(populate_all(open_arena()));
	status = wait_for(pid);
	EXPECT_EQ(0, pool_settled("in_use", 0));
	if (status == 128 + SIGKILL)
		SKIP(return, "the OOM killer came first");
	EXPECT_EQ(0, status);
}

TEST_F(region, misaligned_address_hint_is_rounded)
{
	char *hint = (char *)0x700000001000UL;
	char *memory = mmap(hint, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED,
			    self->fd, 0);

	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(0, (unsigned long)memory % BLOCK);
}

TEST_F(region, region_can_be_changed_page_by_page)
{
	char *memory = map_blocks(self->fd, 2), *moved;

	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 0x11, 2 * BLOCK);

	/*
	 * A hole of one page and a read-only page: the PMD is split, and the
	 * contents stay.
	 */
	ASSERT_EQ(0, munmap(memory + 5 * PAGE, PAGE));
	ASSERT_EQ(0, mprotect(memory + 9 * PAGE, PAGE, PROT_READ));
	EXPECT_EQ(0x11, memory[4 * PAGE]);
	EXPECT_EQ(0x11, memory[9 * PAGE]);
	EXPECT_EQ(0x11, memory[BLOCK - 1]);
	memory[10 * PAGE] = 0x22;

	/* Move a part of the region elsewhere. */
	moved = mremap(memory + 16 * PAGE, 16 * PAGE, 16 * PAGE, MREMAP_MAYMOVE |
		       MREMAP_FIXED, memory + 5 * BLOCK + PAGE);
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(0x11, moved[0]);
	moved = mremap(memory + BLOCK, BLOCK, BLOCK,
		       MREMAP_MAYMOVE | MREMAP_FIXED, memory + 8 * BLOCK);
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(0x11, moved[BLOCK - 1]);

	EXPECT_EQ(0, msync(memory + BLOCK / 2, PAGE, MS_SYNC));

	/* The mapping is dropped, the memory is kept. */
	ASSERT_EQ(0, madvise(memory, PAGE, MADV_DONTNEED));
	EXPECT_EQ(0x11, memory[0]);
	EXPECT_EQ(2, blocks_of(self->fd));
	EXPECT_EQ(2, release_all(self->fd));
	EXPECT_EQ(0, memory[0]);
	EXPECT_EQ(0, memory[10 * PAGE]);
	EXPECT_EQ(0, moved[BLOCK - 1]);
}

/* madvise() calls that would split or reclaim a block have no effect on it. */
TEST_F(region, block_is_never_split_or_reclaimed)
{
	char *memory = map_blocks(self->fd, 1);

	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 0x33, BLOCK);
	madvise(memory + PAGE, PAGE, MADV_COLD);
	madvise(memory + PAGE, PAGE, MADV_PAGEOUT);
	madvise(memory, BLOCK, MADV_PAGEOUT);
	EXPECT_EQ(0x33, memory[0]);
	EXPECT_EQ(0x33, memory[PAGE]);
	EXPECT_EQ(2048, smaps_kib(memory, "FilePmdMapped"));
	EXPECT_EQ(0, mlock(memory, BLOCK));
	EXPECT_EQ(0, munlock(memory, BLOCK));
	EXPECT_EQ(1, release_all(self->fd));
}

/* Return the page frame number at an address, which must be mapped. */
static unsigned long frame_of(const char *addr)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)addr / PAGE * 8) < 0)
		entry = 0;
	close(fd);
	return entry & ((1ULL << 55) - 1);
}

TEST_F(region, contiguous_commit_is_one_extent)
{
	const size_t nr = 16;
	struct arena_ioc_commit commit = {
		.size = sizeof(commit), .flags = ARENA_COMMIT_CONTIG,
		.length = nr * BLOCK,
	};
	uint64_t nodes[64] = { 0 }, sum = 0;
	struct arena_ioc_region_info info = {
		.size = sizeof(info), .length = 2 * nr * BLOCK,
		.nr_nodes = 64, .node_blocks = (uintptr_t)nodes,
	};
	char *memory;
	size_t i;

	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_COMMIT, &commit));
	EXPECT_EQ(nr, commit.blocks);
	EXPECT_EQ(nr, blocks_of(self->fd));
	memory = map_blocks(self->fd, nr);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(nr, blocks_of(self->fd));
	for (i = 0; i < nr - 1; i++) {
		memory[i * BLOCK] = 1;
		memory[(i + 1) * BLOCK] = 1;
		EXPECT_EQ(frame_of(memory + i * BLOCK) + BLOCK / PAGE,
			  frame_of(memory + (i + 1) * BLOCK));
	}
	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_REGION_INFO, &info));
	EXPECT_EQ(nr, info.resident);
	EXPECT_EQ(nr, info.mapped);
	EXPECT_EQ(1, info.extents);
	EXPECT_EQ(nr, info.largest);
	for (i = 0; i < 64; i++)
		sum += nodes[i];
	EXPECT_EQ(nr, sum);
	EXPECT_EQ(nr, nodes[node_of(memory)]);

	/* A hole leaves two extents; none of the blocks is mapped. */
	munmap(memory, nr * BLOCK);
	ASSERT_EQ(1, release_range(self->fd, 4 * BLOCK, BLOCK));
	info.nr_nodes = 0;
	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_REGION_INFO, &info));
	EXPECT_EQ(nr - 1, info.resident);
	EXPECT_EQ(0, info.mapped);
	EXPECT_EQ(2, info.extents);
	EXPECT_EQ(nr - 5, info.largest);
}

/*
 * Data of other arenas is never visible. The arena's own data is, if it asked
 * for that.
 */
TEST_F(region, kept_blocks_return_to_same_arena_only)
{
	struct arena_ioc_set_flags flags = {
		.size = sizeof(flags), .arena_flags = ARENA_F_KEEP_DIRTY,
	};
	struct arena_ioc_stats before, after;
	const size_t nr = 4;
	char *memory;
	size_t i;

	/* Kept blocks are reused only by a thread on their node. */
	ASSERT_TRUE(run_on_node(0));
	memory = map_blocks(self->fd, nr);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_SET_FLAGS, &flags));
	memset(memory, 0x55, nr * BLOCK);
	ASSERT_EQ(nr, release_all(self->fd));
	before = stats_of(self->fd);
	EXPECT_EQ(nr, before.cached);
	EXPECT_EQ(nr, before.released);
	for (i = 0; i < nr; i++) {
		EXPECT_EQ(0x55, memory[i * BLOCK + i]);
	}
	after = stats_of(self->fd);
	EXPECT_EQ(0, after.cached);
	EXPECT_EQ(before.from_cache + nr, after.from_cache);
	EXPECT_EQ(before.zeroed, after.zeroed);

	/* Without the flag, blocks are zeroed again. */
	flags.arena_flags = 0;
	ASSERT_EQ(nr, release_all(self->fd));
	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_SET_FLAGS, &flags));
	EXPECT_EQ(0, stats_of(self->fd).cached);
	EXPECT_TRUE(is_zero(memory, nr * BLOCK));
}

/* fdinfo, smaps and ARENA_IOC_STATS agree. */
TEST_F(region, all_counters_agree)
{
	struct arena_ioc_set_flags flags = {
		.size = sizeof(flags), .arena_flags = ARENA_F_KEEP_DIRTY,
	};
	const long nr = 6, kib = BLOCK / 1024;
	struct arena_ioc_stats stats;
	char *memory;

	ASSERT_TRUE(run_on_node(0));
	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_SET_FLAGS, &flags));
	memory = map_blocks(self->fd, nr);
	ASSERT_NE(MAP_FAILED, memory);
	touch(memory, nr * BLOCK, 1);
	ASSERT_EQ(2, release_range(self->fd, 0, 2 * BLOCK));
	stats = stats_of(self->fd);
	EXPECT_EQ(nr - 2, stats.blocks);
	EXPECT_EQ(nr, stats.charged);
	EXPECT_EQ(2, stats.cached);
	EXPECT_EQ((nr - 2) * kib, smaps_kib(memory, "Rss"));
	EXPECT_EQ((nr - 2) * kib, fdinfo_kib(self->fd, "arena-resident-memory"));
	EXPECT_EQ((nr - 2) * kib, fdinfo_kib(self->fd, "arena-resident-node0"));
	EXPECT_EQ(2 * kib, fdinfo_kib(self->fd, "arena-cached-memory"));
	EXPECT_EQ(nr * kib, fdinfo_kib(self->fd, "arena-total-memory"));
}

/*
 * The worker zeroes blocks in advance: a commit from a warm pool does not zero
 * any.
 */
TEST_F(region, commit_from_warm_pool_zeroes_nothing)
{
	/*
	 * At most the low watermark of a node of 1 GiB; no more blocks are
	 * guaranteed to be ready.
	 */
	const size_t nr = 4;
	struct arena_ioc_stats stats;
	long zeroed;
	int i;

	ASSERT_TRUE(run_on_node(0));
	for (i = 0; i < 2000 && (pool_figure(0, "ready") < nr ||
				pool_figure(0, "dirty") > 0); i++)
		usleep(100000);
	ASSERT_GE(pool_figure(0, "ready"), nr);
	zeroed = pool_figure(0, "zeroed");
	ASSERT_NE(MAP_FAILED, map_blocks(self->fd, nr));
	EXPECT_EQ(zeroed, pool_figure(0, "zeroed"));
	stats = stats_of(self->fd);
	EXPECT_EQ(nr, stats.blocks);
	EXPECT_EQ(nr, stats.from_pool);
	EXPECT_EQ(0, stats.zeroed + stats.from_system + stats.from_cache);
}

FIXTURE(region_node) {
	int fd;
};

FIXTURE_VARIANT(region_node) {
	int node;
};

FIXTURE_VARIANT_ADD(region_node, 0) {
	.node = 0,
};

FIXTURE_VARIANT_ADD(region_node, 1) {
	.node = 1,
};

FIXTURE_SETUP(region_node)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	run_on_node(variant->node);
}

FIXTURE_TEARDOWN(region_node)
{
	close(self->fd);
}

TEST_F(region_node, blocks_are_on_node_of_caller)
{
	char *memory = map_blocks(self->fd, NR);
	int i;

	ASSERT_NE(MAP_FAILED, memory);
	/*
	 * The node is that of the thread that commits, not of the one that
	 * touches.
	 */
	if (!run_on_node(!variant->node))
		SKIP(return, "only one node");
	touch(memory, NR * BLOCK, 1);
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(variant->node, node_of(memory + i * BLOCK));
	}
}

TEST_F(region_node, first_touch_after_release_selects_node)
{
	char *memory = map_blocks(self->fd, NR);
	int i;

	ASSERT_NE(MAP_FAILED, memory);
	touch(memory, NR * BLOCK, 1);
	ASSERT_EQ(NR, release_all(self->fd));
	if (!run_on_node(!variant->node))
		SKIP(return, "only one node");
	touch(memory, NR * BLOCK, 1);
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(!variant->node, node_of(memory + i * BLOCK));
	}
}

TEST_F(region_node, task_policy_is_obeyed)
{
	unsigned long nodes = 1UL << !variant->node;
	char *memory;
	int i;

	if (syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 8 * sizeof(nodes)))
		SKIP(return, "only one node");
	memory = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, memory);
	touch(memory, NR * BLOCK, 1);
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(!variant->node, node_of(memory + i * BLOCK));
	}
}

#define MANY 256

struct commit {
	int fd;
	void *memory;
	int ended;
};

/* mmap() commits while it holds the mmap_lock. */
static void *commit_many(void *data)
{
	struct commit *commit = data;

	commit->memory = map_blocks(commit->fd, MANY);
	__atomic_store_n(&commit->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * All misc devices share a mutex, which is held while open() waits. If open()
 * returns while blocks are still missing, it did not wait for the commit. On a
 * busy host the commit may end before open() is called, so one success in ten
 * tries is enough.
 */
TEST_F(region, open_does_not_wait_for_a_commit)
{
	bool was_running = false;
	pthread_t thread;
	int i;

	for (i = 0; i < 10 && !was_running; i++) {
		struct commit commit = { .fd = open_arena() };

		ASSERT_GE(commit.fd, 0);
		ASSERT_EQ(0, pthread_create(&thread, NULL, commit_many, &commit));
		while (pool_count("in_use") < 8 &&
		       !__atomic_load_n(&commit.ended, __ATOMIC_ACQUIRE))
			usleep(100);
		EXPECT_EQ(0, close(open_arena()));
		was_running = pool_count("in_use") < MANY;
		pthread_join(thread, NULL);
		ASSERT_NE(MAP_FAILED, commit.memory);
		EXPECT_EQ(MANY, release_all(commit.fd));
		close(commit.fd);
	}
	EXPECT_TRUE(was_running);
}

/* The kernel unmaps the page before it returns the error. */
TEST_F(region, remap_file_pages_loses_the_page)
{
	char *memory = map_blocks(self->fd, 1);

	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(-1, syscall(SYS_remap_file_pages, memory + PAGE, PAGE, 0, 5, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, msync(memory + PAGE, PAGE, MS_ASYNC));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, msync(memory, PAGE, MS_ASYNC));
	EXPECT_EQ(1, blocks_of(self->fd));
}

/*
 * A shared futex is identified by its page's mapping, and blocks have none. So
 * process-shared and robust locks, and the stack of a thread that is joined,
 * cannot be in a region.
 */
TEST_F(region, shared_futexes_are_refused)
{
	int *word = (int *)map_blocks(self->fd, 1);
	struct timespec now = { 0 };

	ASSERT_NE(MAP_FAILED, (void *)word);
	EXPECT_EQ(-1, syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, syscall(SYS_futex, word, FUTEX_WAIT, 0, &now, NULL, 0));
	EXPECT_EQ(EFAULT, errno);
	/* Private futexes do not need a mapping. */
	EXPECT_EQ(0, syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	EXPECT_EQ(-1, syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, &now, NULL, 0));
	EXPECT_EQ(ETIMEDOUT, errno);
}

TEST_HARNESS_MAIN
