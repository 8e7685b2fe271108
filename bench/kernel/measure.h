/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruments of one repetition: the clock, the kernel's counters, and the module's
 * thread, which must be asleep before a repetition and whose time is read afterwards.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "arena_test.h"

#include <inttypes.h>
#include <stdint.h>

/* Numbers of a repetition in addition to its time; the first row are parts of that time. */
enum extra {
	ACQUIRE, TOUCH, RELEASE, UNMAP,
	BACKGROUND,	/* time that the module's thread ran until it slept again */
	ZEROED,		/* blocks that the caller waited for being zeroed */
	FAULTS,
	SWITCHES,	/* context switches to other tasks */
	/* From the repetition that does not count. */
	TLB_FLUSHES,	/* except those of context switches */
	PAGE_TABLES,	/* maximum number of page-table pages */
	/* From the CPU's performance counters, if available. */
	CYCLES, INSTRUCTIONS, DTLB_LOAD_MISSES,
	NR_EXTRAS
};

extern const char * const extra_names[NR_EXTRAS];

/* A negative extra is unknown. */
struct figures {
	double value, extra[NR_EXTRAS];
};

/* Cost for the kernel of zeroing a page and a block, in the unit of the clock. */
extern double zeroing_page, zeroing_block;
/* Whether the clock counts instructions: one nanosecond is one instruction. */
extern bool counts_instructions;

void prepare_measuring(void);

/*
 * A repetition: begin(), and lap() at the end of each part, which starts the next part.
 * Work between skip() and resume() does not count. The cost of reading the clock is
 * subtracted. end() waits for the module's thread.
 */
void begin(struct figures *figures, bool is_first);
void lap(enum extra part);
void skip(void);
void resume(void);
void end(void);

/* The module's thread: its run time, its CPU, and waiting until it has nothing to do. */
int64_t background_time(void);
void bind_background(int cpu);
void wait_for_pool(long blocks);
/* Number of blocks that this node's pool keeps ready. */
long pool_size(void);

long page_table_pages(void);

/* Report a failure in the output and go on, or exit with an error. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif /* MEASURE_H */
