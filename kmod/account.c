// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accounts: count the blocks of each arena against limits.
 *
 * A block is charged before its arena gets it, and stays charged until it has
 * no references: while it is in use, and while it is quarantined because a page
 * of it is still pinned. A pin may outlive the arena. Hence each arena has its
 * own account, which lives as long as the arena and every block charged to it.
 * Blocks in the arena's cache (cache.c) stay charged.
 *
 * A charge counts against three limits:
 *
 *  - the arena's own limit, which its owner can lower;
 *  - RLIMIT_MEMLOCK of the committing thread, as for all memory that can't be
 *    swapped out: the blocks count as locked memory of the user who opened the
 *    arena, unless the opener had CAP_IPC_LOCK or the memlock parameter is off;
 *  - on kernels with the dmem cgroup controller, the limit of the committing
 *    thread's cgroup for device memory of each node.
 *
 * The first two need no locks. Each count is raised by compare-and-exchange,
 * and only if it stays within its limit. So concurrent callers, however many,
 * can't exceed the limit. A caller that the second limit refuses takes back its
 * charge against the first one. Before it does, another charge may be refused
 * that would succeed a moment later. The reverse can't happen.
 *
 * Different blocks of an arena may be charged to different cgroups. A block
 * does not record its cgroup. Instead the account counts, for each cgroup and
 * node, the blocks charged. When a block is uncharged, any cgroup that has a
 * block of the node charged is picked. account.lock protects these counts. Each
 * block is charged by a separate call: a charge holds one reference to the
 * cgroup, which the uncharge drops, so blocks charged together could not be
 * uncharged one by one.
 *
 * This file knows nothing of VMAs, nor of where blocks come from.
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
 * struct dmem_charge - blocks of a node that are charged to a cgroup
 * @link: entry in account.dmem_charges
 * @pool: the cgroup's state for the node's dmem region; each block charged
 *	holds a reference
 * @nid: the node
 * @nr: number of blocks, at least one
 */
struct dmem_charge {
	struct list_head link;
	struct dmem_cgroup_pool_state *pool;
	int nid;
	unsigned long nr;
};

/*
 * The dmem region of each node, NULL for a node without memory. The array is
 * NULL if the kernel has no dmem controller. Constant after init.
 */
static struct dmem_cgroup_region **dmem_regions;

/**
 * struct arena_account - account of an arena
 * @users: number of blocks charged, plus one while the arena is open. The
 *	account is freed when it drops to zero.
 * @limit: maximum number of blocks charged; it is only ever lowered
 * @cred: credentials of the user whose locked memory the blocks count as, or
 *	NULL if they do not count. Constant. (The credentials hold the
 *	user_struct. To hold it alone takes free_uid(), which Debian's 6.1 does
 *	not export before 6.1.187.)
 * @lock: protects @dmem_charges
 * @dmem_charges: list of the charges of cgroups
 */
struct arena_account {
	atomic_long_t users;
	unsigned long limit;
	const struct cred *cred;
	/* protects dmem_charges */
	spinlock_t lock;
	struct list_head dmem_charges;
};

/* Raise a count by @nr if it stays within a limit. Returns false otherwise. */
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
 * arena_account_create - create the account of an arena
 * @is_memlock: apply RLIMIT_MEMLOCK, unless the caller has CAP_IPC_LOCK
 *
 * Context: process context of the arena's owner; may sleep.
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
 * arena_account_close - drop the arena's own reference to its account
 * @account: the account, which is not charged any more
 *
 * The account lives on until its last block, which may be in quarantine, is
 * uncharged.
 *
 * Context: any; does not sleep.
 */
void arena_account_close(struct arena_account *account)
{
	drop_users(account, 1);
}

/**
 * arena_account_charge - charge blocks before they are allocated
 * @account: the account
 * @nr: number of blocks
 *
 * Context: process context of the committing thread, whose RLIMIT_MEMLOCK
 * applies; does not sleep.
 * Return: 0, or with nothing charged
 * * -EDQUOT if the arena's limit would be exceeded
 * * -ENOMEM if the user's locked memory would exceed RLIMIT_MEMLOCK
 */
int arena_account_charge(struct arena_account *account, unsigned long nr)
{
	/* The arena itself is one user. */
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
 * arena_account_uncharge - uncharge blocks
 * @account: the account
 * @nr: number of blocks that have no references any more, or were not allocated
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

/* Record that a cgroup was charged for a block. */
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

/*
 * Remove the record of one block of a node. Returns the cgroup state to
 * uncharge, or NULL if no block of the node is recorded.
 */
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
 * arena_account_charge_node - charge blocks of a node to the caller's cgroup
 * @account: the account
 * @nid: the node
 * @nr: number of blocks
 *
 * Context: process context of the committing thread; may sleep.
 * Return: number of blocks charged: fewer than @nr if the cgroup's limit is
 * reached, or there is no memory for the record
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
 * arena_account_uncharge_node - uncharge blocks of a node from their cgroups
 * @account: the account; for these blocks arena_account_uncharge(), which may
 *	free it, has not been called yet
 * @nid: the node
 * @nr: number of its blocks that have no references any more, or were not
 *	allocated
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
 * @nr: new limit in blocks. It may be lower than the number of blocks charged:
 *	then no block can be charged until enough have been uncharged.
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
 * arena_account_limit - return the maximum number of blocks charged
 * @account: the account
 */
unsigned long arena_account_limit(const struct arena_account *account)
{
	return READ_ONCE(account->limit);
}

/**
 * arena_account_charged - return the number of blocks charged
 * @account: account of an open arena
 */
unsigned long arena_account_charged(const struct arena_account *account)
{
	return atomic_long_read(&account->users) - 1;
}

/**
 * arena_account_init - register the nodes' memory with the dmem controller
 *
 * Registers a region "arena/node0" etc. for each node that has memory now. Does
 * nothing if the kernel has no dmem controller.
 *
 * Context: module init; may sleep.
 * Return: 0, or -ENOMEM
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
 * arena_account_exit - unregister the regions
 *
 * Context: module init or exit; no block is charged.
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
