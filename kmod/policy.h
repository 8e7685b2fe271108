/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_POLICY_H
#define ARENA_POLICY_H

#include <linux/nodemask.h>
#include <linux/types.h>

/**
 * struct arena_policy - the nodes on which an arena's blocks are allocated
 * @mode: ARENA_POLICY_LOCAL, _BIND, _PREFERRED or _INTERLEAVE
 * @is_strict: fail rather than allocate a block on another node
 * @nodes: node mask; empty for ARENA_POLICY_LOCAL
 *
 * The default policy is all zero.
 */
struct arena_policy {
	u32 mode;
	bool is_strict;
	nodemask_t nodes;
};

/**
 * struct arena_placement - the nodes on which the current task may now allocate a block
 * @near: node to which the block should be near
 * @nodes: the nodes that the policy selects
 * @others: fallback nodes, used if @nodes have no block
 */
struct arena_placement {
	int near;
	nodemask_t nodes;
	nodemask_t others;
};

int arena_policy_set(struct arena_policy *policy, u32 mode, bool is_strict,
		     const nodemask_t *nodes);
bool arena_policy_is_per_block(const struct arena_policy *policy);
void arena_policy_place(const struct arena_policy *policy, unsigned long index,
			struct arena_placement *placement);
int arena_policy_next_node(int near, nodemask_t *nodes);

#endif /* ARENA_POLICY_H */
