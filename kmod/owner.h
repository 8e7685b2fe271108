/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_OWNER_H
#define ARENA_OWNER_H

struct arena;

int arena_owner_join_locked(struct arena *arena);
int arena_owner_join(struct arena *arena);
void arena_owner_leave(struct arena *arena);
void arena_owner_exit(void);

#endif /* ARENA_OWNER_H */
