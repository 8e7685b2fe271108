// SPDX-License-Identifier: GPL-2.0-only
/*
 * No data leaks between owners. Processes of several users and cgroups fill
 * arenas with a secret of their own and lose the blocks in every possible way.
 * Each process checks each word of each block that it gets: the word must be
 * zero or its own secret.
 *
 * Needs root, and no other user of the module. $ARENA_LEAKS_GIB is the amount
 * of memory to check, $ARENA_SEED repeats a run.
 */
#include "many.h"
#include <pthread.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include "harness.h"

#define DEFAULT_GIB	64
#define LIVES		6
#define MAX_BLOCKS	32
#define NR_USERS	4
#define FIRST_USER	20001
#define WORDS		(BLOCK / sizeof(unsigned long long))

/* With this argument the program exits at once. */
#define END_AT_ONCE	"--end-at-once"

/*
 * How an arena's blocks are lost. The process lives on after the ways before
 * NR_SURVIVED.
 */
enum way {
	BY_RELEASE, BY_RANGES, BY_SEAL, BY_CLOSE, BY_MUNMAP, NR_SURVIVED,
	BY_EXIT = NR_SURVIVED, BY_EXIT_GROUP, BY_EXEC, BY_KILL, BY_OOM_OF_GROUP,
	BY_OOM_OF_ALL, BY_FREEZE, NR_WAYS
};

static const char * const way_names[NR_WAYS] = {
	"release", "ranges", "seal", "close", "munmap", "exit", "_exit", "exec",
	"kill -9", "OOM of a cgroup", "OOM of all", "freeze",
};

/**
 * struct shared - state shared by all processes of a test
 * @scanned: number of new blocks that were checked
 * @kept: number of these that had the process's own secret
 * @leaks: number of these that had any other data
 * @value: one of the unexpected words
 * @wanted: the value expected in its place
 * @wrong: number of blocks whose own contents had changed
 * @refused: number of requests that got fewer blocks than they asked for
 * @claimed: number of claims without a system call; all blocks were there
 * @taken: number of blocks that were missing after a claim
 * @ways: number of times that blocks were lost in each way
 */
struct shared {
	long scanned;
	long kept;
	long leaks;
	unsigned long long value;
	unsigned long long wanted;
	long wrong;
	long refused;
	long claimed;
	long taken;
	long ways[NR_WAYS];
};

/* The sum over all tests, in blocks and seconds. Set up before the harness forks. */
struct sum {
	long scanned;
	double seconds;
};

static struct sum *sum;
static bool has_idle, has_freeze, has_pools;

static void *map_shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/*
 * Runs before the check for the device, since this process may not be allowed
 * to open it.
 */
static void __attribute__((constructor(101))) end_if_asked(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], END_AT_ONCE))
		_exit(0);
}

static void __attribute__((constructor)) set_up(void)
{
	char line[LINE_LENGTH];

	sum = map_shared(sizeof(*sum));
	/* With memcg=1 blocks go back to the system at once, so there are no pools. */
	has_pools = strcmp(get_file(PARAMETERS "memcg", line), "Y");
	has_idle = has_feature(ARENA_FEATURE_IDLE);
	has_freeze = has_feature(ARENA_FEATURE_FREEZE);
}

static void count(long *what, long nr)
{
	__atomic_add_fetch(what, nr, __ATOMIC_RELAXED);
}

/* --- checking contents ----------------------------------------------------- */

/*
 * Return nonzero if any word of a block differs from the expected one. Eight
 * loads in one expression are the fastest form on an emulated CPU: 7 GiB a
 * second, twice as fast as with vectors.
 */
static unsigned long long scan(const char *block, unsigned long long wanted)
{
	const unsigned long long *word = (const unsigned long long *)block;
	const unsigned long long *end = word + WORDS;
	unsigned long long found = 0;

	for (; word < end; word += 8)
		found |= (word[0] ^ wanted) | (word[1] ^ wanted) |
			 (word[2] ^ wanted) | (word[3] ^ wanted) |
			 (word[4] ^ wanted) | (word[5] ^ wanted) |
			 (word[6] ^ wanted) | (word[7] ^ wanted);
	return found;
}

