// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/arena: what the module counts, for people and tests.
 *
 *	pool	a line per node: blocks in use and in quarantine; then how
 *		many blocks came from another node than asked, and how many
 *		were retired for a memory error
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/seq_file.h>

#include "debugfs.h"
#include "pool.h"

static struct dentry *arena_dir;

static int pool_show(struct seq_file *seq, void *unused)
{
	struct arena_pool_stats stats;
	int nid;

	seq_puts(seq, "node in_use quarantined\n");
	for_each_online_node(nid) {
		arena_pool_stats(nid, &stats);
		seq_printf(seq, "%d %lu %lu\n", nid, stats.in_use,
			   stats.quarantined);
	}
	seq_printf(seq, "fallbacks %lu\n", arena_pool_fallbacks());
	seq_printf(seq, "poisoned %lu\n", arena_pool_poisoned());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pool);

/**
 * arena_debugfs_init - create the files
 *
 * Failure is not an error, as ever with debugfs: the module works without.
 */
void arena_debugfs_init(void)
{
	arena_dir = debugfs_create_dir("arena", NULL);
	debugfs_create_file("pool", 0444, arena_dir, NULL, &pool_fops);
}

/**
 * arena_debugfs_exit - remove the files; waits until nobody reads them
 */
void arena_debugfs_exit(void)
{
	debugfs_remove(arena_dir);
}
