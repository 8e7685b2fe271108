// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena: each call to the system fails, one after the other. A failure
 * results in a documented errno or NULL, the arena can still be used, and
 * nothing is leaked.
 *
 * The program is linked with --wrap, so that its own calls and the library's
 * arrive here.
 */
#include "lib_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/arena.h>

#include <arena/pool.h>
#include <arena/predict.h>

LIB_FIXTURE(lib_errors)
LIB_FIXTURE_ONCE(lib_errors)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

/*
 * The plan for failures: the number of the call that fails, or 0 for none,
 * counting all calls or those of one kind; how often it fails, and with which
 * errno.
 */
static struct {
	int in;
	const char *call;
	int times;
	int error;
	int failed;
	/* Called once, before the first failure. */
	void (*hook)(void);
} plan;

static bool fails(const char *call)
{
	void (*hook)(void) = plan.hook;

	if (!plan.in || (plan.call && strcmp(plan.call, call)))
		return false;
	if (plan.in > 1) {
		plan.in--;
		return false;
	}
	plan.hook = NULL;
	if (hook)
		hook();
	if (!--plan.times)
		plan.in = 0;
	plan.failed++;
	errno = plan.error;
	return true;
}

static void fail(int in, const char *call, int times, int error)
{
	plan.in = in;
	plan.call = call;
	plan.times = times;
	plan.error = error;
	plan.failed = 0;
}

/* Cancel the plan; return whether a call has failed. */
static bool failed(void)
{
	plan.in = 0;
	return plan.failed;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
int __real_madvise(void *addr, size_t length, int advice);
int __real_mprotect(void *addr, size_t length, int prot);
int __real_open(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, void *arg);
long __real_syscall(long nr, long a, long b, long c, long d, long e, long f);
int __real_pthread_setspecific(pthread_key_t key, const void *value);
FILE *__real_fopen(const char *path, const char *mode);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
int __wrap_madvise(void *addr, size_t length, int advice);
int __wrap_mprotect(void *addr, size_t length, int prot);
int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
long __wrap_syscall(long nr, long a, long b, long c, long d, long e, long f);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
FILE *__wrap_fopen(const char *path, const char *mode);

void *__wrap_malloc(size_t size)
{
	return fails("malloc") ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails("calloc") ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails("realloc") ? NULL : __real_realloc(memory, size);
}

void *__wrap_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	return fails("mmap") ? MAP_FAILED : __real_mmap(addr, length, prot, flags, fd, offset);
}

int __wrap_madvise(void *addr, size_t length, int advice)
{
	const char *call = advice == MADV_POPULATE_WRITE ? "populate" : "madvise";

	return fails(call) ? -1 : __real_madvise(addr, length, advice);
}

int __wrap_mprotect(void *addr, size_t length, int prot)
{
	return fails("mprotect") ? -1 : __real_mprotect(addr, length, prot);
}

int __wrap_open(const char *path, int flags, ...)
{
	return fails("open") ? -1 : __real_open(path, flags);
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	return fails("ioctl") ? -1 : __real_ioctl(fd, request, arg);
}

long __wrap_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	const char *call = nr == SYS_mbind ? "mbind" : "syscall";

	return fails(call) ? -1 : __real_syscall(nr, a, b, c, d, e, f);
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
	return fails("pthread_setspecific") ? plan.error :
					      __real_pthread_setspecific(key, value);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	return fails("fopen") ? NULL : __real_fopen(path, mode);
}

static int nr_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nr = 0;

	while (dir && readdir(dir))
		nr++;
	if (dir)
		closedir(dir);
	return nr;
}

/* The number of unmet expectations; expect() reports each of them. */
static int nr_wrong;

static void expect(bool holds, const char *what)
{
	if (holds)
		return;
	nr_wrong++;
	printf("# not so: %s\n", what);
}

static bool is_documented(int err)
{
	return err == 0 || err == -ENOMEM;
}

