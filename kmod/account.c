// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accounts: whom an arena's blocks are charged to.
 *
 * A block is charged from before its arena gets it until nobody can reach it any
 * more: while it is in use, and in quarantine, where somebody else still holds it
 * though the arena may be gone. Hence each arena has an account of its own,
 * which lives as long as the arena and every block charged to it. What an arena
 * keeps after a release (cache.c) stays charged.
 *
 * Three limits: the arena's own, which its owner can lower; RLIMIT_MEMLOCK of
 * the user who opened it, as for all memory that can't be swapped out, but not for
 * who may lock as much as he likes; and, on kernels that have it, the device memory
 * (dmem) that the cgroup of who commits may have of each node.
 *
 * The first two need no locks: both counts are raised by compare-and-exchange, and
 * only if they stay within their limit, so that no number of callers at once can pass it. Who is
 * refused by the second takes his charge of the first back; meanwhile others may
 * be refused what they would have got a moment later, and never the reverse.
 *
 * A charge of a cgroup says which cgroup it was, and that may differ from block to
 * block. Which block was whose does not matter, so the account has how many of a node
 * each cgroup was charged for, and uncharges any of them. account.lock protects that. Each
 * block is charged by a call of its own: a charge holds one reference to the cgroup, which
 * the uncharge drops, so that blocks charged together could not be uncharged one by one.
 *
 * Nothing here knows of VMAs, or of where blocks come from.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "account.h"
#include "compat.h"
#include "pool.h"

/**
 * struct dmem_charge - what a cgroup was charged for
 * @link: in account.dmem_charges
 * @pool: the cgroup's share of the node's region; each charge holds it
 * @nid: the node
 * @nr: blocks, at least one
 */
struct dmem_charge {
	struct list_head link;
	struct dmem_cgroup_pool_state *pool;
	int nid;
	unsigned long nr;
};

/* One for each node, or NULL; NULL without the controller. Constant after init. */
static struct dmem_cgroup_region **dmem_regions;

/**
 * struct arena_account - whom an arena's blocks are charged to
 * @users: blocks charged, and one while the arena is open; freed at zero
 * @limit: blocks that may be charged, only ever lowered
 * @cred: credentials of the user whose locked memory it is, or NULL if that does not
 *	count. Constant. (They hold the user_struct; free_uid(), to hold that alone, is not
 *	exported by Debian's 6.1 before 6.1.187.)
 * @lock: protects @dmem_charges
 * @dmem_charges: what cgroups were charged for
 */
struct arena_account {
	atomic_long_t users;
	unsigned long limit;
	const struct cred *cred;
	/* protects dmem_charges */
	spinlock_t lock;
	struct list_head dmem_charges;
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
	spin_lock_init(&account->lock);
	INIT_LIST_HEAD(&account->dmem_charges);
	if (is_memlock && !capable(CAP_IPC_LOCK))
		account->cred = get_current_cred();
	return account;
}

