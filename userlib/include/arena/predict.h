/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Predictions: how much memory something of a given name will use, based on how much others
 * of the same name have used.
 *
 * Arenas with ARENA_RESERVE_AUTO and arenas of pools are sized by these predictions.
 */
#ifndef ARENA_PREDICT_H
#define ARENA_PREDICT_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * arena_predict_note - record how much something has used
 * @name: its name; only the first 31 bytes are significant
 * @used: number of bytes
 *
 * Samples lose weight: a sample counts half as much once about 512 newer ones have been
 * recorded, a quarter after 1024, and so on. The library keeps 256 names at a time. One
 * more replaces the least recently used name that no arena and no pool is using. If there
 * is no such name, or no memory, the sample is lost.
 *
 * Any thread may call this function.
 */
void arena_predict_note(const char *name, size_t used);

/**
 * arena_predict - predict how much the next one will use
 * @name: its name
 * @permille: how many uses in a thousand the result should be enough for; at most 1000
 *
 * Return: a number of bytes, which is at least what that share of the samples has used, and
 * less than a sixteenth larger than that; or 0 if there are fewer than 8 samples. As long
 * as there are too few samples for one of them to lie above that share, the largest sample
 * is ignored, so that a single one does not decide; but not if @permille is 1000.
 */
size_t arena_predict(const char *name, unsigned int permille);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_PREDICT_H */
