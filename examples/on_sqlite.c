/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * on_sqlite - SQLite on memory of an arena
 *
 *	gcc -O2 on_sqlite.c -larena -lsqlite3
 *
 * SQLite's page cache is a span of an arena (arena_span_alloc()). All its other
 * allocations come from the arena, too, by SQLITE_CONFIG_MALLOC: malloc() is not used. At
 * the arena's limit SQLite returns SQLITE_NOMEM. After SQLite has been shut
 * down, one call gives everything back.
 *
 * A SQLite that was built with SQLITE_ENABLE_MEMSYS5 (or MEMSYS3) can use a
 * span as its heap, by SQLITE_CONFIG_HEAP, and does not need the allocator
 * below. Most are not built that way, e.g. Debian's; sqlite3_config() then
 * returns SQLITE_ERROR.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arena/arena.h>
#include <sqlite3.h>

#define NR		20000
#define PAGE_CACHE	((size_t)4 << 20)

static struct arena *arena;
static char *lowest, *highest;		/* the range of SQLite's memory */
static sqlite3_int64 in_use;		/* bytes of it, except pages */

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "on_sqlite: %s: %s\n", what, why);
	exit(1);
}

static void ask(int status, const char *what)
{
	if (status != SQLITE_OK && status != SQLITE_ROW && status != SQLITE_DONE)
		fail(what, sqlite3_errstr(status));
}

/* --- an allocator: powers of two, with a free list for each --------------- */

/*
 * The header of each piece. No lock is needed: SQLite holds one when it calls
 * the allocator, as long as it counts its memory (SQLITE_CONFIG_MEMSTATUS, the
 * default).
 */
struct piece {
	struct piece *next;	/* in its free list */
	size_t size;		/* of the memory after this header */
};

static struct piece *free_pieces[32];

/*
 * Return the index of the free list: the power of two that holds @size and the
 * header.
 */
static int class_of(int size)
{
	int class = 64 - __builtin_clzl(size + sizeof(struct piece) - 1);

	return class < 6 ? 6 : class;
}

static int round_up(int size)
{
	return (int)(((size_t)1 << class_of(size)) - sizeof(struct piece));
}

static int size_of(void *memory)
{
	return (int)((struct piece *)memory)[-1].size;
}

static void *get(int size)
{
	struct piece **list = &free_pieces[class_of(size)], *piece = *list;

	if (piece) {
		*list = piece->next;
	} else {
		/* Any thread may call this, so a checked arena must be adopted. */
		arena_adopt(arena);
		piece = arena_alloc(arena, sizeof(*piece) + round_up(size));
		if (!piece)
			return NULL;
		piece->size = round_up(size);
		lowest = (char *)piece;
	}
	in_use += piece->size;
	return piece + 1;
}

static void put(void *memory)
{
	struct piece *piece = (struct piece *)memory - 1;
	struct piece **list = &free_pieces[class_of(size_of(memory))];

	in_use -= piece->size;
	piece->next = *list;
	*list = piece;
}

static void *resize(void *memory, int size)
{
	int old_size = size_of(memory);
	void *new;

	if (round_up(size) == old_size)
		return memory;
	new = get(size);
	if (new) {
		memcpy(new, memory, size < old_size ? size : old_size);
		put(memory);
	}
	return new;
}

static int begin(void *unused)
{
	(void)unused;
	return SQLITE_OK;
}

static void end(void *unused)
{
	(void)unused;
}

static const sqlite3_mem_methods methods = {
	get, put, resize, size_of, round_up, begin, end, NULL
};

/* --- test ----------------------------------------------------------------- */

