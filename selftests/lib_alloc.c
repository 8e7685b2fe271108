// SPDX-License-Identifier: GPL-2.0-only
/* libarena: allocations beyond the inline bump, and failures. */
#include "lib_test.h"

#include <setjmp.h>
#include <stdio.h>

LIB_FIXTURE(lib_alloc)

/* Copy a string without its NUL, so that reading beyond its end is detected. */
static char *exact_string(const char *text, size_t size)
{
	char *copy = malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

TEST_F(lib_alloc, try_alloc_allocates_as_alloc_does)
{
	/* volatile, so that the compiler does not know the value and warn. */
	volatile size_t wrong = 6;
	char *one, *two;

	NEED_BACKING();
	one = arena_try_alloc(self->a, 100);
	two = arena_try_alloc_aligned(self->a, 100, 256);
	ASSERT_NE(NULL, one);
	ASSERT_NE(NULL, two);
	EXPECT_EQ(0, (uintptr_t)two % 256);
	EXPECT_EQ(NULL, arena_try_alloc_aligned(self->a, 100, wrong));
	EXPECT_EQ(-EINVAL, arena_error(self->a));
	memset(one, 1, 100);
	memset(two, 2, 100);
	EXPECT_TRUE(is_filled(arena_try_zalloc(self->a, 100), 100, 0));
	EXPECT_TRUE(is_filled(one, 100, 1));
}

struct pair {
	char c;
	double d[3];
};

TEST_F(lib_alloc, new_has_the_type_s_size_and_alignment)
{
	struct over { char c __attribute__((aligned(128))); } *over;
	struct pair *pairs;
	volatile size_t many = SIZE_MAX / sizeof(struct pair) + 1;

	NEED_BACKING();
	over = arena_new(self->a, struct over);
	EXPECT_EQ(0, (uintptr_t)over % 128);
	pairs = arena_new_array(self->a, struct pair, 1000);
	ASSERT_NE(NULL, pairs);
	memset(pairs, 1, 1000 * sizeof(*pairs));
	EXPECT_LE(1000 * sizeof(*pairs), (uintptr_t)over - (uintptr_t)pairs);
	EXPECT_EQ(NULL, arena_new_array(self->a, struct pair, many));
	EXPECT_EQ(-ENOMEM, arena_error(self->a));
	EXPECT_NE(NULL, arena_new_array(self->a, struct pair, 0));
}

/* This includes allocations of which only a part was used before. */
TEST_F(lib_alloc, zalloc_zeroes_what_was_used)
{
	size_t sizes[] = { 1, 15, 100, MIB - 1, MIB, MIB + 1, 3 * MIB }, i;
	unsigned char *memory;

	NEED_BACKING();
	memory = arena_alloc(self->a, MIB);
	ASSERT_NE(NULL, memory);
	memset(memory, 0xff, MIB);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		arena_reset(self->a);
		memory = arena_zalloc(self->a, sizes[i]);
		ASSERT_NE(NULL, memory);
		EXPECT_TRUE(is_filled(memory, sizes[i], 0));
		memset(memory, 0xff, sizes[i]);
	}
	ASSERT_EQ(0, arena_release(self->a));
	EXPECT_TRUE(is_filled(arena_zalloc(self->a, 3 * MIB), 3 * MIB, 0));
}

TEST_F(lib_alloc, strings_are_copied)
{
	char *unended, *copy;

	NEED_BACKING();
	EXPECT_STREQ("eine Zeichenkette", arena_strdup(self->a, "eine Zeichenkette"));
	EXPECT_STREQ("", arena_strdup(self->a, ""));
	EXPECT_STREQ("abc", arena_strndup(self->a, "abcdef", 3));
	EXPECT_STREQ("abc", arena_strndup(self->a, "abc", 100));
	EXPECT_STREQ("", arena_strndup(self->a, "abc", 0));
	unended = exact_string("xyz", 3);
	EXPECT_STREQ("xyz", arena_strndup(self->a, unended, 3));
	copy = arena_memdup(self->a, unended, 3);
	EXPECT_EQ(0, memcmp(copy, "xyz", 3));
	EXPECT_NE(NULL, arena_memdup(self->a, NULL, 0));
	free(unended);
}

