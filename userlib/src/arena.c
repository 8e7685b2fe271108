// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The arena itself: options, growth, reset and release.
 *
 *	range.start          base              base+left         range.end
 *	|  reserved          |  committed, free |  allocated     |
 *	                     <----- left ------->
 *
 * Allocation moves the border base+left down, growth moves base down. An empty
 * arena has base == range.end and left == 0.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/mempolicy.h>
#include <arena/arena.h>

#include "backend.h"

#define DEFAULT_RESERVE	((size_t)16 << 30)
#define LEAST_RESERVE	((size_t)64 << 20)

/* How much the arena grows by: as much as it has, within these. */
#define LEAST_GROWTH	ARENA_BLOCK
#define MOST_GROWTH	((size_t)64 << 20)

/* Sizes of the structures in their first version. */
#define OPTS_SIZE_1	(offsetof(struct arena_opts, reserved) + sizeof(uint32_t))
#define STATS_SIZE_1	(offsetof(struct arena_stats, backing) + sizeof(uint32_t))

/**
 * struct arena_private - an arena, with what only the library sees
 * @pub: the public part; must be first
 * @backend: where the memory comes from
 * @range: the addresses
 */
struct arena_private {
	struct arena pub;
	const struct backend *backend;
	struct range range;
};

static struct arena_private *private(struct arena *a)
{
	return (struct arena_private *)a;
}

static const struct arena_private *const_private(const struct arena *a)
{
	return (const struct arena_private *)a;
}

static int read_opts(struct arena_opts *opts, const struct arena_opts *from)
{
	static const struct arena_opts defaults;
	const char *rest;
	size_t i;

	*opts = defaults;
	if (!from)
		return 0;
	if (from->size < OPTS_SIZE_1)
		return -EINVAL;
	rest = (const char *)from;
	for (i = sizeof(*opts); i < from->size; i++)
		if (rest[i])
			return -E2BIG;
	memcpy(opts, from, from->size < sizeof(*opts) ? from->size : sizeof(*opts));

	if (opts->backing > ARENA_BACKING_ANON || opts->reserved)
		return -EINVAL;
	return 0;
}

/* Take a range, of any backing that is allowed, the best first. */
static int reserve_range(struct arena_private *a, uint32_t backing,
			 size_t bytes)
{
	int err;

	if (backing != ARENA_BACKING_ANON) {
		a->backend = &arena_backend_device;
		err = a->backend->reserve(&a->range, bytes);
		if (!err || backing == ARENA_BACKING_DEVICE)
			return err;
	}
	a->backend = &arena_backend_anon;
	return a->backend->reserve(&a->range, bytes);
}

static int create(struct arena **result, const struct arena_opts *from)
{
	struct arena_opts opts;
	struct arena_private *a;
	size_t bytes;
	int err;

	err = read_opts(&opts, from);
	if (err)
		return err;
	if (__builtin_add_overflow(opts.reserve, ARENA_BLOCK - 1, &bytes))
		return -ENOMEM;
	bytes &= -ARENA_BLOCK;

	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	if (bytes) {
		err = reserve_range(a, opts.backing, bytes);
	} else {
		/* RLIMIT_AS, strict overcommit, mlockall(): be content with less. */
		bytes = DEFAULT_RESERVE;
		do
			err = reserve_range(a, opts.backing, bytes);
		while ((err == -ENOMEM || err == -EAGAIN) &&
		       (bytes /= 2) >= LEAST_RESERVE);
	}
	if (err) {
		free(a);
		return err;
	}
	a->pub.base = a->range.end;
	a->pub.left = 0;
	*result = &a->pub;
	return 0;
}

int arena_create(struct arena **a, const struct arena_opts *opts)
{
	int saved_errno = errno;
	int err;

	err = create(a, opts);
	errno = saved_errno;
	return err;
}

void arena_destroy(struct arena *pub)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;

	if (!a)
		return;
	a->backend->unreserve(&a->range);
	free(a);
	errno = saved_errno;
}

static bool grow_to(struct arena_private *a, char *base)
{
	if (a->backend->commit(&a->range, base, a->pub.base))
		return false;
	a->pub.left += a->pub.base - base;
	a->pub.base = base;
	return true;
}

/* Commit down to an address at least, and more at once while memory is there. */
static bool grow(struct arena_private *a, const char *down_to)
{
	char *start = a->range.start, *base = a->pub.base;
	char *needed = start + ((down_to - start) & -ARENA_BLOCK);
	size_t growth = a->range.end - base;
	char *wanted;

	if (growth < LEAST_GROWTH)
		growth = LEAST_GROWTH;
	if (growth > MOST_GROWTH)
		growth = MOST_GROWTH;
	if (growth > (size_t)(base - start))
		growth = base - start;
	wanted = base - growth;

	if (wanted < needed && grow_to(a, wanted))
		return true;
	return grow_to(a, needed);
}

void *arena_alloc_slow(struct arena *pub, size_t size, size_t align)
{
	struct arena_private *a = private(pub);
	uintptr_t start = (uintptr_t)a->range.start;
	int saved_errno = errno;
	uintptr_t addr;
	bool grown;

	if (__builtin_sub_overflow((uintptr_t)pub->base + pub->left, size, &addr))
		return NULL;
	addr &= -align;
	if (addr < start)
		return NULL;

	grown = grow(a, a->range.start + (addr - start));
	errno = saved_errno;
	if (!grown)
		return NULL;
	pub->left = addr - (uintptr_t)pub->base;
	return pub->base + pub->left;
}

void arena_reset(struct arena *pub)
{
	pub->left = private(pub)->range.end - pub->base;
}

int arena_release(struct arena *pub)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;
	int err = 0;

	if (pub->base != a->range.end)
		err = a->backend->release(&a->range, pub->base);
	if (!err) {
		pub->base = a->range.end;
		pub->left = 0;
	}
	errno = saved_errno;
	return err;
}

enum arena_backing arena_backing(const struct arena *pub)
{
	return const_private(pub)->backend->kind;
}

/* Node of the page at an address, which is faulted in if it is not there. */
static int node_of(const char *addr)
{
	int node;

	if (syscall(SYS_get_mempolicy, &node, NULL, 0, addr,
		    MPOL_F_NODE | MPOL_F_ADDR))
		return -1;
	return node;
}

int arena_stats_get(const struct arena *pub, struct arena_stats *stats)
{
	const struct arena_private *a = const_private(pub);
	struct arena_stats now = { 0 };
	int saved_errno = errno;
	size_t size = stats->size;

	if (size < STATS_SIZE_1)
		return -EINVAL;
	if (size > sizeof(now))
		size = sizeof(now);

	now.size = size;
	now.reserved = a->range.end - a->range.start;
	now.committed = a->range.end - pub->base;
	now.used = now.committed - pub->left;
	now.blocks = a->backend->blocks(&a->range);
	now.node = now.used ? node_of(a->range.end - 1) : -1;
	now.backing = a->backend->kind;
	memcpy(stats, &now, size);
	errno = saved_errno;
	return 0;
}

char *arena_strdup(struct arena *a, const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = arena_alloc_aligned(a, size, 1);

	return copy ? memcpy(copy, string, size) : NULL;
}
