/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_IDLE_H
#define ARENA_IDLE_H

#include <linux/mm_types.h>

struct arena;

/**
 * struct arena_claim - state of an arena when it was claimed
 * @blocks: number of blocks that are still committed
 * @taken: number of blocks that were taken since the last claim
 * @old_state: the state word before the claim
 */
struct arena_claim {
	unsigned long blocks;
	unsigned long taken;
	u64 old_state;
};

bool arena_idle_is_control(const struct vm_area_struct *vma);
int arena_idle_mmap(struct arena *arena, struct vm_area_struct *vma);
int arena_idle_claim(struct arena *arena, struct arena_claim *claim);
void arena_idle_undo_claim(struct arena *arena, const struct arena_claim *claim);
bool arena_idle_is(const struct arena *arena);
bool arena_idle_any(void);
void arena_idle_destroy(struct arena *arena);
int arena_idle_init(void);
void arena_idle_exit(void);

unsigned long arena_idle_count(int nid);
bool arena_idle_shrink(int nid, unsigned long nr, unsigned long *done);

#endif /* ARENA_IDLE_H */
