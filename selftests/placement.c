// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement: blocks are on the nodes that the arena's policy, the task's memory
 * policy and the cpuset demand; a strict commit fails otherwise. The tests
 * learn the node of a block from move_pages(2).
 */
#include "arena_test.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "harness.h"

#define NR	16	/* even, for interleaving */
#define WINDOW	4096
#define BIT(n)	((__u64)1 << (n))

/*
 * The nodes that have memory, two of them, which may be equal, and masks of all
 * and of both.
 */
static int nodes[64], nr_nodes, here, there;
static __u64 all, both;
static long nr_cpus;

static void __attribute__((constructor)) read_nodes(void)
{
	char line[256] = "0", *at = line;
	FILE *file = fopen("/sys/devices/system/node/has_memory", "r");
	long node, last;

	if (file && !fgets(line, sizeof(line), file))
		abort();
	if (file)
		fclose(file);
	do {
		node = strtol(at, &at, 10);
		last = *at == '-' ? strtol(at + 1, &at, 10) : node;
		for (; node <= last && node < 64; node++) {
			nodes[nr_nodes++] = node;
			all |= BIT(node);
		}
	} while (*at++ == ',');
	here = nodes[0];
	there = nodes[nr_nodes - 1];
	both = BIT(here) | BIT(there);
	nr_cpus = sysconf(_SC_NPROCESSORS_CONF);
}

/* An arena, and a mapping of its first blocks that does not commit any. */
struct place {
	int fd;
	char *window;
};

static bool open_place(struct place *place)
{
	place->fd = open_arena();
	if (place->fd < 0)
		return false;
	place->window = mmap(NULL, WINDOW * BLOCK, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_NORESERVE, place->fd, 0);
	return place->window != MAP_FAILED;
}

/* Return 0 or errno; a mask of 0 means no mask. */
static int set_policy(int fd, __u32 mode, __u32 flags, __u64 mask)
{
	struct arena_ioc_set_policy args = {
		.size = sizeof(args), .mode = mode, .flags = flags,
		.nr_nodes = mask ? 64 : 0,
		.nodes = mask ? (uintptr_t)&mask : 0,
	};

	return ioctl(fd, ARENA_IOC_SET_POLICY, &args) ? errno : 0;
}

static int set_task_policy(int mode, unsigned long mask)
{
	return syscall(SYS_set_mempolicy, mode, &mask, 8 * sizeof(mask)) ?
		errno : 0;
}

enum way { BY_TOUCH, BY_IOCTL, BY_MMAP, NR_WAYS };
static const char * const ways[] = { "touch", "ioctl", "mmap" };

/* Commit blocks; return 0 or errno. Without memory, a touch raises SIGBUS. */
static int commit(const struct place *place, size_t first, size_t nr,
		  enum way way)
{
	struct arena_ioc_commit args = {
		.size = sizeof(args), .offset = first * BLOCK,
		.length = nr * BLOCK,
	};
	char *memory;
	size_t i;

	switch (way) {
	case BY_IOCTL:
		return ioctl(place->fd, ARENA_IOC_COMMIT, &args) ? errno : 0;
	case BY_MMAP:
		memory = mmap(NULL, nr * BLOCK, PROT_READ | PROT_WRITE,
			      MAP_SHARED, place->fd, first * BLOCK);
		if (memory == MAP_FAILED)
			return errno;
		return munmap(memory, nr * BLOCK) ? errno : 0;
	default:
		for (i = first; i < first + nr; i++)
			touch(place->window + i * BLOCK, PAGE, 1);
		return 0;
	}
}

/*
 * Return the node of a committed block, which is mapped first, as move_pages()
 * requires.
 */
static int block_node(const struct place *place, size_t index)
{
	char *block = place->window + index * BLOCK;

	touch(block, PAGE, 1);
	return node_of(block);
}

/* Return how many of the committed blocks are on the nodes of a mask. */
static long count_on(const struct place *place, size_t first, size_t nr,
		     __u64 mask)
{
	long count = 0;
	size_t i;
	int node;

	for (i = first; i < first + nr; i++) {
		node = block_node(place, i);
		count += node >= 0 && mask & BIT(node);
	}
	return count;
}

