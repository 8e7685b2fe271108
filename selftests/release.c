// SPDX-License-Identifier: GPL-2.0-only
/*
 * Release: all memory goes back at once, and the next touch finds zeroed
 * memory, also during concurrent operations. The same when a process dies.
 */
#include "arena_test.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include "harness.h"

#define NR	32

FIXTURE(release) {
	int fd;
	char *memory;
};

FIXTURE_SETUP(release)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	self->memory = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, self->memory);
}

FIXTURE_TEARDOWN(release)
{
	close(self->fd);
}

/*
 * Memory goes back to the pools, and from there to the system when it needs
 * memory.
 */
TEST_F(release, release_gives_memory_back)
{
	/* The pools keep blocks up to their low watermark. */
	const long nr = 128, slack = 8 + pool_count("min");
	char *memory = map_blocks(self->fd, nr);
	long before, after = 0;
	int i;

	ASSERT_NE(MAP_FAILED, memory);
	touch(memory, nr * BLOCK, 1);
	ASSERT_TRUE(drop_slab());
	before = system_free_kib();
	ASSERT_EQ(nr, release_all(self->fd));
	EXPECT_EQ(0, blocks_of(self->fd));
	EXPECT_EQ(0, smaps_kib(memory, "Rss"));
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));

	for (i = 0; i < 2000; i++) {
		ASSERT_TRUE(drop_slab());
		after = system_free_kib();
		if (after - before >= (nr - slack) * 2048)
			break;
		usleep(10000);
	}
	EXPECT_GE(after - before, (nr - slack) * 2048);
}

TEST_F(release, memory_is_zero_after_release)
{
	memset(self->memory, 0x77, NR * BLOCK);
	ASSERT_EQ(NR, release_all(self->fd));
	EXPECT_TRUE(is_zero(self->memory, NR * BLOCK));
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_EQ(NR * 2048, smaps_kib(self->memory, "FilePmdMapped"));
}

TEST_F(release, release_of_scattered_blocks)
{
	int i;

	ASSERT_EQ(NR, release_all(self->fd));
	for (i = 0; i < NR; i += 3)
		self->memory[i * BLOCK] = 1;
	EXPECT_EQ(11, blocks_of(self->fd));
	EXPECT_EQ(11, release_all(self->fd));
	EXPECT_EQ(0, smaps_kib(self->memory, "Rss"));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(0, self->memory[i * BLOCK]);
	}
}

TEST_F(release, release_of_range)
{
	char *elsewhere = map_blocks(self->fd, NR);
	int i;

	ASSERT_NE(MAP_FAILED, elsewhere);
	for (i = 0; i < NR; i++)
		memset(self->memory + i * BLOCK, 1 + i, BLOCK);
	touch(elsewhere, NR * BLOCK, 0x77);
	ASSERT_EQ(8, release_range(self->fd, 4 * BLOCK, 8 * BLOCK));
	EXPECT_EQ(NR - 8, blocks_of(self->fd));
	EXPECT_EQ((NR - 8) * 2048, smaps_kib(self->memory, "Rss"));
	EXPECT_EQ((NR - 8) * 2048, smaps_kib(elsewhere, "Rss"));
	for (i = 0; i < NR; i++) {
		if (i >= 4 && i < 12) {
			EXPECT_TRUE(is_zero(self->memory + i * BLOCK, BLOCK));
		} else {
			EXPECT_EQ(0x77, self->memory[i * BLOCK]);
			EXPECT_EQ(1 + i, self->memory[i * BLOCK + 1]);
		}
	}
	/*
	 * All blocks are committed again; a range may extend beyond the last
	 * one.
	 */
	EXPECT_EQ(NR - 30, release_range(self->fd, 30 * BLOCK, (size_t)1 << 50));
	EXPECT_EQ(0, release_range(self->fd, 30 * BLOCK, 2 * BLOCK));
	EXPECT_EQ(30, release_all(self->fd));
}

/*
 * A program that was compiled before ranges existed passes a shorter structure.
 */
TEST_F(release, shorter_structure_releases_all)
{
	struct arena_ioc_release release = {
		.size = 16, .offset = BLOCK, .length = BLOCK,
	};

	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_RELEASE, &release));
	EXPECT_EQ(16, release.size);
	EXPECT_EQ(NR, release.blocks);
	EXPECT_EQ(BLOCK, release.length);
}

TEST_F(release, released_range_can_be_committed_by_mmap)
{
	ASSERT_EQ(NR, release_all(self->fd));
	EXPECT_EQ(0, blocks_of(self->fd));
	ASSERT_NE(MAP_FAILED, map_blocks(self->fd, 5));
	EXPECT_EQ(5, blocks_of(self->fd));
}

