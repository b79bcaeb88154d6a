"""One limiter per model endpoint: what one session learns of it, all of them know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.utils import timezone

from agents import breakers, inbox, providers
from agents.core import events
from agents.core.model import ModelFailure, Request
from agents.journal import Append, journal, read
from agents.models import AlertRule, Breaker, Occurrence, Provider, Session
from agents.providers import Endpoint
from tests.agents.alerts.post import webhook
from tests.agents.desk import Desk
from tests.agents.desk import said as notice
from tests.agents.processes import worker_processes
from tests.agents.talking import facts, said, status, working
from tests.agents.test_endpoint_faults import parked
from tests.agents.working import ENDED, begin, db, until
from tests.endpoint.fixtures import Talk, shared_endpoint, talk

__all__ = ["shared_endpoint", "talk"]

pytestmark = pytest.mark.django_db(transaction=True)

HERE = Endpoint.of("sk-ant-secret", "http://127.0.0.1:9/v1")
ASK = Request("claude-sonnet-5-5", 100, [], [], [])
URGENT = replace(ASK, urgent=True)


def failure(error_class: str, retry_after: float | None = None) -> ModelFailure:
    return ModelFailure(error_class, "No.", transient=True, retry_after=retry_after)


def learn(error_class: str, retry_after: float | None = None, model: str = ASK.model) -> float:
    learnt = failure(error_class, retry_after)
    providers.learn(HERE, model, learnt, {})
    return learnt.retry_after or 0.0


def held(request: Request = ASK) -> ModelFailure:
    with pytest.raises(ModelFailure) as caught:
        providers.admit(HERE, request)
    assert caught.value.held
    return caught.value


def release() -> None:
    Provider.objects.update(not_before=Now() - timedelta(seconds=1))


def test_the_key_is_not_stored_and_tells_two_accounts_apart() -> None:
    learn("rate_limited", 60)
    row = Provider.objects.get()
    assert (row.host, len(row.key)) == ("127.0.0.1:9", 64)
    assert "secret" not in str(vars(row))
    assert Endpoint.of("sk-ant-other", "http://127.0.0.1:9/v1").key != HERE.key
    assert Endpoint.of("sk-ant-secret", "").host == "api.anthropic.com"
    assert Endpoint.of("k", "https://user:password@gateway.example/v1").host == "gateway.example"
    providers.admit(Endpoint.of("sk-ant-other", "http://127.0.0.1:9/v1"), ASK)


def test_a_limit_that_one_meets_holds_all_and_lets_them_back_one_by_one() -> None:
    begun = time.monotonic()
    for turn in range(21):
        wait = held().retry_after if turn else learn("rate_limited", 100)
        left = 100 - (time.monotonic() - begun)  # of the hold, however slow this machine is
        assert wait is not None
        assert left + turn / providers.RATE <= wait < 100 + (turn + 1) / providers.RATE
    release()
    assert not providers.admit(HERE, ASK).tokens


def test_a_limit_without_a_time_is_believed_longer_each_time() -> None:
    waits = []
    for _ in range(7):
        waits.append(round(learn("rate_limited")))
        release()
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    providers.succeeded(HERE, ASK, providers.admit(HERE, ASK))
    assert round(learn("rate_limited")) == 1


def test_no_hold_is_longer_than_a_day() -> None:
    learn("rate_limited", 10**9)
    assert (held().retry_after or 0) < 86_500


def test_an_overload_holds_all_only_if_it_says_for_how_long() -> None:
    learn("overloaded")
    providers.admit(HERE, ASK)
    learn("overloaded", 30)
    assert held().error_class == "overloaded"


def test_a_model_that_is_overloaded_ten_times_in_a_minute_is_left_alone() -> None:
    for _ in range(10):
        providers.admit(HERE, ASK)
        learn("overloaded")
    shut = held()
    assert shut.error_class == "overloaded"
    assert 0 < (shut.retry_after or 0) <= breakers.OPEN + providers.RATE
    providers.admit(HERE, replace(ASK, model="claude-haiku-5-5"))


@pytest.mark.parametrize("error_class", ["authentication", "billing"])
def test_a_refused_key_or_bill_blocks_every_model_until_a_person_clears_it(
    error_class: str,
) -> None:
    learn(error_class)
    assert held().error_class == error_class
    assert held(replace(ASK, model="other")).error_class == error_class
    providers.admit(HERE, URGENT)
    providers.clear(HERE.key, by="Ada")
    providers.admit(HERE, ASK)


def test_a_refused_key_raises_one_alert_however_many_meet_it() -> None:
    webhook()
    AlertRule.objects.create(name="breakers", trigger=AlertRule.Trigger.BREAKER_OPEN)
    for _ in range(3):
        learn("authentication")
    names = [one.details["name"] for one in Occurrence.objects.filter(rule__name="breakers")]
    assert names == ["model:127.0.0.1:9/*"]
    providers.clear(HERE.key, by="Ada")
    learn("authentication")
    assert Occurrence.objects.filter(rule__name="breakers").count() == 2


def test_a_right_that_is_missing_for_one_model_blocks_that_model() -> None:
    learn("permission", model="dear-model")
    assert held(replace(ASK, model="dear-model")).error_class == "permission"
    providers.admit(HERE, ASK)


def test_what_a_person_had_tried_and_worked_is_free_for_all() -> None:
    learn("authentication")
    providers.succeeded(HERE, URGENT, providers.admit(HERE, URGENT))
    providers.admit(HERE, ASK)


def test_an_answer_that_was_under_way_does_not_lift_a_hold() -> None:
    admission = replace(providers.admit(HERE, ASK), clears=True)
    learn("rate_limited", 60)
    providers.succeeded(HERE, ASK, admission)
    assert held().error_class == "rate_limited"


def test_an_answer_that_was_under_way_does_not_lift_a_block() -> None:
    admission = replace(providers.admit(HERE, ASK), clears=True)
    learn("rate_limited", 60)
    learn("authentication")
    release()
    providers.succeeded(HERE, ASK, admission)
    assert Provider.objects.get().strikes == 1


def test_a_probe_that_fails_otherwise_has_not_shown_the_model_to_be_well() -> None:
    for _ in range(10):
        learn("overloaded")
    Breaker.objects.update(opened_at=0.0)  # long ago: one may try
    probe = providers.admit(HERE, ASK)
    assert probe.tokens
    providers.learn(HERE, ASK.model, failure("server_error"), probe.tokens)
    assert held().error_class == "overloaded"


def test_only_what_waits_for_its_turn_comes_back_when_an_endpoint_is_cleared() -> None:
    desks = [Desk(), Desk()]
    for desk, kind in zip(desks, ("queued", "paused"), strict=True):
        desk.park(kind)
        Session.objects.filter(pk=desk.row.pk).update(waits_for=providers.MODEL)
    assert providers.clear(HERE.key, by="Ada") == 1
    assert [desk.refresh().resume_at is None for desk in desks] == [False, True]


@pytest.mark.parametrize(
    ("meanwhile", "told"),
    [
        ({"question": "provider"}, ["resumed"]),
        ({"question": "budget"}, []),
        ({"status": "paused"}, []),
        ({"stopping": True}, []),
    ],
)
def test_who_asks_something_else_by_now_is_not_told_to_go_on(
    monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any], told: list[str]
) -> None:
    desk, submit = Desk(), journal.submit
    desk.park("waiting_input")
    asking = Session.objects.filter(pk=desk.row.pk)
    asking.update(question="provider")

    def overtaken(append: Append) -> object:
        asking.update(**meanwhile)
        return submit(append)

    monkeypatch.setattr(journal, "submit", overtaken)
    providers.clear(HERE.key, by="Ada")
    monkeypatch.undo()
    desk.write(notice())
    assert desk.kinds() == ["session_started", *told, "message"]


# With real workers


async def test_a_limit_is_found_out_once_by_twenty_sessions_in_two_processes(talk: Talk) -> None:
    said(talk, status(429, retry_after=7200), *["Done."] * 20)
    key = "sk-ant-a-key-of-the-tests"
    with worker_processes(2, ANTHROPIC_API_KEY=key, ANTHROPIC_BASE_URL=talk.url):
        sessions = [await waiting(await begin("Do it."))]
        sessions += [await begin("Do it.") for _ in range(19)]
        sessions = [await waiting(session) for session in sessions]
        assert len(talk.requests()) == 1
        told = [await release_of(session) for session in sessions]
        assert [fact.held for fact, _ in told].count(False) == 1
        times = sorted(at for _, at in told)
        assert times[-1] - times[0] > timedelta(seconds=15 / providers.RATE)
        assert not await db(Session.objects.exclude(lease_owner="").exists)
        await db(release)
        await db(Session.objects.filter(status="queued").update, resume_at=timezone.now())
        for session in sessions:
            assert (await until(session, *ENDED, seconds=60)).result == "Done."
    assert len(talk.requests()) == 21
    assert {at.term for at in await db(lambda: read(sessions[0].pk, 0))} >= {1, 2}


async def waiting(session: Session) -> Session:
    async with asyncio.timeout(60):
        while not (session.resume_at and session.status == "queued"):
            await asyncio.sleep(0.05)
            await db(session.refresh_from_db)
    return session


async def release_of(session: Session) -> tuple[events.ModelRetried, Any]:
    """The session's wait, and when it ends."""
    records = await db(lambda: read(session.pk, 0))
    record = next(r for r in records if isinstance(r.fact, events.ModelRetried))
    assert isinstance(record.fact, events.ModelRetried)
    return record.fact, record.at + timedelta(milliseconds=record.fact.delay_ms)


