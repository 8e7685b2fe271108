// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena, on both of its back ends. Tests that need the device are skipped if
 * there is none.
 */
#include "lib_test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

LIB_FIXTURE(lib)
LIB_FIXTURE_ONCE(lib)

TEST_F(lib, backing_is_reported)
{
	NEED_BACKING();
	EXPECT_EQ(variant->backing, arena_backing(self->a));
	EXPECT_EQ(variant->backing, stats_of(self->a).backing);
}

TEST_F(lib, new_arena_is_empty)
{
	struct arena_stats stats;

	NEED_BACKING();
	stats = stats_of(self->a);
	EXPECT_EQ(16 * GIB, stats.reserved);
	EXPECT_EQ(0, stats.committed);
	EXPECT_EQ(0, stats.used);
	EXPECT_EQ(0, stats.blocks);
	EXPECT_EQ(-1, stats.node);
}

/* No two allocations overlap; each is aligned and keeps its contents. */
TEST_F(lib, allocations_do_not_overlap)
{
	enum { N = 20000 };
	static struct { unsigned char *memory; size_t size; } all[N];
	unsigned int seed = getpid();
	size_t align, size;
	int i;

	NEED_BACKING();
	TH_LOG("seed %u", seed);
	for (i = 0; i < N; i++) {
		size = rand_r(&seed) % (i % 100 ? 200 : 100000);
		if (i % 2) {
			align = (size_t)1 << rand_r(&seed) % 14;
			all[i].memory = arena_alloc_aligned(self->a, size, align);
		} else {
			align = ARENA_ALIGN;
			all[i].memory = arena_alloc(self->a, size);
		}
		ASSERT_NE(NULL, all[i].memory);
		ASSERT_EQ(0, (uintptr_t)all[i].memory % align);
		all[i].size = size;
		memset(all[i].memory, i % 251, size);
	}
	for (i = 0; i < N; i++) {
		ASSERT_TRUE(is_filled(all[i].memory, all[i].size, i % 251));
	}
}

TEST_F(lib, edge_sizes_are_handled)
{
	/* volatile, so that the compiler does not know the value and warn. */
	volatile size_t max = SIZE_MAX;

	NEED_BACKING();
	EXPECT_NE(NULL, arena_alloc(self->a, 0));
	EXPECT_NE(NULL, arena_alloc(self->a, 1));
	EXPECT_NE(NULL, arena_alloc(self->a, 0));
	EXPECT_NE(NULL, arena_alloc_aligned(self->a, 0, 1));
	EXPECT_NE(NULL, arena_zalloc(self->a, 0));
	EXPECT_EQ(NULL, arena_alloc(self->a, max));
	EXPECT_EQ(NULL, arena_alloc(self->a, max - 15));
	EXPECT_EQ(NULL, arena_alloc(self->a, max / 2));
	EXPECT_EQ(NULL, arena_zalloc(self->a, max));
	EXPECT_EQ(NULL, arena_alloc_aligned(self->a, max, 1));
	EXPECT_EQ(NULL, arena_alloc_aligned(self->a, max - 4096, 4096));
	EXPECT_NE(NULL, arena_alloc(self->a, 100));
}

TEST_F(lib, edge_alignments_are_handled)
{
	/* volatile, so that the compiler does not know the values and warn. */
	volatile size_t wrong[] = { 0, 3, 24, SIZE_MAX }, huge = (size_t)1 << 63;
	void *memory;
	size_t i;

	NEED_BACKING();
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		EXPECT_EQ(NULL, arena_alloc_aligned(self->a, 8, wrong[i]));
		EXPECT_EQ(-EINVAL, arena_error(self->a));
	}
	EXPECT_EQ(NULL, arena_alloc_aligned(self->a, 8, huge));
	EXPECT_EQ(-ENOMEM, arena_error(self->a));
	memory = arena_alloc_aligned(self->a, 8, 64 * MIB);
	ASSERT_NE(NULL, memory);
	EXPECT_EQ(0, (uintptr_t)memory % (64 * MIB));
	memset(memory, 1, 8);
}

TEST_F(lib, zalloc_zeroes_what_was_used)
{
	unsigned char *memory;

	NEED_BACKING();
	memory = arena_alloc(self->a, MIB);
	ASSERT_NE(NULL, memory);
	memset(memory, 0xff, MIB);
	arena_reset(self->a);
	EXPECT_TRUE(is_filled(arena_zalloc(self->a, MIB), MIB, 0));
}

