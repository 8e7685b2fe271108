/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers that the tests of the device share: open and map it, and ask the
 * kernel, not the module, about the result.
 */
#ifndef ARENA_TEST_H
#define ARENA_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/arena.h>
#include <linux/mempolicy.h>

#define DEVICE		"/dev/arena"
#define BLOCK		((size_t)2 << 20)
#define PAGE		((size_t)4096)
#define MAX_NODES	64
#define PARAMETERS	"/sys/module/arena/parameters/"
#define POOL_FILE	"/sys/kernel/debug/arena/pool"

#ifndef MADV_COLD
#define MADV_COLD	20
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/*
 * Without the device and its counters there is nothing to test; exit with 4,
 * which kselftest takes as a skip. This runs before the harness, since not
 * every version of the harness ends a test whose setup skips.
 */
static void __attribute__((constructor)) skip_without_device(void)
{
	if (!access(DEVICE, R_OK | W_OK) && !access(POOL_FILE, R_OK))
		return;
	printf("TAP version 13\n1..0 # SKIP no access to " DEVICE " or " POOL_FILE "\n");
	exit(4);
}

/*
 * For faults.sh: in each process that opens an arena, make the nth allocation
 * after that fail.
 */
static inline void fail_nth_if_asked(void)
{
	const char *nth = getenv("ARENA_FAIL_NTH");
	static bool done;
	int fd;

	if (!nth || done)
		return;
	done = true;
	fd = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
	if (write(fd, nth, strlen(nth)) < 0)
		abort();
	close(fd);
}

/* Open a new arena; return the result of open(), which the caller has to check. */
static inline int open_arena(void)
{
	fail_nth_if_asked();
	return open(DEVICE, O_RDWR | O_CLOEXEC);
}

static inline char *map_blocks(int fd, size_t nr)
{
	return mmap(NULL, nr * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* Write one byte in each page. */
static inline void touch(char *memory, size_t bytes, char value)
{
	size_t i;

	for (i = 0; i < bytes; i += PAGE)
		((volatile char *)memory)[i] = value;
}

static inline bool is_zero(const char *memory, size_t bytes)
{
	return !memory[0] && !memcmp(memory, memory + 1, bytes - 1);
}

/* Return the number of the arena's blocks, or -errno. */
static inline long blocks_of(int fd)
{
	struct arena_ioc_info info = { .size = sizeof(info) };

	return ioctl(fd, ARENA_IOC_INFO, &info) ? -errno : (long)info.blocks;
}

/* Release all blocks; return their number, or -errno. */
static inline long release_all(int fd)
{
	struct arena_ioc_release release = { .size = sizeof(release) };

	return ioctl(fd, ARENA_IOC_RELEASE, &release) ? -errno :
		(long)release.blocks;
}

/* The same for a range in bytes. */
static inline long release_range(int fd, size_t offset, size_t length)
{
	struct arena_ioc_release release = {
		.size = sizeof(release), .flags = ARENA_RELEASE_RANGE,
		.offset = offset, .length = length,
	};

	return ioctl(fd, ARENA_IOC_RELEASE, &release) ? -errno :
		(long)release.blocks;
}

/* Whether word is one of the words in "one+two+three". */
static inline bool is_one_of(const char *word, const char *words)
{
	size_t length = strlen(word);

	for (; words; words = strchr(words, '+') ? strchr(words, '+') + 1 : NULL) {
		if (!strncmp(words, word, length) && (!words[length] || words[length] == '+'))
			return true;
	}
	return false;
}

/*
 * Return a column of the module's counters, found by its name in the header
 * line, or the sum of several columns, e.g. "ready+dirty": for one node, or for
 * all nodes with ALL_NODES. Return -1 if there is none. The columns of one node
 * are a consistent snapshot.
 */
#define ALL_NODES	-1
static inline double pool_figure(int nid, const char *columns)
{
	unsigned long wanted = 0;
	char line[1024], *word, *rest;
	double sum = -1;
	FILE *file;
	int i;

	file = fopen(POOL_FILE, "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		bool head = !strncmp(line, "node ", 5);

		if (!head && (line[0] < '0' || line[0] > '9'))
			continue;
		if (!head && nid != ALL_NODES && nid != atoi(line))
			continue;
		word = strtok_r(line, " \n", &rest);
		for (i = 0; word; i++, word = strtok_r(NULL, " \n", &rest)) {
			if (head && is_one_of(word, columns))
				wanted |= 1UL << i;
			else if (!head && wanted >> i & 1)
				sum = (sum < 0 ? 0 : sum) + atof(word);
		}
	}
	fclose(file);
	return sum;
}

static inline long pool_count(const char *column)
{
	return pool_figure(ALL_NODES, column);
}

/*
 * Return the counter as soon as it has the expected value, or its value after
 * at least 20 s.
 */
static inline long pool_settled(const char *what, long expected)
{
	long seen = pool_count(what);
	int i;

	for (i = 0; i < 2000 && seen != expected; i++) {
		usleep(10000);
		seen = pool_count(what);
	}
	return seen;
}

/* Write a file in /proc or /sys; return false if that fails. */
static inline bool set_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return done;
}

#define LINE_LENGTH	128

/*
 * Return the first line of such a file, or an empty string if there is no file.
 */
static inline const char *get_file(const char *path, char line[LINE_LENGTH])
{
	FILE *file = fopen(path, "r");

	if (!file || !fgets(line, LINE_LENGTH, file))
		line[0] = '\0';
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/* Return the monotonic time in seconds, to wait or to measure. */
static inline double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static inline int commit_blocks(int fd, size_t first, size_t nr)
{
	struct arena_ioc_commit args = {
		.size = sizeof(args), .offset = first * BLOCK, .length = nr * BLOCK,
	};

	return ioctl(fd, ARENA_IOC_COMMIT, &args) ? -errno : 0;
}

/* The same as one extent. */
static inline int commit_extent(int fd, size_t first, size_t nr)
{
	struct arena_ioc_commit args = {
		.size = sizeof(args), .flags = ARENA_COMMIT_CONTIG,
		.offset = first * BLOCK, .length = nr * BLOCK,
	};

	return ioctl(fd, ARENA_IOC_COMMIT, &args) ? -errno : 0;
}

/* Release blocks; with ARENA_RELEASE_RANGE, those of a range. */
static inline long release_blocks(int fd, unsigned int flags, size_t first, size_t nr)
{
	struct arena_ioc_release args = {
		.size = sizeof(args), .flags = flags,
		.offset = first * BLOCK, .length = nr * BLOCK,
	};

	return ioctl(fd, ARENA_IOC_RELEASE, &args) ? -errno : (long)args.blocks;
}

static inline int set_arena_flags(int fd, unsigned long long arena_flags)
{
	struct arena_ioc_set_flags args = {
		.size = sizeof(args), .arena_flags = arena_flags,
	};

	return ioctl(fd, ARENA_IOC_SET_FLAGS, &args) ? -errno : 0;
}

static inline int freeze_arena(int fd)
{
	struct arena_ioc_freeze args = { .size = sizeof(args) };

	return ioctl(fd, ARENA_IOC_FREEZE, &args) ? -errno : 0;
}

static inline struct arena_control *map_control(int fd)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    ARENA_CONTROL_OFFSET);
}

