// SPDX-License-Identifier: GPL-2.0-only
/* uthash, with the key stored after the entry, and each key hashed only once. */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "maps.h"

struct entry {
	int64_t value;
	UT_hash_handle hh;
	char key[];
};

static void *build(const struct key *keys, size_t n, size_t hint)
{
	struct entry *m = NULL, *entry;
	unsigned int hash;
	size_t i;

	(void)hint;
	for (i = 0; i < n; i++) {
		HASH_VALUE(keys[i].data, keys[i].length, hash);
		HASH_FIND_BYHASHVALUE(hh, m, keys[i].data, keys[i].length, hash, entry);
		if (!entry) {
			entry = malloc(sizeof(*entry) + keys[i].length);
			if (!entry)
				abort();
			memcpy(entry->key, keys[i].data, keys[i].length);
			HASH_ADD_KEYPTR_BYHASHVALUE(hh, m, entry->key, keys[i].length, hash, entry);
		}
		entry->value = (int64_t)i;
	}
	return m;
}

static uint64_t sum(void *map, const struct key *keys, size_t n)
{
	struct entry *m = map, *entry;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		HASH_FIND(hh, m, keys[i].data, keys[i].length, entry);
		sum += entry ? entry->value : 1;
	}
	return sum;
}

/* Free the table, then the entries by the list that links them. */
static void drop(void *map)
{
	struct entry *m = map, *entry = map, *next;

	HASH_CLEAR(hh, m);
	for (; entry; entry = next) {
		next = entry->hh.next;
		free(entry);
	}
}

const struct peer uthash_peer = { "uthash", false, build, sum, drop };
