"""A worker of the test's own, and ways to wait for what it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from agents import supervisor
from agents.core.model import Model
from agents.doorbell import bell
from agents.llm.anthropic import AnthropicModel
from agents.models import AgentDefinition, Event, Session
from agents.supervisor import Supervisor

T = TypeVar("T")

QUICK = {"retry": {"base": 0.01, "cap": 0.02, "attempts": 3, "parks": []}}
ENDED = tuple(Session.ENDED)
RESTING = (*ENDED, "waiting_approval", "waiting_input", "outcome_review", "paused")


@asynccontextmanager
async def worker(model: Model) -> AsyncIterator[Supervisor]:
    await bell.open()
    running = Supervisor(model=model)
    await running.start()
    try:
        yield running
    finally:
        await running.drain()
        await bell.close()
        if isinstance(model, AnthropicModel):
            await model.aclose()


async def db(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    return await sync_to_async(work, thread_sensitive=True)(*args, **kwargs)


async def begin(task: str, **fields: Any) -> Session:
    """A session of the agent ``tester``, which is made with ``fields``."""
    await db(
        AgentDefinition.objects.update_or_create,
        name="tester",
        defaults={"tools": ["read_file", "write_file"], "settings": QUICK, **fields},
    )
    return await db(supervisor.start, None, "tester", task)


async def until(session: Session, *statuses: str, seconds: float = 90) -> Session:
    """The session once it has one of these statuses."""
    async with asyncio.timeout(seconds):
        while True:
            await db(session.refresh_from_db)
            if session.status in statuses:
                return session
            await asyncio.sleep(0.02)


async def at_rest(running: Supervisor, seconds: float = 60) -> None:
    """Return once the worker drives nothing."""
    async with asyncio.timeout(seconds):
        while running.driven:
            await asyncio.sleep(0.01)


async def kinds(session: Session) -> list[str]:
    log = Event.objects.filter(session=session).order_by("seq")
    return await db(lambda: list(log.values_list("kind", flat=True)))
