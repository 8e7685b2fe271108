// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refused calls, each with its errno; none of them takes anything. One variant
 * for each row of Documentation/abi.rst.
 */
#include "arena_test.h"
#include <stddef.h>
#include <sys/personality.h>
#include "harness.h"

FIXTURE(refuse_mmap) {
	int fd;
};

FIXTURE_VARIANT(refuse_mmap) {
	int open_flags;
	unsigned long addr;
	size_t length;
	int prot;
	int flags;
	off_t offset;
	int error;
};

#define RW	(PROT_READ | PROT_WRITE)

FIXTURE_VARIANT_ADD(refuse_mmap, private) {
	.length = BLOCK, .prot = RW, .flags = MAP_PRIVATE, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_mmap, executable) {
	.length = BLOCK, .prot = RW | PROT_EXEC, .flags = MAP_SHARED,
	.error = EACCES,
};

FIXTURE_VARIANT_ADD(refuse_mmap, length_of_a_page) {
	.length = PAGE, .prot = RW, .flags = MAP_SHARED, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_mmap, length_of_a_block_and_a_page) {
	.length = BLOCK + PAGE, .prot = RW, .flags = MAP_SHARED, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_mmap, length_zero) {
	.length = 0, .prot = RW, .flags = MAP_SHARED, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_mmap, misaligned_offset) {
	.length = BLOCK, .prot = RW, .flags = MAP_SHARED, .offset = PAGE,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_mmap, misaligned_offset_at_an_aligned_address) {
	.addr = 0x700000000000UL, .length = BLOCK, .prot = RW,
	.flags = MAP_SHARED | MAP_FIXED_NOREPLACE, .offset = PAGE,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_mmap, misaligned_address) {
	.addr = 0x700000001000UL, .length = BLOCK, .prot = RW,
	.flags = MAP_SHARED | MAP_FIXED_NOREPLACE, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_mmap, end_beyond_the_largest_file) {
	.length = 2 * BLOCK, .prot = RW, .flags = MAP_SHARED,
	.offset = 0x7fffffffffe00000L, .error = EOVERFLOW,
};

FIXTURE_VARIANT_ADD(refuse_mmap, negative_offset) {
	.length = BLOCK, .prot = RW, .flags = MAP_SHARED,
	.offset = -(off_t)BLOCK, .error = EOVERFLOW,
};

FIXTURE_VARIANT_ADD(refuse_mmap, unknown_flag) {
	.length = BLOCK, .prot = RW, .flags = MAP_SHARED_VALIDATE | MAP_SYNC,
	.error = EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(refuse_mmap, writable_of_a_read_only_file) {
	.open_flags = O_RDONLY + 1, .length = BLOCK, .prot = RW,
	.flags = MAP_SHARED, .error = EACCES,
};

FIXTURE_VARIANT_ADD(refuse_mmap, readable_of_a_read_only_file) {
	.open_flags = O_RDONLY + 1, .length = BLOCK, .prot = PROT_READ,
	.flags = MAP_SHARED, .error = EACCES,
};

FIXTURE_VARIANT_ADD(refuse_mmap, writable_of_a_write_only_file) {
	.open_flags = O_WRONLY + 1, .length = BLOCK, .prot = PROT_WRITE,
	.flags = MAP_SHARED, .error = EACCES,
};

FIXTURE_VARIANT_ADD(refuse_mmap, more_than_there_is) {
	.length = (size_t)1 << 46, .prot = RW, .flags = MAP_SHARED,
	.error = ENOMEM,
};

FIXTURE_SETUP(refuse_mmap)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	/* Flags are stored plus one, so that zero means the default, O_RDWR. */
	if (variant->open_flags) {
		close(self->fd);
		self->fd = open(DEVICE, (variant->open_flags - 1) | O_CLOEXEC);
		ASSERT_GE(self->fd, 0);
	}
}

FIXTURE_TEARDOWN(refuse_mmap)
{
	close(self->fd);
}

TEST_F(refuse_mmap, bad_mmap_fails_with_its_errno)
{
	void *memory = mmap((void *)variant->addr, variant->length,
			    variant->prot, variant->flags, self->fd,
			    variant->offset);

	EXPECT_EQ(MAP_FAILED, memory);
	EXPECT_EQ(variant->error, errno);
	EXPECT_EQ(0, blocks_of(self->fd));
}

/* A structure of the caller, with room for the members of newer versions. */
union args {
	struct arena_ioc_info info;
	struct arena_ioc_release release;
	char bytes[3 * 4096];
};

FIXTURE(refuse_ioctl) {
	int fd;
};

