/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Options for creating an arena. <arena/arena.h> includes this header.
 */
#ifndef ARENA_OPTIONS_H
#define ARENA_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum arena_backing - kinds of memory behind an arena, best first
 * @ARENA_BACKING_ANY: in options only: the device or, if it cannot be used, anonymous
 *	memory as with ARENA_BACKING_ANON
 * @ARENA_BACKING_DEVICE: blocks of /dev/arena, each mapped by one huge page
 * @ARENA_BACKING_HUGE: an anonymous mapping, each 2 MiB of which is made a huge page
 *	when it is committed (MADV_COLLAPSE, Linux 6.1)
 * @ARENA_BACKING_ANON: an anonymous mapping for which huge pages are requested; the
 *	system decides whether it gets any
 */
enum arena_backing {
	ARENA_BACKING_ANY,
	ARENA_BACKING_DEVICE,
	ARENA_BACKING_HUGE,
	ARENA_BACKING_ANON,
};

/**
 * enum arena_nodes - NUMA placement of an arena's memory
 * @ARENA_NODES_LOCAL: on the node of the thread that commits the memory (or, with
 *	ARENA_BACKING_ANON, of the thread that first writes to it), unless that thread's
 *	memory policy says otherwise (numactl, set_mempolicy(2))
 * @ARENA_NODES_BIND: on the nodes of the mask and on no others
 * @ARENA_NODES_PREFERRED: on the nodes of the mask, or on others if these have no memory
 * @ARENA_NODES_INTERLEAVE: on the nodes of the mask in turn
 */
enum arena_nodes {
	ARENA_NODES_LOCAL,
	ARENA_NODES_BIND,
	ARENA_NODES_PREFERRED,
	ARENA_NODES_INTERLEAVE,
};

/* arena_opts.reserve: like 0, and commit what arenas of this name are predicted to use. */
#define ARENA_RESERVE_AUTO	((size_t)-1)

/* arena_opts.flags */

/*
 * Fall back to the next backing if @backing is unavailable. Without this flag,
 * arena_create() fails in this case.
 */
#define ARENA_OPT_PREFER		(1u << 0)
/* Memory that this arena released may come back to it unzeroed, which saves time. */
#define ARENA_OPT_KEEP_DIRTY	(1u << 1)
/*
 * Any access to memory that arena_release() or arena_trim() gave back raises a signal,
 * until the memory is committed again: SIGBUS on the device, SIGSEGV on anonymous memory.
 */
#define ARENA_OPT_SEAL		(1u << 2)
/* Check every use, at a cost in speed: see arena_check(). */
#define ARENA_OPT_CHECKS		(1u << 3)
/*
 * Like ARENA_OPT_SEAL. In addition, addresses that arena_release() gave back are not used
 * again until the arena has released as many bytes as its reserve. This finds a use after
 * release even if the arena has allocated new memory since. Takes twice the address space.
 */
#define ARENA_OPT_QUARANTINE	(1u << 4)
/* Count every allocation, at a cost in speed, for the arena_stats members that need it. */
#define ARENA_OPT_COUNT		(1u << 5)
/*
 * Destroy the arena when its thread ends, unless it has been destroyed before. Its thread
 * is the one that created it or, after arena_adopt(), the last one that adopted it. The
 * arena is not destroyed when the process exits.
 */
#define ARENA_OPT_THREAD_OWNED	(1u << 6)

/**
 * struct arena_opts - options for creating an arena
 * @size: sizeof(struct arena_opts)
 * @name: name of the arena in messages and statistics, or NULL; copied, at most 31 bytes
 * @reserve: bytes of address space, and so the most the arena can ever hold; rounded up
 *	to whole blocks of 2 MiB. 0 means 16 GiB, or as much of that as the system allows.
 *	ARENA_RESERVE_AUTO means the same, and arena_create() then commits the 99th
 *	percentile of what arenas of this name have used (see arena_predict()), as far as
 *	memory is available. arena_reset(), arena_release() and arena_destroy() record the
 *	most that the arena used since the previous such call.
 * @limit: maximum number of bytes allocated at any one time, alignment included; rounded
 *	down to a multiple of ARENA_ALIGN. 0 means no limit except @reserve.
 * @prefault: bytes to commit and map when the arena is created, rounded up to whole
 *	blocks; the rest is committed on demand. Must not exceed @reserve.
 * @backing: required backing, an enum arena_backing
 * @flags: ARENA_OPT_PREFER and so on
 * @nodes: NUMA placement, an enum arena_nodes
 * @reserved: must be zero
 * @node_mask: the nodes, lowest bit for node 0; 0 with ARENA_NODES_LOCAL
 *
 * Environment variables override these options for all arenas of a process except
 * children:
 *
 * - ARENA_RESERVE, ARENA_LIMIT and ARENA_PREFAULT: a number of bytes, with an optional
 *   suffix K, M, G or T; ARENA_RESERVE can also be auto
 * - ARENA_BACKING: any, device, huge or anon
 * - ARENA_NODES: local; or bind, preferred or interleave with a list of nodes, as in
 *   bind:0-1,3
 * - ARENA_PREFER, ARENA_KEEP_DIRTY, ARENA_SEAL, ARENA_QUARANTINE, ARENA_COUNT,
 *   ARENA_THREAD_OWNED and ARENA_CHECKED: 0 or 1
 *
 * A value that cannot be parsed is ignored, with a message on standard error. Programs
 * that gain privileges when they are executed, e.g. set-user-ID programs, ignore these
 * variables (see secure_getenv(3)).
 */
struct arena_opts {
	size_t size;
	const char *name;
	size_t reserve;
	size_t limit;
	size_t prefault;
	uint32_t backing;
	uint32_t flags;
	uint32_t nodes;
	uint32_t reserved;
	uint64_t node_mask;
};

#ifdef __cplusplus
}
#endif

#endif /* ARENA_OPTIONS_H */
