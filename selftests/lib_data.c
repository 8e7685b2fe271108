// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena: maps and arrays, compared with models that are simple enough to be
 * right. The seed is printed; $ARENA_SEED repeats a run.
 */
#include "lib_random.h"

#include <malloc.h>
#include <math.h>
#include <sys/wait.h>
#include <arena/vec.h>

LIB_FIXTURE(lib_data)
LIB_FIXTURE_ONCE(lib_data)

#define STEPS	200000

#define S(literal)	ARENA_STR(literal)
#define EXPECT_STR(expected, seen)	EXPECT_TRUE(arena_str_equal(S(expected), (seen)))

/* --- maps ------------------------------------------------------------------------ */

ARENA_STR_MAP(by_name, int);
ARENA_U64_MAP(by_number, int);

/* An entry of another size, with an alignment that no other type here has. */
struct wide {
	char bytes[70];
	__attribute__((aligned(32))) int number;
};

ARENA_U64_MAP(by_wide, struct wide);

#define NR_KEYS		3000

/* The value of each key, or 0 if it is absent. */
static int values[NR_KEYS];
static char key_bytes[NR_KEYS][48];
static struct arena_str keys[NR_KEYS];

/* Make keys of every length, some of which differ in a single byte. */
static void make_keys(void)
{
	size_t i, length;

	memset(values, 0, sizeof(values));
	for (i = 0; i < NR_KEYS; i++) {
		length = i ? 3 + i % 40 : 0;
		memset(key_bytes[i], i % 3 ? 'k' : 0, sizeof(key_bytes[i]));
		if (length) {
			key_bytes[i][length / 2] = i / 40 % 256;
			key_bytes[i][length - 1] = i / 40 / 256 + 1;
		}
		keys[i] = arena_str_make(key_bytes[i], length);
	}
}

static int nr_present(void)
{
	int i, nr = 0;

	for (i = 0; i < NR_KEYS; i++)
		nr += !!values[i];
	return nr;
}

/*
 * Check the control bytes: their counts agree with the counters, and the first
 * group is repeated at the end.
 */
static bool is_whole(const struct arena_map *m)
{
	size_t slots = m->entries ? m->mask + 1 : 0, nr = 0, nr_deleted = 0, i;

	for (i = 0; i < slots; i++) {
		nr += m->control[i] < 0x80;
		nr_deleted += m->control[i] == ARENA_SLOT_DELETED;
	}
	return nr == m->length && m->length + m->left + nr_deleted == slots - slots / 8 &&
	       (!slots || !memcmp(m->control, m->control + slots, ARENA_GROUP));
}

/* Check that both maps have each entry of the model once, and no others. */
static bool is_as_its_model(const struct by_name *m, const struct by_number *n)
{
	struct by_number_entry *number = NULL;
	struct by_name_entry *name = NULL;
	int i, nr = 0;

	if (!is_whole(&m->map) || !is_whole(&n->map))
		return false;
	for (i = 0; i < NR_KEYS; i++) {
		int *one = by_name_get(m, keys[i]), *two = by_number_get(n, i);

		if (!one != !values[i] || !two != !values[i])
			return false;
		if (one && (*one != values[i] || *two != values[i]))
			return false;
	}
	while ((name = by_name_next(m, name))) {
		if (*by_name_get(m, name->key) != name->value)
			return false;
		nr++;
	}
	while ((number = by_number_next(n, number))) {
		if (values[number->key] != number->value)
			return false;
		nr++;
	}
	return nr == 2 * nr_present() && (int)by_name_length(m) == nr / 2 &&
	       (int)by_number_length(n) == nr / 2;
}

static bool step(struct arena *a, struct by_name *m, struct by_number *n, size_t nr_keys)
{
	size_t i = random_below(nr_keys);
	bool one, two, is_new[2];
	int *name, *number;

	switch (random_below(16)) {
	case 0 ... 4:
		values[i] = 1 + random_below(1000);
		name = by_name_put(m, keys[i], values[i]);
		number = by_number_put(n, i, values[i]);
		return name && number && *name == values[i] && *number == values[i];
	case 5 ... 6:
		name = by_name_get_or_put(m, keys[i], &is_new[0]);
		number = by_number_get_or_put(n, i, &is_new[1]);
		if (!name || !number || is_new[0] != !values[i] || is_new[1] != !values[i])
			return false;
		if (*name != values[i] || *number != values[i])
			return false;
		*name = *number = values[i] = 1 + random_below(1000);
		return true;
	case 7 ... 12:
		one = by_name_delete(m, keys[i]);
		two = by_number_delete(n, i);
		if (one != !!values[i] || two != one)
			return false;
		values[i] = 0;
		return true;
	case 13:
		name = by_name_get(m, keys[i]);
		number = by_number_get(n, i);
		return !name == !values[i] && !number == !values[i];
	case 14:
		/* Allocate something, so that no table is the last allocation. */
		return arena_alloc(a, random_below(100));
	default:
		if (random_below(1000))
			return true;
		if (random_below(2))
			return !by_name_reserve(m, random_below(2 * NR_KEYS)) &&
			       !by_number_reserve(n, random_below(2 * NR_KEYS));
		by_name_clear(m);
		by_number_clear(n);
		memset(values, 0, sizeof(values));
		return true;
	}
}