/* Strings of 16 bytes in total take 16 bytes, and share them with nothing else. */
TEST_F(lib_alloc, strings_are_adjacent)
{
	char *one, *two, *three, *other;
	struct arena_mark mark;
	size_t used;

	NEED_BACKING();
	used = stats_of(self->a).used;
	one = arena_strdup(self->a, "0123");
	two = arena_strdup(self->a, "45");
	three = arena_strdup(self->a, "6789012");
	EXPECT_EQ(used + 16, stats_of(self->a).used);
	other = arena_alloc(self->a, 16);
	memset(other, 0xff, 16);
	EXPECT_STREQ("0123", one);
	EXPECT_STREQ("45", two);
	EXPECT_STREQ("6789012", three);

	/* The gap behind earlier strings is not reused for later ones. */
	one = arena_strdup(self->a, "1");
	mark = arena_save(self->a);
	two = arena_strdup(self->a, "2");
	EXPECT_STREQ("1", one);
	EXPECT_STREQ("2", two);
	arena_rewind(self->a, mark);
	two = arena_strdup(self->a, "a string that needs more than there is left");
	EXPECT_STREQ("1", one);
	arena_reset(self->a);
	other = arena_alloc(self->a, 16);
	memset(other, 0xff, 16);
	two = arena_strdup(self->a, "2");
	EXPECT_TRUE(is_filled(other, 16, 0xff));
	EXPECT_STREQ("2", two);
}

TEST_F(lib_alloc, printf_formats)
{
	char *string, text[1000];

	NEED_BACKING();
	EXPECT_STREQ("", arena_printf(self->a, "%s", ""));
	EXPECT_STREQ("7 sieben", arena_printf(self->a, "%d %s", 7, "sieben"));
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	string = arena_printf(self->a, "<%s>", text);
	ASSERT_NE(NULL, string);
	EXPECT_EQ(sizeof(text) + 1, strlen(string));
	EXPECT_EQ(0, memcmp(string + 1, text, sizeof(text) - 1));
	/* Sizes around the one at which the text is formatted twice. */
	for (size_t i = 250; i < 260; i++) {
		string = arena_printf(self->a, "%.*s", (int)i, text);
		ASSERT_NE(NULL, string);
		EXPECT_EQ(i, strlen(string));
	}
}

TEST_F(lib_alloc, realloc_of_last_allocation_extends_it)
{
	unsigned char *memory;
	size_t used, size;

	NEED_BACKING();
	used = stats_of(self->a).used;
	memory = arena_realloc(self->a, NULL, 0, 16);
	for (size = 16; size < 8 * MIB; size *= 2) {
		memset(memory, 0x5a, size);
		memory = arena_realloc(self->a, memory, size, 2 * size);
		ASSERT_NE(NULL, memory);
		ASSERT_TRUE(is_filled(memory, size, 0x5a));
		ASSERT_EQ(used + 2 * size, stats_of(self->a).used);
	}
	for (; size > 100; size /= 3) {
		memory = arena_realloc(self->a, memory, size, size / 3);
		ASSERT_TRUE(is_filled(memory, size / 3, 0x5a));
		ASSERT_EQ(used + (size / 3 + 15) / 16 * 16, stats_of(self->a).used);
	}
}

TEST_F(lib_alloc, realloc_of_other_allocations_copies)
{
	char *memory, *last, *more;

	NEED_BACKING();
	memory = arena_alloc(self->a, 100);
	memset(memory, 1, 100);
	last = arena_alloc(self->a, 100);
	memset(last, 2, 100);
	EXPECT_EQ(memory, arena_realloc(self->a, memory, 100, 50));
	more = arena_realloc(self->a, memory, 50, 200);
	ASSERT_NE(NULL, more);
	EXPECT_TRUE(is_filled(more, 50, 1));
	memset(more, 3, 200);
	EXPECT_TRUE(is_filled(last, 100, 2));
	EXPECT_TRUE(is_filled(memory, 100, 1));
	EXPECT_EQ(memory, arena_realloc(self->a, memory, 50, 0));
}

