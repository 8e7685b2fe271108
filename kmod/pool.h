/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_POOL_H
#define ARENA_POOL_H

#include <linux/bits.h>
#include <linux/mm_types.h>
#include <linux/nodemask.h>
#include <linux/pgtable.h>

/* A block is the memory that one PMD entry maps. */
#define ARENA_BLOCK_SHIFT	PMD_SHIFT
#define ARENA_BLOCK_SIZE	PMD_SIZE
#define ARENA_BLOCK_MASK	PMD_MASK
#define ARENA_BLOCK_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define ARENA_BLOCK_PAGES	BIT(ARENA_BLOCK_ORDER)

/* The watermark is not set: use the default. */
#define ARENA_POOL_AUTO		ULONG_MAX

/* No limit. */
#define ARENA_POOL_UNLIMITED	LONG_MAX

/**
 * enum arena_pool_part - part of the free blocks of a node's pool
 * @ARENA_POOL_SPARE: the blocks above the low watermark. Cached blocks do not count.
 * @ARENA_POOL_RESERVE: the blocks up to the low watermark
 */
enum arena_pool_part {
	ARENA_POOL_SPARE,
	ARENA_POOL_RESERVE,
};

/**
 * struct arena_pool_stats - counters of one node
 * @in_use: blocks taken and not yet put
 * @quarantined: blocks put while another reference to them existed, and kept until
 *	it is dropped
 * @ready: blocks that are free and zeroed
 * @dirty: blocks that are free and not yet zeroed
 * @cached: blocks that an arena released and keeps in its cache
 * @extents: extents of ready blocks
 * @largest: length of the longest extent in blocks
 * @min: low watermark: the worker refills the pool up to this number of blocks
 * @max: high watermark: maximum number of blocks kept, including cached ones
 * @hits: blocks that were requested and ready
 * @misses: blocks that were requested and not ready
 * @zeroed: blocks zeroed while a caller waited for them
 * @refills: blocks taken from the page allocator in advance
 * @shrunk: blocks returned to the page allocator because the system needed memory
 * @system_free: free pages of the node in the page allocator
 */
struct arena_pool_stats {
	unsigned long in_use;
	unsigned long quarantined;
	unsigned long ready;
	unsigned long dirty;
	unsigned long cached;
	unsigned long extents;
	unsigned long largest;
	unsigned long min;
	unsigned long max;
	unsigned long hits;
	unsigned long misses;
	unsigned long zeroed;
	unsigned long refills;
	unsigned long shrunk;
	unsigned long system_free;
};

int arena_pool_init(void);
void arena_pool_exit(void);
void arena_pool_update_node(int nid);
void arena_pool_set_watermarks(unsigned long reserve, unsigned long min,
			       unsigned long max);
void arena_pool_fill_reserve(void);

unsigned long arena_pool_hold(int nid, unsigned long wanted);
void arena_pool_unhold(int nid, unsigned long nr);
void arena_pool_set_limit(unsigned long nr);
void arena_pool_set_accounted(bool accounted);
unsigned long arena_pool_take(int nid, unsigned long wanted, struct list_head *blocks,
			      unsigned long *zeroed, bool again);
struct folio *arena_pool_alloc(int nid, const nodemask_t *nodes);
unsigned long arena_pool_obtainable(int nid);
bool arena_pool_wait(const nodemask_t *nodes, unsigned long *until);
int arena_pool_take_run(int nid, unsigned long nr, struct list_head *blocks,
			unsigned long *zeroed);

unsigned long arena_pool_claim(int nid, struct list_head *blocks);
void arena_pool_put_claimed(struct folio *folio);
void arena_pool_put_all(int nid, struct list_head *blocks, unsigned long nr);
void arena_pool_recheck(void);
unsigned long arena_pool_room(int nid);
bool arena_pool_cache(struct folio *folio);
void arena_pool_uncache(struct folio *folio);
void arena_pool_reuse(struct folio *folio);
void arena_pool_free_claimed(struct folio *folio);
bool arena_pool_has_error(struct folio *folio);

unsigned long arena_pool_count(int nid, enum arena_pool_part part);
unsigned long arena_pool_shrink(int nid, unsigned long nr,
				enum arena_pool_part part);
void arena_pool_hold_off(int nid, enum arena_pool_part part);
unsigned long arena_pool_give_up(int nid);
unsigned long arena_pool_excess(int nid);

void arena_pool_stats(int nid, struct arena_pool_stats *stats);
unsigned long arena_pool_poisoned(void);

#endif /* ARENA_POOL_H */