static void use_memory(struct arena *a)
{
	struct arena_handle handles[40];
	struct arena_mark marks[40];
	struct arena_span span = { .size = sizeof(span) };
	struct arena *child;
	char *text, *memory;
	int i, err;

	memory = arena_zalloc(a, 3 * MIB);
	expect(!memory || is_filled(memory, 3 * MIB, 0), "zalloc returns zeroed memory");
	/* All of it can be written. */
	if (memory)
		memset(memory, 1, 3 * MIB);
	expect(memory || is_documented(arena_error(a)), "alloc fails with a documented error");
	text = arena_printf(a, "%d", 17);
	expect(!text || !strcmp(text, "17"), "printf prints");
	text = text ? arena_realloc(a, text, 3, 5 * MIB) : NULL;
	expect(!text || !strcmp(text, "17"), "realloc keeps the contents");
	if (!arena_create_child(&child, a, OPTS(.reserve = MIB))) {
		expect(arena_alloc(child, MIB / 2) || arena_error(child) == -ENOMEM,
		       "a child has memory");
		arena_destroy(child);
	}
	/* Each iteration frees less than the one before. */
	for (i = 0; i < 40; i++) {
		memory = arena_alloc(a, 100);
		handles[i] = arena_handle_make(a, memory);
		expect(!memory || !arena_deref(a, handles[i]) ||
		       arena_deref(a, handles[i]) == memory, "a handle refers to its memory");
		marks[i] = arena_save(a);
		memory = arena_alloc(a, 100);
		arena_rewind(a, marks[i]);
	}
	arena_rewind(a, marks[20]);
	expect(!arena_deref(a, handles[30]), "a stale handle refers to nothing");
	if (!arena_span_alloc(a, 4 * MIB, 0, &span)) {
		memset(span.memory, 1, 4 * MIB);
		err = arena_span_decommit(a, span.memory, 2 * MIB);
		expect(is_documented(err), "decommit fails with a documented error");
		/* Unless the recovery has failed, too. */
		if (err && plan.failed == 1)
			expect(is_filled(span.memory, 2 * MIB, 1),
			       "a failed decommit keeps the contents");
		expect(is_documented(arena_span_commit(a, span.memory, 4 * MIB)),
		       "commit fails with a documented error");
		expect(is_filled((char *)span.memory + 2 * MIB, 2 * MIB, 1),
		       "committed blocks keep their contents");
	}
	arena_reset(a);
}

static void use_arena(struct arena *a)
{
	int err;

	use_memory(a);
	expect(is_documented(arena_trim(a, MIB)), "trim fails with a documented error");
	err = arena_idle(a);
	/* -EBUSY if decommitted blocks could not be given back. */
	expect(is_documented(err) || err == -EBUSY, "idle fails with a documented error");
	err = arena_claim(a);
	expect(err == 1 || err == 0 || err == -ENOMEM, "claim fails with a documented error");
	while (arena_claim(a) < 0)
		;
	use_memory(a);
	expect(is_documented(arena_release(a)), "release fails with a documented error");
	stats_of(a);
	use_memory(a);
}

/*
 * Use everything in an arena with these flags. Calls that failed the first time
 * may succeed the second time.
 */
static void use_all(enum arena_backing backing, uint32_t flags)
{
	struct arena_opts opts = {
		.size = sizeof(opts), .reserve = 64 * MIB, .prefault = MIB,
		.backing = backing, .flags = flags,
		.nodes = ARENA_NODES_BIND, .node_mask = 1,
	};
	struct arena *a;
	int err;

	err = arena_create(&a, &opts);
	if (err) {
		expect(err == -ENOMEM || err == -EOPNOTSUPP,
		       "create fails with a documented error");
		return;
	}
	use_arena(a);
	plan.in = 0;
	/* The arena works after any failure. */
	expect(arena_alloc(a, 8 * MIB), "the arena can be used");
	expect(!arena_release(a), "its memory can be released");
	arena_destroy(a);
}

static const uint32_t all_flags[] = {
	0, ARENA_OPT_SEAL, ARENA_OPT_KEEP_DIRTY, ARENA_OPT_QUARANTINE, ARENA_OPT_CHECKS, ARENA_OPT_THREAD_OWNED,
};

/*
 * Make the first call fail, then the second, and so on, until no call is left
 * to fail.
 */
