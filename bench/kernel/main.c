// SPDX-License-Identifier: GPL-2.0-only
/*
 * paths - compare the cost of an arena in the kernel with the kernel's own mechanisms
 *
 *	paths [-i] [-q] [-t] [-b BENCH] [-r ROUNDS] [-s SEED] [-c CPU]
 *
 * -i		the clock counts instructions (selftests/vm/run -i) instead of time
 * -q		two rounds of small sizes, to check that it works
 * -t		only threads, on one, two and four CPUs
 * -b BENCH	only this bench
 * -r ROUNDS	number of rounds that count (10), an even number
 * -s SEED	seed of the order (1)
 * -c CPU	CPU to run on (the one it is started on)
 *
 * Runs as root on a machine with the module. Prints a JSON object per line: the machine, the
 * samples of each way in each case, "missed" checks, and the progress ("done" of "total").
 * bench/kernel/report does the rest.
 *
 * A way is one mechanism to get memory. The ways of a case take turns, in an order that is
 * drawn anew each time.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <sys/utsname.h>

#include "benches.h"

#define HUGE_PAGES	"/proc/sys/vm/nr_hugepages"
#define FAIR_SERVER	"/sys/kernel/debug/sched/fair_server/cpu0/runtime"
#define MAX_JOBS	32
/*
 * Rounds of a way in one turn, in addition to a first one that does not count. After that
 * one, the state that other ways have left, e.g. the lists of free pages, is as it is after
 * the way's own rounds.
 */
#define IN_A_TURN	2

static int turns = 5;
static bool is_quick;
static uint64_t seed = 1;
static bool has_threads;
static const char *only;
static int cpu;

/* --- ways ----------------------------------------------------------------- */

static const struct way cycle_ways[] = {
	{ .peer = "arena", .kind = ARENA },
	{ .peer = "4 KiB pages", .kind = SMALL },
	{ .peer = "THP", .kind = THP },
	{ .peer = "hugetlbfs", .kind = HUGETLB },
	{ .peer = "memfd, hugetlbfs", .kind = MEMFD_HUGETLB },
	/* Not for the largest size: it takes twice as long as small pages. */
	{ .peer = "memfd", .kind = MEMFD },
	/* Not for the two largest sizes. */
	{ .peer = "arena, populated", .kind = ARENA, .take = BY_POPULATE },
	{ .peer = "4 KiB pages, populated", .kind = SMALL, .take = BY_POPULATE },
	{ .peer = "THP, populated", .kind = THP, .take = BY_POPULATE },
	{ .peer = "hugetlbfs, populated", .kind = HUGETLB, .take = BY_POPULATE },
	{ .peer = "memfd, populated", .kind = MEMFD, .take = BY_POPULATE },
	{ .peer = "memfd, hugetlbfs, populated", .kind = MEMFD_HUGETLB, .take = BY_POPULATE },
	/* For one size only. */
	{ .peer = "arena, opened and closed", .kind = ARENA, .opened = true },
	{ .peer = "arena, kept mapped", .kind = ARENA, .kept = true },
	{ .peer = "arena, kept, commit ioctl", .kind = ARENA, .kept = true, .take = BY_COMMIT },
	{ .peer = "arena, keep dirty", .kind = ARENA, .dirty = true },
	{ .peer = "arena, keep dirty, kept", .kind = ARENA, .dirty = true, .kept = true },
};

#define NR_LARGEST	5
#define NR_PLAIN	6
#define NR_POPULATED	12
#define NR_ALL		17

static const struct way map_ways[] = {
	{ .peer = "arena", .kind = ARENA },
	{ .peer = "arena, reserved", .kind = ARENA, .kept = true },
	{ .peer = "4 KiB pages", .kind = SMALL },
	{ .peer = "THP", .kind = THP },
	{ .peer = "hugetlbfs", .kind = HUGETLB },
	{ .peer = "memfd", .kind = MEMFD },
	{ .peer = "memfd, hugetlbfs", .kind = MEMFD_HUGETLB },
};

