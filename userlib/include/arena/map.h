/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Hash maps in arenas: from strings, and from 64-bit numbers, to any type.
 *
 * ARENA_STR_MAP(counters, int) declares struct counters, struct counters_entry and the
 * functions counters_init(), counters_get() and so on, all of them inline; see there.
 *
 * A map is a table with open addressing: entries beside each other, and a byte for each that
 * says whether it is there and has seven bits of its hash, so that sixteen are looked at
 * at a time. (After M. Kulukundis, "Designing a Fast, Efficient, Cache-friendly Hash Table,
 * Step by Step", CppCon 2017.) All of it is one allocation of the arena. When it grows and is
 * the last one, what it had is free again. There is nothing to free, and a map may be
 * forgotten at any time.
 *
 * Each map has a key of its own for its hash function, of 128 random bits, so that nobody can
 * choose keys that collide.
 *
 * An entry stays where it is until one is added, or room for some is made. What is said of an
 * arena's threads goes for its maps, but any number of threads may look into one that none
 * changes.
 */
#ifndef ARENA_MAP_H
#define ARENA_MAP_H

#include <arena/predict.h>
#include <arena/str.h>

#if !defined(ARENA_PORTABLE_GROUPS) && defined(__x86_64__)
#include <emmintrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- hashing ------------------------------------------------------------------------ */

/*
 * Both halves of a product, folded: what W. Yi's wyhash is made of. Its constants would be
 * known, and a factor that is 0 hides the other; here they are the map's random key.
 */
ARENA_INLINE uint64_t arena_hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The same for what is longer than 16 bytes. */
uint64_t arena_hash_long(const char *data, size_t n, const uint64_t *seed);

ARENA_INLINE uint64_t arena_hash_bytes(const char *data, size_t n, const uint64_t *seed)
{
	uint64_t a, b;

	if (ARENA_UNLIKELY(n > 16))
		return arena_hash_long(data, n, seed);
	if (n >= 8) {
		a = arena_load_64(data);
		b = arena_load_64(data + n - 8);
	} else if (n >= 4) {
		a = arena_load_32(data);
		b = arena_load_32(data + n - 4);
	} else if (n) {
		a = (uint64_t)(unsigned char)data[0] << 16 |
		    (uint64_t)(unsigned char)data[n / 2] << 8 | (unsigned char)data[n - 1];
		b = 0;
	} else {
		a = b = 0;
	}
	return arena_hash_mix(seed[1] ^ n, arena_hash_mix(a ^ seed[0], b ^ seed[1]));
}

/* Twice, since once keeps the distances of keys that have the same ones. */
ARENA_INLINE uint64_t arena_hash_u64(uint64_t key, const uint64_t *seed)
{
	return arena_hash_mix(seed[1], arena_hash_mix(key ^ seed[0], key ^ seed[1]));
}

/* --- groups of control bytes ----------------------------------------------------------- */

/* What is there has a byte without the highest bit. */
#define ARENA_SLOT_EMPTY	0x80
#define ARENA_SLOT_DELETED	0xfe

/*
 * A group is so many slots that are looked at together. In what is found of it each slot
 * has ARENA_GROUP_BITS bits, the first one the lowest.
 */
#if !defined(ARENA_PORTABLE_GROUPS) && defined(__x86_64__)
#define ARENA_GROUP		16
#define ARENA_GROUP_BITS	1

ARENA_INLINE uint64_t arena_group_of(const uint8_t *control, uint8_t byte)
{
	__m128i group = _mm_loadu_si128((const __m128i *)control);

	return (unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(group, _mm_set1_epi8((char)byte)));
}

ARENA_INLINE uint64_t arena_group_empty(const uint8_t *control)
{
	return arena_group_of(control, ARENA_SLOT_EMPTY);
}

ARENA_INLINE uint64_t arena_group_free(const uint8_t *control)
{
	return (unsigned int)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)control));
}
#else
#define ARENA_GROUP		8
#define ARENA_GROUP_BITS	8
#define ARENA_GROUP_LOW		0x0101010101010101u
#define ARENA_GROUP_HIGH	0x8080808080808080u

ARENA_INLINE uint64_t arena_group_load(const uint8_t *control)
{
	uint64_t group = arena_load_64((const char *)control);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	group = __builtin_bswap64(group);
#endif
	return group;
}

/* May find one too many, behind one that is right: keys are compared all the same. */
ARENA_INLINE uint64_t arena_group_of(const uint8_t *control, uint8_t byte)
{
	uint64_t differs = arena_group_load(control) ^ ARENA_GROUP_LOW * byte;

	return (differs - ARENA_GROUP_LOW) & ~differs & ARENA_GROUP_HIGH;
}

