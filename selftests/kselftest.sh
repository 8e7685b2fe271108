#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tests as kselftest runs them: without the device they are skipped, not passed.

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh

source=$(selftests/vm/fetch source-6.12) || exit
fragment=selftests/vm/debug.config

# Two of the library's programs stand for all of them; the stage host runs them all.
run_tests() {
	make -s LIB_TESTS='lib lib_life' -C selftests KSRC="$source" OUTPUT="$PWD/build/selftests" \
		USERLDFLAGS=-static run_tests 2>&1
}
programs_skip() {
	local output program
	output=$(run_tests)
	printf '%s\n' "$output" | grep -v '^# '
	for program in ageing churn faults freeze idle isolation leaks limits memcg \
		module moves pins placement reclaim refuse region release seal storm; do
		grep -qE "^ok [0-9]+ selftests: .*: $program # SKIP" <<< "$output" || return
	done
	for program in lib lib_life; do
		grep -qE "^ok [0-9]+ selftests: .*: $program\$" <<< "$output" || return
	done
}

config_is_in_fragment() {
	! grep '^CONFIG' selftests/config | grep -vxFf $fragment
}

if [ -e /dev/arena ]; then
	skip 'run_tests: the library passes, the rest skips' 'there is a device'
else
	check 'run_tests: the library passes, the rest skips' programs_skip
fi
check 'what config asks for, the debug kernel has' config_is_in_fragment
tap_done
