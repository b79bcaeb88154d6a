"""A worker's own troubles: bugs, a database that is away, beats, draining."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils import timezone

from agents import inbox
from agents.core import events, loop
from agents.core.outputs import Outputs
from agents.core.tools import ToolContext, ToolOutput
from agents.doorbell import Doorbell, bell
from agents.journal import Append, writer
from agents.models import Approval, Outcome, Session, Worker
from agents.session_log import SessionLog
from agents.supervisor import Supervisor
from agents.testing import ScriptedModel, calls, says
from agents.toolbox.box import Box
from tests.agents.posting import HeldBox, ask, posting
from tests.agents.talking import facts
from tests.agents.working import ENDED, at_rest, begin, db, until, worker

POST_NAME = "post_tweet"
pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_bug_in_the_engine_fails_the_session_in_words() -> None:
    class Broken(ScriptedModel):
        async def turn(self, request: Any, on_delta: Any) -> Any:
            raise ZeroDivisionError("x / 0")

    async with worker(Broken([])):
        session = await until(await ask(), *ENDED)
    assert (session.status, session.error_class) == ("failed", "internal")
    assert "ZeroDivisionError" in session.error


async def test_a_bug_in_the_engine_leaves_no_call_in_flight_without_a_person_to_say_what_became(
    monkeypatch: pytest.MonkeyPatch, ada: User, olu: User
) -> None:
    held, result = HeldBox(), Outputs.result

    async def call(self: Box, name: str, arguments: Any, context: ToolContext) -> ToolOutput:
        return await held.call(name, arguments, context) if name == POST_NAME else ToolOutput("x")

    async def broken(outputs: Outputs, state: Any, call: Any, output: Any, ms: int) -> Any:
        if call.tool == POST_NAME:
            return await result(outputs, state, call, output, ms)
        await held.hold.entered.wait()
        raise ZeroDivisionError("x / 0")

    monkeypatch.setattr(Box, "call", call)
    monkeypatch.setattr(Outputs, "result", broken)
    both = calls(
        ("c1", POST_NAME, {"text": "We are open."}), ("c2", "read_file", {"path": "orders.csv"})
    )
    async with worker(ScriptedModel([both, says("Posted.")])):
        session = await until(await ask(max_auto_risk="high"), "outcome_review")
        monkeypatch.setattr(Outputs, "result", result)
        doubt = await db(Outcome.objects.get, session=session)
        assert "ZeroDivisionError" in doubt.evidence
        await db(inbox.settle, ada, doubt.uuid, "happened")
        session = await until(session, "paused")
        await db(inbox.resume, olu, session.uuid)
        session = await until(session, *ENDED)
    assert (session.status, session.result) == ("completed", "Posted.")
    assert len(held.keys) == 1, "it was not made again"


async def test_a_database_that_is_away_for_a_moment_fails_no_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write, outages = writer._write, [OperationalError("the server is restarting")]

    def failing(appends: list[Append], batch: Any) -> None:
        if any(append.term for append in appends) and outages:
            raise outages.pop()
        write(appends, batch)

    async with worker(ScriptedModel([says("Done.")])) as running:
        session = await ask()
        monkeypatch.setattr(writer, "_write", failing)
        async with asyncio.timeout(60):
            while outages:
                await db(Session.objects.filter(pk=session.pk).update, lease_until=timezone.now())
                await asyncio.sleep(0.05)
        await at_rest(running)
        await db(Session.objects.filter(pk=session.pk).update, lease_until=timezone.now())
        assert (await until(session, *ENDED)).status == "completed"


async def test_a_turn_that_may_be_on_record_is_read_and_not_recorded_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write, lost = writer._write, [OperationalError("server closed the connection")]

    def losing(appends: list[Append], batch: Any) -> None:
        write(appends, batch)
        kinds = {one.fact.kind for append in appends for one in append.entries}
        if "thinking" in kinds and lost:
            raise lost.pop()

    monkeypatch.setattr(writer, "_write", losing)
    monkeypatch.setattr(writer, "_landed", lambda batch, error: None)
    async with worker(ScriptedModel([says("Done.")])) as running:
        session = await ask()
        async with asyncio.timeout(60):
            while lost:
                await asyncio.sleep(0.05)
        await at_rest(running)
        await db(Session.objects.filter(pk=session.pk).update, lease_until=timezone.now())
        assert (await until(session, *ENDED)).status == "completed"
    assert len(await facts(session, events.Thinking)) == 1


async def test_a_driver_that_begins_while_a_beat_is_under_way_is_left_alone() -> None:
    model = ScriptedModel([says("Done.")])
    model.go = asyncio.Event()
    running = Supervisor(model=model)
    await bell.open()
    await running.start()
    beat = running.holder.beat

    def slow(sessions: list[int]) -> set[int]:
        ours = beat(sessions)
        own_loop.call_soon_threadsafe(running._drive, lease, math.inf)
        return ours

    own_loop = asyncio.get_running_loop()
    session = await begin("Do it.")
    await until(session, "running")
    lease = (await db(_another_lease, running))[0]
    running.holder.beat = slow  # type: ignore[method-assign]  # patched while it runs
    await running._beat()
    running.holder.beat = beat  # type: ignore[method-assign]  # patched while it runs
    driver = running._drivers[lease.session]
    await asyncio.sleep(0)
    assert driver.task
    assert not driver.task.cancelling()
    model.go.set()
    await running.drain()
    await bell.close()


def _another_lease(running: Supervisor) -> list[Any]:
    Session.objects.create(agent="tester", title="t", task="t", model="m", status="queued")
    return running.holder.take(1)


async def test_a_worker_that_drains_lets_go_of_everything(ann: User) -> None:
    model = posting()
    model.go = asyncio.Event()
    async with worker(model):
        session = await ask()
        await model.entered.wait()
    await db(session.refresh_from_db)
    assert (session.status, session.lease_owner) == ("queued", "")
    assert not await db(Worker.objects.exists)
    async with worker(posting()):
        await until(session, "waiting_approval")


async def test_a_session_that_fails_leaves_nothing_for_people_to_decide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with worker(posting()) as running:
        session = await until(await ask(), "waiting_approval")
        await at_rest(running)

        def broken(*_: object) -> None:
            raise ZeroDivisionError("x / 0")

        monkeypatch.setattr(loop, "next_step", broken)
        await db(Session.objects.filter(pk=session.pk).update, status="queued")
        await until(session, *ENDED)
    assert (session.status, session.open_approvals) == ("failed", 0)
    states = Approval.objects.filter(session=session).values_list("state", flat=True)
    assert await db(list, states) == ["cancelled"]


async def test_a_lease_that_cannot_be_renewed_is_no_longer_certain() -> None:
    log = SessionLog(1, "s", 1, held_until=time.monotonic() + 60)
    assert log.holds()
    log.held_until = time.monotonic() - 1
    assert not log.holds()


async def test_a_beat_makes_the_lease_certain_again() -> None:
    model = ScriptedModel([says("Done.")])
    model.go = asyncio.Event()
    async with worker(model) as running:
        session = await until(await begin("Do it."), "running")
        log = running._drivers[session.pk].log
        log.held_until = 0.0
        await running._beat()
        assert log.holds()
        model.go.set()
        await until(session, *ENDED)


def test_a_listener_that_fails_costs_neither_the_turn_nor_who_else_listens() -> None:
    own, heard = Doorbell(), []

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    own.ghosts(fails)
    own.ghosts(lambda *ghost: heard.append(ghost))
    own.whisper(1, 2, 3, "text", "so far")
    assert heard == [(1, 2, 3, "text", "so far")]
