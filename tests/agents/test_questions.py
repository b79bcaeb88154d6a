"""What people answer to a session that asks: who may, what the record says, what comes too late."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from agents import inbox, supervisor
from agents.core import events
from agents.journal import read
from agents.models import AgentDefinition, Session
from tests.agents.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


def asks(question: str, **limits: Any) -> Desk:
    desk = Desk()
    desk.park("waiting_input")
    Session.objects.filter(pk=desk.row.pk).update(question=question, limits=limits)
    return desk


def last(desk: Desk) -> tuple[events.Fact, str]:
    record = read(desk.row.pk, 0)[-1]
    return record.fact, record.actor


def test_an_extension_says_who_from_what_to_what_and_why(olu: User) -> None:
    desk = asks("budget", steps=50, usd=2)
    row = inbox.change_limits(olu, desk.row.uuid, {"steps": 75, "usd": 2}, " Worth it. ")
    fact, actor = last(desk)
    assert fact == events.LimitsChanged("olu", {"steps": 75}, {"steps": 50}, "Worth it.")
    assert actor == f"human:{olu.pk}"
    assert (row.limits, row.status) == ({"steps": 75, "usd": 2}, "queued")


def test_operators_and_approvers_extend_and_nobody_else(
    olu: User, ann: User, ada: User, bob: User, eve: User
) -> None:
    desk = asks("budget", steps=5)
    for number, user in enumerate((olu, ann, ada), 6):
        inbox.change_limits(user, desk.row.uuid, {"steps": number})
    with pytest.raises(inbox.NotAllowed):
        inbox.change_limits(bob, desk.row.uuid, {"steps": 20})
    with pytest.raises(inbox.Missing):
        inbox.change_limits(eve, desk.row.uuid, {"steps": 20})


def test_above_the_agents_ceiling_only_admins_extend(olu: User, ada: User) -> None:
    AgentDefinition.objects.filter(name="assistant").update(ceilings={"steps": 100})
    desk = asks("budget", steps=50)
    inbox.change_limits(olu, desk.row.uuid, {"steps": 100, "tokens": 10**9})
    with pytest.raises(inbox.NotAllowed, match="Only administrators may set a step budget above"):
        inbox.change_limits(olu, desk.row.uuid, {"steps": 101})
    with pytest.raises(inbox.NotAllowed):
        supervisor.start(olu, "assistant", "x", {"steps": 101})
    inbox.change_limits(ada, desk.row.uuid, {"steps": 101})


def test_a_limit_that_is_as_it_was_is_no_answer(olu: User) -> None:
    desk = asks("budget", steps=50)
    with pytest.raises(inbox.Invalid, match="No limit has changed"):
        inbox.change_limits(olu, desk.row.uuid, {"steps": 50})
    assert desk.refresh().status == "waiting_input"


def test_dollars_are_limited_only_where_the_price_is_known(olu: User) -> None:
    AgentDefinition.objects.create(name="free", model="house-model", limits={"steps": 5})
    session = supervisor.start(olu, "free", "x")
    with pytest.raises(inbox.Invalid, match="house-model has no price"):
        inbox.change_limits(olu, session.uuid, {"usd": 1})
    with pytest.raises(inbox.Invalid, match="house-model has no price"):
        supervisor.start(olu, "free", "x", {"usd": 1})
    AgentDefinition.objects.filter(name="free").update(limits={"usd": 3})
    with pytest.raises(inbox.Invalid, match="house-model has no price"):
        supervisor.start(olu, "free", "x")


def test_no_model_without_a_price_takes_over_where_dollars_are_limited(olu: User) -> None:
    settings = {"fallback_model": "house-model"}
    AgentDefinition.objects.create(name="dear", settings=settings, limits={"usd": 3})
    with pytest.raises(inbox.Invalid, match="house-model has no price"):
        supervisor.start(olu, "dear", "x")
    AgentDefinition.objects.filter(name="dear").update(settings={})
    session = supervisor.start(olu, "dear", "x")
    with pytest.raises(inbox.Invalid, match="house-model has no price"):
        inbox.resume(olu, session.uuid, "house-model")
    free = asks("refusal", steps=5)
    assert inbox.resume(olu, free.row.uuid, "house-model").status == "queued"


def test_wrapping_up_and_lifting_are_answers_on_the_record(olu: User, ann: User) -> None:
    desk = asks("loop")
    row = inbox.lift_block(olu, desk.row.uuid, "It is a poll.")
    assert last(desk)[0] == events.Resumed("olu", "It is a poll.", answer="lift_block")
    assert row.status == "queued"
    desk = asks("budget", steps=5)
    inbox.wrap_up(ann, desk.row.uuid)
    assert last(desk)[0] == events.Resumed("ann", answer="wrap_up")


def test_an_answer_to_a_question_that_is_over_is_refused(olu: User) -> None:
    desk = asks("budget", steps=5)
    with pytest.raises(inbox.Conflict, match="does not ask"):
        inbox.lift_block(olu, desk.row.uuid)
    inbox.wrap_up(olu, desk.row.uuid)
    with pytest.raises(inbox.Conflict, match="does not ask"):
        inbox.wrap_up(olu, desk.row.uuid)
    assert desk.kinds().count("resumed") == 1
