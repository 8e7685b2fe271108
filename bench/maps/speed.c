// SPDX-License-Identifier: GPL-2.0-only
/*
 * speed - how long it takes to build and drop maps, and to look keys up, beside other maps.
 *
 *	speed [-q] [-s SEED]
 *
 * -q		once over, to see that all agree; the figures mean little
 * -s SEED	of the orders in which things are done (1)
 *
 * All maps are from strings to 64-bit numbers, and have their keys for themselves.
 *
 * Build and drop: a map of 1,024 keys is built and freed, then one of other keys, so that
 * nobody learns by heart where a key goes.
 * Look up: keys that are there, and keys that are not, all in random order, of copies that
 * lie in that order, so that what is measured is the map and not who brings the keys. Maps
 * were built with a hint then, where they take one.
 *
 * Time is that of the CPU, so that it matters little what else the machine has to do; it
 * still shares caches and memory. In each repetition all maps take their turn, in an order
 * that is drawn anew. What is printed is the median of the times, and the median of the ratios
 * to the arena's time in the same repetition, with the 95 % interval that a bootstrap gives
 * it. So with a ratio of more than 1 it is slower than the arena. The status is 0 if the bars
 * are met, and with -q if all maps gave the sums that they should.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "maps.h"

#define MAX_REPS	64
#define RESAMPLES	1000
#define BUILD_KEYS	((size_t)1024)
/* Maps that are built and dropped, and keys that are looked up, in a repetition. */
#define BUILDS		64
#define LOOKUPS		((size_t)65536)
#define MAX_LOOKUPS	((size_t)262144)

static const struct peer *const peers[NR_PEERS] = PEERS;
static size_t sizes[] = { 1024, 65536, 1048576 };

static int reps = 31;
/* Of a map that is large: how often it is built for that. */
static int reps_of_large = 15, builds_of_large = 3;
static bool quick;
static uint64_t seed = 1;
static int failures;

struct ratio {
	double median;
	double low;
	double high;
};

/* Nanoseconds of each repetition, for a key. */
struct sample {
	double ns[MAX_REPS];
	int n;
};

/* What the process had of the CPU, the kernel's work for it included, and nobody else's. */
static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_of(double *values, int n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double median(const struct sample *sample)
{
	double values[MAX_REPS];

	memcpy(values, sample->ns, sizeof(values));
	return median_of(values, sample->n);
}

static struct ratio ratio(const struct sample *sample, const struct sample *to)
{
	double ratios[MAX_REPS], drawn[MAX_REPS], medians[RESAMPLES];
	struct ratio result;
	int i, j;

	for (i = 0; i < sample->n; i++)
		ratios[i] = sample->ns[i] / to->ns[i];
	for (i = 0; i < RESAMPLES; i++) {
		for (j = 0; j < sample->n; j++)
			drawn[j] = ratios[next_random(&seed) % sample->n];
		medians[i] = median_of(drawn, sample->n);
	}
	qsort(medians, RESAMPLES, sizeof(*medians), compare);
	result.low = medians[RESAMPLES / 40];
	result.high = medians[RESAMPLES - 1 - RESAMPLES / 40];
	result.median = median_of(ratios, sample->n);
	return result;
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
	printf("%s: the sum of %s is %" PRIu64 ", not %" PRIu64 "\n", name, what, sum, expected);
	exit(1);
}

/* --- bars -------------------------------------------------------------------------- */

/* Whether the others take so many times the arena's time; "close" if the interval says so. */
static void bar(const char *what, struct ratio ratio, double least)
{
	bool met = ratio.median >= least;

	printf("  %-6s %-60s %5.2f [%.2f, %.2f], at least %.2f\n",
	       met ? "met" : ratio.high >= least ? "close" : "MISSED", what, ratio.median,
	       ratio.low, ratio.high, least);
	failures += !met;
}

/* Which of the others takes least time, of those with or without a hint. */
static int fastest(const struct sample *samples, bool hinted)
{
	int i, best = 1;

	for (i = 1; i < NR_PEERS; i++)
		if ((!hinted || peers[i]->takes_hint) &&
		    median(&samples[i]) < median(&samples[best]))
			best = i;
	return best;
}

/* --- build and drop ----------------------------------------------------------------- */

/* Grown from nothing, or reserved by a hint. */
#define NR_MODES	2

static struct sample builds[NR_LENGTHS][NR_MODES][NR_PEERS];

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
			struct sample *sample;
			double ns;

			p = order[i] / NR_MODES;
			mode = order[i] % NR_MODES;
			if (mode && !peers[p]->takes_hint)
				continue;
			ns = build_and_drop(peers[p], keys, mode ? BUILD_KEYS : 0);
			sample = &builds[lengths][mode][p];
			if (rep >= 0)
				sample->ns[sample->n++] = ns;
		}
	}
	free_keys(keys);
}