/* A string may have a neighbour where other allocations have a gap. */
TEST_F(lib_alloc, realloc_of_strings_keeps_contents)
{
	char *one, *two, *three;
	size_t i;

	NEED_BACKING();
	for (i = 1; i < 40; i++) {
		one = arena_printf(self->a, "%0*d", (int)i, 1);
		two = arena_printf(self->a, "%0*d", (int)i, 2);
		two = arena_realloc(self->a, two, i + 1, i + 100);
		ASSERT_NE(NULL, two);
		ASSERT_EQ(i, strlen(two));
		memset(two, 'x', i + 100);
		ASSERT_EQ('1', one[i - 1]);
		ASSERT_EQ(i, strlen(one));
		three = arena_strdup(self->a, "3");
		ASSERT_TRUE(is_filled(two, i + 100, 'x'));
		ASSERT_STREQ("3", three);
	}
}

/* This must also work if the string is the last one again. */
TEST_F(lib_alloc, realloc_of_string_after_rewind_keeps_contents)
{
	struct arena_mark mark;
	char *one, *two;

	NEED_BACKING();
	one = arena_strdup(self->a, "0123456789");
	two = arena_strdup(self->a, "abcd");
	EXPECT_EQ(0, (uintptr_t)two % 16);
	mark = arena_save(self->a);
	EXPECT_NE(NULL, arena_strdup(self->a, "x"));
	arena_rewind(self->a, mark);
	two = arena_realloc(self->a, two, 5, 31);
	memset(two, 0xff, 31);
	EXPECT_STREQ("0123456789", one);
	two = arena_realloc(self->a, two, 31, 3);
	two = arena_realloc(self->a, two, 3, 31);
	memset(two, 0xff, 31);
	EXPECT_STREQ("0123456789", one);
}

TEST_F(lib_alloc, realloc_that_fails_changes_nothing)
{
	/* volatile, so that the compiler does not know the value and warn. */
	volatile size_t max = SIZE_MAX;
	struct arena_stats before;
	char *memory;

	NEED_BACKING();
	memory = arena_alloc(self->a, 100);
	memset(memory, 1, 100);
	before = stats_of(self->a);
	EXPECT_EQ(NULL, arena_realloc(self->a, memory, 100, max));
	EXPECT_EQ(NULL, arena_realloc(self->a, memory, 100, 32 * GIB));
	EXPECT_EQ(NULL, arena_realloc(self->a, NULL, 0, max));
	EXPECT_EQ(-ENOMEM, arena_error(self->a));
	EXPECT_EQ(before.used, stats_of(self->a).used);
	EXPECT_TRUE(is_filled(memory, 100, 1));
}

TEST_F(lib_alloc, buffer_grows_in_place)
{
	struct arena_buf buf;
	size_t used, length, i;
	char *text;

	NEED_BACKING();
	used = stats_of(self->a).used;
	ASSERT_EQ(0, arena_buf_begin(&buf, self->a, 0));
	for (i = 0; i < 100000; i++) {
		ASSERT_EQ(0, arena_buf_append(&buf, "0123456789", 10));
	}
	ASSERT_EQ(0, arena_buf_append(&buf, NULL, 0));
	ASSERT_EQ(0, arena_buf_printf(&buf, "%s, %d", "end", 42));
	/* Append from the buffer itself, which moves. */
	ASSERT_EQ(0, arena_buf_append(&buf, buf.data, 999993));
	ASSERT_EQ(0, arena_buf_append(&buf, buf.data + 1000000, 7));
	EXPECT_EQ(0, memcmp(buf.data + 2000000, "end, 42", 7));
	buf.length = 1000007;
	text = arena_buf_finish(&buf, &length);
	ASSERT_NE(NULL, text);
	EXPECT_EQ(1000007, length);
	EXPECT_EQ(length, strlen(text));
	for (i = 0; i < 1000000; i++) {
		ASSERT_EQ('0' + i % 10, text[i]);
	}
	EXPECT_STREQ("end, 42", text + 1000000);
	/* This includes the NUL and up to 15 bytes for alignment. */
	EXPECT_EQ(used + (1000008 + 15) / 16 * 16, stats_of(self->a).used);
}

