/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * malloc() and free(): of glibc, of a library linked before it, or under an allocator's own
 * names (MIMALLOC, JEMALLOC, TCMALLOC, MEMKIND), with the size on free if it accepts one. GLIB
 * uses GLib's slices.
 */
#if defined(MIMALLOC)
#include <mimalloc.h>
#define DO_ALLOC(size)			mi_malloc(size)
#define DO_ZALLOC(size)			mi_calloc(1, size)
#define DO_REALLOC(memory, old, size)	mi_realloc(memory, size)
#define DO_FREE(memory, size)		mi_free_size(memory, size)
#elif defined(JEMALLOC)
#include <jemalloc/jemalloc.h>
#define DO_ALLOC(size)			malloc(size)
#define DO_ZALLOC(size)			calloc(1, size)
#define DO_REALLOC(memory, old, size)	realloc(memory, size)
#define DO_FREE(memory, size)		sdallocx(memory, size, 0)
#elif defined(TCMALLOC)
#include <gperftools/tcmalloc.h>
#define DO_ALLOC(size)			tc_malloc(size)
#define DO_ZALLOC(size)			tc_calloc(1, size)
#define DO_REALLOC(memory, old, size)	tc_realloc(memory, size)
#define DO_FREE(memory, size)		tc_free_sized(memory, size)
#elif defined(MEMKIND)
#include <memkind.h>
#define DO_ALLOC(size)			memkind_malloc(MEMKIND_DEFAULT, size)
#define DO_ZALLOC(size)			memkind_calloc(MEMKIND_DEFAULT, 1, size)
#define DO_REALLOC(memory, old, size)	memkind_realloc(MEMKIND_DEFAULT, memory, size)
#define DO_FREE(memory, size)		memkind_free(MEMKIND_DEFAULT, memory)
#elif defined(GLIB)
#include <glib.h>
#define DO_ALLOC(size)			g_slice_alloc(size)
#define DO_ZALLOC(size)			g_slice_alloc0(size)
#define DO_FREE(memory, size)		g_slice_free1(size, memory)
#define PEER_HAS_NO_REALLOC
#else
#include <malloc.h>
#define DO_ALLOC(size)			malloc(size)
#define DO_ZALLOC(size)			calloc(1, size)
#define DO_REALLOC(memory, old, size)	realloc(memory, size)
#define DO_FREE(memory, size)		free(memory)
#endif

#define PEER_FREES_EACH
#define PEER_HAS_MARKS
#define PEER_HAS_ARRAY

struct peer {
#ifdef GLIB
	GArray *array;
#else
	uint64_t *array;
	size_t length, room;
#endif
};

/* malloc() has no marks: temporary memory is freed object by object. */
typedef char peer_mark;

static void peer_begin(struct peer *peer)
{
	/*
	 * Make glibc as fast as possible: after a block of this size has been freed, it
	 * neither returns memory at each free() nor maps large blocks separately. (Blocks of
	 * 32 MiB or more do not change these thresholds.)
	 */
	void *volatile block = malloc(MOST_BYTES);

	free(block);
	(void)peer;
}

static void peer_end(struct peer *peer)
{
	(void)peer;
}

static inline void *peer_alloc(struct peer *peer, size_t size)
{
	(void)peer;
	return DO_ALLOC(size);
}

static inline void *peer_zalloc(struct peer *peer, size_t size)
{
	(void)peer;
	return DO_ZALLOC(size);
}

static inline void peer_free(struct peer *peer, void *memory, size_t size)
{
	(void)peer;
	(void)size;
	DO_FREE(memory, size);
}

static inline peer_mark peer_save(struct peer *peer)
{
	(void)peer;
	return 0;
}

static inline void *peer_mark_alloc(struct peer *peer, peer_mark *mark, size_t size)
{
	(void)mark;
	return peer_alloc(peer, size);
}

#ifdef GLIB
static inline void peer_array_begin(struct peer *peer)
{
	peer->array = g_array_new(FALSE, FALSE, sizeof(uint64_t));
}

static inline void peer_array_push(struct peer *peer, uint64_t value)
{
	g_array_append_val(peer->array, value);
}

static inline size_t peer_array_end(struct peer *peer)
{
	size_t length = peer->array->len;

	g_array_free(peer->array, TRUE);
	return length;
}
#else
static inline void *peer_realloc(struct peer *peer, void *old, size_t old_size, size_t size)
{
	(void)peer;
	(void)old_size;
	return DO_REALLOC(old, old_size, size);
}

static inline void peer_array_begin(struct peer *peer)
{
	peer->array = NULL;
	peer->length = peer->room = 0;
}

/* Double the room, as is usual. */
static inline void peer_array_push(struct peer *peer, uint64_t value)
{
	if (__builtin_expect(peer->length == peer->room, 0)) {
		size_t bytes = peer->room * sizeof(value);

		peer->room = peer->room ? 2 * peer->room : 4;
		peer->array = (uint64_t *)peer_realloc(peer, peer->array, bytes, 2 * bytes +
						       !bytes * 4 * sizeof(value));
		if (!peer->array)
			die("realloc");
	}
	peer->array[peer->length++] = value;
}

static inline size_t peer_array_end(struct peer *peer)
{
	DO_FREE(peer->array, peer->room * sizeof(*peer->array));
	return peer->length;
}
#endif
