/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways to have memory of the kernel, and what all benches do with them.
 */
#ifndef WAYS_H
#define WAYS_H

#include "measure.h"

enum kind { ARENA, SMALL, THP, HUGETLB, MEMFD, MEMFD_HUGETLB };

/* How its pages come: by touch, or in one call before it. */
enum take { BY_TOUCH, BY_POPULATE, BY_COMMIT, BY_FALLOCATE };

struct way {
	const char *peer;
	enum kind kind;
	enum take take;
	bool kept;		/* mapped once; a cycle is touch and release */
	bool opened;		/* a cycle opens and closes the device */
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
	long variant;			/* of the case; what it means is the bench's */
	void *place;			/* where it is mapped */
	int fd;
	char *memory;
	void *data;			/* the bench's */
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
/* Pages for all of it, by a call. */
void take_way(struct job *job);
/* Pages of some blocks are given back, and it stays mapped. */
void release_way(struct job *job, long first, long nr);

/* That it is the memory it is said to be. */
void check_mapping(const struct job *job);

/* A byte in each so many bytes: three instructions, whatever it is mapped with. */
void touch_way(char *memory, size_t bytes, size_t step);

/* For most benches: mapped, with nothing in it, as long as the bench is open. */
void open_mapped(struct job *job);
void close_mapped(struct job *job);

#endif /* WAYS_H */