static void drop_users(struct arena_account *account, unsigned long nr)
{
	if (!atomic_long_sub_and_test(nr, &account->users))
		return;
	put_cred(account->cred);
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
	if (account->cred &&
	    !add_within(&account->cred->user->locked_vm, nr << ARENA_BLOCK_ORDER,
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
	if (!nr)
		return;
	if (account->cred)
		atomic_long_sub(nr << ARENA_BLOCK_ORDER, &account->cred->user->locked_vm);
	drop_users(account, nr);
}

static struct dmem_charge *find_dmem_locked(struct arena_account *account,
					    struct dmem_cgroup_pool_state *pool)
{
	struct dmem_charge *charge;

	list_for_each_entry(charge, &account->dmem_charges, link) {
		if (charge->pool == pool)
			return charge;
	}
	return NULL;
}

/* Remember that a cgroup was charged for a block. */
static int note_dmem(struct arena_account *account, int nid,
		     struct dmem_cgroup_pool_state *pool)
{
	struct dmem_charge *charge, *fresh = NULL;

	do {
		spin_lock(&account->lock);
		charge = find_dmem_locked(account, pool);
		if (!charge && fresh) {
			list_add(&fresh->link, &account->dmem_charges);
			charge = fresh;
			fresh = NULL;
		}
		if (charge)
			charge->nr++;
		spin_unlock(&account->lock);
		if (charge)
			break;
		fresh = kmalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
		if (fresh)
			*fresh = (struct dmem_charge) { .pool = pool, .nid = nid };
	} while (fresh);
	kfree(fresh);
	return charge ? 0 : -ENOMEM;
}

/* Whom to uncharge for a block of a node, or NULL. */
static struct dmem_cgroup_pool_state *forget_dmem(struct arena_account *account,
						  int nid)
{
	struct dmem_cgroup_pool_state *pool = NULL;
	struct dmem_charge *charge, *ended = NULL;

	spin_lock(&account->lock);
	list_for_each_entry(charge, &account->dmem_charges, link) {
		if (charge->nid != nid)
			continue;
		pool = charge->pool;
		if (!--charge->nr) {
			list_del(&charge->link);
			ended = charge;
		}
		break;
	}
	spin_unlock(&account->lock);
	kfree(ended);
	return pool;
}

/**
 * arena_account_charge_node - charge the caller's cgroup for blocks of a node
 * @account: the account
 * @nid: the node
 * @nr: how many
 *
 * Context: process context of who wants them; may sleep.
 * Return: how many it may have
 */
unsigned long arena_account_charge_node(struct arena_account *account, int nid,
					unsigned long nr)
{
	struct dmem_cgroup_pool_state *pool;
	unsigned long done;

	if (!dmem_regions || !dmem_regions[nid])
		return nr;
	for (done = 0; done < nr; done++) {
		pool = NULL;
		if (dmem_cgroup_try_charge(dmem_regions[nid], ARENA_BLOCK_SIZE,
					   &pool, NULL))
			break;
		if (pool && note_dmem(account, nid, pool)) {
			dmem_cgroup_uncharge(pool, ARENA_BLOCK_SIZE);
			break;
		}
	}
	return done;
}

/**
 * arena_account_uncharge_node - take such a charge back
 * @account: the account, which is not uncharged otherwise yet
 * @nid: the node
 * @nr: how many of its blocks nobody holds any more, or did not come
 *
 * Context: any that may be preempted; does not sleep.
 */
void arena_account_uncharge_node(struct arena_account *account, int nid,
				 unsigned long nr)
{
	struct dmem_cgroup_pool_state *pool;

	if (!dmem_regions)
		return;
	while (nr-- && (pool = forget_dmem(account, nid)))
		dmem_cgroup_uncharge(pool, ARENA_BLOCK_SIZE);
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

/**
 * arena_account_init - tell the kernel of what can be charged to cgroups
 *
 * A region for each node that has memory now, called "arena/node0" and so on.
 *
 * Return: 0 or -ENOMEM
 */
int arena_account_init(void)
{
	struct dmem_cgroup_init region_init = { };
	struct dmem_cgroup_region *region;
	int nid;

	if (!IS_ENABLED(CONFIG_CGROUP_DMEM))
		return 0;
	dmem_regions = kcalloc(nr_node_ids, sizeof(*dmem_regions), GFP_KERNEL);
	if (!dmem_regions)
		return -ENOMEM;
	for_each_node_state(nid, N_MEMORY) {
		region_init.size = (u64)node_present_pages(nid) << PAGE_SHIFT;
		region = dmem_cgroup_register_region(&region_init, "arena/node%d", nid);
		if (IS_ERR(region)) {
			arena_account_exit();
			return PTR_ERR(region);
		}
		dmem_regions[nid] = region;
	}
	return 0;
}

/**
 * arena_account_exit - nothing is charged any more
 */
void arena_account_exit(void)
{
	int nid;

	if (!dmem_regions)
		return;
	for_each_node(nid) {
		if (dmem_regions[nid])
			dmem_cgroup_unregister_region(dmem_regions[nid]);
	}
	kfree(dmem_regions);
	dmem_regions = NULL;
}
