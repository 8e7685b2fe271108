// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * ASan, MSan and Valgrind: tell them which memory may be used, if they are there. The
 * sanitizers' functions are weak symbols, so that the library need not be built for them.
 */
#include "sanitize.h"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_NOACCESS(addr, size)	((void)0)
#define VALGRIND_MAKE_MEM_UNDEFINED(addr, size)	((void)0)
#define VALGRIND_MAKE_MEM_DEFINED(addr, size)	((void)0)
#define RUNNING_ON_VALGRIND			0
#endif

#define WEAK		__attribute__((weak))

extern WEAK void __asan_poison_memory_region(const volatile void *addr, size_t size);
extern WEAK void __asan_unpoison_memory_region(const volatile void *addr, size_t size);
extern WEAK void __msan_poison(const volatile void *addr, size_t size);
extern WEAK void __msan_unpoison(const volatile void *addr, size_t size);

/* MSan can't forbid an access, but reports uses of values that were read from there. */
void arena_poison(char *from, size_t size)
{
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(from, size);
	if (__msan_poison)
		__msan_poison(from, size);
	VALGRIND_MAKE_MEM_NOACCESS(from, size);
}

void arena_poison_reserved(char *from, size_t size)
{
	(void)from;
	(void)size;
	VALGRIND_MAKE_MEM_NOACCESS(from, size);
}

void arena_unpoison(char *from, size_t size)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(from, size);
	if (__msan_poison)
		__msan_poison(from, size);
	VALGRIND_MAKE_MEM_UNDEFINED(from, size);
}

void arena_make_defined(char *from, size_t size)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(from, size);
	if (__msan_unpoison)
		__msan_unpoison(from, size);
	VALGRIND_MAKE_MEM_DEFINED(from, size);
}

bool arena_is_watched(void)
{
	return __asan_poison_memory_region || __msan_poison || RUNNING_ON_VALGRIND;
}
