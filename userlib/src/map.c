// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Hash maps: the functions that are not inline.
 *
 * A table is one allocation: the slots, their control bytes, and a copy of the first
 * group of control bytes. At most seven of eight slots are filled or deleted, so there is
 * always an empty slot that ends a search.
 *
 * To grow, a map allocates a new table and fills it. If the old table was the arena's
 * last allocation, the new one is then moved up over it. A table with many deleted slots
 * is rebuilt in place, by way of a temporary one.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <arena/map.h>

#include "alloc.h"
#include "checks.h"
#include "fork.h"
#include "free.h"
#include "private.h"
#include "sanitize.h"

/* --- hashing ------------------------------------------------------------------- */

/*
 * Hash in three lanes, so that multiplications need not wait for each other; then hash
 * the rest. The two factors of a product must be mixed with different seeds. With the
 * same seed, an attacker could swap the factors and so, without knowing the seed, make
 * keys that collide in every map.
 */
uint64_t arena_hash_long(const char *data, size_t n, const uint64_t *seed)
{
	uint64_t state = seed[1] ^ n, lanes[2];
	size_t left = n;

	if (left > 48) {
		lanes[0] = seed[0];
		lanes[1] = state;
		do {
			state = arena_hash_mix(arena_load_64(data) ^ seed[0],
					       arena_load_64(data + 8) ^ state);
			lanes[0] = arena_hash_mix(arena_load_64(data + 16) ^ seed[1],
						  arena_load_64(data + 24) ^ lanes[0]);
			lanes[1] = arena_hash_mix(arena_load_64(data + 32) ^ ~seed[0],
						  arena_load_64(data + 40) ^ lanes[1]);
			data += 48;
			left -= 48;
		} while (left > 48);
		state ^= arena_hash_mix(lanes[0] ^ seed[0], lanes[1] ^ seed[1]);
	}
	for (; left > 16; left -= 16, data += 16)
		state = arena_hash_mix(arena_load_64(data) ^ seed[0],
				       arena_load_64(data + 8) ^ state);
	/*
	 * Hash the last 16 bytes. They exist, since n is more than 16, but may have been
	 * hashed in part already.
	 */
	return arena_hash_mix(seed[1] ^ n,
			      arena_hash_mix(arena_load_64(data + left - 16) ^ seed[0],
					     arena_load_64(data + left - 8) ^ state));
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t secret[2];

static void find_secret(void)
{
	const void *random;

	if (getrandom(secret, sizeof(secret), GRND_NONBLOCK) == sizeof(secret))
		return;
	/* Early in boot: use the random bytes that the kernel passed to the process. */
	random = (const void *)getauxval(AT_RANDOM);
	if (random)
		memcpy(secret, random, sizeof(secret));
}

/*
 * Each map has its own seed, so that the order of entries in one map tells nothing about
 * another. The state that seeds are made from is per thread, and is drawn anew in a child
 * of fork().
 */
static void make_seed(uint64_t *seed)
{
	static __thread unsigned int forks;
	static __thread uint64_t next;
	int saved_errno = errno;
	uint64_t fresh = 0;

	if (!next || forks != arena_forks()) {
		pthread_once(&once, find_secret);
		/* Early in boot: a thread-local variable's address differs by thread. */
		if (getrandom(&fresh, sizeof(fresh), GRND_NONBLOCK) != sizeof(fresh))
			fresh = (uintptr_t)&next;
		errno = saved_errno;
		next = arena_hash_mix(secret[0] ^ fresh, secret[1]) | 1;
		forks = arena_forks();
	}
	/*
	 * Add twice 2^64 divided by the golden ratio: next takes every odd value, never
	 * 0.
	 */
	next += 2 * UINT64_C(0x9e3779b97f4a7c15);
	seed[0] = arena_hash_mix(next ^ secret[0], UINT64_C(0x9e3779b97f4a7c15));
	seed[1] = arena_hash_mix(next ^ secret[1], UINT64_C(0xd6e8feb86659fd93)) | 1;
}

/* --- tables ---------------------------------------------------------------------- */

#define LEAST_SLOTS	((size_t)16)
#define FEW_SLOTS	((size_t)1024)

/* Control bytes of a map that has no memory yet: no entries are found, and none fit. */
static const uint8_t no_slots[2 * ARENA_GROUP] = {
	[0 ... 2 * ARENA_GROUP - 1] = ARENA_SLOT_EMPTY,
};

/**
 * struct table - slots of a map and their control bytes
 * @entries: the slots
 * @control: the control bytes
 * @nr: number of slots; 0 if there is no memory
 * @bytes: size of the allocation
 */
struct table {
	char *entries;
	uint8_t *control;
	size_t nr;
	size_t bytes;
};

static size_t most_of(size_t nr)
{
	return nr - nr / 8;
}

/* Return the least number of slots for @n entries; 0 if it can't be represented. */
static size_t slots_for(size_t n)
{
	size_t nr = LEAST_SLOTS;

	while (most_of(nr) < n)
		if (__builtin_mul_overflow(nr, (size_t)2, &nr))
			return 0;
	return nr;
}

static bool size_table(struct table *table, size_t nr, struct arena_map_layout layout)
{
	table->nr = nr;
	return nr && !__builtin_mul_overflow(nr, layout.size, &table->bytes) &&
	       !__builtin_add_overflow(table->bytes, nr + ARENA_GROUP, &table->bytes);
}

static struct table table_of(const struct arena_map *m, struct arena_map_layout layout)
{
	struct table table = { .entries = m->entries, .control = m->control };

	if (m->entries)
		size_table(&table, m->mask + 1, layout);
	return table;
}

static void place_table(struct table *table, char *memory, struct arena_map_layout layout)
{
	table->entries = memory;
	table->control = (uint8_t *)memory + table->nr * layout.size;
}

static void use_table(struct arena_map *m, struct table table)
{
	m->entries = table.entries;
	m->control = table.control;
	m->mask = table.nr - 1;
	m->left = most_of(table.nr) - m->length;
}

/* Copy all entries to another table; inlined once for each common size of an entry. */
__attribute__((always_inline))
static inline void fill_by(const struct arena_map *m, struct table table,
			   enum arena_map_key_type type, size_t size)
{
	const char *entry = m->entries;
	union arena_map_key key;
	size_t i, slot, seen = 0;
	uint64_t hash;

	for (i = 0; seen < m->length; i++, entry += size) {
		if (m->control[i] & ARENA_SLOT_EMPTY)
			continue;
		seen++;
		if (type == ARENA_MAP_U64)
			memcpy(&key.u64, entry, sizeof(key.u64));
		else
			memcpy(&key.str, entry, sizeof(key.str));
		hash = arena_map_hash(m, key, type);
		slot = arena_map_free_slot(table.control, table.nr - 1, hash);
		arena_map_mark(table.control, table.nr - 1, slot, hash >> 57);
		memcpy(table.entries + slot * size, entry, size);
	}
}

static void fill(const struct arena_map *m, struct table table, struct arena_map_layout layout)
{
	memset(table.control, ARENA_SLOT_EMPTY, table.nr + ARENA_GROUP);
	if (layout.key == ARENA_MAP_U64) {
		if (layout.size == 16)
			fill_by(m, table, ARENA_MAP_U64, 16);
		else
			fill_by(m, table, ARENA_MAP_U64, layout.size);
	} else {
		if (layout.size == 24)
			fill_by(m, table, ARENA_MAP_STR, 24);
		else if (layout.size == 32)
			fill_by(m, table, ARENA_MAP_STR, 32);
		else
			fill_by(m, table, ARENA_MAP_STR, layout.size);
	}
}

static size_t align_of(struct arena_map_layout layout)
{
	return layout.align < ARENA_ALIGN ? ARENA_ALIGN : layout.align;
}

static char *end_of(struct table table)
{
	return align_down(table.entries + table.bytes + ARENA_ALIGN - 1, ARENA_ALIGN);
}

/* Move a new table, the last allocation, up to @end, over the memory of the old one. */
static void move_up(struct arena_private *a, struct table *table, char *end,
		    struct arena_map_layout layout)
{
	char *to = align_down(end - table->bytes, align_of(layout));

	memmove(to, table->entries, table->bytes);
	arena_raise_top(a, to, a->packed, "arena_map");
	place_table(table, to, layout);
	/* Handles of the old place are stale: the contents have moved. */
	if (a->epochs.is_kept)
		arena_note_epoch(a, a->range.end - end);
}

static int resize(struct arena_map *m, size_t nr, struct arena_map_layout layout)
{
	struct table old = table_of(m, layout), table;
	struct arena_private *a = private(m->arena);
	struct arena_mark mark;
	bool is_last;
	char *memory;

	/* A product that overflows does not fit, as in arena_new_array(). */
	if (!size_table(&table, nr, layout))
		table.bytes = SIZE_MAX;
	/* An out-of-memory handler may free allocations that came after the map. */
	do {
		mark = arena_save(m->arena);
		is_last = old.nr && old.entries == top_of(a) && !a->checks;
		memory = arena_try_alloc_aligned(m->arena, table.bytes, align_of(layout));
	} while (!memory && arena_has_made_room(a, table.bytes));
	if (!memory)
		return arena_error(m->arena);
	place_table(&table, memory, layout);
	fill(m, table, layout);
	if (table.nr == old.nr) {
		memcpy(old.entries, table.entries, table.bytes);
		arena_rewind(m->arena, mark);
		table = old;
	} else if (is_last) {
		move_up(a, &table, end_of(old), layout);
	} else if (a->checks && old.nr) {
		arena_poison(old.entries, old.bytes);
	}
	use_table(m, table);
	return 0;
}

int arena_map_init(struct arena_map *m, struct arena *a, size_t expect, uint32_t flags,
		   struct arena_map_layout layout)
{
	*m = (struct arena_map) {
		.arena = a,
		.control = (uint8_t *)no_slots,
		.flags = flags,
	};
	if (flags & ~ARENA_MAP_COPY_KEYS)
		return -EINVAL;
	make_seed(m->seed);
	return arena_map_reserve(m, expect, layout);
}

int arena_map_reserve(struct arena_map *m, size_t n, struct arena_map_layout layout)
{
	size_t nr = slots_for(n);

	if (n <= m->length + m->left)
		return 0;
	/* If many slots are deleted, a table of the same size may have enough room. */
	return resize(m, nr && m->entries && nr <= m->mask ? m->mask + 1 : nr, layout);
}

/* Grow a table; but if over a quarter of its used slots are deleted, rebuild it. */
int arena_map_grow(struct arena_map *m, struct arena_map_layout layout)
{
	size_t nr = m->entries ? m->mask + 1 : 0;

	if (m->length < most_of(nr) / 4 * 3)
		return resize(m, nr, layout);
	/* The old table's memory is often lost: grow small tables in larger steps. */
	if (nr < FEW_SLOTS)
		return resize(m, nr ? 4 * nr : LEAST_SLOTS, layout);
	return resize(m, 2 * nr, layout);
}

void arena_map_clear(struct arena_map *m)
{
	if (!m->entries)
		return;
	memset(m->control, ARENA_SLOT_EMPTY, m->mask + 1 + ARENA_GROUP);
	m->length = 0;
	m->left = most_of(m->mask + 1);
}

/*
 * Searches for other keys that passed this slot must not end at it now. So it can only
 * become empty again if no group that contains it has ever been full.
 */
void arena_map_erase(struct arena_map *m, size_t slot)
{
	uint64_t before = arena_group_empty(m->control + ((slot - ARENA_GROUP) & m->mask));
	uint64_t after = arena_group_empty(m->control + slot);
	bool never_full = false;

	if (before && after) {
		size_t since = (__builtin_clzll(before) - (64 - ARENA_GROUP * ARENA_GROUP_BITS)) /
			       ARENA_GROUP_BITS;

		never_full = since + arena_group_first(after) < ARENA_GROUP;
	}
	arena_map_mark(m->control, m->mask, slot,
		       never_full ? ARENA_SLOT_EMPTY : ARENA_SLOT_DELETED);
	m->left += never_full;
	m->length--;
}

/* Return the first slot from @slot on that has an entry, or one past the last slot. */
size_t arena_map_next(const struct arena_map *m, size_t slot)
{
	while (slot <= m->mask && m->control[slot] & ARENA_SLOT_EMPTY)
		slot++;
	return slot;
}

/* --- interned strings --------------------------------------------------------------- */

static const struct arena_map_layout of_strings = {
	.size = sizeof(struct arena_str),
	.align = __alignof__(struct arena_str),
	.key = ARENA_MAP_STR,
};

int arena_strings_init(struct arena_strings *strings, struct arena *a, size_t expect,
		       uint32_t flags)
{
	return arena_map_init(&strings->map, a, expect, flags, of_strings);
}

struct arena_str arena_strings_intern(struct arena_strings *strings, struct arena_str s)
{
	union arena_map_key key = { .str = s };
	uint64_t hash = arena_map_hash(&strings->map, key, ARENA_MAP_STR);
	const struct arena_str *entry = arena_map_find(&strings->map, key, hash, of_strings);

	if (!entry)
		entry = arena_map_add(&strings->map, key, hash, of_strings);
	return entry ? *entry : arena_str_make(NULL, 0);
}
