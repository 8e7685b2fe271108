/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kselftest harness, with a guard instead of its timeout.
 *
 * A test is ended only if it hangs, never because its machine is slow: HANG is
 * in seconds, and is at least ten times the time that any test needs on an idle
 * machine with the slowest kernel. Tests that need more have their own guard
 * (TEST_F_TIMEOUT).
 */

#ifndef ARENA_HARNESS_H
#define ARENA_HARNESS_H

#include <kselftest_harness.h>

#define HANG	600

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	HANG

#endif
