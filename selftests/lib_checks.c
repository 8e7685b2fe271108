// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena: checked arenas detect mistakes; each mistake is made in a process
 * of its own. And handles, which detect stale pointers in any arena.
 */
#include "lib_test.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <arena/vec.h>
#if IS_ASAN
#include <sanitizer/asan_interface.h>
#elif IS_MSAN
#include <sanitizer/msan_interface.h>
#elif __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif

LIB_FIXTURE(lib_checks)
LIB_FIXTURE_ONCE(lib_checks)

static enum arena_backing backing;

static struct arena *checked(const char *name)
{
	struct arena *a;

	if (arena_create_checked(&a, OPTS(.name = name, .backing = backing)))
		abort();
	return a;
}

/* Whether a mistake ends the process with a message that contains these words. */
static bool dies(void (*mistake)(void), const char *call, const char *words)
{
	struct rlimit none = { 0, 0 };
	char text[2000] = "";
	size_t size = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(fds))
		return false;
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		dup2(fds[1], 2);
		mistake();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + size, sizeof(text) - 1 - size)) > 0)
		size += n;
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
	    strstr(text, "libarena: arena 'mistaken' (") && strstr(text, call) &&
	    strstr(text, words))
		return true;
	printf("# status %x: %s\n", status, text);
	return false;
}

/*
 * Write a byte so that only the library notices: ASan does not instrument this
 * store, and Valgrind does not report it.
 */
static void write_unseen(volatile char *byte)
{
#ifdef VALGRIND_DISABLE_ERROR_REPORTING
	VALGRIND_DISABLE_ERROR_REPORTING;
#endif
	asm volatile("movb $1, %0" : "=m" (*byte));
#ifdef VALGRIND_ENABLE_ERROR_REPORTING
	VALGRIND_ENABLE_ERROR_REPORTING;
#endif
}

static void write_behind(void)
{
	struct arena *a = checked("mistaken");
	char *memory = arena_alloc(a, 24);

	write_unseen(memory + 24);
	arena_reset(a);
}

static void write_behind_and_look(void)
{
	struct arena *a = checked("mistaken");
	char *memory = arena_alloc_aligned(a, 100, 256);

	write_unseen(memory + 131);
	if (!arena_alloc(a, 10))
		return;
	arena_check(a);
}

static void rewind_to_a_later_mark(void)
{
	struct arena *a = checked("mistaken");
	struct arena_mark early = arena_save(a), late;
	char *memory = arena_alloc(a, 100);

	late = arena_save(a);
	arena_rewind(a, early);
	/*
	 * Allocate as much again, so that the position alone does not show the
	 * mistake.
	 */
	memory = memory ? arena_alloc(a, 200) : NULL;
	if (memory)
		arena_rewind(a, late);
}

static void rewind_after_reset(void)
{
	struct arena *a = checked("mistaken");
	struct arena_mark mark;

	if (!arena_alloc(a, 100))
		return;
	mark = arena_save(a);
	arena_reset(a);
	if (arena_alloc(a, 100))
		arena_rewind(a, mark);
}

static void *allocate(void *a)
{
	return arena_alloc(a, 100);
}

static void use_in_another_thread(void)
{
	struct arena *a = checked("mistaken");
	pthread_t thread;

	pthread_create(&thread, NULL, allocate, a);
	pthread_join(thread, NULL);
}

static void destroy_twice(void)
{
	struct arena *a = checked("mistaken");

	arena_destroy(a);
	arena_destroy(a);
}

static void use_after_destroy(void)
{
	struct arena *a = checked("mistaken");

	arena_destroy(a);
	if (!arena_alloc(a, 1))
		_exit(0);
}

static struct arena *with_child(void)
{
	struct arena *a = checked("mistaken"), *child;

	if (arena_create_child(&child, a, OPTS(.name = "forgotten", .reserve = 100)))
		abort();
	return a;
}

static void reset_with_child(void)
{
	arena_reset(with_child());
}

static void release_with_child(void)
{
	arena_release(with_child());
}

static void *adopt_child_and_destroy(void *child)
{
	arena_adopt(child);
	arena_destroy(child);
	return NULL;
}

