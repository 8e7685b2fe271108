# SPDX-License-Identifier: GPL-2.0-only
#
# What checks know of earlier ones on this machine, for bash: sourced.
#
# A record is a file in the cache, named after a stage or a mutant: the time at which it last
# passed, in seconds since 1970, the commit that was checked out then, and how many seconds
# its last run took. Until it has passed, time and commit are 0.

records=${XDG_CACHE_HOME:-$HOME/.cache}/arena/records

# add_record NAME PASSED SECONDS - PASSED is empty if it failed
add_record() {
	local head=0 now=0
	[ -z "$2" ] || { now=$EPOCHSECONDS; head=$(git rev-parse HEAD 2> /dev/null || echo 0); }
	mkdir -p "$records" &&
		echo "$now $head $3" > "$records/$1.$$" &&
		mv "$records/$1.$$" "$records/$1"
}

# record_time NAME, record_commit NAME, record_seconds NAME ELSE
record_time() { read_record "$1" && echo "${record[0]}" || echo 0; }
record_commit() { read_record "$1" && echo "${record[1]}" || echo 0; }
record_seconds() { read_record "$1" && echo "${record[2]}" || echo "$2"; }
read_record() { read -ra record < "$records/$1"; } 2> /dev/null

# has_changed COMMIT PATH... - whether one of them differs from what it was at a commit. Of
# what never passed here, from what it was a day before the last commit.
has_changed() {
	local commit=$1 day
	shift
	if ! git cat-file -e "$commit^{commit}" 2> /dev/null; then
		day=$(($(git log -1 --format=%ct 2> /dev/null || echo 0) - 86400))
		commit=$(git rev-list -1 --before="$day" HEAD 2> /dev/null)
	fi
	[ -z "$commit" ] || ! git diff --quiet "$commit" -- "$@"
}
