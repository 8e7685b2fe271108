/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * libarena for C++17: an owner, a frame, and a std::pmr::memory_resource.
 *
 * The C interface is there as it is; a libarena::arena converts to the pointer that it
 * takes.
 */
#ifndef ARENA_ARENA_HPP
#define ARENA_ARENA_HPP

#include <cstddef>
#include <memory_resource>
#include <new>
#include <system_error>
#include <utility>

#include <arena/arena.h>

namespace libarena {

/**
 * class arena - owns an arena, which ends with it
 *
 * Throws std::system_error with what arena_create() returned. A child has to end before
 * its parent, as what is declared after it does.
 */
class arena {
public:
	explicit arena(const arena_opts *opts = nullptr)
	{
		check(arena_create(&a, opts), "arena_create");
	}
	/* A child of another one. */
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
			throw std::system_error(-err, std::generic_category(), call);
	}

	::arena *a = nullptr;
};

/** class frame - what is allocated while it lives is freed when it ends */
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
 * class memory_resource - memory of an arena for std::pmr containers
 *
 * What a container gives back is free when the arena is rewound or reset, which must not
 * be before the container ends. Throws std::bad_alloc where the arena has none; the
 * function of arena_set_oom() is called before.
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
			throw std::bad_alloc();
		return memory;
	}

	void do_deallocate(void *, std::size_t, std::size_t) override {}

	bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
	{
		auto *same = dynamic_cast<const memory_resource *>(&other);

		return same && same->a == a;
	}

	::arena *a;
};

}

#endif /* ARENA_ARENA_HPP */