static void fill(char *block, unsigned long long value)
{
	unsigned long long *word = (unsigned long long *)block;
	size_t i;

	for (i = 0; i < WORDS; i++)
		word[i] = value;
}

static unsigned long long first_other(const char *block, unsigned long long wanted)
{
	const unsigned long long *word = (const unsigned long long *)block;
	size_t i;

	for (i = 0; i < WORDS && word[i] == wanted; i++)
		;
	return i < WORDS ? word[i] : 0;
}

/* --- a process ------------------------------------------------------------- */

/**
 * struct slot - a place for one process at a time, shared with it
 * @pid: the current process, or 0
 * @secret: the value that it writes
 * @way: how it ends
 * @awaits_oom: it waits for the OOM killer
 * @killed_at: time at which to kill it, or to call the OOM killer again
 * @pipe: pipe in which its pages are pinned
 */
struct slot {
	pid_t pid;
	unsigned long long secret;
	enum way way;
	int awaits_oom;
	double killed_at;
	int pipe[2];
};

/**
 * struct life - a process with an arena
 * @shared: state of all processes
 * @slot: the slot of this process
 * @fd: the arena
 * @memory: address range reserved for MAX_BLOCKS of the arena
 * @control: the control page, where the arena is marked idle
 * @nr: number of committed blocks
 * @secret: the value that it writes
 * @way: how it ends
 * @random: state of the random numbers
 * @keeps, @idles, @pins: features that the test variant uses
 */
struct life {
	struct shared *shared;
	struct slot *slot;
	int fd;
	char *memory;
	struct arena_control *control;
	size_t nr;
	unsigned long long secret;
	enum way way;
	unsigned int random;
	bool keeps, idles, pins;
};

static bool is_chance(struct life *life, unsigned int one_of)
{
	return !random_below(&life->random, one_of);
}

/* Check a new block: it must be zero or, if that is allowed, have the own secret. */
static void look_at(struct life *life, const char *block, bool may_be_own)
{
	unsigned long long wanted = 0;

	if (may_be_own && *(const unsigned long long *)block == life->secret)
		wanted = life->secret;
	count(&life->shared->scanned, 1);
	if (wanted)
		count(&life->shared->kept, 1);
	if (!scan(block, wanted))
		return;
	life->shared->value = first_other(block, wanted);
	life->shared->wanted = wanted;
	count(&life->shared->leaks, 1);
}

/* Check that the blocks that were not lost still have the own secret. */
static void check_own(struct life *life)
{
	size_t i;

	for (i = 0; i < life->nr; i++)
		if (scan(life->memory + i * BLOCK, life->secret))
			count(&life->shared->wrong, 1);
}

static bool map_arena(struct life *life)
{
	life->memory = mmap(NULL, MAX_BLOCKS * BLOCK, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, life->fd, 0);
	return life->memory != MAP_FAILED;
}

static bool open_own(struct life *life)
{
	life->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (life->fd < 0 || !map_arena(life))
		return false;
	if (life->keeps && set_arena_flags(life->fd, ARENA_F_KEEP_DIRTY))
		return false;
	if (life->idles)
		life->control = map_control(life->fd);
	return life->control != MAP_FAILED;
}

/* Commit blocks in a random way; if that fails, commit as many as possible. */
static void get_blocks(struct life *life)
{
	size_t nr = 1 + random_below(&life->random, MAX_BLOCKS), i = 0;

	switch (random_below(&life->random, 3)) {
	case 0:
		if (!commit_blocks(life->fd, 0, nr))
			i = nr;
		break;
	case 1:
		if (!madvise(life->memory, nr * BLOCK, MADV_POPULATE_WRITE))
			i = nr;
		break;
	}
	while (i < nr && !commit_blocks(life->fd, i, 1))
		i++;
	if (i < nr)
		count(&life->shared->refused, 1);
	life->nr = i;
}

