// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arena caches: blocks that an arena has released but keeps.
 *
 * Only an arena with ARENA_F_KEEP_DIRTY, which gets its released blocks back with their
 * contents, has a cache. Blocks released by other arenas go to the node's pool, whose worker
 * zeroes them off the critical path; out of a cache, they would have to be zeroed by the
 * caller that takes them.
 *
 * Each node has a shelf: a list of the caches that have blocks on the node. The shrinker
 * takes blocks from the first cache. A cache is moved to the end when it gets its first block
 * on the node, or when it is skipped because it is in use.
 *
 * A cached block is isolated and counted among the kept blocks of its node's pool, whose high
 * watermark limits the caches. It stays charged to its arena's account, so that no user can
 * keep more blocks than the limits permit. A block that has been cached for at least a second
 * is freed if the room is needed for a block that is being released.
 *
 * The shelf's lock, a spinlock, protects the shelf and the part of each cache that is on the
 * node. The lock of an account may be taken inside, that of the pool may not. folio->lru
 * links a block into its cache. A cache belongs to an arena, and is destroyed with it.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "account.h"
#include "cache.h"
#include "pool.h"

/* A block stays cached at least this long before it makes room for released blocks. */
#define KEPT_AT_LEAST	HZ

/* The maximum number of caches that are searched for a block older than that. */
#define MAX_PARTS	16

/**
 * struct cache_part - the blocks of a cache on one node
 * @blocks: the blocks, the oldest first
 * @nr_blocks: number of blocks
 * @on_shelf: link in shelf.parts, while there are any blocks
 */
struct cache_part {
	struct list_head blocks;
	unsigned long nr_blocks;
	struct list_head on_shelf;
};

struct arena_cache {
	/* Indexed by node; covers all possible nodes. */
	struct cache_part *parts;
};

/**
 * struct shelf - the caches with blocks on a node
 * @lock: protects the shelf and the cache parts on it
 * @parts: the cache parts; the shrinker takes blocks from the first
 * @nr_blocks: number of blocks in all parts
 */
struct shelf {
	/* protects the shelf and the cache parts on it */
	spinlock_t lock;
	struct list_head parts;
	unsigned long nr_blocks;
};

static struct shelf *shelves;

static void remove_locked(struct shelf *shelf, struct cache_part *part,
			  struct folio *folio)
{
	list_del(&folio->lru);
	shelf->nr_blocks--;
	WRITE_ONCE(part->nr_blocks, part->nr_blocks - 1);
	if (!part->nr_blocks)
		list_del_init(&part->on_shelf);
}

static void uncharge_block(struct folio *folio)
{
	struct arena_account *account = arena_account_detach(folio);

	arena_account_uncharge_node(account, folio_nid(folio), 1);
	arena_account_uncharge(account, 1);
}

/*
 * Remove a block that the arena no longer keeps. It is uncharged before the cache's size is
 * decremented, so that a commit whose charge is refused can tell whether to try again.
 */
static void evict_locked(struct shelf *shelf, struct cache_part *part, struct folio *folio)
{
	uncharge_block(folio);
	remove_locked(shelf, part, folio);
}

/**
 * arena_cache_create - create an empty cache
 *
 * Return: the cache, or NULL if out of memory
 */
struct arena_cache *arena_cache_create(void)
{
	struct arena_cache *cache;
	int nid;

	cache = kzalloc(sizeof(*cache), GFP_KERNEL_ACCOUNT);
	if (!cache)
		return NULL;
	cache->parts = kvcalloc(nr_node_ids, sizeof(*cache->parts),
				GFP_KERNEL_ACCOUNT);
	if (!cache->parts) {
		kfree(cache);
		return NULL;
	}
	for_each_node(nid) {
		INIT_LIST_HEAD(&cache->parts[nid].blocks);
		INIT_LIST_HEAD(&cache->parts[nid].on_shelf);
	}
	return cache;
}

/**
 * arena_cache_put - put a block that the arena released into its cache
 * @cache: the arena's cache
 * @folio: the block, isolated and on no list
 * @account: the account to which the block is and stays charged
 *
 * Context: process context; may sleep.
 * Return: true, or false if the node may not cache another block; @folio is then unchanged.
 */
