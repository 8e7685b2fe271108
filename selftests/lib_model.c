// SPDX-License-Identifier: GPL-2.0-only
/*
 * libarena compared with a model that is simple enough to be right: a stack of
 * allocations, whose top moves down with each of them. A million random steps,
 * or $ARENA_STEPS; the seed is printed, and $ARENA_SEED repeats a run.
 *
 * Each allocation is filled with a byte of its own, which is checked when it is
 * freed, so that overlaps and moves are detected. The model computes the
 * address of each allocation and whether there is room for it. With
 * ARENA_CHECKED=1 there are red zones between allocations, strings are treated
 * like other allocations, and only a shrink is done in place. A second test
 * uses spans (arena_span_alloc()) whose blocks are decommitted and committed, in
 * arenas with seals and with address quarantine.
 */
#include "lib_test.h"

#include <stdio.h>

LIB_FIXTURE(lib_model)

#define STEPS		1000000
#define SPAN_STEPS	2000
#define MAX_ITEMS	4000
#define MAX_MARKS	64
#define RED_ZONE	32

struct item {
	unsigned char *memory;
	size_t size;
	unsigned char fill;
	/* Ends where the previous one begins, without alignment. */
	bool is_string;
	/* A cleanup was added after it, if has_cleanup is set. */
	struct arena_cleanup cleanup;
	bool has_cleanup;
	/* The part of a span that is decommitted. */
	bool is_span;
	size_t hole;
	size_t hole_length;
	struct model *model;
};

struct saved {
	struct arena_mark mark;
	int nr_items;
	uintptr_t top;
};

/* An arena and its expected contents. */
struct model {
	struct arena *a;
	uintptr_t end;
	uintptr_t lowest;
	uintptr_t top;
	/* The maximum size of an allocation. */
	size_t large;
	/* The bytes behind each allocation of a checked arena. */
	size_t red_zone;
	struct item items[MAX_ITEMS];
	int nr_items;
	struct saved marks[MAX_MARKS];
	int nr_marks;
	/* The item whose cleanup must run next, youngest first; -1 if there is none. */
	int next_cleanup;
	bool has_spans;
	bool is_quarantined;
	unsigned int failures;
	unsigned int nr_refused;
};

static unsigned int seed;

static size_t random_below(size_t limit)
{
	return rand_r(&seed) % limit;
}

static uintptr_t top_of_arena(const struct model *m)
{
	return (uintptr_t)m->a->base + m->a->left;
}

static void expect(struct model *m, bool holds, const char *what)
{
	if (!holds && m->failures++ < 10)
		printf("# not so: %s\n", what);
}

static int cleanup_before(const struct model *m, int i)
{
	while (i-- > 0)
		if (m->items[i].has_cleanup)
			return i;
	return -1;
}

static void run_cleanup(void *ctx)
{
	struct item *item = ctx;
	struct model *m = item->model;
	int i = item - m->items;

	expect(m, i == m->next_cleanup, "cleanups run youngest first, each once");
	expect(m, is_filled(item->memory, item->size, item->fill),
	       "memory is valid when its cleanup runs");
	item->has_cleanup = false;
	m->next_cleanup = cleanup_before(m, i);
}

/* The arena has freed the items from index nr on. */
static void forget_items(struct model *m, int nr, uintptr_t top)
{
	int i;

	for (i = nr; i < m->nr_items; i++)
		expect(m, !m->items[i].has_cleanup, "no cleanup is skipped");
	while (m->nr_marks && m->marks[m->nr_marks - 1].nr_items > nr)
		m->nr_marks--;
	m->nr_items = nr;
	m->top = top;
	expect(m, top_of_arena(m) == top, "freed memory is free");
}

static void check_items(struct model *m, int from)
{
	const struct item *item;
	size_t behind;
	int i;

	for (i = from; i < m->nr_items; i++) {
		item = &m->items[i];
		/* Two parts, if there is a hole. */
		behind = item->hole + item->hole_length;
		expect(m, is_filled(item->memory, item->hole, item->fill) &&
		       is_filled(item->memory + behind, item->size - behind, item->fill),
		       "contents are kept");
	}
}

/*
 * An empty allocation at the address of a string cannot be told from it when it
 * is resized.
 */
static bool is_taken_for_string(const struct model *m, const void *memory)
{
	const struct item *last = m->nr_items ? &m->items[m->nr_items - 1] : NULL;

	return last && last->is_string && last->memory == memory;
}

