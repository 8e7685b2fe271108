// SPDX-License-Identifier: GPL-2.0-only
/* libarena: idle arenas, and scopes that end by a deadline or a descriptor. */
#include "lib_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

LIB_FIXTURE(lib_life)

/* --- idle -------------------------------------------------------------------- */

/* Do what the system does when it needs memory; return whether that worked. */
static bool take(enum arena_backing backing, char *memory, size_t size)
{
	int fd;
	bool is_done;

	if (backing != ARENA_BACKING_DEVICE) {
		memory -= (uintptr_t)memory % 4096;
		return !madvise(memory + (size / 2 & -4096), 4096, MADV_DONTNEED);
	}
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	is_done = fd >= 0 && write(fd, "2", 1) == 1;
	close(fd);
	return is_done;
}

TEST_F(lib_life, claimed_arena_has_its_contents)
{
	size_t sizes[] = { 1, 4000, 5000, 7 * MIB }, i, j;
	char *memory;

	NEED_BACKING();
	EXPECT_EQ(1, arena_claim(self->a));
	EXPECT_EQ(0, arena_idle(self->a));
	EXPECT_EQ(1, arena_claim(self->a));
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		memory = arena_alloc(self->a, sizes[i]);
		ASSERT_NE(NULL, memory);
		memset(memory, 1 + i, sizes[i]);
		/* Three pages of zeros, except for the last byte. */
		if (sizes[i] > MIB) {
			memset(memory + MIB, 0, 12288);
			memory[MIB + 12287] = 1;
		}
		for (j = 0; j < 2; j++) {
			ASSERT_EQ(0, arena_idle(self->a));
			EXPECT_EQ(0, arena_idle(self->a));
			EXPECT_EQ(1, arena_claim(self->a));
			EXPECT_TRUE(is_filled(memory, sizes[i] < MIB ? sizes[i] : MIB, 1 + i));
		}
	}
	EXPECT_EQ(1, memory[MIB + 12287]);
	EXPECT_NE(NULL, arena_alloc(self->a, 100));
}

TEST_F(lib_life, claim_reports_lost_contents)
{
	char *memory;
	int round;

	NEED_BACKING();
	if (geteuid() && variant->backing == ARENA_BACKING_DEVICE)
		SKIP(return, "not root");
	for (round = 0; round < 3; round++) {
		memory = arena_alloc(self->a, 9 * MIB);
		ASSERT_NE(NULL, memory);
		memset(memory, 1, 9 * MIB);
		ASSERT_EQ(0, arena_idle(self->a));
		ASSERT_TRUE(take(variant->backing, memory, 9 * MIB));
		EXPECT_EQ(0, arena_claim(self->a));
		EXPECT_EQ(0, stats_of(self->a).used);
		EXPECT_EQ(0, stats_of(self->a).committed);
		EXPECT_EQ(0, stats_of(self->a).blocks);
		EXPECT_EQ(1, arena_claim(self->a));
		EXPECT_TRUE(is_filled(arena_zalloc(self->a, 9 * MIB), 9 * MIB, 0));
		arena_reset(self->a);
	}
}

TEST_F(lib_life, idle_arena_allocates_nothing)
{
	struct arena_mark mark;
	void *last;
	size_t used;

	NEED_BACKING();
	EXPECT_NE(NULL, arena_alloc(self->a, 5000));
	mark = arena_save(self->a);
	/* The last allocation must not grow within its 16 bytes, either. */
	last = arena_alloc(self->a, 5);
	ASSERT_EQ(0, arena_idle(self->a));
	EXPECT_EQ(NULL, arena_realloc(self->a, last, 5, 10));
	EXPECT_EQ(-EBUSY, arena_error(self->a));
	EXPECT_EQ(1, arena_claim(self->a));
	EXPECT_EQ(last, arena_realloc(self->a, last, 5, 10));
	EXPECT_NE(NULL, arena_strdup(self->a, "a"));
	used = stats_of(self->a).used;
	ASSERT_EQ(0, arena_idle(self->a));
	EXPECT_EQ(NULL, arena_alloc(self->a, 1));
	EXPECT_EQ(-EBUSY, arena_error(self->a));
	EXPECT_EQ(NULL, arena_alloc_aligned(self->a, 1, 64));
	EXPECT_EQ(NULL, arena_strdup(self->a, "b"));
	EXPECT_EQ(used, stats_of(self->a).used);
	EXPECT_EQ(-1, stats_of(self->a).node);
	EXPECT_EQ(1, arena_claim(self->a));
	EXPECT_NE(NULL, arena_alloc(self->a, 1));
	/* Calls that free memory claim the arena. */
	ASSERT_EQ(0, arena_idle(self->a));
	arena_rewind(self->a, mark);
	EXPECT_NE(NULL, arena_alloc(self->a, 1));
	ASSERT_EQ(0, arena_idle(self->a));
	arena_reset(self->a);
	EXPECT_NE(NULL, arena_alloc(self->a, 1));
	ASSERT_EQ(0, arena_idle(self->a));
	EXPECT_EQ(0, arena_trim(self->a, 0));
	EXPECT_NE(NULL, arena_alloc(self->a, 1));
	ASSERT_EQ(0, arena_idle(self->a));
	EXPECT_EQ(0, arena_release(self->a));
	EXPECT_NE(NULL, arena_alloc(self->a, 1));
	ASSERT_EQ(0, arena_idle(self->a));
}

