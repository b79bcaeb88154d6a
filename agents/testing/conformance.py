"""What every log must do: subclass ``LogConformance`` and give it a ``log_stand``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from agents.core import events
from agents.core.events import Fact
from agents.core.loop import Fenced, Moved
from agents.core.ports import Log
from agents.core.state import State
from agents.core.step import Park

APPROVAL = "5e551011-0000-4000-8000-00000000000a"


class LogStand(Protocol):
    """A session whose log is on trial."""

    @property
    def digest(self) -> str:
        """What an approval of ``call()`` binds."""
        ...

    async def take(self) -> Log:
        """Lease the session: the log as its next holder sees it."""
        ...

    async def write(self, *facts: Fact) -> None:
        """Append as a person would, under no lease."""
        ...

    async def vote(self) -> None:
        """Approve what waits under ``APPROVAL``."""
        ...


class LogConformance:
    """``log_stand`` is a fixture that yields a ``LogStand`` of a session without events."""

    async def test_facts_come_back_as_they_were_written(self, log_stand: LogStand) -> None:
        log = await begun(log_stand)
        await log.record(turn(), call())
        again = await log_stand.take()
        state = await again.load()
        assert (state.seq, state.step) == (3, 1)
        assert [one.call_id for one in state.calls] == ["c1"]

    async def test_whoever_writes_sees_their_facts_at_once(self, log_stand: LogStand) -> None:
        log = await begun(log_stand)
        await log.record(turn())
        assert (await log.load()).step == 1

    async def test_facts_under_a_head_that_moved_are_not_written(self, log_stand: LogStand) -> None:
        log = await begun(log_stand)
        await log_stand.write(steer())
        await refused(Moved, lambda: log.record(events.Complete("x"), seen=1))
        state = await until(log, 2)
        assert not state.ended

    async def test_a_fenced_holder_can_write_nothing(self, log_stand: LogStand) -> None:
        old = await begun(log_stand)
        await old.record(turn(), call())
        new = await log_stand.take()
        assert new.term > old.term
        await refused(Fenced, lambda: old.record(events.Complete("x")))
        await refused(Fenced, lambda: old.claim(started(), 3))
        await refused(Fenced, lambda: old.release(Park("paused"), 3))
        assert (await new.load()).seq == 3

    async def test_a_stop_or_a_pause_after_the_look_refuses_the_claim(
        self, log_stand: LogStand
    ) -> None:
        log = await begun(log_stand)
        await log.record(turn(), call())
        await log_stand.write(events.Paused("Olu"))
        assert not await log.claim(started(), 3)
        await log_stand.write(events.Resumed("Olu"), events.StopRequested("Olu"))
        assert not await log.claim(started(), 3)
        assert [one.attempt for one in (await until(log, 6)).calls] == [0]

    async def test_a_stop_before_the_look_refuses_the_claim_too(self, log_stand: LogStand) -> None:
        log = await begun(log_stand)
        await log.record(turn(), call())
        await log_stand.write(events.StopRequested("Olu"))
        assert not await log.claim(started(), 4)

    async def test_a_message_after_the_look_forbids_no_claim(self, log_stand: LogStand) -> None:
        log = await begun(log_stand)
        await log.record(turn(), call())
        await log_stand.write(steer())
        assert await log.claim(started(), 3)
        assert (await until(log, 5)).call("c1").attempt == 1

    async def test_an_approval_is_used_once(self, log_stand: LogStand) -> None:
        log = await begun(log_stand)
        await log.record(turn(), call("ask"), request(log_stand.digest))
        await log_stand.vote()
        seen = (await until(log, 5)).seq
        intent = started(APPROVAL, log_stand.digest)
        assert await log.claim(intent, seen)
        assert not await log.claim(intent, seen + 1)

    async def test_a_lease_is_let_go_only_under_the_head_that_was_seen(
        self, log_stand: LogStand
    ) -> None:
        log = await begun(log_stand)
        await log_stand.write(steer())
        assert not await log.release(Park("paused"), 1)
        seen = (await until(log, 2)).seq
        assert await log.release(Park("paused"), seen)
        await refused(Fenced, lambda: log.record(events.Complete("x")))

    async def test_whoever_waits_hears_of_news(self, log_stand: LogStand) -> None:
        log = await begun(log_stand)
        waiting = asyncio.create_task(log.changed(1, 1))
        await asyncio.sleep(0)
        await log_stand.write(steer())
        await asyncio.wait_for(waiting, 20)
        assert (await until(log, 2)).notes

    async def test_what_no_event_can_hold_is_not_written(self, log_stand: LogStand) -> None:
        log = await begun(log_stand)
        long = events.Message("Olu", "x" * events.MAX_TEXT)
        await refused(events.TooLarge, lambda: log.record(long))
        assert (await log.load()).seq == 1

    async def test_after_the_end_nothing_is_written(self, log_stand: LogStand) -> None:
        log = await begun(log_stand)
        await log.record(events.Complete("done"))
        await refused(Fenced, lambda: log.record(turn()))
        assert (await log.load()).ended


async def begun(stand: LogStand) -> Log:
    log = await stand.take()
    await log.record(session())
    return log


async def until(log: Log, seq: int) -> State:
    """The state once the holder knows the log as far as ``seq``."""
    async with asyncio.timeout(20):
        while (state := await log.load()).seq < seq:
            await log.changed(state.seq, 0.5)
    return state


async def refused(error: type[Exception], work: Callable[[], Any]) -> None:
    try:
        await work()
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised")


def session() -> events.SessionStarted:
    return events.SessionStarted(
        agent="clerk",
        task="Do it.",
        model="m",
        limits={},
        tools=[],
        system=[],
        max_auto_risk="low",
        max_tokens=100,
        window=1000,
    )


def turn() -> events.Thinking:
    block = {"type": "tool_use", "id": "c1", "name": "pay", "input": {"amount": 1}}
    return events.Thinking([block], "", {"input_tokens": 1}, "tool_use", "m", 1, read_upto=1)


def call(verdict: str = "allow") -> events.ToolCall:
    return events.ToolCall("c1", "pay", {"amount": 1}, "high", verdict, "rule")


def request(digest: str) -> events.ApprovalRequested:
    return events.ApprovalRequested(
        approval_id=APPROVAL,
        call_id="c1",
        tool="pay",
        arguments={"amount": 1},
        digest=digest,
        decide_by="2099-01-01T00:00:00.000000Z",
        required=1,
        risk="high",
        rule="rule",
    )


def started(approval_id: str | None = None, digest: str = "") -> events.ToolStarted:
    return events.ToolStarted("c1", "pay", {"amount": 1}, digest, "key", 1, approval_id)


def steer() -> events.Message:
    return events.Message("Olu", "Look at the invoice first.")
