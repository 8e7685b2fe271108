// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory - count what maps request from the kernel and from malloc()
 *
 *	memory [-q]
 *
 * -q		fewer maps
 *
 * Each map is built and dropped 10,000 times, with 1,024 keys, in its own process, which is
 * traced. This counts all system calls of that process, and nothing else of the program runs
 * in it. Three different quantities are counted:
 *
 * - obtained: the bytes that all maps together got from their allocator. For malloc() this is
 *   the sum of the requested sizes; for the arena, which keeps its memory from map to map, the
 *   bytes that it committed (arena_stats.obtained).
 * - of the kernel: the most bytes that the allocator held from the kernel at a time. glibc
 *   keeps memory as well: it does not request it from the kernel again for each map.
 * - faults: pages that the kernel allocated on touch; a huge page counts as one.
 *
 * glibc has its initial settings, so it gives memory back at times. The ratio of bytes obtained
 * therefore compares the work of allocators, not the size of processes. The exit status is 0 if
 * the bars are met.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/ptrace.h>

#include "maps.h"

#define MAPS		10000
#define KEYS		((size_t)1024)
/* Number of different sets of keys; then they repeat. */
#define SETS		64

#define MOST_CALLS	12
#define LEAST_TIMES	80

static const struct peer *const peers[NR_PEERS] = PEERS;
static int maps = MAPS;
static int failures;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* --- requests to malloc() --------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);

static uint64_t asked, nr_asked;

/* Replace glibc's functions, also for libraries; C++ and GLib allocate through them. */
void *malloc(size_t size)
{
	asked += size;
	nr_asked++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	asked += n * size;
	nr_asked++;
	return __libc_calloc(n, size);
}

/* Count only the growth, although glibc may allocate the whole block anew. */
void *realloc(void *memory, size_t size)
{
	size_t before = memory ? malloc_usable_size(memory) : 0;

	if (size > before) {
		asked += size - before;
		nr_asked++;
	}
	return __libc_realloc(memory, size);
}

/* --- a process ------------------------------------------------------------------------ */

/**
 * struct result - memory used by a map
 * @obtained: bytes from its allocator
 * @allocations: number of allocations
 * @from_kernel: maximum bytes that the allocator held from the kernel
 * @faults: pages allocated on touch
 * @calls: system calls that ask for memory
 */
struct result {
	uint64_t obtained;
	uint64_t allocations;
	uint64_t from_kernel;
	uint64_t faults;
	uint64_t calls;
};

static uint64_t nr_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static uint64_t of_kernel(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.arena + info.hblkhd;
}

static void build_all(const struct peer *peer, const struct key *keys, size_t hint,
		      struct result *result)
{
	uint64_t faults = nr_faults(), before = of_kernel(), most = before, expected = 0, sum;
	size_t i;
	void *map;

	asked = nr_asked = 0;
	for (i = 0; i < (size_t)maps; i++) {
		const struct key *set = keys + i % SETS * KEYS;

		map = peer->build(set, KEYS, hint);
		/* Once is enough, because all maps are alike. */
		if (i == 0) {
			sum = peer->sum(map, set, KEYS);
			expected = KEYS * (KEYS - 1) / 2;
			if (sum != expected)
				_exit(2);
		}
		if (of_kernel() > most)
			most = of_kernel();
		peer->drop(map);
	}
	result->faults = nr_faults() - faults;
	result->obtained = asked;
	result->allocations = nr_asked;
	result->from_kernel = most - before;
	if (peer == &arena_peer) {
		/* It requests nothing from malloc(), or only what is counted with the rest. */
		arena_peer_stats(&result->allocations, &result->from_kernel);
		result->allocations += nr_asked;
		result->obtained += result->from_kernel;
	}
}

static bool asks_for_memory(uint64_t call)
{
	switch (call) {
	case SYS_brk:
	case SYS_mmap:
	case SYS_mremap:
	case SYS_madvise:
	case SYS_mprotect:
	case SYS_ioctl:
		return true;
	}
	return false;
}