/* Pin pages in a pipe, which is read after the process has ended. */
static void pin_some(struct life *life)
{
	struct iovec iov = { .iov_len = PAGE };
	size_t i;

	for (i = random_below(&life->random, 4); i < life->nr; i += 4) {
		iov.iov_base = life->memory + i * BLOCK +
			       random_below(&life->random, BLOCK / PAGE) * PAGE;
		if (vmsplice(life->slot->pipe[1], &iov, 1, SPLICE_F_NONBLOCK) < 0)
			return;
	}
}

/* After a claim by ioctl, check that blocks are either unchanged or zero. */
static void check_what_is_left(struct life *life)
{
	size_t i;

	for (i = 0; i < life->nr; i++) {
		char *block = life->memory + i * BLOCK;

		/* If there is no block, a touch would raise SIGBUS. */
		if (commit_blocks(life->fd, i, 1)) {
			life->nr = i;
			break;
		}
		if (*(unsigned long long *)block == life->secret) {
			if (scan(block, life->secret))
				count(&life->shared->wrong, 1);
			continue;
		}
		look_at(life, block, false);
		count(&life->shared->taken, 1);
		fill(block, life->secret);
	}
}

static void be_idle(struct life *life)
{
	mark_idle(life->control);
	usleep(random_below(&life->random, 20000));
	/* Sometimes leave the arena idle. */
	if (is_chance(life, 8))
		return;
	if (claim_by_swap(life->control)) {
		count(&life->shared->claimed, 1);
		check_own(life);
	} else if (claim_by_call(life->fd) >= 0) {
		check_what_is_left(life);
	} else {
		count(&life->shared->wrong, 1);
	}
}

static void live_a_while(struct life *life)
{
	size_t i;

	/* The previous round may have left the arena idle; it must not be used then. */
	if (life->idles && claim_by_call(life->fd) < 0)
		count(&life->shared->wrong, 1);
	get_blocks(life);
	for (i = 0; i < life->nr; i++)
		look_at(life, life->memory + i * BLOCK, life->keeps);
	for (i = 0; i < life->nr; i++)
		fill(life->memory + i * BLOCK, life->secret);
	if (life->pins)
		pin_some(life);
	if (life->idles)
		be_idle(life);
}

/* --- how it ends ----------------------------------------------------------- */

/* Close the descriptor first or unmap first; the other one still holds the blocks. */
static bool close_arena(struct life *life, enum way way)
{
	if (way == BY_CLOSE) {
		close(life->fd);
		if (!life->idles)
			check_own(life);
		munmap(life->memory, MAX_BLOCKS * BLOCK);
	} else {
		munmap(life->memory, MAX_BLOCKS * BLOCK);
		if (!map_arena(life))
			return false;
		if (!life->idles)
			check_own(life);
		munmap(life->memory, MAX_BLOCKS * BLOCK);
		close(life->fd);
	}
	if (life->idles)
		munmap(life->control, PAGE);
	return open_own(life);
}

/* Lose the blocks, and go on; return false if that fails. */
static bool lose_blocks(struct life *life)
{
	enum way way = random_below(&life->random, NR_SURVIVED);
	size_t i;

	count(&life->shared->ways[way], 1);
	switch (way) {
	case BY_RELEASE:
		return release_all(life->fd) >= 0;
	case BY_RANGES:
		for (i = 0; i < life->nr; i++)
			if (release_range(life->fd, i * BLOCK, BLOCK) < 0)
				return false;
		return true;
	case BY_SEAL:
		return release_blocks(life->fd, ARENA_RELEASE_SEAL, 0, 0) >= 0;
	default:
		return close_arena(life, way);
	}
}

