"""Plots as inline SVG, made here and not in the reader's browser: no script, no outside resource.

Places across are in percent and text sizes in pixels, so a plot fills a telephone and a wide screen alike and its
words stay legible on both. Every plot says its title and its text to a screen reader; the page sets a table of the numbers beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from reversa.reporting import Report
from reversa.wording import Texts

MAIN_KINDS = 4
MONTHS_SHOWN = 120
"""Over a longer time the bars stand for years."""

_SVG = Markup('<svg class="plot" role="img" width="100%" height="{height}" aria-label="{title}"><desc>{text}</desc>{shapes}</svg>')
_BAR = Markup('<rect class="{style}" x="{x:.3f}%" y="{y:.1f}" width="{width:.3f}%" height="{height:.1f}">{tip}</rect>')
_TIP = Markup("<title>{tip}</title>")
_LINE = Markup('<line class="rule" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
_WORDS = Markup('<text class="{style}" x="{x:.3f}%" y="{y}" text-anchor="{anchor}">{words}</text>')


class Lane(NamedTuple):
    """One line of a plot: its name, what is said at its right, and the counts it shows, by their labels in order."""

    name: str
    figure: str
    counts: Mapping[str, int]


class Volume(NamedTuple):
    """What was created when: the plot and its numbers."""

    plot: Markup
    lanes: list[Lane]
    periods: list[str]


def bars(title: str, text: str, lanes: Sequence[Lane]) -> Markup:
    """One bar per lane, as long as its count."""
    longest = max((sum(lane.counts.values()) for lane in lanes), default=0) or 1
    shapes: list[Markup] = []
    for number, lane in enumerate(lanes):
        top = 40 * number
        shapes.append(_WORDS.format(style="name", x=0, y=top + 15, anchor="start", words=lane.name))
        shapes.append(_WORDS.format(style="figure", x=100, y=top + 15, anchor="end", words=lane.figure))
        shapes.append(_BAR.format(style="track", x=0, y=top + 22, width=100, height=7, tip=""))
        shapes.append(_BAR.format(style="bar", x=0, y=top + 22, width=100 * sum(lane.counts.values()) / longest, height=7, tip=""))
    return _SVG.format(height=40 * len(lanes), title=title, text=text, shapes=Markup("").join(shapes))


def volume(report: Report, t: Texts) -> Volume | None:
    """The volume over time of the main kinds; None when no record says when it was created."""
    months = {kind: counts for kind, counts in report.volume.items() if kind != "opaque" and counts}
    if not months:
        return None
    main = sorted(months, key=lambda kind: -sum(months[kind].values()))[:MAIN_KINDS]
    shown = _periods([month for kind in main for month in months[kind]])
    lanes = []
    for kind in main:
        counts: Counter[str] = Counter()
        for month, count in months[kind].items():
            counts[month[: len(shown[0])]] += count
        lanes.append(Lane(t.kind(kind), t("plot.peak-month" if "-" in shown[0] else "plot.peak-year", count=max(counts.values())), counts))
    text = t("plot.volume-text", first=t.period(shown[0]), last=t.period(shown[-1]))
    drawn = _over_time(t("plot.volume"), text, lanes, shown, t.period, lambda period, count: f"{t.period(period)} · {t.number(count)}")
    return Volume(drawn, lanes, shown)


def _over_time(
    title: str, text: str, lanes: Sequence[Lane], periods: Sequence[str], label: Callable[[str], str], tip: Callable[[str, int], str]
) -> Markup:
    """A row of bars per lane, one for each of the periods; the highest of every lane fills its height."""
    width = min(4.0, 84 / len(periods))
    step = (100 - width) / max(1, len(periods) - 1)
    shapes: list[Markup] = []
    for number, lane in enumerate(lanes):
        top, highest = 92 * number, max(lane.counts.values())
        base = top + 80
        shapes.append(_WORDS.format(style="name", x=0, y=top + 15, anchor="start", words=lane.name))
        shapes.append(_WORDS.format(style="figure", x=100, y=top + 15, anchor="end", words=lane.figure))
        for place, period in enumerate(periods):
            if count := lane.counts.get(period):
                height = max(1.0, 54 * count / highest)
                said = _TIP.format(tip=tip(period, count))
                shapes.append(_BAR.format(style="bar", x=place * step, y=base - height, width=width, height=height, tip=said))
        shapes.append(_LINE.format(y=base + 0.5))
    height = 92 * len(lanes) + 12
    last = len(periods) - 1
    ticks = {last: ("end", 100.0), 0: ("start", 0.0)}
    if last > 1:
        ticks[last // 2] = ("middle", last // 2 * step + width / 2)
    for place, (anchor, x) in ticks.items():
        shapes.append(_WORDS.format(style="tick", x=x, y=height - 4, anchor=anchor, words=label(periods[place])))
    return _SVG.format(height=height, title=title, text=text, shapes=Markup("").join(shapes))


def _periods(months: Sequence[str]) -> list[str]:
    """Every month from the first to the last of ``months`` (``2016-05``), or every year (``2016``) when they are many."""
    numbers = [12 * int(year) + int(month) - 1 for year, month in (text.split("-") for text in months)]
    first, last = min(numbers), max(numbers)
    if last - first < MONTHS_SHOWN:
        return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(first, last + 1)]
    return [f"{year:04}" for year in range(first // 12, last // 12 + 1)]
