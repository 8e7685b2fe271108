#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# faults.sh PROGRAM... - run test programs with one failing allocation in each test: the
# first allocation by the module, then the second, until a run has no allocation left to
# fail.
#
# The programs' own tests may fail then; their results are ignored. The programs must end,
# must leave no block behind, and must pass again without faults. The caller of this script
# checks the kernel's log. faults.c has stricter tests of single calls.

. tap.sh

debug=/sys/kernel/debug
many=1000000

# Set a knob for both kinds of allocations.
set_knob() {
	echo "$2" > $debug/failslab/$1 && echo "$2" > $debug/fail_page_alloc/$1
}

# Fail only allocations that the module's code makes; fail-nth obeys this filter, too.
only_in_the_module() {
	set -- $(awk '$1 == "arena" { print $6, $2 }' /proc/modules)
	set_knob require-start "$1" &&
		set_knob require-end "$(printf '0x%x' $(($1 + $2)))"
}

faults_left() {
	echo $(($(cat $debug/failslab/times) + $(cat $debug/fail_page_alloc/times)))
}

survives() {
	n=1
	total=0
	while :; do
		set_knob times $many
		ARENA_FAIL_NTH=$n $1 > /tmp/faults.out 2>&1
		fired=$((2 * many - $(faults_left)))
		[ $fired -gt 0 ] || break
		total=$((total + fired))
		grep 'terminated by timeout' /tmp/faults.out && return 1
		blocks-left || return 1
		n=$((n + 1))
	done
	set_knob times -1
	echo "# $program: $((n - 1)) times, $total faults" > /tmp/faults.total
	if ! $1 > /tmp/faults.out 2>&1; then
		cat /tmp/faults.out
		return 1
	fi
	[ $total -gt 0 ]
}

if ! [ -e $debug/failslab ]; then
	echo '1..0 # SKIP no fault injection'
	exit 4
fi
set_knob verbose 0
set_knob stacktrace-depth 32
set_knob ignore-gfp-wait N
echo N > $debug/fail_page_alloc/ignore-gfp-highmem
echo 0 > $debug/fail_page_alloc/min-order
only_in_the_module || exit 1
for program; do
	check "$program with each allocation of its tests failing once" survives $program
	cat /tmp/faults.total
done
set_knob require-start 0
set_knob require-end 0xffffffffffffffff
tap_done
