/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_ACCOUNT_H
#define ARENA_ACCOUNT_H

#include <linux/mm_types.h>

/* No limit. More blocks than any machine has, but sums do not overflow. */
#define ARENA_ACCOUNT_UNLIMITED	(ULONG_MAX >> 2)

struct arena_account;

struct arena_account *arena_account_create(bool is_memlock);
void arena_account_close(struct arena_account *account);
int arena_account_charge(struct arena_account *account, unsigned long nr);
void arena_account_uncharge(struct arena_account *account, unsigned long nr);
unsigned long arena_account_charge_node(struct arena_account *account, int nid,
					unsigned long nr);
void arena_account_uncharge_node(struct arena_account *account, int nid,
				 unsigned long nr);
int arena_account_lower_limit(struct arena_account *account, unsigned long nr);
unsigned long arena_account_limit(const struct arena_account *account);
unsigned long arena_account_charged(const struct arena_account *account);

int arena_account_init(void);
void arena_account_exit(void);

/*
 * Store the account in the block: a quarantined block can outlive its arena,
 * and must find the account when it is uncharged.
 */
static inline void arena_account_attach(struct folio *folio,
					struct arena_account *account)
{
	folio->private = account;
}

/* Clear a block's account, and return it. */
static inline struct arena_account *arena_account_detach(struct folio *folio)
{
	struct arena_account *account = folio->private;

	folio->private = NULL;
	return account;
}

#endif /* ARENA_ACCOUNT_H */
