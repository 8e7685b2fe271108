// SPDX-License-Identifier: GPL-2.0-only
/*
 * cycle - what it takes to acquire 64 MiB, touch each page of it and give it
 * back: with an arena, and in the kernel's other ways.
 *
 *	cycle [-r ROUNDS] [-j FILE]
 *
 * -r ROUNDS	how many count (10); one more comes first and does not
 * -j FILE	the same figures as JSON, an object per line
 *
 * Made for a machine with one CPU whose clock counts instructions
 * (selftests/vm/run -i), as root. There a nanosecond is an instruction, and
 * nothing else is seen: no caches, no TLB misses, no memory bandwidth.
 *
 * An arena's blocks are zeroed by a thread of the kernel after their release, so
 * this waits between the rounds until that thread is done, and counts its work by
 * itself. With one CPU it may still come in between a release and what follows:
 * that shows in the largest figure and in the switches to other tasks. So that the
 * ways can be compared whoever zeroes, each is also given without zeroing.
 *
 * The status is 0 if an arena is as many times cheaper as it is to be (the bars
 * in ways[]) and nothing was zeroed or flushed that should not be.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <linux/perf_event.h>

#include "arena_test.h"

#define BLOCKS		32L
#define MAX_ROUNDS	1000
#define HUGE_PAGES	"/proc/sys/vm/nr_hugepages"
#define TLB_FLUSH	"/sys/kernel/tracing/events/tlb/tlb_flush/id"

static int rounds = 10;
static FILE *json;
static int failures;

/* --- the clock ------------------------------------------------------------ */

/* What two looks at the clock see of each other. */
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

/* --- figures -------------------------------------------------------------- */

struct sample {
	uint64_t values[MAX_ROUNDS];
	int nr;
};

static void add(struct sample *sample, uint64_t value)
{
	sample->values[sample->nr++] = value;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void sort(struct sample *sample)
{
	qsort(sample->values, sample->nr, sizeof(sample->values[0]), compare);
}

static uint64_t smallest(struct sample *sample)
{
	sort(sample);
	return sample->values[0];
}

static uint64_t largest(struct sample *sample)
{
	sort(sample);
	return sample->values[sample->nr - 1];
}

static uint64_t median(struct sample *sample)
{
	sort(sample);
	return (sample->values[(sample->nr - 1) / 2] + sample->values[sample->nr / 2]) / 2;
}

/* --- output --------------------------------------------------------------- */

/* 1234567 as 1,234,567; "-" for what is not known, which is negative. */
static const char *grouped(int64_t value)
{
	static char buffers[8][32];
	static int turn;
	char digits[32], *out = buffers[turn++ % 8];
	int len, i, at = 0;

	if (value < 0)
		return "-";
	len = snprintf(digits, sizeof(digits), "%" PRId64, value);
	for (i = 0; i < len; i++) {
		if (i && !((len - i) % 3))
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = 0;
	return out;
}

static void __attribute__((format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("MISSED: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	failures++;
}

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	fprintf(stderr, "cycle: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, ": %s\n", strerror(errno));
	va_end(args);
	exit(2);
}

/* --- what the kernel does meanwhile --------------------------------------- */

/* The module's threads, by the files that say how long they have run. */
static char threads[16][32];
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
	while ((entry = readdir(proc)) && nr_threads < 16) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strncmp(name, "arena/", 6))
			snprintf(threads[nr_threads++], sizeof(threads[0]),
				 "/proc/%d/schedstat", atoi(entry->d_name));
		fclose(file);
	}
	closedir(proc);
}

/* Nanoseconds that they have run. */
static int64_t background_time(void)
{
	int64_t sum = 0, ran;
	FILE *file;
	int i;

	for (i = 0; i < nr_threads; i++) {
		file = fopen(threads[i], "r");
		if (!file || fscanf(file, "%" SCNd64, &ran) != 1)
			die("%s", threads[i]);
		fclose(file);
		sum += ran;
	}
	return sum;
}

/*
 * Until the pool has as many zeroed blocks, and none to zero, and the threads
 * sleep. A module without a pool is always as far as it can be.
 */
static void wait_for_pool(long blocks)
{
	int64_t before, ran = -1;
	long ready, dirty;
	int i;

	for (i = 0; i < 2000; i++) {
		before = ran;
		usleep(5000);
		ran = background_time();
		ready = pool_count("ready");
		dirty = pool_count("dirty");
		if (ran == before && (ready < 0 || ready >= blocks) && dirty <= 0)
			break;
	}
	if (i == 2000) {
		errno = ETIMEDOUT;
		die("%ld zeroed blocks in the pool and %ld others, not %ld and 0", ready,
		    dirty, blocks);
	}
	/* What was freed meanwhile is freed for good by now. */
	usleep(20000);
}

static long context_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* A counter of this process's TLB flushes, but for those of context switches. */
static int open_flush_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .disabled = 1,
	};
	unsigned long id;
	FILE *file;
	int fd;

	file = fopen(TLB_FLUSH, "r");
	if (!file)
		return -1;
	if (fscanf(file, "%lu", &id) == 1)
		attr.config = id;
	fclose(file);
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, "reason > 0")) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void start_counter(int fd)
{
	ioctl(fd, PERF_EVENT_IOC_RESET, 0);
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
}

