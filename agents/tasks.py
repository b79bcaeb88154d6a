"""Ending asyncio tasks that may not want to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

log = structlog.get_logger(__name__)

TIMES = 5
PATIENCE = 1.0  # seconds


async def end(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel, and cancel again: a channel layer may swallow a cancellation that comes while it
    answers. What still runs after ``TIMES`` is left behind, and said so."""
    left = set(tasks)
    for _ in range(TIMES):
        if not left:
            return
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=PATIENCE)
    log.warning("tasks_left", tasks=[repr(task) for task in left])


async def end_the_rest() -> None:
    """End whatever else runs on this loop, libraries' own tasks too. ``asyncio.run`` asks each
    of them once and then waits for ever."""
    await end(task for task in asyncio.all_tasks() if task is not asyncio.current_task())
