#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# wordcount.sh FILE... - the example counts the same as wc(1), tr(1) and sort(1). For bash
# on the host and busybox in the guest; finds tap.sh and wordcount in PATH.

. tap.sh
export LC_ALL=C

counts_like_the_tools() {
	words=$(wc -w < "$1")
	distinct=$(tr -s '\t\n\v\f\r ' '\n' < "$1" | grep -v '^$' | sort -u | wc -l)
	line=$(wordcount "$1" | sed -n '3p')
	echo "wc and sort say: $words words, $distinct distinct; wordcount: $line"
	# shellcheck disable=SC2086
	set -- $line
	[ "$2" = "$words" ] && [ "$3" = "$distinct" ] && [ "$9" = yes ]
}

uses_the_device_if_there() {
	backing='anonymous memory'
	[ ! -w /dev/arena ] || backing=/dev/arena
	wordcount /dev/null | grep "^arenas on $backing"
}

fails_on_a_missing_file() {
	wordcount /no/such/file
	[ $? = 1 ]
}

for file; do
	check "wordcount of ${file##*/}" counts_like_the_tools "$file"
done
check 'wordcount of a file that is missing fails' fails_on_a_missing_file
check 'wordcount of an empty file' counts_like_the_tools /dev/null
check 'wordcount uses the device if there is one' uses_the_device_if_there
tap_done
