"""The engine in a process: the doorbell, the journal and, where sessions run, their worker."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

import structlog
from channels.layers import get_channel_layer
from channels.worker import Worker

from agents.doorbell import AGENTS, bell
from agents.insights.keeper import Keeper
from agents.journal import journal
from agents.tasks import end

if TYPE_CHECKING:
    from agents.inventory import Inventory
    from agents.supervisor import Supervisor

log = structlog.get_logger(__name__)


class Engine:
    """Started and stopped with the process, on its event loop."""

    def __init__(self, *, drives: bool) -> None:
        self.drives = drives
        self._supervisor: Supervisor | None = None
        self._worker: asyncio.Task[None] | None = None
        self._keeper: Keeper | None = None
        self._inventory: Inventory | None = None

    async def start(self) -> None:
        await self.open()
        await self.drive()

    async def open(self) -> None:
        """All that pages need."""
        await bell.open()

    async def drive(self) -> None:
        """Run sessions, if this process does."""
        if self.drives:
            await asyncio.to_thread(_import_worker)
            await self._drive()

    async def drain(self) -> None:
        """Let go of the sessions that this process runs."""
        if self._worker:
            await end([self._worker])
        if self._keeper:
            await self._keeper.close()
        if self._inventory:
            await self._inventory.close()
        if self._supervisor:
            await self._supervisor.drain()

    async def close(self) -> None:
        """Write what waits and leave the channel layer."""
        await bell.close()
        await asyncio.to_thread(journal.close)

    async def _drive(self) -> None:
        from agents.inventory import Inventory  # noqa: PLC0415 - as in _import_worker
        from agents.supervisor import Supervisor  # noqa: PLC0415 - as in _import_worker

        self._supervisor = Supervisor()
        await self._supervisor.start()
        self._worker = asyncio.create_task(_work())
        self._keeper = Keeper()
        self._keeper.start()
        self._inventory = Inventory()
        self._inventory.start()


def _import_worker() -> None:
    """The SDKs of models and MCP take seconds to import: pages do without them, and are served
    meanwhile."""
    importlib.import_module("agents.consumers")
    importlib.import_module("agents.inventory")


async def _work() -> None:
    """Channels' worker, for as long as the process runs."""
    from agents.consumers import application  # noqa: PLC0415 - as in _import_worker

    while True:
        try:
            await _Worker(application, [AGENTS], get_channel_layer()).arun()
        except Exception:
            # The messages are wake-ups only; the supervisor's sweep finds what they said.
            log.exception("worker_restarts")
        await asyncio.sleep(1)


class _Worker(Worker):
    """Channels' worker, all of whose tasks end together and whose consumers may fail."""

    async def arun(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.application_checker())
                for channel in self.channels:
                    group.create_task(self.listener(channel))
        finally:
            for scope_id in list(self.application_instances):
                self.delete_application_instance(scope_id)

    async def application_checker(self) -> None:
        """Forget consumers that have ended; the next message makes a new one."""
        while True:
            await asyncio.sleep(self.application_checker_interval)
            for scope_id, details in list(self.application_instances.items()):
                future = details["future"]
                if not future.done():
                    continue
                del self.application_instances[scope_id]
                if not future.cancelled() and future.exception():
                    log.error("consumer_failed", exc_info=future.exception())
