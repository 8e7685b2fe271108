// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena: query strings. The last test compares random strings with a parser
 * that is simple enough to be right; the seed is printed, and $ARENA_SEED
 * repeats a run.
 */
#include "lib_test.h"
#include "query_model.h"

#include <math.h>
#include <time.h>

LIB_FIXTURE(lib_query)

#define ROUNDS	20000

/* Copy to memory of its own, so that reading beyond its end is detected. */
static char *copy_of(const char *text, size_t length)
{
	char *copy = malloc(length + !length);

	if (!copy)
		abort();
	return memcpy(copy, text, length);
}

/* Parse a writable copy of a literal. */
#define PARSE(literal, flags, q) ({						\
	char *copy_ = arena_memdup(self->a, literal, sizeof(literal) - 1);	\
										\
	arena_query_parse(self->a, copy_, sizeof(literal) - 1, 0, flags, q);	\
})

#define EXPECT_TEXT(literal, s) do {						\
	struct arena_str s_ = (s);						\
										\
	EXPECT_TRUE(arena_str_equal(ARENA_STR(literal), s_)) {			\
		TH_LOG("it is '%.*s'", (int)s_.length, s_.data);		\
	}									\
} while (0)

TEST_F(lib_query, query_is_parsed_into_map)
{
	const struct arena_query_value *value;
	struct arena_query q;

	NEED_BACKING();
	errno = 1234;
	ASSERT_EQ(0, PARSE("user_id=123&name=Alice&active=true&ratio=0.5", 0, &q));
	EXPECT_EQ(1234, errno);
	EXPECT_EQ(4, q.length);
	EXPECT_EQ(4, arena_query_map_length(&q.map));
	value = arena_query_get(&q, ARENA_STR("name"));
	ASSERT_NE(NULL, value);
	EXPECT_EQ(&q.values[1], value);
	EXPECT_EQ(NULL, value->next);
	EXPECT_TEXT("name", value->key);
	EXPECT_TEXT("Alice", value->text);
	EXPECT_EQ(ARENA_QUERY_STRING, value->type);
	EXPECT_EQ(NULL, arena_query_get(&q, ARENA_STR("Name")));
	EXPECT_EQ(NULL, arena_query_get(&q, ARENA_STR("")));

	EXPECT_EQ(123, arena_query_int64(&q, ARENA_STR("user_id"), -1));
	EXPECT_EQ(-1, arena_query_int64(&q, ARENA_STR("name"), -1));
	EXPECT_EQ(-1, arena_query_int64(&q, ARENA_STR("ratio"), -1));
	EXPECT_EQ(-1, arena_query_int64(&q, ARENA_STR("none"), -1));
	EXPECT_TRUE(arena_query_double(&q, ARENA_STR("ratio"), -1) == 0.5);
	EXPECT_TRUE(arena_query_double(&q, ARENA_STR("user_id"), -1) == 123);
	EXPECT_TRUE(arena_query_double(&q, ARENA_STR("active"), -1) == -1);
	EXPECT_TRUE(arena_query_double(&q, ARENA_STR("none"), -1) == -1);
	EXPECT_TRUE(arena_query_bool(&q, ARENA_STR("active"), false));
	EXPECT_TRUE(arena_query_bool(&q, ARENA_STR("name"), true));
	EXPECT_FALSE(arena_query_bool(&q, ARENA_STR("user_id"), false));
	EXPECT_FALSE(arena_query_bool(&q, ARENA_STR("none"), false));
	EXPECT_TEXT("true", arena_query_str(&q, ARENA_STR("active"), ARENA_STR("x")));
	EXPECT_TEXT("x", arena_query_str(&q, ARENA_STR("none"), ARENA_STR("x")));
}

/* Parse a pair with this value; return it, or NULL if it cannot be parsed. */
static const struct arena_query_value *value_of(struct arena *a, const char *value)
{
	char *text = arena_printf(a, "k=%s", value);
	struct arena_query q;

	if (!text || arena_query_parse(a, text, strlen(text), 0, 0, &q))
		return NULL;
	return arena_query_get(&q, ARENA_STR("k"));
}