/* The one of the two whose bit 1 is not set. */
ARENA_INLINE uint64_t arena_group_empty(const uint8_t *control)
{
	uint64_t group = arena_group_load(control);

	return group & ~group << 6 & ARENA_GROUP_HIGH;
}

ARENA_INLINE uint64_t arena_group_free(const uint8_t *control)
{
	return arena_group_load(control) & ARENA_GROUP_HIGH;
}
#endif

ARENA_INLINE size_t arena_group_first(uint64_t found)
{
	return (size_t)__builtin_ctzll(found) / ARENA_GROUP_BITS;
}

/* --- maps of any type ------------------------------------------------------------------- */

/* Each new key is copied into the arena. */
#define ARENA_MAP_COPY_KEYS	(1u << 0)

/**
 * struct arena_map - what all maps are made of
 * @arena: where it is
 * @control: a byte for each slot, and a group of those at the beginning once more
 * @entries: the slots
 * @mask: how many slots, less one
 * @length: how many entries
 * @left: how many empty slots can be filled before it has to grow
 * @seed: the key of its hash function
 * @flags: ARENA_MAP_*
 *
 * All but @length is private.
 */
struct arena_map {
	struct arena *arena;
	uint8_t *control;
	char *entries;
	size_t mask;
	size_t length;
	size_t left;
	uint64_t seed[2];
	uint32_t flags;
};

/* What an entry begins with. */
enum arena_map_key_type {
	ARENA_MAP_STR,
	ARENA_MAP_U64,
};

union arena_map_key {
	struct arena_str str;
	uint64_t u64;
};

/**
 * struct arena_map_layout - what an entry is like
 * @size: bytes
 * @align: its alignment, a power of two
 * @key: what it begins with
 */
struct arena_map_layout {
	size_t size;
	size_t align;
	enum arena_map_key_type key;
};

int arena_map_init(struct arena_map *m, struct arena *a, size_t expect, uint32_t flags,
		   struct arena_map_layout layout);
int arena_map_reserve(struct arena_map *m, size_t n, struct arena_map_layout layout);
__attribute__((cold, noinline))
int arena_map_grow(struct arena_map *m, struct arena_map_layout layout);
void arena_map_clear(struct arena_map *m);
void arena_map_erase(struct arena_map *m, size_t slot);
size_t arena_map_next(const struct arena_map *m, size_t slot);

/* What is known when it is compiled is to be used there. */
#define ARENA_ALWAYS_INLINE	__attribute__((always_inline)) ARENA_INLINE

ARENA_ALWAYS_INLINE uint64_t arena_map_hash(const struct arena_map *m, union arena_map_key key,
					    enum arena_map_key_type type)
{
	return type == ARENA_MAP_U64 ? arena_hash_u64(key.u64, m->seed) :
		arena_hash_bytes(key.str.data, key.str.length, m->seed);
}

ARENA_ALWAYS_INLINE bool arena_map_is_key(const void *entry, union arena_map_key key,
					  enum arena_map_key_type type)
{
	const struct arena_str *str = (const struct arena_str *)entry;

	if (type == ARENA_MAP_U64)
		return *(const uint64_t *)entry == key.u64;
	/* The key's length, since that of a literal is known, and gcc warns without. */
	return str->length == key.str.length &&
	       arena_bytes_equal(str->data, key.str.data, key.str.length);
}

/* Groups are looked at in steps that grow, which come by each of them. */
ARENA_ALWAYS_INLINE void *arena_map_find(const struct arena_map *m, union arena_map_key key,
					 uint64_t hash, struct arena_map_layout layout)
{
	size_t at = hash & m->mask, step = 0;
	uint64_t found;
	char *entry;

	for (;;) {
		found = arena_group_of(m->control + at, (uint8_t)(hash >> 57));
		for (; found; found &= found - 1) {
			entry = m->entries +
				((at + arena_group_first(found)) & m->mask) * layout.size;
			if (__builtin_expect(arena_map_is_key(entry, key, layout.key), 1))
				return entry;
		}
		if (__builtin_expect(arena_group_empty(m->control + at) != 0, 1))
			return NULL;
		step += ARENA_GROUP;
		at = (at + step) & m->mask;
	}
}

ARENA_INLINE size_t arena_map_free_slot(const uint8_t *control, size_t mask, uint64_t hash)
{
	size_t at = hash & mask, step = 0;
	uint64_t found;

	while (!(found = arena_group_free(control + at))) {
		step += ARENA_GROUP;
		at = (at + step) & mask;
	}
	return (at + arena_group_first(found)) & mask;
}

/* The first ones are behind the last ones, too; a group may begin anywhere. */
ARENA_INLINE void arena_map_mark(uint8_t *control, size_t mask, size_t slot, uint8_t byte)
{
	control[slot] = byte;
	control[((slot - ARENA_GROUP) & mask) + ARENA_GROUP] = byte;
}

