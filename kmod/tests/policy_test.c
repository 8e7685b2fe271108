// SPDX-License-Identifier: GPL-2.0-only
/* The policy, without blocks. */
#include "../policy.c"

#include <kunit/test.h>
#include <linux/cpumask.h>

static void local_is_where_the_task_runs(struct kunit *test)
{
	int cpu;

	for_each_online_cpu(cpu) {
		KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
		KUNIT_EXPECT_EQ(test, arena_policy_node(), cpu_to_mem(cpu));
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE(local_is_where_the_task_runs),
	{ }
};

static struct kunit_suite policy_suite = {
	.name = "arena_policy",
	.test_cases = policy_cases,
};

kunit_test_suite(policy_suite);
