// SPDX-License-Identifier: GPL-2.0-only
/* libarena: frames, scratch arenas, and the arena of a thread. */
#include "lib_test.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>

LIB_FIXTURE(lib_thread)
LIB_FIXTURE_ONCE(lib_thread)

static int frame(struct arena *a, int how, size_t *used)
{
	for (;;) {
		ARENA_FRAME(a);
		if (!arena_alloc(a, MIB))
			return -1;
		{
			ARENA_FRAME(a);
			if (!arena_alloc(a, MIB))
				return -1;
			*used = stats_of(a).used;
			if (how == 0)
				return 1;
			if (how == 1)
				goto out;
		}
		if (how == 2)
			break;
		if (stats_of(a).used != MIB)
			return -1;
		how--;
	}
	return 2;
out:
	return 3;
}

TEST_F(lib_thread, frame_ends_with_its_block)
{
	size_t used;
	int how;

	NEED_BACKING();
	for (how = 0; how < 5; how++) {
		EXPECT_LT(0, frame(self->a, how, &used));
		EXPECT_EQ(2 * MIB, used);
		EXPECT_EQ(0, stats_of(self->a).used);
	}
	{
		ARENA_FRAME(NULL);
	}
}

TEST_F(lib_thread_once, scratch_avoids_given_arenas)
{
	struct arena *one, *two, *three, *other;

	one = arena_scratch();
	ASSERT_NE(NULL, one);
	EXPECT_STREQ("scratch", arena_name(one));
	EXPECT_EQ(one, arena_scratch());
	ASSERT_EQ(0, arena_create(&other, NULL));
	EXPECT_EQ(one, arena_scratch(other));
	EXPECT_EQ(one, arena_scratch(NULL));
	two = arena_scratch(one);
	ASSERT_NE(NULL, two);
	EXPECT_NE(one, two);
	EXPECT_EQ(one, arena_scratch(two));
	three = arena_scratch(other, two, one);
	ASSERT_NE(NULL, three);
	EXPECT_NE(one, three);
	EXPECT_NE(two, three);
	EXPECT_EQ(two, arena_scratch(three, one));
	arena_destroy(other);
}

/* Return a result in the caller's scratch arena, made with the help of another one. */
static char *joined(struct arena *result, int n)
{
	ARENA_SCRATCH(scratch, result);
	struct arena_buf buf;

	if (arena_buf_begin(&buf, scratch, 0))
		return NULL;
	arena_buf_printf(&buf, "%d%s", n, n ? joined(scratch, n - 1) : "");
	return arena_strdup(result, arena_buf_finish(&buf, NULL));
}

TEST_F(lib_thread_once, scratch_is_rewound)
{
	struct arena *one = arena_scratch(), *two = arena_scratch(one);
	size_t used;
	char *text;

	{
		ARENA_SCRATCH(scratch);
		used = stats_of(scratch).used;
		text = joined(scratch, 3);
		EXPECT_STREQ("3210", text);
		EXPECT_EQ(used + 16, stats_of(scratch).used);
	}
	EXPECT_EQ(0, stats_of(one).used);
	EXPECT_EQ(0, stats_of(two).used);
}

struct thread {
	struct arena *own, *scratch;
	struct arena_cleanup cleanup;
	int cleaned;
	pthread_barrier_t *barrier;
	enum { RETURN, EXIT, CANCEL } how;
};

static void count(void *ctx)
{
	++*(int *)ctx;
}

static void *run_thread(void *data)
{
	struct thread *thread = data;

	thread->own = arena_thread();
	thread->scratch = arena_scratch(thread->own);
	if (!thread->own || !thread->scratch || thread->own != arena_thread())
		abort();
	memset(arena_alloc(thread->own, MIB), 1, MIB);
	memset(arena_alloc(thread->scratch, MIB), 1, MIB);
	arena_cleanup_add(thread->own, &thread->cleanup, count, &thread->cleaned);
	pthread_barrier_wait(thread->barrier);
	if (thread->how == EXIT)
		pthread_exit(NULL);
	while (thread->how == CANCEL) {
		/*
		 * TSan loses track of locks if a thread is cancelled in a
		 * function that it wraps.
		 */
		if (IS_TSAN)
			pthread_testcancel();
		else
			pause();
	}
	return NULL;
}

