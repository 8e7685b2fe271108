// SPDX-License-Identifier: GPL-2.0-only
/* C++ maps: standard library, Abseil and Boost. Lookups do not copy strings. */
#include <string>
#include <string_view>
#include <unordered_map>
#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "maps.h"

/* The standard library's hash is well mixed, so Boost need not mix it again. */
struct hash {
	using is_transparent = void;
	using is_avalanching = void;
	size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
};

using std_map = std::unordered_map<std::string, int64_t, hash, std::equal_to<>>;
using absl_map = absl::flat_hash_map<std::string, int64_t>;
using boost_map = boost::unordered_flat_map<std::string, int64_t, hash, std::equal_to<>>;

template <class Map> static void *build(const struct key *keys, size_t n, size_t hint)
{
	Map *m = new Map;

	if (hint)
		m->reserve(hint);
	for (size_t i = 0; i < n; i++)
		(*m)[std::string(keys[i].data, keys[i].length)] = i;
	return m;
}

template <class Map, class View> static uint64_t sum(void *map, const struct key *keys, size_t n)
{
	const Map *m = static_cast<const Map *>(map);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		auto found = m->find(View(keys[i].data, keys[i].length));

		sum += found == m->end() ? 1 : found->second;
	}
	return sum;
}

template <class Map> static void drop(void *map)
{
	delete static_cast<Map *>(map);
}

extern "C" {
const struct peer std_peer = { "std::unordered_map", true, build<std_map>,
			       sum<std_map, std::string_view>, drop<std_map> };
const struct peer absl_peer = { "absl::flat_hash_map", true, build<absl_map>,
				sum<absl_map, absl::string_view>, drop<absl_map> };
const struct peer boost_peer = { "boost::unordered_flat_map", true, build<boost_map>,
				 sum<boost_map, std::string_view>, drop<boost_map> };
}
