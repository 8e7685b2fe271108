// SPDX-License-Identifier: GPL-2.0-only
/*
 * Storms. In one test, processes with many threads are killed at random times;
 * in the other, many threads do everything to one arena concurrently. All the
 * while a thread tries to unload the module. Afterwards all blocks are free,
 * and nothing is charged to anyone.
 *
 * Needs root, no other user of the module, and a debug kernel.
 * $ARENA_STORM_KILLS is the number of processes to kill, $ARENA_STORM_SECONDS
 * the duration of the other test, and $ARENA_SEED repeats a run.
 */
#include "many.h"
#include <pthread.h>
#include <sys/uio.h>
#include "harness.h"

#define DEFAULT_KILLS	10000
#define DEFAULT_SECONDS	20

#define USER		20011
#define MEMLOCK		(64 * BLOCK)

static bool has_idle, has_freeze;

static void __attribute__((constructor)) ask_for_features(void)
{
	has_idle = has_feature(ARENA_FEATURE_IDLE);
	has_freeze = has_feature(ARENA_FEATURE_FREEZE);
}

/*
 * Change the page tables of a region, in whole or in part, by mprotect, madvise
 * or mremap. Return its address: mremap moves it to an address reserved for
 * @mover.
 */
static char *change_region(char *region, size_t nr, unsigned int mover, unsigned int *random)
{
	/* The kernel itself maps nothing there. */
	char *other = (char *)0x600000000000 + (size_t)mover * 64 * BLOCK;
	char *at = region + random_below(random, nr * BLOCK / PAGE) * PAGE;
	size_t bytes = (1 + random_below(random, (region + nr * BLOCK - at) / PAGE)) * PAGE;

	switch (random_below(random, 4)) {
	case 0:
		mprotect(at, bytes, random_below(random, 2) ? PROT_READ : PROT_NONE);
		mprotect(at, bytes, PROT_READ | PROT_WRITE);
		return region;
	case 1:
		madvise(at, bytes, random_below(random, 2) ? MADV_DONTNEED : MADV_COLLAPSE);
		return region;
	default:
		if (region == other)
			other += 32 * BLOCK;
		return mremap(region, nr * BLOCK, nr * BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED,
			      other) == other ? other : region;
	}
}

/* --- while the device is open, unloading is refused ------------------------ */

/**
 * struct unloader - a thread that tries to unload the module
 * @stop: set to end it
 * @tries: number of tries
 * @other: number of tries that were not refused in the expected way
 * @err: the errno of the last of these
 */
struct unloader {
	pthread_t thread;
	bool stop;
	long tries;
	long other;
	int err;
};

static void *run_unloader(void *data)
{
	struct unloader *unloader = data;

	while (!__atomic_load_n(&unloader->stop, __ATOMIC_ACQUIRE)) {
		int err = syscall(SYS_delete_module, "arena", O_NONBLOCK) ? errno : 0;

		unloader->tries++;
		if (err != EWOULDBLOCK) {
			unloader->other++;
			unloader->err = err;
		}
		usleep(10000);
	}
	return NULL;
}

static int start_unloader(struct unloader *unloader)
{
	return pthread_create(&unloader->thread, NULL, run_unloader, unloader);
}

static void stop_unloader(struct unloader *unloader)
{
	__atomic_store_n(&unloader->stop, true, __ATOMIC_RELEASE);
	pthread_join(unloader->thread, NULL);
}

/* --- kill -9 --------------------------------------------------------------- */

#define VICTIMS		6
#define THREADS		8
#define STACK		(64 << 10)
#define ARENAS		4
#define REGIONS		4
#define REGION_BLOCKS	2
/* In microseconds, counted from when all its threads are active. */
#define SHORTEST_LIFE	200
#define LONGEST_LIFE	4000

enum act { NOTHING, OPEN, MMAP, FAULT, IOCTL, FORK, MUNMAP, CHANGE, NR_ACTS };

static const char * const act_names[NR_ACTS] = {
	"nothing yet", "open", "mmap", "fault", "ioctl", "fork", "munmap", "mremap and the like",
};

