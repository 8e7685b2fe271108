// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Query strings. Every step that can fail comes before the text is changed, so that the
 * caller still has the original text after an error.
 */
#include <errno.h>
#include <arena/query.h>

#include "alloc.h"
#include "checks.h"
#include "decode.h"
#include "private.h"

/*
 * Count the pairs, so that only these are allocated. To allocate a pair for each & would
 * turn a megabyte of & into 100 megabytes of memory.
 */
static size_t count_pairs(struct arena_str rest)
{
	struct arena_str piece;
	size_t nr = 0;

	while (arena_str_split(&rest, '&', &piece))
		nr += piece.length > 0;
	return nr;
}

/* Return whether an integer, with or without a sign, has no superfluous character. */
static bool is_canonical(struct arena_str number)
{
	return *number.data != '+' &&
	       (number.data[*number.data == '-'] != '0' || number.length == 1);
}

/* Digits that are out of range for an integer are a string, not a double. */
static enum arena_query_type read_value(struct arena_query_value *value)
{
	int err = arena_str_to_int64(value->text, &value->as_int64);

	if (!err && is_canonical(value->text))
		return ARENA_QUERY_INT64;
	if (err == -EINVAL && !arena_str_to_double(value->text, &value->as_double))
		return ARENA_QUERY_DOUBLE;
	if (!arena_str_to_bool(value->text, &value->as_bool))
		return ARENA_QUERY_BOOL;
	value->as_int64 = 0;
	return ARENA_QUERY_STRING;
}

/* This can't fail: at this point, a % that starts no valid escape is text. */
static struct arena_str decode(char *text, struct arena_str part)
{
	size_t length = arena_decode(text + (part.data - text), part.length,
				     ARENA_DECODE_PLUS);

	return arena_str_make(part.data, length);
}

static void read_pair(struct arena_query_value *value, char *text, struct arena_str piece)
{
	bool has_value = arena_str_cut(piece, '=', &value->key, &value->text);

	value->key = decode(text, value->key);
	value->text = decode(text, value->text);
	value->type = read_value(value);
	value->is_bare = !has_value;
}

/* Go backwards, so that each pair is put before the later pairs of its key. */
static void link_pairs(struct arena_query *q, struct arena_query_value *values)
{
	const struct arena_query_value **first;
	size_t i = q->length;

	while (i--) {
		first = arena_query_map_get_or_put(&q->map, values[i].key, NULL);
		values[i].next = *first;
		*first = &values[i];
	}
}

int arena_query_parse(struct arena *a, char *text, size_t length, size_t most, uint32_t flags,
		      struct arena_query *q)
{
	struct arena_str rest = arena_str_make(text, length), piece;
	struct arena_query_value *values;
	size_t nr = count_pairs(rest);

	*q = (struct arena_query) { .bad = length };
	/* A map for 0 entries allocates nothing, so this can't fail. */
	if (arena_query_map_init(&q->map, a, 0, 0) || flags & ~ARENA_QUERY_LENIENT)
		return -EINVAL;
	if (most && nr > most)
		return -E2BIG;
	/* Valid escapes have no & or =, so they are the same in each part. */
	if (!(flags & ARENA_QUERY_LENIENT))
		q->bad = arena_find_bad_escape(text, length);
	if (q->bad < length)
		return -EINVAL;
	values = arena_new_array(a, struct arena_query_value, nr);
	if (!values || arena_query_map_reserve(&q->map, nr))
		return arena_error(a);

	q->values = values;
	while (arena_str_split(&rest, '&', &piece))
		if (piece.length)
			read_pair(&values[q->length++], text, piece);
	link_pairs(q, values);
	return 0;
}

/* --- lookup ---------------------------------------------------------------------- */

const struct arena_query_value *arena_query_get(const struct arena_query *q,
						struct arena_str key)
{
	const struct arena_query_value **first = arena_query_map_get(&q->map, key);

	return first ? *first : NULL;
}

struct arena_str arena_query_str(const struct arena_query *q, struct arena_str key,
				 struct arena_str fallback)
{
	const struct arena_query_value *value = arena_query_get(q, key);

	return value ? value->text : fallback;
}

int64_t arena_query_int64(const struct arena_query *q, struct arena_str key, int64_t fallback)
{
	const struct arena_query_value *value = arena_query_get(q, key);

	return value && value->type == ARENA_QUERY_INT64 ? value->as_int64 : fallback;
}

double arena_query_double(const struct arena_query *q, struct arena_str key, double fallback)
{
	const struct arena_query_value *value = arena_query_get(q, key);

	if (value && value->type == ARENA_QUERY_INT64)
		return value->as_int64;
	return value && value->type == ARENA_QUERY_DOUBLE ? value->as_double : fallback;
}

bool arena_query_bool(const struct arena_query *q, struct arena_str key, bool fallback)
{
	const struct arena_query_value *value = arena_query_get(q, key);

	return value && value->type == ARENA_QUERY_BOOL ? value->as_bool : fallback;
}
