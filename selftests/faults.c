// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation of each call fails once: the call succeeds or fails with a
 * documented errno, nothing is left behind, and the next call works.
 *
 * Needs a kernel with fault injection (failslab, fail_page_alloc). The first
 * allocation fails, then the second, and so on, until a call has no allocation
 * left to fail. faults.sh does the same with whole programs, and checks less.
 */
#include "arena_test.h"
#include "harness.h"

/* The slots of a region that begins at FIRST are in two nodes of the xarray. */
#define FIRST		62
#define NR		4
#define MODULE_FILE	"/lib/arena.ko"

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static bool set_knob(const char *kind, const char *knob, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind, knob);
	return write_file(path, value);
}

/* Runs before the harness, as the check for the device does. */
static void __attribute__((constructor)) prepare_injection(void)
{
	if (set_knob("failslab", "ignore-gfp-wait", "N") &&
	    set_knob("failslab", "verbose", "0") &&
	    set_knob("fail_page_alloc", "ignore-gfp-wait", "N") &&
	    set_knob("fail_page_alloc", "ignore-gfp-highmem", "N") &&
	    set_knob("fail_page_alloc", "min-order", "0") &&
	    set_knob("fail_page_alloc", "verbose", "0"))
		return;
	printf("TAP version 13\n1..0 # SKIP no fault injection\n");
	exit(4);
}

/*
 * The kernel does not allocate what a cache still has. So the allocations of a
 * call may vary, and one may be skipped. Hence several passes.
 */
#define PASSES	5

struct faults {
	int passes;
	int n;
	int total;
	bool fired;
	int file;
};

#define for_each_fault(f, nr) \
	for (*(f) = (struct faults) { .passes = nr, .file = -1 }; next_fault(f); )

static void fail_nth(int file, int n)
{
	char number[16];
	int length = snprintf(number, sizeof(number), "%d", n);

	if (pwrite(file, number, length, 0) != length)
		abort();
}

static bool next_fault(struct faults *faults)
{
	if (faults->file < 0) {
		faults->file = open("/proc/thread-self/fail-nth",
				    O_RDWR | O_CLOEXEC);
	} else if (!faults->fired) {
		faults->passes--;
		faults->n = 0;
	}
	faults->n++;
	if (faults->passes)
		return true;
	close(faults->file);
	return false;
}

/* Make the nth allocation of this thread fail from now on. */
static void arm(struct faults *faults)
{
	fail_nth(faults->file, faults->n);
}

/* Turn that off; return whether an allocation failed. */
static bool disarm(struct faults *faults)
{
	char number[16] = "";

	if (pread(faults->file, number, sizeof(number) - 1, 0) <= 0)
		abort();
	fail_nth(faults->file, 0);
	faults->fired = atoi(number) == 0;
	faults->total += faults->fired;
	return faults->fired;
}

/* Fail only allocations called from this function of the kernel; NULL means all. */
static bool fail_only_in(const char *function)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	unsigned long start = 0, end = -1UL, address;
	char line[256], name[128], first[32], last[32];
	bool ok = true, found = !function;
	FILE *file;
	size_t i;

	file = fopen("/proc/kallsyms", "r");
	while (function && file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx %*c %127s", &address, name) == 2 &&
		    !strcmp(name, function)) {
			start = address;
			found = true;
		}
	}
	/* The range ends at the next symbol. */
	if (function && file)
		rewind(file);
	while (function && file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx", &address) == 1 && address > start &&
		    address < end)
			end = address;
	}
	if (file)
		fclose(file);

	snprintf(first, sizeof(first), "0x%lx", start);
	snprintf(last, sizeof(last), "0x%lx", end);
	for (i = 0; i < 2; i++) {
		ok = set_knob(kinds[i], "require-start", first) &&
		     set_knob(kinds[i], "require-end", last) &&
		     set_knob(kinds[i], "stacktrace-depth", "32") && ok;
	}
	return ok && found;
}

FIXTURE(faults) {
	struct faults faults;
	int fd;
};

FIXTURE_SETUP(faults)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(faults)
{
	close(self->fd);
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
	TH_LOG("%d faults", self->faults.total);
}

TEST_F(faults, open_undoes_each_failed_allocation)
{
	int fd, error;

	for_each_fault(&self->faults, PASSES) {
		arm(&self->faults);
		fd = open_arena();
		error = errno;
		if (disarm(&self->faults) && fd < 0) {
			ASSERT_EQ(ENOMEM, error);
			continue;
		}
		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, close(fd));
	}
	EXPECT_GE(self->faults.total, 2 * PASSES);
}

TEST_F(faults, mmap_undoes_each_failed_allocation)
{
	char *memory;
	int error;

	for_each_fault(&self->faults, PASSES) {
		arm(&self->faults);
		memory = mmap(NULL, NR * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED,
			      self->fd, FIRST * BLOCK);
		error = errno;
		if (disarm(&self->faults) && memory == MAP_FAILED) {
			ASSERT_EQ(ENOMEM, error);
			ASSERT_TRUE(!blocks_of(self->fd) || blocks_of(self->fd) == NR);
		} else {
			ASSERT_NE(MAP_FAILED, memory);
			ASSERT_EQ(NR, blocks_of(self->fd));
			ASSERT_EQ(0, munmap(memory, NR * BLOCK));
		}
		ASSERT_GE(release_all(self->fd), 0);
	}
	EXPECT_GE(self->faults.total, NR * PASSES);
}

