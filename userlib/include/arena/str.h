/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Strings in arenas: a pointer and a length. A part of a string is therefore a string
 * itself, and needs neither a copy nor a terminating NUL.
 *
 * A string owns nothing: it is valid as long as the memory that it points into. It may
 * contain any byte, including NUL. A function that returns a string and fails returns one
 * whose @data is NULL and whose @length is 0; the @data of an empty string is not NULL.
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
 * @data: address of its first byte
 * @length: number of bytes
 */
struct arena_str {
	const char *data;
	size_t length;
};

/** ARENA_STR_NONE - the value that arena_str_find() returns if it finds nothing */
#define ARENA_STR_NONE	SIZE_MAX

/**
 * arena_str_make - make a string from an address and a length
 * @data: address of the first byte, not NULL
 * @length: number of bytes
 *
 * Return: the string.
 */
ARENA_INLINE struct arena_str arena_str_make(const char *data, size_t length)
{
	struct arena_str s;

	s.data = data;
	s.length = length;
	return s;
}

/**
 * arena_str_of - make a string from a NUL-terminated one
 * @text: the NUL-terminated string
 *
 * Return: the string, without the NUL.
 */
ARENA_INLINE struct arena_str arena_str_of(const char *text)
{
	return arena_str_make(text, strlen(text));
}

/**
 * ARENA_STR() - make a string from a literal
 * @literal: the literal; NUL bytes within it count
 */
#define ARENA_STR(literal)	arena_str_make("" literal, sizeof(literal) - 1)

/* Load words from memory at any alignment. */
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
 * Most strings that are compared are short. For these, a call would take longer than an
 * inline comparison of words, which may overlap.
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

/* Copy short strings inline, for the same reason. */
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
 * arena_str_equal - compare two strings for equality
 * @a: one string
 * @b: the other string
 *
 * Return: whether they consist of the same bytes.
 */
ARENA_INLINE bool arena_str_equal(struct arena_str a, struct arena_str b)
{
	return a.length == b.length && arena_bytes_equal(a.data, b.data, a.length);
}

/**
 * arena_str_compare - compare two strings for order
 * @a: one string
 * @b: the other string
 *
 * Strings are ordered by their bytes, which count as unsigned. A prefix of a string comes
 * before the string.
 *
 * Return: less than, equal to or greater than 0 if @a comes before, equals or comes after
 * @b.
 */
ARENA_INLINE int arena_str_compare(struct arena_str a, struct arena_str b)
{
	size_t shorter = a.length < b.length ? a.length : b.length;
	int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

	return order ? order : (a.length > b.length) - (a.length < b.length);
}

/**
 * arena_str_slice - return a part of a string
 * @s: the string
 * @from: offset of its first byte
 * @to: offset one past its last byte
 *
 * Return: the part, which is not copied; it is shorter or empty if @s does not extend that
 * far.
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
 * arena_str_starts_with - check whether a string starts with another one
 * @s: the string
 * @prefix: the other string
 *
 * Return: whether @s starts with @prefix.
 */
ARENA_INLINE bool arena_str_starts_with(struct arena_str s, struct arena_str prefix)
{
	return s.length >= prefix.length &&
	       arena_bytes_equal(s.data, prefix.data, prefix.length);
}

/**
 * arena_str_ends_with - check whether a string ends with another one
 * @s: the string
 * @suffix: the other string
 *
 * Return: whether @s ends with @suffix.
 */
ARENA_INLINE bool arena_str_ends_with(struct arena_str s, struct arena_str suffix)
{
	return s.length >= suffix.length &&
	       arena_bytes_equal(s.data + (s.length - suffix.length), suffix.data,
				 suffix.length);
}

/**
 * arena_str_find - find the first occurrence of a string in another one
 * @s: string to search
 * @what: string to find
 *
 * Return: the offset of the occurrence in bytes, or ARENA_STR_NONE if there is none. An
 * empty @what is found at offset 0.
 */
size_t arena_str_find(struct arena_str s, struct arena_str what);

/**
 * arena_str_cut - cut a string in two at the first occurrence of a byte
 * @s: the string
 * @at: the byte
 * @before: set to the part before the byte, or to all of @s if it lacks the byte
 * @after: set to the part after the byte, or to the empty string at the end of @s
 *
 * Return: whether @s contains the byte.
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
 * arena_str_split - take the next part off a string
 * @rest: the string; set to what remains after the part. Its @data is NULL after the last
 *	part.
 * @at: byte that separates the parts
 * @part: set to the part, which may be empty
 *
 * A string with n separators has n + 1 parts; the empty string has one.
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
 * arena_str_trim - strip white space from both ends of a string
 * @s: the string
 *
 * White space is defined by isspace(3) in the C locale.
 *
 * Return: the stripped string, which is not copied.
 */