static void fail_each(enum arena_backing backing, uint32_t flags, int times)
{
	int maps, files, i;

	/* The first run makes the allocations that are made only once. */
	use_all(backing, flags);
	maps = nr_maps();
	files = nr_files();
	for (i = 1; ; i++) {
		fail(i, NULL, times, ENOMEM);
		use_all(backing, flags);
		if (!failed())
			break;
	}
	expect(i > 10, "there are calls that fail");
	expect(nr_files() == files, "no descriptor is leaked");
	/* Sanitizers and Valgrind have mappings of their own. */
	expect(IS_SANITIZED || nr_maps() <= maps + 2, "no mapping is leaked");
}

TEST_F(lib_errors, each_failed_call_is_handled)
{
	size_t i;

	NEED_BACKING();
	for (i = 0; i < sizeof(all_flags) / sizeof(*all_flags); i++)
		fail_each(variant->backing, all_flags[i], 1);
	EXPECT_EQ(0, nr_wrong);
}

/* The next call fails as well, which may be the recovery from the first failure. */
TEST_F(lib_errors, two_failed_calls_in_a_row_are_handled)
{
	size_t i;

	NEED_BACKING();
	for (i = 0; i < sizeof(all_flags) / sizeof(*all_flags); i++)
		fail_each(variant->backing, all_flags[i], 2);
	EXPECT_EQ(0, nr_wrong);
}

FIXTURE(lib_errors_huge) { };

FIXTURE_SETUP(lib_errors_huge) { }

FIXTURE_TEARDOWN(lib_errors_huge) { }

TEST_F(lib_errors_huge, failure_with_huge_pages_is_handled)
{
	struct arena_caps caps = { .size = sizeof(caps) };

	if (arena_probe(&caps) || !caps.has_huge)
		SKIP(return, "no huge pages on demand");
	fail_each(ARENA_BACKING_HUGE, 0, 1);
	fail_each(ARENA_BACKING_HUGE, ARENA_OPT_SEAL, 2);
	EXPECT_EQ(0, nr_wrong);
}

/* --- older kernels ------------------------------------------------------------ */

static int create_with(struct arena_opts *opts)
{
	struct arena *a;
	int err;

	opts->size = sizeof(*opts);
	opts->backing = ARENA_BACKING_ANON;
	opts->reserve = 64 * MIB;
	err = arena_create(&a, opts);
	if (err)
		return err;
	if (!is_filled(arena_zalloc(a, 3 * MIB), 3 * MIB, 0))
		abort();
	arena_destroy(a);
	return 0;
}

TEST_F(lib_errors_once, arena_works_without_madv_populate_write)
{
	fail(1, "populate", 1, EINVAL);
	EXPECT_EQ(0, create_with(&(struct arena_opts) { .prefault = 3 * MIB }));
	EXPECT_TRUE(failed());
}

TEST_F(lib_errors_once, arena_works_without_numa)
{
	struct arena_opts opts = { .nodes = ARENA_NODES_BIND, .node_mask = 1 };

	fail(1, "mbind", 1, ENOSYS);
	EXPECT_EQ(0, create_with(&opts));
	EXPECT_TRUE(failed());
	opts.node_mask = 2;
	fail(1, "mbind", 1, ENOSYS);
	EXPECT_EQ(-ENODEV, create_with(&opts));
	/* Before Linux 5.15, only one node can be preferred. */
	opts = (struct arena_opts) { .nodes = ARENA_NODES_PREFERRED, .node_mask = 1 };
	fail(1, "mbind", 1, EINVAL);
	EXPECT_EQ(0, create_with(&opts));
	EXPECT_TRUE(failed());
}

/* Without sysfs, the default values are used. */
TEST_F(lib_errors_once, arena_works_without_sysfs)
{
	struct arena_caps caps = { .size = sizeof(caps) };

	fail(1, "fopen", 1, ENOENT);
	EXPECT_EQ(0, arena_probe(&caps));
	EXPECT_TRUE(failed());
	EXPECT_EQ(1, caps.node_mask);
}

