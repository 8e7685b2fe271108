// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy: which node the next block should be on.
 *
 * It owns nothing and takes no lock: a task's memory policy is changed by the
 * task alone, and only read here by that task. Nothing here knows of blocks.
 */
#include <linux/numa.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "policy.h"

/**
 * arena_policy_node - node that the current task's next block should be on
 *
 * Context: process context of the task that commits.
 * Return: the node of the CPU the task runs on (the nearest one with memory), or
 * NUMA_NO_NODE when the task has a memory policy of its own (set_mempolicy(2),
 * numactl), which decides.
 */
int arena_policy_node(void)
{
#ifdef CONFIG_NUMA
	if (current->mempolicy)
		return NUMA_NO_NODE;
#endif
	return numa_mem_id();
}
