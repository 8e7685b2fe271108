// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena: strings, their parts, the numbers in them, and percent-encoding.
 */
#include "lib_random.h"

#include <locale.h>
#include <arena/str.h>

LIB_FIXTURE(lib_str)
LIB_FIXTURE_ONCE(lib_str)

#define S(literal)	ARENA_STR(literal)
#define EXPECT_STR(expected, seen)	EXPECT_TRUE(arena_str_equal(S(expected), (seen)))

/* --- strings ----------------------------------------------------------------- */

TEST_F(lib_str_once, strings_are_equal_byte_for_byte)
{
	char one[80], two[80];
	size_t n, i;

	memset(one, 'x', sizeof(one));
	for (n = 0; n <= 40; n++) {
		memset(two, 'x', sizeof(two));
		EXPECT_TRUE(arena_str_equal(arena_str_make(one, n), arena_str_make(two, n)));
		EXPECT_FALSE(arena_str_equal(arena_str_make(one, n),
					     arena_str_make(two, n + 1)));
		/*
		 * The bytes around the strings do not count; each byte of the
		 * strings does.
		 */
		two[n] = 'y';
		EXPECT_TRUE(arena_str_equal(arena_str_make(one, n), arena_str_make(two, n)));
		for (i = 0; i < n; i++) {
			memset(two, 'x', sizeof(two));
			two[i] = 'y';
			EXPECT_FALSE(arena_str_equal(arena_str_make(one, n),
						     arena_str_make(two, n)));
			EXPECT_GT(0, arena_str_compare(arena_str_make(one, n),
						       arena_str_make(two, n)));
			EXPECT_LT(0, arena_str_compare(arena_str_make(two, n),
						       arena_str_make(one, n)));
		}
	}
	EXPECT_EQ(0, arena_str_compare(S("a\0b"), S("a\0b")));
	EXPECT_GT(0, arena_str_compare(S("a\0b"), S("a\0c")));
	EXPECT_GT(0, arena_str_compare(S("a"), S("ab")));
	EXPECT_LT(0, arena_str_compare(S("\xff"), S("a")));
	EXPECT_EQ(0, arena_str_compare(S(""), S("")));
}

TEST_F(lib_str_once, parts_of_strings_are_views)
{
	struct arena_str s = S("arena"), one, two;

	EXPECT_STR("ren", arena_str_slice(s, 1, 4));
	EXPECT_STR("ena", arena_str_slice(s, 2, SIZE_MAX));
	EXPECT_STR("", arena_str_slice(s, 4, 2));
	EXPECT_STR("", arena_str_slice(s, 9, 12));
	EXPECT_EQ(s.data + 1, arena_str_slice(s, 1, 4).data);
	EXPECT_TRUE(arena_str_starts_with(s, S("are")));
	EXPECT_TRUE(arena_str_starts_with(s, S("")));
	EXPECT_FALSE(arena_str_starts_with(s, S("arenas")));
	EXPECT_FALSE(arena_str_starts_with(s, S("re")));
	EXPECT_TRUE(arena_str_ends_with(s, S("ena")));
	EXPECT_FALSE(arena_str_ends_with(s, S("en")));
	EXPECT_FALSE(arena_str_ends_with(s, S("an arena")));
	EXPECT_EQ(2, arena_str_find(s, S("en")));
	EXPECT_EQ(0, arena_str_find(s, S("a")));
	EXPECT_EQ(0, arena_str_find(s, S("")));
	EXPECT_EQ(ARENA_STR_NONE, arena_str_find(s, S("x")));
	EXPECT_EQ(1, arena_str_find(S("\0\0a"), S("\0a")));
	EXPECT_TRUE(arena_str_cut(S("key=a=b"), '=', &one, &two));
	EXPECT_STR("key", one);
	EXPECT_STR("a=b", two);
	EXPECT_FALSE(arena_str_cut(s, '=', &one, &two));
	EXPECT_STR("arena", one);
	EXPECT_STR("", two);
	EXPECT_TRUE(arena_str_cut(S("="), '=', &one, &two));
	EXPECT_STR("", one);
	EXPECT_STR("", two);
	EXPECT_NE(NULL, two.data);
	EXPECT_STR("a b", arena_str_trim(S(" \t\n\v\f\ra b\r ")));
	EXPECT_STR("", arena_str_trim(S(" \n")));
}

static int nr_parts(struct arena_str s)
{
	struct arena_str part;
	int nr = 0;

	while (arena_str_split(&s, ',', &part))
		nr++;
	return nr;
}