/*
 * A page in a pipe keeps its contents; a touch of its address gets another
 * block.
 */
TEST_F(release, pinned_page_keeps_contents_after_release)
{
	char seen[PAGE];
	struct iovec iov = { .iov_base = self->memory, .iov_len = PAGE };
	int pipes[2];

	memset(self->memory, 0x66, PAGE);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(PAGE, vmsplice(pipes[1], &iov, 1, 0));

	ASSERT_EQ(NR, release_all(self->fd));
	EXPECT_EQ(1, pool_settled("quarantined", 1));
	EXPECT_EQ(0, self->memory[0]);
	self->memory[0] = 0x55;

	ASSERT_EQ(PAGE, read(pipes[0], seen, PAGE));
	EXPECT_EQ(0x66, seen[0]);
	EXPECT_EQ(0x66, seen[PAGE - 1]);
	EXPECT_EQ(0, pool_settled("quarantined", 0));
}

struct race {
	char *memory;
	atomic_bool stop;
};

/* Few blocks and more threads than CPUs, so that operations collide. */
#define RACE_BLOCKS	4
#define RACE_THREADS	8

static void *toucher(void *data)
{
	struct race *race = data;
	unsigned int seed = (unsigned long)&seed >> 12;

	while (!atomic_load(&race->stop))
		((volatile char *)race->memory)[rand_r(&seed) % RACE_BLOCKS * BLOCK] = 1;
	return NULL;
}

/*
 * A fault that found a block before the release and maps it afterwards would
 * leave a mapping of a released block. The mapping holds a reference, so the
 * block stays in quarantine until a later release happens to unmap it; so check
 * the quarantine now and then.
 */
TEST_F(release, release_against_faults)
{
	struct race race = { .memory = self->memory };
	pthread_t threads[RACE_THREADS];
	int round, i;

	ASSERT_EQ(NR, release_all(self->fd));
	for (i = 0; i < RACE_THREADS; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, toucher, &race));
	}
	for (round = 0; round < 2000; round++) {
		/* If touches commit nothing, they reach released blocks. */
		for (i = 0; i < 100000 && blocks_of(self->fd) < 2; i++)
			sched_yield();
		ASSERT_GE(release_all(self->fd), 2);
		if (round % 50 == 49) {
			ASSERT_EQ(0, pool_settled("quarantined", 0));
		}
	}
	atomic_store(&race.stop, true);
	for (i = 0; i < RACE_THREADS; i++)
		pthread_join(threads[i], NULL);
	/*
	 * The last release may have unmapped new blocks along with old ones. A
	 * touch maps them again. If an old block were still mapped, a touch
	 * there would not commit a new one.
	 */
	touch(self->memory, RACE_BLOCKS * BLOCK, 1);
	EXPECT_EQ(RACE_BLOCKS, blocks_of(self->fd));
	EXPECT_EQ(RACE_BLOCKS * 2048, smaps_kib(self->memory, "Rss"));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
	EXPECT_EQ(RACE_BLOCKS, release_all(self->fd));
	EXPECT_TRUE(is_zero(self->memory, NR * BLOCK));
}

/* Map and unmap regions, while other threads commit and release. */
static void *mapper(void *data)
{
	struct race *race = data;
	int fd = *(int *)race->memory;
	char *memory;

	while (!atomic_load(&race->stop)) {
		memory = map_blocks(fd, 4);
		if (memory == MAP_FAILED)
			return (void *)"mmap failed";
		memory[BLOCK] = 1;
		munmap(memory, 4 * BLOCK);
	}
	return NULL;
}

/* Read the number of blocks at the same time. */
static void *asker(void *data)
{
	struct race *race = data;
	int fd = *(int *)race->memory;
	long blocks;

	while (!atomic_load(&race->stop)) {
		blocks = blocks_of(fd);
		if (blocks < 0 || blocks > NR)
			return (void *)"not a number of blocks";
	}
	return NULL;
}

TEST_F(release, release_against_mmap_and_munmap)
{
	struct race race = { .memory = (char *)&self->fd };
	pthread_t threads[4];
	void *error;
	int round, i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, i ? mapper : asker,
					    &race));
	}
	for (round = 0; round < 300; round++) {
		ASSERT_GE(release_all(self->fd), 0);
	}
	atomic_store(&race.stop, true);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &error);
		EXPECT_EQ(NULL, error);
	}
	EXPECT_GE(release_all(self->fd), 0);
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
}

