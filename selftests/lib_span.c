// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena: spans for other allocators (arena_span_alloc()); touches of memory that
 * was given back, its address quarantine, and the report of the fault; counters.
 */
#include "lib_test.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

LIB_FIXTURE(lib_span)
LIB_FIXTURE_ONCE(lib_span)

static int span_of(struct arena *a, size_t length, size_t align,
		     struct arena_span *span)
{
	*span = (struct arena_span) { .size = sizeof(*span) };
	return arena_span_alloc(a, length, align, span);
}

/* --- spans ---------------------------------------------------------------- */

TEST_F(lib_span, span_is_whole_blocks)
{
	bool is_device = variant->backing == ARENA_BACKING_DEVICE;
	struct arena_span one, two;
	struct arena_mark start;

	NEED_BACKING();
	start = arena_save(self->a);
	ASSERT_EQ(0, span_of(self->a, 3 * MIB, 0, &one));
	EXPECT_EQ(4 * MIB, one.length);
	EXPECT_EQ(0, (uintptr_t)one.memory % (2 * MIB));
	EXPECT_EQ(is_device ? ARENA_SPAN_ZERO | ARENA_SPAN_HUGE : ARENA_SPAN_ZERO,
		  one.flags);
	EXPECT_LE(0, one.node);
	EXPECT_EQ(-1, stats_of(self->a).node);
	*((char *)one.memory + one.length - 1) = 0;
	EXPECT_EQ(one.node, stats_of(self->a).node);
	EXPECT_TRUE(is_filled(one.memory, one.length, 0));
	memset(one.memory, 1, one.length);
	ASSERT_EQ(0, span_of(self->a, 1, 64 * MIB, &two));
	EXPECT_EQ(2 * MIB, two.length);
	EXPECT_EQ(0, (uintptr_t)two.memory % (64 * MIB));
	EXPECT_LE((uintptr_t)two.memory + two.length, (uintptr_t)one.memory);
	EXPECT_TRUE(is_filled(one.memory, one.length, 1));
	/* Memory that was used before is not reported as zero. */
	arena_rewind(self->a, start);
	ASSERT_EQ(0, span_of(self->a, 4 * MIB, 0, &two));
	EXPECT_EQ(one.memory, two.memory);
	EXPECT_EQ(is_device ? ARENA_SPAN_HUGE : 0, two.flags);
}

TEST_F(lib_span, dirty_span_is_not_reported_as_zero)
{
	struct arena_span span;
	struct arena *a;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
					   .flags = ARENA_OPT_KEEP_DIRTY)));
	ASSERT_EQ(0, span_of(a, 1, 0, &span));
	EXPECT_EQ(0, span.flags & ARENA_SPAN_ZERO);
	arena_destroy(a);
}

TEST_F(lib_span, bad_spans_are_refused)
{
	struct arena_opts opts = { .size = sizeof(opts), .reserve = 8 * MIB };
	struct arena *small, *child;
	struct arena_span span;

	NEED_BACKING();
	opts.backing = variant->backing;
	opts.limit = 6 * MIB;
	ASSERT_EQ(0, arena_create(&small, &opts));
	EXPECT_EQ(-EINVAL, span_of(small, 0, 0, &span));
	EXPECT_EQ(-EINVAL, span_of(small, 1, 3, &span));
	EXPECT_EQ(-ENOMEM, span_of(small, SIZE_MAX, 0, &span));
	EXPECT_EQ(-ENOMEM, span_of(small, 9 * MIB, 0, &span));
	EXPECT_EQ(-EDQUOT, span_of(small, 8 * MIB, 0, &span));
	span.size = 8;
	EXPECT_EQ(-EINVAL, arena_span_alloc(small, MIB, 0, &span));
	EXPECT_EQ(0, stats_of(small).used);
	ASSERT_EQ(0, arena_create_child(&child, small, OPTS(.reserve = 4 * MIB)));
	EXPECT_EQ(-EINVAL, span_of(child, MIB, 0, &span));
	arena_destroy(child);
	EXPECT_EQ(0, span_of(small, 5 * MIB, 0, &span));
	arena_destroy(small);
}

