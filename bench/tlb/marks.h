/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a program tells the modelled TLB which of its accesses count: by an eight-byte
 * nop, which the plugin finds in what is translated.
 */
#ifndef TLB_MARKS_H
#define TLB_MARKS_H

/* nopl NUMBER(%rax,%rax,1), where NUMBER is MARK_BASE and which mark it is. */
#define MARK_OPCODE	"\x0f\x1f\x84"	/* and a byte of no base, no index */
#define MARK_BASE	0x41524500

enum mark {
	MARK_EMPTY,	/* what follows goes through a TLB that is empty */
	MARK_COUNT,	/* and from here is counted */
	MARK_END,	/* to here: the plugin writes its line */
	NR_MARKS,
};

#define MARK(which) \
	asm volatile("nopl %c0(%%rax,%%rax,1)" : : "i" (MARK_BASE + (which)) : "memory")

#endif /* TLB_MARKS_H */
