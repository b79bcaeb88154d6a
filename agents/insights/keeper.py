"""Keeps Insights up to date for as long as the process drives sessions."""

from __future__ import annotations

import asyncio

import structlog

from agents.insights import rounds
from agents.tasks import end
from agents.threads import DatabaseThreads

log = structlog.get_logger(__name__)

FIRST = 3.0  # seconds that a process that has just begun has better things to do


class Keeper:
    """One task and one thread of its own; a round that fails is tried again with the next."""

    def __init__(self) -> None:
        self._threads = DatabaseThreads(1, "insights")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="insights")

    async def close(self) -> None:
        """Waits for a round that has begun: it is short, and whole days are replaced."""
        if self._task:
            await end([self._task])
        await self._threads.close()

    async def _work(self) -> None:
        await asyncio.sleep(FIRST)
        while True:
            try:
                await self._threads.run(rounds.round_)
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                log.warning("insights_trouble", error=repr(error))
            await asyncio.sleep(rounds.EVERY)
