/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_EXTENTS_TEST_H
#define ARENA_EXTENTS_TEST_H

#include "../extents.h"

bool arena_extents_are_consistent(const struct arena_extents *extents);

#endif /* ARENA_EXTENTS_TEST_H */
