"""Grants let calls run unasked, decisions on a page can be undone for a moment."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents import forking, inbox
from agents.core import canonical, events
from agents.inbox import Scope
from agents.models import Approval, GateRule, Grant, Session
from agents.testing import ScriptedModel, calls, says
from tests.agents.desk import Desk
from tests.agents.working import ENDED, begin, db, kinds, until, worker

pytestmark = pytest.mark.django_db(transaction=True)


def mail(number: int, to: str = "a@example.org") -> Any:
    arguments = {"to": [to], "subject": "Hello", "body": "Yes"}
    return calls((f"c{number}", "send_email", arguments))


async def mailing(*turns: Any) -> Session:
    return await begin("Write.", tools=["send_email"])


async def held_of(session: Session) -> Approval:
    return await db(Approval.objects.get, session=session, state="pending")


async def test_a_granted_call_asks_once_and_its_like_run_unasked(ann: User) -> None:
    model = ScriptedModel([mail(1), mail(2), mail(3, "b@example.org"), says("Done.")])
    async with worker(model):
        session = await until(await mailing(), "waiting_approval")
        held = await held_of(session)
        await db(inbox.grant, ann, held.uuid, held.digest, Scope(these_arguments=True))
        async with asyncio.timeout(60):
            while session.steps < 3:
                await asyncio.sleep(0.02)
                await db(session.refresh_from_db)
        session = await until(session, "waiting_approval")  # other arguments ask again
        other = await held_of(session)
        await db(inbox.grant, ann, other.uuid, other.digest, Scope(these_arguments=False))
        assert (await until(session, *ENDED)).status == "completed"
    uses = await db(lambda: list(Grant.objects.order_by("id").values_list("uses", flat=True)))
    assert uses == [1, 0]
    log = await db(forking.whole, session)
    judged = [record.fact for record in log if isinstance(record.fact, events.ToolCall)]
    assert [fact.verdict for fact in judged] == ["ask", "allow", "ask"]
    assert judged[1].rule == "ann granted send_email with these arguments in this session"


async def test_a_revoked_grant_makes_its_calls_ask_again(ann: User, olu: User) -> None:
    model = ScriptedModel([mail(1), mail(2), says("Done.")])
    async with worker(model):
        session = await until(await mailing(), "waiting_approval")
        held = await held_of(session)
        model.go = asyncio.Event()
        model.entered.clear()
        await db(inbox.grant, ann, held.uuid, held.digest, Scope(these_arguments=False))
        await model.entered.wait()
        (given,) = await db(inbox.in_force, session)
        await db(inbox.revoke, olu, given.uuid, "That will do.")
        model.go.set()
        session = await until(session, "waiting_approval")
        assert (await held_of(session)).call_id == "c2"
    assert await db(inbox.in_force, session) == []


def test_a_high_call_and_one_for_two_people_cannot_be_granted(ann: User) -> None:
    kinds_of: list[dict[str, Any]] = [{"risk": "high"}, {"risk": "low", "required": 2}]
    for kind in kinds_of:
        held = Desk().ask(**kind)
        with pytest.raises(inbox.Invalid, match="cannot be granted"):
            inbox.grant(ann, held.uuid, held.digest, Scope())
    assert not Grant.objects.exists()


def test_a_grant_covers_what_waits_already_and_says_so_before(ann: User) -> None:
    desk = Desk()
    first, alike = desk.ask(risk="medium"), desk.ask(risk="medium")
    assert inbox.covered(first, Scope(these_arguments=False)) == [alike]
    inbox.grant(ann, first.uuid, first.digest, Scope(these_arguments=False))
    assert {a.state for a in Approval.objects.all()} == {"approved"}


def test_a_grant_of_an_hour_ends_after_an_hour(ann: User) -> None:
    desk = Desk()
    held = desk.ask(risk="medium")
    inbox.grant(ann, held.uuid, held.digest, Scope(seconds=3600))
    (given,) = inbox.in_force(desk.refresh())
    assert given.until is not None
    assert timedelta(minutes=59) < given.until - timezone.now() <= timedelta(hours=1)
    Grant.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert inbox.in_force(desk.row) == []


def test_who_may_not_decide_grants_and_revokes_nothing(ann: User, bob: User, eve: User) -> None:
    held = Desk().ask(risk="medium")
    with pytest.raises(inbox.NotAllowed):
        inbox.grant(bob, held.uuid, held.digest, Scope())
    inbox.grant(ann, held.uuid, held.digest, Scope())
    given = Grant.objects.get()
    with pytest.raises(inbox.NotAllowed):
        inbox.revoke(bob, given.uuid)
    with pytest.raises(inbox.Missing):
        inbox.revoke(eve, given.uuid)
    inbox.revoke(ann, given.uuid)
    with pytest.raises(inbox.Conflict):
        inbox.revoke(ann, given.uuid)


def test_a_grant_is_over_with_its_session(ann: User) -> None:
    desk = Desk()
    held = desk.ask(risk="medium")
    inbox.grant(ann, held.uuid, held.digest, Scope())
    (given,) = inbox.in_force(desk.refresh())
    desk.write(events.Stopped("Olu"))
    assert inbox.in_force(desk.refresh()) == []
    with pytest.raises(inbox.Conflict):
        inbox.revoke(ann, given.uuid)


@pytest.mark.parametrize("decide", [inbox.approve, inbox.deny])
async def test_a_decision_that_is_undone_never_took_effect(ann: User, decide: Any) -> None:
    model = ScriptedModel([mail(1), says("Done.")])
    async with worker(model):
        session = await until(await mailing(), "waiting_approval")
        held = await held_of(session)
        await db(decide, ann, held.uuid, held.digest, "Mistaken.", hold=60)
        session = await until(session, "running")
        assert "tool_started" not in await kinds(session)
        await db(inbox.undo, ann, held.uuid)
        session = await until(session, "waiting_approval")
        again = await held_of(session)
        assert again.uuid == held.uuid
        await db(inbox.answer, ann, again.uuid, again.digest, "Sent by hand.")
        assert (await until(session, *ENDED)).status == "completed"
    log = await db(forking.whole, session)
    assert "Mistaken" not in str([record.fact for record in log if record.kind == "tool_result"])
    assert "Mistaken" not in str(model.requests[-1])
    assert "tool_started" not in await kinds(session)


async def test_a_held_decision_takes_effect_by_itself(ann: User) -> None:
    async with worker(ScriptedModel([mail(1), says("Done.")])):
        session = await until(await mailing(), "waiting_approval")
        held = await held_of(session)
        await db(inbox.approve, ann, held.uuid, held.digest, hold=0.3)
        assert (await until(session, *ENDED)).status == "completed"
    with pytest.raises(inbox.Conflict, match="too late"):
        await db(inbox.undo, ann, held.uuid)


def test_nobody_undoes_what_another_person_decided(ann: User, ada: User) -> None:
    held = Desk().ask(risk="medium")
    inbox.approve(ann, held.uuid, held.digest, hold=60)
    with pytest.raises(inbox.Conflict):
        inbox.undo(ada, held.uuid)


def test_a_high_call_is_approved_without_a_hold(ann: User) -> None:
    held = Desk().ask(risk="high")
    assert inbox.approve(ann, held.uuid, held.digest, hold=60).held_until is None


def test_an_edit_that_is_undone_leaves_the_arguments_as_asked(ann: User) -> None:
    held = Desk().ask(risk="medium")
    edited = {**canonical.parse_object(held.arguments), "text": "Other"}
    inbox.approve(ann, held.uuid, held.digest, arguments=edited, hold=60)
    again = inbox.undo(ann, held.uuid)
    assert (again.state, again.arguments, again.digest) == ("pending", held.original, held.digest)


async def paused_under_a_grant(ann: User, olu: User, scope: Scope) -> Session:
    """A session with a call that a grant lets through, paused before it began."""
    model = ScriptedModel([mail(1), mail(2), says("Done.")])
    async with worker(model):
        session = await until(await mailing(), "waiting_approval")
        held = await held_of(session)
        model.go = asyncio.Event()
        model.entered.clear()
        await db(inbox.grant, ann, held.uuid, held.digest, scope)
        await model.entered.wait()
        await db(inbox.pause, olu, session.uuid)
        model.go.set()
        return await until(session, "paused")


async def resumed(session: Session, olu: User) -> Session:
    async with worker(ScriptedModel([mail(1), mail(2), says("Done.")])):
        await db(inbox.resume, olu, session.uuid)
        return await until(session, *ENDED, "waiting_approval")


async def test_a_grant_dies_with_its_giver_s_right(ann: User, olu: User) -> None:
    session = await paused_under_a_grant(ann, olu, Scope(these_arguments=False))
    await db(ann.roles.all().delete)
    session = await resumed(session, olu)
    assert session.status == "waiting_approval"
    assert (await held_of(session)).call_id == "c2"
    assert await db(inbox.in_force, session) == []
    assert (await kinds(session)).count("tool_started") == 1


async def test_a_grant_that_ran_out_before_the_call_lets_nothing_run(ann: User, olu: User) -> None:
    session = await paused_under_a_grant(ann, olu, Scope(seconds=3600))
    await db(Grant.objects.update, until=timezone.now() - timedelta(seconds=1))
    assert (await resumed(session, olu)).status == "waiting_approval"


async def test_what_a_rule_forbids_meanwhile_does_not_run_under_a_grant(
    ann: User, olu: User
) -> None:
    session = await paused_under_a_grant(ann, olu, Scope(these_arguments=False))
    await db(GateRule.objects.create, name="no mail", tool="send_email", verdict="deny")
    assert (await resumed(session, olu)).status == "completed"
    assert (await kinds(session)).count("tool_started") == 1


async def test_what_a_rule_forbids_meanwhile_does_not_run_though_approved(
    ann: User, olu: User
) -> None:
    model = [mail(1), says("Done.")]
    async with worker(ScriptedModel(model)):
        session = await until(await mailing(), "waiting_approval")
        held = await held_of(session)
        await db(inbox.pause, olu, session.uuid)
        await db(inbox.approve, ann, held.uuid, held.digest)
        await db(GateRule.objects.create, name="no mail", tool="send_email", verdict="deny")
        await db(inbox.resume, olu, session.uuid)
        assert (await until(session, *ENDED)).status == "completed"
    assert "tool_started" not in await kinds(session)
    await db(held.refresh_from_db)
    assert held.state == "invalidated"


async def test_what_was_let_through_asks_once_its_tool_is_riskier(olu: User) -> None:
    model = ScriptedModel([calls(("c1", "read_file", {"path": "a"})), says("Done.")])
    model.go = asyncio.Event()
    async with worker(model):
        session = await begin("Read.")
        await model.entered.wait()
        await db(inbox.pause, olu, session.uuid)
        model.go.set()
        session = await until(session, "paused")
        await db(GateRule.objects.create, name="ask", tool="read_file", verdict="ask")
        await db(inbox.resume, olu, session.uuid)
        assert (await until(session, *ENDED, "waiting_approval")).status == "waiting_approval"


def test_a_grant_approves_nothing_that_has_expired(ann: User) -> None:
    desk = Desk()
    first, alike = desk.ask(risk="medium"), desk.ask(risk="medium")
    Approval.objects.filter(pk=alike.pk).update(decide_by=timezone.now() - timedelta(seconds=1))
    inbox.grant(ann, first.uuid, first.digest, Scope(these_arguments=False))
    alike.refresh_from_db()
    assert alike.state == "pending"
