"""The cap of a day for all sessions: who waits for it, and how everybody goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents import inbox, spending
from agents.core import events
from agents.journal import Append, journal
from agents.llm.rehearsal.model import rehearsal_model
from agents.models import Cap, DaySpend, Session
from tests.agents.desk import Desk
from tests.agents.working import at_rest, begin, db, kinds, until, worker

pytestmark = pytest.mark.django_db(transaction=True)

TASK = "[loop] Read notes/agenda.md."


def cap(**limits: Any) -> None:
    Cap.objects.update_or_create(name=Cap.DAY, defaults={"usd": None, "tokens": None, **limits})


def turned(cost: float | None = 0.5, **usage: int) -> events.Thinking:
    used = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 900, **usage}
    return events.Thinking([], "", used, "end_turn", "m", 10, 1, cost=cost)


def test_every_answer_is_booked_to_its_session_and_its_day() -> None:
    desks = Desk(), Desk()
    desks[0].write(turned(0.5), turned(0.25))
    desks[1].write(turned(None))
    usage = {"input_tokens": 10}
    desks[1].write(
        events.TurnDiscarded("truncated", "", usage, 1, cost=0.125),
        events.ModelRetried(1, "cut_stream", "", 5, usage=usage, cost=0.0625),
        events.ContextCompacted(1, 9, 8, "s", [], 0, usage=usage, cost=0.03125),
        events.Error("cut_stream", "It broke off.", usage=usage, cost=0.015625),
    )
    row = desks[0].refresh()
    assert (row.tokens, row.cached_tokens, row.cost) == (2040, 1800, Decimal("0.75"))
    assert not row.unpriced
    assert desks[1].refresh().unpriced
    assert desks[1].row.cost == Decimal("0.234375")
    today = spending.spent(timezone.localdate())
    assert today == {"usd": 0.984375, "tokens": 400}


def test_a_days_sum_is_that_of_all_processes() -> None:
    today = timezone.localdate()
    for shard, usd in ((1, "0.4"), (2, "0.6")):
        DaySpend.objects.create(day=today, shard=shard, usd=usd, tokens=10)
    DaySpend.objects.create(day=today - timedelta(days=1), usd=99)
    cap(usd=1)
    assert spending.reached() == events.BudgetReached("usd", 1.0, 1.0, 0.0, today.isoformat())
    cap(usd="1.01", tokens=21)
    assert spending.reached() is None
    cap()
    assert spending.reached() is None


@pytest.mark.parametrize(
    ("zone", "day"), [("Pacific/Auckland", "2026-11-24"), ("America/Lima", "2026-11-23")]
)
def test_a_day_is_that_of_the_installation(zone: str, day: str) -> None:
    with timezone.override(zone):
        booked = spending.Spending()
        at = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
        booked.add(Session(), {"input_tokens": 1}, 0.1, at)
        assert [str(one) for one in booked.days] == [day]


async def test_sessions_wait_for_a_cap_and_go_on_by_themselves_once_it_is_raised(
    olu: User,
) -> None:
    await db(cap, tokens=1)
    await db(lambda: DaySpend.objects.create(day=timezone.localdate(), tokens=1))
    async with worker(rehearsal_model(1000)) as running:
        sessions = [await begin(TASK), await begin(TASK)]
        for session in sessions:
            await until(session, "waiting_input")
            assert "cap" in session.asking
            assert "1 of 1 tokens" in session.asking
            assert await kinds(session) == ["session_started", "budget_reached"]
        await at_rest(running)
        assert await db(inbox.go_on) == 0  # nothing has changed
        await db(inbox.steer, olu, sessions[0].uuid, "Be quick.")  # words raise no cap
        await until(sessions[0], "waiting_input")
        await db(cap, tokens=10**9)
        await db(inbox.go_on)
        for session in sessions:
            await until(session, "completed")
    assert "resumed" in await kinds(sessions[0])


def test_at_the_next_days_start_they_go_on_by_themselves() -> None:
    cap(usd=5)
    yesterday = timezone.localdate() - timedelta(days=1)
    desk = Desk()
    desk.write(events.BudgetReached("usd", 5, 5, 0, yesterday.isoformat()))
    desk.park("waiting_input")
    Session.objects.filter(pk=desk.row.pk).update(question=f"day {yesterday} usd 5")
    assert inbox.go_on() == 1
    assert desk.refresh().status == "queued"
    assert desk.kinds()[-1] == "resumed"
    assert inbox.go_on() == 0


def test_who_waits_for_todays_cap_goes_on_waiting() -> None:
    cap(usd=5)
    desk = Desk()
    desk.park("waiting_input")
    question = f"day {timezone.localdate()} usd 5"
    Session.objects.filter(pk=desk.row.pk).update(question=question)
    assert inbox.go_on() == 0
    cap(usd=6)
    assert inbox.go_on() == 1


@pytest.mark.parametrize(
    "meanwhile", [{"question": "budget"}, {"status": "paused"}, {"status": "queued"}]
)
def test_who_waits_for_something_else_by_now_is_not_told_of_the_cap(
    monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, str]
) -> None:
    desk, submit = Desk(), journal.submit
    desk.park("waiting_input")
    asking = Session.objects.filter(pk=desk.row.pk)
    asking.update(question="day 2026-11-23 usd 5")

    def overtaken(append: Append) -> object:
        asking.update(**meanwhile)
        return submit(append)

    monkeypatch.setattr(journal, "submit", overtaken)
    assert inbox.go_on() == 0
    assert "resumed" not in desk.kinds()