static const struct way touch_ways[] = {
	{ .peer = "arena", .kind = ARENA, .kept = true },
	{ .peer = "arena, committed", .kind = ARENA, .kept = true, .take = BY_COMMIT },
	{ .peer = "4 KiB pages", .kind = SMALL, .kept = true },
	{ .peer = "THP", .kind = THP, .kept = true },
	{ .peer = "hugetlbfs", .kind = HUGETLB, .kept = true },
	{ .peer = "memfd", .kind = MEMFD, .kept = true },
	{ .peer = "memfd, hugetlbfs", .kind = MEMFD_HUGETLB, .kept = true },
};

static const struct way populate_ways[] = {
	{ .peer = "arena", .kind = ARENA, .kept = true, .take = BY_POPULATE },
	{ .peer = "arena, commit ioctl", .kind = ARENA, .kept = true, .take = BY_COMMIT },
	{ .peer = "4 KiB pages", .kind = SMALL, .kept = true, .take = BY_POPULATE },
	{ .peer = "THP", .kind = THP, .kept = true, .take = BY_POPULATE },
	{ .peer = "hugetlbfs", .kind = HUGETLB, .kept = true, .take = BY_POPULATE },
	{ .peer = "memfd", .kind = MEMFD, .kept = true, .take = BY_POPULATE },
	{ .peer = "memfd, fallocate", .kind = MEMFD, .kept = true, .take = BY_FALLOCATE },
	{ .peer = "memfd, hugetlbfs", .kind = MEMFD_HUGETLB, .kept = true,
	  .take = BY_POPULATE },
	{ .peer = "memfd, hugetlbfs, fallocate", .kind = MEMFD_HUGETLB, .kept = true,
	  .take = BY_FALLOCATE },
};

static const struct way release_ways[] = {
	{ .peer = "arena", .kind = ARENA, .kept = true },
	{ .peer = "4 KiB pages", .kind = SMALL, .kept = true },
	{ .peer = "4 KiB pages, MADV_FREE", .kind = SMALL, .kept = true, .lazy = true },
	{ .peer = "THP", .kind = THP, .kept = true },
	{ .peer = "THP, MADV_FREE", .kind = THP, .kept = true, .lazy = true },
	{ .peer = "hugetlbfs", .kind = HUGETLB, .kept = true },
	{ .peer = "memfd", .kind = MEMFD, .kept = true },
	{ .peer = "memfd, hugetlbfs", .kind = MEMFD_HUGETLB, .kept = true },
};

static const struct way reuse_ways[] = {
	{ .peer = "arena", .kind = ARENA, .kept = true },
	{ .peer = "arena, populated", .kind = ARENA, .kept = true, .take = BY_POPULATE },
	{ .peer = "arena, keep dirty", .kind = ARENA, .kept = true, .dirty = true },
	{ .peer = "4 KiB pages", .kind = SMALL, .kept = true },
	{ .peer = "4 KiB pages, populated", .kind = SMALL, .kept = true, .take = BY_POPULATE },
	{ .peer = "4 KiB pages, MADV_FREE", .kind = SMALL, .kept = true, .lazy = true },
	{ .peer = "THP", .kind = THP, .kept = true },
	{ .peer = "THP, populated", .kind = THP, .kept = true, .take = BY_POPULATE },
	{ .peer = "THP, MADV_FREE", .kind = THP, .kept = true, .lazy = true },
	{ .peer = "hugetlbfs", .kind = HUGETLB, .kept = true },
	{ .peer = "hugetlbfs, populated", .kind = HUGETLB, .kept = true, .take = BY_POPULATE },
	{ .peer = "memfd", .kind = MEMFD, .kept = true },
	{ .peer = "memfd, hugetlbfs", .kind = MEMFD_HUGETLB, .kept = true },
};

static const struct way fork_ways[] = {
	{ .peer = "arena", .kind = ARENA, .kept = true },
	{ .peer = "4 KiB pages", .kind = SMALL, .kept = true },
	{ .peer = "THP", .kind = THP, .kept = true },
	{ .peer = "hugetlbfs", .kind = HUGETLB, .kept = true },
	/* Not for the largest size. */
	{ .peer = "memfd", .kind = MEMFD, .kept = true },
	{ .peer = "4 KiB pages, MADV_DONTFORK", .kind = SMALL, .kept = true,
	  .not_forked = true },
};

