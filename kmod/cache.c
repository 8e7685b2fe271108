// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arena caches: blocks that an arena released and that are still its own.
 *
 * Only an arena that wants its blocks back as they were (ARENA_F_KEEP_DIRTY) has
 * a cache. Those of the others go to the node's pool, whose worker zeroes them
 * off the critical path; in a cache they would be zeroed by who takes them.
 *
 * Each node has a shelf of the caches that have blocks on it. The shrinker takes from the one
 * in front. A cache that gets its first block there, or is passed by because it is in use, goes
 * to the end. A cached block is claimed, and counted as kept by its node's pool, whose high
 * watermark limits caches. It stays charged to its arena's account: no user can keep more
 * blocks than the limits allow. It is freed when a released block needs the room and it has
 * been kept for a second.
 *
 * The shelf's lock, a spinlock, protects the shelf and the part of each cache that
 * is on its node. The pool's lock is never taken inside; that of
 * an account is. folio->lru links a block
 * into its cache. A cache is its arena's, and outlives no arena.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "account.h"
#include "cache.h"
#include "pool.h"

/* A cached block that was put since needs not make room for others. */
#define KEPT_AT_LEAST	HZ

/* So many caches are looked at for an older one. */
#define MAX_PARTS	16

/**
 * struct cache_part - the blocks of a cache on one node
 * @blocks: the blocks
 * @nr_blocks: how many
 * @on_shelf: in shelf.parts while there are any
 */
struct cache_part {
	struct list_head blocks;
	unsigned long nr_blocks;
	struct list_head on_shelf;
};

struct arena_cache {
	/* One for each node that can ever be. */
	struct cache_part *parts;
};

/**
 * struct shelf - the caches with blocks on a node
 * @lock: protects all of it, and the parts on it
 * @parts: the caches' parts; the shrinker takes from the first
 * @nr_blocks: blocks in all of them
 */
struct shelf {
	/* protects all of it, and the parts on it */
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
 * Remove a block that is not its arena's any more. It is uncharged before it is no longer
 * counted, so that a commit that is refused can tell whether to try again.
 */
static void evict_locked(struct shelf *shelf, struct cache_part *part, struct folio *folio)
{
	uncharge_block(folio);
	remove_locked(shelf, part, folio);
}

/**
 * arena_cache_create - make an empty cache
 *
 * Return: the cache, or NULL if there is no memory
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
 * arena_cache_put - keep a block that the arena released
 * @cache: the arena's
 * @folio: the block, claimed and linked nowhere
 * @account: to which it is charged, and stays so
 *
 * Context: process context; may sleep.
 * Return: false, with nothing done, if the node keeps as many as it may
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
 * arena_cache_take - take blocks back, contents and all
 * @cache: the arena's
 * @nid: node they have to be on
 * @wanted: how many
 * @blocks: they are added to its end in the order they were put, each with one
 *	reference, and charged to the arena's account
 *
 * Context: process context; does not sleep.
 * Return: how many there were.
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
		/* It has released data in it, which a freeze must not show to others. */
		folio_set_checked(folio);
		list_add_tail(&folio->lru, blocks);
		taken++;
	}
	arena_pool_unhold(nid, wanted - taken);
	return taken;
}

/* Remove the oldest block of a part for good, or NULL. */
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
 * arena_cache_drain - give all blocks of a cache to the pools
 * @cache: the arena's
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
 * arena_cache_evict - give a block of a cache to its node's pool
 * @cache: the arena's
 *
 * Context: process context; does not sleep.
 * Return: false if there is none
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
 * arena_cache_destroy - end a cache, which nobody uses any more
 * @cache: the arena's, or NULL
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
 * arena_cache_size - how many blocks there are in a cache
 * @cache: the arena's; its parts are not read at one moment
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
 * arena_cache_count - how many blocks the caches have on a node
 * @nid: the node
 */
unsigned long arena_cache_count(int nid)
{
	return READ_ONCE(shelves[nid].nr_blocks);
}

/* From the cache that was filled first. */
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
 * arena_cache_shrink - give cached blocks of a node back to the page allocator
 * @nid: the node
 * @nr: how many, at most
 *
 * Context: reclaim, too; takes spinlocks only, none of which it holds for long.
 * Return: how many there were.
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
 * A block that was put before, of the first caches of a shelf. One whose oldest block is younger
 * goes to the end: it is in use.
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
 * arena_cache_make_room - free cached blocks for blocks that are being released
 * @nid: the node
 * @nr: how many are released
 *
 * Those in excess of the room that the node's pool has make cached blocks go that have been
 * kept for a second or more. Blocks of a pool serve all arenas; a cached block serves one,
 * which has not used it.
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
 * arena_cache_init - make the shelves
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
 * arena_cache_exit - remove them; there is no cache any more
 */
void arena_cache_exit(void)
{
	kvfree(shelves);
	shelves = NULL;
}