FIXTURE_VARIANT(refuse_ioctl) {
	unsigned int cmd;
	unsigned int size;
	unsigned int flags;
	unsigned int reserved;
	unsigned long long offset;
	unsigned long long length;
	/* The members at bytes 8 and 16: a range, in the newer structures. */
	unsigned long long from;
	unsigned long long bytes;
	size_t nonzero_at;
	int error;
};

FIXTURE_VARIANT_ADD(refuse_ioctl, info_size_zero) {
	.cmd = ARENA_IOC_INFO, .size = 0, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, info_size_too_small) {
	.cmd = ARENA_IOC_INFO, .size = sizeof(struct arena_ioc_info) - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, info_size_beyond_a_page) {
	.cmd = ARENA_IOC_INFO, .size = 4097, .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, info_newer_and_not_zero) {
	.cmd = ARENA_IOC_INFO, .size = sizeof(struct arena_ioc_info) + 8,
	.nonzero_at = sizeof(struct arena_ioc_info) + 7, .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, info_unknown_flag) {
	.cmd = ARENA_IOC_INFO, .size = sizeof(struct arena_ioc_info),
	.flags = 1, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, info_highest_flag) {
	.cmd = ARENA_IOC_INFO, .size = sizeof(struct arena_ioc_info),
	.flags = 1U << 31, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, info_reserved) {
	.cmd = ARENA_IOC_INFO, .size = sizeof(struct arena_ioc_info),
	.reserved = 1, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_size_zero) {
	.cmd = ARENA_IOC_RELEASE, .size = 0, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_size_too_small) {
	.cmd = ARENA_IOC_RELEASE,
	.size = offsetof(struct arena_ioc_release, offset) - 1, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_size_beyond_a_page) {
	.cmd = ARENA_IOC_RELEASE, .size = 4097, .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_newer_and_not_zero) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release) + 8,
	.nonzero_at = sizeof(struct arena_ioc_release), .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_unknown_flag) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release),
	.flags = 4, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_and_seal_range_of_nothing) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release),
	.flags = ARENA_RELEASE_RANGE | ARENA_RELEASE_SEAL, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_limit_size_too_small) {
	.cmd = ARENA_IOC_SET_LIMIT, .size = sizeof(struct arena_ioc_set_limit) - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_limit_newer_and_not_zero) {
	.cmd = ARENA_IOC_SET_LIMIT, .size = sizeof(struct arena_ioc_set_limit) + 8,
	.nonzero_at = sizeof(struct arena_ioc_set_limit), .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_limit_unknown_flag) {
	.cmd = ARENA_IOC_SET_LIMIT, .size = sizeof(struct arena_ioc_set_limit),
	.flags = 1, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_limit_misaligned) {
	.cmd = ARENA_IOC_SET_LIMIT, .size = sizeof(struct arena_ioc_set_limit),
	.from = BLOCK + PAGE, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, claim_size_too_small) {
	.cmd = ARENA_IOC_CLAIM, .size = sizeof(struct arena_ioc_claim) - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, claim_newer_and_not_zero) {
	.cmd = ARENA_IOC_CLAIM, .size = sizeof(struct arena_ioc_claim) + 8,
	.nonzero_at = sizeof(struct arena_ioc_claim), .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, claim_unknown_flag) {
	.cmd = ARENA_IOC_CLAIM, .size = sizeof(struct arena_ioc_claim),
	.flags = 1, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, freeze_size_too_small) {
	.cmd = ARENA_IOC_FREEZE, .size = sizeof(struct arena_ioc_freeze) - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, freeze_newer_and_not_zero) {
	.cmd = ARENA_IOC_FREEZE, .size = sizeof(struct arena_ioc_freeze) + 8,
	.nonzero_at = sizeof(struct arena_ioc_freeze), .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, freeze_unknown_flag) {
	.cmd = ARENA_IOC_FREEZE, .size = sizeof(struct arena_ioc_freeze),
	.flags = 1, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_offset_without_range) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release),
	.offset = BLOCK, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_length_without_range) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release),
	.length = BLOCK, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_range_of_nothing) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release),
	.flags = ARENA_RELEASE_RANGE, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_range_misaligned_offset) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release),
	.flags = ARENA_RELEASE_RANGE, .offset = PAGE, .length = BLOCK,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_range_misaligned_length) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release),
	.flags = ARENA_RELEASE_RANGE, .length = BLOCK + PAGE, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_range_beyond_the_largest_file) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release),
	.flags = ARENA_RELEASE_RANGE, .offset = 0x7fffffffffe00000ULL,
	.length = BLOCK, .error = EOVERFLOW,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, release_range_that_wraps) {
	.cmd = ARENA_IOC_RELEASE, .size = sizeof(struct arena_ioc_release),
	.flags = ARENA_RELEASE_RANGE, .offset = -(unsigned long long)BLOCK,
	.length = 2 * BLOCK, .error = EOVERFLOW,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_policy_size_too_small) {
	.cmd = ARENA_IOC_SET_POLICY, .size = sizeof(struct arena_ioc_set_policy) - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_policy_newer_and_not_zero) {
	.cmd = ARENA_IOC_SET_POLICY, .size = sizeof(struct arena_ioc_set_policy) + 8,
	.nonzero_at = sizeof(struct arena_ioc_set_policy), .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_policy_unknown_flag) {
	.cmd = ARENA_IOC_SET_POLICY, .size = sizeof(struct arena_ioc_set_policy),
	.flags = 2, .bytes = BLOCK, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_flags_size_too_small) {
	.cmd = ARENA_IOC_SET_FLAGS, .size = sizeof(struct arena_ioc_set_flags) - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_flags_newer_and_not_zero) {
	.cmd = ARENA_IOC_SET_FLAGS, .size = sizeof(struct arena_ioc_set_flags) + 8,
	.nonzero_at = sizeof(struct arena_ioc_set_flags), .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_flags_unknown_flag) {
	.cmd = ARENA_IOC_SET_FLAGS, .size = sizeof(struct arena_ioc_set_flags),
	.flags = 2, .bytes = BLOCK, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_size_too_small) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit) - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_newer_and_not_zero) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit) + 8,
	.nonzero_at = sizeof(struct arena_ioc_commit), .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_unknown_flag) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit),
	.flags = 2, .bytes = BLOCK, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, region_info_size_too_small) {
	.cmd = ARENA_IOC_REGION_INFO, .size = sizeof(struct arena_ioc_region_info) - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, region_info_newer_and_not_zero) {
	.cmd = ARENA_IOC_REGION_INFO, .size = sizeof(struct arena_ioc_region_info) + 8,
	.nonzero_at = sizeof(struct arena_ioc_region_info), .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, region_info_unknown_flag) {
	.cmd = ARENA_IOC_REGION_INFO, .size = sizeof(struct arena_ioc_region_info),
	.flags = 2, .bytes = BLOCK, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, stats_size_too_small) {
	.cmd = ARENA_IOC_STATS,
	.size = offsetof(struct arena_ioc_stats, charged) - 1,
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, stats_newer_and_not_zero) {
	.cmd = ARENA_IOC_STATS, .size = sizeof(struct arena_ioc_stats) + 8,
	.nonzero_at = sizeof(struct arena_ioc_stats), .error = E2BIG,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, stats_unknown_flag) {
	.cmd = ARENA_IOC_STATS, .size = sizeof(struct arena_ioc_stats),
	.flags = 2, .bytes = BLOCK, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, set_flags_unknown_arena_flag) {
	.cmd = ARENA_IOC_SET_FLAGS, .size = sizeof(struct arena_ioc_set_flags),
	.from = 1ULL << 63, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_of_nothing) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit),
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_misaligned_offset) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit),
	.from = PAGE, .bytes = BLOCK, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_misaligned_length) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit),
	.bytes = BLOCK + PAGE, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_beyond_the_largest_file) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit),
	.from = 0x7fffffffffe00000ULL, .bytes = BLOCK,
	.error = EOVERFLOW,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_that_wraps) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit),
	.from = -(unsigned long long)BLOCK, .bytes = 2 * BLOCK,
	.error = EOVERFLOW,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, region_info_of_nothing) {
	.cmd = ARENA_IOC_REGION_INFO, .size = sizeof(struct arena_ioc_region_info),
	.error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, region_info_misaligned_offset) {
	.cmd = ARENA_IOC_REGION_INFO, .size = sizeof(struct arena_ioc_region_info),
	.from = PAGE, .bytes = BLOCK, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, region_info_misaligned_length) {
	.cmd = ARENA_IOC_REGION_INFO, .size = sizeof(struct arena_ioc_region_info),
	.bytes = BLOCK + PAGE, .error = EINVAL,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, region_info_beyond_the_largest_file) {
	.cmd = ARENA_IOC_REGION_INFO, .size = sizeof(struct arena_ioc_region_info),
	.from = 0x7fffffffffe00000ULL, .bytes = BLOCK,
	.error = EOVERFLOW,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, region_info_that_wraps) {
	.cmd = ARENA_IOC_REGION_INFO, .size = sizeof(struct arena_ioc_region_info),
	.from = -(unsigned long long)BLOCK, .bytes = 2 * BLOCK,
	.error = EOVERFLOW,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_more_than_there_is) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit),
	.bytes = 1ULL << 45, .error = ENOMEM,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_contig_where_there_is_one) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit),
	.flags = ARENA_COMMIT_CONTIG, .bytes = 4 * BLOCK, .error = EEXIST,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, commit_contig_more_than_there_is) {
	.cmd = ARENA_IOC_COMMIT, .size = sizeof(struct arena_ioc_commit),
	.flags = ARENA_COMMIT_CONTIG, .from = BLOCK, .bytes = 1ULL << 45,
	.error = ENOMEM,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, unknown_number) {
	.cmd = _IOWR(ARENA_IOC_MAGIC, 0xff, struct arena_ioc_info),
	.size = sizeof(struct arena_ioc_info), .error = ENOTTY,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, unknown_type) {
	.cmd = _IOWR('?', 0, struct arena_ioc_info),
	.size = sizeof(struct arena_ioc_info), .error = ENOTTY,
};

