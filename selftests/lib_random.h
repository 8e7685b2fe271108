/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random numbers for tests of libarena. The seed is printed; ARENA_SEED repeats
 * a run.
 */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include "lib_test.h"

static unsigned int seed;

static inline size_t random_below(size_t limit)
{
	return rand_r(&seed) % limit;
}

static inline void begin_random(struct __test_metadata *_metadata)
{
	const char *text = getenv("ARENA_SEED");

	seed = text ? strtoul(text, NULL, 0) : (unsigned int)getpid() * 2654435761u;
	TH_LOG("ARENA_SEED=%u", seed);
}

#endif /* LIB_RANDOM_H */