static int64_t stop_counter(int fd)
{
	uint64_t count;

	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	return read(fd, &count, sizeof(count)) == sizeof(count) ? (int64_t)count : -1;
}

/* Whether the counter sees the one flush that this page is worth. */
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

/* --- zeroing -------------------------------------------------------------- */

static uint64_t zeroing_page;	/* of 4 KiB */
static uint64_t zeroing_block;	/* page by page, as the kernel does it */

/*
 * The loop of the kernel's clear_page() for a CPU like this machine's, without
 * fast string instructions.
 */
static inline void zero_page(void *page)
{
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
}

static void measure_zeroing(void)
{
	static struct sample page, block;
	char *memory = aligned_alloc(BLOCK, BLOCK);
	uint64_t start;
	size_t at;
	int i;

	if (!memory)
		die("no memory");
	memset(memory, 1, BLOCK);
	for (i = 0; i < rounds; i++) {
		start = now();
		zero_page(memory);
		add(&page, since(start));
		start = now();
		for (at = 0; at < BLOCK; at += PAGE)
			zero_page(memory + at);
		add(&block, since(start));
	}
	free(memory);
	zeroing_page = median(&page);
	zeroing_block = median(&block);
}

/* --- the ways ------------------------------------------------------------- */

enum kind { SMALL, THP, HUGETLB, ARENA };

enum part { ACQUIRE, TOUCH, RELEASE, UNMAP, PARTS };

/* The order is the table's. A way has a bar if an arena has to be that much cheaper. */
static const struct way {
	const char *name;
	enum kind kind;
	bool populate;		/* MAP_POPULATE */
	bool kept;		/* mapped once; the cycle is touch and release */
	bool committed;		/* ARENA_IOC_COMMIT before the touch */
	bool opened;		/* the cycle opens and closes the device */
	bool dirty;		/* ARENA_F_KEEP_DIRTY */
	int bar;
} ways[] = {
	{ .name = "arena", .kind = ARENA },
	{ .name = "arena, opened and closed", .kind = ARENA, .opened = true },
	{ .name = "arena, populated", .kind = ARENA, .populate = true },
	{ .name = "arena, kept mapped", .kind = ARENA, .kept = true },
	{ .name = "arena, kept, commit ioctl", .kind = ARENA, .kept = true, .committed = true },
	{ .name = "arena, keep dirty", .kind = ARENA, .dirty = true },
	{ .name = "arena, keep dirty, kept", .kind = ARENA, .dirty = true, .kept = true },
	{ .name = "4 KiB pages", .kind = SMALL, .bar = 100 },
	{ .name = "4 KiB pages, populated", .kind = SMALL, .populate = true },
	{ .name = "4 KiB pages, kept mapped", .kind = SMALL, .kept = true },
	{ .name = "THP", .kind = THP, .bar = 40 },
	{ .name = "THP, populated", .kind = THP, .populate = true },
	{ .name = "THP, kept mapped", .kind = THP, .kept = true },
	{ .name = "hugetlbfs", .kind = HUGETLB, .bar = 40 },
	{ .name = "hugetlbfs, populated", .kind = HUGETLB, .populate = true },
	{ .name = "hugetlbfs, kept mapped", .kind = HUGETLB, .kept = true },
};

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

