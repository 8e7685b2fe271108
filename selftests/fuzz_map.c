// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer on maps, arrays and groups. The input bytes are operations, which
 * are done to these and to plain arrays with the expected contents. They are in
 * an arena and in a child of it, both with a limit that may be reached, beside
 * other allocations, whose bytes must not change.
 */
#include "fuzz_lib.h"

#include <string.h>
#include <arena/vec.h>

#define NR_KEYS		1024
#define GROUP_KEYS	64
#define GROUP_MOST	128
#define VEC_MOST	2048
#define NR_NOISES	32

struct small { uint32_t n; uint32_t unused; };
struct large { uint32_t n; char unused[36]; };
struct wide { uint32_t n; } __attribute__((aligned(64)));

ARENA_STR_MAP(strs, struct small);
ARENA_STR_MAP(copies, struct large);
ARENA_U64_MAP(numbers, struct small);
ARENA_U64_MAP(wides, struct wide);
ARENA_VEC(vec, uint32_t);
ARENA_GROUPS(groups, uint32_t);

/* --- input --------------------------------------------------------------------------- */

struct input {
	const uint8_t *at;
	const uint8_t *end;
};

static unsigned int take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static unsigned int take_key(struct input *in)
{
	unsigned int high = take(in);

	return (high << 8 | take(in)) % NR_KEYS;
}

/* --- keys ---------------------------------------------------------------------------- */

static char texts[NR_KEYS][64];
static size_t lengths[NR_KEYS];

/* Keys of all lengths that are hashed in different ways; the first one is empty. */
static void make_keys(void)
{
	size_t k, least;

	for (k = 1; k < NR_KEYS; k++) {
		memset(texts[k], 'x', sizeof(texts[k]));
		least = sprintf(texts[k], "%zu", k);
		texts[k][least] = '_';
		lengths[k] = k * 7 % 61;
		if (lengths[k] < least)
			lengths[k] = least;
	}
}

static struct arena_str str_key(unsigned int k)
{
	return arena_str_make(texts[k], lengths[k]);
}

static uint64_t u64_key(unsigned int k)
{
	return k % 3 ? k : (uint64_t)k << 48;
}

static const char *top_of(const struct arena *a)
{
	return a->base + a->left;
}

/* --- maps ---------------------------------------------------------------------------- */

struct model {
	bool there[NR_KEYS];
	uint32_t n[NR_KEYS];
	size_t length;
};

static void model_put(struct model *model, unsigned int k, uint32_t n)
{
	model->length += !model->there[k];
	model->there[k] = true;
	model->n[k] = n;
}

/* The same for each type of map. */
#define MAP_OPERATIONS(name, key_of, flags)						\
											\
struct name##_state {									\
	struct name map;								\
	struct model model;								\
	size_t reserved;								\
};											\
											\