#define NR_FORK_PLAIN	4
#define NR_FORK_ALL	6

static const struct way idle_ways[] = {
	{ .peer = "arena", .kind = ARENA },
	{ .peer = "4 KiB pages, MADV_FREE", .kind = SMALL, .kept = true, .lazy = true },
	{ .peer = "THP, MADV_FREE", .kind = THP, .kept = true, .lazy = true },
};

/* --- cases ---------------------------------------------------------------- */

#define SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define FIRST(nr, array)	.ways = (array), .nr_ways = (nr)
#define EACH(array)	FIRST(SIZE(array), array)
#define GROUP(bench_, name_, blocks_, ...) \
	{ .bench = &(bench_), .name = (name_), .blocks = (blocks_), __VA_ARGS__ }

/* Ways that take turns in one case. */
static const struct group {
	const struct bench *bench;
	const char *name;
	long blocks;
	const struct way *ways;
	int nr_ways;
	long variant;
	bool with_nothing;	/* and one more job without memory */
} groups[] = {
	GROUP(cycle, "2 MiB", 1, FIRST(NR_POPULATED, cycle_ways)),
	GROUP(cycle, "16 MiB", 8, FIRST(NR_POPULATED, cycle_ways)),
	GROUP(cycle, "64 MiB", 32, FIRST(NR_ALL, cycle_ways)),
	GROUP(cycle, "256 MiB", 128, FIRST(NR_PLAIN, cycle_ways)),
	GROUP(cycle, "1 GiB", 512, FIRST(NR_LARGEST, cycle_ways)),
	GROUP(map_and_unmap, "64 MiB", 32, EACH(map_ways)),
	GROUP(first_touch, "each page", 32, EACH(touch_ways), .variant = PAGE),
	GROUP(first_touch, "one page of each block", 32, EACH(touch_ways), .variant = BLOCK),
	GROUP(populate, "64 MiB", 32, EACH(populate_ways)),
	GROUP(release, "one block", 32, EACH(release_ways), .variant = ONE_BLOCK),
	GROUP(release, "half", 32, EACH(release_ways), .variant = HALF),
	GROUP(release, "all", 32, EACH(release_ways), .variant = ALL),
	GROUP(release, "every second block", 32, EACH(release_ways), .variant = EVERY_SECOND),
	GROUP(reuse, "64 MiB", 32, EACH(reuse_ways)),
	GROUP(fork_and_wait, "64 MiB", 32, FIRST(NR_FORK_ALL, fork_ways), .with_nothing = true),
	GROUP(fork_and_wait, "1 GiB", 512, FIRST(NR_FORK_PLAIN, fork_ways), .with_nothing = true),
	GROUP(idle_and_claim, "2 MiB", 1, EACH(idle_ways)),
	GROUP(idle_and_claim, "1 GiB", 512, EACH(idle_ways)),
}, quick_groups[] = {
	GROUP(cycle, "2 MiB", 1, FIRST(NR_POPULATED, cycle_ways)),
	GROUP(cycle, "8 MiB", 4, FIRST(NR_ALL, cycle_ways)),
	GROUP(map_and_unmap, "8 MiB", 4, EACH(map_ways)),
	GROUP(first_touch, "each page", 4, EACH(touch_ways), .variant = PAGE),
	GROUP(first_touch, "one page of each block", 4, EACH(touch_ways), .variant = BLOCK),
	GROUP(populate, "8 MiB", 4, EACH(populate_ways)),
	GROUP(release, "one block", 4, EACH(release_ways), .variant = ONE_BLOCK),
	GROUP(release, "half", 4, EACH(release_ways), .variant = HALF),
	GROUP(release, "all", 4, EACH(release_ways), .variant = ALL),
	GROUP(release, "every second block", 4, EACH(release_ways), .variant = EVERY_SECOND),
	GROUP(reuse, "8 MiB", 4, EACH(reuse_ways)),
	GROUP(fork_and_wait, "8 MiB", 4, FIRST(NR_FORK_ALL, fork_ways), .with_nothing = true),
	GROUP(idle_and_claim, "2 MiB", 1, EACH(idle_ways)),
	GROUP(idle_and_claim, "8 MiB", 4, EACH(idle_ways)),
}, quick_thread_groups[] = {
	GROUP(threads, "2 threads", 1, FIRST(NR_PLAIN, cycle_ways), .variant = 2),
}, thread_groups[] = {
	GROUP(threads, "1 thread", 8, FIRST(NR_PLAIN, cycle_ways), .variant = 1),
	GROUP(threads, "2 threads", 8, FIRST(NR_PLAIN, cycle_ways), .variant = 2),
	GROUP(threads, "4 threads", 8, FIRST(NR_PLAIN, cycle_ways), .variant = 4),
};

