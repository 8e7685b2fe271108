/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * words - count the words of standard input, in containers that live in an
 * arena
 *
 * Prints the ten most frequent words.
 */
#include <algorithm>
#include <iostream>
#include <string>
#include <unordered_map>
#include <vector>

#include <arena/arena.hpp>

int main()
{
	libarena::arena arena;
	libarena::memory_resource memory(arena);
	std::pmr::unordered_map<std::pmr::string, long> counts(&memory);
	std::pmr::string word(&memory);

	while (std::cin >> word)
		counts[word]++;

	std::pmr::vector<std::pair<std::string_view, long>> all(counts.begin(), counts.end(),
								&memory);
	std::sort(all.begin(), all.end(), [](auto &one, auto &two) {
		return one.second != two.second ? one.second > two.second :
						  one.first < two.first;
	});
	if (all.size() > 10)
		all.resize(10);
	for (auto &[text, count] : all)
		std::cout << count << ' ' << text << '\n';
}
