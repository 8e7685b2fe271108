// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Anonymous memory, committed by the kernel as it is touched, in huge pages
 * where it has them.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "backend.h"

static int anon_reserve(struct range *range, size_t bytes)
{
	size_t head, total;
	char *map, *start;

	/* The kernel aligns to pages: take more, and give the rest back. */
	if (__builtin_add_overflow(bytes, ARENA_BLOCK, &total))
		return -ENOMEM;
	map = mmap(NULL, total, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	head = -(uintptr_t)map & (ARENA_BLOCK - 1);
	start = map + head;
	if (head)
		munmap(map, head);
	munmap(start + bytes, ARENA_BLOCK - head);

	/* Advice: without huge pages in the kernel it fails, and that is that. */
	madvise(start, bytes, MADV_HUGEPAGE);
	*range = (struct range) {
		.start = start,
		.end = start + bytes,
		.fd = -1,
	};
	return 0;
}

static int anon_commit(const struct range *range, char *from, char *to)
{
	(void)range;
	(void)from;
	(void)to;
	return 0;
}

static int anon_release(const struct range *range, char *from)
{
	return madvise(from, range->end - from, MADV_DONTNEED) ? -errno : 0;
}

static void anon_unreserve(const struct range *range)
{
	munmap(range->start, range->end - range->start);
}

static uint64_t anon_blocks(const struct range *range)
{
	(void)range;
	return 0;
}

const struct backend arena_backend_anon = {
	.kind = ARENA_BACKING_ANON,
	.reserve = anon_reserve,
	.commit = anon_commit,
	.release = anon_release,
	.unreserve = anon_unreserve,
	.blocks = anon_blocks,
};
