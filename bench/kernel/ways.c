// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "ways.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

static uint64_t features(void)
{
	struct arena_ioc_info info = { .size = sizeof(info) };
	int fd = open_arena();

	if (fd < 0 || ioctl(fd, ARENA_IOC_INFO, &info))
		die(DEVICE);
	close(fd);
	return info.features;
}

bool is_there(const struct way *way)
{
	if (way->kind != ARENA)
		return true;
	return (!way->dirty || features() & ARENA_FEATURE_KEEP_DIRTY) &&
	       (way->take != BY_COMMIT || features() & ARENA_FEATURE_COMMIT_RANGE);
}

void open_way(struct job *job)
{
	const struct way *way = job->way;

	job->fd = -1;
	switch (way->kind) {
	case ARENA:
		job->fd = open_arena();
		if (job->fd < 0)
			die(DEVICE);
		if (way->dirty && set_arena_flags(job->fd, ARENA_F_KEEP_DIRTY))
			die("ARENA_F_KEEP_DIRTY");
		break;
	case MEMFD:
	case MEMFD_HUGETLB:
		job->fd = memfd_create(way->peer, MFD_CLOEXEC |
				       (way->kind == MEMFD ? 0 : MFD_HUGETLB));
		if (job->fd < 0 || ftruncate(job->fd, bytes_of(job)))
			die("%s", way->peer);
		break;
	default:
		break;
	}
}

void close_way(struct job *job)
{
	if (job->fd >= 0)
		close(job->fd);
}

/*
 * Each way has its own fixed address, so that mmap() need not search for one, and its own
 * page tables.
 */
void map_way(struct job *job)
{
	const struct way *way = job->way;
	int flags = MAP_FIXED_NOREPLACE;

	switch (way->kind) {
	case ARENA:
		flags |= MAP_SHARED | (way->kept ? MAP_NORESERVE : 0);
		break;
	case MEMFD:
	case MEMFD_HUGETLB:
		flags |= MAP_SHARED;
		break;
	case HUGETLB:
		flags |= MAP_HUGETLB;
		/* fall through */
	default:
		flags |= MAP_PRIVATE | MAP_ANONYMOUS;
	}
	/* SMALL and THP need madvise() first, so mmap() must not populate them. */
	if (way->take == BY_POPULATE && !way->kept && way->kind != SMALL && way->kind != THP)
		flags |= MAP_POPULATE;
	job->memory = mmap(job->place, bytes_of(job), PROT_READ | PROT_WRITE, flags, job->fd, 0);
	if (job->memory == MAP_FAILED)
		die("%s: mmap", way->peer);
	if (way->kind == THP)
		madvise(job->memory, bytes_of(job), MADV_HUGEPAGE);
	else if (way->kind == SMALL)
		madvise(job->memory, bytes_of(job), MADV_NOHUGEPAGE);
}

void unmap_way(struct job *job)
{
	munmap(job->memory, bytes_of(job));
}

void take_way(struct job *job)
{
	const struct way *way = job->way;
	int ret = 0;

	switch (way->take) {
	case BY_POPULATE:
		ret = madvise(job->memory, bytes_of(job), MADV_POPULATE_WRITE);
		break;
	case BY_COMMIT:
		ret = commit_blocks(job->fd, 0, job->blocks);
		break;
	case BY_FALLOCATE:
		ret = fallocate(job->fd, 0, 0, bytes_of(job));
		break;
	case BY_TOUCH:
		break;
	}
	if (ret)
		die("%s: taking %ld blocks", way->peer, job->blocks);
}

void release_way(struct job *job, long first, long nr)
{
	const struct way *way = job->way;
	size_t offset = first * BLOCK, bytes = nr * BLOCK;
	int ret;

	switch (way->kind) {
	case ARENA:
		ret = nr == job->blocks ? release_all(job->fd) :
			release_range(job->fd, offset, bytes);
		ret = ret < 0 ? ret : 0;
		break;
	case MEMFD:
	case MEMFD_HUGETLB:
		ret = fallocate(job->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
				bytes);
		break;
	default:
		ret = madvise(job->memory + offset, bytes,
			      way->lazy ? MADV_FREE : MADV_DONTNEED);
	}
	if (ret)
		die("%s: giving %ld blocks back", way->peer, nr);
}

void check_mapping(const struct job *job)
{
	static const char * const figures[] = {
		[ARENA] = "FilePmdMapped", [SMALL] = "Anonymous", [THP] = "AnonHugePages",
		[HUGETLB] = "Private_Hugetlb", [MEMFD] = "Private_Dirty",
		[MEMFD_HUGETLB] = "Private_Hugetlb",
	};
	const char *peer = job->way->peer, *figure = figures[job->way->kind];
	long kib = smaps_kib(job->memory, figure);
	long expected = job->blocks * (long)(BLOCK / 1024);

	/* It can count as shared even though only one process maps it. */
	if (job->way->kind == MEMFD_HUGETLB && !kib)
		kib = smaps_kib(job->memory, "Shared_Hugetlb");
	if (kib != expected)
		fail("%s: %s is %ld KiB, not %ld", peer, figure, kib, expected);
	if (job->way->kind == SMALL && smaps_kib(job->memory, "AnonHugePages"))
		fail("%s: huge pages are among them", peer);
	if (job->way->kind == MEMFD && smaps_kib(job->memory, "ShmemPmdMapped"))
		fail("%s: huge pages are among them", peer);
}

void touch_way(char *memory, size_t bytes, size_t step)
{
#ifdef __x86_64__
	long at = -(long)bytes;

	asm volatile("1: movb $1, (%1, %0)\n\t"
		     "add %2, %0\n\t"
		     "jnz 1b"
		     : "+r" (at) : "r" (memory + bytes), "r" (step) : "memory", "cc");
#else
	size_t at;

	for (at = 0; at < bytes; at += step)
		((volatile char *)memory)[at] = 1;
#endif
}

void open_mapped(struct job *job)
{
	open_way(job);
	map_way(job);
}

void close_mapped(struct job *job)
{
	unmap_way(job);
	close_way(job);
}