TEST_F(lib_alloc, buffer_among_other_allocations_keeps_contents)
{
	struct arena_buf one, two;
	char *other, *first, *second, text[300];
	size_t length;
	int i;

	NEED_BACKING();
	memset(text, 'y', sizeof(text));
	ASSERT_EQ(0, arena_buf_begin(&one, self->a, 0));
	ASSERT_EQ(0, arena_buf_begin(&two, self->a, 1000));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, arena_buf_printf(&one, "%d,", i));
		ASSERT_EQ(0, arena_buf_printf(&two, "%.*s", i % 300, text));
		other = arena_alloc(self->a, i);
		ASSERT_NE(NULL, other);
		memset(other, 0xff, i);
	}
	first = arena_buf_finish(&one, NULL);
	second = arena_buf_finish(&two, &length);
	ASSERT_NE(NULL, first);
	ASSERT_NE(NULL, second);
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(i, strtol(first, &first, 10));
		ASSERT_EQ(',', *first++);
	}
	EXPECT_EQ('\0', *first);
	EXPECT_TRUE(is_filled(second, length, 'y'));
	EXPECT_STREQ("", arena_buf_begin(&one, self->a, 0) ? NULL :
		     arena_buf_finish(&one, NULL));
}

/* After data that does not fit, nothing else is appended. */
TEST_F(lib_alloc, buffer_keeps_its_error)
{
	struct arena_buf buf;
	struct arena *a;
	char text[1000];

	NEED_BACKING();
	memset(text, 'z', sizeof(text));
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing, .limit = 4000)));
	ASSERT_EQ(0, arena_buf_begin(&buf, a, 0));
	ASSERT_EQ(0, arena_buf_append(&buf, text, 1000));
	EXPECT_EQ(-EDQUOT, arena_buf_append(&buf, text, 4000));
	EXPECT_EQ(-EDQUOT, arena_buf_append(&buf, text, 1));
	EXPECT_EQ(-EDQUOT, arena_buf_printf(&buf, "x"));
	EXPECT_EQ(NULL, arena_buf_finish(&buf, NULL));
	EXPECT_EQ(1000, buf.length);
	EXPECT_EQ(-EDQUOT, arena_buf_begin(&buf, a, 5000));
	EXPECT_EQ(-ENOMEM, arena_buf_begin(&buf, a, SIZE_MAX));
	EXPECT_EQ(NULL, arena_buf_finish(&buf, NULL));
	ASSERT_EQ(0, arena_buf_begin(&buf, a, 100));
	EXPECT_EQ(-EDQUOT, arena_buf_printf(&buf, "%5000d", 1));
	arena_destroy(a);
}

/* --- out of memory ---------------------------------------------------------------- */

/* A limit is exact to the byte, regardless of blocks. */
TEST_F(lib_alloc, limit_is_exact_to_the_byte)
{
	size_t limits[] = { 16, 17, 4000, 2 * MIB - 16, 2 * MIB, 5 * MIB + 100 }, i, limit;
	struct arena *a;
	char *memory;

	NEED_BACKING();
	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		limit = limits[i] & -ARENA_ALIGN;
		ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
						   .limit = limits[i])));
		EXPECT_EQ(limit, stats_of(a).limit);
		EXPECT_EQ(NULL, arena_alloc(a, limit + 1));
		EXPECT_EQ(-EDQUOT, arena_error(a));
		memory = arena_alloc(a, limit);
		ASSERT_NE(NULL, memory);
		memset(memory, 1, limit);
		EXPECT_EQ(limit, stats_of(a).used);
		EXPECT_EQ(NULL, arena_alloc(a, 1));
		EXPECT_EQ(NULL, arena_strdup(a, ""));
		EXPECT_EQ(-EDQUOT, arena_error(a));
		EXPECT_EQ(limit, stats_of(a).used);
		arena_reset(a);
		EXPECT_NE(NULL, arena_alloc(a, limit));
		ASSERT_EQ(0, arena_release(a));
		EXPECT_NE(NULL, arena_alloc(a, limit));
		EXPECT_EQ(NULL, arena_alloc(a, 16 * GIB));
		EXPECT_EQ(-ENOMEM, arena_error(a));
		arena_destroy(a);
	}
}

