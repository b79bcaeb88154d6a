"""Per process one reader for each watched session; every event rendered once, for many sockets.

The bell only says where to look; the log is read by cursor, and polled besides. A socket is a
cursor over the reader's window: it has no queue, so a slow one costs no memory and skips nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from agents.doorbell import News, bell
from agents.models import Session
from oversight import tiles, timeline
from oversight.reading import Chunk, Entry, Window, at_head, in_pool, read_chunk, read_log

log = structlog.get_logger("oversight.feed")

POLL = 1.0  # seconds: what a lost doorbell may cost
PACE = 0.25  # seconds between two renderings of what is replaced, not appended
SILENCE = 5.0  # seconds after which ghost text is taken down
GHOST = 4000  # characters of ghost text; the recorded turn has the whole
KEPT_CHUNKS = 16
Stop: TypeAlias = Callable[[], None]


@dataclass(slots=True)
class Ghost:
    """The turn in progress."""

    step: int = 0
    term: int = 0
    kind: str = ""
    text: str = ""


@dataclass(slots=True)
class Replaced:
    """A part of the page that is sent whole: only its latest rendering counts."""

    version: int = 0
    html: str = ""
    due: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, html: str) -> None:
        self.html, self.version = html, self.version + 1


class Reader:
    """One watched session in this process."""

    def __init__(self, pk: int, uuid: str) -> None:
        self.pk, self.uuid = pk, uuid
        self.window = Window()
        self.announced = 0  # where the log is known to be
        self.status, self.ghost = Replaced(), Replaced()
        self.followers: set[asyncio.Event] = set()
        self._speaking = Ghost()
        self._asked: tuple[str, str] | None = None  # status and question, as last shown
        self._told = 0  # the last step whose turn is recorded
        self._rung = asyncio.Event()
        self._chunks: dict[tuple[int, int], asyncio.Task[Chunk]] = {}
        self._opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        work = (self._read, self._show_status, self._show_ghost)
        self._tasks = [asyncio.create_task(self._forever(one)) for one in work]

    @property
    def head(self) -> int:
        return self.window.head

    async def opened(self) -> None:
        """Return once the log's head is known."""
        await asyncio.shield(self._opening)

    def close(self) -> None:
        for task in (*self._tasks, *self._chunks.values()):
            task.cancel()
        self._opening.cancel()

    def ring(self, seq: int) -> None:
        self.announced = max(self.announced, seq)
        self.status.due.set()
        if seq > self.head:
            self._rung.set()

    def whisper(self, step: int, term: int, kind: str, text: str) -> None:
        stale = term < self._speaking.term or (text and step <= self._told)
        if not stale:
            self._speaking = Ghost(step, term, kind, text[-GHOST:])
            self.ghost.due.set()

    async def chunk(self, after: int) -> Chunk:
        """What follows ``after``, in one piece for every socket that stands there."""
        key = (after, self.head)
        if key not in self._chunks:
            # Dropping the oldest does not end it: whoever awaits it keeps it.
            while len(self._chunks) >= KEPT_CHUNKS:
                del self._chunks[next(iter(self._chunks))]
            self._chunks[key] = asyncio.create_task(self._make(after))
            self._chunks[key].add_done_callback(lambda task: self._forget_failed(key, task))
        return await asyncio.shield(self._chunks[key])

    async def _make(self, after: int) -> Chunk:
        step, entries = self.window.following(after)
        if entries is None:
            return await in_pool(read_chunk, self.pk, self.uuid, after)
        return await in_pool(Chunk.of, step, entries)

    def _forget_failed(self, key: tuple[int, int], task: asyncio.Task[Chunk]) -> None:
        if task.cancelled() or task.exception():
            self._chunks.pop(key, None)

    async def _forever(self, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                log.exception("feed_failed", session=self.uuid)
                await asyncio.sleep(POLL)

    async def _read(self) -> None:
        if not self._opening.done():
            self.window = await in_pool(at_head, self.pk)
            self._opening.set_result(None)
            self.ring(self.head)
        await self._rung.wait()
        self._rung.clear()
        while self.head < self.announced:
            self._take(await in_pool(read_log, self.pk, self.uuid, self.head))

    def _take(self, entries: list[Entry]) -> None:
        if not entries:  # never promise what the log does not hold
            self.announced = self.head
            return
        self.window.extend(entries)
        self.announced = max(self.announced, self.head)
        for entry in entries:
            self._hush(entry)
        self.status.due.set()
        self._wake()

    def _hush(self, entry: Entry) -> None:
        if entry.kind == "thinking":
            self._told = max(self._told, entry.step)
        if entry.kind in ("thinking", "turn_discarded") and entry.step >= self._speaking.step:
            self._speaking.text = ""
            self.ghost.due.set()

    async def _show_status(self) -> None:
        await self.status.due.wait()
        self.status.due.clear()
        asked, html = await in_pool(_status, self.pk)
        if self._asked not in (None, asked):
            # The question of a parked session is no event of its own: the dock looks again.
            html += timeline.render_bell(self.uuid, self.head, oob=True)
        self._asked = asked
        self.status.put(html)
        self._wake()
        await asyncio.sleep(PACE)

    async def _show_ghost(self) -> None:
        try:
            async with asyncio.timeout(SILENCE if self._speaking.text else None):
                await self.ghost.due.wait()
        except TimeoutError:
            self._speaking.text = ""
        self.ghost.due.clear()
        now = self._speaking
        self.ghost.put(await in_pool(timeline.render_ghost, now.kind, now.text))
        self._wake()
        await asyncio.sleep(PACE)

    def _wake(self) -> None:
        for follower in self.followers:
            follower.set()


def _status(pk: int) -> tuple[tuple[str, str], str]:
    row = Session.objects.get(pk=pk)
    return (row.status, row.question), tiles.render_status(row)


def _heads(pks: list[int]) -> dict[int, int]:
    rows = Session.objects.filter(pk__in=pks).values_list("pk", "last_seq")
    return dict(rows)


class Hub:
    """All readers of this process, behind one bell and one poll."""

    def __init__(self) -> None:
        self.readers: dict[int, Reader] = {}
        self.polled = 0.0  # when the database last answered, by the monotonic clock
        self._stops: list[Stop] = []
        self._poll: asyncio.Task[None] | None = None

    async def join(self, pk: int, uuid: str, wake: asyncio.Event) -> Reader:
        """Watch a session; ``wake`` is set whenever there is news."""
        self._open()
        reader = self.readers.get(pk)
        if reader is None:
            reader = self.readers[pk] = Reader(pk, uuid)
        reader.followers.add(wake)
        await reader.opened()
        return reader

    def leave(self, pk: int, wake: asyncio.Event) -> None:
        reader = self.readers.get(pk)
        if reader is None:
            return
        reader.followers.discard(wake)
        if not reader.followers:
            self.readers.pop(pk).close()
        if not self.readers:
            self._close()

    @property
    def truthful(self) -> bool:
        """Whether what this process says about the log's head can be believed."""
        return time.monotonic() - self.polled < 4 * POLL

    def _open(self) -> None:
        if self._poll is None:
            self.polled = time.monotonic()
            self._stops = [bell.listen(self._heard), bell.ghosts(self._whispered)]
            self._poll = asyncio.create_task(self._polling())

    def _close(self) -> None:
        for stop in self._stops:
            stop()
        if self._poll:
            self._poll.cancel()
        self._poll = None

    def _heard(self, news: News) -> None:
        for pk in self.readers.keys() & news.seqs.keys():
            self.readers[pk].ring(news.seqs[pk])

    def _whispered(self, session: int, step: int, term: int, kind: str, text: str) -> None:
        if reader := self.readers.get(session):
            reader.whisper(step, term, kind, text)

    async def _polling(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            try:
                heads = await in_pool(_heads, list(self.readers))
            except Exception:
                log.exception("feed_poll_failed")
                continue
            self.polled = time.monotonic()
            for pk, seq in heads.items():
                if (reader := self.readers.get(pk)) and seq > reader.head:
                    reader.ring(seq)


hub = Hub()
