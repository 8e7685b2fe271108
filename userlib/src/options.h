/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_OPTIONS_H
#define ARENA_SRC_OPTIONS_H

#include <arena/arena.h>

/*
 * Copy options into this version's structure and check them; return 0, -EINVAL or -E2BIG.
 * arena_override_opts() then applies the environment variables.
 */
int arena_read_opts(struct arena_opts *opts, const struct arena_opts *from);
void arena_override_opts(struct arena_opts *opts);

#endif /* ARENA_SRC_OPTIONS_H */