TEST_F(lib_query, integers_are_canonical_and_fit)
{
	static const struct {
		const char *text;
		int64_t number;
	} cases[] = {
		{ "0", 0 }, { "7", 7 }, { "-7", -7 }, { "%2D7", -7 }, { "%37", 7 }, { "10", 10 },
		{ "9223372036854775807", INT64_MAX }, { "-9223372036854775808", INT64_MIN },
	};
	const struct arena_query_value *value;
	size_t i;

	NEED_BACKING();
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		value = value_of(self->a, cases[i].text);
		ASSERT_NE(NULL, value);
		EXPECT_EQ(ARENA_QUERY_INT64, value->type) {
			TH_LOG("%s", cases[i].text);
		}
		EXPECT_EQ(cases[i].number, value->as_int64);
		EXPECT_FALSE(value->is_bare);
	}
}

TEST_F(lib_query, doubles_have_a_point_or_an_exponent)
{
	static const struct {
		const char *text;
		double number;
	} cases[] = {
		{ "1.5", 1.5 }, { "-1.5", -1.5 }, { "%2B1.5", 1.5 }, { "1%2E5", 1.5 },
		{ "007.5", 7.5 }, { "-0.0", -0.0 }, { "1e3", 1000 }, { "1E-3", 0.001 },
		{ "1.5e%2B3", 1500 }, { "1e-400", 0 },
	};
	const struct arena_query_value *value;
	size_t i;

	NEED_BACKING();
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		value = value_of(self->a, cases[i].text);
		ASSERT_NE(NULL, value);
		EXPECT_EQ(ARENA_QUERY_DOUBLE, value->type) {
			TH_LOG("%s", cases[i].text);
		}
		EXPECT_TRUE(cases[i].number == value->as_double);
		EXPECT_EQ(!signbit(cases[i].number), !signbit(value->as_double));
	}
}

TEST_F(lib_query, booleans_are_true_and_false)
{
	const struct arena_query_value *value;

	NEED_BACKING();
	value = value_of(self->a, "true");
	ASSERT_NE(NULL, value);
	EXPECT_EQ(ARENA_QUERY_BOOL, value->type);
	EXPECT_TRUE(value->as_bool);
	EXPECT_TRUE(value_of(self->a, "tru%65")->as_bool);
	value = value_of(self->a, "false");
	ASSERT_NE(NULL, value);
	EXPECT_EQ(ARENA_QUERY_BOOL, value->type);
	EXPECT_FALSE(value->as_bool);
}

TEST_F(lib_query, other_values_are_strings)
{
	static const char *const cases[] = {
		"9223372036854775808", "-9223372036854775809", "00", "007", "-0", "-07", "%2B7",
		"%2B0", "+7", "7+", "-", "0x7", "7%00", "%007", "1,5", "1e400", "-1e400", "1.",
		".5", "1e", "e1", "1.5.5", "nan", "inf", "True", "true+", "%00true", "truefalse",
		"", "+", "1%2F2",
	};
	const struct arena_query_value *value;
	size_t i;

	NEED_BACKING();
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		value = value_of(self->a, cases[i]);
		ASSERT_NE(NULL, value);
		EXPECT_EQ(ARENA_QUERY_STRING, value->type) {
			TH_LOG("%s", cases[i]);
		}
		EXPECT_FALSE(value->is_bare);
	}
}

TEST_F(lib_query, keys_and_values_are_decoded_in_place)
{
	char text[] = "a%20b=c+%26%3d%3D&%3D=%25&plain=plain";
	const struct arena_query_value *value;
	struct arena_query q;
	size_t i;

	NEED_BACKING();
	ASSERT_EQ(0, arena_query_parse(self->a, text, sizeof(text) - 1, 0, 0, &q));
	ASSERT_EQ(3, q.length);
	EXPECT_TEXT("c &==", arena_query_str(&q, ARENA_STR("a b"), ARENA_STR("?")));
	EXPECT_TEXT("%", arena_query_str(&q, ARENA_STR("="), ARENA_STR("?")));
	value = arena_query_get(&q, ARENA_STR("plain"));
	ASSERT_NE(NULL, value);
	EXPECT_EQ(text + sizeof(text) - 6, value->text.data);
	for (i = 0; i < q.length; i++) {
		EXPECT_TRUE(q.values[i].key.data >= text);
		EXPECT_TRUE(q.values[i].text.data + q.values[i].text.length <=
			    text + sizeof(text) - 1);
	}
}

