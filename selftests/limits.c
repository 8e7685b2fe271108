// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of an arena, of a user's locked memory, of a node, of a cgroup. Each
 * limit is met exactly, even if many tasks compete for the last block, and a
 * process that dies is uncharged completely.
 *
 * Needs root: it becomes another user and sets module parameters.
 */
#include "arena_test.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "harness.h"

#define LIMIT		24
#define MAX_TASKS	64

/* A user with a low RLIMIT_MEMLOCK. */
#define USER		12345

static int set_limit(int fd, unsigned long long bytes)
{
	struct arena_ioc_set_limit args = { .size = sizeof(args), .limit = bytes };

	return ioctl(fd, ARENA_IOC_SET_LIMIT, &args) ? -errno : 0;
}

FIXTURE(limits) {
	int fd;
};

FIXTURE_SETUP(limits)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(limits)
{
	close(self->fd);
}

TEST_F(limits, arena_can_use_its_whole_limit)
{
	struct arena_ioc_stats stats = stats_of(self->fd);

	EXPECT_EQ(~0ULL, stats.limit);
	ASSERT_EQ(0, set_limit(self->fd, LIMIT * BLOCK));
	EXPECT_EQ(LIMIT, stats_of(self->fd).limit);
	EXPECT_EQ(-EDQUOT, commit_blocks(self->fd, 0, LIMIT + 1));
	EXPECT_EQ(MAP_FAILED, map_blocks(self->fd, LIMIT + 1));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(0, blocks_of(self->fd));
	EXPECT_EQ(0, stats_of(self->fd).charged);
	EXPECT_EQ(0, commit_blocks(self->fd, 0, LIMIT));
	EXPECT_EQ(-EDQUOT, commit_blocks(self->fd, LIMIT, 1));
	/* Blocks that are committed already need no further charge. */
	EXPECT_EQ(0, commit_blocks(self->fd, 0, LIMIT));
	EXPECT_EQ(LIMIT, stats_of(self->fd).charged);
	EXPECT_EQ(1, release_range(self->fd, 0, BLOCK));
	EXPECT_EQ(0, commit_blocks(self->fd, LIMIT, 1));
	EXPECT_EQ(-EDQUOT, commit_blocks(self->fd, 0, 1));
}

TEST_F(limits, limit_can_only_be_lowered)
{
	ASSERT_EQ(0, set_limit(self->fd, LIMIT * BLOCK));
	EXPECT_EQ(-EPERM, set_limit(self->fd, (LIMIT + 1) * BLOCK));
	EXPECT_EQ(0, commit_blocks(self->fd, 0, LIMIT));
	/* A lower limit takes no block away. */
	EXPECT_EQ(0, set_limit(self->fd, BLOCK));
	EXPECT_EQ(LIMIT, blocks_of(self->fd));
	EXPECT_EQ(-EDQUOT, commit_blocks(self->fd, LIMIT, 1));
	EXPECT_EQ(LIMIT, release_all(self->fd));
	EXPECT_EQ(0, commit_blocks(self->fd, 0, 1));
	EXPECT_EQ(-EDQUOT, commit_blocks(self->fd, 1, 1));
	EXPECT_EQ(0, set_limit(self->fd, 0));
	EXPECT_EQ(1, release_all(self->fd));
	EXPECT_EQ(-EDQUOT, commit_blocks(self->fd, 0, 1));
}

/* A reservation guarantees nothing: a touch beyond the limit is a SIGBUS. */
TEST_F(limits, touch_beyond_limit_raises_sigbus)
{
	char *memory;
	pid_t pid;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int fd = open_arena();

		memory = mmap(NULL, 4 * BLOCK, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_NORESERVE, fd, 0);
		if (memory == MAP_FAILED || set_limit(fd, 3 * BLOCK))
			_exit(1);
		touch(memory, 3 * BLOCK, 1);
		memory[3 * BLOCK] = 1;
		_exit(0);
	}
	EXPECT_EQ(128 + SIGBUS, wait_for(pid));
}

