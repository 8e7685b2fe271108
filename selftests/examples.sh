#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# examples.sh FILE... - querymap and groupmerge print the same as their twins with GLib, or,
# if these were not built, as they do themselves without the device. For bash on the host
# and busybox in the guest; finds tap.sh and the programs in PATH.

. tap.sh
export LC_ALL=C

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# make_queries N - print query strings with all types, escapes, duplicates, empty and
# malformed ones
make_queries() {
	awk -v n="$1" 'BEGIN {
		srand(1)
		nr = split("id name tag page price ok a%20b na+me %C3%A4 %00 k", keys, " ")
		keys[++nr] = ""
		for (i = 0; i < n; i++) {
			line = ""
			for (left = int(rand() * 10); left > 0; left--) {
				key = keys[int(rand() * nr) + 1]
				what = int(rand() * 12)
				value = "=" int((rand() - 0.5) * 1000000)
				if (what == 0) value = "=" int(rand() * 1000) "." int(rand() * 1000)
				if (what == 1) value = "=" int(rand() * 100) "e-" int(rand() * 20)
				if (what == 2) value = "=true"
				if (what == 3) value = "=false"
				if (what == 4) value = "="
				if (what == 5) value = ""
				if (what == 6) value = "=Alice+%26%20Bob"
				if (what == 7) value = "=0" int(rand() * 10)
				if (what == 8) value = "=9223372036854775" int(rand() * 900 + 100)
				if (what == 9) value = "=%2B%25=%3d%00x"
				if (what == 10) value = "=%31%32"
				line = line (rand() < 0.1 ? "&&" : line == "" ? "" : "&") key value
			}
			print line (rand() < 0.01 ? "&x=%4" : "")
		}
	}'
}

# like_its_twin STATUS NAME FILE... - true if both exit with STATUS and print the same
# output and messages
like_its_twin() {
	status=$1 name=$2
	shift 2
	twin=${name}_glib
	[ -z "$has_twins" ] && twin="env ARENA_BACKING=anon $name"
	# shellcheck disable=SC2086
	$twin "$@" > "$folder/expected" 2> "$folder/expected.err"
	[ $? = "$status" ] || return
	sed 's/_glib//' "$folder/expected.err" > "$folder/errors"
	"$name" "$@" > "$folder/out" 2> "$folder/err"
	[ $? = "$status" ] && [ -s "$folder/out" ] &&
		diff "$folder/expected" "$folder/out" && diff "$folder/errors" "$folder/err"
}

reads_standard_input() {
	printf 'a=1&b=x\n\na=2&a=%%41' | querymap > "$folder/out" &&
		grep -q '^requests 3, bad 0$' "$folder/out" &&
		grep -q '^pairs 4, of a key before 1$' "$folder/out" &&
		grep -q '^integers 2, sum 3$' "$folder/out" &&
		grep -q '^strings 2, bytes 2$' "$folder/out" &&
		grep -q '^ *3 a$' "$folder/out" || { cat "$folder/out"; return 1; }
}

says_which_line_is_bad() {
	printf 'a=1\na=%%41&b=%%4\n%%\n' > "$folder/bad"
	querymap "$folder/bad" > "$folder/out" 2> "$folder/err"
	[ $? = 1 ] && grep -q '^requests 3, bad 2$' "$folder/out" &&
		printf "querymap: $folder/bad:%s: no escape at byte %s\n" 2 9 3 1 |
		diff - "$folder/err"
}

# fails_on_a_missing_file NAME FILE... - true if the program fails, but reads the other
# files
fails_on_a_missing_file() {
	name=$1
	shift
	"$name" "$@" > "$folder/expected" || return
	"$name" /no/such/file "$@" > "$folder/out" 2> "$folder/err"
	[ $? = 1 ] && grep -q "^$name: /no/such/file: " "$folder/err" &&
		[ "$(wc -l < "$folder/out")" = "$(wc -l < "$folder/expected")" ]
}

has_twins=$(command -v querymap_glib)
make_queries 20000 > "$folder/queries"
grep -v '%4$' "$folder/queries" > "$folder/good"

check 'querymap and its twin, on good query strings' like_its_twin 0 querymap "$folder/good"
check 'querymap and its twin, where some are bad' \
	like_its_twin 1 querymap "$folder/queries" "$folder/good"
check 'querymap and its twin, on an empty file' like_its_twin 0 querymap /dev/null
check 'querymap reads standard input' reads_standard_input
check 'querymap says which line is bad' says_which_line_is_bad
check 'querymap without a file fails' fails_on_a_missing_file querymap "$folder/good"
check 'groupmerge and its twin' like_its_twin 0 groupmerge "$@"
check 'groupmerge and its twin, on the same file again' \
	like_its_twin 0 groupmerge "$1" "$folder/good" "$1"
check 'groupmerge and its twin, on an empty file' like_its_twin 0 groupmerge /dev/null
check 'groupmerge without a file fails' fails_on_a_missing_file groupmerge "$1"
tap_done