static size_t resident_pages(void *memory, size_t length)
{
	unsigned char pages[4096];
	size_t i, nr = 0;

	if (mincore(memory, length, pages))
		return SIZE_MAX;
	for (i = 0; i < length / 4096; i++)
		nr += pages[i] & 1;
	return nr;
}

TEST_F(lib_span, blocks_of_span_can_be_decommitted_and_committed)
{
	bool is_device = variant->backing == ARENA_BACKING_DEVICE;
	struct arena_span span;
	uint64_t blocks;
	char *memory;

	NEED_BACKING();
	ASSERT_EQ(0, span_of(self->a, 8 * MIB, 0, &span));
	memory = span.memory;
	memset(memory, 1, 8 * MIB);
	blocks = stats_of(self->a).blocks;
	ASSERT_EQ(0, arena_span_decommit(self->a, memory + 2 * MIB, 4 * MIB));
	EXPECT_EQ(is_device ? blocks - 2 : 0, stats_of(self->a).blocks);
	EXPECT_EQ(0, resident_pages(memory + 2 * MIB, 4 * MIB));
	ASSERT_EQ(0, arena_span_commit(self->a, memory + 2 * MIB, 2 * MIB));
	ASSERT_EQ(0, arena_span_commit(self->a, memory, 8 * MIB));
	EXPECT_EQ(blocks, stats_of(self->a).blocks);
	EXPECT_TRUE(is_filled(memory, 2 * MIB, 1));
	EXPECT_TRUE(is_filled(memory + 2 * MIB, 4 * MIB, 0));
	EXPECT_TRUE(is_filled(memory + 6 * MIB, 2 * MIB, 1));

	EXPECT_EQ(0, arena_span_decommit(self->a, memory, 0));
	EXPECT_EQ(-EINVAL, arena_span_decommit(self->a, memory + 4096, 2 * MIB));
	EXPECT_EQ(-EINVAL, arena_span_decommit(self->a, memory, 2 * MIB + 4096));
	EXPECT_EQ(-EINVAL, arena_span_decommit(self->a, memory, 10 * MIB));
	EXPECT_EQ(-EINVAL, arena_span_decommit(self->a, memory - 2 * MIB, 4 * MIB));
	EXPECT_EQ(-EINVAL, arena_span_decommit(self->a, memory, -2 * MIB));
	EXPECT_EQ(-EINVAL, arena_span_commit(self->a, memory - 2 * MIB, 2 * MIB));
	EXPECT_TRUE(is_filled(memory, 2 * MIB, 1));
}

/*
 * Memory that is allocated over a hole is committed by the allocation, not by a
 * touch.
 */
TEST_F(lib_span, holes_are_not_allocated)
{
	struct arena_span kept, span;
	struct arena_mark mark;
	uint64_t committed;
	char *memory;

	NEED_BACKING();
	ASSERT_EQ(0, span_of(self->a, 4 * MIB, 0, &kept));
	memset(kept.memory, 1, kept.length);
	mark = arena_save(self->a);
	ASSERT_EQ(0, span_of(self->a, 8 * MIB, 0, &span));
	memset(span.memory, 1, span.length);
	ASSERT_EQ(0, arena_span_decommit(self->a, (char *)span.memory + 4 * MIB, 2 * MIB));
	EXPECT_EQ(-EBUSY, arena_idle(self->a));
	arena_rewind(self->a, mark);
	EXPECT_EQ(4 * MIB, stats_of(self->a).committed);
	memory = arena_zalloc(self->a, 8 * MIB);
	ASSERT_EQ(span.memory, memory);
	EXPECT_TRUE(is_filled(memory, 8 * MIB, 0));
	EXPECT_TRUE(is_filled(kept.memory, kept.length, 1));
	EXPECT_EQ(0, arena_idle(self->a));
	EXPECT_EQ(1, arena_claim(self->a));

	/*
	 * A hole that stays does not cause the free memory below it to be given
	 * back.
	 */
	ASSERT_EQ(0, arena_span_decommit(self->a, (char *)kept.memory + 2 * MIB, 2 * MIB));
	committed = stats_of(self->a).committed;
	arena_rewind(self->a, mark);
	EXPECT_EQ(committed, stats_of(self->a).committed);
	arena_reset(self->a);
	EXPECT_EQ(0, stats_of(self->a).committed);
	memory = arena_zalloc(self->a, 4 * MIB);
	ASSERT_EQ(kept.memory, memory);
	EXPECT_TRUE(is_filled(memory, 4 * MIB, 0));

	/* A release with a hole gives everything back once. */
	ASSERT_EQ(0, span_of(self->a, 4 * MIB, 0, &span));
	ASSERT_EQ(0, arena_span_decommit(self->a, span.memory, 4 * MIB));
	ASSERT_EQ(0, arena_release(self->a));
	EXPECT_EQ(1, stats_of(self->a).releases);
	EXPECT_EQ(0, stats_of(self->a).committed);
	EXPECT_EQ(0, stats_of(self->a).blocks);
	EXPECT_EQ(0, arena_idle(self->a));
	EXPECT_EQ(1, arena_claim(self->a));
}

