/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * querymap_glib [FILE...] - the twin of querymap, with GLib and malloc()
 *
 * A table maps each key to an array of its values; keys and texts are copies,
 * and everything is freed piece by piece. It has its own parser for query
 * strings, and prints the same as querymap.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <glib.h>

#include "twins.h"

enum type { STRING, INT64, DOUBLE, BOOL };

struct value {
	GString *text;
	enum type type;
	int64_t integer;
	double real;
};

struct server {
	GHashTable *keys;
	struct totals totals;
	int failures;
};

static guint hash_string(gconstpointer key)
{
	return g_string_hash(key);
}

static gboolean equal_strings(gconstpointer a, gconstpointer b)
{
	return g_string_equal(a, b);
}

static void free_string(gpointer string)
{
	g_string_free(string, TRUE);
}

static void free_value(gpointer element)
{
	g_string_free(((struct value *)element)->text, TRUE);
}

static void free_values(gpointer values)
{
	g_array_free(values, TRUE);
}

/* --- parse query strings -------------------------------------------------------- */

static bool is_escape(const char *at, const char *end)
{
	return end - at >= 3 && g_ascii_isxdigit(at[1]) && g_ascii_isxdigit(at[2]);
}

static size_t find_bad(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (text[i] == '%' && !is_escape(text + i, text + length))
			return i;
	return length;
}

static GString *decode(const char *from, const char *end)
{
	GString *text = g_string_sized_new(end - from);

	for (; from < end; from++) {
		if (*from == '%') {
			g_string_append_c(text, g_ascii_xdigit_value(from[1]) << 4 |
					  g_ascii_xdigit_value(from[2]));
			from += 2;
		} else {
			g_string_append_c(text, *from == '+' ? ' ' : *from);
		}
	}
	return text;
}

static bool is_integer(const char *text, int64_t *integer)
{
	const char *digits = text + (*text == '-');

	if (!*digits || strspn(digits, "0123456789") < strlen(digits) ||
	    (*digits == '0' && strcmp(text, "0")))
		return false;
	errno = 0;
	*integer = g_ascii_strtoll(text, NULL, 10);
	return !errno;
}

static const char *skip_digits(const char *text)
{
	return text + strspn(text, "0123456789");
}

static bool is_real(const char *text, double *real)
{
	const char *at = text + (*text == '-' || *text == '+'), *digits = at;
	bool is_more = false;

	at = skip_digits(at);
	if (at == digits)
		return false;
	if (*at == '.') {
		digits = at + 1;
		at = skip_digits(digits);
		is_more = at > digits;
		if (!is_more)
			return false;
	}
	if (*at == 'e' || *at == 'E') {
		digits = at + 1 + (at[1] == '-' || at[1] == '+');
		at = skip_digits(digits);
		is_more = at > digits;
	}
	if (*at || !is_more || at - text > 1000)
		return false;
	*real = g_ascii_strtod(text, NULL);
	return isfinite(*real);
}

static enum type type_of(struct value *value)
{
	if (strlen(value->text->str) < value->text->len)
		return STRING;
	if (is_integer(value->text->str, &value->integer))
		return INT64;
	if (is_real(value->text->str, &value->real))
		return DOUBLE;
	value->integer = !strcmp(value->text->str, "true");
	return value->integer || !strcmp(value->text->str, "false") ? BOOL : STRING;
}

static void add_pair(GHashTable *query, GString *key, struct value value)
{
	GArray *values = g_hash_table_lookup(query, key);

	if (values) {
		g_string_free(key, TRUE);
	} else {
		values = g_array_new(FALSE, FALSE, sizeof(value));
		g_array_set_clear_func(values, free_value);
		g_hash_table_insert(query, key, values);
	}
	g_array_append_val(values, value);
}

/* --- use them ------------------------------------------------------------------- */

static void count_key(struct server *server, const GString *key)
{
	uint64_t *count = g_hash_table_lookup(server->keys, key);

	if (!count) {
		count = g_new0(uint64_t, 1);
		g_hash_table_insert(server->keys, g_string_new_len(key->str, key->len), count);
	}
	++*count;
}

static void count_value(struct totals *totals, const struct value *value)
{
	switch (value->type) {
	case INT64:
		totals->integers++;
		totals->sum_of_integers += value->integer;
		break;
	case DOUBLE:
		totals->doubles++;
		totals->sum_of_doubles += value->real;
		break;
	case BOOL:
		totals->bools++;
		totals->trues += value->integer;
		break;
	case STRING:
		totals->strings++;
		totals->bytes_of_strings += value->text->len;
		break;
	}
}

static void serve_pair(struct server *server, GHashTable *query, const char *from,
		       const char *end)
{
	const char *equals = memchr(from, '=', end - from);
	struct value value = { .text = decode(equals ? equals + 1 : end, end) };
	GString *key;

	value.type = type_of(&value);
	key = decode(from, equals ? equals : end);
	count_key(server, key);
	count_value(&server->totals, &value);
	add_pair(query, key, value);
	server->totals.pairs++;
}

static size_t serve(struct server *server, const char *text, size_t length)
{
	GHashTable *query = g_hash_table_new_full(hash_string, equal_strings, free_string,
						  free_values);
	size_t bad = find_bad(text, length);
	uint64_t before = server->totals.pairs;
	const char *end = text + length, *to;

	server->totals.requests++;
	server->totals.bad += bad < length;
	for (; bad == length && text < end; text = to + 1) {
		to = memchr(text, '&', end - text);
		to = to ? to : end;
		if (to > text)
			serve_pair(server, query, text, to);
	}
	server->totals.repeated += server->totals.pairs - before - g_hash_table_size(query);
	g_hash_table_destroy(query);
	return bad;
}

static void serve_file(struct server *server, const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	size_t room = 0, length, bad;
	uint64_t line = 0;
	char *text = NULL;
	ssize_t n;

	while (file && (n = getline(&text, &room, file)) >= 0) {
		length = n - (n && text[n - 1] == '\n');
		line++;
		bad = serve(server, text, length);
		if (bad == length)
			continue;
		fprintf(stderr, "querymap_glib: %s:%" PRIu64 ": no escape at byte %zu\n", path,
			line, bad + 1);
		server->failures++;
	}
	if (!file || ferror(file)) {
		fprintf(stderr, "querymap_glib: %s: %s\n", path, strerror(errno));
		server->failures++;
	}
	free(text);
	if (file && file != stdin)
		fclose(file);
}

static void print_keys(struct server *server)
{
	size_t nr = g_hash_table_size(server->keys), i = 0;
	struct counted *keys = g_new(struct counted, nr);
	gpointer key, count;
	GHashTableIter iter;

	g_hash_table_iter_init(&iter, server->keys);
	while (g_hash_table_iter_next(&iter, &key, &count))
		keys[i++] = (struct counted) {
			.text = ((GString *)key)->str,
			.length = ((GString *)key)->len,
			.count = *(uint64_t *)count,
		};
	printf("keys %zu\n", nr);
	print_most_frequent(keys, nr, NULL);
	g_free(keys);
}

int main(int argc, char **argv)
{
	struct server server = { 0 };
	int i;

	server.keys = g_hash_table_new_full(hash_string, equal_strings, free_string, g_free);
	if (argc < 2)
		serve_file(&server, "-");
	for (i = 1; i < argc; i++)
		serve_file(&server, argv[i]);
	print_totals(&server.totals);
	print_keys(&server);
	g_hash_table_destroy(server.keys);
	return server.failures ? 1 : 0;
}
