// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/arena: the device file, its ioctls, and the module.
 *
 * Each open creates an arena, which lives as long as the file. Descriptors and
 * VMAs hold the file, and the file holds the module. An arena belongs to the
 * address space that opened it, and loses its blocks when that ends (owner.c).
 * A descriptor that another process gets, by fork, exec or a socket, is of no
 * use to it before the arena is frozen.
 *
 * Every arena has its own anonymous inode, on a pseudo filesystem that is
 * mounted while the module is loaded. So the VMAs of an arena can be found and
 * unmapped without walking those of other arenas.
 *
 * Locking: arena->mm, inode and account are set at open and constant until
 * release. The ioctl handlers read other fields without a lock, and change them
 * through functions of other files, which lock. One exception:
 * arena_ioc_set_policy() itself writes arena->policy, under arena->sem, which
 * arena_region_begin_change() locks for writing. The kernel serializes writes
 * to module parameters by kernel_param_lock().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/nodemask.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/arena.h>

#include "account.h"
#include "cache.h"
#include "debugfs.h"
#include "hwpoison.h"
#include "idle.h"
#include "owner.h"
#include "policy.h"
#include "pool.h"
#include "reclaim.h"
#include "region.h"

#define ARENA_FS_MAGIC	0x6172656e	/* "aren" */

/* Sizes of the structures in ABI 1: the minimum that a caller can pass. */
#define ARENA_IOC_INFO_SIZE_1		40
#define ARENA_IOC_RELEASE_SIZE_1	16
#define ARENA_IOC_STATS_SIZE_1		72

static_assert(sizeof(struct arena_ioc_info) == ARENA_IOC_INFO_SIZE_1);
static_assert(offsetofend(struct arena_ioc_release, blocks) == ARENA_IOC_RELEASE_SIZE_1);

static_assert(sizeof(struct arena_ioc_set_policy) == 24);
static_assert(sizeof(struct arena_ioc_set_flags) == 16);
static_assert(sizeof(struct arena_ioc_commit) == 32);
static_assert(sizeof(struct arena_ioc_region_info) == 72);
static_assert(offsetofend(struct arena_ioc_stats, released) == ARENA_IOC_STATS_SIZE_1);
static_assert(sizeof(struct arena_ioc_set_limit) == 16);
static_assert(sizeof(struct arena_ioc_claim) == 24);
static_assert(sizeof(struct arena_ioc_freeze) == 8);

/* Maximum length of a caller's node mask, in bits. */
#define MASK_BITS_MAX	65536

static struct vfsmount *arena_mount;

/* --- parameters ----------------------------------------------------------- */

/* Bytes per node; ULONG_MAX stands for "auto", i.e. not set. */
static unsigned long reserve_bytes, min_bytes = ULONG_MAX, max_bytes = ULONG_MAX;
static unsigned long limit_bytes = ULONG_MAX;

static unsigned long to_blocks(unsigned long bytes)
{
	return bytes == ULONG_MAX ? ARENA_POOL_AUTO :
		DIV_ROUND_UP_ULL(bytes, ARENA_BLOCK_SIZE);
}

static unsigned long to_kib(unsigned long blocks)
{
	return blocks << (ARENA_BLOCK_SHIFT - 10);
}

static void apply_watermarks(void)
{
	arena_pool_set_watermarks(to_blocks(reserve_bytes), to_blocks(min_bytes),
				  to_blocks(max_bytes));
	arena_reclaim_trim();
}

static int set_size(const char *value, const struct kernel_param *param)
{
	static const char suffixes[] = "KMGT";
	char buffer[24], *digits, *last;
	unsigned int shift = 0;
	const char *suffix;
	u64 bytes;
	int err;

	/* Not memparse(): it wraps on overflow instead of failing. */
	if (strscpy(buffer, value, sizeof(buffer)) < 0)
		return -EINVAL;
	digits = strim(buffer);
	if (!*digits)
		return -EINVAL;
	last = digits + strlen(digits) - 1;
	suffix = strchr(suffixes, toupper(*last));
	if (suffix) {
		shift = 10 * (suffix - suffixes + 1);
		*last = '\0';
	}
	err = kstrtou64(digits, 0, &bytes);
	if (err)
		return err;
	if (bytes > ((u64)totalram_pages() << PAGE_SHIFT) >> shift)
		return -ERANGE;
	bytes <<= shift;
	*(unsigned long *)param->arg = bytes;
	if (param->arg != &limit_bytes && min_bytes != ULONG_MAX && min_bytes > max_bytes)
		pr_warn_ratelimited("min exceeds max: nodes keep max ready\n");
	apply_watermarks();
	return 0;
}