bool arena_cache_put(struct arena_cache *cache, struct folio *folio,
		     struct arena_account *account)
{
	int nid = folio_nid(folio);
	struct cache_part *part = &cache->parts[nid];
	struct shelf *shelf = &shelves[nid];

	if (!arena_pool_cache(folio)) {
		arena_cache_make_room(nid, 1);
		if (!arena_pool_cache(folio))
			return false;
	}
	arena_account_attach(folio, account);
	folio->index = jiffies;
	spin_lock(&shelf->lock);
	list_add_tail(&folio->lru, &part->blocks);
	WRITE_ONCE(part->nr_blocks, part->nr_blocks + 1);
	if (part->nr_blocks == 1)
		list_add_tail(&part->on_shelf, &shelf->parts);
	shelf->nr_blocks++;
	spin_unlock(&shelf->lock);
	return true;
}

static struct folio *take_one(struct cache_part *part, struct shelf *shelf)
{
	struct folio *folio;

	spin_lock(&shelf->lock);
	folio = list_first_entry_or_null(&part->blocks, struct folio, lru);
	if (folio)
		remove_locked(shelf, part, folio);
	spin_unlock(&shelf->lock);
	return folio;
}

/**
 * arena_cache_take - take blocks with their contents from a cache
 * @cache: the arena's cache
 * @nid: the node of the blocks
 * @wanted: number of blocks
 * @blocks: list to whose end the blocks are added in the order they were put, each with
 *	one reference, and still charged to the arena's account
 *
 * Context: process context; does not sleep.
 * Return: the number of blocks taken. It is less than @wanted if the cache has fewer on the
 * node, or the node's limit permits no more.
 */
unsigned long arena_cache_take(struct arena_cache *cache, int nid,
			       unsigned long wanted, struct list_head *blocks)
{
	unsigned long taken = 0;
	struct folio *folio;

	if (!READ_ONCE(cache->parts[nid].nr_blocks))
		return 0;
	wanted = arena_pool_hold(nid, wanted);
	while (taken < wanted &&
	       (folio = take_one(&cache->parts[nid], &shelves[nid]))) {
		if (arena_pool_has_error(folio)) {
			uncharge_block(folio);
			arena_pool_uncache(folio);
			arena_pool_free_claimed(folio);
			continue;
		}
		arena_pool_reuse(folio);
		/* It contains released data, which a freeze must not expose to other processes. */
		folio_set_checked(folio);
		list_add_tail(&folio->lru, blocks);
		taken++;
	}
	arena_pool_unhold(nid, wanted - taken);
	return taken;
}

/* Remove and uncharge the oldest block of a part; NULL if there is none. */
static struct folio *evict_one(struct cache_part *part, struct shelf *shelf)
{
	struct folio *folio;

	spin_lock(&shelf->lock);
	folio = list_first_entry_or_null(&part->blocks, struct folio, lru);
	if (folio)
		evict_locked(shelf, part, folio);
	spin_unlock(&shelf->lock);
	return folio;
}

/**
 * arena_cache_drain - move all blocks of a cache to the pools
 * @cache: the arena's cache
 *
 * Context: process context; may sleep.
 */
void arena_cache_drain(struct arena_cache *cache)
{
	struct folio *folio;
	int nid;

	for_each_node(nid) {
		while ((folio = evict_one(&cache->parts[nid], &shelves[nid]))) {
			arena_pool_uncache(folio);
			arena_pool_put_claimed(folio);
			cond_resched();
		}
	}
}

/**
 * arena_cache_evict - move one block of a cache to its node's pool
 * @cache: the arena's cache
 *
 * Context: process context; does not sleep.
 * Return: true, or false if the cache is empty.
 */
bool arena_cache_evict(struct arena_cache *cache)
{
	struct folio *folio;
	int nid;

	for_each_node(nid) {
		folio = evict_one(&cache->parts[nid], &shelves[nid]);
		if (!folio)
			continue;
		arena_pool_uncache(folio);
		arena_pool_put_claimed(folio);
		return true;
	}
	return false;
}

/**
 * arena_cache_destroy - move the blocks of a cache to the pools, and free the cache
 * @cache: the arena's cache, no longer in use, or NULL
 *
 * Context: process context; may sleep.
 */
void arena_cache_destroy(struct arena_cache *cache)
{
	if (!cache)
		return;
	arena_cache_drain(cache);
	kvfree(cache->parts);
	kfree(cache);
}

