/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/arena: regions of contiguous, NUMA-local, huge-page-mapped memory.
 *
 * Documentation/abi.rst has the semantics and every errno.
 *
 * Rules that every structure here keeps, now and later:
 *  - @size comes first and is set by the caller to sizeof(the structure it was
 *    compiled with). A structure grows at its end only. The kernel takes a
 *    shorter one as if it ended in zeros, and a longer one if what it does not
 *    know is zero (E2BIG otherwise).
 *  - Unknown flags and nonzero reserved fields are EINVAL.
 *  - The number of a call is its type and number; the size that _IOWR() puts
 *    into it is ignored, so that it stays the same call when it grows.
 */
#ifndef _UAPI_LINUX_ARENA_H
#define _UAPI_LINUX_ARENA_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

#define ARENA_ABI_VERSION	1

/* arena_ioc_info.features: what this module can do. */

/* mmap() commits every block of the region before it returns. */
#define ARENA_FEATURE_COMMIT	_BITULL(0)
/* ARENA_IOC_RELEASE releases the whole arena. */
#define ARENA_FEATURE_RELEASE	_BITULL(1)
/* MAP_NORESERVE or PROT_NONE defer the commit of a block to its first touch. */
#define ARENA_FEATURE_RESERVE	_BITULL(2)
/* ARENA_RELEASE_RANGE releases a part of it. */
#define ARENA_FEATURE_RELEASE_RANGE	_BITULL(3)
/* ARENA_IOC_SET_POLICY says on which nodes blocks are to be. */
#define ARENA_FEATURE_POLICY	_BITULL(4)
/* ARENA_IOC_SET_FLAGS knows ARENA_F_KEEP_DIRTY. */
#define ARENA_FEATURE_KEEP_DIRTY	_BITULL(5)
/* ARENA_IOC_COMMIT commits a range, as one extent if ARENA_REGION_CONTIG. */
#define ARENA_FEATURE_COMMIT_RANGE	_BITULL(6)
/* ARENA_IOC_REGION_INFO tells where the blocks of a range are. */
#define ARENA_FEATURE_REGION_INFO	_BITULL(7)
/* ARENA_IOC_STATS tells what the arena has had. */
#define ARENA_FEATURE_STATS	_BITULL(8)
/* ARENA_IOC_SET_LIMIT lowers what the arena may have. */
#define ARENA_FEATURE_LIMIT	_BITULL(9)
/* ARENA_RELEASE_SEAL and ARENA_F_QUARANTINE make what was released fault. */
#define ARENA_FEATURE_SEAL	_BITULL(10)
/* ARENA_F_NODUMP keeps regions out of core dumps. */
#define ARENA_FEATURE_NODUMP	_BITULL(11)
/* The control page, by which an arena says that it is idle; ARENA_IOC_CLAIM. */
#define ARENA_FEATURE_IDLE	_BITULL(12)
/* ARENA_IOC_FREEZE makes an arena read-only, and one that others can map. */
#define ARENA_FEATURE_FREEZE	_BITULL(13)

/**
 * struct arena_ioc_info - what the module offers and what this arena holds
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: must be zero
 * @abi_version: out: ARENA_ABI_VERSION of the module
 * @reserved: in: must be zero
 * @features: out: ARENA_FEATURE_*
 * @block_size: out: bytes in a block; offsets and lengths of mmap() are
 *	multiples of it
 * @blocks: out: blocks committed to this arena
 */
struct arena_ioc_info {
	__u32 size;
	__u32 flags;
	__u32 abi_version;
	__u32 reserved;
	__aligned_u64 features;
	__aligned_u64 block_size;
	__aligned_u64 blocks;
};

/* arena_ioc_release.flags: only what @offset and @length say. */
#define ARENA_RELEASE_RANGE	_BITUL(0)
/*
 * And seal it: whoever touches it gets SIGBUS, until it is committed again by mmap()
 * or ARENA_IOC_COMMIT.
 */
#define ARENA_RELEASE_SEAL	_BITUL(1)

/**
 * struct arena_ioc_release - give the arena's memory back
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: ARENA_RELEASE_*; without ARENA_RELEASE_RANGE, everything
 * @blocks: out: blocks released
 * @offset: in: where the range begins, a file offset as in mmap(); a multiple of
 *	the block size; zero without ARENA_RELEASE_RANGE
 * @length: in: bytes in the range, a multiple of the block size and not zero;
 *	zero without ARENA_RELEASE_RANGE
 *
 * Mappings stay; the next touch of each block finds fresh, zeroed memory, unless it
 * is sealed.
 */
struct arena_ioc_release {
	__u32 size;
	__u32 flags;
	__aligned_u64 blocks;
	__aligned_u64 offset;
	__aligned_u64 length;
};

/* arena_ioc_set_policy.mode: on which nodes the blocks of later commits are. */