TEST_F(lib, reset_keeps_the_memory)
{
	char *memory, *again;
	struct arena_stats stats;

	NEED_BACKING();
	memory = arena_alloc(self->a, 10 * MIB);
	ASSERT_NE(NULL, memory);
	memset(memory, 1, 10 * MIB);
	stats = stats_of(self->a);
	EXPECT_LE(10 * MIB, stats.committed);

	arena_reset(self->a);
	EXPECT_EQ(0, stats_of(self->a).used);
	EXPECT_EQ(stats.committed, stats_of(self->a).committed);
	EXPECT_EQ(stats.blocks, stats_of(self->a).blocks);
	again = arena_alloc(self->a, 10 * MIB);
	EXPECT_EQ(memory, again);
}

static long rss_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

TEST_F(lib, release_gives_the_memory_back)
{
	char *memory;
	long before;

	NEED_BACKING();
	memory = arena_alloc(self->a, 64 * MIB);
	ASSERT_NE(NULL, memory);
	memset(memory, 1, 64 * MIB);
	before = rss_kib();

	ASSERT_EQ(0, arena_release(self->a));
	EXPECT_LE(60 * 1024, before - rss_kib());
	EXPECT_EQ(0, stats_of(self->a).committed);
	EXPECT_EQ(0, stats_of(self->a).used);
	EXPECT_EQ(0, stats_of(self->a).blocks);

	memory = arena_alloc(self->a, 64 * MIB);
	ASSERT_NE(NULL, memory);
	EXPECT_TRUE(is_filled(memory, 64 * MIB, 0));
	EXPECT_EQ(0, arena_release(self->a));
	EXPECT_EQ(0, arena_release(self->a));
}

TEST_F(lib, device_blocks_are_counted)
{
	struct arena_stats stats;
	char *memory;

	NEED_BACKING();
	memory = arena_alloc(self->a, 5 * MIB);
	ASSERT_NE(NULL, memory);
	memset(memory, 1, 5 * MIB);
	stats = stats_of(self->a);
	EXPECT_EQ(variant->backing == ARENA_BACKING_DEVICE ?
		  stats.committed / (2 * MIB) : 0, stats.blocks);
	EXPECT_GE(stats.node, 0);
}

/* The reserve limits allocations to the byte. */
TEST_F(lib, allocation_ends_at_reserve)
{
	struct arena *a;
	char *all;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.reserve = 3 * MIB,
					   .backing = variant->backing)));
	EXPECT_EQ(4 * MIB, stats_of(a).reserved);
	EXPECT_EQ(NULL, arena_alloc(a, 4 * MIB + 1));
	all = arena_alloc(a, 4 * MIB);
	ASSERT_NE(NULL, all);
	memset(all, 1, 4 * MIB);
	EXPECT_EQ(NULL, arena_alloc(a, 1));
	EXPECT_EQ(NULL, arena_alloc_aligned(a, 1, 1));
	EXPECT_EQ(NULL, arena_strdup(a, ""));
	EXPECT_NE(NULL, arena_alloc(a, 0));
	arena_reset(a);
	EXPECT_NE(NULL, arena_alloc(a, 1));
	arena_destroy(a);
}

/*
 * A request for more memory than the machine has: the device commits, so the
 * result is NULL, not a signal.
 */
TEST_F(lib, out_of_memory_is_null)
{
	size_t ram = sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
	struct arena *a;

	NEED_BACKING();
	if (variant->backing != ARENA_BACKING_DEVICE)
		SKIP(return, "anonymous memory is overcommitted");
	ASSERT_EQ(0, arena_create(&a, OPTS(.reserve = 2 * ram,
					   .backing = variant->backing)));
	errno = 0;
	EXPECT_EQ(NULL, arena_alloc(a, ram + ram / 2));
	EXPECT_EQ(0, errno);
	ASSERT_EQ(0, arena_release(a));
	EXPECT_NE(NULL, arena_alloc(a, 10 * MIB));
	arena_destroy(a);
}

TEST_F(lib, errno_is_unchanged)
{
	struct arena *a;

	NEED_BACKING();
	errno = 4711;
	EXPECT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing)));
	EXPECT_NE(NULL, arena_alloc(a, 5 * MIB));
	EXPECT_EQ(NULL, arena_alloc(a, SIZE_MAX));
	arena_reset(a);
	EXPECT_EQ(0, arena_release(a));
	stats_of(a);
	arena_destroy(a);
	arena_destroy(NULL);
	EXPECT_EQ(4711, errno);
}