/* An escaped + is not a space. */
TEST_F(lib_query, decoding_happens_once)
{
	struct arena_query q;

	NEED_BACKING();
	ASSERT_EQ(0, PARSE("a=%2B%2525&b=%2526c%253Dd", 0, &q));
	EXPECT_EQ(2, q.length);
	EXPECT_TEXT("+%25", arena_query_str(&q, ARENA_STR("a"), ARENA_STR("?")));
	EXPECT_TEXT("%26c%3Dd", arena_query_str(&q, ARENA_STR("b"), ARENA_STR("?")));
}

TEST_F(lib_query, bad_escape_is_an_error_and_decodes_nothing)
{
	static const struct {
		const char *text;
		size_t bad;
	} cases[] = {
		{ "%", 0 }, { "a=%", 2 }, { "a=%4", 2 }, { "a=%4&b=1", 2 }, { "a=%&41", 2 },
		{ "%4=1", 0 }, { "%=41", 0 }, { "a=%41%4g", 5 }, { "a=%g4", 2 },
		{ "a=%%41", 2 }, { "a=%20&b=%zz&c=%", 8 }, { "a=% 41", 2 }, { "a=%-1", 2 },
		{ "a=%+1", 2 }, { "a=%@0", 2 }, { "a=%0`", 2 }, { "a=%:0", 2 }, { "a=%0/", 2 },
	};
	struct arena_query q;
	char *text;
	size_t i, length;

	NEED_BACKING();
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		length = strlen(cases[i].text);
		text = copy_of(cases[i].text, length);
		EXPECT_EQ(-EINVAL, arena_query_parse(self->a, text, length, 0, 0, &q));
		EXPECT_EQ(cases[i].bad, q.bad) {
			TH_LOG("%s", cases[i].text);
		}
		EXPECT_EQ(0, memcmp(text, cases[i].text, length));
		EXPECT_EQ(0, q.length);
		EXPECT_EQ(NULL, arena_query_get(&q, ARENA_STR("a")));
		EXPECT_EQ(0, arena_query_parse(self->a, text, length, 0, ARENA_QUERY_LENIENT, &q));
		free(text);
	}
}

TEST_F(lib_query, lenient_parsing_keeps_bad_escapes)
{
	struct arena_query q;

	NEED_BACKING();
	ASSERT_EQ(0, PARSE("a=%&b=%4&c=%zz%41&d=%%41&%=1+2&e=100%", ARENA_QUERY_LENIENT, &q));
	ASSERT_EQ(6, q.length);
	EXPECT_TEXT("%", q.values[0].text);
	EXPECT_TEXT("%4", q.values[1].text);
	EXPECT_TEXT("%zzA", q.values[2].text);
	EXPECT_TEXT("%A", q.values[3].text);
	EXPECT_TEXT("%", q.values[4].key);
	EXPECT_TEXT("1 2", q.values[4].text);
	EXPECT_TEXT("100%", q.values[5].text);
}

TEST_F(lib_query, duplicates_are_linked_in_their_order)
{
	const struct arena_query_value *value;
	struct arena_query q;

	NEED_BACKING();
	ASSERT_EQ(0, PARSE("a=1&b=2&a=x&c&%61=true&b=4", 0, &q));
	EXPECT_EQ(6, q.length);
	EXPECT_EQ(3, arena_query_map_length(&q.map));
	value = arena_query_get(&q, ARENA_STR("a"));
	ASSERT_EQ(&q.values[0], value);
	ASSERT_EQ(&q.values[2], value->next);
	ASSERT_EQ(&q.values[4], value->next->next);
	EXPECT_EQ(NULL, q.values[4].next);
	EXPECT_EQ(ARENA_QUERY_BOOL, q.values[4].type);
	value = arena_query_get(&q, ARENA_STR("b"));
	ASSERT_EQ(&q.values[1], value);
	ASSERT_EQ(&q.values[5], value->next);
	EXPECT_EQ(NULL, q.values[5].next);
	EXPECT_EQ(1, arena_query_int64(&q, ARENA_STR("a"), -1));
	EXPECT_EQ(NULL, q.values[3].next);
}