struct arena_str arena_str_trim(struct arena_str s);

/**
 * arena_str_dup - copy a string
 * @a: arena to allocate from
 * @s: the string
 *
 * Copies are adjacent, as with arena_strndup(), and each ends with a NUL that does not count.
 *
 * Return: the copy; its @data is NULL if there is no memory.
 */
ARENA_NODISCARD
struct arena_str arena_str_dup(struct arena *a, struct arena_str s);

/**
 * arena_str_to_int64 - convert a string to an integer
 * @s: the string: an optional sign and digits, and nothing else
 * @value: set to the number
 *
 * Return: 0; or -EINVAL if @s is not an integer; or -ERANGE if the number does not fit. On
 * failure, *@value is unchanged.
 */
ARENA_NODISCARD
int arena_str_to_int64(struct arena_str s, int64_t *value);

/**
 * arena_str_to_double - convert a string to a floating-point number
 * @s: the string: an optional sign, digits, optionally a point and digits, and optionally an
 *	exponent, and nothing else; the same in every locale
 * @value: set to the nearest double
 *
 * Return: 0; or -EINVAL if @s is not a number; or -ERANGE if the number is too large or
 * longer than 1,000 bytes. On failure, *@value is unchanged.
 */
ARENA_NODISCARD
int arena_str_to_double(struct arena_str s, double *value);

/**
 * arena_str_to_bool - convert a string to a boolean
 * @s: the string: "true" or "false"
 * @value: set to the boolean
 *
 * Return: 0; or -EINVAL if @s is neither. On failure, *@value is unchanged.
 */
ARENA_NODISCARD
int arena_str_to_bool(struct arena_str s, bool *value);

/* Flags for decoding. */

/* Decode + to a space, as in HTML forms. */
#define ARENA_DECODE_PLUS	(1u << 0)
/* Treat a % that does not begin a valid escape as text, as browsers do. */
#define ARENA_DECODE_LENIENT	(1u << 1)

/**
 * arena_percent_decode - decode percent-encoding in place
 * @data: bytes to decode, overwritten by the result
 * @length: number of bytes; set to the length of the result, which is never greater
 * @flags: ARENA_DECODE_PLUS and so on
 *
 * %00 is decoded to a NUL byte, like any other escape to its byte.
 *
 * Return: 0; or -EINVAL, with @data unchanged, if a flag is unknown or a % is not followed by
 * two hexadecimal digits. In the latter case, *@length is set to the offset of the %.
 */
ARENA_NODISCARD
int arena_percent_decode(char *data, size_t *length, uint32_t flags);

/**
 * arena_str_decode - decode a percent-encoded string
 * @a: arena to allocate from, if there is anything to decode
 * @s: the string
 * @flags: ARENA_DECODE_PLUS and so on
 * @decoded: set to the decoded string, or to @s if there is nothing to decode
 *
 * A decoded string other than @s is followed by a NUL that does not count.
 *
 * Return: 0; or, with *@decoded unchanged, -EINVAL as for arena_percent_decode(), or the
 * error that arena_error() returns.
 */
ARENA_NODISCARD
int arena_str_decode(struct arena *a, struct arena_str s, uint32_t flags,
		     struct arena_str *decoded);

/* --- building a string ------------------------------------------------------------- */

/**
 * arena_buf_append_str - append a string
 * @buf: buffer to append to
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
 * @buf: buffer to append to
 * @byte: the byte
 *
 * Return: 0, or @buf->error with nothing appended.
 */
ARENA_INLINE int arena_buf_append_char(struct arena_buf *buf, char byte)
{
	/* Keep room for the NUL that arena_buf_finish() appends. */
	if (ARENA_UNLIKELY(buf->error || buf->room - buf->length < 2))
		return arena_buf_append(buf, &byte, 1);
	buf->data[buf->length++] = byte;
	return 0;
}

/**
 * arena_buf_finish_str - finish a buffer as a string and give back unused room
 * @buf: the buffer; must not be used afterwards
 *
 * Return: the string, followed by a NUL that does not count; its @data is NULL if an earlier
 * operation on @buf failed.
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
