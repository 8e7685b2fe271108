#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of the tools that evaluate benchmarks: bench/compare on made-up runs with fixed
# seeds, the statistics that it uses, and the report.

cd "$(dirname "$0")/.." || exit 1
. selftests/tap.sh
export PYTHONDONTWRITEBYTECODE=1

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# make_run FILE SEED PEER=MEAN:PERCENT:REPETITIONS... - write a run in which each peer has
# this mean and noise of this percentage. $suite and $unit are those of the file; $busy is
# the noise of a repetition, which all peers share.
make_run() {
	suite=${suite-made-up} unit=${unit-ns} busy=${busy-0} PYTHONPATH=bench \
		/usr/bin/python3 - "$folder/$1" "${@:2}" <<-'END'
		import os, random, sys
		import results

		path, seed, *specs = sys.argv[1:]
		shared, own = random.Random(int(seed)), random.Random(int(seed) + 1000)
		busy = [1 + shared.random() * float(os.environ["busy"]) for _ in range(100)]
		run = results.new_run(os.environ["suite"], {}, {})
		for spec in specs:
		    peer, _, figures = spec.partition("=")
		    mean, percent, repetitions = map(float, figures.split(":"))
		    samples = [mean * (1 + percent / 100 * own.gauss(0, 1)) * busy[i]
		               for i in range(int(repetitions))]
		    run["peers"][peer] = {"name": peer}
		    results.add(run, "bench", "64 MiB", peer, os.environ["unit"], samples, faults=1)
		results.save(path, run)
	END
}

# compares STATUS TEXT [OPTION]... OLD NEW - true if compare exits with STATUS and prints a
# line that contains TEXT
compares() {
	local status=0 wanted=$1 text=$2
	shift 2
	(cd "$folder" && "$OLDPWD/bench/compare" "$@") > "$folder/out" 2>&1 || status=$?
	cat "$folder/out"
	[ $status = "$wanted" ] && grep -q -- "$text" "$folder/out" &&
		! grep -q Traceback "$folder/out"
}

# both COMMAND... and COMMAND... - true if both commands succeed
both() {
	local first=()
	while [ "$1" != and ]; do
		first+=("$1")
		shift
	done
	shift
	"${first[@]}" && "$@"
}

make_run base 1 arena=100:2:10 other=500:2:10
make_run again 2 arena=100:2:10 other=500:2:10
make_run slower 3 arena=105:2:10 other=500:2:10
make_run faster 4 arena=95:2:10 other=500:2:10
check 'twice the same: no difference' compares 0 ' 0 worse, 0 better, 2 without' base again
check '5 % slower with 2 % of noise, 10 repetitions: worse' \
	compares 1 '^worse  *bench, 64 MiB, arena' base slower
check '5 % faster: better' \
	both compares 0 '^better  *bench, 64 MiB, arena' base faster and \
	compares 0 ' 0 worse, 1 better, 1 without' base faster

make_run precise 5 arena=100:0.2:20
make_run shifted 6 arena=101:0.2:20
check 'a shift that is too small to matter: no difference' \
	compares 0 ' 0 worse, 0 better, 1 without' precise shifted
check 'a shift that is small, and matters' compares 1 '^worse' -s 0.5 precise shifted
check 'what is printed has the shift of the 95th percentile' \
	compares 1 '+[01]\.[0-9]* %  95 %:  *+[01]\.[0-9]* %' -s 0.5 precise shifted
check 'without -v what does not differ is not printed, with it it is' \
	both compares 0 '^made-up' base again and compares 0 '^no difference' -v base again

make_run counts 1 arena=268897:0:10 other=0:0:10
make_run counts.1 1 arena=271586:0:10 other=0:0:10
make_run counts.5 1 arena=282342:0:10 other=0:0:10
make_run counts.many 1 arena=268897:0:10 other=7:0:10
check 'equal counts: no difference' compares 0 ' 0 worse, 0 better, 2 without' counts counts
check 'counts that are 1 % more: no difference' \
	compares 0 ' 0 worse, 0 better, 2 without' counts counts.1