TEST_F(lib_query, empty_keys_and_values_are_kept)
{
	const struct arena_query_value *value;
	struct arena_query q;

	NEED_BACKING();
	ASSERT_EQ(0, PARSE("&&=v&&k&k=&=&==&k==&", 0, &q));
	ASSERT_EQ(6, q.length);
	EXPECT_EQ(2, arena_query_map_length(&q.map));
	value = arena_query_get(&q, ARENA_STR(""));
	ASSERT_EQ(&q.values[0], value);
	EXPECT_TEXT("v", value->text);
	EXPECT_TEXT("", q.values[3].text);
	EXPECT_FALSE(q.values[3].is_bare);
	EXPECT_TEXT("=", q.values[4].text);
	EXPECT_EQ(&q.values[4], value->next->next);

	value = arena_query_get(&q, ARENA_STR("k"));
	ASSERT_EQ(&q.values[1], value);
	EXPECT_TRUE(value->is_bare);
	EXPECT_EQ(0, value->text.length);
	EXPECT_NE(NULL, value->text.data);
	EXPECT_EQ(ARENA_QUERY_STRING, value->type);
	ASSERT_EQ(&q.values[2], value->next);
	EXPECT_FALSE(value->next->is_bare);
	EXPECT_EQ(0, value->next->text.length);
	EXPECT_TEXT("=", q.values[5].text);
}

TEST_F(lib_query, empty_string_is_a_query)
{
	struct arena_query q;
	char text[1];

	NEED_BACKING();
	ASSERT_EQ(0, arena_query_parse(self->a, text, 0, 0, 0, &q));
	EXPECT_EQ(0, q.length);
	EXPECT_EQ(NULL, arena_query_get(&q, ARENA_STR("")));
	EXPECT_EQ(NULL, arena_query_map_next(&q.map, NULL));
}

TEST_F(lib_query, nul_is_an_ordinary_byte)
{
	char text[] = "a%00=1&a=%00x&b=true%00&c=1\0002";
	struct arena_query q;

	NEED_BACKING();
	ASSERT_EQ(0, arena_query_parse(self->a, text, sizeof(text) - 1, 0, 0, &q));
	ASSERT_EQ(4, q.length);
	EXPECT_EQ(1, arena_query_int64(&q, ARENA_STR("a\0"), -1));
	EXPECT_TEXT("\0x", arena_query_str(&q, ARENA_STR("a"), ARENA_STR("?")));
	EXPECT_EQ(ARENA_QUERY_STRING, q.values[1].type);
	EXPECT_EQ(ARENA_QUERY_STRING, q.values[2].type);
	EXPECT_EQ(ARENA_QUERY_STRING, q.values[3].type);
	EXPECT_TEXT("1\0002", q.values[3].text);
}

TEST_F(lib_query, number_of_pairs_is_limited)
{
	char text[] = "&a=%41&&a=%41&b&";
	size_t length = sizeof(text) - 1;
	struct arena_query q;

	NEED_BACKING();
	EXPECT_EQ(-E2BIG, arena_query_parse(self->a, text, length, 2, 0, &q));
	EXPECT_STREQ("&a=%41&&a=%41&b&", text);
	EXPECT_EQ(0, q.length);
	EXPECT_EQ(length, q.bad);
	EXPECT_EQ(NULL, arena_query_get(&q, ARENA_STR("b")));
	EXPECT_EQ(-E2BIG, arena_query_parse(self->a, text, length, 1, ARENA_QUERY_LENIENT, &q));
	EXPECT_EQ(0, arena_query_parse(self->a, text, length, 3, 0, &q));
	EXPECT_EQ(3, q.length);
	EXPECT_EQ(length, q.bad);
}

TEST_F(lib_query, unknown_flags_are_refused)
{
	char text[] = "a=%41";
	struct arena_query q;

	NEED_BACKING();
	EXPECT_EQ(-EINVAL, arena_query_parse(self->a, text, 5, 0, 2, &q));
	EXPECT_EQ(-EINVAL, arena_query_parse(self->a, text, 5, 0,
					     ARENA_QUERY_LENIENT | 1u << 31, &q));
	EXPECT_STREQ("a=%41", text);
	EXPECT_EQ(5, q.bad);
	EXPECT_EQ(0, q.length);
	EXPECT_EQ(NULL, arena_query_get(&q, ARENA_STR("a")));
}

