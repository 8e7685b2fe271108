/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * A back end provides an arena's range of addresses and the memory in it. All
 * that the library asks of the operating system is asked in here.
 */
#ifndef ARENA_BACKEND_H
#define ARENA_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <arena/arena.h>
#include <linux/arena.h>

#define ARENA_BLOCK	((size_t)2 << 20)

/**
 * struct range - an arena's addresses
 * @start: lowest address it may use now, a multiple of ARENA_BLOCK
 * @end: one past the highest, a multiple of ARENA_BLOCK
 * @map: lowest address that is reserved; what is not between @start and @end is in
 *	quarantine
 * @map_end: one past the highest
 * @fd: the device, or -1
 * @owner: process that opened the device; another can't use it
 * @is_sealed: whether what is released is made inaccessible
 * @features: of the device
 * @control: the device's control page, or NULL as long as it is not needed
 * @witnesses: of idle anonymous memory: a word of each page that is not zero
 */
struct range {
	char *start;
	char *end;
	char *map;
	char *map_end;
	int fd;
	int owner;
	bool is_sealed;
	uint64_t features;
	struct arena_control *control;
	uint16_t *witnesses;
};

/**
 * struct backend - where memory comes from
 * @kind: which one it is
 * @reserve: take a range of some bytes, as the options say; on failure nothing is
 *	held
 * @commit: make memory of a part of the range, ends being multiples of
 *	ARENA_BLOCK; what has some is as it was; on failure some of it may have some
 * @release: give the memory of such a part back; the range stays
 * @idle: let the system take the memory from an address, a multiple of ARENA_BLOCK, up
 *	to the end of the range; all that is used begins at another one, and nobody
 *	remembers what is below that
 * @claim: end that; returns 1 if what was used is as it was, 0 if not
 * @unreserve: give range and memory back, also while it is idle
 * @blocks: how many blocks of the device it holds
 *
 * Those that return int return 0 or a negative errno.
 */
struct backend {
	enum arena_backing kind;
	int (*reserve)(struct range *range, size_t bytes, const struct arena_opts *opts);
	int (*commit)(const struct range *range, char *from, char *to);
	int (*release)(const struct range *range, char *from, char *to);
	int (*idle)(struct range *range, char *from, char *used);
	int (*claim)(struct range *range, char *from);
	void (*unreserve)(const struct range *range);
	uint64_t (*blocks)(const struct range *range);
};

extern const struct backend arena_backend_device;
extern const struct backend arena_backend_huge;
extern const struct backend arena_backend_anon;

/* Returns 0 and what the module is, or a negative errno. */
int arena_device_probe(uint32_t *abi_version, uint64_t *features);
/* Whether arena_backend_huge works here. */
bool arena_huge_probe(void);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t arena_now(void);

/* Have memory behind each page of a range; 0 or -ENOMEM. */
int arena_populate(char *from, char *to);

#endif /* ARENA_BACKEND_H */