/*
 * If many threads touch the last block that the limit allows, all of them
 * succeed.
 */
struct toucher {
	pthread_barrier_t *barrier;
	char *memory;
};

static void *touch_once(void *data)
{
	struct toucher *toucher = data;

	pthread_barrier_wait(toucher->barrier);
	*(volatile char *)toucher->memory = 1;
	return NULL;
}

TEST_F(limits, limit_holds_for_concurrent_touches)
{
	enum { THREADS = 4, ROUNDS = 200 };
	struct toucher touchers[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t barrier;
	char *memory;
	int round, i;

	ASSERT_EQ(0, set_limit(self->fd, 2 * BLOCK));
	memory = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_NORESERVE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, THREADS));
	/* A refused touch is a SIGBUS, which ends the test. */
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < THREADS; i++) {
			touchers[i] = (struct toucher) { &barrier, memory + i % 2 * BLOCK };
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, touch_once,
						    &touchers[i]));
		}
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		ASSERT_EQ(2, release_all(self->fd));
	}
}

/*
 * On node 0, give the arena a limit, and have it keep that many released
 * blocks.
 */
static bool keep_as_many_as_allowed(int fd)
{
	return run_on_node(0) && !set_arena_flags(fd, ARENA_F_KEEP_DIRTY) &&
	       !set_limit(fd, LIMIT * BLOCK) && !commit_blocks(fd, 0, LIMIT) &&
	       release_all(fd) == LIMIT;
}

TEST_F(limits, kept_blocks_stay_charged)
{
	struct arena_ioc_stats stats;

	ASSERT_TRUE(keep_as_many_as_allowed(self->fd));
	stats = stats_of(self->fd);
	EXPECT_EQ(LIMIT, stats.cached);
	EXPECT_EQ(LIMIT, stats.charged);

	/* The kept blocks suffice for a commit of as many others. */
	EXPECT_EQ(0, commit_blocks(self->fd, 100, LIMIT));
	EXPECT_EQ(LIMIT, stats_of(self->fd).from_cache);
	EXPECT_EQ(-EDQUOT, commit_blocks(self->fd, 0, 1));
	EXPECT_EQ(LIMIT, stats_of(self->fd).charged);

	/* A lower limit applies to kept blocks, too. */
	ASSERT_EQ(LIMIT, release_all(self->fd));
	ASSERT_EQ(0, set_limit(self->fd, 2 * BLOCK));
	stats = stats_of(self->fd);
	EXPECT_EQ(2, stats.cached);
	EXPECT_EQ(2, stats.charged);
	ASSERT_EQ(0, set_arena_flags(self->fd, 0));
	EXPECT_EQ(0, stats_of(self->fd).charged);
}

/*
 * The arena gives up blocks kept on another node, so that a commit on this node
 * succeeds.
 */
TEST_F(limits, commit_on_other_node_frees_kept_blocks)
{
	struct arena_ioc_stats stats;

	ASSERT_TRUE(keep_as_many_as_allowed(self->fd));
	if (!run_on_node(1))
		SKIP(return, "only one node");
	EXPECT_EQ(0, commit_blocks(self->fd, 0, LIMIT / 2));
	stats = stats_of(self->fd);
	EXPECT_EQ(LIMIT / 2, stats.blocks);
	EXPECT_EQ(LIMIT / 2, stats.cached);
	EXPECT_EQ(LIMIT, stats.charged);
	EXPECT_EQ(0, stats.from_cache);
}

static void *drop_caches(void *data)
{
	while (!__atomic_load_n((bool *)data, __ATOMIC_RELAXED))
		drop_slab();
	return NULL;
}

/*
 * A kept block is charged until reclaim takes it; no touch may be refused in
 * between.
 */
