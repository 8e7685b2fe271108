/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/arena: regions of contiguous, NUMA-local, huge-page-mapped memory.
 *
 * Documentation/abi.rst describes the semantics and every errno.
 *
 * All present and future structures follow these rules:
 *  - @size is the first field. The caller sets it to the size of the structure
 *    that it was compiled with. New fields are only added at the end of a
 *    structure. The kernel treats the missing fields of a shorter structure as
 *    zero. It accepts a longer structure if all fields that it does not know are
 *    zero, and otherwise returns E2BIG.
 *  - Unknown flags and nonzero reserved fields are EINVAL.
 *  - The kernel identifies a call by its type and number. It ignores the size in
 *    the value of _IOWR(), so a call stays the same when its structure grows.
 */
#ifndef _UAPI_LINUX_ARENA_H
#define _UAPI_LINUX_ARENA_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

#define ARENA_ABI_VERSION	1

/* arena_ioc_info.features: features that this module supports. */

/* mmap() commits every block of the region before it returns. */
#define ARENA_FEATURE_COMMIT	_BITULL(0)
/* ARENA_IOC_RELEASE releases the whole arena. */
#define ARENA_FEATURE_RELEASE	_BITULL(1)
/* MAP_NORESERVE or PROT_NONE defers a block's commit to its first touch. */
#define ARENA_FEATURE_RESERVE	_BITULL(2)
/* ARENA_RELEASE_RANGE releases a part of the arena. */
#define ARENA_FEATURE_RELEASE_RANGE	_BITULL(3)
/* ARENA_IOC_SET_POLICY sets the NUMA policy of the arena. */
#define ARENA_FEATURE_POLICY	_BITULL(4)
/* ARENA_IOC_SET_FLAGS supports ARENA_F_KEEP_DIRTY. */
#define ARENA_FEATURE_KEEP_DIRTY	_BITULL(5)
/* ARENA_IOC_COMMIT commits a range, with ARENA_COMMIT_CONTIG as one extent. */
#define ARENA_FEATURE_COMMIT_RANGE	_BITULL(6)
/* ARENA_IOC_REGION_INFO reports where the blocks of a range are. */
#define ARENA_FEATURE_REGION_INFO	_BITULL(7)
/* ARENA_IOC_STATS returns the arena's counters. */
#define ARENA_FEATURE_STATS	_BITULL(8)
/* ARENA_IOC_SET_LIMIT lowers the arena's limit. */
#define ARENA_FEATURE_LIMIT	_BITULL(9)
/* ARENA_RELEASE_SEAL and ARENA_F_QUARANTINE seal released ranges. */
#define ARENA_FEATURE_SEAL	_BITULL(10)
/* ARENA_F_NODUMP keeps regions out of core dumps. */
#define ARENA_FEATURE_NODUMP	_BITULL(11)
/* The control page can mark an arena idle; ARENA_IOC_CLAIM claims it. */
#define ARENA_FEATURE_IDLE	_BITULL(12)
/* ARENA_IOC_FREEZE makes an arena read-only and lets other processes map it. */
#define ARENA_FEATURE_FREEZE	_BITULL(13)

/**
 * struct arena_ioc_info - query the module's features and the arena's size
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: must be zero
 * @abi_version: out: ARENA_ABI_VERSION of the module
 * @reserved: in: must be zero
 * @features: out: ARENA_FEATURE_*
 * @block_size: out: bytes in a block; offsets and lengths of mmap() must be
 *	multiples of it
 * @blocks: out: blocks that are committed to this arena
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

/* arena_ioc_release.flags */

/* Release only the range that @offset and @length specify. */
#define ARENA_RELEASE_RANGE	_BITUL(0)
/*
 * Seal the released range: a touch is a SIGBUS until mmap() or ARENA_IOC_COMMIT
 * commits the block again.
 */
#define ARENA_RELEASE_SEAL	_BITUL(1)

