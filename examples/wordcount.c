/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * wordcount FILE... - count words, in an arena and with malloc()
 *
 * The words of each file are interned in a hash table: once with all memory in
 * an arena that is released by one call, once with malloc() and a free() for
 * each piece. Both must find the same words the same number of times. The table
 * shows the time that each took, and the time to free everything.
 *
 * A word is a sequence of bytes between white space, as in wc(1).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <arena/arena.h>

/* The source of memory: an arena, or malloc() if it is NULL. */
struct heap {
	struct arena *arena;
	uint64_t bytes;		/* requested so far */
};

struct word {
	struct word *next;	/* in its bucket */
	uint64_t hash;
	uint64_t count;
	size_t length;
	char text[];
};

struct table {
	struct word **buckets;
	size_t nr_buckets;	/* a power of two */
	uint64_t words;
	uint64_t distinct;
};

static void *get(struct heap *heap, size_t size)
{
	void *memory = heap->arena ? arena_alloc(heap->arena, size) :
		malloc(size);

	if (!memory) {
		fprintf(stderr, "wordcount: out of memory\n");
		exit(1);
	}
	heap->bytes += size;
	return memory;
}

/* In an arena this does nothing: everything is freed at once later. */
static void put(struct heap *heap, void *memory)
{
	if (!heap->arena)
		free(memory);
}

/* FNV-1a, by Fowler, Noll and Vo. */
static uint64_t hash_of(const char *text, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325;

	while (length--)
		hash = (hash ^ (unsigned char)*text++) * 0x100000001b3;
	return hash;
}

static void set_buckets(struct heap *heap, struct table *table, size_t nr)
{
	struct word **old = table->buckets, *word, *next;
	size_t nr_old = table->nr_buckets, i;

	table->buckets = get(heap, nr * sizeof(*table->buckets));
	memset(table->buckets, 0, nr * sizeof(*table->buckets));
	table->nr_buckets = nr;
	for (i = 0; i < nr_old; i++) {
		for (word = old[i]; word; word = next) {
			struct word **bucket = &table->buckets[word->hash & (nr - 1)];

			next = word->next;
			word->next = *bucket;
			*bucket = word;
		}
	}
	put(heap, old);
}

static struct word *find(const struct table *table, const char *text,
			 size_t length, uint64_t hash)
{
	struct word *word = table->buckets[hash & (table->nr_buckets - 1)];

	while (word && (word->hash != hash || word->length != length ||
			memcmp(word->text, text, length)))
		word = word->next;
	return word;
}

static void count_word(struct heap *heap, struct table *table,
		       const char *text, size_t length)
{
	uint64_t hash = hash_of(text, length);
	struct word *word = find(table, text, length, hash), **bucket;

	table->words++;
	if (word) {
		word->count++;
		return;
	}
	if (table->distinct == table->nr_buckets)
		set_buckets(heap, table, 2 * table->nr_buckets);

	word = get(heap, sizeof(*word) + length);
	word->hash = hash;
	word->count = 1;
	word->length = length;
	memcpy(word->text, text, length);
	bucket = &table->buckets[hash & (table->nr_buckets - 1)];
	word->next = *bucket;
	*bucket = word;
	table->distinct++;
}

/* White space of the C locale. */
static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void count_words(struct heap *heap, struct table *table,
			const char *text, size_t size)
{
	const char *end = text + size, *start;

	memset(table, 0, sizeof(*table));
	set_buckets(heap, table, 256);
	while (text < end) {
		while (text < end && is_space(*text))
			text++;
		start = text;
		while (text < end && !is_space(*text))
			text++;
		if (text > start)
			count_word(heap, table, start, text - start);
	}
}

/* malloc() requires a free() for each piece. */
static void free_words(struct table *table)
{
	struct word *word, *next;
	size_t i;

	for (i = 0; i < table->nr_buckets; i++) {
		for (word = table->buckets[i]; word; word = next) {
			next = word->next;
			free(word);
		}
	}
	free(table->buckets);
}

static bool same_words(const struct table *one, const struct table *two)
{
	const struct word *word, *other;
	size_t i;

	if (one->words != two->words || one->distinct != two->distinct)
		return false;
	for (i = 0; i < one->nr_buckets; i++) {
		for (word = one->buckets[i]; word; word = word->next) {
			other = find(two, word->text, word->length, word->hash);
			if (!other || other->count != word->count)
				return false;
		}
	}
	return true;
}