static void destroy_child_in_another_thread(void)
{
	struct arena *a = checked("mistaken"), *child;
	pthread_t thread;

	if (arena_create_child(&child, a, OPTS(.name = "child", .reserve = 100)))
		abort();
	pthread_create(&thread, NULL, adopt_child_and_destroy, child);
	pthread_join(thread, NULL);
}

static void do_nothing(void *ctx)
{
	(void)ctx;
}

static void add_to_what_is_idle(void)
{
	struct arena *a = checked("mistaken");
	struct arena_cleanup cleanup;

	if (!arena_idle(a))
		arena_cleanup_add(a, &cleanup, do_nothing, NULL);
}

static void use_of_a_child_that_ended(void)
{
	struct arena *a = checked("parent"), *child;

	if (arena_create_child(&child, a, OPTS(.name = "mistaken", .reserve = 100)))
		abort();
	arena_destroy(a);
	arena_reset(child);
}

TEST_F(lib_checks, misuse_ends_the_process)
{
	NEED_BACKING();
	backing = variant->backing;
	EXPECT_TRUE(dies(write_behind, "arena_reset", "24 bytes"));
	EXPECT_TRUE(dies(write_behind_and_look, "arena_check", "31 bytes behind"));
	EXPECT_TRUE(dies(rewind_to_a_later_mark, "arena_rewind", "stale"));
	EXPECT_TRUE(dies(rewind_after_reset, "arena_rewind", "stale"));
	EXPECT_TRUE(dies(destroy_twice, "arena_destroy", "has been destroyed"));
	EXPECT_TRUE(dies(use_after_destroy, "arena_alloc", "has been destroyed"));
	EXPECT_TRUE(dies(reset_with_child, "arena_reset", "'forgotten'"));
	EXPECT_TRUE(dies(release_with_child, "arena_release", "'forgotten'"));
	EXPECT_TRUE(dies(use_of_a_child_that_ended, "arena_reset", "has been destroyed"));
	EXPECT_TRUE(dies(add_to_what_is_idle, "arena_cleanup_add", "idle"));
	EXPECT_TRUE(dies(use_in_another_thread, "arena_alloc", "arena_adopt"));
	EXPECT_TRUE(dies(destroy_child_in_another_thread, "arena_destroy", "arena_adopt"));
}

/* Mark the arena idle and drop its memory, as if the system had needed it. */
static bool idle_and_taken(struct arena *a)
{
	return !arena_idle(a) && !madvise(a->base - (uintptr_t)a->base % 4096 + 4096,
					  2 * MIB, MADV_DONTNEED);
}

static void *adopt_and_use(void *a)
{
	arena_adopt(a);
	return arena_alloc(a, 100);
}

TEST_F(lib_checks, correct_use_passes_checks)
{
	struct arena *a, *child;
	struct arena_mark mark;
	pthread_t thread;
	void *memory;
	char *text;
	int i;

	NEED_BACKING();
	backing = variant->backing;
	a = checked("right");
	EXPECT_EQ(1, arena_check(a));
	for (i = 0; i < 1000; i++) {
		mark = arena_save(a);
		text = arena_alloc_aligned(a, i, 1 << i % 10);
		ASSERT_NE(NULL, text);
		ASSERT_EQ(0, (uintptr_t)text % (1 << i % 10));
		memset(text, 1, i);
		if (i % 3 == 0)
			arena_rewind(a, mark);
	}
	EXPECT_TRUE(is_filled(arena_zalloc(a, 3 * MIB), 3 * MIB, 0));
	ASSERT_EQ(0, arena_create_child(&child, a, OPTS(.reserve = 10000)));
	EXPECT_TRUE(is_filled(arena_zalloc(child, 1000), 1000, 0));
	arena_destroy(child);
	text = arena_printf(a, "%s %d", "text", 1);
	text = arena_realloc(a, text, 7, 1000);
	EXPECT_STREQ("text 1", text);
	ASSERT_EQ(0, pthread_create(&thread, NULL, adopt_and_use, a));
	ASSERT_EQ(0, pthread_join(thread, &memory));
	EXPECT_NE(NULL, memory);
	arena_adopt(a);
	EXPECT_EQ(NULL, arena_alloc(a, SIZE_MAX));
	EXPECT_EQ(NULL, arena_alloc(a, SIZE_MAX - 40));
	EXPECT_EQ(1, arena_check(a));
	EXPECT_EQ(0, arena_idle(a));
	EXPECT_EQ(1, arena_claim(a));
	EXPECT_STREQ("text 1", text);
	/*
	 * Red zones in memory that the system has taken are not reported as
	 * overwritten.
	 */
	if (variant->backing == ARENA_BACKING_ANON) {
		EXPECT_TRUE(idle_and_taken(a));
		EXPECT_EQ(1, arena_check(a));
		EXPECT_EQ(0, arena_claim(a));
		EXPECT_EQ(0, stats_of(a).used);
		memset(arena_alloc(a, 5 * MIB), 1, 5 * MIB);
		mark = arena_save(a);
		EXPECT_TRUE(idle_and_taken(a));
		arena_rewind(a, mark);
		EXPECT_EQ(0, stats_of(a).used);
	}
	EXPECT_EQ(0, arena_release(a));
	EXPECT_EQ(0, stats_of(a).used);
	memset(arena_alloc(a, 5 * MIB), 1, 5 * MIB);
	if (variant->backing == ARENA_BACKING_ANON)
		EXPECT_TRUE(idle_and_taken(a));
	arena_destroy(a);
}

