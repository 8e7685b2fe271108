// SPDX-License-Identifier: GPL-2.0-only
/*
 * An aged machine: half of its memory is free, but hardly any of it in pieces
 * of 2 MiB. All reserved blocks must be available.
 *
 * Needs root, an otherwise idle machine, and the module loaded with
 * reserve=256M. $ARENA_SEED repeats a run.
 */
#include "arena_test.h"
#include <sys/mount.h>
#include <sys/resource.h>
#include "harness.h"

#define POOL_MIN	PARAMETERS "min"
#define POOL_MAX	PARAMETERS "max"
#define MIN_FREE	"/proc/sys/vm/min_free_kbytes"
#define NR_HUGEPAGES	"/proc/sys/vm/nr_hugepages"
#define THP		"/sys/kernel/mm/transparent_hugepage/"

/* With fewer ready blocks the test would prove little. */
#define MIN_READY	64

/*
 * Memory is filled with pages in pipes, which cannot be moved, between pages of
 * files. The files are in ramfs, whose pages come from the same pageblocks: the
 * page allocator keeps pages that it considers movable, e.g. those of a tmpfs,
 * in others.
 */
#define PIPE_PAGES	4
#define FILE_PAGES	12
#define MAX_CLUTTER	65536

/* Memory of the page allocator that is left free on each node, in KiB. */
#define FLOOR_KIB	(20L << 10)

struct clutter {
	int directory;
	size_t nr;
	int pipes[MAX_CLUTTER][2];
};

/*
 * Return the free memory of one node or of all, in pieces of at least this
 * order, in KiB.
 */
static long free_in_pieces_kib(int nid, int min_order)
{
	int node, order, skip, used;
	long kib = 0, count;
	char line[512], *at;
	FILE *file;

	file = fopen("/proc/buddyinfo", "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %d, zone %*s%n", &node, &skip) != 1 ||
		    (nid != ALL_NODES && nid != node))
			continue;
		at = line + skip;
		for (order = 0; sscanf(at, "%ld%n", &count, &used) == 1; order++) {
			if (order >= min_order)
				kib += count * (long)(PAGE / 1024) << order;
			at += used;
		}
	}
	fclose(file);
	return kib;
}

static long blocks_free(void)
{
	return free_in_pieces_kib(ALL_NODES, 9) / 2048;
}

/* The directory has no name, and goes away with the process. */
static int open_ramfs(void)
{
	char path[] = "/tmp/ageing-XXXXXX";
	int fd = -1;

	if (!mkdtemp(path))
		return -1;
	if (!mount("ramfs", path, "ramfs", 0, NULL)) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		umount2(path, MNT_DETACH);
	}
	rmdir(path);
	return fd;
}

static bool write_pages(int fd, int nr)
{
	static const char page[PAGE] = "clutter";
	int i;

	for (i = 0; i < nr; i++) {
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			return false;
	}
	return true;
}

static void file_name(size_t item, char name[24])
{
	snprintf(name, 24, "%zu", item);
}

