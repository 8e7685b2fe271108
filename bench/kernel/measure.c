// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <dirent.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <linux/perf_event.h>

#include "measure.h"

const char * const extra_names[NR_EXTRAS] = {
	"acquire", "touch", "release", "unmap", "background", "zeroed_blocks", "faults",
	"switches", "tlb_flushes", "page_tables", "cycles", "instructions",
	"dtlb_load_misses",
};

double zeroing_page, zeroing_block;
bool counts_instructions;

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("{\"missed\":\"");
	vprintf(format, args);
	printf("\"}\n");
	va_end(args);
}

void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	fprintf(stderr, "paths: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, ": %s\n", strerror(errno));
	va_end(args);
	exit(2);
}

/* --- the clock ------------------------------------------------------------ */

/* Time between two clock readings, including the work of lap() between them. */
static uint64_t clock_cost;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

static uint64_t since(uint64_t start)
{
	uint64_t passed = now() - start;

	return passed > clock_cost ? passed - clock_cost : 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

#define LOOKS	101

static uint64_t median(uint64_t values[LOOKS])
{
	qsort(values, LOOKS, sizeof(values[0]), compare);
	return values[LOOKS / 2];
}

/* --- zeroing -------------------------------------------------------------- */

/*
 * The loop of the kernel's clear_page() for a CPU without fast string instructions, such as
 * the virtual machine's.
 */
static inline void zero_page(void *page)
{
#ifdef __x86_64__
	unsigned long lines = PAGE / 64;

	asm volatile("1: dec %1\n\t"
		     "mov %2, (%0)\n\t"
		     "mov %2, 8(%0)\n\t"
		     "mov %2, 16(%0)\n\t"
		     "mov %2, 24(%0)\n\t"
		     "mov %2, 32(%0)\n\t"
		     "mov %2, 40(%0)\n\t"
		     "mov %2, 48(%0)\n\t"
		     "mov %2, 56(%0)\n\t"
		     "lea 64(%0), %0\n\t"
		     "jnz 1b"
		     : "+r" (page), "+r" (lines) : "r" (0UL) : "memory", "cc");
#else
	memset(page, 0, PAGE);
#endif
}

/* Pages zeroed between two clock readings, to make the cost of the clock small. */
#define ZEROED_PAGES	64

static double zero_pages(void)
{
	char *memory = aligned_alloc(PAGE, PAGE);
	uint64_t times[LOOKS], start;
	int i, j;

	if (!memory)
		die("no memory");
	for (i = 0; i < LOOKS; i++) {
		start = now();
		for (j = 0; j < ZEROED_PAGES; j++)
			zero_page(memory);
		times[i] = since(start);
	}
	free(memory);
	return (double)median(times) / ZEROED_PAGES;
}

#define TRACING	"/sys/kernel/tracing/"

/* The shortest time of a function in the trace, in nanoseconds; 0 if there is none. */
static double least_in_trace(const char *function)
{
	double least = 0, took;
	char line[256], *unit;
	FILE *file;

	file = fopen(TRACING "trace", "r");
	while (file && fgets(line, sizeof(line), file)) {
		unit = strstr(line, " us ");
		if (!unit || !strstr(unit, function))
			continue;
		*unit = 0;
		took = strtod(strrchr(line, ' ') + 1, NULL) * 1000;
		if (took > 0 && (!least || took < least))
			least = took;
	}
	if (file)
		fclose(file);
	return least;
}

/* Time of a function while huge pages are touched; 0 if it can't be traced. */
static double time_of_function(const char *function)
{
	size_t bytes = 17 * BLOCK, at;
	double least = 0;
	char *memory;

	if (!set_file(TRACING "set_ftrace_filter", function) ||
	    !set_file(TRACING "current_tracer", "function_graph"))
		return 0;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("no memory");
	madvise(memory, bytes, MADV_HUGEPAGE);
	for (at = 0; at < bytes; at += BLOCK)
		memory[at] = 1;
	/* Otherwise reading the trace would add to it, and the file would never end. */
	set_file(TRACING "tracing_on", "0");
	munmap(memory, bytes);
	least = least_in_trace(function);
	set_file(TRACING "current_tracer", "nop");
	set_file(TRACING "tracing_on", "1");
	return least;
}

/*
 * The function that zeroes a huge page also chooses the page to zero last, and checks whether
 * to reschedule. All of that counts as zeroing. The cost of the tracer itself is measured by
 * tracing a function that does next to nothing.
 */
static void measure_zeroing(void)
{
	double tracer = time_of_function("__rcu_read_lock"), block;

	zeroing_page = zero_pages();
	block = time_of_function("folio_zero_user");	/* since 6.11 */
	if (!block)
		block = time_of_function("clear_huge_page");
	zeroing_block = block && tracer ? block - tracer : BLOCK / PAGE * zeroing_page;
}

/* --- the module's threads ------------------------------------------------- */

static pid_t threads[MAX_NODES];
static int nr_threads;

static void find_threads(void)
{
	char path[300], name[32];
	struct dirent *entry;
	FILE *file;
	DIR *proc;

	proc = opendir("/proc");
	if (!proc)
		die("/proc");
	while ((entry = readdir(proc)) && nr_threads < MAX_NODES) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strncmp(name, "arena/", 6))
			threads[nr_threads++] = atoi(entry->d_name);
		fclose(file);
	}
	closedir(proc);
}