static void *adopt_and_destroy(void *a)
{
	arena_adopt(a);
	arena_destroy(a);
	return NULL;
}

/* A child ends with its parent, although no thread adopted it. */
TEST_F(lib_checks, child_arena_can_end_in_any_thread)
{
	struct arena *a, *child;
	pthread_t thread;

	NEED_BACKING();
	backing = variant->backing;
	a = checked("parent");
	ASSERT_EQ(0, arena_create_child(&child, a, OPTS(.reserve = 1000)));
	EXPECT_NE(NULL, arena_alloc(child, 10));
	ASSERT_EQ(0, pthread_create(&thread, NULL, adopt_and_destroy, a));
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

#define RED	0xfd
#define FREE	0xdd
#define NOBODY	-1

/*
 * Ask Valgrind whether it forbids a byte, or considers it uninitialized; NOBODY
 * if it does not run.
 */
static int ask_valgrind(const char *byte, bool *is_uninitialized)
{
	*is_uninitialized = false;
#ifdef VALGRIND_GET_VBITS
	if (RUNNING_ON_VALGRIND) {
		unsigned char bits = 0;
		bool is_forbidden = VALGRIND_GET_VBITS(byte, &bits, 1) == 3;

		*is_uninitialized = bits;
		return is_forbidden;
	}
#endif
	return NOBODY;
}

/*
 * Whether a sanitizer or Valgrind forbids access to the byte; without these,
 * whether the byte has this value.
 */
static bool is_forbidden(const char *byte, unsigned char looks)
{
#if IS_ASAN
	(void)looks;
	return __asan_address_is_poisoned(byte);
#elif IS_MSAN
	(void)looks;
	return !__msan_test_shadow(byte, 1);
#else
	bool is_uninitialized;
	int answer = ask_valgrind(byte, &is_uninitialized);

	return answer != NOBODY ? answer : *(const volatile unsigned char *)byte == looks;
#endif
}

/*
 * Whether a tool knows that the byte was not written; NOBODY if there is no
 * such tool.
 */
static int is_uninitialized(const char *byte)
{
#if IS_ASAN
	(void)byte;
	return NOBODY;
#elif IS_MSAN
	return !__msan_test_shadow(byte, 1);
#else
	bool is_uninitialized;
	int answer = ask_valgrind(byte, &is_uninitialized);

	return answer == NOBODY ? NOBODY : !answer && is_uninitialized;
#endif
}

/*
 * Check that memory is allocated but unwritten; then write it, which makes it
 * readable.
 */
static bool is_fresh(char *memory, size_t size)
{
	bool is = is_uninitialized(memory) && is_uninitialized(memory + size - 1);

	memset(memory, 'x', size);
	return is && is_uninitialized(memory) != 1 && is_uninitialized(memory + size - 1) != 1 &&
	       !is_forbidden(memory, FREE) && !is_forbidden(memory + size - 1, FREE);
}

struct wide {
	__attribute__((aligned(64))) int number;
};

ARENA_U64_MAP(numbers, int);
ARENA_VEC(wides, struct wide);

/*
 * After a map or an array has moved, a use of a pointer to its old memory is
 * detected, as after arena_realloc().
 */
TEST_F(lib_checks, use_of_moved_memory_is_detected)
{
	bool is_watched = IS_ASAN || IS_MSAN || IS_VALGRIND;
	struct wide zero = { .number = 0 };
	struct numbers m;
	struct wides v;
	struct arena *a;
	char *entry, *element;
	int i;

	NEED_BACKING();
	backing = variant->backing;
	a = checked("moved");
	ASSERT_EQ(0, numbers_init(&m, a, 0, 0));
	ASSERT_EQ(0, wides_init(&v, a, 0));
	entry = (char *)numbers_put(&m, 0, 0);
	element = (char *)wides_push(&v, zero);
	ASSERT_NE(NULL, entry);
	ASSERT_NE(NULL, element);
	EXPECT_FALSE(is_forbidden(entry, FREE));
	EXPECT_FALSE(is_forbidden(element, FREE));
	for (i = 1; i < 100; i++) {
		ASSERT_NE(NULL, numbers_put(&m, i, i));
		ASSERT_NE(NULL, wides_push(&v, zero));
	}
	EXPECT_EQ(is_watched, is_forbidden(entry, FREE));
	EXPECT_EQ(is_watched, is_forbidden(element, FREE));
	EXPECT_EQ(1, arena_check(a));
	arena_destroy(a);
}

TEST_F(lib_checks, use_of_free_memory_is_detected)
{
	bool is_watched = IS_ASAN || IS_MSAN || IS_VALGRIND, unused;
	char *one, *two, *other, *zeros;
	struct arena_mark mark;
	struct arena *a, *child;

	NEED_BACKING();
	ASSERT_EQ(IS_VALGRIND, ask_valgrind((char *)&mark, &unused) != NOBODY);
	backing = variant->backing;
	a = checked("freed");
	one = arena_alloc(a, 100);
	EXPECT_TRUE(is_fresh(one, 100));
	/* The red zone behind it, and free memory. */
	EXPECT_TRUE(is_forbidden(one + 100, RED));
	EXPECT_TRUE(is_forbidden(one + 131, RED));
	EXPECT_TRUE(is_forbidden(one - 1, 0));
	EXPECT_TRUE(is_forbidden(one - 4096, 0));
	mark = arena_save(a);
	two = arena_alloc(a, 5000);
	EXPECT_TRUE(is_fresh(two, 5000));
	zeros = arena_zalloc(a, 10);
	EXPECT_NE(1, is_uninitialized(zeros));
	arena_rewind(a, mark);
	EXPECT_TRUE(is_forbidden(two, FREE));
	EXPECT_TRUE(is_forbidden(two + 4999, FREE));
	EXPECT_TRUE(is_forbidden(zeros, FREE));
	EXPECT_FALSE(is_forbidden(one, FREE));
	EXPECT_TRUE(is_filled(one, 100, 'x'));

	/* Allocate it again, and move it. */
	EXPECT_EQ(two, arena_alloc(a, 5000));
	EXPECT_TRUE(is_fresh(two, 5000));
	other = arena_realloc(a, two, 5000, 6000);
	EXPECT_TRUE(is_filled(other, 5000, 'x'));
	EXPECT_TRUE(is_forbidden(two, 'x'));
	EXPECT_NE(0, is_uninitialized(other + 5999));

	/*
	 * A child's memory belongs to its parent; at first no access to it is
	 * allowed.
	 */
	ASSERT_EQ(0, arena_create_child(&child, a, OPTS(.reserve = 1000)));
	if (is_watched) {
		EXPECT_TRUE(is_forbidden(child->base + child->left - 1, 0));
	}
	other = arena_alloc(child, 100);
	EXPECT_TRUE(is_fresh(other, 100));
	arena_destroy(child);
	EXPECT_TRUE(is_forbidden(other, FREE));

	/*
	 * While the arena is idle, no access is allowed. After the claim,
	 * access is allowed again, except to the free memory in the same page.
	 */
	EXPECT_EQ(0, arena_idle(a));
	if (is_watched) {
		EXPECT_TRUE(is_forbidden(one, 0));
	}
	EXPECT_EQ(1, arena_claim(a));
	EXPECT_FALSE(is_forbidden(one, FREE));
	EXPECT_TRUE(is_filled(one, 100, 'x'));
	EXPECT_TRUE(is_forbidden(one + 100, RED));
	EXPECT_TRUE(is_forbidden(a->base + a->left - 1, FREE));

	arena_reset(a);
	EXPECT_TRUE(is_forbidden(one, FREE));
	one = arena_alloc(a, 100);
	EXPECT_TRUE(is_fresh(one, 100));
	EXPECT_EQ(0, arena_release(a));
	if (is_watched) {
		EXPECT_TRUE(is_forbidden(one, 0));
	}
	arena_destroy(a);
}

/* An arena is checked because of its flags or the environment. */
TEST_F(lib_checks_once, flags_and_environment_enable_checks)
{
	static const struct { const char *variable; uint32_t flags; int is_checked; } all[] = {
		{ "0", 0, 0 }, { "1", 0, 1 }, { "0", ARENA_OPT_CHECKS, 0 }, { "1", ARENA_OPT_CHECKS, 1 },
		{ NULL, ARENA_OPT_CHECKS, 1 },
	};
	const char *before = getenv("ARENA_CHECKED");
	struct arena *a;
	size_t i;

	before = before ? strdup(before) : NULL;
	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		unsetenv("ARENA_CHECKED");
		if (all[i].variable)
			setenv("ARENA_CHECKED", all[i].variable, 1);
		ASSERT_EQ(0, arena_create(&a, OPTS(.flags = all[i].flags)));
		EXPECT_EQ(all[i].is_checked, arena_check(a));
		arena_destroy(a);
	}
	/* With a sanitizer or Valgrind, arenas are checked by default. */
	unsetenv("ARENA_CHECKED");
	ASSERT_EQ(0, arena_create(&a, NULL));
	EXPECT_EQ(IS_MSAN || IS_ASAN || IS_VALGRIND, arena_check(a));
	arena_destroy(a);
	if (before)
		setenv("ARENA_CHECKED", before, 1);
}