static void configure(void)
{
	struct arena_span span = { .size = sizeof(span) };
	int header, err;

	err = arena_span_alloc(arena, PAGE_CACHE, 0, &span);
	if (err)
		fail("arena_span_alloc", strerror(-err));
	/* An arena is allocated from its end downwards. */
	highest = (char *)span.memory + span.length;
	ask(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), "SQLITE_CONFIG_MALLOC");
	ask(sqlite3_config(SQLITE_CONFIG_PCACHE_HDRSZ, &header), "SQLITE_CONFIG_PCACHE_HDRSZ");
	/* Pages of 4 KiB, the default, each with SQLite's header. */
	ask(sqlite3_config(SQLITE_CONFIG_PAGECACHE, span.memory, 4096 + header,
			   (int)(span.length / (4096 + header))), "SQLITE_CONFIG_PAGECACHE");
	ask(sqlite3_initialize(), "sqlite3_initialize");
}

static void insert(sqlite3 *db)
{
	sqlite3_stmt *stmt;
	int i;

	ask(sqlite3_exec(db, "CREATE TABLE t (n INTEGER PRIMARY KEY, square INTEGER, text TEXT);"
			 "BEGIN", NULL, NULL, NULL), "CREATE TABLE");
	ask(sqlite3_prepare_v2(db, "INSERT INTO t VALUES (?1, ?1 * ?1, printf('%080d', ?1))",
			       -1, &stmt, NULL), "INSERT");
	for (i = 0; i < NR; i++) {
		ask(sqlite3_bind_int(stmt, 1, i), "a row");
		ask(sqlite3_step(stmt), "a row");
		ask(sqlite3_reset(stmt), "a row");
	}
	ask(sqlite3_finalize(stmt), "INSERT");
	ask(sqlite3_exec(db, "COMMIT; CREATE INDEX i ON t (text)", NULL, NULL, NULL),
	    "CREATE INDEX");
}

static void query(sqlite3 *db)
{
	sqlite3_int64 sum = 0, i;
	sqlite3_stmt *stmt;
	const char *text;

	for (i = 0; i < NR; i++)
		sum += i * i;
	ask(sqlite3_prepare_v2(db, "SELECT sum(square), max(text) FROM t", -1, &stmt, NULL),
	    "SELECT");
	ask(sqlite3_step(stmt), "SELECT");
	text = (const char *)sqlite3_column_text(stmt, 1);
	if (sqlite3_column_int64(stmt, 0) != sum || !text || atoi(text) != NR - 1)
		fail("SELECT", "not the answer");
	if (text < lowest || text >= highest)
		fail("the answer", "not in the arena");
	printf("%d rows, the sum of their squares is %lld\n", NR, (long long)sum);
	ask(sqlite3_finalize(stmt), "SELECT");
}

static sqlite3_int64 status_of(int what)
{
	sqlite3_int64 now, peak;

	ask(sqlite3_status64(what, &now, &peak, 0), "sqlite3_status64");
	return now;
}

int main(void)
{
	static const char *const backings[] = {
		[ARENA_BACKING_DEVICE] = "/dev/arena",
		[ARENA_BACKING_HUGE] = "anonymous memory, made huge pages",
		[ARENA_BACKING_ANON] = "anonymous memory",
	};
	struct arena_opts opts = { .size = sizeof(opts), .name = "sqlite" };
	sqlite3 *db;
	int err;

	err = arena_create(&arena, &opts);
	if (err)
		fail("arena_create", strerror(-err));
	configure();
	printf("backing: %s\n", backings[arena_backing(arena)]);
	ask(sqlite3_open(":memory:", &db), "sqlite3_open");
	insert(db);
	query(db);

	/* All of SQLite's memory was allocated here, or is in pages of the span. */
	if (!in_use || status_of(SQLITE_STATUS_MEMORY_USED) != in_use)
		fail("SQLITE_STATUS_MEMORY_USED", "not what the arena gave");
	if (status_of(SQLITE_STATUS_PAGECACHE_USED) < 500)
		fail("SQLITE_STATUS_PAGECACHE_USED", "not the database");
	printf("SQLite's memory: all from the arena, including pages of a span\n");

	ask(sqlite3_close(db), "sqlite3_close");
	ask(sqlite3_shutdown(), "sqlite3_shutdown");
	if (in_use)
		fail("sqlite3_shutdown", "memory is left");
	arena_adopt(arena);
	arena_destroy(arena);
	return 0;
}
