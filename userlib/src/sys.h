/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_SYS_H
#define ARENA_SRC_SYS_H

#include <stddef.h>
#include <stdint.h>

struct arena_private;

/* Return CLOCK_MONOTONIC in nanoseconds. */
uint64_t arena_now(void);

/* Return the NUMA node of the page at an address, or -1 if no page was written to there. */
int arena_node_of(const char *addr);

/* Parse a list of nodes as in sysfs, e.g. "0-1,3"; return 0 or -EINVAL. */
int arena_parse_nodes(const char *text, uint64_t *mask);

/*
 * Copy the caller's structure, which starts with its size, into this version's, which has
 * @size bytes. Fields that the caller's version lacks become zero; so does everything if
 * @from is NULL. Return 0; -EINVAL if the caller's size is less than @least; or -E2BIG if
 * bytes beyond this version's size are not zero.
 */
int arena_get_struct(void *to, const void *from, size_t size, size_t least);

/*
 * Copy this version's structure, which has @size bytes, to the caller's, which starts
 * with its size; copy no more than fits, and set that size to the bytes copied. Return 0,
 * or -EINVAL if the caller's size is less than @least.
 */
int arena_put_struct(void *to, const void *from, size_t size, size_t least);

/* Print a message and abort the process. */
__attribute__((noreturn, format(printf, 3, 4)))
void arena_die(const struct arena_private *a, const char *call, const char *format, ...);

#endif /* ARENA_SRC_SYS_H */
