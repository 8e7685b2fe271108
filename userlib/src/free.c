// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Free memory: marks, cleanups, reset, release and trim.
 */
#include <errno.h>

#include "checks.h"
#include "fork.h"
#include "free.h"
#include "private.h"
#include "probes.h"
#include "range.h"
#include "sketch.h"
#include "sys.h"

void arena_note_release(struct arena_private *a, char *from, char *to, const char *call)
{
	a->releases[a->nr_releases++ % NR_RELEASES] = (struct release) {
		.from = from,
		.to = to,
		.at = arena_now(),
		.call = call,
	};
}

/*
 * Free memory above a->committed is allocated without asking the back end, so there must
 * be no holes in it. If arena_span_decommit() has made some, release all free memory.
 */
static void free_holes(struct arena_private *a, char *from)
{
	if (from > a->committed)
		(void)arena_give_back(a, from);
	if (a->holes_end <= from)
		a->holes_end = NULL;
	else
		a->holes = from;
}

void arena_raise_top(struct arena_private *a, char *top, char *packed, const char *call)
{
	size_t used = used_of(a), bytes = used_to_the_byte(a);

	if (a->checks)
		arena_checks_free(a, top, call);
	if (used > a->stats.peak)
		a->stats.peak = used;
	if (used > a->peak)
		a->peak = used;
	if (top_of(a) < a->clean)
		a->clean = top_of(a);
	a->packed = packed;
	set_top(a, top);
	a->stats.allocated += bytes - used_to_the_byte(a);
	if (a->holes_end && a->holes < top)
		free_holes(a, align_down(top, ARENA_BLOCK));
	/* If the last allocation is a string, the bytes below it are free, too. */
	if (a->epochs.is_kept)
		arena_note_epoch(a, used_to_the_byte(a));
}

/* --- cleanups and idle arenas ---------------------------------------------------- */

/* Abort if a child is in the memory that is to be freed and has not been destroyed. */
static void check_children(const struct arena_private *a, uint64_t serial, const char *call)
{
	const struct arena_cleanup *cleanup;

	for (cleanup = a->cleanups; cleanup && cleanup->serial > serial;
	     cleanup = cleanup->next)
		if (cleanup->fn == a->end_child)
			arena_die(a, call, "its child '%s' has not been destroyed",
				  ((struct arena_private *)cleanup->ctx)->name);
}

static int claim(struct arena_private *a)
{
	return a->backend->claim(&a->range, top_of(a));
}

static int claim_checked(struct arena_private *a)
{
	int kept;

	arena_checks_open(a);
	kept = claim(a);
	arena_checks_claim(a, !kept);
	return kept;
}

/* Take an idle arena's memory back; return 1, 0 if contents are lost, or a negative errno. */
int arena_take_back(struct arena_private *a)
{
	int kept = a->checks ? claim_checked(a) : claim(a);

	if (kept < 0)
		return kept;
	a->is_idle = false;
	arena_refresh_top(a);
	return kept;
}

/* arena_give_back() at the caller's request: count it, and record it for reports of faults. */
static int release_below(struct arena_private *a, char *from, const char *call)
{
	char *lowest = a->committed;
	int err;

	if (!a->backend || from <= lowest)
		return 0;
	err = arena_give_back(a, from);
	if (err)
		return err;
	a->stats.releases++;
	arena_note_release(a, lowest, from, call);
	PROBE3(release, a, lowest, from - lowest);
	return 0;
}

/*
 * Move an arena with address quarantine below @end, or to the top of its mapping if there
 * is no room below, so that the addresses from @end up are reused last.
 */
static void move_below(struct arena_private *a, char *end)
{
	size_t bytes = a->range.end - a->range.start, most = a->range.end - a->lowest;

	if ((size_t)(end - a->range.map) < bytes)
		end = a->range.map_end;
	a->range.start = end - bytes;
	a->range.end = end;
	a->lowest = end - most;
	a->committed = end;
	a->reached = end;
	if (!a->keeps_dirty)
		a->clean = end;
	set_top(a, end);
}

