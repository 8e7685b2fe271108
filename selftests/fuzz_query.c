// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer on query strings: each is parsed, strictly and leniently, and
 * compared with the model. The first byte selects the maximum number of pairs
 * and whether the arena is checked.
 */
#include "fuzz_lib.h"
#include "query_model.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_arenas();
	return 0;
}

static void read_one(struct arena *a, const char *text, size_t length, size_t most,
		     uint32_t flags)
{
	static struct model_query model;
	int expected = model_parse(&model, text, length, flags), err;
	char *copy = malloc(length + !length);
	struct arena_query q;
	const char *what;

	EXPECT(copy);
	memcpy(copy, text, length);
	err = arena_query_parse(a, copy, length, most, flags, &q);
	if (err != -E2BIG)
		EXPECT(err == expected);
	else
		EXPECT(model_parse(&model, text, length, true) == 0 &&
		       most && model.nr > most);
	if (err) {
		EXPECT(q.bad == (err == -EINVAL ? model.bad : length));
		EXPECT(!memcmp(copy, text, length));
		EXPECT(!q.length && !arena_query_get(&q, ARENA_STR("a")));
	} else {
		EXPECT(!most || q.length <= most);
		what = model_differs(&model, &q, copy, length);
		if (what)
			fprintf(stderr, "it differs: %s\n", what);
		EXPECT(!what);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	struct arena *a;
	size_t most;

	if (!size || size > MODEL_BYTES)
		return 0;
	a = fuzz_arenas[*data & 1];
	most = *data >> 1;
	read_one(a, text, size - 1, most < 64 ? most : 0, 0);
	read_one(a, text, size - 1, most < 64 ? most : 0, ARENA_QUERY_LENIENT);
	arena_reset(a);
	return 0;
}
