// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation of every call fails once: the call succeeds or fails with a
 * documented errno, nothing is left behind, and the next call works.
 *
 * Needs a kernel with fault injection (failslab, fail_page_alloc): the first
 * allocation fails, then the second, and so on until there is none to fail.
 */
#include "arena_test.h"
#include <kselftest_harness.h>

#define NR		3
#define MODULE_FILE	"/lib/arena.ko"

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

/* Before the harness, as with the device. */
static void __attribute__((constructor)) prepare_injection(void)
{
	static const struct { const char *file, *value; } knobs[] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
	};
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", knobs[i].file);
		if (!write_file(path, knobs[i].value)) {
			printf("TAP version 13\n1..0 # SKIP no fault injection\n");
			exit(4);
		}
	}
}

/* The nth allocation of this task from now on fails. */
static void fail_nth(int n)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", n);
	if (!write_file("/proc/thread-self/fail-nth", number))
		abort();
}

/* Whether it did; switches injection off. */
static bool fault_fired(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char number[16] = "";

	/* Opening that file allocates too, and may be what failed. */
	if (fd < 0) {
		fail_nth(0);
		return true;
	}
	if (read(fd, number, sizeof(number) - 1) <= 0 || write(fd, "0", 1) != 1)
		abort();
	close(fd);
	return atoi(number) == 0;
}

FIXTURE(faults) {
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
}

TEST_F_TIMEOUT(faults, in_open, 120)
{
	int n, fd, error;

	for (n = 1; ; n++) {
		fail_nth(n);
		fd = open_arena();
		error = errno;
		if (!fault_fired())
			break;
		if (fd < 0) {
			EXPECT_EQ(ENOMEM, error);
		}
		close(fd);
	}
	TH_LOG("%d faults", n - 1);
	EXPECT_GT(n, 3);
	EXPECT_GE(fd, 0);
	close(fd);
}

TEST_F_TIMEOUT(faults, in_mmap, 240)
{
	char *memory;
	int n, error;

	for (n = 1; ; n++) {
		fail_nth(n);
		memory = map_blocks(self->fd, NR);
		error = errno;
		if (!fault_fired())
			break;
		if (memory == MAP_FAILED) {
			EXPECT_EQ(ENOMEM, error);
		} else {
			EXPECT_EQ(NR, blocks_of(self->fd));
			EXPECT_EQ(0, munmap(memory, NR * BLOCK));
		}
		EXPECT_GE(release_all(self->fd), 0);
	}
	TH_LOG("%d faults", n - 1);
	EXPECT_GT(n, NR);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(NR, blocks_of(self->fd));
	EXPECT_EQ(0, munmap(memory, NR * BLOCK));
}

TEST_F_TIMEOUT(faults, in_fault, 240)
{
	char *memory;
	int n, err, error;

	for (n = 1; ; n++) {
		memory = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_NORESERVE, self->fd, 0);
		ASSERT_NE(MAP_FAILED, memory);
		fail_nth(n);
		err = madvise(memory, BLOCK, MADV_POPULATE_WRITE);
		error = errno;
		if (!fault_fired())
			break;
		if (err) {
			EXPECT_TRUE(error == EFAULT || error == ENOMEM);
		}
		/* And then it works. */
		memory[0] = 1;
		EXPECT_EQ(1, release_all(self->fd));
		EXPECT_EQ(0, memory[0]);
		EXPECT_EQ(0, munmap(memory, BLOCK));
		EXPECT_EQ(1, release_all(self->fd));
	}
	TH_LOG("%d faults", n - 1);
	EXPECT_GT(n, 1);
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, munmap(memory, BLOCK));
}

TEST_F_TIMEOUT(faults, in_ioctl, 120)
{
	long blocks, released;
	char *memory;
	int n;

	for (n = 1; ; n++) {
		memory = map_blocks(self->fd, NR);
		ASSERT_NE(MAP_FAILED, memory);
		touch(memory, NR * BLOCK, 1);
		fail_nth(n);
		blocks = blocks_of(self->fd);
		released = release_all(self->fd);
		EXPECT_EQ(NR, blocks);
		EXPECT_EQ(NR, released);
		EXPECT_EQ(0, munmap(memory, NR * BLOCK));
		if (!fault_fired())
			break;
	}
	TH_LOG("%d faults", n - 1);
}

/* Let only what a function of the kernel calls fail; anything if NULL. */
static bool fail_only_in(const char *function)
{
	static const char * const knobs[] = { "failslab", "fail_page_alloc" };
	unsigned long start = 0, end = -1UL, address;
	char line[256], name[128], path[128], number[32];
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
	/* To the symbol after it. */
	if (function && file)
		rewind(file);
	while (function && file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx", &address) == 1 && address > start &&
		    address < end)
			end = address;
	}
	if (file)
		fclose(file);

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/require-start",
			 knobs[i]);
		snprintf(number, sizeof(number), "0x%lx", start);
		ok = write_file(path, number) && ok;
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/require-end",
			 knobs[i]);
		snprintf(number, sizeof(number), "0x%lx", end);
		ok = write_file(path, number) && ok;
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/stacktrace-depth",
			 knobs[i]);
		ok = write_file(path, "32") && ok;
	}
	return ok && found;
}

FIXTURE(loading) {
};

FIXTURE_SETUP(loading)
{
}

FIXTURE_TEARDOWN(loading)
{
}

/*
 * Loading fails as often as there is something to fail, then works. Only the
 * module's own initialization: the loader itself warns when it has no memory.
 */
TEST_F_TIMEOUT(loading, the_module, 600)
{
	int file = open(MODULE_FILE, O_RDONLY | O_CLOEXEC);
	int n, err, error;

	if (file < 0)
		SKIP(return, "no " MODULE_FILE);
	ASSERT_EQ(0, syscall(SYS_delete_module, "arena", O_NONBLOCK));
	ASSERT_TRUE(fail_only_in("do_init_module"));
	for (n = 1; ; n++) {
		fail_nth(n);
		err = syscall(SYS_finit_module, file, "", 0);
		error = errno;
		if (!fault_fired())
			break;
		if (err) {
			EXPECT_EQ(ENOMEM, error);
			continue;
		}
		ASSERT_EQ(0, access(DEVICE, R_OK | W_OK));
		ASSERT_EQ(0, syscall(SYS_delete_module, "arena", O_NONBLOCK));
	}
	TH_LOG("%d faults", n - 1);
	EXPECT_TRUE(fail_only_in(NULL));
	EXPECT_GT(n, 3);
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, access(DEVICE, R_OK | W_OK));
	close(file);
}

TEST_HARNESS_MAIN
