// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the policy, without blocks. */
#include "../policy.c"

#include <kunit/test.h>
#include <linux/cpumask.h>

static void local_node_is_that_of_task(struct kunit *test)
{
	const struct arena_policy policy = { };
	struct arena_placement placement;
	int cpu;

	for_each_online_cpu(cpu) {
		KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
		arena_policy_place(&policy, 0, &placement);
		KUNIT_EXPECT_EQ(test, placement.near, cpu_to_mem(cpu));
		KUNIT_EXPECT_EQ(test, nodes_weight(placement.nodes), 1);
		KUNIT_EXPECT_TRUE(test, node_isset(cpu_to_mem(cpu), placement.nodes));
		KUNIT_EXPECT_FALSE(test, nodes_intersects(placement.nodes,
							  placement.others));
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static void mask_is_obeyed(struct kunit *test)
{
	nodemask_t all = node_states[N_MEMORY], none = NODE_MASK_NONE;
	int last = find_last_bit(all.bits, MAX_NUMNODES), nid, i = 0;
	nodemask_t one = nodemask_of_node(last);
	struct arena_placement placement;
	struct arena_policy policy;

	KUNIT_ASSERT_EQ(test, arena_policy_set(&policy, ARENA_POLICY_BIND, false, &one), 0);
	arena_policy_place(&policy, 0, &placement);
	KUNIT_EXPECT_TRUE(test, nodes_equal(placement.nodes, one));
	KUNIT_EXPECT_TRUE(test, nodes_empty(placement.others));

	KUNIT_ASSERT_EQ(test, arena_policy_set(&policy, ARENA_POLICY_PREFERRED, false, &one), 0);
	arena_policy_place(&policy, 0, &placement);
	KUNIT_EXPECT_TRUE(test, nodes_equal(placement.nodes, one));
	nodes_or(placement.nodes, placement.nodes, placement.others);
	KUNIT_EXPECT_TRUE(test, nodes_equal(placement.nodes, all));

	KUNIT_ASSERT_EQ(test, arena_policy_set(&policy, ARENA_POLICY_INTERLEAVE, true, &all), 0);
	KUNIT_EXPECT_TRUE(test, arena_policy_is_per_block(&policy));
	for_each_node_mask(nid, all) {
		arena_policy_place(&policy, i++, &placement);
		KUNIT_EXPECT_TRUE(test, node_isset(nid, placement.nodes));
		KUNIT_EXPECT_EQ(test, nodes_weight(placement.nodes), 1);
		KUNIT_EXPECT_TRUE(test, nodes_empty(placement.others));
	}

	KUNIT_EXPECT_EQ(test, arena_policy_set(&policy, ARENA_POLICY_BIND, false, &none), -EINVAL);
	KUNIT_EXPECT_EQ(test, arena_policy_set(&policy, ARENA_POLICY_LOCAL, false, &one), -EINVAL);
	KUNIT_EXPECT_EQ(test, arena_policy_set(&policy, ARENA_POLICY_PREFERRED, true, &one),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, arena_policy_set(&policy, 4, false, &one), -EINVAL);
	KUNIT_EXPECT_EQ(test, policy.mode, ARENA_POLICY_INTERLEAVE);
}

static void nearest_node_is_next(struct kunit *test)
{
	nodemask_t nodes = node_states[N_MEMORY];
	int near = numa_mem_id(), nid, nr = 0, distance = 0;

	KUNIT_EXPECT_EQ(test, arena_policy_next_node(near, &nodes), near);
	while ((nid = arena_policy_next_node(near, &nodes)) != NUMA_NO_NODE) {
		KUNIT_EXPECT_GE(test, node_distance(near, nid), distance);
		distance = node_distance(near, nid);
		nr++;
	}
	KUNIT_EXPECT_EQ(test, nr + 1, nodes_weight(node_states[N_MEMORY]));
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE(local_node_is_that_of_task),
	KUNIT_CASE(mask_is_obeyed),
	KUNIT_CASE(nearest_node_is_next),
	{ }
};

static struct kunit_suite policy_suite = {
	.name = "arena_policy",
	.test_cases = policy_cases,
};

kunit_test_suite(policy_suite);
