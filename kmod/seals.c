// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seals: the ranges of an arena's file that were released for good, until they are
 * committed by a call. What notes them is the kernel's memory, and charged to the
 * cgroup alone, so that they are bounded.
 */
#include <linux/maple_tree.h>
#include <linux/sched.h>
#include <linux/xarray.h>
#include <linux/arena.h>

#include "pool.h"
#include "seals.h"

/* Ranges that can be sealed at a time. Two adjacent ones count as two. */
#define MAX_SEALS	65536

/**
 * arena_seals_init - none
 * @seals: what to set up
 */
void arena_seals_init(struct arena_seals *seals)
{
	mt_init(&seals->ranges);
	seals->nr = 0;
}

/**
 * arena_seals_destroy - free what notes the seals
 * @seals: of an arena that nobody uses any more
 */
void arena_seals_destroy(struct arena_seals *seals)
{
	mtree_destroy(&seals->ranges);
}

/**
 * arena_seals_has - whether a block is sealed
 * @seals: the seals
 * @index: the block
 */
bool arena_seals_has(struct arena_seals *seals, unsigned long index)
{
	return !mtree_empty(&seals->ranges) && mtree_load(&seals->ranges, index);
}

/* A seal adds a range, and may cut one in two. */
static int count_seal(struct arena_seals *seals)
{
	unsigned long from = 0;
	void *entry;

	if (seals->nr >= MAX_SEALS) {
		/* So many at most; how many are they? */
		seals->nr = 0;
		mt_for_each(&seals->ranges, entry, from, ULONG_MAX) {
			seals->nr++;
			cond_resched();
		}
	}
	if (seals->nr >= MAX_SEALS)
		return -ENOMEM;
	seals->nr += 2;
	return 0;
}

/**
 * arena_seals_add - seal a range
 * @seals: the seals
 * @first: its first block
 * @nr: how many
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM if it can't be noted, or would be one too many
 */
int arena_seals_add(struct arena_seals *seals, unsigned long first, unsigned long nr)
{
	int err;

	/* Of all there is remains one. */
	if (!first && nr >= ARENA_CONTROL_OFFSET >> ARENA_BLOCK_SHIFT)
		seals->nr = 0;
	err = count_seal(seals);
	if (err)
		return err;
	return mtree_store_range(&seals->ranges, first, first + nr - 1, xa_mk_value(0),
				 GFP_KERNEL_ACCOUNT);
}

/**
 * arena_seals_break - break what seals there are in a range
 * @seals: the seals
 * @first: its first block
 * @nr: how many
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM as for arena_seals_add(), since what is cut in two is two
 */
int arena_seals_break(struct arena_seals *seals, unsigned long first,
		      unsigned long nr)
{
	unsigned long last = first + nr - 1, from = first;
	int err = 0;

	/* As a rule there are none at all, which is quicker to see. */
	if (mtree_empty(&seals->ranges) || !mt_find(&seals->ranges, &from, last))
		return 0;
	if (first && arena_seals_has(seals, first - 1) && arena_seals_has(seals, last + 1))
		err = count_seal(seals);
	if (err)
		return err;
	return mtree_store_range(&seals->ranges, first, last, NULL, GFP_KERNEL_ACCOUNT);
}
