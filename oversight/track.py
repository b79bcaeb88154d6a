"""The track of a replay: how much happened when, on one axis, with what a person looks for."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from agents.core import events
from agents.core.events import Record
from oversight import spans, wording
from oversight.spans import Axis, Span

COLUMNS = 110
_LOWEST = 28.0  # per cent of the height, of a column in which something went on
_AROUND = (1.0, 0.6, 0.3)  # what an event adds to its own column and to those beside it
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400)
_TICKS = 9
_WORK = ("model", "tool", "error")
_APART = 6.0  # per cent between two words under the track


@dataclass(frozen=True, slots=True)
class Column:
    """A part of the axis: the kind that took most of it, and by its height how much happened."""

    kind: str
    x: float
    width: float
    height: float

    @property
    def y(self) -> float:
        return round(100 - self.height, 2)


@dataclass(frozen=True, slots=True)
class Mark:
    """``kind`` is approval, fault or comment."""

    kind: str
    x: float
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Words under the track; where there is little room, those that are ``seldom`` are left out."""

    x: float
    text: str
    seldom: bool = False


MARKS = {
    "approval_requested": "approval",
    "approval_decided": "approval",
    "vote_cast": "approval",
    "error": "fault",
    "turn_discarded": "fault",
    "tool_retried": "fault",
    "model_retried": "fault",
    "message": "comment",
}


def kind_of(record: Record) -> str:
    """What a person may look for in a replay: ``approval``, ``fault``, ``comment`` or nothing."""
    match record.fact:
        case events.ToolResult(ok=False, executed=True):
            return "fault"
    return MARKS.get(record.kind, "")


_TITLES = {
    "approval_requested": "Approval requested",
    "approval_decided": "Approval decided",
    "vote_cast": "One person approved",
    "message": "A message to the agent",
}


def marks(log: Iterable[Record], along: Axis) -> list[Mark]:
    return [
        Mark(kind, along.per_cent(record.at), _TITLES.get(record.kind, "Error"))
        for record in log
        if (kind := kind_of(record))
    ]


def columns(found: Sequence[Span], log: Sequence[Record], along: Axis) -> list[Column]:
    width = 100 / COLUMNS
    taken, busy = _taken(found, along), _density([along.per_cent(record.at) for record in log])
    drawn = []
    for n in range(COLUMNS):
        if not taken[n] and not busy[n]:
            continue
        kind = max(taken[n], key=lambda kind: taken[n][kind], default="idle")
        high = 100.0 if kind == "human" else _LOWEST + (100 - _LOWEST) * busy[n]
        drawn.append(Column(kind, round(n * width, 3), round(width * 0.86, 3), round(high, 1)))
    return drawn


def _taken(found: Sequence[Span], along: Axis) -> dict[int, dict[str, float]]:
    """By column, how much of it each kind of span takes; an error outweighs what is around it."""
    width = 100 / COLUMNS
    taken: dict[int, dict[str, float]] = defaultdict(dict)
    for span in found:
        begins, ends = along.per_cent(span.start), along.per_cent(span.end)
        first, last = (min(int(x / width), COLUMNS - 1) for x in (begins, ends))
        for n in range(first, last + 1):
            part = max(0.0, min(ends, (n + 1) * width) - max(begins, n * width))
            part = part or (0.0 if last > first else 1e-6)
            more = width if span.kind == "error" else part
            taken[n][span.kind] = taken[n].get(span.kind, 0.0) + more
    return taken


def _density(places: Sequence[float]) -> list[float]:
    """Events by column, each with some of its neighbours', from 0 to 1."""
    counted = [0.0] * COLUMNS
    for x in places:
        at = min(int(x * COLUMNS / 100), COLUMNS - 1)
        for away in range(1 - len(_AROUND), len(_AROUND)):
            if 0 <= at + away < COLUMNS:
                counted[at + away] += _AROUND[abs(away)]
    most = max(counted, default=0.0) or 1.0
    return [math.sqrt(count / most) for count in counted]


def ticks(found: Sequence[Span], along: Axis, start: datetime) -> list[Tick]:
    """Times under the track, and how long the stretches took that are drawn shorter."""
    if not along.moments:
        return []
    length = (along.moments[-1] - start).total_seconds()
    ends = [Tick(0.0, wording.clock(_since(along, start))), Tick(100.0, wording.clock(length))]
    breaks: list[Tick] = []
    for tick in _breaks(found, along):
        if all(abs(tick.x - other.x) > 2.5 * _APART for other in [*ends, *breaks]):
            breaks.append(tick)
    times: list[Tick] = []
    for x, seconds in _round(along, start):
        clear = all(abs(x - other.x) > _APART for other in [*ends, *times[-1:]])
        if clear and all(abs(x - other.x) > 1.8 * _APART for other in breaks):
            times.append(Tick(x, wording.clock(seconds), seldom=True))
    return [*ends, *breaks, *times]


def _breaks(found: Sequence[Span], along: Axis) -> Iterator[Tick]:
    work = [(along.per_cent(s.start), along.per_cent(s.end)) for s in found if s.kind in _WORK]
    for at, took in along.breaks:
        x = round(100 * at / along.length, 3)
        wait = "" if any(begins < x < ends for begins, ends in work) else " wait"
        yield Tick(x, wording.spoken(took) + wait)


def _since(along: Axis, start: datetime) -> float:
    return (along.moments[0] - start).total_seconds()


def _round(along: Axis, start: datetime) -> Iterator[tuple[float, float]]:
    """Round times that are drawn where time is not pressed together."""
    step = next((step for step in _STEPS if along.length / step <= _TICKS), _STEPS[-1])
    for before, after in pairwise(along.moments):
        if (after - before).total_seconds() > spans.LONGEST_WAIT:
            continue
        begins, ends = ((one - start).total_seconds() for one in (before, after))
        for n in range(math.ceil(begins / step), math.floor(ends / step) + 1):
            yield along.per_cent(start + timedelta(seconds=n * step)), n * step
