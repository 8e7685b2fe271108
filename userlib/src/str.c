// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Strings: the functions that are too long to be inline.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <arena/str.h>

#include "alloc.h"
#include "checks.h"
#include "decode.h"
#include "private.h"

/*
 * Maximum length of a double's text; up to 767 digits can affect which double is nearest.
 */
#define MAX_NUMBER	1000

size_t arena_str_find(struct arena_str s, struct arena_str what)
{
	const char *found = memmem(s.data, s.length, what.data, what.length);

	return found ? (size_t)(found - s.data) : ARENA_STR_NONE;
}

static bool is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct arena_str arena_str_trim(struct arena_str s)
{
	while (s.length && is_white(s.data[s.length - 1]))
		s.length--;
	while (s.length && is_white(*s.data)) {
		s.data++;
		s.length--;
	}
	return s;
}

struct arena_str arena_str_dup(struct arena *a, struct arena_str s)
{
	const char *copy = arena_copy_bytes(a, s.data, s.length);

	return arena_str_make(copy, copy ? s.length : 0);
}

/* --- numbers ------------------------------------------------------------------ */

/* Return the number of digits at the start of a string. */
static size_t nr_digits(struct arena_str s)
{
	size_t nr = 0;

	while (nr < s.length && s.data[nr] >= '0' && s.data[nr] <= '9')
		nr++;
	return nr;
}

static bool has_sign(struct arena_str s)
{
	return s.length && (*s.data == '-' || *s.data == '+');
}

int arena_str_to_int64(struct arena_str s, int64_t *value)
{
	struct arena_str digits = arena_str_slice(s, has_sign(s), s.length);
	bool is_negative = digits.length < s.length && *s.data == '-';
	int64_t number = 0;
	size_t i;

	if (!digits.length || nr_digits(digits) < digits.length)
		return -EINVAL;
	for (i = 0; i < digits.length; i++) {
		int digit = digits.data[i] - '0';

		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, is_negative ? -digit : digit, &number))
			return -ERANGE;
	}
	*value = number;
	return 0;
}

/* Skip digits; return whether there were any. */
static bool skip_digits(struct arena_str *s)
{
	size_t nr = nr_digits(*s);

	*s = arena_str_slice(*s, nr, s->length);
	return nr;
}

static bool is_decimal(struct arena_str s)
{
	s = arena_str_slice(s, has_sign(s), s.length);
	if (!skip_digits(&s))
		return false;
	if (s.length && *s.data == '.') {
		s = arena_str_slice(s, 1, s.length);
		if (!skip_digits(&s))
			return false;
	}
	if (s.length && (*s.data == 'e' || *s.data == 'E')) {
		s = arena_str_slice(s, 1, s.length);
		s = arena_str_slice(s, has_sign(s), s.length);
		if (!skip_digits(&s))
			return false;
	}
	return !s.length;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void find_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

int arena_str_to_double(struct arena_str s, double *value)
{
	int saved_errno = errno;
	char text[MAX_NUMBER + 1];
	double number;

	if (!is_decimal(s))
		return -EINVAL;
	if (s.length > MAX_NUMBER)
		return -ERANGE;
	memcpy(text, s.data, s.length);
	text[s.length] = '\0';
	pthread_once(&once, find_locale);
	number = strtod_l(text, NULL, c_locale);
	errno = saved_errno;
	if (__builtin_isinf(number))
		return -ERANGE;
	*value = number;
	return 0;
}

int arena_str_to_bool(struct arena_str s, bool *value)
{
	bool is_true = arena_str_equal(s, ARENA_STR("true"));

	if (!is_true && !arena_str_equal(s, ARENA_STR("false")))
		return -EINVAL;
	*value = is_true;
	return 0;
}

/* --- percent-encoding ------------------------------------------------------------ */

#define DECODE_FLAGS	(ARENA_DECODE_PLUS | ARENA_DECODE_LENIENT)

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Return the byte that an escape stands for, or -1 if it is not valid. */
static int read_escape(const char *at, const char *end)
{
	int high, low;

	if (end - at < 3)
		return -1;
	high = digit_of(at[1]);
	low = digit_of(at[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

size_t arena_find_bad_escape(const char *data, size_t length)
{
	const char *end = data + length, *at = data;

	while (at < end && (at = memchr(at, '%', end - at))) {
		if (read_escape(at, end) < 0)
			return at - data;
		at += 3;
	}
	return length;
}

/* Return the offset of the first byte that decoding may change, or @length. */
static size_t find_encoded(const char *data, size_t length, uint32_t flags)
{
	const char *found = length ? memchr(data, '%', length) : NULL;

	if (found)
		length = found - data;
	if (flags & ARENA_DECODE_PLUS) {
		found = length ? memchr(data, '+', length) : NULL;
		if (found)
			length = found - data;
	}
	return length;
}

size_t arena_decode(char *data, size_t length, uint32_t flags)
{
	const char *from = data + find_encoded(data, length, flags), *end = data + length;
	char *to = data + (from - data);
	int byte;

	while (from < end) {
		byte = *from == '%' ? read_escape(from, end) : -1;
		if (byte >= 0) {
			*to++ = byte;
			from += 3;
			continue;
		}
		*to++ = *from == '+' && flags & ARENA_DECODE_PLUS ? ' ' : *from;
		from++;
	}
	return to - data;
}

int arena_percent_decode(char *data, size_t *length, uint32_t flags)
{
	size_t bad;

	if (flags & ~DECODE_FLAGS)
		return -EINVAL;
	bad = flags & ARENA_DECODE_LENIENT ? *length : arena_find_bad_escape(data, *length);
	if (bad < *length) {
		*length = bad;
		return -EINVAL;
	}
	*length = arena_decode(data, *length, flags);
	return 0;
}

int arena_str_decode(struct arena *a, struct arena_str s, uint32_t flags,
		     struct arena_str *decoded)
{
	char *copy;

	if (flags & ~DECODE_FLAGS)
		return -EINVAL;
	if (!(flags & ARENA_DECODE_LENIENT) &&
	    arena_find_bad_escape(s.data, s.length) < s.length)
		return -EINVAL;
	if (find_encoded(s.data, s.length, flags) == s.length) {
		*decoded = s;
		return 0;
	}
	copy = arena_copy_bytes(a, s.data, s.length);
	if (!copy)
		return arena_error(a);
	*decoded = arena_str_make(copy, arena_decode(copy, s.length, flags));
	copy[decoded->length] = '\0';
	return 0;
}