TEST_F(lib_query, values_of_a_megabyte_are_parsed)
{
	static char text[3 * MIB + 2];
	struct arena_query q;
	size_t i;

	NEED_BACKING();
	/* A value with more digits than any number has. */
	text[0] = 'a';
	text[1] = '=';
	memset(text + 2, '7', MIB);
	ASSERT_EQ(0, arena_query_parse(self->a, text, MIB + 2, 0, 0, &q));
	EXPECT_EQ(MIB, q.values->text.length);
	EXPECT_EQ(ARENA_QUERY_STRING, q.values->type);
	text[3] = '.';
	ASSERT_EQ(0, arena_query_parse(self->a, text, MIB + 2, 0, 0, &q));
	EXPECT_EQ(ARENA_QUERY_STRING, q.values->type);
	/* Many escapes, as a value and as a key. */
	for (i = 0; i < MIB; i++)
		memcpy(text + 2 + 3 * i, "%41", 3);
	ASSERT_EQ(0, arena_query_parse(self->a, text, sizeof(text), 0, 0, &q));
	EXPECT_EQ(MIB, q.values->text.length);
	EXPECT_TRUE(is_filled(q.values->text.data, MIB, 'A'));
	ASSERT_EQ(0, arena_query_parse(self->a, text + 2, MIB, 0, 0, &q));
	EXPECT_EQ(MIB, q.values->key.length);
	EXPECT_TRUE(arena_query_get(&q, arena_str_make(text + 2, MIB))->is_bare);
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/*
 * Return the CPU time for parsing this many pairs, with one key and with
 * different keys, including a lookup of each.
 */
static double parse_hostile(struct __test_metadata *_metadata, struct arena *a, size_t nr)
{
	const struct arena_query_value *value;
	double started = cpu_seconds();
	size_t i, length = 0;
	struct arena_query q;
	char *text;

	text = malloc(nr * 16);
	ASSERT_NE(NULL, text);
	for (i = 0; i < nr; i++)
		length += sprintf(text + length, "k=%zu&", i);
	ASSERT_EQ(0, arena_query_parse(a, text, length, nr, 0, &q));
	value = arena_query_get(&q, ARENA_STR("k"));
	for (i = 0; i < nr && value && value->as_int64 == (int64_t)i; i++)
		value = value->next;
	EXPECT_EQ(nr, i);
	EXPECT_EQ(NULL, value);

	for (i = length = 0; i < nr; i++)
		length += sprintf(text + length, "%zu&", i);
	ASSERT_EQ(0, arena_query_parse(a, text, length, nr, 0, &q));
	EXPECT_EQ(nr, arena_query_map_length(&q.map));
	for (i = 0; i < nr && arena_query_get(&q, q.values[i].key) == &q.values[i]; i++)
		;
	EXPECT_EQ(nr, i);
	free(text);
	return cpu_seconds() - started;
}

/*
 * No input makes the parser walk a list, for one key or for many: with that, 16
 * times as many pairs would take 256 times as long. Try several times, since a
 * guest's clock may go on while its CPU is not scheduled.
 */
TEST_F(lib_query, hostile_strings_take_linear_time)
{
	size_t nr = IS_SANITIZED ? 20000 : 200000;
	double few, many;
	int i;

	NEED_BACKING();
	for (i = 0; i < 5; i++) {
		few = parse_hostile(_metadata, self->a, nr / 16);
		many = parse_hostile(_metadata, self->a, nr);
		if (many < 64 * few)
			break;
	}
	EXPECT_GT(5, i);
	TH_LOG("%.1f times as long", many / few);
}

/* The memory used is what the documentation says. */
TEST_F(lib_query, query_takes_documented_memory)
{
	size_t before, used, entry = sizeof(struct arena_query_map_entry);
	char many[1000], query[] = "a=1&b=2&&&&&&&c=3";
	struct arena_query q;

	NEED_BACKING();
	if (arena_check(self->a))
		SKIP(return, "red zones would be counted");
	memset(many, '&', sizeof(many));
	before = stats_of(self->a).used;
	ASSERT_EQ(0, arena_query_parse(self->a, many, sizeof(many), 0, 0, &q));
	EXPECT_EQ(before, stats_of(self->a).used);
	ASSERT_EQ(0, arena_query_parse(self->a, query, sizeof(query) - 1, 0, 0, &q));
	used = stats_of(self->a).used - before;
	/* Sixteen slots, a control byte for each of them, and a group. */
	EXPECT_LE(3 * sizeof(struct arena_query_value) + 16 * (entry + 1), used);
	EXPECT_GE(3 * sizeof(struct arena_query_value) + 16 * (entry + 1) + 64, used);
}

/* There is too little memory for the pairs, or for the map, which takes less here. */
TEST_F(lib_query, text_is_unchanged_without_memory)
{
	static const char query[] = "a=%41&b=%42&c+c=1&d&a=%43&e=&f=1.5&g=true"
				    "&h&i&j&k&l&m";
	const size_t length = sizeof(query) - 1;
	int err = -1, failures = 0;
	struct arena_query q;
	struct arena *a;
	char *text;
	size_t limit;

	NEED_BACKING();
	for (limit = ARENA_ALIGN; err && limit < 10000; limit += 10 * ARENA_ALIGN) {
		ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
						   .limit = limit)));
		text = copy_of(query, length);
		err = arena_query_parse(a, text, length, 0, 0, &q);
		if (err) {
			failures++;
			EXPECT_EQ(-EDQUOT, err);
			EXPECT_EQ(0, memcmp(text, query, length));
			EXPECT_EQ(0, q.length);
			EXPECT_EQ(NULL, arena_query_get(&q, ARENA_STR("a")));
		} else {
			EXPECT_EQ(14, q.length);
			EXPECT_TEXT("A", arena_query_str(&q, ARENA_STR("a"), ARENA_STR("?")));
		}
		free(text);
		arena_destroy(a);
	}
	EXPECT_EQ(0, err);
	EXPECT_LT(3, failures);
}

