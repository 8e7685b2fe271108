// SPDX-License-Identifier: GPL-2.0-only
/* libarena: marks, cleanups, children, and what goes back to the system. */
#include "lib_test.h"

LIB_FIXTURE(lib_free)

TEST_F(lib_free, rewind_frees_later_allocations)
{
	struct arena_mark outer, inner;
	char *kept, *one, *two;

	NEED_BACKING();
	kept = arena_alloc(self->a, 100);
	memset(kept, 1, 100);
	outer = arena_save(self->a);
	one = arena_alloc(self->a, 5 * MIB);
	memset(one, 2, 5 * MIB);
	inner = arena_save(self->a);
	two = arena_alloc(self->a, 3 * MIB);
	ASSERT_NE(NULL, two);
	arena_rewind(self->a, inner);
	EXPECT_EQ(two, arena_alloc(self->a, 3 * MIB));
	/* Use the same mark again, then an earlier one. */
	arena_rewind(self->a, inner);
	EXPECT_TRUE(is_filled(one, 5 * MIB, 2));
	arena_rewind(self->a, outer);
	EXPECT_EQ(one, arena_alloc(self->a, 5 * MIB));
	EXPECT_TRUE(is_filled(kept, 100, 1));
	EXPECT_EQ(3, stats_of(self->a).rewinds);
	EXPECT_LE(8 * MIB + 112, stats_of(self->a).peak);
	arena_rewind(self->a, outer);
	EXPECT_LE(8 * MIB + 112, stats_of(self->a).peak);
	EXPECT_EQ(112, stats_of(self->a).used);
}

TEST_F(lib_free, rewind_of_empty_arena_changes_nothing)
{
	struct arena_mark start;

	NEED_BACKING();
	start = arena_save(self->a);
	arena_rewind(self->a, start);
	EXPECT_EQ(0, stats_of(self->a).used);
	EXPECT_NE(NULL, arena_alloc(self->a, MIB));
	arena_rewind(self->a, start);
	EXPECT_EQ(0, stats_of(self->a).used);
}

/* A rewind does not enlarge an allocation that was larger when the mark was saved. */
TEST_F(lib_free, rewind_never_allocates)
{
	struct arena_mark mark;
	char *memory, *other;

	NEED_BACKING();
	memory = arena_alloc(self->a, 1000);
	memset(memory, 1, 1000);
	mark = arena_save(self->a);
	memory = arena_realloc(self->a, memory, 1000, 100);
	EXPECT_EQ(112, stats_of(self->a).used);
	arena_rewind(self->a, mark);
	EXPECT_EQ(112, stats_of(self->a).used);
	other = arena_alloc(self->a, 100);
	memset(other, 2, 100);
	EXPECT_TRUE(is_filled(memory, 100, 1));
}

struct log {
	int calls[16];
	int nr;
};

struct entry {
	struct arena_cleanup cleanup;
	struct log *log;
	int id;
};

static void note(void *ctx)
{
	struct entry *entry = ctx;

	entry->log->calls[entry->log->nr++] = entry->id;
}

static void add(struct arena *a, struct entry *entry, struct log *log, int id)
{
	entry->log = log;
	entry->id = id;
	arena_cleanup_add(a, &entry->cleanup, note, entry);
}

static bool was_called(struct log *log, const char *expected)
{
	char calls[16] = "";
	int i;

	for (i = 0; i < log->nr; i++)
		calls[i] = 'a' + log->calls[i];
	log->nr = 0;
	return !strcmp(calls, expected);
}

TEST_F(lib_free, youngest_cleanup_runs_first)
{
	struct arena_mark mark, later;
	struct log log = { .nr = 0 };
	struct entry all[6];
	struct entry *inside;

	NEED_BACKING();
	add(self->a, &all[0], &log, 0);
	mark = arena_save(self->a);
	add(self->a, &all[1], &log, 1);
	add(self->a, &all[2], &log, 2);
	later = arena_save(self->a);
	add(self->a, &all[3], &log, 3);
	arena_rewind(self->a, later);
	EXPECT_TRUE(was_called(&log, "d"));
	arena_rewind(self->a, later);
	EXPECT_TRUE(was_called(&log, ""));
	add(self->a, &all[3], &log, 3);
	arena_rewind(self->a, mark);
	EXPECT_TRUE(was_called(&log, "dcb"));
	/* A cleanup may be in the memory that is being freed. */
	inside = arena_new(self->a, struct entry);
	add(self->a, inside, &log, 4);
	arena_reset(self->a);
	EXPECT_TRUE(was_called(&log, "ea"));
	arena_reset(self->a);
	EXPECT_TRUE(was_called(&log, ""));
	add(self->a, &all[0], &log, 0);
	add(self->a, &all[1], &log, 1);
	EXPECT_EQ(0, arena_release(self->a));
	EXPECT_TRUE(was_called(&log, "ba"));
	add(self->a, &all[0], &log, 0);
	add(self->a, &all[1], &log, 1);
	arena_destroy(self->a);
	EXPECT_TRUE(was_called(&log, "ba"));
	self->a = NULL;
}

