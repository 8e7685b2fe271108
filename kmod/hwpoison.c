// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmap blocks that have memory errors.
 *
 * When the kernel learns of a memory error, it marks the page as poisoned. It would also unmap
 * the page, but finds no mappings of a folio without folio->mapping. Therefore this file
 * checks the kernel's error counter of each node every two seconds. When a counter has
 * changed, the blocks that contain poisoned pages are unmapped. The fault handler then refuses
 * the poisoned pages and maps the others one by one. (Blocks that belong to no arena are
 * checked when they are taken, see arena_pool_has_error().)
 *
 * Kernels before 6.4 have no such counters. Nothing is unmapped there.
 *
 * watch_lock, a spinlock and a leaf, protects the list of all arenas. It is not held while an
 * arena is being checked: the arena is marked, and closing it waits until the mark is cleared.
 * During the check, the mmap_lock is taken only by trylock, followed by the locks of region.c.
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
 * struct node_errors - number of memory errors of a node
 * @seen: errors whose blocks have been unmapped
 * @now: errors at the start of the current check
 */
struct node_errors {
	unsigned long seen;
	unsigned long now;
};

/* Indexed by node; covers all possible nodes. Used only by watch_work, after init. */
static struct node_errors *errors;

/* Protects arenas, look and arena.watch of each arena. */
static DEFINE_SPINLOCK(watch_lock);
/* All arenas, the most recently checked ones at the end. */
static LIST_HEAD(arenas);
/* The number of the current check of all arenas. */
static unsigned long look;
/* Woken when the check of an arena has ended. */
static DECLARE_WAIT_QUEUE_HEAD(left_alone);

static void look_for_errors(struct work_struct *work);
static DECLARE_DELAYED_WORK(watch_work, look_for_errors);

static void schedule_look(void)
{
	queue_delayed_work(system_power_efficient_wq, &watch_work,
			   round_jiffies_relative(PERIOD));
}

/* Find the nodes with errors that have not been handled. */
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

/* Mark and return the next arena of the current check; NULL after the last one. */
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

/* Check all arenas; false if some could not be checked. */
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
 * arena_hwpoison_watch - start checking the blocks of an arena for memory errors
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
 * arena_hwpoison_forget - stop checking an arena, before it is closed
 * @arena: the arena
 *
 * Context: process context. Waits while the arena is being checked.
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
 * arena_hwpoison_init - record the memory errors that the nodes have had so far
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
 * arena_hwpoison_exit - stop the periodic check, after all arenas have been closed
 */
void arena_hwpoison_exit(void)
{
	cancel_delayed_work_sync(&watch_work);
	kfree(errors);
	errors = NULL;
}