/* Commit blocks, then do the same; or return -errno. */
static long commit_on(const struct place *place, size_t first, size_t nr,
		      enum way way, __u64 mask)
{
	int err = commit(place, first, nr, way);

	return err ? -err : count_on(place, first, nr, mask);
}

/* Return the node of a mask that interleaving assigns to a block. */
static int node_in_turn(__u64 mask, size_t index)
{
	size_t n = index % __builtin_popcountll(mask);

	while (n--)
		mask &= mask - 1;
	return __builtin_ctzll(mask);
}

/*
 * Fill each node's pool, or empty it by committing until blocks come from the
 * page allocator. Return 0 or errno.
 */
static int prepare_pools(const struct place *place, bool is_empty)
{
	size_t at = 0;
	__u64 before;
	int i, err;

	for (i = 0; i < nr_nodes; i++, at += NR) {
		err = set_policy(place->fd, ARENA_POLICY_BIND, 0, BIT(nodes[i]));
		if (!err)
			err = commit(place, at, NR, BY_IOCTL);
		before = stats_of(place->fd).from_system;
		while (!err && is_empty && at < WINDOW - 2 * NR &&
		       stats_of(place->fd).from_system == before)
			err = commit(place, NR + at++, 1, BY_IOCTL);
		if (err)
			return err;
	}
	if (!is_empty)
		release_all(place->fd);
	return 0;
}

/*
 * Threads commit and release at random, each in an arena of its own, and move
 * between CPUs. They share the nodes' memory, so blocks pass from one thread to
 * another.
 */

#define THREADS		4
#define ROUNDS		640	/* by four threads and four variants: 10,240 */
#define STORM_BLOCKS	32	/* per thread, so that nodes are never short */

struct storm_thread {
	struct __test_metadata *metadata;
	struct storm_thread *threads;
	pthread_t thread;
	atomic_int tid;
	__u32 mode;
	unsigned int seed;
	long commits;
	long blocks;
	long misplaced;
};

/* Move a thread to a random CPU, even in the middle of a call; 0 is the caller. */
static bool move_thread(pid_t tid, unsigned int *seed)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(rand_r(seed) % nr_cpus, &set);
	return !sched_setaffinity(tid, sizeof(set), &set);
}

static __u64 random_mask(unsigned int *seed)
{
	__u64 mask = 0;
	int i;

	while (!mask) {
		for (i = 0; i < nr_nodes; i++) {
			if (rand_r(seed) % 2)
				mask |= BIT(nodes[i]);
		}
	}
	return mask;
}

static bool commit_at_random(struct storm_thread *self,
			     const struct place *place)
{
	struct __test_metadata *_metadata = self->metadata;	/* for TH_LOG() */
	bool is_local = self->mode == ARENA_POLICY_LOCAL;
	unsigned int *seed = &self->seed, cpu, cpu_node;
	/* Prefer few blocks, since zeroing them takes most of the time. */
	size_t nr = 1 + rand_r(seed) % (1 + rand_r(seed) % 4);
	size_t first = rand_r(seed) % (STORM_BLOCKS - nr + 1), i;
	__u64 mask = is_local ? 0 : random_mask(seed), asked;
	__u32 flags = self->mode != ARENA_POLICY_PREFERRED &&
		      rand_r(seed) % 2 ? ARENA_POLICY_STRICT : 0;
	enum way way = rand_r(seed) % NR_WAYS;
	int node, err;

	/* Release blocks of an earlier round, on whatever node they are. */
	if (release_range(place->fd, first * BLOCK, nr * BLOCK) < 0) {
		TH_LOG("release: %s", strerror(errno));
		return false;
	}
	err = set_policy(place->fd, self->mode, flags, mask);
	if (err) {
		TH_LOG("policy: %s", strerror(err));
		return false;
	}
	do {
		while (!move_thread(0, seed))
			;
		if (getcpu(&cpu, &cpu_node))
			return false;
	} while (!(all & BIT(cpu_node)));
	err = commit(place, first, nr, way);
	if (err) {
		TH_LOG("commit by %s: %s", ways[way], strerror(err));
		return false;
	}
	/*
	 * With a local policy, the node is that of the thread that commits, not
	 * of the one that touches, so move this thread. With other policies the
	 * CPU does not matter, so move any thread, possibly in the middle of a
	 * commit.
	 */
	move_thread(is_local ? 0 : self->threads[rand_r(seed) % THREADS].tid,
		    seed);

	for (i = first; i < first + nr; i++) {
		asked = is_local ? BIT(cpu_node) : mask;
		if (self->mode == ARENA_POLICY_INTERLEAVE)
			asked = BIT(node_in_turn(mask, i));
		node = block_node(place, i);
		if (node >= 0 && asked & BIT(node))
			continue;
		if (!self->misplaced++)
			TH_LOG("commit %ld by %s, flags %u, mask %#llx: block %zu on %d, not %#llx",
			       self->commits, ways[way], flags, mask, i, node, asked);
	}
	self->blocks += nr;
	return true;
}

