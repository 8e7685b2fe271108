/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways to get memory from the kernel, and the operations that all benches use on them.
 */
#ifndef WAYS_H
#define WAYS_H

#include "measure.h"

enum kind { ARENA, SMALL, THP, HUGETLB, MEMFD, MEMFD_HUGETLB };

/* How pages are allocated: by touch, or by one call before the touch. */
enum take { BY_TOUCH, BY_POPULATE, BY_COMMIT, BY_FALLOCATE };

struct way {
	const char *peer;
	enum kind kind;
	enum take take;
	bool kept;		/* mapped once; a cycle is touch and release */
	bool opened;		/* each cycle opens and closes the device */
	bool dirty;		/* ARENA_F_KEEP_DIRTY */
	bool lazy;		/* MADV_FREE */
	bool not_forked;	/* MADV_DONTFORK */
};

struct bench;

/* One way in one case of a bench. */
struct job {
	const struct bench *bench;
	const char *name;		/* of the case */
	const struct way *way;
	long blocks;
	long variant;			/* of the case; its meaning depends on the bench */
	void *place;			/* where it is mapped */
	int fd;
	char *memory;
	void *data;			/* private to the bench */
	struct figures first, *figures;	/* the first does not count */
};

struct bench {
	const char *name, *unit;
	bool is_per_block;
	void (*open)(struct job *job);
	void (*round)(struct job *job, struct figures *figures, bool is_first);
	void (*close)(struct job *job);
};

static inline size_t bytes_of(const struct job *job)
{
	return job->blocks * BLOCK;
}

static inline bool is_huge_tlb(const struct way *way)
{
	return way->kind == HUGETLB || way->kind == MEMFD_HUGETLB;
}

bool is_there(const struct way *way);

/* The device, or a memfd; anonymous memory has no file. */
void open_way(struct job *job);
void close_way(struct job *job);

void map_way(struct job *job);
void unmap_way(struct job *job);
/* Allocate all pages by one call. */
void take_way(struct job *job);
/* Give the pages of some blocks back; the mapping stays. */
void release_way(struct job *job, long first, long nr);

/* Check that the mapping consists of the kind of memory it claims. */
void check_mapping(const struct job *job);

/* Write a byte every @step bytes: three instructions each, for any kind of mapping. */
void touch_way(char *memory, size_t bytes, size_t step);

/* Used by most benches: keep a region mapped but empty while the bench is open. */
void open_mapped(struct job *job);
void close_mapped(struct job *job);

#endif /* WAYS_H */
