// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extents: free blocks, grouped into runs of physically adjacent ones.
 *
 * The owner of a set of extents protects it with a lock, which may be a spinlock, since no
 * operation sleeps, allocates memory or fails. The description of an extent is stored in the
 * first bytes of its first block, which is free memory. Blocks that are zeroed when they are
 * added are zeroed again when they are taken.
 *
 * The allocation is best fit, but spares the longest extent. A request is cut from the
 * shortest sufficient extent among the others, and from the one with the lowest address if
 * several have that length. If none is sufficient, the longest of the others is taken whole,
 * and the caller requests the rest again. The longest extent is cut only if there is no
 * other. A request that need not be a single extent is mapped block by block anyway, and
 * loses nothing by this rule. Best fit alone leaves a third of the free memory in holes of
 * all sizes, whereas this rule keeps nearly all of it in a single extent for requests that
 * must be one (see Documentation/internals.rst for measurements). Those get the best fit
 * among all extents.
 *
 * Blocks are taken from the end of an extent, so that its description stays in place. A block
 * that is added is merged with its neighbours, so that two extents are never adjacent.
 *
 * Each operation is O(log n) in the number of extents, and does not depend on the number of
 * blocks.
 */
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "extents.h"
#include "pool.h"

struct extent {
	struct rb_node by_address;
	struct rb_node by_size;
	unsigned long nr_blocks;
};

#define address_entry(node)	rb_entry(node, struct extent, by_address)
#define size_entry(node)	rb_entry(node, struct extent, by_size)

static void *end_of(const struct extent *extent)
{
	return (void *)extent + (extent->nr_blocks << ARENA_BLOCK_SHIFT);
}

static bool is_lower(struct rb_node *a, const struct rb_node *b)
{
	return address_entry(a) < address_entry(b);
}

static bool is_shorter(struct rb_node *a, const struct rb_node *b)
{
	const struct extent *one = size_entry(a), *two = size_entry(b);

	if (one->nr_blocks != two->nr_blocks)
		return one->nr_blocks < two->nr_blocks;
	return one < two;
}

static void link_extent(struct arena_extents *extents, struct extent *extent)
{
	rb_add(&extent->by_address, &extents->by_address, is_lower);
	rb_add_cached(&extent->by_size, &extents->by_size, is_shorter);
	extents->nr_extents++;
}

/* Remove an extent from both trees, and zero its description again. */
static void unlink_extent(struct arena_extents *extents, struct extent *extent)
{
	rb_erase(&extent->by_address, &extents->by_address);
	rb_erase_cached(&extent->by_size, &extents->by_size);
	extents->nr_extents--;
	memset(extent, 0, sizeof(*extent));
}

static void resize_extent(struct arena_extents *extents, struct extent *extent,
			  unsigned long nr_blocks)
{
	rb_erase_cached(&extent->by_size, &extents->by_size);
	extent->nr_blocks = nr_blocks;
	rb_add_cached(&extent->by_size, &extents->by_size, is_shorter);
}

/* Find the nearest extents below and above an address that is in no extent. */
static void find_neighbours(const struct arena_extents *extents,
			    const void *address, struct extent **below,
			    struct extent **above)
{
	struct rb_node *node = extents->by_address.rb_node;

	*below = NULL;
	*above = NULL;
	while (node) {
		struct extent *extent = address_entry(node);

		if ((void *)extent < address) {
			*below = extent;
			node = node->rb_right;
		} else {
			*above = extent;
			node = node->rb_left;
		}
	}
}

/* The shortest extent of at least @nr_blocks blocks, or NULL. */
static struct extent *find_fit(const struct arena_extents *extents,
			       unsigned long nr_blocks)
{
	struct rb_node *node = extents->by_size.rb_root.rb_node;
	struct extent *fit = NULL;

	while (node) {
		struct extent *extent = size_entry(node);

		if (extent->nr_blocks >= nr_blocks) {
			fit = extent;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return fit;
}

/**
 * arena_extents_init - initialize an empty set
 * @extents: the set
 */
void arena_extents_init(struct arena_extents *extents)
{
	*extents = (struct arena_extents) {
		.by_address = RB_ROOT,
		.by_size = RB_ROOT_CACHED,
	};
}

/**
 * arena_extents_add - add a block to a set
 * @extents: the set, locked by its owner
 * @folio: the block, to be used by nothing else until it is taken
 *
 * Context: any; does not sleep.
 */
void arena_extents_add(struct arena_extents *extents, struct folio *folio)
{
	/* Remove the KASAN tag, so that adjacent blocks have adjacent addresses. */
	struct extent *block = kasan_reset_tag(folio_address(folio)), *below, *above;
	unsigned long nr_blocks = 1;

	find_neighbours(extents, block, &below, &above);
	if (above && (void *)above == (void *)block + ARENA_BLOCK_SIZE) {
		nr_blocks += above->nr_blocks;
		unlink_extent(extents, above);
	}
	if (below && end_of(below) == block) {
		resize_extent(extents, below, below->nr_blocks + nr_blocks);
	} else {
		block->nr_blocks = nr_blocks;
		link_extent(extents, block);
	}
	extents->nr_blocks++;
}

/* Take the last @nr_blocks blocks of an extent. Returns the first of them. */
static struct folio *cut(struct arena_extents *extents, struct extent *extent,
			 unsigned long nr_blocks)
{
	void *first = end_of(extent) - (nr_blocks << ARENA_BLOCK_SHIFT);

	if (nr_blocks == extent->nr_blocks)
		unlink_extent(extents, extent);
	else
		resize_extent(extents, extent, extent->nr_blocks - nr_blocks);
	extents->nr_blocks -= nr_blocks;
	return virt_to_folio(first);
}

/**
 * arena_extents_take - take adjacent blocks, sparing the longest extent
 * @extents: the set, locked by its owner
 * @wanted: number of blocks, at least one
 * @taken: set to the number of blocks taken, all adjacent: fewer than @wanted if the chosen
 *	extent is shorter. The caller then requests the rest again.
 *
 * Context: any; does not sleep.
 * Return: the first of these blocks, or NULL if the set is empty.
 */
struct folio *arena_extents_take(struct arena_extents *extents,
				 unsigned long wanted, unsigned long *taken)
{
	struct rb_node *longest = rb_last(&extents->by_size.rb_root);
	struct extent *extent = find_fit(extents, wanted);

	*taken = 0;
	if (!longest)
		return NULL;
	if (!extent || extent == size_entry(longest)) {
		struct rb_node *next = rb_prev(longest);

		extent = size_entry(next ? next : longest);
	}
	*taken = min(wanted, extent->nr_blocks);
	return cut(extents, extent, *taken);
}

/**
 * arena_extents_take_run - take exactly the wanted number of adjacent blocks, best fit
 * @extents: the set, locked by its owner
 * @wanted: number of blocks, at least one
 *
 * Context: any; does not sleep.
 * Return: the first of these blocks, or NULL if no extent is long enough.
 */
struct folio *arena_extents_take_run(struct arena_extents *extents,
				     unsigned long wanted)
{
	struct extent *extent = find_fit(extents, wanted);

	return extent ? cut(extents, extent, wanted) : NULL;
}

/**
 * arena_extents_largest - return the length of the longest extent in blocks
 * @extents: the set, locked by its owner
 */
unsigned long arena_extents_largest(const struct arena_extents *extents)
{
	struct rb_node *longest = rb_last(&extents->by_size.rb_root);

	return longest ? size_entry(longest)->nr_blocks : 0;
}
