// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena: pools, and predictions.
 *
 * The program is linked with --wrap, so that a test sets the time
 * (CLOCK_MONOTONIC_COARSE, by which arenas age) and the amount of free memory.
 * Races are tested with many rounds, not with delays.
 */
#include "lib_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <arena/pool.h>
#include <arena/predict.h>

LIB_FIXTURE(lib_pool)
LIB_FIXTURE_ONCE(lib_pool)

#define SEC	((int64_t)1000000000)
#define MSEC	((int64_t)1000000)

/* --- values that the library reads ---------------------------------------------- */

/* 0 means the real time. */
static int64_t fake_now;
/* A file that replaces those of the system, or NULL. */
static const char *fake_meminfo;

/* Bytes that the system may take, by MADV_FREE. */
static size_t bytes_freed;

int __real_madvise(void *addr, size_t length, int advice);
int __wrap_madvise(void *addr, size_t length, int advice);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *data);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *data);
FILE *__real_fopen(const char *path, const char *mode);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
FILE *__wrap_fopen(const char *path, const char *mode);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC_COARSE || !fake_now)
		return __real_clock_gettime(clock, now);
	now->tv_sec = fake_now / SEC;
	now->tv_nsec = fake_now % SEC;
	return 0;
}

int __wrap_madvise(void *addr, size_t length, int advice)
{
	if (advice == MADV_FREE)
		__atomic_fetch_add(&bytes_freed, length, __ATOMIC_RELAXED);
	return __real_madvise(addr, length, advice);
}

/* The error of pthread_create() for threads with attributes, and for all threads. */
static int small_stack_error, thread_error;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *data)
{
	if (thread_error)
		return thread_error;
	if (attr && small_stack_error)
		return small_stack_error;
	return __real_pthread_create(thread, attr, run, data);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	size_t length = strlen(path);

	if (fake_meminfo && length > 7 && !strcmp(path + length - 7, "meminfo"))
		path = fake_meminfo;
	return __real_fopen(path, mode);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = __real_fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		abort();
}

/* Make a temporary file; the caller removes it. */
static char *make_file(const char *text)
{
	static char path[] = "/tmp/lib_pool.XXXXXX";
	int fd;

	strcpy(strrchr(path, '.'), ".XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		abort();
	close(fd);
	write_file(path, text);
	return path;
}

/* --- pools ---------------------------------------------------------------------- */

/* Ignore memory pressure on the machine that runs this. */
#define POOL(...) POOL_WITH(.pressure = "/nonexistent", ##__VA_ARGS__)
#define POOL_WITH(...) (&(struct arena_pool_opts) {			\
	.size = sizeof(struct arena_pool_opts), __VA_ARGS__ })

static struct arena_pool_stats pool_stats(struct arena_pool *pool)
{
	struct arena_pool_stats stats = { .size = sizeof(stats) };

	if (arena_pool_stats_get(pool, &stats))
		abort();
	return stats;
}

static void use(struct arena *a, size_t bytes)
{
	char *memory = arena_alloc(a, bytes);

	if (!memory)
		abort();
	memset(memory, 1, bytes);
}

/* Act like a request: check an arena out, use it, and put it back. */
static void do_request(struct arena_pool *pool, size_t bytes)
{
	struct arena *a;

	if (get_how(pool, &a, -1) < 0)
		abort();
	if (stats_of(a).used)
		abort();
	use(a, bytes);
	arena_pool_put(pool, a);
}

/* Wait up to ten minutes for a condition. */
static bool comes_true(bool (*holds)(struct arena_pool *pool), struct arena_pool *pool)
{
	int i;

	for (i = 0; i < 60000 && !holds(pool); i++)
		usleep(10000);
	return holds(pool);
}

TEST_F(lib_pool_once, bad_pool_options_are_refused)
{
	struct { struct arena_pool_opts opts; uint32_t more; } larger = { 0 };
	struct arena_pool *pool;

	EXPECT_EQ(-EINVAL, arena_pool_create(&pool, &(struct arena_pool_opts) { .size = 8 }));
	EXPECT_EQ(-EINVAL, arena_pool_create(&pool, POOL(.flags = 2)));
	EXPECT_EQ(-EINVAL, arena_pool_create(&pool, POOL(.reserved = 1)));
	EXPECT_EQ(-EINVAL, arena_pool_create(&pool, POOL(.free_percent = 101)));
	EXPECT_EQ(-EINVAL, arena_pool_create(&pool, POOL(.pressure_permille = 1001)));
	EXPECT_EQ(-EINVAL, arena_pool_create(&pool, POOL(.max_total = 1, .min_idle = 2)));
	EXPECT_EQ(-EINVAL, arena_pool_create(&pool, POOL(.arena = OPTS(.reserved = 1))));
	EXPECT_EQ(-EINVAL, arena_pool_create(&pool,
					     POOL(.arena = OPTS(.flags = ARENA_OPT_THREAD_OWNED))));
	larger.opts.size = sizeof(larger);
	ASSERT_EQ(0, arena_pool_create(&pool, &larger.opts));
	EXPECT_EQ(0, arena_pool_destroy(pool));
	larger.more = 1;
	EXPECT_EQ(-E2BIG, arena_pool_create(&pool, &larger.opts));
	ASSERT_EQ(0, arena_pool_create(&pool, NULL));
	EXPECT_EQ(0, arena_pool_destroy(pool));
	EXPECT_EQ(0, arena_pool_destroy(NULL));
}

TEST_F(lib_pool_once, stats_have_size_of_caller)
{
	struct arena_pool_stats stats = { .size = sizeof(stats) };
	struct { struct arena_pool_stats stats; uint64_t more; } larger = {
		.stats.size = sizeof(larger), .more = 17,
	};
	struct arena_pool *pool;

	ASSERT_EQ(0, arena_pool_create(&pool, NULL));
	stats.size--;
	EXPECT_EQ(-EINVAL, arena_pool_stats_get(pool, &stats));
	EXPECT_EQ(0, arena_pool_stats_get(pool, &larger.stats));
	EXPECT_EQ(sizeof(stats), larger.stats.size);
	EXPECT_EQ(17, larger.more);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

TEST_F(lib_pool, thread_gets_arena_that_it_put)
{
	struct arena_pool *pool, *other;
	struct arena_pool_stats stats;
	struct arena *a, *b, *c, *got;

	NEED_BACKING();
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.flags = ARENA_POOL_NO_THREAD, .name = "own",
		.arena = OPTS(.backing = variant->backing, .name = "template"))));
	ASSERT_EQ(0, arena_pool_create(&other, POOL(.flags = ARENA_POOL_NO_THREAD,
		.arena = OPTS(.backing = variant->backing, .name = "template"))));
	errno = 17;
	ASSERT_EQ(ARENA_POOL_AS_REQUESTED, get_how(pool, &a, 0));
	EXPECT_STREQ("own", arena_name(a));
	EXPECT_EQ(variant->backing, arena_backing(a));
	ASSERT_EQ(ARENA_POOL_AS_REQUESTED, get_how(pool, &b, 0));
	ASSERT_EQ(ARENA_POOL_AS_REQUESTED, get_how(pool, &c, 0));
	ASSERT_EQ(ARENA_POOL_AS_REQUESTED, get_how(other, &got, 0));
	EXPECT_STREQ("template", arena_name(got));
	arena_pool_put(other, got);
	use(a, 3 * MIB);
	EXPECT_EQ(-EBUSY, arena_pool_destroy(pool));
	arena_pool_put(pool, a);
	arena_pool_put(pool, b);
	arena_pool_put(pool, c);
	arena_pool_put(pool, NULL);
	stats = pool_stats(pool);
	EXPECT_EQ(3, stats.total);
	EXPECT_EQ(3, stats.idle);
	EXPECT_EQ(4 * MIB, stats.idle_bytes);
	/* The thread's own arena first, then those put back last. */
	ASSERT_EQ(ARENA_POOL_AS_REQUESTED, get_how(pool, &got, 0));
	EXPECT_EQ(a, got);
	EXPECT_EQ(0, stats_of(a).used);
	ASSERT_EQ(ARENA_POOL_AS_REQUESTED, get_how(pool, &got, 0));
	EXPECT_EQ(c, got);
	ASSERT_EQ(ARENA_POOL_AS_REQUESTED, get_how(pool, &got, 0));
	EXPECT_EQ(b, got);
	stats = pool_stats(pool);
	EXPECT_EQ(1, stats.hits_own);
	EXPECT_EQ(2, stats.hits_shared);
	EXPECT_EQ(3, stats.misses);
	EXPECT_EQ(3, stats.as_requested);
	EXPECT_EQ(0, stats.idle);
	arena_pool_put(pool, b);
	arena_pool_put(pool, a);
	arena_pool_put(pool, c);
	EXPECT_EQ(17, errno);
	/* Use of another pool makes no difference. */
	EXPECT_EQ(0, arena_pool_destroy(other));
	ASSERT_EQ(0, arena_pool_create(&other, POOL(.flags = ARENA_POOL_NO_THREAD)));
	do_request(other, MIB);
	do_request(pool, MIB);
	EXPECT_EQ(2, pool_stats(pool).hits_own);
	EXPECT_EQ(0, arena_pool_destroy(pool));
	EXPECT_EQ(0, arena_pool_destroy(other));
}