TEST_F(lib_str_once, strings_are_split)
{
	struct arena_str rest = S("a,,bc,"), part;

	EXPECT_TRUE(arena_str_split(&rest, ',', &part));
	EXPECT_STR("a", part);
	EXPECT_TRUE(arena_str_split(&rest, ',', &part));
	EXPECT_STR("", part);
	EXPECT_TRUE(arena_str_split(&rest, ',', &part));
	EXPECT_STR("bc", part);
	EXPECT_TRUE(arena_str_split(&rest, ',', &part));
	EXPECT_STR("", part);
	EXPECT_FALSE(arena_str_split(&rest, ',', &part));
	EXPECT_FALSE(arena_str_split(&rest, ',', &part));
	EXPECT_EQ(1, nr_parts(S("")));
	EXPECT_EQ(2, nr_parts(S(",")));
	EXPECT_EQ(1, nr_parts(S("a")));
}

static int int_of(struct arena_str s, int64_t expected)
{
	int64_t value = 77;
	int err = arena_str_to_int64(s, &value);

	return err ? (value == 77 ? err : 1) : value != expected;
}

static int double_of(struct arena_str s, double expected)
{
	double value = 77;
	int err = arena_str_to_double(s, &value);

	return err ? (value == 77 ? err : 1) : value != expected;
}

TEST_F(lib_str_once, strings_are_parsed_as_numbers)
{
	static char digits[1002];
	bool is_true = false;

	EXPECT_EQ(0, int_of(S("0"), 0));
	EXPECT_EQ(0, int_of(S("-0"), 0));
	EXPECT_EQ(0, int_of(S("+007"), 7));
	EXPECT_EQ(0, int_of(S("9223372036854775807"), INT64_MAX));
	EXPECT_EQ(0, int_of(S("-9223372036854775808"), INT64_MIN));
	EXPECT_EQ(-ERANGE, int_of(S("9223372036854775808"), 0));
	EXPECT_EQ(-ERANGE, int_of(S("-9223372036854775809"), 0));
	EXPECT_EQ(-ERANGE, int_of(S("99999999999999999999999"), 0));
	EXPECT_EQ(-EINVAL, int_of(S(""), 0));
	EXPECT_EQ(-EINVAL, int_of(S("-"), 0));
	EXPECT_EQ(-EINVAL, int_of(S("--1"), 0));
	EXPECT_EQ(-EINVAL, int_of(S(" 1"), 0));
	EXPECT_EQ(-EINVAL, int_of(S("1x"), 0));
	EXPECT_EQ(-EINVAL, int_of(S("1\0"), 0));

	EXPECT_EQ(0, double_of(S("1"), 1));
	EXPECT_EQ(0, double_of(S("-1.5e3"), -1500));
	EXPECT_EQ(0, double_of(S("+2.5E-1"), .25));
	EXPECT_EQ(0, double_of(S("0.1"), .1));
	EXPECT_EQ(0, double_of(S("1e-400"), 0));
	EXPECT_EQ(-ERANGE, double_of(S("1e400"), 0));
	EXPECT_EQ(-EINVAL, double_of(S(""), 0));
	EXPECT_EQ(-EINVAL, double_of(S("."), 0));
	EXPECT_EQ(-EINVAL, double_of(S(".5"), 0));
	EXPECT_EQ(-EINVAL, double_of(S("5."), 0));
	EXPECT_EQ(-EINVAL, double_of(S("1e"), 0));
	EXPECT_EQ(-EINVAL, double_of(S("1e+"), 0));
	EXPECT_EQ(-EINVAL, double_of(S("1.5.5"), 0));
	EXPECT_EQ(-EINVAL, double_of(S("0x10"), 0));
	EXPECT_EQ(-EINVAL, double_of(S("inf"), 0));
	EXPECT_EQ(-EINVAL, double_of(S("nan"), 0));
	if (setlocale(LC_NUMERIC, "de_DE.UTF-8"))
		EXPECT_EQ(0, double_of(S("1.5"), 1.5));
	setlocale(LC_NUMERIC, "C");
	memset(digits, '0', sizeof(digits));
	EXPECT_EQ(0, double_of(arena_str_make(digits, 1000), 0));
	EXPECT_EQ(-ERANGE, double_of(arena_str_make(digits, 1001), 0));

	EXPECT_EQ(0, arena_str_to_bool(S("true"), &is_true));
	EXPECT_TRUE(is_true);
	EXPECT_EQ(-EINVAL, arena_str_to_bool(S("True"), &is_true));
	EXPECT_EQ(-EINVAL, arena_str_to_bool(S("true "), &is_true));
	EXPECT_TRUE(is_true);
	EXPECT_EQ(0, arena_str_to_bool(S("false"), &is_true));
	EXPECT_FALSE(is_true);
}