/**
 * arena_cache_size - return the number of blocks in a cache
 * @cache: the arena's cache
 *
 * The counts of the nodes are read one after the other, not at the same moment.
 */
unsigned long arena_cache_size(struct arena_cache *cache)
{
	unsigned long sum = 0;
	int nid;

	for_each_node(nid)
		sum += READ_ONCE(cache->parts[nid].nr_blocks);
	return sum;
}

/**
 * arena_cache_count - return the number of blocks that the caches have on a node
 * @nid: the node
 */
unsigned long arena_cache_count(int nid)
{
	return READ_ONCE(shelves[nid].nr_blocks);
}

/* Remove and uncharge the oldest block of the first cache on a shelf; NULL if there is none. */
static struct folio *isolate_block(struct shelf *shelf)
{
	struct folio *folio = NULL;
	struct cache_part *part;

	spin_lock(&shelf->lock);
	part = list_first_entry_or_null(&shelf->parts, struct cache_part, on_shelf);
	if (part) {
		folio = list_first_entry(&part->blocks, struct folio, lru);
		evict_locked(shelf, part, folio);
	}
	spin_unlock(&shelf->lock);
	return folio;
}

/**
 * arena_cache_shrink - free cached blocks of a node to the page allocator
 * @nid: the node
 * @nr: maximum number of blocks
 *
 * Context: process context, including reclaim; takes only spinlocks, each for a short time.
 * Return: the number of blocks freed.
 */
unsigned long arena_cache_shrink(int nid, unsigned long nr)
{
	unsigned long done = 0;
	struct folio *folio;

	while (done < nr && (folio = isolate_block(&shelves[nid]))) {
		arena_pool_uncache(folio);
		arena_pool_free_claimed(folio);
		done++;
		cond_resched();
	}
	return done;
}

/*
 * Remove and uncharge a block that was put before @before, from one of the first caches of a
 * shelf; NULL if there is none. A cache whose oldest block is younger is in use, and is moved
 * to the end of the shelf.
 */
static struct folio *isolate_older(struct shelf *shelf, unsigned long before)
{
	struct cache_part *part;
	struct folio *folio;
	int i;

	spin_lock(&shelf->lock);
	for (i = 0; i < MAX_PARTS; i++) {
		part = list_first_entry_or_null(&shelf->parts, struct cache_part, on_shelf);
		if (!part)
			break;
		folio = list_first_entry(&part->blocks, struct folio, lru);
		if (time_before(folio->index, before)) {
			evict_locked(shelf, part, folio);
			spin_unlock(&shelf->lock);
			return folio;
		}
		list_move_tail(&part->on_shelf, &shelf->parts);
	}
	spin_unlock(&shelf->lock);
	return NULL;
}

/**
 * arena_cache_make_room - free cached blocks in favour of blocks that are being released
 * @nid: the node
 * @nr: number of blocks being released
 *
 * For each of these blocks that exceeds the room of the node's pool, this frees one block
 * that has been cached for a second or more, as far as there are any. The blocks of the pool
 * serve all arenas, whereas a cached block serves a single one, which has not used it.
 *
 * Context: process context; may sleep.
 */
void arena_cache_make_room(int nid, unsigned long nr)
{
	unsigned long before = jiffies - KEPT_AT_LEAST, room;
	struct folio *folio;

	if (!arena_cache_count(nid))
		return;
	room = arena_pool_room(nid);
	while (room < nr && (folio = isolate_older(&shelves[nid], before))) {
		arena_pool_uncache(folio);
		arena_pool_free_claimed(folio);
		room++;
		cond_resched();
	}
}

/**
 * arena_cache_init - create the shelves
 *
 * Return: 0 or -ENOMEM
 */
int arena_cache_init(void)
{
	int nid;

	shelves = kvcalloc(nr_node_ids, sizeof(*shelves), GFP_KERNEL);
	if (!shelves)
		return -ENOMEM;
	for_each_node(nid) {
		spin_lock_init(&shelves[nid].lock);
		INIT_LIST_HEAD(&shelves[nid].parts);
	}
	return 0;
}

/**
 * arena_cache_exit - free the shelves, after all caches have been destroyed
 */
void arena_cache_exit(void)
{
	kvfree(shelves);
	shelves = NULL;
}
