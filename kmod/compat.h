/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels the module is built for, and nothing else.
 * The rest of kmod/ reads as if written for the newest of them.
 */
#ifndef ARENA_COMPAT_H
#define ARENA_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#endif /* ARENA_COMPAT_H */