/**
 * struct victim - a process that is going to be killed, shared with it
 * @pid: its ID, or 0
 * @doing: the current act of each thread
 * @dies_at: time at which to kill it, or 0 until all threads are active
 */
struct victim {
	pid_t pid;
	enum act doing[THREADS];
	double dies_at;
};

/* In a victim: the state that its threads share. */
static struct victim *own;
static pthread_barrier_t all_are_there;
static int arenas[ARENAS];
static char *regions[REGIONS];
static char stacks[THREADS][STACK] __attribute__((aligned(4096)));

/**
 * struct actor - a thread of a victim
 * @number: its index
 * @random: state of its random numbers
 */
struct actor {
	int number;
	unsigned int random;
};

static int any_arena(struct actor *actor)
{
	return __atomic_load_n(&arenas[random_below(&actor->random, ARENAS)],
			       __ATOMIC_RELAXED);
}

static char *any_place(struct actor *actor)
{
	char *region = __atomic_load_n(&regions[random_below(&actor->random, REGIONS)],
				       __ATOMIC_RELAXED);

	return region ? region + random_below(&actor->random, REGION_BLOCKS * BLOCK) : NULL;
}

static void do_open(struct actor *actor)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	fd = __atomic_exchange_n(&arenas[random_below(&actor->random, ARENAS)], fd,
				 __ATOMIC_RELAXED);
	if (fd >= 0)
		close(fd);
}

static void replace_region(struct actor *actor, char *region)
{
	region = __atomic_exchange_n(&regions[random_below(&actor->random, REGIONS)],
				     region, __ATOMIC_RELAXED);
	if (region)
		munmap(region, REGION_BLOCKS * BLOCK);
}

static void do_mmap(struct actor *actor)
{
	bool commits = !random_below(&actor->random, 8);
	char *region;

	region = mmap(NULL, REGION_BLOCKS * BLOCK, PROT_READ | PROT_WRITE,
		      MAP_SHARED | (commits ? 0 : MAP_NORESERVE), any_arena(actor),
		      random_below(&actor->random, 2) * BLOCK);
	if (region != MAP_FAILED)
		replace_region(actor, region);
}

static void do_fault(struct actor *actor)
{
	char *place = any_place(actor);

	if (place)
		try_touch(place, random_below(&actor->random, 2));
}

static void do_idle(struct actor *actor, int fd)
{
	struct arena_control *control = map_control(fd);

	if (control == MAP_FAILED)
		return;
	mark_idle(control);
	if (random_below(&actor->random, 2) && !claim_by_swap(control))
		claim_by_call(fd);
	munmap(control, PAGE);
}

static void do_ioctl(struct actor *actor)
{
	unsigned int first = random_below(&actor->random, REGION_BLOCKS);
	int fd = any_arena(actor);

	switch (random_below(&actor->random, 8)) {
	case 0:
		release_all(fd);
		break;
	case 1:
		release_range(fd, first * BLOCK, BLOCK);
		break;
	case 2:
		release_blocks(fd, ARENA_RELEASE_RANGE | ARENA_RELEASE_SEAL, first, 1);
		break;
	case 3:
		commit_blocks(fd, first, 1);
		break;
	case 4:
		blocks_of(fd);
		break;
	case 5:
		set_arena_flags(fd, random_below(&actor->random, 2) ?
				ARENA_F_KEEP_DIRTY : 0);
		break;
	case 6:
		if (has_idle)
			do_idle(actor, fd);
		break;
	case 7:
		if (has_freeze && !random_below(&actor->random, 4))
			freeze_arena(fd);
		break;
	}
}

/* The child inherits descriptors of arenas, but cannot use them. */
static void do_fork(struct actor *actor)
{
	pid_t pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid)
		return;
	do_fault(actor);
	do_ioctl(actor);
	_exit(0);
}

static void do_munmap(struct actor *actor)
{
	char *place = any_place(actor);

	/* Unmap a page in the middle, or the whole region. */
	if (place && !random_below(&actor->random, 4))
		munmap((char *)((unsigned long)place & ~(PAGE - 1)), PAGE);
	else
		replace_region(actor, NULL);
}