/* Allocate until the cgroup is full and the OOM killer kills a process. */
static void eat_until_killed(unsigned long long secret)
{
	char *memory;

	while (true) {
		memory = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			usleep(1000);
		else
			fill(memory, secret);
	}
}

/* Fork a child that reads the frozen arena and outlives its parent. */
static void show_to_child(struct life *life)
{
	char *memory;
	size_t i;

	if (freeze_arena(life->fd) || fork())
		return;
	memory = mmap(NULL, MAX_BLOCKS * BLOCK, PROT_READ, MAP_SHARED | MAP_NORESERVE,
		      life->fd, 0);
	if (memory == MAP_FAILED) {
		count(&life->shared->wrong, 1);
		_exit(0);
	}
	usleep(random_below(&life->random, 20000));
	for (i = 0; i < life->nr; i++)
		if (scan(memory + i * BLOCK, life->secret))
			count(&life->shared->wrong, 1);
	_exit(0);
}

static void end_life(struct life *life)
{
	switch (life->way) {
	case BY_EXIT:
		exit(0);
	case BY_EXEC:
		execl("/proc/self/exe", "leaks", END_AT_ONCE, NULL);
		_exit(99);
	case BY_OOM_OF_GROUP:
		eat_until_killed(life->secret);
		break;
	case BY_OOM_OF_ALL:
		__atomic_store_n(&life->slot->awaits_oom, 1, __ATOMIC_RELEASE);
		while (true)
			pause();
	case BY_FREEZE:
		/* An idle arena may have lost contents. */
		if (!life->idles && !life->pins)
			show_to_child(life);
		break;
	default:
		break;
	}
	_exit(0);
}

/* Choose a user and a cgroup at random, and whether the arena is opened as root. */
static bool become_somebody(struct life *life)
{
	uid_t user = FIRST_USER + random_below(&life->random, NR_USERS);
	rlim_t memlock = is_chance(life, 2) ? RLIM_INFINITY : 2 * MAX_BLOCKS * BLOCK;
	bool opens_first = is_chance(life, 2);

	set_file(life->way == BY_OOM_OF_GROUP ? "small/cgroup.procs" :
		 is_chance(life, 2) ? "one/cgroup.procs" : "two/cgroup.procs", "0");
	if (life->way == BY_OOM_OF_ALL)
		set_file("/proc/self/oom_score_adj", "1000");
	if (opens_first && !open_own(life))
		return false;
	if (!become_user(user, memlock))
		_exit(98);
	return opens_first || open_own(life);
}

static void live(struct life *life)
{
	unsigned int rounds = 1 + random_below(&life->random, 3), i;

	/* Not enough memory; this happens under pressure. */
	if (!become_somebody(life))
		_exit(0);
	for (i = 0; life->way == BY_KILL || i < rounds; i++) {
		if (i && !lose_blocks(life))
			_exit(97);
		live_a_while(life);
	}
	end_life(life);
}

/* --- all processes --------------------------------------------------------- */

FIXTURE(leaks) {
	struct shared *shared;
	struct slot *slots;
	unsigned int random;
	char root[32];
	bool has_groups, has_sysrq;
	struct stat device;
	pid_t helper;
	long lives, bad_ends, pinned, unlike;
	int bad_status;
};

FIXTURE_VARIANT(leaks) {
	int part;
	bool keeps, idles, pins, presses;
};

/*
 * Shares of the total amount. If there are no idle arenas, the other variants
 * take that share.
 */
#define ALL_PARTS	16
#define IDLE_PART	3

FIXTURE_VARIANT_ADD(leaks, plain) { .part = 5 };
FIXTURE_VARIANT_ADD(leaks, keep_dirty) { .part = 3, .keeps = true };
FIXTURE_VARIANT_ADD(leaks, pinned) { .part = 2, .pins = true };
FIXTURE_VARIANT_ADD(leaks, idle) { .part = IDLE_PART, .idles = true };
FIXTURE_VARIANT_ADD(leaks, pressure) { .part = 3, .presses = true };

