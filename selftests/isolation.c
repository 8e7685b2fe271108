// SPDX-License-Identifier: GPL-2.0-only
/*
 * An arena belongs to one address space: neither a child nor an unrelated
 * process with the descriptor can touch, map, release or query it.
 */
#include "arena_test.h"
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "harness.h"

#ifndef MADV_DOFORK
#define MADV_DOFORK	11
#endif

#define NR	4

/* With this argument the program tries a descriptor instead of running tests. */
#define TRY_DESCRIPTOR	"--try-descriptor"

/*
 * Try to use a descriptor as a process that is not the owner. Return 0, or the
 * number of the first attempt that did not fail with EPERM.
 */
static int try_descriptor(int fd)
{
	if (map_blocks(fd, 1) != MAP_FAILED || errno != EPERM)
		return 1;
	if (mmap(NULL, BLOCK, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0) !=
	    MAP_FAILED || errno != EPERM)
		return 2;
	if (release_all(fd) != -EPERM)
		return 3;
	if (blocks_of(fd) != -EPERM)
		return 4;
	return 0;
}

FIXTURE(isolation) {
	int fd;
	char *memory;
};

FIXTURE_SETUP(isolation)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	self->memory = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, self->memory);
	touch(self->memory, NR * BLOCK, 0x5e);
}

FIXTURE_TEARDOWN(isolation)
{
	/* The other process must not have changed the owner's memory. */
	if (self->fd >= 0 && self->memory && self->memory != MAP_FAILED) {
		EXPECT_EQ(NR, blocks_of(self->fd));
		EXPECT_EQ(0x5e, self->memory[0]);
		EXPECT_EQ(0x5e, self->memory[NR * BLOCK - PAGE]);
	}
	close(self->fd);
}

TEST_F(isolation, child_has_no_region)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		_exit(self->memory[0]);
	}
	EXPECT_EQ(128 + SIGSEGV, wait_for(pid));
}

/* With MADV_DOFORK the child gets the region, but no memory. */
FIXTURE(isolation_dofork) {
	int fd;
	char *memory;
};

FIXTURE_VARIANT(isolation_dofork) {
	bool split;
	bool write;
};

FIXTURE_VARIANT_ADD(isolation_dofork, read) { .write = false };
FIXTURE_VARIANT_ADD(isolation_dofork, write) { .write = true };
FIXTURE_VARIANT_ADD(isolation_dofork, read_split) { .split = true };
FIXTURE_VARIANT_ADD(isolation_dofork, write_split) {
	.split = true, .write = true,
};

FIXTURE_SETUP(isolation_dofork)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	self->memory = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, self->memory);
	if (variant->split) {
		ASSERT_EQ(0, munmap(self->memory + BLOCK - PAGE, PAGE));
	}
	touch(self->memory, PAGE, 0x5e);
}

FIXTURE_TEARDOWN(isolation_dofork)
{
	close(self->fd);
}

TEST_F(isolation_dofork, child_has_no_memory)
{
	pid_t pid;

	if (madvise(self->memory, BLOCK - PAGE, MADV_DOFORK))
		SKIP(return, "this kernel refuses MADV_DOFORK");
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		if (!mprotect(self->memory, BLOCK - PAGE, PROT_READ | PROT_WRITE) ||
		    errno != EACCES)
			_exit(1);
		if (variant->write)
			self->memory[0] = 1;
		_exit(self->memory[0]);
	}
	EXPECT_EQ(128 + SIGBUS, wait_for(pid));
	EXPECT_EQ(0x5e, self->memory[0]);
}

TEST_F(isolation, child_cannot_use_descriptor)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(try_descriptor(self->fd));
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(isolation, program_after_exec_in_child_cannot_use_descriptor)
{
	char number[16];
	pid_t pid;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, 0));
	snprintf(number, sizeof(number), "%d", self->fd);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		execl("/proc/self/exe", "isolation", TRY_DESCRIPTOR, number,
		      NULL);
		_exit(99);
	}
	EXPECT_EQ(0, wait_for(pid));
}