/* Memory allocated over a hole can be written, regardless of the order of the holes. */
TEST_F(lib_span, sealed_holes_are_not_allocated)
{
	struct arena_span one, two, three;
	struct arena_mark marks[3];
	struct arena *a;
	char *memory;
	int order;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
					   .flags = ARENA_OPT_SEAL)));
	for (order = 0; order < 2; order++) {
		ASSERT_EQ(0, span_of(a, 4 * MIB, 0, &one));
		marks[0] = arena_save(a);
		ASSERT_EQ(0, span_of(a, 4 * MIB, 0, &two));
		marks[1] = arena_save(a);
		ASSERT_EQ(0, span_of(a, 4 * MIB, 0, &three));
		if (order) {
			ASSERT_EQ(0, arena_span_decommit(a, one.memory, 2 * MIB));
			ASSERT_EQ(0, arena_span_decommit(a, three.memory, 4 * MIB));
			ASSERT_EQ(0, arena_span_decommit(a, two.memory, 2 * MIB));
		} else {
			ASSERT_EQ(0, arena_span_decommit(a, three.memory, 2 * MIB));
			ASSERT_EQ(0, arena_span_decommit(a, two.memory, 4 * MIB));
			ASSERT_EQ(0, arena_span_decommit(a, one.memory, 2 * MIB));
		}
		EXPECT_EQ(signal_of(variant->backing), signal_at(one.memory));
		arena_rewind(a, marks[1]);
		memory = arena_alloc(a, 6 * MIB);
		ASSERT_NE(NULL, memory);
		memset(memory, 1, 6 * MIB);
		arena_rewind(a, marks[0]);
		memory = arena_alloc(a, 6 * MIB);
		ASSERT_NE(NULL, memory);
		memset(memory, 1, 6 * MIB);
		/* The span that stays can be committed again. */
		ASSERT_EQ(0, arena_span_commit(a, one.memory, 4 * MIB));
		memset(one.memory, 1, 4 * MIB);
		EXPECT_EQ(0, arena_idle(a));
		EXPECT_EQ(1, arena_claim(a));
		ASSERT_EQ(0, arena_span_decommit(a, one.memory, 4 * MIB));
		arena_reset(a);
		memory = arena_zalloc(a, 8 * MIB);
		ASSERT_NE(NULL, memory);
		EXPECT_TRUE(is_filled(memory, 8 * MIB, 0));
		memset(memory, 1, 8 * MIB);
		ASSERT_EQ(0, arena_release(a));
	}
	arena_destroy(a);
}

/*
 * A hole that the system cannot take back, e.g. because it is locked, is
 * committed again before it is used.
 */
