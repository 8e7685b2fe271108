/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_DECODE_H
#define ARENA_SRC_DECODE_H

#include <stddef.h>
#include <stdint.h>

/* Return the offset of the first % that does not start a valid escape, or @length. */
size_t arena_find_bad_escape(const char *data, size_t length);

/* Decode percent-encoding in place, with ARENA_DECODE_* flags; return the new length. */
size_t arena_decode(char *data, size_t length, uint32_t flags);

#endif /* ARENA_SRC_DECODE_H */
