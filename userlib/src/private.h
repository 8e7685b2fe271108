/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_PRIVATE_H
#define ARENA_PRIVATE_H

#include <stdbool.h>
#include <arena/arena.h>

#include "backend.h"

/* What a name may have, with its NUL. */
#define NAME_SIZE	32

/**
 * struct scope - what ends an arena
 * @is_bound: whether there is anything
 * @is_over: whether it has been seen to be over
 * @flags: ARENA_SCOPE_*, what of these counts
 * @deadline: CLOCK_MONOTONIC in nanoseconds
 * @fd: a descriptor
 * @events: what poll(2) says of it then
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
 * struct release - memory that was given back
 * @from: lowest address
 * @to: one past the highest
 * @at: when, CLOCK_MONOTONIC in nanoseconds
 * @call: by which function
 */
struct release {
	char *from;
	char *to;
	uint64_t at;
	const char *call;
};

#define NR_RELEASES	8

/**
 * struct epochs - when memory was freed
 * @all: the arena's serial then, and how much was left; both ascending
 * @nr: how many
 * @room: for how many there is memory
 * @is_kept: whether they are
 */
struct epochs {
	struct epoch { uint64_t serial; size_t used; } *all;
	size_t nr;
	size_t room;
	bool is_kept;
};

/**
 * struct arena_private - an arena, with what only the library sees
 * @pub: the public part; must be first. Its @base is the lowest address that is both
 *	committed and within the limit, base + left is the top: allocated is what is
 *	above.
 * @backend: where the memory comes from; NULL for a child, whose memory is its parent's
 * @range: the addresses
 * @committed: the lowest that is committed
 * @reached: the lowest that was, since @range moved in quarantine
 * @lowest: the lowest that may be allocated, a multiple of ARENA_ALIGN
 * @clean: what is below, committed and has not been allocated since the arena was rewound
 *	last is zero. Never above the top at that time, nor what was the top before.
 * @packed: where the last string of all there are begins, or NULL. It ends where the one
 *	before begins, which may be anywhere.
 * @cleanups: the youngest first
 * @serial: counts cleanups and epochs, so that a mark knows which are younger
 * @oom: called when there is no memory, or NULL
 * @oom_ctx: for @oom
 * @error: why the last allocation failed that did
 * @keeps_dirty: whether what is committed may be dirty
 * @is_lost_in_fork: whether a child does not have it
 * @forks: arena_forks() when it was created
 * @is_idle: whether the system may take the memory, so that nothing can be allocated
 * @is_counted: whether each allocation is
 * @is_quarantined: whether addresses that were released are used last
 * @slice: the most that can be allocated at a time without arena_cut(), a multiple of
 *	ARENA_ALIGN
 * @scope: what it is bound to
 * @parent: whose memory it has, or NULL
 * @in_parent: of a child: what ends it
 * @checks: of a checked arena; else NULL
 * @holes: lowest address of what arena_region_decommit() gave back
 * @holes_end: one past the highest, or NULL if there is nothing
 * @epochs: when memory was freed, if anybody wants to know
 * @id: a number that no other arena of the process has had; 0 until it is needed
 * @is_printed: whether $ARENA_STATS wants to know its end
 * @is_thread_owned: whether it was created to end with a thread
 * @owned: with which one: its place in that one's list, if it still does; protected by
 *	thread.c's lock
 * @listed: its place in the list of list.c; protected by that one's lock
 * @releases: the last ones, for who touches what was given back
 * @nr_releases: how many there have been
 * @sketch: what learns how much arenas of that name use, or NULL if nobody wants to know
 * @peak: the most that was used at a time, since it was told
 * @pooled: what a pool knows of it; that one's, pool.c says when
 * @stats: what has been counted. @allocated without what is allocated now.
 * @name: what it is called
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

/* An address, or 0, rounded down. */
static inline char *align_down(char *addr, size_t align)
{
	return addr - ((uintptr_t)addr & (align - 1));
}

/*
 * Read options into those of this version, and what the environment says; 0, -EINVAL or
 * -E2BIG.
 */
int arena_read_opts(struct arena_opts *opts, const struct arena_opts *from);
void arena_override_opts(struct arena_opts *opts);
/* A list as in sysfs, "0-1,3"; 0 or -EINVAL. */
int arena_parse_nodes(const char *text, uint64_t *mask);

/*
 * cut - allocate from an address downwards
 * @a: the arena
 * @end: the top, or where the last allocation ends, which is to be replaced
 * @size: bytes
 * @align: a power of two
 *
 * Commits what is needed, and changes nothing on failure.
 *
 * Return: the memory; or NULL, and a->error says why.
 */
char *arena_cut(struct arena_private *a, char *end, size_t size, size_t align);

/*
 * Free what is below an address, which is not below the top, for a call of that name; the
 * last string that is left begins at @packed.
 */
void arena_raise_top(struct arena_private *a, char *top, char *packed, const char *call);

/*
 * Commit what arenas of its name are expected to use, and touch nothing of it; 0 or -errno,
 * and then nothing is committed.
 */
int arena_commit_ahead(struct arena_private *a);

/* How much is allocated, to the byte where strings are. */
size_t arena_used_to_the_byte(const struct arena_private *a);

/* The top stays; what can be allocated without arena_cut() is what may be now. */
void arena_refresh_top(struct arena_private *a);

/* Without a scope: nothing, if each allocation has to be looked at. */
static inline size_t whole_slice(const struct arena_private *a)
{
	return a->checks || a->is_counted ? 0 : SIZE_MAX & -ARENA_ALIGN;
}