async def test_a_refused_key_stops_all_and_one_click_lets_all_go_on(talk: Talk, ada: User) -> None:
    said(talk, status(401), *["Done."] * 9)
    async with working(talk) as running:
        first = await until(await begin("Do it."), "waiting_input")
        others = [await parked(await begin("Do it."), running) for _ in range(3)]
        assert len(talk.requests()) == 1
        assert others[0].activity.startswith("Every session waits")
        (fact,) = await facts(others[0], events.ModelRetried)
        assert (fact.held, fact.attempt, fact.error_class) == (True, 0, "authentication")
        row = await db(Provider.objects.get)
        assert await db(inbox.clear_provider, ada, row.pk) == 4
        for session in (first, *others):
            assert (await until(session, *ENDED)).result == "Done."
        (resumed,) = await facts(first, events.Resumed)
        assert resumed.by


async def test_only_admins_clear_an_endpoint(olu: User) -> None:
    await db(learn, "authentication")
    row = await db(Provider.objects.get)
    with pytest.raises(inbox.NotAllowed):
        await db(inbox.clear_provider, olu, row.pk)


async def test_retry_now_asks_although_the_endpoint_is_held(talk: Talk, olu: User) -> None:
    said(talk, status(429, retry_after=7200), "Done.")
    async with working(talk) as running:
        session = await parked(await begin("Do it."), running)
        await db(inbox.resume, olu, session.uuid)
        assert (await until(session, *ENDED)).result == "Done."
    assert await db(Provider.objects.filter(not_before=None).exists)


async def test_a_worker_with_another_key_waits_for_nobody(talk: Talk) -> None:
    said(talk, "Done.")
    session = await begin("Do it.")
    fields: Mapping[str, Any] = {
        "status": "queued",
        "waits_for": "model",
        "resume_at": timezone.now() + timedelta(days=1),
    }
    await db(Session.objects.filter(pk=session.pk).update, **fields)
    await db(learn, "authentication")
    async with working(talk):
        assert (await until(session, *ENDED)).result == "Done."