TEST_F(lib_span_once, locked_holes_are_committed_again)
{
	struct arena_span span;
	struct arena_mark start;
	char *memory;
	struct arena *a;

	if (IS_ASAN || IS_MSAN || IS_TSAN)
		SKIP(return, "with sanitizers mlock(2) locks nothing");
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = ARENA_BACKING_ANON,
					   .flags = ARENA_OPT_SEAL)));
	start = arena_save(a);
	ASSERT_EQ(0, span_of(a, 8 * MIB, 0, &span));
	memory = span.memory;
	memset(memory, 1, 8 * MIB);
	if (mlock(memory + 4 * MIB, 4096))
		SKIP(goto out, "no memory can be locked");
	EXPECT_EQ(-EINVAL, arena_span_decommit(a, memory + 4 * MIB, 2 * MIB));
	EXPECT_TRUE(is_filled(memory, 8 * MIB, 1));
	ASSERT_EQ(0, arena_span_decommit(a, memory + 6 * MIB, 2 * MIB));
	arena_rewind(a, start);
	memory = arena_zalloc(a, MIB);
	ASSERT_NE(NULL, memory);
	memset(memory, 1, MIB);
	memory = arena_zalloc(a, 7 * MIB);
	ASSERT_NE(NULL, memory);
	EXPECT_TRUE(is_filled(memory, 7 * MIB, 0));
	memset(memory, 1, 7 * MIB);
	munlock(memory, 7 * MIB);
out:
	arena_destroy(a);
}

/* Decommitted blocks would disturb arena_check(), which reads all memory. */
TEST_F(lib_span, checked_arena_keeps_memory_of_spans)
{
	struct arena_span span;
	struct arena *a;

	NEED_BACKING();
	unsetenv("ARENA_CHECKED");
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
					   .flags = ARENA_OPT_CHECKS | ARENA_OPT_SEAL)));
	ASSERT_EQ(0, span_of(a, 4 * MIB, 0, &span));
	EXPECT_TRUE(is_filled(span.memory, span.length, 0));
	memset(span.memory, 1, span.length);
	ASSERT_EQ(0, arena_span_decommit(a, span.memory, 2 * MIB));
	ASSERT_EQ(0, arena_span_commit(a, span.memory, 2 * MIB));
	EXPECT_TRUE(is_filled(span.memory, 2 * MIB, 0));
	EXPECT_EQ(1, arena_check(a));
	arena_reset(a);
	arena_destroy(a);
}

/* --- address quarantine ---------------------------------------------------------- */

TEST_F(lib_span, quarantine_keeps_addresses)
{
	int expected = signal_of(variant->backing), i;
	struct arena_handle handle;
	char *memory, *last = NULL;
	struct arena *a;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing, .reserve = 8 * MIB,
					   .limit = 6 * MIB, .flags = ARENA_OPT_QUARANTINE)));
	EXPECT_EQ(8 * MIB, stats_of(a).reserved);
	/* More releases than the address space has room for. */
	for (i = 0; i < 20; i++) {
		memory = arena_zalloc(a, 3 * MIB);
		ASSERT_NE(NULL, memory);
		ASSERT_TRUE(is_filled(memory, 3 * MIB, 0));
		memset(memory, 1, 3 * MIB);
		if (last) {
			/* The old address is not used by the new allocation. */
			ASSERT_EQ(expected, signal_at(last));
			ASSERT_EQ(expected, signal_at(last + 3 * MIB - 1));
		}
		handle = arena_handle_make(a, memory);
		ASSERT_EQ(memory, arena_deref(a, handle));
		ASSERT_NE(NULL, arena_alloc(a, 3 * MIB));
		ASSERT_EQ(NULL, arena_alloc(a, 1));
		ASSERT_EQ(-EDQUOT, arena_error(a));
		ASSERT_EQ(0, arena_release(a));
		ASSERT_EQ(NULL, arena_deref(a, handle));
		ASSERT_EQ(expected, signal_at(memory));
		ASSERT_EQ(0, stats_of(a).committed);
		ASSERT_EQ(0, stats_of(a).blocks);
		last = memory;
	}
	/* A release of nothing does not move the addresses. */
	ASSERT_EQ(0, arena_release(a));
	EXPECT_EQ(20, stats_of(a).releases);
	arena_destroy(a);
}