static void count(void *ctx)
{
	++*(int *)ctx;
}

static int never(struct arena *a, size_t size, int error, void *ctx)
{
	abort();
}

static void set_oom(void *ctx)
{
	arena_set_oom(ctx, never, NULL);
}

TEST_F(lib_pool, put_arena_is_empty)
{
	struct arena_scope scope = { .size = sizeof(scope), .flags = ARENA_SCOPE_DEADLINE };
	struct arena_cleanup cleanup, late;
	struct arena_pool *pool;
	struct arena *a, *child;
	int cleaned = 0;

	NEED_BACKING();
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.flags = ARENA_POOL_NO_THREAD,
		.arena = OPTS(.backing = variant->backing, .limit = 4 * MIB))));
	ASSERT_LE(0, get_how(pool, &a, 0));
	arena_cleanup_add(a, &cleanup, count, &cleaned);
	/* A handler set by a cleanup is reset, too. */
	arena_cleanup_add(a, &late, set_oom, a);
	arena_set_oom(a, never, NULL);
	use(a, MIB);
	/* A checked arena must not be reset while it has a child. */
	if (!arena_check(a))
		ASSERT_EQ(0, arena_create_child(&child, a, OPTS(.reserve = MIB)));
	ASSERT_EQ(0, arena_scope_begin(a, &scope));
	EXPECT_EQ(-ECANCELED, arena_scope_check(a));
	arena_pool_put(pool, a);
	EXPECT_EQ(1, cleaned);
	ASSERT_LE(0, get_how(pool, &a, 0));
	EXPECT_EQ(0, arena_scope_check(a));
	EXPECT_EQ(NULL, arena_alloc(a, 5 * MIB));
	use(a, 3 * MIB);
	EXPECT_EQ(0, arena_idle(a));
	arena_pool_put(pool, a);
	ASSERT_LE(0, get_how(pool, &a, 0));
	use(a, 3 * MIB);
	arena_pool_put(pool, a);
	EXPECT_EQ(1, pool_stats(pool).misses);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

TEST_F(lib_pool_once, max_total_is_obeyed)
{
	struct timespec before, after;
	struct arena_pool *pool;
	struct arena *a, *b;

	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.max_total = 1)));
	ASSERT_LE(0, get_how(pool, &a, 0));
	EXPECT_EQ(-ETIMEDOUT, get_how(pool, &b, 0));
	clock_gettime(CLOCK_MONOTONIC, &before);
	EXPECT_EQ(-ETIMEDOUT, get_how(pool, &b, 30 * MSEC));
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT_LE(30 * MSEC, (after.tv_sec - before.tv_sec) * SEC + after.tv_nsec - before.tv_nsec);
	EXPECT_EQ(2, pool_stats(pool).timeouts);
	EXPECT_EQ(1, pool_stats(pool).waits);
	EXPECT_EQ(1, pool_stats(pool).total);
	arena_pool_put(pool, a);
	ASSERT_LE(0, get_how(pool, &b, INT64_MAX));
	EXPECT_EQ(a, b);
	arena_pool_put(pool, b);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* --- time --------------------------------------------------------------------------- */

TEST_F(lib_pool, unused_arenas_age_step_by_step)
{
	struct arena_pool_stats stats;
	struct arena_pool *pool;
	struct arena *a, *b;
	int64_t next;
	int i;

	NEED_BACKING();
	fake_now = 1000 * SEC;
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.flags = ARENA_POOL_NO_THREAD,
		.arena = OPTS(.backing = variant->backing), .period = 10 * SEC,
		.name = variant->backing == ARENA_BACKING_ANON ? "steps" : "steps on device")));
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(-1, next);
	for (i = 0; i < 20; i++)
		do_request(pool, 9 * MIB);
	ASSERT_LE(0, get_how(pool, &a, 0));
	ASSERT_LE(0, get_how(pool, &b, 0));
	arena_pool_put(pool, b);
	fake_now += 4 * SEC;
	arena_pool_put(pool, a);
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(6 * SEC, next);
	EXPECT_EQ(2, pool_stats(pool).idle);
	fake_now += next - 1;
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(1, next);
	EXPECT_EQ(0, pool_stats(pool).trimmed);
	/* One in the slot and one in the list. */
	for (i = 0; i < 2; i++) {
		fake_now += next;
		ASSERT_EQ(0, arena_pool_maintain(pool, &next));
		EXPECT_EQ(i + 1u, pool_stats(pool).trimmed);
		EXPECT_EQ(0, pool_stats(pool).idled);
		EXPECT_EQ(i ? 6 * SEC : 4 * SEC, next);
	}
	fake_now += 10 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, NULL));
	stats = pool_stats(pool);
	EXPECT_EQ(2, stats.idled);
	EXPECT_EQ(0, stats.destroyed);
	EXPECT_EQ(2, stats.idle);
	if (variant->backing == ARENA_BACKING_ANON)
		EXPECT_LE(2 * 9 * MIB, bytes_freed);
	/* A cold arena can be used, which makes it hot again. */
	ASSERT_LE(0, get_how(pool, &b, 0));
	EXPECT_EQ(a, b);
	use(b, 9 * MIB);
	arena_pool_put(pool, b);
	fake_now += 6 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	stats = pool_stats(pool);
	EXPECT_EQ(1, stats.destroyed);
	EXPECT_EQ(1, stats.idle);
	EXPECT_EQ(4 * SEC, next);
	/* All steps at once. */
	fake_now += 100 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(-1, next);
	stats = pool_stats(pool);
	EXPECT_EQ(2, stats.destroyed);
	EXPECT_EQ(0, stats.total);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

