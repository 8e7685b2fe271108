/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * groupmerge_glib FILE... - the twin of groupmerge, with GLib and malloc()
 *
 * Words are copies, their places a GArray for each; all of this is freed piece
 * by piece.
 */
#include <errno.h>
#include <glib.h>

#include "twins.h"

struct job {
	GHashTable *words;
	uint64_t files;
	uint64_t lines;
	uint64_t nr_words;
	int failures;
};

static void free_bytes(gpointer bytes)
{
	g_bytes_unref(bytes);
}

static void free_places(gpointer places)
{
	g_array_free(places, TRUE);
}

static GHashTable *new_index(void)
{
	return g_hash_table_new_full(g_bytes_hash, g_bytes_equal, free_bytes, free_places);
}

static void add_word(GHashTable *words, const char *text, size_t length, struct place place)
{
	GBytes *word = g_bytes_new(text, length);
	GArray *places = g_hash_table_lookup(words, word);

	if (places) {
		g_bytes_unref(word);
	} else {
		places = g_array_new(FALSE, FALSE, sizeof(place));
		g_hash_table_insert(words, word, places);
	}
	g_array_append_val(places, place);
}

static void index_line(struct job *job, GHashTable *words, const char *line, const char *end,
		       struct place place)
{
	const char *word;

	for (;;) {
		while (line < end && is_white(*line))
			line++;
		if (line == end)
			return;
		for (word = line; line < end && !is_white(*line); line++)
			;
		add_word(words, word, line - word, place);
		job->nr_words++;
	}
}

/* Move arrays of new words, append the others. */
static void merge(GHashTable *into, GHashTable *from)
{
	gpointer word, places;
	GHashTableIter iter;
	GArray *known;

	g_hash_table_iter_init(&iter, from);
	while (g_hash_table_iter_next(&iter, &word, &places)) {
		known = g_hash_table_lookup(into, word);
		if (known) {
			g_array_append_vals(known, ((GArray *)places)->data,
					    ((GArray *)places)->len);
			g_hash_table_iter_remove(&iter);
		} else {
			g_hash_table_iter_steal(&iter);
			g_hash_table_insert(into, word, places);
		}
	}
}

static void index_file(struct job *job, const char *path, uint32_t file)
{
	struct place place = { .file = file };
	char *text, *line, *end, *to;
	GHashTable *words;
	GError *error = NULL;
	gsize length;

	if (!g_file_get_contents(path, &text, &length, &error)) {
		fprintf(stderr, "groupmerge_glib: %s\n", error->message);
		g_error_free(error);
		job->failures++;
		return;
	}
	words = new_index();
	end = text + length;
	for (line = text; line < end; line = to + 1) {
		to = memchr(line, '\n', end - line);
		to = to ? to : end;
		place.line++;
		index_line(job, words, line, to, place);
	}
	merge(job->words, words);
	job->files++;
	job->lines += place.line;
	g_hash_table_destroy(words);
	g_free(text);
}

static void print_job(struct job *job, char **files)
{
	size_t nr = g_hash_table_size(job->words), i = 0;
	struct counted *words = g_new(struct counted, nr);
	gpointer word, places;
	GHashTableIter iter;
	gsize length;

	g_hash_table_iter_init(&iter, job->words);
	while (g_hash_table_iter_next(&iter, &word, &places)) {
		words[i].text = g_bytes_get_data(word, &length);
		words[i].length = length;
		words[i].count = ((GArray *)places)->len;
		words[i].places = (const struct place *)(void *)((GArray *)places)->data;
		i++;
	}
	printf("files %" PRIu64 ", lines %" PRIu64 "\n", job->files, job->lines);
	printf("words %" PRIu64 ", distinct %zu\n", job->nr_words, nr);
	print_most_frequent(words, nr, files);
	g_free(words);
}

int main(int argc, char **argv)
{
	struct job job = { 0 };
	int i;

	if (argc < 2) {
		fprintf(stderr, "usage: groupmerge_glib FILE...\n");
		return 2;
	}
	job.words = new_index();
	for (i = 1; i < argc; i++)
		index_file(&job, argv[i], i);
	print_job(&job, argv);
	g_hash_table_destroy(job.words);
	return job.failures ? 1 : 0;
}
