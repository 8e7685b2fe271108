/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Arrays that grow, in arenas, and maps from strings to them.
 *
 * ARENA_VEC(ints, int) declares struct ints, struct ints_slice and the functions ints_init(),
 * ints_push() and so on; ARENA_GROUPS(lines, long) a map from strings to such arrays. See
 * there.
 *
 * The last allocation of its arena grows in place, if its elements' alignment is no more than
 * ARENA_ALIGN, any other one to twice its size elsewhere; there is nothing to free, and an array
 * may be forgotten at any time.
 */
#ifndef ARENA_VEC_H
#define ARENA_VEC_H

#include <arena/map.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct arena_vec - what all arrays are made of
 * @arena: where it is
 * @length: how many elements there are
 * @room: how many there is memory for
 *
 * Private but for @length.
 */
struct arena_vec {
	struct arena *arena;
	size_t length;
	size_t room;
};

/* Memory for n elements at least; where it is then, or NULL. */
ARENA_NODISCARD
void *arena_vec_grow(struct arena_vec *v, void *data, size_t n, size_t size, size_t align);
/* As much as there are; where it is then. */
ARENA_NODISCARD
void *arena_vec_fit(struct arena_vec *v, void *data, size_t size, size_t align);

/**
 * ARENA_VEC() - declare an array that grows
 * @name: its name
 * @type: the type of its elements
 *
 * Declares, with a semicolon behind it, struct @name, whose @data is the elements and whose
 * @vec.length how many, struct @name_slice, which can be read alone and has @data and
 * @length, and
 *
 * int name_init(struct name *v, struct arena *a, size_t expect)
 *	An empty array, with room for that many elements, which may be 0. 0, or what
 *	arena_error() says.
 * int name_reserve(struct name *v, size_t n)
 *	Make room for that many elements in all. 0, or what arena_error() says.
 * size_t name_length(const struct name *v)
 *	How many there are.
 * type *name_push(struct name *v, type element)
 *	Append an element. Where it is, or NULL if there is no memory.
 * int name_append(struct name *v, type const *elements, size_t n)
 *	Append elements, which may be those of @v. 0, or what arena_error() says, with none
 *	appended.
 * bool name_pop(struct name *v, type *element)
 *	Take the last element, and set *element to it. Whether there was one.
 * void name_truncate(struct name *v, size_t n)
 *	Keep the first n elements, if there are so many; the memory, too.
 * void name_fit(struct name *v)
 *	Give back the memory of what there is none, if it is the arena's last allocation.
 * struct name_slice name_slice(const struct name *v, size_t from, size_t to)
 *	The elements from one to the one before another, nothing copied; fewer or none where
 *	there are no such. Good until they move.
 *
 * Whatever adds an element, or room, and name_fit() may move all of them.
 */
/* @type may be a pointer, or called as a variable here is: hence where const is, and sizeof. */
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
	/* The length is not read again, which the element could be for all it knows. */ \
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
 * ARENA_GROUPS() - declare a map from strings to arrays that grow
 * @name: its name
 * @type: the type of the arrays' elements
 *
 * Declares ARENA_VEC(name_values, type), ARENA_STR_MAP(name, struct name_values), and
 *
 * type *name_add(struct name *m, struct arena_str key, type value)
 *	Append a value to the array of a key, which is made if there is none. Where it is, or
 *	NULL if there is no memory: the key may be there then, with an empty array.
 * int name_merge(struct name *into, struct name *from)
 *	Append each array of a map to that of the same key in another. Within an arena, what
 *	is new there is taken over as it is, and what is not is copied as a whole; between
 *	arenas, keys and arrays are copied. @from is empty then. 0, or what arena_error() says:
 *	what had been moved until then is in @into, the rest is in @from, and nothing in both.
 *
 * Keys get their arrays by these two: one that name_get_or_put() made has no arena until then.
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
/* One array, of another arena or not. */						\
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