/**
 * struct arena_ioc_release - release blocks of the arena
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: ARENA_RELEASE_*; without ARENA_RELEASE_RANGE, all blocks are
 *	released
 * @blocks: out: blocks released
 * @offset: in: start of the range, a file offset as in mmap(); a multiple of
 *	the block size; zero without ARENA_RELEASE_RANGE
 * @length: in: bytes in the range, a multiple of the block size and not zero;
 *	zero without ARENA_RELEASE_RANGE
 *
 * Regions stay mapped. The next touch of a block finds fresh, zeroed memory,
 * unless the block is sealed (SIGBUS) or ARENA_F_KEEP_DIRTY is set.
 */
struct arena_ioc_release {
	__u32 size;
	__u32 flags;
	__aligned_u64 blocks;
	__aligned_u64 offset;
	__aligned_u64 length;
};

/* arena_ioc_set_policy.mode: nodes from which later commits take blocks */

/*
 * The node of the CPU that the committing thread runs on. If the thread has a
 * memory policy (set_mempolicy(2), numactl), that applies instead.
 */
#define ARENA_POLICY_LOCAL	0
/* Only the nodes of the mask, nearest node first. */
#define ARENA_POLICY_BIND	1
/* The nodes of the mask, nearest node first; others if these have no block. */
#define ARENA_POLICY_PREFERRED	2
/*
 * The nodes of the mask in turn: for block i of the file, the node at position
 * i modulo the number of nodes in the mask.
 */
#define ARENA_POLICY_INTERLEAVE	3

/* arena_ioc_set_policy.flags: fail instead of using a node not asked for. */
#define ARENA_POLICY_STRICT	_BITUL(0)

/**
 * struct arena_ioc_set_policy - choose the nodes of blocks committed later
 * @size: in: bytes the caller passes; out: bytes of these that the kernel knows
 * @flags: in: ARENA_POLICY_STRICT, not with ARENA_POLICY_PREFERRED
 * @mode: in: ARENA_POLICY_*
 * @nr_nodes: in: bits in the mask; zero with ARENA_POLICY_LOCAL
 * @nodes: in: address of the mask: @nr_nodes bits in 64-bit words, lowest word
 *	first; zero with ARENA_POLICY_LOCAL
 */
struct arena_ioc_set_policy {
	__u32 size;
	__u32 flags;
	__u32 mode;
	__u32 nr_nodes;
	__aligned_u64 nodes;
};

/* arena_ioc_set_flags.arena_flags */

/*
 * The arena keeps released blocks for a while. Later commits reuse them without
 * zeroing, so they contain the arena's earlier data, but never another arena's.
 */
#define ARENA_F_KEEP_DIRTY	_BITULL(0)
/* Exclude regions that are mapped from now on from core dumps. */
#define ARENA_F_NODUMP		_BITULL(1)
/* Every release seals, as with ARENA_RELEASE_SEAL: finds uses after release. */
#define ARENA_F_QUARANTINE	_BITULL(2)

/**
 * struct arena_ioc_set_flags - set the arena's flags
 * @size: in: bytes the caller passes; out: bytes of these that the kernel knows
 * @flags: in: must be zero
 * @arena_flags: in: all ARENA_F_* flags to be set; others are cleared
 */
struct arena_ioc_set_flags {
	__u32 size;
	__u32 flags;
	__aligned_u64 arena_flags;
};

/*
 * arena_ioc_commit.flags: commit the range as one extent, i.e. physically
 * adjacent blocks in the order of the file, or fail.
 */
#define ARENA_COMMIT_CONTIG	_BITUL(0)

