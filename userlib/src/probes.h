/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Static probes (USDT), for bpftrace, perf, systemtap and gdb: a nop each, and a note
 * that says where it is and where its arguments are. Without <sys/sdt.h> there are none.
 *
 *	create(arena, name, reserve)
 *	commit(arena, lowest address, bytes)
 *	reset(arena, bytes used until then)
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
