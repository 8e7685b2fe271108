/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Query strings in arenas: user_id=123&name=Alice&active=true as a map of typed values.
 *
 * A query string is decoded in place, and the results point into it. The caller provides the
 * text, which is written to and must stay valid as long as the results are used. An array of
 * all pairs and a map are allocated from the arena, once for each query.
 */
#ifndef ARENA_QUERY_H
#define ARENA_QUERY_H

#include <arena/map.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum arena_query_type - type of a value, determined after decoding
 * @ARENA_QUERY_STRING: none of the others
 * @ARENA_QUERY_INT64: digits, optionally after a minus sign, without superfluous zeros, of a
 *	number that fits into an int64_t: 7 and -7, but not 007, +7 or -0
 * @ARENA_QUERY_DOUBLE: a number that arena_str_to_double() accepts and that does not consist
 *	of an optional sign and digits alone: 7.0, 7e0
 * @ARENA_QUERY_BOOL: true or false
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
 * @text: text of the value, whichever type it has; empty if there is no value
 * @next: next pair with the same key, or NULL
 * @as_int64: the value, if @type is ARENA_QUERY_INT64
 * @as_double: the value, if @type is ARENA_QUERY_DOUBLE
 * @as_bool: the value, if @type is ARENA_QUERY_BOOL
 * @type: type of the value, an enum arena_query_type
 * @is_bare: whether the pair is only a key, without a =
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
 * @values: its pairs, in their original order
 * @length: number of pairs
 * @map: from each key to the first pair with that key
 * @bad: offset of the invalid escape that arena_query_parse() found
 */
struct arena_query {
	const struct arena_query_value *values;
	size_t length;
	struct arena_query_map map;
	size_t bad;
};

/* Treat a % that does not begin a valid escape as text, as browsers do. */
#define ARENA_QUERY_LENIENT	(1u << 0)

/**
 * arena_query_parse - parse a query string
 * @a: arena to allocate the pairs and the map from
 * @text: the string, not NULL, without a leading ?; decoded in place
 * @length: length of the string in bytes
 * @most: maximum number of pairs; 0 means no limit
 * @flags: 0 or ARENA_QUERY_LENIENT
 * @q: set to the parsed query
 *
 * Pairs are separated by &; an empty piece is not a pair. The first = of a pair ends its key.
 * Keys and values are then decoded: + becomes a space, and % with two hexadecimal digits
 * becomes a byte, which may be NUL, & or =. If a key occurs several times, all its pairs are
 * kept.
 *
 * Return: 0; or, with @text unchanged and @q empty,
 * * -EINVAL if a % is not followed by two hexadecimal digits: @q->bad is its offset, and
 *   @length in all other cases; not with ARENA_QUERY_LENIENT
 * * -EINVAL for an unknown flag
 * * -E2BIG if there are more than @most pairs
 * * the error that arena_error() returns if there is no memory
 */
ARENA_NODISCARD
int arena_query_parse(struct arena *a, char *text, size_t length, size_t most, uint32_t flags,
		      struct arena_query *q);

/**
 * arena_query_get - find a key
 * @q: query to search
 * @key: the key, decoded
 *
 * Return: the first pair with this key, or NULL if there is none.
 */
const struct arena_query_value *arena_query_get(const struct arena_query *q,
						struct arena_str key);

/**
 * arena_query_str - return the text of a key's value
 * @q: query to search
 * @key: the key, decoded
 * @fallback: text to return if there is no such key
 *
 * Return: the text of the first pair with this key, whichever type it has, or @fallback.
 */
struct arena_str arena_query_str(const struct arena_query *q, struct arena_str key,
				 struct arena_str fallback);

/**
 * arena_query_int64 - return the integer value of a key
 * @q: query to search
 * @key: the key, decoded
 * @fallback: number to return if there is no such key or its value is of another type
 *
 * Return: the value of the first pair with this key if it is an ARENA_QUERY_INT64, or
 * @fallback.
 */
int64_t arena_query_int64(const struct arena_query *q, struct arena_str key, int64_t fallback);

/**
 * arena_query_double - return the numeric value of a key, integer or not
 * @q: query to search
 * @key: the key, decoded
 * @fallback: number to return if there is no such key or its value is of another type
 *
 * Return: the value of the first pair with this key if it is an ARENA_QUERY_DOUBLE; the
 * double nearest to it if it is an ARENA_QUERY_INT64; or @fallback.
 */
double arena_query_double(const struct arena_query *q, struct arena_str key, double fallback);

/**
 * arena_query_bool - return the boolean value of a key
 * @q: query to search
 * @key: the key, decoded
 * @fallback: value to return if there is no such key or its value is of another type
 *
 * Return: the value of the first pair with this key if it is an ARENA_QUERY_BOOL, or
 * @fallback.
 */
bool arena_query_bool(const struct arena_query *q, struct arena_str key, bool fallback);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_QUERY_H */