static int set_watermark(const char *value, const struct kernel_param *param)
{
	if (!sysfs_streq(value, "auto"))
		return set_size(value, param);
	*(unsigned long *)param->arg = ULONG_MAX;
	apply_watermarks();
	return 0;
}

static int get_size(char *buffer, const struct kernel_param *param)
{
	unsigned long bytes = *(unsigned long *)param->arg;

	if (bytes == ULONG_MAX)
		return sysfs_emit(buffer, "auto\n");
	return sysfs_emit(buffer, "%lu\n", bytes);
}

static const struct kernel_param_ops size_ops = {
	.set = set_size,
	.get = get_size,
};

static const struct kernel_param_ops watermark_ops = {
	.set = set_watermark,
	.get = get_size,
};

module_param_cb(reserve, &size_ops, &reserve_bytes, 0444);
MODULE_PARM_DESC(reserve, "memory that each node's pool takes at load, e.g. 512M (default: 0)");
module_param_cb(min, &watermark_ops, &min_bytes, 0644);
MODULE_PARM_DESC(min, "memory that each node keeps ready (default: the reserve, or up to 64M if that is more)");
module_param_cb(max, &watermark_ops, &max_bytes, 0644);
MODULE_PARM_DESC(max, "memory that each node keeps at most (default: reserve or min, whichever is more, plus an eighth of the node)");

static int set_limit(const char *value, const struct kernel_param *param)
{
	int err = set_watermark(value, param);

	if (!err)
		arena_pool_set_limit(limit_bytes == ULONG_MAX ? ARENA_POOL_UNLIMITED :
				     to_blocks(limit_bytes));
	return err;
}

static const struct kernel_param_ops limit_ops = {
	.set = set_limit,
	.get = get_size,
};

module_param_cb(limit, &limit_ops, &limit_bytes, 0644);
MODULE_PARM_DESC(limit, "memory that arenas may use on each node (default: all)");

static bool memlock = true;
module_param(memlock, bool, 0644);
MODULE_PARM_DESC(memlock, "charge blocks as locked memory to the user who opens the device (default: Y)");

static bool memcg;
module_param(memcg, bool, 0444);
MODULE_PARM_DESC(memcg, "charge blocks to memory cgroups, and keep no pools (default: N)");

/* --- the file -------------------------------------------------------------- */

static int arena_fs_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, ARENA_FS_MAGIC) ? 0 : -ENOMEM;
}

/*
 * No .owner, since the module's own mount would then pin the module. The
 * filesystem is not registered, so only the module can mount it, and it
 * unmounts it at exit.
 */
static struct file_system_type arena_fs_type = {
	.name = "arena",
	.init_fs_context = arena_fs_init_context,
	.kill_sb = kill_anon_super,
};

static int arena_open(struct inode *inode, struct file *file)
{
	struct arena *arena;
	int err;

	/* A kernel thread has no address space that could own an arena. */
	if (!current->mm)
		return -EINVAL;

	arena = kzalloc(sizeof(*arena), GFP_KERNEL_ACCOUNT);
	if (!arena)
		return -ENOMEM;

	arena->inode = alloc_anon_inode(arena_mount->mnt_sb);
	if (IS_ERR(arena->inode)) {
		err = PTR_ERR(arena->inode);
		goto free_arena;
	}
	/* The core mm maps no PMD beyond the size of the mapping's inode. */
	i_size_write(arena->inode, MAX_LFS_FILESIZE);

	arena->account = arena_account_create(READ_ONCE(memlock));
	if (!arena->account) {
		err = -ENOMEM;
		goto put_inode;
	}
	arena->mm = current->mm;
	err = arena_region_init(arena);
	if (err)
		goto close_account;
	mmgrab(arena->mm);
	arena_hwpoison_watch(arena);

	file->f_mapping = arena->inode->i_mapping;
	file->private_data = arena;
	return nonseekable_open(inode, file);

close_account:
	arena_account_close(arena->account);
put_inode:
	iput(arena->inode);
free_arena:
	kfree(arena);
	return err;
}

