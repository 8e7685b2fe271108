// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of accounts, without arenas: limits are exact, and charges can be undone.
 */
#include "../account.c"

#include <kunit/test.h>

static struct arena_account *open_account(struct kunit *test)
{
	struct arena_account *account = arena_account_create(false);

	KUNIT_ASSERT_NOT_NULL(test, account);
	KUNIT_EXPECT_NULL(test, account->cred);
	return account;
}

static void arena_can_use_its_whole_limit(struct kunit *test)
{
	struct arena_account *account = open_account(test);

	KUNIT_EXPECT_EQ(test, arena_account_limit(account), ARENA_ACCOUNT_UNLIMITED);
	KUNIT_EXPECT_EQ(test, arena_account_lower_limit(account, 10), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 11), -EDQUOT);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, ULONG_MAX), -EDQUOT);
	KUNIT_EXPECT_EQ(test, arena_account_charged(account), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 7), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 4), -EDQUOT);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 3), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 1), -EDQUOT);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 0), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charged(account), 10);
	arena_account_uncharge(account, 1);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 1), 0);
	arena_account_uncharge(account, 10);
	KUNIT_EXPECT_EQ(test, arena_account_charged(account), 0);
	arena_account_close(account);
}

static void limit_can_only_be_lowered(struct kunit *test)
{
	struct arena_account *account = open_account(test);

	KUNIT_EXPECT_EQ(test, arena_account_lower_limit(account, 10), 0);
	KUNIT_EXPECT_EQ(test, arena_account_lower_limit(account, 11), -EPERM);
	KUNIT_EXPECT_EQ(test, arena_account_lower_limit(account, 10), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 10), 0);
	/* Below the current charge: no further block until the charge is below the limit. */
	KUNIT_EXPECT_EQ(test, arena_account_lower_limit(account, 4), 0);
	KUNIT_EXPECT_EQ(test, arena_account_limit(account), 4);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 1), -EDQUOT);
	arena_account_uncharge(account, 7);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 1), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charge(account, 1), -EDQUOT);
	arena_account_uncharge(account, 4);
	arena_account_close(account);
}

static void locked_memory_is_charged_to_user(struct kunit *test)
{
	struct rlimit *rlimit = &current->signal->rlim[RLIMIT_MEMLOCK];
	struct arena_account *one = open_account(test), *two = open_account(test);
	struct user_struct *user = current_user();
	long before = atomic_long_read(&user->locked_vm);
	unsigned long old = rlimit->rlim_cur;

	/* Two arenas of one user, whose RLIMIT_MEMLOCK is five blocks and one page. */
	one->cred = get_current_cred();
	two->cred = get_current_cred();
	rlimit->rlim_cur = (before << PAGE_SHIFT) + 5 * ARENA_BLOCK_SIZE + PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, arena_account_charge(one, 3), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charge(two, 3), -ENOMEM);
	KUNIT_EXPECT_EQ(test, arena_account_charged(two), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charge(two, 2), 0);
	KUNIT_EXPECT_EQ(test, arena_account_charge(one, 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&user->locked_vm),
			before + 5 * ARENA_BLOCK_PAGES);
	arena_account_uncharge(one, 3);
	/* The arena is closed while one of its blocks is still referenced. */
	arena_account_uncharge(two, 1);
	arena_account_close(two);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&user->locked_vm),
			before + ARENA_BLOCK_PAGES);
	arena_account_uncharge(two, 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&user->locked_vm), before);
	rlimit->rlim_cur = old;
	arena_account_close(one);
}

static struct kunit_case account_cases[] = {
	KUNIT_CASE(arena_can_use_its_whole_limit),
	KUNIT_CASE(limit_can_only_be_lowered),
	KUNIT_CASE(locked_memory_is_charged_to_user),
	{ }
};

static struct kunit_suite account_suite = {
	.name = "arena_account",
	.test_cases = account_cases,
};

kunit_test_suite(account_suite);
