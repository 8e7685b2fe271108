/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_SEALS_H
#define ARENA_SEALS_H

#include <linux/maple_tree.h>
#include <linux/types.h>

/**
 * struct arena_seals - sealed ranges of an arena's file
 * @ranges: the ranges, in blocks
 * @nr: upper bound of the number of ranges
 *
 * Changed under arena.sem held for writing, read under arena.sem.
 */
struct arena_seals {
	struct maple_tree ranges;
	unsigned long nr;
};

void arena_seals_init(struct arena_seals *seals);
void arena_seals_destroy(struct arena_seals *seals);
bool arena_seals_has(struct arena_seals *seals, unsigned long index);
int arena_seals_add(struct arena_seals *seals, unsigned long first, unsigned long nr);
int arena_seals_break(struct arena_seals *seals, unsigned long first,
		      unsigned long nr);

#endif /* ARENA_SEALS_H */