TEST_F(lib_str, strings_are_copied)
{
	struct arena_buf buf;
	struct arena_str s;
	char *copy;
	int i;

	NEED_BACKING();
	s = arena_str_dup(self->a, S("a\0b"));
	EXPECT_STR("a\0b", s);
	EXPECT_EQ(0, s.data[3]);
	s = arena_str_dup(self->a, S(""));
	EXPECT_EQ(0, s.length);
	ASSERT_NE(NULL, s.data);
	EXPECT_EQ(0, *s.data);

	ASSERT_EQ(0, arena_buf_begin(&buf, self->a, 0));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, arena_buf_append_char(&buf, 'a' + i % 26));
		ASSERT_EQ(0, arena_buf_append_str(&buf, S("<>")));
	}
	s = arena_buf_finish_str(&buf);
	ASSERT_EQ(3000, s.length);
	EXPECT_EQ(0, s.data[3000]);
	for (i = 0; i < 1000; i++)
		EXPECT_EQ('a' + i % 26, s.data[3 * i]);
	/* Without memory there is no copy. */
	copy = arena_alloc(self->a, 1);
	ASSERT_NE(NULL, copy);
	s = arena_str_dup(self->a, arena_str_make(copy, SIZE_MAX / 2));
	EXPECT_EQ(NULL, s.data);
	EXPECT_EQ(0, s.length);
}

/* --- percent-encoding ---------------------------------------------------------- */

/*
 * Decode in place and into the arena; the result is a copy only if there was
 * something to decode.
 */
static bool decodes(struct arena *a, struct arena_str s, uint32_t flags, struct arena_str to)
{
	struct arena_str decoded = { NULL, 0 };
	size_t length = s.length;
	char bytes[64];

	memcpy(bytes, s.data, s.length);
	if (arena_percent_decode(bytes, &length, flags) ||
	    !arena_str_equal(arena_str_make(bytes, length), to))
		return false;
	if (arena_str_decode(a, s, flags, &decoded) || !arena_str_equal(decoded, to))
		return false;
	return (decoded.data == s.data) == arena_str_equal(s, to);
}

/* Return the offset of the bad escape; nothing has changed. */
static size_t bad_escape(struct arena *a, struct arena_str s)
{
	struct arena_str decoded = { NULL, 0 };
	size_t length = s.length;
	char bytes[64];

	memcpy(bytes, s.data, s.length);
	if (arena_percent_decode(bytes, &length, 0) != -EINVAL ||
	    memcmp(bytes, s.data, s.length) || decoded.data ||
	    arena_str_decode(a, s, 0, &decoded) != -EINVAL)
		return SIZE_MAX;
	return length;
}

TEST_F(lib_str, strings_are_decoded)
{
	struct arena_str decoded;
	size_t length = 3;
	char bytes[] = "%41";

	NEED_BACKING();
	EXPECT_TRUE(decodes(self->a, S(""), 0, S("")));
	EXPECT_TRUE(decodes(self->a, S("plain"), 0, S("plain")));
	EXPECT_TRUE(decodes(self->a, S("%41b%4a%4A"), 0, S("AbJJ")));
	EXPECT_TRUE(decodes(self->a, S("a%00b%ff"), 0, S("a\0b\xff")));
	EXPECT_TRUE(decodes(self->a, S("%2541"), 0, S("%41")));
	EXPECT_TRUE(decodes(self->a, S("a+b"), 0, S("a+b")));
	EXPECT_TRUE(decodes(self->a, S("a+b%2B+"), ARENA_DECODE_PLUS, S("a b+ ")));
	EXPECT_TRUE(decodes(self->a, S("%zz%4%41%"), ARENA_DECODE_LENIENT, S("%zz%4A%")));
	EXPECT_EQ(0, bad_escape(self->a, S("%")));
	EXPECT_EQ(1, bad_escape(self->a, S("a%4")));
	EXPECT_EQ(3, bad_escape(self->a, S("%41%4g")));
	EXPECT_EQ(2, bad_escape(self->a, S("ab%:0")));
	EXPECT_EQ(2, bad_escape(self->a, S("ab%/0")));
	EXPECT_EQ(2, bad_escape(self->a, S("ab%@0")));
	EXPECT_EQ(2, bad_escape(self->a, S("ab%`0")));
	EXPECT_EQ(2, bad_escape(self->a, S("ab%G0")));
	/* Bytes behind the string are not part of it; a copy is followed by a NUL. */
	EXPECT_EQ(-EINVAL, arena_str_decode(self->a, arena_str_make("%41", 2), 0, &decoded));
	memset(self->a->base + self->a->left - 100, 'x', 100);
	ASSERT_EQ(0, arena_str_decode(self->a, S("%41%42"), 0, &decoded));
	EXPECT_EQ(0, strcmp("AB", decoded.data));
	EXPECT_EQ(-EINVAL, arena_percent_decode(bytes, &length, 1u << 31));
	EXPECT_EQ(-EINVAL, arena_str_decode(self->a, S("x"), 1u << 31, &decoded));
}