/* A device that lacks required features is not used, either. */
TEST_F(lib_errors_once, arena_works_without_suitable_device)
{
	struct arena_caps caps = { .size = sizeof(caps) };
	static const int errors[] = { ENOENT, EACCES, EPERM, ENODEV, EMFILE };
	struct arena *a;
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		fail(1, "open", 1, errors[i]);
		EXPECT_EQ(-errors[i], arena_create(&a, OPTS(.backing = ARENA_BACKING_DEVICE)));
		fail(1, "open", 1, errors[i]);
		EXPECT_EQ(0, arena_probe(&caps));
		EXPECT_EQ(-errors[i], caps.device_error);
		/*
		 * Without ARENA_BACKING_DEVICE, another backing is used, which
		 * arena_backing() returns.
		 */
		fail(1, "open", 1, errors[i]);
		ASSERT_EQ(0, arena_create(&a, NULL));
		EXPECT_EQ(ARENA_BACKING_ANON, arena_backing(a));
		arena_destroy(a);
	}
	if (access("/dev/arena", R_OK | W_OK))
		SKIP(return, "no access to /dev/arena");
	fail(1, "ioctl", 1, ENOTTY);
	EXPECT_EQ(-EOPNOTSUPP, arena_create(&a, OPTS(.backing = ARENA_BACKING_DEVICE)));
	EXPECT_TRUE(failed());
	fail(1, "ioctl", 1, ENOTTY);
	ASSERT_EQ(0, arena_create(&a, NULL));
	EXPECT_EQ(ARENA_BACKING_ANON, arena_backing(a));
	arena_destroy(a);
}

/* --- threads --------------------------------------------------------------------- */

static void *use_thread_arenas(void *data)
{
	struct arena *own, *scratch, *other;
	int *in = data;

	fail(*in, NULL, 1, ENOMEM);
	own = arena_thread();
	scratch = arena_scratch();
	other = arena_scratch(scratch);
	*in = failed() ? *in + 1 : 0;
	own = arena_thread();
	scratch = arena_scratch();
	other = arena_scratch(scratch);
	expect(own && scratch && other && scratch != other && scratch != own,
	       "a thread has arenas the next time");
	return NULL;
}

TEST_F(lib_errors_once, failures_of_thread_arenas_are_handled)
{
	int in = 1, maps, files;
	pthread_t id;

	files = nr_files();
	maps = nr_maps();
	while (in) {
		ASSERT_EQ(0, pthread_create(&id, NULL, use_thread_arenas, &in));
		ASSERT_EQ(0, pthread_join(id, NULL));
	}
	EXPECT_EQ(files, nr_files());
	/* A stack and its guard page stay mapped. */
	EXPECT_TRUE(IS_SANITIZED || nr_maps() <= maps + 6);
	EXPECT_EQ(0, nr_wrong);
}

/* --- pools ----------------------------------------------------------------------- */

#define POOL(...) (&(struct arena_pool_opts) {				\
	.size = sizeof(struct arena_pool_opts), .pressure = "/nonexistent", __VA_ARGS__ })

static struct arena_pool_stats pool_stats(struct arena_pool *pool)
{
	struct arena_pool_stats stats = { .size = sizeof(stats) };

	if (arena_pool_stats_get(pool, &stats))
		abort();
	return stats;
}