static void maps_are_as_their_model(struct __test_metadata *_metadata, struct arena *a,
				    uint32_t flags)
{
	struct by_number n;
	struct by_name m;
	size_t nr_keys = NR_KEYS;
	long i;

	make_keys();
	ASSERT_EQ(0, by_name_init(&m, a, random_below(3) ? 0 : random_below(100), flags));
	ASSERT_EQ(0, by_number_init(&n, a, 0, 0));
	for (i = 0; i < STEPS; i++) {
		/*
		 * Use a subset of the keys for a while, which leaves many
		 * deleted slots.
		 */
		if (i % 1000 == 0)
			nr_keys = random_below(4) ? 1 + random_below(NR_KEYS) : NR_KEYS;
		if (!step(a, &m, &n, nr_keys)) {
			TH_LOG("step %ld", i);
			ASSERT_TRUE(false);
		}
		if (i % 10000 == 0)
			ASSERT_TRUE(is_as_its_model(&m, &n));
	}
	ASSERT_TRUE(is_as_its_model(&m, &n));
}

TEST_F(lib_data, maps_agree_with_model)
{
	NEED_BACKING();
	begin_random(_metadata);
	maps_are_as_their_model(_metadata, self->a, 0);
	arena_reset(self->a);
	maps_are_as_their_model(_metadata, self->a, ARENA_MAP_COPY_KEYS);
}

TEST_F(lib_data, map_accepts_any_type)
{
	struct by_wide_entry *entry = NULL;
	struct wide wide = { .number = 0 }, *found;
	struct by_wide m;
	int i, nr = 0;

	NEED_BACKING();
	ASSERT_EQ(0, by_wide_init(&m, self->a, 0, 0));
	EXPECT_EQ(NULL, by_wide_get(&m, 1));
	EXPECT_EQ(NULL, by_wide_next(&m, NULL));
	EXPECT_FALSE(by_wide_delete(&m, 1));
	by_wide_clear(&m);
	for (i = 0; i < 500; i++) {
		wide.number = i;
		memset(wide.bytes, i, sizeof(wide.bytes));
		ASSERT_NE(NULL, by_wide_put(&m, (uint64_t)i << 40, wide));
	}
	for (i = 0; i < 500; i++) {
		found = by_wide_get(&m, (uint64_t)i << 40);
		ASSERT_NE(NULL, found);
		EXPECT_EQ(0, (uintptr_t)found % 32);
		EXPECT_EQ(i, found->number);
		EXPECT_TRUE(is_filled(found->bytes, sizeof(found->bytes), i));
	}
	/* The entry that was returned last may be deleted. */
	while ((entry = by_wide_next(&m, entry))) {
		nr++;
		EXPECT_TRUE(by_wide_delete(&m, entry->key));
	}
	EXPECT_EQ(500, nr);
	EXPECT_EQ(0, by_wide_length(&m));
}

TEST_F(lib_data, keys_are_copied_if_asked)
{
	char key[] = "key";
	struct by_name m;

	NEED_BACKING();
	ASSERT_EQ(0, by_name_init(&m, self->a, 0, ARENA_MAP_COPY_KEYS));
	ASSERT_NE(NULL, by_name_put(&m, arena_str_of(key), 1));
	key[0] = 'x';
	EXPECT_EQ(NULL, by_name_get(&m, S("xey")));
	ASSERT_NE(NULL, by_name_get(&m, S("key")));
	EXPECT_TRUE(by_name_next(&m, NULL)->key.data != key);
	/* A put of a key that is present keeps the old key. */
	ASSERT_EQ(0, by_name_init(&m, self->a, 0, 0));
	ASSERT_NE(NULL, by_name_put(&m, arena_str_of(key), 1));
	ASSERT_NE(NULL, by_name_put(&m, S("xey"), 2));
	EXPECT_TRUE(by_name_next(&m, NULL)->key.data == key);
	EXPECT_EQ(-EINVAL, by_name_init(&m, self->a, 0, 1u << 31));
}