static struct result {
	bool there;
	struct sample cycle, parts[PARTS], background;
	int64_t zeroed;		/* blocks in all cycles while the caller waited, or -1 */
	int64_t from_cache;	/* and how many came from the arena's own */
	long switches;		/* to other tasks, in all cycles */
} results[NR_WAYS];

/* The row that the others are compared with. */
#define REFERENCE (&results[0])

/* What a way works on, from one round to the next. */
struct bench {
	const struct way *way;
	int fd;
	char *memory;
};

/* Three instructions for each page, whatever it is mapped with. */
static void touch_pages(char *memory, size_t bytes)
{
	long at = -(long)bytes;

	asm volatile("1: movb $1, (%1, %0)\n\t"
		     "add %2, %0\n\t"
		     "jnz 1b"
		     : "+r" (at) : "r" (memory + bytes), "i" (PAGE) : "memory", "cc");
}

static void open_way(struct bench *bench)
{
	struct arena_ioc_set_flags flags = {
		.size = sizeof(flags), .arena_flags = ARENA_F_KEEP_DIRTY,
	};

	bench->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (bench->fd < 0)
		die(DEVICE);
	if (bench->way->dirty && ioctl(bench->fd, ARENA_IOC_SET_FLAGS, &flags))
		die("ARENA_IOC_SET_FLAGS");
}

static void map_way(struct bench *bench)
{
	/*
	 * A place to map huge pages, so that nobody has to look for one. The device
	 * finds its own.
	 */
	void *place = (void *)(UINT64_C(1) << 40);
	const struct way *way = bench->way;
	size_t bytes = BLOCKS * BLOCK;
	int flags = way->populate ? MAP_POPULATE : 0;
	int prot = PROT_READ | PROT_WRITE;
	char *memory;

	switch (way->kind) {
	case ARENA:
		flags |= MAP_SHARED | (way->kept ? MAP_NORESERVE : 0);
		memory = mmap(NULL, bytes, prot, flags, bench->fd, 0);
		break;
	case HUGETLB:
		flags |= MAP_HUGETLB;
		/* fall through */
	default:
		/* Those that madvise() decides about can't be populated before it. */
		if (way->kind != HUGETLB)
			flags &= ~MAP_POPULATE;
		memory = mmap(place, bytes, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);
		if (memory != MAP_FAILED && way->kind != HUGETLB)
			madvise(memory, bytes, way->kind == THP ? MADV_HUGEPAGE :
				MADV_NOHUGEPAGE);
		if (memory != MAP_FAILED && way->kind != HUGETLB && way->populate)
			madvise(memory, bytes, MADV_POPULATE_WRITE);
	}
	if (memory == MAP_FAILED)
		die("%s: mmap", way->name);
	bench->memory = memory;
}

static void commit_way(struct bench *bench)
{
	struct arena_ioc_commit commit = {
		.size = sizeof(commit), .length = BLOCKS * BLOCK,
	};

	if (ioctl(bench->fd, ARENA_IOC_COMMIT, &commit))
		die("ARENA_IOC_COMMIT");
}

static void release_way(struct bench *bench)
{
	const struct way *way = bench->way;

	if (way->kind == ARENA) {
		if (release_all(bench->fd) < 0)
			die("ARENA_IOC_RELEASE");
	} else if (way->kept && madvise(bench->memory, BLOCKS * BLOCK, MADV_DONTNEED)) {
		die("%s: MADV_DONTNEED", way->name);
	}
}

/* What the arena has had; nothing, with a module that does not tell. */
static struct arena_ioc_stats stats_of(int fd)
{
	struct arena_ioc_stats stats = { .size = sizeof(stats) };

	ioctl(fd, ARENA_IOC_STATS, &stats);
	return stats;
}

