/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps from strings to numbers: the interface that each implementation provides.
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
 * @data: its bytes, followed by a NUL
 * @length: number of bytes
 */
struct key {
	const char *data;
	size_t length;
};

/**
 * struct peer - an implementation of a map
 * @name: its name
 * @takes_hint: whether it can make room in advance
 * @build: build a map from keys, which it copies, to their positions in the array; with
 *	initial room for @hint keys if @takes_hint
 * @sum: add up the values of keys; a key that is not in the map counts as one
 * @drop: free the map
 */
struct peer {
	const char *name;
	bool takes_hint;
	void *(*build)(const struct key *keys, size_t n, size_t hint);
	uint64_t (*sum)(void *map, const struct key *keys, size_t n);
	void (*drop)(void *map);
};

/* The arena comes first; all others are compared with it. It has one map at a time. */
extern const struct peer arena_peer, malloc_peer, glib_peer, uthash_peer, std_peer, absl_peer,
	boost_peer;

#define NR_PEERS	7
#define PEERS	{ &arena_peer, &malloc_peer, &glib_peer, &uthash_peer, &std_peer,	\
		  &absl_peer, &boost_peer }

/* How often the arena of arena_peer has committed memory so far, and how many bytes. */
void arena_peer_stats(uint64_t *commits, uint64_t *obtained);

/* --- keys ------------------------------------------------------------------------ */

/* Two kinds of keys. */
enum lengths {
	SHORT,		/* 10 or 11 bytes: std::string stores these inline */
	LONG,		/* 24 to 29 bytes */
	NR_LENGTHS,
};

extern const char *const names_of_lengths[NR_LENGTHS];

/* The next number of a sequence that depends only on the seed. */
uint64_t next_random(uint64_t *seed);

/*
 * Return the keys @first to @first + @n - 1, all different from each other, in their own
 * memory, where they are stored in the order of the array.
 */
struct key *make_keys(enum lengths lengths, size_t first, size_t n);

/* Return a copy of the keys, in the order of @order. */
struct key *copy_keys(const struct key *keys, const uint32_t *order, size_t n);

void free_keys(struct key *keys);

#ifdef __cplusplus
}
#endif

#endif /* MAPS_H */
