// SPDX-License-Identifier: GPL-2.0-only
/* The arena's map, in an arena that is reset after each map. */
#include <stdlib.h>
#include <arena/map.h>

#include "maps.h"

ARENA_STR_MAP(numbers, int64_t);

static struct arena *a;

static void *build(const struct key *keys, size_t n, size_t hint)
{
	struct numbers *m;
	size_t i;

	if (!a && arena_create(&a, NULL))
		abort();
	m = arena_new(a, struct numbers);
	if (!m || numbers_init(m, a, hint, ARENA_MAP_COPY_KEYS))
		abort();
	for (i = 0; i < n; i++)
		if (!numbers_put(m, arena_str_make(keys[i].data, keys[i].length), (int64_t)i))
			abort();
	return m;
}

static uint64_t sum(void *map, const struct key *keys, size_t n)
{
	uint64_t sum = 0;
	int64_t *value;
	size_t i;

	for (i = 0; i < n; i++) {
		value = numbers_get(map, arena_str_make(keys[i].data, keys[i].length));
		sum += value ? *value : 1;
	}
	return sum;
}

static void drop(void *map)
{
	(void)map;
	arena_reset(a);
}

void arena_peer_stats(uint64_t *commits, uint64_t *obtained)
{
	struct arena_stats stats = { .size = sizeof(stats) };

	if (arena_stats_get(a, &stats))
		abort();
	*commits = stats.commits;
	*obtained = stats.obtained;
}

const struct peer arena_peer = { "arena", true, build, sum, drop };