static size_t table_bytes(size_t nr, size_t size)
{
	return (nr * size + nr + ARENA_GROUP + ARENA_ALIGN - 1) & -ARENA_ALIGN;
}

/* When a map grows, its old table is freed if it was the last allocation. */
TEST_F(lib_data, growing_map_frees_old_table_at_top)
{
	struct by_number_entry *entry;
	struct by_number m;
	uint64_t used;
	int i, j;

	NEED_BACKING();
	if (arena_check(self->a))
		SKIP(return, "a checked arena frees no part of its memory early");
	ASSERT_EQ(0, by_number_init(&m, self->a, 0, 0));
	EXPECT_EQ(0, stats_of(self->a).used);
	for (i = 0; i < 10000; i++)
		ASSERT_NE(NULL, by_number_put(&m, i, i));
	EXPECT_EQ(table_bytes(16384, sizeof(*entry)), stats_of(self->a).used);
	/* A map that is full of deleted slots is rehashed in place. */
	for (; i < 14336; i++)
		ASSERT_NE(NULL, by_number_put(&m, i, i));
	ASSERT_NE(NULL, arena_alloc(self->a, 1));
	used = stats_of(self->a).used;
	for (i = 0; i < 14336; i++)
		EXPECT_TRUE(by_number_delete(&m, i));
	EXPECT_GT(10000, m.map.left);
	for (j = 1; j < 10; j++) {
		for (i = 0; i < 5000; i++)
			ASSERT_NE(NULL, by_number_put(&m, 100000 * j + i, i));
		for (i = 0; i < 5000; i++)
			EXPECT_TRUE(by_number_delete(&m, 100000 * j + i));
	}
	EXPECT_EQ(used, stats_of(self->a).used);
	EXPECT_EQ(0, by_number_length(&m));
	/* A reserve for fewer entries does not shrink the table. */
	by_number_clear(&m);
	for (i = 0; i < 14336; i++)
		ASSERT_NE(NULL, by_number_put(&m, i, i));
	for (i = 0; i < 14336; i++)
		EXPECT_TRUE(by_number_delete(&m, i));
	ASSERT_EQ(0, by_number_reserve(&m, 10000));
	EXPECT_EQ(16383, m.map.mask);
	EXPECT_EQ(14336, m.map.left);
	ASSERT_EQ(0, by_number_reserve(&m, 14336));
	for (i = 0; i < 14336; i++)
		ASSERT_NE(NULL, by_number_put(&m, i, i));
	for (i = 0; i < 14336; i++)
		EXPECT_TRUE(by_number_delete(&m, i));
	ASSERT_GT(5000, m.map.left);
	ASSERT_EQ(0, by_number_reserve(&m, 5000));
	EXPECT_EQ(16383, m.map.mask);
	EXPECT_EQ(14336, m.map.left);
	EXPECT_EQ(used, stats_of(self->a).used);
	/* There is room for the requested number of entries. */
	arena_reset(self->a);
	ASSERT_EQ(0, by_number_init(&m, self->a, 1000, 0));
	used = stats_of(self->a).used;
	for (i = 0; i < 1000; i++)
		ASSERT_NE(NULL, by_number_put(&m, i, i));
	EXPECT_EQ(used, stats_of(self->a).used);
	EXPECT_EQ(table_bytes(2048, sizeof(*entry)), used);
}

/*
 * If each put is followed by a delete, deleted slots suffice, and the map never
 * grows.
 */
TEST_F(lib_data, map_of_constant_size_does_not_grow)
{
	enum { ALIVE = 650, ROUNDS = 100000 };
	struct by_number m;
	uint64_t used;
	int i;

	NEED_BACKING();
	ASSERT_EQ(0, by_number_init(&m, self->a, 896, 0));
	ASSERT_EQ(1023, m.map.mask);
	used = stats_of(self->a).used;
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_NE(NULL, by_number_put(&m, i, i));
		EXPECT_EQ(i >= ALIVE, by_number_delete(&m, i - ALIVE));
	}
	EXPECT_EQ(1023, m.map.mask);
	EXPECT_EQ(used, stats_of(self->a).used);
	EXPECT_TRUE(is_whole(&m.map));
}

