/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_HWPOISON_H
#define ARENA_HWPOISON_H

struct arena;

void arena_hwpoison_watch(struct arena *arena);
void arena_hwpoison_forget(struct arena *arena);
int arena_hwpoison_init(void);
void arena_hwpoison_exit(void);

#endif /* ARENA_HWPOISON_H */
