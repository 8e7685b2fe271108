// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory - what maps ask for memory: the kernel, and malloc().
 *
 *	memory [-q]
 *
 * -q		fewer maps
 *
 * Each map is built and dropped 10,000 times, with 1,024 keys, in a process of its own, which
 * is traced: so what is counted are the calls that it made, whoever in it made them, and
 * nothing else of the program runs there. There are three counts of bytes, and they are not
 * the same thing:
 *
 * - obtained: what the map had of its allocator, all maps together. That is the sum of what
 *   malloc() was asked for, and for the arena, which keeps its memory from map to map, what it
 *   committed (arena_stats.obtained).
 * - of the kernel: the most that the allocator had of the kernel at a time. glibc keeps its
 *   memory as well: it does not ask the kernel anew for each map.
 * - faults: pages that the kernel gave it when they were touched, huge ones counted as one.
 *
 * glibc is as it is when a program starts, so that it gives memory back at times.
 * So a ratio of bytes obtained is one of work for allocators, not of the size of processes.
 * Status 0 if the bars are met.
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
/* The keys of so many maps; then they come again. */
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

/* --- what malloc() is asked for --------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);

static uint64_t asked, nr_asked;

/* In place of glibc's, for libraries too; C++ and GLib get theirs by these as well. */
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

/* Only what it has more than before, though that may be all of it. */
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
 * struct result - what a map took
 * @obtained: bytes from its allocator
 * @allocations: how often it got some
 * @from_kernel: bytes that the allocator had from the kernel, at most
 * @faults: pages that it got when it touched them
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
		/* Once is enough, they are all the same. */
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
		/* It asks malloc() for nothing, or for what is counted here with the rest. */
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
	/* So that it is not printed twice. */
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

		printf("%d maps of %zu keys of %s. KiB obtained: what malloc() was asked\n"
		       "for, and what the arena committed, in all. KiB of kernel: the most that\n"
		       "the allocator had of the kernel at a time. Calls: those that ask the\n"
		       "kernel for memory. Faults: pages that it gave.\n\n",
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
			/* A few maps are too few for that: the arena's first bytes are its last. */
			if (maps == MAPS)
				bar(what, least >= LEAST_TIMES, least, "least", LEAST_TIMES);
		}
	}
	return failures ? 1 : 0;
}