static int release_all(struct arena_private *a)
{
	int err;

	/* Everything is released at once, holes included. */
	a->holes_end = NULL;
	note_use(a);
	arena_raise_top(a, a->range.end, NULL, "arena_release");
	a->peak = 0;
	err = release_below(a, a->range.end, "arena_release");
	if (!err && a->is_quarantined && a->reached < a->range.end)
		move_below(a, a->reached);
	return err;
}

/* Claim an idle arena whose memory is to be freed, whether or not its contents survived. */
static void claim_idle(struct arena_private *a)
{
	int saved_errno = errno;

	if (!arena_take_back(a))
		(void)release_all(a);
	errno = saved_errno;
}

/* Return false if this process does not have the memory, so that it can free nothing. */
static bool prepare_to_free(struct arena_private *a, uint64_t serial, const char *call)
{
	if (is_foreign(a))
		return false;
	if (a->checks) {
		arena_checks_use(a, call);
		check_children(a, serial, call);
	}
	if (ARENA_UNLIKELY(a->is_idle))
		claim_idle(a);
	run_cleanups(a, serial);
	return true;
}

void arena_cleanup_add(struct arena *pub, struct arena_cleanup *cleanup,
		       void (*fn)(void *ctx), void *ctx)
{
	struct arena_private *a = private(pub);

	check_use(a, "arena_cleanup_add");
	if (a->checks && a->is_idle)
		arena_die(a, "arena_cleanup_add", "it is idle");
	*cleanup = (struct arena_cleanup) {
		.fn = fn,
		.ctx = ctx,
		.next = a->cleanups,
		.serial = ++a->serial,
	};
	a->cleanups = cleanup;
}

void arena_cleanup_remove(struct arena *pub, struct arena_cleanup *cleanup)
{
	struct arena_cleanup **at = &private(pub)->cleanups;

	check_use(private(pub), "arena_cleanup_remove");
	while (*at && *at != cleanup)
		at = &(*at)->next;
	if (*at)
		*at = cleanup->next;
}

/* --- marks, reset, release ----------------------------------------------------------- */

struct arena_mark arena_save(const struct arena *pub)
{
	const struct arena_private *a = const_private(pub);

	check_use(a, "arena_save");
	return (struct arena_mark) {
		.used = used_of(a),
		.serial = a->serial,
		.packed = a->packed,
	};
}

void arena_rewind(struct arena *pub, struct arena_mark mark)
{
	struct arena_private *a = private(pub);

	if (a->checks) {
		arena_checks_use(a, "arena_rewind");
		arena_checks_die_if_stale(a, mark);
	}
	if (!prepare_to_free(a, mark.serial, "arena_rewind"))
		return;
	a->stats.rewinds++;
	/*
	 * mark.used may be more than is used, if the last allocation has shrunk since; or
	 * the same, if strings have been allocated only in the gap below an older one.
	 */
	if (mark.used < used_of(a) || (mark.used == used_of(a) && mark.packed != a->packed))
		arena_raise_top(a, a->range.end - mark.used, mark.packed, "arena_rewind");
}

void arena_reset(struct arena *pub)
{
	struct arena_private *a = private(pub);

	if (!prepare_to_free(a, 0, "arena_reset"))
		return;
	a->stats.resets++;
	PROBE2(reset, a, used_of(a));
	note_use(a);
	arena_raise_top(a, a->range.end, NULL, "arena_reset");
	a->peak = 0;
}

int arena_release(struct arena *pub)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;
	int err;

	if (!prepare_to_free(a, 0, "arena_release"))
		return -EPERM;
	err = release_all(a);
	errno = saved_errno;
	return err;
}

int arena_trim(struct arena *pub, size_t keep)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;
	int err = 0;

	check_use(a, "arena_trim");
	if (is_foreign(a))
		return -EPERM;
	if (a->is_idle)
		claim_idle(a);
	if (keep < used_of(a))
		keep = used_of(a);
	if (keep < (size_t)(a->range.end - a->range.start))
		err = release_below(a, align_down(a->range.end - keep, ARENA_BLOCK),
				    "arena_trim");
	errno = saved_errno;
	return err;
}
