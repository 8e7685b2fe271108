# SPDX-License-Identifier: GPL-2.0-only
"""
Pictures of results, drawn by gnuplot: one for each bench, with medians and 95 % intervals.

Cases that are sizes or counts are points on a line. Other cases are groups of bars; if there is
only one case, the bars are horizontal, with their names next to them. The arena has the same
colour everywhere, its variants have similar colours, and limits are grey and hatched.
"""
import math
import re
import subprocess
import textwrap

import results

WIDTH, HEIGHT = 900, 540
# Values that span a larger ratio are drawn on a logarithmic scale.
MOST_LINEAR = 20
LEAST_CASES_OF_A_LINE = 3

# The colours of Okabe and Ito, which the colour-blind can distinguish, and darker ones.
ARENA = "#0072B2"
VARIANTS = ("#56B4E9", "#004466", "#99DDEE", "#5566CC", "#2299AA")
OTHERS = ("#E69F00", "#009E73", "#D55E00", "#CC79A7", "#F0E442", "#882255", "#999933",
          "#44AA99", "#661100", "#DDAA99", "#117733")
BASELINE = "#888888"

# Below the plot, to leave room for the bars.
KEY = "set key below Left reverse samplen 2 maxcols 3"
# Gnuplot's own error bars have a point in the middle, with white around it.
ERROR_BAR = "with vectors heads size screen 0.005,90 lw 1.3 lc rgb '#222222' notitle"
UNITS = {"byte": 1, "bytes": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class Style:
    """The style of a peer, the same everywhere in a run."""

    def __init__(self, run, peer):
        peers = [key for key in run["peers"] if not run["peers"][key].get("baseline")]
        self.is_baseline = bool(run["peers"][peer].get("baseline"))
        self.color = BASELINE
        self.point = 4
        self.pattern = None
        if self.is_baseline:
            baselines = [key for key in run["peers"] if run["peers"][key].get("baseline")]
            self.point += 2 * (baselines.index(peer) % 3)
        elif peer == "arena":
            self.color = ARENA
            self.point = 7
        else:
            is_variant = peer.startswith("arena, ")
            colors = VARIANTS if is_variant else OTHERS
            alike = [key for key in peers
                     if key != "arena" and key.startswith("arena, ") == is_variant]
            index = alike.index(peer)
            self.color = colors[index % len(colors)]
            # Peers beyond the number of colours get a pattern.
            self.pattern = (None, 1, 2)[min(index // len(colors), 2)]
            self.point = (5, 9, 11, 13)[index % 4]

    def fill(self):
        """The fill style of a bar."""
        pattern = 4 if self.is_baseline else self.pattern
        fill = f"pattern {pattern}" if pattern else "solid"
        return f'fs {fill} border lc rgb "{self.color}" fc rgb "{self.color}"'

    def line(self):
        """The style of points on a line."""
        return (f'lc rgb "{self.color}" pt {self.point} ps 1.1 lw {3 if self.point == 7 else 1.6} '
                f'dt {2 if self.is_baseline else 3 if self.pattern else 1}')


class Scale:
    """The axis of the values: its range, whether it is logarithmic, and its labels."""

    def __init__(self, values):
        positive = [value for value in values if value > 0] or [1]
        self.is_log = max(positive) > MOST_LINEAR * min(positive)
        if self.is_log:
            # Start below the smallest value, so that it has a bar, too.
            self.low = 10.0 ** math.floor(math.log10(min(positive) / 1.2))
            self.high = max(positive) * 2
            marks = (1, 2, 5) if self.high / self.low < 1000 else (1,)
            self.marks = [mark * 10.0 ** power
                          for power in range(round(math.log10(self.low)),
                                             math.ceil(math.log10(self.high)) + 1)
                          for mark in marks]
        else:
            self.low = 0
            self.high = max(positive) * 1.1
            step = 10.0 ** math.floor(math.log10(self.high))
            while self.high / step < 4:
                step /= 2
            self.marks = [number * step for number in range(int(self.high / step) + 1)]
        self.marks = [mark for mark in self.marks if self.low <= mark <= self.high]

    def place(self, value):
        """The position of a value; a logarithmic scale has no 0."""
        return max(value, self.low)

    def beyond(self, share):
        """An end of the axis that leaves this share of it free after the largest value."""
        if self.is_log:
            return self.low * (self.high / self.low) ** (1 / (1 - share))
        return self.high / (1 - share)

    def commands(self, axis):
        """The commands for gnuplot."""
        marks = ", ".join(f"{quote(text_of_mark(mark))} {mark:.9g}" for mark in self.marks)
        return [f"set logscale {axis}"] * self.is_log + [
            f"set {axis}range [{self.low:.9g}:{self.high:.9g}]", f"set {axis}tics ({marks})"]


def text_of_mark(value):
    """The label of a round number."""
    for factor, name in ((1e12, " T"), (1e9, " G"), (1e6, " M")):
        if value >= factor:
            return f"{value / factor:g}{name}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"


def quote(text):
    """A gnuplot string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def sizes_of(cases):
    """The cases as numbers if all are sizes, or counts of the same thing; otherwise None."""
    sizes, sorts = [], set()
    for case in cases:
        match = re.fullmatch(r"([0-9][0-9,]*(?:\.[0-9]+)?) (.+)", case)
        if not match:
            return None
        number = float(match[1].replace(",", ""))
        sizes.append(number * UNITS.get(match[2], 1))
        sorts.add("size" if match[2] in UNITS else match[2].removesuffix("s"))
    return sizes if len(sorts) == 1 and len(set(sizes)) == len(sizes) else None


def draw(run, bench, unit, title, path):
    """
    Draw the results of a bench that have this unit to PATH.svg and PATH.png. Returns whether
    a value of 0 is drawn at the edge of a logarithmic scale.
    """
    intervals = {(result["case"], result["peer"]): results.interval(result["samples"])
                 for result in run["results"]
                 if result["bench"] == bench and result["unit"] == unit}
    cases = list(dict.fromkeys(case for case, _ in intervals))
    peers = [peer for peer in results.peers_of(run, bench)
             if any(key[1] == peer for key in intervals)]
    scale = Scale([value for values in intervals.values() for value in values])
    label = f"{unit}{' (log scale)' if scale.is_log else ''}, less is better"
    commands = [
        f"set title {quote(title)}",
        "set border 3 lc rgb '#444444'",
        "set tics nomirror",
        "set style line 9 lc rgb '#DDDDDD' lw 1",
    ]
    if len(cases) == 1:
        commands += lying_bars(run, intervals, cases[0], peers, scale, label)
    elif len(cases) >= LEAST_CASES_OF_A_LINE and sizes_of(cases):
        commands += lines(run, intervals, cases, peers, scale, label)
    else:
        commands += standing_bars(run, intervals, cases, peers, scale, label)
    font = 'font "DejaVu Sans,12"'
    script = "\n".join([
        f'set terminal svg size {WIDTH},{HEIGHT} noenhanced {font} name "picture" '
        'background "#FFFFFF"',
        f"set output {quote(path + '.svg')}",
        *commands,
        f'set terminal pngcairo size {WIDTH},{HEIGHT} noenhanced {font} background "#FFFFFF"',
        f"set output {quote(path + '.png')}",
        "replot",
        "set output",
    ]) + "\n"
    done = subprocess.run(["gnuplot", "-"], input=script, text=True, capture_output=True,
                          check=False)
    # Treat a warning as an error: something is not drawn correctly.
    if done.returncode or done.stderr.strip():
        raise RuntimeError(f"gnuplot, {path}: {done.stderr.strip()[-2000:]}")
    return scale.is_log and any(values[0] == 0 for values in intervals.values())


def nr_lines(text):
    """The number of lines of a wrapped name."""
    return text.count("\n") + 1


def block(name, rows):
    """A gnuplot data block."""
    return [f"${name} << END", *(" ".join(row) for row in rows), "END"]


def numbers(*values):
    """The numbers of a row, as text."""
    return [f"{value:.9g}" for value in values]


def standing_bars(run, intervals, cases, peers, scale, label):
    """A group of bars for each case, with one bar for each peer in the case."""
    commands, plots = [], []
    marks = []
    place = 0.0
    rows = {peer: [] for peer in peers}
    for case in cases:
        there = [peer for peer in peers if (case, peer) in intervals]
        marks.append((case, place + (len(there) - 1) / 2))
        for peer in there:
            value, low, high = map(scale.place, intervals[case, peer])
            rows[peer].append(numbers(place, value, low, high))
            place += 1
        place += 1.5
    for number, peer in enumerate(peers):
        commands += block(f"peer{number}", rows[peer])
        plots.append(f"$peer{number} using 1:2 with boxes {Style(run, peer).fill()} "
                     f"title {quote(run['peers'][peer]['name'])}")
    for number in range(len(peers)):
        plots.append(f"$peer{number} using 1:3:(0):($4-$3) {ERROR_BAR}")
    # Wrap names to the available width.
    names = {case: textwrap.fill(case, max(8, 80 // len(cases))) for case in cases}
    return [
        *commands,
        *scale.commands("y"),
        f"set ylabel {quote(label)}",
        f"set xrange [-1:{place - 1.5:.9g}]",
        f"set xtics ({', '.join(f'{quote(names[case])} {at:.9g}' for case, at in marks)}) scale 0",
        "set grid ytics back ls 9",
        "set boxwidth 0.85",
        KEY,
        # An empty label makes room above the key for the other lines of the names.
        f"set xlabel {quote(chr(10).join([' '] * max(map(nr_lines, names.values()))))}",
        "plot " + ", ".join(plots),
    ]


def lying_bars(run, intervals, case, peers, scale, label):
    """A bar for each peer, with its name on the left and its figure on the right."""
    commands, plots, names, marks = [], [], [], []
    for number, peer in enumerate(peers):
        row = len(peers) - 1 - number
        value, low, high = map(scale.place, intervals[case, peer])
        figure = quote(results.text_of(intervals[case, peer][0]))
        commands += block(f"peer{number}", [numbers(value, row, low, high) + [figure]])
        names.append(run["peers"][peer]["name"])
        marks.append(f"{quote(names[-1])} {row}")
        plots.append(f"$peer{number} using 1:2:({scale.low:.9g}):1:($2-0.35):($2+0.35) "
                     f"with boxxyerror {Style(run, peer).fill()} notitle")
        plots.append(f"$peer{number} using 3:2:($4-$3):(0) {ERROR_BAR}")
        plots.append(f"$peer{number} using 4:2:5 with labels left offset 0.8,0 notitle")
    # Leave room for the figure of the longest bar.
    scale.high = scale.beyond(0.12)
    return [
        *commands,
        *scale.commands("x"),
        f"set xlabel {quote(label)}",
        f"set yrange [-0.6:{len(peers) - 0.4:.9g}]",
        f"set ytics ({', '.join(marks)}) scale 0",
        "set grid xtics back ls 9",
        "unset key",
        f"set lmargin {max(map(len, names)) + 3}",
        "plot " + ", ".join(plots),
    ]


def lines(run, intervals, cases, peers, scale, label):
    """A line for each peer, over sizes or counts."""
    sizes = sizes_of(cases)
    is_log = min(sizes) > 0 and max(sizes) >= 4 * min(sizes)
    commands, plots = [], []
    for number, peer in enumerate(peers):
        there = sorted((size, case) for size, case in zip(sizes, cases)
                       if (case, peer) in intervals)
        commands += block(f"peer{number}", [
            numbers(size, *map(scale.place, intervals[case, peer])) for size, case in there])
        line = Style(run, peer).line()
        plots.append(f"$peer{number} using 1:2:3:4 with yerrorlines {line} "
                     f"title {quote(run['peers'][peer]['name'])}")
    room = (max(sizes) / min(sizes)) ** 0.05 if is_log else 0
    edge = 0.05 * (max(sizes) - min(sizes))
    left = min(sizes) / room if is_log else min(sizes) - edge
    right = max(sizes) * room if is_log else max(sizes) + edge
    marks = ", ".join(f"{quote(case)} {size:.9g}" for size, case in zip(sizes, cases))
    return [
        *commands,
        *scale.commands("y"),
        *["set logscale x 2"] * is_log,
        f"set ylabel {quote(label)}",
        f"set xrange [{left:.9g}:{right:.9g}]",
        f"set xtics ({marks})",
        "set grid xtics ytics back ls 9",
        KEY,
        'set xlabel " "',
        "plot " + ", ".join(plots),
    ]
