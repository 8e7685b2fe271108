#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Static checks of the sources.

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh

kernel=kernel-6.1
source=$(selftests/vm/fetch source-6.12) || exit
analyzers=$(selftests/vm/fetch analyzers) || exit
bin=$analyzers/usr/bin
export COCCINELLE_HOME=$analyzers/usr/lib/coccinelle

# The analyzers come with the libraries that they need.
run() {
	LD_LIBRARY_PATH=$analyzers/usr/lib/x86_64-linux-gnu:$analyzers/lib/x86_64-linux-gnu "$@"
}

# run_quietly COMMAND... - fail if COMMAND fails or prints anything
run_quietly() {
	local output
	output=$("$@" 2>&1) && [ -z "$output" ] && return
	echo "$output"
	return 1
}

# Run the kernel's scripts one by one: "make coccicheck" would need OCaml, because of two of
# them, which are left out here.
coccinelle() {
	local script
	find "$source/scripts/coccinelle" -name '*.cocci' | sort |
		xargs grep -LE '(script|initialize):ocaml' |
		while IFS= read -r script; do
			# shellcheck disable=SC2046
			run "$bin/spatch" -D report --very-quiet \
				$(sed -n 's|^// Options: ||p' "$script" | head -n 1) \
				--cocci-file "$script" "$@" 2>&1 ||
				echo "$script failed"
		done | grep -v '^warning: line .* should .* be a metavariable' || :
}
coccinelle_finds_what_is_planted() {
	mkdir -p build/planted
	cat > build/planted/kernel.c <<-'END'
		int use_after_free(struct thing *thing)
		{
			kfree(thing);
			return thing->member;
		}
	END
	coccinelle build/planted/kernel.c | grep 'reference preceded by free'
}

sparse_finds_what_is_planted() {
	mkdir -p build/planted
	echo 'static int read(int __attribute__((noderef)) *p) { return *p; }' > build/planted/noderef.c
	"$bin/sparse" build/planted/noderef.c 2>&1 | grep 'dereference of noderef'
}

# ARENA_GROUPS() declares all its functions on one line, so that cppcheck mistakes one for
# another.
cppcheck() {
	run "$bin/cppcheck" --quiet \
		--suppress={ctunullpointer,ctuuninitvar}:examples/groupmerge.c \
		--enable=warning,performance,portability --std=c11 --error-exitcode=1 \
		-Iuserlib/include -Iuapi "$@"
}
cppcheck_finds_what_is_planted() {
	mkdir -p build/planted
	echo 'int first(int n) { int x; if (n) x = 1; return x; }' > build/planted/user.c
	cppcheck build/planted/user.c 2>&1 | grep uninitvar
}

# Run the kernel's script on files outside a kernel tree; it is told where its data is.
checkpatch() {
	"$source/scripts/checkpatch.pl" --no-tree --strict --quiet --no-summary \
		--show-types "$@"
}

