#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The installed library can be used, and the README's program works.

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
lib=$root/usr/lib

installs() {
	make -s install DESTDIR="$root" PREFIX=/usr
}

# Print the first C block of the README.
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

# exports_only LIBRARY MAP...
exports_only() {
	local library=$1
	shift
	diff <(nm -D --defined-only "$lib/$library" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort) \
	     <(sed -n 's/^\t\(arena_[a-z0-9_]*\);$/\1/p' "$@" | sort)
}

# Kbuild does not run depmod if the kernel's headers have no System.map.
modprobe_will_find_the_module() {
	local headers=$root/headers
	mkdir -p "$headers/include/generated"
	echo '#define UTS_RELEASE "6.1.0-1-test"' > "$headers/include/generated/utsrelease.h"
	echo 'modules_install: ;' > "$headers/Makefile"
	[ "$(make -s modules_install DESTDIR= DEPMOD=echo KDIR="$headers")" = 6.1.0-1-test ] &&
		[ -z "$(make -s modules_install DESTDIR="$root" DEPMOD=echo KDIR="$headers")" ]
}

# Load the inline functions from libarena-ffi.so, as a language does that cannot read
# headers.
inline_functions_can_be_loaded() {
	cat > "$root/load.c" <<'C'
#include <dlfcn.h>
int main(int argc, char **argv)
{
	void *library = dlopen(argv[argc - 1], RTLD_NOW), *a, *memory;
	int (*create)(void **, const void *) = dlsym(library, "arena_create");
	void *(*alloc)(void *, unsigned long) = dlsym(library, "arena_alloc");
	void (*destroy)(void *) = dlsym(library, "arena_destroy");

	if (create(&a, 0) || !(memory = alloc(a, 100)))
		return 1;
	*(char *)memory = 1;
	destroy(a);
	return 0;
}
C
	gcc "$root/load.c" -o "$root/load" && "$root/load" "$lib/libarena-ffi.so.0"
}

# Programs are built with the options that pkg-config prints.
pkg_config() {
	PKG_CONFIG_PATH='' PKG_CONFIG_LIBDIR=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root \
		PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 pkg-config "$@"
}

pkg_config_says_how_to_build() {
	! grep '@' "$lib"/pkgconfig/libarena*.pc &&
		[ "$(pkg_config --modversion libarena libarena-ffi | sort -u)" = \
			"$(sed -n 's/^.define ARENA_VERSION_STRING.*"\(.*\)"/\1/p' \
				userlib/include/arena/stats.h)" ] &&
		[[ "$(pkg_config --libs libarena-ffi)" == *-larena-ffi* ]] &&
		gcc -O2 -std=gnu11 $(pkg_config --cflags libarena) examples/hello.c \
			-o "$root/configured" $(pkg_config --libs libarena) &&
		LD_LIBRARY_PATH=$lib "$root/configured" > "$root/configured.out" &&
		printf 'hello world, %s\n' 100 121 144 | diff - "$root/configured.out"
}

# probes LIBRARY - print each probe and the number of its arguments
probes() {
	readelf -n "$1" | awk '$1 == "Provider:" { provider = $2 }
		$1 == "Name:" { name = $2 }
		$1 == "Arguments:" && provider == "libarena" { print name, NF - 1 }' | sort -u
}

# A program may have any name that is not public, e.g. arena_die().
static_library_has_public_names_only() {
	diff <(sed -n 's/^\t\(arena_[a-z0-9_]*\);$/\1/p' userlib/libarena.map | sort) \
		<(nm -g --defined-only "$lib/libarena.a" | awk '$3 ~ /^arena_/ { print $3 }' | sort)
}

has_probes() {
	printf '%s\n' 'commit 3' 'create 3' 'destroy 2' 'release 3' 'reset 2' |
		diff - <(probes "$1")
}

cxx() {
	g++ -std=c++17 -O2 -Wall -Wextra -Werror -I"$root/usr/include" "$@" "$lib/libarena.a"
}

# Functions that a macro declares must not cause warnings if they are unused.
containers_compile_without_warnings() {
	local compiler
	for compiler in gcc clang; do
		command -v $compiler > /dev/null || continue
		$compiler -std=gnu11 -O2 -Wall -Wextra -Werror -I"$root/usr/include" \
			-fsyntax-only examples/querymap.c examples/groupmerge.c || return
	done
}

# compile COMPILER LANGUAGE STANDARD - standard input compiles without a warning
compile() {
	"$1" -x "$2" -std="$3" -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow \
		-Wcast-align -Werror -I"$root/usr/include" -fsyntax-only -
}