TEST_F(lib_pool, min_idle_arenas_stay)
{
	struct arena_pool_stats stats;
	struct arena_pool *pool;
	struct arena *all[4];
	int64_t next;
	int i;

	NEED_BACKING();
	fake_now = 1000 * SEC;
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.flags = ARENA_POOL_NO_THREAD, .min_idle = 2,
		.arena = OPTS(.backing = variant->backing), .max_total = 4)));
	EXPECT_EQ(0, pool_stats(pool).total);
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(10 * SEC, next);
	EXPECT_EQ(2, pool_stats(pool).idle);
	for (i = 0; i < 4; i++)
		ASSERT_LE(0, get_how(pool, &all[i], 0));
	/* Not more than max_total, either. */
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(-1, next);
	EXPECT_EQ(4, pool_stats(pool).total);
	for (i = 0; i < 4; i++) {
		arena_pool_put(pool, all[i]);
		fake_now++;
	}
	fake_now += 100 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(-1, next);
	stats = pool_stats(pool);
	EXPECT_EQ(2, stats.idle);
	EXPECT_EQ(2, stats.destroyed);
	EXPECT_EQ(2, stats.idled);
	EXPECT_EQ(2, stats.misses);
	EXPECT_EQ(4, stats.as_requested);
	/* The newest arena stays. */
	ASSERT_LE(0, get_how(pool, &all[0], 0));
	EXPECT_EQ(all[3], all[0]);
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(2, pool_stats(pool).idle);
	arena_pool_put(pool, all[0]);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* Each arena ages as if it had been idle for one more period. */
TEST_F(lib_pool_once, pressure_ages_each_arena)
{
	const char *file = make_file("some avg10=7.49 avg60=99.00 avg300=99.00 total=0\n"
				     "full avg10=99.00 avg60=0.00 avg300=0.00 total=0\n");
	struct arena_pool_stats stats;
	struct arena_pool *pool;
	struct arena *a, *b;
	int64_t next;

	fake_now = 1000 * SEC;
	ASSERT_EQ(0, arena_pool_create(&pool, POOL_WITH(.flags = ARENA_POOL_NO_THREAD,
							.pressure = file)));
	ASSERT_LE(0, get_how(pool, &a, 0));
	ASSERT_LE(0, get_how(pool, &b, 0));
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(-1, next);
	arena_pool_put(pool, a);
	arena_pool_put(pool, b);
	fake_now += 3 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(0, pool_stats(pool).pressed);
	EXPECT_EQ(2 * SEC, next);
	write_file(file, "some avg10=7.50 avg60=0.00 avg300=0.00 total=0\n"
			 "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	/* Pressure is not checked more often than that. */
	fake_now += SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	EXPECT_EQ(0, pool_stats(pool).pressed);
	EXPECT_EQ(SEC, next);
	fake_now += SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	stats = pool_stats(pool);
	EXPECT_EQ(2, stats.pressed);
	EXPECT_EQ(2, stats.trimmed);
	EXPECT_EQ(0, stats.idled);
	fake_now += 2 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, NULL));
	EXPECT_EQ(2, pool_stats(pool).idled);
	fake_now += 2 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, &next));
	stats = pool_stats(pool);
	EXPECT_EQ(2, stats.destroyed);
	EXPECT_EQ(6, stats.pressed);
	EXPECT_EQ(-1, next);
	unlink(file);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

TEST_F(lib_pool, free_percent_is_obeyed)
{
	struct arena_pool_stats stats;
	struct arena_pool *pool;
	struct arena *all[5];
	int i;

	NEED_BACKING();
	fake_now = 1000 * SEC;
	/* A tenth of 100 MiB. */
	fake_meminfo = make_file("MemTotal: 999999 kB\nNode 0 MemFree:  102400 kB\n");
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.flags = ARENA_POOL_NO_THREAD,
		.arena = OPTS(.backing = variant->backing), .free_percent = 10)));
	for (i = 0; i < 5; i++) {
		ASSERT_LE(0, get_how(pool, &all[i], 0));
		use(all[i], 4 * MIB);
	}
	arena_pool_put(pool, all[0]);
	arena_pool_put(pool, all[1]);
	/* Free memory is not read again this soon. */
	fake_now += 50 * MSEC;
	arena_pool_put(pool, all[2]);
	stats = pool_stats(pool);
	EXPECT_EQ(3, stats.idle);
	EXPECT_EQ(12 * MIB, stats.idle_bytes);
	fake_now += 60 * MSEC;
	arena_pool_put(pool, all[3]);
	stats = pool_stats(pool);
	EXPECT_EQ(2, stats.over_threshold);
	EXPECT_EQ(2, stats.idle);
	EXPECT_EQ(3, stats.total);
	fake_now += MSEC;
	arena_pool_put(pool, all[4]);
	EXPECT_EQ(3, pool_stats(pool).idle);
	fake_now += 3 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, NULL));
	EXPECT_EQ(2, pool_stats(pool).idle);
	/* The oldest arenas were destroyed. */
	ASSERT_LE(0, get_how(pool, &all[0], 0));
	EXPECT_EQ(all[4], all[0]);
	ASSERT_LE(0, get_how(pool, &all[0], 0));
	EXPECT_EQ(all[3], all[0]);
	arena_pool_put(pool, all[3]);
	arena_pool_put(pool, all[4]);
	EXPECT_EQ(0, arena_pool_destroy(pool));
	/*
	 * min_idle arenas stay in any case; otherwise they would be made again
	 * and again.
	 */
	write_file(fake_meminfo, "Node 0 MemFree:  0 kB\n");
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.flags = ARENA_POOL_NO_THREAD, .min_idle = 1,
		.arena = OPTS(.backing = variant->backing, .prefault = 2 * MIB),
		.free_percent = 10)));
	for (i = 0; i < 3; i++)
		ASSERT_LE(0, get_how(pool, &all[i], 0));
	for (i = 0; i < 3; i++)
		arena_pool_put(pool, all[i]);
	fake_now += 3 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, NULL));
	EXPECT_EQ(1, pool_stats(pool).idle);
	EXPECT_EQ(2, pool_stats(pool).over_threshold);
	EXPECT_EQ(0, arena_pool_destroy(pool));
	unlink(fake_meminfo);
}

/* --- the library's thread ------------------------------------------------------------- */

/* Return its thread ID, or 0. */
static pid_t find_thread(void)
{
	DIR *dir = opendir("/proc/self/task");
	char path[300], name[32];
	struct dirent *entry;
	pid_t found = 0;
	FILE *file;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strcmp(name, "arena-pool\n"))
			found = atoi(entry->d_name);
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return found;
}

static long nr_switches(pid_t thread)
{
	char path[64], line[128];
	long nr = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", thread);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "voluntary_ctxt_switches: %ld", &nr);
	if (file)
		fclose(file);
	return nr;
}

static bool blocks_signals(pid_t thread)
{
	unsigned long blocked = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", thread);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "SigBlk: %lx", &blocked);
	if (file)
		fclose(file);
	return blocked >> (SIGTERM - 1) & 1;
}

static bool has_none(struct arena_pool *pool)
{
	return !pool_stats(pool).total;
}

static bool has_two(struct arena_pool *pool)
{
	return pool_stats(pool).idle == 2;
}

static bool is_there(struct arena_pool *pool)
{
	(void)pool;
	return find_thread();
}

/* A thread that was joined may be visible for a moment. */
static bool is_gone(struct arena_pool *pool)
{
	(void)pool;
	return !find_thread();
}