static int arena_release(struct inode *inode, struct file *file)
{
	struct arena *arena = file->private_data;

	arena_hwpoison_forget(arena);
	arena_idle_destroy(arena);
	arena_owner_leave(arena);
	arena_region_destroy(arena);
	mmdrop(arena->mm);
	iput(arena->inode);
	kfree(arena);
	return 0;
}

static int arena_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct arena *arena = file->private_data;
	bool is_control = arena_idle_is_control(vma);
	bool is_owner = vma->vm_mm == arena->mm;
	int err;

	if (!is_owner && (is_control || !arena_region_is_frozen(arena)))
		return -EPERM;
	if (is_control)
		return arena_idle_mmap(arena, vma);
	err = is_owner ? arena_owner_join_locked(arena) : 0;
	return err ?: arena_region_mmap(arena, vma);
}

/*
 * Copy the structure of an ioctl from the caller, following the rules at the
 * top of the uapi header. Returns the number of bytes that put_args() may write
 * back.
 */
static int get_args(void *args, size_t size, size_t min_size,
		    const void __user *uargs)
{
	u32 usize;
	int err;

	if (get_user(usize, (const u32 __user *)uargs))
		return -EFAULT;
	if (usize < min_size)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(args, size, uargs, usize);
	if (err)
		return err;
	/* Another thread may have changed the size since: use the first value. */
	return min_t(size_t, size, usize);
}

static int put_args(void __user *uargs, const void *args, size_t size)
{
	return copy_to_user(uargs, args, size) ? -EFAULT : 0;
}

static long arena_ioc_info(struct arena *arena, void __user *uargs)
{
	struct arena_ioc_info info;
	int size;

	size = get_args(&info, sizeof(info), ARENA_IOC_INFO_SIZE_1, uargs);
	if (size < 0)
		return size;
	if (info.flags || info.reserved)
		return -EINVAL;

	info.size = size;
	info.abi_version = ARENA_ABI_VERSION;
	info.features = ARENA_FEATURE_COMMIT | ARENA_FEATURE_RELEASE |
			ARENA_FEATURE_RESERVE | ARENA_FEATURE_RELEASE_RANGE |
			ARENA_FEATURE_POLICY | ARENA_FEATURE_KEEP_DIRTY |
			ARENA_FEATURE_COMMIT_RANGE | ARENA_FEATURE_REGION_INFO |
			ARENA_FEATURE_STATS | ARENA_FEATURE_LIMIT |
			ARENA_FEATURE_SEAL | ARENA_FEATURE_NODUMP |
			ARENA_FEATURE_IDLE | ARENA_FEATURE_FREEZE;
	info.block_size = ARENA_BLOCK_SIZE;
	info.blocks = READ_ONCE(arena->nr_blocks);
	return put_args(uargs, &info, size);
}

static long arena_ioc_release(struct arena *arena, void __user *uargs)
{
	u64 length = ALIGN_DOWN(MAX_LFS_FILESIZE, ARENA_BLOCK_SIZE);
	struct arena_ioc_release release;
	unsigned long blocks;
	int size, err;

	size = get_args(&release, sizeof(release), ARENA_IOC_RELEASE_SIZE_1,
			uargs);
	if (size < 0)
		return size;
	if (release.flags & ~(ARENA_RELEASE_RANGE | ARENA_RELEASE_SEAL))
		return -EINVAL;
	if (release.flags & ARENA_RELEASE_RANGE)
		length = release.length;
	else if (release.offset || release.length)
		return -EINVAL;

	err = arena_region_release(arena, release.offset, length,
				   release.flags & ARENA_RELEASE_SEAL, &blocks);
	if (err)
		return err;
	release.size = size;
	release.blocks = blocks;
	return put_args(uargs, &release, size);
}

/*
 * Read a caller's node mask. Returns -ENODEV if it has a node number that this
 * kernel does not support.
 */
