/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps from strings to numbers, each by one who would have it: what all of them do.
 */
#ifndef MAPS_H
#define MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct key - a key
 * @data: its bytes, with a NUL behind them
 * @length: how many
 */
struct key {
	const char *data;
	size_t length;
};

/**
 * struct peer - who has a map
 * @name: what it is called
 * @takes_hint: whether it can make room beforehand
 * @build: a map of keys, each of which it has for itself, to their places in the array;
 *	with room for @hint of them from the beginning, if it takes that
 * @sum: of the values of keys, those that it does not have counting as one
 * @drop: free all of it
 */
struct peer {
	const char *name;
	bool takes_hint;
	void *(*build)(const struct key *keys, size_t n, size_t hint);
	uint64_t (*sum)(void *map, const struct key *keys, size_t n);
	void (*drop)(void *map);
};

/* The arena's first: all are compared with it. It has one map at a time. */
extern const struct peer arena_peer, malloc_peer, glib_peer, uthash_peer, std_peer, absl_peer,
	boost_peer;

#define NR_PEERS	7
#define PEERS	{ &arena_peer, &malloc_peer, &glib_peer, &uthash_peer, &std_peer,	\
		  &absl_peer, &boost_peer }

/* How often the arena of arena_peer got memory so far, and how many bytes. */
void arena_peer_stats(uint64_t *commits, uint64_t *obtained);

/* --- keys ------------------------------------------------------------------------ */

/* Two sorts of keys. */
enum lengths {
	SHORT,		/* 10 or 11 bytes: a std::string has room for these in itself */
	LONG,		/* 24 to 29 bytes */
	NR_LENGTHS,
};

extern const char *const names_of_lengths[NR_LENGTHS];

/* A number of a sequence that depends on the seed alone. */
uint64_t next_random(uint64_t *seed);

/*
 * The keys @first to @first + @n - 1 of all that there are, no two of which are the same, in
 * memory of their own, one behind the other in the order of the array.
 */
struct key *make_keys(enum lengths lengths, size_t first, size_t n);

/* The same keys, in the order of @order, copied. */
struct key *copy_keys(const struct key *keys, const uint32_t *order, size_t n);

void free_keys(struct key *keys);

#ifdef __cplusplus
}
#endif

#endif /* MAPS_H */