/*
 * The expected address of the next allocation. An empty one may take no space,
 * nor a red zone.
 */
static uintptr_t below(const struct model *m, size_t size, size_t align)
{
	if (!size && m->top % align == 0)
		return m->top;
	return (m->top - size - m->red_zone) & -align;
}

static void do_alloc(struct model *m)
{
	size_t rarely = m->large > MIB ? 1000 : 100;
	size_t size = random_below(rarely) ? random_below(300) : random_below(m->large);
	size_t align = random_below(4) ? 16 : (size_t)1 << random_below(13);
	uintptr_t expected;
	bool is_zeroed = !random_below(4);
	struct item *item;
	void *memory;

	if (m->nr_items == MAX_ITEMS)
		return;
	if (align < 16 || is_zeroed)
		align = 16;
	expected = below(m, size, align);
	memory = is_zeroed ? arena_zalloc(m->a, size) :
		 align == 16 && random_below(2) ? arena_alloc(m->a, size) :
						  arena_alloc_aligned(m->a, size, align);
	if (expected < m->lowest) {
		expect(m, !memory, "a limit is not passed");
		m->nr_refused++;
		return;
	}
	expect(m, memory, "there is memory up to the limit");
	if (!memory)
		return;
	expect(m, (uintptr_t)memory == expected, "an allocation has the expected address");
	if (is_zeroed)
		expect(m, is_filled(memory, size, 0), "zalloc returns zeroed memory");
	m->top = expected;
	item = &m->items[m->nr_items];
	*item = (struct item) {
		.memory = memory,
		.is_string = is_taken_for_string(m, memory),
		.size = size,
		.fill = 1 + random_below(255),
		.has_cleanup = !random_below(8),
		.model = m,
	};
	m->nr_items++;
	memset(memory, item->fill, size);
	if (item->has_cleanup) {
		arena_cleanup_add(m->a, &item->cleanup, run_cleanup, item);
		m->next_cleanup = m->nr_items - 1;
	}
}

/* The library chooses the address within an alignment. */
static void do_string(struct model *m)
{
	char text[300];
	size_t length = random_below(sizeof(text)), size = length + 1;
	uintptr_t expected = below(m, size, 16);
	unsigned char fill = 1 + random_below(255);
	char *string;

	if (m->nr_items == MAX_ITEMS)
		return;
	memset(text, fill, length);
	string = arena_strndup(m->a, text, length);
	if (!string) {
		expect(m, expected < m->lowest, "there is memory for strings up to the limit");
		return;
	}
	if (m->red_zone)
		expect(m, (uintptr_t)string == expected, "a string has the expected address");
	else
		expect(m, (uintptr_t)string + size <= m->top + 15 &&
		       (uintptr_t)string + size + 15 >= m->top, "strings lie side by side");
	expect(m, !string[length], "strings end");
	m->top = (uintptr_t)string & -(uintptr_t)16;
	expect(m, m->top >= m->lowest && m->top == top_of_arena(m),
	       "the top is below the string");
	m->items[m->nr_items++] = (struct item) {
		.memory = memset(string, fill, size),
		.size = size,
		.fill = fill,
		.is_string = true,
		.model = m,
	};
}

static void do_realloc(struct model *m)
{
	size_t size = random_below(1000);
	struct item *item;
	uintptr_t end, expected;
	void *memory;

	/*
	 * Do not resize an item that a mark has seen: a rewind would free its
	 * new memory.
	 */
	if (!m->nr_items || (m->nr_marks && m->marks[m->nr_marks - 1].nr_items == m->nr_items))
		return;
	item = &m->items[m->nr_items - 1];
	if ((uintptr_t)item->memory != m->top || item->is_span)
		return;
	end = m->top + (item->is_string ? item->size :
					  (item->size + 15) & -(size_t)16);
	if (!m->red_zone)
		expected = (end - size) & -(uintptr_t)16;
	else if (size <= item->size)
		expected = m->top;
	else
		expected = below(m, size, 16);
	memory = arena_realloc(m->a, item->memory, item->size, size);
	if (expected < m->lowest) {
		expect(m, !memory, "realloc does not pass a limit");
		return;
	}
	expect(m, (uintptr_t)memory == expected, "a resized allocation has the expected address");
	if (!memory)
		return;
	expect(m, is_filled(memory, size < item->size ? size : item->size, item->fill),
	       "realloc keeps the contents");
	item->memory = memory;
	item->size = size;
	memset(memory, item->fill, size);
	m->top = expected;
}