static void do_change(struct actor *actor)
{
	char *region = __atomic_load_n(&regions[random_below(&actor->random, REGIONS)],
				       __ATOMIC_RELAXED);

	if (region)
		replace_region(actor, change_region(region, REGION_BLOCKS, actor->number,
						    &actor->random));
}

static void (* const acts[NR_ACTS])(struct actor *actor) = {
	[OPEN] = do_open, [MMAP] = do_mmap, [FAULT] = do_fault, [IOCTL] = do_ioctl,
	[FORK] = do_fork, [MUNMAP] = do_munmap, [CHANGE] = do_change,
};

static enum act pick_act(struct actor *actor)
{
	unsigned int percentile = random_below(&actor->random, 100);

	/* Fork rarely, since it takes by far the longest. */
	return percentile < 15 ? OPEN : percentile < 40 ? MMAP : percentile < 65 ? FAULT :
	       percentile < 85 ? IOCTL : percentile < 86 ? FORK :
	       percentile < 93 ? MUNMAP : CHANGE;
}

static void *run_actor(void *data)
{
	struct actor *actor = data;
	enum act act;

	pthread_barrier_wait(&all_are_there);
	while (true) {
		act = pick_act(actor);
		__atomic_store_n(&own->doing[actor->number], act, __ATOMIC_RELAXED);
		acts[act](actor);
	}
	return NULL;
}

static void be_victim(struct victim *victim, unsigned int random)
{
	static struct actor actors[THREADS];
	pthread_attr_t attr;
	pthread_t thread;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	own = victim;
	catch_faults();
	/* No thread waits for the children. */
	signal(SIGCHLD, SIG_IGN);
	if (!become_user(USER, MEMLOCK))
		_exit(1);
	memset(arenas, -1, sizeof(arenas));
	pthread_barrier_init(&all_are_there, NULL, THREADS);
	pthread_attr_init(&attr);
	for (i = 0; i < THREADS; i++)
		actors[i] = (struct actor) { i, random + i };
	for (i = 1; i < THREADS; i++) {
		pthread_attr_setstack(&attr, stacks[i], STACK);
		if (pthread_create(&thread, &attr, run_actor, &actors[i]))
			_exit(2);
	}
	run_actor(&actors[0]);
}

FIXTURE(storm_kills) {
	struct victim *victims;
	struct unloader unloader;
	struct stat device;
	unsigned int random;
	int fd;
	long started, killed, not_at_it, ended_otherwise;
	long caught[NR_ACTS];
	int status;
};

FIXTURE_SETUP(storm_kills)
{
	if (geteuid())
		SKIP(return, "not root");
	self->random = pick_seed();
	TH_LOG("ARENA_SEED=%u", self->random);
	self->victims = mmap(NULL, VICTIMS * sizeof(*self->victims),
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->victims);
	ASSERT_EQ(0, stat(DEVICE, &self->device));
	ASSERT_EQ(0, chmod(DEVICE, 0666));
	/* Adopt the children of killed processes. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, start_unloader(&self->unloader));
}

FIXTURE_TEARDOWN(storm_kills)
{
	chmod(DEVICE, self->device.st_mode);
}

static void start_victim(FIXTURE_DATA(storm_kills) *self, struct victim *victim)
{
	unsigned int random = rand_r(&self->random);
	pid_t pid;

	memset(victim, 0, sizeof(*victim));
	pid = fork();
	if (!pid)
		be_victim(victim, random);
	if (pid < 0)
		return;
	victim->pid = pid;
	self->started++;
}

static bool is_at_it(struct victim *victim)
{
	int i;

	for (i = 0; i < THREADS; i++)
		if (__atomic_load_n(&victim->doing[i], __ATOMIC_RELAXED) == NOTHING)
			return false;
	return true;
}

static void kill_victim(FIXTURE_DATA(storm_kills) *self, struct victim *victim)
{
	int i;

	kill(victim->pid, SIGKILL);
	for (i = 0; i < THREADS; i++)
		self->caught[victim->doing[i]]++;
}

static void look_after(FIXTURE_DATA(storm_kills) *self, struct victim *victim)
{
	if (!victim->pid) {
		start_victim(self, victim);
	} else if (!victim->dies_at && is_at_it(victim)) {
		victim->dies_at = seconds() + (SHORTEST_LIFE +
			random_below(&self->random, LONGEST_LIFE - SHORTEST_LIFE)) / 1e6;
	} else if (victim->dies_at && seconds() >= victim->dies_at) {
		kill_victim(self, victim);
		/* Kill it only once. */
		victim->dies_at = 1e18;
	}
}