int64_t background_time(void)
{
	int64_t sum = 0, ran;
	char path[64];
	FILE *file;
	int i;

	for (i = 0; i < nr_threads; i++) {
		snprintf(path, sizeof(path), "/proc/%d/schedstat", threads[i]);
		file = fopen(path, "r");
		if (!file || fscanf(file, "%" SCNd64, &ran) != 1)
			die("%s", path);
		fclose(file);
		sum += ran;
	}
	return sum;
}

void bind_background(int cpu)
{
	cpu_set_t cpus;
	int i;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	for (i = 0; i < nr_threads; i++) {
		if (sched_setaffinity(threads[i], sizeof(cpus), &cpus))
			die("the module's thread on CPU %d", cpu);
	}
}

static int this_node(void)
{
	unsigned int node;

	return getcpu(NULL, &node) ? ALL_NODES : (int)node;
}

long pool_size(void)
{
	return pool_figure(this_node(), "min");
}

/*
 * Wait until this node's pool has @blocks zeroed blocks and none to zero, and the module's
 * threads sleep.
 */
void wait_for_pool(long blocks)
{
	int64_t before, ran = -1;
	long ready, dirty;
	int i;

	for (i = 0; i < 5000; i++) {
		before = ran;
		usleep(5000);
		ran = background_time();
		ready = pool_figure(this_node(), "ready");
		dirty = pool_count("dirty");
		if (ran == before && ready >= blocks && dirty <= 0)
			break;
	}
	if (i == 5000) {
		errno = ETIMEDOUT;
		die("%ld zeroed blocks in the pool and %ld others, not %ld and 0", ready,
		    dirty, blocks);
	}
	/* Let deferred freeing finish, too. */
	usleep(20000);
}

/* --- counters ------------------------------------------------------------- */

static int flush_counter = -1;

static const struct {
	enum extra extra;
	unsigned int type;
	unsigned long long config;
} hardware[] = {
	{ CYCLES, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ INSTRUCTIONS, PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS },
	{ DTLB_LOAD_MISSES, PERF_TYPE_HW_CACHE,
	  PERF_COUNT_HW_CACHE_DTLB | PERF_COUNT_HW_CACHE_OP_READ << 8 |
	  PERF_COUNT_HW_CACHE_RESULT_MISS << 16 },
};

#define NR_HARDWARE	(sizeof(hardware) / sizeof(hardware[0]))

static int counters[NR_HARDWARE];

static int open_counter(unsigned int type, unsigned long long config)
{
	struct perf_event_attr attr = {
		.type = type, .size = sizeof(attr), .config = config, .disabled = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void start_counter(int fd)
{
	ioctl(fd, PERF_EVENT_IOC_RESET, 0);
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
}

static double stop_counter(int fd)
{
	uint64_t count;

	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	return read(fd, &count, sizeof(count)) == sizeof(count) ? (double)count : -1;
}

/* A counter of this process's TLB flushes, except those of context switches. */
static int open_flush_counter(void)
{
	unsigned long id;
	FILE *file;
	int fd;

	file = fopen("/sys/kernel/tracing/events/tlb/tlb_flush/id", "r");
	if (!file)
		return -1;
	if (fscanf(file, "%lu", &id) != 1)
		id = 0;
	fclose(file);
	fd = open_counter(PERF_TYPE_TRACEPOINT, id);
	if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, "reason > 0")) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Whether the counter sees the one flush that unmapping a page causes. */
static bool counter_works(int fd)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fd < 0 || page == MAP_FAILED)
		return false;
	*page = 1;
	start_counter(fd);
	munmap(page, PAGE);
	return stop_counter(fd) == 1;
}

