// SPDX-License-Identifier: GPL-2.0-only
/* GLib's GHashTable, which frees its keys. Its values are pointers, which hold the numbers. */
#include <glib.h>

#include "maps.h"

static void *build(const struct key *keys, size_t n, size_t hint)
{
	GHashTable *m = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	size_t i;

	(void)hint;
	for (i = 0; i < n; i++)
		g_hash_table_insert(m, g_memdup2(keys[i].data, keys[i].length + 1),
				    GSIZE_TO_POINTER(i));
	return m;
}

static uint64_t sum(void *map, const struct key *keys, size_t n)
{
	uint64_t sum = 0;
	gpointer value;
	size_t i;

	for (i = 0; i < n; i++)
		sum += g_hash_table_lookup_extended(map, keys[i].data, NULL, &value) ?
			GPOINTER_TO_SIZE(value) : 1;
	return sum;
}

static void drop(void *map)
{
	g_hash_table_destroy(map);
}

const struct peer glib_peer = { "GHashTable", false, build, sum, drop };