TEST_F(lib_pool_once, thread_starts_when_needed)
{
	struct arena_pool_stats stats;
	struct arena_pool *pool;
	struct arena *a, *b;
	pid_t thread;
	long nr;
	int i;

	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.period = 20 * MSEC)));
	ASSERT_LE(0, get_how(pool, &a, 0));
	ASSERT_LE(0, get_how(pool, &b, 0));
	EXPECT_EQ(0, find_thread());
	arena_pool_put(pool, a);
	EXPECT_TRUE(comes_true(is_there, pool));
	arena_pool_put(pool, b);
	EXPECT_TRUE(comes_true(has_none, pool));
	stats = pool_stats(pool);
	EXPECT_EQ(2, stats.destroyed);
	/*
	 * If no arena is idle, the thread sleeps as soon as it has finished its
	 * work.
	 */
	thread = find_thread();
	EXPECT_TRUE(IS_SANITIZED || blocks_signals(thread));
	for (i = 0; i < 100; i++) {
		nr = nr_switches(thread);
		usleep(100000);
		if (nr == nr_switches(thread))
			break;
	}
	EXPECT_GT(100, i);
	/* It wakes up when any thread puts an arena back. */
	ASSERT_LE(0, get_how(pool, &a, 0));
	arena_pool_put(pool, a);
	EXPECT_TRUE(comes_true(has_none, pool));
	EXPECT_EQ(3, pool_stats(pool).destroyed);
	EXPECT_EQ(0, arena_pool_destroy(pool));
	EXPECT_TRUE(comes_true(is_gone, NULL));
}

/* By then the program may have opened a descriptor of the same number. */
TEST_F(lib_pool_once, failed_thread_closes_nothing_twice)
{
	struct arena_pool *pool;
	int fd;

	thread_error = EAGAIN;
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.name = "no thread")));
	do_request(pool, MIB);
	thread_error = 0;
	fd = dup(0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, arena_pool_destroy(pool));
	EXPECT_EQ(0, close(fd));
}

/* E.g. because the program has many thread-local variables. */
TEST_F(lib_pool_once, too_small_stack_is_made_larger)
{
	struct arena_pool *pool;

	small_stack_error = EINVAL;
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.min_idle = 2, .period = 1000 * SEC)));
	EXPECT_TRUE(comes_true(has_two, pool));
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* Return the nanoseconds that a thread has run, read from its schedstat file, or -1. */
static long nsecs_run(int schedstat)
{
	char line[64] = "";

	return pread(schedstat, line, sizeof(line) - 1, 0) > 0 ? atol(line) : -1;
}

static void put_without_files(struct __test_metadata *_metadata,
			      const struct arena_pool_opts *opts)
{
	struct rlimit none = { 0, 0 }, old;
	struct arena_pool *pool;
	long before, after;
	char path[64];
	int fd, i;

	ASSERT_EQ(0, arena_pool_create(&pool, opts));
	do_request(pool, MIB);
	ASSERT_TRUE(comes_true(is_there, pool));
	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", find_thread());
	fd = open(path, O_RDONLY);
	if (fd < 0)
		SKIP(return, "no schedstat");
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	/* By then the thread has read the free memory once more. */
	usleep(2500000);
	/*
	 * A guest's clock goes on while the host runs something else, so one
	 * success in ten is enough.
	 */
	for (i = 0; i < 10; i++) {
		before = nsecs_run(fd);
		do_request(pool, MIB);
		usleep(500000);
		after = nsecs_run(fd);
		ASSERT_TRUE(before >= 0 && after >= before);
		if (after - before < 50 * MSEC)
			break;
	}
	EXPECT_GT(10, i);
	close(fd);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

TEST_F(lib_pool_once, thread_does_not_spin_without_files)
{
	put_without_files(_metadata, POOL(.period = 20 * MSEC));
}

/*
 * There is always an idle arena, and free_percent makes the thread read the
 * free memory.
 */
TEST_F(lib_pool_once, thread_does_not_spin_with_free_percent)
{
	put_without_files(_metadata, POOL(.free_percent = 100, .period = 1000 * SEC));
}

TEST_F(lib_pool_once, thread_makes_arenas_in_advance)
{
	struct arena_pool *pool;
	struct arena *a;

	/* With this period there is no other reason for the thread to run. */
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.min_idle = 2, .period = 1000 * SEC)));
	EXPECT_TRUE(comes_true(has_two, pool));
	ASSERT_LE(0, get_how(pool, &a, 0));
	EXPECT_TRUE(comes_true(has_two, pool));
	EXPECT_EQ(0, pool_stats(pool).misses);
	EXPECT_EQ(3, pool_stats(pool).as_requested);
	arena_pool_put(pool, a);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* --- threads -------------------------------------------------------------------------- */

struct worker {
	struct arena_pool *pool;
	pthread_t id;
	int number;
	int rounds;
	int64_t timeout;
	int *order;
	uint64_t got, missed;
	unsigned int seed;
};

static void start(struct worker *worker, void *(*run)(void *))
{
	if (pthread_create(&worker->id, NULL, run, worker))
		abort();
}

static void join(struct worker *worker)
{
	if (pthread_join(worker->id, NULL))
		abort();
}

static void *get_and_put_once(void *data)
{
	struct worker *worker = data;
	struct arena *a;

	if (get_how(worker->pool, &a, worker->timeout) < 0)
		abort();
	if (worker->order)
		worker->order[__atomic_fetch_add(&worker->order[0], 1, __ATOMIC_SEQ_CST) + 1] =
			worker->number;
	use(a, MIB);
	arena_pool_put(worker->pool, a);
	return NULL;
}

TEST_F(lib_pool, waiters_are_served_in_order)
{
	enum { N = 6 };
	struct worker workers[N];
	struct arena_pool *pool;
	int order[N + 1] = { 0 }, i;
	struct arena *a;

	NEED_BACKING();
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.max_total = 1,
		.arena = OPTS(.backing = variant->backing))));
	ASSERT_LE(0, get_how(pool, &a, 0));
	for (i = 0; i < N; i++) {
		workers[i] = (struct worker) {
			.pool = pool, .number = i, .order = order, .timeout = i % 2 ? -1 : 1000 * SEC,
		};
		start(&workers[i], get_and_put_once);
		while (pool_stats(pool).waits < i + 1u)
			sched_yield();
	}
	/* A caller that does not wait does not overtake those that do. */
	EXPECT_EQ(-ETIMEDOUT, get_how(pool, &a, 0));
	arena_pool_put(pool, a);
	for (i = 0; i < N; i++)
		join(&workers[i]);
	for (i = 0; i < N; i++)
		EXPECT_EQ(i, order[i + 1]);
	EXPECT_EQ(1, pool_stats(pool).total);
	EXPECT_EQ(0, pool_stats(pool).overtaken);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* When a thread ends with an arena in its slot, the arena is not lost. */
TEST_F(lib_pool, arena_of_ended_thread_is_reused)
{
	struct worker worker = { .timeout = 0 };
	struct arena_pool *pool;
	int i;

	NEED_BACKING();
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.max_total = 1,
		.arena = OPTS(.backing = variant->backing))));
	worker.pool = pool;
	for (i = 0; i < 20; i++) {
		start(&worker, get_and_put_once);
		join(&worker);
	}
	EXPECT_EQ(1, pool_stats(pool).misses);
	EXPECT_EQ(19, pool_stats(pool).hits_shared);
	EXPECT_EQ(1, pool_stats(pool).idle);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

static pthread_barrier_t barrier;

