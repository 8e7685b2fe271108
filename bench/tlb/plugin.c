// SPDX-License-Identifier: GPL-2.0-only
/*
 * A qemu plugin that models the data TLB of an x86-64 CPU: it sends the loads and stores that a
 * program makes in user mode between two marks (marks.h) through TLB models, and writes how
 * often these missed. It does not measure a real TLB.
 *
 *	-plugin plugin.so,out=FILE
 *
 * For each MARK_END and each model, it writes to FILE a line of
 *
 *	MODEL ACCESSES L1-MISSES L2-MISSES WALKS-TO-4K WALKS-TO-2M
 *
 * where the walks are counted from MARK_EMPTY, so that there are some, and everything else from
 * MARK_COUNT. An access that misses both levels is looked up in the guest's own page tables,
 * which also give the size of the page, so that the plugin need not trust the program about it.
 * The physical address that the walk finds is compared with the one that qemu accessed.
 *
 * 96 L1 entries for loads of 4 KiB pages are what Intel published for Golden Cove, the core of
 * its Xeons of 2023 (Architecture Day 2021); 32 for 2 MiB, and 2048 of L2 for both, are
 * reported by others. The rest is an assumption of the model: L1 is fully associative; L2 has
 * 16 ways, and the low bits of the page number select the set; the least recently used entry is
 * replaced; stores go through the TLBs of loads; and L2 gets every entry that L1 gets. The
 * share of L2 that huge pages can use differs between CPUs and determines how much memory they
 * cover: in the model "half", they get at most half.
 *
 * The plugin supports one CPU, one program at a time, four levels of page tables, and a kernel
 * without randomized addresses, which maps all memory at DIRECT_MAP. It does not model the
 * kernel's own accesses, prefetching, instruction fetches, the cost of page walks, or TLBs
 * that keep neighbouring 4 KiB pages in one entry.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <qemu-plugin.h>

#include "marks.h"

#define DIRECT_MAP	UINT64_C(0xffff888000000000)
#define KERNEL_HALF	(UINT64_C(1) << 63)
#define PRESENT		UINT64_C(1)
#define PAGE_SIZE_BIT	(UINT64_C(1) << 7)
#define ADDRESS_BITS	UINT64_C(0x000ffffffffff000)
#define SMALL_SHIFT	12
#define HUGE_SHIFT	21
#define MAX_ENTRIES	2048

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* --- the model ------------------------------------------------------------ */

/* The page number, with the lowest bit set for a huge page. 0 is no page. */
typedef uint64_t page_t;

static page_t page_of(uint64_t addr, bool huge)
{
	return (addr >> (huge ? HUGE_SHIFT : SMALL_SHIFT)) << 1 | huge;
}

struct tlb {
	unsigned int sets, ways;
	unsigned int huge_ways;		/* the first ways, which huge pages can use */
	struct entry {
		page_t page;
		uint64_t used;		/* time of the last use, by the model's clock */
	} entries[MAX_ENTRIES];
};

static struct model {
	const char *name;
	struct tlb l1_small, l1_huge, l2;
	uint64_t clock;
	uint64_t accesses, l1_misses, l2_misses, walks[2];
} models[] = {
	{
		.name = "shared",
		.l1_small = { .sets = 1, .ways = 96 },
		.l1_huge = { .sets = 1, .ways = 32, .huge_ways = 32 },
		.l2 = { .sets = 128, .ways = 16, .huge_ways = 16 },
	}, {
		.name = "half",
		.l1_small = { .sets = 1, .ways = 96 },
		.l1_huge = { .sets = 1, .ways = 32, .huge_ways = 32 },
		.l2 = { .sets = 128, .ways = 16, .huge_ways = 8 },
	},
};

#define NR_MODELS (sizeof(models) / sizeof(models[0]))

static struct entry *set_of(struct tlb *tlb, page_t page)
{
	return &tlb->entries[(page >> 1) % tlb->sets * tlb->ways];
}

static bool is_in(struct tlb *tlb, page_t page, uint64_t clock)
{
	struct entry *set = set_of(tlb, page);
	unsigned int way;

	for (way = 0; way < tlb->ways; way++) {
		if (set[way].page == page) {
			set[way].used = clock;
			return true;
		}
	}
	return false;
}

static void insert(struct tlb *tlb, page_t page, uint64_t clock)
{
	unsigned int ways = page & 1 ? tlb->huge_ways : tlb->ways, way;
	struct entry *set = set_of(tlb, page), *oldest = set;

	for (way = 1; way < ways; way++) {
		if (set[way].used < oldest->used)
			oldest = &set[way];
	}
	oldest->page = page;
	oldest->used = clock;
}

static void empty(struct tlb *tlb)
{
	memset(tlb->entries, 0, sizeof(tlb->entries));
}

/* --- the guest ------------------------------------------------------------ */

static struct qemu_plugin_register *cr3;
static GByteArray *buffer;
static uint64_t page_table;	/* of the traced program */
static bool is_on;
static FILE *out;

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "plugin: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	/* Not exit(), which would run qemu's exit handlers while it is running. */
	_exit(1);
}

static uint64_t entry_of(uint64_t table, uint64_t addr, int shift)
{
	uint64_t at = DIRECT_MAP + table + (addr >> shift & 511) * 8, entry;

	g_byte_array_set_size(buffer, 0);
	if (!qemu_plugin_read_memory_vaddr(at, buffer, sizeof(entry)))
		die("no page table at %" PRIx64, at);
	memcpy(&entry, buffer->data, sizeof(entry));
	if (!(entry & PRESENT))
		die("%" PRIx64 " is not mapped at level %d", addr, (shift - 3) / 9);
	return entry;
}