/* --- the order ------------------------------------------------------------ */

static uint64_t state;

/* Vigna's xorshift64*. */
static uint64_t draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

static void shuffle(int *order, int nr)
{
	int i, j, other;

	for (i = nr - 1; i > 0; i--) {
		j = draw() % (i + 1);
		other = order[i];
		order[i] = order[j];
		order[j] = other;
	}
}

/* --- a group -------------------------------------------------------------- */

static struct job jobs[MAX_JOBS];
static int nr_jobs;

static long huge_pages(void)
{
	char line[LINE_LENGTH];

	return atol(get_file(HUGE_PAGES, line));
}

static bool set_huge_pages(long nr)
{
	char value[32];

	snprintf(value, sizeof(value), "%ld", nr);
	return set_file(HUGE_PAGES, value) && huge_pages() == nr;
}

/* Pages of the ways that stay mapped, plus the maximum of any of the others. */
static long huge_pages_for(const struct group *group)
{
	long kept = 0, others = 0, nr;
	int i;

	for (i = 0; i < group->nr_ways; i++) {
		const struct way *way = &group->ways[i];

		if (!is_huge_tlb(way))
			continue;
		nr = group->blocks * (group->bench == &threads ? group->variant : 1);
		/* A memfd keeps the pages reserved for it. */
		if (way->kept || way->kind == MEMFD_HUGETLB)
			kept += nr;
		else if (nr > others)
			others = nr;
	}
	return kept + others;
}

static void add_job(const struct group *group, const struct way *way)
{
	struct job *job = &jobs[nr_jobs];

	*job = (struct job) {
		.bench = group->bench, .name = group->name, .way = way,
		.blocks = group->blocks, .variant = group->variant, .fd = -1,
		.place = (void *)((UINT64_C(1) + nr_jobs) << 40),
		.figures = calloc(turns * IN_A_TURN, sizeof(struct figures)),
	};
	if (!job->figures)
		die("no memory");
	nr_jobs++;
}

static const char *unit(void)
{
	return counts_instructions ? "instructions" : "ns";
}

static void print_extra(const struct job *job, enum extra extra)
{
	int i;

	if (extra == TLB_FLUSHES || extra == PAGE_TABLES) {
		if (job->first.extra[extra] >= 0)
			printf(",\"%s\":[%.10g]", extra_names[extra], job->first.extra[extra]);
		return;
	}
	if (job->figures[0].extra[extra] < 0)
		return;
	printf(",\"%s\":[", extra_names[extra]);
	for (i = 0; i < turns * IN_A_TURN; i++)
		printf("%s%.10g", i ? "," : "", job->figures[i].extra[extra]);
	printf("]");
}

static void print_job(const struct job *job)
{
	const struct bench *bench = job->bench;
	long per = bench->is_per_block ? job->blocks : 1;
	enum extra extra;
	int i;

	printf("{\"bench\":\"%s\",\"case\":\"%s\",\"peer\":\"%s\",\"blocks\":%ld,",
	       bench->name, job->name, job->way ? job->way->peer : "nothing", job->blocks);
	printf("\"unit\":\"%s%s\",\"samples\":[", unit(), bench->unit ? bench->unit : "");
	for (i = 0; i < turns * IN_A_TURN; i++)
		printf("%s%.10g", i ? "," : "", job->figures[i].value / per);
	printf("]");
	for (extra = 0; extra < NR_EXTRAS; extra++)
		print_extra(job, extra);
	printf("}\n");
}

