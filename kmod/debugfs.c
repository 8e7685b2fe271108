// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/arena: counters of the module, for administrators and
 * tests.
 *
 *	pool	a header with the names of the columns, one line for each node,
 *		and the number of blocks retired for a memory error. Numbers
 *		are in blocks, except node, extents and the last two columns,
 *		which are in percent. See struct arena_pool_stats, and:
 *
 *		fragmentation	1 - longest extent / free blocks of the pool
 *		share		longest extent / free memory of the node, which
 *				includes the pool's free blocks
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/seq_file.h>

#include "debugfs.h"
#include "pool.h"

static struct dentry *arena_dir;

/* Return part / whole in tenths of a percent, or 0 if @whole is 0. */
static unsigned long permille(unsigned long part, unsigned long whole)
{
	return whole ? part * 1000 / whole : 0;
}

static void show_percent(struct seq_file *seq, unsigned long permille)
{
	seq_printf(seq, " %lu.%lu", permille / 10, permille % 10);
}

static void show_node(struct seq_file *seq, int nid)
{
	struct arena_pool_stats stats;
	unsigned long nr_free;

	arena_pool_stats(nid, &stats);
	nr_free = stats.ready + stats.dirty;
	seq_printf(seq, "%d %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu",
		   nid, stats.in_use, stats.quarantined, stats.ready, stats.dirty,
		   stats.cached, stats.extents, stats.largest, stats.min,
		   stats.max, stats.hits, stats.misses, stats.zeroed,
		   stats.refills, stats.shrunk);
	show_percent(seq, permille(nr_free - stats.largest, nr_free));
	show_percent(seq, permille(stats.largest << ARENA_BLOCK_ORDER,
				   (nr_free << ARENA_BLOCK_ORDER) + stats.system_free));
	seq_putc(seq, '\n');
}

static int pool_show(struct seq_file *seq, void *unused)
{
	int nid;

	seq_puts(seq, "node in_use quarantined ready dirty cached extents largest");
	seq_puts(seq, " min max hits misses zeroed refills shrunk fragmentation share\n");
	for_each_online_node(nid)
		show_node(seq, nid);
	seq_printf(seq, "poisoned %lu\n", arena_pool_poisoned());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pool);

/**
 * arena_debugfs_init - create the files
 *
 * Ignores errors, as is usual for debugfs: the module works without the files.
 */
void arena_debugfs_init(void)
{
	arena_dir = debugfs_create_dir("arena", NULL);
	debugfs_create_file("pool", 0444, arena_dir, NULL, &pool_fops);
}

/**
 * arena_debugfs_exit - remove the files
 *
 * Waits until no reader is left.
 */
void arena_debugfs_exit(void)
{
	debugfs_remove(arena_dir);
}