TEST_F(lib, many_arenas_at_once_work)
{
	/* Valgrind has about 120 GiB of address space. */
	size_t reserve = IS_VALGRIND ? 64 * MIB : 0;
	struct arena *all[100];
	char *memory;
	int i;

	NEED_BACKING();
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, arena_create(&all[i], OPTS(.backing = variant->backing,
							.reserve = reserve)));
		memory = arena_alloc(all[i], 100);
		ASSERT_NE(NULL, memory);
		memset(memory, i, 100);
	}
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(i, all[i]->base[all[i]->left]);
		arena_destroy(all[i]);
	}
}

/* A child has a copy of anonymous memory, but no access to memory of the device. */
TEST_F(lib, child_has_anonymous_memory_only)
{
	char *memory, *mine;
	int status;
	pid_t pid;

	NEED_BACKING();
	memory = arena_alloc(self->a, 100);
	ASSERT_NE(NULL, memory);
	memset(memory, 1, 100);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (variant->backing == ARENA_BACKING_ANON) {
			memory[0] = 2;
			_exit(arena_release(self->a));
		}
		if (arena_release(self->a) != -EPERM)
			_exit(1);
		/* arena_destroy() in the child must not unmap this mapping. */
		mine = mmap(memory - (uintptr_t)memory % (2 * MIB), 2 * MIB,
			    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
			    MAP_FIXED_NOREPLACE, -1, 0);
		if (mine == MAP_FAILED)
			_exit(2);
		arena_destroy(self->a);
		mine[0] = 1;
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, memory[0]);
	EXPECT_NE(NULL, arena_alloc(self->a, 3 * MIB));
}

/* Return the memory of the arenas that a process has descriptors of, in KiB. */
static long device_kib(pid_t pid)
{
	char path[64], line[128];
	long sum = 0, kib;
	FILE *file;
	int fd;

	for (fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file))
			sum += sscanf(line, "arena-total-memory: %ld KiB", &kib) == 1 ? kib : 0;
		if (file)
			fclose(file);
	}
	return sum;
}

/* The child inherits the descriptor and keeps it until it exits or calls exec(). */
TEST_F(lib, destroy_frees_blocks_while_child_lives)
{
	int status;
	pid_t pid;

	NEED_BACKING();
	memset(arena_alloc(self->a, 8 * MIB), 1, 8 * MIB);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		alarm(HANG);
		pause();
		_exit(0);
	}
	if (variant->backing == ARENA_BACKING_DEVICE) {
		EXPECT_GE(device_kib(pid), 8 * MIB / 1024);
	}
	arena_destroy(self->a);
	self->a = NULL;
	EXPECT_EQ(0, device_kib(pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
}

TEST_F(lib_once, bad_options_are_refused)
{
	struct { struct arena_opts opts; char newer[16]; } longer = {
		.opts.size = sizeof(longer),
		.opts.backing = ARENA_BACKING_ANON,
	};
	struct arena *a = NULL;

	EXPECT_EQ(-EINVAL, arena_create(&a, &(struct arena_opts) { 0 }));
	EXPECT_EQ(-EINVAL, arena_create(&a, OPTS(.backing = 4)));
	EXPECT_EQ(-EINVAL, arena_create(&a, OPTS(.reserved = 1)));
	EXPECT_EQ(-EINVAL, arena_create(&a, OPTS(.flags = 1u << 31)));
	EXPECT_EQ(-EINVAL, arena_create(&a, OPTS(.nodes = 4, .node_mask = 1)));
	EXPECT_EQ(-EINVAL, arena_create(&a, OPTS(.nodes = ARENA_NODES_BIND)));
	EXPECT_EQ(-EINVAL, arena_create(&a, OPTS(.node_mask = 1)));
	EXPECT_EQ(-EINVAL, arena_create(&a, OPTS(.reserve = 4 * MIB, .prefault = 5 * MIB)));
	EXPECT_EQ(-ENOMEM, arena_create(&a, OPTS(.prefault = SIZE_MAX)));
	EXPECT_EQ(-ENOMEM, arena_create(&a, OPTS(.reserve = SIZE_MAX - 1)));
	EXPECT_EQ(-ENOMEM, arena_create(&a, OPTS(.reserve = (size_t)1 << 62)));
	longer.newer[15] = 1;
	EXPECT_EQ(-E2BIG, arena_create(&a, &longer.opts));
	EXPECT_EQ(NULL, a);
	longer.newer[15] = 0;
	EXPECT_EQ(0, arena_create(&a, &longer.opts));
	arena_destroy(a);
}

TEST_F(lib_once, bad_stats_sizes_are_refused)
{
	struct arena_stats stats = { 0 };
	struct arena *a;

	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = ARENA_BACKING_ANON)));
	EXPECT_EQ(-EINVAL, arena_stats_get(a, &stats));
	stats.size = 4096;
	EXPECT_EQ(0, arena_stats_get(a, &stats));
	EXPECT_EQ(sizeof(stats), stats.size);
	arena_destroy(a);
}

