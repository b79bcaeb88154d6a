"""Start, resume, drain: one task per session at work, under one lease term."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
)

from agents import hindrances, inbox
from agents.alerts.courier import Courier
from agents.beginning import begin
from agents.breakers import threads as endpoint_threads
from agents.catalogue import CatalogueCopy
from agents.core import results
from agents.core.loop import Fenced, Moved, run
from agents.core.model import Model
from agents.core.step import Park
from agents.doorbell import News, bell
from agents.equipment import hands_of
from agents.leases import Holder, Lease, bury
from agents.llm.model import build_model
from agents.providers import Endpoint, LimitedModel, release_if_open
from agents.session_log import SessionLog, close_threads
from agents.starting import start
from agents.tasks import end
from agents.threads import DatabaseThreads
from agents.toolbox.mcp import Servers

__all__ = ["Supervisor", "current", "start"]

log = structlog.get_logger(__name__)

T = TypeVar("T")

SLOTS = 500  # sessions at work at once in one process
SWEEP = 1.0  # seconds; a lost wake-up costs at most this
BURY_EVERY = 5.0  # seconds
DRAIN = 10.0  # seconds that calls in flight are given when the process ends


@dataclass(eq=False)
class _Driver:
    log: SessionLog
    task: asyncio.Task[None] | None = None


@dataclass(eq=False)
class Supervisor:
    """Drives the sessions of one worker process."""

    model: Model | None = None
    holder: Holder = field(default_factory=Holder)
    catalogue: CatalogueCopy = field(default_factory=CatalogueCopy)
    servers: Servers = field(default_factory=Servers)
    courier: Courier = field(default_factory=Courier)
    slots: int = SLOTS
    draining: bool = False
    _drivers: dict[int, _Driver] = field(default_factory=dict)
    _awake: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _renewed: float = 0.0
    _buried: float = 0.0
    _threads: DatabaseThreads = field(default_factory=lambda: DatabaseThreads(1, "supervisor"))

    async def start(self) -> None:
        global _current  # noqa: PLW0603 - one per process
        await self._connect()
        await self._in_thread(self.holder.open)
        _spare_the_collector()
        self._renewed = time.monotonic()
        self._unlisten = bell.listen(self._heard)
        self._tasks = [
            asyncio.create_task(self._forever(self._sweep, SWEEP)),
            asyncio.create_task(self._forever(self._beat, self.holder.seconds / 3)),
        ]
        self.courier.start()
        _current = self

    async def _connect(self) -> None:
        address = settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL
        if self.model is None:
            self.model = build_model(*address)
            if settings.REHEARSAL:
                return  # every scene plays an endpoint of its own
        endpoint = Endpoint.of(*address)
        self.model = LimitedModel(self.model, endpoint)
        await self._in_thread(lambda: release_if_open(endpoint))

    def wake(self) -> None:
        """There may be a session to drive. Returns at once."""
        self._awake.set()

    async def drain(self) -> None:
        """Take nothing new, let calls in flight end, and let go of every lease."""
        self.draining = True
        for driver in self._drivers.values():
            driver.log.draining = True
            driver.log.nudge()
        await asyncio.gather(self._wait_for_drivers(DRAIN), self.courier.drain())
        await end(self._tasks)
        self._unlisten()
        await self.servers.close()
        await self._in_thread(self.holder.close)
        await asyncio.gather(
            self._threads.close(),
            self.catalogue.close(),
            close_threads(),
            endpoint_threads.close(),
            hindrances.threads.close(),
        )

    async def _wait_for_drivers(self, seconds: float) -> None:
        tasks = [driver.task for driver in self._drivers.values() if driver.task]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        await end(tasks)

    @property
    def driven(self) -> int:
        """Sessions at work in this process."""
        return len(self._drivers)

    def _heard(self, news: News) -> None:
        for session, seq in news.seqs.items():
            if driver := self._drivers.get(session):
                driver.log.heard(seq)
        if news.runnable:
            self.wake()

    async def _forever(self, work: Any, every: float) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                log.warning("supervisor_trouble", work=work.__name__, error=repr(error))
                await asyncio.sleep(min(every, 1.0))
            if work == self._sweep:
                await self._wait_awake(every)
            else:
                await asyncio.sleep(every)

    async def _wait_awake(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        except TimeoutError:
            pass
        self._awake.clear()

    async def _sweep(self) -> None:
        if time.monotonic() - self._buried > BURY_EVERY:
            self._buried = time.monotonic()
            await self._in_thread(bury)
            await self._in_thread(inbox.expire)
            await self._in_thread(inbox.go_on)
        while not self.draining and (free := self.slots - len(self._drivers)) > 0:
            held_until = self._certain()
            leases = await self._in_thread(lambda: self.holder.take(min(free, 100)))
            for lease in leases:
                self._drive(lease, held_until)
            if not leases:
                return

    async def _beat(self) -> None:
        try:
            asked = dict(self._drivers)  # one that begins meanwhile was not asked about
            held_until = self._certain()
            ours = await self._in_thread(lambda: self.holder.beat(list(asked)))
        except DatabaseError:
            # Whoever cannot renew must be gone before somebody else may take over.
            if time.monotonic() - self._renewed > self.holder.seconds * 2 / 3:
                self._abandon(self._drivers.values())
            raise
        self._renewed = time.monotonic()
        for session in ours:
            asked[session].log.held_until = held_until
        self._abandon(driver for session, driver in asked.items() if session not in ours)

    def _certain(self) -> float:
        """Until when a lease asked for now is ours without doubt, by the monotonic clock."""
        return time.monotonic() + self.holder.seconds * 2 / 3

    def _abandon(self, drivers: Iterable[_Driver]) -> None:
        for driver in drivers:
            if driver.task:
                driver.task.cancel()

    def _drive(self, lease: Lease, held_until: float) -> None:
        if lease.session in self._drivers:
            # We lost it and got it back: the old task is being fenced; the sweep comes again.
            self._abandon([self._drivers[lease.session]])
        log_of_term = SessionLog(
            lease.session, lease.uuid, lease.term, held_until=held_until, due=lease.due
        )
        driver = _Driver(log_of_term)
        self._drivers[lease.session] = driver
        driver.task = asyncio.create_task(self._driven(driver), name=f"session {lease.uuid}")

    async def _driven(self, driver: _Driver) -> None:
        session_log = driver.log
        try:
            await self._run(session_log)
        except Fenced as fenced:
            log.info("fenced", session=session_log.uuid, reason=str(fenced))
        except asyncio.CancelledError:
            raise
        except (OperationalError, InterfaceError) as error:
            # The database is away, which says nothing of the session: its lease runs out, and
            # whoever takes it next goes on.
            log.warning("driver_lost_database", session=session_log.uuid, error=str(error))
        except Exception as error:
            log.exception("driver_failed", session=session_log.uuid)
            await self._fail(session_log, error)
        finally:
            if self._drivers.get(session_log.session) is driver:
                del self._drivers[session_log.session]
            self.wake()

    async def _run(self, session_log: SessionLog) -> None:
        assert self.model is not None
        state = await session_log.load()
        while state.session != session_log.uuid and not (state.stopping or state.ended):
            with suppress(Moved):  # somebody steered it before it began
                await begin(session_log, self.servers, self.model)
            state = await session_log.load()
        hands = await hands_of(session_log, state, self.model, self.servers, self.catalogue)
        try:
            await run(session_log, hands)
        finally:
            await self.servers.release(session_log.uuid)

    async def _fail(self, session_log: SessionLog, error: Exception) -> None:
        message = f"{type(error).__name__}: {error}"[:2000]
        try:
            await session_log.record(*results.broken_off(session_log.state, message))
            if not session_log.state.ended:
                await session_log.release(Park("queued"), session_log.state.seq)
        except Exception:
            log.exception("failure_not_recorded", session=session_log.uuid)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._threads.run(work)


@cache
def _spare_the_collector() -> None:
    """What was imported stays for ever; walking it with every collection costs a fifth of a
    step's time."""
    gc.collect()
    gc.freeze()


_current: Supervisor | None = None


def current() -> Supervisor | None:
    """The supervisor of this process, if it drives sessions."""
    return _current
