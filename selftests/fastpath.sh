#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The inline part of arena_alloc() takes five instructions and one branch on its hot path
# for a size that is known only at run time, and four instructions and one branch for a size
# known at compile time, with -O2 on x86-64. Counted in the disassembly of a function that
# only makes this call, from its entry to its return, excluding the return, with the branch
# not taken. The hot path has no lock, no atomic operation and no thread-local access.

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/alloc.c" <<'C'
#include <arena/arena.h>
struct node { struct node *next; char name[13]; };
void *alloc_size(struct arena *a, size_t size) { return arena_alloc(a, size); }
void *alloc_24(struct arena *a) { return arena_alloc(a, 24); }
void *new_node(struct arena *a) { return arena_new(a, struct node); }
void *try_24(struct arena *a) { return arena_try_alloc(a, 24); }
C

disassemble() {
	"$1" -O2 -std=gnu11 -Iuserlib/include -c "$work/alloc.c" -o "$work/alloc.o" &&
		objdump -d --no-show-raw-insn --disassemble="$2" "$work/alloc.o"
}

# count FUNCTION - print "INSTRUCTIONS BRANCHES" of the hot path, given a disassembly
count() {
	awk -v entry="<$1>:" '
		index($0, entry) { inside = 1; next }
		/lock|%fs|%gs|xchg/ && inside { exit }
		!inside || !/^ *[0-9a-f]+:/ { next }
		$2 ~ /^ret/ { print others + 0, branches + 0; exit }
		$2 ~ /^(endbr64|nop|notrack)/ { next }
		$2 ~ /^jmp|^call/ { exit }
		$2 ~ /^j/ { branches++; next }
		{ others++ }'
}

# hot_path_is_short COMPILER FUNCTION MOST
hot_path_is_short() {
	local figures others branches
	disassemble "$1" "$2" > "$work/listing" || return
	figures=$(count "$2" < "$work/listing")
	read -r others branches <<< "$figures"
	echo "$1, $2: ${others:-none} instructions, ${branches:-none} branches"
	cat "$work/listing"
	[ -n "$others" ] && [ "$others" -ge 3 ] && [ "$others" -le "$3" ] &&
		[ "$branches" = 1 ]
}

if [ "$(uname -m)" != x86_64 ]; then
	skip 'arena_alloc is short' 'not x86-64'
	tap_done
fi
for compiler in gcc clang; do
	if command -v $compiler >/dev/null; then
		check "arena_alloc by $compiler: at most 5 instructions and 1 branch" \
			hot_path_is_short $compiler alloc_size 5
		for function in alloc_24 new_node try_24; do
			check "$function by $compiler: at most 4 instructions and 1 branch" \
				hot_path_is_short $compiler $function 4
		done
	else
		skip "arena_alloc by $compiler" "no $compiler"
	fi
done
tap_done
