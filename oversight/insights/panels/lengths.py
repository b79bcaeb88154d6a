"""How long steps take, and how long people let calls wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.utils.safestring import SafeString

from agents.core import spread
from oversight import wording
from oversight.insights import charts
from oversight.insights.charts import Bin, Box, Line
from oversight.insights.figures import (
    Figures,
    Row,
    Subject,
    lengths,
    total,
)
from oversight.insights.panels.table import PEOPLE, Table


@dataclass(frozen=True, slots=True)
class TimeLine:
    name: str
    count: int
    box: Box
    svg: SafeString


@dataclass(frozen=True, slots=True)
class Times:
    lines: list[TimeLine]
    axis: SafeString | str


_TICKS = (
    (10, "10 ms"),
    (100, "0.1 s"),
    (1_000, "1 s"),
    (5_000, "5 s"),
    (15_000, "15 s"),
    (60_000, "1 min"),
    (300_000, "5 min"),
    (1_800_000, "30 min"),
    (7_200_000, "2 h"),
    (86_400_000, "1 day"),
)


def times(figures: Figures, most: int = 5) -> Times:
    """How long each kind of step takes: the model, the most called tools, people."""
    boxes = [(name, n, box) for name, n, box in _boxes(figures, most) if box]
    if not boxes:
        return Times([], "")
    low = max(1.0, min(box.low for _, _, box in boxes) * 0.7)
    high = max(box.high for _, _, box in boxes) * 1.3
    ticks = [(value, name) for value, name in _TICKS if low * 1.05 < value < high / 1.05]
    ticks = ticks[:: max(1, len(ticks) // 4)] if len(ticks) > 5 else ticks
    values = [value for value, _ in ticks]
    lines = [
        TimeLine(name, n, box, charts.box(box, low, high, values, _said(name, box)))
        for name, n, box in boxes
    ]
    return Times(lines, charts.scale(low, high, ticks))


def _said(name: str, box: Box) -> str:
    low, middle, high = (wording.duration(v) for v in (box.low, box.middle, box.high))
    return f"{name}: median {middle}, nine of ten between {low} and {high}"


def _boxes(figures: Figures, most: int) -> Iterator[tuple[str, int, Box | None]]:
    turns = list(figures.of(Subject.TURN))
    yield "Thinking", total(turns), _box(figures.turn_lengths)
    calls = figures.calls
    often = sorted(calls, key=lambda name: (-total(calls[name], "ok", "failed"), name))
    for name in often[:most]:
        yield name, total(calls[name], "ok", "failed"), _box(figures.call_lengths[name])
    waits = [row for row in figures.of(Subject.APPROVAL) if row.outcome in PEOPLE]
    yield "Waiting for a person", total(waits), _box(lengths(waits))


def _box(counts: Counter[int]) -> Box | None:
    found = [spread.quantile(counts, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    known = [max(1.0, value) for value in found if value is not None]
    return Box(*known) if len(known) == 5 else None


def times_table(figures: Figures) -> Table:
    head = ("Kind", "How often", "5%", "25%", "Median", "75%", "95%")
    rows = [
        (
            name,
            str(n),
            *(wording.duration(v) for v in (box.low, box.first, box.middle, box.third, box.high)),
        )
        for name, n, box in _boxes(figures, 1000)
        if box
    ]
    return Table(head, rows)


_EDGES = (0, 5, 10, 15, 30, 45, 60, 90, 120, 180, 300, 420, 600, 900, 1800, 3600, 14_400, 10**9)
_NAMED = {
    15: "15 s",
    45: "45 s",
    90: "1½ min",
    180: "3 min",
    420: "7 min",
    900: "15 min",
    3600: "1 h",
}


@dataclass(frozen=True, slots=True)
class Waits:
    count: int
    svg: SafeString


def waits(figures: Figures) -> Waits:
    """How long calls waited until people decided."""
    decided = [row for row in figures.of(Subject.APPROVAL) if row.outcome in PEOPLE]
    counts = lengths(decided)
    bins = [
        Bin(
            _NAMED.get(high, ""),
            n,
            f"{name}: {round(n)} {'decision' if round(n) == 1 else 'decisions'}",
        )
        for name, high, n in _bins(decided)
    ]
    lines = []
    for share, kind, words in ((0.5, "median", "Median {}"), (0.95, "late", "95% within {}")):
        if (ms := spread.quantile(counts, share)) is not None:
            lines.append(Line(_place(ms / 1000), words.format(wording.spoken(ms / 1000)), kind))
    title = f"How long {total(decided)} approvals waited. " + ". ".join(line.text for line in lines)
    return Waits(total(decided), charts.histogram(bins, lines, title))


def _bins(decided: Sequence[Row]) -> Iterator[tuple[str, int, float]]:
    counts = lengths(decided)
    for low, high in pairwise(_EDGES):
        until = f"{wording.spoken(low)} to {wording.spoken(high)}"
        name = f"over {wording.spoken(low)}" if high == _EDGES[-1] else until
        yield name, high, spread.between(counts, low * 1000, high * 1000)


def _place(seconds: float) -> float:
    """Where a length stands, in bins."""
    for n, (low, high) in enumerate(pairwise(_EDGES)):
        if seconds < high:
            end = low * 4 if high == _EDGES[-1] else high
            return n + min(1.0, (seconds - low) / (end - low))
    return float(len(_EDGES) - 1)


def waits_table(figures: Figures) -> Table:
    decided = [row for row in figures.of(Subject.APPROVAL) if row.outcome in PEOPLE]
    rows = [(name, str(round(n))) for name, _, n in _bins(decided)]
    return Table(("Waited", "Decisions"), rows)
