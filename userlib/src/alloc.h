/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_ALLOC_H
#define ARENA_SRC_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#include "private.h"

/* Call the out-of-memory handler; return whether to try the allocation again. */
bool arena_has_made_room(struct arena_private *a, size_t size);

/*
 * Copy bytes and append a NUL, directly below the last string. Return the copy, or NULL if
 * there is no memory.
 */
char *arena_copy_bytes(struct arena *a, const char *bytes, size_t length);

#endif /* ARENA_SRC_ALLOC_H */
