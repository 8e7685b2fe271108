// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena: growable arrays, compared with a model that is simple enough to be
 * right. The seed is printed; $ARENA_SEED repeats a run.
 */
#include "lib_random.h"

#include <arena/vec.h>

LIB_FIXTURE(lib_vec)

#define STEPS	50000

/* An alignment that no other type here has. */
struct wide {
	char bytes[70];
	__attribute__((aligned(32))) int number;
};

ARENA_VEC(ints, int);
ARENA_VEC(wides, struct wide);

#define MAX_INTS	20000

static int reference[MAX_INTS];

static bool vec_step(struct arena *a, struct ints *v, size_t *nr)
{
	size_t n = random_below(100), from, i;
	int value = random_below(1000);

	switch (random_below(10)) {
	case 0 ... 4:
		if (*nr == MAX_INTS)
			return true;
		reference[(*nr)++] = value;
		return ints_push(v, value) == v->data + *nr - 1;
	case 5 ... 6:
		from = random_below(*nr + 1);
		if (n > *nr - from)
			n = *nr - from;
		if (*nr + n > MAX_INTS)
			return true;
		for (i = 0; i < n; i++)
			reference[*nr + i] = reference[from + i];
		*nr += n;
		return !ints_append(v, v->data ? v->data + from : NULL, n);
	case 7:
		if (!*nr)
			return !ints_pop(v, &value);
		return ints_pop(v, &value) && value == reference[--*nr];
	case 8:
		n = random_below(*nr + 10);
		if (random_below(100))
			return arena_alloc(a, random_below(40));
		ints_truncate(v, n);
		*nr = n < *nr ? n : *nr;
		return true;
	default:
		if (random_below(2))
			ints_fit(v);
		else
			return !ints_reserve(v, *nr + n);
		return true;
	}
}

TEST_F(lib_vec, arrays_agree_with_model)
{
	struct ints_slice slice;
	struct ints v;
	size_t nr = 0;
	long i;

	NEED_BACKING();
	begin_random(_metadata);
	ASSERT_EQ(0, ints_init(&v, self->a, 0));
	for (i = 0; i < STEPS; i++) {
		if (!vec_step(self->a, &v, &nr) || ints_length(&v) != nr) {
			TH_LOG("step %ld", i);
			ASSERT_TRUE(false);
		}
		if (i % 100 == 0) {
			slice = ints_slice(&v, 0, SIZE_MAX);
			ASSERT_EQ(nr, slice.length);
			ASSERT_EQ(0, nr ? memcmp(slice.data, reference, nr * sizeof(int)) : 0);
		}
	}
}

TEST_F(lib_vec, last_array_grows_in_place)
{
	struct wides wide_vec;
	struct wide wide = { .number = 0 };
	struct ints v;
	int i;

	NEED_BACKING();
	ASSERT_EQ(0, ints_init(&v, self->a, 0));
	EXPECT_EQ(0, stats_of(self->a).used);
	EXPECT_EQ(0, ints_slice(&v, 0, 1).length);
	ints_fit(&v);
	for (i = 0; i < 100000; i++)
		ASSERT_NE(NULL, ints_push(&v, i));
	if (!arena_check(self->a)) {
		EXPECT_EQ((1 << 17) * sizeof(int), stats_of(self->a).used);
		ints_fit(&v);
		EXPECT_EQ(100000 * sizeof(int), stats_of(self->a).used);
	}
	for (i = 0; i < 100000; i++)
		ASSERT_EQ(i, v.data[i]);
	EXPECT_EQ(v.data + 5, ints_slice(&v, 5, 7).data);
	EXPECT_EQ(2, ints_slice(&v, 5, 7).length);
	EXPECT_EQ(0, ints_slice(&v, 7, 5).length);
	EXPECT_EQ(0, ints_slice(&v, SIZE_MAX, SIZE_MAX).length);

	ASSERT_EQ(0, wides_init(&wide_vec, self->a, 1));
	for (i = 0; i < 100; i++) {
		wide.number = i;
		ASSERT_NE(NULL, wides_push(&wide_vec, wide));
		EXPECT_EQ(0, (uintptr_t)wide_vec.data % 32);
		/*
		 * The array is not the last allocation any more, and the next
		 * one is not aligned by chance.
		 */
		ASSERT_NE(NULL, arena_alloc(self->a, 16));
	}
	/* An array that is not the last allocation cannot give memory back. */
	wides_fit(&wide_vec);
	EXPECT_LE(128, wide_vec.vec.room);
	ASSERT_NE(NULL, ints_push(&v, i));
	ASSERT_NE(NULL, arena_alloc(self->a, 16));
	ints_fit(&v);
	EXPECT_LT(100001, v.vec.room);
	for (i = 0; i < 100; i++)
		EXPECT_EQ(i, wide_vec.data[i].number);
}

