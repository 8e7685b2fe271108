// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Anonymous memory, in two back ends. One asks for huge pages, but the kernel decides
 * when to allocate memory and with which page size. The other makes each block a huge
 * page when it is committed, or fails.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/mempolicy.h>

#include "backend.h"

/* New in Linux 5.14, 6.1 and 5.15; the C library's headers may be older. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#define PREFERRED_MANY		5

int arena_populate(char *from, char *to)
{
	volatile char *page;

	if (!madvise(from, to - from, MADV_POPULATE_WRITE))
		return 0;
	if (errno != EINVAL)
		return errno == EFAULT || errno == EAGAIN ? -ENOMEM : -errno;
	/* Linux before 5.14: touch each page. */
	for (page = from; page < to; page += 4096)
		*page = 0;
	return 0;
}

static long bind_range(const struct range *range, int mode, uint64_t mask)
{
	unsigned long words[64 / (8 * sizeof(unsigned long)) + 1] = { 0 };
	unsigned int i;

	for (i = 0; i < 64; i++)
		if (mask >> i & 1)
			words[i / (8 * sizeof(*words))] |=
				1ul << i % (8 * sizeof(*words));
	return syscall(SYS_mbind, range->map, range->map_end - range->map, mode, words,
		       65ul, 0u);
}

/* Set the memory policy of a range according to the options, whose mask is not empty. */
static int place_range(const struct range *range, const struct arena_opts *opts)
{
	static const int modes[] = {
		[ARENA_NODES_BIND] = MPOL_BIND,
		[ARENA_NODES_PREFERRED] = PREFERRED_MANY,
		[ARENA_NODES_INTERLEAVE] = MPOL_INTERLEAVE,
	};
	uint64_t lowest = opts->node_mask & -opts->node_mask;

	if (!bind_range(range, modes[opts->nodes], opts->node_mask))
		return 0;
	if (opts->nodes == ARENA_NODES_PREFERRED &&
	    !bind_range(range, MPOL_PREFERRED, lowest))
		return 0;
	/* A kernel without NUMA support has node 0 only. */
	if (errno == ENOSYS)
		return opts->node_mask == 1 ? 0 : -ENODEV;
	return errno == EINVAL ? -ENODEV : -errno;
}

static void anon_unreserve(const struct range *range)
{
	munmap(range->map, range->map_end - range->map);
	free(range->witnesses);
}