TEST_F(limits, reclaim_of_kept_blocks_refuses_no_touch)
{
	enum { NR = 4, ROUNDS = 1000 };
	bool stop = false;
	pthread_t thread;
	char *memory;
	int i;

	if (!drop_slab())
		SKIP(return, "cannot drop caches");
	ASSERT_EQ(0, set_arena_flags(self->fd, ARENA_F_KEEP_DIRTY));
	ASSERT_EQ(0, set_limit(self->fd, NR * BLOCK));
	memory = mmap(NULL, 2 * NR * BLOCK, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_NORESERVE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, commit_blocks(self->fd, 0, NR - 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, drop_caches, &stop));
	/*
	 * Touch the last block that the limit allows. A refused touch ends the
	 * test by SIGBUS.
	 */
	for (i = 0; i < ROUNDS; i++) {
		size_t block = NR + i % NR;

		memory[block * BLOCK] = 1;
		ASSERT_EQ(1, release_range(self->fd, block * BLOCK, BLOCK));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/*
 * A touch that exceeds the limit waits for a concurrent commit; a release must
 * not wait for either.
 */
struct stall {
	int fd, pipe, tid;
	char *memory;
	int err;
};

enum { MUCH = 256, BEFORE = 8 };

static void *commit_much(void *data)
{
	struct stall *stall = data;

	stall->err = commit_blocks(stall->fd, BEFORE, MUCH);
	return NULL;
}

/*
 * Touch by a system call, which fails with EFAULT if a store would raise
 * SIGBUS.
 */
static void *touch_by_read(void *data)
{
	struct stall *stall = data;

	__atomic_store_n(&stall->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	stall->err = read(stall->pipe, stall->memory, 1) < 0 ? -errno : 0;
	return NULL;
}

static bool is_waiting(int *tid)
{
	int id = __atomic_load_n(tid, __ATOMIC_ACQUIRE);
	char path[64], state = '?';
	FILE *file;

	if (!id)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", id);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	fclose(file);
	return state == 'D';
}

TEST_F(limits, refused_touch_does_not_delay_release)
{
	struct stall commit = { .fd = self->fd }, touch = { .fd = self->fd };
	bool was_running = false;
	pthread_t committing, touching;
	int round, ends[2];

	ASSERT_EQ(0, set_limit(self->fd, (BEFORE + MUCH) * BLOCK));
	touch.memory = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, self->fd, 5000 * BLOCK);
	ASSERT_NE(MAP_FAILED, touch.memory);
	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(1, write(ends[1], "x", 1));
	touch.pipe = ends[0];
	/*
	 * On a busy host the commit may end too early, so one success in ten
	 * tries is enough.
	 */
	for (round = 0; round < 10 && !was_running; round++) {
		touch.tid = 0;
		ASSERT_EQ(0, commit_blocks(self->fd, 0, BEFORE));
		ASSERT_EQ(0, pthread_create(&committing, NULL, commit_much, &commit));
		while (pool_count("in_use") < 2 * BEFORE)
			usleep(100);
		ASSERT_EQ(0, pthread_create(&touching, NULL, touch_by_read, &touch));
		while (!is_waiting(&touch.tid) && pool_count("in_use") < BEFORE + MUCH)
			usleep(100);
		EXPECT_EQ(BEFORE, release_range(self->fd, 0, BEFORE * BLOCK));
		was_running = pool_count("in_use") < MUCH;
		pthread_join(committing, NULL);
		pthread_join(touching, NULL);
		EXPECT_EQ(0, commit.err);
		/* There was room within the limit when the commit had ended. */
		if (was_running) {
			EXPECT_EQ(0, touch.err);
		}
		if (!touch.err) {
			EXPECT_EQ(1, write(ends[1], "x", 1));
		}
		EXPECT_LE(MUCH, release_all(self->fd));
	}
	EXPECT_TRUE(was_running);
	close(ends[0]);
	close(ends[1]);
}

/* Blocks with pinned pages stay charged. */
TEST_F(limits, pinned_blocks_stay_charged)
{
	struct iovec iov;
	int pipes[2], i;
	char *memory;

	ASSERT_EQ(0, set_limit(self->fd, 2 * BLOCK));
	memory = map_blocks(self->fd, 2);
	ASSERT_NE(MAP_FAILED, memory);
	memory[0] = 1;
	ASSERT_EQ(0, pipe(pipes));
	iov = (struct iovec) { memory, 1 };
	ASSERT_EQ(1, vmsplice(pipes[1], &iov, 1, 0));
	EXPECT_EQ(2, release_all(self->fd));
	EXPECT_EQ(1, stats_of(self->fd).charged);
	EXPECT_EQ(-EDQUOT, commit_blocks(self->fd, 0, 2));
	EXPECT_EQ(0, commit_blocks(self->fd, 0, 1));
	close(pipes[0]);
	close(pipes[1]);
	for (i = 0; i < 2000 && stats_of(self->fd).charged > 1; i++)
		usleep(10000);
	EXPECT_EQ(0, commit_blocks(self->fd, 0, 2));
}

/* --- many at once ---------------------------------------------------------- */

/**
 * struct race - tasks that compete for the last block
 * @got: number of blocks that they have
 * @errors: the error by which each of them was refused
 * @go: set when all tasks have started
 */
struct race {
	long got;
	int errors[MAX_TASKS];
	int go;
};

FIXTURE(limits_race) {
	struct race *race;
	pid_t pids[MAX_TASKS];
	struct stat device;
	long in_use;
};

FIXTURE_VARIANT(limits_race) {
	int tasks;
};

FIXTURE_VARIANT_ADD(limits_race, of_1) { .tasks = 1 };
FIXTURE_VARIANT_ADD(limits_race, of_8) { .tasks = 8 };
FIXTURE_VARIANT_ADD(limits_race, of_64) { .tasks = 64 };

FIXTURE_SETUP(limits_race)
{
	self->race = mmap(NULL, sizeof(*self->race), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->race);
	ASSERT_EQ(0, stat(DEVICE, &self->device));
	ASSERT_EQ(0, chmod(DEVICE, 0666));
	/*
	 * A test that was ended by its timeout leaves the limit of a node set.
	 */
	ASSERT_TRUE(set_file(PARAMETERS "limit", "auto"));
	self->in_use = pool_settled("in_use", 0);
	ASSERT_EQ(0, self->in_use);
}

FIXTURE_TEARDOWN(limits_race)
{
	set_file(PARAMETERS "limit", "auto");
	chmod(DEVICE, self->device.st_mode);
}

/* Sleep until then, since tasks that have not started yet need the CPUs. */
static void wait_for_start(struct race *race)
{
	while (!__atomic_load_n(&race->go, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &race->go, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void start(struct race *race)
{
	__atomic_store_n(&race->go, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &race->go, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Commit one block after the other until that fails; return the error. */
static int take_all(int fd, struct race *race, size_t first)
{
	int err;

	wait_for_start(race);
	while (!(err = commit_blocks(fd, first++, 1)))
		__atomic_add_fetch(&race->got, 1, __ATOMIC_RELAXED);
	return err;
}

static bool become_user(long bytes)
{
	struct rlimit limit = { bytes, bytes };

	return !setrlimit(RLIMIT_MEMLOCK, &limit) && !setgid(USER) && !setuid(USER);
}

/*
 * Start a process with an arena of its own; with a limit on locked memory, as
 * another user.
 */
static pid_t start_process(struct race *race, int task, long memlock)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (memlock && !become_user(memlock))
		_exit(1);
	race->errors[task] = take_all(open_arena(), race, 0);
	pause();
	_exit(1);
}

/*
 * Run all processes until each was refused; return the maximum number of blocks
 * in use.
 */
static long run_processes(struct race *race, pid_t *pids, int nr, long memlock)
{
	long most = 0, now;
	int i, left = nr;

	for (i = 0; i < nr; i++)
		pids[i] = start_process(race, i, memlock);
	start(race);
	while (left) {
		now = pool_count("in_use+quarantined");
		most = now > most ? now : most;
		for (i = 0, left = 0; i < nr; i++)
			left += !__atomic_load_n(&race->errors[i], __ATOMIC_ACQUIRE);
	}
	return most;
}

static void kill_processes(pid_t *pids, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < nr; i++)
		waitpid(pids[i], NULL, 0);
}

TEST_F(limits_race, memlock_limit_holds)
{
	/* One page less than another block would need. */
	const long bytes = (LIMIT + 1) * BLOCK - PAGE;
	int i, round;

	if (geteuid())
		SKIP(return, "not root");
	/*
	 * The second round shows that nothing of the first one is still
	 * charged.
	 */
	for (round = 0; round < 2; round++) {
		memset(self->race, 0, sizeof(*self->race));
		EXPECT_GE(LIMIT, run_processes(self->race, self->pids,
					       variant->tasks, bytes));
		EXPECT_EQ(LIMIT, self->race->got);
		EXPECT_EQ(LIMIT, pool_count("in_use"));
		for (i = 0; i < variant->tasks; i++)
			EXPECT_EQ(-ENOMEM, self->race->errors[i]);
		kill_processes(self->pids, variant->tasks);
		EXPECT_EQ(0, pool_settled("in_use", 0));
	}
}

/* A process with CAP_IPC_LOCK is not limited. */
TEST_F(limits_race, cap_ipc_lock_lifts_memlock_limit)
{
	struct rlimit limit = { BLOCK, BLOCK };
	int fd;

	if (geteuid())
		SKIP(return, "not root");
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	fd = open_arena();
	EXPECT_EQ(0, commit_blocks(fd, 0, variant->tasks));
	close(fd);
}

TEST_F(limits_race, memlock_parameter_0_lifts_memlock_limit)
{
	pid_t pid;
	int fd;

	if (geteuid())
		SKIP(return, "not root");
	ASSERT_TRUE(set_file(PARAMETERS "memlock", "0"));
	pid = fork();
	if (!pid) {
		if (!become_user(BLOCK))
			_exit(1);
		fd = open_arena();
		_exit(commit_blocks(fd, 0, variant->tasks) ? 2 : 0);
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_TRUE(set_file(PARAMETERS "memlock", "1"));
}

TEST_F(limits_race, node_limit_holds)
{
	long nodes = 0, node;
	int i, round;

	if (geteuid())
		SKIP(return, "not root");
	for (node = 0; node < MAX_NODES; node++)
		nodes += pool_figure(node, "ready") >= 0;
	ASSERT_TRUE(set_file(PARAMETERS "limit", "48M"));
	for (round = 0; round < 2; round++) {
		memset(self->race, 0, sizeof(*self->race));
		EXPECT_GE(nodes * LIMIT, run_processes(self->race, self->pids,
						       variant->tasks, 0));
		EXPECT_EQ(nodes * LIMIT, self->race->got);
		for (node = 0; node < MAX_NODES; node++) {
			if (pool_figure(node, "ready") >= 0)
				EXPECT_EQ(LIMIT, pool_figure(node, "in_use"));
		}
		for (i = 0; i < variant->tasks; i++)
			EXPECT_EQ(-ENOMEM, self->race->errors[i]);
		kill_processes(self->pids, variant->tasks);
		EXPECT_EQ(0, pool_settled("in_use", 0));
	}
}

#define GROUP		"arena-dmem"

/*
 * Make a cgroup with this limit for each node; return false if the kernel does
 * not support that.
 */
static bool make_dmem_group(const char *root, size_t blocks)
{
	char line[LINE_LENGTH];
	int node;

	if (chdir(root) || !set_file("cgroup.subtree_control", "+dmem") ||
	    mkdir(GROUP, 0755))
		return false;
	for (node = 0; node < MAX_NODES; node++) {
		if (pool_figure(node, "ready") < 0)
			continue;
		snprintf(line, sizeof(line), "arena/node%d %zu", node, blocks * BLOCK);
		if (!set_file(GROUP "/dmem.max", line))
			return false;
	}
	return true;
}

/* Return the number of blocks charged to the group on all nodes, or -1. */
static double dmem_charged(void)
{
	double sum = 0, bytes;
	char name[64];
	FILE *file;

	file = fopen(GROUP "/dmem.current", "r");
	if (!file)
		return -1;
	while (fscanf(file, "%63s %lf", name, &bytes) == 2) {
		if (!strncmp(name, "arena/", 6))
			sum += bytes / BLOCK;
	}
	fclose(file);
	return sum;
}

TEST_F(limits_race, dmem_cgroup_limit_holds)
{
	char root[] = "/tmp/arena-XXXXXX";
	long nodes = 0, node;
	bool has_dmem;
	int i, round;

	if (geteuid())
		SKIP(return, "not root");
	for (node = 0; node < MAX_NODES; node++)
		nodes += pool_figure(node, "ready") >= 0;
	ASSERT_NE(NULL, mkdtemp(root));
	ASSERT_EQ(0, mount("none", root, "cgroup2", 0, NULL));
	has_dmem = make_dmem_group(root, LIMIT);
	for (round = 0; has_dmem && round < 2; round++) {
		memset(self->race, 0, sizeof(*self->race));
		/* Children start in the cgroup of their parent. */
		ASSERT_TRUE(set_file(GROUP "/cgroup.procs", "0"));
		EXPECT_GE(nodes * LIMIT, run_processes(self->race, self->pids,
						       variant->tasks, 0));
		ASSERT_TRUE(set_file("cgroup.procs", "0"));
		EXPECT_EQ(nodes * LIMIT, self->race->got);
		EXPECT_EQ(nodes * LIMIT, dmem_charged());
		for (i = 0; i < variant->tasks; i++)
			EXPECT_EQ(-ENOMEM, self->race->errors[i]);
		/* A process outside the group can have more. */
		i = open_arena();
		EXPECT_EQ(0, commit_blocks(i, 0, 2 * LIMIT));
		close(i);
		kill_processes(self->pids, variant->tasks);
		EXPECT_EQ(0, pool_settled("in_use", 0));
		EXPECT_EQ(0, dmem_charged());
	}
	rmdir(GROUP);
	ASSERT_EQ(0, chdir("/"));
	umount(root);
	rmdir(root);
	if (!has_dmem)
		SKIP(return, "this kernel has no dmem controller");
}

struct taker {
	struct race *race;
	int fd, task;
};

static void *run_taker(void *data)
{
	struct taker *taker = data;

	taker->race->errors[taker->task] =
		take_all(taker->fd, taker->race, taker->task * 1000);
	return NULL;
}

TEST_F(limits_race, arena_limit_holds)
{
	struct taker takers[MAX_TASKS];
	pthread_t threads[MAX_TASKS];
	int fd = open_arena(), i;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, set_limit(fd, LIMIT * BLOCK));
	for (i = 0; i < variant->tasks; i++) {
		takers[i] = (struct taker) { self->race, fd, i };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run_taker, &takers[i]));
	}
	start(self->race);
	for (i = 0; i < variant->tasks; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(-EDQUOT, self->race->errors[i]);
	}
	EXPECT_EQ(LIMIT, self->race->got);
	EXPECT_EQ(LIMIT, blocks_of(fd));
	EXPECT_EQ(LIMIT, stats_of(fd).charged);
	close(fd);
}

TEST_HARNESS_MAIN
