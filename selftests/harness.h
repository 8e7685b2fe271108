/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kselftest harness, with a guard in place of its timeout.
 *
 * A test is ended when it hangs, never because its machine is slow: HANG seconds are at least
 * ten times what any test needs on an idle machine with the slowest kernel, except for those
 * that name a guard of their own (TEST_F_TIMEOUT).
 */

#ifndef ARENA_HARNESS_H
#define ARENA_HARNESS_H

#include <kselftest_harness.h>

#define HANG	600

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	HANG

#endif
