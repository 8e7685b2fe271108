/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
#ifndef ARENA_SRC_FAULT_H
#define ARENA_SRC_FAULT_H

/* Install the fault handler if the environment asks for reports. */
void arena_fault_begin(void);

#endif /* ARENA_SRC_FAULT_H */
