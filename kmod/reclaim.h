/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_RECLAIM_H
#define ARENA_RECLAIM_H

int arena_reclaim_init(void);
void arena_reclaim_exit(void);
void arena_reclaim_trim(void);

#endif /* ARENA_RECLAIM_H */