static void *put_and_stay(void *data)
{
	struct worker *worker = data;
	struct arena_pool *own;
	int i;

	get_and_put_once(worker);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	/*
	 * Many pools, one after the other: the thread must not keep anything of
	 * them.
	 */
	for (i = 0; i < 50; i++) {
		if (arena_pool_create(&own, POOL(.flags = ARENA_POOL_NO_THREAD)))
			abort();
		do_request(own, MIB);
		do_request(own, MIB);
		if (pool_stats(own).hits_own != 1 || arena_pool_destroy(own))
			abort();
	}
	return NULL;
}

TEST_F(lib_pool_once, slot_outlives_its_pool)
{
	struct worker worker = { .timeout = 0 };
	struct arena_pool *pool;
	struct arena *a;

	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.max_total = 1)));
	worker.pool = pool;
	pthread_barrier_init(&barrier, NULL, 2);
	start(&worker, put_and_stay);
	pthread_barrier_wait(&barrier);
	/* An arena in another thread's slot is available to a thread that needs it. */
	ASSERT_LE(0, get_how(pool, &a, -1));
	EXPECT_EQ(1, pool_stats(pool).hits_shared);
	arena_pool_put(pool, a);
	EXPECT_EQ(0, arena_pool_destroy(pool));
	pthread_barrier_wait(&barrier);
	join(&worker);
	pthread_barrier_destroy(&barrier);
}

/* Pass one arena between threads; if it stayed in a slot, this would deadlock. */
static void *play(void *data)
{
	struct worker *worker = data;
	struct arena *a;
	int i;

	for (i = 0; i < worker->rounds; i++) {
		if (get_how(worker->pool, &a, -1) < 0)
			abort();
		worker->got++;
		use(a, 64);
		if (i % 16 == 0)
			sched_yield();
		arena_pool_put(worker->pool, a);
	}
	return NULL;
}

/* No arena is currently being aged. */
static bool is_settled(struct arena_pool *pool)
{
	struct arena_pool_stats stats = pool_stats(pool);

	return stats.total == stats.idle;
}

static void play_with(struct __test_metadata *_metadata, enum arena_backing backing,
		      unsigned int nr, uint32_t max_total, int rounds)
{
	struct worker workers[8] = { 0 };
	struct arena_pool_stats stats;
	struct arena_pool *pool;
	unsigned int i;

	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.max_total = max_total, .period = MSEC,
		.arena = OPTS(.backing = backing))));
	for (i = 0; i < nr; i++) {
		workers[i].pool = pool;
		workers[i].rounds = rounds;
		start(&workers[i], play);
	}
	for (i = 0; i < nr; i++)
		join(&workers[i]);
	stats = pool_stats(pool);
	EXPECT_EQ((uint64_t)nr * rounds, stats.hits_own + stats.hits_shared + stats.misses);
	EXPECT_GE(nr, stats.overtaken);
	EXPECT_GE(max_total, stats.total);
	EXPECT_EQ(stats.total, stats.misses - stats.destroyed);
	EXPECT_EQ(0, stats.timeouts);
	EXPECT_TRUE(comes_true(is_settled, pool));
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

TEST_F(lib_pool, waiters_are_always_served)
{
	NEED_BACKING();
	play_with(_metadata, variant->backing, 2, 1, IS_SANITIZED ? 5000 : 20000);
}

TEST_F(lib_pool, waiter_is_overtaken_once_at_most)
{
	NEED_BACKING();
	play_with(_metadata, variant->backing, 8, 3, IS_SANITIZED ? 1000 : 2000);
}

/* The number of threads that have an arena checked out. */
static int nr_lent;

static void *do_all(void *data)
{
	struct worker *worker = data;
	struct arena *a;
	int64_t timeout;
	int i, err, *mine;

	for (i = 0; i < worker->rounds; i++) {
		timeout = rand_r(&worker->seed) % 4 ? rand_r(&worker->seed) % 50000 :
						      rand_r(&worker->seed) % 2 - 1;
		err = get_how(worker->pool, &a, timeout);
		if (err == -ETIMEDOUT) {
			worker->missed++;
			continue;
		}
		if (err < 0 || __atomic_add_fetch(&nr_lent, 1, __ATOMIC_SEQ_CST) > 3)
			abort();
		worker->got++;
		/* No other thread has the arena. */
		mine = arena_alloc(a, 64);
		*mine = worker->number;
		if (rand_r(&worker->seed) % 8 == 0)
			use(a, rand_r(&worker->seed) % (4 * MIB) + 1);
		sched_yield();
		if (*mine != worker->number)
			abort();
		__atomic_sub_fetch(&nr_lent, 1, __ATOMIC_SEQ_CST);
		arena_pool_put(worker->pool, a);
		if (rand_r(&worker->seed) % 64 == 0)
			usleep(1500);
		if (rand_r(&worker->seed) % 64 == 0)
			arena_pool_maintain(worker->pool, NULL);
	}
	return NULL;
}

/* More threads than arenas, which start and end, and periods of a millisecond. */
TEST_F(lib_pool, all_operations_work_concurrently)
{
	enum { N = 6 };
	struct worker workers[N] = { 0 };
	uint64_t got = 0, missed = 0;
	struct arena_pool_stats stats;
	struct arena_pool *pool;
	int i, round;

	NEED_BACKING();
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.max_total = 3, .min_idle = 1,
		.period = MSEC, .arena = OPTS(.backing = variant->backing))));
	for (round = 0; round < 5; round++) {
		for (i = 0; i < N; i++) {
			workers[i].pool = pool;
			workers[i].number = i;
			workers[i].seed = round * N + i;
			workers[i].rounds = IS_SANITIZED ? 100 : 300;
			start(&workers[i], do_all);
		}
		for (i = 0; i < N; i++)
			join(&workers[i]);
	}
	for (i = 0; i < N; i++) {
		got += workers[i].got;
		missed += workers[i].missed;
	}
	stats = pool_stats(pool);
	EXPECT_EQ(got, stats.hits_own + stats.hits_shared + stats.misses);
	EXPECT_EQ(missed, stats.timeouts);
	EXPECT_GE(3, stats.total);
	EXPECT_GE(N, stats.overtaken);
	EXPECT_EQ(0, stats.failures);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* A thread that is cancelled while it waits is cancelled only afterwards. */
static void *wait_cancelled(void *data)
{
	struct worker *worker = data;

	get_and_put_once(worker);
	worker->got = 1;
	pthread_testcancel();
	worker->got = 2;
	return NULL;
}

TEST_F(lib_pool_once, waiting_is_no_cancellation_point)
{
	struct worker worker = { .timeout = -1 };
	struct arena_pool *pool;
	struct arena *a;
	void *result;

	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.max_total = 1)));
	ASSERT_LE(0, get_how(pool, &a, 0));
	worker.pool = pool;
	start(&worker, wait_cancelled);
	while (!pool_stats(pool).waits)
		sched_yield();
	pthread_cancel(worker.id);
	arena_pool_put(pool, a);
	ASSERT_EQ(0, pthread_join(worker.id, &result));
	EXPECT_EQ(PTHREAD_CANCELED, result);
	EXPECT_EQ(1, worker.got);
	EXPECT_EQ(1, pool_stats(pool).idle);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* Waking the library's thread makes a system call while the lock is held. */
static void *put_cancelled(void *data)
{
	struct worker *worker = data;
	struct arena *a;

	if (get_how(worker->pool, &a, 0) < 0)
		abort();
	pthread_cancel(pthread_self());
	arena_pool_put(worker->pool, a);
	worker->got = 1;
	pthread_testcancel();
	return NULL;
}