static void note_end(FIXTURE_DATA(storm_kills) *self, pid_t pid, int status)
{
	int i;

	for (i = 0; i < VICTIMS; i++) {
		struct victim *victim = &self->victims[i];

		if (victim->pid != pid)
			continue;
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
			self->ended_otherwise++;
			self->status = status;
		} else if (!victim->dies_at) {
			self->not_at_it++;
		} else {
			self->killed++;
		}
		victim->pid = 0;
	}
}

/*
 * Run at real-time priority, so that victims are killed on time even if all
 * CPUs are busy.
 */
static void go_before_victims(void)
{
	struct sched_param param = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
}

static void kill_many(FIXTURE_DATA(storm_kills) *self, long wanted)
{
	int i, status;
	pid_t pid;

	go_before_victims();
	while (self->killed < wanted && self->ended_otherwise < 100) {
		for (i = 0; i < VICTIMS; i++)
			look_after(self, &self->victims[i]);
		usleep(300);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			note_end(self, pid, status);
	}
	for (i = 0; i < VICTIMS; i++)
		if (self->victims[i].pid)
			kill(self->victims[i].pid, SIGKILL);
	while (waitpid(-1, &status, 0) > 0)
		;
}

TEST_F_TIMEOUT(storm_kills, kills_leave_nothing_behind, 20 * HANG)
{
	long wanted = number_from("ARENA_STORM_KILLS", DEFAULT_KILLS);
	double since = seconds();
	char line[256];
	size_t used = 0;
	int i;

	kill_many(self, wanted);
	since = seconds() - since;
	stop_unloader(&self->unloader);
	TH_LOG("%ld killed with all %d threads at it, in %.0f s, %.1f a second; %ld started",
	       self->killed, THREADS, since, self->killed / since, self->started);
	for (i = 0; i < NR_ACTS; i++)
		used += snprintf(line + used, sizeof(line) - used, "%s%ld in %s",
				 i ? ", " : "", self->caught[i], act_names[i]);
	TH_LOG("threads: %s", line);
	EXPECT_GE(self->killed, wanted);
	EXPECT_EQ(0, self->not_at_it);
	EXPECT_EQ(0, self->ended_otherwise)
		TH_LOG("status %#x", self->status);
	for (i = OPEN; i < NR_ACTS; i++)
		EXPECT_GT(self->caught[i], 0);

	TH_LOG("unloading was refused %ld times", self->unloader.tries);
	EXPECT_GT(self->unloader.tries, 0);
	EXPECT_EQ(0, self->unloader.other)
		TH_LOG("errno %d", self->unloader.err);
	close(self->fd);
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
	EXPECT_EQ(0, pool_settled("cached", 0));
	EXPECT_TRUE(has_nothing_locked(USER));
}

/* --- one arena, many threads ----------------------------------------------- */

/*
 * The blocks: first those that only one thread writes, so that their contents
 * are known, then those that one thread pins, then those that all threads use
 * in every way.
 */
#define KNOWN		4
#define PINNED		2
#define WILD		10
#define FIRST_PINNED	KNOWN
#define FIRST_WILD	(KNOWN + PINNED)
#define NR		(KNOWN + PINNED + WILD)

struct crowd;

/**
 * struct job - the work of a thread
 * @name: name to print
 * @step: does it once; called repeatedly
 * @crowd: the threads that share the arena
 * @random: state of its random numbers
 * @done: number of calls
 */
struct job {
	const char *name;
	void (*step)(struct job *job);
	struct crowd *crowd;
	unsigned int random;
	long done;
};