/* A handle of an entry is valid until the entry moves. */
TEST_F(lib_data, handle_of_entry_notices_moved_table)
{
	struct arena_handle handle;
	struct by_number m;
	int *value, i;

	NEED_BACKING();
	ASSERT_EQ(0, by_number_init(&m, self->a, 0, 0));
	value = by_number_put(&m, 1, 1);
	handle = arena_handle_make(self->a, value);
	EXPECT_EQ(value, arena_deref(self->a, handle));
	for (i = 2; i < 100; i++)
		ASSERT_NE(NULL, by_number_put(&m, i, i));
	if (!arena_check(self->a))
		EXPECT_EQ(NULL, arena_deref(self->a, handle));
}

TEST_F(lib_data, map_without_memory_is_unchanged)
{
	struct by_name_entry *entry = NULL;
	int *value = NULL, i, nr = 0;
	struct by_name m;
	char text[16];
	struct arena *a;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing, .limit = 30000)));
	EXPECT_EQ(-EDQUOT, by_name_init(&m, a, 100000, 0));
	EXPECT_EQ(-ENOMEM, by_name_init(&m, a, SIZE_MAX, 0));
	ASSERT_EQ(0, by_name_init(&m, a, 10, ARENA_MAP_COPY_KEYS));
	EXPECT_EQ(-EDQUOT, by_name_reserve(&m, 100000));
	EXPECT_EQ(-ENOMEM, by_name_reserve(&m, SIZE_MAX / 32));
	EXPECT_EQ(-ENOMEM, by_name_reserve(&m, SIZE_MAX));
	for (i = 0; i < 10000; i++) {
		sprintf(text, "%d", i);
		value = by_name_put(&m, arena_str_of(text), i);
		if (!value)
			break;
	}
	EXPECT_EQ(NULL, value);
	EXPECT_EQ(-EDQUOT, arena_error(a));
	/* All entries that were put are there, and no others. */
	EXPECT_EQ(i, (int)by_name_length(&m));
	while ((entry = by_name_next(&m, entry))) {
		EXPECT_EQ(entry->value, atoi(entry->key.data));
		nr++;
	}
	EXPECT_EQ(i, nr);
	EXPECT_EQ(NULL, by_name_get(&m, arena_str_of(text)));
	arena_destroy(a);
}

struct made_room {
	struct arena_mark mark;
	int nr;
};

static int make_room(struct arena *a, size_t size, int error, void *ctx)
{
	struct made_room *room = ctx;

	arena_rewind(a, room->mark);
	return !room->nr++;
}

/*
 * The out-of-memory handler frees an allocation made after the map. The map
 * must not have moved behind that mark.
 */
TEST_F(lib_data, map_grows_after_oom_handler_made_room)
{
	struct made_room room = { .nr = 0 };
	struct by_number m;
	struct arena *a;
	uint64_t used;
	int i;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing, .limit = 40000)));
	ASSERT_EQ(0, by_number_init(&m, a, 800, 0));
	ASSERT_EQ(1023, m.map.mask);
	used = stats_of(a).used;
	room.mark = arena_save(a);
	ASSERT_NE(NULL, arena_alloc(a, 7000));
	arena_set_oom(a, make_room, &room);
	for (i = 0; i < 100000; i++) {
		ASSERT_NE(NULL, by_number_put(&m, i, i));
		EXPECT_EQ(i >= 650, by_number_delete(&m, i - 650));
	}
	EXPECT_EQ(1, room.nr);
	EXPECT_EQ(1023, m.map.mask);
	EXPECT_EQ(used, stats_of(a).used);
	for (i -= 650; i < 100000; i++)
		ASSERT_NE(NULL, by_number_get(&m, i));
	arena_destroy(a);
}

/* --- hashing ------------------------------------------------------------------------- */

static int nr_groups_of(const struct by_number *m, uint64_t key)
{
	uint64_t hash = arena_hash_u64(key, m->map.seed);
	size_t at = hash & m->map.mask, step = 0;
	int nr = 1;

	while (!arena_group_empty(m->map.control + at)) {
		step += ARENA_GROUP;
		at = (at + step) & m->map.mask;
		nr++;
	}
	return nr;
}

