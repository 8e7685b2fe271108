/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_CHECKS_H
#define ARENA_SRC_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include "private.h"

/* Return 0 or -ENOMEM. */
int arena_checks_create(struct arena_private *a);
/* Mark the arena as destroyed. The structure is kept, so that later uses are detected. */
void arena_checks_destroy(struct arena_private *a);
/* Make the calling thread the one that may use the arena. */
void arena_checks_adopt(struct arena_private *a);
/* Abort if the arena has been destroyed or belongs to another thread. */
void arena_checks_use(const struct arena_private *a, const char *call);
char *arena_checks_alloc(struct arena_private *a, size_t size, size_t align);
/* Return the top as it was before the last allocation. */
char *arena_checks_end_of_last(const struct arena_private *a);
void arena_checks_free(struct arena_private *a, char *top, const char *call);
void arena_checks_die_if_stale(const struct arena_private *a, struct arena_mark mark);

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

#endif /* ARENA_SRC_CHECKS_H */
