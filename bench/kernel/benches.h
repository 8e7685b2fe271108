/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCHES_H
#define BENCHES_H

#include "ways.h"

/* Memory is had, used and given back. */
extern const struct bench cycle, map_and_unmap;
/* The variant says how many, and each of them has all blocks, so often at the most. */
#define CYCLES_OF_EACH	4
extern const struct bench threads;
/* A part of that, of a mapping that stays. The variant is bytes from touch to touch. */
extern const struct bench first_touch;
extern const struct bench populate, reuse;
/* The variant says what of it. */
enum piece { ONE_BLOCK, HALF, ALL, EVERY_SECOND };
extern const struct bench release;
/* What it costs a process to have it. */
extern const struct bench fork_and_wait, idle_and_claim;

#endif /* BENCHES_H */
