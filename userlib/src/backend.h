/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * A back end provides an arena's range of addresses and the memory in it. All system
 * calls that reserve, commit or release memory of an arena are made by the back ends.
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
 * @start: lowest address the arena may currently use, a multiple of ARENA_BLOCK
 * @end: one past the highest, a multiple of ARENA_BLOCK
 * @map: lowest reserved address. Reserved addresses outside @start to @end are in address
 *	quarantine.
 * @map_end: one past the highest reserved address
 * @fd: descriptor of the device, or -1
 * @owner: process that opened the device; no other process can use it
 * @is_sealed: whether released memory is made inaccessible
 * @features: features of the device
 * @control: the device's control page, or NULL until it is first needed
 * @witnesses: while anonymous memory is idle, the index of a nonzero word in each page
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
 * struct backend - operations on a range and its memory
 * @kind: the backing it provides
 * @reserve: reserve a range of @bytes according to @opts; on failure nothing is held
 * @commit: commit the memory from @from to @to, both multiples of ARENA_BLOCK. Parts that
 *	are committed already keep their contents. On failure, some of it may be committed.
 * @release: release the memory from @from to @to; the range stays reserved
 * @idle: let the system take the memory from @from, a multiple of ARENA_BLOCK, to the end
 *	of the range. Allocated memory starts at @used; the contents below it need not
 *	survive.
 * @claim: take the memory back. @from is the address that @idle was given as @used. Returns
 *	1 if the contents above it are unchanged, 0 if the system has taken any of them.
 * @unreserve: release the range and its memory, even while it is idle
 * @blocks: return the number of blocks of the device that the range holds
 *
 * Unless stated otherwise, those that return int return 0 or a negative errno.
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

/* Return 0 with the module's ABI version and features, or a negative errno. */
int arena_device_probe(uint32_t *abi_version, uint64_t *features);
/* Return whether arena_backend_huge works on this system. */
bool arena_huge_probe(void);

/* Populate the pages from @from to @to; return 0 or a negative errno. */
int arena_populate(char *from, char *to);

#endif /* ARENA_BACKEND_H */