TEST_F(lib_vec, array_without_memory_is_unchanged)
{
	struct wides wide_vec;
	volatile size_t all = SIZE_MAX;
	struct arena *small;
	struct ints v;
	int i;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&small, OPTS(.backing = variant->backing, .limit = 4096)));
	EXPECT_EQ(-ENOMEM, ints_init(&v, small, SIZE_MAX));
	EXPECT_EQ(-ENOMEM, ints_init(&v, small, SIZE_MAX / sizeof(int) + 2));
	EXPECT_EQ(-ENOMEM, wides_init(&wide_vec, small, SIZE_MAX / 64));
	/*
	 * If there is no memory for twice the size, the array grows as much as
	 * it needs.
	 */
	ASSERT_EQ(0, ints_init(&v, small, 600));
	EXPECT_EQ(0, ints_reserve(&v, 900));
	EXPECT_EQ(900, v.vec.room);
	arena_reset(small);
	ASSERT_EQ(0, ints_init(&v, small, 0));
	for (i = 0; ints_push(&v, i); i++)
		;
	EXPECT_LE(512, i);
	EXPECT_EQ(-EDQUOT, arena_error(small));
	EXPECT_EQ(i, (int)ints_length(&v));
	EXPECT_EQ(-EDQUOT, ints_append(&v, v.data, i));
	EXPECT_EQ(-ENOMEM, ints_append(&v, v.data, all));
	EXPECT_EQ(i, (int)ints_length(&v));
	while (i--)
		EXPECT_EQ(i, v.data[i]);
	arena_destroy(small);
}

ARENA_VEC(texts, char *);
ARENA_VEC(views, const char *);

/*
 * Types with the name of a variable in the generated functions, whose type is
 * larger.
 */
typedef uint32_t offset;
ARENA_VEC(offsets, offset);
typedef uint16_t at;
ARENA_VEC(ats, at);

TEST_F(lib_vec, array_accepts_any_type)
{
	const char *const *view;
	char *const *text;
	offset one[16];
	struct offsets numbers;
	struct views views;
	struct ats ats;
	struct texts texts;
	char bytes[] = "x", *guard;

	NEED_BACKING();
	ASSERT_EQ(0, texts_init(&texts, self->a, 0));
	ASSERT_NE(NULL, texts_push(&texts, bytes));
	text = texts_slice(&texts, 0, 1).data;
	ASSERT_EQ(0, texts_append(&texts, text, 1));
	EXPECT_TRUE(texts.data[1] == bytes);
	ASSERT_EQ(0, views_init(&views, self->a, 0));
	ASSERT_NE(NULL, views_push(&views, bytes));
	view = views_slice(&views, 0, 1).data;
	ASSERT_EQ(0, views_append(&views, view, 1));
	EXPECT_TRUE(views.data[1] == bytes);

	ASSERT_EQ(0, ats_init(&ats, self->a, 0));
	ASSERT_NE(NULL, ats_push(&ats, 7));
	EXPECT_EQ(7, ats.data[0]);

	/* The array writes only its own bytes, not those of the larger type. */
	guard = arena_alloc(self->a, 64);
	ASSERT_NE(NULL, guard);
	memset(guard, 'g', 64);
	memset(one, 1, sizeof(one));
	ASSERT_EQ(0, offsets_init(&numbers, self->a, 16));
	ASSERT_EQ(0, offsets_append(&numbers, one, 16));
	EXPECT_EQ(0, memcmp(numbers.data, one, sizeof(one)));
	EXPECT_TRUE(is_filled(guard, 64, 'g'));
}

TEST_HARNESS_MAIN