static int count_and_reset(struct arena *a, size_t size, int error, void *ctx)
{
	int *calls = ctx;

	(void)size;
	++*calls;
	if (error != -EDQUOT)
		return 0;
	arena_reset(a);
	return *calls < 10;
}

TEST_F(lib_alloc, oom_handler_can_make_room)
{
	struct arena *a;
	int calls = 0;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing, .limit = MIB)));
	arena_set_oom(a, count_and_reset, &calls);
	EXPECT_NE(NULL, arena_alloc(a, MIB));
	EXPECT_EQ(0, calls);
	EXPECT_EQ(NULL, arena_try_alloc(a, MIB));
	EXPECT_EQ(NULL, arena_try_alloc_aligned(a, MIB, 32));
	EXPECT_EQ(NULL, arena_try_zalloc(a, MIB));
	EXPECT_EQ(NULL, arena_try_realloc(a, NULL, 0, MIB));
	EXPECT_EQ(0, calls);
	EXPECT_NE(NULL, arena_alloc(a, MIB));
	EXPECT_EQ(1, calls);
	EXPECT_NE(NULL, arena_alloc_aligned(a, MIB, 16));
	EXPECT_NE(NULL, arena_zalloc(a, MIB));
	EXPECT_NE(NULL, arena_realloc(a, NULL, 0, MIB));
	EXPECT_NE(NULL, arena_strdup(a, "a string"));
	EXPECT_EQ(5, calls);
	EXPECT_NE(NULL, arena_alloc(a, MIB));
	EXPECT_EQ(6, calls);
	/* In this case the handler cannot help. */
	EXPECT_EQ(NULL, arena_alloc(a, 2 * MIB));
	EXPECT_EQ(10, calls);
	EXPECT_EQ(NULL, arena_alloc(a, SIZE_MAX));
	EXPECT_EQ(11, calls);
	arena_set_oom(a, NULL, NULL);
	EXPECT_EQ(NULL, arena_alloc(a, 2 * MIB));
	EXPECT_EQ(11, calls);
	arena_destroy(a);
}

static int jump(struct arena *a, size_t size, int error, void *ctx)
{
	(void)a;
	(void)size;
	(void)error;
	longjmp(*(jmp_buf *)ctx, 1);
}

TEST_F(lib_alloc, oom_handler_need_not_return)
{
	jmp_buf env;

	NEED_BACKING();
	arena_set_oom(self->a, jump, &env);
	if (!setjmp(env)) {
		if (arena_alloc(self->a, SIZE_MAX))
			abort();
		abort();
	}
	EXPECT_NE(NULL, arena_alloc(self->a, 100));
}

/* Failed allocations are counted, and the last error is kept. */
TEST_F(lib_alloc, errors_are_counted)
{
	volatile size_t wrong = 3;

	NEED_BACKING();
	EXPECT_EQ(0, arena_error(self->a));
	EXPECT_EQ(NULL, arena_alloc(self->a, SIZE_MAX));
	EXPECT_EQ(NULL, arena_alloc_aligned(self->a, 1, wrong));
	EXPECT_EQ(2, stats_of(self->a).failures);
	EXPECT_NE(NULL, arena_alloc(self->a, 1));
	EXPECT_EQ(-EINVAL, arena_error(self->a));
	EXPECT_EQ(2, stats_of(self->a).failures);
}

TEST_HARNESS_MAIN