FIXTURE_VARIANT_ADD(refuse_ioctl, wrong_direction) {
	.cmd = _IOR(ARENA_IOC_MAGIC, 0, struct arena_ioc_info),
	.size = sizeof(struct arena_ioc_info), .error = ENOTTY,
};

FIXTURE_SETUP(refuse_ioctl)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(refuse_ioctl)
{
	close(self->fd);
}

TEST_F(refuse_ioctl, bad_ioctl_fails_with_its_errno)
{
	union args args = { 0 }, before;

	ASSERT_NE(MAP_FAILED, map_blocks(self->fd, 1));
	args.info.size = variant->size;
	args.info.flags = variant->flags;
	if (variant->reserved)
		args.info.reserved = variant->reserved;
	if (variant->offset)
		args.release.offset = variant->offset;
	if (variant->length)
		args.release.length = variant->length;
	if (variant->from)
		memcpy(args.bytes + 8, &variant->from, 8);
	if (variant->bytes)
		memcpy(args.bytes + 16, &variant->bytes, 8);
	if (variant->nonzero_at)
		args.bytes[variant->nonzero_at] = 1;
	before = args;

	EXPECT_EQ(-1, ioctl(self->fd, variant->cmd, &args));
	EXPECT_EQ(variant->error, errno);
	EXPECT_EQ(0, memcmp(&args, &before, sizeof(args)));
	EXPECT_EQ(1, blocks_of(self->fd));
}

