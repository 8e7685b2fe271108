/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Growable arrays in arenas, and maps from strings to such arrays.
 *
 * ARENA_VEC(ints, int) declares struct ints, struct ints_slice and the functions ints_init(),
 * ints_push() and so on. ARENA_GROUPS(lines, long) declares a map from strings to arrays. See
 * there.
 *
 * An array that is full grows to twice its size, or to the size needed if that is larger. It
 * grows in place if it is the last allocation of its arena and the alignment of its elements is
 * at most ARENA_ALIGN, and is copied otherwise. An array needs no destructor and may be
 * abandoned at any time.
 */
#ifndef ARENA_VEC_H
#define ARENA_VEC_H

#include <arena/map.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct arena_vec - common part of all arrays
 * @arena: arena that the elements are allocated from
 * @length: number of elements
 * @room: number of elements for which there is memory
 *
 * All members except @length are private.
 */
struct arena_vec {
	struct arena *arena;
	size_t length;
	size_t room;
};

/* Make room for at least n elements. Return their new address, or NULL. */
ARENA_NODISCARD
void *arena_vec_grow(struct arena_vec *v, void *data, size_t n, size_t size, size_t align);
/* Give back the memory that the elements do not need. Return their new address. */
ARENA_NODISCARD
void *arena_vec_fit(struct arena_vec *v, void *data, size_t size, size_t align);

/**
 * ARENA_VEC() - declare a growable array
 * @name: name of the array type
 * @type: type of its elements
 *
 * Must be followed by a semicolon. Declares struct @name, whose @data points to the elements
 * and whose @vec.length is their number; struct @name_slice, a read-only view with @data and
 * @length; and
 *
 * int name_init(struct name *v, struct arena *a, size_t expect)
 *	Initialize an empty array with room for @expect elements, which may be 0. Return 0, or
 *	the error that arena_error() returns.
 * int name_reserve(struct name *v, size_t n)
 *	Make room for @n elements in all. Return 0, or the error that arena_error() returns.
 * size_t name_length(const struct name *v)
 *	Return the number of elements.
 * type *name_push(struct name *v, type element)
 *	Append an element. Return its address, or NULL if there is no memory.
 * int name_append(struct name *v, type const *elements, size_t n)
 *	Append elements, which may be elements of @v. Return 0, or the error that arena_error()
 *	returns, with nothing appended.
 * bool name_pop(struct name *v, type *element)
 *	Remove the last element and store it in *element. Return whether there was one.
 * void name_truncate(struct name *v, size_t n)
 *	Remove all elements after the first @n. The array keeps its memory.
 * void name_fit(struct name *v)
 *	Give unused memory back to the arena if the array is its last allocation.
 * struct name_slice name_slice(const struct name *v, size_t from, size_t to)
 *	Return a view of the elements from index @from up to, but not including, index @to,
 *	without copying them; fewer or none if the array does not have them all. The view is
 *	valid until the elements move.
 *
 * Functions that add elements or make room, and name_fit(), may move all elements.
 */
/*
 * @type may be a pointer type, or have the name of a variable used here: hence "type const",
 * and sizeof applied to expressions.
 */
#define ARENA_VEC(name, type)								\
											\
struct name {										\
	type *data;									\
	struct arena_vec vec;								\
};											\
											\
struct name##_slice {									\
	type const *data;								\
	size_t length;									\
};											\
											\
ARENA_INLINE int name##_reserve(struct name *v, size_t n)				\
{											\
	void *data;									\
											\
	if (n <= v->vec.room)								\
		return 0;								\
	data = arena_vec_grow(&v->vec, v->data, n, sizeof(*v->data), __alignof__(*v->data)); \
	if (!data)									\
		return arena_error(v->vec.arena);					\
	v->data = (type *)data;								\
	return 0;									\
}											\
											\
ARENA_INLINE int name##_init(struct name *v, struct arena *a, size_t expect)		\
{											\
	v->data = NULL;									\
	v->vec.arena = a;								\
	v->vec.length = v->vec.room = 0;						\
	return name##_reserve(v, expect);						\
}											\
											\
ARENA_INLINE size_t name##_length(const struct name *v)					\
{											\
	return v->vec.length;								\
}											\
											\
