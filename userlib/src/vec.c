// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Growable arrays: the functions that resize them.
 */
#include <arena/vec.h>

#include "alloc.h"
#include "checks.h"
#include "free.h"
#include "private.h"
#include "sanitize.h"

/* Minimum room of an array, in bytes. */
#define LEAST_BYTES	((size_t)64)

static size_t bytes_of(size_t n, size_t size)
{
	size_t bytes;

	/* A product that overflows does not fit, as in arena_new_array(). */
	return __builtin_mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes;
}

/* arena_realloc() keeps no alignment beyond ARENA_ALIGN: allocate and copy instead. */
static void *try_resize(struct arena_vec *v, void *data, size_t n, size_t size, size_t align)
{
	void *new;

	if (align <= ARENA_ALIGN)
		return arena_try_realloc(v->arena, data, v->room * size, bytes_of(n, size));
	new = arena_try_alloc_aligned(v->arena, bytes_of(n, size), align);
	if (new && v->length)
		memcpy(new, data, v->length * size);
	if (new && data && private(v->arena)->checks)
		arena_poison(data, v->room * size);
	return new;
}

void *arena_vec_grow(struct arena_vec *v, void *data, size_t n, size_t size, size_t align)
{
	size_t room = 2 * v->room;
	void *new = NULL;

	if (room < LEAST_BYTES / size)
		room = LEAST_BYTES / size;
	/* Try to double the room; take only as much as is needed if memory is short. */
	if (room > n)
		new = try_resize(v, data, room, size, align);
	if (!new) {
		room = n;
		do
			new = try_resize(v, data, room, size, align);
		while (!new && arena_has_made_room(private(v->arena), bytes_of(n, size)));
	}
	if (new)
		v->room = room;
	return new;
}

/*
 * Free the unused room, if the array is the arena's last allocation. That moves its
 * elements up, which would break an alignment greater than ARENA_ALIGN. In a checked
 * arena, the array is left as it is.
 */
void *arena_vec_fit(struct arena_vec *v, void *data, size_t size, size_t align)
{
	struct arena_private *a = private(v->arena);

	if (!data || align > ARENA_ALIGN || data != top_of(a) || a->checks)
		return data;
	data = arena_try_realloc(v->arena, data, v->room * size, v->length * size);
	v->room = v->length;
	return data;
}