/* One mmap() after the other fails, so the pool tries one fallback after the other. */
TEST_F(lib_errors_once, pool_tries_each_fallback)
{
	struct arena_opts opts = {
		.size = sizeof(opts), .backing = ARENA_BACKING_ANON, .reserve = GIB,
	};
	struct arena_pool *pool, *other;
	struct arena_pool_stats stats;
	struct arena *a, *b, *c;
	int i;

	for (i = 0; i < 20; i++)
		arena_predict_note("ladder", 20 * MIB);
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.name = "ladder", .arena = &opts,
						   .flags = ARENA_POOL_NO_THREAD)));
	fail(1, "mmap", 1, ENOMEM);
	ASSERT_EQ(ARENA_POOL_SMALLER, get_how(pool, &a, 0));
	EXPECT_TRUE(failed());
	EXPECT_EQ(80 * MIB, stats_of(a).reserved);
	EXPECT_EQ(0, stats_of(a).committed);
	fail(1, "mmap", 2, ENOMEM);
	ASSERT_EQ(ARENA_POOL_ANONYMOUS, get_how(pool, &b, 0));
	EXPECT_EQ(2, plan.failed);
	EXPECT_EQ(80 * MIB, stats_of(b).reserved);
	/* No arena is idle, so none can be given up. */
	fail(1, "mmap", 4, ENOMEM);
	EXPECT_EQ(-ENOMEM, get_how(pool, &c, 0));
	EXPECT_TRUE(failed());
	EXPECT_EQ(3, plan.failed);
	EXPECT_EQ(2, pool_stats(pool).total);
	/*
	 * The result describes the arena, also after it was put back and
	 * checked out again.
	 */
	arena_pool_put(pool, b);
	ASSERT_EQ(ARENA_POOL_ANONYMOUS, get_how(pool, &b, 0));
	/* An idle arena of this or another pool is given up to make room. */
	ASSERT_EQ(0, arena_pool_create(&other, POOL(.flags = ARENA_POOL_NO_THREAD,
						    .min_idle = 1)));
	ASSERT_EQ(ARENA_POOL_AS_REQUESTED, get_how(other, &c, 0));
	arena_pool_put(other, c);
	fail(1, "mmap", 3, ENOMEM);
	ASSERT_EQ(ARENA_POOL_AS_REQUESTED, get_how(pool, &c, 0));
	EXPECT_TRUE(failed());
	EXPECT_EQ(1, pool_stats(other).given_up);
	EXPECT_EQ(0, pool_stats(other).total);
	/* It is not made again at once. */
	EXPECT_EQ(0, arena_pool_maintain(other, NULL));
	EXPECT_EQ(0, pool_stats(other).total);
	EXPECT_EQ(20 * MIB, stats_of(c).committed);
	stats = pool_stats(pool);
	EXPECT_EQ(3, stats.misses);
	EXPECT_EQ(1, stats.as_requested);
	EXPECT_EQ(1, stats.smaller);
	EXPECT_EQ(1, stats.anonymous);
	EXPECT_EQ(1, stats.failures);
	EXPECT_EQ(0, stats.given_up);
	arena_pool_put(pool, a);
	arena_pool_put(pool, b);
	arena_pool_put(pool, c);
	EXPECT_EQ(0, arena_pool_destroy(pool));
	EXPECT_EQ(0, arena_pool_destroy(other));
	/* Other errors are not tried again with a fallback. */
	opts.nodes = ARENA_NODES_BIND;
	opts.node_mask = 1;
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.arena = &opts)));
	fail(1, "mbind", 1, EPERM);
	EXPECT_EQ(-EPERM, get_how(pool, &a, 0));
	EXPECT_TRUE(failed());
	EXPECT_EQ(0, pool_stats(pool).failures);
	EXPECT_EQ(0, pool_stats(pool).total);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

/* The arena is created nonetheless, and commits as it grows. */
TEST_F(lib_errors, arena_works_without_commit_in_advance)
{
	const char *call = variant->backing == ARENA_BACKING_ANON ? "mprotect" : "ioctl";
	struct arena_opts opts = {
		.size = sizeof(opts), .backing = variant->backing, .flags = ARENA_OPT_SEAL,
		.reserve = ARENA_RESERVE_AUTO, .name = call,
	};
	struct arena_pool *pool;
	struct arena *a;
	int i, nth = 1;

	NEED_BACKING();
	/* The first ioctl() queries the device, the second one commits. */
	if (variant->backing == ARENA_BACKING_DEVICE)
		nth = 2;
	for (i = 0; i < 20; i++)
		arena_predict_note(call, 20 * MIB);
	fail(nth, call, 1, ENOMEM);
	ASSERT_EQ(0, arena_create(&a, &opts));
	EXPECT_TRUE(failed());
	EXPECT_EQ(0, stats_of(a).committed);
	memset(arena_alloc(a, MIB), 1, MIB);
	arena_destroy(a);
	ASSERT_EQ(0, arena_pool_create(&pool, POOL(.arena = &opts,
						   .flags = ARENA_POOL_NO_THREAD)));
	fail(nth, call, 1, ENOMEM);
	ASSERT_EQ(ARENA_POOL_SMALLER, get_how(pool, &a, 0));
	EXPECT_TRUE(failed());
	memset(arena_alloc(a, MIB), 1, MIB);
	arena_pool_put(pool, a);
	EXPECT_EQ(1, pool_stats(pool).smaller);
	EXPECT_EQ(0, arena_pool_destroy(pool));
}

static struct arena_pool *waited_for;
static pthread_t waiting;