static void *run_storm(void *data)
{
	struct storm_thread *self = data;
	struct __test_metadata *_metadata = self->metadata;
	struct place place;

	self->tid = syscall(SYS_gettid);
	if (!open_place(&place)) {
		TH_LOG("no arena: %s", strerror(errno));
		return NULL;
	}
	while (self->commits < ROUNDS && commit_at_random(self, &place))
		self->commits++;
	munmap(place.window, WINDOW * BLOCK);
	close(place.fd);
	return NULL;
}

FIXTURE(placement_storm) {
};

FIXTURE_VARIANT(placement_storm) {
	__u32 mode;
};

FIXTURE_VARIANT_ADD(placement_storm, local) { .mode = ARENA_POLICY_LOCAL };
FIXTURE_VARIANT_ADD(placement_storm, bind) { .mode = ARENA_POLICY_BIND };
FIXTURE_VARIANT_ADD(placement_storm, preferred) { .mode = ARENA_POLICY_PREFERRED };
FIXTURE_VARIANT_ADD(placement_storm, interleave) { .mode = ARENA_POLICY_INTERLEAVE };

FIXTURE_SETUP(placement_storm)
{
}

FIXTURE_TEARDOWN(placement_storm)
{
}

TEST_F(placement_storm, every_block_is_on_requested_node)
{
	struct storm_thread threads[THREADS] = { 0 }, *thread;
	unsigned int seed = pick_seed();
	long commits = 0, blocks = 0, misplaced = 0;

	if (here == there)
		SKIP(return, "only one node");
	TH_LOG("ARENA_SEED=%u", seed);
	for (thread = threads; thread < threads + THREADS; thread++) {
		thread->metadata = _metadata;
		thread->threads = threads;
		thread->mode = variant->mode;
		thread->seed = seed + (thread - threads);
		ASSERT_EQ(0, pthread_create(&thread->thread, NULL, run_storm,
					    thread));
	}
	for (thread = threads; thread < threads + THREADS; thread++) {
		pthread_join(thread->thread, NULL);
		commits += thread->commits;
		blocks += thread->blocks;
		misplaced += thread->misplaced;
	}
	TH_LOG("%ld commits of %ld blocks, %ld misplaced", commits, blocks,
	       misplaced);
	EXPECT_EQ(THREADS * ROUNDS, commits);
	EXPECT_EQ(0, misplaced);
}

/* The memory policy that numactl sets is obeyed for blocks from any source. */

FIXTURE(placement_task) {
	struct place place, other;
};

FIXTURE_VARIANT(placement_task) {
	int mode;
	bool is_fresh;
};

FIXTURE_VARIANT_ADD(placement_task, bind_from_pool) { .mode = MPOL_BIND };
FIXTURE_VARIANT_ADD(placement_task, bind_fresh) { .mode = MPOL_BIND, .is_fresh = true };
FIXTURE_VARIANT_ADD(placement_task, prefer_from_pool) { .mode = MPOL_PREFERRED };
FIXTURE_VARIANT_ADD(placement_task, prefer_fresh) {
	.mode = MPOL_PREFERRED, .is_fresh = true,
};

FIXTURE_VARIANT_ADD(placement_task, interleave_from_pool) { .mode = MPOL_INTERLEAVE };
FIXTURE_VARIANT_ADD(placement_task, interleave_fresh) {
	.mode = MPOL_INTERLEAVE, .is_fresh = true,
};