/* A slot for a key that is not there; NULL if there is no memory. */
ARENA_ALWAYS_INLINE void *arena_map_add(struct arena_map *m, union arena_map_key key,
					uint64_t hash, struct arena_map_layout layout)
{
	size_t slot;
	char *entry, *copy;

	if (ARENA_UNLIKELY(!m->left) && arena_map_grow(m, layout))
		return NULL;
	if (layout.key == ARENA_MAP_STR && m->flags & ARENA_MAP_COPY_KEYS) {
		/* Of no bytes as well: an address that no other has. */
		copy = (char *)arena_alloc(m->arena, key.str.length + !key.str.length);
		if (ARENA_UNLIKELY(!copy))
			return NULL;
		arena_bytes_copy(copy, key.str.data, key.str.length);
		key.str.data = copy;
	}
	slot = arena_map_free_slot(m->control, m->mask, hash);
	m->left -= m->control[slot] == ARENA_SLOT_EMPTY;
	arena_map_mark(m->control, m->mask, slot, (uint8_t)(hash >> 57));
	m->length++;
	entry = m->entries + slot * layout.size;
	if (layout.key == ARENA_MAP_U64)
		*(uint64_t *)entry = key.u64;
	else
		*(struct arena_str *)entry = key.str;
	return entry;
}

ARENA_ALWAYS_INLINE bool arena_map_delete(struct arena_map *m, union arena_map_key key,
					  struct arena_map_layout layout)
{
	char *entry = (char *)arena_map_find(m, key, arena_map_hash(m, key, layout.key), layout);

	if (!entry)
		return false;
	arena_map_erase(m, (size_t)(entry - m->entries) / layout.size);
	return true;
}

/* Of both kinds; key_type is how the key is passed, member what it is in the union. */
#define ARENA_MAP_(name, key_type, member, kind, type)					\
											\
struct name##_entry {									\
	key_type key;									\
	type value;									\
};											\
											\
struct name {										\
	struct arena_map map;								\
};											\
											\