/* That it is the memory it is said to be. */
static void check_mapping(const struct bench *bench)
{
	static const char * const figures[] = {
		[SMALL] = "Anonymous", [THP] = "AnonHugePages",
		[HUGETLB] = "Private_Hugetlb", [ARENA] = "FilePmdMapped",
	};
	const char *figure = figures[bench->way->kind];
	long kib = smaps_kib(bench->memory, figure);
	long expected = BLOCKS * (long)(BLOCK / 1024);

	if (kib != expected)
		fail("%s: %s is %ld KiB, not %ld", bench->way->name, figure, kib,
		     expected);
	if (bench->way->kind == SMALL && smaps_kib(bench->memory, "AnonHugePages"))
		fail("%s: huge pages are among them", bench->way->name);
}

static void run_cycle(struct bench *bench, struct result *result, bool counts)
{
	uint64_t parts[PARTS] = { 0 }, sum = 0, start;
	const struct way *way = bench->way;
	struct arena_ioc_stats before = { 0 }, after = { 0 };
	int64_t background;
	long switches;
	int i;

	wait_for_pool(BLOCKS);
	background = background_time();
	if (way->kind == ARENA && !way->opened)
		before = stats_of(bench->fd);
	switches = context_switches();

	start = now();
	if (way->opened)
		open_way(bench);
	if (way->committed)
		commit_way(bench);
	if (!way->kept)
		map_way(bench);
	parts[ACQUIRE] = since(start);

	start = now();
	touch_pages(bench->memory, BLOCKS * BLOCK);
	parts[TOUCH] = since(start);

	if (!counts)
		check_mapping(bench);

	start = now();
	release_way(bench);
	parts[RELEASE] = since(start);

	start = now();
	if (!way->kept)
		munmap(bench->memory, BLOCKS * BLOCK);
	parts[UNMAP] = since(start);

	switches = context_switches() - switches;
	if (way->kind == ARENA)
		after = stats_of(bench->fd);

	start = now();
	if (way->opened) {
		close(bench->fd);
		parts[UNMAP] += since(start);
	}

	wait_for_pool(BLOCKS);
	if (!counts)
		return;
	for (i = 0; i < PARTS; i++) {
		add(&result->parts[i], parts[i]);
		sum += parts[i];
	}
	add(&result->cycle, sum);
	add(&result->background, background_time() - background);
	result->zeroed += after.zeroed - before.zeroed;
	result->from_cache += after.from_cache - before.from_cache;
	result->switches += switches;
}

static uint64_t features(void)
{
	struct arena_ioc_info info = { .size = sizeof(info) };
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, ARENA_IOC_INFO, &info))
		die(DEVICE);
	close(fd);
	return info.features;
}

static bool is_there(const struct way *way)
{
	if (way->kind != ARENA)
		return true;
	return (!way->dirty || features() & ARENA_FEATURE_KEEP_DIRTY) &&
	       (!way->committed || features() & ARENA_FEATURE_COMMIT_RANGE);
}

static void set_huge_pages(long nr)
{
	FILE *file = fopen(HUGE_PAGES, "r+");
	long there;

	if (!file || fprintf(file, "%ld", nr) < 0 || fflush(file))
		die(HUGE_PAGES);
	rewind(file);
	if (fscanf(file, "%ld", &there) != 1 || there != nr)
		die("%ld huge pages in " HUGE_PAGES, nr);
	fclose(file);
}

static void measure_way(const struct way *way, struct result *result)
{
	struct bench bench = { .way = way };
	int i;

	if (!is_there(way))
		return;
	result->there = true;
	if (way->kind == HUGETLB)
		set_huge_pages(BLOCKS);
	if (way->kind == ARENA && !way->opened)
		open_way(&bench);
	if (way->kept)
		map_way(&bench);

	for (i = 0; i <= rounds; i++)
		run_cycle(&bench, result, i > 0);

	if (way->kept)
		munmap(bench.memory, BLOCKS * BLOCK);
	if (way->kind == ARENA && !way->opened)
		close(bench.fd);
	if (way->kind == HUGETLB)
		set_huge_pages(0);
	if (!(features() & ARENA_FEATURE_STATS))
		result->zeroed = -1;
}

