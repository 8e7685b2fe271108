// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory cgroups: the blocks of an arena are charged to its owner's cgroup,
 * whose limit applies.
 *
 * Needs root, and the module loaded with memcg=1.
 */
#include "arena_test.h"
#include <sys/mount.h>
#include <sys/stat.h>
#include "harness.h"

#define LIMIT		"256M"
#define LIMIT_BLOCKS	128
#define GROUP		"arena-one"
#define OTHER		"arena-two"

FIXTURE(memcg) {
	char root[32];
	bool is_mounted;
	int fd;
};

FIXTURE_SETUP(memcg)
{
	char line[LINE_LENGTH];

	if (strcmp(get_file(PARAMETERS "memcg", line), "Y"))
		SKIP(return, "the module was not loaded with memcg=1");
	strcpy(self->root, "/tmp/arena-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	self->is_mounted = !mount("none", self->root, "cgroup2", 0, NULL);
	ASSERT_EQ(0, chdir(self->root));
	if (!self->is_mounted || !set_file("cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory controller in cgroup2");
	ASSERT_EQ(0, mkdir(GROUP, 0755));
	ASSERT_EQ(0, mkdir(OTHER, 0755));
	ASSERT_TRUE(set_file(GROUP "/memory.max", LIMIT));
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(memcg)
{
	close(self->fd);
	if (self->is_mounted) {
		set_file("cgroup.procs", "0");
		rmdir(GROUP);
		rmdir(OTHER);
		EXPECT_EQ(0, chdir("/"));
		umount(self->root);
	}
	rmdir(self->root);
}

/* Return the memory charged to a group, in blocks. */
static double charged(const char *group)
{
	char path[64], line[LINE_LENGTH];

	snprintf(path, sizeof(path), "%s/memory.current", group);
	return atof(get_file(path, line)) / BLOCK;
}

/* Return the count of an event in a group, or -1. */
static long events(const char *group, const char *what)
{
	long count = -1, value;
	char path[64], name[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.events", group);
	file = fopen(path, "r");
	if (!file)
		return -1;
	while (count < 0 && fscanf(file, "%63s %ld", name, &value) == 2) {
		if (!strcmp(name, what))
			count = value;
	}
	fclose(file);
	return count;
}

/* Start a process in the group that has memory of its own and must not be affected. */
static pid_t start_bystander(void)
{
	pid_t pid = fork();

	if (!pid) {
		const size_t bytes = 16 << 20;
		char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (!set_file(GROUP "/cgroup.procs", "0") || memory == MAP_FAILED)
			_exit(1);
		while (true) {
			touch(memory, bytes, 1);
			usleep(1000);
		}
	}
	return pid;
}

TEST_F(memcg, arena_stops_at_limit_of_its_cgroup)
{
	pid_t bystander = start_bystander(), toucher;
	size_t nr = 0;

	ASSERT_GT(bystander, 0);
	while (charged(GROUP) < 8)
		usleep(1000);
	ASSERT_TRUE(set_file(GROUP "/cgroup.procs", "0"));
	while (nr < 2 * LIMIT_BLOCKS && !commit_blocks(self->fd, nr, 1))
		nr++;
	TH_LOG("%zu of %d blocks; another process has 8", nr, LIMIT_BLOCKS);
	EXPECT_GE(nr, LIMIT_BLOCKS - 24);
	EXPECT_LE(nr, LIMIT_BLOCKS - 8);
	EXPECT_EQ(-ENOMEM, commit_blocks(self->fd, nr, 1));
	EXPECT_EQ(-ENOMEM, commit_blocks(self->fd, nr, 2 * LIMIT_BLOCKS));
	EXPECT_EQ(nr, blocks_of(self->fd));

	/* The limit applies to touches, too. */
	toucher = fork();
	if (!toucher) {
		char *memory = mmap(NULL, 32 * BLOCK, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_NORESERVE, open_arena(), 0);

		touch(memory, 32 * BLOCK, 1);
		_exit(0);
	}
	EXPECT_EQ(128 + SIGBUS, wait_for(toucher));

	EXPECT_EQ(0, events(GROUP, "oom_kill"));
	EXPECT_EQ(0, waitpid(bystander, NULL, WNOHANG));
	EXPECT_EQ(nr, release_all(self->fd));
	EXPECT_LT(charged(GROUP), 24);
	kill(bystander, SIGKILL);
	waitpid(bystander, NULL, 0);
}

TEST_F(memcg, committing_process_is_charged)
{
	ASSERT_TRUE(set_file(GROUP "/cgroup.procs", "0"));
	EXPECT_EQ(0, commit_blocks(self->fd, 0, 16));
	EXPECT_GE(charged(GROUP), 16);
	ASSERT_TRUE(set_file(OTHER "/cgroup.procs", "0"));
	EXPECT_EQ(0, commit_blocks(self->fd, 16, 8));
	EXPECT_GE(charged(GROUP), 16);
	EXPECT_GE(charged(OTHER), 8);
	EXPECT_LT(charged(OTHER), 16);
	EXPECT_EQ(24, release_all(self->fd));
	EXPECT_LT(charged(GROUP), 2);
	EXPECT_LT(charged(OTHER), 2);
}

/* Kept blocks would be charged to the cgroup, which could not reclaim them. */
TEST_F(memcg, arena_keeps_no_blocks_in_cgroup)
{
	struct arena_ioc_set_flags flags = {
		.size = sizeof(flags), .arena_flags = ARENA_F_KEEP_DIRTY,
	};
	struct arena_ioc_stats stats = { .size = sizeof(stats) };

	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_SET_FLAGS, &flags));
	ASSERT_TRUE(set_file(GROUP "/cgroup.procs", "0"));
	EXPECT_EQ(0, commit_blocks(self->fd, 0, 16));
	EXPECT_EQ(16, release_all(self->fd));
	ASSERT_EQ(0, ioctl(self->fd, ARENA_IOC_STATS, &stats));
	EXPECT_EQ(0, stats.cached);
	EXPECT_LT(charged(GROUP), 2);
}

TEST_HARNESS_MAIN