/* Arenas end with their thread, however it ends. */
TEST_F(lib_thread_once, thread_arenas_end_with_thread)
{
	enum { N = 3 };
	struct thread threads[N] = { { .how = RETURN }, { .how = EXIT }, { .how = CANCEL } };
	pthread_barrier_t barrier;
	pthread_t ids[N];
	int round, i, j, maps = 0;

	/*
	 * An arena made after a thread has ended may have the address of that
	 * thread's arena.
	 */
	ASSERT_NE(NULL, arena_thread());
	for (round = 0; round < 20; round++) {
		pthread_barrier_init(&barrier, NULL, N + 1);
		for (i = 0; i < N; i++) {
			threads[i].barrier = &barrier;
			threads[i].cleaned = 0;
			ASSERT_EQ(0, pthread_create(&ids[i], NULL, run_thread, &threads[i]));
		}
		pthread_barrier_wait(&barrier);
		for (i = 0; i < N; i++) {
			EXPECT_NE(threads[i].own, arena_thread());
			for (j = 0; j < i; j++) {
				EXPECT_NE(threads[i].own, threads[j].own);
				EXPECT_NE(threads[i].scratch, threads[j].scratch);
			}
		}
		pthread_cancel(ids[CANCEL]);
		for (i = 0; i < N; i++) {
			ASSERT_EQ(0, pthread_join(ids[i], NULL));
			EXPECT_EQ(1, threads[i].cleaned);
		}
		pthread_barrier_destroy(&barrier);
		/* The C library keeps some stacks and heaps. */
		if (round == 10)
			maps = nr_maps();
	}
	EXPECT_GE(maps + 5, nr_maps());
}

/*
 * A child can use inherited arenas on anonymous memory, and gets new ones
 * instead of those on the device.
 */
TEST_F(lib_thread_once, child_process_has_arenas_of_its_own)
{
	struct arena *own = arena_thread(), *scratch = arena_scratch();
	char *memory, *text;
	int status;
	pid_t pid;

	ASSERT_NE(NULL, own);
	memory = arena_strdup(own, "mine");
	text = arena_strdup(scratch, "mine, too");
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (arena_backing(arena_thread()) != ARENA_BACKING_DEVICE) {
			if (arena_thread() == own && strcmp(memory, "mine"))
				_exit(1);
		}
		if (!arena_strdup(arena_thread(), "the child's") ||
		    !arena_strdup(arena_scratch(), "the child's"))
			_exit(2);
		memset(arena_alloc(arena_thread(), 5 * MIB), 1, 5 * MIB);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_STREQ("mine", memory);
	EXPECT_STREQ("mine, too", text);
	EXPECT_NE(NULL, arena_alloc(own, 5 * MIB));
}

static int framed(char **texts)
{
	ARENA_SCRATCH(scratch);
	int status;
	pid_t pid;

	texts[0] = arena_strdup(scratch, "the parent's");
	pid = fork();
	/* The frame also ends in the child. */
	if (!pid)
		return -1;
	if (waitpid(pid, &status, 0) != pid || strcmp(texts[0], "the parent's"))
		return 1;
	return status;
}

TEST_F(lib_thread_once, frame_can_end_in_child_process)
{
	char *texts[1];
	int status = framed(texts);

	if (status < 0)
		_exit(!arena_strdup(arena_scratch(), "the child's"));
	EXPECT_EQ(0, status);
}

/*
 * In a child, cleanups are neither run nor read: they may be in memory of the
 * device.
 */
TEST_F(lib_thread, child_process_runs_no_cleanups_of_device)
{
	struct arena_cleanup *cleanup;
	int calls = 0, status;
	pid_t pid;

	NEED_BACKING();
	cleanup = arena_new(self->a, struct arena_cleanup);
	ASSERT_NE(NULL, cleanup);
	arena_cleanup_add(self->a, cleanup, count, &calls);
	ASSERT_EQ(-EBUSY, arena_idle(self->a));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct arena_mark mark = arena_save(self->a);

		if (variant->backing == ARENA_BACKING_DEVICE) {
			arena_rewind(self->a, mark);
			arena_reset(self->a);
			if (arena_release(self->a) != -EPERM ||
			    arena_trim(self->a, 0) != -EPERM ||
			    arena_idle(self->a) != -EPERM ||
			    arena_alloc(self->a, 64 * MIB) ||
			    arena_error(self->a) != -EPERM)
				_exit(1);
		}
		arena_destroy(self->a);
		_exit(calls != (variant->backing == ARENA_BACKING_DEVICE ? 0 : 1));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, calls);
	arena_reset(self->a);
	EXPECT_EQ(1, calls);
}

TEST_F(lib_thread, child_process_cannot_claim_idle_arena)
{
	int status;
	pid_t pid;

	NEED_BACKING();
	memset(arena_alloc(self->a, 100), 1, 100);
	ASSERT_EQ(0, arena_idle(self->a));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (variant->backing == ARENA_BACKING_DEVICE) {
			if (arena_claim(self->a) != -EPERM)
				_exit(1);
			arena_reset(self->a);
		} else if (arena_claim(self->a) != 1) {
			_exit(2);
		}
		arena_destroy(self->a);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, arena_claim(self->a));
}

/* ARENA_OPT_THREAD_OWNED must not end arenas twice that end with the thread anyway. */
TEST_F(lib_thread_once, thread_arenas_end_once)
{
	struct thread thread = { .how = RETURN };
	pthread_barrier_t barrier;
	pthread_t id;

	setenv("ARENA_THREAD_OWNED", "1", 1);
	pthread_barrier_init(&barrier, NULL, 1);
	thread.barrier = &barrier;
	ASSERT_EQ(0, pthread_create(&id, NULL, run_thread, &thread));
	ASSERT_EQ(0, pthread_join(id, NULL));
	EXPECT_EQ(1, thread.cleaned);
	unsetenv("ARENA_THREAD_OWNED");
}

