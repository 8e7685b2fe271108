// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Allocations that take more than a bump: zeroed memory, resizing, strings and buffers.
 *
 * The last allocation ends at the previous top, or less than ARENA_ALIGN below it. It is
 * resized by allocating again from its end and moving its contents. A string ends where
 * the previous string starts, so a resized string still counts as a string.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "checks.h"
#include "fork.h"
#include "free.h"
#include "private.h"
#include "range.h"
#include "sanitize.h"

/* Minimum room of a buffer. */
#define LEAST_ROOM	((size_t)64)

/* --- the slow path ----------------------------------------------------------- */

bool arena_has_made_room(struct arena_private *a, size_t size)
{
	return a->oom && a->oom(&a->pub, size, a->error, a->oom_ctx);
}

void *arena_try_alloc_slow(struct arena *pub, size_t size, size_t align)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;
	char *memory;

	check_use(a, "arena_alloc");
	a->stats.slow++;
	if (!arena_is_alignment(align)) {
		a->error = -EINVAL;
		a->stats.failures++;
		return NULL;
	}
	if (align < ARENA_ALIGN)
		align = ARENA_ALIGN;
	memory = a->checks ? arena_checks_alloc(a, size, align) :
			     arena_cut(a, top_of(a), size, align);
	if (memory)
		count(a, size);
	errno = saved_errno;
	return memory;
}

void *arena_alloc_slow(struct arena *a, size_t size, size_t align)
{
	void *memory;

	do
		memory = arena_try_alloc_slow(a, size, align);
	while (!memory && arena_has_made_room(private(a), size));
	return memory;
}

int arena_error(const struct arena *a)
{
	return const_private(a)->error;
}

void arena_set_oom(struct arena *a, arena_oom_fn *fn, void *ctx)
{
	check_use(private(a), "arena_set_oom");
	private(a)->oom = fn;
	private(a)->oom_ctx = ctx;
}

/* --- zeroed memory --------------------------------------------------------- */

/* Zero memory, except the part below @clean, which is known to be zero. */
static void *zero(const struct arena_private *a, char *memory, size_t size)
{
	size_t skipped = 0;

	if (!memory)
		return NULL;
	if (memory < a->clean)
		skipped = a->clean - memory;
	if (skipped < size)
		memset(memory + skipped, 0, size - skipped);
	if (a->checks)
		arena_make_defined(memory, size);
	return memory;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	return zero(private(a), arena_alloc(a, size), size);
}

void *arena_try_zalloc(struct arena *a, size_t size)
{
	return zero(private(a), arena_try_alloc(a, size), size);
}

/* --- resizing ---------------------------------------------------------------- */

/* Return the end of the last allocation: strings are adjacent, others are padded. */
static char *end_of_last(const struct arena_private *a, char *memory, size_t size)
{
	return a->packed == memory ? memory + size :
		memory + ((size + ARENA_ALIGN - 1) & -ARENA_ALIGN);
}

/* Resize the last allocation in place: its end stays where it is. */
static void *resize_last(struct arena_private *a, char *old, size_t old_size,
			 size_t new_size)
{
	char *end = end_of_last(a, old, old_size), *new;
	bool is_string = a->packed == old;
	size_t more;

	if (new_size <= old_size) {
		new = align_down(end - new_size, ARENA_ALIGN);
		memmove(new, old, new_size);
		if (new > old)
			arena_raise_top(a, new, a->packed, "arena_realloc");
	} else {
		more = ((new_size + ARENA_ALIGN - 1) & -ARENA_ALIGN) - (end - old);
		/* Bump as arena_alloc() does. In an idle arena, left is 0. */
		if (!is_string && new_size <= SIZE_MAX / 2 && more < a->pub.left && !is_foreign(a)) {
			a->pub.left -= more;
			new = old - more;
		} else {
			new = arena_cut(a, end, new_size, ARENA_ALIGN);
			if (!new)
				return NULL;
		}
		if (a->is_counted)
			a->stats.asked += new_size - old_size;
		memmove(new, old, old_size);
	}
	if (is_string)
		a->packed = new;
	/* Handles of the old place are stale: the contents have moved. */
	if (a->epochs.is_kept)
		arena_note_epoch(a, a->range.end - end);
	return new;
}

void *arena_try_realloc(struct arena *a, void *memory, size_t old_size, size_t new_size)
{
	struct arena_private *private_a = private(a);
	int saved_errno = errno;
	void *new;

	check_use(private_a, "arena_realloc");
	if (memory && memory == top_of(private_a) && !private_a->checks) {
		new = resize_last(private_a, memory, old_size, new_size);
		errno = saved_errno;
		return new;
	}
	if (memory && new_size <= old_size)
		return memory;
	new = arena_try_alloc(a, new_size);
	if (new && memory) {
		memcpy(new, memory, old_size);
		if (private_a->checks)
			arena_poison(memory, old_size);
	}
	return new;
}

