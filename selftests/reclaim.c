// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reclaim: if the system needs memory, it takes idle blocks, first from arenas'
 * caches, then from the pools, before it kills a process. Afterwards the pools
 * are refilled.
 *
 * Needs root and an otherwise idle machine.
 */
#include "arena_test.h"
#include <limits.h>
#include "harness.h"

/* The watermarks, and the number of blocks of each node that warm its pool up. */
#define MIN_SIZE	"64M"
#define MIN_BLOCKS	32
#define MAX_SIZE	"700M"
#define WARM_BLOCKS	256

/* The number of blocks in the arena's cache, and their node. */
#define CACHED		64
#define CACHE_NODE	0

/* Bytes that are touched between two checks: less than a block. */
#define STEP		(1UL << 20)

/* The part of the free memory that is taken in such steps, in KiB. */
#define LAST_KIB	(128L << 10)

/*
 * Return the sum of the counters in /proc/vmstat whose names have this prefix,
 * or -1.
 */
static long vmstat(const char *prefix)
{
	long value, found = -1;
	char name[64];
	FILE *file;

	file = fopen("/proc/vmstat", "r");
	if (!file)
		return -1;
	while (fscanf(file, "%63s %ld", name, &value) == 2) {
		if (!strncmp(name, prefix, strlen(prefix)))
			found = (found < 0 ? 0 : found) + value;
	}
	fclose(file);
	return found;
}

/*
 * Return the number of blocks in the pool of a node or of all nodes; kept()
 * adds the caches.
 */
static long pooled(int node)
{
	return pool_figure(node, "ready+dirty");
}

static long kept(void)
{
	return pool_count("ready+dirty+cached");
}

/* Wait until the worker has zeroed all dirty blocks. */
static bool wait_for_zeroing(void)
{
	int i;

	for (i = 0; i < 20000 && pool_count("dirty"); i++)
		usleep(10000);
	return !pool_count("dirty");
}

/*
 * Fill the pools up to the high watermark by releasing an arena; return their
 * blocks, or -errno.
 */
static long warm_pools(void)
{
	int fd = open_arena(), node;
	struct arena_ioc_commit commit = {
		.size = sizeof(commit), .length = WARM_BLOCKS * BLOCK,
	};

	for (node = 0; node < MAX_NODES; node++) {
		if (!run_on_node(node))
			continue;
		if (ioctl(fd, ARENA_IOC_COMMIT, &commit)) {
			close(fd);
			return -errno;
		}
		commit.offset += commit.length;
	}
	close(fd);
	return wait_for_zeroing() ? kept() : -ETIMEDOUT;
}

FIXTURE(reclaim) {
	char min[LINE_LENGTH];
	char max[LINE_LENGTH];
	long warm;
	int fd;
};

/* Without root or the parameters nothing is warm, and the tests skip. */
FIXTURE_SETUP(reclaim)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	self->warm = -ENOENT;
	get_file(PARAMETERS "min", self->min);
	get_file(PARAMETERS "max", self->max);
	/* Set max first, since it must not be less than min. */
	if (set_file(PARAMETERS "max", MAX_SIZE) &&
	    set_file(PARAMETERS "min", MIN_SIZE))
		self->warm = warm_pools();
}

FIXTURE_TEARDOWN(reclaim)
{
	close(self->fd);
	set_file(PARAMETERS "min", self->min);
	set_file(PARAMETERS "max", self->max);
}

/* Return the number of blocks in the arena's cache, or -errno. */
static long cached_by(int fd)
{
	struct arena_ioc_stats stats = { .size = sizeof(stats) };

	return ioctl(fd, ARENA_IOC_STATS, &stats) ? -errno : (long)stats.cached;
}

static bool set_blocks(const char *path, long nr)
{
	char value[32];

	snprintf(value, sizeof(value), "%ldM", 2 * nr);
	return set_file(path, value);
}

static long fill_cache(int fd)
{
	struct arena_ioc_set_flags flags = {
		.size = sizeof(flags), .arena_flags = ARENA_F_KEEP_DIRTY,
	};
	struct arena_ioc_commit commit = {
		.size = sizeof(commit), .length = CACHED * BLOCK,
	};

	if (!run_on_node(CACHE_NODE) || ioctl(fd, ARENA_IOC_SET_FLAGS, &flags) ||
	    ioctl(fd, ARENA_IOC_COMMIT, &commit) || release_all(fd) != CACHED)
		return -errno;
	return cached_by(fd);
}