/**
 * struct arena_ioc_commit - commit blocks, whether they are mapped or not
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: ARENA_COMMIT_CONTIG or zero
 * @offset: in: start of the range, a file offset as in mmap(); a multiple of
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
 * struct arena_ioc_region_info - query where the blocks of a range are
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: must be zero
 * @offset: in: start of the range, a multiple of the block size
 * @length: in: bytes in the range, a multiple of the block size and not zero
 * @resident: out: blocks of the range that are committed
 * @mapped: out: blocks of the range that are currently mapped, in whole or in
 *	part
 * @extents: out: number of extents: runs of physically adjacent blocks in the
 *	order of the file
 * @largest: out: blocks in the longest extent
 * @nr_nodes: in: number of entries in @node_blocks; out: one more than the
 *	highest node number that this machine can have
 * @reserved: in: must be zero
 * @node_blocks: in: address of an array of 64-bit integers, or zero; out: the
 *	array's entries 0, 1, ... are set to the number of blocks on node 0, 1,
 *	..., up to the number of entries or of nodes, whichever is lower
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
 * struct arena_ioc_stats - query the arena's state, and its counters since open
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: must be zero
 * @blocks: out: blocks currently committed
 * @cached: out: released blocks that the arena keeps (ARENA_F_KEEP_DIRTY)
 * @from_cache: out: blocks committed from those that the arena kept
 * @from_pool: out: blocks committed from a node's pool
 * @from_system: out: blocks committed from the page allocator
 * @zeroed: out: blocks among these that were zeroed while the caller waited
 * @fallbacks: out: blocks committed on a node that the policy does not ask for
 * @released: out: blocks released
 * @charged: out: blocks that count against limits: committed blocks, blocks
 *	that the arena keeps, and released blocks that are still pinned
 * @limit: out: maximum of @charged; all bits set if there is no limit
 * @idle: out: blocks that the system may currently take: @blocks or zero
 * @taken: out: blocks that the system took while the arena was idle
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
 * Offset of the arena's control page in the file, beyond the last block that a
 * region can have. Map it with mmap() of one page, PROT_READ | PROT_WRITE and
 * MAP_SHARED. The page starts with struct arena_control; the rest is zero.
 */
#define ARENA_CONTROL_OFFSET	0x7fffffffffe00000ULL

/*
 * arena_control.state: the two lowest bits have one of the values below. In an
 * idle arena, the upper bits have the time at which it became idle:
 * CLOCK_MONOTONIC in nanoseconds, with the two lowest bits cleared.
 */
#define ARENA_STATE_MASK	3
/* The arena is in use: the system must not take blocks. */
#define ARENA_STATE_ACTIVE	0
/* The arena is idle: the system may take its blocks at any time. */
#define ARENA_STATE_IDLE	1
/* The system has begun to take blocks. */
#define ARENA_STATE_TAKEN	2

/**
 * struct arena_control - state shared by the application and the kernel
 * @state: ARENA_STATE_* and the time
 *
 * An application that does not need the contents for a while marks the arena
 * idle: it changes @state from ARENA_STATE_ACTIVE to ARENA_STATE_IDLE plus the
 * time, by a compare-and-swap with release ordering. If that fails, the arena
 * is idle already. Before the kernel takes the first block, it changes
 * ARENA_STATE_IDLE to ARENA_STATE_TAKEN by a compare-and-swap.
 *
 * Before the application touches a block again, it claims the arena: it changes
 * @state back to ARENA_STATE_ACTIVE by a compare-and-swap with acquire
 * ordering. If that succeeds, no block was taken. If it fails because the state
 * is ARENA_STATE_TAKEN, the application calls ARENA_IOC_CLAIM. After that call,
 * no more blocks are taken.
 */
struct arena_control {
	__aligned_u64 state;
};

/**
 * struct arena_ioc_claim - claim an idle arena, even if blocks were taken
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: must be zero
 * @blocks: out: blocks that are still committed, with their contents
 * @taken: out: blocks that were taken since the last call of ARENA_IOC_CLAIM
 *
 * The state is ARENA_STATE_ACTIVE when the call returns. The next touch of a
 * block that was taken finds a fresh, zeroed one.
 */
struct arena_ioc_claim {
	__u32 size;
	__u32 flags;
	__aligned_u64 blocks;
	__aligned_u64 taken;
};

/**
 * struct arena_ioc_freeze - make the arena read-only for ever
 * @size: in: bytes the caller passes; out: bytes of these that the kernel knows
 * @flags: in: must be zero
 *
 * Regions become read-only. From then on, other processes that have the
 * descriptor can map the arena, too, but only read-only.
 */
struct arena_ioc_freeze {
	__u32 size;
	__u32 flags;
};

/**
 * struct arena_ioc_set_limit - lower the arena's limit
 * @size: in: bytes the caller passes; out: bytes of these that the kernel knows
 * @flags: in: must be zero
 * @limit: in: new limit in bytes, a multiple of the block size; not above the
 *	current limit. Committed blocks stay, even if they exceed it.
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