/* For keys with a pattern, too, a lookup of an absent key examines only few groups. */
TEST_F(lib_data, patterned_keys_examine_few_groups)
{
	static const uint64_t steps[] = {
		1, 2, 3, 16, 64, 4096, 65536, 1000003, 1ull << 32, 1ull << 48, 1ull << 52,
		0x0101010101010101ull,
	};
	struct by_number m;
	size_t i, j;
	long sum;

	NEED_BACKING();
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		ASSERT_EQ(0, by_number_init(&m, self->a, 0, 0));
		for (j = 0; j < NR_KEYS; j++)
			ASSERT_NE(NULL, by_number_put(&m, j * steps[i], 0));
		ASSERT_EQ(NR_KEYS, by_number_length(&m));
		ASSERT_EQ(4095, m.map.mask);
		sum = 0;
		for (; j < 2 * NR_KEYS; j++)
			sum += nr_groups_of(&m, j * steps[i]);
		/*
		 * For random keys, the average is at most 1.18 with groups of
		 * 16, and 1.52 with groups of 8, in eight runs.
		 */
		EXPECT_LT(sum, NR_KEYS * (ARENA_GROUP == 16 ? 1.6 : 2.2));
	}
}

/*
 * Return how far the worst pair of a key bit and a hash bit is from flipping
 * half of the time.
 */
static double worst_bit(size_t n)
{
	enum { ROUNDS = 400 };
	uint64_t random[2], before, after;
	double worst = 0, share;
	char bytes[80], tail;
	int flips[64], i, j;
	size_t bit;

	for (bit = 0; bit < 8 * n; bit++) {
		memset(flips, 0, sizeof(flips));
		for (i = 0; i < ROUNDS; i++) {
			for (j = 0; j < 2; j++)
				random[j] = (uint64_t)rand_r(&seed) << 42 ^
					    (uint64_t)rand_r(&seed) << 21 ^ rand_r(&seed);
			random[1] |= 1;
			for (j = 0; j < (int)n; j++)
				bytes[j] = rand_r(&seed) >> 7;
			tail = bytes[n];
			before = arena_hash_bytes(bytes, n, random);
			bytes[bit / 8] ^= 1 << bit % 8;
			after = arena_hash_bytes(bytes, n, random);
			bytes[n] = tail;
			for (j = 0; j < 64; j++)
				flips[j] += (before ^ after) >> j & 1;
		}
		for (j = 0; j < 64; j++) {
			share = fabs((double)flips[j] / ROUNDS - .5);
			worst = share > worst ? share : worst;
		}
	}
	return worst;
}

TEST_F(lib_data_once, hash_depends_on_each_bit_of_key)
{
	size_t n;

	begin_random(_metadata);
	/* A fair coin is off by .175 in 400 throws once in 10^12 times. */
	for (n = 1; n <= 70; n += n < 20 ? 1 : 10)
		EXPECT_GT(.175, worst_bit(n));
}

TEST_F(lib_data_once, hash_depends_on_length_of_key)
{
	static const uint64_t random[] = { 0x0123456789abcdef, 0xfedcba9876543211 };
	uint64_t hashes[65];
	char same[64];
	int i, j;

	memset(same, 'x', sizeof(same));
	for (i = 0; i <= 64; i++) {
		hashes[i] = arena_hash_bytes(same, i, random);
		for (j = 0; j < i; j++)
			EXPECT_NE(hashes[j], hashes[i]);
	}
}

/*
 * Factors of the product can be swapped only for certain words, which depend on
 * the secret seed.
 */
TEST_F(lib_data_once, hash_depends_on_order_of_words)
{
	static const uint64_t random[] = { 0x0123456789abcdef, 0xfedcba9876543211 };
	uint64_t words[20], swapped[20], mask;
	size_t n, i, j, k;

	begin_random(_metadata);
	for (i = 0; i < 20; i++)
		words[i] = (uint64_t)rand_r(&seed) << 40 ^ (uint64_t)rand_r(&seed) << 20 ^ i;
	for (n = 2; n <= 20; n++) {
		/* The length is part of the initial state. */
		const uint64_t masks[] = { 0, 8 * n, UINT64_MAX, ~(8 * n) };

		for (i = 0; i < n; i++)
			for (j = 0; j < i; j++)
				for (k = 0; k < 4; k++) {
					mask = masks[k];
					memcpy(swapped, words, sizeof(words));
					swapped[i] = words[j] ^ mask;
					swapped[j] = words[i] ^ mask;
					EXPECT_NE(arena_hash_bytes((char *)words, 8 * n, random),
						  arena_hash_bytes((char *)swapped, 8 * n, random));
				}
	}
}

