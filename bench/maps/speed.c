// SPDX-License-Identifier: GPL-2.0-only
/*
 * speed - measure how long it takes to build and drop maps, and to look up keys
 *
 *	speed [-q] [-s SEED]
 *
 * -q		a single pass, to check that all maps agree; the figures mean little
 * -s SEED	seed of the orders (1)
 *
 * All maps are from strings to 64-bit numbers, and copy their keys.
 *
 * Build and drop: a map of 1,024 keys is built and freed, then a map of other keys, so that
 * branch predictors and caches do not learn the positions of the keys.
 * Look up: keys that are present, and keys that are absent, in random order. The keys are
 * copied in that order, so that the cost of reading them does not hide that of the map. These
 * maps are built with a hint if they accept one.
 *
 * Times are CPU times, so that other load on the machine matters little; it still shares
 * caches and memory. In each repetition all maps take turns, in an order that is drawn anew.
 * The output is JSON for "run": the number of samples, then one sample on each line, those of a
 * repetition next to each other, in nanoseconds per key. The exit status is 0 if all maps
 * returned the expected sums.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "maps.h"

#define BUILD_KEYS	((size_t)1024)
/* Maps that are built and dropped, and keys that are looked up, in each repetition. */
#define BUILDS		64
#define LOOKUPS		((size_t)65536)
#define MAX_LOOKUPS	((size_t)262144)

static const struct peer *const peers[NR_PEERS] = PEERS;
static size_t sizes[] = { 1024, 65536, 1048576 };

static int reps = 31;
/* Number of times that a large map is built for the lookups. */
static int reps_of_large = 15, builds_of_large = 3;
static uint64_t seed = 1;

/* CPU time of the process, in user mode and in the kernel. */
static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static void shuffle(uint32_t *order, size_t n)
{
	uint32_t swapped;
	size_t i, j;

	for (i = n; i-- > 1;) {
		j = next_random(&seed) % (i + 1);
		swapped = order[i];
		order[i] = order[j];
		order[j] = swapped;
	}
}

static void draw_order(uint32_t *order, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		order[i] = i;
	shuffle(order, n);
}

static void expect(const char *name, const char *what, uint64_t sum, uint64_t expected)
{
	if (sum == expected)
		return;
	fprintf(stderr, "%s, %s: the sum is %" PRIu64 ", not %" PRIu64 "\n", name, what, sum,
		expected);
	exit(1);
}

/* The name of a bench is the operation and the length of the keys. */
static void print_sample(const char *what, enum lengths lengths, const char *name_of_case,
			 const struct peer *peer, double ns)
{
	printf("{\"bench\": \"%s keys of %s\", \"case\": \"%s\", \"peer\": \"%s\", "
	       "\"ns\": %.5g}\n", what, names_of_lengths[lengths], name_of_case, peer->name, ns);
}

/* --- build and drop ----------------------------------------------------------------- */

/* Grown from an empty map, or with room reserved by a hint. */
#define NR_MODES	2

static const char *const names_of_modes[NR_MODES] = { "grown", "with a hint" };

static double build_and_drop(const struct peer *peer, const struct key *keys, size_t hint)
{
	double start = now();
	size_t i;

	for (i = 0; i < BUILDS; i++)
		peer->drop(peer->build(keys + i * BUILD_KEYS, BUILD_KEYS, hint));
	return (now() - start) / (BUILDS * BUILD_KEYS);
}

static void measure_builds(enum lengths lengths)
{
	struct key *keys = make_keys(lengths, 0, BUILDS * BUILD_KEYS);
	uint32_t order[NR_PEERS * NR_MODES];
	int rep, mode;
	size_t i, p;

	/* The first one is not counted. */
	for (rep = -1; rep < reps; rep++) {
		draw_order(order, NR_PEERS * NR_MODES);
		for (i = 0; i < NR_PEERS * NR_MODES; i++) {
			double ns;

			p = order[i] / NR_MODES;
			mode = order[i] % NR_MODES;
			if (mode && !peers[p]->takes_hint)
				continue;
			ns = build_and_drop(peers[p], keys, mode ? BUILD_KEYS : 0);
			if (rep >= 0)
				print_sample("build and drop", lengths, names_of_modes[mode],
					     peers[p], ns);
		}
		fflush(stdout);
	}
	free_keys(keys);
}

/* --- look up ------------------------------------------------------------------------- */

enum which {
	PRESENT,
	ABSENT,
	NR_WHICH,
};

static const char *const names_of_lookups[NR_WHICH] = { "look up present", "look up absent" };

#define NR_SIZES	(sizeof(sizes) / sizeof(*sizes))

/* Fill in @nr numbers: all numbers below @n in random order, repeated as needed. */
static struct key *draw_lookups(const struct key *keys, size_t n, size_t nr, uint64_t *sum)
{
	uint32_t *order = malloc(nr * sizeof(*order));
	struct key *copies;
	size_t i;

