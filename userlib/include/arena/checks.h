/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Checked arenas, handles, and reports of faults. <arena/arena.h> includes this header.
 */
#ifndef ARENA_CHECKS_H
#define ARENA_CHECKS_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * arena_check - check that nothing was written outside the allocations of an arena
 * @a: the arena
 *
 * An arena is checked if its options have ARENA_OPT_CHECKS, if the call that creates it was
 * compiled with -DARENA_CHECKED=1, if the environment has ARENA_CHECKED=1, if the program
 * runs under ASan, MSan or Valgrind, or if the arena's parent is checked. With
 * ARENA_CHECKED=0 in the environment, no arena is checked.
 *
 * In a checked arena, each of the following errors ends the process by abort(3), with a
 * message on standard error that names the arena and the function that found the error:
 *
 * - bytes written past the end of an allocation; found when the allocation is freed and by
 *   arena_check()
 * - a stale mark
 * - use by a thread that the arena does not belong to, see arena_adopt()
 * - arena_cleanup_add() to an idle arena
 * - use of an arena after arena_destroy(), including a second arena_destroy()
 * - arena_rewind(), arena_reset() or arena_release() if it would free the memory of
 *   children
 *
 * The red zones of a checked arena count as allocated, so it reaches its limit earlier.
 * Memory that is freed is overwritten. ASan, MSan and Valgrind know which memory is
 * allocated, and which is not initialized. arena_realloc() moves every allocation that
 * grows.
 *
 * Return: 1, or 0 if the arena is not checked.
 */
int arena_check(const struct arena *a);

/**
 * arena_adopt - make an arena belong to the calling thread
 * @a: the arena, which no other thread may be using; its children must be adopted
 *	separately, but end together with it, whichever thread destroys it
 *
 * Only has an effect on checked arenas, and on arenas with ARENA_OPT_THREAD_OWNED, which are
 * destroyed when the calling thread ends from then on.
 *
 * Return: 0; or -ENOMEM if there is no memory to record the thread. In this case, the arena
 * is not destroyed when a thread ends.
 */
int arena_adopt(struct arena *a);

/**
 * arena_report_faults - report which arena a faulting address belongs to
 *
 * Installs a handler for SIGSEGV and SIGBUS, once for the whole process. If the faulting
 * address belongs to an arena, or belonged to one that was recently destroyed, the handler
 * writes a line to standard error: the name of the arena, and when and by which call the
 * memory was given back. It then calls the previous handler according to that handler's
 * flags, or takes the system's default action.
 *
 * Intended for use with ARENA_OPT_SEAL or ARENA_OPT_QUARANTINE. With ARENA_REPORT_FAULTS=1 in the
 * environment, the handler is installed when the first arena is created.
 *
 * Return: 0, or the negative errno of sigaction(2).
 */
int arena_report_faults(void);

/**
 * struct arena_handle - a reference to an allocation, invalid once that has been freed
 * @arena: number of the arena
 * @serial: serial number of the arena when the handle was made
 * @offset: location of the allocation
 *
 * All members are private.
 */
struct arena_handle {
	uint64_t arena;
	uint64_t serial;
	size_t offset;
};

/**
 * arena_handle_make - make a handle from a pointer
 * @a: the arena
 * @memory: an allocation from @a, or a part of one
 *
 * From the first handle on, the arena keeps a record each time that arena_rewind() or
 * another function frees a part of its memory. If there is no memory for such a record,
 * handles may become invalid although their memory has not been freed.
 *
 * Return: the handle; it is never valid if @memory is not allocated from @a.
 */
ARENA_NODISCARD
struct arena_handle arena_handle_make(struct arena *a, const void *memory);

/**
 * arena_deref - return the pointer that a handle was made from
 * @a: the arena that the handle was made for
 * @handle: the handle
 *
 * Return: the pointer; or NULL if arena_rewind(), arena_reset() or arena_release() has
 * freed the memory since, even if it has been allocated again, or if the handle is of
 * another arena.
 */
ARENA_NODISCARD
void *arena_deref(const struct arena *a, struct arena_handle handle);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_CHECKS_H */
