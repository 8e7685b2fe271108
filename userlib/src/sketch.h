/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_SKETCH_H
#define ARENA_SRC_SKETCH_H

#include <stddef.h>

struct sketch;

/* Return the sketch of a name, with a reference; or NULL if none can be created. */
struct sketch *arena_sketch_get(const char *name);
void arena_sketch_put(struct sketch *sketch);
void arena_sketch_note(struct sketch *sketch, size_t used);
/*
 * Return the 99th percentile, or 0 if it is unknown or @sketch is NULL. This is one load:
 * the value is computed anew at least once in 32 samples.
 */
size_t arena_sketch_p99(const struct sketch *sketch);

#endif /* ARENA_SRC_SKETCH_H */