/* Keys that collide in one map do not collide in another one. */
TEST_F(lib_data, maps_have_different_hashes)
{
	enum { NR = 400 };
	struct by_number one, two;
	uint64_t found[NR], key;
	int nr = 0, i, same = 0;

	NEED_BACKING();
	ASSERT_EQ(0, by_number_init(&one, self->a, 0, 0));
	ASSERT_EQ(0, by_number_init(&two, self->a, 0, 0));
	for (key = 0; nr < NR; key++)
		if (!(arena_hash_u64(key, one.map.seed) & 255))
			found[nr++] = key;
	for (i = 0; i < NR; i++)
		same += !(arena_hash_u64(found[i], two.map.seed) & 255);
	EXPECT_GT(NR / 10, same);
	EXPECT_NE(arena_hash_bytes("key", 3, one.map.seed),
		  arena_hash_bytes("key", 3, two.map.seed));
}

static uint64_t seed_of_a_map(void)
{
	struct by_number m;
	struct arena *a;

	if (arena_create(&a, NULL) || by_number_init(&m, a, 0, 0))
		abort();
	arena_destroy(a);
	return m.map.seed[0];
}

/* The seeds of two children differ, whether or not their parent has created a map. */
static void expect_seeds_differ(struct __test_metadata *_metadata)
{
	uint64_t seeds[2] = { 0, 0 }, one;
	int i, pipes[2];
	pid_t child;

	ASSERT_EQ(0, pipe(pipes));
	for (i = 0; i < 2; i++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			one = seed_of_a_map();
			_exit(write(pipes[1], &one, sizeof(one)) != sizeof(one));
		}
		ASSERT_EQ(sizeof(seeds[i]), read(pipes[0], &seeds[i], sizeof(seeds[i])));
		ASSERT_EQ(child, waitpid(child, NULL, 0));
	}
	EXPECT_NE(seeds[0], seeds[1]);
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(lib_data_once, maps_of_two_processes_have_different_hashes)
{
	expect_seeds_differ(_metadata);
	seed_of_a_map();
	expect_seeds_differ(_metadata);
}

/* --- interned strings ----------------------------------------------------------------- */

TEST_F(lib_data, strings_are_interned)
{
	char text[] = "one two one two three";
	struct arena_str rest = arena_str_of(text), part[5];
	struct arena_strings strings;
	struct arena *small;
	int i;

	NEED_BACKING();
	ASSERT_EQ(0, arena_strings_init(&strings, self->a, 0, 0));
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(arena_str_split(&rest, ' ', &part[i]));
		part[i] = arena_strings_intern(&strings, part[i]);
	}
	EXPECT_EQ(part[0].data, part[2].data);
	EXPECT_EQ(part[1].data, part[3].data);
	EXPECT_TRUE(part[0].data == text);
	EXPECT_STR("three", part[4]);
	EXPECT_EQ(3, strings.map.length);
	EXPECT_EQ(-EINVAL, arena_strings_init(&strings, self->a, 0, 1u << 31));
	ASSERT_EQ(0, arena_strings_init(&strings, self->a, 10, ARENA_MAP_COPY_KEYS));
	EXPECT_TRUE(arena_strings_intern(&strings, part[0]).data != text);
	EXPECT_STR("one", arena_strings_intern(&strings, S("one")));
	EXPECT_EQ(1, strings.map.length);
	/*
	 * Each string has its own address; this includes the empty string and
	 * parts of others.
	 */
	part[1] = arena_strings_intern(&strings, arena_str_slice(part[0], 0, 1));
	part[2] = arena_strings_intern(&strings, S(""));
	part[3] = arena_strings_intern(&strings, S("another"));
	part[4] = arena_strings_intern(&strings, S("one"));
	for (i = 2; i < 5; i++) {
		EXPECT_TRUE(part[i].data != part[1].data);
		EXPECT_TRUE(i == 2 || part[i].data != part[2].data);
	}

	ASSERT_EQ(0, arena_create(&small, OPTS(.backing = variant->backing, .limit = 64)));
	ASSERT_EQ(0, arena_strings_init(&strings, small, 0, 0));
	EXPECT_EQ(NULL, arena_strings_intern(&strings, S("x")).data);
	arena_destroy(small);
}

/* --- maps of arrays ------------------------------------------------------------------- */

ARENA_GROUPS(lists, int);

/* Add values that are 1000 times the key plus a counter. */
static int fill_lists(struct lists *m, int from, int to, int nr, int first)
{
	int key, i;

	for (i = first; i < first + nr; i++)
		for (key = from; key < to; key++)
			if (!lists_add(m, keys[key], 1000 * key + i))
				return -1;
	return 0;
}

static bool has_list(const struct lists *m, int key, int nr)
{
	struct lists_values *values = lists_get(m, keys[key]);
	int i;

	if (!values || (int)lists_values_length(values) != nr)
		return false;
	for (i = 0; i < nr; i++)
		if (values->data[i] != 1000 * key + i)
			return false;
	return true;
}

