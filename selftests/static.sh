#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What can be said about the module without running it.

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh

kernel=kernel-6.1
source=$(selftests/vm/fetch source-6.1) || exit
sparse=$(selftests/vm/fetch sparse)/usr/bin/sparse || exit

# build MAKE-VARIABLE... - from scratch; fails on any warning
builds_quietly() {
	local output
	rm -rf build/static
	output=$(make -s vm-module KERNEL=$kernel INTO=build/static "$@" 2>&1) ||
		{ echo "$output"; return 1; }
	echo "$output"
	! grep -Eq 'warning|error|Warning' <<< "$output"
}

# The kernel's script, told where its data is, on files outside its tree.
checkpatch() {
	"$source/scripts/checkpatch.pl" --no-tree --strict --quiet --no-summary \
		--show-types "$@"
}

# compat.h is there to look at kernel versions, and nowhere else is.
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

# First line, or second after #!, in every file that can have a comment.
every_file_has_a_license() {
	local file missing=0
	while IFS= read -r file; do
		case $file in LICENSES/*) continue ;; esac
		head -n 3 "$file" | grep -q SPDX-License-Identifier: ||
			{ echo "no SPDX line: $file"; missing=1; }
	done < <(git ls-files --cached --others --exclude-standard)
	return $missing
}

check 'the module builds without warnings, W=1' builds_quietly W=1
check 'sparse has nothing to say, C=1' builds_quietly C=1 CHECK="$sparse"
check 'checkpatch --strict: module and ABI' sources_are_clean
check 'checkpatch --strict: compat.h, but for what it is there for' compat_is_clean
check 'kernel versions are compared in compat.h only' versions_only_in_compat
if git rev-parse --git-dir >/dev/null 2>&1; then
	check 'every file names its license' every_file_has_a_license
else
	skip 'every file names its license' 'not a git checkout'
fi
tap_done