static double wanted_gib(void)
{
	return number_from("ARENA_LEAKS_GIB", DEFAULT_GIB);
}

static double gib(long blocks)
{
	return (double)blocks * BLOCK / (1 << 30);
}

FIXTURE_SETUP(leaks)
{
	int i;

	if (geteuid())
		SKIP(return, "not root");
	if (variant->idles && !has_idle)
		SKIP(return, "the module has no idle arenas");
	self->random = pick_seed();
	TH_LOG("ARENA_SEED=%u", self->random);
	self->shared = map_shared(sizeof(*self->shared));
	ASSERT_NE(MAP_FAILED, self->shared);
	self->slots = map_shared(LIVES * sizeof(*self->slots));
	ASSERT_NE(MAP_FAILED, self->slots);
	for (i = 0; i < LIVES; i++)
		ASSERT_EQ(0, pipe2(self->slots[i].pipe, O_NONBLOCK | O_CLOEXEC));
	ASSERT_EQ(0, stat(DEVICE, &self->device));
	ASSERT_EQ(0, chmod(DEVICE, 0666));
	/* Adopt the children of processes that are killed. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));

	strcpy(self->root, "/tmp/arena-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	ASSERT_EQ(0, mount("none", self->root, "cgroup2", 0, NULL));
	ASSERT_EQ(0, chdir(self->root));
	self->has_groups = set_file("cgroup.subtree_control", "+memory") &&
			   !mkdir("one", 0755) && !mkdir("two", 0755) &&
			   !mkdir("small", 0755) && set_file("small/memory.max", "64M");
	self->has_sysrq = !access("/proc/sysrq-trigger", W_OK);
	set_file("/proc/sys/vm/oom_dump_tasks", "0");
	ASSERT_EQ(0, pool_settled("in_use", 0));
}

FIXTURE_TEARDOWN(leaks)
{
	if (!self->slots)
		return;
	set_file("/proc/sys/vm/oom_dump_tasks", "1");
	rmdir("one");
	rmdir("two");
	rmdir("small");
	EXPECT_EQ(0, chdir("/"));
	EXPECT_EQ(0, umount(self->root));
	rmdir(self->root);
	chmod(DEVICE, self->device.st_mode);
}

/* The OOM killer is slow and prints much, so few processes end by it. */
static enum way pick_end(FIXTURE_DATA(leaks) *self)
{
	unsigned int percentile = random_below(&self->random, 100);

	if (percentile < 5 && self->has_groups)
		return BY_OOM_OF_GROUP;
	if (percentile < 7 && self->has_sysrq)
		return BY_OOM_OF_ALL;
	if (percentile < 12 && has_freeze)
		return BY_FREEZE;
	if (percentile < 50)
		return BY_KILL;
	return BY_EXIT + percentile % 3;
}

/* No byte of a secret is zero. */
static unsigned long long make_secret(unsigned int *random)
{
	unsigned long long secret = rand_r(random);

	return (secret << 33 ^ (unsigned long long)rand_r(random) << 3) |
	       0x0101010101010101ULL;
}

static void start_life(FIXTURE_DATA(leaks) *self, const FIXTURE_VARIANT(leaks) *variant,
		       struct slot *slot)
{
	struct life life = {
		.shared = self->shared, .slot = slot, .random = rand_r(&self->random),
		.keeps = variant->keeps, .idles = variant->idles, .pins = variant->pins,
	};
	pid_t pid;

	life.secret = make_secret(&self->random);
	slot->secret = life.secret;
	slot->way = pick_end(self);
	life.way = slot->way;
	slot->awaits_oom = 0;
	slot->killed_at = seconds() + random_below(&self->random, 300000) / 1e6;
	fflush(stdout);
	pid = fork();
	if (!pid)
		live(&life);
	if (pid < 0)
		return;
	slot->pid = pid;
	self->lives++;
}

/* Pinned pages must still have their owner's data: the block was not reused. */
static void read_pinned(FIXTURE_DATA(leaks) *self, struct slot *slot)
{
	static unsigned long long page[PAGE / 8];
	size_t i;

	while (read(slot->pipe[0], page, PAGE) == (ssize_t)PAGE) {
		for (i = 0; i < PAGE / 8 && page[i] == slot->secret; i++)
			;
		self->pinned++;
		self->unlike += i < PAGE / 8;
	}
}

static void note_end(FIXTURE_DATA(leaks) *self, pid_t pid, int status)
{
	bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	int i;

	if (pid == self->helper)
		self->helper = 0;
	for (i = 0; i < LIVES; i++) {
		if (self->slots[i].pid != pid)
			continue;
		self->slots[i].pid = 0;
		count(&self->shared->ways[self->slots[i].way], 1);
		read_pinned(self, &self->slots[i]);
		/* Any process may be killed for lack of memory. */
		if (status && !is_killed) {
			self->bad_ends++;
			self->bad_status = status;
		}
	}
}

static void look_after(FIXTURE_DATA(leaks) *self, struct slot *slot)
{
	if (seconds() < slot->killed_at)
		return;
	if (slot->way == BY_KILL)
		kill(slot->pid, SIGKILL);
	/* The OOM killer prefers processes that wait for it: this one or another. */
	if (__atomic_load_n(&slot->awaits_oom, __ATOMIC_ACQUIRE)) {
		set_file("/proc/sysrq-trigger", "f");
		slot->killed_at = seconds() + 1;
	}
}

/* Make the system reclaim as many blocks as it can, repeatedly. */
static void press_by_shrinkers(void)
{
	while (true) {
		drop_slab();
		usleep(20000);
	}
}

/* The same by allocating memory and filling it with another secret. */
static void press_by_need(void)
{
	const size_t spare_kib = 128 << 10;
	size_t bytes, i;
	char *memory;
	long kib;

	/* Be killed before any process except those that wait for the OOM killer. */
	set_file("/proc/self/oom_score_adj", "500");
	while (true) {
		kib = meminfo_kib("MemAvailable") - spare_kib;
		bytes = kib > 0 ? (kib << 10) / BLOCK * BLOCK : BLOCK;
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			_exit(0);
		madvise(memory, bytes, MADV_HUGEPAGE);
		for (i = 0; i < bytes; i += BLOCK)
			fill(memory + i, 0xea7e7ea7e7ea7e7fULL);
		munmap(memory, bytes);
	}
}

static void start_helper(FIXTURE_DATA(leaks) *self, const FIXTURE_VARIANT(leaks) *variant)
{
	if (self->helper > 0 || !(variant->idles || variant->presses))
		return;
	self->helper = fork();
	if (self->helper)
		return;
	if (variant->presses)
		press_by_need();
	press_by_shrinkers();
}

static void run_lives(FIXTURE_DATA(leaks) *self, const FIXTURE_VARIANT(leaks) *variant,
		      long blocks)
{
	int i, status;
	pid_t pid;

	while (__atomic_load_n(&self->shared->scanned, __ATOMIC_RELAXED) < blocks) {
		start_helper(self, variant);
		for (i = 0; i < LIVES; i++) {
			if (self->slots[i].pid)
				look_after(self, &self->slots[i]);
			else
				start_life(self, variant, &self->slots[i]);
		}
		usleep(1000);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			note_end(self, pid, status);
	}
	for (i = 0; i < LIVES; i++)
		if (self->slots[i].pid)
			kill(self->slots[i].pid, SIGKILL);
	if (self->helper > 0)
		kill(self->helper, SIGKILL);
	while ((pid = waitpid(-1, &status, 0)) > 0)
		note_end(self, pid, status);
}

TEST_F_TIMEOUT(leaks, arenas_never_see_data_of_others, 10 * HANG)
{
	long shrunk = pool_count("shrunk");
	long blocks = wanted_gib() * variant->part * ((1 << 30) / BLOCK) /
		      (ALL_PARTS - (has_idle ? 0 : IDLE_PART)) + 1;
	struct shared *shared = self->shared;
	double since = seconds();
	char line[1024];
	size_t used = 0;
	int i;

	run_lives(self, variant, blocks);
	since = seconds() - since;
	sum->scanned += shared->scanned;
	sum->seconds += since;

	TH_LOG("%.1f GiB scanned in %.0f s, by %ld processes; %ld commits refused",
	       gib(shared->scanned), since, self->lives, shared->refused);
	for (i = 0; i < NR_WAYS; i++)
		used += snprintf(line + used, sizeof(line) - used, "%s%ld %s",
				 i ? ", " : "", shared->ways[i], way_names[i]);
	TH_LOG("blocks were lost by: %s", line);
	if (shared->leaks)
		TH_LOG("found %#llx, expected %#llx", shared->value, shared->wanted);
	EXPECT_EQ(0, shared->leaks);
	EXPECT_EQ(0, shared->wrong);
	EXPECT_EQ(0, self->bad_ends)
		TH_LOG("status %#x", self->bad_status);
	if (variant->keeps)
		TH_LOG("%ld blocks were kept by the same process", shared->kept);
	if (variant->idles) {
		TH_LOG("%ld claims by swap, %ld blocks taken", shared->claimed,
		       shared->taken);
		EXPECT_GT(shared->claimed, 0);
		EXPECT_GT(shared->taken, 0);
	}
	if (variant->presses) {
		TH_LOG("%ld blocks went back to the system", pool_count("shrunk") - shrunk);
		/* It takes a while to use up the free memory. */
		if (has_pools && since > 10)
			EXPECT_GT(pool_count("shrunk"), shrunk);
	}
	if (variant->pins) {
		TH_LOG("%ld pages were still pinned after their owner had ended", self->pinned);
		EXPECT_GT(self->pinned, 0);
		EXPECT_EQ(0, self->unlike);
	}
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
	for (i = 0; i < NR_USERS; i++)
		EXPECT_TRUE(has_nothing_locked(FIRST_USER + i));
}

/* --- whether the scan finds anything --------------------------------------- */

FIXTURE(leaks_scanner) {
	char *block;
};

FIXTURE_SETUP(leaks_scanner)
{
	self->block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->block);
}

