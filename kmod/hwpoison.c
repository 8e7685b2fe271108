// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory errors in blocks that are mapped.
 *
 * When the kernel learns of a memory error it marks the page. It would also unmap it, but finds
 * no mappings of a folio without folio->mapping. So this does it: it looks at the kernel's
 * count of each node's errors every two seconds, and when one has changed, unmaps the
 * blocks with marked pages. The fault handler then refuses the marked pages and maps the
 * others one by one. (Blocks that no arena has are looked at when they are taken, see
 * arena_pool_has_error().)
 *
 * Kernels before 6.4 have no such count, and nothing is unmapped there.
 *
 * watch_lock, a spinlock and a leaf, protects the list of all arenas. It is not held while an
 * arena is looked at: that arena is marked, and closing it waits for the mark to go. Inside,
 * the mmap_lock is only tried; then come the locks of region.c.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "hwpoison.h"
#include "region.h"

#define PERIOD	(2 * HZ)

/**
 * struct node_errors - memory errors of a node
 * @seen: how many have been dealt with
 * @now: how many there are, while they are being dealt with
 */
struct node_errors {
	unsigned long seen;
	unsigned long now;
};

/* Of each node that can ever be. Used by the work, which never runs twice at a time. */
static struct node_errors *errors;

/* Protects arenas, look, and of each arena what is named arena.watch. */
static DEFINE_SPINLOCK(watch_lock);
/* Those that were looked at last are at the end. */
static LIST_HEAD(arenas);
/* Which look at all arenas the current one is. */
static unsigned long look;
/* Woken when an arena is no longer being looked at. */
static DECLARE_WAIT_QUEUE_HEAD(left_alone);

static void look_for_errors(struct work_struct *work);
static DECLARE_DELAYED_WORK(watch_work, look_for_errors);

static void schedule_look(void)
{
	queue_delayed_work(system_power_efficient_wq, &watch_work,
			   round_jiffies_relative(PERIOD));
}

/* Nodes with errors that have not been dealt with. */
static void find_nodes(nodemask_t *nodes)
{
	int nid;

	nodes_clear(*nodes);
	for_each_node_state(nid, N_MEMORY) {
		errors[nid].now = nr_memory_errors(nid);
		if (errors[nid].now != errors[nid].seen)
			node_set(nid, *nodes);
	}
}

/* Mark the next arena that this look has not come to, or NULL. */
static struct arena *begin_with_next(void)
{
	struct arena *arena;

	spin_lock(&watch_lock);
	arena = list_first_entry_or_null(&arenas, struct arena, watch.link);
	if (arena && arena->watch.looked_at == look)
		arena = NULL;
	if (arena) {
		arena->watch.looked_at = look;
		arena->watch.is_looked_at = true;
		list_move_tail(&arena->watch.link, &arenas);
	}
	spin_unlock(&watch_lock);
	return arena;
}

static void end_with(struct arena *arena)
{
	spin_lock(&watch_lock);
	arena->watch.is_looked_at = false;
	wake_up_all(&left_alone);
	spin_unlock(&watch_lock);
}

/* False if not all could be looked at. */
static bool look_at_all(const nodemask_t *nodes)
{
	bool is_complete = true;
	struct arena *arena;

	spin_lock(&watch_lock);
	look++;
	spin_unlock(&watch_lock);
	while ((arena = begin_with_next())) {
		is_complete &= arena_region_unmap_errors(arena, nodes);
		end_with(arena);
		cond_resched();
	}
	return is_complete;
}

static void look_for_errors(struct work_struct *work)
{
	nodemask_t nodes;
	int nid;

	find_nodes(&nodes);
	if (!nodes_empty(nodes) && look_at_all(&nodes)) {
		for_each_node_mask(nid, nodes)
			errors[nid].seen = errors[nid].now;
	}
	spin_lock(&watch_lock);
	if (!list_empty(&arenas))
		schedule_look();
	spin_unlock(&watch_lock);
}

/**
 * arena_hwpoison_watch - look for memory errors in the blocks of an arena from now on
 * @arena: the arena
 *
 * Context: process context.
 */
void arena_hwpoison_watch(struct arena *arena)
{
	spin_lock(&watch_lock);
	if (COUNTS_MEMORY_ERRORS && list_empty(&arenas))
		schedule_look();
	arena->watch.looked_at = look;
	list_add_tail(&arena->watch.link, &arenas);
	spin_unlock(&watch_lock);
}

/**
 * arena_hwpoison_forget - stop that, before the arena is closed
 * @arena: the arena
 *
 * Context: process context. Waits while the arena is looked at.
 */
void arena_hwpoison_forget(struct arena *arena)
{
	spin_lock(&watch_lock);
	wait_event_cmd(left_alone, !arena->watch.is_looked_at,
		       spin_unlock(&watch_lock), spin_lock(&watch_lock));
	list_del(&arena->watch.link);
	spin_unlock(&watch_lock);
}

/**
 * arena_hwpoison_init - start with what errors the nodes have had
 *
 * Return: 0 or -ENOMEM
 */
int arena_hwpoison_init(void)
{
	int nid;

	errors = kcalloc(nr_node_ids, sizeof(*errors), GFP_KERNEL);
	if (!errors)
		return -ENOMEM;
	for_each_node_state(nid, N_MEMORY)
		errors[nid].seen = nr_memory_errors(nid);
	return 0;
}

/**
 * arena_hwpoison_exit - end it; no arena is open any more
 */
void arena_hwpoison_exit(void)
{
	cancel_delayed_work_sync(&watch_work);
	kfree(errors);
	errors = NULL;
}