static char *read_file(const char *path, size_t *size)
{
	size_t room = 1 << 16, n;
	char *text = malloc(room);
	FILE *file = fopen(path, "rb");

	*size = 0;
	if (!file || !text)
		goto fail;
	while ((n = fread(text + *size, 1, room - *size, file)) > 0) {
		*size += n;
		if (*size == room) {
			char *larger = realloc(text, room *= 2);

			if (!larger)
				goto fail;
			text = larger;
		}
	}
	if (ferror(file))
		goto fail;
	fclose(file);
	return text;

fail:
	fprintf(stderr, "wordcount: %s: %s\n", path, strerror(errno));
	if (file)
		fclose(file);
	free(text);
	return NULL;
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

/* Return the last part of a path, or the end of that if it does not fit the column. */
static const char *short_name(const char *path, size_t width)
{
	const char *slash = strrchr(path, '/');
	size_t length;

	if (slash && slash[1])
		path = slash + 1;
	length = strlen(path);
	return length > width ? path + length - width : path;
}

/* Format a number, or a dash if there is none. */
static const char *figure(int64_t value, char *space, size_t size)
{
	snprintf(space, size, value < 0 ? "-" : "%" PRId64, value);
	return space;
}

struct totals {
	enum arena_backing backing;
	uint64_t words;
	double arena_us;
	double malloc_us;
	int files;
	int failed;
};

static void count_file(const char *path, struct totals *totals)
{
	struct heap in_arena = { 0 }, by_malloc = { 0 };
	struct arena_stats stats = { .size = sizeof(stats) };
	struct table table, other;
	double arena_us, malloc_us;
	char blocks[24], node[24];
	size_t size;
	char *text;
	bool agree;
	int err;

	text = read_file(path, &size);
	if (!text) {
		totals->failed++;
		return;
	}
	err = arena_create(&in_arena.arena, NULL);
	if (err) {
		fprintf(stderr, "wordcount: arena_create: %s\n", strerror(-err));
		exit(1);
	}
	count_words(&in_arena, &table, text, size);
	count_words(&by_malloc, &other, text, size);
	agree = same_words(&table, &other) && in_arena.bytes == by_malloc.bytes;
	arena_stats_get(in_arena.arena, &stats);

	arena_us = now_us();
	err = arena_release(in_arena.arena);
	arena_us = now_us() - arena_us;
	agree = agree && !err;
	malloc_us = now_us();
	free_words(&other);
	malloc_us = now_us() - malloc_us;
	free(text);
	arena_destroy(in_arena.arena);

	printf("%-24s %9" PRIu64 " %9" PRIu64 " %11" PRIu64 " %6s %4s %10.1f %10.1f  %s\n",
	       short_name(path, 24), table.words, table.distinct, in_arena.bytes,
	       figure(stats.blocks ? (int64_t)stats.blocks : -1, blocks,
		      sizeof(blocks)),
	       figure(stats.node, node, sizeof(node)),
	       arena_us, malloc_us, agree ? "yes" : "NO");
	totals->backing = stats.backing;
	totals->files++;
	totals->failed += !agree;
	totals->words += table.words;
	totals->arena_us += arena_us;
	totals->malloc_us += malloc_us;
}

/* The first call of a function often costs more than the next ones. */
static void warm_up(void)
{
	struct arena *arena;

	if (arena_create(&arena, NULL))
		return;
	free(malloc(1));
	if (arena_zalloc(arena, 1))
		arena_release(arena);
	arena_destroy(arena);
}

int main(int argc, char **argv)
{
	struct totals totals = { 0 };
	int i;

	if (argc < 2) {
		fprintf(stderr, "usage: wordcount FILE...\n");
		return 2;
	}
	warm_up();
	printf("%-24s %9s %9s %11s %6s %4s %21s  %s\n", "", "", "", "", "", "",
	       "us to free everything", "counts");
	printf("%-24s %9s %9s %11s %6s %4s %10s %10s  %s\n", "file", "words",
	       "distinct", "bytes", "blocks", "node", "arena", "malloc",
	       "agree");
	for (i = 1; i < argc; i++)
		count_file(argv[i], &totals);

	printf("\n%d files, %" PRIu64 " words; freed in %.0f us by arena, %.0f us by malloc\n",
	       totals.files, totals.words, totals.arena_us, totals.malloc_us);
	if (totals.files)
		printf("arenas on %s\n", totals.backing == ARENA_BACKING_DEVICE ?
		       "/dev/arena" :
		       "anonymous memory, as /dev/arena can't be opened");
	return totals.failed ? 1 : 0;
}