/*
 * The node of the CPU that the committing thread runs on, or what the thread's
 * memory policy (set_mempolicy(2), numactl) says if it has one.
 */
#define ARENA_POLICY_LOCAL	0
/* Those of the mask and no others, the nearest first. */
#define ARENA_POLICY_BIND	1
/* Those of the mask, the nearest first; others when they have none. */
#define ARENA_POLICY_PREFERRED	2
/* Those of the mask in turn: block i of the file is on node i modulo their number. */
#define ARENA_POLICY_INTERLEAVE	3

/* arena_ioc_set_policy.flags: fail rather than use another node. */
#define ARENA_POLICY_STRICT	_BITUL(0)

/**
 * struct arena_ioc_set_policy - say on which nodes blocks committed later are
 * @size: in: bytes the caller passes; out: bytes the kernel knows of these
 * @flags: in: ARENA_POLICY_STRICT, not with ARENA_POLICY_PREFERRED
 * @mode: in: ARENA_POLICY_*
 * @nr_nodes: in: bits in the mask; zero with ARENA_POLICY_LOCAL
 * @nodes: in: address of the mask, of @nr_nodes bits in 64-bit words, the lowest
 *	first; zero with ARENA_POLICY_LOCAL
 */
struct arena_ioc_set_policy {
	__u32 size;
	__u32 flags;
	__u32 mode;
	__u32 nr_nodes;
	__aligned_u64 nodes;
};

/*
 * arena_ioc_set_flags.arena_flags: blocks that the arena releases stay its own
 * for a while, and come back with what was in them. Others' data never do.
 */
#define ARENA_F_KEEP_DIRTY	_BITULL(0)
/* Regions mapped from now on are left out of core dumps. */
#define ARENA_F_NODUMP		_BITULL(1)
/* Each release seals, as with ARENA_RELEASE_SEAL: to find uses after release. */
#define ARENA_F_QUARANTINE	_BITULL(2)

/**
 * struct arena_ioc_set_flags - choose how the arena behaves from now on
 * @size: in: bytes the caller passes; out: bytes the kernel knows of these
 * @flags: in: must be zero
 * @arena_flags: in: ARENA_F_*, all that shall be set
 */
struct arena_ioc_set_flags {
	__u32 size;
	__u32 flags;
	__aligned_u64 arena_flags;
};

/*
 * arena_ioc_commit.flags: one extent, a run of physically adjacent blocks in the
 * order of the file, or nothing.
 */
#define ARENA_REGION_CONTIG	_BITUL(0)

/**
 * struct arena_ioc_commit - commit blocks, whether they are mapped or not
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: ARENA_REGION_CONTIG or zero
 * @offset: in: where the range begins, a file offset as in mmap(); a multiple of
 *	the block size
 * @length: in: bytes in the range, a multiple of the block size and not zero
 * @blocks: out: blocks that this call committed
 */
struct arena_ioc_commit {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 blocks;
};

/**
 * struct arena_ioc_region_info - where the blocks of a range are
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: must be zero
 * @offset: in: where the range begins, a multiple of the block size
 * @length: in: bytes in the range, a multiple of the block size and not zero
 * @resident: out: blocks of the range that are committed
 * @mapped: out: how many of these are mapped just now, whole or in part
 * @extents: out: runs of physically adjacent blocks in the order of the file
 * @largest: out: blocks in the longest of them
 * @nr_nodes: in: entries in @node_blocks; out: one more than the highest node
 *	number that this machine can have
 * @reserved: in: must be zero
 * @node_blocks: in: address of an array of 64-bit numbers, set to the blocks on
 *	node 0, 1 and so on, as far as there are entries and nodes; or zero
 */
struct arena_ioc_region_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 resident;
	__aligned_u64 mapped;
	__aligned_u64 extents;
	__aligned_u64 largest;
	__u32 nr_nodes;
	__u32 reserved;
	__aligned_u64 node_blocks;
};

/**
 * struct arena_ioc_stats - what the arena has, and has had since it was opened
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: must be zero
 * @blocks: out: blocks committed now
 * @cached: out: released blocks that are still its own (ARENA_F_KEEP_DIRTY)
 * @from_cache: out: blocks committed from its own released ones
 * @from_pool: out: blocks committed from a node's pool
 * @from_system: out: blocks committed from the page allocator
 * @zeroed: out: how many of these had to be zeroed while the caller waited
 * @fallbacks: out: blocks committed on another node than the policy asks for
 * @released: out: blocks released
 * @charged: out: blocks that count against limits: those committed, those that the
 *	arena keeps, and those released that are still pinned
 * @limit: out: how many may be, all bits set if there is no limit
 * @idle: out: how many of @blocks the system may take just now
 * @taken: out: how many it has taken
 */
