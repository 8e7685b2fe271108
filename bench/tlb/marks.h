/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Marks by which a program tells the TLB model which of its accesses count. A mark is an
 * eight-byte nop, which the plugin recognizes when the code is translated.
 */
#ifndef TLB_MARKS_H
#define TLB_MARKS_H

/* nopl NUMBER(%rax,%rax,1), where NUMBER is MARK_BASE + the mark */
#define MARK_OPCODE	"\x0f\x1f\x84"	/* without its SIB byte, which is 0 */
#define MARK_BASE	0x41524500

enum mark {
	MARK_EMPTY,	/* empty the TLB, and start sending accesses through it */
	MARK_COUNT,	/* start counting */
	MARK_END,	/* stop counting, and write the plugin's lines */
	NR_MARKS,
};

#define MARK(which) \
	asm volatile("nopl %c0(%%rax,%%rax,1)" : : "i" (MARK_BASE + (which)) : "memory")

#endif /* TLB_MARKS_H */
