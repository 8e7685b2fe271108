/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Hash maps in arenas: from strings, and from 64-bit numbers, to any type.
 *
 * ARENA_STR_MAP(counters, int) declares struct counters, struct counters_entry and the
 * functions counters_init(), counters_get() and so on, all of them inline; see there.
 *
 * A map is a table with open addressing. It consists of an array of slots for entries and
 * of one control byte for each slot, which says whether the slot is in use and holds seven
 * bits of the hash, so that a search examines sixteen slots at a time (eight in the
 * portable version). See M. Kulukundis, "Designing a Fast, Efficient, Cache-friendly Hash
 * Table, Step by Step", CppCon 2017. The table is one allocation of the arena. When a map
 * grows and its table is the last allocation, the old table becomes free. A map needs no
 * destructor and may be abandoned at any time.
 *
 * The hash function of each map has its own key of 128 random bits, so that an attacker
 * cannot choose keys that collide.
 *
 * An entry keeps its address until an entry is added, or room for entries is reserved.
 * Like its arena, a map may be used by only one thread at a time, except that any number
 * of threads may search a map that no thread changes.
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
 * Combine the two halves of a product by exclusive or, like W. Yi's wyhash. The constants of
 * wyhash are public, so that input can be chosen that makes one factor 0, which hides the
 * other. Here, the map's random key takes the place of these constants.
 */
ARENA_INLINE uint64_t arena_hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Hash more than 16 bytes. */
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

/* Mix twice: a single round maps keys at equal distances to hashes at equal distances. */
ARENA_INLINE uint64_t arena_hash_u64(uint64_t key, const uint64_t *seed)
{
	return arena_hash_mix(seed[1], arena_hash_mix(key ^ seed[0], key ^ seed[1]));
}

/* --- groups of control bytes ----------------------------------------------------------- */

/*
 * Control bytes of slots without an entry. The control byte of a slot with an entry has its
 * highest bit clear, and seven bits of the hash in the others.
 */
#define ARENA_SLOT_EMPTY	0x80
#define ARENA_SLOT_DELETED	0xfe

/*
 * A group is ARENA_GROUP slots that are examined together. The functions below return a
 * mask with ARENA_GROUP_BITS bits for each slot; the lowest bits are for the first slot.
 */
#if !defined(ARENA_PORTABLE_GROUPS) && defined(__x86_64__)
#define ARENA_GROUP		16
#define ARENA_GROUP_BITS	1

ARENA_INLINE uint64_t arena_group_of(const uint8_t *control, uint8_t byte)
{
	__m128i group = _mm_loadu_si128((const __m128i *)(const void *)control);

	return (unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(group, _mm_set1_epi8((char)byte)));
}

ARENA_INLINE uint64_t arena_group_empty(const uint8_t *control)
{
	return arena_group_of(control, ARENA_SLOT_EMPTY);
}

ARENA_INLINE uint64_t arena_group_free(const uint8_t *control)
{
	return (unsigned int)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)control));
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

/*
 * May also report a wrong slot, but only after a correct one. That is harmless, since keys
 * are compared in any case.
 */
ARENA_INLINE uint64_t arena_group_of(const uint8_t *control, uint8_t byte)
{
	uint64_t differs = arena_group_load(control) ^ ARENA_GROUP_LOW * byte;

	return (differs - ARENA_GROUP_LOW) & ~differs & ARENA_GROUP_HIGH;
}

/* Of the two bytes with the highest bit set, only ARENA_SLOT_EMPTY has bit 1 clear. */
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

/* Copy each new key into the arena. */
#define ARENA_MAP_COPY_KEYS	(1u << 0)

/**
 * struct arena_map - common part of all maps
 * @arena: arena that the table is allocated from
 * @control: one control byte for each slot, followed by a copy of the first group's
 * @entries: the slots
 * @mask: number of slots, minus one
 * @length: number of entries
 * @left: number of empty slots that can be filled before the table has to grow
 * @seed: key of the hash function
 * @flags: ARENA_MAP_*
 *
 * All members except @length are private.
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

/* Type of the key, which is at the beginning of an entry. */
enum arena_map_key_type {
	ARENA_MAP_STR,
	ARENA_MAP_U64,
};

union arena_map_key {
	struct arena_str str;
	uint64_t u64;
};

/**
 * struct arena_map_layout - layout of a map's entries
 * @size: size of an entry in bytes
 * @align: alignment of an entry in bytes, a power of two
 * @key: type of the key at its beginning
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

/*
 * The layout is a compile-time constant for each map. Inlining is forced so that the
 * compiler makes use of that.
 */
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
	/* Pass the length of @key: that of a literal is constant, and gcc warns otherwise. */
	return str->length == key.str.length &&
	       arena_bytes_equal(str->data, key.str.data, key.str.length);
}

/* The distance between the groups examined grows at each step, so that all are reached. */
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

/*
 * A group may begin at any slot: the control bytes of the first ARENA_GROUP slots are
 * repeated after that of the last slot.
 */
ARENA_INLINE void arena_map_mark(uint8_t *control, size_t mask, size_t slot, uint8_t byte)
{
	control[slot] = byte;
	control[((slot - ARENA_GROUP) & mask) + ARENA_GROUP] = byte;
}