/* --- the loop alone ------------------------------------------------------- */

static struct sample touching;

static void measure_touching(void)
{
	struct bench bench = { .way = &ways[0] };
	uint64_t start;
	int i;

	open_way(&bench);
	map_way(&bench);
	touch_pages(bench.memory, BLOCKS * BLOCK);
	for (i = 0; i < rounds; i++) {
		start = now();
		touch_pages(bench.memory, BLOCKS * BLOCK);
		add(&touching, since(start));
	}
	munmap(bench.memory, BLOCKS * BLOCK);
	close(bench.fd);
}

/* --- release by size ------------------------------------------------------ */

static struct size {
	long blocks;
	struct sample parts[PARTS];
	int64_t flushes;
} sizes[] = {
	{ .blocks = 1 }, { .blocks = 8 }, { .blocks = 32 }, { .blocks = 128 },
	{ .blocks = 512 },
};

#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* A region of so many blocks, and a touch of each. */
static void release_once(int fd, struct size *size, int counter)
{
	uint64_t parts[PARTS], start;
	char *memory;
	long i;

	wait_for_pool(0);
	start = now();
	memory = map_blocks(fd, size->blocks);
	parts[ACQUIRE] = since(start);
	if (memory == MAP_FAILED)
		die("a region of %ld blocks", size->blocks);
	start = now();
	for (i = 0; i < size->blocks; i++)
		*(volatile char *)(memory + i * BLOCK) = 1;
	parts[TOUCH] = since(start);

	if (counter >= 0)
		start_counter(counter);
	start = now();
	if (release_all(fd) != size->blocks)
		die("ARENA_IOC_RELEASE of %ld blocks", size->blocks);
	parts[RELEASE] = since(start);
	if (counter >= 0)
		size->flushes = stop_counter(counter);

	start = now();
	munmap(memory, size->blocks * BLOCK);
	parts[UNMAP] = since(start);
	/* Counting takes instructions, too. */
	for (i = 0; counter < 0 && i < PARTS; i++)
		add(&size->parts[i], parts[i]);
}

static void measure_size(struct size *size)
{
	int fd = open_arena(), counter, i;

	if (fd < 0)
		die(DEVICE);
	for (i = 0; i < rounds; i++)
		release_once(fd, size, -1);

	size->flushes = -1;
	counter = open_flush_counter();
	if (counter_works(counter))
		release_once(fd, size, counter);
	if (counter >= 0)
		close(counter);
	close(fd);
}

/* --- reports -------------------------------------------------------------- */

/* What the caller's time has of zeroing: the peers zero all they are given. */
static uint64_t zeroing_in(const struct way *way, const struct result *result)
{
	switch (way->kind) {
	case SMALL:
		return BLOCKS * (BLOCK / PAGE) * zeroing_page;
	case THP:
	case HUGETLB:
		return BLOCKS * zeroing_block;
	default:
		return result->zeroed > 0 ? result->zeroed * zeroing_block / rounds : 0;
	}
}

/* The cycle's time, and what of it is not zeroing. */
static uint64_t cycle_of(struct result *result)
{
	return median(&result->cycle);
}

static uint64_t unzeroed_of(const struct way *way, struct result *result)
{
	return cycle_of(result) - zeroing_in(way, result);
}