/* --- compared with the model ---------------------------------------------- */

static unsigned int seed;

static size_t random_below(size_t limit)
{
	return rand_r(&seed) % limit;
}

/* Make a string of pieces that matter next to each other. */
static size_t make_query(char *text, size_t room)
{
	static const char *const pieces[] = {
		"&", "&", "&", "=", "=", "=", "%", "+", "a", "b", "k", "0", "1", "7", "-", ".",
		"e", "E3", "4", "%41", "%3d", "%26", "%2B", "%25", "%zz", "%2", "true", "false",
		"9223372036854775807", "-9223372036854775808", "1e308", "12.50", "007",
		"a=1&a=2", "&a=", "&b=", "&=", "\xc3\xa4", "%C3%a4", "%2D1", "longer_than_sixteen",
	};
	const size_t nr_pieces = sizeof(pieces) / sizeof(*pieces);
	size_t nr = random_below(24), length = 0, n;
	const char *piece;
	/* Half of the strings have no bad escape. */
	bool is_good = random_below(2);

	while (nr--) {
		piece = pieces[random_below(nr_pieces)];
		if (is_good && *piece == '%' && (strlen(piece) < 3 || piece[1] == 'z'))
			piece = "%00";
		n = strlen(piece);
		if (length + n > room)
			break;
		memcpy(text + length, piece, n);
		length += n;
	}
	return length;
}

TEST_F(lib_query, parser_agrees_with_model)
{
	static struct model_query model;
	const char *from = getenv("ARENA_SEED"), *what;
	int rounds = IS_VALGRIND ? ROUNDS / 20 : ROUNDS, i, err, nr_errors = 0;
	char text[512], *copy;
	struct arena_query q;
	size_t length, pairs = 0;
	uint32_t flags;

	NEED_BACKING();
	seed = from ? strtoul(from, NULL, 0) : (unsigned int)getpid() * 2654435761u;
	TH_LOG("ARENA_SEED=%u", seed);
	for (i = 0; i < rounds; i++) {
		length = make_query(text, sizeof(text));
		copy = copy_of(text, length);
		flags = random_below(2) ? ARENA_QUERY_LENIENT : 0;
		err = arena_query_parse(self->a, copy, length, 0, flags, &q);
		ASSERT_EQ(model_parse(&model, text, length, flags), err) {
			TH_LOG("round %d: '%.*s'", i, (int)length, text);
		}
		if (err) {
			nr_errors++;
			ASSERT_EQ(model.bad, q.bad);
			ASSERT_EQ(0, memcmp(copy, text, length));
		} else {
			pairs += q.length;
			what = model_differs(&model, &q, copy, length);
			ASSERT_EQ(NULL, what) {
				TH_LOG("round %d: '%.*s': %s", i, (int)length, text, what);
			}
		}
		free(copy);
		arena_reset(self->a);
	}
	TH_LOG("%d query strings, %zu pairs, %d bad", i, pairs, nr_errors);
	EXPECT_LT(rounds / 20, nr_errors);
	EXPECT_LT((size_t)rounds / 2, pairs);
}

TEST_HARNESS_MAIN
