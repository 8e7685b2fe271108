# SPDX-License-Identifier: GPL-2.0-only
#
# Records of earlier checks on this machine. Sourced, by bash.
#
# A record is a file in the cache, named after a stage or a mutant. It has the time of the
# last pass in seconds since 1970, the commit that was checked out then, and the number of
# seconds that the run took. The commit is 0 if the stage has failed since then, or if the
# tree had uncommitted changes.

records=${XDG_CACHE_HOME:-$HOME/.cache}/arena/records

# The commit under test, read once, when the script starts.
tested_commit=0
[ -n "$(git status --porcelain 2>&1)" ] || tested_commit=$(git rev-parse HEAD)

# add_record NAME PASSED SECONDS - PASSED is empty if it failed; SECONDS is empty if the
# time does not predict that of the next run
add_record() {
	local time commit=0 seconds
	time=$(record_time "$1") seconds=$(record_seconds "$1" '')
	if [ -n "$2" ]; then
		time=$EPOCHSECONDS commit=$tested_commit
		seconds=${3:-$seconds}
	fi
	mkdir -p "$records" &&
		echo "$time $commit $seconds" > "$records/$1.$$" &&
		mv "$records/$1.$$" "$records/$1"
}

# record_time NAME, record_commit NAME, record_seconds NAME ELSE - print a field of the
# record of the last pass; without a record, print 0, nothing and ELSE, respectively
record_time() { read_record "$1"; echo "${record[0]-0}"; }
record_commit() { read_record "$1"; echo "${record[1]-}"; }
record_seconds() { read_record "$1"; echo "${record[2]-$2}"; }
read_record() {
	record=()
	[ ! -e "$records/$1" ] || read -ra record < "$records/$1"
}

# has_changed NAME PATH... - whether one of the paths differs from its state when NAME last
# passed. If that commit is not in this clone, compare with the last commit made before that
# time; without a record, compare with the state one day before the last commit.
has_changed() {
	local commit time
	commit=$(record_commit "$1") time=$(record_time "$1")
	shift
	[ "$commit" != 0 ] || return 0
	if ! git cat-file -e "${commit:-none}^{commit}" 2> /dev/null; then
		[ "$time" != 0 ] || time=$(($(git log -1 --format=%ct 2> /dev/null || echo 0) - 86400))
		commit=$(git rev-list -1 --before="$time" HEAD 2> /dev/null)
	fi
	[ -z "$commit" ] || ! git diff --quiet "$commit" -- "$@" ||
		[ -n "$(git ls-files --others --exclude-standard -- "$@")" ]
}
