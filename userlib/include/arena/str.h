/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Strings in arenas: a pointer and a length, so that a part of a string is a string, and
 * nothing has to be copied or ended with a NUL to be one.
 *
 * A string owns nothing: it is good as long as the memory it points into. Any byte may be
 * in one, NUL too. Functions that return strings and can fail return one whose @data is
 * NULL then, and its @length nothing; the empty string's @data is not NULL.
 */
#ifndef ARENA_STR_H
#define ARENA_STR_H

#include <stdbool.h>
#include <string.h>
#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct arena_str - a string
 * @data: its first byte
 * @length: bytes
 */
struct arena_str {
	const char *data;
	size_t length;
};

/** ARENA_STR_NONE - what arena_str_find() says of what is not there */
#define ARENA_STR_NONE	SIZE_MAX

/**
 * arena_str_make - the string of bytes
 * @data: the first of them, not NULL
 * @length: how many
 *
 * Return: it.
 */
ARENA_INLINE struct arena_str arena_str_make(const char *data, size_t length)
{
	struct arena_str s;

	s.data = data;
	s.length = length;
	return s;
}

/**
 * arena_str_of - the string up to a NUL
 * @text: it
 *
 * Return: it, without the NUL.
 */
ARENA_INLINE struct arena_str arena_str_of(const char *text)
{
	return arena_str_make(text, strlen(text));
}

/**
 * ARENA_STR() - the string of a literal
 * @literal: it; NUL bytes within it count
 */
#define ARENA_STR(literal)	arena_str_make("" literal, sizeof(literal) - 1)