static void report_cycles(void)
{
	double reference = cycle_of(REFERENCE);
	double unzeroed = unzeroed_of(&ways[0], REFERENCE);
	double all = reference + median(&REFERENCE->background);
	size_t i;

	printf("A cycle: acquire %ld MiB, touch each page, give it back. Then what of it is not\n"
	       "zeroing; and how many times the first row it is: as it is, without zeroing, and\n"
	       "with what the kernel's thread zeroes between the cycles.\n\n",
	       BLOCKS * (long)(BLOCK >> 20));
	printf("%-25s %11s %11s %11s %10s %11s %6s %6s %6s\n", "", "cycle", "min", "max",
	       "per block", "unzeroed", "times", "unz.", "all");
	for (i = 0; i < NR_WAYS; i++) {
		struct result *result = &results[i];

		if (!result->there) {
			printf("%-25s %11s\n", ways[i].name, "not there");
			continue;
		}
		printf("%-25s %11s %11s %11s %10s %11s %6.1f %6.1f %6.1f\n",
		       ways[i].name, grouped(cycle_of(result)),
		       grouped(smallest(&result->cycle)),
		       grouped(largest(&result->cycle)),
		       grouped(cycle_of(result) / BLOCKS),
		       grouped(unzeroed_of(&ways[i], result)),
		       cycle_of(result) / reference,
		       unzeroed_of(&ways[i], result) / unzeroed,
		       (cycle_of(result) + median(&result->background)) / all);
	}
	printf("%-25s %11s\n\n", "touching only", grouped(median(&touching)));
}

static void report_parts(void)
{
	size_t i;

	printf("Its parts. What the kernel's thread zeroes, for each block. In all %d cycles: blocks\n"
	       "zeroed while the caller waited, and switches to other tasks.\n\n", rounds);
	printf("%-25s %11s %11s %11s %11s %9s %7s %8s\n", "", "acquire", "touch", "release",
	       "unmap", "thread", "zeroed", "switches");
	for (i = 0; i < NR_WAYS; i++) {
		struct result *result = &results[i];

		if (!result->there)
			continue;
		printf("%-25s %11s %11s %11s %11s %9s %7s %8ld\n", ways[i].name,
		       grouped(median(&result->parts[ACQUIRE])),
		       grouped(median(&result->parts[TOUCH])),
		       grouped(median(&result->parts[RELEASE])),
		       grouped(median(&result->parts[UNMAP])),
		       nr_threads ? grouped(median(&result->background) / BLOCKS) : "-",
		       ways[i].kind == ARENA ? grouped(result->zeroed) : "",
		       result->switches);
	}
	printf("\n");
}

static void report_sizes(void)
{
	size_t i;

	printf("Regions of other sizes, one touch in each block. For each block; the last two columns\n"
	       "are one release: the whole of it, and the TLB flushes in it. Blocks that the pool has\n"
	       "no room for come from the page allocator, zeroed meanwhile, and go back to it.\n\n");
	printf("%-25s %11s %11s %11s %11s %13s %8s\n", "blocks", "acquire", "touch", "release",
	       "unmap", "release", "flushes");
	for (i = 0; i < NR_SIZES; i++) {
		struct size *size = &sizes[i];

		printf("%-25ld %11s %11s %11s %11s %13s %8s\n", size->blocks,
		       grouped(median(&size->parts[ACQUIRE]) / size->blocks),
		       grouped(median(&size->parts[TOUCH]) / size->blocks),
		       grouped(median(&size->parts[RELEASE]) / size->blocks),
		       grouped(median(&size->parts[UNMAP]) / size->blocks),
		       grouped(median(&size->parts[RELEASE])),
		       grouped(size->flushes));
	}
	printf("\n");
}

static void write_json(const char *release)
{
	static const char * const names[PARTS] = {
		"acquire", "touch", "release", "unmap",
	};
	size_t i;
	int part;

	fprintf(json, "{\"what\":\"machine\",\"kernel\":\"%s\",\"rounds\":%d,"
		"\"blocks\":%ld,\"clock\":%" PRIu64 ",\"zeroing_page\":%" PRIu64
		",\"zeroing_block\":%" PRIu64 ",\"touching\":%" PRIu64 "}\n", release,
		rounds, BLOCKS, clock_cost, zeroing_page, zeroing_block,
		median(&touching));
	for (i = 0; i < NR_WAYS; i++) {
		struct result *result = &results[i];

		if (!result->there)
			continue;
		fprintf(json, "{\"what\":\"cycle\",\"name\":\"%s\",\"median\":%" PRIu64
			",\"min\":%" PRIu64 ",\"max\":%" PRIu64 ",\"without_zeroing\":%" PRIu64,
			ways[i].name, cycle_of(result), smallest(&result->cycle),
			largest(&result->cycle), unzeroed_of(&ways[i], result));
		for (part = 0; part < PARTS; part++)
			fprintf(json, ",\"%s\":%" PRIu64, names[part],
				median(&result->parts[part]));
		fprintf(json, ",\"background\":%" PRIu64 ",\"zeroed\":%" PRId64
			",\"from_cache\":%" PRId64 ",\"switches\":%ld}\n",
			median(&result->background), result->zeroed,
			result->from_cache, result->switches);
	}
	for (i = 0; i < NR_SIZES; i++) {
		fprintf(json, "{\"what\":\"size\",\"blocks\":%ld", sizes[i].blocks);
		for (part = 0; part < PARTS; part++)
			fprintf(json, ",\"%s\":%" PRIu64, names[part],
				median(&sizes[i].parts[part]));
		fprintf(json, ",\"flushes\":%" PRId64 "}\n", sizes[i].flushes);
	}
}