ARENA_INLINE type *name##_push(struct name *v, type element)				\
{											\
	size_t at = v->vec.length;							\
	__typeof__(v->data) pushed;							\
											\
	if (ARENA_UNLIKELY(at == v->vec.room) && name##_reserve(v, at + 1))		\
		return NULL;								\
	/* The store could alias v->vec.length: use @at, so that it is not reloaded. */ \
	pushed = v->data + at;								\
	*pushed = element;								\
	v->vec.length = at + 1;								\
	return pushed;									\
}											\
											\
ARENA_INLINE int name##_append(struct name *v, type const *elements, size_t n)		\
{											\
	uintptr_t offset = (uintptr_t)elements - (uintptr_t)v->data;			\
	bool is_own = v->data && offset < v->vec.length * sizeof(*v->data);		\
	size_t needed;									\
	int err;									\
											\
	if (!n)										\
		return 0;								\
	if (__builtin_add_overflow(v->vec.length, n, &needed))				\
		needed = SIZE_MAX;							\
	err = name##_reserve(v, needed);						\
	if (err)									\
		return err;								\
	if (is_own)									\
		elements = v->data + offset / sizeof(*v->data);				\
	memcpy(v->data + v->vec.length, elements, n * sizeof(*v->data));		\
	v->vec.length += n;								\
	return 0;									\
}											\
											\
ARENA_INLINE bool name##_pop(struct name *v, type *element)				\
{											\
	if (!v->vec.length)								\
		return false;								\
	*element = v->data[--v->vec.length];						\
	return true;									\
}											\
											\
ARENA_INLINE void name##_truncate(struct name *v, size_t n)				\
{											\
	if (n < v->vec.length)								\
		v->vec.length = n;							\
}											\
											\
ARENA_INLINE void name##_fit(struct name *v)						\
{											\
	v->data = (type *)arena_vec_fit(&v->vec, v->data, sizeof(*v->data),		\
					__alignof__(*v->data));				\
}											\
											\
ARENA_INLINE struct name##_slice name##_slice(const struct name *v, size_t from, size_t to) \
{											\
	struct name##_slice slice;							\
											\
	if (to > v->vec.length)								\
		to = v->vec.length;							\
	if (from > to)									\
		from = to;								\
	slice.data = v->data ? v->data + from : NULL;					\
	slice.length = to - from;							\
	return slice;									\
}											\
											\
struct name##_is_declared

/**
 * ARENA_GROUPS() - declare a map from strings to growable arrays
 * @name: name of the map type
 * @type: type of the arrays' elements
 *
 * Must be followed by a semicolon. Declares ARENA_VEC(name_values, type),
 * ARENA_STR_MAP(name, struct name_values), and
 *
 * type *name_add(struct name *m, struct arena_str key, type value)
 *	Append a value to the array of a key; create the array if there is none. Return the
 *	address of the value, or NULL if there is no memory: the key may then be in the map,
 *	with an empty array.
 * int name_merge(struct name *into, struct name *from)
 *	Append each array of @from to the array of the same key in @into, and empty @from. If
 *	both maps are in the same arena, an array whose key is new to @into is moved without
 *	copying its elements, and any other array is copied as a whole. Between arenas, keys
 *	and arrays are copied. Return 0, or the error that arena_error() returns: the arrays
 *	that were merged until then are in @into, the others are in @from, and none is in both.
 *
 * Only these two functions give the array of a key its arena: an array that was created by
 * name_get_or_put() has none until one of them is called for its key.
 */
#define ARENA_GROUPS(name, type)							\
											\
ARENA_VEC(name##_values, type);								\
ARENA_STR_MAP(name, struct name##_values);						\
											\
ARENA_INLINE type *name##_add(struct name *m, struct arena_str key, type value)		\
{											\
	struct name##_values *values = name##_get_or_put(m, key, NULL);			\
											\
	if (!values)									\
		return NULL;								\
	values->vec.arena = m->map.arena;						\
	return name##_values_push(values, value);					\
}											\
											\
/* Merge one array; @is_far says whether it is in another arena. */			\
ARENA_INLINE int name##_merge_one(struct name *into, const struct name##_entry *from,	\
				  bool is_far)						\
{											\
	struct name##_values *values = name##_get(into, from->key), taken = from->value; \
	struct arena_str key = from->key;						\
	int err;									\
											\
	if (values) {									\
		values->vec.arena = into->map.arena;					\
		return name##_values_append(values, taken.data, taken.vec.length);	\
	}										\
	if (is_far) {									\
		err = name##_values_init(&taken, into->map.arena, taken.vec.length);	\
		if (!err)								\
			err = name##_values_append(&taken, from->value.data,		\
						   from->value.vec.length);		\
		if (err)								\
			return err;							\
		if (!(into->map.flags & ARENA_MAP_COPY_KEYS)) {				\
			key = arena_str_dup(into->map.arena, key);			\
			if (!key.data)							\
				return arena_error(into->map.arena);			\
		}									\
	}										\
	return name##_put(into, key, taken) ? 0 : arena_error(into->map.arena);		\
}											\
											\
ARENA_INLINE int name##_merge(struct name *into, struct name *from)			\
{											\
	struct name##_entry *entry = NULL;						\
	int err;									\
											\
	if (into == from)								\
		return 0;								\
	while ((entry = name##_next(from, entry))) {					\
		err = name##_merge_one(into, entry, into->map.arena != from->map.arena); \
		if (err)								\
			return err;							\
		arena_map_erase(&from->map, (size_t)(entry -				\
				(struct name##_entry *)(void *)from->map.entries));	\
	}										\
	name##_clear(from);								\
	return 0;									\
}											\
											\
struct name##_groups_are_declared

#ifdef __cplusplus
}
#endif

#endif /* ARENA_VEC_H */
