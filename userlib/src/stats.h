/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_STATS_H
#define ARENA_SRC_STATS_H

#include "private.h"

/* Called when an arena is created and when it is destroyed, for $ARENA_STATS. */
void arena_stats_begin(struct arena_private *a);
void arena_stats_end(struct arena_private *a);

#endif /* ARENA_SRC_STATS_H */