static int get_nodes(nodemask_t *nodes, u64 address, u32 nr_nodes)
{
	const u64 __user *words = u64_to_user_ptr(address);
	u64 word = 0;
	u32 i;

	nodes_clear(*nodes);
	if (nr_nodes > MASK_BITS_MAX)
		return -EINVAL;
	for (i = 0; i < nr_nodes; i++) {
		if (i % 64 == 0 && get_user(word, &words[i / 64]))
			return -EFAULT;
		if (!(word & BIT_ULL(i % 64)))
			continue;
		if (i >= MAX_NUMNODES)
			return -ENODEV;
		node_set(i, *nodes);
	}
	return 0;
}

static long arena_ioc_set_policy(struct arena *arena, void __user *uargs)
{
	struct arena_ioc_set_policy args;
	struct arena_policy policy;
	nodemask_t nodes;
	int size, err;

	size = get_args(&args, sizeof(args), sizeof(args), uargs);
	if (size < 0)
		return size;
	if (args.flags & ~ARENA_POLICY_STRICT)
		return -EINVAL;
	if (args.mode == ARENA_POLICY_LOCAL && (args.nr_nodes || args.nodes))
		return -EINVAL;
	err = get_nodes(&nodes, args.nodes, args.nr_nodes);
	if (err)
		return err;
	err = arena_policy_set(&policy, args.mode, args.flags & ARENA_POLICY_STRICT,
			       &nodes);
	if (err)
		return err;
	err = arena_region_begin_change(arena);
	if (err)
		return err;
	arena->policy = policy;
	up_write(&arena->sem);
	return put_args(uargs, &(u32){ size }, sizeof(u32));
}

static long arena_ioc_set_flags(struct arena *arena, void __user *uargs)
{
	struct arena_ioc_set_flags args;
	int size, err;

	size = get_args(&args, sizeof(args), sizeof(args), uargs);
	if (size < 0)
		return size;
	if (args.flags)
		return -EINVAL;
	err = arena_region_set_flags(arena, args.arena_flags);
	if (err)
		return err;
	return put_args(uargs, &(u32){ size }, sizeof(u32));
}

static long arena_ioc_commit(struct arena *arena, void __user *uargs)
{
	struct arena_ioc_commit args;
	unsigned long blocks;
	int size, err;

	size = get_args(&args, sizeof(args), sizeof(args), uargs);
	if (size < 0)
		return size;
	if (args.flags & ~ARENA_COMMIT_CONTIG)
		return -EINVAL;
	err = arena_owner_join(arena);
	if (err)
		return err;
	err = arena_region_commit(arena, args.offset, args.length,
				  args.flags & ARENA_COMMIT_CONTIG, &blocks);
	if (err)
		return err;
	args.size = size;
	args.blocks = blocks;
	return put_args(uargs, &args, size);
}

static long arena_ioc_region_info(struct arena *arena, void __user *uargs)
{
	struct arena_ioc_region_info args;
	u64 *node_blocks;
	u32 nr;
	int size, err;

	size = get_args(&args, sizeof(args), sizeof(args), uargs);
	if (size < 0)
		return size;
	if (args.flags || args.reserved || (args.nr_nodes && !args.node_blocks))
		return -EINVAL;
	node_blocks = kcalloc(nr_node_ids, sizeof(*node_blocks), GFP_KERNEL);
	if (!node_blocks)
		return -ENOMEM;
	err = arena_region_info(arena, &args, node_blocks);
	if (err)
		goto free_node_blocks;
	nr = min(args.nr_nodes, nr_node_ids);
	args.size = size;
	args.nr_nodes = nr_node_ids;
	err = put_args(uargs, &args, size);
	if (!err && nr)
		err = put_args(u64_to_user_ptr(args.node_blocks), node_blocks,
			       nr * sizeof(*node_blocks));
free_node_blocks:
	kfree(node_blocks);
	return err;
}