/* Return the page of an address, and check that it is mapped to @physical. */
static page_t look_up(uint64_t addr, uint64_t physical)
{
	uint64_t table = page_table, entry = 0, offset;
	int shift;

	for (shift = 39; shift >= SMALL_SHIFT; shift -= 9) {
		entry = entry_of(table, addr, shift);
		table = entry & ADDRESS_BITS;
		if (shift < 39 && shift > SMALL_SHIFT && (entry & PAGE_SIZE_BIT))
			break;
	}
	if (shift < SMALL_SHIFT)
		shift = SMALL_SHIFT;
	if (shift > HUGE_SHIFT)
		die("%" PRIx64 " is in a page of 1 GiB, which no model supports", addr);
	offset = (UINT64_C(1) << shift) - 1;
	if ((table & ~offset) != (physical & ~offset))
		die("%" PRIx64 " is not at %" PRIx64 " by its page table", addr, physical);
	return page_of(addr, shift == HUGE_SHIFT);
}

static void access_model(struct model *model, uint64_t addr, uint64_t physical)
{
	page_t small = page_of(addr, false), huge = page_of(addr, true), page;
	uint64_t clock = ++model->clock;

	model->accesses++;
	if (is_in(&model->l1_small, small, clock) || is_in(&model->l1_huge, huge, clock))
		return;
	model->l1_misses++;
	if (is_in(&model->l2, small, clock)) {
		page = small;
	} else if (is_in(&model->l2, huge, clock)) {
		page = huge;
	} else {
		model->l2_misses++;
		page = look_up(addr, physical);
		model->walks[page & 1]++;
		insert(&model->l2, page, clock);
	}
	insert(page & 1 ? &model->l1_huge : &model->l1_small, page, clock);
}

static void on_access(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t addr, void *data)
{
	struct qemu_plugin_hwaddr *hwaddr;
	uint64_t physical;
	size_t i;

	if (!is_on)
		return;
	hwaddr = qemu_plugin_get_hwaddr(info, addr);
	if (!hwaddr)
		die("%" PRIx64 " is nowhere", addr);
	physical = qemu_plugin_hwaddr_phys_addr(hwaddr);
	for (i = 0; i < NR_MODELS; i++)
		access_model(&models[i], addr, physical);
}

static void clear_counts(struct model *model)
{
	model->accesses = 0;
	model->l1_misses = 0;
	model->l2_misses = 0;
}

static void begin(void)
{
	size_t i;

	g_byte_array_set_size(buffer, 0);
	if (!cr3 || qemu_plugin_read_register(cr3, buffer) != sizeof(page_table))
		die("no cr3");
	memcpy(&page_table, buffer->data, sizeof(page_table));
	page_table &= ADDRESS_BITS;
	for (i = 0; i < NR_MODELS; i++) {
		empty(&models[i].l1_small);
		empty(&models[i].l1_huge);
		empty(&models[i].l2);
		memset(models[i].walks, 0, sizeof(models[i].walks));
	}
	is_on = true;
}

static void print_counts(const struct model *model)
{
	fprintf(out, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		model->name, model->accesses, model->l1_misses, model->l2_misses,
		model->walks[0], model->walks[1]);
}

static void on_mark(unsigned int cpu, void *data)
{
	enum mark mark = (uintptr_t)data;
	size_t i;

	if (mark == MARK_EMPTY)
		begin();
	for (i = 0; i < NR_MODELS; i++) {
		if (mark == MARK_COUNT)
			clear_counts(&models[i]);
		if (mark == MARK_END)
			print_counts(&models[i]);
	}
	if (mark == MARK_END) {
		is_on = false;
		fflush(out);
	}
}

/* Return the mark that an instruction is, or NR_MARKS. */
static enum mark mark_of(const struct qemu_plugin_insn *insn)
{
	unsigned char bytes[8];
	uint32_t number;

	if (qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) != sizeof(bytes) ||
	    memcmp(bytes, MARK_OPCODE, strlen(MARK_OPCODE)))
		return NR_MARKS;
	memcpy(&number, bytes + 4, sizeof(number));
	number -= MARK_BASE;
	return number < NR_MARKS ? number : NR_MARKS;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct qemu_plugin_insn *insn;
	enum mark mark;
	size_t i;

	if (qemu_plugin_tb_vaddr(tb) & KERNEL_HALF)
		return;
	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		mark = mark_of(insn);
		if (mark != NR_MARKS)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
							       QEMU_PLUGIN_CB_R_REGS,
							       (void *)(uintptr_t)mark);
		else
			qemu_plugin_register_vcpu_mem_cb(insn, on_access,
							 QEMU_PLUGIN_CB_NO_REGS,
							 QEMU_PLUGIN_MEM_RW, NULL);
	}
}

static void on_cpu(qemu_plugin_id_t id, unsigned int cpu)
{
	GArray *registers = qemu_plugin_get_registers();
	qemu_plugin_reg_descriptor *found;
	guint i;

	for (i = 0; i < registers->len; i++) {
		found = &g_array_index(registers, qemu_plugin_reg_descriptor, i);
		if (!strcmp(found->name, "cr3"))
			cr3 = found->handle;
	}
	g_array_free(registers, true);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
					   int argc, char **argv)
{
	if (strcmp(info->target_name, "x86_64") || !info->system_emulation ||
	    info->system.smp_vcpus != 1) {
		fprintf(stderr, "plugin: supports only x86-64 with one CPU\n");
		return -1;
	}
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "plugin: usage: out=FILE\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return -1;
	}
	buffer = g_byte_array_new();
	qemu_plugin_register_vcpu_init_cb(id, on_cpu);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