void *arena_realloc(struct arena *a, void *memory, size_t old_size, size_t new_size)
{
	void *new;

	do
		new = arena_try_realloc(a, memory, old_size, new_size);
	while (!new && arena_has_made_room(private(a), new_size));
	return new;
}

/* --- strings --------------------------------------------------------------------- */

void *arena_memdup(struct arena *a, const void *memory, size_t size)
{
	void *copy = arena_alloc(a, size);

	return copy && size ? memcpy(copy, memory, size) : copy;
}

/* Allocate bytes, directly below the last allocation if that is a string. */
static char *alloc_string(struct arena *pub, size_t size)
{
	struct arena_private *a = private(pub);
	int saved_errno = errno;
	char *memory, *end;

	if (a->checks)
		return arena_alloc(pub, size);
	do {
		end = top_of(a);
		if (a->packed && align_down(a->packed, ARENA_ALIGN) == end)
			end = a->packed;
		memory = arena_cut(a, end, size, 1);
	} while (!memory && arena_has_made_room(a, size));
	errno = saved_errno;
	if (memory) {
		a->packed = memory;
		count(a, size);
	}
	return memory;
}

char *arena_copy_bytes(struct arena *a, const char *string, size_t length)
{
	char *copy = alloc_string(a, length + 1);

	if (!copy)
		return NULL;
	if (length)
		memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}

char *arena_strdup(struct arena *a, const char *string)
{
	return arena_copy_bytes(a, string, strlen(string));
}

char *arena_strndup(struct arena *a, const char *string, size_t max)
{
	return arena_copy_bytes(a, string, strnlen(string, max));
}

/* Most strings are short and are formatted once; longer ones are formatted twice. */
char *arena_vprintf(struct arena *a, const char *format, va_list args)
{
	int saved_errno = errno, length;
	char text[256], *string;
	va_list again;

	va_copy(again, args);
	length = vsnprintf(text, sizeof(text), format, args);
	errno = saved_errno;
	if (length < 0) {
		private(a)->error = -EINVAL;
		private(a)->stats.failures++;
		string = NULL;
	} else if ((size_t)length < sizeof(text)) {
		string = arena_copy_bytes(a, text, length);
	} else {
		string = alloc_string(a, (size_t)length + 1);
		if (string)
			vsnprintf(string, (size_t)length + 1, format, again);
	}
	va_end(again);
	return string;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *string;

	va_start(args, format);
	string = arena_vprintf(a, format, args);
	va_end(args);
	return string;
}

/* --- buffers ------------------------------------------------------------------------ */

/* Make room for @more bytes and a NUL. */
static int make_room(struct arena_buf *buf, size_t more)
{
	size_t needed, room = buf->room;
	char *data;

	if (buf->error)
		return buf->error;
	if (__builtin_add_overflow(buf->length + 1, more, &needed))
		return buf->error = -ENOMEM;
	if (needed <= room)
		return 0;
	/* Double the room, or take as much as is needed if that is more. */
	if (room < LEAST_ROOM / 2)
		room = LEAST_ROOM / 2;
	if (__builtin_mul_overflow(room, (size_t)2, &room) || room < needed)
		room = needed;
	data = arena_realloc(buf->arena, buf->data, buf->room, room);
	if (!data)
		return buf->error = arena_error(buf->arena);
	buf->data = data;
	buf->room = room;
	return 0;
}

int arena_buf_begin(struct arena_buf *buf, struct arena *a, size_t room)
{
	*buf = (struct arena_buf) { .arena = a };
	return make_room(buf, room);
}

int arena_buf_append(struct arena_buf *buf, const void *bytes, size_t size)
{
	uintptr_t offset = (uintptr_t)bytes - (uintptr_t)buf->data;
	bool is_own = offset < buf->length;
	int err = make_room(buf, size);

	if (err)
		return err;
	if (is_own)
		bytes = buf->data + offset;
	if (size)
		memmove(buf->data + buf->length, bytes, size);
	buf->length += size;
	return 0;
}

int arena_buf_vprintf(struct arena_buf *buf, const char *format, va_list args)
{
	int saved_errno = errno, length, err = buf->error;
	va_list again;

	if (err)
		return err;
	va_copy(again, args);
	length = vsnprintf(buf->data + buf->length, buf->room - buf->length, format, args);
	errno = saved_errno;
	if (length < 0) {
		err = buf->error = -EINVAL;
	} else if ((size_t)length >= buf->room - buf->length) {
		err = make_room(buf, length);
		if (!err)
			vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
	}
	if (!err)
		buf->length += length;
	va_end(again);
	return err;
}

int arena_buf_printf(struct arena_buf *buf, const char *format, ...)
{
	va_list args;
	int err;

	va_start(args, format);
	err = arena_buf_vprintf(buf, format, args);
	va_end(args);
	return err;
}

char *arena_buf_finish(struct arena_buf *buf, size_t *length)
{
	if (buf->error)
		return NULL;
	buf->data[buf->length] = '\0';
	if (length)
		*length = buf->length;
	return arena_try_realloc(buf->arena, buf->data, buf->room, buf->length + 1);
}