/* Add an entry for a key that the map lacks. Return it, or NULL if there is no memory. */
ARENA_ALWAYS_INLINE void *arena_map_add(struct arena_map *m, union arena_map_key key,
					uint64_t hash, struct arena_map_layout layout)
{
	size_t slot;
	char *entry, *copy;

	if (ARENA_UNLIKELY(!m->left) && arena_map_grow(m, layout))
		return NULL;
	if (layout.key == ARENA_MAP_STR && m->flags & ARENA_MAP_COPY_KEYS) {
		/* Allocate a byte even for an empty key, so that its address is unique. */
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
		*(uint64_t *)(void *)entry = key.u64;
	else
		*(struct arena_str *)(void *)entry = key.str;
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

/*
 * Declare a map of either kind. @key_type is the type by which keys are passed, @member the
 * member of union arena_map_key that holds a key.
 */
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
 * @name: name of the map type
 * @type: type of its values
 *
 * Must be followed by a semicolon. Declares struct @name, struct @name_entry, which has a
 * @key and a @value, and
 *
 * int name_init(struct name *m, struct arena *a, size_t expect, uint32_t flags)
 *	Initialize an empty map with room for @expect entries, which may be 0. @flags is 0
 *	or ARENA_MAP_COPY_KEYS. Without that flag, the map refers to the bytes of each key
 *	where they were when it was put; they must stay valid as long as the map. With or
 *	without it, a key that is put must not be part of a value of the map itself: when
 *	the map grows, the values move before the key is stored. Return 0, or -EINVAL for an
 *	unknown flag, or the error that arena_error() returns.
 * int name_reserve(struct name *m, size_t n)
 *	Make room for @n entries in all. Return 0, or the error that arena_error() returns.
 * size_t name_length(const struct name *m)
 *	Return the number of entries.
 * type *name_get(const struct name *m, struct arena_str key)
 *	Return the address of the value for a key, or NULL if there is none.
 * type *name_get_or_put(struct name *m, struct arena_str key, bool *is_new)
 *	Return the address of the value for a key; if there is none, add one that is zeroed.
 *	Return NULL if there is no memory. *is_new is set to whether the value was added;
 *	@is_new may be NULL.
 * type *name_put(struct name *m, struct arena_str key, type value)
 *	Set the value for a key. A key that is already in the map is not replaced. Return
 *	the address of the value, or NULL if there is no memory.
 * bool name_delete(struct name *m, struct arena_str key)
 *	Delete a key and its value. Return whether the key was in the map. All other entries
 *	keep their addresses.
 * void name_clear(struct name *m)
 *	Delete all entries. The map keeps its memory, and copies of keys are not freed.
 * struct name_entry *name_next(const struct name *m, const struct name_entry *entry)
 *	Return the entry after @entry, or the first one if @entry is NULL; return NULL after
 *	the last one. The order is unspecified. During an iteration, the entry returned most
 *	recently may be deleted, but no entry may be added.
 */
#define ARENA_STR_MAP(name, type)	\
	ARENA_MAP_(name, struct arena_str, str, ARENA_MAP_STR, type)

/**
 * ARENA_U64_MAP() - declare a map from 64-bit numbers
 * @name: name of the map type
 * @type: type of its values
 *
 * Same as ARENA_STR_MAP(), with keys of type uint64_t.
 */
#define ARENA_U64_MAP(name, type)	\
	ARENA_MAP_(name, uint64_t, u64, ARENA_MAP_U64, type)

/* --- predicting the size of a map --------------------------------------------------------- */

/**
 * arena_map_note - record how many entries a map has
 * @name: name for maps of this kind. Must not be the name of any arenas, whose sizes in
 *	bytes are recorded under the same names.
 * @length: number of entries when the map is complete
 */
ARENA_INLINE void arena_map_note(const char *name, size_t length)
{
	arena_predict_note(name, length);
}

/**
 * arena_map_predict - predict how many entries the next map will have
 * @name: name for maps of this kind
 *
 * The result is meant to be passed to name_init(), so that the map need not grow. Old
 * samples lose weight, and a single large map does not enlarge all later ones: see
 * arena_predict().
 *
 * Return: a number that was enough for 99% of the maps, at most a sixteenth more than these
 * needed; or 0 if too few maps have been recorded.
 */
ARENA_NODISCARD
ARENA_INLINE size_t arena_map_predict(const char *name)
{
	return arena_predict(name, 990);
}

/* --- interned strings -------------------------------------------------------------------- */

/**
 * struct arena_strings - a set of interned strings
 * @map: private except for @map.length, the number of strings
 */
struct arena_strings {
	struct arena_map map;
};

/**
 * arena_strings_init - initialize an empty set of strings
 * @strings: set to initialize
 * @a: arena to allocate from
 * @expect: number of strings to make room for, or 0
 * @flags: 0 or ARENA_MAP_COPY_KEYS. Without that flag, the bytes of each string must stay
 *	valid as long as @strings.
 *
 * Return: 0, or -EINVAL for an unknown flag, or the error that arena_error() returns.
 */
int arena_strings_init(struct arena_strings *strings, struct arena *a, size_t expect,
		       uint32_t flags);

/**
 * arena_strings_intern - return the one string that represents all equal ones
 * @strings: set of strings
 * @s: string to look up, and to add if it is not in the set
 *
 * Two interned strings are equal if and only if their @data and their @length are equal;
 * their bytes need not be compared. With ARENA_MAP_COPY_KEYS, comparing @data is enough.
 * Without it, a string and a prefix of it may have the same @data.
 *
 * Return: the string of the set that is equal to @s. If there was none: @s itself or, with
 * ARENA_MAP_COPY_KEYS, a copy of it; or a string whose @data is NULL if there is no memory.
 */
ARENA_NODISCARD
struct arena_str arena_strings_intern(struct arena_strings *strings, struct arena_str s);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_MAP_H */
