"""What the player of a replay moves over: where it can stand, and what stands there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from agents.core import events
from agents.core.events import Record
from oversight import queries, spans, timeline, track, wording
from oversight.spans import Axis, Bar, Span, StepFacts


@dataclass(frozen=True, slots=True)
class Stop:
    """An event's place on the axis, its second of the session, and how many seconds of the time up
    to the next event somebody worked in: the rest of it was waiting."""

    seq: int
    step: int
    x: float
    t: float
    busy: float
    mark: str


@dataclass(frozen=True, slots=True)
class Fall:
    """One step of the waterfall, and of the inspector."""

    step: int
    title: str
    icon: str
    bars: list[Bar]
    facts: StepFacts
    took: str
    trouble: bool
    html: str


@dataclass(frozen=True)
class Picture:
    """A stretch of a session on one axis. ``start`` is when the session began."""

    log: Sequence[Record]
    start: datetime
    found: Sequence[Span]
    along: Axis

    @property
    def columns(self) -> list[track.Column]:
        return track.columns(self.found, self.log, self.along)

    @property
    def gaps(self) -> list[tuple[float, str]]:
        length = self.along.length
        return [(round(100 * at / length, 3), wording.spoken(s)) for at, s in self.along.breaks]

    @property
    def ticks(self) -> list[track.Tick]:
        return track.ticks(self.found, self.along, self.start)

    @property
    def marks(self) -> list[track.Mark]:
        return track.marks(self.log, self.along)

    @property
    def begins(self) -> float:
        return self._second(self.log[0]) if self.log else 0.0

    @property
    def length(self) -> float:
        return self._second(self.log[-1]) if self.log else 0.0

    @cached_property
    def stops(self) -> list[Stop]:
        worked = _worked(self.found, [record.at for record in self.log])
        return [
            Stop(
                record.seq,
                record.step,
                self.along.per_cent(record.at),
                self._second(record),
                busy,
                track.kind_of(record),
            )
            for record, busy in zip(self.log, [*worked, 0.0], strict=False)
        ]

    @cached_property
    def falls(self) -> list[Fall]:
        return [self._fall(step, group) for step, group in queries.by_step(self.log)]

    def _fall(self, step: int, group: list[Record]) -> Fall:
        own = spans.spans(group)
        facts = spans.facts(group, own)
        calls = [record.fact for record in group if isinstance(record.fact, events.ToolCall)]
        return Fall(
            step=step,
            title=timeline.step_title(step, group),
            icon=wording.tool_icon(calls[0].tool) if calls else "message-square-text",
            bars=spans.bars(own, self.along, 0.4),
            facts=facts,
            took=wording.duration(facts.milliseconds),
            trouble=any(track.kind_of(record) == "fault" for record in group),
            html=timeline.render_step(step, group),
        )

    def _second(self, record: Record) -> float:
        return round((record.at - self.start).total_seconds(), 3)


def picture(log: Sequence[Record], start: datetime) -> Picture:
    found = spans.spans(log)
    return Picture(log, start, found, spans.axis(found, [record.at for record in log]))


def as_json(stops: Sequence[Stop]) -> list[dict[str, Any]]:
    return [asdict(stop) for stop in stops]


def standing(stops: Sequence[Stop], step: int, second: int | None) -> Stop | None:
    """Where a link leads: to the last event of a second within its step, or to the step's last."""
    within = [stop for stop in stops if stop.step <= step]
    reached = [s for s in within if second is None or s.t < second + 1]
    found = reached or within or stops[:1]
    return found[-1] if found else None


def following(stops: Sequence[Stop], at: Stop | None, mark: str) -> Stop | None:
    """The next event that is marked so."""
    after = (stop for stop in stops if at is None or stop.seq > at.seq)
    return next((stop for stop in after if stop.mark == mark), None)


def _worked(found: Sequence[Span], moments: Sequence[datetime]) -> Iterator[float]:
    """For each stretch between two moments, the seconds in which a model or a tool was at work."""
    work = [span for span in found if span.kind in ("model", "tool", "error") and span.seconds]
    work.sort(key=lambda span: span.start)
    for begins, ends in pairwise(moments):
        seconds, reached = 0.0, begins
        while work and work[0].end <= begins:
            work.pop(0)
        for span in work:
            if span.start >= ends:
                break
            since, until = max(span.start, reached), min(span.end, ends)
            if until > since:
                seconds += (until - since).total_seconds()
                reached = until
        yield round(seconds, 3)