TEST_F(lib_pool_once, cancelled_thread_leaves_no_lock)
{
	struct worker worker = { 0 };
	struct arena_pool *pool;
	void *result;

	/* The thread cannot be started, so its descriptor is closed again. */
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.period = 1000 * SEC)));
	thread_error = EAGAIN;
	worker.pool = pool;
	ASSERT_EQ(0, __real_pthread_create(&worker.id, NULL, put_cancelled, &worker));
	ASSERT_EQ(0, pthread_join(worker.id, &result));
	thread_error = 0;
	EXPECT_EQ(PTHREAD_CANCELED, result);
	EXPECT_EQ(1, worker.got);
	EXPECT_EQ(1, pool_stats(pool).idle);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

TEST_F(lib_pool, child_process_can_only_destroy_pool)
{
	struct arena_pool *pool, *own;
	struct arena *a, *b, *c;
	int status;
	pid_t pid;

	NEED_BACKING();
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.arena = OPTS(.backing = variant->backing))));
	ASSERT_LE(0, get_how(pool, &a, 0));
	ASSERT_LE(0, get_how(pool, &b, 0));
	use(a, MIB);
	use(b, MIB);
	arena_pool_put(pool, b);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (get_how(pool, &c, 0) != -EPERM ||
		    arena_pool_maintain(pool, NULL) != -EPERM)
			_exit(1);
		arena_pool_put(pool, a);
		if (arena_pool_destroy(pool))
			_exit(2);
		/* The child can use a pool of its own. */
		if (arena_pool_create(&own, POOL(.arena = OPTS(.backing = variant->backing),
				      /*
				       * TSan does not support new threads in a
				       * child of a multithreaded process.
				       */
				      .flags = IS_TSAN ? ARENA_POOL_NO_THREAD : 0)))
			_exit(3);
		do_request(own, MIB);
		do_request(own, MIB);
		_exit(pool_stats(own).hits_own == 1 && !arena_pool_destroy(own) ? 0 : 4);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	arena_pool_put(pool, a);
	ASSERT_LE(0, get_how(pool, &c, 0));
	EXPECT_EQ(b, c);
	arena_pool_put(pool, c);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

static void *note_much(void *data)
{
	struct worker *worker = data;
	int i;

	for (i = 0; i < worker->rounds; i++) {
		arena_predict_note("together", i % 500 == 7 ? 100 * MIB : MIB);
		if (arena_predict("together", 990) > MIB && i > 50)
			worker->missed++;
	}
	return NULL;
}

/* A fork during other threads' operations does not leave a lock held in the child. */
TEST_F(lib_pool, fork_at_any_time_leaves_no_lock)
{
	struct worker workers[3] = { 0 };
	struct arena_pool *pool;
	int status, i;
	pid_t pid;

	NEED_BACKING();
	/* TSan may hang in a child of a multithreaded process. */
	if (IS_TSAN)
		SKIP(return, "TSan may hang in the child");
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.period = MSEC, .max_total = 1,
		.arena = OPTS(.backing = variant->backing))));
	for (i = 0; i < 3; i++) {
		workers[i].pool = pool;
		workers[i].rounds = (i ? 20000 : 300000) / (IS_SANITIZED ? 40 : 1);
		start(&workers[i], i ? play : note_much);
	}
	for (i = 0; i < 40; i++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			arena_predict_note("child", 1);
			_exit(arena_pool_destroy(pool));
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
	for (i = 0; i < 3; i++)
		join(&workers[i]);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

static int ends_by(void (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		fn();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void put_twice(void)
{
	struct arena_pool *pool;
	struct arena *a;

	if (arena_pool_create(&pool, POOL(.arena = OPTS(.flags = ARENA_OPT_CHECKS))) ||
	    get_how(pool, &a, 0) < 0)
		_exit(0);
	arena_pool_put(pool, a);
	arena_pool_put(pool, a);
}

static void put_elsewhere(void)
{
	struct arena_pool *pool, *other;
	struct arena *a;

	if (arena_pool_create(&pool, POOL(.arena = OPTS(.flags = ARENA_OPT_CHECKS))) ||
	    arena_pool_create(&other, NULL) || get_how(pool, &a, 0) < 0)
		_exit(0);
	arena_pool_put(other, a);
}

TEST_F(lib_pool_once, checked_arena_is_put_once_and_to_its_pool)
{
	struct worker worker = { .rounds = 100 };
	struct arena_pool *pool;
	const char *checked = getenv("ARENA_CHECKED");

	if (checked && !strcmp(checked, "0"))
		unsetenv("ARENA_CHECKED");
	EXPECT_EQ(SIGABRT, ends_by(put_twice));
	EXPECT_EQ(SIGABRT, ends_by(put_elsewhere));
	/* An arena is adopted by the thread that checks it out. */
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.max_total = 1, .period = MSEC,
						   .arena = OPTS(.flags = ARENA_OPT_CHECKS))));
	worker.pool = pool;
	start(&worker, play);
	play(&(struct worker) { .pool = pool, .rounds = 100 });
	join(&worker);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* --- predictions ---------------------------------------------------------------------- */

static void note(const char *name, size_t used, int times)
{
	while (times--)
		arena_predict_note(name, used);
}

TEST_F(lib_pool_once, unknown_name_has_no_prediction)
{
	EXPECT_EQ(0, arena_predict("never", 500));
	note("seven", 100, 7);
	EXPECT_EQ(0, arena_predict("seven", 500));
	note("seven", 100, 1);
	EXPECT_LE(100, arena_predict("seven", 500));
}

TEST_F(lib_pool_once, predictions_are_close)
{
	uint64_t sizes[] = { 1, 15, 16, 17, 1000, 4096, 12345, MIB, 3 * MIB + 1, 17 * GIB };
	char name[32];
	size_t i, size;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(name, sizeof(name), "near %zu", i);
		note(name, sizes[i], 20);
		size = arena_predict(name, 990);
		EXPECT_LE(sizes[i], size);
		EXPECT_GE(sizes[i] + sizes[i] / 16, size);
	}
	/* A power of two is predicted exactly. */
	EXPECT_EQ(MIB, arena_predict("near 7", 500));
	note("largest", SIZE_MAX, 20);
	EXPECT_EQ(SIZE_MAX, arena_predict("largest", 500));
	note("smallest", 0, 20);
	EXPECT_EQ(1, arena_predict("smallest", 1000));
	/* Names are truncated, as those of arenas are. */
	note("a name that is longer than thirty-one bytes", 100, 20);
	EXPECT_LE(100, arena_predict("a name that is longer than thirty-two bytes", 500));
}

TEST_F(lib_pool_once, predictions_are_quantiles)
{
	int i;

	for (i = 1; i <= 1000; i++)
		arena_predict_note("quantiles", i * 1024);
	for (i = 10; i <= 1000; i += 10) {
		EXPECT_LE(i * 1024u * 99 / 100, arena_predict("quantiles", i));
		EXPECT_GE(i * 1024u * 107 / 100, arena_predict("quantiles", i));
	}
	EXPECT_EQ(arena_predict("quantiles", 1000), arena_predict("quantiles", 2000));
	EXPECT_LT(0, arena_predict("quantiles", 0));
}

/* Two of 150 are more than one percent. */
TEST_F(lib_pool_once, prediction_is_enough_for_asked_share)
{
	note("content", 1000, 148);
	note("content", MIB, 2);
	EXPECT_LE(MIB, arena_predict("content", 990));
	EXPECT_GT(MIB, arena_predict("content", 986));
}

