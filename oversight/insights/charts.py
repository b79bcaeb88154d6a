"""Charts as SVG, drawn by the server: no script, printable, themed through classes.

Across they are drawn in per cent of their width and down in pixels, so that words keep their size
on a telephone. Each mark has a title; beside each chart stands its table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

SERIES = ("tool", "model", "human", "idle")  # fills of stacked bars, by rank; the last is the rest


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a histogram."""

    label: str  # under the bar; may be empty
    count: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A place that a line marks, in bins from the left."""

    at: float
    text: str
    kind: str  # median or late


@dataclass(frozen=True, slots=True)
class Column:
    """One stacked bar: a value for each series."""

    label: str
    values: Sequence[float]
    titles: Sequence[str]
    total: str


@dataclass(frozen=True, slots=True)
class Box:
    """The 5th, 25th, 50th, 75th and 95th per cent, in milliseconds."""

    low: float
    first: float
    middle: float
    third: float
    high: float


def spark(values: Sequence[float], title: str) -> SafeString:
    """A small line over its own area. Nothing at all for fewer than two values."""
    if len(values) < 2:
        return SafeString("")
    top = max(values) or 1.0
    step = 100 / (len(values) - 1)
    points = " ".join(
        f"{n * step:.2f},{28 - 24 * value / top:.2f}" for n, value in enumerate(values)
    )
    return format_html(
        '<svg class="spark" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" '
        'aria-label="{}"><title>{}</title><polygon class="area" points="0,30 {} 100,30"/>'
        '<polyline class="stroke" points="{}"/></svg>',
        title,
        title,
        points,
        points,
    )


def bar(share: float, fill: str, title: str) -> SafeString:
    """A bar of a table, from 0 to 1 of its cell."""
    width = min(100.0, max(0.0, share * 100))
    if 0 < width < 1:
        width = 1.0  # something is not nothing
    return format_html(
        '<svg class="cellbar" aria-hidden="true"><title>{}</title>'
        '<rect class="f-track" width="100%" height="100%" rx="2"/>'
        '<rect class="f-{}" width="{}%" height="100%" rx="2"/></svg>',
        title,
        fill,
        _n(width),
    )


def shares(parts: Iterable[tuple[float, str, str]]) -> SafeString:
    """Parts of a whole on one line: value, fill, title."""
    known = [part for part in parts if part[0] > 0]
    whole = sum(value for value, _, _ in known) or 1.0
    marks, at = [], 0.0
    for value, fill, title in known:
        width = 100 * value / whole
        marks.append((fill, _n(at), _n(max(0.4, width - 0.4)), title))
        at += width
    drawn = format_html_join(
        "",
        '<rect class="f-{}" x="{}%" width="{}%" height="100%" rx="2"><title>{}</title></rect>',
        marks,
    )
    return format_html('<svg class="cellbar tall" aria-hidden="true">{}</svg>', drawn)


TOP, FLOOR, HEIGHT = 34.0, 186.0, 214.0
_HIGH = {"late": 16.0, "median": 30.0}  # words of two lines never share a height


def histogram(bins: Sequence[Bin], lines: Sequence[Line], title: str) -> SafeString:
    top = max((one.count for one in bins), default=0.0) or 1.0
    width = 100 / max(1, len(bins))
    bars: list[tuple[str, str, str, str, str]] = []
    labels: list[tuple[str, str, str, str]] = []
    for n, one in enumerate(bins):
        tall = (FLOOR - TOP - 14) * one.count / top
        if one.count:
            tall = max(tall, 2.0)
        bars.append((_n(n * width + 0.25), _n(FLOOR - tall), _n(width - 0.5), _n(tall), one.title))
        if one.label:
            odd = "seldom" if len(labels) % 2 else ""
            labels.append((odd, _n((n + 1) * width), _n(FLOOR + 20), one.label))
    return format_html(
        '<svg class="chart" height="{}" role="img" aria-label="{}">{}{}{}{}</svg>',
        _n(HEIGHT),
        title,
        _rules(),
        _bars(bars, "tool"),
        _labels(labels, "middle"),
        _marked(lines, width),
    )


def _marked(lines: Sequence[Line], width: float) -> SafeString:
    """The lines, then their words, which none of them crosses."""
    strokes = format_html_join(
        "",
        '<line class="mark {0}" x1="{1}%" x2="{1}%" y1="{2}" y2="{3}"/>',
        ((one.kind, _n(one.at * width), _n(_HIGH[one.kind] - 10), _n(FLOOR)) for one in lines),
    )
    words = format_html_join("", "{}", ((_words(one, one.at * width),) for one in lines))
    return format_html("{}{}", strokes, words)


def _words(line: Line, x: float) -> SafeString:
    # On the side where there is room: what is late stands to the right of the median.
    side, gap = ("end", "-6") if x > (60 if line.kind == "late" else 30) else ("start", "6")
    return format_html(
        '<text class="strong" x="{}%" dx="{}" y="{}" text-anchor="{}">{}</text>',
        _n(x),
        gap,
        _n(_HIGH[line.kind]),
        side,
        line.text,
    )


def stacked(
    columns: Sequence[Column], ticks: Sequence[tuple[float, str]], title: str
) -> SafeString:
    """Bars in parts over days. ``ticks`` are values of the axis with their names."""
    totals = [sum(column.values) for column in columns]
    top = max([*totals, *(value for value, _ in ticks)], default=0.0) or 1.0
    width = 100 / max(1, len(columns))
    scale = (FLOOR - TOP - 10) / top
    drawn = [
        _column(column, n * width, width, scale, peak=total == max(totals) > 0)
        for n, (column, total) in enumerate(zip(columns, totals, strict=True))
    ]
    every = math.ceil(len(columns) / 15)
    names = [
        (
            "seldom" if n // every % 2 else "",
            _n((n + 0.5) * width),
            _n(FLOOR + 20),
            one.label,
        )
        for n, one in enumerate(columns)
        if n % every == 0
    ]
    axis = [("axis", "0", _n(FLOOR - value * scale + 4), name) for value, name in ticks]
    rules = [_n(FLOOR - value * scale) for value, _ in ticks]
    return format_html(
        '<svg class="chart scaled" height="{}" role="img" aria-label="{}">{}{}{}{}</svg>',
        _n(HEIGHT),
        title,
        _rules(rules),
        _labels(axis, "start"),
        format_html_join("", "{}", ((one,) for one in drawn)),
        _labels(names, "middle"),
    )


def _column(column: Column, x: float, width: float, scale: float, *, peak: bool) -> SafeString:
    marks, at = [], FLOOR
    for rank, (value, title) in enumerate(zip(column.values, column.titles, strict=True)):
        if value <= 0:
            continue
        tall = value * scale
        fill = SERIES[min(rank, len(SERIES) - 1)] if rank < len(column.values) - 1 else "idle"
        fill = SERIES[rank] if len(column.values) == 1 else fill
        gap = 1.5 if tall > 4 else 0.0
        marks.append(
            (fill, _n(x + width * 0.12), _n(at - tall), _n(width * 0.76), _n(tall - gap), title)
        )
        at -= tall
    bars = format_html_join(
        "",
        '<rect class="f-{}" x="{}%" y="{}" width="{}%" height="{}" rx="2"><title>{}</title></rect>',
        marks,
    )
    if not peak:
        return bars
    side, place = ("end", 100.0) if x + width / 2 > 94 else ("middle", x + width / 2)
    words = [("", _n(place), _n(at - 8), column.total)]
    return format_html("{}{}", bars, _labels(words, side, "strong"))


def box(one: Box, low: float, high: float, ticks: Sequence[float], title: str) -> SafeString:
    """A box over a logarithmic axis from ``low`` to ``high`` milliseconds, one row of many."""

    def x(value: float) -> float:
        place = (math.log(max(value, low)) - math.log(low)) / (math.log(high) - math.log(low))
        return min(100.0, max(0.0, 100 * place))

    rules = format_html_join(
        "",
        '<line class="rule" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>',
        ((_n(x(tick)),) for tick in ticks),
    )
    ends = (_n(x(one.low)), _n(x(one.high)))
    inner = (_n(x(one.first)), _n(max(0.6, x(one.third) - x(one.first))))
    return format_html(
        '<svg class="box" role="img" aria-label="{}"><title>{}</title>{}'
        '<line class="whisker" x1="{}%" x2="{}%" y1="50%" y2="50%"/>'
        '<rect class="half" x="{}%" width="{}%" y="8" height="16" rx="3"/>'
        '<line class="middle" x1="{}%" x2="{}%" y1="8" y2="24"/></svg>',
        title,
        title,
        rules,
        *ends,
        *inner,
        _n(x(one.middle)),
        _n(x(one.middle)),
    )


def scale(low: float, high: float, ticks: Sequence[tuple[float, str]]) -> SafeString:
    """The axis under a column of boxes."""
    names: list[tuple[str, str, str, str]] = []
    for value, name in ticks:
        place = 100 * (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        names.append(("seldom" if len(names) % 2 else "", _n(place), "16", name))
    return format_html(
        '<svg class="box axis" aria-hidden="true">{}</svg>', _labels(names, "middle")
    )


def _bars(marks: Iterable[tuple[str, str, str, str, str]], fill: str) -> SafeString:
    return format_html_join(
        "",
        '<rect class="f-{}" x="{}%" y="{}" width="{}%" height="{}" rx="2"><title>{}</title></rect>',
        ((fill, *mark) for mark in marks),
    )


def _labels(marks: Iterable[tuple[str, str, str, str]], anchor: str, kind: str = "") -> SafeString:
    return format_html_join(
        "",
        '<text class="{} {}" x="{}%" y="{}" text-anchor="{}">{}</text>',
        ((kind, odd, x, y, anchor, text) for odd, x, y, text in marks),
    )


def _rules(heights: Sequence[str] | None = None) -> SafeString:
    if heights is None:
        heights = [_n(TOP + (FLOOR - TOP) * n / 3) for n in (0, 1, 2, 3)]
    return format_html_join(
        "",
        '<line class="rule" x1="0" x2="100%" y1="{0}" y2="{0}"/>',
        ((y,) for y in heights),
    )


def ticks_of(top: float) -> list[float]:
    """Three or four round numbers from nothing to about ``top``."""
    if top <= 0:
        return [0.0]
    rough = top / 2.2
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.7)
    return [n * step for n in range(int(top / step) + 1)]


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
