"""The doorbell says only "session S has news up to n". It carries no truth and may be lost.

Within a process listeners are called directly; other processes hear of it through the channel
layer, coalesced. Whoever listens reads the log by cursor, and polls as well.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import structlog
from channels.layers import get_channel_layer

from agents.tasks import end

log = structlog.get_logger(__name__)

GROUP = "news"
AGENTS = "agents"  # the channel under which runs are started
COALESCE = 0.02  # seconds between two messages to other processes
REJOIN = 300.0  # seconds; a layer may forget a member that was slow once


@dataclass(frozen=True, slots=True)
class News:
    seqs: Mapping[int, int]  # session id -> the log's head
    inbox: bool = False  # an approval or outcome was opened, decided or settled
    runnable: bool = False  # a session waits for a worker


Listener: TypeAlias = Callable[[News], None]
GhostListener: TypeAlias = Callable[[int, int, int, str, str], None]
Stop: TypeAlias = Callable[[], None]


@dataclass
class Doorbell:
    """One per process. Before ``open`` a ring is silent, and listeners live by their poll."""

    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    _loop: asyncio.AbstractEventLoop | None = None
    _listeners: set[Listener] = field(default_factory=set)
    _ghosts: set[GhostListener] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pending: dict[int, int] = field(default_factory=dict)
    _flags: set[str] = field(default_factory=set)
    _whispers: dict[int, list[Any]] = field(default_factory=dict)
    _due: asyncio.Event | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def open(self) -> None:
        """Attach to the running loop and to the channel layer."""
        self._loop = asyncio.get_running_loop()
        self._due = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._supervised(self._send)),
            asyncio.create_task(self._supervised(self._receive)),
        ]

    async def close(self) -> None:
        self._loop = None
        await end(self._tasks)
        self._tasks = []

    def listen(self, listener: Listener) -> Stop:
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def ghosts(self, listener: GhostListener) -> Stop:
        self._ghosts.add(listener)
        return lambda: self._ghosts.discard(listener)

    def ring(self, news: News) -> None:
        """Called from any thread once the facts are committed."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        with self._lock:
            self._pending.update(news.seqs)
            self._flags |= {name for name in ("inbox", "runnable") if getattr(news, name)}
        try:
            loop.call_soon_threadsafe(self._announce, news)
        except RuntimeError:  # the loop closed meanwhile; the poll will do
            return

    def whisper(self, session: int, step: int, term: int, kind: str, text: str) -> None:
        """Ghost text: cumulative, lossy, cleared by an empty text. Called on the loop."""
        self._tell_ghosts(session, step, term, kind, text)
        self._whispers[session] = [session, step, term, kind, text]
        if self._due:
            self._due.set()

    def _announce(self, news: News) -> None:
        self._tell(news)
        if self._due:
            self._due.set()

    def _tell(self, news: News) -> None:
        _call(self._listeners, news)

    def _tell_ghosts(self, session: int, step: int, term: int, kind: str, text: str) -> None:
        _call(self._ghosts, session, step, term, kind, text)

    async def _supervised(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - a layer that is down costs only the poll's delay
                log.warning("doorbell_down", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(1.0)

    async def _send(self) -> None:
        layer = get_channel_layer()
        assert self._due is not None
        while True:
            await self._due.wait()
            await asyncio.sleep(COALESCE)
            self._due.clear()
            message, runnable = self._collect()
            await layer.group_send(GROUP, message)
            if runnable:
                await layer.send(AGENTS, {"type": "wake"})

    def _collect(self) -> tuple[dict[str, Any], bool]:
        with self._lock:
            seqs, self._pending = self._pending, {}
            flags, self._flags = self._flags, set()
        whispers, self._whispers = self._whispers, {}
        message = {
            "type": "news",
            "from": self.name,
            # A list: a JSON layer would turn integer keys into strings.
            "seqs": [[session, seq] for session, seq in seqs.items()],
            "inbox": "inbox" in flags,
            "runnable": "runnable" in flags,
            "ghosts": list(whispers.values()),
        }
        return message, "runnable" in flags

    async def _receive(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel("doorbell")
        while True:
            await layer.group_add(GROUP, channel)
            try:
                async with asyncio.timeout(REJOIN):
                    while True:
                        self._heard(await layer.receive(channel))
            except TimeoutError:
                continue

    def _heard(self, message: Mapping[str, Any]) -> None:
        if message.get("from") == self.name:
            return
        seqs = {int(session): int(seq) for session, seq in message["seqs"]}
        if seqs or message["inbox"] or message["runnable"]:
            self._tell(News(seqs, message["inbox"], message["runnable"]))
        for session, step, term, kind, text in message["ghosts"]:
            self._tell_ghosts(int(session), int(step), int(term), kind, text)


def _call(listeners: Iterable[Callable[..., None]], *news: Any) -> None:
    """Whoever rings is not to suffer from whoever listens."""
    for listener in tuple(listeners):
        try:
            listener(*news)
        except Exception:
            log.exception("doorbell_listener_failed")


bell = Doorbell()
