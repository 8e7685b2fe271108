# SPDX-License-Identifier: GPL-2.0-only
"""
Results of benchmarks: files, statistics and printed tables, for the scripts in this folder.

A file, build/bench/SUITE.json, contains one run of one suite: its time, machine, commit and
settings, what was compared ("peers"), and the samples ("results"), one for each repetition.
Samples with the same index were taken next to each other, so that ratios within a repetition
are meaningful even on a busy machine. Less is always better. The peer that the others are
compared with is called "arena", its variants "arena, ...". A peer that only shows the limit has
"baseline". "bars" are the project's targets for the run, and whether they are met.
"""
import datetime
import json
import math
import os
import subprocess
import sys
import time

import numpy

FORMAT = 1
RESAMPLES = 1000
# Maximum number of samples of both sides for an exact test; more would take too long.
MOST_EXACT = 64
# Cases in a printed table; further cases are in another table below.
CASES_IN_A_ROW = 4


class ResultsError(Exception):
    """A file with missing or invalid contents."""


# --- a run and its file -----------------------------------------------------------------


def new_run(suite, settings, peers):
    """
    A run of a suite on this machine, without results.

    settings: {name: string or number}, everything needed to repeat the run
    peers: {key: {"name": ..., "version": ..., "use": ..., "flags": ..., "baseline": True}},
        in the order of the tables; everything but the name is optional
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "format": FORMAT,
        "suite": suite,
        "when": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _output(["git", "-C", os.path.dirname(os.path.abspath(__file__)),
                           "describe", "--always", "--dirty"]) or "unknown",
        "machine": machine(),
        "settings": settings,
        "peers": peers,
        "results": [],
        "bars": [],
    }


def add(run, bench, case, peer, unit, samples, **extra):
    """Add the samples of a peer, in @unit, and numbers that go with them."""
    result = {"bench": bench, "case": case, "peer": peer, "unit": unit,
              "samples": list(samples)}
    if extra:
        result["extra"] = extra
    run["results"].append(result)


def save(path, run):
    """Write a run to a file atomically; raises ResultsError like load()."""
    _check(run, path)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(run, file, indent=1, allow_nan=False)
        file.write("\n")
    os.replace(path + ".new", path)


def load(path):
    """The run in a file; raises ResultsError if it is unreadable or not a run."""
    try:
        with open(path, encoding="utf-8") as file:
            run = json.load(file)
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: {error}") from error
    _check(run, path)
    return run


def _check(run, path):
    def need(condition, what):
        if not condition:
            raise ResultsError(f"{path}: {what}")

    def is_number(value):
        return (isinstance(value, (int, float)) and not isinstance(value, bool) and
                math.isfinite(value))

    need(isinstance(run, dict), "not a run")
    need(run.get("format") == FORMAT, f"format {run.get('format')}, not {FORMAT}")
    for key, sort in (("suite", str), ("when", str), ("commit", str), ("machine", dict),
                      ("settings", dict), ("peers", dict), ("results", list)):
        need(isinstance(run.get(key), sort), f"no {key}")
    for key, peer in run["peers"].items():
        need(isinstance(peer, dict) and isinstance(peer.get("name"), str),
             f"no name of peer {key}")
    seen = set()
    for number, result in enumerate(run["results"]):
        where = f"result {number}"
        need(isinstance(result, dict), f"{where}: not an object")
        for key in ("bench", "case", "peer", "unit"):
            need(isinstance(result.get(key), str), f"{where}: no {key}")
        where = ", ".join(key_of(result))
        need(key_of(result) not in seen, f"{where}: there twice")
        seen.add(key_of(result))
        need(result["peer"] in run["peers"], f"{where}: no such peer")
        samples = result.get("samples")
        need(isinstance(samples, list) and samples, f"{where}: no samples")
        need(all(is_number(sample) and sample >= 0 for sample in samples),
             f"{where}: a sample that is no number, or less than 0")
        extra = result.get("extra", {})
        need(isinstance(extra, dict) and all(map(is_number, extra.values())),
             f"{where}: extra that is no number")
    for bar_ in run.get("bars", []):
        need(isinstance(bar_, dict) and isinstance(bar_.get("what"), str) and
             isinstance(bar_.get("met"), bool) and
             all(bar_.get(key) is None or is_number(bar_[key])
                 for key in ("value", "low", "high")) and
             is_number(bar_.get("least", bar_.get("most"))), "a bar that is none")


def key_of(result):
    """(bench, case, peer), which is unique in a run"""
    return result["bench"], result["case"], result["peer"]


def by_key(run):
    """{(bench, case, peer): result}"""
    return {key_of(result): result for result in run["results"]}


def samples_of(run, bench, case, peer):
    """The samples of a result, which must exist."""
    return by_key(run)[bench, case, peer]["samples"]


def benches_of(run):
    """{bench: [case, ...]}, both in the order of the results."""
    benches = {}
    for result in run["results"]:
        cases = benches.setdefault(result["bench"], [])
        if result["case"] not in cases:
            cases.append(result["case"])
    return benches


def peers_of(run, bench):
    """The peers in a bench: the arena first, then its variants, others, and baselines."""
    there = {result["peer"] for result in run["results"] if result["bench"] == bench}

    def rank(peer):
        if run["peers"][peer].get("baseline"):
            return 3
        if peer == "arena":
            return 0
        return 1 if peer.startswith("arena, ") else 2

    return sorted((peer for peer in run["peers"] if peer in there), key=rank)


# --- where a run is made ----------------------------------------------------------------


def _output(command):
    """The output of a command, or "" if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _field(path, name, separator):
    """The first value of @name in a file of lines "name separator value"."""
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                key, _, value = line.partition(separator)
                if key.strip() == name:
                    return value.strip().strip('"')
    except OSError:
        pass
    return ""


