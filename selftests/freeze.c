// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frozen arenas: no process can write to one in any way, and each process that
 * has the descriptor can read it, mapped by huge pages.
 */
#include "arena_test.h"
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include "harness.h"

#ifndef MADV_DOFORK
#define MADV_DOFORK	11
#endif

#define NR	4
#define VALUE	0x7e

static char *map_to_read(int fd, size_t nr)
{
	return mmap(NULL, nr * BLOCK, PROT_READ, MAP_SHARED, fd, 0);
}

FIXTURE(freeze) {
	int fd;
	char *memory;
};

FIXTURE_SETUP(freeze)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	self->memory = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, self->memory);
	memset(self->memory, VALUE, NR * BLOCK);
	catch_faults();
}

FIXTURE_TEARDOWN(freeze)
{
	close(self->fd);
}

TEST_F(freeze, frozen_arena_rejects_writes)
{
	char *again, *part, byte = 1;
	struct iovec here = { &byte, 1 }, there = { self->memory, 1 };
	int mem;

	/* A second region, part of which is mapped by single pages. */
	again = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, again);
	ASSERT_EQ(0, mprotect(again + PAGE, PAGE, PROT_READ));
	touch(again + 2 * PAGE, PAGE, VALUE);
	ASSERT_EQ(0, freeze_arena(self->fd));
	EXPECT_EQ(0, freeze_arena(self->fd));

	EXPECT_EQ(SIGSEGV, signal_of_touch(self->memory, true));
	EXPECT_EQ(SIGSEGV, signal_of_touch(self->memory + NR * BLOCK - 1, true));
	EXPECT_EQ(SIGSEGV, signal_of_touch(again, true));
	EXPECT_EQ(SIGSEGV, signal_of_touch(again + 2 * PAGE, true));
	EXPECT_EQ(0, signal_of_touch(self->memory, false));
	/* A write faults also after a read has mapped the block. */
	EXPECT_EQ(SIGSEGV, signal_of_touch(self->memory, true));
	EXPECT_EQ(-1, mprotect(self->memory, NR * BLOCK, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(again + PAGE, PAGE, PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, map_blocks(self->fd, 1));
	EXPECT_EQ(EROFS, errno);
	part = mmap(NULL, BLOCK, PROT_WRITE, MAP_SHARED | MAP_NORESERVE, self->fd, 0);
	EXPECT_EQ(MAP_FAILED, part);
	EXPECT_EQ(EROFS, errno);
	/* Neither the kernel nor a debugger can write. */
	EXPECT_EQ(-1, process_vm_writev(getpid(), &here, 1, &there, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	mem = open("/proc/self/mem", O_RDWR);
	ASSERT_GE(mem, 0);
	EXPECT_EQ(-1, pwrite(mem, &byte, 1, (off_t)(unsigned long)self->memory));
	close(mem);
	EXPECT_EQ(-1, madvise(self->memory, BLOCK, MADV_POPULATE_WRITE));
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, VALUE));
	EXPECT_TRUE(is_whole(again, NR * BLOCK, VALUE));
	EXPECT_EQ(NR * 2048, smaps_kib(self->memory, "FilePmdMapped"));
	EXPECT_EQ(0, munmap(again, NR * BLOCK));
}

static int call(int fd, unsigned int cmd, void *args)
{
	return ioctl(fd, cmd, args) ? errno : 0;
}

TEST_F(freeze, frozen_arena_rejects_changes)
{
	struct arena_ioc_release release = { .size = sizeof(release) };
	struct arena_ioc_commit there = { .size = sizeof(there), .length = NR * BLOCK };
	struct arena_ioc_commit more = {
		.size = sizeof(more), .offset = NR * BLOCK, .length = BLOCK,
	};
	struct arena_ioc_commit run = {
		.size = sizeof(run), .flags = ARENA_COMMIT_CONTIG,
		.offset = NR * BLOCK, .length = BLOCK,
	};
	struct arena_ioc_claim claim = { .size = sizeof(claim) };
	struct arena_ioc_set_policy policy = { .size = sizeof(policy) };
	struct arena_ioc_set_flags flags = { .size = sizeof(flags) };
	struct arena_ioc_set_limit limit = { .size = sizeof(limit) };
	char *hole = mmap(NULL, BLOCK, PROT_READ, MAP_SHARED | MAP_NORESERVE,
			  self->fd, NR * BLOCK);

	ASSERT_NE(MAP_FAILED, hole);
	ASSERT_EQ(0, freeze_arena(self->fd));
	EXPECT_EQ(EROFS, call(self->fd, ARENA_IOC_RELEASE, &release));
	EXPECT_EQ(EROFS, call(self->fd, ARENA_IOC_COMMIT, &more));
	EXPECT_EQ(EROFS, call(self->fd, ARENA_IOC_COMMIT, &run));
	EXPECT_EQ(EROFS, call(self->fd, ARENA_IOC_CLAIM, &claim));
	EXPECT_EQ(EROFS, call(self->fd, ARENA_IOC_SET_POLICY, &policy));
	EXPECT_EQ(EROFS, call(self->fd, ARENA_IOC_SET_FLAGS, &flags));
	EXPECT_EQ(EROFS, call(self->fd, ARENA_IOC_SET_LIMIT, &limit));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, self->fd,
				   NR * BLOCK));
	EXPECT_EQ(EROFS, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd,
				   ARENA_CONTROL_OFFSET));
	EXPECT_EQ(EROFS, errno);
	EXPECT_EQ(SIGBUS, signal_of_touch(hole, false));
	/* Blocks that are there can be committed again. */
	EXPECT_EQ(0, call(self->fd, ARENA_IOC_COMMIT, &there));
	EXPECT_EQ(0, there.blocks);
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, VALUE));
}