static bool is_merged(const struct lists *m)
{
	int key;

	for (key = 0; key < 150; key++)
		if (!has_list(m, key, key < 50 ? 20 : key < 100 ? 30 : 10))
			return false;
	return lists_length(m) == 150;
}

TEST_F(lib_data, maps_of_arrays_are_merged)
{
	struct lists one, two, three;
	const int *taken;
	struct arena *b;
	uint64_t used;
	int i, nr;

	NEED_BACKING();
	make_keys();
	ASSERT_EQ(0, lists_init(&one, self->a, 200, 0));
	ASSERT_EQ(0, lists_init(&two, self->a, 0, 0));
	ASSERT_EQ(0, fill_lists(&one, 0, 100, 20, 0));
	ASSERT_EQ(0, fill_lists(&two, 50, 100, 10, 20));
	ASSERT_EQ(0, fill_lists(&two, 100, 150, 10, 0));
	taken = lists_get(&two, keys[120])->data;
	ASSERT_EQ(0, lists_merge(&one, &two));
	EXPECT_TRUE(is_merged(&one));
	/* Within one arena, new arrays are moved, not copied. */
	EXPECT_EQ(taken, lists_get(&one, keys[120])->data);
	EXPECT_EQ(0, lists_length(&two));
	EXPECT_EQ(NULL, lists_next(&two, NULL));
	/* After the merge the maps share nothing. */
	ASSERT_NE(NULL, lists_add(&two, keys[120], 1));
	EXPECT_TRUE(has_list(&one, 120, 10));
	used = stats_of(self->a).used;
	lists_clear(&two);
	ASSERT_EQ(0, lists_merge(&one, &two));
	ASSERT_EQ(0, lists_merge(&one, &one));
	EXPECT_EQ(used, stats_of(self->a).used);
	EXPECT_TRUE(is_merged(&one));

	/* Between arenas, everything is copied, including the keys. */
	for (i = 0; i < 2; i++) {
		make_keys();
		ASSERT_EQ(0, arena_create(&b, OPTS(.backing = variant->backing)));
		ASSERT_EQ(0, lists_init(&two, b, 0, ARENA_MAP_COPY_KEYS));
		ASSERT_EQ(0, lists_init(&three, self->a, 0, i ? ARENA_MAP_COPY_KEYS : 0));
		ASSERT_EQ(0, fill_lists(&three, 0, 100, 20, 0));
		ASSERT_EQ(0, fill_lists(&two, 50, 100, 10, 20));
		ASSERT_EQ(0, fill_lists(&two, 100, 150, 10, 0));
		ASSERT_EQ(0, lists_merge(&three, &two));
		EXPECT_EQ(0, lists_length(&two));
		for (nr = 0; nr < NR_KEYS; nr++)
			lists_delete(&two, keys[nr]);
		memset(b->base + b->left, 0xff, stats_of(b).used);
		arena_destroy(b);
		EXPECT_TRUE(is_merged(&three));
	}
}

/* A view that is all zeros is a valid empty key. */
TEST_F(lib_data, empty_key_without_memory_is_merged)
{
	struct arena_str none = { NULL, 0 };
	struct lists one, two, three;
	struct arena *b;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&b, OPTS(.backing = variant->backing)));
	ASSERT_EQ(0, lists_init(&one, self->a, 0, 0));
	ASSERT_EQ(0, lists_init(&two, self->a, 0, 0));
	ASSERT_EQ(0, lists_init(&three, b, 0, 0));
	ASSERT_NE(NULL, lists_add(&one, none, 1));
	ASSERT_EQ(0, lists_merge(&two, &one));
	ASSERT_NE(NULL, lists_get(&two, S("")));
	EXPECT_EQ(1, lists_get(&two, S(""))->data[0]);
	ASSERT_EQ(0, lists_merge(&three, &two));
	ASSERT_NE(NULL, lists_get(&three, S("")));
	EXPECT_EQ(1, lists_get(&three, none)->data[0]);
	arena_destroy(b);
}

#define NR_LISTS	40
#define MOST		4000

/* The expected arrays of the two maps. */
static struct list {
	int values[MOST];
	int nr;
} lists_of[2][NR_LISTS];

