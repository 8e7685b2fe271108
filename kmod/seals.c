// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seals: ranges of an arena's file that stay inaccessible after a release. A
 * touch of a sealed block is a SIGBUS until mmap() or ARENA_IOC_COMMIT commits
 * it again.
 *
 * The ranges are stored in kernel memory. That is charged to the memory cgroup
 * and to no other limit, so the number of ranges is bounded.
 */
#include <linux/maple_tree.h>
#include <linux/sched.h>
#include <linux/xarray.h>
#include <linux/arena.h>

#include "pool.h"
#include "seals.h"

/* Maximum number of sealed ranges. Two adjacent ranges count as two. */
#define MAX_SEALS	65536

/**
 * arena_seals_init - initialize an empty set of seals
 * @seals: the seals
 */
void arena_seals_init(struct arena_seals *seals)
{
	mt_init(&seals->ranges);
	seals->nr = 0;
}

/**
 * arena_seals_destroy - free the memory of the seals
 * @seals: seals of an arena that is being destroyed
 */
void arena_seals_destroy(struct arena_seals *seals)
{
	mtree_destroy(&seals->ranges);
}

/**
 * arena_seals_has - return whether a block is sealed
 * @seals: the seals
 * @index: index of the block in the file
 */
bool arena_seals_has(struct arena_seals *seals, unsigned long index)
{
	return !mtree_empty(&seals->ranges) && mtree_load(&seals->ranges, index);
}

/*
 * Reserve room for two more ranges: storing a range adds one, and may cut
 * another in two. seals->nr is an upper bound; it is corrected when it reaches
 * MAX_SEALS.
 */
static int count_seal(struct arena_seals *seals)
{
	unsigned long from = 0;
	void *entry;

	if (seals->nr >= MAX_SEALS) {
		/* The bound is reached: count the ranges. */
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
 * @first: first block of the range
 * @nr: number of blocks
 *
 * Context: process context; may sleep.
 * Return: 0, or -ENOMEM if there is no memory or too many ranges are sealed
 */
int arena_seals_add(struct arena_seals *seals, unsigned long first, unsigned long nr)
{
	int err;

	/* Sealing the whole file leaves one range. */
	if (!first && nr >= ARENA_CONTROL_OFFSET >> ARENA_BLOCK_SHIFT)
		seals->nr = 0;
	err = count_seal(seals);
	if (err)
		return err;
	return mtree_store_range(&seals->ranges, first, first + nr - 1, xa_mk_value(0),
				 GFP_KERNEL_ACCOUNT);
}

/**
 * arena_seals_break - unseal all blocks of a range
 * @seals: the seals
 * @first: first block of the range
 * @nr: number of blocks
 *
 * Context: process context; may sleep.
 * Return: 0, or -ENOMEM; see arena_seals_add(). A break in the middle of a
 * sealed range makes two of it.
 */
int arena_seals_break(struct arena_seals *seals, unsigned long first,
		      unsigned long nr)
{
	unsigned long last = first + nr - 1, from = first;
	int err = 0;

	/* Most arenas have no seals. Check for that first, since it is fast. */
	if (mtree_empty(&seals->ranges) || !mt_find(&seals->ranges, &from, last))
		return 0;
	if (first && arena_seals_has(seals, first - 1) && arena_seals_has(seals, last + 1))
		err = count_seal(seals);
	if (err)
		return err;
	return mtree_store_range(&seals->ranges, first, last, NULL, GFP_KERNEL_ACCOUNT);
}