	if (!order)
		abort();
	*sum = 0;
	for (i = 0; i < nr; i++) {
		order[i] = i % n;
		*sum += i % n;
	}
	for (i = 0; i < nr; i += n)
		shuffle(order + i, n);
	copies = copy_keys(keys, order, nr);
	free(order);
	return copies;
}

/* Look up a part of the keys of a large map, then the next part. */
static double look_up(const struct peer *peer, void *map, const struct key *keys, size_t nr,
		      int rep, uint64_t *sum)
{
	size_t part = nr > MAX_LOOKUPS ? MAX_LOOKUPS : nr;
	double start = now();

	*sum = peer->sum(map, keys + (size_t)rep * part % nr, part);
	return (now() - start) / part;
}

static void measure_lookups(enum lengths lengths, size_t s)
{
	size_t n = sizes[s], nr = n < LOOKUPS ? LOOKUPS : n, i, p;
	struct key *keys = make_keys(lengths, 0, n), *all[NR_WHICH];
	bool is_large = nr > MAX_LOOKUPS;
	int nr_reps = is_large ? reps_of_large : reps, rep, w;
	int reps_of_build = is_large ? reps_of_large / builds_of_large : 1;
	uint64_t sums[NR_WHICH], sum;
	uint32_t order[NR_PEERS * NR_WHICH];
	void *maps[NR_PEERS];
	char size[32];
	double ns;

	snprintf(size, sizeof(size), "%zu keys", n);
	all[PRESENT] = draw_lookups(keys, n, nr, &sums[PRESENT]);
	free_keys(keys);
	keys = make_keys(lengths, n, n);
	all[ABSENT] = draw_lookups(keys, n, nr, &sums[ABSENT]);
	sums[ABSENT] = nr;
	free_keys(keys);
	keys = make_keys(lengths, 0, n);
	for (rep = 0; rep < nr_reps; rep++) {
		if (rep % reps_of_build == 0) {
			draw_order(order, NR_PEERS);
			for (i = 0; i < NR_PEERS; i++) {
				p = order[i];
				maps[p] = peers[p]->build(keys, n, n);
				/* The sums of large maps are checked here: their timed lookups cover only a part. */
				for (w = 0; is_large && !rep && w < NR_WHICH; w++) {
					sum = peers[p]->sum(maps[p], all[w], nr);
					expect(peers[p]->name, names_of_lookups[w], sum, sums[w]);
				}
			}
		}
		draw_order(order, NR_PEERS * NR_WHICH);
		for (i = 0; i < NR_PEERS * NR_WHICH; i++) {
			p = order[i] / NR_WHICH;
			w = order[i] % NR_WHICH;
			ns = look_up(peers[p], maps[p], all[w], nr, rep, &sum);
			if (!is_large)
				expect(peers[p]->name, names_of_lookups[w], sum, sums[w]);
			print_sample(names_of_lookups[w], lengths, size, peers[p], ns);
		}
		fflush(stdout);
		if (rep % reps_of_build == reps_of_build - 1) {
			draw_order(order, NR_PEERS);
			for (i = 0; i < NR_PEERS; i++)
				peers[order[i]]->drop(maps[order[i]]);
		}
	}
	for (w = 0; w < NR_WHICH; w++)
		free_keys(all[w]);
	free_keys(keys);
}

/* --- */

static int count_samples(void)
{
	int builds = 0, p;

	for (p = 0; p < NR_PEERS; p++)
		builds += peers[p]->takes_hint ? NR_MODES : 1;
	return NR_LENGTHS * (reps * builds +
			     (reps * (NR_SIZES - 1) + reps_of_large) * NR_PEERS * NR_WHICH);
}

int main(int argc, char **argv)
{
	void *volatile block;
	int option, lengths;
	size_t s;

	while ((option = getopt(argc, argv, "qs:")) >= 0) {
		if (option == 'q') {
			reps = reps_of_large = builds_of_large = 1;
			sizes[NR_SIZES - 1] = 131072;
		} else if (option == 's') {
			seed = strtoull(optarg, NULL, 0);
		} else {
			fprintf(stderr, "usage: speed [-q] [-s SEED]\n");
			return 2;
		}
	}

	/*
	 * Make glibc as fast as possible: after a block of this size has been freed, it
	 * neither returns memory at each drop nor maps each table separately. (Blocks of
	 * 32 MiB or more do not change these thresholds.)
	 */
	block = malloc(16 << 20);
	free(block);

	printf("{\"samples\": %d}\n", count_samples());
	for (lengths = 0; lengths < NR_LENGTHS; lengths++) {
		measure_builds(lengths);
		for (s = 0; s < NR_SIZES; s++)
			measure_lookups(lengths, s);
	}
	return 0;
}