def machine():
    """The properties of this machine that affect figures."""
    memory = _field("/proc/meminfo", "MemTotal", ":").split()
    huge = "/sys/kernel/mm/transparent_hugepage/enabled"
    flags = _field("/proc/cpuinfo", "flags", ":").split()
    found = {
        "cpu": _field("/proc/cpuinfo", "model name", ":"),
        "cpus": len(os.sched_getaffinity(0)),
        "virtual": "yes" if "hypervisor" in flags else "no",
        "memory_mib": int(memory[0]) // 1024 if memory else "",
        "kernel": os.uname().release,
        "system": _field("/etc/os-release", "PRETTY_NAME", "="),
        "thp": _output(["sed", r"s/.*\[\(.*\)\].*/\1/", huge]),
        "libc": " ".join(os.confstr("CS_GNU_LIBC_VERSION").split()),
        "compiler": _output(["gcc", "--version"]).partition("\n")[0],
    }
    return {name: value for name, value in found.items() if value != ""}


def package_version(name):
    """The version of a Debian package, or "not installed"."""
    return _output(["dpkg-query", "-W", "-f", "${Version}", name]) or "not installed"


# --- statistics -------------------------------------------------------------------------


def median(samples):
    """The median, in the samples' unit."""
    return float(numpy.median(samples))


def _resample(samples, seed):
    """Medians of resamples, drawn with replacement."""
    samples = numpy.asarray(samples, dtype=float)
    drawn = numpy.random.default_rng(seed).integers(
        0, len(samples), size=(RESAMPLES, len(samples)))
    return numpy.median(samples[drawn], axis=1)