static void name##_start(struct name##_state *s, struct arena *a, size_t expect)	\
{											\
	memset(&s->model, 0, sizeof(s->model));						\
	s->reserved = 0;								\
	if (name##_init(&s->map, a, expect, flags))					\
		EXPECT(!name##_init(&s->map, a, 0, flags));				\
	else if ((flags) == 0)								\
		s->reserved = expect;							\
}											\
											\
static void name##_look(const struct name##_state *s, unsigned int k)			\
{											\
	const __typeof__(((struct name##_entry *)0)->value) *value =			\
		name##_get(&s->map, key_of(k));						\
											\
	EXPECT(!value == !s->model.there[k]);						\
	EXPECT(!value || value->n == s->model.n[k]);					\
	EXPECT((uintptr_t)value % __alignof__(*value) == 0);				\
	EXPECT(name##_length(&s->map) == s->model.length);				\
}											\
											\
static void name##_look_at_all(const struct name##_state *s)				\
{											\
	const struct name##_entry *entry = NULL;					\
	size_t nr = 0;									\
	unsigned int k;									\
											\
	while ((entry = name##_next(&s->map, entry)))					\
		nr++;									\
	EXPECT(nr == s->model.length);							\
	for (k = 0; k < NR_KEYS; k++)							\
		name##_look(s, k);							\
}											\
											\
/* With reserved room and no deletes, a put cannot fail; only growth takes memory. */		\
static void name##_set(struct name##_state *s, unsigned int k, uint32_t n)		\
{											\
	__typeof__(((struct name##_entry *)0)->value) *value;				\
	bool is_new = !s->model.there[k], said = !is_new;				\
	const char *top = top_of(s->map.map.arena);					\
	size_t mask = s->map.map.mask;							\
											\
	value = name##_get_or_put(&s->map, key_of(k), &said);				\
	EXPECT(said == is_new);								\
	EXPECT(value || (is_new && s->model.length >= s->reserved &&			\
			 arena_error(s->map.map.arena)));				\
	EXPECT((flags) != 0 || mask != s->map.map.mask ||				\
	       top == top_of(s->map.map.arena));					\
	if (value) {									\
		EXPECT(!is_new || value->n == 0);					\
		value->n = n;								\
		model_put(&s->model, k, n);						\
	}										\
	name##_look(s, k);								\
}											\
											\
static void name##_drop(struct name##_state *s, unsigned int k, unsigned int other)	\
{											\
	const void *stays = other == k ? NULL : name##_get(&s->map, key_of(other));	\
											\
	EXPECT(name##_delete(&s->map, key_of(k)) == s->model.there[k]);			\
	if (s->model.there[k])								\
		s->reserved = 0;							\
	s->model.length -= s->model.there[k];						\
	s->model.there[k] = false;							\
	EXPECT(other == k || name##_get(&s->map, key_of(other)) == stays);		\
	name##_look(s, k);								\
}											\
											\
/* Fill the table and delete most entries: deleted slots must be reclaimed for more. */	\
static void name##_refill(struct name##_state *s, unsigned int k, unsigned int n)	\
{											\
	unsigned int i;									\
											\
	for (i = 0; i < NR_KEYS && s->map.map.left; i++)				\
		name##_set(s, (k + i) % NR_KEYS, i);					\
	for (i = 0; i < NR_KEYS; i++)							\
		if ((i + n) % 8)							\
			name##_drop(s, i, n);						\
	for (i = 0; i < 4 * n; i++)							\
		name##_set(s, (k + NR_KEYS / 2 + i) % NR_KEYS, i);			\
}											\
											\
/* Deletes during an iteration: no entry moves, and each is visited once. */		\
static void name##_drop_some(struct name##_state *s, unsigned int which)		\
{											\
	struct name##_entry *entry = NULL;						\
	size_t nr = 0, before = s->model.length;					\
	unsigned int k;									\
											\
	for (; (entry = name##_next(&s->map, entry)); nr++) {				\
		if (entry->value.n % 4 != which % 4)					\
			continue;							\
		EXPECT(name##_delete(&s->map, entry->key));				\
	}										\
	EXPECT(nr == before);								\
	s->reserved = 0;								\
	for (k = 0; k < NR_KEYS; k++) {							\
		if (!s->model.there[k] || s->model.n[k] % 4 != which % 4)		\
			continue;							\
		s->model.there[k] = false;						\
		s->model.length--;							\
	}										\
	name##_look_at_all(s);								\
}											\
											\
static void name##_operate(struct name##_state *s, struct input *in, struct arena *a)	\
{											\
	unsigned int what = take(in), k = take_key(in), n = take(in), i;		\
											\
	switch (what % 16) {								\
	case 0 ... 2:									\
		name##_set(s, k, n);							\
		break;									\
	case 3:										\
		name##_refill(s, k, n);							\
		break;									\
	case 4 ... 5:									\
		name##_drop(s, k, n);							\
		break;									\
	case 6 ... 7:									\
		for (i = 0; i < 4 * n; i++)						\
			name##_set(s, (k + i) % NR_KEYS, k + i);			\
		break;									\
	case 8 ... 9:									\
		for (i = 0; i < 4 * n; i++)						\
			name##_drop(s, (k + i) % NR_KEYS, n);				\
		break;									\
	case 10:									\
		/* There are few entries at a time, but many deletes. */		\
		for (i = 0; i < 4 * n; i++) {						\
			name##_set(s, (k + i) % NR_KEYS, i);				\
			name##_drop(s, (k + i) % NR_KEYS, k);				\
		}									\
		break;									\
	case 11:									\
		name##_drop_some(s, n);							\
		break;									\
	case 12:									\
		if (name##_reserve(&s->map, 8 * n))					\
			EXPECT(arena_error(a));						\
		else if ((flags) == 0 && s->reserved < 8 * n)				\
			s->reserved = 8 * n;						\
		break;									\
	case 13:									\
		name##_clear(&s->map);							\
		memset(&s->model, 0, sizeof(s->model));					\
		break;									\
	case 14:									\
		name##_look_at_all(s);							\
		break;									\
	case 15:									\
		name##_start(s, a, k % 4 ? 0 : 4 * n);					\
		break;									\
	}										\
}											\
											\
struct name##_has_operations

MAP_OPERATIONS(strs, str_key, 0);
MAP_OPERATIONS(copies, str_key, ARENA_MAP_COPY_KEYS);
MAP_OPERATIONS(numbers, u64_key, 0);
MAP_OPERATIONS(wides, u64_key, 0);

/* --- arrays --------------------------------------------------------------------------- */

struct vec_state {
	struct vec vec;
	uint32_t model[VEC_MOST];
	size_t length;
};

static void look_at_vec(const struct vec_state *s)
{
	EXPECT(vec_length(&s->vec) == s->length);
	EXPECT(!s->length || !memcmp(s->vec.data, s->model, s->length * sizeof(*s->model)));
}

static void append_own(struct vec_state *s, size_t from, size_t n)
{
	struct vec_slice slice = vec_slice(&s->vec, from, from + n);

	EXPECT(slice.length == (from >= s->length ? 0 :
				n < s->length - from ? n : s->length - from));
	if (s->length + slice.length > VEC_MOST)
		return;
	n = slice.length;
	if (vec_append(&s->vec, slice.data, n)) {
		EXPECT(arena_error(s->vec.vec.arena));
		return;
	}
	if (n)
		memcpy(s->model + s->length, s->model + from, n * sizeof(*s->model));
	s->length += n;
}

static void operate_on_vec(struct vec_state *s, struct input *in, struct arena *a)
{
	unsigned int what = take(in), n = take(in);
	uint32_t element = ~0u;

	switch (what % 8) {
	case 0 ... 1:
		for (; n && s->length < VEC_MOST; n--) {
			if (!vec_push(&s->vec, n * what))
				break;
			s->model[s->length++] = n * what;
		}
		break;
	case 2:
		EXPECT(vec_pop(&s->vec, &element) == (s->length > 0));
		if (s->length)
			EXPECT(element == s->model[--s->length]);
		break;
	case 3:
		vec_truncate(&s->vec, 4 * n);
		s->length = s->length < 4 * n ? s->length : 4 * n;
		break;
	case 4:
		vec_fit(&s->vec);
		break;
	case 5:
		append_own(s, take(in), n);
		break;
	case 6:
		if (vec_reserve(&s->vec, 16 * n))
			EXPECT(arena_error(a));
		break;
	case 7:
		s->length = 0;
		if (vec_init(&s->vec, a, n))
			EXPECT(!vec_init(&s->vec, a, 0));
		break;
	}
	look_at_vec(s);
}

/* --- groups --------------------------------------------------------------------------- */

struct groups_state {
	struct groups map;
	uint32_t model[GROUP_KEYS][GROUP_MOST];
	size_t length[GROUP_KEYS];
	bool there[GROUP_KEYS];
};

static void start_groups(struct groups_state *s, struct arena *a, uint32_t flags)
{
	memset(s->there, 0, sizeof(s->there));
	memset(s->length, 0, sizeof(s->length));
	EXPECT(!groups_init(&s->map, a, 0, flags));
}

static void look_at_groups(const struct groups_state *s)
{
	const struct groups_values *values;
	size_t nr = 0;
	unsigned int k;

	for (k = 0; k < GROUP_KEYS; k++) {
		values = groups_get(&s->map, str_key(k));
		EXPECT(!values == !s->there[k]);
		nr += s->there[k];
		if (!values)
			continue;
		EXPECT(groups_values_length(values) == s->length[k]);
		EXPECT(!s->length[k] || !memcmp(values->data, s->model[k],
						s->length[k] * sizeof(uint32_t)));
	}
	EXPECT(groups_length(&s->map) == nr);
}

static void add_to_group(struct groups_state *s, unsigned int k, uint32_t n)
{
	if (s->length[k] == GROUP_MOST)
		return;
	if (groups_add(&s->map, str_key(k), n)) {
		s->model[k][s->length[k]++] = n;
		s->there[k] = true;
		return;
	}
	EXPECT(arena_error(s->map.map.arena));
	/* The key may have been added, with an empty array. */
	EXPECT(!s->there[k] || groups_get(&s->map, str_key(k)));
	s->there[k] = groups_get(&s->map, str_key(k));
}

/*
 * If the merge fails, exactly those keys were moved that the old map does not
 * have any more.
 */
static void merge_groups(struct groups_state *into, struct groups_state *from)
{
	unsigned int k;
	int err;

	for (k = 0; k < GROUP_KEYS; k++)
		if (into->length[k] + from->length[k] > GROUP_MOST)
			return;
	err = groups_merge(&into->map, &from->map);
	EXPECT(!err || arena_error(into->map.map.arena) == err);
	EXPECT(err || groups_length(&from->map) == 0);
	for (k = 0; k < GROUP_KEYS; k++) {
		if (!from->there[k] || groups_get(&from->map, str_key(k)))
			continue;
		memcpy(into->model[k] + into->length[k], from->model[k],
		       from->length[k] * sizeof(uint32_t));
		into->length[k] += from->length[k];
		into->there[k] = true;
		from->length[k] = 0;
		from->there[k] = false;
	}
	look_at_groups(from);
	look_at_groups(into);
}

/* --- everything ----------------------------------------------------------------------- */

static struct {
	struct arena *base;
	struct arena *a;
	struct arena *child;
	struct strs_state strs;
	struct copies_state copies;
	struct numbers_state numbers;
	struct wides_state wides;
	struct vec_state vec;
	/* Two in the arena, one in its child. */
	struct groups_state groups[3];
	struct {
		unsigned char *memory;
		size_t size;
	} noises[NR_NOISES];
	size_t nr_noises;
} world;

static struct arena *make_child(struct arena *parent, size_t reserve)
{
	struct arena_opts opts = { .size = sizeof(opts), .reserve = reserve };
	struct arena *a;

	return arena_create_child(&a, parent, &opts) ? NULL : a;
}

/* Overwrite the child's memory: a merge from the child must not refer to it. */
static void scribble_over(struct arena *child)
{
	void *memory;

	arena_reset(child);
	while ((memory = arena_alloc(child, 64)))
		memset(memory, 0xdd, 64);
}

/* Everything in the old child ends with it. */
static void start_child(size_t reserve)
{
	struct arena *a;

	if (world.child)
		scribble_over(world.child);
	arena_destroy(world.child);
	world.child = make_child(world.a, reserve);
	a = world.child ? world.child : world.a;
	copies_start(&world.copies, a, 0);
	wides_start(&world.wides, a, 0);
	start_groups(&world.groups[2], a, 0);
	look_at_groups(&world.groups[0]);
	look_at_groups(&world.groups[1]);
}

static void make_noise(size_t size)
{
	unsigned char *memory;

	if (world.nr_noises == NR_NOISES)
		return;
	memory = arena_alloc(world.a, size);
	if (!memory)
		return;
	memset(memory, (int)world.nr_noises + 1, size);
	world.noises[world.nr_noises].memory = memory;
	world.noises[world.nr_noises++].size = size;
}

static void look_at_noises(void)
{
	size_t i, j;

	for (i = 0; i < world.nr_noises; i++)
		for (j = 0; j < world.noises[i].size; j++)
			EXPECT(world.noises[i].memory[j] == i + 1);
}

/* Create and drop maps behind all others, which must not change. */
static void make_frame(struct input *in)
{
	static struct strs_state strs;
	static struct numbers_state numbers;
	struct arena_mark mark = arena_save(world.a);
	int operations = take(in) % 16;

	strs_start(&strs, world.a, 0);
	numbers_start(&numbers, world.a, take(in));
	while (operations--) {
		strs_operate(&strs, in, world.a);
		numbers_operate(&numbers, in, world.a);
	}
	strs_look_at_all(&strs);
	numbers_look_at_all(&numbers);
	arena_rewind(world.a, mark);
}

static void operate_on_groups(struct input *in)
{
	unsigned int what = take(in), k = take(in), n = take(in), i;
	struct groups_state *s = &world.groups[what / 8 % 3];

	switch (what % 8) {
	case 0 ... 3:
		for (i = 0; i < k % 32; i++)
			add_to_group(s, (k + i * n) % GROUP_KEYS, i);
		break;
	case 4 ... 6:
		add_to_group(&world.groups[k % 3], n % GROUP_KEYS, k);
		if (s != &world.groups[k % 3])
			merge_groups(s, &world.groups[k % 3]);
		break;
	case 7:
		start_groups(s, s->map.map.arena, k % 2 ? ARENA_MAP_COPY_KEYS : 0);
		break;
	}
}

static void operate(struct input *in)
{
	struct arena *a = world.child ? world.child : world.a;
	unsigned int n;

	switch (take(in) % 10) {
	case 0:
	case 1:
		strs_operate(&world.strs, in, world.a);
		break;
	case 2:
		numbers_operate(&world.numbers, in, world.a);
		break;
	case 3:
		copies_operate(&world.copies, in, a);
		break;
	case 4:
		wides_operate(&world.wides, in, a);
		break;
	case 5:
	case 6:
		/* Several in a row, so that there is something to merge. */
		for (n = take(in) % 16; n; n--)
			operate_on_groups(in);
		break;
	case 7:
		/* Several in a row, since the last allocation grows in place. */
		for (n = take(in) % 16; n; n--)
			operate_on_vec(&world.vec, in, world.a);
		break;
	case 8:
		take(in) % 2 ? make_noise(take(in)) : start_child((size_t)64 * (64 + take_key(in)));
		break;
	case 9:
		make_frame(in);
		break;
	}
}

static void look_at_world(void)
{
	size_t i;

	strs_look_at_all(&world.strs);
	copies_look_at_all(&world.copies);
	numbers_look_at_all(&world.numbers);
	wides_look_at_all(&world.wides);
	look_at_vec(&world.vec);
	for (i = 0; i < 3; i++)
		look_at_groups(&world.groups[i]);
	look_at_noises();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_arenas();
	make_keys();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	unsigned int how = take(&in);

	memset(&world, 0, sizeof(world));
	world.base = fuzz_arenas[how & 1];
	world.a = make_child(world.base, (size_t)1 << (14 + how / 2 % 10));
	EXPECT(world.a);
	strs_start(&world.strs, world.a, 0);
	numbers_start(&world.numbers, world.a, 0);
	EXPECT(!vec_init(&world.vec.vec, world.a, 0));
	start_groups(&world.groups[0], world.a, 0);
	start_groups(&world.groups[1], world.a, 0);
	start_child((size_t)64 * (64 + how));
	while (in.at < in.end)
		operate(&in);
	look_at_world();
	arena_destroy(world.child);
	arena_destroy(world.a);
	arena_reset(world.base);
	return 0;
}
