/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model for query strings, for lib_query and fuzz_query: a parser that is
 * simple enough to be right, whose results are compared with libarena's.
 */
#ifndef QUERY_MODEL_H
#define QUERY_MODEL_H

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <arena/query.h>

#define MODEL_BYTES	4096
#define MODEL_PAIRS	(MODEL_BYTES / 2 + 1)

struct model_pair {
	/* Both are followed by a NUL, which their lengths do not count. */
	char *key;
	size_t key_length;
	char *text;
	size_t text_length;
	bool is_bare;
};

struct model_query {
	struct model_pair pairs[MODEL_PAIRS];
	size_t nr;
	size_t bad;
	char memory[4 * MODEL_BYTES];
};

static inline bool model_is_escape(const char *text, size_t length, size_t at)
{
	return at + 2 < length && isxdigit((unsigned char)text[at + 1]) &&
	       isxdigit((unsigned char)text[at + 2]);
}

/* Decode n bytes to @to; return the end of what was written. */
static inline char *model_decode(const char *from, size_t n, char *to, size_t *length)
{
	char digits[3] = "", *start = to;
	size_t i;

	for (i = 0; i < n; i++) {
		if (from[i] == '%' && model_is_escape(from, n, i)) {
			memcpy(digits, from + i + 1, 2);
			*to++ = strtol(digits, NULL, 16);
			i += 2;
		} else {
			*to++ = from[i] == '+' ? ' ' : from[i];
		}
	}
	*length = to - start;
	*to++ = '\0';
	return to;
}

/*
 * Parse a query string. Unless it is lenient, fail at the first % that does not
 * begin an escape.
 */
static inline int model_parse(struct model_query *m, const char *text, size_t length,
			      bool is_lenient)
{
	char *memory = m->memory;
	size_t from, to, equals, i;
	struct model_pair *pair;

	m->nr = 0;
	for (m->bad = 0; m->bad < length; m->bad++)
		if (!is_lenient && text[m->bad] == '%' && !model_is_escape(text, length, m->bad))
			return -EINVAL;
	for (from = 0; from < length; from = to + 1) {
		for (to = from; to < length && text[to] != '&'; to++)
			;
		if (to == from)
			continue;
		for (equals = to, i = from; i < to; i++)
			if (text[i] == '=' && equals == to)
				equals = i;
		pair = &m->pairs[m->nr++];
		pair->is_bare = equals == to;
		pair->key = memory;
		memory = model_decode(text + from, equals - from, memory, &pair->key_length);
		pair->text = memory;
		equals += equals < to;
		memory = model_decode(text + equals, to - equals, memory, &pair->text_length);
	}
	return 0;
}

static inline bool model_matches(const char *text, const char *expression)
{
	regex_t regex;
	int err;

	if (regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB))
		abort();
	err = regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return !err;
}

static inline enum arena_query_type model_type(const struct model_pair *pair)
{
	int64_t number;

	if (strlen(pair->text) < pair->text_length)
		return ARENA_QUERY_STRING;
	if (!strcmp(pair->text, "true") || !strcmp(pair->text, "false"))
		return ARENA_QUERY_BOOL;
	/* Most texts have no digit; the regular expressions are slow. */
	if (!strpbrk(pair->text, "0123456789"))
		return ARENA_QUERY_STRING;
	if (model_matches(pair->text, "^(0|-?[1-9][0-9]*)$")) {
		errno = 0;
		number = strtoll(pair->text, NULL, 10);
		(void)number;
		return errno ? ARENA_QUERY_STRING : ARENA_QUERY_INT64;
	}
	if (pair->text_length <= 1000 && isfinite(strtod(pair->text, NULL)) &&
	    model_matches(pair->text, "^[-+]?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?$") &&
	    strpbrk(pair->text, ".eE"))
		return ARENA_QUERY_DOUBLE;
	return ARENA_QUERY_STRING;
}

static inline bool model_has_value(const struct model_pair *pair,
				   const struct arena_query_value *value)
{
	double number;

	if (value->type != model_type(pair))
		return false;
	switch (value->type) {
	case ARENA_QUERY_INT64:
		return value->as_int64 == strtoll(pair->text, NULL, 10);
	case ARENA_QUERY_DOUBLE:
		/* Compare the bytes, since -0.0 == 0.0. */
		number = strtod(pair->text, NULL);
		return !memcmp(&number, &value->as_double, sizeof(number));
	case ARENA_QUERY_BOOL:
		return value->as_bool == (*pair->text == 't');
	default:
		return true;
	}
}

static inline bool model_has_bytes(struct arena_str s, const char *bytes, size_t length,
				   const char *text, size_t text_length)
{
	return s.length == length && !memcmp(s.data, bytes, length) &&
	       s.data >= text && s.data + s.length <= text + text_length;
}

/* Return the first thing in which libarena differs from the model, or NULL. */
static inline const char *model_differs(const struct model_query *m, const struct arena_query *q,
					const char *text, size_t length)
{
	const struct arena_query_value *value, *other;
	size_t i, j, nr_keys = 0;

	if (q->length != m->nr)
		return "the number of pairs";
	for (i = 0; i < m->nr; i++) {
		value = &q->values[i];
		if (!model_has_bytes(value->key, m->pairs[i].key, m->pairs[i].key_length,
				     text, length))
			return "a key";
		if (!model_has_bytes(value->text, m->pairs[i].text, m->pairs[i].text_length,
				     text, length))
			return "a text";
		if (value->is_bare != m->pairs[i].is_bare)
			return "a =";
		if (!model_has_value(&m->pairs[i], value))
			return "a value, or its type";
		for (j = i + 1; j < m->nr; j++)
			if (m->pairs[j].key_length == value->key.length &&
			    !memcmp(m->pairs[j].key, value->key.data, value->key.length))
				break;
		if (value->next != (j < m->nr ? &q->values[j] : NULL))
			return "the next of a key";
		for (j = 0; !arena_str_equal(q->values[j].key, value->key); j++)
			;
		other = arena_query_get(q, value->key);
		if (other != &q->values[j])
			return "the first of a key";
		nr_keys += other == value;
	}
	if (arena_query_map_length(&q->map) != nr_keys)
		return "the number of keys";
	return arena_query_get(q, ARENA_STR("no such key")) ? "a key that is not there" : NULL;
}

#endif /* QUERY_MODEL_H */