TEST_F(lib_free, cleanups_can_be_removed)
{
	struct log log = { .nr = 0 };
	struct arena_mark mark;
	struct entry all[4];
	int i;

	NEED_BACKING();
	for (i = 0; i < 3; i++)
		add(self->a, &all[i], &log, i);
	mark = arena_save(self->a);
	add(self->a, &all[3], &log, 3);
	/* Remove the youngest cleanup at the mark, and one in the middle. */
	arena_cleanup_remove(self->a, &all[2].cleanup);
	arena_cleanup_remove(self->a, &all[1].cleanup);
	arena_cleanup_remove(self->a, &all[1].cleanup);
	arena_rewind(self->a, mark);
	EXPECT_TRUE(was_called(&log, "d"));
	arena_reset(self->a);
	EXPECT_TRUE(was_called(&log, "a"));
	arena_cleanup_remove(self->a, &all[0].cleanup);
}

TEST_F(lib_free, child_arena_uses_memory_of_parent)
{
	struct arena *child;
	char *memory, *other;
	size_t used;

	NEED_BACKING();
	used = stats_of(self->a).used;
	ASSERT_EQ(0, arena_create_child(&child, self->a, OPTS(.name = "child",
							      .reserve = 999)));
	EXPECT_STREQ("child", arena_name(child));
	EXPECT_STREQ("arena", arena_name(self->a));
	EXPECT_EQ(variant->backing, arena_backing(child));
	EXPECT_EQ(1008, stats_of(child).reserved);
	EXPECT_EQ(used + 1008, stats_of(self->a).used);
	memory = arena_zalloc(child, 1000);
	EXPECT_TRUE(is_filled(memory, 1000, 0));
	memset(memory, 1, 1000);
	EXPECT_EQ(NULL, arena_alloc(child, 1));
	EXPECT_EQ(-ENOMEM, arena_error(child));
	other = arena_alloc(self->a, 1000);
	memset(other, 2, 1000);
	EXPECT_TRUE(is_filled(memory, 1000, 1));
	/* Only the parent can release the memory. */
	EXPECT_EQ(0, arena_release(child));
	EXPECT_EQ(0, arena_trim(child, 0));
	EXPECT_TRUE(is_filled(arena_zalloc(child, 1000), 1000, 0));
	EXPECT_TRUE(is_filled(other, 1000, 2));
	arena_destroy(child);
	EXPECT_EQ(used + 2016, stats_of(self->a).used);

	/* A child that is the last allocation of its parent leaves nothing behind. */
	used = stats_of(self->a).used;
	ASSERT_EQ(0, arena_create_child(&child, self->a, OPTS(.reserve = 5 * MIB,
							      .limit = MIB)));
	EXPECT_EQ(NULL, arena_alloc(child, MIB + 1));
	EXPECT_EQ(-EDQUOT, arena_error(child));
	EXPECT_NE(NULL, arena_alloc(child, MIB));
	arena_destroy(child);
	EXPECT_EQ(used, stats_of(self->a).used);
}