FIXTURE(refuse) {
	int fd;
};

FIXTURE_SETUP(refuse)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(refuse)
{
	close(self->fd);
}

/* All calls, and the offset of the length that a successful call needs. */
static const struct {
	unsigned int cmd;
	unsigned int size;
	unsigned int length_at;
} calls[] = {
	{ ARENA_IOC_INFO, sizeof(struct arena_ioc_info), 0 },
	{ ARENA_IOC_RELEASE, sizeof(struct arena_ioc_release), 0 },
	{ ARENA_IOC_SET_POLICY, sizeof(struct arena_ioc_set_policy), 0 },
	{ ARENA_IOC_SET_FLAGS, sizeof(struct arena_ioc_set_flags), 0 },
	{ ARENA_IOC_COMMIT, sizeof(struct arena_ioc_commit),
	  offsetof(struct arena_ioc_commit, length) },
	{ ARENA_IOC_REGION_INFO, sizeof(struct arena_ioc_region_info),
	  offsetof(struct arena_ioc_region_info, length) },
	{ ARENA_IOC_STATS, sizeof(struct arena_ioc_stats), 0 },
	{ ARENA_IOC_CLAIM, sizeof(struct arena_ioc_claim), 0 },
	{ ARENA_IOC_SET_LIMIT, sizeof(struct arena_ioc_set_limit), 0 },
	{ ARENA_IOC_FREEZE, sizeof(struct arena_ioc_freeze), 0 },
};

static int errno_of(int fd, unsigned int cmd, const void *args)
{
	return ioctl(fd, cmd, args) ? errno : 0;
}

TEST_F(refuse, bad_pointer_is_efault)
{
	char *page = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + PAGE, PAGE));
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		unsigned int *end = (unsigned int *)(page + PAGE) - 1;

		TH_LOG("call %u", i);
		ASSERT_EQ(0, mprotect(page, PAGE, RW));
		memset(page, 0, PAGE);
		EXPECT_EQ(EFAULT, errno_of(self->fd, calls[i].cmd, NULL));
		EXPECT_EQ(EFAULT, errno_of(self->fd, calls[i].cmd, (void *)16));
		/* The structure begins in mapped memory and ends outside. */
		*end = calls[i].size;
		EXPECT_EQ(EFAULT, errno_of(self->fd, calls[i].cmd, end));
		/* The structure is readable, but not writable. */
		memcpy(page, &calls[i].size, sizeof(calls[i].size));
		if (calls[i].length_at)
			memcpy(page + calls[i].length_at, &(size_t){ BLOCK }, 8);
		ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
		EXPECT_EQ(EFAULT, errno_of(self->fd, calls[i].cmd, page));
	}
}

