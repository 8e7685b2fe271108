/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_BLOCKS_H
#define ARENA_BLOCKS_H

#include <linux/list.h>

struct arena;
struct arena_policy;

int arena_blocks_alloc(struct arena *arena, const struct arena_policy *policy,
		       unsigned long first, unsigned long nr, struct list_head *blocks);
int arena_blocks_alloc_extent(struct arena *arena, const struct arena_policy *policy,
			      unsigned long first, unsigned long nr,
			      struct list_head *blocks);
void arena_blocks_put(struct arena *arena, struct list_head *blocks);
unsigned long arena_blocks_free(struct arena *arena, struct list_head *blocks);

#endif /* ARENA_BLOCKS_H */
