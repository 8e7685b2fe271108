/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_SANITIZE_H
#define ARENA_SRC_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

/* Return whether all arenas are to be checked: under ASan, MSan or Valgrind. */
bool arena_is_watched(void);

/* Mark bytes as inaccessible; those that are only reserved; as accessible and uninitialized; as initialized. */
void arena_poison(char *from, size_t size);
void arena_poison_reserved(char *from, size_t size);
void arena_unpoison(char *from, size_t size);
void arena_make_defined(char *from, size_t size);

#endif /* ARENA_SRC_SANITIZE_H */