FIXTURE_SETUP(placement_task)
{
	ASSERT_TRUE(open_place(&self->place));
	ASSERT_TRUE(open_place(&self->other));
}

FIXTURE_TEARDOWN(placement_task)
{
}

TEST_F(placement_task, memory_policy_of_task_is_obeyed)
{
	bool is_interleave = variant->mode == MPOL_INTERLEAVE;
	struct arena_ioc_stats stats;
	size_t at = 0;
	__u64 mask;
	int i, way;

	if (here == there)
		SKIP(return, "only one node");
	ASSERT_EQ(0, prepare_pools(&self->other, variant->is_fresh));
	for (i = 0; i < 2; i++) {
		mask = is_interleave ? both : BIT(i ? here : there);
		ASSERT_TRUE(run_on_node(i ? there : here));
		ASSERT_EQ(0, set_task_policy(variant->mode, mask));
		for (way = 0; way < NR_WAYS; way++, at += NR) {
			EXPECT_EQ(NR, commit_on(&self->place, at, NR, way, mask)) {
				TH_LOG("by %s, mask %#llx", ways[way], mask);
			}
			if (!is_interleave)
				continue;
			EXPECT_EQ(NR / 2, count_on(&self->place, at, NR, BIT(here))) {
				TH_LOG("by %s", ways[way]);
			}
		}
	}
	/* The blocks came from the source that the variant names. */
	stats = stats_of(self->place.fd);
	EXPECT_EQ(at, stats.from_pool + stats.from_system);
	EXPECT_LT(0, variant->is_fresh ? stats.from_system : stats.from_pool);
}

FIXTURE(placement) {
	struct place place, other;
};

FIXTURE_SETUP(placement)
{
	ASSERT_TRUE(open_place(&self->place));
	ASSERT_TRUE(open_place(&self->other));
}

FIXTURE_TEARDOWN(placement)
{
}

TEST_F(placement, nearest_node_of_mask_comes_first)
{
	const struct place *place = &self->place;
	__u32 mode;
	int i;

	if (here == there)
		SKIP(return, "only one node");
	for (i = 0; i < 2 * nr_nodes; i++) {
		mode = i % 2 ? ARENA_POLICY_BIND : ARENA_POLICY_PREFERRED;
		ASSERT_EQ(0, set_policy(place->fd, mode, 0, all));
		ASSERT_TRUE(run_on_node(nodes[i / 2]));
		EXPECT_EQ(NR, commit_on(place, i * NR, NR, BY_IOCTL, BIT(nodes[i / 2])));
	}
}

/* mbind() sets a policy, and can check pages against it. */
TEST_F(placement, mbind_has_no_effect)
{
	unsigned long first = 1, second = 2;
	char *memory;

	if (!run_on_node(1) || !run_on_node(0))
		SKIP(return, "no second node with CPUs");
	memory = map_blocks(self->place.fd, 1);
	ASSERT_NE(MAP_FAILED, memory);
	memory[0] = 1;
	ASSERT_EQ(0, node_of(memory));
	EXPECT_EQ(0, syscall(SYS_mbind, memory, BLOCK, MPOL_BIND, &second, 64, 0));
	EXPECT_EQ(0, node_of(memory));
	EXPECT_EQ(0, syscall(SYS_mbind, memory, BLOCK, MPOL_BIND, &first, 64, MPOL_MF_STRICT));
	EXPECT_EQ(-1, syscall(SYS_mbind, memory, BLOCK, MPOL_BIND, &second, 64,
			      MPOL_MF_STRICT));
	EXPECT_EQ(EIO, errno);
}

