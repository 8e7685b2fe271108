#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The manual pages document all that is public and nothing else, and agree with the headers;
# the programs in them and in the rest of the documentation compile and print the stated
# output.
#
# Public declarations have a comment right above them that begins with their name:
#
#	/**
#	 * arena_alloc - allocate		a function
#	 * ARENA_FRAME() - rewind		a macro
#	 * enum arena_nodes - on which		and its constants
#	/** ARENA_ALIGN - alignment */		a constant
#
# Flags (1u << something) are public, too. All other declarations exist for use by the
# headers themselves and are on no page, even if the library exports them. A macro that
# declares functions lists them in its comment, each on one or more lines:
#
#	 * type *name_get(const struct name *m, uint64_t key)

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh

pages=Documentation/man
headers=(userlib/include/arena/*.h)
uapi=uapi/linux/arena.h

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
lib=$root/usr/lib
man=$root/usr/share/man

# The pages show the output of examples in the default environment.
unset "${!ARENA_@}"

# --- contents of a page --------------------------------------------------------

# names_in PAGE... - print "page.3 name" for each name in a NAME section
names_in() {
	awk '{ page = FILENAME; sub(/.*\//, "", page) }
		/^\.Nd / { nextfile }
		/^\.Nm / { print page, $2 }' "$@"
}

# prototypes_in PAGE... - print "name: type | argument, argument" for each in a SYNOPSIS
prototypes_in() {
	awk '/^\.Sh / { inside = $2 == "SYNOPSIS"; type = "" }
		inside && /^\.Ft / { sub(/^\.Ft /, ""); gsub(/"/, ""); type = $0 }
		inside && /^\.Fn / {
			name = $2
			sub(/^\.Fn [^ ]* */, "")
			for (all = ""; match($0, /^("[^"]*"|[^ "]+) */); all = all argument) {
				argument = substr($0, 1, RLENGTH)
				$0 = substr($0, RLENGTH + 1)
				gsub(/"| +$/, "", argument)
				argument = (all == "" ? "" : ", ") argument
			}
			print name ": " type " | " all
			type = ""
		}' "$@"
}

