// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy: which nodes the next block should be on, and which it may be on.
 *
 * An arena's policy says which; the default one leaves it to the committing
 * task: to its memory policy (set_mempolicy(2), numactl) if it has one, else to
 * the CPU it runs on. The task's cpuset bounds them all.
 *
 * It owns nothing and takes no lock. An arena's policy is protected by the arena.
 * A task's memory policy is replaced by the task alone, and only read here by
 * that task. Its nodes, and those of the cpuset, are changed by others when the
 * cpuset changes; that is what mems_allowed_seq is for.
 *
 * Nothing here knows of blocks.
 */
#include <linux/arena.h>
#include <linux/errno.h>
#include <linux/mempolicy.h>
#include <linux/numa.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "policy.h"

/*
 * What the current task says: where its cpuset lets it have memory, and the mode
 * and nodes of its memory policy, MPOL_LOCAL if it has none.
 */
static int read_task(nodemask_t *allowed, nodemask_t *nodes)
{
	int mode = MPOL_LOCAL;

	nodes_clear(*nodes);
#ifdef CONFIG_NUMA
	if (current->mempolicy) {
		mode = current->mempolicy->mode;
		*nodes = current->mempolicy->nodes;
	}
#endif
#ifdef CONFIG_CPUSETS
	nodes_and(*allowed, node_states[N_NORMAL_MEMORY], current->mems_allowed);
#else
	*allowed = node_states[N_NORMAL_MEMORY];
#endif
	return mode;
}

static int read_task_consistently(nodemask_t *allowed, nodemask_t *nodes)
{
#ifdef CONFIG_CPUSETS
	unsigned int seq;
	int mode;

	do {
		seq = read_seqcount_begin(&current->mems_allowed_seq);
		mode = read_task(allowed, nodes);
	} while (read_seqcount_retry(&current->mems_allowed_seq, seq));
	return mode;
#else
	return read_task(allowed, nodes);
#endif
}

/* The node of this CPU, or the nearest that has memory if it has none. */
static int near_node(void)
{
	nodemask_t nodes = node_states[N_NORMAL_MEMORY];

	return arena_policy_next_node(numa_mem_id(), &nodes);
}

/* Node number i of a mask, counted round and round; there is one. */
static int nth_node(const nodemask_t *nodes, unsigned long i)
{
	unsigned long n = i % nodes_weight(*nodes);
	int nid = first_node(*nodes);

	while (n--)
		nid = next_node(nid, *nodes);
	return nid;
}

/*
 * The default: as the task's memory policy says. Interleaving goes by the place
 * in the file, as that of any mapping does. Weighted interleaving is done without the
 * weights, which are not for modules to see.
 */
static void place_by_task(int mode, unsigned long index, nodemask_t *nodes,
			  int *near, bool *is_strict)
{
	switch (mode) {
	case MPOL_BIND:
		*is_strict = true;
		return;
	case MPOL_PREFERRED:
	case MPOL_PREFERRED_MANY:
		return;
	case MPOL_DEFAULT:
	case MPOL_LOCAL:
		*nodes = nodemask_of_node(*near);
		return;
	default:
		if (!nodes_empty(*nodes))
			*near = nth_node(nodes, index);
		*nodes = nodemask_of_node(*near);
	}
}

/**
 * arena_policy_set - make a policy
 * @policy: set; unchanged on error
 * @mode: ARENA_POLICY_*
 * @is_strict: nothing rather than a block on another node
 * @nodes: the mask; empty for ARENA_POLICY_LOCAL, and only for that
 *
 * Context: process context of a task that is going to commit.
 * Return: 0, or
 * * -EINVAL if the mode is unknown, if @is_strict is asked of
 *   ARENA_POLICY_PREFERRED, if @nodes is empty and must not be or the reverse, or
 *   if none of them is in the task's cpuset
 * * -ENODEV if one of the nodes does not exist, or has no memory that the kernel
 *   itself may use
 */
int arena_policy_set(struct arena_policy *policy, u32 mode, bool is_strict,
		     const nodemask_t *nodes)
{
	bool is_local = mode == ARENA_POLICY_LOCAL;
	nodemask_t allowed, unused;

	if (mode > ARENA_POLICY_INTERLEAVE)
		return -EINVAL;
	if (mode == ARENA_POLICY_PREFERRED && is_strict)
		return -EINVAL;
	if (nodes_empty(*nodes) != is_local)
		return -EINVAL;
	if (!nodes_subset(*nodes, node_states[N_NORMAL_MEMORY]))
		return -ENODEV;
	read_task_consistently(&allowed, &unused);
	if (!is_local && !nodes_intersects(*nodes, allowed))
		return -EINVAL;
	*policy = (struct arena_policy) {
		.mode = mode,
		.is_strict = is_strict || mode == ARENA_POLICY_BIND,
		.nodes = *nodes,
	};
	return 0;
}

/**
 * arena_policy_is_per_block - whether each block has a placement of its own
 * @policy: the policy
 *
 * Context: process context of the task that commits.
 */
bool arena_policy_is_per_block(const struct arena_policy *policy)
{
	if (policy->mode == ARENA_POLICY_INTERLEAVE)
		return true;
#ifdef CONFIG_NUMA
	if (policy->mode == ARENA_POLICY_LOCAL && current->mempolicy) {
		switch (current->mempolicy->mode) {
		case MPOL_BIND:
		case MPOL_PREFERRED:
		case MPOL_PREFERRED_MANY:
		case MPOL_LOCAL:
			return false;
		default:
			return true;
		}
	}
#endif
	return false;
}

/**
 * arena_policy_place - say where a block is to be
 * @policy: the arena's policy
 * @index: the block's place in the file, in blocks
 * @placement: filled in; no node is in both masks, and all are in the cpuset
 *
 * Context: process context of the task that commits.
 */
void arena_policy_place(const struct arena_policy *policy, unsigned long index,
			struct arena_placement *placement)
{
	bool is_strict = policy->is_strict;
	nodemask_t allowed, nodes;
	int near = near_node();
	int mode;

	mode = read_task_consistently(&allowed, &nodes);
	if (policy->mode == ARENA_POLICY_LOCAL)
		place_by_task(mode, index, &nodes, &near, &is_strict);
	else
		nodes = policy->nodes;
	nodes_and(nodes, nodes, allowed);
	if (policy->mode == ARENA_POLICY_INTERLEAVE && !nodes_empty(nodes)) {
		near = nth_node(&nodes, index);
		nodes = nodemask_of_node(near);
	}
	placement->near = near;
	placement->nodes = nodes;
	if (is_strict)
		nodes_clear(placement->others);
	else
		nodes_andnot(placement->others, allowed, nodes);
}

/**
 * arena_policy_next_node - the nearest node of a mask, which is taken from it
 * @near: to which node
 * @nodes: the mask
 *
 * Return: the node, or NUMA_NO_NODE if the mask is empty
 */
int arena_policy_next_node(int near, nodemask_t *nodes)
{
	int nid, best = NUMA_NO_NODE;

	if (node_isset(near, *nodes)) {
		best = near;
	} else {
		for_each_node_mask(nid, *nodes) {
			if (best == NUMA_NO_NODE ||
			    node_distance(near, nid) < node_distance(near, best))
				best = nid;
		}
	}
	if (best != NUMA_NO_NODE)
		node_clear(best, *nodes);
	return best;
}
