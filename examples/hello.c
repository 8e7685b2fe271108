/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#include <stdio.h>
#include <arena/arena.h>

int main(void)
{
	struct arena *a;

	if (arena_create(&a, NULL))
		return 1;
	for (int request = 0; request < 3; request++) {
		char *name = arena_strdup(a, "world");
		int *squares = arena_alloc(a, 1000 * sizeof(*squares));

		if (!name || !squares)
			return 1;
		for (int i = 0; i < 1000; i++)
			squares[i] = i * i;
		printf("hello %s, %d\n", name, squares[request + 10]);
		arena_reset(a);		/* frees name, squares and all else */
	}
	arena_destroy(a);
}
