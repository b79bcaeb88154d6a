"""Sessions at work: started, parked, woken, taken over; no task is held for one that waits."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import connections

from agents import chain, inbox, supervisor
from agents.consumers import AgentsConsumer
from agents.doorbell import bell
from agents.models import Session
from agents.testing import ScriptedModel, says
from tests.agents.posting import approval_of, approve, ask, effects, posting
from tests.agents.working import ENDED, at_rest, db, until, worker

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_session_runs_parks_is_approved_and_ends(ann: User) -> None:
    async with worker(posting()) as running:
        session = await until(await ask(), "waiting_approval")
        await at_rest(running)
        assert session.lease_owner == ""
        assert (await approve(ann, session)).state == "approved"
        session = await until(session, *ENDED)
    assert (session.status, session.result) == ("completed", "Posted.")
    assert (session.steps, session.tool_calls, session.open_approvals) == (2, 1, 0)
    assert (await approval_of(session)).state == "consumed"
    assert await db(chain.verify, session) is None


async def test_a_denied_call_never_runs(ann: User) -> None:
    async with worker(posting()):
        session = await until(await ask(), "waiting_approval")
        held = await approval_of(session)
        await db(inbox.deny, ann, held.uuid, held.digest, "not today")
        session = await until(session, *ENDED)
    assert session.status == "completed"
    assert await effects(session) == 0


async def test_a_decision_that_was_made_while_no_worker_ran_is_found(ann: User) -> None:
    async with worker(posting()):
        session = await until(await ask(), "waiting_approval")
    await approve(ann, session)
    async with worker(posting()):
        assert (await until(session, *ENDED)).status == "completed"
    assert await effects(session) == 1


async def test_a_session_that_was_queued_while_no_worker_ran_is_found() -> None:
    session = await ask()
    async with worker(ScriptedModel([says("Done.")])):
        assert (await until(session, *ENDED)).result == "Done."


async def test_parked_sessions_hold_no_task_and_no_lease(ann: User) -> None:
    await ask()
    many = [Session(agent="tester", title="t", task="t", model="m") for _ in range(59)]
    await db(Session.objects.bulk_create, many)
    async with worker(posting()) as running:
        before = len(asyncio.all_tasks())
        async with asyncio.timeout(60):
            waiting = Session.objects.filter(status="waiting_approval")
            while await db(waiting.count) < 60:
                await asyncio.sleep(0.05)
        await at_rest(running)
        assert running._drivers == {}
        assert len(asyncio.all_tasks()) <= before
        assert not await db(Session.objects.exclude(lease_owner="").exists)
        session = await db(Session.objects.latest, "pk")
        await approve(ann, session)
        assert (await until(session, *ENDED)).status == "completed"


async def test_a_thousand_parked_sessions_cost_a_worker_nothing() -> None:
    rows = [
        Session(agent="a", title="t", task="t", model="m", status=status)
        for status in ("waiting_approval", "paused", "waiting_input", "outcome_review") * 250
    ]
    await db(Session.objects.bulk_create, rows)
    async with worker(posting()) as running:
        await running._sweep()
        assert running.driven == 0
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("session")]


async def test_a_lost_wake_up_costs_a_sweep_and_no_session(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(bell), "ring", lambda self, news: None)
    async with worker(posting()):
        session = await until(await ask(), "waiting_approval")
        await approve(ann, session)
        assert (await until(session, *ENDED)).status == "completed"


async def test_a_layer_that_is_full_loses_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    from channels.exceptions import ChannelFull

    async def full(*args: object) -> None:
        raise ChannelFull

    for name in ("send", "group_send"):
        monkeypatch.setattr(get_channel_layer(), name, full)
    async with worker(ScriptedModel([says("Done.")])):
        sessions = [await ask() for _ in range(5)]
        for session in sessions:
            assert (await until(session, *ENDED)).status == "completed"


async def test_the_consumer_returns_at_once_and_only_wakes() -> None:
    async with worker(ScriptedModel([says("Done.")])) as running:
        running._awake.clear()
        await asyncio.wait_for(AgentsConsumer().wake({"type": "wake"}), 1)
        assert running._awake.is_set()
        assert running.driven == 0


async def test_the_consumer_without_a_supervisor_does_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_current", None)
    await AgentsConsumer().wake({"type": "wake"})


# Starting


def test_one_key_is_one_session_however_often_it_is_sent(olu: User) -> None:
    def start(n: int) -> int:
        try:
            return supervisor.start(olu, "assistant", "Do it.", key="k").pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        started = set(threads.map(start, range(16)))
    assert len(started) == 1
    assert Session.objects.count() == 1


def test_one_key_with_another_body_is_a_conflict(olu: User, ada: User) -> None:
    first = supervisor.start(olu, "assistant", "Do it.", key="k")
    for task, limits in (("Do that.", None), ("Do it.", {"steps": 3})):
        with pytest.raises(inbox.Conflict, match="Idempotency-Key"):
            supervisor.start(olu, "assistant", task, limits, key="k")
    assert supervisor.start(ada, "assistant", "Do that.", key="k").pk != first.pk
    assert supervisor.start(olu, "assistant", "Do it.").pk != first.pk


def test_long_keys_that_differ_at_the_end_are_two_sessions(olu: User) -> None:
    first, other = (
        supervisor.start(olu, "assistant", "Do it.", key="k" * 199 + end) for end in "ab"
    )
    assert first.pk != other.pk
    assert supervisor.start(olu, "assistant", "Do it.", key="k" * 199 + "b").pk == other.pk


def test_a_start_needs_rights_an_agent_a_task_and_sane_limits(
    olu: User, bob: User, eve: User
) -> None:
    for user in (bob, eve):
        with pytest.raises(inbox.NotAllowed):
            supervisor.start(user, "assistant", "Do it.")
    with pytest.raises(inbox.Missing):
        supervisor.start(olu, "ghost", "Do it.")
    for task in ("", " \n\t ", "x" * 50_001):
        with pytest.raises(inbox.Invalid):
            supervisor.start(olu, "assistant", task)
    with pytest.raises(inbox.Invalid):
        supervisor.start(olu, "assistant", "Do it.", {"steps": -1})
    assert Session.objects.count() == 0
