"""The whole loop: one for starting, resuming and recovering, because it only ever reads the log."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol, assert_never

from agents.core import events
from agents.core.next import next_step
from agents.core.state import Call, State
from agents.core.step import (
    Act,
    Ask,
    Compact,
    Done,
    Doubt,
    Park,
    Reopen,
    Say,
    Sleep,
    Step,
    Wait,
)


class Fenced(Exception):
    """Another holder has the lease: nothing that this driver does may be recorded any more."""


class Moved(Exception):
    """The log or the catalogue has moved on since it was read: read again and think again."""


class Log(Protocol):
    """One session's log, as one lease holder sees it."""

    @property
    def term(self) -> int: ...

    @property
    def draining(self) -> bool:
        """Whether the process is ending: begin nothing new."""
        ...

    async def load(self) -> State:
        """The state at the log's head."""
        ...

    def now(self) -> datetime:
        """This process's clock; but a timed park that the database's clock ended is over."""
        ...

    async def record(self, *facts: events.Fact, seen: int | None = None) -> None:
        """Append facts together, durably. With ``seen``, only if the head is still there.
        Raises ``Fenced`` and ``Moved``."""
        ...

    async def changed(self, seq: int, timeout: float) -> None:
        """Return when the log may have grown past ``seq``, or after ``timeout`` seconds."""
        ...

    async def release(self, park: Park | Done, seq: int) -> bool:
        """Let go of the lease, if the head is still ``seq``."""
        ...


class Hands(Protocol):
    """What reaches the world. Each method records what came of it, and returns."""

    async def ask(self, state: State, step: Ask) -> None: ...

    async def compact(self, state: State, step: Compact) -> None: ...

    async def act(self, state: State, call: Call) -> None: ...

    async def doubt(self, state: State, step: Doubt) -> None: ...

    async def reopen(self, state: State, step: Reopen) -> None: ...


POLL = 1.0  # seconds; a lost doorbell costs at most this
MODEL = "the model's turn"  # the name of its task, beside those of call ids


async def run(log: Log, hands: Hands) -> State:
    """Drive a session until it ends or has nothing to do but wait. Raises ``Fenced``."""
    tasks: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            state = await log.load()
            step = _drain(tasks) if log.draining else next_step(state, log.term, log.now())
            if (state.stopping or log.draining) and (turn := tasks.get(MODEL)):
                turn.cancel()
            try:
                await _take(step, state, log, hands, tasks)
                # After the end nothing can be recorded, so a retry that sleeps is not waited for.
                if isinstance(step, Done) or (isinstance(step, Park) and not tasks):
                    if await log.release(step, state.seq):
                        return state
                elif tasks or isinstance(step, Sleep | Wait):
                    await _news(step, state, log, tasks)
            except Moved:
                continue
    finally:
        await _cancel(tasks)


def _drain(tasks: dict[str, asyncio.Task[None]]) -> Step:
    """Calls in flight are recorded; what comes next is for another worker."""
    return Wait() if tasks else Park("queued")


async def _take(
    step: Step, state: State, log: Log, hands: Hands, tasks: dict[str, asyncio.Task[None]]
) -> None:
    match step:
        case Ask():
            _begin(tasks, MODEL, hands.ask(state, step))
        case Compact():
            _begin(tasks, MODEL, hands.compact(state, step))
        case Act(calls):
            for call in calls:
                _begin(tasks, call.call_id, hands.act(state, call))
        case Doubt():
            await hands.doubt(state, step)
        case Reopen():
            await hands.reopen(state, step)
        case Say(facts):
            if MODEL not in tasks:
                await log.record(*facts, seen=state.seq)
        case Sleep() | Wait() | Park() | Done():
            pass
        case _:
            assert_never(step)


def _begin(
    tasks: dict[str, asyncio.Task[None]], name: str, work: Coroutine[Any, Any, None]
) -> None:
    if name in tasks:
        work.close()
    else:
        tasks[name] = asyncio.create_task(work, name=name)


async def _news(step: Step, state: State, log: Log, tasks: dict[str, asyncio.Task[None]]) -> None:
    """Wait until a task is done, the log has grown or it is time; raise what a task raised."""
    timeout = POLL
    if isinstance(step, Sleep):
        timeout = min(POLL, max(0.0, (step.until - datetime.now(UTC)).total_seconds()))
    growth = asyncio.create_task(log.changed(state.seq, timeout))
    try:
        await asyncio.wait([growth, *tasks.values()], return_when=asyncio.FIRST_COMPLETED)
    finally:
        growth.cancel()
        await asyncio.gather(growth, return_exceptions=True)
    for name in [name for name, task in tasks.items() if task.done()]:
        task = tasks.pop(name)
        if not task.cancelled():
            task.result()


async def _cancel(tasks: dict[str, asyncio.Task[None]]) -> None:
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