# all_standards LANGUAGE STANDARD... - each header by itself compiles without a warning by
# the first standard, and all of them together by the others
all_standards() {
	local language=$1 first=$2 compiler header standard
	shift 2
	for compiler in gcc clang; do
		command -v $compiler > /dev/null || continue
		for header in userlib/include/arena/*.h; do
			echo "#include <arena/${header##*/}>" |
				compile $compiler "$language" "$first" || return
		done
		for standard; do
			printf '#include <arena/%s>\n' $(basename -a userlib/include/arena/*.h) |
				compile $compiler "$language" "$standard" || return
		done
	done
}
headers_are_c() {
	all_standards c c11 c17 c2x
}
headers_are_cxx() {
	all_standards c++ c++11 c++14 c++17 c++20 c++2b
}

# Programs may be compiled without exceptions, without type information, or without both.
classes_need_no_exceptions() {
	local compiler options
	for compiler in g++ clang++; do
		command -v $compiler > /dev/null || continue
		for options in -fno-exceptions -fno-rtti '-fno-exceptions -fno-rtti'; do
			# shellcheck disable=SC2086
			echo '#include <arena/arena.hpp>' |
				$compiler -x c++ -std=c++17 -Wall -Wextra -Werror $options \
					-I"$root/usr/include" -fsyntax-only - || return
		done
	done
}

tables_are_cxx() {
	local standard
	for standard in 11 14 17 20; do
		g++ -std=c++$standard -O2 -Wall -Wextra -Werror -I"$root/usr/include" \
			selftests/cxx_tables.cc "$lib/libarena.a" -o "$root/tables" &&
			"$root/tables" && ARENA_CHECKED=1 "$root/tables" || return
	done
}

containers_live_in_an_arena() {
	cxx selftests/cxx.cc -o "$root/cxx" && "$root/cxx" && ARENA_CHECKED=1 "$root/cxx"
}

words_are_counted() {
	cxx examples/words.cc -o "$root/words" &&
		"$root/words" < README.md > "$root/words.out" &&
		diff <(tr -s '[:space:]' '\n' < README.md | grep . | LC_ALL=C sort |
			LC_ALL=C uniq -c | LC_ALL=C sort -k 1,1nr -k 2 | head -n 10 |
			awk '{ print $1, $2 }') "$root/words.out"
}

# -DARENA_CHECKED=1 is set for a program only, not for the library.
checks_can_be_compiled_in() {
	cat > "$root/checked.c" <<'C'
#include <arena/arena.h>
int main(void)
{
	struct arena *a;
	return arena_create(&a, NULL) || arena_check(a) != EXPECTED;
}
C
	local value
	for value in 0 1; do
		gcc -std=gnu11 -Wall -Werror -DARENA_CHECKED=$value -DEXPECTED=$value \
			-I"$root/usr/include" "$root/checked.c" -o "$root/checked" \
			"$lib/libarena.a" && "$root/checked" || return
	done
}

check 'make install' installs
check 'modprobe will find the module' modprobe_will_find_the_module
check 'the program in the README is examples/hello.c' readme_has_an_example
check 'it builds and runs with the shared library' build_and_run shared -L"$lib" -larena
check 'and with the static one' build_and_run static "$lib/libarena.a"
check '-DARENA_CHECKED=1 makes arenas checked' checks_can_be_compiled_in
check 'the shared library exports what its map names' \
	exports_only libarena.so userlib/libarena.map
check 'the one for other languages, the inline functions, too' \
	exports_only libarena-ffi.so userlib/libarena.map userlib/libarena-ffi.map
check 'the static library has public names only' static_library_has_public_names_only
check 'they can be loaded' inline_functions_can_be_loaded
check 'the headers compile as C11 to C23 without warnings' headers_are_c
check 'what macros declare compiles without warnings' containers_compile_without_warnings
check 'pkg-config says how to build' pkg_config_says_how_to_build
if echo '#include <sys/sdt.h>' | gcc -E - > /dev/null 2>&1; then
	check 'the library has its probes' has_probes "$lib/libarena.so"
else
	skip 'the library has its probes' 'no systemtap-sdt-dev'
fi
if command -v g++ >/dev/null; then
	check 'the headers compile as C++11 to C++23 without warnings' headers_are_cxx
	check 'arena.hpp needs neither exceptions nor RTTI' classes_need_no_exceptions
	check 'and what their macros declare, which works there' tables_are_cxx
	check 'containers of C++ live in an arena' containers_live_in_an_arena
	check 'examples/words.cc counts as sort and uniq do' words_are_counted
else
	skip 'the headers compile as C++' 'no g++'
fi
tap_done