struct arena_ioc_stats {
	__u32 size;
	__u32 flags;
	__aligned_u64 blocks;
	__aligned_u64 cached;
	__aligned_u64 from_cache;
	__aligned_u64 from_pool;
	__aligned_u64 from_system;
	__aligned_u64 zeroed;
	__aligned_u64 fallbacks;
	__aligned_u64 released;
	__aligned_u64 charged;
	__aligned_u64 limit;
	__aligned_u64 idle;
	__aligned_u64 taken;
};

/*
 * mmap() of one page, PROT_READ | PROT_WRITE and MAP_SHARED, at this offset of the
 * file gives the arena's control page: struct arena_control, and zeros. It is behind
 * the last block that a region can have.
 */
#define ARENA_CONTROL_OFFSET	0x7fffffffffe00000ULL

/*
 * arena_control.state: one of these in the two lowest bits. Above them, in an idle
 * arena, when it became that: CLOCK_MONOTONIC in nanoseconds, without its two lowest
 * bits.
 */
#define ARENA_STATE_MASK	3
/* The contents are the program's. */
#define ARENA_STATE_ACTIVE	0
/* The system may take them any time. */
#define ARENA_STATE_IDLE	1
/* It has begun to. */
#define ARENA_STATE_TAKEN	2

/**
 * struct arena_control - what program and kernel say to each other without a call
 * @state: ARENA_STATE_*
 *
 * When the program does not need the contents for a while, it changes the word from
 * ARENA_STATE_ACTIVE to ARENA_STATE_IDLE and the time, by a compare-and-swap (release);
 * where that fails it is idle already. The kernel changes that to ARENA_STATE_TAKEN, by a
 * compare-and-swap, before it takes the first block. Before the program touches any
 * of them again it changes it back to ARENA_STATE_ACTIVE by a compare-and-swap
 * (acquire). Where that succeeds nothing was taken. Where it finds
 * ARENA_STATE_TAKEN, ARENA_IOC_CLAIM ends the taking.
 */
struct arena_control {
	__aligned_u64 state;
};

/**
 * struct arena_ioc_claim - claim an idle arena, whatever has become of it
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: must be zero
 * @blocks: out: blocks that are committed still, with what was in them
 * @taken: out: blocks that were taken since the arena was claimed by a call before
 *
 * The state is ARENA_STATE_ACTIVE when it returns. In place of blocks that were taken,
 * the next touch finds fresh, zeroed ones.
 */
struct arena_ioc_claim {
	__u32 size;
	__u32 flags;
	__aligned_u64 blocks;
	__aligned_u64 taken;
};

/**
 * struct arena_ioc_freeze - make the arena read-only for ever
 * @size: in: bytes the caller passes; out: bytes the kernel knows of these
 * @flags: in: must be zero
 *
 * Regions become read-only. From then on other processes that have the descriptor can
 * map the arena, too, read-only.
 */
struct arena_ioc_freeze {
	__u32 size;
	__u32 flags;
};

/**
 * struct arena_ioc_set_limit - lower what the arena may have
 * @size: in: bytes the caller passes; out: bytes the kernel knows of these
 * @flags: in: must be zero
 * @limit: in: bytes, a multiple of the block size; not above the limit there is.
 *	What is committed already stays.
 */
struct arena_ioc_set_limit {
	__u32 size;
	__u32 flags;
	__aligned_u64 limit;
};

#define ARENA_IOC_MAGIC		0xBD
#define ARENA_IOC_INFO		_IOWR(ARENA_IOC_MAGIC, 0x00, struct arena_ioc_info)
#define ARENA_IOC_RELEASE	_IOWR(ARENA_IOC_MAGIC, 0x01, struct arena_ioc_release)
#define ARENA_IOC_SET_POLICY	_IOWR(ARENA_IOC_MAGIC, 0x02, struct arena_ioc_set_policy)
#define ARENA_IOC_SET_FLAGS	_IOWR(ARENA_IOC_MAGIC, 0x03, struct arena_ioc_set_flags)
#define ARENA_IOC_COMMIT	_IOWR(ARENA_IOC_MAGIC, 0x04, struct arena_ioc_commit)
#define ARENA_IOC_REGION_INFO	_IOWR(ARENA_IOC_MAGIC, 0x05, struct arena_ioc_region_info)
#define ARENA_IOC_STATS		_IOWR(ARENA_IOC_MAGIC, 0x06, struct arena_ioc_stats)
#define ARENA_IOC_SET_LIMIT	_IOWR(ARENA_IOC_MAGIC, 0x07, struct arena_ioc_set_limit)
#define ARENA_IOC_CLAIM		_IOWR(ARENA_IOC_MAGIC, 0x08, struct arena_ioc_claim)
#define ARENA_IOC_FREEZE	_IOWR(ARENA_IOC_MAGIC, 0x09, struct arena_ioc_freeze)

#endif /* _UAPI_LINUX_ARENA_H */
