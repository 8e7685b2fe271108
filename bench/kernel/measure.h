/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one repetition is measured with: the clock, what the kernel counts meanwhile,
 * and the module's thread, which has to be done before and is looked at afterwards.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "arena_test.h"

#include <inttypes.h>
#include <stdint.h>

/* What is known of a repetition beside what it took; the first are parts of that. */
enum extra {
	ACQUIRE, TOUCH, RELEASE, UNMAP,
	BACKGROUND,	/* what the module's thread ran until it was done again */
	ZEROED,		/* blocks zeroed while the caller waited */
	FAULTS,
	SWITCHES,	/* to other tasks */
	/* Of the repetition that does not count. */
	TLB_FLUSHES,	/* but for those of context switches */
	PAGE_TABLES,	/* pages of them, at the most */
	/* Of the CPU's counters, where there are any. */
	CYCLES, INSTRUCTIONS, DTLB_LOAD_MISSES,
	NR_EXTRAS
};

extern const char * const extra_names[NR_EXTRAS];

/* A negative extra is not known. */
struct figures {
	double value, extra[NR_EXTRAS];
};

/* Bytes in how many instructions, as the kernel zeroes them. */
extern double zeroing_page, zeroing_block;
/* Whether a nanosecond of the clock is an instruction. */
extern bool counts_instructions;

void prepare_measuring(void);

/*
 * A repetition: begin(), and lap() at the end of each part of it, which starts the
 * next one. What is done after skip_lap() and before resume() is not part of it.
 * Looks at the clock are taken off. end() waits for the module's thread.
 */
void begin(struct figures *figures, bool is_first);
void lap(enum extra part);
void skip(void);
void resume(void);
void end(void);

/* Of the module's thread: what it has run, and until it has nothing to do. */
int64_t background_time(void);
void bind_background(int cpu);
void wait_for_pool(long blocks);
/* Blocks that the pool keeps ready here. */
long pool_size(void);

long page_table_pages(void);

/* Lines of the output: what is not as it should be, and the end of it all. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif /* MEASURE_H */