static long arena_ioc_stats(struct arena *arena, void __user *uargs)
{
	struct arena_counts *counts = &arena->counts;
	unsigned long limit, blocks;
	struct arena_ioc_stats args;
	int size;

	size = get_args(&args, sizeof(args), ARENA_IOC_STATS_SIZE_1, uargs);
	if (size < 0)
		return size;
	if (args.flags)
		return -EINVAL;
	limit = arena_account_limit(arena->account);
	blocks = READ_ONCE(arena->nr_blocks);
	args = (struct arena_ioc_stats) {
		.size = size,
		.blocks = blocks,
		.cached = arena_region_cached(arena),
		.from_cache = atomic_long_read(&counts->from_cache),
		.from_pool = atomic_long_read(&counts->from_pool),
		.from_system = atomic_long_read(&counts->from_system),
		.zeroed = atomic_long_read(&counts->zeroed),
		.fallbacks = atomic_long_read(&counts->fallbacks),
		.released = atomic_long_read(&counts->released),
		.charged = arena_account_charged(arena->account),
		.limit = limit == ARENA_ACCOUNT_UNLIMITED ? U64_MAX : limit,
		.idle = arena_idle_is(arena) ? blocks : 0,
		.taken = atomic_long_read(&counts->taken),
	};
	return put_args(uargs, &args, size);
}

static long arena_ioc_set_limit(struct arena *arena, void __user *uargs)
{
	struct arena_ioc_set_limit args;
	int size, err;

	size = get_args(&args, sizeof(args), sizeof(args), uargs);
	if (size < 0)
		return size;
	if (args.flags || !IS_ALIGNED(args.limit, ARENA_BLOCK_SIZE))
		return -EINVAL;
	if (arena_region_is_frozen(arena))
		return -EROFS;
	err = arena_region_set_limit(arena, args.limit >> ARENA_BLOCK_SHIFT);
	if (err)
		return err;
	return put_args(uargs, &(u32){ size }, sizeof(u32));
}

static long arena_ioc_claim(struct arena *arena, void __user *uargs)
{
	struct arena_ioc_claim args;
	struct arena_claim claim;
	int size, err;

	size = get_args(&args, sizeof(args), sizeof(args), uargs);
	if (size < 0)
		return size;
	if (args.flags)
		return -EINVAL;
	err = arena_idle_claim(arena, &claim);
	if (err)
		return err;
	args.size = size;
	args.blocks = claim.blocks;
	args.taken = claim.taken;
	err = put_args(uargs, &args, size);
	if (err)
		arena_idle_undo_claim(arena, &claim);
	return err;
}

static long arena_ioc_freeze(struct arena *arena, void __user *uargs)
{
	struct arena_ioc_freeze args;
	int size, err = 0;

	size = get_args(&args, sizeof(args), sizeof(args), uargs);
	if (size < 0)
		return size;
	if (args.flags)
		return -EINVAL;
	if (!arena_region_is_frozen(arena))
		err = arena_region_freeze(arena);
	if (err)
		return err;
	return put_args(uargs, &(u32){ size }, sizeof(u32));
}

/*
 * Show fdinfo in the style of drm-usage-stats: committed blocks are resident,
 * those in the arena's cache are cached, and total is the sum of both. All
 * committed blocks are idle if the system may take them, otherwise none.
 */
static void arena_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct arena *arena = file->private_data;
	unsigned long cached = arena_region_cached(arena), *blocks, sum = 0;
	int nid;

	blocks = kcalloc(nr_node_ids, sizeof(*blocks), GFP_KERNEL);
	if (!blocks)
		return;
	arena_region_count(arena, blocks);
	for_each_node(nid)
		sum += blocks[nid];
	seq_printf(seq, "arena-total-memory:\t%lu KiB\n", to_kib(sum + cached));
	seq_printf(seq, "arena-resident-memory:\t%lu KiB\n", to_kib(sum));
	seq_printf(seq, "arena-cached-memory:\t%lu KiB\n", to_kib(cached));
	seq_printf(seq, "arena-idle-memory:\t%lu KiB\n",
		   arena_idle_is(arena) ? to_kib(sum) : 0);
	for_each_online_node(nid)
		seq_printf(seq, "arena-resident-node%d:\t%lu KiB\n", nid,
			   to_kib(blocks[nid]));
	kfree(blocks);
}

/* The ioctl number without the size, which grows with the structure. */
#define ARENA_IOC_CALL(cmd)	((cmd) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))

/*
 * The owner may make all calls. Other processes may only query an arena that is
 * frozen, or freeze it once more.
 */
