#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The inline part of arena_alloc() is five instructions and one branch on its
# hot path, for a size known only at run time, with gcc -O2 on x86-64. Counted
# from the disassembly: what runs from the entry of a function that does just
# that to its return, the branch not taken, the return not counted.

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/alloc.c" <<'C'
#include <arena/arena.h>
void *allocate(struct arena *a, size_t size);
void *allocate(struct arena *a, size_t size) { return arena_alloc(a, size); }
C

# Compile with a compiler, print "INSTRUCTIONS BRANCHES" of the hot path.
count() {
	"$1" -O2 -std=gnu11 -Iuserlib/include -c "$work/alloc.c" -o "$work/alloc.o" &&
	objdump -d --no-show-raw-insn "$work/alloc.o" | awk '
		/<allocate>:/ { inside = 1; next }
		!inside || !/^ *[0-9a-f]+:/ { next }
		$2 ~ /^ret/ { print others + 0, branches + 0; exit }
		$2 ~ /^(endbr64|nop|notrack)/ { next }
		$2 ~ /^jmp|^call/ { exit }
		$2 ~ /^j/ { branches++; next }
		{ others++ }'
}

hot_path_is_short() {
	local figures others branches
	figures=$(count "$1") || return
	read -r others branches <<< "$figures"
	echo "$1: ${others:-none} instructions, ${branches:-none} branches"
	objdump -d --no-show-raw-insn "$work/alloc.o"
	[ -n "$others" ] && [ "$others" -ge 3 ] && [ "$others" -le 5 ] &&
		[ "$branches" = 1 ]
}

if [ "$(uname -m)" != x86_64 ]; then
	skip 'arena_alloc is short' 'not x86-64'
	tap_done
fi
for compiler in gcc clang; do
	if command -v $compiler >/dev/null; then
		check "arena_alloc by $compiler: at most 5 instructions and 1 branch" \
			hot_path_is_short $compiler
	else
		skip "arena_alloc by $compiler" "no $compiler"
	fi
done
tap_done