/* The position of the outlier does not matter, nor does a small number of requests. */
TEST_F(lib_pool_once, single_huge_request_changes_nothing)
{
	int i;

	note("few", 100 * MIB, 1);
	note("few", MIB, 7);
	EXPECT_EQ(MIB, arena_predict("few", 990));
	EXPECT_EQ(100 * MIB, arena_predict("few", 1000) / (4 * MIB) * (4 * MIB));
	for (i = 0; i < 20000; i++) {
		arena_predict_note("thousandth", i % 1000 == 17 ? 100 * MIB : MIB);
		if (i > 20)
			ASSERT_EQ(MIB, arena_predict("thousandth", 990));
	}
}

TEST_F(lib_pool_once, change_of_load_is_learned)
{
	note("change", MIB, 10000);
	EXPECT_EQ(MIB, arena_predict("change", 990));
	note("change", 64 * MIB, 20);
	EXPECT_EQ(64 * MIB, arena_predict("change", 990));
	note("change", 64 * MIB, 10000);
	/* The old load is forgotten; half of it soon. */
	note("change", MIB, 1100);
	EXPECT_EQ(MIB, arena_predict("change", 500));
	note("change", MIB, 4000);
	EXPECT_EQ(MIB, arena_predict("change", 990));
}

TEST_F(lib_pool_once, oldest_names_are_forgotten_first)
{
	struct arena *a;
	char name[32];
	int i;

	note("first", MIB, 20);
	note("second", MIB, 20);
	ASSERT_EQ(0, arena_create(&a, OPTS(.name = "used", .reserve = ARENA_RESERVE_AUTO)));
	note("used", MIB, 20);
	for (i = 0; i < 253; i++) {
		snprintf(name, sizeof(name), "other %d", i);
		note(name, MIB, 8);
	}
	EXPECT_EQ(MIB, arena_predict("first", 990));
	note("new", MIB, 20);
	EXPECT_EQ(MIB, arena_predict("first", 990));
	EXPECT_EQ(0, arena_predict("second", 990));
	/* A name is kept as long as an arena uses it. */
	for (i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "another %d", i);
		note(name, MIB, 1);
	}
	EXPECT_EQ(0, arena_predict("first", 990));
	EXPECT_EQ(MIB, arena_predict("used", 990));
	arena_destroy(a);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "more %d", i);
		note(name, MIB, 1);
	}
	EXPECT_EQ(0, arena_predict("used", 990));
	/* A new name does not inherit data of a forgotten one. */
	EXPECT_EQ(0, arena_predict("more 299", 990));
}

TEST_F(lib_pool_once, threads_record_concurrently)
{
	struct worker workers[4] = { 0 };
	int i;

	note("together", MIB, 1000);
	for (i = 0; i < 4; i++) {
		workers[i].rounds = IS_SANITIZED ? 2000 : 50000;
		start(&workers[i], note_much);
	}
	for (i = 0; i < 4; i++) {
		join(&workers[i]);
		EXPECT_EQ(0, workers[i].missed);
	}
	EXPECT_EQ(MIB, arena_predict("together", 990));
}

TEST_F(lib_pool, arena_is_sized_by_its_name)
{
	struct arena_opts opts = {
		.size = sizeof(opts), .backing = variant->backing,
		.reserve = ARENA_RESERVE_AUTO,
		.name = variant->backing == ARENA_BACKING_ANON ? "sized" : "sized on device",
	};
	struct arena_mark mark;
	struct arena *a, *child;
	int i;

	NEED_BACKING();
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, arena_create(&a, &opts));
		if (!i)
			EXPECT_EQ(0, stats_of(a).committed);
		EXPECT_LE(64 * MIB, stats_of(a).reserved);
		/*
		 * The peak is noted, not the final usage, each time in one of
		 * three ways.
		 */
		use(a, MIB);
		mark = arena_save(a);
		use(a, 8 * MIB - 64 * 1024);
		arena_rewind(a, mark);
		if (i % 3 == 0)
			arena_reset(a);
		else if (i % 3 == 1)
			ASSERT_EQ(0, arena_release(a));
		arena_destroy(a);
	}
	EXPECT_LT(8 * MIB, arena_predict(opts.name, 990));
	EXPECT_GE(10 * MIB, arena_predict(opts.name, 990));
	/* Arenas that were not used are not noted. */
	EXPECT_LT(8 * MIB, arena_predict(opts.name, 1));
	ASSERT_EQ(0, arena_create(&a, &opts));
	EXPECT_EQ(10 * MIB, stats_of(a).committed);
	EXPECT_EQ(1, stats_of(a).commits);
	if (!arena_check(a)) {
		use(a, 9 * MIB);
		EXPECT_EQ(0, stats_of(a).slow);
	}
	EXPECT_EQ(-EINVAL, arena_create_child(&child, a, OPTS(.reserve = ARENA_RESERVE_AUTO)));
	arena_reset(a);
	/* Each use counts only once. */
	for (i = 0; i < 100; i++) {
		use(a, 100);
		arena_reset(a);
	}
	EXPECT_GT(MIB, arena_predict(opts.name, 500));
	arena_destroy(a);
	/* A limit bounds the prediction. */
	opts.limit = MIB;
	ASSERT_EQ(0, arena_create(&a, &opts));
	EXPECT_EQ(2 * MIB, stats_of(a).committed);
	EXPECT_EQ(NULL, arena_alloc(a, 2 * MIB));
	arena_destroy(a);
}

TEST_F(lib_pool, environment_sizes_arenas)
{
	const char *name = variant->backing == ARENA_BACKING_ANON ? "env" : "env on device";
	struct arena *a;

	NEED_BACKING();
	note(name, 5 * MIB, 20);
	setenv("ARENA_RESERVE", "auto", 1);
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing, .name = name)));
	unsetenv("ARENA_RESERVE");
	EXPECT_EQ(6 * MIB, stats_of(a).committed);
	arena_destroy(a);
}

/* One request in a thousand is a hundred times larger. */
TEST_F(lib_pool, rare_requests_leave_no_memory)
{
	const char *name = variant->backing == ARENA_BACKING_ANON ? "rare" : "rare on device";
	int nr = IS_SANITIZED ? 3000 : 100000, i;
	unsigned int seed = 17;
	struct arena_pool_stats stats;
	struct arena_pool *pool;
	size_t expected;
	struct arena *a;

	NEED_BACKING();
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.name = name,
		.arena = OPTS(.backing = variant->backing))));
	for (i = 0; i < nr; i++) {
		ASSERT_LE(0, get_how(pool, &a, 0));
		/* The memory is not touched, since that would measure the system. */
		if (!arena_alloc(a, rand_r(&seed) % 1000 ? 300000 : 30000000))
			abort();
		arena_pool_put(pool, a);
	}
	expected = arena_predict(name, 990);
	EXPECT_LE(300000, expected);
	EXPECT_GE(320000, expected);
	stats = pool_stats(pool);
	EXPECT_GE(2 * MIB, stats.idle_bytes);
	EXPECT_LT(0, stats.oversized);
	EXPECT_EQ(1, stats.misses);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/*
 * The next arena has the predicted size from the start, also in a thread that
 * comes later.
 */
