/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_DEBUGFS_H
#define ARENA_DEBUGFS_H

void arena_debugfs_init(void);
void arena_debugfs_exit(void);

#endif /* ARENA_DEBUGFS_H */
