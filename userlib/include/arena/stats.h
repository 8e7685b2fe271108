/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Counters of an arena, capabilities of the system, and the version of the library.
 * <arena/arena.h> includes this header.
 */
#ifndef ARENA_STATS_H
#define ARENA_STATS_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

/** ARENA_VERSION - version of this header: 10,000 * major + 100 * minor + patch */
#define ARENA_VERSION		100
#define ARENA_VERSION_STRING	"0.1.0"

/**
 * arena_version - return the version of the library that the program is linked with
 *
 * Return: a number as ARENA_VERSION.
 */
unsigned int arena_version(void);

/**
 * struct arena_caps - capabilities of this system
 * @size: sizeof(struct arena_caps), set by the caller
 * @device_error: 0 if /dev/arena can be used, or a negative errno
 * @abi_version: ABI version of the module; 0 if /dev/arena cannot be used
 * @features: ARENA_FEATURE_* of <linux/arena.h>; 0 if /dev/arena cannot be used
 * @block_size: size of a block, the unit of commit, in bytes
 * @node_mask: nodes that have memory, lowest bit for node 0
 * @has_huge: 1 if ARENA_BACKING_HUGE is available, otherwise 0
 * @reserved: 0
 */
struct arena_caps {
	size_t size;
	int32_t device_error;
	uint32_t abi_version;
	uint64_t features;
	uint64_t block_size;
	uint64_t node_mask;
	uint32_t has_huge;
	uint32_t reserved;
};

/**
 * arena_probe - get the capabilities of this system
 * @caps: filled in, up to @caps->size bytes
 *
 * Return: 0, or -EINVAL if @caps->size is too small for the first version of the
 * structure.
 */
int arena_probe(struct arena_caps *caps);

/**
 * struct arena_stats - counters of an arena
 * @size: sizeof(struct arena_stats), set by the caller
 * @reserved: bytes of address space that the arena can use at a time
 * @committed: bytes of @reserved that are committed, including those that
 *	arena_span_decommit() has given back
 * @used: bytes currently allocated, alignment included
 * @blocks: blocks of /dev/arena that the arena holds; 0 on anonymous memory and for a
 *	child
 * @node: NUMA node of the page that is allocated from first, or -1 if nothing is allocated,
 *	the page has not been written to, the arena is idle or the system does not tell
 * @backing: kind of memory behind the arena, an enum arena_backing
 * @peak: highest value that @used has had
 * @limit: highest value that @used can have
 * @slow: allocations for which the inline functions did not find room
 * @commits: number of times that memory was committed
 * @resets: calls of arena_reset()
 * @rewinds: calls of arena_rewind()
 * @releases: calls of arena_release() and arena_trim() that gave memory back
 * @failures: allocations that failed
 * @allocated: total of all bytes ever allocated, alignment included
 * @obtained: total of all bytes ever committed; if @allocated is larger, the difference
 *	was allocated from memory that had been used before
 * @allocations: number of allocations ever made, except those of 0 bytes. This member and
 *	those that follow are only counted in checked arenas and in arenas with
 *	ARENA_OPT_COUNT; they are 0 in others.
 * @asked: total of all bytes ever requested
 * @wasted: bytes of @allocated that were not requested: alignment, red zones
 */
struct arena_stats {
	size_t size;
	uint64_t reserved;
	uint64_t committed;
	uint64_t used;
	uint64_t blocks;
	int32_t node;
	uint32_t backing;
	uint64_t peak;
	uint64_t limit;
	uint64_t slow;
	uint64_t commits;
	uint64_t resets;
	uint64_t rewinds;
	uint64_t releases;
	uint64_t failures;
	uint64_t allocated;
	uint64_t obtained;
	uint64_t allocations;
	uint64_t asked;
	uint64_t wasted;
};

/**
 * arena_stats_get - get the counters of an arena
 * @a: the arena
 * @stats: filled in, up to @stats->size bytes
 *
 * Return: 0, or -EINVAL if @stats->size is too small for the first version of
 * the structure.
 */
int arena_stats_get(const struct arena *a, struct arena_stats *stats);

/**
 * enum arena_stats_format - output formats of arena_stats_print()
 * @ARENA_STATS_TEXT: one line of name=value
 * @ARENA_STATS_JSON: one object on one line
 */
enum arena_stats_format {
	ARENA_STATS_TEXT,
	ARENA_STATS_JSON,
};

/**
 * arena_stats_print - write the counters of an arena
 * @a: the arena
 * @fd: file descriptor to write to
 * @format: output format
 *
 * Writes the counters of struct arena_stats under their names, and two derived ones:
 * unused_percent is the share of the committed bytes that are not used (the arena's
 * fragmentation), reuse_percent the share of the allocated bytes whose memory had been
 * used before.
 *
 * With ARENA_STATS=exit in the environment, or ARENA_STATS=json, the counters of every
 * arena except children are written to standard error when the arena is destroyed or the
 * process exits.
 *
 * Return: 0, or a negative errno: -EINVAL if there is no such format, or the error of
 * write(2).
 */
int arena_stats_print(const struct arena *a, int fd, enum arena_stats_format format);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_STATS_H */