static void report_builds(void)
{
	int mode, lengths, p;

	for (mode = 0; mode < NR_MODES; mode++) {
		printf("Build and drop %zu keys, %s: ns for each, and times the arena's\n\n%-28s",
		       BUILD_KEYS, mode ? "with a hint" : "grown from nothing", "keys of");
		for (lengths = 0; lengths < NR_LENGTHS; lengths++)
			printf("%28s", names_of_lengths[lengths]);
		printf("\n");
		for (p = 0; p < NR_PEERS; p++) {
			if (mode && !peers[p]->takes_hint)
				continue;
			printf("%-28s", peers[p]->name);
			for (lengths = 0; lengths < NR_LENGTHS; lengths++) {
				struct sample *samples = builds[lengths][mode];
				struct ratio r = ratio(&samples[p], &samples[0]);

				printf("%8.1f %5.2f [%5.2f, %5.2f]", median(&samples[p]), r.median,
				       r.low, r.high);
			}
			printf("\n");
		}
		printf("\n");
	}
}

static void check_builds(void)
{
	static const struct peer *const slow[] = { &glib_peer, &std_peer, &uthash_peer };
	char what[128];
	int lengths, mode, p;
	size_t i;

	for (lengths = 0; lengths < NR_LENGTHS; lengths++) {
		printf("Build and drop, keys of %s\n", names_of_lengths[lengths]);
		for (p = 1; p < NR_PEERS; p++)
			for (i = 0; i < sizeof(slow) / sizeof(*slow); i++) {
				if (peers[p] != slow[i])
					continue;
				snprintf(what, sizeof(what), "%s against the arena with a hint",
					 peers[p]->name);
				bar(what, ratio(&builds[lengths][0][p], &builds[lengths][1][0]),
				    6.3);
			}
		for (mode = 0; mode < NR_MODES; mode++) {
			struct sample *samples = builds[lengths][mode];
			const char *how = mode ? "with a hint" : "grown";

			snprintf(what, sizeof(what), "%s, %s", peers[1]->name, how);
			bar(what, ratio(&samples[1], &samples[0]), 1);
			p = fastest(samples, mode);
			snprintf(what, sizeof(what), "the best, %s, %s", peers[p]->name, how);
			bar(what, ratio(&samples[p], &samples[0]), 1);
		}
	}
}

/* --- look up ------------------------------------------------------------------------- */

enum which {
	PRESENT,
	ABSENT,
	NR_WHICH,
};

static const char *const names_of_which[NR_WHICH] = { "present", "absent" };

#define NR_SIZES	(sizeof(sizes) / sizeof(*sizes))

static struct sample lookups[NR_LENGTHS][NR_SIZES][NR_WHICH][NR_PEERS];

/* Every number less than @n, in random order, as often as it takes to be @nr. */
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