TEST_F(placement, policy_of_arena_overrides_that_of_task)
{
	const struct place *place = &self->place;
	size_t at = 0;
	__u32 mode;

	if (here == there)
		SKIP(return, "only one node");
	ASSERT_TRUE(run_on_node(here));
	ASSERT_EQ(0, set_task_policy(MPOL_BIND, BIT(here)));
	for (mode = ARENA_POLICY_BIND; mode <= ARENA_POLICY_INTERLEAVE; mode++) {
		ASSERT_EQ(0, set_policy(place->fd, mode, 0, BIT(there)));
		EXPECT_EQ(NR, commit_on(place, at, NR, BY_IOCTL, BIT(there))) {
			TH_LOG("mode %u", mode);
		}
		at += NR;
	}
	/* With the default policy, the task's policy applies again. */
	ASSERT_EQ(0, set_policy(place->fd, ARENA_POLICY_LOCAL, 0, 0));
	ASSERT_EQ(0, set_task_policy(MPOL_BIND, BIT(there)));
	EXPECT_EQ(NR, commit_on(place, at, NR, BY_IOCTL, BIT(there)));
}

struct policy {
	__u32 mode;
	__u32 flags;
	__u64 mask;
};

static long oom_kills(void)
{
	FILE *file = fopen("/proc/vmstat", "r");
	long kills = -1;
	char name[64] = "";

	while (file && strcmp(name, "oom_kill") &&
	       fscanf(file, "%63s %ld", name, &kills) == 2)
		;
	if (file)
		fclose(file);
	return kills;
}

/*
 * Commit until the policy's nodes have no memory left, even after recently
 * freed memory has come back; return the last errno. The blocks are not mapped,
 * so that page tables need no memory.
 */
static int use_up(const struct place *place, size_t *held)
{
	int misses = 0, err = 0;
	size_t step = NR;

	for (*held = 0; misses < 3 && *held + step <= WINDOW;) {
		err = commit(place, *held, step, BY_IOCTL);
		if (!err) {
			*held += step;
			misses = 0;
		} else if (err != ENOMEM) {
			break;
		} else if (step > 1) {
			step = 1;
		} else {
			misses++;
			usleep(100000);
		}
	}
	return err;
}

/* Only the second node is used up, since the rest of the machine needs memory. */
TEST_F(placement, strict_policy_fails_where_others_fall_back)
{
	const struct policy strict[] = {
		{ ARENA_POLICY_BIND, 0, BIT(there) },
		{ ARENA_POLICY_BIND, ARENA_POLICY_STRICT, BIT(there) },
		{ ARENA_POLICY_LOCAL, ARENA_POLICY_STRICT, 0 },
		{ ARENA_POLICY_INTERLEAVE, ARENA_POLICY_STRICT, both },
	}, loose[] = {
		{ ARENA_POLICY_PREFERRED, 0, BIT(there) },
		{ ARENA_POLICY_LOCAL, 0, 0 },
	}, *policy;
	const struct place *place = &self->place;
	size_t held, at = 0, elsewhere, fallbacks = 0;
	long kills = oom_kills();
	int way, err;

	if (here == there)
		SKIP(return, "only one node");
	ASSERT_TRUE(run_on_node(there));
	ASSERT_EQ(0, set_policy(self->other.fd, ARENA_POLICY_BIND, 0, BIT(there)));
	err = use_up(&self->other, &held);
	if (!err)
		SKIP(return, "the node has more than %zu blocks", held);
	ASSERT_EQ(ENOMEM, err);
	EXPECT_EQ(ENOMEM, commit(&self->other, held, NR, BY_IOCTL));
	EXPECT_EQ(held, blocks_of(self->other.fd));

	/* Ask for more blocks than the one or two that may become free. */
	for (policy = strict; policy < strict + ARRAY_SIZE(strict); policy++) {
		ASSERT_EQ(0, set_policy(place->fd, policy->mode, policy->flags,
					policy->mask));
		for (way = BY_IOCTL; way <= BY_MMAP; way++) {
			EXPECT_EQ(ENOMEM, commit(place, 0, 2 * NR, way)) {
				TH_LOG("mode %u, flags %u, by %s", policy->mode,
				       policy->flags, ways[way]);
			}
			EXPECT_EQ(0, blocks_of(place->fd));
		}
	}
	EXPECT_EQ(0, stats_of(place->fd).fallbacks);

	for (policy = loose; policy < loose + ARRAY_SIZE(loose); policy++) {
		ASSERT_EQ(0, set_policy(place->fd, policy->mode, policy->flags,
					policy->mask));
		ASSERT_EQ(0, commit(place, at, NR, BY_IOCTL));
		elsewhere = NR - count_on(place, at, NR, BIT(there));
		EXPECT_LT(0, elsewhere);
		fallbacks += elsewhere;
		EXPECT_EQ(fallbacks, stats_of(place->fd).fallbacks);
		at += NR;
		EXPECT_EQ(at, blocks_of(place->fd));
	}

	EXPECT_EQ(kills, oom_kills());
	EXPECT_EQ(held, release_all(self->other.fd));
	EXPECT_EQ(NR, commit_on(&self->other, 0, NR, BY_IOCTL, BIT(there)));
}