/* A process that dies leaves no block behind. */

static void hold_blocks(unsigned int seed)
{
	char *memory;
	int fd, nr;

	for (;;) {
		fd = open_arena();
		if (fd < 0)
			_exit(1);
		nr = 1 + rand_r(&seed) % 3;
		memory = map_blocks(fd, nr);
		if (memory == MAP_FAILED)
			_exit(2);
		touch(memory, nr * BLOCK, 1);
		if (rand_r(&seed) % 2)
			release_all(fd);
		if (rand_r(&seed) % 2)
			munmap(memory, BLOCK);
		close(fd);	/* a mapping, if there is one, keeps the arena */
		if (rand_r(&seed) % 2)
			munmap(memory, nr * BLOCK);
	}
}

FIXTURE(release_at_death) {
};

FIXTURE_SETUP(release_at_death)
{
	/* No other arena exists. */
	ASSERT_EQ(0, pool_settled("in_use", 0));
}

FIXTURE_TEARDOWN(release_at_death)
{
}

TEST_F(release_at_death, thousand_kills_leave_no_block)
{
	unsigned int seed = getpid();
	int round, status;
	pid_t pid;

	TH_LOG("seed %u", seed);
	for (round = 0; round < 1000; round++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			hold_blocks(seed + round);
		usleep(rand_r(&seed) % 8000);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		status = wait_for(pid);
		ASSERT_EQ(128 + SIGKILL, status);
	}
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
}

TEST_F(release_at_death, close_frees_all_blocks)
{
	int fd = open_arena();
	char *memory = map_blocks(fd, NR);

	ASSERT_NE(MAP_FAILED, memory);
	/* The mapping keeps the arena. */
	close(fd);
	EXPECT_EQ(NR, pool_count("in_use"));
	/*
	 * The arena ends when it is closed and unmapped, even if its owner
	 * lives on.
	 */
	ASSERT_EQ(0, munmap(memory, NR * BLOCK));
	EXPECT_EQ(0, pool_settled("in_use", 0));
}

TEST_F(release_at_death, close_frees_kept_blocks)
{
	struct arena_ioc_set_flags flags = {
		.size = sizeof(flags), .arena_flags = ARENA_F_KEEP_DIRTY,
	};
	const long nr = 64, slack = 8;
	long before = free_kib(), after;
	int fd = open_arena();
	char *memory;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, ioctl(fd, ARENA_IOC_SET_FLAGS, &flags));
	memory = map_blocks(fd, nr);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(nr, release_all(fd));
	EXPECT_GT(pool_count("cached"), 0);
	/* The mapping keeps the file. */
	close(fd);
	EXPECT_GT(pool_count("cached"), 0);
	ASSERT_EQ(0, munmap(memory, nr * BLOCK));
	EXPECT_EQ(0, pool_count("cached"));
	after = free_kib();
	EXPECT_GE(after, before - slack * 2048);
}

TEST_F(release_at_death, exit_frees_all_blocks)
{
	pid_t pid = fork();
	int fd;

	if (!pid) {
		fd = open_arena();
		touch(map_blocks(fd, NR), NR * BLOCK, 1);
		_exit(0);
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(0, pool_settled("in_use", 0));
}

/*
 * The owner ends while another process has a descriptor of the arena. That
 * process cannot use the blocks, so they must be released.
 */
FIXTURE(release_heir) {
	pid_t owner;
	pid_t heir;
	int fd;
	int sockets[2];
};

FIXTURE_VARIANT(release_heir) {
	/* Whether the owner ends by exec. */
	bool execs;
	/* The descriptor was sent over a socket, not inherited. */
	bool is_sent;
	/* Whether the owner has a region and a descriptor when it ends. */
	bool is_mapped;
	bool is_open;
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(release_heir, by_fork) { .is_mapped = true, .is_open = true };
FIXTURE_VARIANT_ADD(release_heir, by_fork_without_a_region) { .is_open = true };
FIXTURE_VARIANT_ADD(release_heir, by_fork_without_a_descriptor) { .is_mapped = true };
FIXTURE_VARIANT_ADD(release_heir, by_fork_without_either) { };
FIXTURE_VARIANT_ADD(release_heir, by_a_socket) { .is_sent = true, .is_mapped = true };
FIXTURE_VARIANT_ADD(release_heir, by_exec) { .execs = true, .is_mapped = true, .is_open = true };
FIXTURE_VARIANT_ADD(release_heir, by_exec_without_a_region) { .execs = true, .is_open = true };
FIXTURE_VARIANT_ADD(release_heir, of_a_cache) {
	.is_mapped = true, .is_open = true, .flags = ARENA_F_KEEP_DIRTY,
};

FIXTURE_SETUP(release_heir)
{
	/* No other arena exists. */
	ASSERT_EQ(0, pool_settled("in_use", 0));
	ASSERT_EQ(0, pool_settled("cached", 0));
	self->fd = -1;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->sockets));
}

