/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_POOL_H
#define ARENA_POOL_H

#include <linux/bits.h>
#include <linux/mm_types.h>
#include <linux/nodemask.h>
#include <linux/pgtable.h>

/* A block is what one PMD maps. */
#define ARENA_BLOCK_SHIFT	PMD_SHIFT
#define ARENA_BLOCK_SIZE	PMD_SIZE
#define ARENA_BLOCK_MASK	PMD_MASK
#define ARENA_BLOCK_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define ARENA_BLOCK_PAGES	BIT(ARENA_BLOCK_ORDER)

/* A watermark that nobody has set. */
#define ARENA_POOL_AUTO		ULONG_MAX

/* A limit that is none. */
#define ARENA_POOL_UNLIMITED	LONG_MAX

/**
 * enum arena_pool_part - which of a node's kept blocks
 * @ARENA_POOL_SPARE: above the low watermark; what arenas keep is not of the pool
 * @ARENA_POOL_RESERVE: below it
 */
enum arena_pool_part {
	ARENA_POOL_SPARE,
	ARENA_POOL_RESERVE,
};

/**
 * struct arena_pool_stats - blocks of one node
 * @in_use: taken and not yet put
 * @quarantined: put while somebody else still held a reference, and kept until
 *	that is gone
 * @ready: zeroed and free
 * @dirty: free, and to be zeroed
 * @cached: released, and kept by the arena that had them
 * @extents: runs of adjacent ready blocks
 * @largest: blocks in the longest of them
 * @min: low watermark: so many are kept ready
 * @max: high watermark: so many are kept at most, in caches too
 * @hits: blocks that were asked for and ready
 * @misses: blocks that were asked for and not ready
 * @zeroed: blocks zeroed while somebody waited for them
 * @refills: blocks taken from the page allocator in advance
 * @shrunk: blocks given back to it because the system needed memory
 * @system_free: pages of the node that the page allocator has free
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
