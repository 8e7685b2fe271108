// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Options, and the environment variables that override them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "sanitize.h"
#include "sys.h"

/* Size of the structure in its first version. */
#define OPTS_SIZE_1	(offsetof(struct arena_opts, node_mask) + sizeof(uint64_t))

#define KNOWN_FLAGS	(ARENA_OPT_PREFER | ARENA_OPT_KEEP_DIRTY | ARENA_OPT_SEAL | ARENA_OPT_CHECKS | \
			 ARENA_OPT_QUARANTINE | ARENA_OPT_COUNT | ARENA_OPT_THREAD_OWNED)

int arena_read_opts(struct arena_opts *opts, const struct arena_opts *from)
{
	int err = arena_get_struct(opts, from, sizeof(*opts), OPTS_SIZE_1);

	if (err || !from)
		return err;
	if (opts->backing > ARENA_BACKING_ANON || opts->nodes > ARENA_NODES_INTERLEAVE ||
	    opts->flags & ~KNOWN_FLAGS || opts->reserved)
		return -EINVAL;
	if ((opts->nodes == ARENA_NODES_LOCAL) != !opts->node_mask)
		return -EINVAL;
	return 0;
}

/* --- values of environment variables ------------------------------------------ */

static int parse_size(const char *text, size_t *size)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	unsigned long long n;
	int shift = 0;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno)
		return -EINVAL;
	if (*end) {
		suffix = strchr(suffixes, toupper((unsigned char)*end));
		if (!suffix || end[1])
			return -EINVAL;
		shift = 10 * (suffix - suffixes + 1);
	}
	if (n > SIZE_MAX >> shift)
		return -EINVAL;
	*size = n << shift;
	return 0;
}

/*
 * Look up the text before a colon, or all of it, in a list of words. Set @rest to the
 * text after the colon, or NULL. Return 0, or -EINVAL if it is not in the list.
 */
static int parse_word(const char *text, const char *const *words, uint32_t *which,
		      const char **rest)
{
	size_t length = strcspn(text, ":");
	uint32_t i;

	for (i = 0; words[i]; i++) {
		if (strlen(words[i]) == length && !memcmp(words[i], text, length)) {
			*which = i;
			*rest = text[length] ? text + length + 1 : NULL;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_backing(const char *text, struct arena_opts *opts)
{
	static const char *const words[] = { "any", "device", "huge", "anon", NULL };
	const char *rest;
	uint32_t backing;

	if (parse_word(text, words, &backing, &rest) || rest)
		return -EINVAL;
	opts->backing = backing;
	return 0;
}

static int parse_placement(const char *text, struct arena_opts *opts)
{
	static const char *const words[] = {
		"local", "bind", "preferred", "interleave", NULL
	};
	const char *rest;
	uint64_t mask = 0;
	uint32_t nodes;

	if (parse_word(text, words, &nodes, &rest))
		return -EINVAL;
	if ((nodes == ARENA_NODES_LOCAL) != !rest)
		return -EINVAL;
	if (rest && arena_parse_nodes(rest, &mask))
		return -EINVAL;
	opts->nodes = nodes;
	opts->node_mask = mask;
	return 0;
}

static int parse_reserve(const char *text, struct arena_opts *opts)
{
	if (!strcmp(text, "auto")) {
		opts->reserve = ARENA_RESERVE_AUTO;
		return 0;
	}
	return parse_size(text, &opts->reserve);
}

static int parse_limit(const char *text, struct arena_opts *opts)
{
	return parse_size(text, &opts->limit);
}

static int parse_prefault(const char *text, struct arena_opts *opts)
{
	return parse_size(text, &opts->prefault);
}

static int parse_flag(const char *text, struct arena_opts *opts, uint32_t flag)
{
	if (strcmp(text, "0") && strcmp(text, "1"))
		return -EINVAL;
	opts->flags = *text == '1' ? opts->flags | flag : opts->flags & ~flag;
	return 0;
}

void arena_override_opts(struct arena_opts *opts)
{
	static const struct {
		const char *name;
		int (*parse)(const char *text, struct arena_opts *opts);
		/* If there is no function: the flag that 1 sets and 0 clears. */
		uint32_t flag;
	} all[] = {
		{ "ARENA_RESERVE", parse_reserve, 0 },
		{ "ARENA_LIMIT", parse_limit, 0 },
		{ "ARENA_PREFAULT", parse_prefault, 0 },
		{ "ARENA_BACKING", parse_backing, 0 },
		{ "ARENA_NODES", parse_placement, 0 },
		{ "ARENA_PREFER", NULL, ARENA_OPT_PREFER },
		{ "ARENA_KEEP_DIRTY", NULL, ARENA_OPT_KEEP_DIRTY },
		{ "ARENA_SEAL", NULL, ARENA_OPT_SEAL },
		{ "ARENA_QUARANTINE", NULL, ARENA_OPT_QUARANTINE },
		{ "ARENA_COUNT", NULL, ARENA_OPT_COUNT },
		{ "ARENA_THREAD_OWNED", NULL, ARENA_OPT_THREAD_OWNED },
		{ "ARENA_CHECKED", NULL, ARENA_OPT_CHECKS },
	};
	const char *text;
	size_t i;
	int err;

	if (arena_is_watched())
		opts->flags |= ARENA_OPT_CHECKS;
	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		text = secure_getenv(all[i].name);
		if (!text)
			continue;
		err = all[i].parse ? all[i].parse(text, opts) :
				     parse_flag(text, opts, all[i].flag);
		if (err)
			fprintf(stderr, "libarena: %s=%s is ignored: can't be understood\n",
				all[i].name, text);
	}
}
