/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_CACHE_H
#define ARENA_CACHE_H

#include <linux/list.h>
#include <linux/mm_types.h>

struct arena_account;
struct arena_cache;

struct arena_cache *arena_cache_create(void);
void arena_cache_destroy(struct arena_cache *cache);
void arena_cache_drain(struct arena_cache *cache);
bool arena_cache_put(struct arena_cache *cache, struct folio *folio,
		     struct arena_account *account);
bool arena_cache_evict(struct arena_cache *cache);
void arena_cache_make_room(int nid, unsigned long nr);
unsigned long arena_cache_take(struct arena_cache *cache, int nid,
			       unsigned long wanted, struct list_head *blocks);
unsigned long arena_cache_size(struct arena_cache *cache);
unsigned long arena_cache_count(int nid);
unsigned long arena_cache_shrink(int nid, unsigned long nr);
int arena_cache_init(void);
void arena_cache_exit(void);

#endif /* ARENA_CACHE_H */
