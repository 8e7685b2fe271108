// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extents: free blocks as runs of physically adjacent ones.
 *
 * A set of blocks that its owner protects with a lock of its own, a spinlock
 * may be. Nothing is allocated and nothing can fail: what describes an extent
 * is kept in the first bytes of its first block, which is free memory. Blocks
 * that come in zeroed go out zeroed again.
 *
 * Best fit, and the longest extent is spared: a request is cut from the
 * shortest of the others that is long enough, the lowest of those. If there is
 * none, the longest of the others is taken whole and the caller asks again for
 * the rest. Only when there is no other is the longest one cut. A request that
 * doesn't have to be in one piece is mapped by block anyway and loses nothing
 * by it; but best fit alone ends with a third of the free memory in holes of
 * all sizes, where this keeps nearly all of it in one piece, for those who do
 * ask for one (Documentation/internals.rst has the figures). These are given
 * the best fit of all.
 *
 * Blocks are taken from an extent's end, so that its description stays where
 * it is. Adding a block joins it with its neighbours, so that two extents are
 * never adjacent.
 *
 * Each operation is O(log n) in the number of extents, and in the blocks it
 * takes.
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

/* Leaves the block as it came: zeroed. */
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

/* The extents next to an address that is in none: below it, and above it. */
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

/* The shortest extent of at least so many blocks, or NULL. */
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
 * arena_extents_init - make an empty set
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
 * arena_extents_add - add a block
 * @extents: the set, locked by its owner
 * @folio: the block, nobody else's until it is taken
 *
 * Context: any; does not sleep.
 */
void arena_extents_add(struct arena_extents *extents, struct folio *folio)
{
	/* Adjacent blocks have adjacent addresses, whatever the tags in them. */
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

/* The first of so many blocks, at most all of an extent. */
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
 * arena_extents_take - take blocks, the longest extent's last
 * @extents: the set, locked by its owner
 * @wanted: how many blocks, at least one
 * @taken: set to how many it is, all adjacent: @wanted, or fewer if it is better
 *	to take the rest from elsewhere, too
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
 * arena_extents_take_run - take adjacent blocks, the best fit
 * @extents: the set, locked by its owner
 * @wanted: how many blocks, at least one
 *
 * Context: any; does not sleep.
 * Return: the first of these blocks, or NULL if there is no run as long.
 */
struct folio *arena_extents_take_run(struct arena_extents *extents,
				     unsigned long wanted)
{
	struct extent *extent = find_fit(extents, wanted);

	return extent ? cut(extents, extent, wanted) : NULL;
}

/**
 * arena_extents_largest - how long the longest run is, in blocks
 * @extents: the set, locked by its owner
 */
unsigned long arena_extents_largest(const struct arena_extents *extents)
{
	struct rb_node *longest = rb_last(&extents->by_size.rb_root);

	return longest ? size_entry(longest)->nr_blocks : 0;
}
