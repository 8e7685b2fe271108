/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_POLICY_H
#define ARENA_POLICY_H

#include <linux/nodemask.h>
#include <linux/types.h>

/**
 * struct arena_policy - on which nodes an arena's blocks are to be
 * @mode: ARENA_POLICY_LOCAL, BIND, PREFERRED or INTERLEAVE
 * @is_strict: nothing rather than a block on another node
 * @nodes: the mask of all modes but LOCAL
 *
 * All zero is the default policy.
 */
struct arena_policy {
	u32 mode;
	bool is_strict;
	nodemask_t nodes;
};

/**
 * struct arena_placement - where a block may be, at this moment and for this task
 * @near: node to be near to
 * @nodes: the nodes that the policy asks for
 * @others: the nodes that will do when these have none
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