/* If the caller had to zero blocks, the arena's other figures are meaningless. */
static void check_zeroing(const struct job *job)
{
	double zeroed = 0;
	int i;

	for (i = 0; i < turns * IN_A_TURN; i++)
		zeroed += job->figures[i].extra[ZEROED];
	if (zeroed > 0 && job->way && job->way->kind == ARENA)
		fail("%s, %s, %s: %.0f blocks were zeroed while the caller waited",
		     job->bench->name, job->name, job->way->peer, zeroed);
}

/* Estimate the cost of a group, in large pages, for the progress display. */
static double weight_of(const struct group *group)
{
	double weight = 0;
	int i;

	for (i = 0; i < group->nr_ways; i++) {
		enum kind kind = group->ways[i].kind;

		weight += kind == SMALL || kind == MEMFD ? 7 : 1;
	}
	/* These touch their memory only once. */
	if (group->bench == &fork_and_wait || group->bench == &idle_and_claim)
		weight /= 4;
	if (group->bench == &threads)
		weight *= group->variant;
	return 4 * group->nr_ways + weight * group->blocks;
}

/* Give each group the same starting point: no cached pages, memory compacted. */
static void settle(void)
{
	sync();
	set_file("/proc/sys/vm/drop_caches", "1");
	set_file("/proc/sys/vm/compact_memory", "1");
	usleep(100000);
	wait_for_pool(0);
}

static void take_turn(struct job *job, int turn)
{
	struct figures warm_up;
	int i;

	job->bench->round(job, turn ? &warm_up : &job->first, !turn);
	for (i = 0; i < IN_A_TURN; i++)
		job->bench->round(job, &job->figures[turn * IN_A_TURN + i], false);
}

static void run_group(const struct group *group, int number)
{
	long huge = huge_pages_for(group), before = huge_pages();
	bool has_huge = set_huge_pages(before + huge);
	int order[MAX_JOBS], turn, i;

	nr_jobs = 0;
	for (i = 0; i < group->nr_ways; i++) {
		if (is_there(&group->ways[i]) && (has_huge || !is_huge_tlb(&group->ways[i])))
			add_job(group, &group->ways[i]);
	}
	if (group->with_nothing)
		add_job(group, NULL);
	if (!has_huge)
		printf("{\"left_out\":\"hugetlbfs of %s, %s: %ld huge pages are unavailable\"}\n",
		       group->bench->name, group->name, huge);
	state = seed * UINT64_C(0x9e3779b97f4a7c15) + number + 1;
	settle();
	for (i = 0; i < nr_jobs; i++) {
		order[i] = i;
		group->bench->open(&jobs[i]);
	}
	for (turn = 0; turn < turns; turn++) {
		shuffle(order, nr_jobs);
		for (i = 0; i < nr_jobs; i++)
			take_turn(&jobs[order[i]], turn);
	}
	for (i = 0; i < nr_jobs; i++) {
		group->bench->close(&jobs[i]);
		check_zeroing(&jobs[i]);
		print_job(&jobs[i]);
		free(jobs[i].figures);
	}
	set_huge_pages(before);
}

/* Number of blocks that the pool must have ready. */
static long blocks_for(const struct group *group)
{
	return group->blocks * (group->bench == &threads ?
				CYCLES_OF_EACH * group->variant : 1);
}

static bool is_wanted(const struct group *group)
{
	return !only || !strcmp(only, group->bench->name);
}

static void run_groups(const struct group *groups, int nr)
{
	double total = 0, done = 0;
	int i;

	for (i = 0; i < nr; i++)
		total += is_wanted(&groups[i]) ? weight_of(&groups[i]) : 0;
	if (!total) {
		fprintf(stderr, "paths: no bench %s\n", only);
		exit(2);
	}
	printf("{\"done\":0,\"total\":%.0f,\"what\":\"\"}\n", total);
	fflush(stdout);
	for (i = 0; i < nr; i++) {
		if (!is_wanted(&groups[i]))
			continue;
		if (blocks_for(&groups[i]) > pool_size())
			printf("{\"left_out\":\"%s, %s: the pool keeps fewer blocks ready (reserve=)\"}\n",
			       groups[i].bench->name, groups[i].name);
		else if (groups[i].bench == &threads &&
			 groups[i].variant + counts_instructions > sysconf(_SC_NPROCESSORS_ONLN))
			printf("{\"left_out\":\"%s, %s: not enough CPUs\"}\n",
			       groups[i].bench->name, groups[i].name);
		else
			run_group(&groups[i], i);
		done += weight_of(&groups[i]);
		printf("{\"done\":%.0f,\"total\":%.0f,\"what\":\"%s, %s\"}\n", done, total,
		       groups[i].bench->name, groups[i].name);
		fflush(stdout);
	}
}

