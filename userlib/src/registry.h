/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_REGISTRY_H
#define ARENA_SRC_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "private.h"

/**
 * struct destroyed - record of a destroyed arena
 * @map: lowest address the arena had
 * @map_end: one past the highest
 * @at: arena_now() when it was destroyed
 * @name: its name
 */
struct destroyed {
	const char *map;
	const char *map_end;
	uint64_t at;
	char name[NAME_SIZE];
};

/* The list of all arenas except children. Its lock is held while @fn runs. */
void arena_registry_add(struct arena_private *a);
void arena_registry_remove(struct arena_private *a);
void arena_registry_each(void (*fn)(struct arena_private *a));
/* For signal handlers: return whether the lock was acquired and @fn was called. */
bool arena_registry_try(void (*fn)(struct arena_private *list, const void *ctx), const void *ctx);
/* Return the latest destroyed record with an address, or NULL. The lock is held. */
const struct destroyed *arena_registry_find_destroyed(const char *addr);

#endif /* ARENA_SRC_REGISTRY_H */