check 'counts that are 5 % more: worse' \
	compares 1 '^worse .* +5.00 %  95 %:   +5.00 %' counts counts.5
check 'counts that were 0: worse' compares 1 '^worse .*other .* 0 -> 7 ns' counts counts.many
check 'counts that become 0: better' compares 0 '^better .* -100.00 %' counts.many counts

make_run few 1 arena=100:2:9 other=500:2:10
make_run few.slower 3 arena=200:2:9 other=500:2:10
make_run none 1 arena=100:2:3
check 'too few repetitions: it can not tell' \
	both compares 0 "^can't tell .*, arena .* 9 and 9 repetitions" few few.slower and \
	compares 0 '^1 have too few repetitions to tell: it takes 10 ' few few.slower
check 'too few for so small an ALPHA' \
	both compares 2 "^can't tell" -a 1e-5 base slower and \
	compares 2 '^2 have too few .* 11 on each side' -a 1e-5 base slower
check 'nothing that can be tested is a failure' compares 2 'nothing could be tested' none none

# With 200 comparisons some have p < 0.01 by chance; here, 2 have.
mapfile -t same < <(seq -f '%g=100:2:12' 200)
make_run many 7 "${same[@]}"
make_run many.again 8 "${same[@]}"
check '200 that do not differ: no difference' \
	compares 0 ' 0 worse, 0 better, 200 without' -s 0 many many.again

busy=1 make_run busy 11 arena=100:1:15 other=500:1:15
busy=1 make_run busy.slower 12 arena=105:1:15 other=500:1:15
check 'on a busy machine nothing is found' compares 0 ' 0 worse, 0 better, 2' busy busy.slower
check 'but ratios within a repetition are' \
	compares 1 '^worse .*, arena .* x other' -r other busy busy.slower
check 'a reference that is not there' \
	compares 2 '^not compared: bench, 64 MiB, arena: nobody is not there' -r nobody base again
check 'a reference that has 0' \
	compares 2 '^not compared: .*, arena: other has samples of 0' -r other counts counts

make_run alone 1 arena=100:2:10 new=5:2:10
check 'what is in one of both is listed' \
	both compares 0 '^only in OLD: bench, 64 MiB, other' base alone and \
	compares 0 '^only in NEW: bench, 64 MiB, new' base alone

suite=another make_run another 1 arena=100:2:10
unit=ms make_run milliseconds 1 arena=100:2:10
printf '{"format": 1' > "$folder/broken"
sed 's/"format": 1/"format": 2/' "$folder/base" > "$folder/format"
sed 's/"peer": "other"/"peer": "arena"/' "$folder/base" > "$folder/twice"
sed 's/"samples"/"smples"/' "$folder/base" > "$folder/empty"
check 'another suite' compares 2 'suite another, not made-up' base another
check 'another unit' compares 2 'ns, then ms' base milliseconds
check 'no file' compares 2 'No such file' base nothing
check 'a file that is broken' compares 2 'broken: ' base broken
check 'another format' compares 2 'format 2, not 1' format base
check 'a result that is there twice' compares 2 'there twice' base twice
check 'a result without samples' compares 2 'no samples' base empty
check 'one file' compares 2 usage base
check 'an ALPHA that is none' compares 2 'not between 0 and 1' -a 1 base again

