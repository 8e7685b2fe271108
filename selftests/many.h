/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers for tests with many processes or threads: users and their charges, and the
 * control page.
 */
#ifndef ARENA_MANY_H
#define ARENA_MANY_H

#include "arena_test.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Return a number from the environment, or the default. */
static inline double number_from(const char *variable, double otherwise)
{
	const char *given = getenv(variable);

	return given ? atof(given) : otherwise;
}

static inline unsigned int random_below(unsigned int *state, unsigned int limit)
{
	return rand_r(state) % limit;
}

/* Whether the module has this feature, ARENA_FEATURE_*. */
static inline bool has_feature(unsigned long long feature)
{
	struct arena_ioc_info info = { .size = sizeof(info) };
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	bool has;

	has = !ioctl(fd, ARENA_IOC_INFO, &info) && info.features & feature;
	close(fd);
	return has;
}

/* --- users ----------------------------------------------------------------- */

/*
 * Become this user permanently. Arenas opened from now on are charged to the
 * user's locked memory.
 */
static inline bool become_user(uid_t user, rlim_t memlock)
{
	struct rlimit limit = { memlock, memlock };

	return !setrlimit(RLIMIT_MEMLOCK, &limit) && !setgid(user) && !setuid(user);
}

/*
 * Whether nothing is charged to this user any more: a process of the user can
 * lock as much as RLIMIT_MEMLOCK allows, and no more. DEVICE must be open to
 * all users.
 */
static inline bool has_nothing_locked(uid_t user)
{
	const size_t allowed = 8;
	pid_t pid = fork();

	if (!pid) {
		int fd, err;

		if (!become_user(user, allowed * BLOCK))
			_exit(1);
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		if (fd < 0 || commit_blocks(fd, 0, allowed))
			_exit(2);
		err = commit_blocks(fd, allowed, 1);
		_exit(err == -ENOMEM ? 0 : 3);
	}
	return wait_for(pid) == 0;
}

/* --- the control page ------------------------------------------------------ */

/* Claim by ioctl; return the number of blocks that were taken, or -errno. */
static inline long claim_by_call(int fd)
{
	struct arena_ioc_claim args = { .size = sizeof(args) };

	return ioctl(fd, ARENA_IOC_CLAIM, &args) ? -errno : (long)args.taken;
}

#endif /* ARENA_MANY_H */