# members_in PAGE... - print "structure typemember" for each in a list that begins with a
# size
members_in() {
	awk '/^\.It Vt / {
			member = $0
			sub(/^\.It Vt /, "", member)
			sub(/ Va /, "", member)
			gsub(/[ "]/, "", member)
			if (member != "size_tsize")
				print structure, member
		}
		/^\.Li sizeof\(struct / {
			structure = $3
			sub(/\).*/, "", structure)
			print structure, "size_tsize"
		}' "$@"
}

# declared_on PAGE - print "type name_get(argument, argument)" for each function that the
# page says its macros declare
declared_on() {
	sed 's/^\.Sh DESCRIPTION/.Sh SYNOPSIS/' "$1" > "$root/described"
	prototypes_in "$root/described" |
		sed -nE 's/^(name_[a-z0-9_]+): ([^ ].*) \| (.*)$/\2 \1(\3)/p' |
		sed 's/\* name_/*name_/' | sort
}

# errors_in PAGE - print the error codes of its ERRORS section
errors_in() {
	awk '/^\.Sh / { inside = $2 == "ERRORS" } inside' "$1" |
		grep -oE 'Er E[A-Z0-9]+' | sed 's/Er //' | sort -u
}

# display PAGE N - print the Nth literal display of the EXAMPLES section
display() {
	awk -v n="$2" '/^\.Sh / { inside = $2 == "EXAMPLES" }
		/^\.Ed/ { shown = 0 }
		inside && shown && nr == n
		inside && /^\.Bd -literal/ { nr++; shown = 1 }' "$1" |
		sed "s/^\\\\&//; s/\\\\-/-/g; s/\\\\(aq/'/g; s/\\\\(ga/\`/g; s/\\\\(ha/^/g
			s/\\\\(ti/~/g; s/\\\\e/\\\\/g"
}

# --- contents of the headers ------------------------------------------------------

# Print "function name header" for each public function, likewise for macros and constants.
public() {
	awk '/^#define ARENA_[A-Z0-9_]+\t+\(1u << / { print "constant", $2, FILENAME }
		/^\/\*\*( |$)/ { inside = 1; name = $2 }
		inside && name == "" && /^ \* / { name = $2 == "enum" ? $2 " " $3 : $2 }
		inside { is_next = /\*\//; inside = !is_next; next }
		/^}/ { in_enum = 0 }
		in_enum && /^\tARENA_/ { sub(/,.*/, "", $1); print "constant", $1, FILENAME }
		!is_next { next }
		$0 == name " {" { in_enum = 1 }
		/^#define/ {
			if (sub(/\(\)$/, "", name))
				kind = sub(/\(.*/, "", $2) ? "macro" : "none"
			else
				kind = "constant"
			if ($2 == name)
				print kind, name, FILENAME
		}
		name ~ /^arena_[a-z0-9_]+$/ && $0 ~ "[ *]" name "\\(" {
			print "function", name, FILENAME
			is_next = 0
		}
		/[;{]|^#define|^$/ { is_next = 0 }' "${headers[@]}"
}

functions() {
	public | sed -n 's/^function \([^ ]*\) .*/\1/p'
}

macros() {
	public | sed -n 's/^macro \([^ ]*\) .*/\1/p'
}

constants() {
	public | sed -n 's/^constant \([^ ]*\) .*/\1/p'
}

exported() {
	sed -n 's/^\t\(arena_[a-z0-9_]*\);$/\1/p' userlib/libarena*.map
}

# Print "macro | type name_get(argument, argument)" for each function that a macro declares.
declared() {
	awk 'function has_all(text) { return gsub(/\(/, "", text) == gsub(/\)/, "", text) }
		/^\/\*\*$/ { nr = NR; all = "" }
		nr && NR == nr + 1 { name = $2 }
		/\*\// { nr = 0 }
		nr && NR > nr + 1 && name ~ /^[A-Z0-9_]+\(\)$/ {
			sub(/^ \*[ \t]*/, "")
			if (all != "")
				all = all " " $0
			else if (/^[a-z][a-z0-9_ ]* \**name_[a-z0-9_]+\(/)
				all = $0
			if (all == "" || !has_all(all))
				next
			if (all ~ /\)$/)
				print substr(name, 1, length(name) - 2) " | " all
			all = ""
		}' "${headers[@]}"
}

variables() {
	sed -nE 's/.*"(ARENA_[A-Z_]+)".*/\1/p' userlib/src/*.c | sort -u
}

# Print "structure typemember" for each structure whose size member says that it can grow.
members() {
	awk '/^ \* @size: sizeof\(struct / { sub(/.*struct /, ""); sub(/\).*/, ""); can_grow[$0] }
		/^struct arena_[a-z0-9_]* \{$/ { structure = $2 }
		/^}/ { structure = "" }
		structure in can_grow && /;$/ { gsub(/[ \t;]/, ""); print structure, $0 }' \
		"${headers[@]}"
}

# Print "name errno" for each error in a function's comment, and "name other()" for each
# function that it refers to.
said_of_errors() {
	awk '/^\/\*\*/ { name = ""; nr = NR }
		nr && NR == nr + 1 { name = $2; sub(/\(\)$/, "", name) }
		/\*\// { nr = 0 }
		nr && NR > nr + 1 {
			while (match($0, /-E[A-Z0-9]+|arena_[a-z0-9_]+\(\)/)) {
				what = substr($0, RSTART, RLENGTH)
				sub(/^-/, "", what)
				print name, what
				$0 = substr($0, RSTART + RLENGTH)
			}
		}' "${headers[@]}"
}

# Print the lines by which a program includes all headers.
includes() {
	printf '#include <arena/%s>\n' "${headers[@]##*/}"
}

# --- agreement --------------------------------------------------------------------

pages_are_clean() {
	mandoc -T lint -W warning $pages/*.[347]
}

each_name_has_one_page() {
	diff <({ functions; macros; } | sort) <(names_in $pages/*.3 | cut -d ' ' -f 2 | sort)
}

# A function that is exported but not public must be called by inline code.
exported_ones_are_needed() {
	local name
	functions | sort > "$root/functions"
	for name in $(exported | sort | comm -23 - "$root/functions"); do
		[ "$(grep -hv '^ \*' "${headers[@]}" | grep -c "\<$name(")" -gt 1 ] ||
			{ echo "$name has no comment of its own, and no header calls it"; return 1; }
	done
}

# A page includes the headers that declare its names, and no others of the library's. Those
# that arena.h includes need not be named.
pages_include_their_headers() {
	local parts
	parts=$(sed -n 's|^#include <arena/\(.*\)\.h>$|\1|p' userlib/include/arena/arena.h | paste -sd '|')
	[ -n "$parts" ] || return
	public | awk -v parts="^($parts)[.]h$" '$1 != "constant" {
			sub(/.*\//, "", $3); sub(parts, "arena.h", $3); print $2, $3
		}' > "$root/where"
	diff <(names_in $pages/*.3 | awk 'NR == FNR { header[$1] = $2; next }
			{ print $1, "arena/" header[$2] }' "$root/where" - | sort -u) \
		<(awk '/^\.Sh / { inside = $2 == "SYNOPSIS" }
			inside && /^\.In arena\// {
				page = FILENAME; sub(/.*\//, "", page); print page, $2
			}' $pages/*.3 | sort)
}

# A synopsis shows exactly the names that the page has.
synopses_are_complete() {
	local page
	for page in $pages/*.3; do
		diff <(names_in "$page" | cut -d ' ' -f 2 | sort) \
			<(prototypes_in "$page" | grep -v ': typedef' | sed 's/:.*//' | sort) ||
			{ echo "$page"; return 1; }
	done
}

# Assign each function to a pointer of the documented type. Inline functions can be tested
# in this way, too; the others must be in the library.
prototypes_agree() {
	{
		includes
		echo 'int main(void) { return 0; }'
		prototypes_in $pages/*.3 | grep -vwF "$(macros | sed 's/$/:/')" |
			sed -E 's/^(.*): typedef (.*) \| (.*)$/typedef \2 \1(\3);/
				s/^(.*): (.*) \| (.*)$/\2 (*pointer_to_\1)(\3) = \1;/'
	} > "$root/prototypes.c"
	[ "$(grep -c pointer_to_ "$root/prototypes.c")" = "$(functions | wc -l)" ] &&
		compile "$root/prototypes.c" "$lib/libarena.so" -o "$root/prototypes"
}

# A macro declares the functions that its comment and its page list.
declared_ones_agree() {
	local macro page
	declared > "$root/declared"
	for macro in $(cut -d ' ' -f 1 "$root/declared" | sort -u); do
		{
			includes
			echo 'typedef int type;'
			sed -n "s/^#define \($macro([^)]*)\).*/\1;/p" "${headers[@]}"
			sed -nE "s/^$macro \| (.*[ *])(name_[a-z0-9_]+)(\(.*)$/\1(*pointer_to_\2)\3 = \2;/p" \
				"$root/declared"
		} > "$root/declared.c"
		compile -fsyntax-only "$root/declared.c" || return
	done
	for page in $pages/*.3; do
		diff <(awk 'NR == FNR { of[$2]; next }
				$1 in of { sub(/^[^|]*\| /, ""); print }' \
				<(names_in "$page") "$root/declared" | sort) <(declared_on "$page") ||
			{ echo "$page"; return 1; }
	done
	[ -s "$root/declared" ]
}

structures_agree() {
	diff <(members | sort) <(members_in $pages/*.3 | sort)
}

constants_agree() {
	local constant
	for constant in $(constants); do
		grep -qE "Dv $constant( |\$)" $pages/*.3 ||
			{ echo "no page has $constant"; return 1; }
	done
	for constant in $(grep -hoE 'Dv ARENA_[A-Z0-9_]*[A-Z0-9]( |$)' $pages/* | sed 's/Dv //'); do
		grep -qw "$constant" "${headers[@]}" "$uapi" ||
			{ echo "there is no $constant"; return 1; }
	done
}

variables_agree() {
	diff <(variables) <(grep -hoE 'Ev ARENA_[A-Z_]+' $pages/*.3 | sed 's/Ev //' | sort -u) &&
		diff <(variables) <(sed -n 's/^\.It Ev //p' $pages/arena.7 | sort)
}

errors_agree() {
	local page name said=$root/said failed=0
	said_of_errors > "$said"
	for page in $pages/*.3; do
		names_in "$page" | cut -d ' ' -f 2 > "$root/names"
		# The errors that these functions have, and those they may have by reference
		# to others.
		awk 'NR == FNR { of[$1]; next } $1 in of && $2 !~ /\(/ { print $2 }' \
			"$root/names" "$said" | sort -u > "$root/has"
		{
			cat "$root/names"
			awk 'NR == FNR { of[$1]; next } $1 in of && sub(/\(\)/, "", $2) { print $2 }' \
				"$root/names" "$said"
			echo arena_error
		} > "$root/named"
		awk 'NR == FNR { of[$1]; next } $1 in of && $2 !~ /\(/ { print $2 }' \
			"$root/named" "$said" | sort -u > "$root/may-have"
		errors_in "$page" > "$root/errors"
		for name in $(comm -23 "$root/has" "$root/errors"); do
			echo "$page lacks $name"; failed=1
		done
		for name in $(comm -13 "$root/may-have" "$root/errors"); do
			echo "$page has $name, the headers have not"; failed=1
		done
	done
	[ $failed = 0 ]
}

references_lead_somewhere() {
	local name section failed=0
	{
		names_in $pages/*.3 | sed 's/.* \(.*\)/\1 3/'
		names_in $pages/*.[47] | sed -E 's/.*\.([47]) (.*)/\2 \1/'
	} > "$root/known"
	while read -r name section; do
		grep -qx "$name $section" "$root/known" && continue
		# A page may have a name that is not a function's.
		[ -e "$pages/$name.$section" ] && continue
		echo "there is no $name($section)"; failed=1
	done < <(grep -hoiE '(Xr|Fn) arena[a-z0-9_]*( [0-9])?( |$)' $pages/* |
		sed -E 's/^Fn ([^ ]*).*/\1 3/; s/^Xr //; s/ $//' | grep -vx 'arena_try_ 3' |
		grep -vx 'arena_oom_fn 3' | sort -u)
	[ $failed = 0 ]
}