/* Open an idle arena on the node of the cache; return its descriptor, or -errno. */
static int make_idle(void)
{
	struct arena_ioc_commit commit = {
		.size = sizeof(commit), .length = CACHED * BLOCK,
	};
	struct arena_control *control;
	int fd = open_arena();

	if (fd < 0 || !run_on_node(CACHE_NODE) || ioctl(fd, ARENA_IOC_COMMIT, &commit))
		return -errno;
	control = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       ARENA_CONTROL_OFFSET);
	if (control == MAP_FAILED)
		return -errno;
	__atomic_store_n(&control->state, ARENA_STATE_IDLE, __ATOMIC_RELEASE);
	return fd;
}

/**
 * struct filling - results of a child that fills the memory
 * @kib: memory that it got
 * @kept: fewest blocks left in pools and caches
 * @refills: number of refills at its end
 * @pooled_without_cache: blocks in the pool of the caches' node when the last block
 *	of the caches had been taken, or -1 if that did not happen
 */
struct filling {
	long kib;
	long kept;
	long refills;
	long pooled_without_cache;
};

/*
 * Allocate memory until pools and caches are empty. The kernel takes their last
 * blocks only if it would have to kill a process otherwise.
 */
static void fill_memory(struct filling *filling)
{
	size_t bytes = meminfo_kib("MemTotal") * (size_t)1024, i;
	long free_kib = meminfo_kib("MemFree");
	char *memory;

	/* If a process must be killed, kill this one, not the test. */
	set_file("/proc/self/oom_score_adj", "1000");
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		_exit(1);
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	i = free_kib > LAST_KIB ? (free_kib - LAST_KIB) * 1024 / BLOCK * BLOCK : 0;
	madvise(memory, i, MADV_HUGEPAGE);
	touch(memory, i, 1);
	filling->pooled_without_cache = -1;
	for (; i + STEP <= bytes; i += STEP) {
		touch(memory + i, STEP, 1);
		filling->kib = (i + STEP) / 1024;
		filling->kept = kept();
		filling->refills = pool_count("refills");
		if (filling->pooled_without_cache < 0 && !pool_count("cached"))
			filling->pooled_without_cache = pooled(CACHE_NODE);
		if (!filling->kept)
			_exit(0);
	}
	_exit(2);
}

/*
 * Run fill_memory() in a child, and check concurrently that the cache stays
 * whole as long as the idle arena has blocks.
 */
static int run_filling(struct filling *filling, int cache_fd, int idle_fd,
		       bool *idle_is_first)
{
	pid_t pid = fork();
	siginfo_t ended;

	if (!pid)
		fill_memory(filling);
	if (pid < 0)
		return -errno;
	do {
		long cached = cached_by(cache_fd);

		if (cached < CACHED && blocks_of(idle_fd) > 0)
			*idle_is_first = false;
		usleep(1000);
		ended.si_pid = 0;
	} while (!waitid(P_PID, pid, &ended, WEXITED | WNOHANG | WNOWAIT) && !ended.si_pid);
	return wait_for(pid);
}

/*
 * Return the number of nodes with fewer ready blocks; with LONG_MAX, of all
 * nodes with memory.
 */
static long nodes_below(long blocks)
{
	long node, ready, nr = 0;

	for (node = 0; node < MAX_NODES; node++) {
		ready = pool_figure(node, "ready");
		if (ready >= 0 && ready < blocks)
			nr++;
	}
	return nr;
}

/*
 * About 300,000 pages of 4 KiB are touched; on an emulated kernel with all
 * debugging options, a page fault takes over 0.5 ms.
 */
