/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Strings built piece by piece in an arena. <arena/arena.h> includes this header.
 */
#ifndef ARENA_BUF_H
#define ARENA_BUF_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct arena_buf - a buffer of bytes that grows
 * @arena: arena that the bytes are allocated from
 * @data: the bytes; their address changes when the buffer grows
 * @length: number of bytes
 * @room: number of bytes for which there is room
 * @error: 0, or the error of the first operation that failed; nothing can be appended
 *	after that
 *
 * All members except @data and @length are private. The buffer grows in place as long as
 * it is the last allocation of its arena. It may be abandoned at any time.
 */
struct arena_buf {
	struct arena *arena;
	char *data;
	size_t length;
	size_t room;
	int error;
};

/**
 * arena_buf_begin - start an empty buffer
 * @buf: buffer to initialize
 * @a: arena to allocate from
 * @room: expected number of bytes, or 0 if unknown
 *
 * Return: 0; or -ENOMEM if @room is too large to be counted; or the error that
 * arena_error() returns. @buf->error is set to the same value.
 */
int arena_buf_begin(struct arena_buf *buf, struct arena *a, size_t room);

/**
 * arena_buf_append - append bytes
 * @buf: buffer to append to
 * @bytes: bytes to append; may be part of @buf->data
 * @size: number of bytes
 *
 * Return: 0, or @buf->error with nothing appended.
 */
int arena_buf_append(struct arena_buf *buf, const void *bytes, size_t size);

/**
 * arena_buf_printf - append a formatted string, without its NUL
 * @buf: buffer to append to
 * @format: format, as for printf(3); no argument may be part of @buf->data
 *
 * Return: 0, or @buf->error with nothing appended.
 */
__attribute__((format(printf, 2, 3)))
int arena_buf_printf(struct arena_buf *buf, const char *format, ...);

/**
 * arena_buf_vprintf - append a formatted string, without its NUL
 * @buf: buffer to append to
 * @format: format, as for printf(3); no argument may be part of @buf->data
 * @args: arguments of the format
 *
 * Return: 0, or @buf->error with nothing appended.
 */
__attribute__((format(printf, 2, 0)))
int arena_buf_vprintf(struct arena_buf *buf, const char *format, va_list args);

/**
 * arena_buf_finish - append a NUL and give back unused room
 * @buf: the buffer; must not be used afterwards
 * @length: set to the number of bytes without the NUL; may be NULL
 *
 * Return: the bytes, aligned to ARENA_ALIGN; or NULL if an earlier operation on @buf
 * failed.
 */
ARENA_NODISCARD
char *arena_buf_finish(struct arena_buf *buf, size_t *length);

#ifdef __cplusplus
}
#endif

#endif /* ARENA_BUF_H */