# Compare the exact test, with and without ties, with an enumeration of all permutations,
# and the approximation for larger samples with the exact test.
test_is_exact() {
	PYTHONPATH=bench /usr/bin/python3 - <<-'END'
	import itertools, random
	import results

	def by_hand(old, new):
	    pooled = old + new
	    ranks = [sum(b < a for b in pooled) + (sum(b == a for b in pooled) + 1) / 2
	             for a in pooled]
	    mean = len(old) * (len(pooled) + 1) / 2
	    far = [abs(sum(choice) - mean) >= abs(sum(ranks[:len(old)]) - mean)
	           for choice in itertools.combinations(ranks, len(old))]
	    return sum(far) / len(far)

	draw = random.Random(1)
	for digits in (0, 9):
	    for sizes in ((4, 6), (6, 4), (7, 7)):
	        for shift in (0, 1, 3):
	            old, new = ([round(draw.gauss(mean, 1), digits) for _ in range(size)]
	                        for size, mean in zip(sizes, (0, shift)))
	            assert abs(results.mann_whitney(old, new) - by_hand(old, new)) < 1e-12
	for digits in (0, 9):
	    old, new = ([round(draw.gauss(mean, 1), digits) for _ in range(30)] for mean in (0, 0.6))
	    exact = results.mann_whitney(old, new)
	    results.MOST_EXACT = 0
	    assert 0.9 < results.mann_whitney(old, new) / exact < 1.1, (exact, digits)
	    assert results.mann_whitney([1] * 40, [1] * 40) == 1
	    results.MOST_EXACT = 64
	assert results.holm([0.01, 0.04, 0.03, 0.005]) == [0.03, 0.06, 0.06, 0.02]
	END
}
# Intervals of 95 % must contain the true value in about 95 % of all cases.
intervals_have_it() {
	PYTHONPATH=bench /usr/bin/python3 - <<-'END'
	import random
	import results

	draw = random.Random(1)
	hits = ratios = 0
	for _ in range(400):
	    old, new = ([draw.gauss(mean, 1) for _ in range(30)] for mean in (20, 40))
	    median, low, high = results.interval(old)
	    assert low <= median <= high and (median, low, high) == results.interval(old)
	    hits += low <= 20 <= high
	    _, low, high = results.ratio(new, old[:25])
	    ratios += low <= 2 <= high
	assert 0.9 <= hits / 400 <= 0.99 and 0.9 <= ratios / 400 <= 0.99, (hits, ratios)
	assert results.ratio([2, 40, 6], [1, 10, 3])[0] == 2
	assert results.ratio([0, 4], [0, 0])[2] == float("inf")
	END
}
check 'the rank test is exact, and Holm as it is in the books' test_is_exact
check '95 % intervals have what they are of, and are repeated' intervals_have_it

report() {
	bench/report -o "$folder/$1" "$folder/kernel.json" "$folder/kernel-6.1.json"
}
# Use names that are special in reStructuredText and gnuplot, two runs that have a benchmark
# of the same name, and a picture of an earlier report.
report_is_valid() {
	local page=$folder/first/benchmarks.rst pictures=$folder/first/benchmarks
	suite=kernel make_run kernel.json 1 arena=100:2:10 'arena, "kept_"=110:2:10' \
		'*none* |`$x`=0:0:10' 'C:\new{2}=5000:2:10' &&
		suite=kernel make_run kernel-6.1.json 2 arena=100:2:10 &&
		mkdir -p "$pictures" && : > "$pictures/old.svg" &&
		report first && rst2html --strict "$page" > "$folder/html" &&
		grep -q 'arena, &quot;kept_&quot;' "$folder/html" &&
		grep -qF '*none* |`$x`' "$folder/html" && grep -qF 'C:\new{2}' "$folder/html" &&
		[ "$(cd "$pictures" && echo ./*)" = \
		"$(echo ./kernel-{6-1-bench,bench}.{png,svg})" ] &&
		head -c 8 "$pictures/kernel-bench.png" | grep -qa PNG &&
		grep -qF 'C:\new{2}' "$pictures/kernel-bench.svg"
}
report_is_repeated() {
	sleep 1.1
	report second && diff -r "$folder/first" "$folder/second"
}
check 'the report is valid reStructuredText' report_is_valid
check 'the same results make the same report' report_is_repeated
tap_done
