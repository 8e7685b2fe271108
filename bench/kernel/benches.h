/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCHES_H
#define BENCHES_H

#include "ways.h"

/* Get memory, use it, and give it back. */
extern const struct bench cycle, map_and_unmap;
/*
 * The variant is the number of threads. Each runs cycles on all blocks of its own job, at
 * most CYCLES_OF_EACH in a round.
 */
#define CYCLES_OF_EACH	4
extern const struct bench threads;
/* Parts of a cycle on a mapping that stays. The variant is the distance of touches in bytes. */
extern const struct bench first_touch;
extern const struct bench populate, reuse;
/* The variant selects the part to release. */
enum piece { ONE_BLOCK, HALF, ALL, EVERY_SECOND };
extern const struct bench release;
/* Costs of a process that holds memory. */
extern const struct bench fork_and_wait, idle_and_claim;

#endif /* BENCHES_H */