/* --- handles, which need no checks -------------------------------------------------- */

TEST_F(lib_checks, stale_handle_is_detected)
{
	struct arena_handle one, two, three, none;
	struct arena_mark mark, later;
	char *first, *second, *third;
	struct arena *other;

	NEED_BACKING();
	first = arena_alloc(self->a, 100);
	one = arena_handle_make(self->a, first);
	EXPECT_EQ(first, arena_deref(self->a, one));
	mark = arena_save(self->a);
	second = arena_alloc(self->a, 100);
	two = arena_handle_make(self->a, second);
	later = arena_save(self->a);
	third = arena_alloc(self->a, 100);
	three = arena_handle_make(self->a, third + 50);
	EXPECT_EQ(second, arena_deref(self->a, two));
	EXPECT_EQ(third + 50, arena_deref(self->a, three));
	arena_rewind(self->a, later);
	EXPECT_EQ(second, arena_deref(self->a, two));
	EXPECT_EQ(NULL, arena_deref(self->a, three));
	/* The address is used by another allocation now. */
	EXPECT_EQ(third, arena_alloc(self->a, 100));
	EXPECT_EQ(NULL, arena_deref(self->a, three));
	three = arena_handle_make(self->a, third);
	EXPECT_EQ(third, arena_deref(self->a, three));
	arena_rewind(self->a, mark);
	EXPECT_NE(NULL, arena_alloc(self->a, 1000));
	EXPECT_EQ(first, arena_deref(self->a, one));
	EXPECT_EQ(NULL, arena_deref(self->a, two));
	EXPECT_EQ(NULL, arena_deref(self->a, three));
	/* Handles of another arena, and of no arena. */
	ASSERT_EQ(0, arena_create(&other, OPTS(.backing = variant->backing)));
	EXPECT_EQ(NULL, arena_deref(other, one));
	EXPECT_NE(NULL, arena_alloc(other, 10000));
	two = arena_handle_make(other, other->base + other->left);
	EXPECT_EQ(NULL, arena_deref(other, one));
	EXPECT_EQ(NULL, arena_deref(self->a, two));
	none = arena_handle_make(self->a, self->a->base - 1);
	EXPECT_EQ(NULL, arena_deref(self->a, none));
	none = arena_handle_make(self->a, &none);
	EXPECT_EQ(NULL, arena_deref(self->a, none));
	arena_destroy(other);
	EXPECT_EQ(0, arena_release(self->a));
	EXPECT_EQ(NULL, arena_deref(self->a, one));
}

