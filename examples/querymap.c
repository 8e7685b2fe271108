/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * querymap [FILE...] - parse query strings, one per line, and print statistics
 *
 * Each line is a request: it is parsed into a map in an arena from a pool,
 * which is put back when the request ends. The number of times that each key
 * occurred is kept in another arena. A line with a malformed escape is reported
 * and counted, and the exit status is 1 then. Without a file, or if it is -,
 * standard input is read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <arena/pool.h>
#include <arena/query.h>

#include "twins.h"

ARENA_STR_MAP(counts, uint64_t);

struct server {
	struct arena_pool *pool;
	struct arena *kept;
	struct counts keys;
	struct totals totals;
	int failures;
};

static void fail(const char *what, int err)
{
	fprintf(stderr, "querymap: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void count_key(struct server *server, struct arena_str key)
{
	uint64_t *count = counts_get_or_put(&server->keys, key, NULL);

	if (!count)
		fail("keys", arena_error(server->kept));
	++*count;
}

static void count_value(struct totals *totals, const struct arena_query_value *value)
{
	switch (value->type) {
	case ARENA_QUERY_INT64:
		totals->integers++;
		totals->sum_of_integers += value->as_int64;
		break;
	case ARENA_QUERY_DOUBLE:
		totals->doubles++;
		totals->sum_of_doubles += value->as_double;
		break;
	case ARENA_QUERY_BOOL:
		totals->bools++;
		totals->trues += value->as_bool;
		break;
	case ARENA_QUERY_STRING:
		totals->strings++;
		totals->bytes_of_strings += value->text.length;
		break;
	}
}

/* Return the offset of a malformed escape, or the length. */
static size_t serve(struct server *server, char *text, size_t length)
{
	struct totals *totals = &server->totals;
	struct arena_query q;
	struct arena *a;
	size_t i;
	int err;

	err = arena_pool_get(server->pool, &a, -1, NULL);
	if (err < 0)
		fail("an arena", err);
	err = arena_query_parse(a, text, length, 0, 0, &q);
	if (err && err != -EINVAL)
		fail("a request", err);
	totals->requests++;
	totals->bad += err != 0;
	totals->pairs += q.length;
	totals->repeated += q.length - arena_query_map_length(&q.map);
	for (i = 0; i < q.length; i++) {
		count_value(totals, &q.values[i]);
		count_key(server, q.values[i].key);
	}
	arena_pool_put(server->pool, a);
	return q.bad;
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
		fprintf(stderr, "querymap: %s:%" PRIu64 ": no escape at byte %zu\n", path, line,
			bad + 1);
		server->failures++;
	}
	if (!file || ferror(file)) {
		fprintf(stderr, "querymap: %s: %s\n", path, strerror(errno));
		server->failures++;
	}
	free(text);
	if (file && file != stdin)
		fclose(file);
}

static void print_keys(struct server *server)
{
	size_t nr = counts_length(&server->keys), i = 0;
	struct counted *keys = arena_new_array(server->kept, struct counted, nr);
	struct counts_entry *entry = NULL;

	if (!keys)
		fail("keys", arena_error(server->kept));
	while ((entry = counts_next(&server->keys, entry)))
		keys[i++] = (struct counted) {
			.text = entry->key.data,
			.length = entry->key.length,
			.count = entry->value,
		};
	printf("keys %zu\n", nr);
	print_most_frequent(keys, nr, NULL);
}

int main(int argc, char **argv)
{
	struct server server = { 0 };
	int i, err;

	err = arena_pool_create(&server.pool, NULL);
	if (!err)
		err = arena_create(&server.kept, NULL);
	if (!err)
		err = counts_init(&server.keys, server.kept, 0, ARENA_MAP_COPY_KEYS);
	if (err)
		fail("arenas", err);
	if (argc < 2)
		serve_file(&server, "-");
	for (i = 1; i < argc; i++)
		serve_file(&server, argv[i]);
	print_totals(&server.totals);
	print_keys(&server);
	arena_destroy(server.kept);
	arena_pool_destroy(server.pool);
	return server.failures ? 1 : 0;
}
