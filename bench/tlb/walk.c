// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk - make random accesses to memory of one kind, for the TLB model
 *
 *	walk arena|small|thp|hugetlb SEEDS MIB...
 *
 * SEEDS	number of random sequences, the same for every kind of memory
 * MIB		size of the memory, a power of two
 *
 * Runs on a machine whose emulator has loaded bench/tlb/plugin.c. For each size, seed and
 * pattern the plugin writes its lines, and this program writes one, "KIND MIB PATTERN SEED
 * ACCESSES". There are two patterns: "chase" follows pointers from cache line to cache line,
 * and "loads" reads words independently of each other. To a TLB they differ only in that the
 * first visits no line twice.
 */
#define _GNU_SOURCE
#include <inttypes.h>

#include "arena_test.h"
#include "marks.h"

#define LINE		((size_t)64)
/* Accesses that fill the TLB, and accesses that are counted. */
#define WARM_UP		50000
#define ACCESSES	200000

static const struct kind {
	const char *name;
	const char *figure;	/* the field of smaps that must equal the size */
	int flags;		/* for mmap() */
	int advice;
} kinds[] = {
	{ "arena", "FilePmdMapped", MAP_SHARED, 0 },
	{ "small", "Anonymous", MAP_PRIVATE | MAP_ANONYMOUS, MADV_NOHUGEPAGE },
	{ "thp", "AnonHugePages", MAP_PRIVATE | MAP_ANONYMOUS, MADV_HUGEPAGE },
	{ "hugetlb", "Private_Hugetlb", MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, 0 },
};

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "walk: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (14), 2003. */
static inline uint64_t next_random(uint64_t state)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^ state << 17;
}

/* Mix the seed, so that neighbouring seeds give unrelated sequences. */
static uint64_t first_random(unsigned int seed)
{
	uint64_t state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	int i;

	for (i = 0; i < 20; i++)
		state = next_random(state);
	return state;
}

/* A random position in memory at a multiple of @unit; @bytes and @unit are powers of two. */
static inline void *place_in(char *memory, size_t bytes, size_t unit, uint64_t random)
{
	/* The lowest bits of a xorshift are the least random. */
	return memory + (random >> 8 & (bytes - unit));
}

static inline uint64_t load_some(char *memory, size_t bytes, uint64_t state, long nr)
{
	while (nr--) {
		*(volatile uint64_t *)place_in(memory, bytes, sizeof(uint64_t), state);
		state = next_random(state);
	}
	return state;
}

static void loads(char *memory, size_t bytes, unsigned int seed)
{
	uint64_t state = first_random(seed);

	MARK(MARK_EMPTY);
	state = load_some(memory, bytes, state, WARM_UP);
	MARK(MARK_COUNT);
	load_some(memory, bytes, state, ACCESSES);
	MARK(MARK_END);
}

static inline uint64_t *follow(uint64_t *at, long nr)
{
	while (nr--)
		at = (uint64_t *)*(volatile uint64_t *)at;
	return at;
}

/* Build a chain in zeroed memory, follow it, and zero the memory again. */
static void chase(char *memory, size_t bytes, unsigned int seed)
{
	uint64_t state = first_random(seed), *first = (uint64_t *)memory, *at = first, *next;
	long i;

	for (i = 0; i < WARM_UP + ACCESSES; i++) {
		do {
			state = next_random(state);
			next = place_in(memory, bytes, LINE, state);
		} while (*next || next == at);
		*at = (uintptr_t)next;
		at = next;
	}

	MARK(MARK_EMPTY);
	at = follow(first, WARM_UP);
	MARK(MARK_COUNT);
	follow(at, ACCESSES);
	MARK(MARK_END);

	for (at = first; at; at = next) {
		next = (uint64_t *)*at;
		*at = 0;
	}
}

static void set_huge_pages(long nr)
{
	char value[32];

	snprintf(value, sizeof(value), "%ld", nr);
	if (!set_file("/proc/sys/vm/nr_hugepages", value))
		die("nr_hugepages");
}

static char *map_memory(const struct kind *kind, int fd, size_t bytes)
{
	/* An aligned address for huge pages; the device chooses its own. */
	void *place = fd < 0 ? (void *)(UINT64_C(1) << 40) : NULL;
	char *memory = mmap(place, bytes, PROT_READ | PROT_WRITE, kind->flags, fd, 0);

	if (memory == MAP_FAILED || (kind->advice && madvise(memory, bytes, kind->advice)))
		die("mmap");
	touch(memory, bytes, 0);
	return memory;
}

/* Check that all of the memory is of its kind. The plugin checks the page tables. */
static void check_memory(const struct kind *kind, const char *memory, size_t bytes)
{
	long kib = smaps_kib(memory, kind->figure);

	if (kib != (long)(bytes / 1024) ||
	    (kind->advice == MADV_NOHUGEPAGE && smaps_kib(memory, "AnonHugePages"))) {
		fprintf(stderr, "walk: %s: %s is %ld KiB of %zu\n", kind->name, kind->figure,
			kib, bytes / 1024);
		exit(1);
	}
}

static void say(const struct kind *kind, size_t bytes, const char *pattern, unsigned int seed)
{
	printf("%s %zu %s %u %d\n", kind->name, bytes >> 20, pattern, seed, ACCESSES);
}

static void walk(const struct kind *kind, size_t bytes, unsigned int seeds)
{
	bool is_arena = kind->flags & MAP_SHARED, is_hugetlb = kind->flags & MAP_HUGETLB;
	unsigned int seed;
	char *memory;
	int fd = -1;

	if (is_arena)
		fd = open_arena();
	if (is_arena && fd < 0)
		die(DEVICE);
	if (is_hugetlb)
		set_huge_pages(bytes / BLOCK);
	memory = map_memory(kind, fd, bytes);
	check_memory(kind, memory, bytes);

	for (seed = 1; seed <= seeds; seed++) {
		chase(memory, bytes, seed);
		say(kind, bytes, "chase", seed);
		loads(memory, bytes, seed);
		say(kind, bytes, "loads", seed);
	}

	munmap(memory, bytes);
	if (is_arena)
		close(fd);
	if (is_hugetlb)
		set_huge_pages(0);
}

int main(int argc, char **argv)
{
	const struct kind *kind = NULL;
	size_t i;
	int arg;

	for (i = 0; argc > 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(argv[1], kinds[i].name))
			kind = &kinds[i];
	}
	if (!kind) {
		fprintf(stderr, "usage: walk arena|small|thp|hugetlb SEEDS MIB...\n");
		return 2;
	}
	for (arg = 3; arg < argc; arg++)
		walk(kind, strtoul(argv[arg], NULL, 10) << 20, strtoul(argv[2], NULL, 10));
	return 0;
}
