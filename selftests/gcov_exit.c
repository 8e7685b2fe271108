// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write gcov's data before _exit() and abort(), which would discard it: every
 * test and every mistake ends that way. Linked with --wrap.
 */
#include <stdlib.h>
#include <unistd.h>

void __gcov_dump(void);
__attribute__((noreturn)) void __real__exit(int status);
__attribute__((noreturn)) void __real_abort(void);
__attribute__((noreturn)) void __wrap__exit(int status);
__attribute__((noreturn)) void __wrap_abort(void);

void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

void __wrap_abort(void)
{
	__gcov_dump();
	__real_abort();
}