static void do_span(struct model *m)
{
	struct arena_span span = { .size = sizeof(span) };
	size_t length = 1 + random_below(5 * MIB);
	size_t rounded = (length + 2 * MIB - 1) & -(2 * MIB);
	uintptr_t expected = below(m, rounded, 2 * MIB);
	int err;

	if (m->nr_items == MAX_ITEMS)
		return;
	err = arena_span_alloc(m->a, length, 0, &span);
	if (expected < m->lowest) {
		expect(m, err == -ENOMEM || err == -EDQUOT, "a span passes no limit");
		m->nr_refused++;
		return;
	}
	expect(m, !err && (uintptr_t)span.memory == expected && span.length == rounded,
	       "a span has the expected address");
	if (err)
		return;
	if (span.flags & ARENA_SPAN_ZERO)
		expect(m, is_filled(span.memory, rounded, 0), "a span is zero");
	m->top = expected;
	m->items[m->nr_items] = (struct item) {
		.memory = span.memory,
		.size = rounded,
		.fill = 1 + random_below(255),
		.is_span = true,
		.model = m,
	};
	memset(span.memory, m->items[m->nr_items].fill, rounded);
	m->nr_items++;
}

/* Find a span at random, with or without a hole. */
static struct item *find_span(struct model *m, bool has_hole)
{
	struct item *item;
	int i, start;

	if (!m->nr_items)
		return NULL;
	start = random_below(m->nr_items);
	for (i = 0; i < m->nr_items; i++) {
		item = &m->items[(start + i) % m->nr_items];
		if (item->is_span && (item->hole_length != 0) == has_hole)
			return item;
	}
	return NULL;
}

static void do_decommit(struct model *m)
{
	struct item *item = find_span(m, false);
	size_t blocks, from;

	if (!item)
		return;
	blocks = item->size / (2 * MIB);
	from = random_below(blocks);
	item->hole = from * 2 * MIB;
	item->hole_length = (1 + random_below(blocks - from)) * 2 * MIB;
	expect(m, !arena_span_decommit(m->a, item->memory + item->hole, item->hole_length),
	       "blocks can be decommitted");
	check_items(m, item - m->items);
}

static void do_commit(struct model *m)
{
	struct item *item = find_span(m, true);
	unsigned char *hole;
	size_t length;

	if (!item)
		return;
	hole = item->memory + item->hole;
	length = item->hole_length;
	expect(m, !(random_below(2) ? arena_span_commit(m->a, hole, length) :
		    arena_span_commit(m->a, item->memory, item->size)),
	       "blocks can be committed");
	expect(m, is_filled(hole, length, 0), "committed blocks are zero");
	memset(hole, item->fill, length);
	item->hole = item->hole_length = 0;
	check_items(m, item - m->items);
}

static void do_save(struct model *m)
{
	if (m->nr_marks == MAX_MARKS)
		return;
	m->marks[m->nr_marks++] = (struct saved) {
		.mark = arena_save(m->a),
		.nr_items = m->nr_items,
		.top = m->top,
	};
}

static void do_rewind(struct model *m)
{
	struct saved *saved;

	if (!m->nr_marks)
		return;
	saved = &m->marks[random_below(m->nr_marks)];
	check_items(m, saved->nr_items);
	arena_rewind(m->a, saved->mark);
	/* The mark can be used again. */
	m->nr_marks = saved - m->marks + 1;
	forget_items(m, saved->nr_items, saved->top);
}

static void do_reset(struct model *m)
{
	struct arena_stats stats = stats_of(m->a);

	check_items(m, 0);
	if (random_below(2)) {
		arena_reset(m->a);
	} else {
		expect(m, !arena_release(m->a), "release succeeds");
		if (m->is_quarantined) {
			expect(m, stats.committed == 0 || top_of_arena(m) != m->end,
			       "addresses are not used again at once");
			m->lowest += top_of_arena(m) - m->end;
			m->end = top_of_arena(m);
		}
	}
	m->nr_marks = 0;
	forget_items(m, 0, m->end);
}

static void do_trim(struct model *m)
{
	expect(m, !arena_trim(m->a, random_below(8 * MIB)), "trim succeeds");
	expect(m, top_of_arena(m) == m->top, "trim frees nothing");
}