/* A freeze fails while a pin allows later writes to a page. */
TEST_F(freeze, freeze_fails_while_pages_are_pinned)
{
	struct iovec page = { self->memory + BLOCK, PAGE };
	char seen[PAGE];
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ((ssize_t)PAGE, vmsplice(pipes[1], &page, 1, 0));
	EXPECT_EQ(-EBUSY, freeze_arena(self->fd));
	/* Nothing has changed. */
	EXPECT_EQ(0, signal_of_touch(self->memory + BLOCK, true));
	EXPECT_EQ(0, signal_of_touch(self->memory, true));
	ASSERT_EQ((ssize_t)PAGE, read(pipes[0], seen, PAGE));
	EXPECT_EQ(0, freeze_arena(self->fd));
	EXPECT_EQ(SIGSEGV, signal_of_touch(self->memory, true));
	close(pipes[0]);
	close(pipes[1]);
}

/*
 * Use the arena as another process that was sent the descriptor; return 0, or
 * the number of the check that failed.
 */
static int look_as_stranger(int fd)
{
	struct arena_ioc_region_info info = { .size = sizeof(info), .length = NR * BLOCK };
	struct arena_ioc_stats stats = { .size = sizeof(stats) };
	char *memory = map_to_read(fd, NR);

	if (memory == MAP_FAILED)
		return 1;
	if (!is_whole(memory, NR * BLOCK, VALUE))
		return 2;
	if (smaps_kib(memory, "FilePmdMapped") != NR * 2048)
		return 3;
	if (signal_of_touch(memory, true) != SIGSEGV)
		return 4;
	if (!mprotect(memory, BLOCK, PROT_READ | PROT_WRITE) || errno != EACCES)
		return 5;
	if (map_blocks(fd, 1) != MAP_FAILED || errno != EROFS)
		return 6;
	if (release_all(fd) != -EPERM)
		return 7;
	if (blocks_of(fd) != NR || ioctl(fd, ARENA_IOC_REGION_INFO, &info) ||
	    info.resident != NR || ioctl(fd, ARENA_IOC_STATS, &stats) ||
	    stats.blocks != NR || freeze_arena(fd))
		return 8;
	if (mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, fd, NR * BLOCK) != MAP_FAILED ||
	    errno != EROFS)
		return 9;
	if (mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, ARENA_CONTROL_OFFSET) !=
	    MAP_FAILED || errno != EPERM)
		return 10;
	if (mmap(NULL, BLOCK, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) != MAP_FAILED)
		return 11;
	return 0;
}