TEST_F_TIMEOUT(reclaim, system_gets_unused_blocks, 10 * HANG)
{
	long refills, kills = vmstat("oom_kill"), free_before;
	struct filling *filling;
	bool idle_is_first = true;
	int tenths, status, idle_fd;
	double took;

	if (self->warm == -ENOENT)
		SKIP(return, "not root, or the module has no watermarks");
	ASSERT_GE(self->warm, WARM_BLOCKS);
	ASSERT_EQ(CACHED, fill_cache(self->fd));
	filling = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, filling);
	idle_fd = make_idle();
	ASSERT_GE(idle_fd, 0);
	refills = pool_count("refills");
	free_before = meminfo_kib("MemFree");
	TH_LOG("%ld MiB are free, %ld in pools, %ld in a cache, %ld in an idle arena",
	       free_before / 1024, 2 * pooled(ALL_NODES), 2 * cached_by(self->fd),
	       2 * blocks_of(idle_fd));

	took = seconds();
	status = run_filling(filling, self->fd, idle_fd, &idle_is_first);
	took = seconds() - took;
	TH_LOG("a process got %ld MiB; %ld in the pool of node %d when the caches were empty",
	       filling->kib / 1024, 2 * filling->pooled_without_cache, CACHE_NODE);
	EXPECT_EQ(0, status);
	EXPECT_EQ(kills, vmstat("oom_kill"));
	EXPECT_EQ(0, filling->kept);
	EXPECT_EQ(0, cached_by(self->fd));
	EXPECT_EQ(0, blocks_of(idle_fd));
	EXPECT_TRUE(idle_is_first);
	close(idle_fd);
	/* The process could not have got this much otherwise. */
	EXPECT_GT(filling->kib, free_before);
	/* The pools are refilled only ten seconds after reclaim has taken blocks. */
	EXPECT_LE(filling->refills - refills, (long)(took / 10) * nodes_below(LONG_MAX) *
		  MIN_BLOCKS);
	/* The caches were empty while the pool still had more than its minimum. */
	EXPECT_GT(filling->pooled_without_cache, MIN_BLOCKS);

	for (tenths = 0; tenths < 6000 && nodes_below(MIN_BLOCKS); tenths++)
		usleep(100000);
	TH_LOG("the pools were refilled after %.1f s", tenths / 10.0);
	EXPECT_EQ(0, nodes_below(MIN_BLOCKS));
	EXPECT_GT(pool_count("refills"), refills);
}

/* Blocks that the system may take are freed if it asks for that. */
TEST_F(reclaim, drop_caches_frees_cached_blocks)
{
	long before, after;

	if (self->warm == -ENOENT)
		SKIP(return, "not root, or the module has no watermarks");
	ASSERT_GE(self->warm, WARM_BLOCKS);
	ASSERT_EQ(CACHED, fill_cache(self->fd));
	before = meminfo_kib("MemFree");
	ASSERT_TRUE(drop_slab());
	after = meminfo_kib("MemFree");
	EXPECT_EQ(0, cached_by(self->fd));
	EXPECT_EQ(0, pool_count("cached"));
	/* Each node may keep its minimum. */
	EXPECT_LE(kept(), nodes_below(LONG_MAX) * MIN_BLOCKS);
	/*
	 * The page allocator has some of them on its per-CPU lists, which
	 * MemFree does not count.
	 */
	EXPECT_GE(after - before, (self->warm - kept()) * 2048 * 3 / 4);
}

static int bind_to_cache_node(int fd)
{
	__u64 nodes = 1ULL << CACHE_NODE;
	struct arena_ioc_set_policy policy = {
		.size = sizeof(policy), .mode = ARENA_POLICY_BIND, .flags = ARENA_POLICY_STRICT,
		.nr_nodes = 1, .nodes = (uintptr_t)&nodes,
	};

	return ioctl(fd, ARENA_IOC_SET_POLICY, &policy) ? -errno : 0;
}

/* A commit of more memory than its node has evicts nothing. */
TEST_F(reclaim, hopeless_commit_does_not_reclaim)
{
	long before;

	if (vmstat("allocstall_") < 0)
		SKIP(return, "no counter of direct reclaim in /proc/vmstat");
	ASSERT_EQ(0, bind_to_cache_node(self->fd));
	before = vmstat("allocstall_");
	EXPECT_EQ(-ENOMEM, commit_blocks(self->fd, 0, meminfo_kib("MemTotal") / 2048));
	EXPECT_EQ(before, vmstat("allocstall_"));
	EXPECT_EQ(0, pool_count("in_use"));
}

/* A commit reclaims the blocks that another arena keeps before it fails. */
TEST_F(reclaim, commit_reclaims_cached_blocks)
{
	int fd, err, nr = 0;

	if (self->warm == -ENOENT)
		SKIP(return, "not root, or the module has no watermarks");
	fd = open_arena();
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, bind_to_cache_node(fd));
	do
		err = commit_blocks(fd, nr, 1);
	while (!err && ++nr);
	ASSERT_EQ(-ENOMEM, err);
	/* What the node has left now is in the cache. */
	ASSERT_EQ(CACHED, release_range(fd, 0, CACHED * BLOCK));
	ASSERT_EQ(CACHED, fill_cache(self->fd));
	EXPECT_EQ(0, commit_blocks(fd, 0, CACHED / 2));
	/* The page allocator may have had a few on its lists. */
	EXPECT_LT(cached_by(self->fd), CACHED);
	close(fd);
}