static volatile bool ends;

static void *create_and_destroy(void *data)
{
	struct arena *a[3];
	int i;

	(void)data;
	while (!ends) {
		for (i = 0; i < 3; i++)
			if (arena_create(&a[i], OPTS(.reserve = 2 * MIB, .backing =
						     ARENA_BACKING_ANON, .flags =
						     i ? ARENA_OPT_THREAD_OWNED : 0)))
				abort();
		arena_destroy(a[1]);
		arena_destroy(a[0]);
		arena_destroy(a[2]);
	}
	return NULL;
}

/* Regardless of what other threads were doing during the fork. */
TEST_F(lib_thread_once, child_process_can_create_and_destroy)
{
	struct arena *a, *b;
	pthread_t ids[2];
	int i, status;

	if (IS_TSAN)
		SKIP(return, "TSan's own locks do not survive fork with threads");
	ASSERT_EQ(0, arena_create(&b, OPTS(.reserve = 2 * MIB,
					   .backing = ARENA_BACKING_ANON)));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&ids[i], NULL, create_and_destroy, NULL));
	}
	for (i = 0; i < 200; i++) {
		if (!fork()) {
			alarm(HANG);
			if (arena_create(&a, OPTS(.reserve = 2 * MIB, .backing =
						  ARENA_BACKING_ANON)))
				_exit(1);
			arena_destroy(b);
			arena_destroy(a);
			_exit(0);
		}
		ASSERT_LT(0, wait(&status));
		ASSERT_EQ(0, status);
	}
	ends = true;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(ids[i], NULL));
	}
	arena_destroy(b);
}

struct owned {
	enum arena_backing backing;
	struct arena *ends, *stays, *is_adopted;
	struct arena_cleanup cleanup[3];
	int cleaned[3];
};

static struct arena *owned_arena(struct owned *owned, int i)
{
	struct arena *a;

	if (arena_create(&a, OPTS(.backing = owned->backing, .flags = ARENA_OPT_THREAD_OWNED)))
		abort();
	arena_cleanup_add(a, &owned->cleanup[i], count, &owned->cleaned[i]);
	return a;
}

static void *own(void *data)
{
	struct owned *owned = data;

	arena_destroy(owned_arena(owned, 1));
	owned->ends = owned_arena(owned, 0);
	owned->is_adopted = owned_arena(owned, 2);
	arena_destroy(owned_arena(owned, 1));
	return NULL;
}

static void *adopt(void *data)
{
	struct owned *owned = data;

	arena_adopt(owned->is_adopted);
	return NULL;
}

static void *own_and_wait(void *data)
{
	struct owned *owned = data;

	owned->ends = owned_arena(owned, 0);
	owned->is_adopted = owned_arena(owned, 2);
	pthread_barrier_wait((pthread_barrier_t *)owned->stays);
	pthread_barrier_wait((pthread_barrier_t *)owned->stays);
	return NULL;
}

/* Owned arenas end with their thread, not before, and only once. */
TEST_F(lib_thread, owned_arenas_end_with_their_thread)
{
	struct owned owned = { .backing = variant->backing };
	pthread_barrier_t barrier;
	pthread_t id;
	int status;

	NEED_BACKING();
	ASSERT_EQ(0, pthread_create(&id, NULL, own, &owned));
	ASSERT_EQ(0, pthread_join(id, NULL));
	EXPECT_EQ(1, owned.cleaned[0]);
	EXPECT_EQ(2, owned.cleaned[1]);
	EXPECT_EQ(1, owned.cleaned[2]);

	pthread_barrier_init(&barrier, NULL, 2);
	owned.stays = (struct arena *)&barrier;
	ASSERT_EQ(0, pthread_create(&id, NULL, own_and_wait, &owned));
	pthread_barrier_wait(&barrier);
	EXPECT_EQ(1, owned.cleaned[0]);
	arena_adopt(owned.is_adopted);
	/* In a child, the other thread does not exist and cannot end. */
	if (!fork()) {
		arena_adopt(owned.ends);
		arena_destroy(owned.is_adopted);
		_exit(owned.cleaned[0] != 1);
	}
	wait(&status);
	EXPECT_EQ(0, status);
	pthread_barrier_wait(&barrier);
	ASSERT_EQ(0, pthread_join(id, NULL));
	EXPECT_EQ(2, owned.cleaned[0]);
	EXPECT_EQ(1, owned.cleaned[2]);
	/* The arena belongs to a third thread now. */
	ASSERT_EQ(0, pthread_create(&id, NULL, adopt, &owned));
	ASSERT_EQ(0, pthread_join(id, NULL));
	EXPECT_EQ(2, owned.cleaned[2]);
}

TEST_HARNESS_MAIN
