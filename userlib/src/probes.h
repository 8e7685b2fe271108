/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Static probes (USDT), for bpftrace, perf, systemtap and gdb. Each is a nop, with an ELF
 * note that tells where the nop and its arguments are. Without <sys/sdt.h> there are no
 * probes.
 *
 *	create(arena, name, reserve)
 *	commit(arena, lowest address, bytes)
 *	reset(arena, bytes used before)
 *	release(arena, lowest address, bytes)
 *	destroy(arena, name)
 */
#ifndef ARENA_PROBES_H
#define ARENA_PROBES_H

#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define PROBE2(name, a, b)	DTRACE_PROBE2(libarena, name, a, b)
#define PROBE3(name, a, b, c)	DTRACE_PROBE3(libarena, name, a, b, c)
#else
#define PROBE2(name, a, b)	((void)0)
#define PROBE3(name, a, b, c)	((void)0)
#endif

#endif /* ARENA_PROBES_H */