FIXTURE_TEARDOWN(release_heir)
{
}

static pid_t start_heir(void)
{
	pid_t pid = fork();

	if (!pid) {
		/* If the test fails, nothing else ends this process. */
		alarm(HANG);
		pause();
		_exit(0);
	}
	return pid;
}

static void be_owner(const FIXTURE_VARIANT(release_heir) *variant, int socket)
{
	/* Not open_arena(), since exec must not close the descriptor. */
	int fd = open(DEVICE, O_RDWR);
	pid_t heir = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (set_arena_flags(fd, variant->flags))
		_exit(1);
	/* Either call registers the owner. */
	if (variant->is_mapped)
		touch(map_blocks(fd, NR), NR * BLOCK, 1);
	else
		commit_blocks(fd, 0, NR);
	if (release_range(fd, 0, 2 * BLOCK) != 2)
		_exit(1);
	if (variant->is_sent && send_descriptor(socket, fd))
		_exit(2);
	if (!variant->is_sent && !variant->execs)
		heir = start_heir();
	if (!variant->is_open)
		close(fd);
	if (write(socket, &heir, sizeof(heir)) != sizeof(heir))
		_exit(3);
	if (variant->execs)
		execl("/bin/sleep", "sleep", "10000", NULL);
	pause();
}

TEST_F(release_heir, heir_of_descriptor_keeps_no_blocks)
{
	char byte;

	self->owner = fork();
	ASSERT_GE(self->owner, 0);
	if (!self->owner) {
		close(self->sockets[0]);
		be_owner(variant, self->sockets[1]);
	}
	close(self->sockets[1]);
	if (variant->is_sent) {
		self->fd = receive_descriptor(self->sockets[0]);
		ASSERT_GE(self->fd, 0);
	}
	ASSERT_EQ(sizeof(self->heir), read(self->sockets[0], &self->heir, sizeof(self->heir)));
	if (variant->execs) {
		/* exec closes the socket. */
		ASSERT_EQ(0, read(self->sockets[0], &byte, 1));
	} else {
		EXPECT_GE(pool_count("in_use"), NR - 2);
		ASSERT_EQ(0, kill(self->owner, SIGKILL));
		ASSERT_EQ(128 + SIGKILL, wait_for(self->owner));
	}
	/*
	 * All blocks are released before the parent's wait for the owner
	 * returns.
	 */
	EXPECT_EQ(0, pool_count("in_use"));
	EXPECT_EQ(0, pool_count("cached"));
	EXPECT_EQ(0, pool_count("quarantined"));
	if (variant->execs) {
		ASSERT_EQ(0, kill(self->owner, SIGKILL));
		ASSERT_EQ(128 + SIGKILL, wait_for(self->owner));
	}
	if (self->heir)
		EXPECT_EQ(0, kill(self->heir, SIGKILL));
	if (self->fd >= 0)
		close(self->fd);
}

/*
 * Kill a process while it commits. Return the most blocks that it had after the
 * signal, or -1.
 */
static long kill_while_committing(long nr)
{
	pid_t pid = fork();
	long most = 0, now;
	int fd;

	if (!pid) {
		fd = open_arena();
		map_blocks(fd, nr);
		pause();
	}
	while (pool_count("in_use") < 16)
		usleep(100);
	if (kill(pid, SIGKILL))
		return -1;
	while (!waitpid(pid, NULL, WNOHANG)) {
		now = pool_count("in_use");
		if (now > most)
			most = now;
	}
	return pool_settled("in_use", 0) ? -1 : most;
}

/*
 * The process is killed in the middle of a commit of three quarters of the free
 * memory. The signal may come too late if the host does not schedule the CPU,
 * so one success in ten tries is enough.
 */
TEST_F(release_at_death, kill_during_commit_leaves_no_block)
{
	long nr = meminfo_kib("MemFree") / 2048 * 3 / 4, most = nr;
	int i;

	for (i = 0; i < 10 && most >= nr / 2; i++) {
		most = kill_while_committing(nr);
		ASSERT_GE(most, 0);
	}
	/* The commit did not run to its end before the process died. */
	EXPECT_LT(most, nr / 2);
}

TEST_HARNESS_MAIN