/*
 * Start a child that receives a descriptor from the socket and exits with the
 * result.
 */
static pid_t start_stranger(int socket)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	catch_faults();
	fd = receive_descriptor(socket);
	_exit(fd < 0 ? 98 : look_as_stranger(fd));
}

TEST_F(freeze, strangers_can_read_frozen_arena)
{
	int sockets[2], i;
	pid_t pids[3];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	for (i = 0; i < 3; i++) {
		pids[i] = start_stranger(sockets[1]);
		ASSERT_GT(pids[i], 0);
	}
	ASSERT_EQ(0, freeze_arena(self->fd));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, send_descriptor(sockets[0], self->fd));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, wait_for(pids[i]));
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, VALUE));
}

/*
 * A stranger cannot read the arena before it is frozen, and only the owner can
 * freeze it.
 */
TEST_F(freeze, strangers_cannot_read_unfrozen_arena)
{
	int status;
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(freeze_arena(self->fd) != -EPERM ? 1 :
		      map_to_read(self->fd, NR) != MAP_FAILED ? 2 : 0);
	status = wait_for(pid);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, signal_of_touch(self->memory, true));
}

/* A child cannot write through a region that it inherited before the freeze, either. */
TEST_F(freeze, inherited_region_cannot_write_to_frozen_arena)
{
	int sockets[2];
	char byte = 0;
	pid_t pid;

	if (madvise(self->memory, NR * BLOCK, MADV_DOFORK))
		SKIP(return, "this kernel refuses MADV_DOFORK");
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (read(sockets[1], &byte, 1) != 1)
			_exit(98);
		_exit(signal_of_touch(self->memory, true) != SIGBUS ? 1 :
		      signal_of_touch(self->memory, false) != SIGBUS ? 2 : 0);
	}
	ASSERT_EQ(0, freeze_arena(self->fd));
	ASSERT_EQ(1, write(sockets[0], &byte, 1));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, VALUE));
}

/* The arena exists, and is counted, until its last user is gone. */
TEST_F(freeze, frozen_arena_outlives_its_owner)
{
	int sockets[2], ready[2], fd;
	char *memory, byte = 0;
	long in_use;
	pid_t pid;

	in_use = pool_count("in_use");
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		fd = open_arena();
		memory = map_blocks(fd, NR);
		if (memory == MAP_FAILED)
			_exit(1);
		memset(memory, 0x2e, NR * BLOCK);
		_exit(freeze_arena(fd) || send_descriptor(sockets[1], fd) ? 2 : 0);
	}
	fd = receive_descriptor(sockets[0]);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, wait_for(pid));
	memory = map_to_read(fd, NR);
	ASSERT_NE(MAP_FAILED, memory);
	close(fd);
	EXPECT_TRUE(is_whole(memory, NR * BLOCK, 0x2e));
	EXPECT_EQ(in_use + NR, pool_count("in_use"));
	EXPECT_EQ(0, munmap(memory, NR * BLOCK));
	EXPECT_EQ(in_use, pool_settled("in_use", in_use));
	(void)byte;
}

