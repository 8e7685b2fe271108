/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ARENA_POLICY_H
#define ARENA_POLICY_H

int arena_policy_node(void);

#endif /* ARENA_POLICY_H */