/* Words of memory, wherever they are. */
ARENA_INLINE uint64_t arena_load_64(const char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

ARENA_INLINE uint32_t arena_load_32(const char *from)
{
	uint32_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

/*
 * Most that are compared are short, and a call takes longer than to look at these: by
 * words that overlap.
 */
ARENA_INLINE bool arena_bytes_equal(const char *a, const char *b, size_t n)
{
	if (n > 16)
		return !memcmp(a, b, n);
	if (n >= 8)
		return !((arena_load_64(a) ^ arena_load_64(b)) |
			 (arena_load_64(a + n - 8) ^ arena_load_64(b + n - 8)));
	if (n >= 4)
		return !((arena_load_32(a) ^ arena_load_32(b)) |
			 (arena_load_32(a + n - 4) ^ arena_load_32(b + n - 4)));
	return !n || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

/* Likewise. */
ARENA_INLINE void arena_bytes_copy(char *to, const char *from, size_t n)
{
	uint64_t first, last;

	if (n > 16) {
		memcpy(to, from, n);
	} else if (n >= 8) {
		first = arena_load_64(from);
		last = arena_load_64(from + n - 8);
		memcpy(to, &first, sizeof(first));
		memcpy(to + n - 8, &last, sizeof(last));
	} else {
		while (n--)
			to[n] = from[n];
	}
}

/**
 * arena_str_equal - whether two strings are the same
 * @a: one
 * @b: the other
 *
 * Return: whether they have the same bytes.
 */
ARENA_INLINE bool arena_str_equal(struct arena_str a, struct arena_str b)
{
	return a.length == b.length && arena_bytes_equal(a.data, b.data, a.length);
}

/**
 * arena_str_compare - which of two strings comes first
 * @a: one
 * @b: the other
 *
 * Return: less than, equal to or greater than 0 if @a comes before, is or comes after @b, by
 * their bytes, which are unsigned; what a longer one begins with comes before it.
 */
ARENA_INLINE int arena_str_compare(struct arena_str a, struct arena_str b)
{
	size_t shorter = a.length < b.length ? a.length : b.length;
	int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

	return order ? order : (a.length > b.length) - (a.length < b.length);
}

/**
 * arena_str_slice - a part of a string
 * @s: the string
 * @from: where it begins
 * @to: where it ends, one past its last byte
 *
 * Return: it, nothing copied; shorter or empty where the string has no such bytes.
 */
ARENA_INLINE struct arena_str arena_str_slice(struct arena_str s, size_t from, size_t to)
{
	if (to > s.length)
		to = s.length;
	if (from > to)
		from = to;
	return arena_str_make(s.data + from, to - from);
}

/**
 * arena_str_starts_with - whether a string begins with another
 * @s: the string
 * @prefix: the other
 *
 * Return: whether it does.
 */
ARENA_INLINE bool arena_str_starts_with(struct arena_str s, struct arena_str prefix)
{
	return s.length >= prefix.length &&
	       arena_bytes_equal(s.data, prefix.data, prefix.length);
}

/**
 * arena_str_ends_with - whether a string ends with another
 * @s: the string
 * @suffix: the other
 *
 * Return: whether it does.
 */
ARENA_INLINE bool arena_str_ends_with(struct arena_str s, struct arena_str suffix)
{
	return s.length >= suffix.length &&
	       arena_bytes_equal(s.data + (s.length - suffix.length), suffix.data,
				 suffix.length);
}

/**
 * arena_str_find - where a string is in another
 * @s: the other
 * @what: the string
 *
 * Return: offset in bytes of the first place; 0 for the empty string; or ARENA_STR_NONE.
 */
size_t arena_str_find(struct arena_str s, struct arena_str what);

/**
 * arena_str_cut - cut a string in two at a byte
 * @s: the string
 * @at: the byte
 * @before: set to what is before the first such byte, or all of it
 * @after: set to what is behind it, or to the empty string at its end
 *
 * Return: whether there is such a byte.
 */
ARENA_INLINE bool arena_str_cut(struct arena_str s, char at, struct arena_str *before,
				 struct arena_str *after)
{
	const char *found = s.length ? (const char *)memchr(s.data, at, s.length) : NULL;
	size_t length = found ? (size_t)(found - s.data) : s.length;

	*before = arena_str_make(s.data, length);
	*after = arena_str_slice(s, length + !!found, s.length);
	return found != NULL;
}

/**
 * arena_str_split - the next part of a string
 * @rest: what is left of it; set to what is left then. Its @data is NULL at the end.
 * @at: the byte between parts
 * @part: set to the part, which may be empty
 *
 * So n such bytes make n + 1 parts, and the empty string one.
 *
 * Return: whether there was another part.
 */
ARENA_INLINE bool arena_str_split(struct arena_str *rest, char at, struct arena_str *part)
{
	if (!rest->data)
		return false;
	if (!arena_str_cut(*rest, at, part, rest))
		rest->data = NULL;
	return true;
}

/**
 * arena_str_trim - a string without white space at its ends
 * @s: the string
 *
 * Return: it, nothing copied. White space is what isspace(3) says in the C locale.
 */
struct arena_str arena_str_trim(struct arena_str s);

/**
 * arena_str_dup - copy a string
 * @a: where to
 * @s: the string
 *
 * As arena_strndup() does: copies lie side by side, and each ends with a NUL, which is not
 * counted.
 *
 * Return: the copy, whose @data is NULL if there is no memory.
 */
ARENA_NODISCARD
struct arena_str arena_str_dup(struct arena *a, struct arena_str s);

/**
 * arena_str_to_int64 - read a number
 * @s: the string: digits, behind a sign or not, and nothing else
 * @value: set to the number
 *
 * Return: 0; or -EINVAL if it is none, or -ERANGE if it does not fit: @value is as it was.
 */
ARENA_NODISCARD
int arena_str_to_int64(struct arena_str s, int64_t *value);

/**
 * arena_str_to_double - read a number
 * @s: the string: digits, with a point and digits behind it and an exponent or not, behind
 *	a sign or not, and nothing else; in any locale
 * @value: set to the number, the nearest there is
 *
 * Return: 0; or -EINVAL if it is none, or -ERANGE if it is too large, or longer than 1,000
 * bytes: @value is as it was.
 */
ARENA_NODISCARD
int arena_str_to_double(struct arena_str s, double *value);

/**
 * arena_str_to_bool - read whether
 * @s: the string: "true" or "false"
 * @value: set to it
 *
 * Return: 0; or -EINVAL if it is neither: @value is as it was.
 */
ARENA_NODISCARD
int arena_str_to_bool(struct arena_str s, bool *value);

/* How to decode. */

/* A plus is a blank, as in forms. */
#define ARENA_DECODE_PLUS	(1u << 0)
/* What is no escape is text, as browsers have it. */
#define ARENA_DECODE_LENIENT	(1u << 1)

/**
 * arena_percent_decode - decode percent-encoding in place
 * @data: the bytes; what is decoded is written here
 * @length: how many; set to how many there are then, never more
 * @flags: ARENA_DECODE_PLUS and so on
 *
 * %00 is a NUL byte, and every other escape a byte like it.
 *
 * Return: 0; or -EINVAL, with @data as it was, if there is an unknown flag, or a % without
 * two hexadecimal digits: @length is set to the offset of that.
 */
ARENA_NODISCARD
int arena_percent_decode(char *data, size_t *length, uint32_t flags);

/**
 * arena_str_decode - decode a percent-encoded string
 * @a: where to, if there is anything to decode
 * @s: the string
 * @flags: ARENA_DECODE_PLUS and so on
 * @decoded: set to the string, @s itself if there is nothing to decode
 *
 * A string other than @s has a NUL behind it that is not counted.
 *
 * Return: 0; or, with @decoded as it was, -EINVAL as arena_percent_decode(), or what
 * arena_error() says.
 */
ARENA_NODISCARD
int arena_str_decode(struct arena *a, struct arena_str s, uint32_t flags,
		     struct arena_str *decoded);

/* --- building one ------------------------------------------------------------------ */

/**
 * arena_buf_append_str - append a string
 * @buf: to what
 * @s: the string; may be part of @buf->data
 *
 * Return: 0, or @buf->error with nothing appended.
 */
ARENA_INLINE int arena_buf_append_str(struct arena_buf *buf, struct arena_str s)
{
	return arena_buf_append(buf, s.data, s.length);
}

/**
 * arena_buf_append_char - append a byte
 * @buf: to what
 * @byte: it
 *
 * Return: 0, or @buf->error with nothing appended.
 */
ARENA_INLINE int arena_buf_append_char(struct arena_buf *buf, char byte)
{
	/* There is always room for a NUL behind it. */
	if (ARENA_UNLIKELY(buf->error || buf->room - buf->length < 2))
		return arena_buf_append(buf, &byte, 1);
	buf->data[buf->length++] = byte;
	return 0;
}

/**
 * arena_buf_finish_str - end, and give back what there is too much
 * @buf: the bytes; it can't be used afterwards
 *
 * Return: the string, with a NUL behind it that is not counted; its @data is NULL if any
 * bytes could not be appended.
 */
ARENA_NODISCARD
ARENA_INLINE struct arena_str arena_buf_finish_str(struct arena_buf *buf)
{
	struct arena_str s;

	s.length = 0;
	s.data = arena_buf_finish(buf, &s.length);
	return s;
}

#ifdef __cplusplus
}
#endif

#endif /* ARENA_STR_H */