/* The process stops itself before its first map and after its last. */
static uint64_t count_calls(pid_t pid)
{
	struct ptrace_syscall_info info;
	uint64_t calls = 0;
	int status, stops = 0, sig;

	for (;;) {
		if (waitpid(pid, &status, 0) < 0)
			die("memory: waitpid");
		if (!WIFSTOPPED(status))
			break;
		sig = WSTOPSIG(status);
		if (sig == SIGSTOP) {
			if (!stops++ && ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD))
				die("memory: ptrace");
			sig = 0;
		} else if (sig == (SIGTRAP | 0x80)) {
			if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
				die("memory: ptrace");
			calls += stops == 1 && info.op == PTRACE_SYSCALL_INFO_ENTRY &&
				 asks_for_memory(info.entry.nr);
			sig = 0;
		}
		if (ptrace(PTRACE_SYSCALL, pid, 0, sig))
			die("memory: ptrace");
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "memory: a map's process failed\n");
		exit(1);
	}
	return calls;
}

static struct result measure(const struct peer *peer, const struct key *keys, size_t hint)
{
	struct result *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct result result;
	uint64_t calls;
	pid_t pid;

	if (shared == MAP_FAILED)
		die("memory: mmap");
	/* Flush, so that the child does not print it again. */
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("memory: fork");
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			die("memory: ptrace");
		raise(SIGSTOP);
		build_all(peer, keys, hint, shared);
		raise(SIGSTOP);
		_exit(0);
	}
	calls = count_calls(pid);
	result = *shared;
	result.calls = calls;
	munmap(shared, sizeof(*shared));
	return result;
}

/* --- */

static void bar(const char *what, bool met, double is, const char *how, int bar)
{
	printf("  %-6s %-60s %.*f, at %s %d\n", met ? "met" : "MISSED", what, is == (int)is ? 0 : 1,
	       is, how, bar);
	failures += !met;
}

int main(int argc, char **argv)
{
	static struct result results[NR_LENGTHS][2][NR_PEERS];
	int option, lengths, hinted, p;

	while ((option = getopt(argc, argv, "q")) >= 0) {
		if (option != 'q') {
			fprintf(stderr, "usage: memory [-q]\n");
			return 2;
		}
		maps = MAPS / 20;
	}

	for (lengths = 0; lengths < NR_LENGTHS; lengths++) {
		struct key *keys = make_keys(lengths, 0, SETS * KEYS);

		printf("%d maps of %zu keys of %s. KiB obtained: total requested from\n"
		       "malloc(), or committed by the arena. KiB of kernel: maximum that the\n"
		       "allocator held from the kernel at a time. Calls: system calls for\n"
		       "memory. Faults: pages allocated on touch.\n\n",
		       maps, KEYS, names_of_lengths[lengths]);
		printf("%-38s %12s %12s %14s %8s %8s\n", "", "allocations", "KiB obtained",
		       "KiB of kernel", "calls", "faults");
		for (p = 0; p < NR_PEERS; p++)
			for (hinted = 0; hinted <= peers[p]->takes_hint; hinted++) {
				struct result r = measure(peers[p], keys, hinted ? KEYS : 0);

				results[lengths][hinted][p] = r;
				printf("%-26s %-11s %12" PRIu64 " %12" PRIu64 " %14" PRIu64 " %8"
				       PRIu64 " %8" PRIu64 "\n", peers[p]->name,
				       hinted ? "with a hint" : "grown", r.allocations,
				       r.obtained >> 10, r.from_kernel >> 10, r.calls, r.faults);
			}
		printf("\n");
		free_keys(keys);
	}

	printf("Bars\n\n");
	for (lengths = 0; lengths < NR_LENGTHS; lengths++) {
		printf("Memory, keys of %s\n", names_of_lengths[lengths]);
		for (hinted = 0; hinted < 2; hinted++) {
			struct result *r = results[lengths][hinted];
			double times, least = 0;
			int which = 0;
			char what[128];

			snprintf(what, sizeof(what), "the arena's calls for memory, %s",
				 hinted ? "with a hint" : "grown");
			bar(what, r->calls <= MOST_CALLS, r->calls, "most", MOST_CALLS);
			for (p = 1; p < NR_PEERS; p++) {
				if (hinted > peers[p]->takes_hint)
					continue;
				times = (double)r[p].obtained / r->obtained;
				if (!which || times < least) {
					least = times;
					which = p;
				}
			}
			snprintf(what, sizeof(what), "times the bytes obtained, the least: %s, %s",
				 peers[which]->name, hinted ? "with a hint" : "grown");
			/* With few maps the ratio means nothing: the arena commits only at the beginning. */
			if (maps == MAPS)
				bar(what, least >= LEAST_TIMES, least, "least", LEAST_TIMES);
		}
	}
	return failures ? 1 : 0;
}