/* Memory that was given back earlier counts, too. */
TEST_F(lib_span, quarantine_includes_trimmed_memory)
{
	struct arena_span span;
	struct arena *a;
	char *memory;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing, .reserve = 64 * MIB,
					   .flags = ARENA_OPT_QUARANTINE)));
	memory = arena_alloc(a, 20 * MIB);
	ASSERT_NE(NULL, memory);
	arena_reset(a);
	ASSERT_EQ(0, arena_trim(a, 0));
	EXPECT_NE(NULL, arena_alloc(a, 1));
	ASSERT_EQ(0, arena_release(a));
	EXPECT_GT((uintptr_t)memory, (uintptr_t)arena_alloc(a, MIB));
	ASSERT_EQ(0, span_of(a, 4 * MIB, 0, &span));
	ASSERT_EQ(0, arena_span_decommit(a, span.memory, 2 * MIB));
	arena_reset(a);
	ASSERT_EQ(0, arena_release(a));
	EXPECT_GT((uintptr_t)span.memory, (uintptr_t)arena_alloc(a, MIB));
	arena_destroy(a);
	EXPECT_EQ(-ENOMEM, arena_create(&a, OPTS(.backing = variant->backing,
						 .reserve = (size_t)1 << 63,
						 .flags = ARENA_OPT_QUARANTINE)));
}

/* Dirty memory stays dirty in quarantine. */
TEST_F(lib_span, quarantine_keeps_memory_dirty)
{
	struct arena *a;
	char *memory;
	int i;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing, .reserve = 4 * MIB,
					   .flags = ARENA_OPT_QUARANTINE | ARENA_OPT_KEEP_DIRTY)));
	for (i = 0; i < 8; i++) {
		memory = arena_zalloc(a, 4 * MIB);
		ASSERT_NE(NULL, memory);
		ASSERT_TRUE(is_filled(memory, 4 * MIB, 0));
		memset(memory, 1, 4 * MIB);
		ASSERT_EQ(0, arena_release(a));
	}
	arena_destroy(a);
}

/* --- the report of a fault ------------------------------------------------------- */

static enum arena_backing backing;

static char *sealed(struct arena **a)
{
	char *memory;

	if (arena_create(a, OPTS(.name = "sealed", .backing = backing, .flags = ARENA_OPT_SEAL)))
		abort();
	memory = arena_alloc(*a, 4 * MIB);
	memset(memory, 1, 4 * MIB);
	return memory;
}

static void after_release(void)
{
	struct arena *a;
	volatile char *memory = sealed(&a);

	arena_report_faults();
	arena_release(a);
	memory[5000] = 1;
}

static void after_trim(void)
{
	struct arena *a;
	volatile char *memory = sealed(&a);

	arena_report_faults();
	arena_reset(a);
	arena_trim(a, 2 * MIB);
	memory[2 * MIB] = 1;
	memory[0] = 1;
}

static void after_decommit(void)
{
	struct arena *a;
	volatile char *memory = sealed(&a);
	struct arena_span span;

	(void)memory;
	arena_report_faults();
	if (!span_of(a, 2 * MIB, 0, &span) &&
	    !arena_span_decommit(a, span.memory, 2 * MIB))
		*(volatile char *)span.memory = 1;
}

static void after_destroy(void)
{
	struct arena *a;
	volatile char *memory = sealed(&a);

	arena_report_faults();
	arena_destroy(a);
	*memory = 1;
}

/* More releases than are remembered. */
static void after_many_releases(void)
{
	volatile char *first = NULL, *memory;
	struct arena *a;
	int i;

	arena_report_faults();
	if (arena_create(&a, OPTS(.name = "sealed", .backing = backing, .reserve = 64 * MIB,
				  .flags = ARENA_OPT_QUARANTINE)))
		abort();
	for (i = 0; i < 20; i++) {
		memory = arena_alloc(a, MIB);
		*memory = 1;
		first = first ? first : memory;
		arena_release(a);
	}
	*first = 1;
}

static void in_quarantine(void)
{
	volatile char *memory;
	struct arena *a;

	arena_report_faults();
	if (arena_create(&a, OPTS(.name = "sealed", .backing = backing,
				  .flags = ARENA_OPT_QUARANTINE)))
		abort();
	memory = arena_alloc(a, MIB);
	*memory = 1;
	arena_release(a);
	*memory = *(volatile char *)arena_alloc(a, MIB);
}

