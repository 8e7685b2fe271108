/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Frames, the thread's own arena, and scratch arenas. <arena/arena.h> includes this header.
 */
#ifndef ARENA_THREAD_H
#define ARENA_THREAD_H

#include <arena/arena.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The variable that ARENA_FRAME() declares. */
struct arena_frame {
	struct arena *arena;
	struct arena_mark mark;
};

/**
 * arena_frame_begin - start a frame, as ARENA_FRAME() does
 * @a: the arena, or NULL
 *
 * Return: the frame, for arena_frame_end().
 */
ARENA_INLINE struct arena_frame arena_frame_begin(struct arena *a)
{
	struct arena_frame frame = { a, { 0, 0, NULL } };

	if (a)
		frame.mark = arena_save(a);
	return frame;
}

/**
 * arena_frame_end - end a frame, as ARENA_FRAME() does at the end of the block
 * @frame: the frame that arena_frame_begin() returned
 */
ARENA_INLINE void arena_frame_end(struct arena_frame *frame)
{
	if (frame->arena)
		arena_rewind(frame->arena, frame->mark);
}

#define ARENA_PASTE_(a, b)	a##b
#define ARENA_PASTE(a, b)	ARENA_PASTE_(a, b)

/**
 * ARENA_FRAME() - rewind an arena at the end of the enclosing block
 * @a: the arena, or NULL
 *
 * This is a declaration. Memory that is allocated from @a between it and the end of the
 * block is freed there, also if the block is left by return, break or goto, but not by
 * longjmp().
 */
#define ARENA_FRAME(a)								\
	__attribute__((cleanup(arena_frame_end), unused))			\
	struct arena_frame ARENA_PASTE(arena_frame_, __COUNTER__) = arena_frame_begin(a)

/**
 * arena_thread - return the calling thread's own arena
 *
 * The arena is created with default options when the thread first calls this function. It
 * is destroyed when the thread ends or is cancelled, but not when the process exits. A
 * child of fork() keeps the arena if it is on anonymous memory, and otherwise gets a new
 * one.
 *
 * Return: the arena, which must not be destroyed; or NULL if it cannot be created.
 */
ARENA_NODISCARD
struct arena *arena_thread(void);

/**
 * arena_scratch_get - return a scratch arena, for languages without macros
 * @avoid: arenas that must not be returned
 * @nr: number of these arenas
 *
 * The function behind arena_scratch().
 *
 * Return: same as arena_scratch().
 */
ARENA_NODISCARD
struct arena *arena_scratch_get(struct arena *const *avoid, size_t nr);

#ifndef __cplusplus
/**
 * arena_scratch() - return an arena of the calling thread for temporary memory
 * @...: arenas that must not be returned: those that the caller's result is allocated
 *	from, since one of them may be a scratch arena of the caller's own caller
 *
 * The caller must rewind the arena to the state in which it was returned; ARENA_SCRATCH()
 * does so. A thread has as many scratch arenas as it needs at a time. They are created and
 * destroyed like the arena of arena_thread().
 *
 * Return: the arena, which must not be destroyed; or NULL if it cannot be created.
 */
#define arena_scratch(...)							\
	arena_scratch_get((struct arena *const[]) { NULL, ##__VA_ARGS__ },	\
			  sizeof((struct arena *const[]) { NULL, ##__VA_ARGS__ }) / \
			  sizeof(struct arena *))

/**
 * ARENA_SCRATCH() - declare a scratch arena that is rewound at the end of the block
 * @name: name of the pointer to the arena, which is NULL if the arena cannot be created
 * @...: arenas that it must not be
 */
#define ARENA_SCRATCH(name, ...)						\
	struct arena *name = arena_scratch(__VA_ARGS__);			\
	ARENA_FRAME(name)
#endif

#ifdef __cplusplus
}
#endif

#endif /* ARENA_THREAD_H */
