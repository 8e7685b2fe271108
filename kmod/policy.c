// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy: the nodes on which the next block should be, and those on which it may be.
 *
 * The arena's policy selects the nodes. The default policy follows the memory policy
 * (set_mempolicy(2), numactl) of the committing task if it has one, and otherwise selects the
 * node of the CPU that the task runs on. The task's cpuset restricts all policies.
 *
 * This file owns nothing and takes no lock. The arena protects its policy. A task's memory
 * policy is replaced only by the task itself, and read here only by that task. The nodes of
 * the memory policy and of the cpuset are changed by other tasks when the cpuset changes;
 * mems_allowed_seq makes reading them consistent.
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
 * Read the nodes that the current task's cpuset permits, and the nodes of its memory policy.
 * Returns the mode of the memory policy, MPOL_LOCAL if the task has none.
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

/* The node of this CPU, or the nearest node with memory if that has none. */
static int near_node(void)
{
	nodemask_t nodes = node_states[N_NORMAL_MEMORY];

	return arena_policy_next_node(numa_mem_id(), &nodes);
}

/* The node with index @i, modulo the number of nodes, in a mask that is not empty. */
static int nth_node(const nodemask_t *nodes, unsigned long i)
{
	unsigned long n = i % nodes_weight(*nodes);
	int nid = first_node(*nodes);

	while (n--)
		nid = next_node(nid, *nodes);
	return nid;
}

/*
 * The default policy: apply the task's memory policy. Interleaving selects the node by the
 * block's offset in the file, as for any mapping. Weighted interleaving is done without the
 * weights, which are not accessible to modules.
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
 * arena_policy_set - set a policy
 * @policy: the policy, unchanged on error
 * @mode: ARENA_POLICY_*
 * @is_strict: fail rather than allocate a block on another node
 * @nodes: node mask; must be empty for ARENA_POLICY_LOCAL, and only for that
 *
 * Context: process context of a task that is going to commit.
 * Return: 0, or
 * * -EINVAL if the mode is unknown, if @is_strict is set with ARENA_POLICY_PREFERRED, if
 *   @nodes is not empty for ARENA_POLICY_LOCAL or empty for another mode, or if the task's
 *   cpuset contains none of @nodes
 * * -ENODEV if one of the nodes does not exist, or has no memory that the kernel
 *   itself may use (N_NORMAL_MEMORY)
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
 * arena_policy_is_per_block - check whether the placement depends on the block's offset
 * @policy: the policy
 *
 * Context: process context of the task that commits.
 * Return: true if it does, i.e. if blocks are interleaved.
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
 * arena_policy_place - determine the nodes on which a block may be allocated
 * @policy: the arena's policy
 * @index: the block's offset in the file, in blocks
 * @placement: filled in. The two masks are disjoint, and contain only nodes in the cpuset.
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
 * arena_policy_next_node - remove the node of a mask that is nearest to a given node
 * @near: the given node
 * @nodes: the mask
 *
 * Return: the node removed, or NUMA_NO_NODE if the mask is empty.
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