static bool add_clutter(struct clutter *clutter)
{
	int *pipe = clutter->pipes[clutter->nr];
	char name[24];
	bool good;
	int fd;

	if (clutter->nr == MAX_CLUTTER || pipe2(pipe, O_CLOEXEC))
		return false;
	file_name(clutter->nr++, name);
	fd = openat(clutter->directory, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = write_pages(pipe[1], PIPE_PAGES) && write_pages(fd, FILE_PAGES);
	close(fd);
	return good;
}

/*
 * Fill the memory of one node after the other, then free half of it at random:
 * half of the pipes and half of the files.
 */
static bool shatter_memory(struct clutter *clutter, unsigned int *seed)
{
	struct rlimit limit = { 3 * MAX_CLUTTER, 3 * MAX_CLUTTER };
	char name[24];
	int node, what;
	size_t i;

	clutter->directory = open_ramfs();
	if (clutter->directory < 0 || setrlimit(RLIMIT_NOFILE, &limit))
		return false;
	for (node = 0; node < MAX_NODES; node++) {
		if (!run_on_node(node))
			continue;
		while (free_in_pieces_kib(node, 0) > FLOOR_KIB) {
			/* Reading the free memory takes longer than adding a piece. */
			for (i = 0; i < 16; i++) {
				if (!add_clutter(clutter))
					return false;
			}
		}
	}
	for (i = 0; i < clutter->nr; i++) {
		what = rand_r(seed) >> 8;
		if (what & 1) {
			close(clutter->pipes[i][0]);
			close(clutter->pipes[i][1]);
		}
		file_name(i, name);
		if (what & 2)
			unlinkat(clutter->directory, name, 0);
	}
	return true;
}

FIXTURE(ageing) {
	struct clutter *clutter;
	unsigned int seed;
	char min_free[LINE_LENGTH];
	char pool_min[LINE_LENGTH];
	char pool_max[LINE_LENGTH];
	int fd;
};

FIXTURE_SETUP(ageing)
{
	self->seed = pick_seed();
	TH_LOG("ARENA_SEED=%u", self->seed);
	self->clutter = mmap(NULL, sizeof(*self->clutter), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->clutter);
	/*
	 * The kernel keeps some tens of MiB free, and would take the pools'
	 * blocks for that; another test covers reclaim.
	 */
	get_file(MIN_FREE, self->min_free);
	set_file(MIN_FREE, "4096");
	get_file(POOL_MIN, self->pool_min);
	get_file(POOL_MAX, self->pool_max);
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(ageing)
{
	/* All the memory goes away with the process. */
	close(self->fd);
	set_file(POOL_MIN, self->pool_min);
	set_file(POOL_MAX, self->pool_max);
	set_file(MIN_FREE, self->min_free);
}

/* Commit all ready blocks of each node to an arena; return how many are huge. */
static long huge_in_arena(int fd, long *asked)
{
	long node, nr, huge = 0;
	size_t offset = 0;
	char *memory;

	*asked = 0;
	for (node = 0; node < MAX_NODES; node++) {
		nr = pool_figure(node, "ready");
		if (nr <= 0 || !run_on_node(node))
			continue;
		*asked += nr;
		memory = mmap(NULL, nr * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED,
			      fd, offset);
		if (memory == MAP_FAILED)
			continue;
		offset += nr * BLOCK;
		touch(memory, nr * BLOCK, 1);
		huge += smaps_kib(memory, "FilePmdMapped") / 2048;
	}
	return huge;
}

static long huge_in_anonymous(long nr)
{
	size_t bytes = (nr + 1) * BLOCK;
	char *memory, *first;
	long huge = 0;

	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return 0;
	first = (char *)(((unsigned long)memory + BLOCK - 1) & -BLOCK);
	if (!madvise(first, nr * BLOCK, MADV_HUGEPAGE)) {
		touch(first, nr * BLOCK, 1);
		huge = smaps_kib(first, "AnonHugePages") / 2048;
	}
	munmap(memory, bytes);
	return huge;
}

static long huge_in_hugetlbfs(long nr)
{
	char before[LINE_LENGTH], wanted[LINE_LENGTH], after[LINE_LENGTH];

	get_file(NR_HUGEPAGES, before);
	snprintf(wanted, sizeof(wanted), "%ld", atol(before) + nr);
	if (!set_file(NR_HUGEPAGES, wanted))
		return 0;
	get_file(NR_HUGEPAGES, after);
	set_file(NR_HUGEPAGES, before);
	return atol(after) - atol(before);
}

static void report(struct __test_metadata *_metadata, const char *what, long got,
		   long asked, double since)
{
	TH_LOG("%-24s %4ld of %ld huge, %5.1f %%, in %.0f ms", what, got, asked,
	       100.0 * got / asked, (seconds() - since) * 1e3);
}

/* Wait for zeroing, for HANG seconds at most; return the number of ready blocks. */
static long wait_for_ready(void)
{
	double since = seconds();

	while (pool_count("dirty") > 0 && seconds() - since < HANG)
		usleep(10000);
	return pool_count("ready");
}

TEST_F_TIMEOUT(ageing, reserve_is_all_huge_pages, 10 * HANG)
{
	long ready = wait_for_ready(), hits = pool_count("hits");
	long misses = pool_count("misses"), asked, huge;
	long before = blocks_free(), after;
	double since = seconds();
	char line[LINE_LENGTH];

	if (geteuid())
		SKIP(return, "not root");
	if (ready < MIN_READY)
		SKIP(return, "only %ld of %d blocks are ready: load with reserve=256M", ready,
		     MIN_READY);
	ASSERT_TRUE(shatter_memory(self->clutter, &self->seed));
	after = blocks_free();
	TH_LOG("free blocks of 2 MiB: %ld, after %.0f s of ageing %ld in %ld MiB free",
	       before, seconds() - since, after,
	       free_in_pieces_kib(ALL_NODES, 0) / 1024);
	/* There is memory, but it is fragmented. */
	ASSERT_LT(after * 2048, free_in_pieces_kib(ALL_NODES, 0) / 8);
	ASSERT_EQ(ready, pool_count("ready"));
	/* Turn off refills, which would compete with the other allocations below. */
	set_file(POOL_MIN, "0");

	since = seconds();
	huge = huge_in_arena(self->fd, &asked);
	report(_metadata, "arena:", huge, asked, since);
	EXPECT_EQ(ready, asked);
	EXPECT_EQ(asked, huge);
	EXPECT_EQ(hits + asked, pool_count("hits"));
	EXPECT_EQ(misses, pool_count("misses"));

	/*
	 * The other allocations, for comparison. The arena keeps its blocks, so
	 * that they do not reach the page allocator through the pools.
	 */
	TH_LOG("transparent_hugepage/enabled: %s", get_file(THP "enabled", line));
	TH_LOG("transparent_hugepage/defrag: %s", get_file(THP "defrag", line));
	since = seconds();
	huge = huge_in_anonymous(MIN_READY);
	report(_metadata, "transparent huge pages:", huge, MIN_READY, since);
	since = seconds();
	huge = huge_in_hugetlbfs(MIN_READY);
	report(_metadata, "hugetlbfs, at run time:", huge, MIN_READY, since);
}

static int commit_range(int fd, size_t first, size_t nr)
{
	struct arena_ioc_commit commit = {
		.size = sizeof(commit), .offset = first * BLOCK, .length = nr * BLOCK,
	};

	return ioctl(fd, ARENA_IOC_COMMIT, &commit) ? -errno : 0;
}

/*
 * An arena can commit the blocks that it has released again at once, even if
 * there are no others on the machine and some are still being zeroed in the
 * pools.
 */
TEST_F_TIMEOUT(ageing, released_memory_can_be_committed_at_once, 10 * HANG)
{
	long nr = wait_for_ready(), before, shrunk, now;
	int i, err = 0;

	if (geteuid())
		SKIP(return, "not root");
	if (nr < MIN_READY)
		SKIP(return, "only %ld of %d blocks are ready: load with reserve=256M", nr,
		     MIN_READY);
	ASSERT_TRUE(shatter_memory(self->clutter, &self->seed));
	/* The pools reserve all that is released, so that nothing else takes it. */
	set_file(POOL_MAX, "1G");
	set_file(POOL_MIN, "1G");
	ASSERT_EQ(0, commit_range(self->fd, 0, nr));
	while (!commit_range(self->fd, nr, 1))
		nr++;
	before = nr;
	shrunk = pool_count("shrunk");
	TH_LOG("commit and release all %ld blocks, 50 times", nr);
	for (i = 0; i < 50 && !err; i++) {
		ASSERT_EQ(nr, release_all(self->fd));
		/* Except those that the kernel reclaimed for its own needs. */
		do {
			now = pool_count("shrunk");
			nr -= now - shrunk;
			shrunk = now;
			err = commit_range(self->fd, 0, nr);
		} while (err && pool_count("shrunk") > shrunk);
	}
	TH_LOG("the kernel reclaimed %ld of them", before - nr);
	EXPECT_EQ(0, err);
	EXPECT_EQ(50, i);
}

TEST_HARNESS_MAIN