/* A lower watermark takes effect at once. */
TEST_F(reclaim, lower_watermark_trims_caches)
{
	if (self->warm == -ENOENT)
		SKIP(return, "not root, or the module has no watermarks");
	ASSERT_EQ(CACHED, fill_cache(self->fd));
	ASSERT_TRUE(set_file(PARAMETERS "min", "0"));
	ASSERT_TRUE(set_file(PARAMETERS "max", "0"));
	EXPECT_EQ(0, cached_by(self->fd));
	EXPECT_EQ(0, pool_settled("ready", 0));
	EXPECT_EQ(0, pool_count("dirty+cached"));
}

/*
 * If a node has as many blocks as it may keep, it takes released blocks in
 * place of cached ones that have not been used for a second.
 */
TEST_F(reclaim, old_cached_blocks_make_room)
{
	const long nr = 8;
	long shared;
	int fd;

	if (self->warm == -ENOENT)
		SKIP(return, "not root, or the module has no watermarks");
	fd = open_arena();
	ASSERT_GE(fd, 0);
	ASSERT_TRUE(run_on_node(CACHE_NODE));
	ASSERT_EQ(0, commit_blocks(fd, 0, nr));
	ASSERT_EQ(CACHED, fill_cache(self->fd));
	/* Set the maximum to the current number of blocks. */
	ASSERT_EQ(0, pool_settled("dirty", 0));
	shared = pool_figure(CACHE_NODE, "ready");
	ASSERT_TRUE(set_file(PARAMETERS "min", "0"));
	ASSERT_TRUE(set_blocks(PARAMETERS "max", shared + CACHED));
	sleep(2);
	ASSERT_EQ(nr, release_all(fd));
	EXPECT_EQ(CACHED - nr, cached_by(self->fd));
	EXPECT_EQ(0, pool_settled("dirty", 0));
	EXPECT_EQ(shared + nr, pool_figure(CACHE_NODE, "ready"));
	close(fd);
}

/* Caches give up blocks for those that must be ready. */
TEST_F(reclaim, higher_minimum_trims_caches)
{
	if (self->warm == -ENOENT)
		SKIP(return, "not root, or the module has no watermarks");
	ASSERT_EQ(CACHED, fill_cache(self->fd));
	ASSERT_TRUE(set_file(PARAMETERS "min", MAX_SIZE));
	EXPECT_EQ(0, cached_by(self->fd));
	EXPECT_EQ(0, pool_count("cached"));
}

/*
 * Take a section of a node's memory offline, if one can go, and online again.
 * Return the number of blocks that pools and caches had on the node in between,
 * or -1.
 */
static long kept_without_some_memory(int node)
{
	char path[96], state[LINE_LENGTH];
	long memory, seen;

	for (memory = 0; memory < 1024; memory++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%d/memory%ld/state", node,
			 memory);
		if (strcmp(get_file(path, state), "online") ||
		    !set_file(path, "offline"))
			continue;
		seen = pool_figure(node, "ready+dirty+cached");
		set_file(path, "online");
		return seen;
	}
	return -1;
}

/* Before memory goes offline, the pool and the caches of its node are emptied. */
TEST_F(reclaim, memory_going_offline_empties_its_node)
{
	long seen = -1, others;
	int node, i;

	if (self->warm == -ENOENT)
		SKIP(return, "not root, or the module has no watermarks");
	/*
	 * Try several times, since a free page may be held briefly by a task
	 * that inspects it.
	 */
	for (i = 0; seen < 0 && i < 50 * MAX_NODES; i++) {
		node = MAX_NODES - 1 - i % MAX_NODES;
		if (pool_figure(node, "ready") < 0)
			continue;
		if (i >= MAX_NODES)
			usleep(100000);
		others = kept() - pool_figure(node, "ready");
		seen = kept_without_some_memory(node);
		if (seen < 0)
			continue;
		TH_LOG("a part of node %d was offline", node);
		EXPECT_EQ(0, seen);
		/* Other nodes keep their blocks. */
		EXPECT_GE(kept(), others);
	}
	if (seen < 0)
		SKIP(return, "no memory can go offline: boot with movablecore=");
}

TEST_HARNESS_MAIN
