/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_CREATE_H
#define ARENA_SRC_CREATE_H

#include "private.h"

/*
 * Commit, without touching it, the memory that arenas of this name are expected to use.
 * Return 0, or a negative errno with nothing committed.
 */
int arena_commit_ahead(struct arena_private *a);

#endif /* ARENA_SRC_CREATE_H */
