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

/* A number from the environment, or what is taken without. */
static inline double number_from(const char *variable, double otherwise)
{
	const char *given = getenv(variable);

	return given ? atof(given) : otherwise;
}

static inline unsigned int random_below(unsigned int *state, unsigned int limit)
{
	return rand_r(state) % limit;
}

/* Whether the module can do that; ARENA_FEATURE_*. */
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

/* For good. What it opens from then on counts as locked memory of that user. */
static inline bool become_user(uid_t user, rlim_t memlock)
{
	struct rlimit limit = { memlock, memlock };

	return !setrlimit(RLIMIT_MEMLOCK, &limit) && !setgid(user) && !setuid(user);
}

/*
 * Whether nothing is charged to a user any more: he can lock as much as
 * RLIMIT_MEMLOCK allows, and no more. DEVICE has to be open to all.
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

/* By a call: how many blocks were taken, or -errno. */
static inline long claim_by_call(int fd)
{
	struct arena_ioc_claim args = { .size = sizeof(args) };

	return ioctl(fd, ARENA_IOC_CLAIM, &args) ? -errno : (long)args.taken;
}

#endif /* ARENA_MANY_H */