# compat.h is exempt, since it exists to compare kernel versions; no other file may do that.
sources_are_clean() {
	checkpatch -f uapi/linux/*.h \
		$(ls kmod/*.[ch] kmod/tests/*.c | grep -vE 'compat\.h$|\.mod\.c$')
}
compat_is_clean() {
	checkpatch --ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON -f kmod/compat.h
}
versions_only_in_compat() {
	! grep -lE 'LINUX_VERSION_CODE|KERNEL_VERSION' kmod/*.[ch] | grep -v compat.h
}

# E.g. kernels with PREEMPT_RT.
without_huge_pages_it_says_so() {
	local output
	! output=$(make -s vm-objects KERNEL=$kernel INTO=build/$kernel \
		CONFIG_TRANSPARENT_HUGEPAGE= 2>&1) &&
		grep 'needs a kernel with transparent huge pages' <<< "$output"
}

module_has_the_same_version() {
	local version
	version=$(sed -n 's/^.define ARENA_VERSION_STRING.*"\(.*\)"/\1/p' userlib/include/arena/stats.h)
	[ -n "$version" ] && grep -Fx "MODULE_VERSION(\"$version\");" kmod/device.c
}

# needs ARCHIVE - print "OBJECT NEEDED" for each object of an archive and each that it needs
needs() {
	nm -A "$1" | awk -F '[: ]+' '
		$3 == "U" || $3 == "w" { wanted[$2 " " $4]; next }
		$4 ~ /[A-Z]/ { home[$5] = $2 }
		END {
			for (pair in wanted) {
				split(pair, part, " ")
				if (part[2] in home)
					print part[1], home[part[2]]
			}
		}'
}
has_no_circle() {
	needs "$1" > build/needs && [ -s build/needs ] && tsort build/needs > /dev/null
}
library_has_no_circle() {
	make -s lib && has_no_circle build/libarena.a
}
planted_circle_is_found() {
	local name
	mkdir -p build/planted
	echo 'void there(void); void here(void) { there(); }' > build/planted/here.c
	echo 'void here(void); void there(void) { here(); }' > build/planted/there.c
	for name in here there; do
		gcc -c build/planted/$name.c -o build/planted/$name.o || return
	done
	rm -f build/planted/circle.a
	ar rcs build/planted/circle.a build/planted/{here,there}.o
	! has_no_circle build/planted/circle.a && grep -x 'here.o there.o' build/needs
}

documents_are_valid() {
	local page
	for page in Documentation/*.rst bench/notes.rst; do
		rst2html --report=warning --halt=warning "$page" > /dev/null || return
	done
}
planted_title_is_found() {
	printf "A title\n=====\n\nText.\n" > build/planted/title.rst
	rst2html --report=warning build/planted/title.rst 2>&1 > /dev/null | grep 'too short'
}

# The license is on the first line, or on the second after #!, in every file that can have a
# comment. Exempt are pictures, which are made from a page that has one, and recorded
# traces.
every_file_has_a_license() {
	local file looked=0 missing=0
	while IFS= read -r file; do
		case $file in LICENSES/* | Documentation/benchmarks/* | *.trace) continue ;; esac
		[ -e "$file" ] || continue
		looked=$((looked + 1))
		head -n 3 "$file" | grep -q SPDX-License-Identifier: ||
			{ echo "no SPDX line: $file"; missing=1; }
	done < <(git ls-files --cached --others --exclude-standard)
	[ $looked -gt 0 ] && [ $missing = 0 ]
}

check 'the module builds without warnings, W=1' selftests/vm/build $kernel
check 'without huge pages the build says so' without_huge_pages_it_says_so
check 'sparse finds what is planted' sparse_finds_what_is_planted
check 'sparse has nothing to say, C=2' selftests/vm/build $kernel C=2 CHECK="$bin/sparse"
check 'coccinelle finds what is planted' coccinelle_finds_what_is_planted
check 'coccinelle has nothing to say' \
	run_quietly coccinelle -I kmod -I uapi kmod/*.c kmod/tests/*.c
check 'cppcheck finds what is planted' cppcheck_finds_what_is_planted
check 'cppcheck has nothing to say of the library' \
	run_quietly cppcheck userlib/src examples
check 'checkpatch --strict: module and ABI' sources_are_clean
check 'checkpatch --strict: compat.h, but for what it is there for' compat_is_clean
check 'kernel versions are compared in compat.h only' versions_only_in_compat
check 'the module has the version of the library' module_has_the_same_version
check 'a planted circle of objects is found' planted_circle_is_found
check 'the objects of the library have no circle' library_has_no_circle
check 'a planted mistake in a document is found' planted_title_is_found
check 'the documents are valid reStructuredText' documents_are_valid
if git rev-parse --git-dir >/dev/null 2>&1; then
	check 'every file names its license' every_file_has_a_license
else
	skip 'every file names its license' 'not a git checkout'
fi
tap_done