static inline void mark_idle(struct arena_control *control)
{
	unsigned long long since = seconds() * 1e9, old = ARENA_STATE_ACTIVE;

	__atomic_compare_exchange_n((unsigned long long *)&control->state, &old,
				    (since & ~(unsigned long long)ARENA_STATE_MASK) |
				    ARENA_STATE_IDLE, false,
				    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/*
 * Claim without a system call: true if the arena was idle, so that no block was
 * taken.
 */
static inline bool claim_by_swap(struct arena_control *control)
{
	unsigned long long state = __atomic_load_n(&control->state, __ATOMIC_RELAXED);

	return (state & ARENA_STATE_MASK) == ARENA_STATE_IDLE &&
	       __atomic_compare_exchange_n(&control->state, &state, ARENA_STATE_ACTIVE,
					   false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Return the arena's statistics; all bits are set if the call fails. */
static inline struct arena_ioc_stats stats_of(int fd)
{
	struct arena_ioc_stats stats = { .size = sizeof(stats) };

	if (ioctl(fd, ARENA_IOC_STATS, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

/* Return a value of the arena's fdinfo in KiB, or -1. */
static inline long fdinfo_kib(int fd, const char *what)
{
	char path[64], line[128], name[64];
	long kib = -1, value;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	if (!file)
		return -1;
	while (kib < 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^:]: %ld KiB", name, &value) == 2 &&
		    !strcmp(name, what))
			kib = value;
	}
	fclose(file);
	return kib;
}

/* Whether each byte has this value. */
static inline bool is_whole(const char *memory, size_t bytes, char value)
{
	return memory[0] == value && !memcmp(memory, memory + 1, bytes - 1);
}

/*
 * Return a seed for random tests: ARENA_SEED, to repeat a run, or a random one.
 */
static inline unsigned int pick_seed(void)
{
	const char *given = getenv("ARENA_SEED");
	unsigned int seed;

	if (given)
		return strtoul(given, NULL, 0);
	return getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? seed : time(NULL);
}

/* Call all shrinkers. */
static inline bool drop_slab(void)
{
	return set_file("/proc/sys/vm/drop_caches", "2");
}

/* Return a value in KiB from smaps, for the VMA at an address, or -1. */
static inline long smaps_kib(const void *addr, const char *what)
{
	unsigned long start, end;
	bool inside = false;
	long kib = -1, value;
	char line[512], name[64];
	FILE *file;

	file = fopen("/proc/self/smaps", "r");
	if (!file)
		return -1;
	while (kib < 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)addr &&
				 (unsigned long)addr < end;
		else if (inside && sscanf(line, "%63[^:]: %ld kB", name, &value) == 2 &&
			 !strcmp(name, what))
			kib = value;
	}
	fclose(file);
	return kib;
}

/* Return the NUMA node of the page at an address, or -errno. */
static inline int node_of(void *addr)
{
	int status = -1;

	if (syscall(SYS_move_pages, 0, 1UL, &addr, NULL, &status, 0))
		return -errno;
	return status;
}

/* Run on the CPUs of a node; false if there is no such node. */
static inline bool run_on_node(int node)
{
	unsigned int first, last;
	cpu_set_t cpus;
	char path[96];
	FILE *file;
	int fields;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist",
		 node);
	file = fopen(path, "r");
	if (!file)
		return false;
	fields = fscanf(file, "%u-%u", &first, &last);
	fclose(file);
	if (fields < 1)
		return false;
	if (fields == 1)
		last = first;
	CPU_ZERO(&cpus);
	for (; first <= last; first++)
		CPU_SET(first, &cpus);
	return !sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Return a value from /proc/meminfo in KiB, or -1. */
static inline long meminfo_kib(const char *what)
{
	char line[256], name[64];
	long kib = -1, value;
	FILE *file;

	file = fopen("/proc/meminfo", "r");
	if (!file)
		return -1;
	while (kib < 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^:]: %ld kB", name, &value) == 2 &&
		    !strcmp(name, what))
			kib = value;
	}
	fclose(file);
	return kib;
}

/*
 * Return the free memory of the page allocator in KiB, including its per-CPU
 * lists.
 */
static inline long system_free_kib(void)
{
	long pages = 0, count;
	char line[256];
	FILE *file;

	file = fopen("/proc/zoneinfo", "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " count: %ld", &count) == 1)
			pages += count;
	}
	fclose(file);
	return meminfo_kib("MemFree") + pages * (long)(PAGE / 1024);
}

/* The same, including the blocks that the module keeps. */
static inline long free_kib(void)
{
	return system_free_kib() + (long)(BLOCK / 1024) * pool_count("ready+dirty+cached");
}

/*
 * Wait for a child; return its status as a shell does: 128 + signal if it was
 * killed.
 */
static inline int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The thread's most recent fault that a test expected. */
static __thread siginfo_t fault;
/* Where to continue after a fault; NULL if none is expected. */
static __thread sigjmp_buf *volatile on_fault;

/* An unexpected fault happens again, and ends the test with its signal. */
static inline void leave_fault(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!on_fault) {
		signal(number, SIG_DFL);
		return;
	}
	fault = *info;
	siglongjmp(*on_fault, 1);
}

static inline void catch_faults(void)
{
	/* With SA_NODEFER the signal is not blocked, so there is no mask to restore. */
	struct sigaction action = {
		.sa_sigaction = leave_fault, .sa_flags = SA_NODEFER | SA_SIGINFO,
	};

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

/*
 * Touch a byte that may be sealed, unmapped or beyond a limit, after catch_faults(). Returns
 * false if that faults, and sets @fault.
 */
static inline bool try_touch(const char *at, bool is_write)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 0)) {
		on_fault = NULL;
		return false;
	}
	on_fault = &here;
	if (is_write)
		*(volatile char *)at = 1;
	else
		(void)*(const volatile char *)at;
	on_fault = NULL;
	return true;
}

/* Touch a byte; return the signal that this raises, or 0. */
static inline int signal_of_touch(const char *at, bool is_write)
{
	return try_touch(at, is_write) ? 0 : fault.si_signo;
}

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

/* Send a descriptor over a UNIX socket. */
static inline int send_descriptor(int socket, int fd)
{
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -1;
}

static inline int receive_descriptor(int socket)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(socket, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

#endif /* ARENA_TEST_H */
