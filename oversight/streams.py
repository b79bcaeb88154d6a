"""What one socket sends: frames from the shared readers and boards, at its own pace."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import assert_never
from uuid import UUID

from django.contrib.auth.models import User

from agents.models import Approval, Outcome, Session
from agents.roles import Rights
from oversight import boards, queries, signs, tiles, wording
from oversight.boards import Board, Shown
from oversight.feed import Reader, hub
from oversight.reading import in_pool
from oversight.signs import Key, Page, Thing
from oversight.viewers import Viewer

BATCH = 0.25  # seconds between two frames: four swaps a second, however busy it is
HEARTBEAT = 2.0  # seconds between two words about where the log is


@dataclass(frozen=True, slots=True)
class Frame:
    """A message to the browser; ``news`` tells it from a heartbeat."""

    text: str
    news: bool


@dataclass(slots=True)
class _Pace:
    """When to send: at once after a quiet time, in batches otherwise, a heartbeat besides."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _sent: float = 0.0
    _beaten: float = 0.0

    async def turn(self) -> bool:
        """Wait for the next frame's time. Whether it is time for a heartbeat."""
        rest = self._beaten + HEARTBEAT - time.monotonic()
        if rest > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self.wake.wait()
        await asyncio.sleep(max(0.0, self._sent + BATCH - time.monotonic()))
        self.wake.clear()
        self._sent = time.monotonic()
        if self._sent - self._beaten < HEARTBEAT:
            return False
        self._beaten = self._sent
        return True


def _heartbeat(**said: int) -> Frame:
    return Frame(json.dumps({**said, "at": int(time.time() * 1000)}), news=False)


async def session(uuid: UUID, after: int) -> AsyncGenerator[Frame]:
    """A session's timeline from the cursor ``after``, with its status and its ghost."""
    pk = await in_pool(_pk, uuid)
    pace = _Pace()
    try:
        reader = await hub.join(pk, str(uuid), pace.wake)
        follower = _Follower(reader, min(after, reader.head))
        while True:
            if await pace.turn() and hub.truthful:
                yield _heartbeat(head=reader.announced)
            if html := await follower.news():
                yield Frame(html, news=True)
            if follower.behind:
                pace.wake.set()
    finally:
        hub.leave(pk, pace.wake)


def _pk(uuid: UUID) -> int:
    return Session.objects.values_list("pk", flat=True).get(uuid=uuid)


@dataclass(slots=True)
class _Follower:
    """A cursor over a reader."""

    reader: Reader
    cursor: int
    _status: int = 0
    _ghost: int = 0

    @property
    def behind(self) -> bool:
        return self.cursor < self.reader.head

    async def news(self) -> str:
        """A frame's worth of what follows the cursor, which moves on."""
        parts = []
        if self.behind:
            chunk = await self.reader.chunk(self.cursor)
            self.cursor = max(self.cursor, chunk.upto)
            parts.append(chunk.html)
        if not self.behind:
            parts += self._replaced()
        return "".join(parts)

    def _replaced(self) -> list[str]:
        """What is sent whole, if it has changed; only to who has the rows that it stands on."""
        status, ghost = self.reader.status, self.reader.ghost
        parts = [status.html] if status.version != self._status else []
        parts += [ghost.html] if ghost.version != self._ghost else []
        self._status, self._ghost = status.version, ghost.version
        return parts


async def board(
    board: Board,
    viewer: Viewer,
    page: Page,
    around: Callable[[User], Mapping[str, object]] | None = None,
) -> AsyncGenerator[Frame]:
    """What ``page`` lacks of the wall or the inbox, then its items as they change, and now and
    then what stands ``around`` them.
    """
    pace, told, seen = _Pace(), 0, -1  # nothing yet
    shown = None if page.more else set(page.stamps)
    board.join(pace.wake, shown)
    try:
        while seen < 0 or seen >= board.floor:  # or the page says again where it stands
            beat = await pace.turn()
            if beat and board.truthful:
                yield _heartbeat()
            if around and beat and board.version > told:
                told = board.version
                yield Frame(json.dumps(await in_pool(around, viewer.user)), news=True)
            if board.ready and board.version > seen:
                await viewer.still_may(sends=True)  # for the rights of this moment
                after, seen = seen, board.version
                yield await _items(viewer, await _news(board, viewer, page, after, shown))
    finally:
        board.leave(pace.wake)


async def _news(
    board: Board, viewer: Viewer, page: Page, after: int, shown: set[Key] | None
) -> list[Shown]:
    if after < 0:
        return await board.lag(page, viewer.rights, shown)
    items = board.changed(after, viewer.rights, shown)
    return [item.shown(news=item.placed > after) for item in items]


def figures(user: User) -> Mapping[str, object]:
    """The wall's strip and the counts of its filters."""
    counts = queries.counts(user)
    texts = {f"count-{key.replace('_', '-')}": count for key, count in counts.items()}
    stats = {"id": "stats", "html": tiles.render_stats(user), "into": ""}
    return {"items": [stats], "texts": {**texts, "nav-live": counts["live"]}}


async def bell(viewer: Viewer, *, alone: bool) -> AsyncGenerator[Frame]:
    """What waits for people. ``alone`` on a page that has nothing else live, with a heartbeat."""
    pace, seen = _Pace(), -1
    boards.inbox.join(pace.wake)
    try:
        while seen < 0 or seen >= boards.inbox.floor:
            if await pace.turn() and alone and boards.inbox.truthful:
                yield _heartbeat()
            if boards.inbox.ready and boards.inbox.version > seen:
                await viewer.still_may(sends=True)  # for the rights of this moment
                after, seen = seen, boards.inbox.version
                things = [item.thing for item in boards.inbox.changed(after, viewer.rights)]
                if after < 0:
                    waiting = await in_pool(_waiting, viewer.user)
                    boards.inbox.watch(dict(map(signs.of, waiting)))
                    things += waiting
                yield await _rung(viewer, things)
    finally:
        boards.inbox.leave(pace.wake)


def _waiting(user: User) -> list[Thing]:
    """What waits already; what expires first is told in any case."""
    return [*queries.pending(user)[: boards.KEPT], *queries.open_outcomes(user)[: boards.KEPT]]


async def _rung(viewer: Viewer, things: list[Thing]) -> Frame:
    asks = [ask for thing in things if (ask := _ask(thing, viewer.rights))]
    count = await in_pool(queries.waiting_count, viewer.user)
    return Frame(json.dumps({"asks": asks, "texts": {"nav-waiting": count}}), news=True)


async def _items(viewer: Viewer, items: list[Shown]) -> Frame:
    texts = {"nav-waiting": await in_pool(queries.waiting_count, viewer.user)}
    return Frame(json.dumps({"items": items, "texts": texts}), news=True)


def _ask(thing: Thing, rights: Rights) -> dict[str, object]:
    """What waits or waited, without its arguments: it may stand on a lock screen."""
    match thing:
        case Approval():
            said = {"id": str(thing.uuid), "risk": thing.risk, "until": thing.decide_by.isoformat()}
            waits, mine = thing.state == Approval.State.PENDING, rights.can("decide", thing)
        case Outcome():
            said = {"id": f"outcomes/{thing.uuid}", "risk": "high", "until": ""}
            waits, mine = thing.state == Outcome.State.OPEN, rights.can("settle", thing)
        case Session():
            return {}
        case _:
            assert_never(thing)
    names = {"tool": wording.one_line(thing.tool), "agent": wording.one_line(thing.session.agent)}
    return {**said, **names, "waits": waits, "mine": mine}
