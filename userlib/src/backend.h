/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * A back end provides an arena's range of addresses and the memory in it. All
 * that the library asks of the operating system is asked in here.
 */
#ifndef ARENA_BACKEND_H
#define ARENA_BACKEND_H

#include <stdint.h>
#include <arena/arena.h>

#define ARENA_BLOCK	((size_t)2 << 20)

/**
 * struct range - an arena's addresses
 * @start: lowest address, a multiple of ARENA_BLOCK
 * @end: one past the highest, a multiple of ARENA_BLOCK
 * @fd: the device, or -1
 * @owner: process that opened the device; another can't use it
 */
struct range {
	char *start;
	char *end;
	int fd;
	int owner;
};

/**
 * struct backend - where memory comes from
 * @kind: which one it is
 * @reserve: take a range of some bytes; on failure nothing is held
 * @commit: make memory of a part of the range, ends being multiples of
 *	ARENA_BLOCK; on failure nothing has changed
 * @release: give all memory back, of which nothing is below an address; the
 *	range stays
 * @unreserve: give range and memory back
 * @blocks: how many blocks of the device it holds
 *
 * @reserve, @commit and @release return 0 or a negative errno.
 */
struct backend {
	enum arena_backing kind;
	int (*reserve)(struct range *range, size_t bytes);
	int (*commit)(const struct range *range, char *from, char *to);
	int (*release)(const struct range *range, char *from);
	void (*unreserve)(const struct range *range);
	uint64_t (*blocks)(const struct range *range);
};

extern const struct backend arena_backend_device;
extern const struct backend arena_backend_anon;

#endif /* ARENA_BACKEND_H */
