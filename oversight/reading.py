"""Reading the log for viewers: off the event loop, in threads of its own."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import ParamSpec, TypeVar

import structlog
from django.db import close_old_connections

from agents.core.events import Record, UnknownKind
from agents.lineage import log_of
from agents.models import Event, Session
from oversight import queries, timeline

log = structlog.get_logger("oversight.feed")

MOST_ROWS = 100  # in one frame
MOST_BYTES = 256 * 1024  # of event text in one frame
KEPT_ROWS = 512  # in the window of one session
KEPT_BYTES = 4 * 1024 * 1024  # of event text in the window of one session

P = ParamSpec("P")
T = TypeVar("T")

# Not the thread that Django's synchronous code shares: viewers must not wait for pages.
_pool = ThreadPoolExecutor(4, thread_name_prefix="feed")
# Rendering is bound by the CPU: side by side, two threads would only render the same row twice.
_rendering = threading.Lock()


async def in_pool(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    def call() -> T:
        close_old_connections()
        return work(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_pool, call)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in a window. ``record`` is None where this release does not know its kind."""

    seq: int
    step: int
    kind: str
    size: int
    record: Record | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """One frame's rows: everything up to ``upto``."""

    upto: int
    html: str

    @classmethod
    def of(cls, step: int, entries: Sequence[Entry]) -> Chunk:
        """``step`` is the last one that is on the page already, or -1."""
        records = [entry.record for entry in entries if entry.record]
        with _rendering:
            html = timeline.frame(records, range(step + 1)) if records else ""
        return cls(entries[-1].seq, html)


@dataclass(slots=True)
class Window:
    """The end of a session's log, bounded; ``floor`` is the seq before its first entry."""

    head: int = 0
    floor: int = 0
    floor_step: int = -1  # the highest step up to the floor
    entries: deque[Entry] = field(default_factory=deque)
    size: int = 0

    def extend(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.entries.append(entry)
            self.head, self.size = entry.seq, self.size + entry.size
        while len(self.entries) > KEPT_ROWS or self.size > KEPT_BYTES:
            self._drop(self.entries.popleft())

    def following(self, after: int) -> tuple[int, list[Entry] | None]:
        """The last step up to ``after`` and a frame's worth of what comes next, if it is here."""
        if after < self.floor:
            return -1, None
        skip = after - self.floor
        step = max((e.step for e in islice(self.entries, skip)), default=-1)
        return max(step, self.floor_step), fitting(islice(self.entries, skip, None))

    def _drop(self, entry: Entry) -> None:
        self.floor, self.size = entry.seq, self.size - entry.size
        self.floor_step = max(self.floor_step, entry.step)


def fitting(entries: Iterable[Entry]) -> list[Entry]:
    """As many as one frame takes, and at least one."""
    chosen: list[Entry] = []
    size = 0
    for entry in entries:
        size += entry.size
        if chosen and (size > MOST_BYTES or len(chosen) == MOST_ROWS):
            break
        chosen.append(entry)
    return chosen


def at_head(pk: int) -> Window:
    """An empty window at the end of the log."""
    head = Session.objects.values_list("last_seq", flat=True).get(pk=pk)
    return Window(head, head, step_at(pk, head))


def read_log(pk: int, uuid: str, after: int) -> list[Entry]:
    """What follows ``after``, its rows rendered and kept."""
    entries = _entries(pk, uuid, after)
    with _rendering:
        for entry in entries:
            if entry.record:
                timeline.render_row(entry.record)
    return entries


def read_chunk(pk: int, uuid: str, after: int) -> Chunk:
    """A frame for a cursor that is older than the window."""
    entries = fitting(_entries(pk, uuid, after))
    return Chunk.of(step_at(pk, after), entries) if entries else Chunk(after, "")


def step_at(pk: int, seq: int) -> int:
    """The step of an event, or -1 before the first."""
    step = log_of(pk).filter(seq=seq).values_list("step", flat=True).first()
    return -1 if step is None else step


def _entries(pk: int, uuid: str, after: int) -> list[Entry]:
    rows = log_of(pk).filter(seq__gt=after)
    return [_entry(row, uuid) for row in rows[: 2 * MOST_ROWS]]


def _entry(row: Event, uuid: str) -> Entry:
    try:
        record = queries.record(row, uuid)
    except UnknownKind:
        log.warning("event_not_shown", session=uuid, seq=row.seq, kind=row.kind)
        record = None
    return Entry(row.seq, row.step, row.kind, len(row.text), record)