/* A refused call changes nothing: the next block is on the same node as before. */
TEST_F(placement, invalid_policy_is_refused)
{
	static __u64 none, bit_63 = BIT(63), beyond[128], many[1025];
	const __u64 good = BIT(here), after = BIT(there + 1), mixed = good | after;
	const __u32 size = sizeof(struct arena_ioc_set_policy);
#define AT(mask) ((uintptr_t)(mask))
	const struct {
		const char *what;
		int error;
		struct arena_ioc_set_policy args;
	} rows[] = {
	{ "size zero", EINVAL, { 0, 0, 1, 64, AT(&good) } },
	{ "size too small", EINVAL, { size - 1, 0, 1, 64, AT(&good) } },
	{ "size beyond a page", E2BIG, { 4097, 0, 1, 64, AT(&good) } },
	{ "newer and not zero", E2BIG, { size + 8, 0, 1, 64, AT(&good) } },
	{ "unknown mode", EINVAL, { size, 0, 4, 64, AT(&good) } },
	{ "unknown flag", EINVAL, { size, 2, 1, 64, AT(&good) } },
	{ "strictly preferred", EINVAL, { size, 1, 2, 64, AT(&good) } },
	{ "bind to no mask", EINVAL, { size, 0, 1, 0, 0 } },
	{ "prefer no mask", EINVAL, { size, 0, 2, 0, 0 } },
	{ "interleave no mask", EINVAL, { size, 0, 3, 0, 0 } },
	{ "bind to an empty mask", EINVAL, { size, 0, 1, 64, AT(&none) } },
	{ "prefer an empty mask", EINVAL, { size, 0, 2, 64, AT(&none) } },
	{ "interleave an empty mask", EINVAL, { size, 0, 3, 64, AT(&none) } },
	{ "local with a mask", EINVAL, { size, 0, 0, 64, AT(&good) } },
	{ "local with an empty mask", EINVAL, { size, 0, 0, 64, AT(&none) } },
	{ "local with a number", EINVAL, { size, 0, 0, 64, 0 } },
	{ "local with an address", EINVAL, { size, 0, 0, 0, AT(&good) } },
	{ "the node after the last", ENODEV, { size, 0, 1, 64, AT(&after) } },
	{ "that among others", ENODEV, { size, 0, 3, 64, AT(&mixed) } },
	{ "node 63", ENODEV, { size, 0, 2, 64, AT(&bit_63) } },
	{ "node 8000", ENODEV, { size, 0, 1, 8192, AT(beyond) } },
	{ "too many nodes", EINVAL, { size, 0, 1, 65537, AT(many) } },
	{ "a mask that is nowhere", EFAULT, { size, 0, 1, 64, 8 } },
	}, *row;
	struct {
		struct arena_ioc_set_policy known;
		__u64 newer;
	} args = { .newer = 1 };
	int fd = self->place.fd;
	pid_t pid;

	beyond[0] = good;
	beyond[8000 / 64] = BIT(8000 % 64);
	many[0] = good;
	ASSERT_TRUE(run_on_node(here));
	ASSERT_EQ(0, set_policy(fd, ARENA_POLICY_BIND, 0, BIT(there)));
	for (row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		args.known = row->args;
		errno = 0;
		EXPECT_EQ(-1, ioctl(fd, ARENA_IOC_SET_POLICY, &args));
		EXPECT_EQ(row->error, errno) {
			TH_LOG("%s", row->what);
		}
		EXPECT_EQ(0, memcmp(&args, &row->args, size));
		EXPECT_EQ(1, commit_on(&self->place, 0, 1, BY_IOCTL, BIT(there))) {
			TH_LOG("after %s", row->what);
		}
		ASSERT_EQ(1, release_all(fd));
	}
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(set_policy(fd, ARENA_POLICY_LOCAL, 0, 0));
	EXPECT_EQ(EPERM, wait_for(pid));
	EXPECT_EQ(1, commit_on(&self->place, 0, 1, BY_IOCTL, BIT(there)));

	/* The longest mask and a longer structure are accepted. */
	args.known = (struct arena_ioc_set_policy) {
		sizeof(args), 0, ARENA_POLICY_BIND, 65536, AT(many),
	};
	args.newer = 0;
	EXPECT_EQ(0, ioctl(fd, ARENA_IOC_SET_POLICY, &args));
	EXPECT_EQ(size, args.known.size);
	EXPECT_EQ(1, commit_on(&self->place, 1, 1, BY_IOCTL, BIT(here)));
}

