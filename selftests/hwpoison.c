// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory errors: a page that the kernel has marked is neither handed out nor
 * readable. Each test loses a block.
 *
 * Needs root. Kernels without CONFIG_MEMORY_FAILURE, or older than 6.4, do not
 * count the memory errors of a node.
 */
#include "arena_test.h"
#include <linux/kernel-page-flags.h>
#include "harness.h"

#define OFFLINE	"/sys/devices/system/memory/hard_offline_page"
#define COUNT	"/sys/devices/system/node/node0/memory_failure/total"
/* A page other than the first one of its block. */
#define BAD	(5 * PAGE)

/* Read a byte; return the code of the SIGBUS that this raises, 0, or -1 for another signal. */
static int read_byte(const char *byte)
{
	if (try_touch(byte, false))
		return 0;
	return fault.si_signo == SIGBUS ? fault.si_code : -1;
}

/* The module checks for errors every two seconds. Wait at least ten. */
static int wait_for_sigbus(const char *byte)
{
	int i, code = read_byte(byte);

	for (i = 0; i < 1000 && !code; i++) {
		usleep(10000);
		code = read_byte(byte);
	}
	return code;
}

static uint64_t read_word(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t word = 0;

	if (pread(fd, &word, sizeof(word), index * sizeof(word)) != sizeof(word))
		word = 0;
	close(fd);
	return word;
}

/* Return the page frame number at an address, which must be mapped. */
static uint64_t frame_of(const char *address)
{
	return read_word("/proc/self/pagemap", (uintptr_t)address / PAGE) &
	       ((1ULL << 55) - 1);
}

static bool is_marked(uint64_t frame)
{
	return read_word("/proc/kpageflags", frame) >> KPF_HWPOISON & 1;
}

/* Report a memory error to the kernel, as a scrubber does. The write itself fails. */
static bool report_error(uint64_t frame)
{
	char address[32];

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)frame * PAGE);
	set_file(OFFLINE, address);
	return is_marked(frame);
}

static long retired(void)
{
	FILE *file = fopen(POOL_FILE, "r");
	char line[1024];
	long nr = -1;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "poisoned %ld", &nr) == 1)
			break;
	}
	if (file)
		fclose(file);
	return nr;
}

FIXTURE(hwpoison) {
	int fd;
	char *memory;
	uint64_t frame;
	long retired;
};

FIXTURE_SETUP(hwpoison)
{
	if (access(OFFLINE, W_OK) || access(COUNT, R_OK))
		SKIP(return, "this kernel does not count the memory errors of a node");
	catch_faults();
	run_on_node(0);
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	self->memory = map_blocks(self->fd, 1);
	ASSERT_NE(MAP_FAILED, self->memory);
	touch(self->memory, BLOCK, 1);
	self->frame = frame_of(self->memory + BAD);
	ASSERT_NE(0, self->frame);
	self->retired = retired();
}

FIXTURE_TEARDOWN(hwpoison)
{
	close(self->fd);
}

/* Commit as many blocks as the node's pool has, and look for the one with the error. */
static bool is_handed_out(uint64_t frame, int fd, size_t nr)
{
	char *memory = mmap(NULL, nr * BLOCK, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, fd, 0);
	bool found = false;
	size_t i;

	for (i = 0; i < nr; i++) {
		memory[i * BLOCK] = 1;
		found |= frame_of(memory + i * BLOCK) == frame - BAD / PAGE;
	}
	munmap(memory, nr * BLOCK);
	return found;
}

TEST_F(hwpoison, pool_retires_the_block)
{
	size_t nr;

	ASSERT_EQ(1, release_all(self->fd));
	ASSERT_EQ(0, pool_settled("dirty", 0));
	ASSERT_TRUE(report_error(self->frame));
	nr = pool_figure(0, "ready");
	ASSERT_EQ(0, commit_blocks(self->fd, 0, nr));
	EXPECT_FALSE(is_handed_out(self->frame, self->fd, nr));
	EXPECT_EQ(self->retired + 1, retired());
}

