"""Edits, claims and the catalogue: what was approved is what runs, or nothing does."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.contrib.auth.models import User

from agents import inbox
from agents.core import canonical, events
from agents.core.loop import Fenced
from agents.journal import ClaimRefused, journal
from agents.models import Approval, GateRule, Tool
from agents.session_log import SessionLog
from tests.agents.desk import TOOL, Desk, intent
from tests.agents.working import db
from tests.cast import person

pytestmark = pytest.mark.django_db(transaction=True)


def rule(verdict: str, **fields: Any) -> GateRule:
    return GateRule.objects.create(name=f"{verdict} it", tool=TOOL, verdict=verdict, **fields)


def holding(text: str) -> list[dict[str, str]]:
    return [{"field": "text", "op": "glob", "value": f"*{text}*"}]


# Edits


def test_an_edit_is_what_runs_and_what_the_log_says(ann: User) -> None:
    desk = Desk()
    held = desk.ask("9999")
    done = inbox.approve(ann, held.uuid, held.digest, arguments={"text": "10"})
    assert done.state == "approved"
    assert done.digest != held.digest
    assert canonical.parse_object(done.original) == {"text": "9999"}
    fact = events.parse_text(desk.row.events.latest("seq").text)
    assert (fact["arguments"], fact["digest"]) == ({"text": "10"}, done.digest)
    desk.lease()
    assert desk.claim(held)


def test_an_edit_voids_the_votes_before_it(ann: User, ada: User) -> None:
    desk = Desk()
    held = desk.ask(required=2)
    inbox.approve(ann, held.uuid, held.digest)
    edited = inbox.approve(ada, held.uuid, held.digest, arguments={"text": "milder"})
    assert (edited.state, edited.votes) == ("pending", 1)
    with pytest.raises(inbox.Conflict, match="changed since you looked"):
        inbox.approve(ann, held.uuid, held.digest)
    done = inbox.approve(ann, held.uuid, edited.digest)
    assert done.state == "approved"
    fact = events.parse_text(desk.row.events.latest("seq").text)
    assert fact["arguments"] == {"text": "milder"}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"text": 7},
        {"text": "a", "more": 1},
        {"text": "a", "n": 1.5},
        {"text": "a", "n": math.nan},
        {"text": "\ud800"},
    ],
)
def test_an_edit_that_breaks_the_schema_is_refused(ann: User, arguments: dict[str, Any]) -> None:
    desk = Desk()
    held = desk.ask()
    with pytest.raises(inbox.Invalid, match="not valid"):
        inbox.approve(ann, held.uuid, held.digest, arguments=arguments)
    assert desk.kinds()[-1] == "approval_requested"
    held.refresh_from_db()
    assert held.state == "pending"


def test_an_edit_that_a_rule_forbids_is_refused(ann: User) -> None:
    held = Desk().ask()
    rule("deny", conditions=holding("secret"))
    with pytest.raises(inbox.Invalid, match="A rule forbids"):
        inbox.approve(ann, held.uuid, held.digest, arguments={"text": "a secret"})


def test_an_edit_that_needs_more_people_waits_for_them(ann: User, ada: User) -> None:
    held = Desk().ask()
    rule("ask", approvals=2, conditions=holding("press"))
    edited = inbox.approve(ann, held.uuid, held.digest, arguments={"text": "to the press"})
    assert (edited.state, edited.required) == ("pending", 2)
    assert inbox.approve(ada, held.uuid, edited.digest).state == "approved"


# The catalogue


def test_a_rule_that_now_forbids_what_waits_invalidates_it(ann: User) -> None:
    desk = Desk()
    held, other = desk.ask("press"), desk.ask("shop")
    rule("deny", conditions=holding("press"))
    held.refresh_from_db()
    other.refresh_from_db()
    assert (held.state, other.state) == ("invalidated", "pending")
    assert "deny it" in held.decision_reason
    with pytest.raises(inbox.Conflict):
        inbox.approve(ann, held.uuid, held.digest)


def test_a_tool_that_is_switched_off_invalidates_what_waits() -> None:
    held = Desk().ask()
    tool = Tool.objects.get(name=TOOL)
    tool.enabled = False
    tool.save()
    held.refresh_from_db()
    assert held.state == "invalidated"


def test_more_people_are_asked_and_a_softer_rule_changes_nothing(ann: User, ada: User) -> None:
    held = Desk().ask()
    tool = Tool.objects.get(name=TOOL)
    tool.approvals = 2
    tool.save()
    assert inbox.approve(ann, held.uuid, held.digest).state == "pending"
    tool.approvals, tool.risk = 1, "safe"
    tool.save()
    held.refresh_from_db()
    assert (held.state, held.required) == ("pending", 2)


# Claims


def test_an_approval_is_consumed_once(ann: User) -> None:
    desk = Desk()
    held = desk.ask()
    inbox.approve(ann, held.uuid, held.digest)
    desk.lease()
    desk.claim(held)
    held.refresh_from_db()
    assert held.state == "consumed"
    with pytest.raises(ClaimRefused):
        desk.claim(held)
    assert desk.kinds().count("tool_started") == 1


@pytest.mark.parametrize("act", ["deny", "answer", "nothing"])
def test_what_was_not_approved_cannot_be_claimed(ann: User, act: str) -> None:
    desk = Desk()
    held = desk.ask()
    if act == "deny":
        inbox.deny(ann, held.uuid, held.digest)
    if act == "answer":
        inbox.answer(ann, held.uuid, held.digest, "42")
    desk.lease()
    with pytest.raises(ClaimRefused):
        desk.claim(held)
    assert "tool_started" not in desk.kinds()


def test_a_revocation_that_the_claim_did_not_see_wins(ann: User) -> None:
    desk = Desk()
    held = desk.ask()
    inbox.approve(ann, held.uuid, held.digest)
    desk.lease()
    look = desk.row.last_seq
    inbox.withdraw(ann, held.uuid)
    with pytest.raises(ClaimRefused):
        desk.claim(held, seen=look)


def session_log(desk: Desk) -> SessionLog:
    return SessionLog(desk.row.pk, str(desk.row.uuid), desk.row.term)


@pytest.mark.parametrize(
    "changed",
    [
        {"arguments": '{"text":"9999"}'},
        {"digest": "0" * 64},
        {"call_id": "another"},
        {"definition": "another"},
    ],
)
async def test_an_approval_changed_by_hand_is_invalidated_and_nothing_runs(
    ann: User, changed: dict[str, str]
) -> None:
    desk = await db(Desk)
    held = await db(desk.ask)
    await db(inbox.approve, ann, held.uuid, held.digest)
    await db(desk.lease)
    await db(Approval.objects.filter(pk=held.pk).update, **changed)
    log, call_id = session_log(desk), held.call_id
    state = await log.load()
    fact = intent(held.call_id, held.digest, str(held.uuid))
    assert not await log.claim(fact, state.seq)
    assert (await db(desk.kinds))[-1] == "approval_decided"
    await db(held.refresh_from_db)
    assert held.state == "invalidated"
    assert (await log.load()).call(call_id).refusal_class == "invalidated"


async def test_an_approval_that_is_older_than_the_time_to_give_it_runs_nothing(ann: User) -> None:
    desk = await db(Desk)
    held = await db(desk.ask)
    done = await db(inbox.approve, ann, held.uuid, held.digest)
    await db(desk.lease)
    assert done.decided_at
    long_ago = done.decided_at - (held.decide_by - held.requested_at)
    await db(Approval.objects.filter(pk=held.pk).update, decided_at=long_ago)
    log = session_log(desk)
    fact = intent(held.call_id, held.digest, str(held.uuid))
    assert not await log.claim(fact, (await log.load()).seq)
    assert "tool_started" not in await db(desk.kinds)
    await db(held.refresh_from_db)
    assert held.state == "expired"
    assert "approved, but not run in time" in (await log.load()).call(held.call_id).refusal
    with pytest.raises(inbox.Conflict, match="approved, but not run in time"):
        await db(inbox.approve, ann, held.uuid, held.digest)


async def test_rights_that_are_lost_before_the_claim_bring_the_call_back_to_people(
    ann: User, ada: User
) -> None:
    desk = await db(Desk)
    held = await db(desk.ask)
    await db(inbox.approve, ann, held.uuid, held.digest)
    await db(desk.lease)
    await db(ann.roles.all().delete)
    log = session_log(desk)
    state = await log.load()
    assert not await log.claim(intent(held.call_id, held.digest, str(held.uuid)), state.seq)
    await db(held.refresh_from_db)
    assert (held.state, held.votes) == ("pending", 0)
    assert (await db(desk.refresh)).open_approvals == 1
    assert (await db(inbox.approve, ada, held.uuid, held.digest)).state == "approved"
    state = await log.load()
    assert await log.claim(
        intent(held.call_id, held.digest, str(held.uuid)), (await _caught_up(log)).seq
    )
    assert state.seq


async def _caught_up(log: SessionLog) -> Any:
    log._polled = 0.0
    return await log.load()


async def test_one_of_two_who_lost_the_right_keeps_the_other_vote(ada: User) -> None:
    ann, una = await db(person, "ann2", "approver"), await db(person, "una2", "approver")
    desk = await db(Desk)
    held = await db(lambda: desk.ask(required=2))
    await db(inbox.approve, ann, held.uuid, held.digest)
    await db(inbox.approve, una, held.uuid, held.digest)
    await db(desk.lease)
    await db(una.roles.all().delete)
    log = session_log(desk)
    assert not await log.claim(
        intent(held.call_id, held.digest, str(held.uuid)), (await log.load()).seq
    )
    await db(held.refresh_from_db)
    assert (held.state, held.votes) == ("pending", 1)
    assert (await db(inbox.approve, ada, held.uuid, held.digest)).state == "approved"


async def test_an_approval_that_was_revoked_meanwhile_is_not_reopened(ann: User) -> None:
    desk = await db(Desk)
    held = await db(desk.ask)
    await db(inbox.approve, ann, held.uuid, held.digest)
    await db(desk.lease)
    held = await db(Approval.objects.select_related("session").get, pk=held.pk)
    await db(inbox.withdraw, ann, held.uuid)
    assert not await session_log(desk)._reopen(inbox.RightsLost(held))
    await db(held.refresh_from_db)
    assert held.state == "revoked"


def test_who_has_lost_the_lease_reopens_nothing(ann: User) -> None:
    desk = Desk()
    held = desk.ask()
    inbox.approve(ann, held.uuid, held.digest)
    term = desk.lease()
    with pytest.raises(Fenced):
        journal.append(inbox.reopen(held, term - 1))
    held.refresh_from_db()
    assert held.state == "approved"
