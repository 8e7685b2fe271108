// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The system and the caller's structures: the clock, NUMA nodes, structures that carry their
 * size, and the message that ends the process.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "private.h"
#include "sys.h"

uint64_t arena_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* get_mempolicy(2) would fault the page in, and return the node of a zero page. */
int arena_node_of(const char *addr)
{
	int status = -1;

	if (syscall(SYS_move_pages, 0, 1ul, &addr, NULL, &status, 0) || status < 0)
		return -1;
	return status;
}

int arena_parse_nodes(const char *text, uint64_t *mask)
{
	unsigned long first, last;
	char *end;

	*mask = 0;
	do {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			if (!isdigit((unsigned char)end[1]))
				return -EINVAL;
			last = strtoul(end + 1, &end, 10);
		}
		if (first > last || last > 63)
			return -EINVAL;
		while (first <= last)
			*mask |= (uint64_t)1 << first++;
		text = end + 1;
	} while (*end == ',');
	return *end && *end != '\n' ? -EINVAL : 0;
}

int arena_get_struct(void *to, const void *from, size_t size, size_t least)
{
	size_t has = from ? *(const size_t *)from : 0, i;

	memset(to, 0, size);
	if (!from)
		return 0;
	if (has < least)
		return -EINVAL;
	for (i = size; i < has; i++)
		if (((const char *)from)[i])
			return -E2BIG;
	memcpy(to, from, has < size ? has : size);
	return 0;
}

int arena_put_struct(void *to, const void *from, size_t size, size_t least)
{
	size_t has = *(size_t *)to;

	if (has < least)
		return -EINVAL;
	if (has > size)
		has = size;
	memcpy(to, from, has);
	*(size_t *)to = has;
	return 0;
}

void arena_die(const struct arena_private *a, const char *call, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "libarena: arena '%s' (%p): %s: %s\n", a->name, (const void *)a,
		call, text);
	abort();
}