/*
 * Handles are exact to the byte, for strings that share 16 bytes and for moved
 * allocations.
 */
TEST_F(lib_checks, handle_is_exact_to_the_byte)
{
	struct arena_handle one, two, three;
	struct arena_mark mark;
	char *string;

	NEED_BACKING();
	/*
	 * In a checked arena, strings share nothing and no allocation is
	 * resized in place.
	 */
	arena_destroy(self->a);
	setenv("ARENA_CHECKED", "0", 1);
	ASSERT_EQ(0, arena_create(&self->a, OPTS(.backing = variant->backing)));
	string = arena_strdup(self->a, "0123456789");
	one = arena_handle_make(self->a, string);
	mark = arena_save(self->a);
	two = arena_handle_make(self->a, arena_strdup(self->a, "ab"));
	EXPECT_STREQ("ab", arena_deref(self->a, two));
	arena_rewind(self->a, mark);
	EXPECT_EQ(string, arena_deref(self->a, one));
	EXPECT_EQ(NULL, arena_deref(self->a, two));
	string = arena_strdup(self->a, "a longer string that ends in them");
	two = arena_handle_make(self->a, string);
	three = arena_handle_make(self->a, string + strlen(string));
	arena_rewind(self->a, mark);
	EXPECT_STREQ("zz", arena_strdup(self->a, "zz"));
	EXPECT_STREQ("0123456789", arena_deref(self->a, one));
	EXPECT_EQ(NULL, arena_deref(self->a, two));
	EXPECT_EQ(NULL, arena_deref(self->a, three));

	string = arena_alloc(self->a, 64);
	two = arena_handle_make(self->a, string);
	string = arena_realloc(self->a, string, 64, 128);
	three = arena_handle_make(self->a, string);
	EXPECT_EQ(NULL, arena_deref(self->a, two));
	EXPECT_EQ(string, arena_deref(self->a, three));
	EXPECT_STREQ("0123456789", arena_deref(self->a, one));
}