/**
 * struct crowd - threads with one arena
 * @fd: the arena
 * @memory: NR blocks of it
 * @control: its control page, or NULL
 * @active: held for reading by a thread that relies on what it wrote; for writing, by
 *	the thread that marks the arena idle
 * @pipe: pipe in which pages are pinned
 * @stop: set to end the threads
 * @touched, @refused: number of touches that succeeded and of those that faulted
 * @by_swap, @by_call: number of claims
 * @taken: known blocks that were missing after a claim by ioctl
 * @wrong: number of wrong contents
 */
struct crowd {
	int fd;
	char *memory;
	struct arena_control *control;
	pthread_rwlock_t active;
	int pipe[2];
	bool stop;
	long touched, refused;
	long by_swap, by_call, taken;
	long wrong;
};

static size_t any_wild(struct job *job)
{
	return FIRST_WILD + random_below(&job->random, WILD);
}

/*
 * Return a random length for a range that begins at a wild block and ends
 * within the blocks.
 */
static size_t any_length(struct job *job, size_t first)
{
	return 1 + random_below(&job->random, NR - first);
}

static char *any_wild_place(struct job *job)
{
	return job->crowd->memory + any_wild(job) * BLOCK +
	       random_below(&job->random, BLOCK);
}

static void count(long *what)
{
	__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

static void touch_wild(struct job *job)
{
	count(try_touch(any_wild_place(job), random_below(&job->random, 2)) ?
	      &job->crowd->touched : &job->crowd->refused);
}

static void release_wild(struct job *job)
{
	size_t first = any_wild(job);

	release_blocks(job->crowd->fd, ARENA_RELEASE_RANGE, first, any_length(job, first));
	usleep(random_below(&job->random, 2000));
}

static void seal_wild(struct job *job)
{
	size_t first = any_wild(job);

	release_blocks(job->crowd->fd, ARENA_RELEASE_RANGE | ARENA_RELEASE_SEAL, first,
		       any_length(job, first));
	usleep(random_below(&job->random, 5000));
}

static void commit_wild(struct job *job)
{
	size_t first = any_wild(job);

	commit_blocks(job->crowd->fd, first, any_length(job, first));
	usleep(random_below(&job->random, 1000));
}

static void map_wild(struct job *job)
{
	size_t first = any_wild(job), nr = any_length(job, first);
	char *memory;

	memory = mmap(NULL, nr * BLOCK, PROT_READ | PROT_WRITE,
		      MAP_SHARED | (random_below(&job->random, 4) ? MAP_NORESERVE : 0),
		      job->crowd->fd, first * BLOCK);
	if (memory == MAP_FAILED)
		return;
	try_touch(memory, true);
	memory = change_region(memory, nr, THREADS, &job->random);
	try_touch(memory, true);
	munmap(memory, nr * BLOCK);
}

static void ask(struct job *job)
{
	struct arena_ioc_region_info info = {
		.size = sizeof(info), .length = NR * BLOCK,
	};
	struct arena_ioc_stats stats = { .size = sizeof(stats) };

	if (ioctl(job->crowd->fd, ARENA_IOC_REGION_INFO, &info) ||
	    ioctl(job->crowd->fd, ARENA_IOC_STATS, &stats) || info.resident > NR)
		count(&job->crowd->wrong);
	usleep(1000);
}

static void look_at_wild(struct job *job)
{
	struct iovec here, there = { any_wild_place(job), 1 };
	char byte;

	here = (struct iovec) { &byte, 1 };
	process_vm_readv(getpid(), &here, 1, &there, 1, 0);
}

/* A page in a pipe keeps its contents, even if its block is released in between. */
static void pin(struct job *job)
{
	struct crowd *crowd = job->crowd;
	size_t block = FIRST_PINNED + random_below(&job->random, PINNED);
	char *page = crowd->memory + block * BLOCK +
		     random_below(&job->random, BLOCK / PAGE) * PAGE;
	struct iovec here, there = { page, PAGE };
	char value = 1 + random_below(&job->random, 255), seen[PAGE];

	/* A touch without a block is a SIGBUS. */
	if (commit_blocks(crowd->fd, block, 1))
		return;
	pthread_rwlock_rdlock(&crowd->active);
	memset(page, value, PAGE);
	here = (struct iovec) { seen, PAGE };
	if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) != (ssize_t)PAGE ||
	    memcmp(seen, page, PAGE))
		count(&crowd->wrong);
	if (vmsplice(crowd->pipe[1], &there, 1, 0) != (ssize_t)PAGE)
		count(&crowd->wrong);
	pthread_rwlock_unlock(&crowd->active);

	release_range(crowd->fd, block * BLOCK, BLOCK);
	try_touch(page, true);
	if (read(crowd->pipe[0], seen, PAGE) != (ssize_t)PAGE || seen[0] != value ||
	    memcmp(seen, seen + 1, PAGE - 1))
		count(&crowd->wrong);
}