device_page_is_complete() {
	diff <(grep -oE '#define ARENA_IOC_[A-Z_]+' "$uapi" | grep -v MAGIC | sed 's/.* //' | sort) \
		<(sed -n 's/^\.It Dv \(ARENA_IOC_\)/\1/p' $pages/arena.4 | sort) &&
		diff <(sed -nE 's/^module_param(_cb)?\(([a-z]*),.*/\2/p' kmod/*.c | sort) \
			<(sed -n 's/^\.It Va //p' $pages/arena.4 | sort)
}

overview_has_each_page() {
	diff <(cd $pages && printf '%s\n' * | sed -E '/^arena\.7$/d; s/\.(.)$/ \1/' | sort) \
		<(sed -n 's/^\.It Xr //p' $pages/arena.7 | sort)
}

# --- pages can be read and examples work ----------------------------------------------------------

installs() {
	make -s install DESTDIR="$root" PREFIX=/usr
}

# Look for each name, as man(1) does.
pages_are_installed() {
	local page name
	while read -r page name; do
		(cd "$man" && mandoc -T ascii "man${page##*.}/$name.${page##*.}") |
			sed 's/.\x08//g' | grep -qw "$name" ||
			{ echo "$name has no page"; return 1; }
	done < <(names_in $pages/*.[347])
	# Include pages whose own name is not a function's.
	for page in $pages/*.[347]; do
		cmp "$page" "$man/man${page##*.}/${page##*/}" || return
	done
}