TEST_F(hwpoison, pool_splits_an_extent_with_the_block)
{
	size_t nr = 0;

	ASSERT_EQ(1, release_all(self->fd));
	ASSERT_EQ(0, pool_settled("dirty", 0));
	ASSERT_TRUE(report_error(self->frame));
	/* Take extents of two blocks as long as there are any. */
	while (pool_figure(0, "ready") >= 2 && nr < 1000 &&
	       !commit_extent(self->fd, nr, 2))
		nr += 2;
	nr += pool_figure(0, "ready");
	ASSERT_EQ(0, commit_blocks(self->fd, 0, nr));
	EXPECT_FALSE(is_handed_out(self->frame, self->fd, nr));
	EXPECT_EQ(self->retired + 1, retired());
}

TEST_F(hwpoison, cache_retires_the_block)
{
	ASSERT_EQ(0, set_arena_flags(self->fd, ARENA_F_KEEP_DIRTY));
	ASSERT_EQ(1, release_all(self->fd));
	ASSERT_EQ(1, pool_figure(0, "cached"));
	ASSERT_TRUE(report_error(self->frame));
	ASSERT_EQ(0, commit_blocks(self->fd, 0, 1));
	EXPECT_EQ(0, pool_figure(0, "cached"));
	EXPECT_FALSE(is_handed_out(self->frame, self->fd, 1));
	EXPECT_EQ(self->retired + 1, retired());
}

/* The error occurs after the commit and before the first touch. */
TEST_F(hwpoison, fault_maps_the_other_pages_one_by_one)
{
	ASSERT_EQ(0, madvise(self->memory, BLOCK, MADV_DONTNEED));
	ASSERT_TRUE(report_error(self->frame));
	EXPECT_EQ(0, read_byte(self->memory));
	EXPECT_EQ(BUS_MCEERR_AR, read_byte(self->memory + BAD));
	EXPECT_EQ(0, read_byte(self->memory + BLOCK - 1));
	EXPECT_EQ(0, smaps_kib(self->memory, "FilePmdMapped"));
	EXPECT_EQ(1, self->memory[BAD + PAGE]);
}

TEST_F(hwpoison, mapped_page_is_unmapped)
{
	EXPECT_EQ(2048, smaps_kib(self->memory, "FilePmdMapped"));
	ASSERT_TRUE(report_error(self->frame));
	EXPECT_EQ(BUS_MCEERR_AR, wait_for_sigbus(self->memory + BAD));
	EXPECT_EQ(0, read_byte(self->memory));
	EXPECT_EQ(0, smaps_kib(self->memory, "FilePmdMapped"));
	EXPECT_EQ(1, self->memory[BAD + PAGE]);
	ASSERT_EQ(1, release_all(self->fd));
	self->memory[BAD] = 2;
	EXPECT_NE(self->frame, frame_of(self->memory + BAD));
}

/* MADV_HWPOISON holds a reference to the page, so the kernel takes another path. */
TEST_F(hwpoison, page_mapped_twice_is_unmapped)
{
	char *elsewhere = map_blocks(self->fd, 1);

	ASSERT_NE(MAP_FAILED, elsewhere);
	touch(elsewhere, BLOCK, 2);
	/* The return value depends on the kernel. */
	madvise(self->memory + BAD, PAGE, MADV_HWPOISON);
	ASSERT_TRUE(is_marked(self->frame));
	EXPECT_EQ(BUS_MCEERR_AR, wait_for_sigbus(self->memory + BAD));
	EXPECT_EQ(BUS_MCEERR_AR, read_byte(elsewhere + BAD));
	EXPECT_EQ(2, self->memory[0]);
	EXPECT_EQ(2, elsewhere[BAD + PAGE]);
}

TEST_HARNESS_MAIN