/* So many bytes have been asked for, and given. */
static inline void count(struct arena_private *a, size_t size)
{
	if (!a->is_counted)
		return;
	a->stats.allocations++;
	a->stats.asked += size;
}

/* Copy bytes, and put a NUL behind them, directly below the last string; or NULL. */
char *arena_copy_bytes(struct arena *a, const char *bytes, size_t length);

/* Offset of a % that begins no escape, or the length. */
size_t arena_find_bad_escape(const char *data, size_t length);

/* Decode percent-encoding in place, as ARENA_DECODE_* say; the length it has then. */
size_t arena_decode(char *data, size_t length, uint32_t flags);

/* How often this process' ancestors have forked since they had the library. */
extern unsigned int arena_nr_forks __attribute__((visibility("hidden")));

static inline unsigned int arena_forks(void)
{
	return arena_nr_forks;
}
/* Whether it belongs to another process, an ancestor, and is not here. */
static inline bool is_foreign(const struct arena_private *a)
{
	return a->is_lost_in_fork && a->forks != arena_forks();
}

/* Whether the arena's scope is over; what may be allocated until then is a->slice. */
bool arena_is_over(struct arena_private *a);

/* An arena begins and ends, for $ARENA_STATS. */
void arena_stats_begin(struct arena_private *a);
void arena_stats_end(struct arena_private *a);
/* NUMA node of the page at an address, or -1 if there is none that was written to. */
int arena_node_of(const char *addr);
/*
 * Copy a structure, which begins with its size, into one of this version, zero where it has
 * none, and all of it if it is NULL; 0, -EINVAL, or -E2BIG if what this version lacks is not 0.
 */
int arena_get_struct(void *to, const void *from, size_t size, size_t least);
/* Copy as much of a structure as its owner has, which begins with its size; 0 or -EINVAL. */
int arena_put_struct(void *to, const void *from, size_t size, size_t least);

/* --- list.c ------------------------------------------------------------------ */

/* All arenas but children. The list's lock is held while a function is called. */
void arena_list_add(struct arena_private *a);
void arena_list_remove(struct arena_private *a);
void arena_list_each(void (*fn)(struct arena_private *a));
/* For a handler of signals: whether the lock could be had, and a function be called. */
bool arena_list_try(void (*fn)(struct arena_private *list, const void *ctx), const void *ctx);
/* Around fork(). */
void arena_list_lock(void);
void arena_list_unlock(void);

/* --- fault.c ----------------------------------------------------------------- */

/* Memory has been given back by a function. */
void arena_fault_note(struct arena_private *a, char *from, char *to, const char *call);
/* If the environment asks for reports. */
void arena_fault_begin(void);
/* The arena is about to end; the list's lock is held. */
void arena_fault_end(const struct arena_private *a);

/* --- predict.c --------------------------------------------------------------- */

/* The one of a name, with a reference; or NULL if there can't be one. */
struct sketch *arena_sketch_get(const char *name);
void arena_sketch_put(struct sketch *sketch);
void arena_sketch_note(struct sketch *sketch, size_t used);
/* The 99th percentile, a few samples late, for next to nothing; 0 if it is not known. */
size_t arena_sketch_p99(const struct sketch *sketch);
/* Around fork(). */
void arena_predict_lock(void);
void arena_predict_unlock(void);

/* --- pool.c ------------------------------------------------------------------ */

/* Around fork(): all pools, and which there are. */
void arena_pool_lock_all(void);
void arena_pool_unlock_all(void);

/* --- thread.c ---------------------------------------------------------------- */

/* With ARENA_THREAD_OWNED: the calling thread's from now on, or nobody's. 0 or -errno. */
int arena_own(struct arena_private *a);
void arena_disown(struct arena_private *a);

/* --- checks.c ---------------------------------------------------------------- */

/* End the process with a message. */
__attribute__((noreturn, format(printf, 3, 4)))
void arena_die(const struct arena_private *a, const char *call, const char *format, ...);

/* Whether something makes arenas checked that were not asked to be. */
bool arena_checks_wanted(void);

int arena_checks_create(struct arena_private *a);
/* There is memory that nobody may use yet. */
void arena_checks_commit(const struct arena_private *a, char *from, char *to);
/* What is left of the arena is there still, and noticed. */
void arena_checks_destroy(struct arena_private *a);
/* Die unless this is the arena's thread, and it is one. */
void arena_checks_use(const struct arena_private *a, const char *call);
char *arena_checks_alloc(struct arena_private *a, size_t size, size_t align);
/* Of the last allocation: where the top was before. */
char *arena_checks_end_of_last(const struct arena_private *a);
void arena_checks_free(struct arena_private *a, char *top, const char *call);
void arena_checks_die_if_stale(const struct arena_private *a, struct arena_mark mark);
/* Around fork(). */
void arena_checks_lock(void);
void arena_checks_unlock(void);
/* Bytes that nobody has to write before they are read; and those that nobody may use. */
void arena_checks_defined(const struct arena_private *a, void *memory, size_t size);
void arena_checks_forget(const struct arena_private *a, void *memory, size_t size);

/* Around what looks at all there is; nobody may use it; only what is allocated may. */
void arena_checks_open(const struct arena_private *a);
void arena_checks_close(const struct arena_private *a);
void arena_checks_claim(const struct arena_private *a, bool is_lost);

/* Memory has been freed, down to so many bytes. */
void arena_note_epoch(struct arena_private *a, size_t used);

static inline void check_use(const struct arena_private *a, const char *call)
{
	if (a->checks)
		arena_checks_use(a, call);
}

/* Call the out-of-memory function; whether to try again. */
bool arena_has_made_room(struct arena_private *a, size_t size);

#endif /* ARENA_PRIVATE_H */
