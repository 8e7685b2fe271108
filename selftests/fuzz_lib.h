/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers that the fuzzers of libarena share. */
#ifndef FUZZ_LIB_H
#define FUZZ_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <arena/arena.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Crash if the condition is false, so that libFuzzer keeps the input. */
#define EXPECT(what) do {						\
	if (!(what)) {							\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
		abort();						\
	}								\
} while (0)

/*
 * One arena without checks and one with checks: these use different paths in
 * the library.
 */
static struct arena *fuzz_arenas[2];

static inline void make_arenas(void)
{
	/*
	 * The reserve is small, since a reset of a checked arena poisons all of
	 * it.
	 */
	struct arena_opts opts = { .size = sizeof(opts), .reserve = (size_t)16 << 20 };
	int checked;

	/* Set it for both arenas: with ASan the default is to check. */
	for (checked = 0; checked < 2; checked++) {
		EXPECT(!setenv("ARENA_CHECKED", checked ? "1" : "0", 1));
		EXPECT(!arena_create(&fuzz_arenas[checked], &opts));
		EXPECT(!arena_check(fuzz_arenas[checked]) == !checked);
	}
}

#endif /* FUZZ_LIB_H */
