#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is installed can be used, and the README's program is one that works.

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
lib=$root/usr/lib

installs() {
	make -s install DESTDIR="$root" PREFIX=/usr
}

# The first C block of the README, as a file.
readme_program() {
	awk '/^```c$/ { inside = 1; next } /^```$/ { if (inside) exit }
	     inside' README.md
}

readme_has_an_example() {
	diff <(readme_program) <(grep -v SPDX examples/hello.c)
}

# build_and_run NAME LINK-OPTION...
build_and_run() {
	local program=$root/$1
	shift
	gcc -O2 -std=gnu11 -Wall -Werror -I"$root/usr/include" examples/hello.c \
		-o "$program" "$@" &&
	LD_LIBRARY_PATH=$lib "$program" > "$program.out" &&
	printf 'hello world, %s\n' 100 121 144 | diff - "$program.out"
}

exports_only_the_map() {
	diff <(nm -D --defined-only "$lib/libarena.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort) \
	     <(sed -n 's/^\t\(arena_[a-z_]*\);$/\1/p' userlib/libarena.map | sort)
}

pkg_config_file_is_filled_in() {
	grep -q '^prefix=/usr$' "$lib/pkgconfig/libarena.pc" &&
		! grep -q '@' "$lib/pkgconfig/libarena.pc"
}

# A header that C++ programs can include.
header_is_cxx() {
	echo '#include <arena/arena.h>' |
		g++ -x c++ -Wall -Werror -I"$root/usr/include" -fsyntax-only -
}

check 'make install' installs
check 'the program in the README is examples/hello.c' readme_has_an_example
check 'it builds and runs with the shared library' build_and_run shared -L"$lib" -larena
check 'and with the static one' build_and_run static "$lib/libarena.a"
check 'the shared library exports what its map names' exports_only_the_map
check 'the pkg-config file is filled in' pkg_config_file_is_filled_in
if command -v g++ >/dev/null; then
	check 'the header compiles as C++' header_is_cxx
else
	skip 'the header compiles as C++' 'no g++'
fi
tap_done