/* The default backing is the device if it is accessible, otherwise anonymous memory. */
TEST_F(lib_once, default_backing_is_device_or_anon)
{
	enum arena_backing expected = access("/dev/arena", R_OK | W_OK) ?
		ARENA_BACKING_ANON : ARENA_BACKING_DEVICE;
	struct arena *a;

	ASSERT_EQ(0, arena_create(&a, NULL));
	EXPECT_EQ(expected, arena_backing(a));
	arena_destroy(a);
}

/* If the device is required but not accessible, the error says why. */
TEST_F(lib_once, required_device_fails_with_reason)
{
	struct arena *a;
	int err = arena_create(&a, OPTS(.backing = ARENA_BACKING_DEVICE));

	if (!access("/dev/arena", R_OK | W_OK)) {
		ASSERT_EQ(0, err);
		arena_destroy(a);
		return;
	}
	EXPECT_EQ(access("/dev/arena", F_OK) ? -ENOENT : -EACCES, err);
}

/* The device exists, but this user cannot open it. */
TEST_F(lib_once, user_without_access_gets_anonymous_memory)
{
	struct arena *a;

	if (access("/dev/arena", F_OK) || geteuid())
		SKIP(return, "no /dev/arena, or not root");
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(-EACCES, arena_create(&a, OPTS(.backing = ARENA_BACKING_DEVICE)));
	ASSERT_EQ(0, arena_create(&a, NULL));
	EXPECT_EQ(ARENA_BACKING_ANON, arena_backing(a));
	arena_destroy(a);
}

/*
 * arena_create() must not fail if the address space is smaller than the default
 * reserve.
 */
TEST_F(lib_once, arena_fits_into_little_address_space)
{
	struct rlimit limit = { .rlim_cur = GIB, .rlim_max = GIB };
	struct arena *a;
	char *memory;

	if (IS_SANITIZED)
		SKIP(return, "the sanitizer needs more address space");
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
	ASSERT_EQ(0, arena_create(&a, NULL));
	EXPECT_EQ(512 * MIB, stats_of(a).reserved);
	memory = arena_alloc(a, MIB);
	ASSERT_NE(NULL, memory);
	memset(memory, 1, MIB);
	EXPECT_EQ(-ENOMEM, arena_create(&a, OPTS(.reserve = 2 * GIB)));
	arena_destroy(a);
}

static int overcommit_memory(const char *mode, char *old)
{
	FILE *file = fopen("/proc/sys/vm/overcommit_memory", "r+");
	int err = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%1s", old) == 1) {
		rewind(file);
		err = fputs(mode, file) < 0;
	}
	return fclose(file) || err;
}

/*
 * With strict overcommit, as used for databases, the reservation must not be
 * charged.
 */
TEST_F(lib_once, strict_overcommit_does_not_charge_reserve)
{
	char *memory, old[2], strict[2];
	struct arena *a;
	int err;

	if (geteuid() || access("/dev/arena", R_OK | W_OK))
		SKIP(return, "changes system settings: needs root and the device");
	ASSERT_EQ(0, overcommit_memory("2", old));
	err = arena_create(&a, OPTS(.backing = ARENA_BACKING_DEVICE));
	memory = err ? NULL : arena_alloc(a, 5 * MIB);
	ASSERT_EQ(0, overcommit_memory(old, strict));
	EXPECT_STREQ("2", strict);
	ASSERT_EQ(0, err);
	ASSERT_NE(NULL, memory);
	EXPECT_EQ(16 * GIB, stats_of(a).reserved);
	memset(memory, 1, 5 * MIB);
	arena_destroy(a);
}

TEST_HARNESS_MAIN
