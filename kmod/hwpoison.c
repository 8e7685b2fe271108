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
 * watch_mutex protects the list of all arenas. It is held while one arena is looked at, and keeps it open for as long; so closing an arena waits for that.
 * It comes before the mmap_lock, which is only tried, and before the locks of region.c.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
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

/* Protects arenas, and of each arena watched and looked_at. */
static DEFINE_MUTEX(watch_mutex);
/* Those that were looked at last are at the end. */
static LIST_HEAD(arenas);
/* Which look at all arenas the current one is. */
static unsigned long look;

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

/* Look at the next arena that this look has not come to; false if there is none. */
static bool look_at_next(const nodemask_t *nodes, bool *is_complete)
{
	struct arena *arena;

	mutex_lock(&watch_mutex);
	arena = list_first_entry_or_null(&arenas, struct arena, watched);
	if (!arena || arena->looked_at == look) {
		mutex_unlock(&watch_mutex);
		return false;
	}
	arena->looked_at = look;
	list_move_tail(&arena->watched, &arenas);
	if (!arena_region_unmap_errors(arena, nodes))
		*is_complete = false;
	mutex_unlock(&watch_mutex);
	return true;
}

/* False if not all could be looked at. */
static bool look_at_all(const nodemask_t *nodes)
{
	bool is_complete = true;

	mutex_lock(&watch_mutex);
	look++;
	mutex_unlock(&watch_mutex);
	while (look_at_next(nodes, &is_complete))
		cond_resched();
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
	mutex_lock(&watch_mutex);
	if (!list_empty(&arenas))
		schedule_look();
	mutex_unlock(&watch_mutex);
}

/**
 * arena_hwpoison_watch - look for memory errors in the blocks of an arena from now on
 * @arena: the arena
 *
 * Context: process context.
 */
void arena_hwpoison_watch(struct arena *arena)
{
	mutex_lock(&watch_mutex);
	if (COUNTS_MEMORY_ERRORS && list_empty(&arenas))
		schedule_look();
	arena->looked_at = look;
	list_add_tail(&arena->watched, &arenas);
	mutex_unlock(&watch_mutex);
}

/**
 * arena_hwpoison_forget - stop that, before the arena is closed
 * @arena: the arena
 *
 * Context: process context. Waits while the arena is looked at.
 */
void arena_hwpoison_forget(struct arena *arena)
{
	mutex_lock(&watch_mutex);
	list_del(&arena->watched);
	mutex_unlock(&watch_mutex);
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
