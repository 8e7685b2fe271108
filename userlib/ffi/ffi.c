// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The inline functions of arena.h and str.h, compiled as exported functions. */
#define ARENA_INLINE	__attribute__((visibility("default")))
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#include <arena/str.h>
