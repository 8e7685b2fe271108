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

/**
 * struct arena_ioc_release - give the arena's memory back
 * @size: in: bytes the caller passes; out: bytes the kernel filled in
 * @flags: in: ARENA_RELEASE_RANGE, or zero for everything
 * @blocks: out: blocks released
 * @offset: in: where the range begins, a file offset as in mmap(); a multiple of
 *	the block size; zero without ARENA_RELEASE_RANGE
 * @length: in: bytes in the range, a multiple of the block size and not zero;
 *	zero without ARENA_RELEASE_RANGE
 *
 * Mappings stay; the next touch of each block finds fresh, zeroed memory.
 */
struct arena_ioc_release {
	__u32 size;
	__u32 flags;
	__aligned_u64 blocks;
	__aligned_u64 offset;
	__aligned_u64 length;
};

#define ARENA_IOC_MAGIC		0xBD
#define ARENA_IOC_INFO		_IOWR(ARENA_IOC_MAGIC, 0x00, struct arena_ioc_info)
#define ARENA_IOC_RELEASE	_IOWR(ARENA_IOC_MAGIC, 0x01, struct arena_ioc_release)

#endif /* _UAPI_LINUX_ARENA_H */
