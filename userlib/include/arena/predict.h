/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * How much memory something of a name will use, by what others of that name have used.
 *
 * Arenas with ARENA_RESERVE_AUTO, and those of a pool, are sized by that.
 */
#ifndef ARENA_PREDICT_H
#define ARENA_PREDICT_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * arena_predict_note - note how much something has used
 * @name: what it is called; the first 31 bytes count
 * @used: bytes
 *
 * A sample counts half as much as soon as some 512 have come after it, a quarter after
 * 1024, and so on. The library knows 256 names at a time; one more replaces the one that
 * was used least recently and has no arenas. If there is none such, or no memory, the
 * sample is lost. Any thread may call this.
 */
void arena_predict_note(const char *name, size_t used);

/**
 * arena_predict - how much the next one will use
 * @name: what it is called
 * @permille: how many of a thousand are to be content with that; at most 1000
 *
 * Return: bytes, never less than what so many of the samples had used and less than a
 * sixteenth above it; or 0 if there have been fewer than 8 samples. As long as there are
 * too few to have that many in a thousand above it, the largest is left out, so that
 * one alone does not decide; but not for 1000.
 */
size_t arena_predict(const char *name, unsigned int permille);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_PREDICT_H */
