// SPDX-License-Identifier: GPL-2.0-only
/* Keys for maps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "maps.h"

/* Number of keys of each kind, and bytes of the longest key. */
#define ALL_KEYS	(UINT32_C(1) << 25)
#define KEY_ROOM	32

const char *const names_of_lengths[NR_LENGTHS] = { "10 and 11 bytes", "24 to 29 bytes" };

/* S. Vigna's splitmix64. */
uint64_t next_random(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/*
 * Five digits encode a number that is unique because the mapping is invertible; further
 * digits fill the key up to its length.
 */
static size_t write_key(char *to, enum lengths lengths, size_t nr)
{
	static const char digits[32] = "abcdefghijklmnopqrstuvwxyz234567";
	static const char *const prefixes[NR_LENGTHS] = { "user_", "/api/v1/customers/" };
	size_t length = strlen(prefixes[lengths]), more;
	uint64_t random = nr;
	uint32_t x = nr % ALL_KEYS;
	int i;

	for (i = 0; i < 3; i++) {
		x ^= x >> 13;
		x = x * 0x2545f49 % ALL_KEYS;
	}
	memcpy(to, prefixes[lengths], length);
	for (i = 0; i < 5; i++, x /= 32)
		to[length++] = digits[x % 32];
	random = next_random(&random);
	more = lengths == SHORT ? random % 2 : 1 + random % 6;
	for (random >>= 8; more--; random >>= 5)
		to[length++] = digits[random % 32];
	to[length] = '\0';
	return length;
}

/*
 * Keys do not come from malloc(), so that only the maps use its memory. The size is in front
 * of the array, and the bytes of the keys follow it.
 */
static struct key *get_room(size_t n)
{
	size_t size = sizeof(size_t) + n * (sizeof(struct key) + KEY_ROOM);
	size_t *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED) {
		perror("maps: mmap");
		exit(1);
	}
	/* Huge pages keep the cost of accessing the keys themselves low. */
	madvise(room, size, MADV_HUGEPAGE);
	*room = size;
	return (struct key *)(room + 1);
}

struct key *make_keys(enum lengths lengths, size_t first, size_t n)
{
	struct key *keys = get_room(n);
	char *data = (char *)(keys + n);
	size_t i;

	for (i = 0; i < n; i++) {
		keys[i].data = data;
		keys[i].length = write_key(data, lengths, first + i);
		data += keys[i].length + 1;
	}
	return keys;
}

struct key *copy_keys(const struct key *keys, const uint32_t *order, size_t n)
{
	struct key *copies = get_room(n);
	char *data = (char *)(copies + n);
	size_t i;

	for (i = 0; i < n; i++) {
		copies[i].data = data;
		copies[i].length = keys[order[i]].length;
		memcpy(data, keys[order[i]].data, copies[i].length + 1);
		data += copies[i].length + 1;
	}
	return copies;
}

void free_keys(struct key *keys)
{
	size_t *room = (size_t *)keys - 1;

	munmap(room, *room);
}
