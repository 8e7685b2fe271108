// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Memory of /dev/arena. The whole range is one mapping. It is created with PROT_NONE, so
 * that mmap() commits nothing, and made accessible afterwards. (MAP_NORESERVE would do
 * the same, but not under strict overcommit.) ARENA_IOC_COMMIT commits a part of it,
 * either all or nothing. A touch of uncommitted memory would raise SIGBUS when no memory
 * is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"

/* Return the features that the options need, and those that are always needed. */
static uint64_t needed_features(const struct arena_opts *opts)
{
	uint64_t features = ARENA_FEATURE_RELEASE_RANGE | ARENA_FEATURE_RESERVE |
			    ARENA_FEATURE_COMMIT_RANGE;

	if (opts->flags & (ARENA_OPT_SEAL | ARENA_OPT_QUARANTINE))
		features |= ARENA_FEATURE_SEAL;
	if (opts->flags & ARENA_OPT_KEEP_DIRTY)
		features |= ARENA_FEATURE_KEEP_DIRTY;
	if (opts->nodes != ARENA_NODES_LOCAL)
		features |= ARENA_FEATURE_POLICY;
	return features;
}

/* Return the descriptor with @info filled in, or a negative errno. */
static int open_device(uint64_t features, struct arena_ioc_info *info)
{
	int fd = open("/dev/arena", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*info = (struct arena_ioc_info) { .size = sizeof(*info) };
	if (ioctl(fd, ARENA_IOC_INFO, info) < 0 ||
	    (info->features & features) != features || info->block_size != ARENA_BLOCK) {
		close(fd);
		return -EOPNOTSUPP;
	}
	return fd;
}

static int set_policy(int fd, const struct arena_opts *opts)
{
	static const struct { uint32_t mode, flags; } policies[] = {
		[ARENA_NODES_BIND] = { ARENA_POLICY_BIND, ARENA_POLICY_STRICT },
		[ARENA_NODES_PREFERRED] = { ARENA_POLICY_PREFERRED, 0 },
		[ARENA_NODES_INTERLEAVE] = { ARENA_POLICY_INTERLEAVE, ARENA_POLICY_STRICT },
	};
	struct arena_ioc_set_policy args = {
		.size = sizeof(args),
		.flags = policies[opts->nodes].flags,
		.mode = policies[opts->nodes].mode,
		.nr_nodes = 64,
		.nodes = (uintptr_t)&opts->node_mask,
	};

	return ioctl(fd, ARENA_IOC_SET_POLICY, &args) < 0 ? -errno : 0;
}

static int set_flags(int fd, const struct arena_opts *opts)
{
	struct arena_ioc_set_flags args = { .size = sizeof(args) };

	if (!(opts->flags & ARENA_OPT_KEEP_DIRTY))
		return 0;
	args.arena_flags = ARENA_F_KEEP_DIRTY;
	return ioctl(fd, ARENA_IOC_SET_FLAGS, &args) < 0 ? -errno : 0;
}

static int device_reserve(struct range *range, size_t bytes,
			  const struct arena_opts *opts)
{
	struct arena_ioc_info info;
	int fd, err = 0;
	void *start;

	fd = open_device(needed_features(opts), &info);
	if (fd < 0)
		return fd;
	if (opts->nodes != ARENA_NODES_LOCAL)
		err = set_policy(fd, opts);
	if (!err)
		err = set_flags(fd, opts);
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
		.map = start,
		.map_end = (char *)start + bytes,
		.fd = fd,
		.owner = getpid(),
		.is_sealed = opts->flags & (ARENA_OPT_SEAL | ARENA_OPT_QUARANTINE),
		.features = info.features,
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
	struct arena_ioc_commit commit = {
		.size = sizeof(commit),
		.offset = from - range->map,
		.length = to - from,
	};

	return ioctl(range->fd, ARENA_IOC_COMMIT, &commit) < 0 ? -errno : 0;
}

static int device_release(const struct range *range, char *from, char *to)
{
	struct arena_ioc_release release = {
		.size = sizeof(release),
		.flags = ARENA_RELEASE_RANGE | (range->is_sealed ? ARENA_RELEASE_SEAL : 0),
		.offset = from - range->map,
		.length = to - from,
	};

	return ioctl(range->fd, ARENA_IOC_RELEASE, &release) < 0 ? -errno : 0;
}

/*
 * The protocol is described in Documentation/abi.rst: one compare-and-swap marks the
 * arena idle, another one takes it back. The control page is mapped when it is first
 * needed; until then, the kernel does not allocate it either.
 */
static int map_control(struct range *range)
{
	int saved_errno = errno, err = 0;
	void *page;

	if (!(range->features & ARENA_FEATURE_IDLE))
		return -EOPNOTSUPP;
	page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		    range->fd, ARENA_CONTROL_OFFSET);
	if (page == MAP_FAILED)
		err = -errno;
	else
		range->control = page;
	errno = saved_errno;
	return err;
}

