#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# allocators.sh [FOLDER] - other allocators on an arena: test that examples/on_*.c work
#
# The programs are built unless they are in FOLDER, as in the guest, which has no compiler.
# For bash on the host and busybox in the guest, where tap.sh is in PATH.

folder=${1-}
if [ -z "$folder" ]; then
	cd "$(dirname "$0")/.." || exit 1
	PATH=$PWD/selftests:$PATH
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	has_sources=yes
fi
. tap.sh

builds() {
	make -s build/libarena.a &&
		gcc -std=gnu11 -O2 -Wall -Wextra -Werror -Iuserlib/include "examples/$program.c" \
			-o "$folder/$program" build/libarena.a "-l$library"
}

# runs [VARIABLE=VALUE...] - true if the example succeeds and names the backing it should
# have
runs() {
	backing='anonymous memory'
	[ ! -w /dev/arena ] || backing=/dev/arena
	for setting; do
		case $setting in
		*BACKING=anon) backing='anonymous memory' ;;
		*BACKING=huge) backing='anonymous memory, made huge pages' ;;
		esac
	done
	env "$@" "$folder/$program" > "$folder/output" 2>&1
	status=$?
	cat "$folder/output"
	[ $status = 0 ] && grep -qx "backing: $backing" "$folder/output"
}

prints_the_same() {
	env "$@" "$folder/$program" > "$folder/again" && diff "$folder/output" "$folder/again"
}

# ends_with MESSAGE VARIABLE=VALUE... - true if it exits by itself, with this message
ends_with() {
	message=$1
	shift
	env "$@" "$folder/$program" > "$folder/output" 2>&1
	status=$?
	echo "status $status"
	cat "$folder/output"
	[ $status = 1 ] && grep -q "^$program: $message" "$folder/output"
}

# example PROGRAM HEADER LIBRARY PACKAGE [TOO-NEW] - whether it can be built; TOO-NEW is a
# preprocessor condition that is true for versions of the library that are not supported
example() {
	program=$1
	library=$3
	if [ -z "${has_sources-}" ]; then
		[ -e "$folder/$program" ] && return
	elif printf '#include <%s>\n#if %s\n#error\n#endif\n' "$2" "${5:-0}" |
		gcc -E - > /dev/null 2>&1; then
		check "$program builds without warnings" builds
		[ -e "$folder/$program" ]
		return
	fi
	skip "$program" "no $4, or not the version that it is for"
	return 1
}

# Tests that all examples must pass.
common() {
	check "$program runs" runs ARENA_NODES=local
	check "$program prints the same each time" prints_the_same ARENA_NODES=local
	check "$program on anonymous memory" runs ARENA_BACKING=anon
	check "$program on an arena that is checked" runs ARENA_CHECKED=1
	check "$program with a seal on what it gives back" runs ARENA_SEAL=1
	check "$program with memory that is not zero" runs ARENA_KEEP_DIRTY=1
	check "$program with addresses in quarantine" runs ARENA_QUARANTINE=1
	check "$program without memory" ends_with '.*: ' ARENA_LIMIT=1M
	check "$program without addresses" ends_with '.*: ' ARENA_RESERVE=2M
}

if example on_mimalloc mimalloc.h mimalloc libmimalloc-dev 'MI_MALLOC_VERSION >= 300'; then
	common
	check 'on_mimalloc with less than its span' \
		ends_with 'arena_span_alloc: Disk quota exceeded' ARENA_LIMIT=255M
fi
if example on_sqlite sqlite3.h sqlite3 libsqlite3-dev; then
	common
	check 'on_sqlite without memory for a connection' \
		ends_with 'sqlite3_initialize: out of memory' ARENA_LIMIT=4M
	check 'on_sqlite without memory for an index' \
		ends_with 'CREATE INDEX: out of memory' ARENA_LIMIT=6M
fi
if example on_jemalloc jemalloc/jemalloc.h jemalloc libjemalloc-dev; then
	common
	check 'on_jemalloc without memory for its arena' \
		ends_with 'arenas.create: out of memory' ARENA_LIMIT=1M
	for limit in 4M 13M 24M 43M; do
		check "on_jemalloc without memory for what is allocated, $limit" \
			ends_with 'mallocx: out of memory' ARENA_LIMIT=$limit
	done
	check 'on_jemalloc with memory that is not zero, and seals' \
		runs ARENA_KEEP_DIRTY=1 ARENA_SEAL=1
	check 'on_jemalloc with extents of any size' runs ARENA_SEAL=1 MALLOC_CONF=retain:false
	check 'on_jemalloc purges as it likes' runs ARENA_SEAL=1 \
		MALLOC_CONF=background_thread:true,dirty_decay_ms:100
fi
tap_done
