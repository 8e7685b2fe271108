// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Statistics of arenas, and capabilities of the system.
 *
 * With $ARENA_STATS, each arena is printed when it is destroyed, or else when the process
 * exits. The counters of an arena belong to the thread that uses it. At exit, another
 * thread reads them, when the arena should no longer be in use.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fork.h"
#include "private.h"
#include "range.h"
#include "registry.h"
#include "stats.h"
#include "sys.h"

/* Sizes of the structures in their first version. */
#define STATS_SIZE_1	(offsetof(struct arena_stats, wasted) + sizeof(uint64_t))
#define CAPS_SIZE_1	(offsetof(struct arena_caps, reserved) + sizeof(uint32_t))

const char *arena_name(const struct arena *a)
{
	return const_private(a)->name;
}

/* Return the arena that the memory belongs to: the outermost parent of a child. */
static const struct arena_private *root_of(const struct arena *pub)
{
	const struct arena_private *a = const_private(pub);

	while (a->parent)
		a = a->parent;
	return a;
}

enum arena_backing arena_backing(const struct arena *a)
{
	return root_of(a)->backend->kind;
}

int arena_stats_get(const struct arena *pub, struct arena_stats *stats)
{
	const struct arena_private *a = const_private(pub);
	const struct backend *backend = root_of(pub)->backend;
	struct arena_stats now = a->stats;
	int saved_errno = errno;
	int err;

	now.reserved = a->range.end - a->range.start;
	now.committed = a->range.end - a->committed;
	now.used = used_of(a);
	now.blocks = a->backend ? backend->blocks(&a->range) : 0;
	now.node = now.used && !a->is_idle ? arena_node_of(a->range.end - 1) : -1;
	now.backing = backend->kind;
	now.limit = a->range.end - a->lowest;
	if (now.peak < now.used)
		now.peak = now.used;
	now.allocated += used_to_the_byte(a);
	if (a->is_counted)
		now.wasted = now.allocated - now.asked;
	err = arena_put_struct(stats, &now, sizeof(now), STATS_SIZE_1);
	errno = saved_errno;
	return err;
}

/* Return the mask of the nodes with memory, up to node 63; node 0 if there is no NUMA. */
static uint64_t read_nodes(void)
{
	char list[512];
	uint64_t mask;
	FILE *file = fopen("/sys/devices/system/node/has_memory", "re");

	if (!file)
		return 1;
	if (!fgets(list, sizeof(list), file) || (arena_parse_nodes(list, &mask) && !mask))
		mask = 1;
	fclose(file);
	return mask;
}

unsigned int arena_version(void)
{
	return ARENA_VERSION;
}

int arena_probe(struct arena_caps *caps)
{
	struct arena_caps now = { .block_size = ARENA_BLOCK };
	int saved_errno = errno;
	int err;

	now.device_error = arena_device_probe(&now.abi_version, &now.features);
	now.node_mask = read_nodes();
	now.has_huge = arena_huge_probe();
	err = arena_put_struct(caps, &now, sizeof(now), CAPS_SIZE_1);
	errno = saved_errno;
	return err;
}

/* --- output as text and as JSON ------------------------------------------------- */

static const char *const backings[] = {
	[ARENA_BACKING_DEVICE] = "device",
	[ARENA_BACKING_HUGE] = "huge",
	[ARENA_BACKING_ANON] = "anon",
};

/* Escape quotes, backslashes and control characters in a name, for a JSON string. */
static void quote(char *to, const char *name)
{
	for (; *name; name++) {
		unsigned char c = *name;

		if (c < ' ') {
			to += sprintf(to, "\\u%04x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			*to++ = '\\';
		*to++ = c;
	}
	*to = '\0';
}

/* Return a percentage, rounded down; 0 if the whole is 0. */
static uint64_t percent(uint64_t part, uint64_t whole)
{
	return whole ? part * 100 / whole : 0;
}

int arena_stats_print(const struct arena *pub, int fd, enum arena_stats_format format)
{
	const struct arena_private *a = const_private(pub);
	struct arena_stats now = { .size = sizeof(now) };
	bool is_json = format == ARENA_STATS_JSON;
	int saved_errno = errno, length, err = 0;
	char name[6 * NAME_SIZE], line[2048];
	size_t i;

	if (format != ARENA_STATS_TEXT && format != ARENA_STATS_JSON)
		return -EINVAL;
	arena_stats_get(pub, &now);
	const struct { const char *label; uint64_t value; bool is_known; } figures[] = {
		{ "used", now.used, true },
		{ "peak", now.peak, true },
		{ "committed", now.committed, true },
		{ "unused_percent", percent(now.committed - now.used, now.committed), true },
		{ "reserved", now.reserved, true },
		{ "limit", now.limit, true },
		{ "blocks", now.blocks, true },
		{ "allocated", now.allocated, true },
		{ "obtained", now.obtained, true },
		{ "reuse_percent", now.obtained < now.allocated ?
			percent(now.allocated - now.obtained, now.allocated) : 0, true },
		{ "allocations", now.allocations, a->is_counted },
		{ "asked", now.asked, a->is_counted },
		{ "wasted", now.wasted, a->is_counted },
		{ "commits", now.commits, true },
		{ "slow", now.slow, true },
		{ "rewinds", now.rewinds, true },
		{ "resets", now.resets, true },
		{ "releases", now.releases, true },
		{ "failures", now.failures, true },
	};
	quote(name, a->name);
	length = sprintf(line, is_json ? "{\"name\": \"%s\", \"backing\": \"%s\", \"node\": %d" :
			 "arena '%s': backing=%s node=%d", is_json ? name : a->name,
			 backings[now.backing], now.node);
	for (i = 0; i < sizeof(figures) / sizeof(*figures); i++)
		if (figures[i].is_known)
			length += sprintf(line + length, is_json ? ", \"%s\": %llu" : " %s=%llu",
					  figures[i].label,
					  (unsigned long long)figures[i].value);
	length += sprintf(line + length, is_json ? "}\n" : "\n");
	errno = 0;
	if (write(fd, line, length) != length)
		err = errno ? -errno : -EIO;
	errno = saved_errno;
	return err;
}

/* --- $ARENA_STATS ------------------------------------------------------------------ */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_wanted;
static enum arena_stats_format wanted_format;

static void print(struct arena_private *a)
{
	/* Arenas from before fork() are printed by the parent process only. */
	if (a->is_printed && a->forks == arena_forks())
		arena_stats_print(&a->pub, 2, wanted_format);
}

static void print_all(void)
{
	arena_registry_each(print);
}

static void read_variable(void)
{
	const char *text = secure_getenv("ARENA_STATS");

	if (!text)
		return;
	is_wanted = true;
	if (!strcmp(text, "json")) {
		wanted_format = ARENA_STATS_JSON;
	} else if (strcmp(text, "exit")) {
		fprintf(stderr, "libarena: ARENA_STATS=%s is ignored: can't be understood\n",
			text);
		is_wanted = false;
	}
	if (is_wanted)
		atexit(print_all);
}

void arena_stats_begin(struct arena_private *a)
{
	pthread_once(&once, read_variable);
	a->is_printed = is_wanted;
}

void arena_stats_end(struct arena_private *a)
{
	print(a);
}