/* The arena was destroyed 50 ms before, and another one after it. */
static void a_while_after(void)
{
	struct arena *a, *other;
	volatile char *memory = sealed(&a);

	if (arena_create(&other, OPTS(.backing = backing)))
		abort();
	arena_report_faults();
	arena_destroy(a);
	arena_destroy(other);
	usleep(50000);
	*memory = 1;
}

static void by_environment(void)
{
	struct arena *a;
	volatile char *memory;

	setenv("ARENA_REPORT_FAULTS", "1", 1);
	memory = sealed(&a);
	arena_release(a);
	*memory = 1;
}

static void with_a_wrong_environment(void)
{
	struct arena *a;

	setenv("ARENA_REPORT_FAULTS", "yes", 1);
	sealed(&a);
}

static void elsewhere(void)
{
	char *memory = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct arena *a;

	sealed(&a);
	arena_report_faults();
	*(volatile char *)memory = 1;
}

static void by_kill(void)
{
	struct arena *a;

	sealed(&a);
	arena_report_faults();
	kill(getpid(), SIGSEGV);
	pause();
}

static void say(int signal)
{
	static const char text[] = "the program's own\n";

	(void)!write(2, text, sizeof(text) - 1);
	_exit(signal);
}

static void (*chosen)(void);

static void with_a_handler(void)
{
	signal(SIGBUS, say);
	signal(SIGSEGV, say);
	chosen();
}

static void with_a_larger_handler(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };

	action.sa_sigaction = (void (*)(int, siginfo_t *, void *))(void (*)(void))say;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	after_release();
}

/* Valgrind does not extend the stack to deliver a signal. */
static __attribute__((noinline)) void lengthen_stack(void)
{
	volatile char room[64 << 10];

	room[0] = 0;
	(void)room[0];
}

/* Make a mistake in a process of its own; return its status and its output. */
static int run(void (*mistake)(void), char *text, size_t room)
{
	struct rlimit none = { 0, 0 };
	int fds[2], status = -1;
	size_t size = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		dup2(fds[1], 2);
		lengthen_stack();
		mistake();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + size, room - 1 - size)) > 0)
		size += n;
	text[size] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	return status;
}

TEST_F(lib_span, faults_are_reported)
{
	static const struct {
		void (*mistake)(void);
		const char *words;
	} all[] = {
		{ after_release, " in arena 'sealed', released by arena_release 0." },
		{ after_trim, " in arena 'sealed', released by arena_trim 0." },
		{ after_decommit, " in arena 'sealed', released by arena_span_decommit 0." },
		{ after_destroy, " where arena 'sealed' was, destroyed 0." },
		{ after_many_releases, " in arena 'sealed', and in quarantine\n" },
		{ in_quarantine, " in arena 'sealed', released by arena_release 0." },
	};
	char text[4000], start[40];
	int status, expected;
	size_t i;

	NEED_BACKING();
	backing = variant->backing;
	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		status = run(all[i].mistake, text, sizeof(text));
		expected = all[i].mistake == after_destroy ? SIGSEGV : signal_of(backing);
		/* With a sanitizer, its handler ends the process. */
		if (!IS_SANITIZED) {
			EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == expected) {
				TH_LOG("%zu: status %x: %s", i, status, text);
			}
		}
		snprintf(start, sizeof(start), "libarena: %s at 0x",
			 expected == SIGBUS ? "SIGBUS" : "SIGSEGV");
		EXPECT_EQ(0, strncmp(text, start, strlen(start)));
		EXPECT_NE(NULL, strstr(text, all[i].words)) {
			TH_LOG("%zu: %s", i, text);
		}
		EXPECT_TRUE(strstr(text, " s before\n") ||
			    all[i].mistake == after_many_releases);
		/* The report also precedes a handler of the program. */
		chosen = all[i].mistake;
		status = run(with_a_handler, text, sizeof(text));
		/* Valgrind replaces the exit status. */
		EXPECT_TRUE(IS_SANITIZED ||
			    (WIFEXITED(status) && WEXITSTATUS(status) == expected));
		EXPECT_NE(NULL, strstr(text, all[i].words));
		EXPECT_NE(NULL, strstr(text, "\nthe program's own\n"));
	}
}