TEST_F(lib_pool, arenas_of_pool_are_sized)
{
	const char *name = variant->backing == ARENA_BACKING_ANON ? "warm" : "warm on device";
	struct arena_pool *pool;
	struct arena *a, *b;
	int i;

	NEED_BACKING();
	fake_now = SEC;
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.name = name, .flags = ARENA_POOL_NO_THREAD,
		.arena = OPTS(.backing = variant->backing))));
	ASSERT_LE(0, get_how(pool, &a, 0));
	use(a, 20 * MIB);
	arena_pool_put(pool, a);
	/* One sample is not enough for a prediction. */
	EXPECT_LE(20 * MIB, pool_stats(pool).idle_bytes);
	for (i = 0; i < 10; i++)
		do_request(pool, 20 * MIB);
	EXPECT_EQ(20 * MIB, pool_stats(pool).idle_bytes);
	ASSERT_LE(0, get_how(pool, &a, 0));
	ASSERT_LE(0, get_how(pool, &b, 0));
	EXPECT_EQ(20 * MIB, stats_of(b).committed);
	EXPECT_EQ(1, stats_of(b).commits);
	arena_pool_put(pool, a);
	arena_pool_put(pool, b);
	/* When less has been needed for long, warm arenas are trimmed to that. */
	note(name, 2 * MIB, 9000);
	EXPECT_EQ(40 * MIB, pool_stats(pool).idle_bytes);
	fake_now += 10 * SEC;
	ASSERT_EQ(0, arena_pool_maintain(pool, NULL));
	EXPECT_EQ(4 * MIB, pool_stats(pool).idle_bytes);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* --- a model -------------------------------------------------------------------------- */

#define MAX_ITEMS	16
#define PERIOD		(10 * SEC)

enum { HOT, WARM, COLD, GONE };

/* An idle arena; NULL until the test has seen it. */
struct item {
	struct arena *a;
	int64_t put_at;
	int age;
};

struct model {
	struct item slot;
	bool has_slot;
	/* The newest first. */
	struct item list[MAX_ITEMS];
	int nr;
	struct arena *lent[MAX_ITEMS];
	int nr_lent;
	int max_total, min_idle;
	struct arena_pool_stats stats;
};

static void insert(struct model *m, struct item item)
{
	int at = m->nr++;

	while (at && m->list[at - 1].put_at <= item.put_at) {
		m->list[at] = m->list[at - 1];
		at--;
	}
	m->list[at] = item;
}

static void take(struct model *m, int at)
{
	memmove(&m->list[at], &m->list[at + 1], (--m->nr - at) * sizeof(*m->list));
}

static int total_of(const struct model *m)
{
	return m->nr + m->has_slot + m->nr_lent;
}

static int due_age(const struct model *m, const struct item *item)
{
	int64_t age = (fake_now - item->put_at) / PERIOD;

	if (age >= GONE)
		return m->nr > m->min_idle ? GONE : COLD;
	return age;
}

static void model_maintain(struct model *m)
{
	int i, age;

	if (m->has_slot && fake_now - m->slot.put_at >= PERIOD) {
		m->has_slot = false;
		insert(m, m->slot);
	}
	for (i = m->nr - 1; i >= 0; i--) {
		age = due_age(m, &m->list[i]);
		if (age <= m->list[i].age)
			continue;
		if (age == GONE) {
			take(m, i);
			m->stats.destroyed++;
			continue;
		}
		m->stats.trimmed += m->list[i].age < WARM;
		m->stats.idled += age == COLD;
		m->list[i].age = age;
	}
	while (m->nr < m->min_idle && total_of(m) < m->max_total) {
		insert(m, (struct item) { .put_at = fake_now });
		m->stats.as_requested++;
	}
}

static int64_t model_next(const struct model *m)
{
	int64_t next = INT64_MAX, at;
	int i;

	for (i = 0; i < m->nr; i++) {
		at = m->list[i].put_at + (m->list[i].age + 1) * PERIOD;
		if (m->list[i].age == COLD && m->nr <= m->min_idle)
			continue;
		if (at < next)
			next = at;
	}
	if (m->has_slot && m->slot.put_at + PERIOD < next)
		next = m->slot.put_at + PERIOD;
	return next == INT64_MAX ? -1 : next - fake_now;
}

/* Check that the pool returned the arena that the model expects. */
static bool model_get(struct model *m, int got, struct arena *a)
{
	struct arena *expected = NULL;

	if (m->has_slot) {
		m->has_slot = false;
		expected = m->slot.a;
		m->stats.hits_own++;
	} else if (m->nr) {
		expected = m->list[0].a;
		take(m, 0);
		m->stats.hits_shared++;
	} else if (total_of(m) < m->max_total) {
		m->stats.misses++;
		m->stats.as_requested++;
	} else {
		m->stats.timeouts++;
		return got == -ETIMEDOUT;
	}
	m->lent[m->nr_lent++] = a;
	return got == ARENA_POOL_AS_REQUESTED && (!expected || a == expected) && !stats_of(a).used;
}

static void model_put(struct model *m, int which)
{
	struct item item = { .a = m->lent[which], .put_at = fake_now };

	m->lent[which] = m->lent[--m->nr_lent];
	if (m->has_slot) {
		insert(m, item);
		return;
	}
	m->has_slot = true;
	m->slot = item;
}

static bool is_as(const struct model *m, const struct arena_pool_stats *stats)
{
	return stats->total == (uint64_t)total_of(m) &&
	       stats->idle == (uint64_t)m->nr + m->has_slot &&
	       stats->hits_own == m->stats.hits_own &&
	       stats->hits_shared == m->stats.hits_shared &&
	       stats->misses == m->stats.misses && stats->timeouts == m->stats.timeouts &&
	       stats->as_requested == m->stats.as_requested && stats->trimmed == m->stats.trimmed &&
	       stats->idled == m->stats.idled && stats->destroyed == m->stats.destroyed;
}

/* The seed is printed; $ARENA_SEED repeats a run. */
TEST_F(lib_pool, pool_agrees_with_model)
{
	const char *text = getenv("ARENA_SEED");
	unsigned int seed = text ? strtoul(text, NULL, 0) : (unsigned int)getpid();
	int steps = IS_SANITIZED ? 5000 : 20000, i, got, what;
	struct arena_pool_stats stats;
	struct arena_pool *pool;
	struct model m = { 0 };
	struct arena *a;
	int64_t next;

	NEED_BACKING();
	printf("# ARENA_SEED=%u\n", seed);
	fake_now = 1000 * SEC;
	m.max_total = 1 + rand_r(&seed) % MAX_ITEMS;
	m.min_idle = rand_r(&seed) % (m.max_total + 1) / 2;
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.flags = ARENA_POOL_NO_THREAD,
		.max_total = m.max_total, .min_idle = m.min_idle,
		.arena = OPTS(.backing = variant->backing, .reserve = 64 * MIB))));
	for (i = 0; i < steps; i++) {
		fake_now++;
		what = rand_r(&seed) % 8;
		if (what < 3) {
			a = NULL;
			got = get_how(pool, &a, 0);
			ASSERT_TRUE(model_get(&m, got, a));
			if (a)
				use(a, 1 + rand_r(&seed) % 1000);
		} else if (what < 6 && m.nr_lent) {
			what = rand_r(&seed) % m.nr_lent;
			arena_pool_put(pool, m.lent[what]);
			model_put(&m, what);
		} else if (what == 6) {
			ASSERT_EQ(0, arena_pool_maintain(pool, &next));
			model_maintain(&m);
			ASSERT_EQ(model_next(&m), next);
		} else {
			fake_now += rand_r(&seed) % 4 ? rand_r(&seed) % SEC :
							rand_r(&seed) % 10 * 3 * SEC;
		}
		stats = pool_stats(pool);
		ASSERT_TRUE(is_as(&m, &stats));
	}
	while (m.nr_lent)
		arena_pool_put(pool, m.lent[--m.nr_lent]);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

TEST_HARNESS_MAIN