FIXTURE_TEARDOWN(leaks_scanner)
{
	munmap(self->block, BLOCK);
}

TEST_F(leaks_scanner, scanner_finds_single_byte_anywhere)
{
	unsigned int random = pick_seed();
	size_t at, i;

	for (i = 0; i < 300; i++) {
		at = i < 64 ? i : i < 128 ? BLOCK - 1 - (i - 64) :
		     random_below(&random, BLOCK);
		EXPECT_EQ(0, scan(self->block, 0));
		self->block[at] = 1 << i % 8;
		EXPECT_NE(0, scan(self->block, 0));
		self->block[at] = 0;
	}
	fill(self->block, 0x5ec7e75ec7e7f00dULL);
	EXPECT_EQ(0, scan(self->block, 0x5ec7e75ec7e7f00dULL));
	self->block[BLOCK / 2 + 3] ^= 4;
	EXPECT_NE(0, scan(self->block, 0x5ec7e75ec7e7f00dULL));
}

/* Declared last, so that it runs last. */
FIXTURE(leaks_total) {
};

FIXTURE_SETUP(leaks_total)
{
}

FIXTURE_TEARDOWN(leaks_total)
{
}

TEST_F(leaks_total, all_blocks_were_scanned)
{
	TH_LOG("%.1f GiB scanned in all, in %.0f s; idle arenas: %s, frozen ones: %s",
	       gib(sum->scanned), sum->seconds, has_idle ? "yes" : "no",
	       has_freeze ? "yes" : "no");
	EXPECT_GE(gib(sum->scanned), wanted_gib());
}

TEST_HARNESS_MAIN