/*
 * The xarray tries twice to allocate a node, so a single failure has no effect.
 * In this test all allocations fail after a number of bytes have been
 * allocated.
 */
TEST_F(faults, mmap_undoes_all_later_failed_allocations)
{
	char *memory = MAP_FAILED, number[16];
	int space;

	ASSERT_TRUE(fail_only_in("arena_region_mmap"));
	ASSERT_TRUE(set_knob("failslab", "probability", "100"));
	ASSERT_TRUE(set_knob("failslab", "times", "-1"));
	ASSERT_TRUE(set_knob("failslab", "task-filter", "Y"));
	for (space = 0; memory == MAP_FAILED; space += 64) {
		ASSERT_LT(space, 100000);
		snprintf(number, sizeof(number), "%d", space);
		ASSERT_TRUE(set_knob("failslab", "space", number));
		ASSERT_TRUE(write_file("/proc/self/make-it-fail", "1"));
		memory = mmap(NULL, NR * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED,
			      self->fd, FIRST * BLOCK);
		ASSERT_TRUE(write_file("/proc/self/make-it-fail", "0"));
		if (memory == MAP_FAILED) {
			ASSERT_EQ(ENOMEM, errno);
			ASSERT_EQ(0, blocks_of(self->fd));
			ASSERT_EQ(0, release_all(self->fd));
		}
	}
	EXPECT_TRUE(set_knob("failslab", "probability", "0"));
	EXPECT_TRUE(fail_only_in(NULL));
	self->faults.total = space / 64 - 1;
	/* More than one node was allocated. */
	EXPECT_GT(space, 1024);
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_EQ(0, munmap(memory, NR * BLOCK));
}

TEST_F(faults, fault_undoes_each_failed_allocation)
{
	char *memory;
	int err, error;

	for_each_fault(&self->faults, PASSES) {
		memory = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_NORESERVE, self->fd, 0);
		ASSERT_NE(MAP_FAILED, memory);
		arm(&self->faults);
		err = madvise(memory, BLOCK, MADV_POPULATE_WRITE);
		error = errno;
		if (disarm(&self->faults) && err) {
			ASSERT_TRUE(error == EFAULT || error == ENOMEM);
		} else {
			ASSERT_EQ(0, err);
		}
		/* The next touch works. */
		memory[0] = 1;
		ASSERT_EQ(1, release_all(self->fd));
		ASSERT_EQ(0, memory[0]);
		ASSERT_EQ(0, munmap(memory, BLOCK));
		ASSERT_EQ(1, release_all(self->fd));
	}
	EXPECT_GE(self->faults.total, PASSES);
}

/* These ioctls never fail for lack of memory. */
TEST_F(faults, ioctl_undoes_each_failed_allocation)
{
	long blocks, released;
	char *memory;

	for_each_fault(&self->faults, PASSES) {
		memory = map_blocks(self->fd, NR);
		ASSERT_NE(MAP_FAILED, memory);
		touch(memory, NR * BLOCK, 1);
		arm(&self->faults);
		blocks = blocks_of(self->fd);
		released = release_all(self->fd);
		disarm(&self->faults);
		ASSERT_EQ(NR, blocks);
		ASSERT_EQ(NR, released);
		ASSERT_EQ(0, munmap(memory, NR * BLOCK));
	}
}

FIXTURE(faults_loading) {
	struct faults faults;
};

FIXTURE_SETUP(faults_loading)
{
}

FIXTURE_TEARDOWN(faults_loading)
{
	TH_LOG("%d faults", self->faults.total);
}

/*
 * Loading fails as long as an allocation fails, then works. Only allocations of
 * the module's initialization fail, since the module loader itself warns if it
 * has no memory.
 */
TEST_F(faults_loading, module_load_undoes_each_failed_allocation)
{
	int file = open(MODULE_FILE, O_RDONLY | O_CLOEXEC);
	int err, error;

	if (file < 0)
		SKIP(return, "no " MODULE_FILE);
	ASSERT_TRUE(fail_only_in("do_init_module"));
	for_each_fault(&self->faults, 1) {
		ASSERT_EQ(0, syscall(SYS_delete_module, "arena", O_NONBLOCK));
		arm(&self->faults);
		err = syscall(SYS_finit_module, file, "", 0);
		error = errno;
		if (disarm(&self->faults) && err) {
			ASSERT_EQ(ENOMEM, error);
			err = syscall(SYS_finit_module, file, "", 0);
		}
		ASSERT_EQ(0, err);
		ASSERT_EQ(0, access(DEVICE, R_OK | W_OK));
	}
	EXPECT_TRUE(fail_only_in(NULL));
	EXPECT_GE(self->faults.total, 3);
	close(file);
}

TEST_HARNESS_MAIN