/* --- compared with a simple implementation ------------------------------------- */

static struct arena_str random_string(char *bytes, size_t most, const char *alphabet)
{
	size_t length = random_below(most + 1), i;

	for (i = 0; i < length; i++)
		bytes[i] = alphabet[random_below(strlen(alphabet))];
	return arena_str_make(bytes, length);
}

static size_t find_slowly(struct arena_str s, struct arena_str what)
{
	size_t i;

	for (i = 0; i + what.length <= s.length; i++)
		if (!memcmp(s.data + i, what.data, what.length))
			return i;
	return ARENA_STR_NONE;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF", *at = strchr(digits, c);

	return c && at ? (at - digits) % 16 : -1;
}

/*
 * Decode into @to; return the number of bytes, or -1 minus the offset of a bad
 * escape.
 */
static long decode_slowly(struct arena_str s, uint32_t flags, char *to)
{
	long nr = 0;
	size_t i;

	for (i = 0; i < s.length; i++) {
		bool is_escape = s.data[i] == '%' && i + 2 < s.length &&
				 hex(s.data[i + 1]) >= 0 && hex(s.data[i + 2]) >= 0;

		if (is_escape) {
			to[nr++] = 16 * hex(s.data[i + 1]) + hex(s.data[i + 2]);
			i += 2;
		} else if (s.data[i] == '%' && !(flags & ARENA_DECODE_LENIENT)) {
			return -1 - (long)i;
		} else {
			to[nr++] = s.data[i] == '+' && flags & ARENA_DECODE_PLUS ? ' ' : s.data[i];
		}
	}
	return nr;
}

TEST_F(lib_str, strings_agree_with_model)
{
	char bytes[40], other[8], slow[40], fast[40];
	struct arena_str s, t, part, rest, joined;
	struct arena_buf buf;
	uint32_t flags;
	size_t length;
	long nr;
	int i;

	NEED_BACKING();
	begin_random(_metadata);
	for (i = 0; i < 20000; i++) {
		arena_reset(self->a);
		s = random_string(bytes, sizeof(bytes), "aab,%4+");
		t = random_string(other, 3, "aab,");
		ASSERT_EQ(find_slowly(s, t), arena_str_find(s, t));
		ASSERT_EQ(s.length >= t.length && !memcmp(s.data, t.data, t.length),
			  arena_str_starts_with(s, t));

		/* A string that is split and joined again is unchanged. */
		rest = s;
		ASSERT_EQ(0, arena_buf_begin(&buf, self->a, 0));
		while (arena_str_split(&rest, ',', &part)) {
			ASSERT_EQ(ARENA_STR_NONE, arena_str_find(part, S(",")));
			ASSERT_EQ(0, arena_buf_append_str(&buf, part));
			if (rest.data)
				ASSERT_EQ(0, arena_buf_append_char(&buf, ','));
		}
		joined = arena_buf_finish_str(&buf);
		ASSERT_TRUE(arena_str_equal(s, joined));
		ASSERT_EQ(0, arena_str_compare(s, joined));

		flags = random_below(4);
		nr = decode_slowly(s, flags, slow);
		memcpy(fast, s.data, s.length);
		length = s.length;
		ASSERT_EQ(nr < 0 ? -EINVAL : 0, arena_percent_decode(fast, &length, flags));
		ASSERT_EQ(nr < 0 ? -1 - nr : nr, (long)length);
		ASSERT_EQ(0, memcmp(nr < 0 ? s.data : slow, fast, nr < 0 ? s.length : length));
	}
}

TEST_HARNESS_MAIN