static void do_nothing(void *ctx)
{
	(void)ctx;
}

TEST_F(lib_life, busy_arenas_cannot_be_idle)
{
	struct arena_cleanup cleanup;
	struct arena *child;

	NEED_BACKING();
	arena_cleanup_add(self->a, &cleanup, do_nothing, NULL);
	EXPECT_EQ(-EBUSY, arena_idle(self->a));
	arena_cleanup_remove(self->a, &cleanup);
	ASSERT_EQ(0, arena_create_child(&child, self->a, OPTS(.reserve = 100)));
	EXPECT_EQ(-EBUSY, arena_idle(self->a));
	EXPECT_EQ(-EINVAL, arena_idle(child));
	EXPECT_EQ(1, arena_claim(child));
	arena_destroy(child);
	EXPECT_EQ(0, arena_idle(self->a));
}

/* --- scopes --------------------------------------------------------------------- */

#define SCOPE(...) (&(struct arena_scope) { .size = sizeof(struct arena_scope), __VA_ARGS__ })

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		;
}

/*
 * Check that each way to allocate fails, that contents are kept, and that the
 * end of the scope releases them.
 */
static bool is_over(struct arena *a, char *memory, size_t size)
{
	struct arena_mark mark = arena_save(a);
	bool is = arena_scope_check(a) == -ECANCELED && !arena_alloc(a, 1) &&
		  arena_error(a) == -ECANCELED && !arena_zalloc(a, 1) &&
		  !arena_alloc_aligned(a, 1, 4096) && !arena_strdup(a, "") &&
		  !arena_printf(a, "%d", 1) && is_filled(memory, size, 7);

	arena_rewind(a, mark);
	is = is && !arena_alloc(a, 1) && !arena_scope_end(a);
	return is && !stats_of(a).used && !stats_of(a).committed &&
	       !arena_scope_check(a) && arena_alloc(a, MIB);
}

static char *fill(struct arena *a, size_t size)
{
	char *memory = arena_alloc(a, size);

	return memory ? memset(memory, 7, size) : NULL;
}

TEST_F(lib_life, deadline_ends_scope)
{
	uint64_t deadline, in = 500000000;
	char *memory, *copy;
	int ended;

	NEED_BACKING();
	/*
	 * On a machine that is too slow for the deadline, try again with twice
	 * the time.
	 */
	while (true) {
		deadline = now_ns() + in;
		ASSERT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_DEADLINE,
							      .deadline = deadline)));
		memory = fill(self->a, 10000);
		ended = arena_scope_check(self->a);
		copy = arena_strdup(self->a, "x");
		if (now_ns() < deadline)
			break;
		ASSERT_EQ(0, arena_scope_end(self->a));
		in *= 2;
	}
	EXPECT_NE(NULL, memory);
	EXPECT_EQ(0, ended);
	EXPECT_NE(NULL, copy);
	sleep_until(deadline);
	EXPECT_TRUE(is_over(self->a, memory, 10000));
	/* A scope whose deadline has passed when it begins. */
	ASSERT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_DEADLINE, .deadline = 1)));
	EXPECT_EQ(NULL, arena_alloc(self->a, 1));
	EXPECT_EQ(-ECANCELED, arena_error(self->a));
	EXPECT_EQ(0, arena_scope_end(self->a));
}

TEST_F(lib_life, eventfd_ends_scope)
{
	uint64_t one = 1;
	char *memory;
	int fd;

	NEED_BACKING();
	fd = eventfd(0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_FD, .fd = fd)));
	memory = fill(self->a, 10000);
	EXPECT_NE(NULL, memory);
	ASSERT_EQ(sizeof(one), write(fd, &one, sizeof(one)));
	/* The scope stays over, even if the descriptor is not readable any more. */
	EXPECT_EQ(NULL, arena_alloc(self->a, 1));
	ASSERT_EQ(sizeof(one), read(fd, &one, sizeof(one)));
	EXPECT_TRUE(is_over(self->a, memory, 10000));
	close(fd);
}

TEST_F(lib_life, timer_ends_scope)
{
	struct itimerspec in = { .it_value.tv_nsec = 100000000 };
	char *memory;
	int fd;

	NEED_BACKING();
	fd = timerfd_create(CLOCK_MONOTONIC, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_FD, .fd = fd)));
	memory = fill(self->a, 10000);
	EXPECT_NE(NULL, memory);
	ASSERT_EQ(0, timerfd_settime(fd, 0, &in, NULL));
	sleep_until(now_ns() + 200000000);
	EXPECT_TRUE(is_over(self->a, memory, 10000));
	close(fd);
}