TEST_F(lib_free, child_arena_ends_with_its_memory)
{
	struct arena *child, *grandchild, *second;
	struct log log = { .nr = 0 };
	struct arena_mark mark;
	struct entry all[4];

	NEED_BACKING();
	mark = arena_save(self->a);
	ASSERT_EQ(0, arena_create_child(&child, self->a, OPTS(.reserve = 10000)));
	ASSERT_EQ(0, arena_create_child(&grandchild, child, OPTS(.reserve = 5000)));
	ASSERT_EQ(0, arena_create_child(&second, self->a, OPTS(.reserve = 100)));
	EXPECT_EQ(variant->backing, arena_backing(grandchild));
	add(child, &all[0], &log, 0);
	add(grandchild, &all[1], &log, 1);
	add(second, &all[2], &log, 2);
	add(self->a, &all[3], &log, 3);
	arena_destroy(second);
	EXPECT_TRUE(was_called(&log, "c"));
	arena_rewind(self->a, mark);
	/*
	 * The grandchild was created before the child's cleanup was added, so
	 * it ends after that.
	 */
	EXPECT_TRUE(was_called(&log, "dab"));
	EXPECT_EQ(0, stats_of(self->a).used);

	ASSERT_EQ(0, arena_create_child(&child, self->a, OPTS(.reserve = 10000)));
	add(child, &all[0], &log, 0);
	arena_reset(self->a);
	EXPECT_TRUE(was_called(&log, "a"));
	ASSERT_EQ(0, arena_create_child(&child, self->a, OPTS(.reserve = 10000)));
	add(child, &all[0], &log, 0);
	arena_destroy(self->a);
	EXPECT_TRUE(was_called(&log, "a"));
	self->a = NULL;
}

TEST_F(lib_free, bad_child_arenas_are_refused)
{
	struct arena *child = NULL;

	NEED_BACKING();
	EXPECT_EQ(-EINVAL, arena_create_child(&child, self->a, NULL));
	EXPECT_EQ(-EINVAL, arena_create_child(&child, self->a, OPTS(.reserve = 0)));
	EXPECT_EQ(-EINVAL, arena_create_child(&child, self->a, OPTS(
		.reserve = 1, .backing = ARENA_BACKING_ANON)));
	EXPECT_EQ(-EINVAL, arena_create_child(&child, self->a, OPTS(
		.reserve = 1, .flags = ARENA_OPT_SEAL)));
	EXPECT_EQ(-EINVAL, arena_create_child(&child, self->a, OPTS(
		.reserve = 1, .prefault = 1)));
	EXPECT_EQ(-ENOMEM, arena_create_child(&child, self->a, OPTS(.reserve = SIZE_MAX - 1)));
	EXPECT_EQ(-ENOMEM, arena_create_child(&child, self->a, OPTS(.reserve = 32 * GIB)));
	EXPECT_EQ(NULL, child);
	EXPECT_EQ(0, stats_of(self->a).used);
}

/* --- memory returned to the system ---------------------------------------------- */

TEST_F(lib_free, trim_keeps_used_memory)
{
	unsigned char *memory;
	struct arena_stats stats;

	NEED_BACKING();
	memory = arena_alloc(self->a, 20 * MIB);
	ASSERT_NE(NULL, memory);
	memset(memory, 1, 20 * MIB);
	memory += 20 * MIB - 3 * MIB;
	arena_reset(self->a);
	EXPECT_EQ(memory, arena_alloc(self->a, 3 * MIB));

	ASSERT_EQ(0, arena_trim(self->a, 10 * MIB));
	EXPECT_EQ(10 * MIB, stats_of(self->a).committed);
	ASSERT_EQ(0, arena_trim(self->a, SIZE_MAX));
	EXPECT_EQ(10 * MIB, stats_of(self->a).committed);
	ASSERT_EQ(0, arena_trim(self->a, 0));
	stats = stats_of(self->a);
	EXPECT_EQ(4 * MIB, stats.committed);
	EXPECT_EQ(variant->backing == ARENA_BACKING_DEVICE ? 2 : 0, stats.blocks);
	EXPECT_EQ(3 * MIB, stats.used);
	EXPECT_TRUE(is_filled(memory, 3 * MIB, 1));
	EXPECT_EQ(2, stats.releases);
	/* This memory was used before and after the trim. */
	EXPECT_TRUE(is_filled(arena_zalloc(self->a, 5 * MIB), 5 * MIB, 0));
	EXPECT_TRUE(is_filled(memory, 3 * MIB, 1));
}

TEST_F(lib_free, release_and_trim_are_counted)
{
	NEED_BACKING();
	EXPECT_EQ(0, arena_release(self->a));
	EXPECT_EQ(0, arena_trim(self->a, 0));
	EXPECT_EQ(0, stats_of(self->a).releases);
	EXPECT_NE(NULL, arena_alloc(self->a, 1));
	EXPECT_EQ(0, arena_trim(self->a, 0));
	EXPECT_EQ(0, stats_of(self->a).releases);
	arena_reset(self->a);
	EXPECT_EQ(0, arena_trim(self->a, 0));
	EXPECT_EQ(1, stats_of(self->a).releases);
	EXPECT_EQ(0, stats_of(self->a).committed);
}

TEST_HARNESS_MAIN