static bool lists_are_as_their_model(struct lists *maps)
{
	struct lists_values *values;
	const struct list *list;
	size_t nr[2] = { 0, 0 };
	int m, i;

	for (m = 0; m < 2; m++) {
		for (i = 0; i < NR_LISTS; i++) {
			list = &lists_of[m][i];
			values = lists_get(&maps[m], keys[i]);
			nr[m] += values != NULL;
			if (!values != !list->nr)
				return false;
			if (values && (lists_values_length(values) != (size_t)list->nr ||
				       memcmp(values->data, list->values,
					      list->nr * sizeof(int))))
				return false;
		}
		if (nr[m] != lists_length(&maps[m]))
			return false;
	}
	return true;
}

static bool lists_step(struct lists *maps)
{
	int m = random_below(2), i = random_below(NR_LISTS), value = random_below(1000);
	struct list *list = &lists_of[m][i], *from;

	if (random_below(100)) {
		if (list->nr == MOST)
			return true;
		list->values[list->nr++] = value;
		return lists_add(&maps[m], keys[i], value);
	}
	for (i = 0; i < NR_LISTS; i++) {
		list = &lists_of[m][i];
		from = &lists_of[!m][i];
		if (list->nr + from->nr > MOST)
			return true;
	}
	for (i = 0; i < NR_LISTS; i++) {
		list = &lists_of[m][i];
		from = &lists_of[!m][i];
		memcpy(list->values + list->nr, from->values, from->nr * sizeof(int));
		list->nr += from->nr;
		from->nr = 0;
	}
	return !lists_merge(&maps[m], &maps[!m]);
}

/* Both maps in one arena, in two arenas, and in an arena and its child. */
TEST_F(lib_data, maps_of_arrays_agree_with_model)
{
	struct lists maps[2];
	struct arena *b;
	int how, i;

	NEED_BACKING();
	begin_random(_metadata);
	make_keys();
	for (how = 0; how < 3; how++) {
		memset(lists_of, 0, sizeof(lists_of));
		arena_reset(self->a);
		b = self->a;
		if (how == 1)
			ASSERT_EQ(0, arena_create(&b, OPTS(.backing = variant->backing)));
		if (how == 2)
			ASSERT_EQ(0, arena_create_child(&b, self->a, OPTS(.reserve = 32 * MIB)));
		ASSERT_EQ(0, lists_init(&maps[0], self->a, 0, 0));
		ASSERT_EQ(0, lists_init(&maps[1], b, 0, how ? ARENA_MAP_COPY_KEYS : 0));
		for (i = 0; i < 20000; i++) {
			ASSERT_TRUE(lists_step(maps));
			if (i % 200 == 0)
				ASSERT_TRUE(lists_are_as_their_model(maps));
		}
		if (how)
			arena_destroy(b);
	}
}

TEST_F(lib_data, merge_without_memory_loses_nothing)
{
	struct arena *small;
	struct lists one, two;
	int i, nr = 0;

	NEED_BACKING();
	make_keys();
	ASSERT_EQ(0, arena_create(&small, OPTS(.backing = variant->backing, .limit = 8192)));
	ASSERT_EQ(0, lists_init(&one, small, 0, 0));
	ASSERT_EQ(0, lists_init(&two, self->a, 0, 0));
	ASSERT_EQ(0, fill_lists(&two, 0, 100, 20, 0));
	EXPECT_EQ(-EDQUOT, lists_merge(&one, &two));
	EXPECT_EQ(100, lists_length(&one) + lists_length(&two));
	EXPECT_LT(10, lists_length(&one));
	for (i = 0; i < 100; i++)
		nr += has_list(&one, i, 20) != has_list(&two, i, 20);
	EXPECT_EQ(100, nr);
	arena_destroy(small);
}

/* --- memory --------------------------------------------------------------------------- */

static void use_all(struct arena *a)
{
	struct arena_strings strings;
	struct lists lists;
	int i;

	if (arena_strings_init(&strings, a, 0, 0) || lists_init(&lists, a, 0, 0))
		abort();
	for (i = 0; i < 1000; i++)
		if (!lists_add(&lists, arena_strings_intern(&strings, keys[i]), i))
			abort();
}

/* No heap memory is used, and no system call is made once there is memory. */
TEST_F(lib_data, maps_use_no_heap_memory)
{
	uint64_t commits;
	size_t before;
	int i;

	NEED_BACKING();
	make_keys();
	use_all(self->a);
	commits = stats_of(self->a).commits;
	before = mallinfo2().uordblks;
	for (i = 0; i < 100; i++) {
		arena_reset(self->a);
		use_all(self->a);
	}
	/* Sanitizers use the heap themselves. */
	EXPECT_TRUE(IS_SANITIZED || before == mallinfo2().uordblks);
	EXPECT_EQ(commits, stats_of(self->a).commits);
}

TEST_HARNESS_MAIN