static int anon_reserve(struct range *range, size_t bytes, const struct arena_opts *opts)
{
	size_t head, total;
	char *map, *start;
	int err;

	/* mmap() only aligns to pages: map one block more, and unmap the rest. */
	if (__builtin_add_overflow(bytes, ARENA_BLOCK, &total))
		return -ENOMEM;
	map = mmap(NULL, total, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	/* Valgrind has less address space, and returns EINVAL when that runs out. */
	if (map == MAP_FAILED)
		return errno == EINVAL ? -ENOMEM : -errno;
	head = -(uintptr_t)map & (ARENA_BLOCK - 1);
	start = map + head;
	if (head)
		munmap(map, head);
	munmap(start + bytes, ARENA_BLOCK - head);

	/* This is only advice. Ignore the error of a kernel that has no huge pages. */
	madvise(start, bytes, MADV_HUGEPAGE);
	*range = (struct range) {
		.start = start,
		.end = start + bytes,
		.map = start,
		.map_end = start + bytes,
		.fd = -1,
		.is_sealed = opts->flags & (ARENA_OPT_SEAL | ARENA_OPT_QUARANTINE),
	};
	err = opts->nodes == ARENA_NODES_LOCAL ? 0 : place_range(range, opts);
	if (err)
		anon_unreserve(range);
	return err;
}

static int anon_commit(const struct range *range, char *from, char *to)
{
	if (range->is_sealed && mprotect(from, to - from, PROT_READ | PROT_WRITE))
		return -errno;
	return 0;
}

static int anon_release(const struct range *range, char *from, char *to)
{
	int err;

	/* mprotect() can fail for lack of memory: call it while the contents exist. */
	if (range->is_sealed && mprotect(from, to - from, PROT_NONE)) {
		err = -errno;
		goto unseal;
	}
	if (!madvise(from, to - from, MADV_DONTNEED))
		return 0;
	err = -errno;
unseal:
	if (range->is_sealed)
		mprotect(from, to - from, PROT_READ | PROT_WRITE);
	return err;
}

/*
 * Idle memory is marked by MADV_FREE. A page of it reads as zero once the system has
 * taken it. To detect that, arena_idle() remembers the position of a nonzero word in each
 * page; a page that has none is unchanged in any case. A write to a page cancels
 * MADV_FREE: arena_claim() replaces the word by itself in a compare-and-swap, which fails
 * if the system has taken the page.
 */
#define PAGE		((size_t)4096)
#define WORDS		(PAGE / sizeof(word_t))
#define NO_WITNESS	UINT16_MAX

static char *page_of(char *addr)
{
	return addr - ((uintptr_t)addr & (PAGE - 1));
}

typedef uint64_t __attribute__((may_alias)) word_t;

static uint16_t find_witness(const word_t *page)
{
	uint16_t i;

	for (i = 0; i < WORDS; i++)
		if (page[i])
			return i;
	return NO_WITNESS;
}

static int anon_idle(struct range *range, char *from, char *used)
{
	int saved_errno = errno;
	size_t nr, i;

	used = page_of(used);
	nr = (range->end - used) / PAGE;
	range->witnesses = malloc(nr * sizeof(*range->witnesses) + 1);
	if (!range->witnesses) {
		errno = saved_errno;
		return -ENOMEM;
	}
	for (i = 0; i < nr; i++)
		range->witnesses[i] = find_witness((word_t *)(used + i * PAGE));
	/* Linux before 4.5 does not have MADV_FREE, and takes nothing. */
	if (from < range->end)
		madvise(from, range->end - from, MADV_FREE);
	errno = saved_errno;
	return 0;
}

static bool keep_page(word_t *page, uint16_t witness)
{
	word_t word;

	if (witness == NO_WITNESS)
		return true;
	word = __atomic_load_n(&page[witness], __ATOMIC_RELAXED);
	return word && __atomic_compare_exchange_n(&page[witness], &word, word, false,
						   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static int anon_claim(struct range *range, char *from)
{
	int saved_errno = errno;
	size_t nr, i;

	from = page_of(from);
	nr = (range->end - from) / PAGE;
	for (i = 0; i < nr; i++)
		if (!keep_page((word_t *)(from + i * PAGE), range->witnesses[i]))
			break;
	free(range->witnesses);
	range->witnesses = NULL;
	errno = saved_errno;
	return i == nr;
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
	.idle = anon_idle,
	.claim = anon_claim,
	.unreserve = anon_unreserve,
	.blocks = anon_blocks,
};

/* --- huge pages, or an error --------------------------------------------------- */

static int make_huge(char *from, char *to)
{
	if (madvise(from, to - from, MADV_POPULATE_WRITE) ||
	    madvise(from, to - from, MADV_COLLAPSE))
		return -ENOMEM;
	return 0;
}

static int huge_commit(const struct range *range, char *from, char *to)
{
	int err = anon_commit(range, from, to);

	return err ? err : make_huge(from, to);
}

/* Success is cached; after a failure, the next call tries again. */
bool arena_huge_probe(void)
{
	static bool has_worked;
	struct arena_opts opts = { .size = sizeof(opts) };
	struct range range;
	int err;

	if (__atomic_load_n(&has_worked, __ATOMIC_RELAXED))
		return true;
	err = anon_reserve(&range, ARENA_BLOCK, &opts);
	if (err)
		return false;
	err = make_huge(range.start, range.end);
	anon_unreserve(&range);
	if (!err)
		__atomic_store_n(&has_worked, true, __ATOMIC_RELAXED);
	return !err;
}

static int huge_reserve(struct range *range, size_t bytes, const struct arena_opts *opts)
{
	return arena_huge_probe() ? anon_reserve(range, bytes, opts) : -EOPNOTSUPP;
}

const struct backend arena_backend_huge = {
	.kind = ARENA_BACKING_HUGE,
	.reserve = huge_reserve,
	.commit = huge_commit,
	.release = anon_release,
	.idle = anon_idle,
	.claim = anon_claim,
	.unreserve = anon_unreserve,
	.blocks = anon_blocks,
};