/* A cpuset limits every policy, whichever was set first. */

#define GROUP	"arena-placement"

FIXTURE(placement_cpuset) {
	char root[32];
	bool is_mounted;
};

FIXTURE_SETUP(placement_cpuset)
{
	strcpy(self->root, "/tmp/arena-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	self->is_mounted = !mount("none", self->root, "cgroup2", 0, NULL);
	ASSERT_EQ(0, chdir(self->root));
}

FIXTURE_TEARDOWN(placement_cpuset)
{
	if (self->is_mounted) {
		set_file("cgroup.procs", "0");
		rmdir(GROUP);
		EXPECT_EQ(0, chdir("/"));
		umount(self->root);
	}
	rmdir(self->root);
}

TEST_F(placement_cpuset, cpuset_bounds_every_policy)
{
	const struct policy policies[] = {
		{ ARENA_POLICY_LOCAL, 0, 0 },
		{ ARENA_POLICY_PREFERRED, 0, BIT(here) },
		{ ARENA_POLICY_INTERLEAVE, 0, both },
		{ ARENA_POLICY_BIND, 0, both },
	};
	struct place places[ARRAY_SIZE(policies)], bound;
	char number[16];
	size_t i;
	int way;

	if (here == there)
		SKIP(return, "only one node");
	if (!self->is_mounted ||
	    !set_file("cgroup.subtree_control", "+cpuset"))
		SKIP(return, "no cpuset in cgroup2");
	ASSERT_EQ(0, mkdir(GROUP, 0755));
	snprintf(number, sizeof(number), "%d", there);
	ASSERT_TRUE(set_file(GROUP "/cpuset.mems", number));

	ASSERT_TRUE(open_place(&bound));
	ASSERT_EQ(0, prepare_pools(&bound, false));
	ASSERT_EQ(0, set_policy(bound.fd, ARENA_POLICY_BIND, 0, BIT(here)));
	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_TRUE(open_place(&places[i]));
		ASSERT_EQ(0, set_policy(places[i].fd, policies[i].mode,
					policies[i].flags, policies[i].mask));
	}
	/* Moving into the group sets the affinity to all its CPUs. */
	ASSERT_TRUE(set_file(GROUP "/cgroup.procs", "0"));
	ASSERT_TRUE(run_on_node(here));

	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		for (way = 0; way < NR_WAYS; way++) {
			EXPECT_EQ(NR, commit_on(&places[i], 0, NR, way, BIT(there))) {
				TH_LOG("mode %u, by %s", policies[i].mode, ways[way]);
			}
			ASSERT_EQ(NR, release_all(places[i].fd));
		}
	}
	EXPECT_EQ(ENOMEM, commit(&bound, 0, 1, BY_IOCTL));
	EXPECT_EQ(ENOMEM, commit(&bound, 0, 1, BY_MMAP));
	EXPECT_EQ(0, blocks_of(bound.fd));
	EXPECT_EQ(EINVAL, set_policy(bound.fd, ARENA_POLICY_BIND, 0, BIT(here)));

	/* The limit ends when the task leaves the group. */
	ASSERT_TRUE(set_file("cgroup.procs", "0"));
	EXPECT_EQ(NR, commit_on(&bound, 0, NR, BY_IOCTL, BIT(here)));
}

TEST_HARNESS_MAIN
