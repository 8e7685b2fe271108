// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Memory of /dev/arena. The whole range is one mapping, made without access so
 * that it commits nothing (MAP_NORESERVE would do, but not where overcommit is
 * strict). A part of it is committed by mapping that part of the file once
 * more, for a moment: mmap() commits all of it or fails with nothing taken,
 * where a touch would be a SIGBUS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/arena.h>

#include "backend.h"

#define NEEDED_FEATURES	(ARENA_FEATURE_RELEASE | ARENA_FEATURE_RESERVE)

static int check_device(int fd)
{
	struct arena_ioc_info info = { .size = sizeof(info) };

	if (ioctl(fd, ARENA_IOC_INFO, &info) < 0)
		return -EOPNOTSUPP;
	if ((info.features & NEEDED_FEATURES) != NEEDED_FEATURES)
		return -EOPNOTSUPP;
	if (info.block_size != ARENA_BLOCK)
		return -EOPNOTSUPP;
	return 0;
}

static int device_reserve(struct range *range, size_t bytes)
{
	void *start;
	int fd, err;

	fd = open("/dev/arena", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = check_device(fd);
	if (err)
		goto close_fd;

	start = mmap(NULL, bytes, PROT_NONE, MAP_SHARED, fd, 0);
	if (start == MAP_FAILED) {
		err = -errno;
		goto close_fd;
	}
	if (mprotect(start, bytes, PROT_READ | PROT_WRITE)) {
		err = -errno;
		goto unmap;
	}
	*range = (struct range) {
		.start = start,
		.end = (char *)start + bytes,
		.fd = fd,
		.owner = getpid(),
	};
	return 0;

unmap:
	munmap(start, bytes);
close_fd:
	close(fd);
	return err;
}

static int device_commit(const struct range *range, char *from, char *to)
{
	void *part = mmap(NULL, to - from, PROT_READ | PROT_WRITE, MAP_SHARED,
			  range->fd, from - range->start);

	if (part == MAP_FAILED)
		return -errno;
	/* The blocks stay with the arena. */
	munmap(part, to - from);
	return 0;
}

static int device_release(const struct range *range, char *from)
{
	struct arena_ioc_release release = { .size = sizeof(release) };

	(void)from;
	return ioctl(range->fd, ARENA_IOC_RELEASE, &release) < 0 ? -errno : 0;
}

static void device_unreserve(const struct range *range)
{
	/* A forked child has no mapping there, or by now one of its own. */
	if (range->owner == getpid())
		munmap(range->start, range->end - range->start);
	close(range->fd);
}

static uint64_t device_blocks(const struct range *range)
{
	struct arena_ioc_info info = { .size = sizeof(info) };

	return ioctl(range->fd, ARENA_IOC_INFO, &info) < 0 ? 0 : info.blocks;
}

const struct backend arena_backend_device = {
	.kind = ARENA_BACKING_DEVICE,
	.reserve = device_reserve,
	.commit = device_commit,
	.release = device_release,
	.unreserve = device_unreserve,
	.blocks = device_blocks,
};