static void *wait_for_arena(void *data)
{
	struct arena *a;

	if (get_how(waited_for, &a, -1) < 0)
		abort();
	arena_pool_put(waited_for, a);
	return data;
}

static void start_waiting(void)
{
	int in = plan.in;

	/* Calls made by the hook must not fail. */
	plan.in = 0;
	if (pthread_create(&waiting, NULL, wait_for_arena, NULL))
		abort();
	while (!pool_stats(waited_for).waits)
		usleep(1000);
	plan.in = in;
}

/* If a thread fails to make an arena, a waiting thread gets a chance to try it. */
TEST_F(lib_errors_once, waiter_may_try_after_failed_creation)
{
	struct arena_opts opts = {
		.size = sizeof(opts), .backing = ARENA_BACKING_ANON, .reserve = GIB,
	};
	struct arena *a;

	ASSERT_EQ(0, arena_pool_create(&waited_for, POOL(.arena = &opts, .max_total = 1,
							 .flags = ARENA_POOL_NO_THREAD)));
	fail(1, "mmap", 3, ENOMEM);
	plan.hook = start_waiting;
	EXPECT_EQ(-ENOMEM, get_how(waited_for, &a, 0));
	EXPECT_EQ(3, plan.failed);
	ASSERT_EQ(0, pthread_join(waiting, NULL));
	EXPECT_EQ(1, pool_stats(waited_for).misses);
	EXPECT_EQ(1, pool_stats(waited_for).idle);
	EXPECT_EQ(0, arena_pool_destroy(waited_for));
}

/*
 * Use a pool: a pool that cannot be created leaves nothing behind; otherwise
 * its arenas work.
 */
static void use_pool(void)
{
	struct arena_opts opts = {
		.size = sizeof(opts), .reserve = 64 * MIB, .backing = ARENA_BACKING_ANON,
	};
	struct arena *all[3], *none;
	struct arena_pool *pool;
	int i, err;

	err = arena_pool_create(&pool, POOL(.arena = &opts, .name = "use", .free_percent = 50,
					    .max_total = 3, .flags = ARENA_POOL_NO_THREAD));
	if (err) {
		expect(err == -ENOMEM, "creating a pool fails with a documented error");
		return;
	}
	for (i = 0; i < 3; i++) {
		err = get_how(pool, &all[i], 0);
		expect(err >= 0 || err == -ENOMEM, "get fails with a documented error");
		if (err < 0)
			all[i] = NULL;
		else
			expect(arena_alloc(all[i], MIB) || is_documented(arena_error(all[i])),
			       "alloc in its arenas fails with a documented error");
	}
	for (i = 0; i < 3; i++)
		arena_pool_put(pool, all[i]);
	arena_predict_note("another", 1);
	err = arena_pool_maintain(pool, NULL);
	expect(is_documented(err), "maintenance fails with a documented error");
	plan.in = 0;
	for (i = 0; i < 3; i++)
		expect(get_how(pool, &all[i], 0) >= 0, "a pool can be used");
	expect(get_how(pool, &none, 0) == -ETIMEDOUT, "there are no more");
	for (i = 0; i < 3; i++)
		arena_pool_put(pool, all[i]);
	expect(!arena_pool_destroy(pool), "nothing is leaked");
}

static void *fail_each_in_pool(void *data)
{
	int *times = data, i;

	for (i = 1; ; i++) {
		fail(i, NULL, *times, ENOMEM);
		use_pool();
		if (!failed())
			break;
	}
	expect(i > 10, "there are calls that fail");
	return NULL;
}

/* Each pass runs in a new thread, which has no slot yet. */
TEST_F(lib_errors_once, each_failed_call_of_pool_is_handled)
{
	int times, maps = 0;
	pthread_t id;

	for (times = 1; times < 9; times++) {
		ASSERT_EQ(0, pthread_create(&id, NULL, fail_each_in_pool, &times));
		ASSERT_EQ(0, pthread_join(id, NULL));
		if (times == 2)
			maps = nr_maps();
	}
	EXPECT_TRUE(IS_SANITIZED || nr_maps() <= maps + 4);
	EXPECT_EQ(0, nr_wrong);
}

TEST_HARNESS_MAIN