static bool may_call(struct arena *arena, unsigned int cmd)
{
	if (current->mm == arena->mm)
		return true;
	switch (ARENA_IOC_CALL(cmd)) {
	case ARENA_IOC_CALL(ARENA_IOC_INFO):
	case ARENA_IOC_CALL(ARENA_IOC_REGION_INFO):
	case ARENA_IOC_CALL(ARENA_IOC_STATS):
	case ARENA_IOC_CALL(ARENA_IOC_FREEZE):
		return arena_region_is_frozen(arena);
	default:
		return false;
	}
}

static long arena_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct arena *arena = file->private_data;
	void __user *uargs = (void __user *)arg;

	if (!may_call(arena, cmd))
		return -EPERM;

	switch (ARENA_IOC_CALL(cmd)) {
	case ARENA_IOC_CALL(ARENA_IOC_INFO):
		return arena_ioc_info(arena, uargs);
	case ARENA_IOC_CALL(ARENA_IOC_RELEASE):
		return arena_ioc_release(arena, uargs);
	case ARENA_IOC_CALL(ARENA_IOC_SET_POLICY):
		return arena_ioc_set_policy(arena, uargs);
	case ARENA_IOC_CALL(ARENA_IOC_SET_FLAGS):
		return arena_ioc_set_flags(arena, uargs);
	case ARENA_IOC_CALL(ARENA_IOC_COMMIT):
		return arena_ioc_commit(arena, uargs);
	case ARENA_IOC_CALL(ARENA_IOC_REGION_INFO):
		return arena_ioc_region_info(arena, uargs);
	case ARENA_IOC_CALL(ARENA_IOC_STATS):
		return arena_ioc_stats(arena, uargs);
	case ARENA_IOC_CALL(ARENA_IOC_SET_LIMIT):
		return arena_ioc_set_limit(arena, uargs);
	case ARENA_IOC_CALL(ARENA_IOC_CLAIM):
		return arena_ioc_claim(arena, uargs);
	case ARENA_IOC_CALL(ARENA_IOC_FREEZE):
		return arena_ioc_freeze(arena, uargs);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations arena_fops = {
	.owner = THIS_MODULE,
	.open = arena_open,
	.release = arena_release,
	.mmap = arena_mmap,
	.get_unmapped_area = arena_region_get_unmapped_area,
	.unlocked_ioctl = arena_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.fsync = noop_fsync,
	.show_fdinfo = arena_show_fdinfo,
};

/*
 * The mode is the default, 0600. The device hands out memory that can't be
 * swapped out, so the administrator must decide which users may open it.
 */
static struct miscdevice arena_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "arena",
	.fops = &arena_fops,
};

static int __init arena_init(void)
{
	int err;

	arena_pool_set_accounted(memcg);
	err = arena_account_init();
	if (err)
		return err;
	err = arena_pool_init();
	if (err)
		goto exit_account;
	err = arena_cache_init();
	if (err)
		goto exit_pool;
	err = arena_idle_init();
	if (err)
		goto exit_cache;
	err = arena_reclaim_init();
	if (err)
		goto exit_idle;
	err = arena_hwpoison_init();
	if (err)
		goto exit_reclaim;
	arena_mount = kern_mount(&arena_fs_type);
	if (IS_ERR(arena_mount)) {
		err = PTR_ERR(arena_mount);
		goto exit_hwpoison;
	}
	arena_pool_fill_reserve();
	arena_debugfs_init();
	err = misc_register(&arena_device);
	if (err)
		goto remove_debugfs;
	return 0;

remove_debugfs:
	arena_debugfs_exit();
	kern_unmount(arena_mount);
exit_hwpoison:
	arena_hwpoison_exit();
exit_reclaim:
	arena_reclaim_exit();
exit_idle:
	arena_idle_exit();
exit_cache:
	arena_cache_exit();
exit_pool:
	arena_pool_exit();
exit_account:
	arena_account_exit();
	return err;
}

static void __exit arena_exit(void)
{
	misc_deregister(&arena_device);
	arena_owner_exit();
	arena_debugfs_exit();
	kern_unmount(arena_mount);
	arena_hwpoison_exit();
	arena_reclaim_exit();
	arena_idle_exit();
	arena_cache_exit();
	arena_pool_exit();
	arena_account_exit();
}

module_init(arena_init);
module_exit(arena_exit);

MODULE_DESCRIPTION("Regions of contiguous, NUMA-local, huge-page-mapped memory");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