TEST_F(lib_span, other_signals_are_passed_on)
{
	char text[4000];
	int status, expected = signal_of(variant->backing);

	NEED_BACKING();
	backing = variant->backing;
	/* A sanitizer has its own handler. */
	if (!IS_SANITIZED) {
		status = run(elsewhere, text, sizeof(text));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
		EXPECT_STREQ("", text);
		status = run(by_kill, text, sizeof(text));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
		EXPECT_STREQ("", text);
	}
	status = run(with_a_larger_handler, text, sizeof(text));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == expected);
	EXPECT_NE(NULL, strstr(text, "before\nthe program's own\n"));
}

TEST_F(lib_span_once, reported_ages_are_right)
{
	double age = 0;
	char text[4000], *at;

	backing = ARENA_BACKING_ANON;
	run(a_while_after, text, sizeof(text));
	at = strstr(text, "destroyed ");
	ASSERT_NE(NULL, at);
	EXPECT_EQ(1, sscanf(at, "destroyed %lf s before", &age));
	EXPECT_TRUE(age >= 0.05 && age < 20) {
		TH_LOG("%s", text);
	}
	EXPECT_EQ(8, strspn(at + strlen("destroyed "), "0123456789."));
}

/* --- existing handlers ----------------------------------------------------------- */

static sigjmp_buf next_fault;
static volatile int nr_faults;

static void count_fault(int signal)
{
	(void)signal;
	nr_faults++;
}

static void jump_out(int signal)
{
	(void)signal;
	nr_faults++;
	siglongjmp(next_fault, 1);
}

static void set_handler(void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	arena_report_faults();
}

/* The handler runs once, then the default action applies. */
static void with_one_shot(void)
{
	set_handler(count_fault, SA_RESETHAND);
	after_release();
}

/*
 * The signal is not blocked in the handler, so it can jump out of it any number
 * of times.
 */
static void with_nodefer(void)
{
	struct arena *a;
	volatile char *memory = sealed(&a);

	set_handler(jump_out, SA_NODEFER);
	arena_release(a);
	sigsetjmp(next_fault, 0);
	if (nr_faults < 3)
		*memory = 1;
	_exit(nr_faults);
}

static void with_ignored(void)
{
	set_handler(SIG_IGN, 0);
	raise(SIGBUS);
	raise(SIGSEGV);
	_exit(7);
}

TEST_F(lib_span_once, program_handlers_keep_their_flags)
{
	char text[4000];
	int status;

	backing = ARENA_BACKING_ANON;
	if (!IS_SANITIZED) {
		status = run(with_one_shot, text, sizeof(text));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
		status = run(with_nodefer, text, sizeof(text));
		EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	}
	status = run(with_ignored, text, sizeof(text));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/*
 * The variable is read only once, so this test needs a fresh process without
 * the fixture.
 */
TEST_F(lib_span_once, faults_are_reported_if_the_environment_says_so)
{
	char text[4000];

	backing = ARENA_BACKING_ANON;
	run(by_environment, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, " in arena 'sealed', released by arena_release 0."));
	EXPECT_EQ(0, run(with_a_wrong_environment, text, sizeof(text)));
	EXPECT_STREQ("libarena: ARENA_REPORT_FAULTS=yes is ignored: can't be understood\n",
		     text);
}

/* --- counters -------------------------------------------------------------------- */

