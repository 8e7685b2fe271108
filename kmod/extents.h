/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_EXTENTS_H
#define ARENA_EXTENTS_H

#include <linux/mm_types.h>
#include <linux/rbtree.h>

/**
 * struct arena_extents - a set of free blocks, grouped into extents
 * @by_address: the extents, ordered by address
 * @by_size: the extents, ordered by length and then by address
 * @nr_blocks: number of blocks in all extents
 * @nr_extents: number of extents
 */
struct arena_extents {
	struct rb_root by_address;
	struct rb_root_cached by_size;
	unsigned long nr_blocks;
	unsigned long nr_extents;
};

void arena_extents_init(struct arena_extents *extents);
void arena_extents_add(struct arena_extents *extents, struct folio *folio);
struct folio *arena_extents_take(struct arena_extents *extents,
				 unsigned long wanted, unsigned long *taken);
struct folio *arena_extents_take_run(struct arena_extents *extents,
				     unsigned long wanted);
unsigned long arena_extents_largest(const struct arena_extents *extents);

#endif /* ARENA_EXTENTS_H */