static int device_idle(struct range *range, char *from, char *used)
{
	struct timespec now;
	uint64_t ns, old;
	int err;

	(void)from;
	(void)used;
	err = range->control ? 0 : map_control(range);
	if (err)
		return err;
	/* A tick more or less does not matter for which arena has been idle longest. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	ns = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	old = ARENA_STATE_ACTIVE;
	/* This fails if it is idle already. A store could overwrite ARENA_STATE_TAKEN. */
	__atomic_compare_exchange_n((uint64_t *)&range->control->state, &old,
				    (ns & ~(uint64_t)ARENA_STATE_MASK) | ARENA_STATE_IDLE,
				    false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	return 0;
}

static int claim_what_is_left(const struct range *range)
{
	struct arena_ioc_claim claim = { .size = sizeof(claim) };
	int saved_errno = errno, err = 0;

	if (ioctl(range->fd, ARENA_IOC_CLAIM, &claim) < 0)
		err = -errno;
	errno = saved_errno;
	return err;
}

static int device_claim(struct range *range, char *from)
{
	__u64 *state = &range->control->state;
	__u64 old = __atomic_load_n(state, __ATOMIC_RELAXED);

	(void)from;
	if ((old & ARENA_STATE_MASK) == ARENA_STATE_IDLE &&
	    __atomic_compare_exchange_n(state, &old, ARENA_STATE_ACTIVE, false,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return 1;
	return claim_what_is_left(range);
}

/* close(2) alone releases nothing if a child process has inherited the descriptor. */
static void release_for_good(const struct range *range)
{
	struct arena_ioc_set_flags flags = { .size = sizeof(flags) };
	struct arena_ioc_release release = { .size = sizeof(release) };
	int saved_errno = errno;

	/* Both fail if the arena is frozen, when other processes may be using it. */
	if (range->features & ARENA_FEATURE_KEEP_DIRTY)
		ioctl(range->fd, ARENA_IOC_SET_FLAGS, &flags);
	ioctl(range->fd, ARENA_IOC_RELEASE, &release);
	errno = saved_errno;
}

static void device_unreserve(const struct range *range)
{
	/* A child of fork() has no mapping there, or one that it has made itself. */
	if (range->owner == getpid()) {
		release_for_good(range);
		munmap(range->map, range->map_end - range->map);
		if (range->control)
			munmap(range->control, sysconf(_SC_PAGESIZE));
	}
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
	.idle = device_idle,
	.claim = device_claim,
	.unreserve = device_unreserve,
	.blocks = device_blocks,
};

int arena_device_probe(uint32_t *abi_version, uint64_t *features)
{
	struct arena_opts opts = { .size = sizeof(opts) };
	struct arena_ioc_info info;
	int fd = open_device(needed_features(&opts), &info);

	if (fd < 0)
		return fd;
	close(fd);
	*abi_version = info.abi_version;
	*features = info.features;
	return 0;
}
