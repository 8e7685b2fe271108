# SPDX-License-Identifier: GPL-2.0-only
#
# TAP for tests that are shell scripts. Sourced, by bash or busybox's sh:
#
#	. tap.sh
#	check "what must be true" COMMAND...
#	skip "what was not tried" "why"
#	tap_done

tap_tests=0
tap_failures=0
echo 'TAP version 13'

# Run one test: it passes if COMMAND succeeds; otherwise its output is shown.
check() {
	tap_what=$1
	shift
	tap_tests=$((tap_tests + 1))
	if tap_output=$("$@" 2>&1); then
		echo "ok $tap_tests $tap_what"
	else
		tap_failures=$((tap_failures + 1))
		printf '%s\n' "$tap_output" | sed 's/^/# /'
		echo "not ok $tap_tests $tap_what"
	fi
}

skip() {
	tap_tests=$((tap_tests + 1))
	echo "ok $tap_tests $1 # SKIP $2"
}

tap_done() {
	echo "1..$tap_tests"
	[ "$tap_failures" = 0 ]
	exit
}
