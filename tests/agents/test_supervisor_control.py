"""Stop, pause, steer and budgets, live: what a running worker makes of them."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from agents import beginning, inbox
from agents.core.model import Model
from agents.models import Session
from agents.session_log import SessionLog
from agents.testing import ScriptedModel, says
from agents.toolbox.mcp import Servers
from tests.agents.posting import READ, approval_of, ask, effects, posting
from tests.agents.working import ENDED, at_rest, begin, db, kinds, until, worker

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_stop_before_the_pick_up_ends_it_without_a_model_call(olu: User) -> None:
    session = await ask()
    await db(inbox.stop, olu, session.uuid)
    model = posting()
    async with worker(model):
        assert (await until(session, *ENDED)).status == "cancelled"
    assert model.requests == []


async def test_a_stop_cuts_the_turn_and_ends_the_session(olu: User) -> None:
    model = posting()
    model.go = asyncio.Event()
    async with worker(model):
        session = await ask()
        await model.entered.wait()
        await db(inbox.stop, olu, session.uuid)
        assert (await until(session, *ENDED)).status == "cancelled"
    assert "thinking" not in await kinds(session)


async def test_a_stop_while_an_approval_waits_cancels_it(olu: User) -> None:
    async with worker(posting()):
        session = await until(await ask(), "waiting_approval")
        await db(inbox.stop, olu, session.uuid)
        session = await until(session, *ENDED)
    assert session.status == "cancelled"
    assert (await approval_of(session)).state == "cancelled"
    assert (await kinds(session))[-1] == "stopped"


async def test_a_pause_parks_and_a_resume_goes_on(olu: User) -> None:
    model = ScriptedModel([READ, says("Done.")])
    model.go = asyncio.Event()
    async with worker(model) as running:
        session = await ask()
        await model.entered.wait()
        await db(inbox.pause, olu, session.uuid)
        model.go.set()
        await until(session, "paused")
        await at_rest(running)
        assert await effects(session) == 0
        await db(inbox.resume, olu, session.uuid)
        assert (await until(session, *ENDED)).status == "completed"


async def test_words_reach_the_model_with_its_next_request(olu: User) -> None:
    model = ScriptedModel([READ, says("Done.")])
    model.go = asyncio.Event()
    async with worker(model):
        session = await ask()
        await model.entered.wait()
        await db(inbox.steer, olu, session.uuid, "Only the last line.")
        model.go.set()
        await until(session, *ENDED)
    assert "Only the last line." in str(model.requests[1].messages[-1])


async def test_a_budget_that_is_used_up_asks_and_goes_on_when_it_is_raised(olu: User) -> None:
    async with worker(ScriptedModel([READ, says("Done.")])):
        session = await until(await ask(limits={"steps": 1}), "waiting_input")
        assert "budget is used up" in session.asking
        await db(inbox.steer, olu, session.uuid, "go on")
        await until(session, "waiting_input")
        await db(inbox.change_limits, olu, session.uuid, {"steps": 5})
        assert (await until(session, *ENDED)).status == "completed"


async def test_a_message_that_comes_while_the_session_begins_costs_it_nothing(
    olu: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Session] = []

    async def steered_first(log: SessionLog, servers: Servers, model: Model) -> None:
        if not told:
            told.append(await db(inbox.steer, olu, UUID(log.uuid), "By the way."))
        await beginning.begin(log, servers, model)

    monkeypatch.setattr("agents.supervisor.begin", steered_first)
    model = ScriptedModel([says("Done.")])
    async with worker(model):
        session = await until(await begin("Go."), *ENDED)
    assert session.status == "completed"
    assert "By the way." in str(model.requests[0].messages)