/* An array of nodes at an unmapped address is an error, too. */
TEST_F(refuse, bad_array_is_efault)
{
	struct arena_ioc_region_info info = {
		.size = sizeof(info), .length = BLOCK, .nr_nodes = 1, .node_blocks = 16,
	};

	EXPECT_EQ(EFAULT, errno_of(self->fd, ARENA_IOC_REGION_INFO, &info));
}

/* A commit that fails for lack of memory leaves no block behind. */
TEST_F(refuse, commit_of_too_much_is_enomem)
{
	struct arena_ioc_commit commit = {
		.size = sizeof(commit), .length = (size_t)1 << 46,
	};

	EXPECT_EQ(ENOMEM, errno_of(self->fd, ARENA_IOC_COMMIT, &commit));
	commit.flags = ARENA_COMMIT_CONTIG;
	EXPECT_EQ(ENOMEM, errno_of(self->fd, ARENA_IOC_COMMIT, &commit));
	EXPECT_EQ(0, blocks_of(self->fd));
}

/* With READ_IMPLIES_EXEC, a readable mapping would be executable. */
TEST_F(refuse, read_implies_exec_gets_no_region)
{
	const int before = personality(0xffffffff);

	ASSERT_LE(0, personality(before | READ_IMPLIES_EXEC));
	EXPECT_EQ(MAP_FAILED, map_blocks(self->fd, 1));
	EXPECT_EQ(EACCES, errno);
	ASSERT_LE(0, personality(before));
	EXPECT_NE(MAP_FAILED, map_blocks(self->fd, 1));
}

#ifdef __x86_64__
/*
 * The system call entry of 32-bit programs; the structures are the same for
 * them.
 */
static long ioctl_of_32_bit(int fd, unsigned int cmd, void *args)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (54), "b" (fd), "c" (cmd), "d" (args)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

TEST_F(refuse, caller_of_32_bits_is_accepted)
{
	struct arena_ioc_info *info = mmap(NULL, PAGE, RW, MAP_PRIVATE |
					   MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, info);
	ASSERT_NE(MAP_FAILED, map_blocks(self->fd, 2));
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		_exit(ioctl_of_32_bit(-1, 0, NULL) != -EBADF);
	}
	if (wait_for(pid))
		SKIP(return, "this kernel runs no 32-bit programs");
	info->size = sizeof(*info);
	ASSERT_EQ(0, ioctl_of_32_bit(self->fd, ARENA_IOC_INFO, info));
	EXPECT_EQ(BLOCK, info->block_size);
	EXPECT_EQ(2, info->blocks);
}
#endif

/* A program was built for a newer ABI, but does not use its additions. */
TEST_F(refuse, longer_structure_that_ends_in_zeros_is_accepted)
{
	union args args = { .info.size = 4096 };
	unsigned int cmd = _IOC(_IOC_READ | _IOC_WRITE, ARENA_IOC_MAGIC, 0, 4096);
	size_t i;

	ASSERT_EQ(0, ioctl(self->fd, cmd, &args));
	EXPECT_EQ(sizeof(args.info), args.info.size);
	EXPECT_EQ(BLOCK, args.info.block_size);
	for (i = sizeof(args.info); i < sizeof(args); i++) {
		ASSERT_EQ(0, args.bytes[i]);
	}
}

TEST_F(refuse, release_of_empty_arena_is_accepted)
{
	EXPECT_EQ(0, release_all(self->fd));
	EXPECT_EQ(0, blocks_of(self->fd));
}

TEST_F(refuse, mprotect_never_makes_region_executable)
{
	char *memory = map_blocks(self->fd, 1);

	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(-1, mprotect(memory, BLOCK, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, mprotect(memory, BLOCK, PROT_READ));
}

/* A larger mapping would reach blocks that were never committed. */
TEST_F(refuse, mremap_never_grows_region)
{
	char *memory = map_blocks(self->fd, 1);

	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(MAP_FAILED, mremap(memory, BLOCK, 2 * BLOCK, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, blocks_of(self->fd));
}

TEST_F(refuse, read_write_and_lseek_are_refused)
{
	char byte = 0;

	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
}

TEST_HARNESS_MAIN
