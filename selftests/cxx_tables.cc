// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strings, maps and arrays in all C++ standards; built and run by install.sh;
 * print each unmet expectation.
 */
#include <cstdio>

#include <arena/vec.h>

static int failures;

#define EXPECT(what) do {						\
	if (!(what)) {							\
		std::printf("%d: not so: %s\n", __LINE__, #what);	\
		failures++;						\
	}								\
} while (0)

struct point {
	double x, y;
};

ARENA_STR_MAP(counters, int);
ARENA_U64_MAP(points, point);
ARENA_VEC(numbers, long);
ARENA_GROUPS(lines, long);
ARENA_VEC(texts, char *);
ARENA_GROUPS(views, const char *);

static void strings(arena *a)
{
	arena_str rest = ARENA_STR(" one=1, two = 2.5 ,three"), part, name, value;
	arena_str names[3];
	double sum = 0, number;
	int64_t one = 0;
	bool yes = false;
	int nr = 0;

	while (arena_str_split(&rest, ',', &part)) {
		arena_str_cut(part, '=', &name, &value);
		names[nr++] = arena_str_trim(name);
		if (!arena_str_to_double(arena_str_trim(value), &number))
			sum += number;
	}
	EXPECT(nr == 3 && sum == 3.5);
	EXPECT(arena_str_equal(names[1], arena_str_of("two")));
	EXPECT(arena_str_compare(names[0], names[1]) < 0);
	EXPECT(arena_str_find(names[2], ARENA_STR("ee")) == 3);
	EXPECT(arena_str_find(names[2], ARENA_STR("no")) == ARENA_STR_NONE);
	EXPECT(arena_str_starts_with(names[2], ARENA_STR("th")));
	EXPECT(arena_str_ends_with(names[2], arena_str_slice(names[2], 3, 100)));
	EXPECT(!arena_str_to_int64(ARENA_STR("1"), &one) && one == 1);
	EXPECT(!arena_str_to_bool(ARENA_STR("true"), &yes) && yes);
	EXPECT(arena_str_dup(a, names[0]).data != nullptr);
	EXPECT(!arena_str_decode(a, ARENA_STR("a+%62"), ARENA_DECODE_PLUS, &value) &&
	       arena_str_equal(value, ARENA_STR("a b")));

	arena_buf buf;
	EXPECT(!arena_buf_begin(&buf, a, 0));
	EXPECT(!arena_buf_append_str(&buf, names[0]) && !arena_buf_append_char(&buf, '!'));
	EXPECT(arena_str_equal(arena_buf_finish_str(&buf), ARENA_STR("one!")));
}

static void maps(arena *a)
{
	char key[16];
	counters by_name;
	points by_number;
	bool is_new = false;
	size_t nr = 0;

	EXPECT(!counters_init(&by_name, a, 0, ARENA_MAP_COPY_KEYS));
	EXPECT(!points_init(&by_number, a, 10, 0) && !points_reserve(&by_number, 1000));
	for (int i = 0; i < 1000; i++) {
		std::snprintf(key, sizeof(key), "key %d", i);
		EXPECT(counters_put(&by_name, arena_str_of(key), i));
		EXPECT(points_put(&by_number, i, point { i * 1.0, 2.0 }));
	}
	EXPECT(*counters_get(&by_name, ARENA_STR("key 999")) == 999);
	EXPECT(counters_delete(&by_name, ARENA_STR("key 999")));
	EXPECT(!counters_get(&by_name, ARENA_STR("key 999")));
	EXPECT(*counters_get_or_put(&by_name, ARENA_STR("key 999"), &is_new) == 0 && is_new);
	EXPECT(points_get(&by_number, 77)->x == 77.0);
	for (points_entry *entry = nullptr; (entry = points_next(&by_number, entry)); nr++)
		EXPECT(entry->value.x == (double)entry->key);
	EXPECT(nr == 1000 && points_length(&by_number) == 1000);
	counters_clear(&by_name);
	EXPECT(counters_length(&by_name) == 0);
}

static void arrays(arena *a)
{
	static const long some[] = { 1, 2, 3 };
	struct numbers_slice slice;
	numbers all;
	long last = 0;

	EXPECT(!numbers_init(&all, a, 0) && !numbers_reserve(&all, 4));
	EXPECT(!numbers_append(&all, some, 3) && *numbers_push(&all, 4) == 4);
	EXPECT(!numbers_append(&all, all.data, numbers_length(&all)));
	EXPECT(numbers_pop(&all, &last) && last == 4);
	numbers_truncate(&all, 5);
	numbers_fit(&all);
	slice = numbers_slice(&all, 3, 100);
	EXPECT(slice.length == 2 && slice.data[0] == 4 && slice.data[1] == 1);
}

static void groups(arena *a, arena *b)
{
	lines all, some;
	lines_values *values;

	EXPECT(!lines_init(&all, a, 0, 0) && !lines_init(&some, b, 0, 0));
	EXPECT(lines_add(&all, ARENA_STR("word"), 1) && lines_add(&some, ARENA_STR("word"), 2));
	EXPECT(lines_add(&some, ARENA_STR("other"), 3) && !lines_merge(&all, &some));
	values = lines_get(&all, ARENA_STR("word"));
	EXPECT(lines_values_length(values) == 2 && values->data[1] == 2);
	EXPECT(lines_length(&all) == 2 && lines_length(&some) == 0);
}

int main()
{
	arena *a, *b;

	if (arena_create(&a, nullptr) || arena_create(&b, nullptr))
		return 1;
	strings(a);
	maps(a);
	arrays(a);
	groups(a, b);
	arena_destroy(b);
	arena_destroy(a);
	return failures != 0;
}
