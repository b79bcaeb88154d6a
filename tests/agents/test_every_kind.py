"""The rehearsals, with people at the desk, together show every kind of event."""

from __future__ import annotations

import asyncio

import pytest
from django.contrib.auth.models import User

from agents import inbox, riskmap, supervisor
from agents.core import events
from agents.llm.rehearsal import SCENARIOS
from agents.llm.rehearsal.model import rehearsal_model
from agents.models import Approval, Event, Outcome, Session, Tool
from tests.agents.working import db, until, worker
from tests.cast import person

pytestmark = pytest.mark.django_db(transaction=True)

TASKS = {scenario.name: scenario.task for scenario in SCENARIOS}
WAITING = ("waiting_approval", "waiting_input", "outcome_review", *Session.ENDED)


class Desk:
    """Two people who decide whatever waits."""

    def __init__(self, first: User, second: User) -> None:
        self.first, self.second = first, second
        self.generous = True  # with budgets

    def decide(self, session: Session) -> None:
        for approval in Approval.objects.filter(session=session, state="pending"):
            self._approve(approval)
        for outcome in Outcome.objects.filter(session=session, state="open"):
            inbox.settle(self.first, outcome.uuid, "happened", "The courier confirmed it.")
        session.refresh_from_db()
        if session.status == "waiting_input":
            self._answer(session)

    def _approve(self, approval: Approval) -> None:
        if not inbox.not_grantable(approval):
            self._grant(approval)
            return
        inbox.approve(self.first, approval.uuid, approval.digest)
        if approval.required > 1:
            inbox.withdraw(self.first, approval.uuid)
            inbox.approve(self.first, approval.uuid, approval.digest)
            inbox.approve(self.second, approval.uuid, approval.digest)

    def _grant(self, approval: Approval) -> None:
        inbox.grant(self.first, approval.uuid, approval.digest, inbox.Scope())
        for given in inbox.in_force(approval.session):
            inbox.revoke(self.second, given.uuid)

    def _answer(self, session: Session) -> None:
        if "budget" in session.asking and not self.generous:
            inbox.resume(self.first, session.uuid)  # which lets it wrap up
        elif "budget" in session.asking:
            inbox.change_limits(self.first, session.uuid, {"steps": 200})
        else:
            inbox.steer(self.first, session.uuid, "Ask them openly instead.")


async def play(task: str, desk: Desk) -> Session:
    session = await db(supervisor.start, None, "assistant", task)
    async with asyncio.timeout(60):
        while session.status not in Session.ENDED:
            await until(session, *WAITING, seconds=60)
            await db(desk.decide, session)
            await asyncio.sleep(0.05)
    return session


async def steered(desk: Desk) -> None:
    """A session whose call comes to need more people, and that is paused, resumed, stopped."""
    session = await db(supervisor.start, None, "assistant", SCENARIOS[0].task)
    await until(session, "waiting_approval")
    waiting = await db(Approval.objects.filter(session=session, state="pending").get)
    change = await db(riskmap.propose, "tool", waiting.tool, {"approvals": 3})
    await db(riskmap.save, desk.first, [change])
    await db(inbox.pause, desk.first, session.uuid)
    await db(inbox.resume, desk.first, session.uuid)
    await db(inbox.stop, desk.first, session.uuid)
    await until(session, "cancelled")


async def test_the_rehearsals_together_show_every_kind_of_event(ada: User) -> None:
    desk = Desk(ada, await db(person, "una", "admin"))
    await db(Tool.objects.filter(name="delete_record").update, approvals=2)
    async with worker(rehearsal_model(1000)):
        played = [await play(scenario.task, desk) for scenario in SCENARIOS]
        desk.generous = False
        wrapped_up = await play(TASKS["long"], desk)
        await steered(desk)
    assert [session.status for session in played] == ["completed"] * len(SCENARIOS)
    assert (wrapped_up.status, wrapped_up.error_class) == ("failed", "budget_exhausted")
    shown = set(await db(lambda: list(Event.objects.values_list("kind", flat=True))))
    assert shown == set(events.KINDS)
