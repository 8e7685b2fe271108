/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers that the tests of libarena share. Each test with a fixture runs on
 * every back end; the device variant is skipped if there is no device.
 */
#ifndef LIB_TEST_H
#define LIB_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arena/arena.h>
#include <arena/pool.h>
#include "harness.h"

#define MIB	((size_t)1 << 20)
#define GIB	((size_t)1 << 30)

#define OPTS(...) (&(struct arena_opts) { .size = sizeof(struct arena_opts), __VA_ARGS__ })

/* The fixture of a program, with an arena: its tests run on both back ends. */
#define LIB_FIXTURE(name)						\
FIXTURE(name) {								\
	struct arena *a;						\
	bool no_device;							\
};									\
FIXTURE_VARIANT(name) {							\
	enum arena_backing backing;					\
};									\
FIXTURE_VARIANT_ADD(name, anon) {					\
	.backing = ARENA_BACKING_ANON,					\
};									\
FIXTURE_VARIANT_ADD(name, device) {					\
	.backing = ARENA_BACKING_DEVICE,				\
};									\
FIXTURE_SETUP(name)							\
{									\
	self->no_device = variant->backing == ARENA_BACKING_DEVICE &&	\
			  access("/dev/arena", R_OK | W_OK);		\
	if (!self->no_device) {						\
		ASSERT_EQ(0, arena_create(&self->a,			\
					  OPTS(.backing = variant->backing))); \
	}								\
}									\
FIXTURE_TEARDOWN(name)							\
{									\
	arena_destroy(self->a);						\
}

/* The fixture of tests that run once. */
#define LIB_FIXTURE_ONCE(name)						\
FIXTURE(name##_once) { };						\
FIXTURE_SETUP(name##_once) { }						\
FIXTURE_TEARDOWN(name##_once) { }

/* Take an arena from a pool; returns how it was made, or a negative errno. */
static inline int get_how(struct arena_pool *pool, struct arena **a, int64_t timeout)
{
	enum arena_pool_fallback how;
	int err = arena_pool_get(pool, a, timeout, &how);

	return err ? err : (int)how;
}

/* Used in each test, since not every harness ends a test whose setup skips. */
#define NEED_BACKING() do {						\
	if (self->no_device)						\
		SKIP(return, "no access to /dev/arena");		\
} while (0)

/* Sanitizers and Valgrind use address space and threads themselves. */
#ifdef __has_feature
#define HAS_FEATURE(name)	__has_feature(name)
#else
#define HAS_FEATURE(name)	0
#endif
#ifdef __SANITIZE_ADDRESS__
#define IS_ASAN	1
#else
#define IS_ASAN	0
#endif
#ifdef __SANITIZE_THREAD__
#define IS_TSAN	1
#else
#define IS_TSAN	0
#endif
#define IS_MSAN		HAS_FEATURE(memory_sanitizer)
#define IS_VALGRIND	(getenv("ARENA_TEST_VALGRIND") != NULL)
#if IS_ASAN || IS_MSAN || IS_TSAN
#define IS_SANITIZED	1
#else
#define IS_SANITIZED	IS_VALGRIND
#endif

static inline struct arena_stats stats_of(struct arena *a)
{
	struct arena_stats stats = { .size = sizeof(stats) };

	if (arena_stats_get(a, &stats))
		abort();
	return stats;
}

/*
 * Whether each byte has this value. One memcmp() compares each byte with the
 * one before it, so that sanitizers check the whole range at once.
 */
static inline bool is_filled(const void *memory, size_t size, unsigned char value)
{
	const unsigned char *bytes = memory;

	return !size || (*bytes == value && !memcmp(bytes, bytes + 1, size - 1));
}

static sigjmp_buf after_signal;

static inline void jump_back(int signal)
{
	siglongjmp(after_signal, signal);
}

static inline int nr_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	int c, lines = 0;

	while (file && (c = getc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines;
}

/* Write to memory; return the signal that this raises, or 0. */
static inline int signal_at(volatile char *memory)
{
	struct sigaction action = { .sa_handler = jump_back }, old[2];
	int signal;

	sigaction(SIGBUS, &action, &old[0]);
	sigaction(SIGSEGV, &action, &old[1]);
	signal = sigsetjmp(after_signal, 1);
	if (!signal)
		*memory = 1;
	sigaction(SIGBUS, &old[0], NULL);
	sigaction(SIGSEGV, &old[1], NULL);
	return signal;
}

/* Return the signal that touching sealed memory raises. */
static inline int signal_of(enum arena_backing backing)
{
	return backing == ARENA_BACKING_DEVICE ? SIGBUS : SIGSEGV;
}

#endif /* LIB_TEST_H */