/* Of a large map, a part of all keys, and then the next. */
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
	struct sample (*samples)[NR_PEERS] = lookups[lengths][s];
	size_t n = sizes[s], nr = n < LOOKUPS ? LOOKUPS : n, i, p;
	struct key *keys = make_keys(lengths, 0, n), *all[NR_WHICH];
	bool is_large = nr > MAX_LOOKUPS;
	int nr_reps = is_large ? reps_of_large : reps, rep, w;
	int reps_of_build = is_large ? reps_of_large / builds_of_large : 1;
	uint64_t sums[NR_WHICH], sum;
	uint32_t order[NR_PEERS * NR_WHICH];
	void *maps[NR_PEERS];

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
				/* Else what is timed adds up all of them. */
				for (w = 0; is_large && !rep && w < NR_WHICH; w++) {
					sum = peers[p]->sum(maps[p], all[w], nr);
					expect(peers[p]->name, names_of_which[w], sum, sums[w]);
				}
			}
		}
		draw_order(order, NR_PEERS * NR_WHICH);
		for (i = 0; i < NR_PEERS * NR_WHICH; i++) {
			p = order[i] / NR_WHICH;
			w = order[i] % NR_WHICH;
			samples[w][p].ns[rep] = look_up(peers[p], maps[p], all[w], nr, rep, &sum);
			if (!is_large)
				expect(peers[p]->name, names_of_which[w], sum, sums[w]);
		}
		if (rep % reps_of_build == reps_of_build - 1) {
			draw_order(order, NR_PEERS);
			for (i = 0; i < NR_PEERS; i++)
				peers[order[i]]->drop(maps[order[i]]);
		}
	}
	for (w = 0; w < NR_WHICH; w++) {
		for (p = 0; p < NR_PEERS; p++)
			samples[w][p].n = nr_reps;
		free_keys(all[w]);
	}
	free_keys(keys);
}

static void report_lookups(void)
{
	size_t s;
	int lengths, w, p;

	for (s = 0; s < NR_SIZES; s++) {
		for (w = 0; w < NR_WHICH; w++) {
			printf("Look up %s keys among %zu: ns for each, and times the arena's\n\n",
			       names_of_which[w], sizes[s]);
			printf("%-28s", "keys of");
			for (lengths = 0; lengths < NR_LENGTHS; lengths++)
				printf("%28s", names_of_lengths[lengths]);
			printf("\n");
			for (p = 0; p < NR_PEERS; p++) {
				printf("%-28s", peers[p]->name);
				for (lengths = 0; lengths < NR_LENGTHS; lengths++) {
					struct sample *samples = lookups[lengths][s][w];
					struct ratio r = ratio(&samples[p], &samples[0]);

					printf("%8.1f %5.2f [%5.2f, %5.2f]", median(&samples[p]),
					       r.median, r.low, r.high);
				}
				printf("\n");
			}
			printf("\n");
		}
	}
}

static void check_lookups(void)
{
	char what[128];
	int lengths, w, p;
	size_t s;

	for (lengths = 0; lengths < NR_LENGTHS; lengths++) {
		printf("Look up, keys of %s\n", names_of_lengths[lengths]);
		for (s = 0; s < NR_SIZES; s++)
			for (w = 0; w < NR_WHICH; w++) {
				struct sample *samples = lookups[lengths][s][w];

				p = fastest(samples, false);
				snprintf(what, sizeof(what), "%s among %zu, the best: %s",
					 names_of_which[w], sizes[s], peers[p]->name);
				bar(what, ratio(&samples[p], &samples[0]), 1 / 1.1);
			}
	}
}

/* --- */

int main(int argc, char **argv)
{
	int option, lengths;
	uint64_t of_seed;
	void *volatile block;
	double start;
	size_t s;

	while ((option = getopt(argc, argv, "qs:")) >= 0) {
		if (option == 'q') {
			quick = true;
			reps = reps_of_large = builds_of_large = 1;
			sizes[NR_SIZES - 1] = 131072;
		} else if (option == 's') {
			seed = strtoull(optarg, NULL, 0);
		} else {
			fprintf(stderr, "usage: speed [-q] [-s SEED]\n");
			return 2;
		}
	}
	of_seed = seed;

	/*
	 * glibc at its best: from now on it neither gives memory back at each drop nor maps
	 * each table, as in a program that has once freed a block of this size.
	 */
	block = malloc(32 << 20);
	free(block);

	start = now();
	for (lengths = 0; lengths < NR_LENGTHS; lengths++) {
		measure_builds(lengths);
		for (s = 0; s < NR_SIZES; s++)
			measure_lookups(lengths, s);
	}
	if (quick) {
		printf("all %d maps agree\n", NR_PEERS);
		return 0;
	}
	printf("%d repetitions, %d of the largest maps; seed %" PRIu64 "; %.0f s of the CPU\n\n",
	       reps, reps_of_large, of_seed, (now() - start) / 1e9);
	report_builds();
	report_lookups();
	printf("Bars: how many times the arena's time the others take\n\n");
	check_builds();
	check_lookups();
	return failures ? 1 : 0;
}