static void check_bars(void)
{
	double reference = cycle_of(REFERENCE);
	size_t i;

	for (i = 0; i < NR_WAYS; i++) {
		double times = cycle_of(&results[i]) / reference;

		if (ways[i].kind == ARENA && results[i].zeroed > 0)
			fail("%s: %" PRId64 " blocks were zeroed while the caller waited",
			     ways[i].name, results[i].zeroed);
		if (ways[i].dirty && results[i].there &&
		    results[i].from_cache != BLOCKS * rounds)
			fail("%s: %" PRId64 " of %ld blocks came from its cache",
			     ways[i].name, results[i].from_cache, BLOCKS * rounds);
		if (!ways[i].bar)
			continue;
		if (times >= ways[i].bar)
			printf("%s: %.1f times an arena's, at least %d\n", ways[i].name,
			       times, ways[i].bar);
		else
			fail("%s: %.1f times an arena's, not %d; the arena's %s are %s too many",
			     ways[i].name, times, ways[i].bar, grouped(reference),
			     grouped(reference - (double)cycle_of(&results[i]) / ways[i].bar));
	}
	for (i = 1; i < NR_SIZES; i++)
		if (sizes[i].flushes > sizes[0].flushes)
			fail("a release of %ld blocks flushed the TLB %" PRId64 " times, of one %" PRId64,
			     sizes[i].blocks, sizes[i].flushes, sizes[0].flushes);
}

/* --- */

static void measure_clock(void)
{
	static struct sample sample;
	uint64_t start;
	int i;

	for (i = 0; i < 101; i++) {
		start = now();
		add(&sample, since(start));
	}
	clock_cost = median(&sample);
}

int main(int argc, char **argv)
{
	struct utsname name;
	int option;
	size_t i;

	while ((option = getopt(argc, argv, "r:j:")) >= 0) {
		if (option == 'r' && atoi(optarg) > 0 && atoi(optarg) <= MAX_ROUNDS) {
			rounds = atoi(optarg);
		} else if (option == 'j') {
			json = fopen(optarg, "w");
			if (!json)
				die("%s", optarg);
		} else {
			fprintf(stderr, "usage: cycle [-r ROUNDS] [-j FILE]\n");
			return 2;
		}
	}

	uname(&name);
	find_threads();
	/* A kernel that has just booted has a few things to finish. */
	sleep(10);
	measure_clock();
	measure_zeroing();
	measure_touching();
	for (i = 0; i < NR_WAYS; i++)
		measure_way(&ways[i], &results[i]);
	for (i = 0; i < NR_SIZES; i++)
		measure_size(&sizes[i]);

	printf("Linux %s: medians of %d rounds, in nanoseconds of a clock that counts\n"
	       "instructions. A look at it, %s, is taken off. Zeroing 4 KiB takes %s, 2 MiB %s.\n\n",
	       name.release, rounds, grouped(clock_cost), grouped(zeroing_page),
	       grouped(zeroing_block));
	report_cycles();
	report_parts();
	report_sizes();
	check_bars();
	if (json) {
		write_json(name.release);
		fclose(json);
	}
	return failures ? 1 : 0;
}