static void step(struct model *m)
{
	size_t what = random_below(1000);

	if (m->has_spans && what < 150)
		what < 50 ? do_span(m) : what < 100 ? do_decommit(m) : do_commit(m);
	else if (what < 650)
		do_alloc(m);
	else if (what < 750)
		do_string(m);
	else if (what < 880)
		do_realloc(m);
	else if (what < 960)
		do_save(m);
	else if (what < 995)
		do_rewind(m);
	else if (what < 998)
		do_trim(m);
	else
		do_reset(m);
}

static void start(struct model *m, struct arena *a)
{
	struct arena_stats stats = stats_of(a);

	memset(m, 0, sizeof(*m));
	m->a = a;
	m->next_cleanup = -1;
	m->end = m->top = top_of_arena(m);
	m->lowest = m->end - stats.limit;
	m->large = stats.limit / 2 + 1;
	m->red_zone = arena_check(a) ? RED_ZONE : 0;
}

/* Create a child, make some steps in it, and end it. */
static void live(struct model *parent, struct model *m, int steps)
{
	struct arena_mark mark = arena_save(parent->a);
	struct arena *a;

	if (arena_create_child(&a, parent->a, OPTS(.reserve = 1 + random_below(100000),
						   .limit = random_below(50000))))
		return;
	start(m, a);
	while (steps--)
		step(m);
	check_items(m, 0);
	/* It is a mistake to forget a checked child. */
	if (random_below(2) || m->red_zone)
		arena_destroy(a);
	else
		arena_rewind(parent->a, mark);
	expect(parent, m->next_cleanup == -1, "a child's cleanups run when it ends");
	expect(parent, top_of_arena(parent) == parent->top, "a child leaves nothing behind");
	parent->failures += m->failures;
	check_items(parent, 0);
}

TEST_F(lib_model, arena_with_spans_agrees_with_model)
{
	static const uint32_t flags[] = {
		0, ARENA_OPT_SEAL, ARENA_OPT_QUARANTINE, ARENA_OPT_QUARANTINE | ARENA_OPT_COUNT,
	};
	static struct model model;
	const char *text = getenv("ARENA_SEED");
	struct arena *a;
	size_t round;
	int i;

	NEED_BACKING();
	seed = text ? strtoul(text, NULL, 0) : (unsigned int)getpid() * 2654435761u;
	TH_LOG("ARENA_SEED=%u", seed);
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
						   .reserve = 24 * MIB, .limit = 20 * MIB,
						   .flags = flags[round])));
		start(&model, a);
		model.has_spans = true;
		model.is_quarantined = flags[round] & ARENA_OPT_QUARANTINE;
		for (i = 0; i < SPAN_STEPS && !model.failures; i++)
			step(&model);
		check_items(&model, 0);
		EXPECT_EQ(0, model.failures);
		TH_LOG("%d steps, %llu bytes obtained, %llu allocated, %u times refused", i,
		       (unsigned long long)stats_of(a).obtained,
		       (unsigned long long)stats_of(a).allocated, model.nr_refused);
		arena_destroy(a);
		EXPECT_EQ(-1, model.next_cleanup);
	}
}

TEST_F(lib_model, arena_agrees_with_model)
{
	/* Within a block, and across several. */
	static const size_t limits[] = { 5000, 300000, 2 * MIB + 5000, 20 * MIB };
	static struct model model, child;
	const char *text = getenv("ARENA_SEED"), *number = getenv("ARENA_STEPS");
	long steps = number ? strtol(number, NULL, 0) : STEPS;
	struct arena *a;
	long i, end = 0;
	size_t round;

	NEED_BACKING();
	seed = text ? strtoul(text, NULL, 0) : (unsigned int)getpid() * 2654435761u;
	TH_LOG("ARENA_SEED=%u ARENA_STEPS=%ld", seed, steps);
	ASSERT_LE(1000, steps);
	for (round = i = 0; round < 4; round++) {
		ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
						   .reserve = 20 * MIB,
						   .limit = limits[round])));
		start(&model, a);
		for (end += steps / 4; i < end && !model.failures; i++) {
			if (random_below(5000)) {
				step(&model);
			} else {
				live(&model, &child, 500);
				i += 500;
			}
		}
		check_items(&model, 0);
		EXPECT_EQ(0, model.failures);
		TH_LOG("%ld steps, at most %llu bytes of %zu, %u times refused%s", i,
		       (unsigned long long)stats_of(a).peak, limits[round],
		       model.nr_refused, model.red_zone ? ", checked" : "");
		arena_destroy(a);
		EXPECT_EQ(-1, model.next_cleanup);
	}
}

TEST_HARNESS_MAIN
