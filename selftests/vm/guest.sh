#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh COMMAND... - run all tests in the guest; prints TAP
#
# KUnit runs if /lib/arena_kunit.ko exists; then the commands; then the examples and the
# other allocators if wordcount.sh, examples.sh and allocators.sh exist; then the reports of
# kmemleak and lockdep, if the kernel has them.

kmemleak=/sys/kernel/debug/kmemleak
! grep -q kmemleak=off /proc/cmdline || kmemleak=/none
gcov=/sys/kernel/debug/gcov
hung_task=/proc/sys/kernel

# run_test COMMAND... - run a test program; report its exit status unless it is 0. In the
# guest, a program that skips all its tests has failed.
run_test() {
	echo "# program: $*"
	"$@"
	status=$?
	[ $status = 0 ] || echo "# exit $status: $*"
}

# insmod succeeds even if tests fail: the results are in debugfs, in one file for each
# suite. The lines are indented, since suites are nested.
run_kunit() {
	echo '# program: KUnit'
	# insmod waits for all tests, and some take minutes on a busy host.
	hung_after=$(cat $hung_task/hung_task_timeout_secs)
	echo 0 > $hung_task/hung_task_timeout_secs
	insmod /lib/arena_kunit.ko || echo "# exit 1: insmod arena_kunit.ko"
	echo "$hung_after" > $hung_task/hung_task_timeout_secs
	for results in /sys/kernel/debug/kunit/arena_*/results; do
		[ -e "$results" ] || echo "# exit 1: KUnit has no results"
		sed -n 's/^    //p' "$results" | sed 's/^KTAP version 1$/TAP version 13/'
	done
	rmmod arena_kunit || echo "# exit 1: rmmod arena_kunit"
}

no_leaks() {
	# kmemleak does not report young objects: scan, wait, and scan again.
	echo scan > $kmemleak || return
	sleep 5
	echo scan > $kmemleak || return
	cat $kmemleak
	[ -z "$(cat $kmemleak)" ]
}

# Lockdep turns itself off when it reports a problem.
lockdep_is_on() {
	grep debug_locks /proc/lockdep_stats
	grep -q '^ *debug_locks: *1$' /proc/lockdep_stats
}

# Send the data of gcov, on lines that the caller of vm/run picks out. The files have no
# size before they are read, so copy them first.
send_coverage() {
	echo '# program: coverage'
	mkdir /tmp/gcov
	for data in $(find "$1" -name '*.gcda'); do
		cat "$data" > /tmp/gcov/${data##*/}
	done
	tar -cz -C /tmp/gcov . | base64 | sed 's/^/gcov: /'
}

[ ! -e $kmemleak ] || echo clear > $kmemleak
[ ! -e /lib/arena_kunit.ko ] || run_kunit
for command; do
	run_test $command
done
licenses=$(find /usr/share/common-licenses -type f 2> /dev/null | sort)
for examples in wordcount examples; do
	[ ! -e /bin/$examples.sh ] || run_test sh /bin/$examples.sh $licenses
done
[ ! -e /bin/allocators.sh ] || run_test sh /bin/allocators.sh /bin

if [ -e $kmemleak ] || [ -e /proc/lockdep_stats ]; then
	echo '# program: kmemleak and lockdep'
	. tap.sh
	[ ! -e $kmemleak ] || check 'kmemleak found nothing' no_leaks
	[ ! -e /proc/lockdep_stats ] || check 'lockdep is still on' lockdep_is_on
	(tap_done)
fi
[ ! -e $gcov ] || send_coverage $gcov
[ -z "${GCOV_PREFIX-}" ] || send_coverage "$GCOV_PREFIX"
exit 0
