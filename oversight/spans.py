"""Where the time went: an event log as spans of model, tool, person and error, and their bars."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from agents.core import events
from agents.core.events import Record

BREAK = 1.2  # per cent of the axis
LONGEST_WAIT = 34.0  # seconds; longer waits are drawn this long, with a break mark


@dataclass(frozen=True, slots=True)
class Span:
    """``kind`` is model, tool, human, error or idle."""

    kind: str
    start: datetime
    end: datetime
    step: int

    @property
    def seconds(self) -> float:
        return max((self.end - self.start).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class Bar:
    """A span on an axis, in per cent of its width."""

    kind: str
    x: float
    width: float
    title: str = ""


@dataclass(frozen=True, slots=True)
class StepFacts:
    milliseconds: float
    cost: float | None
    model_ms: float
    tool_ms: float
    human_ms: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Lane:
    """A step in the waterfall: its bars on its own axis, and where that lies on the session's.

    A page that is followed lays its lanes out itself; until then a new one stands at the end.
    """

    bars: Sequence[Bar]
    facts: StepFacts
    start: float  # POSIX seconds
    end: float
    drawn: float  # seconds, with long waits pressed together
    x: float = 94.0  # per cent
    width: float = 6.0


def spans(records: Iterable[Record], now: datetime | None = None) -> list[Span]:
    """The spans that the records tell of, by start; what still waits lasts until ``now``."""
    asked: dict[str, Record] = {}
    found: list[Span] = []
    for record in records:
        if isinstance(record.fact, events.ApprovalRequested):
            asked[record.fact.approval_id] = record
        found += _span(record, asked)
    waiting = [Span("human", r.at, max(now or r.at, r.at), r.step) for r in asked.values()]
    return sorted(found + waiting, key=lambda span: span.start)


def _span(record: Record, asked: dict[str, Record]) -> list[Span]:
    fact, end = record.fact, record.at
    match fact:
        case events.Thinking():
            return [_back("model", end, fact.duration_ms, record.step)]
        case events.ToolResult() if fact.executed:
            return [_back("tool" if fact.ok else "error", end, fact.duration_ms, record.step)]
        case events.ApprovalDecided():
            request = asked.pop(fact.approval_id, None)
            start = request.at if request else end - timedelta(milliseconds=fact.waited_ms)
            return [Span("human", start, end, record.step)]
        case events.ToolRetried() | events.ModelRetried():
            pause = end + timedelta(milliseconds=min(fact.delay_ms, 1000 * LONGEST_WAIT))
            return [Span("error", end, end, record.step), Span("idle", end, pause, record.step)]
        case events.Error() | events.TurnDiscarded():
            return [Span("error", end, end, record.step)]
    return []


def _back(kind: str, end: datetime, milliseconds: float, step: int) -> Span:
    return Span(kind, end - timedelta(milliseconds=milliseconds), end, step)


def merged(found: Sequence[Span], most: int = 6) -> list[Span]:
    """Few enough to draw: neighbours of a kind as one, then the longest."""
    joined: list[Span] = []
    for span in found:
        last = joined[-1] if joined else None
        if last and last.kind == span.kind and len(found) > most:
            end = max(last.end, span.end)
            joined[-1] = Span(last.kind, last.start, end, last.step)
        else:
            joined.append(span)
    kept = sorted(joined, key=lambda span: span.seconds)[-most:]
    return sorted(kept, key=lambda span: span.start)


def facts(records: Sequence[Record], own: Sequence[Span] | None = None) -> StepFacts:
    """What one step took; ``own`` are its spans where they are known."""
    own = spans(records) if own is None else own
    turns = [r.fact for r in records if isinstance(r.fact, events.Thinking)]
    costs = [turn.cost for turn in turns if turn.cost is not None]
    start = min([*(s.start for s in own), *(r.at for r in records)], default=None)
    end = max([*(s.end for s in own if s.kind == "human"), *(r.at for r in records)], default=None)
    return StepFacts(
        milliseconds=(end - start).total_seconds() * 1000 if start and end else 0.0,
        cost=sum(costs) if costs else None,
        model_ms=_total(own, "model"),
        tool_ms=_total(own, "tool"),
        human_ms=_total(own, "human"),
        tokens=sum(_tokens(turn.usage) for turn in turns),
    )


def _total(own: Iterable[Span], kind: str) -> float:
    return sum(span.seconds for span in own if span.kind == kind) * 1000


def _tokens(usage: events.JsonObject) -> int:
    return sum(value for key, value in usage.items() if key.endswith("_tokens") and _count(value))


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Axis:
    """Time with long waits pressed together: moment -> seconds drawn, and back."""

    def __init__(self, moments: Iterable[datetime]) -> None:
        self.moments = sorted(set(moments))
        self.drawn: list[float] = [0.0] if self.moments else []
        self.breaks: list[tuple[float, float]] = []  # (where it is drawn, seconds it took)
        for before, after in pairwise(self.moments):
            self._stretch((after - before).total_seconds())

    def _stretch(self, seconds: float) -> None:
        at = self.drawn[-1]
        shown = min(seconds, LONGEST_WAIT)
        if seconds > shown:
            self.breaks.append((at + shown / 2, seconds))
        self.drawn.append(at + shown)

    @property
    def length(self) -> float:
        return max(self.drawn[-1] if self.drawn else 0.0, 0.001)

    def per_cent(self, moment: datetime) -> float:
        """Where a moment is drawn, 0 to 100."""
        if not self.moments:
            return 0.0
        index = max(bisect_right(self.moments, moment) - 1, 0)
        rest = (moment - self.moments[index]).total_seconds()
        room = self.drawn[index + 1] - self.drawn[index] if index + 1 < len(self.drawn) else 0.0
        drawn = self.drawn[index] + min(max(rest, 0.0), room)
        return round(100 * drawn / self.length, 3)


def axis(found: Iterable[Span], moments: Iterable[datetime] = ()) -> Axis:
    return Axis([*moments, *(m for span in found for m in (span.start, span.end))])


def bars(found: Sequence[Span], along: Axis | None = None, narrowest: float = 1.5) -> list[Bar]:
    """The spans as bars; on their own axis unless one is given."""
    along = along or axis(found)
    drawn = [_bar(span, along, narrowest) for span in found]
    return [*drawn, *_breaks(drawn, along)]


def _breaks(drawn: Sequence[Bar], along: Axis) -> list[Bar]:
    """A mark on each bar that is drawn shorter than it took."""
    middles = [round(100 * at / along.length, 3) for at, _ in along.breaks]
    cut = [x for x in middles if any(bar.x < x < bar.x + bar.width for bar in drawn)]
    return [Bar("break", round(x - BREAK / 2, 3), BREAK) for x in cut]


def _bar(span: Span, along: Axis, narrowest: float) -> Bar:
    x = along.per_cent(span.start)
    width = max(along.per_cent(span.end) - x, narrowest)
    kind = {"human": "Waiting for a person", "idle": "Pause"}.get(span.kind, span.kind.capitalize())
    title = f"{kind}, {span.seconds:.1f} s"
    return Bar(span.kind, round(min(x, 100 - narrowest), 3), round(width, 3), title)


def lane(records: Sequence[Record], now: datetime | None = None) -> Lane:
    """A step's lane, whose place is not known yet; ``now`` if its session has not ended."""
    own = spans(records, now)
    few = merged(own)
    along = axis(few, [] if few else [records[0].at])
    start, end = along.moments[0].timestamp(), along.moments[-1].timestamp()
    return Lane(bars(few, along), facts(records, own), start, end, along.drawn[-1])


def laid_out(lanes: Sequence[Lane], narrowest: float = 3) -> list[Lane]:
    """The lanes of consecutive steps on one axis; a long pause between two is pressed together."""
    starts, at, end = [], 0.0, None
    for one in lanes:
        at += min(max(one.start - end, 0.0), LONGEST_WAIT) if end is not None else 0.0
        starts.append(at)
        at, end = at + one.drawn, one.end
    whole = max(at, 0.001)
    return [
        replace(
            one,
            x=round(min(100 * start / whole, 100 - narrowest), 2),
            width=round(max(100 * one.drawn / whole, narrowest), 2),
        )
        for one, start in zip(lanes, starts, strict=True)
    ]
