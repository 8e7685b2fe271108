// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Checked arenas, stale marks, and handles.
 *
 * In a checked arena the inline functions find no room, so that each allocation is made
 * here. It gets a red zone behind it and a record in a stack outside the arena. Freeing
 * memory pops records, checks their red zones and overwrites the memory. sanitize.c tells
 * ASan, MSan and Valgrind as well.
 *
 * Marks and handles depend on whether memory that was allocated at some moment has been
 * freed since. To tell, an arena keeps a stack of epochs, one for each time that memory
 * was freed: the serial at that time, and how many bytes were still allocated. An epoch
 * that leaves no more bytes than an older one makes the older one superfluous, so both
 * values ascend. Memory at offset @used at some moment has been freed if any later epoch
 * left less than @used, and the first later epoch left the least.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "fork.h"
#include "private.h"
#include "range.h"
#include "sanitize.h"
#include "sys.h"

#define RED_ZONE	((size_t)32)
#define RED_BYTE	0xfd
#define FREE_BYTE	0xdd

/**
 * struct record - an allocation of a checked arena
 * @memory: the caller's memory
 * @size: its size in bytes
 * @end: the top before the allocation; the red zone reaches from the end of @memory to
 *	here
 */
struct record {
	char *memory;
	size_t size;
	char *end;
};

/**
 * struct checks - state of a checked arena
 * @owner: thread that may use the arena
 * @owner_id: the kernel's ID of that thread, for messages
 * @records: the current allocations, the oldest first
 * @nr: number of records
 * @room: number of records that there is memory for
 * @is_lost: whether the system has taken the contents
 * @is_destroyed: whether the arena has been destroyed
 * @next: next destroyed arena
 */
struct checks {
	pthread_t owner;
	pid_t owner_id;
	struct record *records;
	size_t nr;
	size_t room;
	bool is_lost;
	bool is_destroyed;
	struct arena_private *next;
};

/* --- owner and lifetime -------------------------------------------------------------- */

/* Destroyed arenas are not freed, so that later uses are detected. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena_private *destroyed;

int arena_checks_create(struct arena_private *a)
{
	a->checks = calloc(1, sizeof(*a->checks));
	if (!a->checks)
		return -ENOMEM;
	a->checks->owner = pthread_self();
	a->checks->owner_id = gettid();
	a->hidden = a->committed;
	arena_poison(a->committed, a->range.end - a->committed);
	/* Reserved memory, too: it is cheap, and leak checkers need not read it. */
	arena_poison_reserved(a->range.map, a->committed - a->range.map);
	a->is_counted = true;
	a->slice = 0;
	a->epochs.is_kept = true;
	arena_refresh_top(a);
	return 0;
}

void arena_checks_adopt(struct arena_private *a)
{
	if (a->checks->is_destroyed)
		arena_checks_use(a, "arena_adopt");
	a->checks->owner = pthread_self();
	a->checks->owner_id = gettid();
}

void arena_checks_use(const struct arena_private *a, const char *call)
{
	const struct checks *checks = a->checks;

	if (checks->is_destroyed)
		arena_die(a, call, "it has been destroyed");
	if (!pthread_equal(checks->owner, pthread_self()))
		arena_die(a, call, "used by thread %d, but owned by thread %d; see arena_adopt()",
			  (int)gettid(), (int)checks->owner_id);
}

void arena_checks_destroy(struct arena_private *a)
{
	struct checks *checks = a->checks;

	/* Others may reuse the addresses. Those of a child are its parent's. */
	if (a->backend)
		arena_make_defined(a->hidden, a->range.map_end - a->hidden);
	free(checks->records);
	checks->records = NULL;
	checks->is_destroyed = true;
	a->pub = (struct arena) { NULL, 0 };
	pthread_mutex_lock(&lock);
	checks->next = destroyed;
	destroyed = a;
	pthread_mutex_unlock(&lock);
}

/* --- red zones -------------------------------------------------------------------------- */

static bool make_room(struct checks *checks)
{
	size_t room = checks->room ? 2 * checks->room : 64;
	struct record *more;

	if (checks->nr < checks->room)
		return true;
	more = realloc(checks->records, room * sizeof(*more));
	if (!more)
		return false;
	checks->records = more;
	checks->room = room;
	return true;
}

char *arena_checks_alloc(struct arena_private *a, size_t size, size_t align)
{
	struct checks *checks = a->checks;
	char *end = top_of(a), *memory;
	size_t padded;

	if (!make_room(checks)) {
		a->error = -ENOMEM;
		return NULL;
	}
	/* A size that overflows does not fit without a red zone either. */
	if (__builtin_add_overflow(size, RED_ZONE, &padded))
		padded = size;
	memory = arena_cut(a, end, padded, align);
	if (!memory)
		return NULL;
	checks->records[checks->nr++] = (struct record) { memory, size, end };
	arena_make_defined(memory, end - memory);
	memset(memory + size, RED_BYTE, end - memory - size);
	arena_poison(memory + size, end - memory - size);
	arena_unpoison(memory, size);
	return memory;
}

