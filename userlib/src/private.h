/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_PRIVATE_H
#define ARENA_PRIVATE_H

#include <stdbool.h>
#include <arena/arena.h>

#include "backend.h"

/* Size of a name, including its NUL. */
#define NAME_SIZE	32

/**
 * struct scope - deadline or descriptor that ends the use of an arena
 * @is_bound: whether the arena is bound to a scope
 * @is_over: whether a check has found the scope to be over
 * @flags: ARENA_SCOPE_* flags, which say whether @deadline, @fd or both apply
 * @deadline: CLOCK_MONOTONIC in nanoseconds
 * @fd: descriptor to poll
 * @events: poll(2) events on @fd that end the scope
 */
struct scope {
	bool is_bound;
	bool is_over;
	uint32_t flags;
	uint64_t deadline;
	int fd;
	short events;
};

struct checks;
struct sketch;

/**
 * struct release - record of released memory
 * @from: lowest address
 * @to: one past the highest
 * @at: time of the release, CLOCK_MONOTONIC in nanoseconds
 * @call: name of the function that released it
 */
struct release {
	char *from;
	char *to;
	uint64_t at;
	const char *call;
};

#define NR_RELEASES	8

/**
 * struct epochs - records of when memory was freed
 * @all: for each, the arena's serial at that time and the bytes still allocated; both
 *	ascending
 * @nr: number of elements
 * @room: number of elements that @all has memory for
 * @is_kept: whether epochs are recorded
 */
struct epochs {
	struct epoch { uint64_t serial; size_t used; } *all;
	size_t nr;
	size_t room;
	bool is_kept;
};

/**
 * struct arena_private - an arena, including the fields that only the library sees
 * @pub: the public part; must be first. base + left is the top; the memory above it is
 *	allocated. base is the lowest address that can be allocated without arena_cut(): not
 *	below @committed or @lowest, and at most a slice below the top.
 * @backend: back end that provides the memory; NULL for a child, which uses its parent's
 * @range: the arena's addresses
 * @committed: lowest address that is committed
 * @reached: lowest value of @committed since address quarantine last moved @range
 * @lowest: lowest address that the limit allows, a multiple of ARENA_ALIGN
 * @clean: committed memory below this address is zero unless it has been allocated since
 *	the last rewind. A rewind lowers it to the top before the rewind if that is lower; a
 *	release raises it to the end of the released memory, unless @keeps_dirty. It is
 *	never above the top at that time.
 * @packed: start of the last string that is allocated, or NULL. The string ends where the
 *	previous string starts, so its end need not be aligned.
 * @cleanups: list of cleanups, the youngest first
 * @serial: counts cleanups and epochs, so that a mark can tell which are younger
 * @oom: out-of-memory handler, or NULL
 * @oom_ctx: argument of @oom
 * @error: error of the most recent failed allocation
 * @keeps_dirty: whether newly committed memory may be dirty
 * @is_lost_in_fork: whether a child of fork() does not have the memory
 * @forks: arena_forks() when the arena was created
 * @is_idle: whether the system may take the memory, so that nothing can be allocated
 * @is_counted: whether each allocation is counted
 * @is_quarantined: whether released addresses are reused last
 * @slice: maximum that can be allocated at a time without arena_cut(), a multiple of
 *	ARENA_ALIGN
 * @scope: scope the arena is bound to
 * @parent: arena whose memory a child uses, or NULL
 * @in_parent: the parent's cleanup that ends a child
 * @checks: state of a checked arena, or NULL
 * @hidden: of a checked arena, the lowest address that has ever been committed
 * @end_child: of an arena with children, the function of their cleanups
 * @holes: lowest address that arena_span_decommit() gave back
 * @holes_end: one past the highest such address, or NULL if there is none
 * @epochs: records of when memory was freed, kept in checked arenas and once a handle was
 *	made
 * @id: a number unique to this arena in the process; 0 until it is needed
 * @is_printed: whether to print statistics when the arena ends, for $ARENA_STATS
 * @is_thread_owned: whether the arena is to be destroyed when its owner thread ends
 * @owned: place in the owner thread's list, if it has an owner; protected by owner.c's
 *	lock
 * @listed: place in the list of registry.c; protected by the lock of that list
 * @releases: ring of the most recent releases, for reports of later accesses
 * @nr_releases: number of releases so far
 * @sketch: records how much memory arenas of this name use, or NULL
 * @peak: maximum bytes used at a time since the last reset or release, for @sketch
 * @pooled: state of an arena of a pool; pool.c says who may access it
 * @stats: counters; @stats.allocated excludes the memory that is currently allocated
 * @name: the arena's name
 */
struct arena_private {
	struct arena pub;
	const struct backend *backend;
	struct range range;
	char *committed;
	char *reached;
	char *lowest;
	char *clean;
	char *packed;
	struct arena_cleanup *cleanups;
	uint64_t serial;
	arena_oom_fn *oom;
	void *oom_ctx;
	int error;
	bool keeps_dirty;
	bool is_lost_in_fork;
	unsigned int forks;
	bool is_idle;
	bool is_counted;
	bool is_quarantined;
	size_t slice;
	struct scope scope;
	struct arena_private *parent;
	struct arena_cleanup in_parent;
	struct checks *checks;
	char *hidden;
	void (*end_child)(void *ctx);
	char *holes;
	char *holes_end;
	struct epochs epochs;
	uint64_t id;
	bool is_printed;
	bool is_thread_owned;
	struct owned {
		struct arena_private *next, **link;
		void (*end)(struct arena *a);
	} owned;
	struct listed {
		struct arena_private *next, **link;
	} listed;
	struct release releases[NR_RELEASES];
	unsigned int nr_releases;
	struct sketch *sketch;
	size_t peak;
	struct pooled {
		struct arena_pool *pool;
		struct arena_private *newer, *older;
		int64_t put_at;
		unsigned int age;
		int how;
		int node;
		bool is_checked_out;
	} pooled;
	struct arena_stats stats;
	char name[NAME_SIZE];
};

static inline struct arena_private *private(struct arena *a)
{
	return (struct arena_private *)a;
}

static inline const struct arena_private *const_private(const struct arena *a)
{
	return (const struct arena_private *)a;
}

static inline char *top_of(const struct arena_private *a)
{
	return a->pub.base + a->pub.left;
}

static inline size_t used_of(const struct arena_private *a)
{
	return a->range.end - top_of(a);
}

/* Round an address, or NULL, down to a multiple of @align, a power of two. */
static inline char *align_down(char *addr, size_t align)
{
	return addr - ((uintptr_t)addr & (align - 1));
}

/* Count a successful allocation of @size requested bytes. */
static inline void count(struct arena_private *a, size_t size)
{
	if (!a->is_counted)
		return;
	a->stats.allocations++;
	a->stats.asked += size;
}

#endif /* ARENA_PRIVATE_H */