/* --- main ----------------------------------------------------------------- */

static void print_machine(void)
{
	char line[LINE_LENGTH], clock[LINE_LENGTH], model[256] = "";
	struct utsname name;
	FILE *file;

	uname(&name);
	file = fopen("/proc/cpuinfo", "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "model name : %255[^\n]", model) == 1)
			break;
	}
	if (file)
		fclose(file);
	printf("{\"machine\":{\"kernel\":\"%s\",\"cpu\":\"%s\",\"cpus\":%ld,\"memory_mib\":%ld,",
	       name.release, model, sysconf(_SC_NPROCESSORS_ONLN),
	       meminfo_kib("MemTotal") / 1024);
	printf("\"thp\":\"%s\",\"clocksource\":\"%s\"},",
	       get_file("/sys/kernel/mm/transparent_hugepage/enabled", line),
	       get_file("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			clock));
	printf("\"clock\":\"%s\",", unit());
	printf("\"settings\":{\"repetitions\":%d,\"seed\":%" PRIu64, turns * IN_A_TURN, seed);
	printf(",\"quick\":%s,\"pool_blocks\":%ld", is_quick ? "true" : "false", pool_size());
	if (only)
		printf(",\"bench\":\"%s\"", only);
	if (counts_instructions)
		printf(",\"zeroing_page\":%.0f,\"zeroing_block\":%.0f", zeroing_page,
		       zeroing_block);
	printf("}}\n");
	fflush(stdout);
}

static void stay_on_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("CPU %d", cpu);
}

/*
 * Run with priority, so that the module's thread and other deferred work of the kernel run
 * only while this process sleeps between the repetitions. Otherwise they would interrupt a
 * repetition on one CPU, and on several CPUs their instructions could not be told from the
 * others.
 */
static void go_first(void)
{
	struct sched_param param = { .sched_priority = 1 };

	/* The bench of threads keeps the last CPU for that. */
	bind_background(has_threads ? sysconf(_SC_NPROCESSORS_ONLN) - 1 : cpu);
	/*
	 * Since 6.12 the fair server gives normal tasks 50 ms of each second even so. With
	 * several CPUs the kernel may warn when that is switched off; the threads' rounds
	 * are short enough to leave it on.
	 */
	if (!has_threads && !access(FAIR_SERVER, F_OK) && !set_file(FAIR_SERVER, "0"))
		die(FAIR_SERVER);
	if (!set_file("/proc/sys/kernel/sched_rt_runtime_us", "-1") ||
	    sched_setscheduler(0, SCHED_FIFO, &param))
		die("SCHED_FIFO");
}

int main(int argc, char **argv)
{
	int option;

	cpu = sched_getcpu();
	while ((option = getopt(argc, argv, "iqtb:r:s:c:")) >= 0) {
		switch (option) {
		case 'i':
			counts_instructions = true;
			break;
		case 'q':
			is_quick = true;
			turns = 1;
			break;
		case 't':
			has_threads = true;
			break;
		case 'b':
			only = optarg;
			break;
		case 'r':
			turns = atoi(optarg) / IN_A_TURN;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			cpu = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (turns < 1)
		return 2;
	if (has_threads)
		cpu = 0;
	stay_on_cpu();
	/* Let a kernel that has just booted finish its initialization. */
	if (counts_instructions)
		sleep(10);
	prepare_measuring();
	print_machine();
	wait_for_pool(0);
	if (counts_instructions)
		go_first();
	if (has_threads && is_quick)
		run_groups(quick_thread_groups, SIZE(quick_thread_groups));
	else if (has_threads)
		run_groups(thread_groups, SIZE(thread_groups));
	else if (is_quick)
		run_groups(quick_groups, SIZE(quick_groups));
	else
		run_groups(groups, SIZE(groups));
	return 0;
}
