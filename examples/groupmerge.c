/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * groupmerge FILE... - print the words of all files, and the lines on which
 * they are
 *
 * Each file is read into an arena, as is a map from its words to their places;
 * the words are slices of the text. Then this map is merged into the map of all
 * files, which is in another arena, and the file's arena is reset.
 *
 * A word is a sequence of bytes between white space, as in wc(1).
 */
#include <errno.h>
#include <arena/vec.h>

#include "twins.h"

ARENA_GROUPS(index, struct place);

struct job {
	struct arena *file;
	struct arena *all;
	struct index words;
	uint64_t files;
	uint64_t lines;
	uint64_t nr_words;
	int failures;
};

static void fail(const struct arena *a)
{
	fprintf(stderr, "groupmerge: %s\n", strerror(-arena_error(a)));
	exit(1);
}

/* Read a file; @data of the result is NULL if that fails. */
static struct arena_str read_file(struct arena *a, const char *path)
{
	FILE *file = fopen(path, "rb");
	struct arena_str text = { 0 };
	struct arena_buf buf;
	char part[4096];
	size_t n;

	if (!file)
		return text;
	arena_buf_begin(&buf, a, 0);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		arena_buf_append(&buf, part, n);
	if (!ferror(file)) {
		text = arena_buf_finish_str(&buf);
		if (!text.data)
			fail(a);
	}
	fclose(file);
	return text;
}

static void index_line(struct job *job, struct index *words, struct arena_str line,
		       struct place place)
{
	size_t from = 0, to;

	for (;;) {
		while (from < line.length && is_white(line.data[from]))
			from++;
		if (from == line.length)
			return;
		for (to = from; to < line.length && !is_white(line.data[to]); to++)
			;
		if (!index_add(words, arena_str_slice(line, from, to), place))
			fail(job->file);
		job->nr_words++;
		from = to;
	}
}

static void index_file(struct job *job, const char *path, uint32_t file)
{
	struct arena_str text = read_file(job->file, path), line;
	struct place place = { .file = file };
	struct index words;

	if (!text.data) {
		fprintf(stderr, "groupmerge: %s: %s\n", path, strerror(errno));
		job->failures++;
		return;
	}
	if (index_init(&words, job->file, 0, 0))
		fail(job->file);
	while (arena_str_split(&text, '\n', &line)) {
		/* Text after the last newline is a line only if it is not empty. */
		if (!text.data && !line.length)
			break;
		place.line++;
		index_line(job, &words, line, place);
	}
	if (index_merge(&job->words, &words))
		fail(job->all);
	job->files++;
	job->lines += place.line;
	arena_reset(job->file);
}

static void print_job(struct job *job, char **files)
{
	size_t nr = index_length(&job->words), i = 0;
	struct counted *words = arena_new_array(job->all, struct counted, nr);
	struct index_entry *entry = NULL;

	if (!words)
		fail(job->all);
	while ((entry = index_next(&job->words, entry)))
		words[i++] = (struct counted) {
			.text = entry->key.data,
			.length = entry->key.length,
			.count = index_values_length(&entry->value),
			.places = entry->value.data,
		};
	printf("files %" PRIu64 ", lines %" PRIu64 "\n", job->files, job->lines);
	printf("words %" PRIu64 ", distinct %zu\n", job->nr_words, nr);
	print_most_frequent(words, nr, files);
}

int main(int argc, char **argv)
{
	struct job job = { 0 };
	int i, err;

	if (argc < 2) {
		fprintf(stderr, "usage: groupmerge FILE...\n");
		return 2;
	}
	err = arena_create(&job.file, NULL);
	if (!err)
		err = arena_create(&job.all, NULL);
	if (!err)
		err = index_init(&job.words, job.all, 0, 0);
	if (err) {
		fprintf(stderr, "groupmerge: arena_create: %s\n", strerror(-err));
		return 1;
	}
	for (i = 1; i < argc; i++)
		index_file(&job, argv[i], i);
	print_job(&job, argv);
	arena_destroy(job.all);
	arena_destroy(job.file);
	return job.failures ? 1 : 0;
}