static bool is_all(const char *block, unsigned long long wanted)
{
	const unsigned long long *word = (const unsigned long long *)block;
	unsigned long long other = 0;
	size_t i;

	for (i = 0; i < BLOCK / sizeof(*word); i++)
		other |= word[i] ^ wanted;
	return !other;
}

static void write_known(struct crowd *crowd, unsigned long long value)
{
	unsigned long long *word = (unsigned long long *)crowd->memory;
	size_t i;

	for (i = 0; i < KNOWN * BLOCK / sizeof(*word); i++)
		word[i] = value;
}

/*
 * Check that all known blocks are there; or, if some may be taken, that each is
 * whole or zero.
 */
static void check_known(struct crowd *crowd, unsigned long long value, bool may_be_taken)
{
	size_t i;

	for (i = 0; i < KNOWN; i++) {
		char *block = crowd->memory + i * BLOCK;

		/* Commit first, to avoid a SIGBUS. */
		if (commit_blocks(crowd->fd, i, 1))
			continue;
		if (is_all(block, value))
			continue;
		if (may_be_taken && is_all(block, 0))
			crowd->taken++;
		else
			count(&crowd->wrong);
	}
}

static void be_idle(struct job *job)
{
	struct crowd *crowd = job->crowd;
	unsigned long long value = rand_r(&job->random) * 0x100000001ULL | 1;

	if (commit_blocks(crowd->fd, 0, KNOWN))
		return;
	write_known(crowd, value);
	pthread_rwlock_wrlock(&crowd->active);
	if (crowd->control)
		mark_idle(crowd->control);
	usleep(random_below(&job->random, 8000));
	if (!crowd->control) {
		check_known(crowd, value, false);
	} else if (claim_by_swap(crowd->control)) {
		crowd->by_swap++;
		check_known(crowd, value, false);
	} else {
		if (claim_by_call(crowd->fd) < 0)
			count(&crowd->wrong);
		crowd->by_call++;
		check_known(crowd, value, true);
	}
	pthread_rwlock_unlock(&crowd->active);
}

static void shrink(struct job *job)
{
	drop_slab();
	usleep(random_below(&job->random, 10000));
}

static void *run_job(void *data)
{
	struct job *job = data;

	while (!__atomic_load_n(&job->crowd->stop, __ATOMIC_ACQUIRE)) {
		job->step(job);
		job->done++;
	}
	return NULL;
}

FIXTURE(storm_crowd) {
	struct crowd *crowd;
	struct unloader unloader;
	struct stat device;
	unsigned int random;
};

FIXTURE_SETUP(storm_crowd)
{
	struct rlimit limit = { MEMLOCK, MEMLOCK };
	struct crowd *crowd;

	if (geteuid())
		SKIP(return, "not root");
	self->random = pick_seed();
	TH_LOG("ARENA_SEED=%u", self->random);
	ASSERT_EQ(0, stat(DEVICE, &self->device));
	ASSERT_EQ(0, chmod(DEVICE, 0666));
	catch_faults();
	crowd = calloc(1, sizeof(*crowd));
	ASSERT_NE(NULL, crowd);
	self->crowd = crowd;
	/* The arena belongs to a user, while the rest of the test runs as root. */
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	ASSERT_EQ(0, setresuid(USER, USER, 0));
	crowd->fd = open_arena();
	ASSERT_GE(crowd->fd, 0);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	crowd->memory = map_blocks(crowd->fd, NR);
	ASSERT_NE(MAP_FAILED, crowd->memory);
	if (has_idle) {
		crowd->control = map_control(crowd->fd);
		ASSERT_NE(MAP_FAILED, crowd->control);
	}
	ASSERT_EQ(0, pipe(crowd->pipe));
	ASSERT_EQ(0, pthread_rwlock_init(&crowd->active, NULL));
	ASSERT_EQ(0, start_unloader(&self->unloader));
}

