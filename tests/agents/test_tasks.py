"""Tasks end, the stubborn ones too."""

from __future__ import annotations

import asyncio

from agents.tasks import end, end_the_rest


async def _deaf(times: int, asked: list[int]) -> None:
    """Swallows as many cancellations, as a channel layer may when one comes while it answers."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            asked.append(1)
            if len(asked) > times:
                raise


async def test_a_task_that_swallows_a_cancellation_is_asked_again() -> None:
    asked: list[int] = []
    task = asyncio.create_task(_deaf(2, asked))
    await asyncio.sleep(0)
    await end([task])
    assert task.cancelled()
    assert len(asked) == 3


async def test_the_rest_ends_and_the_one_that_asks_goes_on() -> None:
    task = asyncio.create_task(_deaf(1, []))
    await asyncio.sleep(0)
    await end_the_rest()
    assert task.cancelled()
