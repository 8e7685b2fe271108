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
 * @holes: lowest address that arena_region_decommit() gave back
 * @holes_end: one past the highest such address, or NULL if there is none
 * @epochs: records of when memory was freed, kept in checked arenas and once a handle was
 *	made
 * @id: a number unique to this arena in the process; 0 until it is needed
 * @is_printed: whether to print statistics when the arena ends, for $ARENA_STATS
 * @is_thread_owned: whether the arena is to be destroyed when its owner thread ends
 * @owned: place in the owner thread's list, if it has an owner; protected by thread.c's
 *	lock
 * @listed: place in the list of list.c; protected by the lock of that list
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
	char *holes;
	char *holes_end;
	struct epochs epochs;
	uint64_t id;
	bool is_printed;
	bool is_thread_owned;
	struct owned {
		struct arena_private *next, **link;
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
		int rung;
		int node;
		bool is_lent;
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

/*
 * Copy options into this version's structure and check them; return 0, -EINVAL or -E2BIG.
 * arena_override_opts() then applies the environment variables.
 */
int arena_read_opts(struct arena_opts *opts, const struct arena_opts *from);
void arena_override_opts(struct arena_opts *opts);
/* Parse a list of nodes as in sysfs, e.g. "0-1,3"; return 0 or -EINVAL. */
int arena_parse_nodes(const char *text, uint64_t *mask);

/*
 * arena_cut - allocate downwards from an address
 * @a: the arena
 * @end: the top, or the end of the last allocation if that is to be replaced
 * @size: bytes
 * @align: a power of two
 *
 * Commits memory if needed. On failure, only a->error and the failure counter change.
 *
 * Return: the memory; or NULL, with the error in a->error.
 */
char *arena_cut(struct arena_private *a, char *end, size_t size, size_t align);

/*
 * Free the memory below @top, which must not be below the current top. @packed is the start
 * of the last remaining string, or NULL; @call is the public function's name, for messages.
 */
void arena_raise_top(struct arena_private *a, char *top, char *packed, const char *call);

/*
 * Commit, without touching it, the memory that arenas of this name are expected to use.
 * Return 0, or a negative errno with nothing committed.
 */
int arena_commit_ahead(struct arena_private *a);

/*
 * Return the number of bytes allocated. If the last allocation is a string, its lower end
 * is not rounded to ARENA_ALIGN.
 */
size_t arena_used_to_the_byte(const struct arena_private *a);

/* Recompute how much can be allocated without arena_cut(); the top does not change. */
void arena_refresh_top(struct arena_private *a);

/* Return an arena's slice without a scope: 0 if each allocation is checked or counted. */
static inline size_t whole_slice(const struct arena_private *a)
{
	return a->checks || a->is_counted ? 0 : SIZE_MAX & -ARENA_ALIGN;
}

/* Count a successful allocation of @size requested bytes. */
static inline void count(struct arena_private *a, size_t size)
{
	if (!a->is_counted)
		return;
	a->stats.allocations++;
	a->stats.asked += size;
}

/*
 * Copy bytes and append a NUL, directly below the last string. Return the copy, or NULL if
 * there is no memory.
 */
char *arena_copy_bytes(struct arena *a, const char *bytes, size_t length);

/* Return the offset of the first % that does not start a valid escape, or @length. */
size_t arena_find_bad_escape(const char *data, size_t length);

/* Decode percent-encoding in place, with ARENA_DECODE_* flags; return the new length. */
size_t arena_decode(char *data, size_t length, uint32_t flags);

/* Number of forks between the process that loaded the library and this one. */
extern unsigned int arena_nr_forks __attribute__((visibility("hidden")));

static inline unsigned int arena_forks(void)
{
	return arena_nr_forks;
}

/* Return whether the arena is an ancestor's, whose memory this process does not have. */
static inline bool is_foreign(const struct arena_private *a)
{
	return a->is_lost_in_fork && a->forks != arena_forks();
}

/*
 * Return whether the arena's scope is over. If it is, a->slice becomes 0, so that every
 * allocation from then on calls arena_cut() and fails.
 */
bool arena_is_over(struct arena_private *a);

/* Called when an arena is created and when it is destroyed, for $ARENA_STATS. */
void arena_stats_begin(struct arena_private *a);
void arena_stats_end(struct arena_private *a);
/* Return the NUMA node of the page at an address, or -1 if no page was written to there. */
int arena_node_of(const char *addr);
/*
 * Copy the caller's structure, which starts with its size, into this version's, which has
 * @size bytes. Fields that the caller's version lacks become zero; so does everything if
 * @from is NULL. Return 0; -EINVAL if the caller's size is less than @least; or -E2BIG if
 * bytes beyond this version's size are not zero.
 */
int arena_get_struct(void *to, const void *from, size_t size, size_t least);
/*
 * Copy this version's structure, which has @size bytes, to the caller's, which starts
 * with its size; copy no more than fits, and set that size to the bytes copied. Return 0,
 * or -EINVAL if the caller's size is less than @least.
 */
int arena_put_struct(void *to, const void *from, size_t size, size_t least);

/* --- list.c ------------------------------------------------------------------ */

/* The list of all arenas except children. Its lock is held while @fn runs. */
void arena_list_add(struct arena_private *a);
void arena_list_remove(struct arena_private *a);
void arena_list_each(void (*fn)(struct arena_private *a));
/* For signal handlers: return whether the lock was acquired and @fn was called. */
bool arena_list_try(void (*fn)(struct arena_private *list, const void *ctx), const void *ctx);
/* Called around fork(). */
void arena_list_lock(void);
void arena_list_unlock(void);

/* --- fault.c ----------------------------------------------------------------- */

/* Record that the function named @call released the memory between two addresses. */
void arena_fault_note(struct arena_private *a, char *from, char *to, const char *call);
/* Install the fault handler if the environment asks for reports. */
void arena_fault_begin(void);
/* Record an arena that is about to be destroyed; the list's lock is held. */
void arena_fault_end(const struct arena_private *a);

/* --- predict.c --------------------------------------------------------------- */

/* Return the sketch of a name, with a reference; or NULL if none can be created. */
struct sketch *arena_sketch_get(const char *name);
void arena_sketch_put(struct sketch *sketch);
void arena_sketch_note(struct sketch *sketch, size_t used);
/*
 * Return the 99th percentile, or 0 if it is unknown or @sketch is NULL. This is one load:
 * the value is computed anew at least once in 32 samples.
 */
size_t arena_sketch_p99(const struct sketch *sketch);
/* Called around fork(). */
void arena_predict_lock(void);
void arena_predict_unlock(void);

/* --- pool.c ------------------------------------------------------------------ */

/* Lock all pools and the list of pools, around fork(). */
void arena_pool_lock_all(void);
void arena_pool_unlock_all(void);

/* --- thread.c ---------------------------------------------------------------- */

/*
 * For ARENA_THREAD_OWNED: make the calling thread the owner. Return 0, or a negative errno
 * with the arena left without an owner.
 */
int arena_own(struct arena_private *a);
void arena_disown(struct arena_private *a);

/* --- checks.c ---------------------------------------------------------------- */

/* Print a message and abort the process. */
__attribute__((noreturn, format(printf, 3, 4)))
void arena_die(const struct arena_private *a, const char *call, const char *format, ...);

/* Return whether all arenas are to be checked: under ASan, MSan or Valgrind. */
bool arena_checks_wanted(void);

int arena_checks_create(struct arena_private *a);
/* Mark newly committed memory as inaccessible. */
void arena_checks_commit(const struct arena_private *a, char *from, char *to);
/* Mark the arena as destroyed. The structure is kept, so that later uses are detected. */
void arena_checks_destroy(struct arena_private *a);
/* Abort if the arena has been destroyed or belongs to another thread. */
void arena_checks_use(const struct arena_private *a, const char *call);
char *arena_checks_alloc(struct arena_private *a, size_t size, size_t align);
/* Return the top as it was before the last allocation. */
char *arena_checks_end_of_last(const struct arena_private *a);
void arena_checks_free(struct arena_private *a, char *top, const char *call);
void arena_checks_die_if_stale(const struct arena_private *a, struct arena_mark mark);
/* Called around fork(). */
void arena_checks_lock(void);
void arena_checks_unlock(void);
/* Mark bytes as initialized; mark bytes as inaccessible. */
void arena_checks_defined(const struct arena_private *a, void *memory, size_t size);
void arena_checks_forget(const struct arena_private *a, void *memory, size_t size);

/*
 * To mark an arena idle or to claim it, the back end reads whole pages of it. Make all of
 * it accessible before that; all of it inaccessible while it is idle; only the
 * allocations accessible once it is not. @is_lost tells whether the system has taken the
 * contents.
 */
void arena_checks_open(const struct arena_private *a);
void arena_checks_close(const struct arena_private *a);
void arena_checks_claim(const struct arena_private *a, bool is_lost);

/* Record that memory was freed and @used bytes are still allocated. */
void arena_note_epoch(struct arena_private *a, size_t used);

static inline void check_use(const struct arena_private *a, const char *call)
{
	if (a->checks)
		arena_checks_use(a, call);
}

/* Call the out-of-memory handler; return whether to try the allocation again. */
bool arena_has_made_room(struct arena_private *a, size_t size);

#endif /* ARENA_PRIVATE_H */