ARENA_ALWAYS_INLINE struct arena_map_layout name##_layout(void)				\
{											\
	struct arena_map_layout layout;							\
											\
	layout.size = sizeof(struct name##_entry);					\
	layout.align = __alignof__(struct name##_entry);				\
	layout.key = kind;								\
	return layout;									\
}											\
											\
ARENA_INLINE int name##_init(struct name *m, struct arena *a, size_t expect,		\
			     uint32_t flags)						\
{											\
	return arena_map_init(&m->map, a, expect, flags, name##_layout());		\
}											\
											\
ARENA_INLINE int name##_reserve(struct name *m, size_t n)				\
{											\
	return arena_map_reserve(&m->map, n, name##_layout());				\
}											\
											\
ARENA_INLINE size_t name##_length(const struct name *m)					\
{											\
	return m->map.length;								\
}											\
											\
ARENA_INLINE type *name##_get(const struct name *m, key_type key)			\
{											\
	struct name##_entry *entry;							\
	union arena_map_key any;							\
											\
	any.member = key;								\
	entry = (struct name##_entry *)arena_map_find(&m->map, any,			\
		arena_map_hash(&m->map, any, kind), name##_layout());			\
	return entry ? &entry->value : NULL;						\
}											\
											\
ARENA_INLINE type *name##_get_or_put(struct name *m, key_type key, bool *is_new)	\
{											\
	struct name##_entry *entry;							\
	union arena_map_key any;							\
	uint64_t hash;									\
											\
	any.member = key;								\
	hash = arena_map_hash(&m->map, any, kind);					\
	entry = (struct name##_entry *)arena_map_find(&m->map, any, hash, name##_layout()); \
	if (is_new)									\
		*is_new = !entry;							\
	if (entry)									\
		return &entry->value;							\
	entry = (struct name##_entry *)arena_map_add(&m->map, any, hash, name##_layout()); \
	if (!entry)									\
		return NULL;								\
	memset(&entry->value, 0, sizeof(entry->value));					\
	return &entry->value;								\
}											\
											\
ARENA_INLINE type *name##_put(struct name *m, key_type key, type value)			\
{											\
	type *slot = name##_get_or_put(m, key, NULL);					\
											\
	if (slot)									\
		*slot = value;								\
	return slot;									\
}											\
											\
ARENA_INLINE bool name##_delete(struct name *m, key_type key)				\
{											\
	union arena_map_key any;							\
											\
	any.member = key;								\
	return arena_map_delete(&m->map, any, name##_layout());				\
}											\
											\
ARENA_INLINE void name##_clear(struct name *m)						\
{											\
	arena_map_clear(&m->map);							\
}											\
											\
ARENA_INLINE struct name##_entry *name##_next(const struct name *m,			\
					      const struct name##_entry *entry)		\
{											\
	struct name##_entry *entries = (struct name##_entry *)(void *)m->map.entries;	\
	size_t slot = arena_map_next(&m->map, entry ? (size_t)(entry - entries) + 1 : 0); \
											\
	return slot <= m->map.mask ? entries + slot : NULL;				\
}											\
											\
struct name##_is_declared

/**
 * ARENA_STR_MAP() - declare a map from strings
 * @name: its name
 * @type: the type of its values
 *
 * Declares, with a semicolon behind it, struct @name, struct @name_entry with a @key and a
 * @value, and
 *
 * int name_init(struct name *m, struct arena *a, size_t expect, uint32_t flags)
 *	An empty map, with room for that many entries, which may be 0; @flags is 0 or
 *	ARENA_MAP_COPY_KEYS: without that, keys point where they did when they were put,
 *	and have to stay as long as the map. No key that is put may be part of a value of
 *	the map itself: those move first. 0, or -EINVAL for an unknown flag, or what
 *	arena_error() says.
 * int name_reserve(struct name *m, size_t n)
 *	Make room for that many entries in all. 0, or what arena_error() says.
 * size_t name_length(const struct name *m)
 *	How many entries there are.
 * type *name_get(const struct name *m, struct arena_str key)
 *	The value of a key, or NULL if there is none.
 * type *name_get_or_put(struct name *m, struct arena_str key, bool *is_new)
 *	The same, and if there is none one of zeroes; NULL if there is no memory. @is_new, or
 *	NULL, is set to whether there was none.
 * type *name_put(struct name *m, struct arena_str key, type value)
 *	Set the value of a key, which stays as it is if it is there. Where it is, or NULL if
 *	there is no memory.
 * bool name_delete(struct name *m, struct arena_str key)
 *	Delete a key. Whether there was one. All other entries stay where they are.
 * void name_clear(struct name *m)
 *	Delete all; it keeps its memory, and copies of keys stay.
 * struct name_entry *name_next(const struct name *m, const struct name_entry *entry)
 *	The entry after one, or the first after NULL; NULL after the last. In any order; what
 *	was returned last may be deleted meanwhile, and none may be put.
 */
#define ARENA_STR_MAP(name, type)	\
	ARENA_MAP_(name, struct arena_str, str, ARENA_MAP_STR, type)

/**
 * ARENA_U64_MAP() - declare a map from numbers
 * @name: its name
 * @type: the type of its values
 *
 * As ARENA_STR_MAP(), with keys that are uint64_t.
 */
#define ARENA_U64_MAP(name, type)	\
	ARENA_MAP_(name, uint64_t, u64, ARENA_MAP_U64, type)

/* --- how large a map will be ------------------------------------------------------------- */

/**
 * arena_map_note - note how many entries a map has
 * @name: what maps of its kind are called; one that no arenas have, whose bytes are known by
 *	the same names
 * @length: the entries, when it has all of them
 */
ARENA_INLINE void arena_map_note(const char *name, size_t length)
{
	arena_predict_note(name, length);
}

/**
 * arena_map_predict - how many entries the next map will have
 * @name: what maps of its kind are called
 *
 * To be passed to name_init(), so that the map needn't grow. It forgets, and one large map is
 * not what all that come later are made for: see arena_predict().
 *
 * Return: as many as 99 of a hundred have had, or up to a sixteenth more; 0 if nobody knows.
 */
ARENA_NODISCARD
ARENA_INLINE size_t arena_map_predict(const char *name)
{
	return arena_predict(name, 990);
}

/* --- strings, each of them once ---------------------------------------------------------- */

/**
 * struct arena_strings - a set of strings
 * @map: private but for @map.length, how many there are
 */
struct arena_strings {
	struct arena_map map;
};

/**
 * arena_strings_init - begin with no strings
 * @strings: what to set up
 * @a: where
 * @expect: how many to make room for, or 0
 * @flags: 0 or ARENA_MAP_COPY_KEYS: without that, strings have to stay where they are as
 *	long as @strings
 *
 * Return: 0, or -EINVAL for an unknown flag, or what arena_error() says.
 */
int arena_strings_init(struct arena_strings *strings, struct arena *a, size_t expect,
		       uint32_t flags);

/**
 * arena_strings_intern - the one of all strings that are the same
 * @strings: those there are
 * @s: a string
 *
 * So that two that have been interned are the same if their @data and their @length are,
 * whatever their bytes: with ARENA_MAP_COPY_KEYS @data alone tells. Without it a string and
 * what it begins with may begin at the same place.
 *
 * Return: the first that was the same as @s, or @s, or with ARENA_MAP_COPY_KEYS a copy; one
 * whose @data is NULL if there is no memory.
 */
ARENA_NODISCARD
struct arena_str arena_strings_intern(struct arena_strings *strings, struct arena_str s);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_MAP_H */