static void check_record(const struct arena_private *a, const struct record *record,
			 const char *call)
{
	char *at, *from = record->memory + record->size;
	size_t size = record->end - from;

	/* Sanitizers report writes to the red zone themselves; here it has to be read. */
	arena_make_defined(from, size);
	for (at = from; at < record->end; at++)
		if (*(unsigned char *)at != RED_BYTE)
			arena_die(a, call, "allocation of %zu bytes at %p was written to %zu bytes behind its end",
				  record->size, (void *)record->memory, at - from);
	arena_poison(from, size);
}

char *arena_checks_end_of_last(const struct arena_private *a)
{
	return a->checks->records[a->checks->nr - 1].end;
}

/* Check the allocations below @top before they are freed, and overwrite their memory. */
void arena_checks_free(struct arena_private *a, char *top, const char *call)
{
	struct checks *checks = a->checks;
	char *from = top_of(a);

	/* The contents are lost: check nothing, and touch no page needlessly. */
	if (checks->is_lost) {
		checks->is_lost = false;
		checks->nr = 0;
		arena_poison(from, top - from);
		return;
	}
	while (checks->nr && checks->records[checks->nr - 1].memory < top) {
		check_record(a, &checks->records[checks->nr - 1], call);
		checks->nr--;
	}
	arena_make_defined(from, top - from);
	memset(from, FREE_BYTE, top - from);
	arena_poison(from, top - from);
}

/* Return the start of the page with the top: the back ends read whole pages. */
static char *page_of_top(const struct arena_private *a)
{
	return align_down(top_of(a), 4096);
}

void arena_checks_open(const struct arena_private *a)
{
	arena_make_defined(page_of_top(a), a->range.end - page_of_top(a));
}

void arena_checks_close(const struct arena_private *a)
{
	arena_poison(page_of_top(a), a->range.end - page_of_top(a));
}

void arena_checks_claim(const struct arena_private *a, bool is_lost)
{
	const struct record *record;
	size_t i;

	a->checks->is_lost = is_lost;
	arena_poison(page_of_top(a), top_of(a) - page_of_top(a));
	for (i = 0; i < a->checks->nr; i++) {
		record = &a->checks->records[i];
		arena_poison(record->memory + record->size,
		       record->end - record->memory - record->size);
	}
}

int arena_check(const struct arena *pub)
{
	const struct arena_private *a = const_private(pub);
	size_t i;

	if (!a->checks)
		return 0;
	arena_checks_use(a, "arena_check");
	if (a->is_idle)
		return 1;
	for (i = 0; i < a->checks->nr; i++)
		check_record(a, &a->checks->records[i], "arena_check");
	return 1;
}

/* --- epochs ------------------------------------------------------------------------------ */

void arena_note_epoch(struct arena_private *a, size_t used)
{
	struct epochs *epochs = &a->epochs;
	int saved_errno = errno;
	struct epoch *more;
	size_t room;

	while (epochs->nr && epochs->all[epochs->nr - 1].used >= used)
		epochs->nr--;
	if (epochs->nr == epochs->room) {
		room = epochs->room ? 2 * epochs->room : 16;
		more = realloc(epochs->all, room * sizeof(*more));
		errno = saved_errno;
		if (more) {
			epochs->all = more;
			epochs->room = room;
		} else if (epochs->nr) {
			/* Merge with the last epoch: more counts as freed than was. */
			used = epochs->all[--epochs->nr].used;
		} else {
			/* Invalidate all handles: the next gets a new number. */
			a->id = 0;
			return;
		}
	}
	epochs->all[epochs->nr++] = (struct epoch) { ++a->serial, used };
}

/* Return whether memory at offset @used has been freed since serial @serial. */
static bool is_gone(const struct arena_private *a, uint64_t serial, size_t used)
{
	const struct epochs *epochs = &a->epochs;
	size_t low = 0, high = epochs->nr, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (epochs->all[middle].serial > serial)
			high = middle;
		else
			low = middle + 1;
	}
	return low < epochs->nr && epochs->all[low].used < used;
}

void arena_checks_die_if_stale(const struct arena_private *a, struct arena_mark mark)
{
	if (is_gone(a, mark.serial, mark.used) || mark.serial > a->serial)
		arena_die(a, "arena_rewind", "the mark is stale: the arena has been rewound to an earlier mark, reset or released");
}

struct arena_handle arena_handle_make(struct arena *pub, const void *memory)
{
	static uint64_t last_id;
	struct arena_private *a = private(pub);
	uintptr_t addr = (uintptr_t)memory;

	check_use(a, "arena_handle_make");
	a->epochs.is_kept = true;
	if (!a->id)
		a->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	if (addr < (uintptr_t)top_of(a) || addr >= (uintptr_t)a->range.end)
		return (struct arena_handle) { 0, 0, 0 };
	return (struct arena_handle) { a->id, a->serial, (uintptr_t)a->range.end - addr };
}

void *arena_deref(const struct arena *pub, struct arena_handle handle)
{
	const struct arena_private *a = const_private(pub);

	check_use(a, "arena_deref");
	if (!handle.arena || handle.arena != a->id || handle.offset > used_of(a) ||
	    is_gone(a, handle.serial, handle.offset))
		return NULL;
	return a->range.end - handle.offset;
}

/* --- around fork() ------------------------------------------------------------------- */

__attribute__((constructor)) static void register_hook(void)
{
	static struct fork_hook hook = { .lock = &lock };

	arena_at_fork(&hook);
}
