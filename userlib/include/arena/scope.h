/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Idle arenas, and scopes that end with a deadline or a descriptor. <arena/arena.h> includes
 * this header.
 */
#ifndef ARENA_SCOPE_H
#define ARENA_SCOPE_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * arena_idle - let the system take an arena's memory when it needs some
 * @a: the arena
 *
 * Until arena_claim() is called, the contents of the arena may disappear and must not be
 * accessed, and allocations fail (-EBUSY for arena_error()). Functions that free memory
 * claim the arena first.
 *
 * On the device, only the first call for an arena makes a system call, and the system takes
 * memory from the arena that has been idle longest before it takes any from another one. On
 * anonymous memory, the call uses MADV_FREE and has to look at each page.
 *
 * Return: 0, also if the arena is idle already; or
 * * -EBUSY if the arena has cleanups, children or blocks that were given back by
 *   arena_span_decommit()
 * * -EINVAL if the arena is a child
 * * -ENOMEM if there is no memory for the record that this needs
 * * -EOPNOTSUPP if the device does not support it
 * * -EPERM if @a is on the device and was inherited through fork()
 */
int arena_idle(struct arena *a);

/**
 * arena_claim - take an idle arena back
 * @a: the arena
 *
 * On the device, this makes no system call if the system has taken no memory.
 *
 * Return: 1 if the contents are intact, also if the arena was not idle; 0 if the system has
 * taken some of the memory: the arena is empty then; or a negative errno if the arena stays
 * idle: -EPERM if @a is on the device and was inherited through fork().
 */
ARENA_NODISCARD
int arena_claim(struct arena *a);

/* arena_scope.flags */
#define ARENA_SCOPE_DEADLINE	(1u << 0)
#define ARENA_SCOPE_FD		(1u << 1)

/**
 * struct arena_scope - a deadline, a descriptor or both that an arena is bound to
 * @size: sizeof(struct arena_scope)
 * @deadline: CLOCK_MONOTONIC time in nanoseconds, with ARENA_SCOPE_DEADLINE
 * @fd: a descriptor, with ARENA_SCOPE_FD. A socket ends the scope when the peer closes it
 *	or shuts down its sending side; any other descriptor does when it becomes readable
 *	(eventfd(2), timerfd_create(2), pidfd_open(2), a pipe). It is not read, and must
 *	stay open until arena_scope_end().
 * @flags: ARENA_SCOPE_DEADLINE, ARENA_SCOPE_FD or both
 * @slice: number of bytes that may be allocated between two checks of the clock and the
 *	descriptor; rounded down to a multiple of ARENA_ALIGN. 0 means a check at each
 *	allocation, which adds some tens of nanoseconds to it, and a system call if there
 *	is a descriptor.
 */
struct arena_scope {
	size_t size;
	uint64_t deadline;
	int fd;
	uint32_t flags;
	uint64_t slice;
};

/**
 * arena_scope_begin - bind an arena to a deadline or to a descriptor that cancels it
 * @a: the arena; its children are not bound
 * @scope: the deadline, descriptor or both
 *
 * Once the deadline has passed, or the descriptor has ended the scope, allocations fail
 * (-ECANCELED for arena_error()). Memory that is allocated remains until
 * arena_scope_end().
 *
 * Return: 0, or
 * * -EINVAL if @scope has neither flag, an unknown flag or a size that is too small
 * * -E2BIG if @scope is of a newer version and sets a field that this version lacks
 * * -EBADF if @scope->fd is not an open descriptor
 * * -EBUSY if the arena is bound already
 */
int arena_scope_begin(struct arena *a, const struct arena_scope *scope);

/**
 * arena_scope_check - check whether the scope of an arena is over
 * @a: the arena
 *
 * Return: 0 if it is not over or the arena is not bound; or -ECANCELED.
 */
int arena_scope_check(struct arena *a);

/**
 * arena_scope_end - unbind an arena and release it
 * @a: the arena
 *
 * Return: same as arena_release().
 */
int arena_scope_end(struct arena *a);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_SCOPE_H */
