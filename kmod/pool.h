/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_POOL_H
#define ARENA_POOL_H

#include <linux/bits.h>
#include <linux/mm_types.h>
#include <linux/pgtable.h>

/* A block is what one PMD maps. */
#define ARENA_BLOCK_SHIFT	PMD_SHIFT
#define ARENA_BLOCK_SIZE	PMD_SIZE
#define ARENA_BLOCK_MASK	PMD_MASK
#define ARENA_BLOCK_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define ARENA_BLOCK_PAGES	BIT(ARENA_BLOCK_ORDER)

/**
 * struct arena_pool_stats - blocks of one node
 * @in_use: handed out by arena_pool_get() and not yet put
 * @quarantined: put while somebody else still held a reference, and kept until
 *	that is gone
 */
struct arena_pool_stats {
	unsigned long in_use;
	unsigned long quarantined;
};

struct folio *arena_pool_get(int nid);
void arena_pool_put(struct folio *folio);
void arena_pool_stats(int nid, struct arena_pool_stats *stats);
unsigned long arena_pool_fallbacks(void);
unsigned long arena_pool_poisoned(void);
void arena_pool_exit(void);

#endif /* ARENA_POOL_H */