/* Requests do not cancel the scope; it is over when the other end is closed. */
TEST_F(lib_life, closed_socket_ends_scope)
{
	char *memory;
	int fds[2];

	NEED_BACKING();
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	ASSERT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_FD, .fd = fds[0])));
	memory = fill(self->a, 10000);
	EXPECT_NE(NULL, memory);
	ASSERT_EQ(7, write(fds[1], "request", 7));
	EXPECT_NE(NULL, arena_alloc(self->a, 1));
	close(fds[1]);
	EXPECT_TRUE(is_over(self->a, memory, 10000));
	close(fds[0]);
}

TEST_F(lib_life, end_of_process_ends_scope)
{
	char *memory;
	pid_t pid;
	int fd;

	NEED_BACKING();
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* If an assertion ends the parent, nothing else ends this process. */
		alarm(HANG);
		pause();
		_exit(0);
	}
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 && errno == ENOSYS && IS_VALGRIND) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		SKIP(return, "this Valgrind does not support pidfd_open(2)");
	}
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_FD, .fd = fd)));
	memory = fill(self->a, 10000);
	EXPECT_NE(NULL, memory);
	EXPECT_EQ(0, arena_scope_check(self->a));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(is_over(self->a, memory, 10000));
	close(fd);
}

/* Exactly one slice can be allocated between two checks of the descriptor. */
TEST_F(lib_life, scope_is_checked_after_each_slice)
{
	uint64_t one = 1;
	size_t i;
	int fd;

	NEED_BACKING();
	fd = eventfd(0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_FD, .fd = fd,
						   .slice = 1610)));
	EXPECT_NE(NULL, arena_alloc(self->a, 1600));
	EXPECT_EQ(1, stats_of(self->a).slow);
	ASSERT_EQ(sizeof(one), write(fd, &one, sizeof(one)));
	for (i = 0; i < 100; i++) {
		ASSERT_NE(NULL, arena_alloc(self->a, 16));
	}
	EXPECT_EQ(1, stats_of(self->a).slow);
	EXPECT_EQ(NULL, arena_alloc(self->a, 16));
	EXPECT_EQ(-ECANCELED, arena_error(self->a));
	EXPECT_EQ(3200, stats_of(self->a).used);
	EXPECT_EQ(0, arena_scope_end(self->a));
	close(fd);
}

/* A loop that frees what it allocates notices the end, too. */
TEST_F(lib_life, freeing_does_not_renew_slice)
{
	uint64_t one = 1;
	int fd, i;

	NEED_BACKING();
	fd = eventfd(0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_FD, .fd = fd,
						      .slice = 65536)));
	EXPECT_NE(NULL, arena_alloc(self->a, 16));
	ASSERT_EQ(sizeof(one), write(fd, &one, sizeof(one)));
	for (i = 0; i < 100; i++) {
		ARENA_FRAME(self->a);
		if (!arena_alloc(self->a, 60000))
			break;
		if (i % 2)
			arena_reset(self->a);
	}
	EXPECT_LE(i, 1);
	EXPECT_EQ(-ECANCELED, arena_error(self->a));
	close(fd);
}

/* A buffer that is full can be finished. */
TEST_F(lib_life, full_buffer_can_be_finished_after_scope)
{
	struct arena_buf buf;
	char *text;

	NEED_BACKING();
	ASSERT_EQ(0, arena_buf_begin(&buf, self->a, 63));
	EXPECT_EQ(0, arena_buf_printf(&buf, "%063d", 1));
	ASSERT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_DEADLINE)));
	text = arena_buf_finish(&buf, NULL);
	ASSERT_NE(NULL, text);
	EXPECT_EQ(63, strlen(text));
	EXPECT_EQ(text, arena_realloc(self->a, text, 64, 64));
	EXPECT_EQ(-ECANCELED, arena_scope_check(self->a));
}

TEST_F(lib_life, bad_scopes_are_refused)
{
	struct { struct arena_scope scope; char newer[8]; } longer = {
		.scope = { .size = sizeof(longer), .flags = ARENA_SCOPE_DEADLINE },
		.newer = "x",
	};

	NEED_BACKING();
	EXPECT_EQ(-EINVAL, arena_scope_begin(self->a, SCOPE(.fd = 0, .deadline = 1)));
	EXPECT_EQ(-EINVAL, arena_scope_begin(self->a, SCOPE(.flags = 4)));
	EXPECT_EQ(-EINVAL, arena_scope_begin(self->a, &(struct arena_scope) { .flags = 1 }));
	EXPECT_EQ(-E2BIG, arena_scope_begin(self->a, &longer.scope));
	EXPECT_EQ(-EBADF, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_FD, .fd = 1000000)));
	EXPECT_EQ(0, arena_scope_check(self->a));
	EXPECT_EQ(0, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_DEADLINE,
						   .deadline = UINT64_MAX)));
	EXPECT_EQ(-EBUSY, arena_scope_begin(self->a, SCOPE(.flags = ARENA_SCOPE_DEADLINE, .deadline = 1)));
	EXPECT_NE(NULL, arena_alloc(self->a, MIB));
	EXPECT_EQ(0, arena_scope_end(self->a));
	EXPECT_EQ(0, arena_scope_end(self->a));
}

TEST_HARNESS_MAIN
