"""The courier: one task in every worker that gathers alerts and delivers what is due."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from agents.alerts import deliveries, grouping, watch
from agents.alerts.deliveries import Taken
from agents.alerts.sending import send
from agents.models import AlertTarget
from agents.tasks import end
from agents.threads import DatabaseThreads

log = structlog.get_logger(__name__)

EVERY = 1.0  # seconds between two rounds
WATCH = 5.0  # seconds
TIDY = 600.0  # seconds
AT_ONCE = 8  # deliveries being made in one process
DRAIN = 10.0  # seconds that attempts in flight are given


@dataclass(eq=False)
class Courier:
    """Sends on threads of its own: no attempt, however slow, holds up sessions or pages."""

    _database: DatabaseThreads = field(default_factory=lambda: DatabaseThreads(1, "courier"))
    _senders: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(AT_ONCE, thread_name_prefix="alerts")
    )
    _flying: dict[asyncio.Task[None], int] = field(default_factory=dict)  # their targets
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _watched: float = 0.0
    _tidied: float = 0.0

    def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="courier")

    async def drain(self) -> None:
        """Begin nothing new, and record what is under way."""
        if self._task:
            await end([self._task])
        if self._flying:
            await asyncio.wait(list(self._flying), timeout=DRAIN)
        await end(list(self._flying))
        self._senders.shutdown(wait=False, cancel_futures=True)
        await self._database.close()

    async def _work(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.round()
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                log.warning("courier_trouble", error=repr(error))
            # Where there is much to look through, look less often.
            await self._pause(max(EVERY, 10 * (time.monotonic() - began)))

    async def _pause(self, seconds: float) -> None:
        """Until it is time, or a delivery has made room for the next."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._room.wait()
        self._room.clear()

    async def round(self) -> None:
        """Note, gather and take what is due; deliveries go on after it returns."""
        free = AT_ONCE - len(self._flying)
        busy = list(self._flying.values())
        taken = await self._database.run(lambda: self._look(free, busy))
        for one in taken:
            task = asyncio.create_task(self._deliver(one), name=f"alert {one.pk}")
            self._flying[task] = one.target
            task.add_done_callback(self._landed)

    def _look(self, free: int, busy: list[int]) -> list[Taken]:
        """On the database's thread."""
        now = time.monotonic()
        if now - self._tidied > TIDY or not self._tidied:
            self._tidied = now
            deliveries.expire()
            deliveries.forget()
        if not AlertTarget.objects.filter(enabled=True).exists():
            return []
        if now - self._watched > WATCH:
            self._watched = now
            watch.watch()
        grouping.gather()
        return deliveries.take(free, busy)

    async def _deliver(self, one: Taken) -> None:
        loop = asyncio.get_running_loop()
        sent = await loop.run_in_executor(self._senders, send, one.parcel)
        await self._database.run(lambda: deliveries.record(one, sent))

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.pop(task, None)
        self._room.set()
        with suppress(asyncio.CancelledError):
            if error := task.exception():
                # Not recorded: its claim runs out, and it is sent again under the same id.
                log.warning("courier_trouble", error=repr(error))
