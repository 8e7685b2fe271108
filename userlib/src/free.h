/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_FREE_H
#define ARENA_SRC_FREE_H

#include <stdint.h>

#include "private.h"
#include "sketch.h"

/*
 * Free the memory below @top, which must not be below the current top. @packed is the start
 * of the last remaining string, or NULL; @call is the public function's name, for messages.
 */
void arena_raise_top(struct arena_private *a, char *top, char *packed, const char *call);

/* Record that the function named @call released the memory between two addresses. */
void arena_note_release(struct arena_private *a, char *from, char *to, const char *call);

/* Claim an idle arena; return 1, 0 if contents are lost, or a negative errno. */
int arena_take_back(struct arena_private *a);

/* Everything is about to be freed: note the peak use, if the arena was used at all. */
static inline void note_use(const struct arena_private *a)
{
	size_t used = used_of(a) > a->peak ? used_of(a) : a->peak;

	if (a->sketch && used)
		arena_sketch_note(a->sketch, used);
}

/* Run the cleanups that were added after the arena's serial was @serial. */
static inline void run_cleanups(struct arena_private *a, uint64_t serial)
{
	struct arena_cleanup *cleanup;

	while ((cleanup = a->cleanups) && cleanup->serial > serial) {
		a->cleanups = cleanup->next;
		cleanup->fn(cleanup->ctx);
	}
}

#endif /* ARENA_SRC_FREE_H */
