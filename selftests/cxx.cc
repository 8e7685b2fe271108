// SPDX-License-Identifier: GPL-2.0-only
/* Tests of arena.hpp, built and run by install.sh; print each unmet expectation. */
#include <iostream>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include <arena/arena.hpp>

static int failures;

#define EXPECT(what) do {						\
	if (!(what)) {							\
		std::cout << __LINE__ << ": not so: " #what "\n";	\
		failures++;						\
	}								\
} while (0)

static std::size_t used(::arena *a)
{
	arena_stats stats = {};

	stats.size = sizeof(stats);
	return arena_stats_get(a, &stats) ? 0 : stats.used;
}

static bool is_in(::arena *a, const void *memory)
{
	auto addr = reinterpret_cast<std::uintptr_t>(memory);
	auto top = reinterpret_cast<std::uintptr_t>(a->base) + a->left;

	return addr >= top && addr < top + used(a);
}

static arena_opts options(std::size_t reserve, std::size_t limit)
{
	arena_opts opts = {};

	opts.size = sizeof(opts);
	opts.reserve = reserve;
	opts.limit = limit;
	return opts;
}

static void containers()
{
	libarena::arena a;
	libarena::memory_resource memory(a), same(a);
	libarena::arena other;
	libarena::memory_resource another(other);

	EXPECT(memory == same);
	EXPECT(memory != another);
	EXPECT(memory != *std::pmr::new_delete_resource());

	std::pmr::vector<std::pmr::string> strings(&memory);
	std::pmr::map<int, std::pmr::string> by_number(&memory);
	std::pmr::unordered_map<std::pmr::string, int> by_name(&memory);
	std::pmr::list<double> list(&memory);
	for (int i = 0; i < 10000; i++) {
		std::string text = "a string that is too long to be in place " + std::to_string(i);

		strings.emplace_back(text);
		by_number.emplace(i, text);
		by_name[std::pmr::string(text)] = i;
		list.push_back(i);
	}
	for (int i = 0; i < 10000; i++) {
		EXPECT(by_number[i] == strings[i]);
		EXPECT(by_name[strings[i]] == i);
	}
	EXPECT(is_in(a, strings.data()));
	EXPECT(is_in(a, strings[5000].data()));
	EXPECT(is_in(a, by_number[5000].data()));
	EXPECT(is_in(a, &list.back()));
	EXPECT(used(other) == 0);

	/* The contents move to the arena of the new allocator. */
	std::pmr::vector<std::pmr::string> moved(std::move(strings), &another);
	EXPECT(is_in(other, moved[5000].data()));
}

static void alignments()
{
	struct alignas(256) wide { char c; };
	libarena::arena a;
	libarena::memory_resource memory(a);
	std::pmr::vector<wide> wides(100, &memory);

	EXPECT(reinterpret_cast<std::uintptr_t>(wides.data()) % 256 == 0);
}

static void limits()
{
	arena_opts opts = options(0, 100000);
	libarena::arena a(&opts);
	libarena::memory_resource memory(a);
	std::pmr::vector<int> ints(&memory);
	bool is_caught = false;

	try {
		for (;;)
			ints.push_back(1);
	} catch (const std::bad_alloc &) {
		is_caught = true;
	}
	EXPECT(is_caught);
	EXPECT(arena_error(a) == -EDQUOT);
	is_caught = false;
	opts.nodes = 1000;
	try {
		libarena::arena wrong(&opts);
	} catch (const std::system_error &error) {
		is_caught = error.code() == std::errc::invalid_argument;
	}
	EXPECT(is_caught);
}

static void frames()
{
	libarena::arena a;
	std::size_t before;
	int *kept = arena_new(a, int), *array = arena_new_array(a, int, 100);

	EXPECT(kept && array);
	before = used(a);
	try {
		libarena::frame frame(a);

		EXPECT(arena_alloc(a, 10000) != nullptr);
		EXPECT(used(a) > before);
		throw 1;
	} catch (int) {
	}
	EXPECT(used(a) == before);
	{
		ARENA_FRAME(a);
		EXPECT(arena_alloc(a, 10000) != nullptr);
	}
	EXPECT(used(a) == before);
}

static void owners()
{
	libarena::arena a;
	::arena *raw = a;
	libarena::arena b(std::move(a));
	libarena::arena child(b, options(10000, 0)), moved;

	EXPECT(b.get() == raw);
	EXPECT(a.get() == nullptr);
	EXPECT(is_in(b, arena_alloc(child, 100)));
	moved = std::move(child);
	EXPECT(used(moved) > 0);
	EXPECT(used(b) >= 10000);
}

int main()
{
	containers();
	alignments();
	limits();
	frames();
	owners();
	return failures != 0;
}