static void open_counters(void)
{
	size_t i;

	flush_counter = open_flush_counter();
	if (!counter_works(flush_counter))
		flush_counter = -1;
	for (i = 0; i < NR_HARDWARE; i++)
		counters[i] = counts_instructions ? -1 :
			open_counter(hardware[i].type, hardware[i].config);
}

long page_table_pages(void)
{
	char line[128];
	long kib = 0;
	FILE *file;

	file = fopen("/proc/self/status", "r");
	if (!file)
		die("/proc/self/status");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmPTE: %ld kB", &kib) == 1)
			break;
	}
	fclose(file);
	return kib / (long)(PAGE / 1024);
}

/* --- a repetition --------------------------------------------------------- */

static struct {
	struct figures *figures;
	bool is_first;
	struct rusage usage;
	int64_t background;
	double zeroed;
	uint64_t start;
} meter;

/* Start each repetition right after a tick, so that all contain the same number of ticks. */
static void wait_for_tick(void)
{
	struct timespec before, time;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &before);
	do
		clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	while (time.tv_nsec == before.tv_nsec);
}

void begin(struct figures *figures, bool is_first)
{
	size_t i;

	for (i = 0; i < NR_EXTRAS; i++)
		figures->extra[i] = -1;
	figures->value = 0;
	meter.figures = figures;
	meter.is_first = is_first;
	meter.background = background_time();
	meter.zeroed = pool_figure(ALL_NODES, "zeroed");
	wait_for_tick();
	getrusage(RUSAGE_SELF, &meter.usage);
	/* Counting flushes takes instructions, so only the first repetition does it. */
	if (is_first && flush_counter >= 0)
		start_counter(flush_counter);
	for (i = 0; i < NR_HARDWARE; i++) {
		if (counters[i] >= 0)
			start_counter(counters[i]);
	}
	meter.start = now();
}

void lap(enum extra part)
{
	uint64_t passed = since(meter.start);
	double *sum = &meter.figures->extra[part];

	*sum = (*sum < 0 ? 0 : *sum) + passed;
	meter.figures->value += passed;
	meter.start = now();
}

void skip(void)
{
	if (meter.is_first && flush_counter >= 0)
		ioctl(flush_counter, PERF_EVENT_IOC_DISABLE, 0);
}

void resume(void)
{
	if (meter.is_first && flush_counter >= 0)
		ioctl(flush_counter, PERF_EVENT_IOC_ENABLE, 0);
	meter.start = now();
}

void end(void)
{
	double *extra = meter.figures->extra;
	struct rusage usage;
	size_t i;

	for (i = 0; i < NR_HARDWARE; i++) {
		if (counters[i] >= 0)
			extra[hardware[i].extra] = stop_counter(counters[i]);
	}
	if (meter.is_first && flush_counter >= 0)
		extra[TLB_FLUSHES] = stop_counter(flush_counter);
	getrusage(RUSAGE_SELF, &usage);
	extra[FAULTS] = usage.ru_minflt - meter.usage.ru_minflt;
	extra[SWITCHES] = usage.ru_nvcsw + usage.ru_nivcsw - meter.usage.ru_nvcsw -
			  meter.usage.ru_nivcsw;
	extra[ZEROED] = pool_figure(ALL_NODES, "zeroed") - meter.zeroed;
	wait_for_pool(0);
	extra[BACKGROUND] = background_time() - meter.background;
}

static void measure_clock(void)
{
	struct figures figures = { 0 };
	uint64_t values[LOOKS];
	int i;

	meter.figures = &figures;
	meter.start = now();
	for (i = 0; i < LOOKS; i++) {
		figures.extra[TOUCH] = 0;
		lap(TOUCH);
		values[i] = figures.extra[TOUCH];
	}
	clock_cost = median(values);
}

void prepare_measuring(void)
{
	find_threads();
	open_counters();
	measure_clock();
	if (counts_instructions)
		measure_zeroing();
}