TEST_F(lib_span, allocations_are_counted)
{
	struct arena_scope scope = {
		.size = sizeof(scope), .flags = ARENA_SCOPE_DEADLINE,
		.deadline = UINT64_MAX, .slice = MIB,
	};
	struct arena_stats stats;
	struct arena *a, *child;
	struct arena_mark mark;
	char *memory;
	int i;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
					   .flags = ARENA_OPT_COUNT)));
	EXPECT_NE(NULL, arena_alloc(a, 1));
	EXPECT_NE(NULL, arena_alloc_aligned(a, 100, 64));
	EXPECT_NE(NULL, arena_new(a, uint64_t));
	stats = stats_of(a);
	EXPECT_EQ(3, stats.allocations);
	EXPECT_EQ(109, stats.asked);
	EXPECT_EQ(stats.used, stats.allocated);
	EXPECT_EQ(stats.used - 109, stats.wasted);
	/* Strings waste only the gap behind the last one. */
	arena_reset(a);
	EXPECT_NE(NULL, arena_strdup(a, "1234567"));
	EXPECT_NE(NULL, arena_strdup(a, "1234567"));
	stats = stats_of(a);
	EXPECT_EQ(5, stats.allocations);
	EXPECT_EQ(125, stats.asked);
	EXPECT_EQ(16, stats.used);
	/* Resized in place. */
	memory = arena_alloc(a, 1000);
	memory = arena_realloc(a, memory, 1000, 2000);
	memory = arena_realloc(a, memory, 2000, 16);
	ASSERT_NE(NULL, memory);
	stats = stats_of(a);
	EXPECT_EQ(6, stats.allocations);
	EXPECT_EQ(2125, stats.asked);
	EXPECT_EQ(32, stats.used);
	/* A failed allocation is not counted. */
	EXPECT_EQ(NULL, arena_alloc(a, SIZE_MAX));
	EXPECT_EQ(6, stats_of(a).allocations);
	ASSERT_EQ(0, arena_create_child(&child, a, OPTS(.reserve = 1024)));
	EXPECT_NE(NULL, arena_alloc(child, 10));
	EXPECT_EQ(1, stats_of(child).allocations);
	EXPECT_EQ(6, stats_of(child).wasted);
	arena_destroy(a);

	/*
	 * Strings that are freed one by one are counted to the byte; a scope
	 * does not disturb the count.
	 */
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
					   .flags = ARENA_OPT_COUNT)));
	EXPECT_NE(NULL, arena_strdup(a, "1234567"));
	mark = arena_save(a);
	for (i = 0; i < 10; i++) {
		EXPECT_NE(NULL, arena_strdup(a, "1234567"));
		arena_rewind(a, mark);
	}
	EXPECT_EQ(88, stats_of(a).asked);
	EXPECT_EQ(88, stats_of(a).allocated);
	EXPECT_EQ(0, stats_of(a).wasted);
	ASSERT_EQ(0, arena_scope_begin(a, &scope));
	for (i = 0; i < 10; i++) {
		EXPECT_NE(NULL, arena_alloc(a, 16));
	}
	EXPECT_EQ(21, stats_of(a).allocations);
	ASSERT_EQ(0, arena_scope_end(a));
	EXPECT_NE(NULL, arena_alloc(a, 16));
	EXPECT_NE(NULL, arena_alloc(a, 16));
	EXPECT_EQ(23, stats_of(a).allocations);
	arena_destroy(a);

	/* Without ARENA_OPT_COUNT these counters stay zero. */
	EXPECT_NE(NULL, arena_alloc(self->a, 100));
	EXPECT_EQ(0, stats_of(self->a).allocations);
	EXPECT_EQ(0, stats_of(self->a).wasted);
}

TEST_F(lib_span, reuse_is_counted)
{
	struct arena_stats stats;
	char text[2000] = "";
	int i, fds[2];

	NEED_BACKING();
	for (i = 0; i < 10; i++) {
		EXPECT_NE(NULL, arena_alloc(self->a, MIB));
		arena_reset(self->a);
	}
	stats = stats_of(self->a);
	EXPECT_EQ(10 * MIB, stats.allocated);
	EXPECT_EQ(2 * MIB, stats.obtained);
	EXPECT_NE(NULL, arena_alloc(self->a, MIB));
	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(0, arena_stats_print(self->a, fds[1], ARENA_STATS_TEXT));
	EXPECT_LT(0, read(fds[0], text, sizeof(text) - 1));
	EXPECT_NE(NULL, strstr(text, " unused_percent=50 "));
	EXPECT_NE(NULL, strstr(text, " reuse_percent=81 "));
	EXPECT_EQ(NULL, strstr(text, " asked="));
	close(fds[0]);
	close(fds[1]);
	ASSERT_EQ(0, arena_release(self->a));
	EXPECT_NE(NULL, arena_alloc(self->a, MIB));
	EXPECT_EQ(4 * MIB, stats_of(self->a).obtained);
}

TEST_HARNESS_MAIN
