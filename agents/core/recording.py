"""What is known of an effect must reach the log, or those who settle it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_recording: set[asyncio.Task[None]] = set()  # the loop itself keeps only weak references


async def outliving(recorded: Coroutine[Any, Any, None]) -> None:
    """Record what a call did, whether or not its driver is cancelled meanwhile."""
    recording = asyncio.create_task(recorded)
    _recording.add(recording)
    recording.add_done_callback(_recorded_at_last)
    await asyncio.shield(recording)


def _recorded_at_last(recording: asyncio.Task[None]) -> None:
    _recording.discard(recording)
    if not recording.cancelled():
        recording.exception()  # whoever waited has it; nobody may be left to
