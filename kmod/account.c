// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accounts: whom an arena's blocks are charged to.
 *
 * A block is charged from before its arena gets it until nobody can reach it any
 * more: while it is in use, and in quarantine, where somebody else still holds it
 * though the arena may be gone. Hence each arena has an account of its own,
 * which lives as long as the arena and every block charged to it. What an arena
 * keeps after a release (cache.c) is not charged: the system can have it any time.
 *
 * Two limits: the arena's own, which its owner can lower; and RLIMIT_MEMLOCK of
 * the user who opened it, as for all memory that can't be swapped out, but not for
 * who may lock as much as he likes.
 *
 * No locks: both counts are raised by compare-and-exchange, and only if they stay
 * within their limit, so that no number of callers at once can pass it. Who is
 * refused by the second takes his charge of the first back; meanwhile others may
 * be refused what they would have got a moment later, and never the reverse.
 *
 * Nothing here knows of VMAs, or of where blocks come from.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "account.h"
#include "pool.h"

/**
 * struct arena_account - whom an arena's blocks are charged to
 * @users: blocks charged, and one while the arena is open; freed at zero
 * @limit: blocks that may be charged, only ever lowered
 * @user: whose locked memory it is, or NULL if that does not count. Constant.
 */
struct arena_account {
	atomic_long_t users;
	unsigned long limit;
	struct user_struct *user;
};

/* Raise a count by so much if it stays within a limit; false if it does not. */
static bool add_within(atomic_long_t *count, unsigned long nr, unsigned long limit)
{
	long old = atomic_long_read(count);

	do {
		if (nr > limit || old > (long)(limit - nr))
			return false;
	} while (!atomic_long_try_cmpxchg(count, &old, old + nr));
	return true;
}

/**
 * arena_account_create - open an account for an arena
 * @is_memlock: whether RLIMIT_MEMLOCK counts
 *
 * Context: process context of the arena's owner.
 * Return: the account, or NULL if there is no memory
 */
struct arena_account *arena_account_create(bool is_memlock)
{
	struct arena_account *account;

	account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);
	if (!account)
		return NULL;
	atomic_long_set(&account->users, 1);
	account->limit = ARENA_ACCOUNT_UNLIMITED;
	if (is_memlock && !capable(CAP_IPC_LOCK))
		account->user = get_uid(current_user());
	return account;
}

static void drop_users(struct arena_account *account, unsigned long nr)
{
	if (!atomic_long_sub_and_test(nr, &account->users))
		return;
	if (account->user)
		free_uid(account->user);
	kfree(account);
}

/**
 * arena_account_close - the arena is gone, but for blocks that others hold
 * @account: the account; nobody charges it any more
 *
 * Context: any; does not sleep.
 */
void arena_account_close(struct arena_account *account)
{
	drop_users(account, 1);
}

/**
 * arena_account_charge - charge blocks before they are there
 * @account: the account
 * @nr: how many
 *
 * Context: process context of who wants them: it is his limit that counts.
 * Return: 0, or with nothing charged
 * * -EDQUOT if the arena would have more than its limit
 * * -ENOMEM if its user would have more locked than RLIMIT_MEMLOCK
 */
int arena_account_charge(struct arena_account *account, unsigned long nr)
{
	/* One user is the arena. */
	if (!add_within(&account->users, nr, READ_ONCE(account->limit) + 1))
		return -EDQUOT;
	if (account->user &&
	    !add_within(&account->user->locked_vm, nr << ARENA_BLOCK_ORDER,
			rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT)) {
		drop_users(account, nr);
		return -ENOMEM;
	}
	return 0;
}

/**
 * arena_account_uncharge - take a charge back
 * @account: the account
 * @nr: how many blocks nobody holds any more, or did not come
 *
 * Context: any; does not sleep.
 */
void arena_account_uncharge(struct arena_account *account, unsigned long nr)
{
	if (account->user)
		atomic_long_sub(nr << ARENA_BLOCK_ORDER, &account->user->locked_vm);
	drop_users(account, nr);
}

/**
 * arena_account_lower_limit - lower the arena's limit
 * @account: the account
 * @nr: blocks; fewer than are charged is no error: no others are until it is met
 *
 * Context: any; does not sleep.
 * Return: 0, or -EPERM if the limit is lower already
 */
int arena_account_lower_limit(struct arena_account *account, unsigned long nr)
{
	unsigned long old = READ_ONCE(account->limit);

	do {
		if (nr > old)
			return -EPERM;
	} while (!try_cmpxchg(&account->limit, &old, nr));
	return 0;
}

/**
 * arena_account_limit - blocks that may be charged
 * @account: the account
 */
unsigned long arena_account_limit(const struct arena_account *account)
{
	return READ_ONCE(account->limit);
}

/**
 * arena_account_charged - blocks that are charged
 * @account: the account of an arena that is open
 */
unsigned long arena_account_charged(const struct arena_account *account)
{
	return atomic_long_read(&account->users) - 1;
}
