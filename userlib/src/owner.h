/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_OWNER_H
#define ARENA_SRC_OWNER_H

#include "private.h"

/*
 * For ARENA_OPT_THREAD_OWNED: make the calling thread the owner, which calls a->owned.end() when it
 * ends. Return 0, or a negative errno with the arena left without an owner.
 */
int arena_own(struct arena_private *a);
void arena_disown(struct arena_private *a);

/*
 * Have a function called when the calling thread ends, after its owned arenas have been
 * destroyed; the same function in all calls. Return 0 or a negative errno.
 */
int arena_at_thread_end(void (*end)(void));

#endif /* ARENA_SRC_OWNER_H */
