#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of selftests/check: it runs the right stages in the right order, a stage that failed or
# did not run never counts as passed, and the last lines give the reason. The stages do
# nothing, and the repository is a temporary one.

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh
unset MAKEFLAGS MFLAGS ARENA_TIMES ARENA_STAGE ARENA_LEAKS_GIB ARENA_STORM_KILLS

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache
records=$XDG_CACHE_HOME/arena/records
tree=$work/tree
mkdir -p "$tree"/{selftests/vm,Documentation,userlib,kmod} "$records"
cp selftests/{tally,times,records.sh,tap.sh} "$tree/selftests/"
printf '#!/bin/sh\n' | tee "$tree/selftests/vm/fetch" > "$tree/selftests/mutants"
chmod +x "$tree"/selftests/{vm/fetch,mutants}
printf 'lib examples selftests:\n' > "$tree/Makefile"
touch "$tree"/Documentation/testing.rst "$tree"/{userlib,kmod}/source.c
echo build > "$tree/.gitignore"

# Stages that pass, one that has a failed test (bench), and one that is killed (sanitizers).
cat > "$work/stages" <<'END'
rotation=(fuzzers storm-x leaks-x static)
passes() { printf 'TAP version 13\nok 1 %s\n1..1\n' "$stage"; }
stage_fuzzers() { passes; }
stage_storm() { passes; }
stage_leaks() { passes; }
stage_static() { passes; }
stage_host() { sleep 2; passes; }
stage_bench() { printf 'TAP version 13\nok 1 first\n# x.c:7:second:Expected 1 == 2\nnot ok 2 second\n1..2\n'; }
stage_sanitizers() { passes; kill -9 $BASHPID; }
END
sed "/^again=''/{
r $work/stages
N
}" selftests/check > "$tree/selftests/check"
chmod +x "$tree/selftests/check"
cd "$tree" || exit 1
git init -q . && git add -A
commit() { git -c user.name=a -c user.email=a@example.org commit -qam "$1" --date="$2"; }
GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' commit first '2020-01-01T00:00:00Z' || exit
echo > "$tree/README"
git add -A && commit second now || exit

# run STATUS OPTION... - run check; true if it exits with STATUS
run() {
	local expected=$1 status
	shift
	timeout 600 selftests/check "$@" > "$work/output" 2>&1
	status=$?
	cat "$work/output"
	[ $status = "$expected" ]
}
last_line_is() { [ "$(tail -n 1 "$work/output")" = "$1" ]; }
# order_is STAGE... - whether the stages were started in this order
order_is() {
	[ "$(sed -n 's/^# === \(.*\) started$/\1/p' "$work/output" | tr '\n' ' ')" = "$* " ]
}

what_is_named_runs() {
	run 0 fuzzers host && last_line_is '2 passed, 0 failed, 0 skipped' && order_is fuzzers host
}
a_failure_is_told() {
	run 1 bench fuzzers && last_line_is '2 passed, 1 failed, 0 skipped' &&
		tail -n 4 "$work/output" |
		grep 'bench: not ok 2 second  <- # x.c:7:second:Expected 1 == 2'
}
one_that_is_killed_has_failed() {
	run 1 sanitizers fuzzers &&
		grep 'exit 1: the stage sanitizers did not end' "$work/output"
}
the_rest_follows_in_time() {
	rm -f "$records"/*
	for stage in fuzzers storm-x static; do
		echo "$((EPOCHSECONDS - 60)) $(git rev-parse HEAD) 1" > "$records/$stage"
	done
	echo "$((EPOCHSECONDS - 90)) $(git rev-parse HEAD) 1" > "$records/storm-x"
	echo "1 $(git rev-parse HEAD) 1000" > "$records/leaks-x"
	run 0 -b 500 host && order_is host storm-x fuzzers static &&
		last_line_is '4 passed, 0 failed, 0 skipped' &&
		grep 'leaks-x .* NOT run, for lack of time: takes 1000 s' "$work/output"
}
what_has_changed_is_first() {
	# The stage static depends on all files.
	echo change > userlib/source.c
	rm -f "$records"/*
	for stage in leaks-x storm-x static; do
		echo "5 $(git rev-parse HEAD) 1" > "$records/$stage"
	done
	echo "$EPOCHSECONDS $(git rev-parse HEAD) 1" > "$records/fuzzers"
	run 0 -b 500 && order_is static fuzzers leaks-x storm-x
	status=$?
	git checkout -q userlib
	return $status
}
what_failed_has_changed() {
	rm -f "$records"/*
	for stage in leaks-x storm-x static; do
		echo "5 $(git rev-parse HEAD) 1" > "$records/$stage"
	done
	echo "$EPOCHSECONDS 0 1" > "$records/fuzzers"
	run 0 -b 500 && order_is fuzzers leaks-x static storm-x
}
one_that_takes_no_time_ends_nothing() {
	rm -f "$records"/*
	for stage in leaks-x storm-x static fuzzers host; do
		echo "5 $(git rev-parse HEAD) 0" > "$records/$stage"
	done
	run 0 -b 500 fuzzers host && last_line_is '5 passed, 0 failed, 0 skipped'
}
a_record_is_of_what_passed_alone() {
	rm -f "$records"/*
	run 1 bench && run 0 -l host &&
		read -r time head seconds < "$records/bench" &&
		[ "$time $head $seconds" = '0 0 ' ] &&
		read -r time head seconds < "$records/host" &&
		[ "$head" = "$(git rev-parse HEAD)" ] && [ -z "$seconds" ] &&
		run 0 host && read -r time head seconds < "$records/host" && [ "$seconds" -ge 2 ]
}
the_check_before_belongs_to_it() {
	run 1 bench && run 1 -a -b 5000 host && grep 'bench: not ok' "$work/output" &&
		last_line_is '6 passed, 1 failed, 0 skipped'
}
but_not_that_of_another_commit() {
	run 1 bench && echo > another && git add -A && commit third now && run 0 -a fuzzers &&
		last_line_is '1 passed, 0 failed, 0 skipped'
}
nor_what_did_not_end() {
	run 0 fuzzers && printf 'TAP version 13\nok 1 half\n' > build/check/leaks-x &&
		run 0 -a static && last_line_is '2 passed, 0 failed, 0 skipped'
}

check 'what is named runs' what_is_named_runs
check 'a failure is told in the last lines, with the reason' a_failure_is_told
check 'a stage that is killed has failed' one_that_is_killed_has_failed
check 'the rest follows in time, and what does not is listed' the_rest_follows_in_time
check 'what has changed is first' what_has_changed_is_first
check 'what failed counts as changed' what_failed_has_changed
check 'a stage that takes no time ends nothing' one_that_takes_no_time_ends_nothing
check 'a record is of what passed, its length of what ran alone' a_record_is_of_what_passed_alone
check 'the check before belongs to it' the_check_before_belongs_to_it
check 'but not the check of another commit' but_not_that_of_another_commit
check 'nor a stage that did not end' nor_what_did_not_end
tap_done