def _bounds(values):
    """The bounds of the middle 95 % of the values, which can be infinite."""
    values = numpy.sort(values)
    return float(values[RESAMPLES // 40]), float(values[RESAMPLES - 1 - RESAMPLES // 40])


def interval(samples, seed=1):
    """
    (median, low, high): the median and its 95 % interval, in the samples' unit.

    The interval is that of the percentile bootstrap (Efron, "Bootstrap Methods: Another Look at
    the Jackknife", Annals of Statistics 7, 1979). The generator is seeded, so the same samples
    give the same interval.
    """
    return (median(samples), *_bounds(_resample(samples, seed)))


def quotients(samples, to):
    """Ratios of the elements; the ratio of two zeros is 1."""
    samples, to = numpy.asarray(samples, dtype=float), numpy.asarray(to, dtype=float)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        return numpy.where((samples == 0) & (to == 0), 1, samples / to)


def ratio(samples, to, seed=1):
    """
    (median, low, high) of the ratio of the samples to @to, with the 95 % interval.

    This is the median of the ratios within each repetition, with the bootstrap of interval().
    If the numbers of samples differ, it is the ratio of the medians, with a bootstrap over both
    sides. A ratio to 0 is infinite.
    """
    if len(samples) == len(to):
        return interval(quotients(samples, to), seed)
    resampled = quotients(_resample(samples, seed), _resample(to, seed + 1))
    return (float(quotients(median(samples), median(to))), *_bounds(resampled))


def mann_whitney(old, new):
    """
    The two-sided p of the rank test of Mann and Whitney ("On a Test of Whether one of Two
    Random Variables is Stochastically Larger than the Other", Annals of Mathematical
    Statistics 18, 1947): the probability of ranks at least as far apart as these if old and new
    had the same distribution.

    It is exact for up to MOST_EXACT samples, including ties, which share their rank. For more
    samples it uses the normal approximation with the variance corrected for ties. SciPy is not
    used because its exact test does not support ties, which are frequent in instruction counts.
    """
    pooled = numpy.array([*old, *new], dtype=float)
    _, inverse, counts = numpy.unique(pooled, return_inverse=True, return_counts=True)
    # Twice the rank, which is an integer.
    ranks = (2 * numpy.cumsum(counts) - counts + 1)[inverse]
    n, total = len(old), len(pooled)
    mean = n * (total + 1)
    distance = abs(int(ranks[:n].sum()) - mean)
    if total <= MOST_EXACT:
        sums = _sums_of_ranks(ranks, n)
        return float(sums[abs(numpy.arange(len(sums)) - mean) >= distance].sum() / sums.sum())
    ties = (counts ** 3 - counts).sum() / (total * (total - 1))
    deviation = math.sqrt(n * (total - n) / 3 * (total + 1 - ties))
    return math.erfc(max(distance - 1, 0) / deviation / math.sqrt(2)) if deviation else 1.0


def _sums_of_ranks(ranks, n):
    """
    The numbers of choices of @n of the ranks with the sums 0, 1, 2 ..., by the shift algorithm
    of Streitberg and Roehmel ("Exact Distributions for Permutation and Rank Tests", Statistical
    Software Newsletter 12, 1986), which processes one rank after the other.
    """
    choices = numpy.zeros((n + 1, int(ranks.sum()) + 1))
    choices[0, 0] = 1
    for rank in ranks:
        # Copy the old values, so that no rank is counted twice.
        choices[1:, rank:] += choices[:-1, :-rank].copy()
    return choices[n]


def least_p(nr_old, nr_new):
    """The smallest p that mann_whitney() can return for these numbers of samples."""
    return 2 / math.comb(nr_old + nr_new, nr_old)


def holm(ps):
    """
    The p values of several tests in the same order, corrected for the number of tests by Holm's
    method ("A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
    Statistics 6, 1979).
    """
    corrected = [0.0] * len(ps)
    most = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        most = max(most, min(1.0, ps[index] * (len(ps) - rank)))
        corrected[index] = most
    return corrected


def shift(old, new):
    """
    The amount by which the new samples are larger, in their unit: the median of all differences
    (Hodges and Lehmann, "Estimates of Location Based on Rank Tests", Annals of Mathematical
    Statistics 34, 1963).
    """
    return float(numpy.median(numpy.subtract.outer(new, old)))


# --- what is printed --------------------------------------------------------------------


def text_of(value):
    """A figure with three significant digits, or with all digits if it is large."""
    if not math.isfinite(value):
        return "inf"
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def text_of_ratio(values):
    """The text of (median, low, high)."""
    value, low, high = (f"{x:.2f}" if x < 10 else text_of(x) for x in values)
    return f"{value} [{low}, {high}]"


def ratio_to_arena(run, bench, case, peer):
    """(median, low, high), or None if the case has no arena"""
    results = by_key(run)
    if (bench, case, "arena") not in results:
        return None
    return ratio(results[bench, case, peer]["samples"], results[bench, case, "arena"]["samples"])


def print_tables(run):
    """Print for each bench the medians, and the ratios to the arena with their intervals."""
    results = by_key(run)
    for bench, all_cases in benches_of(run).items():
        units = {result["unit"] for result in run["results"] if result["bench"] == bench}
        for first in range(0, len(all_cases), CASES_IN_A_ROW):
            cases = all_cases[first:first + CASES_IN_A_ROW]
            print(f"{bench}: {', '.join(sorted(units))}, and times the arena's\n")
            print(" " * 28 + "".join(f"{case:>36}" for case in cases))
            for peer in peers_of(run, bench):
                line = f"{run['peers'][peer]['name']:<28}"
                for case in cases:
                    result = results.get((bench, case, peer))
                    times = result and ratio_to_arena(run, bench, case, peer)
                    line += f"{text_of(median(result['samples'])) if result else '':>14}"
                    line += f"{text_of_ratio(times) if times else '':>22}"
                print(line.rstrip())
            print()


def bar(run, what, values, least=None, most=None):
    """
    Add a target to a run, print whether it is met, and return that.

    values: (value, low, high), or an exact number
    least, most: the bound of the value; exactly one of them is given
    """
    value, low, high = values if isinstance(values, tuple) else (values, values, values)
    met = value >= least if most is None else value <= most
    close = high >= least if most is None else low <= most
    # JSON has no infinite numbers.
    entry = {"what": what}
    for key, number in (("value", value), ("low", low), ("high", high)):
        entry[key] = float(number) if math.isfinite(number) else None
    entry["least" if most is None else "most"] = least if most is None else most
    entry["met"] = bool(met)
    run.setdefault("bars", []).append(entry)
    print(f"  {text_of_bar(entry, close):<6} {what:<82} {text_of_ratio((value, low, high))}, "
          f"{text_of_bound(entry)}")
    return entry["met"]


def text_of_bar(entry, close=None):
    """met, close if its interval includes the bound, or MISSED"""
    if close is None:
        bound, end = ("least", "high") if "least" in entry else ("most", "low")
        close = entry[end] is None or (entry[end] >= entry[bound] if bound == "least"
                                       else entry[end] <= entry[bound])
    return "met" if entry["met"] else "close" if close else "MISSED"


def text_of_bound(entry):
    """The bound of a bar."""
    if "least" in entry:
        return f"at least {text_of(entry['least'])}"
    return f"at most {text_of(entry['most'])}"


def all_met(run):
    """Whether every bar of a run is met."""
    return all(entry["met"] for entry in run.get("bars", []))


class Progress:
    """
    The progress of a run and the remaining time, on standard error: on a terminal one line that
    is rewritten, otherwise a line every ten seconds at most.
    """

    def __init__(self, total):
        """total: the amount of work, in the unit of step()"""
        self.total = total
        self.done = 0
        self.started = time.monotonic()
        self.last = -math.inf
        self.on_terminal = sys.stderr.isatty()

    def step(self, what, amount=1):
        """Report an amount of finished work, and its name."""
        self.done += amount
        now = time.monotonic()
        is_end = self.done >= self.total
        if not is_end and now - self.last < (0.2 if self.on_terminal else 10):
            return
        self.last = now
        left = (now - self.started) * (self.total - self.done) / self.done
        line = f"{100 * self.done // self.total:3.0f} %, {_text_of_time(left)} left: {what}"
        if self.on_terminal:
            print(f"\r\033[K{line}", end="\n" if is_end else "", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)


def _text_of_time(seconds):
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
