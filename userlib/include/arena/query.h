/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Query strings in arenas: user_id=123&name=Alice&active=true as a map of typed values.
 *
 * They are decoded where they are, and what is found points there: the text is the caller's,
 * is written to, and has to stay as long as what was found. From the arena come, once for
 * each query, an array of all pairs and a map.
 */
#ifndef ARENA_QUERY_H
#define ARENA_QUERY_H

#include <arena/map.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum arena_query_type - what a value is
 * @ARENA_QUERY_STRING: none of the others
 * @ARENA_QUERY_INT64: digits, behind a minus or not, without a zero that could be left out,
 *	of a number that fits: 7 and -7, but not 007, +7 or -0
 * @ARENA_QUERY_DOUBLE: what arena_str_to_double() reads and is no digits alone: 7.0, 7e0
 * @ARENA_QUERY_BOOL: true or false
 *
 * That is decided when it has been decoded.
 */
enum arena_query_type {
	ARENA_QUERY_STRING,
	ARENA_QUERY_INT64,
	ARENA_QUERY_DOUBLE,
	ARENA_QUERY_BOOL,
};

/**
 * struct arena_query_value - a pair of key and value
 * @key: the key, which may be empty
 * @text: the value, whatever its type; empty if there is none
 * @next: the next pair with this key, or NULL
 * @as_int64: the value of an ARENA_QUERY_INT64
 * @as_double: of an ARENA_QUERY_DOUBLE
 * @as_bool: of an ARENA_QUERY_BOOL
 * @type: which of them it is, an enum arena_query_type
 * @is_bare: whether it is a key alone, without a =
 */
struct arena_query_value {
	struct arena_str key;
	struct arena_str text;
	const struct arena_query_value *next;
	union {
		int64_t as_int64;
		double as_double;
		bool as_bool;
	};
	enum arena_query_type type;
	bool is_bare;
};

ARENA_STR_MAP(arena_query_map, const struct arena_query_value *);

/**
 * struct arena_query - a query string
 * @values: its pairs, in their order
 * @length: how many
 * @map: from each key to its first pair
 * @bad: where arena_query_parse() found what is no escape
 */
struct arena_query {
	const struct arena_query_value *values;
	size_t length;
	struct arena_query_map map;
	size_t bad;
};

/* What is no escape is text, as browsers have it. */
#define ARENA_QUERY_LENIENT	(1u << 0)

/**
 * arena_query_parse - read a query string
 * @a: where its pairs are to be
 * @text: the string, not NULL, without a ? before it; decoded here
 * @length: bytes of it
 * @most: how many pairs it may have; 0 for any number
 * @flags: 0 or ARENA_QUERY_LENIENT
 * @q: set to it
 *
 * Pairs are what is between &; what is empty there is none. The first = of a pair is behind
 * its key. Both are decoded then: + is a blank, and % with two hexadecimal digits a byte,
 * which may be NUL, & or =. All pairs with a key are kept.
 *
 * Return: 0; or, with @text as it was and @q empty,
 * * -EINVAL if there is a % without two hexadecimal digits: @q->bad is its offset, else
 *   @length; not with ARENA_QUERY_LENIENT
 * * -EINVAL for an unknown flag
 * * -E2BIG if there are more than @most pairs
 * * what arena_error() says if there is no memory
 */
ARENA_NODISCARD
int arena_query_parse(struct arena *a, char *text, size_t length, size_t most, uint32_t flags,
		      struct arena_query *q);

/**
 * arena_query_get - find a key
 * @q: in what
 * @key: the key, decoded
 *
 * Return: its first pair, or NULL if there is none.
 */
const struct arena_query_value *arena_query_get(const struct arena_query *q,
						struct arena_str key);

/**
 * arena_query_str - the text of a key
 * @q: in what
 * @key: the key, decoded
 * @fallback: what it is if there is no such key
 *
 * Return: the text of its first pair, whatever its type, or @fallback.
 */
struct arena_str arena_query_str(const struct arena_query *q, struct arena_str key,
				 struct arena_str fallback);

/**
 * arena_query_int64 - the number of a key
 * @q: in what
 * @key: the key, decoded
 * @fallback: what it is if there is none
 *
 * Return: the value of its first pair if that is an ARENA_QUERY_INT64, or @fallback.
 */
int64_t arena_query_int64(const struct arena_query *q, struct arena_str key, int64_t fallback);

/**
 * arena_query_double - the number of a key, with a point or not
 * @q: in what
 * @key: the key, decoded
 * @fallback: what it is if there is none
 *
 * Return: the value of its first pair if that is an ARENA_QUERY_DOUBLE, the double nearest to
 * it if it is an ARENA_QUERY_INT64, or @fallback.
 */
double arena_query_double(const struct arena_query *q, struct arena_str key, double fallback);

/**
 * arena_query_bool - whether, by a key
 * @q: in what
 * @key: the key, decoded
 * @fallback: what it is if there is none
 *
 * Return: the value of its first pair if that is an ARENA_QUERY_BOOL, or @fallback.
 */
bool arena_query_bool(const struct arena_query *q, struct arena_str key, bool fallback);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_QUERY_H */