compile() {
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -pthread -I"$root/usr/include" "$@"
}

# example_compiles PAGE
example_compiles() {
	display "$pages/$1" 1 > "$root/$1.c" && [ -s "$root/$1.c" ] &&
		compile "$root/$1.c" "$lib/libarena.a" -o "$root/$1.program"
}

# example_prints PAGE - true if the example prints the output that the page shows
example_prints() {
	local checks
	display "$pages/$1" 2 > "$root/$1.expected"
	[ -s "$root/$1.expected" ] || return
	for checks in '' ARENA_CHECKED=1; do
		env $checks "$root/$1.program" > "$root/$1.out" || return
		diff "$root/$1.expected" "$root/$1.out" || return
	done
}

example_works() {
	example_compiles "$1" && example_prints "$1"
}

readme_programs_work() {
	local block programs=0
	mkdir "$root/readme"
	awk -v to="$root/readme/" '/^```c$/ { inside = 1; nr++; next } /^```$/ { inside = 0 }
		inside { print > (to nr ".c") }' README.md
	for block in "$root"/readme/*.c; do
		grep -q 'int main' "$block" || continue
		programs=$((programs + 1))
		compile "$block" "$lib/libarena.a" -o "$block.program" &&
			"$block.program" > "$block.out" &&
			ARENA_CHECKED=1 "$block.program" | diff "$block.out" - || return
	done
	[ $programs -gt 0 ]
}

# A C block is a literal block in which a line ends with a semicolon. Lines of dots stand
# for code that the reader fills in. A fragment is file-level or function-level code.
fragments_compile() {
	local fragment fragments=0
	mkdir "$root/rst"
	awk -v to="$root/rst/" '
		/^[^ ]/ { inside = 0 }
		inside { print > file }
		/::$/ && !/^\.\. / {
			inside = 1
			file = FILENAME
			sub(/.*\//, "", file)
			file = to file "-" FNR
		}' Documentation/*.rst
	for fragment in $(grep -lE ';$' "$root"/rst/*); do
		fragments=$((fragments + 1))
		sed 's/^\( *\)\.\.\.$/\1return 0;/' "$fragment" > "$fragment.text"
		{
			includes
			cat "$fragment.text"
		} > "$fragment.file.c"
		{
			includes
			echo 'int fragment(struct arena *a)'
			echo '{'
			cat "$fragment.text"
			echo 'return 0; }'
		} > "$fragment.function.c"
		compile -Wno-unused -Wno-unused-parameter -fsyntax-only "$fragment.file.c" \
			2> "$fragment.errors" ||
			compile -Wno-unused -Wno-unused-parameter -fsyntax-only \
				"$fragment.function.c" ||
			{ cat "$fragment.errors"; return 1; }
	done
	[ $fragments -gt 0 ]
}

check 'make install' installs
check 'the pages are clean' pages_are_clean
check 'they are installed, by each of their names' pages_are_installed
check 'each function and macro is on one page, and nothing else' each_name_has_one_page
check 'what is exported and on none is called by a header' exported_ones_are_needed
check 'the names of a page are in its synopsis' synopses_are_complete
check 'and it includes the headers that have them' pages_include_their_headers
check 'prototypes are as in the headers' prototypes_agree
check 'and those of functions that macros declare' declared_ones_agree
check 'members of structures are' structures_agree
check 'constants are' constants_agree
check 'errors are' errors_agree
check 'environment variables are those that the library reads' variables_agree
check "arena.4 has the device's calls and the module's parameters" device_page_is_complete
check 'arena.7 has each page' overview_has_each_page
check 'references lead to pages that are there' references_lead_somewhere
for page in $pages/*.3 $pages/arena.7; do
	check "${page##*/}: the example prints what the page says" example_works "${page##*/}"
done
check 'arena.4: the example compiles' example_compiles arena.4
if [ -r /dev/arena ] && [ -w /dev/arena ]; then
	check 'arena.4: it prints what the page says' example_prints arena.4
else
	skip 'arena.4: it prints what the page says' 'no /dev/arena'
fi
check 'programs in the README work' readme_programs_work
check 'C in Documentation/ compiles' fragments_compile
tap_done
