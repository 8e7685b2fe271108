/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Output of querymap, groupmerge and their twins with GLib and malloc(), which
 * must print the same.
 */
#ifndef TWINS_H
#define TWINS_H

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FREQUENT	20
#define FIRST_PLACES	3

/* The place of a word: its file, and its line, counted from 1. */
struct place {
	uint32_t file;
	uint32_t line;
};

/* A key or a word. */
struct counted {
	const char *text;
	size_t length;
	uint64_t count;
	const struct place *places;	/* only for a word */
};

/* Sort by decreasing frequency, then by bytes. */
static inline int compare_counted(const void *a, const void *b)
{
	const struct counted *one = a, *two = b;
	size_t shorter = one->length < two->length ? one->length : two->length;
	int order;

	if (one->count != two->count)
		return one->count < two->count ? 1 : -1;
	order = memcmp(one->text, two->text, shorter);
	return order ? order : (one->length > two->length) - (one->length < two->length);
}

/*
 * Print text as a single word: white space, % and bytes that are not printable
 * are percent-encoded.
 */
static inline void print_text(const char *text, size_t length)
{
	for (; length--; text++) {
		if (isgraph((unsigned char)*text) && *text != '%')
			putchar(*text);
		else
			printf("%%%02X", (unsigned char)*text);
	}
}

/* @files are the names of the files that contain the words, or NULL. */
static inline void print_most_frequent(struct counted *counted, size_t nr, char **files)
{
	size_t i, j;

	qsort(counted, nr, sizeof(*counted), compare_counted);
	for (i = 0; i < nr && i < MOST_FREQUENT; i++) {
		printf("%10" PRIu64 " ", counted[i].count);
		print_text(counted[i].text, counted[i].length);
		for (j = 0; files && j < counted[i].count && j < FIRST_PLACES; j++)
			printf(" %s:%" PRIu32, files[counted[i].places[j].file],
			       counted[i].places[j].line);
		putchar('\n');
	}
}

/* The totals of all query strings; the sum of integers wraps. */
struct totals {
	uint64_t requests;
	uint64_t bad;
	uint64_t pairs;
	uint64_t repeated;
	uint64_t integers;
	uint64_t sum_of_integers;
	uint64_t doubles;
	double sum_of_doubles;
	uint64_t bools;
	uint64_t trues;
	uint64_t strings;
	uint64_t bytes_of_strings;
};

static inline void print_totals(const struct totals *t)
{
	printf("requests %" PRIu64 ", bad %" PRIu64 "\n", t->requests, t->bad);
	printf("pairs %" PRIu64 ", of a key before %" PRIu64 "\n", t->pairs, t->repeated);
	printf("integers %" PRIu64 ", sum %" PRId64 "\n", t->integers,
	       (int64_t)t->sum_of_integers);
	printf("doubles %" PRIu64 ", sum %.17g\n", t->doubles, t->sum_of_doubles);
	printf("bools %" PRIu64 ", true %" PRIu64 "\n", t->bools, t->trues);
	printf("strings %" PRIu64 ", bytes %" PRIu64 "\n", t->strings, t->bytes_of_strings);
}

/* White space of the C locale. */
static inline int is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

#endif /* TWINS_H */