/* A block that was kept dirty contains released data. */
TEST_F(freeze, frozen_arena_hides_released_data)
{
	ASSERT_EQ(0, set_arena_flags(self->fd, ARENA_F_KEEP_DIRTY));
	ASSERT_EQ(NR, release_all(self->fd));
	ASSERT_EQ(0, commit_blocks(self->fd, NR, 1));
	ASSERT_EQ(1, stats_of(self->fd).from_cache);
	EXPECT_EQ(-EINVAL, freeze_arena(self->fd));
	/*
	 * The failed call has changed nothing, and an arena with zeroed blocks
	 * can be frozen.
	 */
	ASSERT_EQ(0, set_arena_flags(self->fd, 0));
	ASSERT_EQ(1, release_all(self->fd));
	touch(self->memory, BLOCK, 1);
	EXPECT_EQ(0, freeze_arena(self->fd));
}

/* Reclaim takes idle arenas, but never a frozen one. */
TEST_F(freeze, frozen_arena_is_not_taken_as_idle)
{
	struct arena_control *control = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					     MAP_SHARED, self->fd, ARENA_CONTROL_OFFSET);

	ASSERT_NE(MAP_FAILED, control);
	ASSERT_EQ(0, freeze_arena(self->fd));
	control->state = ARENA_STATE_IDLE;
	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	EXPECT_EQ(NR, blocks_of(self->fd));
	control->state = ARENA_STATE_TAKEN;
	EXPECT_TRUE(drop_slab());
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, VALUE));
}

/* Blocks that the arena kept before the freeze are given up. */
TEST_F(freeze, freeze_gives_up_kept_blocks)
{
	struct arena_ioc_set_flags flags = {
		.size = sizeof(flags), .arena_flags = ARENA_F_KEEP_DIRTY,
	};
	struct arena_ioc_stats stats = { .size = sizeof(stats) };

	ASSERT_EQ(0, call(self->fd, ARENA_IOC_SET_FLAGS, &flags));
	ASSERT_EQ(1, release_range(self->fd, BLOCK, BLOCK));
	ASSERT_EQ(0, freeze_arena(self->fd));
	ASSERT_EQ(0, call(self->fd, ARENA_IOC_STATS, &stats));
	EXPECT_EQ(0, stats.cached);
	EXPECT_EQ(NR - 1, stats.blocks);
}

/* --- against threads that write ---------------------------------------------- */

#define WRITERS	3
#define RACES	200

struct race {
	char *memory;
	volatile unsigned long written[WRITERS];
};

static struct race race;

/*
 * Count in the thread's own page until the write faults; the last value written
 * must be there.
 */
static void *write_until_it_faults(void *number)
{
	unsigned long i = (unsigned long)number;
	volatile unsigned long *word = (void *)(race.memory + i * BLOCK + i * PAGE);
	sigjmp_buf here;

	if (!sigsetjmp(here, 0)) {
		on_fault = &here;
		for (;;) {
			*word = race.written[i] + 1;
			race.written[i]++;
		}
	}
	on_fault = NULL;
	return (void *)(unsigned long)fault.si_signo;
}

TEST_F(freeze, freeze_against_concurrent_writers)
{
	pthread_t threads[WRITERS];
	unsigned long i, round;
	void *signal_seen;

	for (round = 0; round < RACES; round++) {
		int fd = open_arena();

		ASSERT_GE(fd, 0);
		memset(&race, 0, sizeof(race));
		race.memory = map_blocks(fd, NR);
		ASSERT_NE(MAP_FAILED, race.memory);
		for (i = 0; i < WRITERS; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL,
						    write_until_it_faults, (void *)i));
		usleep(round % 10 * 200);
		ASSERT_EQ(0, freeze_arena(fd));
		for (i = 0; i < WRITERS; i++) {
			ASSERT_EQ(0, pthread_join(threads[i], &signal_seen));
			EXPECT_EQ(SIGSEGV, (long)signal_seen);
			EXPECT_EQ(race.written[i],
				  *(unsigned long *)(race.memory + i * BLOCK + i * PAGE));
		}
		ASSERT_EQ(0, munmap(race.memory, NR * BLOCK));
		close(fd);
	}
}

TEST_HARNESS_MAIN