/* After exec the process is the same, but has another address space. */
TEST_F(isolation, owner_cannot_use_descriptor_after_exec)
{
	char number[16];
	pid_t pid = fork();
	int fd;

	ASSERT_GE(pid, 0);
	if (!pid) {
		fd = open_arena();
		if (map_blocks(fd, 1) == MAP_FAILED || fcntl(fd, F_SETFD, 0))
			_exit(98);
		snprintf(number, sizeof(number), "%d", fd);
		execl("/proc/self/exe", "isolation", TRY_DESCRIPTOR, number,
		      NULL);
		_exit(99);
	}
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(isolation, receiver_of_descriptor_cannot_use_it)
{
	int sockets[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		close(self->fd);
		fd = receive_descriptor(sockets[1]);
		_exit(fd < 0 ? 98 : try_descriptor(fd));
	}
	ASSERT_EQ(0, send_descriptor(sockets[0], self->fd));
	EXPECT_EQ(0, wait_for(pid));
}

/* A child can use an arena of its own, which is a different one. */
TEST_F(isolation, arenas_of_two_processes_differ)
{
	pid_t pid = fork();
	char *memory;
	int fd;

	ASSERT_GE(pid, 0);
	if (!pid) {
		fd = open_arena();
		memory = map_blocks(fd, NR);
		if (memory == MAP_FAILED || !is_zero(memory, NR * BLOCK))
			_exit(1);
		memset(memory, 0x11, NR * BLOCK);
		_exit(release_all(fd) != NR);
	}
	EXPECT_EQ(0, wait_for(pid));
}

/* Two opens by one process give two arenas, too. */
TEST_F(isolation, two_arenas_of_one_process_differ)
{
	int fd = open_arena();
	char *memory;

	ASSERT_GE(fd, 0);
	memory = map_blocks(fd, NR);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_TRUE(is_zero(memory, NR * BLOCK));
	EXPECT_EQ(NR, release_all(fd));
	close(fd);
}

/* The child of vfork() shares the address space, and so the arena. */
TEST_F(isolation, vfork_shares_the_address_space)
{
	volatile long blocks = 0;
	pid_t pid = vfork();

	if (!pid) {
		blocks = blocks_of(self->fd);
		_exit(0);
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(NR, blocks);
}

/* A process that is allowed to ptrace the owner can read and write its memory. */
TEST_F(isolation, ptracer_can_access_memory)
{
	char seen[16] = "", changed = 0x5f;
	struct iovec here = { .iov_base = seen, .iov_len = sizeof(seen) };
	struct iovec there = { .iov_base = self->memory, .iov_len = sizeof(seen) };
	pid_t parent = getpid(), pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid) {
		if (process_vm_readv(parent, &here, 1, &there, 1, 0) !=
		    sizeof(seen) || seen[0] != 0x5e)
			_exit(1);
		here = (struct iovec) { .iov_base = &changed, .iov_len = 1 };
		there = (struct iovec) { .iov_base = self->memory + 1, .iov_len = 1 };
		_exit(process_vm_writev(parent, &here, 1, &there, 1, 0) != 1);
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(0x5f, self->memory[1]);
}

/* glibc passes the arguments of main() to constructors, too. */
static void __attribute__((constructor)) try_if_asked(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], TRY_DESCRIPTOR))
		_exit(try_descriptor(atoi(argv[2])));
}

/*
 * A remote access does not commit blocks: it is unclear whom to charge and
 * which node to use.
 */
TEST_F(isolation, ptracer_does_not_commit_blocks)
{
	const size_t nr = 4;
	char *more = mmap(NULL, nr * BLOCK, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_NORESERVE, self->fd, NR * BLOCK);
	struct iovec here, there = { more, 1 };
	pid_t owner = getpid(), pid;
	char byte;

	ASSERT_NE(MAP_FAILED, more);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		here = (struct iovec) { &byte, 1 };
		if (process_vm_readv(owner, &here, 1, &there, 1, 0) != -1 ||
		    errno != EFAULT)
			_exit(1);
		there.iov_base = self->memory;
		_exit(process_vm_readv(owner, &here, 1, &there, 1, 0) == 1 ? 0 : 2);
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_EQ(0, munmap(more, nr * BLOCK));
}

/* --- core dumps ------------------------------------------------------------ */

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
#define CORE		"/tmp/arena-core"
#define WORD		0x5ec7e75ec7e7f00dULL

FIXTURE(isolation_core) {
	char pattern[LINE_LENGTH];
};

FIXTURE_SETUP(isolation_core)
{
	if (geteuid() || access(CORE_PATTERN, W_OK))
		SKIP(return, "not root, or a kernel without core dumps");
	get_file(CORE_PATTERN, self->pattern);
	ASSERT_TRUE(set_file(CORE_PATTERN, CORE));
}

FIXTURE_TEARDOWN(isolation_core)
{
	set_file(CORE_PATTERN, self->pattern);
	unlink(CORE);
}

/*
 * A process with a word in an arena and a large reservation dumps core. Return
 * how often the core has the word at its offset in a page, or -1 if there is no
 * core.
 */
static long dump_core(unsigned long long arena_flags, int advice, long *kib)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct arena_ioc_set_flags flags = {
		.size = sizeof(flags), .arena_flags = arena_flags,
	};
	static unsigned long long page[PAGE / 8];
	long found = 0;
	struct stat stat;
	pid_t pid;
	int fd;

	unlink(CORE);
	pid = fork();
	if (!pid) {
		volatile unsigned long long *word;

		fd = open_arena();
		if (setrlimit(RLIMIT_CORE, &unlimited) ||
		    ioctl(fd, ARENA_IOC_SET_FLAGS, &flags))
			_exit(1);
		word = (void *)map_blocks(fd, 1);
		mmap(NULL, 32 * BLOCK, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_NORESERVE, fd, BLOCK);
		if (advice)
			madvise((void *)word, BLOCK, advice);
		word[1000] = WORD;
		abort();
	}
	if (wait_for(pid) != 128 + SIGABRT)
		return -1;
	fd = open(CORE, O_RDONLY);
	if (fd < 0 || fstat(fd, &stat))
		return -1;
	*kib = stat.st_blocks / 2;
	while (read(fd, page, PAGE) == (ssize_t)PAGE)
		found += page[1000 % (PAGE / 8)] == WORD;
	close(fd);
	return found;
}

TEST_F(isolation_core, core_dump_includes_arena)
{
	long kib;

	EXPECT_EQ(1, dump_core(0, 0, &kib));
	/* The core dump did not commit reserved blocks. */
	EXPECT_LT(kib, 16 << 10);
}

TEST_F(isolation_core, core_dump_omits_arena_with_nodump)
{
	long kib;

	EXPECT_EQ(0, dump_core(ARENA_F_NODUMP, 0, &kib));
	EXPECT_EQ(0, dump_core(0, MADV_DONTDUMP, &kib));
}

TEST_HARNESS_MAIN