/* Compare all handles with a list of the allocations. */
TEST_F(lib_checks, handles_agree_with_list_of_allocations)
{
	enum { N = 200, STEPS = 20000 };
	struct { struct arena_handle handle; char *memory; int depth; } all[N];
	struct arena_mark marks[20];
	unsigned int seed = getpid();
	int i, step, nr = 0, depth = 0, to;

	NEED_BACKING();
	TH_LOG("seed %u", seed);
	for (step = 0; step < STEPS; step++) {
		if (nr < N && rand_r(&seed) % 4) {
			all[nr].memory = arena_alloc(self->a, rand_r(&seed) % 200 + 1);
			all[nr].handle = arena_handle_make(self->a, all[nr].memory);
			all[nr++].depth = depth;
		} else if (depth < 20 && rand_r(&seed) % 2) {
			marks[depth++] = arena_save(self->a);
		} else if (depth) {
			to = rand_r(&seed) % depth;
			arena_rewind(self->a, marks[to]);
			depth = to;
			for (i = 0; i < nr; i++)
				if (all[i].depth > to)
					all[i].memory = NULL;
		}
		for (i = 0; i < nr; i++) {
			ASSERT_EQ(all[i].memory, arena_deref(self->a, all[i].handle));
		}
		/* Make room by forgetting some handles. */
		if (nr == N) {
			for (i = 0, nr = N / 2; i < nr; i++)
				all[i] = all[i + nr];
		}
	}
}

TEST_HARNESS_MAIN
