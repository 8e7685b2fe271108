/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * libarena for C++17: an owner, a frame, and a std::pmr::memory_resource.
 *
 * The C interface is available unchanged: a libarena::arena converts to the pointer that
 * the C functions take. Where a failure would throw, a program that is compiled with
 * -fno-exceptions ends by std::abort().
 */
#ifndef ARENA_ARENA_HPP
#define ARENA_ARENA_HPP

#include <cstddef>
#include <cstdlib>
#include <memory_resource>
#include <new>
#include <system_error>
#include <utility>

#include <arena/arena.h>

#ifdef __cpp_exceptions
#define LIBARENA_THROW(exception)	throw exception
#else
#define LIBARENA_THROW(exception)	std::abort()
#endif

namespace libarena {

/**
 * class arena - owns an arena and destroys it in its destructor
 *
 * The constructors throw std::system_error with the error of arena_create() or
 * arena_create_child(). A child must be destroyed before its parent, as it is if it is
 * declared after the parent.
 */
class arena {
public:
	explicit arena(const arena_opts *opts = nullptr)
	{
		check(arena_create(&a, opts), "arena_create");
	}
	/* Create a child of @parent. */
	arena(::arena *parent, const arena_opts &opts)
	{
		check(arena_create_child(&a, parent, &opts), "arena_create_child");
	}
	arena(arena &&other) noexcept : a(std::exchange(other.a, nullptr)) {}
	arena &operator=(arena &&other) noexcept
	{
		std::swap(a, other.a);
		return *this;
	}
	~arena() { arena_destroy(a); }

	::arena *get() const noexcept { return a; }
	operator ::arena *() const noexcept { return a; }

private:
	static void check(int err, const char *call)
	{
		if (err)
			LIBARENA_THROW(std::system_error(-err, std::generic_category(), call));
		(void)call;
	}

	::arena *a = nullptr;
};

/** class frame - frees in its destructor what was allocated since its construction */
class frame {
public:
	explicit frame(::arena *a) noexcept : a(a), mark(arena_save(a)) {}
	frame(const frame &) = delete;
	frame &operator=(const frame &) = delete;
	~frame() { arena_rewind(a, mark); }

private:
	::arena *a;
	arena_mark mark;
};

/**
 * class memory_resource - provides the memory of an arena to std::pmr containers
 *
 * Memory that a container deallocates is not free until the arena is rewound or reset,
 * which must not happen before the container is destroyed. Throws std::bad_alloc if the
 * arena has no memory; the out-of-memory handler is called first (see arena_set_oom()).
 */
class memory_resource : public std::pmr::memory_resource {
public:
	explicit memory_resource(::arena *a) noexcept : a(a) {}

	::arena *get() const noexcept { return a; }

private:
	void *do_allocate(std::size_t bytes, std::size_t alignment) override
	{
		void *memory = arena_alloc_aligned(a, bytes, alignment);

		if (!memory)
			LIBARENA_THROW(std::bad_alloc());
		return memory;
	}

	void do_deallocate(void *, std::size_t, std::size_t) override {}

	bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
	{
#ifdef __cpp_rtti
		auto *same = dynamic_cast<const memory_resource *>(&other);

		return same && same->a == a;
#else
		return this == &other;
#endif
	}

	::arena *a;
};

}

#undef LIBARENA_THROW

#endif /* ARENA_ARENA_HPP */