FIXTURE_TEARDOWN(storm_crowd)
{
	chmod(DEVICE, self->device.st_mode);
}

/*
 * Whether every job has run and had each possible result; this takes longer on
 * a slow machine.
 */
static bool has_seen_all(const struct crowd *crowd, const struct job *jobs, size_t nr)
{
	while (nr--) {
		if (!__atomic_load_n(&jobs[nr].done, __ATOMIC_RELAXED))
			return false;
	}
	return __atomic_load_n(&crowd->touched, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&crowd->refused, __ATOMIC_RELAXED) &&
	       (!has_idle || (__atomic_load_n(&crowd->by_swap, __ATOMIC_RELAXED) &&
			      __atomic_load_n(&crowd->by_call, __ATOMIC_RELAXED) &&
			      __atomic_load_n(&crowd->taken, __ATOMIC_RELAXED)));
}

TEST_F(storm_crowd, threads_share_one_arena)
{
	struct crowd *crowd = self->crowd;
	struct job jobs[] = {
		{ .name = "touch", .step = touch_wild },
		{ .name = "touch", .step = touch_wild },
		{ .name = "release", .step = release_wild },
		{ .name = "seal", .step = seal_wild },
		{ .name = "commit", .step = commit_wild },
		{ .name = "map", .step = map_wild },
		{ .name = "ask", .step = ask },
		{ .name = "look", .step = look_at_wild },
		{ .name = "pin", .step = pin },
		{ .name = "idle", .step = be_idle },
		{ .name = "shrink", .step = shrink },
	};
	pthread_t threads[ARRAY_SIZE(jobs)];
	double duration = number_from("ARENA_STORM_SECONDS", DEFAULT_SECONDS);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(jobs); i++) {
		jobs[i].crowd = crowd;
		jobs[i].random = rand_r(&self->random);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run_job, &jobs[i]));
	}
	usleep(duration * 1e6);
	while (!has_seen_all(crowd, jobs, ARRAY_SIZE(jobs)))
		usleep(100000);
	__atomic_store_n(&crowd->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(jobs); i++) {
		pthread_join(threads[i], NULL);
		TH_LOG("%7ld times %s", jobs[i].done, jobs[i].name);
		EXPECT_GT(jobs[i].done, 0);
	}
	stop_unloader(&self->unloader);
	TH_LOG("%ld touches, %ld refused; unloading refused %ld times", crowd->touched,
	       crowd->refused, self->unloader.tries);
	EXPECT_GT(crowd->touched, 0);
	EXPECT_GT(crowd->refused, 0);
	EXPECT_EQ(0, crowd->wrong);
	EXPECT_GT(self->unloader.tries, 0);
	EXPECT_EQ(0, self->unloader.other)
		TH_LOG("errno %d", self->unloader.err);
	TH_LOG("idle arenas: %s, frozen ones: %s", has_idle ? "yes" : "no",
	       has_freeze ? "yes" : "no");
	if (has_idle) {
		TH_LOG("claimed %ld times by swap, %ld by call; %ld blocks were taken",
		       crowd->by_swap, crowd->by_call, crowd->taken);
		EXPECT_GT(crowd->by_swap, 0);
		EXPECT_GT(crowd->by_call, 0);
		EXPECT_GT(crowd->taken, 0);
	}

	if (crowd->control)
		munmap(crowd->control, PAGE);
	munmap(crowd->memory, NR * BLOCK);
	close(crowd->fd);
	close(crowd->pipe[0]);
	close(crowd->pipe[1]);
	EXPECT_EQ(0, pool_settled("in_use", 0));
	EXPECT_EQ(0, pool_settled("quarantined", 0));
	EXPECT_TRUE(has_nothing_locked(USER));
}

TEST_HARNESS_MAIN
