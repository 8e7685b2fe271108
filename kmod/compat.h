/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compatibility: every difference between the kernels that the module supports.
 * The rest of kmod/ is written for the newest one.
 */
#ifndef ARENA_COMPAT_H
#define ARENA_COMPAT_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mmzone.h>
#include <linux/printk.h>
#include <linux/sched/isolation.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
/* These kernels have no VMA locks. */
static inline void vma_start_write(struct vm_area_struct *vma)
{
}
#endif

/* Parameters of vm_operations_struct.get_policy. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define GET_POLICY_PARAMETERS \
	struct vm_area_struct *vma, unsigned long addr
#else
#define GET_POLICY_PARAMETERS \
	struct vm_area_struct *vma, unsigned long addr, pgoff_t *ilx
#endif

/*
 * mremap() reads the type of a PMD entry before it takes the PMD lock. Older
 * kernels do not recheck the type under the lock. If unmap_mapping_range()
 * unmaps a huge page in between, they move a page table that does not exist,
 * and use physical page 0 as one. (CVE-2024-50066, fixed in 6.6.57, 6.11.4 and
 * 6.12, but not in 6.1.) On those kernels a caller that unmaps blocks excludes
 * mremap() by holding the owner's mmap_lock for reading. That does not cover
 * mappings of a frozen arena in other address spaces, but those are only
 * unmapped for memory errors, on kernels from 6.4 on.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 4) || \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 57) && \
	 LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0))
#define MREMAP_RECHECKS_PMD	1
#else
#define MREMAP_RECHECKS_PMD	0
#endif

static inline int exclude_mremap_killable(struct mm_struct *mm)
{
	return MREMAP_RECHECKS_PMD ? 0 : mmap_read_lock_killable(mm);
}

static inline bool try_exclude_mremap(struct mm_struct *mm)
{
	return MREMAP_RECHECKS_PMD || mmap_read_trylock(mm);
}

static inline void allow_mremap(struct mm_struct *mm)
{
	if (!MREMAP_RECHECKS_PMD)
		mmap_read_unlock(mm);
}

/*
 * Return the number of memory errors of a node since boot. Kernels before 6.4
 * do not count them for each node; there any block may have one, so return 1.
 */
#if !defined(CONFIG_MEMORY_FAILURE)
#define COUNTS_MEMORY_ERRORS	0
static inline unsigned long nr_memory_errors(int nid)
{
	return 0;
}
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define COUNTS_MEMORY_ERRORS	0
static inline unsigned long nr_memory_errors(int nid)
{
	return 1;
}
#else
#define COUNTS_MEMORY_ERRORS	1
static inline unsigned long nr_memory_errors(int nid)
{
	return READ_ONCE(NODE_DATA(nid)->mf_stats.total);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline void mm_account_reclaimed_pages(unsigned long pages)
{
	if (current->reclaim_state)
		current->reclaim_state->reclaimed_slab += pages;
}
#endif

/* Stubs for kernels without the dmem cgroup controller. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
struct dmem_cgroup_region;
struct dmem_cgroup_pool_state;

static inline __printf(2, 3) struct dmem_cgroup_region *
dmem_cgroup_register_region(u64 size, const char *name, ...)
{
	return NULL;
}

static inline void dmem_cgroup_unregister_region(struct dmem_cgroup_region *region)
{
}

static inline int dmem_cgroup_try_charge(struct dmem_cgroup_region *region, u64 size,
					 struct dmem_cgroup_pool_state **pool,
					 struct dmem_cgroup_pool_state **limit_pool)
{
	return 0;
}

static inline void dmem_cgroup_uncharge(struct dmem_cgroup_pool_state *pool,
					u64 size)
{
}
#else
#include <linux/cgroup_dmem.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
struct dmem_cgroup_init {
	u64 size;
};

#define dmem_cgroup_register_region(init, ...) \
	dmem_cgroup_register_region((init)->size, __VA_ARGS__)
#endif

/*
 * Restrict a thread that was created for a node to the CPUs of the node, or to
 * any CPU if the node has none; never to isolated CPUs. Newer kernels do this
 * by themselves. Call this before the thread is woken for the first time.
 */
static inline void prefer_cpus_of_node(struct task_struct *thread, int nid)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
	const struct cpumask *allowed = housekeeping_cpumask(HK_TYPE_DOMAIN);
	cpumask_var_t cpus;

	if (!zalloc_cpumask_var(&cpus, GFP_KERNEL))
		return;
	cpumask_and(cpus, allowed, housekeeping_cpumask(HK_TYPE_KTHREAD));
	if (cpumask_intersects(cpus, cpu_online_mask))
		set_cpus_allowed_ptr(thread, cpus);
	cpumask_and(cpus, cpus, cpumask_of_node(nid));
	if (cpumask_intersects(cpus, cpu_online_mask))
		set_cpus_allowed_ptr(thread, cpus);
	free_cpumask_var(cpus);
#endif
}

/*
 * Return the number of VMAs that map a file, provided that the file is open for
 * writing and can only be mapped shared.
 */
static inline int nr_mappings(struct address_space *mapping)
{
	return atomic_read(&mapping->i_mmap_writable);
}

typedef unsigned long (*shrinker_fn)(struct shrinker *shrinker,
				     struct shrink_control *sc);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *shrinker_alloc(unsigned int flags, const char *name)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker)
		shrinker->flags = flags;
	return shrinker;
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#endif

/*
 * Allocate and register a NUMA-aware shrinker. Returns NULL on failure.
 * shrinker_free() unregisters and frees it.
 */
static inline struct shrinker *new_node_shrinker(const char *name,
						 shrinker_fn count,
						 shrinker_fn scan, int seeks,
						 long batch)
{
	struct shrinker *shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, name);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = seeks;
	shrinker->batch = batch;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
#else
	shrinker_register(shrinker);
#endif
	return shrinker;
}

#endif /* ARENA_COMPAT_H */
